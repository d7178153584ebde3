"""Sends what waits in the outbox."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from ...delivery.relay import deliver, retry_refused


class Command(BaseCommand):
    """Once, for cron; or with `--watch` until it is ended, in place of the thread in the web processes."""

    help = "Sends what waits in the audit outbox to the log."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take a database, a mode, and whether refused entries get another chance."""
        parser.add_argument("--database", default="default", help="the database whose outbox is sent")
        parser.add_argument("--watch", action="store_true", help="go on until ended, looking every second")
        parser.add_argument("--retry-refused", action="store_true", help="send what was set aside again, too")

    def handle(self, *args: Any, **options: Any) -> None:
        """Send; fail when something could not be sent, so that cron tells."""
        using = options["database"]
        if options["retry_refused"]:
            self.stdout.write(f"{retry_refused(using)} entries get another chance")
        if options["watch"]:
            self._watch(using)
            return
        outcome = deliver(using)
        if outcome.error or outcome.refused:
            raise CommandError(f"{outcome}. indelible_doctor says more")
        self.stdout.write(str(outcome))

    def _watch(self, using: str) -> None:
        said = ""
        try:
            while True:
                outcome = deliver(using, settle=1.0, patient=True)
                if outcome.sent or outcome.refused or outcome.error != said:
                    self.stdout.write(str(outcome))
                said = outcome.error
                time.sleep(1)
        except KeyboardInterrupt:
            self.stdout.write("ended; what waits, waits")
