"""What an object is like: its state, as the log compares it before and after.

A state has the fields that people edit. What Wagtail counts and caches for itself is left out, so that a difference is a
difference, and secrets are markers: they never leave the process.
"""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models.fields.files import FieldFile

from .conf import ENTRY_BYTES_MAX, conf

State = dict[str, Any]

# Places in trees, caches, counters and pointers to revisions: nobody edits them.
IGNORED = frozenset(
    "pk path depth numchild url_path draft_title latest_revision live_revision has_unpublished_changes "
    "first_published_at last_published_at latest_revision_created_at content_type translation_key locked_at "
    "wagtail_admin_comments alias_of last_login date_joined file_size file_hash "
    "password_hash_iterations".split()
)

# Room for everything else that an entry has beside its states.
_STATES_BYTES_MAX = ENTRY_BYTES_MAX - 100 * 1024

_SECRET_WORDS = re.compile(
    r"password|passwd|secret|token|api_?key|private_?key|access_?key|totp|otp_?seed|recovery_?code|session_?(id|key)|digest",
    re.IGNORECASE,
)
_MASKED = "[masked]"


def state_of(instance: models.Model) -> State:
    """Return the present state of an object, as it is in memory."""
    serializable = getattr(instance, "serializable_data", None)
    return clean(serializable() if serializable is not None else _fields_of(instance), type(instance))


def clean(content: State, model: type[models.Model]) -> State:
    """Return a state from what Wagtail serialises, as plain JSON that can be compared."""
    plain: State = json.loads(json.dumps(chosen(content, model), cls=DjangoJSONEncoder))
    return plain


def chosen(content: State, model: type[models.Model]) -> State:
    """Return the fields of a state, without secrets, from what Wagtail serialises and keeps in revisions."""
    left_out, secret = _left_out(model), _secret_fields(model, conf().mask_fields)
    return {
        name: _MASKED if name in secret and value else value for name, value in content.items() if name not in left_out
    }


@functools.lru_cache(maxsize=1024)
def _left_out(model: type[models.Model]) -> frozenset[str]:
    fields = model._meta.concrete_fields
    return IGNORED | {each.name for each in fields if each.primary_key or getattr(each, "auto_now", False)}


@functools.lru_cache(maxsize=1024)
def _secret_fields(model: type[models.Model], more: tuple[str, ...]) -> frozenset[str]:
    """Return the fields of a model that hold what nobody may read; `more` is what the site adds."""
    return frozenset(each.name for each in model._meta.get_fields() if is_secret(each.name))


def is_secret(name: str) -> bool:
    """Whether a field of this name holds what nobody may read."""
    return _SECRET_WORDS.search(name) is not None or name in conf().mask_fields


def secrets_of(instance: models.Model) -> State:
    """Return the secret values themselves, to compare within this process whether one changed."""
    return {
        field.name: getattr(instance, field.attname)
        for field in type(instance)._meta.concrete_fields
        if is_secret(field.name)
    }


def mark_changed_secrets(before: State, after: State, old: State, new: State) -> None:
    """Give a secret that changed another marker after than before, which tells that it did and nothing else."""
    for name, value in new.items():
        if name in after and name in before and after[name] == before[name] == _MASKED and old.get(name) != value:
            after[name] = "[masked 2]"


def _fields_of(instance: models.Model) -> State:
    """Return what a model has that Wagtail cannot serialise: images, users, sites."""
    found: State = {}
    for field in type(instance)._meta.concrete_fields:
        value = field.value_from_object(instance)
        if isinstance(value, FieldFile):
            value = value.name
        elif isinstance(value, bytes | memoryview):
            continue
        try:
            json.dumps(value, cls=DjangoJSONEncoder)
        except TypeError:
            value = field.value_to_string(instance)
        found[field.name] = value
    return found


def fit(entry: dict[str, Any]) -> None:
    """Make an entry that is too large small enough: only what changed, and of that nothing when it is still too much."""
    before, after = entry.get("before"), entry.get("after")
    if before is not None and after is not None:
        names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
        entry["before"] = {name: before[name] for name in names if name in before}
        entry["after"] = {name: after[name] for name in names if name in after}
        entry["partial"] = True
        if _size(entry["before"]) + _size(entry["after"]) <= _STATES_BYTES_MAX:
            return
    notes = entry.setdefault("data", {}).setdefault("wagtail", {})
    notes["states_omitted"] = {"why": "too large for one entry", "bytes": _size(before) + _size(after)}
    for name in ("before", "after", "partial"):
        entry.pop(name, None)


def _size(state: State | None) -> int:
    return 0 if state is None else len(json.dumps(state, cls=DjangoJSONEncoder, ensure_ascii=False).encode())
