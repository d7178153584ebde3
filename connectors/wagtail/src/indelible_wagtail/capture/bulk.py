"""Bulk actions of the admin: moving images, switching users off, roles. Several go past signals with `QuerySet.update`.

Wagtail runs them between two hooks in one transaction. The states before are kept at the first and compared at the second;
what signals have told by then is folded into the same entry, not told twice.
"""

from __future__ import annotations

from typing import Any

from django.db import models, router
from django.http import HttpRequest

from ..states import State, state_of
from .recent import key_of, recent
from .saves import tell
from .watched import is_watched

_BEFORE = "_indelible_bulk"


def before_bulk_action(request: HttpRequest, action_type: str, objects: list[models.Model], action: Any) -> None:
    """Keep the states before."""
    kept: dict[tuple[type[models.Model], Any], State] = {}
    for each in objects:
        if isinstance(each, models.Model) and is_watched(type(each)):
            fresh = _fresh(type(each), each.pk)
            if fresh is not None:
                kept[type(each), each.pk] = state_of(fresh)
    action.__dict__[_BEFORE] = kept


def after_bulk_action(request: HttpRequest, action_type: str, objects: list[models.Model], action: Any) -> None:
    """Tell what is not as it was and nobody told."""
    for (model, pk), before in action.__dict__.pop(_BEFORE, {}).items():
        fresh = _fresh(model, pk)
        if fresh is None:
            # Deletions send signals, also of querysets: they are told.
            continue
        after = state_of(fresh)
        told = recent().changes.get(key_of(fresh))
        if before != after and (told is None or told.entry.get("after") != after):
            tell(fresh, router.db_for_write(model), before, after)


def _fresh(model: type[models.Model], pk: Any) -> models.Model | None:
    return model._base_manager.using(router.db_for_write(model)).filter(pk=pk).first()
