"""Comparing the local log with the log itself, entry by entry.

The traces in the outbox can be forged by whoever can write to this database; the log cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from django.db import router, transaction
from wagtail.models import BaseLogEntry

from .. import ids, outbox
from ..api import Api
from ..capture.log_rows import tell_altered, tell_deleted
from ..conf import conf
from ..models import OutboxRow
from ..rows import columns_of, entry_of_row, hash_of, log_models
from .reconcile import _rows


@dataclass
class Comparison:
    """What the comparison with the log found."""

    in_log: int = 0
    lost: int = 0
    altered: int = 0
    deleted: int = 0
    examples: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return (
            f"{self.in_log} entries of log rows in the log: {self.lost} rows were sent and are not there (put in again), "
            f"{self.altered} rows differ, {self.deleted} rows are gone here"
        )


def compare_with_log() -> Comparison:
    """Read the log once and compare it with every local log row."""
    result = Comparison()
    known = _hashes_in_log(result)
    for model in log_models():
        using = router.db_for_write(model)
        label = model._meta.label
        there = known.pop(label, {})
        for rows in _rows(model, using, None):
            with transaction.atomic(using=using):
                for row in rows:
                    _compare_row(model, using, row, there, result)
        with transaction.atomic(using=using):
            for pk in there:
                _gone(model, using, pk, result)
        outbox.wake(using)
    return result


def _hashes_in_log(result: Comparison) -> dict[str, dict[str, str]]:
    """Return the hash of each row as the log has it, by log model and key; empty where an entry has none (imports)."""
    found: dict[str, dict[str, str]] = {}
    for entry in Api(conf(), reading=True).tail(None, "data.wagtail.log_model:* -action:wagtail.log_entry.*"):
        notes = (entry.get("data") or {}).get("wagtail") or {}
        if "log_model" in notes and "id" in notes:
            result.in_log += 1
            found.setdefault(notes["log_model"], {})[str(notes["id"])] = notes.get("row_hash", "")
    return found


def _compare_row(
    model: type[BaseLogEntry], using: str, row: BaseLogEntry, there: dict[str, str], result: Comparison
) -> None:
    label, columns = model._meta.label, columns_of(row)
    row_hash = hash_of(columns)
    known = there.pop(str(row.pk), None)
    traces = OutboxRow.objects.using(using).filter(source=label, source_pk=str(row.pk))
    if known is None:
        entry = entry_of_row(row, columns, row.user if row.user_id is not None else None)
        payload = outbox.encode(entry)
        result.lost += traces.filter(state=OutboxRow.State.SENT).update(state=OutboxRow.State.PENDING, payload=payload)
    elif known not in ("", row_hash):
        said = ids.of_finding(conf().ids(), label, row.pk, f"altered:{row_hash}")
        result.altered += 1
        result.examples.append(f"{label} {row.pk} is not what it was when it was written (entry {said})")
        if not traces.filter(row_hash=row_hash).exists():
            tell_altered(model, using, None, columns, row_hash)


def _gone(model: type[BaseLogEntry], using: str, pk: Any, result: Comparison) -> None:
    label = model._meta.label
    traces = OutboxRow.objects.using(using).filter(source=label, source_pk=str(pk))
    known = traces.values_list("row_hash", flat=True).first()
    if known == OutboxRow.PRUNED:
        return
    result.deleted += 1
    result.examples.append(f"{label} {pk} is gone here (entry {ids.of_row(conf().ids(), label, pk)})")
    if known != OutboxRow.DELETED:
        tell_deleted(model, using, {"id": pk, "label": ""}, OutboxRow())
