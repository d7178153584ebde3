"""Pages, snippets and settings as what an order can be applied to."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from modelcluster.models import model_from_serializable_data
from wagtail.models import DraftStateMixin, LockableMixin, Page, RevisionMixin

from ..capture.watched import is_setting, is_snippet
from ..conf import conf
from ..states import IGNORED, State, is_secret, state_of
from .order import Impossible, Order, drop, get, is_absent, put, same, steps

# Places that are no fields of the content but the standing of the object; they are changed by what Wagtail does for them.
_STANDING = frozenset({"live", "locked", "expired", "parent"})


def model_of(order: Order) -> type[models.Model]:
    """Return the model of what an order is about, if it is one that is put back."""
    try:
        model = apps.get_model(order.entity_type)
    except (LookupError, ValueError) as error:
        raise Impossible(f"this site has no {order.entity_type!r}") from error
    allowed = conf().revert_models
    label = model._meta.label_lower
    if allowed is not None:
        is_allowed = label in allowed
    else:
        is_allowed = issubclass(model, Page | RevisionMixin) or is_snippet(model) or is_setting(model)
    if not is_allowed:
        raise Impossible(f"a {label} is not put back from here: only pages, snippets and settings are")
    return model


class Subject:
    """An object that an order is about, as it is now: its draft where it has one."""

    def __init__(self, model: type[models.Model], pk: str) -> None:
        self.model = model
        self.pk = pk
        self.row: Any = self._read()

    def _read(self) -> Any:
        try:
            rows = self.model._base_manager.select_for_update().filter(pk=self.pk)
            return rows.first()
        except (ValueError, ValidationError) as error:
            raise Impossible(f"{self.pk!r} is not the key of a {self.model._meta.label_lower}") from error

    def draft(self) -> Any:
        """Return the object as editors see it."""
        return self.row.get_latest_revision_as_object() if isinstance(self.row, RevisionMixin) else self.row

    def state(self, paths: list[str]) -> State | None:
        """Return its state, as entries tell it; `None` where it is not there. Its parent only where that is asked for."""
        if self.row is None:
            return None
        state = state_of(self.draft())
        for name in _STANDING & state.keys():
            state[name] = getattr(self.row, name)
        if "/parent" in paths and isinstance(self.row, Page) and (parent := self.row.get_parent()) is not None:
            state["parent"] = parent.pk
        return state

    def check_lock(self, order: Order) -> None:
        """Refuse while somebody has it locked, unless the lock itself is what is taken back."""
        if not isinstance(self.row, LockableMixin) or all(steps(path)[0] == "locked" for path in order.paths):
            return
        lock = self.row.get_lock()
        if lock is not None:
            why = "it is locked" if self.row.locked else "a workflow or a scheduled publication holds it"
            raise Impossible(f"{why}; unlock it in Wagtail first")

    def changed(self, order: Order) -> Any:
        """Return the object with what the order sets in its content, not saved; `None` if it leaves the content alone."""
        touched = [path for path in order.paths if steps(path)[0] not in _STANDING]
        if not touched:
            return None
        content = content_of(self.draft())
        for path in touched:
            self._check_place(path, content)
            if path in order.set:
                put(content, path, order.set[path])
            elif len(steps(path)) == 1:
                put(content, path, default_of(self.model, steps(path)[0]))
            else:
                drop(content, path)
        made = self._made(content)
        _check_made(made, order, touched)
        return made

    def _check_place(self, path: str, content: State) -> None:
        name = steps(path)[0]
        if name in IGNORED or is_secret(name) or name not in content:
            raise Impossible(f"{path} is not a place that can be put back")

    def _made(self, content: State) -> Any:
        if isinstance(self.row, RevisionMixin):
            made = self.row.with_content_json(content)
        else:
            made = model_from_serializable_data(self.model, content, check_fks=True, strict_fks=True)
            if made is not None:
                made.pk = self.row.pk
        if made is None:
            raise Impossible("it refers to something that is not there any more")
        return made

    def new(self, order: Order) -> Any:
        """Return the object that is to be there again, not saved."""
        content: State = {"pk": None}
        for path, value in order.set.items():
            if len(steps(path)) != 1:
                raise Impossible("it is not there any more")
            if steps(path)[0] not in _STANDING and not is_secret(steps(path)[0]):
                content[steps(path)[0]] = value
        try:
            if hasattr(self.model, "from_serializable_data"):
                made = self.model.from_serializable_data(content, check_fks=True, strict_fks=True)
            else:
                made = model_from_serializable_data(self.model, content, check_fks=True, strict_fks=True)
            if made is not None:
                made.pk = self.model._meta.pk.to_python(self.pk)
        except (ValidationError, ValueError, TypeError, KeyError) as error:
            raise Impossible(f"it cannot be made again: {error}") from error
        if made is None:
            raise Impossible("it refers to something that is not there any more")
        if isinstance(made, DraftStateMixin):
            made.live = False
        return made


def content_of(instance: models.Model) -> State:
    """Return what Wagtail serialises of an object, as JSON, complete."""
    serializable = getattr(instance, "serializable_data", None)
    if serializable is not None:
        return json.loads(json.dumps(serializable(), cls=DjangoJSONEncoder))
    return {"pk": instance.pk, **state_of(instance)}


def default_of(model: type[models.Model], name: str) -> Any:
    """Return what a field has that nothing was ever put into."""
    field = next((each for each in model._meta.concrete_fields if each.name == name), None)
    if field is None:
        return []
    return json.loads(json.dumps(field.get_default(), cls=DjangoJSONEncoder, default=str))


def _check_made(made: Any, order: Order, touched: list[str]) -> None:
    """Refuse when a value did not survive: a reference to nothing becomes null silently."""
    state = state_of(made)
    for path in touched:
        if path in order.set:
            found = get(state, path)
            if is_absent(found) or not same(found, order.set[path]):
                raise Impossible(f"{path} cannot be put back to what it was; what it refers to may be gone")
