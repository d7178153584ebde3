"""An order: what to set and remove, and what must be there now."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import Any

from ..states import State

# How deep a place may lie, as deep as an entry may be.
_DEPTH_MAX = 64
_ABSENT = object()


class Impossible(Exception):
    """The order cannot be carried out, and why: answered with 422."""


class Differs(Exception):
    """Something else is there than the order expects: answered with 409."""

    def __init__(self, current: State | None) -> None:
        super().__init__("something else is there")
        self.current = current


@dataclass(frozen=True)
class Order:
    """What the log asks for."""

    key: uuid.UUID
    site: str
    entry_id: uuid.UUID
    entity_type: str
    entity_id: str
    set: dict[str, Any]
    remove: tuple[str, ...]
    expected: dict[str, Any]
    reason: str
    requested_by: str

    @classmethod
    def read(cls, body: bytes) -> Order:
        """Read an order; one that is not as the contract says is refused with what is wrong."""
        try:
            given = json.loads(body)
            entity = given["entity"]
            order = cls(
                key=uuid.UUID(given["idempotency_key"]),
                site=given["site"],
                entry_id=uuid.UUID(given["entry_id"]),
                entity_type=entity["type"],
                entity_id=entity["id"],
                set=given.get("set") or {},
                remove=tuple(given.get("remove") or ()),
                expected=given.get("expected") or {},
                reason=given.get("reason") or "",
                requested_by=given.get("requested_by") or "",
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Impossible(f"the order is not as it should be: {type(error).__name__}: {error}") from error
        texts = (order.site, order.entity_type, order.entity_id, order.reason, order.requested_by, *order.remove)
        if not all(isinstance(text, str) for text in texts):
            raise Impossible("the order is not as it should be: names, ids and places must be texts")
        if not isinstance(order.set, dict) or not isinstance(order.expected, dict):
            raise Impossible("the order is not as it should be: `set` and `expected` must be objects")
        if not order.set and not order.remove:
            raise Impossible("the order asks for nothing")
        return order

    @property
    def paths(self) -> list[str]:
        """Every place that it changes."""
        return [*self.set, *self.remove]

    def check(self, state: State) -> None:
        """Refuse when something else is there than it expects; a place that it sets and does not name must be empty."""
        for path in {**dict.fromkeys(self.paths), **dict.fromkeys(self.expected)}:
            found, wanted = get(state, path), self.expected.get(path, _ABSENT)
            if not same(found, wanted):
                raise Differs(state)


def steps(path: str) -> list[str]:
    """Return the steps of a JSON pointer (RFC 6901)."""
    if not path.startswith("/") or path.count("/") > _DEPTH_MAX:
        raise Impossible(f"{path!r} is not a place in a state")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def get(state: Any, path: str) -> Any:
    """Return what is in a place; a mark of its own where there is nothing."""
    for step in steps(path):
        if isinstance(state, dict) and step in state:
            state = state[step]
        elif isinstance(state, list) and step.isdigit() and int(step) < len(state):
            state = state[int(step)]
        else:
            return _ABSENT
    return state


def is_absent(value: Any) -> bool:
    """Whether this is the mark of nothing."""
    return value is _ABSENT


def put(state: Any, path: str, value: Any) -> None:
    """Put a value into a place whose surroundings are there."""
    *way, last = steps(path)
    for step in way:
        state = _step(state, step, path)
    if isinstance(state, dict):
        state[last] = value
    elif isinstance(state, list) and last.isdigit() and int(last) < len(state):
        state[int(last)] = value
    else:
        raise Impossible(f"there is no place {path} any more")


def drop(state: Any, path: str) -> None:
    """Remove what is in a place."""
    *way, last = steps(path)
    for step in way:
        state = _step(state, step, path)
    if not isinstance(state, dict):
        raise Impossible(f"{path} cannot be removed: it is not a field of an object")
    state.pop(last, None)


def _step(state: Any, step: str, path: str) -> Any:
    if isinstance(state, dict) and step in state:
        return state[step]
    if isinstance(state, list) and step.isdigit() and int(step) < len(state):
        return state[int(step)]
    raise Impossible(f"there is no place {path} any more")


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same: texts that hold JSON by what they hold, true never 1."""
    if one is _ABSENT or other is _ABSENT:
        return one is other
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, str) and isinstance(other, str) and one != other and one[:1] in "[{" and other[:1] in "[{":
        try:
            return same(json.loads(one), json.loads(other))
        except ValueError:
            return False
    return bool(one == other)
