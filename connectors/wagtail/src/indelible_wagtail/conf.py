"""The settings, ``INDELIBLE`` in Django's settings, checked once."""

from __future__ import annotations

import ipaddress
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from .ids import namespace_of_site

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

# What the log takes in one request and as one entry; batches stay well below the first.
ENTRY_BYTES_MAX = 1024 * 1024
BATCH_ENTRIES_MAX = 10_000


@dataclass(frozen=True)
class Conf:
    """What is set, with what follows from it. Names are those of the settings, in lower case."""

    url: str = ""
    site: str = ""
    token: str = ""
    read_token: str = ""
    revert_secret: str = ""
    namespace: uuid.UUID | None = None
    relay: str = "thread"
    batch: int = 1000
    timeout: float = 10.0
    states: bool = True
    sign_ins: bool = True
    models: tuple[str, ...] = ()
    ignore_models: tuple[str, ...] = ()
    mask_fields: tuple[str, ...] = ()
    trusted_proxies: tuple[Network, ...] = ()
    impersonator: Callable[[Any], Any] | None = None
    outbox_warn: int = 10_000
    revert_models: tuple[str, ...] | None = None
    unknown: tuple[str, ...] = field(default=(), repr=False)

    def ids(self) -> uuid.UUID:
        """Namespace of every id that follows from a row: the importer's for the same site, unless one is set."""
        return self.namespace or namespace_of_site(self.site)

    @property
    def can_send(self) -> bool:
        """Whether the relay has what it needs."""
        return bool(self.url and self.site and self.token)

    @property
    def can_read(self) -> bool:
        """Whether lists can be asked for."""
        return bool(self.url and self.site and self.read_token)

    def problems(self) -> list[str]:
        """What is wrong with the settings, one sentence each."""
        found = [f"INDELIBLE has no setting {name!r}; there are {', '.join(_NAMES)}" for name in self.unknown]
        if self.url:
            parts = urlsplit(self.url)
            if parts.scheme not in {"http", "https"} or not parts.hostname:
                found.append("INDELIBLE['URL'] must be an address such as https://audit.example.com")
            elif parts.scheme == "http" and not is_own_host(parts.hostname):
                found.append(
                    "INDELIBLE['URL'] must begin with https:// unless its host is in a network of your own: "
                    "the token travels with every request"
                )
        if self.relay not in {"thread", "command"}:
            found.append("INDELIBLE['RELAY'] must be 'thread' or 'command'")
        if not 1 <= self.batch <= BATCH_ENTRIES_MAX:
            found.append(f"INDELIBLE['BATCH'] must be 1 to {BATCH_ENTRIES_MAX}")
        if self.token and self.token == self.read_token:
            found.append(
                "INDELIBLE['TOKEN'] and ['READ_TOKEN'] are the same; give the relay a writer's token and the "
                "reports an auditor's, so that neither can do what the other is for"
            )
        return found


_NAMES = [each.name.upper() for each in fields(Conf) if each.name != "unknown"]


def is_own_host(host: str) -> bool:
    """Whether a host is in a network of one's own: loopback, private, or a name without a dot."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "." not in host or host.endswith(".localhost")
    return address.is_loopback or address.is_private


@lru_cache(maxsize=1)
def conf() -> Conf:
    """Return the settings in force."""
    given = getattr(settings, "INDELIBLE", {})
    if not isinstance(given, dict):
        raise ImproperlyConfigured("INDELIBLE must be a dictionary")
    values: dict[str, Any] = {}
    unknown = []
    for name, value in given.items():
        if name in _NAMES:
            values[name.lower()] = _read(name, value)
        else:
            unknown.append(str(name))
    return Conf(**values, unknown=tuple(unknown))


def _read(name: str, value: Any) -> Any:
    try:
        match name:
            case "URL":
                return str(value).rstrip("/")
            case "NAMESPACE":
                return None if value is None else uuid.UUID(str(value))
            case "TRUSTED_PROXIES":
                return tuple(ipaddress.ip_network(each, strict=False) for each in value)
            case "MODELS" | "IGNORE_MODELS" | "REVERT_MODELS":
                return None if value is None else tuple(str(each).lower() for each in value)
            case "MASK_FIELDS":
                return tuple(str(each) for each in value)
            case "IMPERSONATOR":
                return import_string(value) if isinstance(value, str) else value
            case "BATCH" | "OUTBOX_WARN":
                return int(value)
            case "TIMEOUT":
                return float(value)
            case "STATES" | "SIGN_INS":
                return bool(value)
            case _:
                return "" if value is None else str(value)
    except (TypeError, ValueError, ImportError) as error:
        raise ImproperlyConfigured(f"INDELIBLE[{name!r}]: {error}") from error


def _forget(*, setting: str, **_: Any) -> None:
    if setting == "INDELIBLE":
        conf.cache_clear()


setting_changed.connect(_forget, dispatch_uid="indelible_wagtail.conf")
