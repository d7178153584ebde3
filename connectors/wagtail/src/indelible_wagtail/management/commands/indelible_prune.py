"""Removes old rows of Wagtail's own log that are in the log for good."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import models, router, transaction
from django.db.models.functions import Cast
from django.utils import timezone

from ...context import origin_fields
from ...models import OutboxRow
from ...outbox import put_event
from ...rows import log_models

_CHUNK = 500
_DAYS_MIN = 30


class Command(BaseCommand):
    """Wagtail has no such command. Rows that the log has not confirmed are kept, however old they are."""

    help = "Deletes rows of Wagtail's log that are older than this many days and that the audit log has confirmed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take an age."""
        parser.add_argument("--older-than-days", type=int, required=True)
        parser.add_argument("--dry-run", action="store_true", help="only say how many")

    def handle(self, *args: Any, **options: Any) -> None:
        """Delete rows and mark their traces: they were pruned, not tampered with."""
        days = options["older_than_days"]
        if days < _DAYS_MIN:
            raise CommandError(f"--older-than-days must be at least {_DAYS_MIN}: Wagtail's own pages read these rows")
        before = timezone.now() - timedelta(days=days)
        for model in log_models():
            using = router.db_for_write(model)
            confirmed = OutboxRow.objects.using(using).filter(
                source=model._meta.label, state=OutboxRow.State.SENT,
                source_pk=Cast(models.OuterRef("pk"), models.CharField(max_length=64)),
            )  # fmt: skip
            rows = model._base_manager.using(using).filter(models.Exists(confirmed), timestamp__lt=before)
            count = rows.count() if options["dry_run"] else self._delete(model, using, rows)
            self.stdout.write(f"{model._meta.label}: {count} rows")
            if count and not options["dry_run"]:
                put_event(using, {
                    "action": "wagtail.log_entry.prune", "kind": "other", "actor": {"type": "system"},
                    "entity": {"type": model._meta.label_lower, "id": "*"},
                    "summary": f"{count} rows of Wagtail's own log older than {days} days were deleted",
                    "data": {"rows": count, "before": before.isoformat()}, "origin": origin_fields(),
                })  # fmt: skip

    def _delete(self, model: type[models.Model], using: str, rows: models.QuerySet[Any]) -> int:
        count = 0
        while pks := list(rows.values_list("pk", flat=True)[:_CHUNK]):
            with transaction.atomic(using=using):
                traces = OutboxRow.objects.using(using).filter(source=model._meta.label)
                traces.filter(source_pk__in=[str(pk) for pk in pks]).update(row_hash=OutboxRow.PRUNED)
                # Past signals on purpose: what the command tells of in one entry is not a finding.
                model._base_manager.using(using).filter(pk__in=pks)._raw_delete(using)
            count += len(pks)
        return count
