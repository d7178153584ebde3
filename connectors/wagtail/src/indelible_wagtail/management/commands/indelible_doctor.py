"""Says what is wrong."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ...delivery.doctor import examine


class Command(BaseCommand):
    """Exit code 1 when something is wrong."""

    help = "Says what is wrong with the audit log of this installation: settings, outbox, refused entries, log."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take whether the network may be used."""
        parser.add_argument("--offline", action="store_true", help="do not ask the log")

    def handle(self, *args: Any, **options: Any) -> None:
        """Look, and say."""
        wrong = 0
        for finding in examine(ask_the_log=not options["offline"]):
            wrong += finding.is_wrong
            mark = self.style.ERROR("wrong") if finding.is_wrong else self.style.SUCCESS("   ok")
            self.stdout.write(f"{mark}  {finding.text}")
        if wrong:
            sys.exit(1)
        self.stdout.write("Nothing is wrong.")
