"""What the content was before a revision was saved.

It is asked for when the revision is saved, not when that is logged: only then is an overwritten revision (Wagtail's autosave)
still as it was, and a log row that comes with the revision at hand needs no query for its states.
"""

from __future__ import annotations

from typing import Any

from django.db import models
from django.db.models.signals import pre_save
from wagtail.models import Revision

from ..conf import conf
from ..states import State, chosen

_BEFORE = "_indelible_before"


def connect() -> None:
    """Listen to revisions."""
    pre_save.connect(_remember, sender=Revision, weak=False, dispatch_uid="indelible_wagtail.revision")


def _remember(sender: type[Revision], instance: Revision, using: str, raw: bool, update_fields: Any, **_: Any) -> None:
    if raw or update_fields is not None or not conf().states:
        return
    manager = sender._base_manager.using(using)
    if instance.pk is not None:
        old = manager.filter(pk=instance.pk).values_list("content", flat=True).first()
    else:
        earlier = manager.filter(
            base_content_type_id=instance.base_content_type_id or instance.content_type_id,
            object_id=instance.object_id,
        )
        old = earlier.order_by("-created_at", "-id").values_list("content", flat=True).first()
        if old is None:
            old = _of_the_row(instance, using)
    instance.__dict__[_BEFORE] = old


def _of_the_row(revision: Revision, using: str) -> State | None:
    """Return the content of an object that had no revision yet: that of its row."""
    model = revision.content_type.model_class()
    if model is None:
        return None
    row: Any = model._base_manager.using(using).filter(pk=revision.object_id).first()
    return row.serializable_data() if row is not None else None


def states_of_revision(revision: Any, subject: models.Model) -> tuple[State, State] | None:
    """Return the states before and after a revision that was saved just now."""
    if revision is None or _BEFORE not in revision.__dict__:
        return None
    before, model = revision.__dict__[_BEFORE], type(getattr(subject, "specific", subject))
    if before is None:
        return None
    states = chosen(before, model), chosen(revision.content, model)
    if hasattr(subject, "live"):
        # A draft is no publication: revisions merely remember whether the object was live then.
        for state in states:
            state.update(live=subject.live, expired=getattr(subject, "expired", False))
    return states
