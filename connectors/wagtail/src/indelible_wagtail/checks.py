"""System checks: what `manage.py check` says of the settings."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Warning, register

from .conf import conf


@register()
def check_settings(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """Say what is wrong with INDELIBLE."""
    present = conf()
    found: list[CheckMessage] = [Error(problem, id="indelible_wagtail.E001") for problem in present.problems()]
    if not present.can_send:
        hint = "Make a token with `indelible token create --role writer --site SITE --name wagtail`."
        text = "INDELIBLE needs URL, SITE and TOKEN; until then all entries wait in the outbox"
        found.append(Warning(text, hint=hint, id="indelible_wagtail.W001"))
    return found
