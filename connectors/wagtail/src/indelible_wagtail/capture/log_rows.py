"""Every row of every log model, whichever way it was written.

`post_save` sees `log()`, `LogContext`, `PageLogEntry.objects.log_action`, `save()` of any package and fixtures. It does not see
`bulk_create`, `QuerySet.update` and raw SQL: those the reconciler finds.
"""

from __future__ import annotations

import functools
import logging
from typing import Any

from django.db import models, router, transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.utils import translation
from wagtail.models import BaseLogEntry, Page

from .. import ids, outbox
from ..conf import conf
from ..context import current_origin, is_any, origin_fields
from ..models import OutboxRow
from ..people import actor_of, request_user
from ..rows import Json, action_label, columns_of, content_type_of, entry_of_row, hash_of, log_models
from ..states import state_of
from .recent import bounded, recent
from .revisions import states_of_revision

logger = logging.getLogger("indelible_wagtail")

# Actions that are about the draft, which lies in revisions. All others are about the row.
_DRAFTS = {"wagtail.edit", "wagtail.revert"}

# Actions that say of a save that was just made what it meant. A rename says itself what changed.
_TELLS_NO_STATE = ("wagtail.rename", "wagtail.comments.", "wagtail.workflow.", "wagtail.view_restriction.")


def connect() -> None:
    """Listen to every log model that is installed, and to those only."""
    for model in log_models():
        name = f"indelible_wagtail.{model._meta.label}"
        pre_save.connect(_remember, sender=model, weak=False, dispatch_uid=f"{name}.pre_save")
        post_save.connect(_written, sender=model, weak=False, dispatch_uid=f"{name}.post_save")
        post_delete.connect(_deleted, sender=model, weak=False, dispatch_uid=f"{name}.post_delete")
    _save_in_one_transaction()


def _save_in_one_transaction() -> None:
    """Outside of transactions a row and what signals write are two commits. A crash between them would lose the second.

    Around the statements alone, not around the validation before them: a transaction of SQLite that begins with reading
    fails when another one writes meanwhile.
    """
    plain = BaseLogEntry.save_base
    if getattr(plain, "_indelible", False):
        return

    @functools.wraps(plain)
    def save_base(self: BaseLogEntry, *args: Any, **kwargs: Any) -> Any:
        using = kwargs.get("using") or router.db_for_write(type(self), instance=self)
        if transaction.get_connection(using).in_atomic_block:
            return plain(self, *args, **kwargs)
        with transaction.atomic(using=using):
            return plain(self, *args, **kwargs)

    save_base._indelible = True  # type: ignore[attr-defined]
    BaseLogEntry.save_base = save_base  # type: ignore[method-assign]


def _remember(sender: type[BaseLogEntry], instance: BaseLogEntry, using: str, raw: bool = False, **_: Any) -> None:
    """Keep how a row was that is saved again: nobody should, and the log tells of it."""
    if instance.pk is None or instance._state.adding:
        return
    old = sender._base_manager.using(using).filter(pk=instance.pk).first()
    instance.__dict__["_indelible_old"] = columns_of(old) if old is not None else None


def _written(sender: type[BaseLogEntry], instance: BaseLogEntry, created: bool, using: str, **_: Any) -> None:
    columns = columns_of(instance)
    row_hash = hash_of(columns)
    if created:
        entry = live_entry(instance, columns, using, row_hash)
        outbox.put_log_row(using, sender._meta.label, instance.pk, entry, row_hash)
        return
    old = instance.__dict__.pop("_indelible_old", None)
    if old is not None and hash_of(old) != row_hash:
        tell_altered(sender, using, old, columns, row_hash)


def _deleted(sender: type[BaseLogEntry], instance: BaseLogEntry, using: str, **_: Any) -> None:
    tell_deleted(sender, using, columns_of(instance))


