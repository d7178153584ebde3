"""A row of one of Wagtail's log models as an entry.

`entry_of_row` says what `indelible import --format wagtail` says of the same row, so that a row that was imported from a file
and one that the reconciler found are the same entry, not a conflict.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Callable
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.utils import translation
from django.utils.text import capfirst
from wagtail.log_actions import LogFormatter, registry
from wagtail.models import BaseLogEntry, PageLogEntry

from .people import display_name

# Columns that every log model has, and the two by which Wagtail's own name the object.
_COMMON = {
    "id", "content_type_id", "label", "action", "data", "timestamp", "uuid", "user_id", "revision_id",
    "content_changed", "deleted", "page_id", "object_id",
}  # fmt: skip

# What a type is called whose content type is gone.
TYPE_UNKNOWN = "unknown"

Json = dict[str, Any]


def log_models() -> list[type[BaseLogEntry]]:
    """Return every concrete log model that is installed, whether it is registered for anything or not, by name."""
    from django.apps import apps

    found = [each for each in apps.get_models() if issubclass(each, BaseLogEntry) and not each._meta.proxy]
    return sorted(found, key=lambda model: str(model._meta.label))


def columns_of(entry: BaseLogEntry) -> Json:
    """Return a log row column by column, as JSON values that do not depend on whether it was just made or read back."""
    values = entry.__dict__
    return {name: plain(values.get(name)) for name, plain in _columns(type(entry))}


@functools.lru_cache(maxsize=64)
def _columns(model: type[BaseLogEntry]) -> tuple[tuple[str, Callable[[Any], Any]], ...]:
    """Return the columns of a log model, each with what makes JSON of it."""
    return tuple((field.attname, _reader(field)) for field in model._meta.concrete_fields)


def _reader(field: models.Field[Any, Any]) -> Callable[[Any], Any]:
    if isinstance(field, models.JSONField):
        encoder = field.encoder or DjangoJSONEncoder
        # Dates in `data` become texts here as they do in the database.
        return lambda value: json.loads(json.dumps(value, cls=encoder)) if value else value
    if isinstance(field, models.DecimalField):
        return lambda value: f"{Decimal(value):.{field.decimal_places or 0}f}" if value is not None else None
    return _plain


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, datetime):
        aware = value if value.tzinfo is not None else value.replace(tzinfo=timezone.utc)
        return aware.astimezone(timezone.utc).isoformat(timespec="microseconds")
    return str(value)


_CANONICAL = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, check_circular=False)


def hash_of(columns: Json) -> str:
    """Return what shows later whether a row is still the same. The content type does not count: it goes with its model."""
    kept = {name: value for name, value in columns.items() if name != "content_type_id"}
    return hashlib.sha256(_CANONICAL.encode(kept).encode()).hexdigest()


def content_type_of(entry: BaseLogEntry) -> ContentType | None:
    """Return the type of what a row is about: the instance at hand, else the one that Django remembers."""
    if entry.content_type_id is None:
        return None
    at_hand: ContentType | None = entry._state.fields_cache.get("content_type")
    if at_hand is not None:
        return at_hand
    try:
        return ContentType.objects.get_for_id(entry.content_type_id)
    except ContentType.DoesNotExist:
        return None


def type_label(entry: BaseLogEntry) -> str:
    """Return `app.model` of what a row is about."""
    found = content_type_of(entry)
    return f"{found.app_label}.{found.model}" if found is not None else TYPE_UNKNOWN


def message_of(entry: BaseLogEntry, formatter: LogFormatter | None) -> str:
    """Return Wagtail's sentence in English. Its formatters fail on null and on lists; an entry must not fail with them."""
    if entry.action == "wagtail.edit" and isinstance(entry, PageLogEntry):
        return "Draft saved"
    if formatter is None:
        return f"Unknown {entry.action}"
    if type(formatter).format_message is LogFormatter.format_message:
        return _static_message(formatter)
    with translation.override("en"):
        try:
            text = str(formatter.format_message(entry))
        except Exception:  # noqa: BLE001  (any formatter of any package)
            text = str(formatter.label)
    return capfirst(text)


@functools.lru_cache(maxsize=1024)
def _static_message(formatter: LogFormatter) -> str:
    with translation.override("en"):
        return capfirst(str(formatter.message))


@functools.lru_cache(maxsize=1024)
def action_label(action: str) -> str:
    """Return the label of an action in English."""
    formatter = registry.formatters.get(action)
    with translation.override("en"):
        return str(formatter.label) if formatter is not None else action


def comment_of(entry: BaseLogEntry, formatter: LogFormatter | None) -> str:
    """Return what somebody wrote with it."""
    if formatter is None or type(formatter).format_comment is LogFormatter.format_comment:
        return ""
    try:
        return str(formatter.format_comment(entry) or "")
    except Exception:  # noqa: BLE001  (as above)
        return ""


def entity_id_of(columns: Json, label: str) -> str:
    """Return the key of what a row is about."""
    for name in ("page_id", "object_id"):
        if columns.get(name) not in (None, ""):
            return str(columns[name])
    foreign = [name for name in columns if name.endswith("_id") and name not in _COMMON]
    if len(foreign) == 1 and columns[foreign[0]] not in (None, ""):
        return str(columns[foreign[0]])
    # A log model that names its object in no way that is known still has a row of its own to point at.
    return f"{label}:{columns.get('id')}"


def entry_of_row(entry: BaseLogEntry, columns: Json, user: Any) -> Json:
    """Return the entry that the importer makes of this row, without its id."""
    label = type(entry)._meta.label
    action = str(columns["action"])
    actor: Json = {"type": "system"}
    if columns.get("user_id") not in (None, ""):
        actor = {"type": "user", "id": str(columns["user_id"])}
        if user is not None:
            actor["name"] = display_name(user)
    made: Json = {
        "occurred_at": columns["timestamp"],
        "actor": actor,
        "action": action,
        "entity": {"type": type_label(entry), "id": entity_id_of(columns, label)},
        "connector": "wagtail",
        "data": _data(label, columns),
    }
    if columns["label"]:
        made["entity"]["title"] = columns["label"]
    if columns["uuid"]:
        made["correlation_id"] = columns["uuid"]
    formatter = registry.get_formatter(entry)
    if (message := message_of(entry, formatter)).strip():
        made["summary"] = message
    if (comment := comment_of(entry, formatter)).strip():
        made["reason"] = comment
    if columns["deleted"] and not action.startswith("wagtail."):
        made["kind"] = "delete"
    if action == "wagtail.rename" and (titles := titles_of(columns["data"])):
        made["before"], made["after"] = {"title": titles[0]}, {"title": titles[1]}
    return made


def titles_of(data: Any) -> tuple[str, str] | None:
    """Return the old and the new title of a rename."""
    title = data.get("title") if isinstance(data, dict) else None
    old, new = (title.get("old"), title.get("new")) if isinstance(title, dict) else (None, None)
    return (old, new) if isinstance(old, str) and isinstance(new, str) else None


def _data(label: str, columns: Json) -> Json:
    """Return `data` verbatim, with the row's flags, its own identity and the columns of custom models under `wagtail`."""
    flags: Json = {"log_model": label}
    for name in ("id", "content_type_id", "revision_id", "content_changed", "deleted"):
        if name in columns:
            flags[name] = columns[name]
    flags.update({name: value for name, value in columns.items() if name not in _COMMON})
    data = columns["data"]
    if data is None or data == "":
        made: Json = {}
    elif isinstance(data, dict) and "wagtail" not in data:
        made = dict(data)
    else:
        made = {"data": data}
    made["wagtail"] = flags
    return made
