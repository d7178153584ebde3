"""From where requests come. Wagtail records none of it."""

from __future__ import annotations

import hashlib
import ipaddress
import uuid
from collections.abc import Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.http import HttpRequest, HttpResponse

from .capture.recent import forget_recent
from .conf import Network, conf
from .context import Origin, origin

# Lengths above which what a client says of itself is cut: it is a label, not content.
_TEXT_MAX = 1000
_ID_MAX = 200


class OriginMiddleware:
    """Notes address, user agent, path and ids of each request for the entries that it causes.

    It belongs below Django's session and authentication middleware, so that the session is known.
    """

    sync_capable = True
    async_capable = True

    def __init__(self, get_response: Callable[[HttpRequest], Any]) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        """Answer the request within its origin."""
        if iscoroutinefunction(self):
            return self._acall(request)
        with origin(Origin(origin_of(request), request)):
            forget_recent()
            response: HttpResponse = self.get_response(request)
            return response

    async def _acall(self, request: HttpRequest) -> Any:
        with origin(Origin(origin_of(request), request)):
            forget_recent()
            return await self.get_response(request)


def origin_of(request: HttpRequest) -> dict[str, Any]:
    """Return the entry's `origin` for a request."""
    meta = request.META
    session = getattr(request, "session", None)
    fields = {
        "ip": client_ip(meta.get("REMOTE_ADDR", ""), meta.get("HTTP_X_FORWARDED_FOR", ""), conf().trusted_proxies),
        "user_agent": meta.get("HTTP_USER_AGENT", "")[:_TEXT_MAX],
        "method": request.method,
        "path": request.path[:_TEXT_MAX],
        "query": meta.get("QUERY_STRING", "")[:_TEXT_MAX],
        "request_id": meta.get("HTTP_X_REQUEST_ID", "")[:_ID_MAX] or str(uuid.uuid4()),
        # A hash: who reads the log must not be able to take the session over.
        "session_id": _session_hash(getattr(session, "session_key", None)),
    }
    return {name: value for name, value in fields.items() if value}


def _session_hash(key: str | None) -> str:
    return hashlib.sha256(f"indelible:{key}".encode()).hexdigest()[:32] if key else ""


def client_ip(remote: str, forwarded: str, trusted: tuple[Network, ...]) -> str:
    """Return the address of the client: the last one in the chain that no trusted proxy of ours has.

    Anybody can write the left end of X-Forwarded-For; what stands there counts only as far as trusted proxies reach.
    """
    chain = [each.strip() for each in forwarded.split(",") if each.strip()] + [remote]
    found = ""
    for text in reversed(chain):
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            break
        mapped = getattr(address, "ipv4_mapped", None)
        address = mapped or address
        found = str(address)
        if not any(address in network for network in trusted if network.version == address.version):
            break
    return found
