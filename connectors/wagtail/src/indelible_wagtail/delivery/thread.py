"""The relay in the background of a web process.

It starts with the first entry of a process, so that servers that fork have one in each. Which of them sends is decided by the
lease. It is a daemon: what it has not sent when the process ends waits in the outbox for the next one.
"""

from __future__ import annotations

import logging
import os
import threading

from django.db import close_old_connections
from django.utils import timezone

from .. import outbox
from ..conf import conf
from . import lease
from .relay import deliver, pending

logger = logging.getLogger("indelible_wagtail")

# Rows wait this long for the log row that may follow a save, and are then gathered for as long again.
_SETTLE_SECONDS = 1.0
# With nothing to do, look whether another process left something.
_IDLE_SECONDS = 30.0


class RelayThread:
    """One thread, started when it is needed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._pid = 0
        self._aliases: set[str] = set()

    def wake(self, using: str) -> None:
        """Have what waits be sent soon."""
        present = conf()
        if present.relay != "thread" or not present.can_send:
            return
        with self._lock:
            self._aliases.add(using)
            if self._thread is None or not self._thread.is_alive() or self._pid != os.getpid():
                # After a fork the parent's thread is not here.
                self._news, self._stopping = threading.Event(), threading.Event()
                self._thread = threading.Thread(target=self._run, name="indelible-relay", daemon=True)
                self._pid = os.getpid()
                self._thread.start()
        self._news.set()

    def stop(self, timeout: float = 15.0) -> None:
        """End the thread; what is not sent waits."""
        with self._lock:
            thread, self._thread = self._thread, None
            self._stopping.set()
            self._news.set()
        if thread is not None:
            thread.join(timeout)

    def _run(self) -> None:
        news, stopping = self._news, self._stopping
        rest = 0.0
        while not stopping.is_set():
            news.wait(rest)
            news.clear()
            if stopping.wait(_SETTLE_SECONDS):
                return
            rest = min(self._deliver(using, stopping) for using in sorted(self._aliases))

    def _deliver(self, using: str, stopping: threading.Event) -> float:
        """Send what waits; return how many seconds to rest unless there is news."""
        close_old_connections()
        try:
            deliver(using, settle=_SETTLE_SECONDS, patient=True, stop=stopping.is_set)
            if not pending(using).exists():
                return _IDLE_SECONDS
            until_retry = (lease.status(using).retry_at - timezone.now()).total_seconds()
            return min(max(until_retry, 0.0), _IDLE_SECONDS)
        except Exception:
            # The thread must live on; what it could not do waits in the outbox.
            logger.exception("the relay failed and goes on")
            return _IDLE_SECONDS
        finally:
            close_old_connections()


relay_thread = RelayThread()


def connect() -> None:
    """Have new rows wake the thread."""
    outbox.on_new_rows(relay_thread.wake)
