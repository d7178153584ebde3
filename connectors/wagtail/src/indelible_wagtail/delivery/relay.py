"""The relay: what waits in the outbox goes to the log, in order, in batches.

A row is done when the log says that it has it. A crash in between sends it again, with the same id, which the log takes once.
A row that the log refuses is set aside with the reason, and the rest goes on. What is wrong with the credential or the site is
no row's fault: everything waits, and `indelible_doctor` says why.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from .. import ids, outbox
from ..api import Api, Refused, Unreachable
from ..conf import Conf, conf
from ..models import OutboxRow
from . import lease

logger = logging.getLogger("indelible_wagtail")

# Bytes of entries in one request: enough that a batch of ordinary entries is one, few enough to be sent in the time limit.
_BATCH_BYTES_MAX = 4 * 1024 * 1024
# Keys in one statement, below the number of variables that every database takes.
_TOGETHER = 500
_CREDENTIAL = {401, 403, 404}


@dataclass
class Outcome:
    """What one run did."""

    sent: int = 0
    refused: int = 0
    waiting: int = 0
    error: str = ""

    def __str__(self) -> str:
        text = f"{self.sent} sent, {self.refused} refused, {self.waiting} waiting"
        return f"{text}: {self.error}" if self.error else text


def deliver(
    using: str = "default", *, settle: float = 0.0, patient: bool = False, stop: Callable[[], bool] = lambda: False
) -> Outcome:
    """Send all that waits. With `patient`, not before a failure's waiting time is over.

    `settle` leaves rows alone that are younger than that many seconds: the log row that says what a save meant may follow.
    """
    outcome = Outcome()
    present = conf()
    if not present.can_send:
        outcome.error = "INDELIBLE needs URL, SITE and TOKEN"
    elif not lease.acquire(using):
        outcome.error = "another process is sending"
    else:
        try:
            _deliver(using, present, outcome, settle, patient, stop)
        finally:
            lease.release(using)
    outcome.waiting = pending(using).count()
    return outcome


def pending(using: str) -> Any:
    """Return what waits, or was being sent when a process ended."""
    return OutboxRow.objects.using(using).filter(state__in=(OutboxRow.State.PENDING, OutboxRow.State.SENDING))


def _deliver(
    using: str, present: Conf, outcome: Outcome, settle: float, patient: bool, stop: Callable[[], bool]
) -> None:
    if patient and lease.status(using).retry_at > timezone.now():
        outcome.error = lease.status(using).error
        return
    api = Api(present)
    while not stop() and lease.acquire(using):
        rows = _next(using, present.batch, settle)
        if not rows:
            return
        try:
            _send(using, api, rows, outcome)
        except Unreachable as error:
            outcome.error = str(error)
            lease.failed(using, outcome.error, error.retry_after)
            return
        except Refused as refused:
            outcome.error = str(refused)
            lease.failed(using, f"{refused}. Check URL, SITE and TOKEN", None)
            return
        lease.succeeded(using)


def _next(using: str, count: int, settle: float) -> list[OutboxRow]:
    """Take the oldest rows that wait. From here on no later save is folded into them: what is sent is what is kept."""
    waiting = pending(using).filter(created_at__lte=timezone.now() - timedelta(seconds=settle)).order_by("id")
    keys = list(waiting.values_list("id", flat=True)[:count])
    if not keys:
        return []
    ours = waiting.filter(id__gte=keys[0], id__lte=keys[-1])
    ours.filter(state=OutboxRow.State.PENDING, source=OutboxRow.EVENT).update(state=OutboxRow.State.SENDING)
    rows, size = [], 0
    for row in ours[:count].iterator():
        size += len(row.payload)
        if rows and size > _BATCH_BYTES_MAX:
            break
        rows.append(row)
    return rows


def _send(using: str, api: Api, rows: list[OutboxRow], outcome: Outcome) -> None:
    """Send rows; where the batch as a whole is refused, its halves, until the culprit is alone."""
    try:
        results = api.append([_with_id(row) for row in rows])
    except Refused as refused:
        if refused.status in _CREDENTIAL:
            raise
        if len(rows) == 1:
            _set_aside(using, rows[0], f"{refused.code}: {refused.detail}", outcome)
            return
        middle = len(rows) // 2
        _send(using, api, rows[:middle], outcome)
        _send(using, api, rows[middle:], outcome)
        return
    taken = []
    for row, result in zip(rows, results, strict=True):
        error = result.get("error")
        if error is None:
            taken.append(row)
        elif error.get("code") == "id_conflict":
            _conflict(using, row, taken, outcome)
        else:
            place = f"`{error['field']}`: " if error.get("field") else ""
            _set_aside(using, row, f"{error.get('code')}: {place}{error.get('message')}", outcome)
    _sent(using, taken, outcome)


def _with_id(row: OutboxRow) -> str:
    return f'{{"id":"{row.id_in_log()}",{row.payload[1:]}'


def _sent(using: str, rows: list[OutboxRow], outcome: Outcome) -> None:
    outcome.sent += len(rows)
    # What tells of a log row stays, as the reconciler's memory; of the rest nothing needs to be remembered here.
    for start in range(0, len(rows), _TOGETHER):
        ours = OutboxRow.objects.using(using).filter(pk__in=[row.pk for row in rows[start : start + _TOGETHER]])
        ours.filter(source=OutboxRow.EVENT).delete()
        ours.update(state=OutboxRow.State.SENT, payload="", reason="")


def _set_aside(using: str, row: OutboxRow, reason: str, outcome: Outcome) -> None:
    outcome.refused += 1
    logger.error("the log refused %s:%s: %s", row.source, row.source_pk, reason)
    row.state, row.reason = OutboxRow.State.REFUSED, reason[:2000]
    row.save(using=using, update_fields=["state", "reason"])


def _conflict(using: str, row: OutboxRow, taken: list[OutboxRow], outcome: Outcome) -> None:
    """Deal with an id that is taken by other content.

    Either the log has this very row already, from an import with fewer details: then it is there. Or the database was
    put back and gives keys away again: then it is another row, and gets an id that follows from its content as well.
    """
    taken_id, there = row.id_in_log(), None
    if conf().can_read:
        there = Api(conf(), reading=True).entry(taken_id)
    if there is None:
        _set_aside(using, row, (
            "id_conflict: the log has another entry under this id. Set READ_TOKEN, so that it can be compared, and run "
            "indelible_relay --retry-refused"
        ), outcome)  # fmt: skip
        return
    entry = json.loads(row.payload)
    if is_same_row(there, entry):
        taken.append(row)
        return
    again = ids.of_row_again(conf().ids(), row.source, row.source_pk, row.row_hash or "event")
    if taken_id == again:
        _set_aside(using, row, "id_conflict: also under the id that follows from its content", outcome)
        return
    entry.setdefault("data", {}).setdefault("wagtail", {})["key_used_before_by"] = str(taken_id)
    row.entry_id, row.payload = again, outbox.encode(entry)
    row.save(using=using, update_fields=["entry_id", "payload"])


def is_same_row(there: dict[str, Any], entry: dict[str, Any]) -> bool:
    """Whether an entry of the log tells of the same row: what is equal in an import and here."""
    one, other = there.get("entity") or {}, entry.get("entity") or {}
    return (
        _moment(there.get("occurred_at")) == _moment(entry.get("occurred_at"))
        and there.get("action") == entry.get("action")
        and one.get("id") == other.get("id")
        and there.get("correlation_id") == entry.get("correlation_id")
    )


def _moment(text: Any) -> Any:
    from django.utils.dateparse import parse_datetime

    return parse_datetime(text) if isinstance(text, str) else None


def retry_refused(using: str) -> int:
    """Let everything that was set aside be sent again."""
    refused = OutboxRow.objects.using(using).filter(state=OutboxRow.State.REFUSED)
    return int(refused.update(state=OutboxRow.State.PENDING, reason=""))
