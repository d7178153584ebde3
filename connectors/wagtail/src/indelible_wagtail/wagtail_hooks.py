"""Where the package meets Wagtail's hooks."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.log_actions import LogActionRegistry, LogFormatter
from wagtail.models import BaseLogEntry

from .capture.bulk import after_bulk_action, before_bulk_action

# What Wagtail's own history shows where a change was taken back on the order of the log.
TAKEN_BACK = "indelible.taken_back"

hooks.register("before_bulk_action", before_bulk_action, order=-1000)
hooks.register("after_bulk_action", after_bulk_action, order=1000)


@hooks.register("register_log_actions")
def register_actions(registry: LogActionRegistry) -> None:
    """Make the action known that a revert writes into Wagtail's log."""

    @registry.register_action(TAKEN_BACK)
    class TakenBack(LogFormatter):
        label = _("Take back")

        def format_message(self, log_entry: BaseLogEntry) -> str:
            """Say who asked for it."""
            data = log_entry.data if isinstance(log_entry.data, dict) else {}
            return f"Change taken back from the audit log, asked for by {data.get('requested_by') or 'somebody'}"

        def format_comment(self, log_entry: BaseLogEntry) -> str:
            """Say why."""
            data = log_entry.data if isinstance(log_entry.data, dict) else {}
            return str(data.get("reason") or "")
