"""Finding what nobody announced: rows from `bulk_create`, raw SQL and the time before the package, altered rows, deleted rows.

Each log row has a trace in the outbox, with the hash of what it said. A row without a trace is sent. A row that says something
else, and a trace whose row is gone, become entries of their own: Wagtail's local log cannot be changed unnoticed any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth import get_user_model
from django.db import router, transaction
from django.utils import timezone
from wagtail.models import BaseLogEntry

from .. import outbox
from ..capture.log_rows import tell_altered, tell_deleted
from ..models import OutboxRow, RelayStatus
from ..rows import columns_of, entry_of_row, hash_of, log_models
from . import lease

# Rows that are looked at together: below the number of variables that every database takes in one statement.
_CHUNK = 500


@dataclass
class Found:
    """What one run found."""

    looked_at: int = 0
    missing: int = 0
    altered: int = 0
    deleted: int = 0

    def __str__(self) -> str:
        return (
            f"{self.looked_at} log rows looked at: {self.missing} were not announced, {self.altered} altered, "
            f"{self.deleted} deleted"
        )


def reconcile(since: datetime | None = None) -> Found:
    """Look at every log row, or at those since a time, and put into the outbox what is missing there."""
    found = Found()
    for model in log_models():
        using = router.db_for_write(model)
        for rows in _rows(model, using, since):
            with transaction.atomic(using=using):
                _compare(model, using, rows, found)
        if since is None:
            for traces in _traces(model, using):
                with transaction.atomic(using=using):
                    _look_for_gone(model, using, traces, found)
        lease.status(using)
        RelayStatus.objects.using(using).update(reconciled_at=timezone.now())
        if found.missing or found.altered or found.deleted:
            outbox.wake(using)
    return found


def _rows(model: type[BaseLogEntry], using: str, since: datetime | None) -> Iterator[list[BaseLogEntry]]:
    """Yield the rows of a log model in the order of their keys, in chunks."""
    rows = model._base_manager.using(using).order_by("pk")
    if since is not None:
        rows = rows.filter(timestamp__gte=since)
    last: Any = None
    while chunk := list((rows if last is None else rows.filter(pk__gt=last))[:_CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _compare(model: type[BaseLogEntry], using: str, rows: list[BaseLogEntry], found: Found) -> None:
    label = model._meta.label
    traces = OutboxRow.objects.using(using).filter(source=label, source_pk__in=[str(row.pk) for row in rows])
    hashes = dict(traces.values_list("source_pk", "row_hash"))
    users = get_user_model()._base_manager.in_bulk({row.user_id for row in rows if row.user_id is not None})
    new = []
    for row in rows:
        columns = columns_of(row)
        row_hash = hash_of(columns)
        known = hashes.get(str(row.pk))
        if known is None:
            entry = entry_of_row(row, columns, users.get(row.user_id))
            new.append(OutboxRow(
                source=label, source_pk=str(row.pk), payload=outbox.encode(entry), row_hash=row_hash,
            ))  # fmt: skip
        elif known != row_hash:
            found.altered += 1
            tell_altered(model, using, None, columns, row_hash)
    # Two reconcilers at once put each row in once.
    OutboxRow.objects.using(using).bulk_create(new, ignore_conflicts=True)
    found.looked_at += len(rows)
    found.missing += len(new)


def _traces(model: type[BaseLogEntry], using: str) -> Iterator[list[OutboxRow]]:
    traces = OutboxRow.objects.using(using).filter(source=model._meta.label)
    traces = traces.exclude(row_hash__in=[OutboxRow.DELETED, OutboxRow.PRUNED])
    last = 0
    while chunk := list(traces.filter(pk__gt=last).order_by("pk").defer("payload")[:_CHUNK]):
        yield chunk
        last = chunk[-1].pk


def _look_for_gone(model: type[BaseLogEntry], using: str, traces: list[OutboxRow], found: Found) -> None:
    keys = {str(pk) for pk in model._base_manager.using(using).filter(
        pk__in=[trace.source_pk for trace in traces]).values_list("pk", flat=True)}  # fmt: skip
    for trace in traces:
        if trace.source_pk not in keys:
            found.deleted += 1
            tell_deleted(model, using, {"id": trace.source_pk, "label": ""}, trace)
