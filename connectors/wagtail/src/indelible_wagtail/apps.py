"""The application. When it is ready it listens."""

from __future__ import annotations

from django.apps import AppConfig


class IndelibleWagtailConfig(AppConfig):
    """Put ``indelible_wagtail`` into INSTALLED_APPS, after Wagtail's own."""

    name = "indelible_wagtail"
    label = "indelible_wagtail"
    verbose_name = "Audit log"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Listen to what happens, and have the relay woken."""
        from . import checks  # noqa: F401  (registers itself)
        from .capture import log_rows, revisions, saves, sign_ins
        from .delivery import thread

        log_rows.connect()
        revisions.connect()
        saves.connect()
        sign_ins.connect()
        thread.connect()