def live_entry(row: BaseLogEntry, columns: Json, using: str, row_hash: str) -> Json:
    """Return the entry of a row that is being written, with everything that is known now and may be gone later."""
    entry = entry_of_row(row, columns, None)
    notes = entry["data"]["wagtail"]
    notes["row_hash"] = row_hash
    has_user = columns["user_id"] is not None
    if not has_user and not is_any():
        # Nobody said that the system acted; nobody said anything. The doctor counts these.
        notes["context"] = "none"
    try:
        if has_user:
            entry["actor"] = actor_of(_cached(row, "user") or row.user)
        notes["action_label"] = action_label(columns["action"])
        subject = _subject(row, entry["entity"], using)
        if subject is not None:
            _describe(entry, notes, subject)
            if conf().states:
                _add_states(entry, row, subject, using)
    except Exception as error:
        # What decorates the entry must not stop the editor's work; that the row happened is told all the same.
        if transaction.get_connection(using).needs_rollback:
            raise
        logger.exception("snapshot of %s %s is incomplete", notes["log_model"], columns.get("id"))
        notes["snapshot_error"] = f"{type(error).__name__}: {error}"[:500]
    if fields := origin_fields():
        entry["origin"] = fields
    return entry


def _cached(row: BaseLogEntry, name: str) -> Any:
    return row._state.fields_cache.get(name)


def _subject(row: BaseLogEntry, entity: Json, using: str) -> models.Model | None:
    """Return the object that a row is about: the instance at hand, which needs no query, else the one in the database."""
    if (name := _subject_name(type(row))) is not None:
        found = _cached(row, name)
        return found if isinstance(found, models.Model) else None
    if row.content_type_id is None or "object_id" not in row.__dict__:
        return None
    known = recent().instances.get((entity["type"], entity["id"]))
    if known is not None or not (row.deleted or row.action == "wagtail.delete"):
        return known
    content_type = content_type_of(row)
    model = content_type.model_class() if content_type is not None else None
    return model._base_manager.using(using).filter(pk=entity["id"]).first() if model is not None else None


@functools.lru_cache(maxsize=64)
def _subject_name(model: type[BaseLogEntry]) -> str | None:
    """Return the relation by which a log model names its object, if it does by one: `page`."""
    of_every_model = {"content_type", "user", "revision"}
    relations = [field.name for field in model._meta.concrete_fields if field.is_relation]
    return next((name for name in relations if name not in of_every_model), None)


def _describe(entry: Json, notes: Json, subject: models.Model) -> None:
    notes["type_label"] = _type_name(type(subject))
    path = getattr(subject, "path", None)
    if isinstance(path, str) and getattr(subject, "url_path", None) is not None:
        # Where it is in the tree says later who may read of it, also when it is gone.
        notes["path"] = path
        notes["url_path"] = subject.url_path  # type: ignore[attr-defined]
    if (locale_id := getattr(subject, "locale_id", None)) is not None:
        notes["locale_id"] = locale_id


@functools.lru_cache(maxsize=1024)
def _type_name(model: type[models.Model]) -> str:
    with translation.override("en"):
        return str(model._meta.verbose_name)


def _add_states(entry: Json, row: BaseLogEntry, subject: models.Model, using: str) -> None:
    action = row.action
    key = (entry["entity"]["type"], entry["entity"]["id"])
    origin = current_origin()
    if (origin is not None and origin.reverts) or action.startswith(_TELLS_NO_STATE):
        # What takes a change back is told with its states by the log itself.
        return
    if row.deleted or action == "wagtail.delete":
        entry["before"] = state_of(_specific(subject))
        if isinstance(subject, Page) and (parent := subject.get_parent()) is not None:
            # Where it would have to come back.
            entry["before"]["parent"] = parent.pk
        here = recent()
        here.deletions[key] = row.uuid
        bounded(here.deletions)
        return
    if action in {"wagtail.lock", "wagtail.unlock"}:
        entry["before"], entry["after"] = {"locked": action != "wagtail.lock"}, {"locked": action == "wagtail.lock"}
        entry["partial"] = True
        take_change(key, row, using)
        return
    if (moved := _parents(action, row.data)) is not None:
        entry["before"], entry["after"] = moved
        entry["partial"] = True
        return
    if action in _DRAFTS and (of_revision := states_of_revision(_cached(row, "revision"), subject)) is not None:
        entry["before"], entry["after"] = of_revision
        if not hasattr(subject, "live"):
            # Without drafts a revision is what was just saved.
            take_change(key, row, using)
        return
    of_save = take_change(key, row, using) or {}
    for name in ("before", "after", "partial"):
        if of_save.get(name) is not None:
            entry[name] = of_save[name]


