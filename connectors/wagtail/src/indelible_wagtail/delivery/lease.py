"""Who sends, and when to try again: one row, so that all processes agree."""

from __future__ import annotations

import os
import random
import socket
import threading
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from ..models import RelayStatus

_NAME = "relay"
# Longer than a batch may take: ten seconds to send, and a second attempt in halves.
_LEASE = timedelta(seconds=90)
# The first wait, doubled with each failure, and the longest.
_WAIT_SECONDS = 1.0
_WAIT_SECONDS_MAX = 300.0


def holder() -> str:
    """Return a name for this thread of this process, unlike any other's."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{threading.get_ident()}"


def status(using: str) -> RelayStatus:
    """Return how sending goes."""
    found, _ = RelayStatus.objects.using(using).get_or_create(name=_NAME)
    return found


def acquire(using: str) -> bool:
    """Take the lease, or take it on; false while somebody else holds it."""
    now, me = timezone.now(), holder()
    status(using)
    free = Q(held_until__lte=now) | Q(holder__in=("", me))
    taken = RelayStatus.objects.using(using).filter(free, name=_NAME).update(holder=me, held_until=now + _LEASE)
    return bool(taken)


def release(using: str) -> None:
    """Let somebody else send."""
    mine = RelayStatus.objects.using(using).filter(name=_NAME, holder=holder())
    mine.update(holder="", held_until=timezone.now())


def succeeded(using: str) -> None:
    """Note that the log took something."""
    RelayStatus.objects.using(using).filter(name=_NAME).update(
        failures=0, error="", retry_at=timezone.now(), succeeded_at=timezone.now()
    )


def failed(using: str, why: str, retry_after: float | None) -> datetime:
    """Note a failure; return when to try again. Waits differ by chance, so that processes do not come all at once."""
    failures = status(using).failures + 1
    wait = min(_WAIT_SECONDS * 2 ** min(failures - 1, 20), _WAIT_SECONDS_MAX) * random.uniform(0.75, 1.0)  # noqa: S311
    retry_at = timezone.now() + timedelta(seconds=min(max(wait, retry_after or 0.0), _WAIT_SECONDS_MAX))
    RelayStatus.objects.using(using).filter(name=_NAME).update(failures=failures, error=why[:2000], retry_at=retry_at)
    return retry_at
