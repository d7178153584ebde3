"""Writing to the outbox: one row, in the transaction of what it tells of."""

from __future__ import annotations

import functools
import uuid
from collections.abc import Callable
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, models, transaction
from django.db.models.sql import InsertQuery
from django.utils import timezone

from .conf import ENTRY_BYTES_MAX
from .models import OutboxRow
from .states import fit

# Called after a commit that left something to send; the relay thread sets it.
_wake: list[Callable[[str], None]] = []

# Bytes of an entry without its id, which is added when it is sent.
PAYLOAD_BYTES_MAX = ENTRY_BYTES_MAX - 100

# Columns of a new row, in the order of `_put`; its key is given by the database, and its entry's id follows from the source.
_NAMES = ("source", "source_pk", "row_hash", "payload", "state", "reason", "created_at")
_PENDING = OutboxRow.State.PENDING.value


def on_new_rows(wake: Callable[[str], None]) -> None:
    """Have this called with the database's alias after each commit that left something to send."""
    if wake not in _wake:
        _wake.append(wake)


def put_log_row(using: str, source: str, pk: object, entry: dict[str, Any], row_hash: str) -> None:
    """Put in what tells of a log row."""
    _put(using, source, str(pk), entry, row_hash)


def put_event(using: str, entry: dict[str, Any], entry_id: uuid.UUID | None = None) -> uuid.UUID:
    """Put in what tells of no log row of its own; return its id."""
    entry_id = entry_id or uuid.uuid4()
    entry.setdefault("occurred_at", timezone.now().isoformat())
    entry.setdefault("connector", "wagtail")
    _put(using, OutboxRow.EVENT, str(entry_id), entry, "")
    return entry_id


def event(using: str, entry_id: uuid.UUID) -> models.QuerySet[OutboxRow]:
    """Return the row of an event as long as the relay has not taken it."""
    rows = OutboxRow.objects.using(using).filter(source=OutboxRow.EVENT, source_pk=str(entry_id))
    return rows.filter(state=OutboxRow.State.PENDING)


# Datetimes in data keep the form that Wagtail stores. What comes here was JSON before, so it contains itself nowhere.
_ENCODER = DjangoJSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False)


def encode(entry: dict[str, Any]) -> str:
    """Return the entry as it travels: without its id, and never larger than the log takes."""
    text = _ENCODER.encode(entry)
    # Characters may be up to four bytes; only then it is worth counting.
    if len(text) * 4 > PAYLOAD_BYTES_MAX and len(text.encode()) > PAYLOAD_BYTES_MAX:
        fit(entry)
        text = _ENCODER.encode(entry)
    return text


def _put(using: str, source: str, pk: str, entry: dict[str, Any], row_hash: str) -> None:
    # An error here fails the transaction: what cannot be recorded is not done.
    connection = connections[using]
    now = connection.ops.adapt_datetimefield_value(timezone.now())
    values = [source, pk, row_hash, encode(entry), _PENDING, "", now]
    with connection.cursor() as cursor:
        cursor.execute(_statement(using), values)
    call = _caller(using)
    # Once per transaction, unless others have something to do after it between two rows.
    waiting = connection.run_on_commit
    if _wake and not (waiting and waiting[-1][1] is call):
        transaction.on_commit(call, using=using, robust=True)


@functools.lru_cache(maxsize=16)
def _statement(using: str) -> str:
    """Return Django's own INSERT for the outbox. It is always the same; to build it anew costs more than to execute it."""
    query = InsertQuery(OutboxRow)
    query.insert_values([OutboxRow._meta.get_field(name) for name in _NAMES], [OutboxRow()], raw=True)
    [(statement, _)] = query.get_compiler(using=using).as_sql()
    return str(statement)


@functools.lru_cache(maxsize=16)
def _caller(using: str) -> Callable[[], None]:
    return functools.partial(wake, using)


def wake(using: str) -> None:
    """Tell the relay that there is something to send."""
    for each in _wake:
        each(using)