def _specific(subject: models.Model) -> models.Model:
    return getattr(subject, "specific", subject)


def _parents(action: str, data: Any) -> tuple[Json, Json] | None:
    """Return the parents before and after a move, which is all that a move changes of a page."""
    if action != "wagtail.move" or not isinstance(data, dict):
        return None
    source, destination = data.get("source"), data.get("destination")
    if not isinstance(source, dict) or not isinstance(destination, dict):
        return None
    return {"parent": source.get("id")}, {"parent": destination.get("id")}


def take_change(key: tuple[str, str], row: BaseLogEntry, using: str) -> Json | None:
    """Take the save that a log row tells of out of the outbox, if it still waits there, and return its entry."""
    here = recent()
    change = here.changes.get(key)
    if change is None or change.using != using or change.correlation not in (None, row.uuid):
        return None
    del here.changes[key]
    is_taken = outbox.event(using, change.entry_id)._raw_delete(using)  # type: ignore[attr-defined]
    return change.entry if is_taken else None


def tell_altered(sender: type[BaseLogEntry], using: str, old: Json | None, new: Json, row_hash: str) -> None:
    """Tell that a log row says something else than it did."""
    entry = _finding(sender, new, "update", f"A row of Wagtail's log was altered: {sender._meta.label} {new['id']}")
    if old is not None:
        entry["before"] = old
    entry["after"] = new
    _tell(sender, using, new, entry, f"altered:{row_hash}")
    _ledger(sender, using, new).update(row_hash=row_hash)


def tell_deleted(sender: type[BaseLogEntry], using: str, old: Json, ledger: OutboxRow | None = None) -> None:
    """Tell that a log row is gone. Its entry is not."""
    entry = _finding(sender, old, "delete", f"A row of Wagtail's log was deleted: {sender._meta.label} {old['id']}")
    if ledger is None:
        entry["before"] = old
    _tell(sender, using, old, entry, "deleted")
    _ledger(sender, using, old).update(row_hash=OutboxRow.DELETED)


def _finding(sender: type[BaseLogEntry], row: Json, kind: str, summary: str) -> Json:
    label = sender._meta.label
    entry: Json = {
        "action": f"wagtail.log_entry.{kind}",
        "kind": kind,
        "entity": {"type": label.lower(), "id": str(row["id"])},
        "summary": summary,
        "actor": {"type": "system"},
        "data": {"wagtail": {"log_model": label, "entry_id": str(ids.of_row(conf().ids(), label, row["id"]))}},
    }
    if row.get("label"):
        entry["entity"]["title"] = row["label"]
    return entry


def _tell(sender: type[BaseLogEntry], using: str, row: Json, entry: Json, finding: str) -> None:
    user = request_user()
    if user is not None:
        entry["actor"] = actor_of(user)
    if fields := origin_fields():
        entry["origin"] = fields
    entry_id = ids.of_finding(conf().ids(), sender._meta.label, row["id"], finding)
    known = OutboxRow.objects.using(using).filter(source=OutboxRow.EVENT, source_pk=str(entry_id))
    if not known.exists():
        outbox.put_event(using, entry, entry_id)


def _ledger(sender: type[BaseLogEntry], using: str, row: Json) -> models.QuerySet[OutboxRow]:
    return OutboxRow.objects.using(using).filter(source=sender._meta.label, source_pk=str(row["id"]))
