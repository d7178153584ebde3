"""Saves, deletions and relations of watched models: the state before and after, whether Wagtail logs them or not.

Each is an entry of its own, `django.create`, `django.update` or `django.delete`, unless a row of Wagtail's log tells of the
same object in the same action: then that has the states (`recent`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, Permission
from django.db import models
from django.db.models.signals import m2m_changed, post_delete, post_save, pre_delete, pre_save
from django.utils import translation

from .. import outbox
from ..context import correlation, current_origin, origin_fields
from ..people import actor_of, request_user
from ..rows import Json
from ..states import IGNORED, State, mark_changed_secrets, secrets_of, state_of
from .recent import Change, Key, bounded, key_of, recent
from .watched import is_watched

_OLD = "_indelible_before_save"

# Related objects that a state names, at most: a group may have thousands of users.
_RELATED_MAX = 1000


def connect() -> None:
    """Listen to every model; which are watched is asked when they are saved."""
    for signal, receiver in (
        (pre_save, _before_save),
        (post_save, _after_save),
        (pre_delete, _before_delete),
        (post_delete, _after_delete),
        (m2m_changed, _related),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=f"indelible_wagtail.{receiver.__name__}")


def _before_save(
    sender: type[models.Model], instance: models.Model, raw: bool, using: str, update_fields: Any, **_: Any
) -> None:
    instance.__dict__.pop(_OLD, None)
    if raw or not is_watched(sender):
        return
    if _only_ignored(update_fields):
        # A draft: what it changed is in its revision. The log row that follows asks for its object.
        if instance.pk is not None:
            recent().instances[key_of(instance)] = instance
        return
    old = sender._base_manager.using(using).filter(pk=instance.pk).first() if instance.pk is not None else None
    instance.__dict__[_OLD] = None if old is None else (state_of(old), secrets_of(old))


def _after_save(
    sender: type[models.Model], instance: models.Model, created: bool, using: str, update_fields: Any, **_: Any
) -> None:
    if _OLD not in instance.__dict__:
        return
    old = instance.__dict__.pop(_OLD)
    recent().instances[key_of(instance)] = instance
    after, before = state_of(instance), None
    if old is not None:
        before, secrets = old
        if update_fields is not None:
            # What was not saved is in memory only.
            after = {**before, **{name: after[name] for name in update_fields if name in after}}
        mark_changed_secrets(before, after, secrets, secrets_of(instance))
        if before == after:
            return
    tell(instance, using, before, after)


def _only_ignored(update_fields: Iterable[str] | None) -> bool:
    return update_fields is not None and all(name in IGNORED for name in update_fields)


def _before_delete(sender: type[models.Model], instance: models.Model, using: str, **_: Any) -> None:
    instance.__dict__.pop(_OLD, None)
    if not is_watched(sender) or _is_told(instance):
        return
    instance.__dict__[_OLD] = (state_of(instance), instance.pk)


def _after_delete(sender: type[models.Model], instance: models.Model, using: str, **_: Any) -> None:
    if _OLD not in instance.__dict__:
        return
    before, pk = instance.__dict__.pop(_OLD)
    tell(instance, using, before, None, pk)


def _is_told(instance: models.Model) -> bool:
    """Whether a row of Wagtail's log tells of this deletion. It comes before: it needs the object."""
    here, key = recent(), key_of(instance)
    if key in here.deletions:
        return True
    # A page is deleted as what it is and as a plain page.
    return any(key[1] == pk for kind, pk in here.deletions if kind != key[0] and _is_parent(key[0], kind))


def _is_parent(kind: str, other: str) -> bool:
    from django.apps import apps

    try:
        return issubclass(apps.get_model(other), apps.get_model(kind))
    except (LookupError, ValueError):
        return False


def tell(instance: models.Model, using: str, before: State | None, after: State | None, pk: object = None) -> None:
    """Put in that an object is not as it was."""
    kind = "create" if before is None else "delete" if after is None else "update"
    pk = instance.pk if pk is None else pk
    key = (key_of(instance)[0], str(pk))
    known = _known(key, using)
    if known is not None and kind == "update" and known.entry.get("after") is not None:
        _fold(known, before or {}, after or {}, is_partial=False)
        return
    _put(key, using, _entry(instance, key, kind, before, after))


def tell_part(instance: models.Model, using: str, before: State, after: State) -> None:
    """Put in that some fields of an object are not as they were."""
    key = key_of(instance)
    known = _known(key, using)
    if known is not None and known.entry.get("after") is not None:
        _fold(known, before, after, is_partial=True)
        return
    entry = _entry(instance, key, "update", before, after)
    entry["partial"] = True
    _put(key, using, entry)


