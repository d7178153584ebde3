"""What is wrong with this installation, and what its log does not see."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import router
from django.db.models import Count, Min
from django.utils import timezone

from ..api import Api, Refused, Unreachable
from ..conf import conf
from ..models import OutboxRow
from ..rows import log_models
from . import lease
from .relay import pending

_MIDDLEWARE = "indelible_wagtail.middleware.OriginMiddleware"
_SHOWN = 20
# How far back is looked for entries without a context.
_DAYS = 30


@dataclass
class Finding:
    """One thing that is wrong, or worth knowing."""

    is_wrong: bool
    text: str


def examine(*, ask_the_log: bool = True) -> Iterator[Finding]:
    """Look at settings, outbox, relay and log."""
    yield from _settings()
    for using in sorted({router.db_for_write(OutboxRow)} | {router.db_for_write(each) for each in log_models()}):
        yield from _outbox(using)
        yield from _coverage(using)
    if ask_the_log:
        yield from _log()


def _settings() -> Iterator[Finding]:
    present = conf()
    for problem in present.problems():
        yield Finding(True, problem)
    if not present.can_send:
        yield Finding(True, "INDELIBLE needs URL, SITE and TOKEN: until then all entries wait in the outbox")
    if not present.can_read:
        yield Finding(False, "without INDELIBLE['READ_TOKEN'] the admin shows Wagtail's own reports")
    if not present.revert_secret:
        yield Finding(False, "without INDELIBLE['REVERT_SECRET'] no change can be taken back from the log")
    if _MIDDLEWARE not in settings.MIDDLEWARE:
        yield Finding(True, f"MIDDLEWARE lacks {_MIDDLEWARE!r}: entries do not say from where they come")
    if not present.states:
        yield Finding(False, "INDELIBLE['STATES'] is off: entries have no states and nothing can be taken back")


def _outbox(using: str) -> Iterator[Finding]:
    found = pending(using).aggregate(count=Count("id"), oldest=Min("created_at"))
    if found["count"]:
        age = int((timezone.now() - found["oldest"]).total_seconds())
        is_wrong = found["count"] > conf().outbox_warn or age > 3600  # noqa: PLR2004
        yield Finding(is_wrong, f"{found['count']} entries wait in the outbox of {using!r}, the oldest for {age} s")
    present = lease.status(using)
    if present.error:
        retry = f"attempt {present.failures}, the next at {present.retry_at:%H:%M:%S} UTC"
        yield Finding(True, f"sending fails: {present.error} ({retry})")
    refused = OutboxRow.objects.using(using).filter(state=OutboxRow.State.REFUSED)
    if count := refused.count():
        yield Finding(
            True, f"{count} entries were refused and are set aside; indelible_relay --retry-refused sends them again"
        )
        for row in refused.order_by("id")[:_SHOWN]:
            yield Finding(True, f"  {row.source}:{row.source_pk}: {row.reason}")
    if present.succeeded_at is not None:
        yield Finding(False, f"the log last took entries at {present.succeeded_at:%Y-%m-%d %H:%M:%S} UTC")
    if present.reconciled_at is None:
        yield Finding(False, "indelible_reconcile has never run: what bulk_create and raw SQL wrote is not known")


def _coverage(using: str) -> Iterator[Finding]:
    for model in log_models():
        if router.db_for_write(model) != using:
            continue
        rows = model._base_manager.using(using).count()
        gone = [OutboxRow.DELETED, OutboxRow.PRUNED]
        traces = OutboxRow.objects.using(using).filter(source=model._meta.label).exclude(row_hash__in=gone).count()
        if rows != traces:
            yield Finding(True, (
                f"{model._meta.label} has {rows} rows, of which {traces} were announced: run indelible_reconcile"
            ))  # fmt: skip


def _log() -> Iterator[Finding]:
    present = conf()
    for name, is_given, ask in (
        ("TOKEN", present.can_send, lambda: Api(present).append([])),
        ("READ_TOKEN", present.can_read, lambda: Api(present, reading=True).entries([("limit", "1")])),
    ):
        if not is_given:
            continue
        try:
            ask()
            yield Finding(False, f"{present.url} answers to {name} for the site {present.site!r}")
        except Refused as refused:
            yield Finding(True, f"{present.url} refuses {name}: {refused}")
        except Unreachable as error:
            yield Finding(True, str(error))
            return
    if present.can_read:
        yield from _without_context()


def _without_context() -> Iterator[Finding]:
    """Say how much nobody answers for: entries of the system because nobody said who acted."""
    since = (timezone.now() - timedelta(days=_DAYS)).isoformat()
    asked = [("q", "data.wagtail.context:none"), ("from", since), ("limit", "1"), ("count", "exact")]
    try:
        count = (Api(conf(), reading=True).entries(asked).get("page") or {}).get("total") or 0
    except (Refused, Unreachable):
        # Said above already.
        return
    if count:
        yield Finding(False, (
            f"{count} entries of the last {_DAYS} days were written with no context: whoever acted is told as the system. "
            "Wrap the code in LogContext(user=…), or in as_system() where that is meant"
        ))  # fmt: skip
