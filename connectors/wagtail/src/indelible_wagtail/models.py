"""The outbox and what goes with it.

The outbox lies in the database of the rows that it tells of, so that both are written by one transaction or neither. A row
that tells of a log entry stays when it is delivered, without its payload: it is how the reconciler knows which log entries
were sent, and what they said then.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone

from . import ids
from .conf import conf


class OutboxRow(models.Model):
    """An entry on its way to the log, or the trace of one that arrived."""

    class State(models.IntegerChoices):
        """How far it is."""

        PENDING = 0
        SENT = 1
        REFUSED = 2
        # In the relay's hands: what is sent is what is kept, so that no later save is folded into it.
        SENDING = 3

    # Where it comes from: a log model such as `wagtailcore.PageLogEntry` and the key of the row in it. What comes from no
    # log row has the source `event` and its own id as key.
    EVENT = "event"

    # Hashes of rows that are not there any more, and need not be looked for again.
    DELETED = "deleted"
    PRUNED = "pruned"

    source = models.CharField(max_length=100)
    source_pk = models.CharField(max_length=64)
    # SHA-256 of the log row as it was, to notice when it is altered.
    row_hash = models.CharField(max_length=64, blank=True, default="")
    # The entry's id, if another one than follows from where it comes from.
    entry_id = models.UUIDField(null=True, blank=True)
    payload = models.TextField(blank=True, default="")
    state = models.SmallIntegerField(choices=State.choices, default=State.PENDING)
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """A row is in the outbox once; the relay asks for what is pending in order."""

        constraints = [models.UniqueConstraint(fields=["source", "source_pk"], name="indelible_outbox_source")]
        indexes = [models.Index(fields=["state", "id"], name="indelible_outbox_state")]
        verbose_name = "audit outbox row"

    def __str__(self) -> str:
        return f"{self.source}:{self.source_pk} ({self.get_state_display()})"

    def id_in_log(self) -> uuid.UUID:
        """Return the id of the entry. It is derived when it is sent: what writes the row need not wait for it."""
        if self.entry_id is not None:
            return self.entry_id
        if self.source == self.EVENT:
            return uuid.UUID(self.source_pk)
        return ids.of_row(conf().ids(), self.source, self.source_pk)


class RelayStatus(models.Model):
    """The one row that says who is sending now, and how the last attempt went.

    Several processes have a relay thread each. Who holds the lease sends; the others wait. Two at once would do no harm, as
    the log takes an entry once, but would do everything twice.
    """

    name = models.CharField(max_length=20, primary_key=True)
    holder = models.CharField(max_length=64, blank=True, default="")
    held_until = models.DateTimeField(default=timezone.now)
    failures = models.PositiveIntegerField(default=0)
    retry_at = models.DateTimeField(default=timezone.now)
    error = models.TextField(blank=True, default="")
    succeeded_at = models.DateTimeField(null=True, blank=True)
    reconciled_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """One row."""

        verbose_name = "audit relay status"

    def __str__(self) -> str:
        return self.error or "sending"


class RevertOrder(models.Model):
    """An order that was carried out, and the answer that was given: the same order gets the same answer."""

    key = models.UUIDField(primary_key=True)
    entry_id = models.UUIDField()
    entity_type = models.CharField(max_length=255)
    entity_id = models.CharField(max_length=2048)
    answer = models.TextField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        """Kept for ever; an order is rare."""

        verbose_name = "carried out revert"

    def __str__(self) -> str:
        return f"{self.entity_type} {self.entity_id}"
