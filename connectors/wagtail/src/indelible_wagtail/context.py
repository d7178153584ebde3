"""In whose name and from where: what surrounds an action, carried on purpose or not at all."""

from __future__ import annotations

import contextlib
import functools
import sys
import uuid
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, ParamSpec, TypeVar

from wagtail.log_actions import LogContext, get_active_log_context

P = ParamSpec("P")
R = TypeVar("R")


@dataclass
class Origin:
    """From where a request came, in the words of the log, and who made it."""

    fields: dict[str, Any]
    request: Any = None
    correlation: uuid.UUID = field(default_factory=uuid.uuid4)
    reverts: bool = False


_origin: ContextVar[Origin | None] = ContextVar("indelible_origin", default=None)


def current_origin() -> Origin | None:
    """Return from where the present action comes; nothing outside of requests."""
    return _origin.get()


@contextlib.contextmanager
def origin(value: Origin | None) -> Iterator[None]:
    """Within this, actions come from there."""
    token = _origin.set(value)
    try:
        yield
    finally:
        _origin.reset(token)


def origin_fields() -> dict[str, Any]:
    """Return the entry's `origin`: of the request, else the management command that runs."""
    present = _origin.get()
    if present is not None:
        fields = dict(present.fields)
        match = getattr(present.request, "resolver_match", None)
        if match is not None and match.view_name and "route" not in fields:
            fields["route"] = match.view_name
        return fields
    command = _command()
    return {"channel": f"command:{command}"} if command else {}


@functools.lru_cache(maxsize=1)
def _command() -> str:
    """Return the name of the management command that this process runs."""
    program = sys.argv[0].replace("\\", "/")
    if len(sys.argv) > 1 and program.endswith(("manage.py", "django-admin", "django/__main__.py")):
        return "" if sys.argv[1].startswith("-") else sys.argv[1][:100]
    return ""


def correlation() -> uuid.UUID | None:
    """Return what the entries of the present user action share: Wagtail's own id where there is one."""
    of_wagtail = get_active_log_context().uuid
    if of_wagtail is not None:
        return of_wagtail
    present = _origin.get()
    return present.correlation if present is not None else None


def is_any() -> bool:
    """Whether anything surrounds the present action: one of Wagtail's contexts, or a request."""
    context = get_active_log_context()
    return context.user is not None or context.uuid is not None or _origin.get() is not None


@contextlib.contextmanager
def as_system() -> Iterator[LogContext]:
    """Within this the system acts, not the user of the context around it; it stays one action with what is around it.

    Wagtail's `log(user=None)` takes the context's user, so that within a request "system" cannot be said otherwise.
    """
    outer = get_active_log_context()
    inner = LogContext(user=None, generate_uuid=outer.uuid is None)
    if outer.uuid is not None:
        inner.uuid = outer.uuid
    present = _origin.get()
    hidden = None if present is None else Origin(present.fields, None, present.correlation, present.reverts)
    with inner, origin(hidden):
        yield inner


def carried(function: Callable[P, R]) -> Callable[P, R]:
    """Give the function the present user, correlation id and origin, wherever it is called: in a thread, in a pool.

    A new thread inherits nothing by itself, which is right: an actor in the wrong place is worse than none.
    """
    context, present = get_active_log_context(), _origin.get()

    @functools.wraps(function)
    def inner(*args: P.args, **kwargs: P.kwargs) -> R:
        # Wagtail's context remembers the one before it in itself, so each entering needs one of its own.
        again = LogContext(user=context.user, generate_uuid=False)
        again.uuid = context.uuid
        with again, origin(present):
            return function(*args, **kwargs)

    return inner
