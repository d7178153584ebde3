"""Who came, who went, and who failed to come in. Wagtail logs none of it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import router

from .. import outbox
from ..conf import conf
from ..context import correlation, current_origin, origin_fields
from ..middleware import origin_of
from ..models import OutboxRow
from ..people import actor_of, display_name
from ..rows import Json


def connect() -> None:
    """Listen to Django's signals, which every way of signing in sends."""
    for signal, receiver in (
        (user_logged_in, _came),
        (user_logged_out, _went),
        (user_login_failed, _failed),
    ):
        signal.connect(receiver, weak=False, dispatch_uid=f"indelible_wagtail.{receiver.__name__}")


def _came(sender: Any, request: Any, user: Any, **_: Any) -> None:
    _tell("auth.login", user, request, "success")


def _went(sender: Any, request: Any, user: Any, **_: Any) -> None:
    if user is not None:
        _tell("auth.logout", user, request, "success")


def _failed(sender: Any, credentials: Json, request: Any = None, **_: Any) -> None:
    """Tell of it by the account. A name that no account has may be a password in the wrong field: it is not kept."""
    model = get_user_model()
    name = credentials.get(model.USERNAME_FIELD) or credentials.get("username")
    user = model._default_manager.filter(**{model.USERNAME_FIELD: name}).first() if name else None
    _tell("auth.login_failed", user, request, "failure")


def _tell(action: str, user: Any, request: Any, outcome: str) -> None:
    if not conf().sign_ins:
        return
    label = get_user_model()._meta.label_lower
    entry: Json = {"action": action, "kind": "access", "outcome": outcome}
    if user is None:
        entry["entity"] = {"type": label, "id": "unknown", "title": "an account that does not exist"}
    else:
        entry["entity"] = {"type": label, "id": str(user.pk), "title": display_name(user)}
    # Who failed is not known: the account says whom somebody claimed to be.
    entry["actor"] = actor_of(user) if outcome == "success" else {"type": "user", "name": "anonymous"}
    fields = origin_fields() if current_origin() is not None or request is None else origin_of(request)
    if fields:
        entry["origin"] = fields
    if (together := correlation()) is not None:
        entry["correlation_id"] = str(together)
    outbox.put_event(router.db_for_write(OutboxRow), entry)
