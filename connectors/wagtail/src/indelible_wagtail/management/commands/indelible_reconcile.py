"""Finds what no signal announced."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from ...api import Refused, Unreachable
from ...conf import conf
from ...delivery.compare import compare_with_log
from ...delivery.reconcile import reconcile


class Command(BaseCommand):
    """Daily, and once after installation: then it carries the past into the log."""

    help = "Finds log rows that were not announced, altered or deleted, and puts them into the audit outbox."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take how far to look back, and whether to ask the log itself."""
        parser.add_argument(
            "--since", help="only rows since then: 2026-11-01T00:00Z, or 36h, or 7d. Without it, all rows"
        )
        parser.add_argument(
            "--with-log", action="store_true", help="compare with the log itself, not only with the local traces"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, and say what was found."""
        self.stdout.write(str(reconcile(_since(options["since"]))))
        if not options["with_log"]:
            return
        if not conf().can_read:
            raise CommandError("--with-log needs INDELIBLE['READ_TOKEN']")
        try:
            comparison = compare_with_log()
        except (Refused, Unreachable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(str(comparison))
        for line in comparison.examples[:20]:
            self.stdout.write(f"  {line}")


def _since(text: str | None) -> datetime | None:
    if text is None:
        return None
    units = {"h": "hours", "d": "days"}
    if text[:-1].isdigit() and text[-1] in units:
        return timezone.now() - timedelta(**{units[text[-1]]: int(text[:-1])})
    try:
        time = parse_datetime(text)
    except ValueError as error:
        raise CommandError(f"--since: {error}") from error
    if time is None:
        raise CommandError("--since: write a time such as 2026-11-01T00:00Z, or 36h, or 7d")
    return time if timezone.is_aware(time) else timezone.make_aware(time)