def _entry(instance: models.Model, key: Key, kind: str, before: State | None, after: State | None) -> Json:
    meta = type(instance)._meta
    with translation.override("en"):
        title = str(instance)[:1000]
    entry: Json = {
        "action": f"django.{kind}",
        "kind": kind,
        "actor": actor_of(request_user() or _context_user()),
        "entity": {"type": key[0], "id": key[1]},
        "data": {"wagtail": {"model": meta.label}},
    }
    if title.strip():
        entry["entity"]["title"] = title
    for name, state in (("before", before), ("after", after)):
        if state is not None:
            entry[name] = state
    if fields := origin_fields():
        entry["origin"] = fields
    return entry


def _context_user() -> Any:
    from wagtail.log_actions import get_active_log_context

    user = get_active_log_context().user
    return user if getattr(user, "is_authenticated", False) else None


def _put(key: Key, using: str, entry: Json) -> None:
    origin = current_origin()
    if origin is not None and origin.reverts:
        # The log tells itself what it had taken back.
        return
    together = correlation()
    if together is not None:
        entry["correlation_id"] = str(together)
    entry_id = outbox.put_event(using, entry)
    here = recent()
    here.changes[key] = Change(using, entry_id, entry, together)
    bounded(here.changes)


def _known(key: Key, using: str) -> Change | None:
    change = recent().changes.get(key)
    if change is None or change.using != using or change.correlation != correlation() or change.correlation is None:
        return None
    return change


def _fold(known: Change, before: State, after: State, *, is_partial: bool) -> None:
    """Make one change of two of the same object in one action, if the first still waits."""
    entry = known.entry
    old: State | None = entry.get("before")
    if old is not None:
        entry["before"] = {**before, **old}
    entry["after"] = {**entry["after"], **after}
    if not is_partial:
        entry.pop("partial", None)
    if not outbox.event(known.using, known.entry_id).update(payload=outbox.encode(entry)):
        # It was rolled back or is sent: what is new is told by itself.
        again = {**entry, "before": before, "after": after, "kind": "update", "action": "django.update"}
        known.entry_id = outbox.put_event(known.using, again)
        known.entry = again


def _related(
    sender: type[models.Model], instance: models.Model, action: str, reverse: bool,
    model: type[models.Model], pk_set: set[Any] | None, using: str, **_: Any,
) -> None:  # fmt: skip
    """Groups of users, permissions of groups, tags: which objects an object is related to."""
    when, _, what = action.partition("_")
    place = (sender._meta.label, key_of(instance), what)
    if when == "post":
        for owner, field, before in recent().related.pop(place, ()):
            after = names_of(owner, field, using)
            if before != after:
                tell_part(owner, using, {field.name: before}, {field.name: after})
        return
    owner_model = model if reverse else type(instance)
    field = _field_of(owner_model, sender)
    if field is None or not is_watched(owner_model):
        return
    owners = _owners(instance, model, pk_set, using, name=field.name) if reverse else [instance]
    recent().related[place] = [(owner, field, names_of(owner, field, using)) for owner in owners]


def _field_of(owner: type[models.Model], through: type[models.Model]) -> models.ManyToManyField[Any, Any] | None:
    return next((each for each in owner._meta.many_to_many if each.remote_field.through is through), None)


def _owners(
    instance: models.Model, model: type[models.Model], pks: set[Any] | None, using: str, *, name: str
) -> list[models.Model]:
    """Return whom a change from the other side touches; without keys (`group.user_set.clear()`), whoever is in it."""
    wanted = {name: instance.pk} if pks is None else {"pk__in": list(pks)[:_RELATED_MAX]}
    return list(model._base_manager.using(using).filter(**wanted)[:_RELATED_MAX])


def names_of(owner: models.Model, field: models.ManyToManyField[Any, Any], using: str) -> list[Any]:
    """Return which objects an object is related to: by name where names last, else by key."""
    related = field.remote_field.model
    through = field.remote_field.through
    keys = through._base_manager.using(using).filter(**{field.m2m_field_name(): owner.pk})
    pks = list(keys.values_list(f"{field.m2m_reverse_field_name()}_id", flat=True)[:_RELATED_MAX])
    found = related._base_manager.using(using).filter(pk__in=pks)
    if issubclass(related, Permission):
        pairs = found.values_list("content_type__app_label", "codename")
        return sorted(f"{app}.{codename}" for app, codename in pairs)
    if issubclass(related, Group):
        return sorted(found.values_list("name", flat=True))
    return sorted(pks, key=str)
