"""What was just written, so that two tellings of one thing become one entry.

Wagtail saves an object and then logs that it did; the save knows the states, the log row the intent. The save is in the outbox
by the time the log row comes, in the same transaction. If it still waits there, it is taken out again and its states go into
the entry of the log row. If it does not (it was rolled back, or it is sent), nothing is merged and nothing is lost.
"""

from __future__ import annotations

import uuid
from collections import OrderedDict
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any
from weakref import WeakValueDictionary

from django.db import models

# Saves that may still be merged, at most. A command that changes a million objects must not keep them all.
_RECENT_MAX = 200

Key = tuple[str, str]


@dataclass
class Change:
    """A change of an object that is in the outbox as an entry of its own."""

    using: str
    entry_id: uuid.UUID
    entry: dict[str, Any]
    correlation: uuid.UUID | None


@dataclass
class Recent:
    """What one thread or task wrote lately."""

    changes: OrderedDict[Key, Change] = field(default_factory=OrderedDict)
    deletions: OrderedDict[Key, uuid.UUID | None] = field(default_factory=OrderedDict)
    # Relations that are being changed: what they were, by the signal that announced it.
    related: dict[Any, list[Any]] = field(default_factory=dict)
    # The objects themselves as long as somebody else holds them, so that a log row need not ask for its object.
    instances: WeakValueDictionary[Key, models.Model] = field(default_factory=WeakValueDictionary)


_recent: ContextVar[Recent | None] = ContextVar("indelible_recent", default=None)


def recent() -> Recent:
    """Return what this thread or task wrote lately."""
    found = _recent.get()
    if found is None:
        found = Recent()
        _recent.set(found)
    return found


def forget_recent() -> None:
    """Begin anew: with each request."""
    _recent.set(Recent())


def key_of(instance: models.Model) -> Key:
    """Return type and id of an object, as entries name it."""
    return type_of(type(instance)), str(instance.pk)


def type_of(model: type[models.Model]) -> str:
    """Return the type that Wagtail's log gives a model: proxies keep their own, deferred classes do not exist any more."""
    return str(model._meta.label_lower)


def bounded(entries: OrderedDict[Key, Any]) -> None:
    """Forget the oldest."""
    while len(entries) > _RECENT_MAX:
        entries.popitem(last=False)
