"""Entries of the log as rows of Wagtail's pages, fetched page by page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import apps
from django.contrib.auth import get_user_model
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.utils.dateparse import parse_datetime
from django.utils.functional import cached_property
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from wagtail.log_actions import registry
from wagtail.models import Page

from ..api import Api
from .question import Parameters, joined

# Entries in one request.
_FETCH = 1000
# How far from either end of a list a page may be. Further in, the time range says better what is wanted.
DEPTH_MAX = 20_000


class TooDeep(Exception):
    """A page that is too far from both ends of the list."""


class RemoteEntry:
    """An entry with the names that Wagtail's templates and columns ask for."""

    def __init__(self, entry: dict[str, Any], user: Any = None) -> None:
        self.entry = entry
        self.user = user
        self.edit_url: str | None = None
        self.previous_revision_id: int | None = None
        self.revision: Any = None
        self.repeated = 1

    @property
    def pk(self) -> str:
        """Its id in the log."""
        return str(self.entry["id"])

    @property
    def action(self) -> str:
        """Its code."""
        return str(self.entry["action"])

    @cached_property
    def notes(self) -> dict[str, Any]:
        """What only Wagtail's rows have."""
        notes = (self.entry.get("data") or {}).get("wagtail") if isinstance(self.entry.get("data"), dict) else None
        return notes if isinstance(notes, dict) else {}

    @cached_property
    def data(self) -> dict[str, Any]:
        """Wagtail's own `data`, without what the package adds."""
        data = self.entry.get("data")
        return {name: value for name, value in data.items() if name != "wagtail"} if isinstance(data, dict) else {}

    @property
    def label(self) -> str:
        """The title of the object as it was then."""
        return str((self.entry.get("entity") or {}).get("title") or self.object_id)

    @property
    def object_id(self) -> str:
        """The key of the object."""
        return str((self.entry.get("entity") or {}).get("id", ""))

    @property
    def uuid(self) -> str | None:
        """What groups the entries of one action."""
        return self.entry.get("correlation_id")

    @property
    def revision_id(self) -> int | None:
        """The revision, if it had one."""
        return self.notes.get("revision_id")

    @property
    def content_changed(self) -> bool:
        """Whether the content changed."""
        return bool(self.notes.get("content_changed"))

    @property
    def timestamp(self) -> Any:
        """When it happened."""
        return parse_datetime(self.entry["occurred_at"])

    @cached_property
    def model(self) -> Any:
        """The model of the object, if this site still has it."""
        try:
            return apps.get_model((self.entry.get("entity") or {}).get("type", ""))
        except (LookupError, ValueError):
            return None

    @cached_property
    def content_type(self) -> ContentType | None:
        """The content type of the object."""
        return ContentType.objects.get_for_model(self.model, for_concrete_model=False) if self.model else None

    @cached_property
    def object_verbose_name(self) -> Any:
        """What the object's type is called."""
        return self.model._meta.verbose_name if self.model else (self.entry.get("entity") or {}).get("type")

    @property
    def user_display_name(self) -> str:
        """Who did it, as they were called then."""
        actor = self.entry.get("actor") or {}
        if actor.get("type") == "system":
            return _("system")
        return str(actor.get("name") or actor.get("email") or actor.get("id") or "")

    @cached_property
    def message(self) -> str:
        """What was done, in the reader's language where Wagtail has words for it."""
        text = self._formatted() or str(self.entry.get("summary") or "")
        if not text:
            changed = ", ".join(self.entry.get("changed") or ())
            text = f"{self.action} ({changed})" if changed else self.action
        return text if self.repeated == 1 else f"{text} (×{self.repeated})"

    def _formatted(self) -> str:
        formatter = registry.get_formatter(self)
        if formatter is None:
            return ""
        if self.action == "wagtail.edit" and self.model and issubclass(self.model, Page):
            return _("Draft saved")
        try:
            return capfirst(str(formatter.format_message(self)))
        except Exception:  # noqa: BLE001  (formatters of any package, for data of any age)
            return ""

    @cached_property
    def comment(self) -> str:
        """What somebody wrote with it."""
        return str(self.entry.get("reason") or "")


class RemoteEntries:
    """A list of which only the pages that are asked for are fetched."""

    def __init__(self, api: Api, parameters: Parameters) -> None:
        self._api = api
        self._parameters = joined(parameters)

    @cached_property
    def _total(self) -> int:
        page = self._api.entries([*self._parameters, ("limit", "1"), ("count", "exact")])
        return int((page.get("page") or {}).get("total") or 0)

    def count(self) -> int:
        """Return how many there are; the paginator asks."""
        return self._total

    def __len__(self) -> int:
        return self._total

    def __getitem__(self, wanted: slice | int) -> list[RemoteEntry]:
        """Return a page, from whichever end of the list is nearer."""
        if isinstance(wanted, int):
            wanted = slice(wanted, wanted + 1)
        start, stop, _step = wanted.indices(self._total)
        if start >= stop:
            return []
        if start <= self._total - stop:
            return with_users(self._walk("-timestamp", start, stop))
        found = self._walk("timestamp", self._total - stop, self._total - start)
        return with_users(found[::-1])

    def __iter__(self) -> Iterator[RemoteEntry]:
        """Go through all of it, in constant memory: exports."""
        cursor: str | None = None
        while True:
            page = self._page("-timestamp", _FETCH, cursor)
            yield from with_users(page["data"])
            cursor = page["page"]["next"]
            if cursor is None:
                return

    def _walk(self, sort: str, start: int, stop: int) -> list[dict[str, Any]]:
        if start > DEPTH_MAX:
            raise TooDeep
        cursor, at = None, 0
        found: list[dict[str, Any]] = []
        while at < stop:
            page = self._page(sort, min(_FETCH, stop), cursor)
            entries = page["data"]
            found.extend(entries[max(0, start - at) : max(0, stop - at)])
            at += len(entries)
            cursor = page["page"]["next"]
            if cursor is None:
                break
        return found

    def _page(self, sort: str, limit: int, cursor: str | None) -> dict[str, Any]:
        more = [("sort", sort), ("limit", str(limit))] + ([("cursor", cursor)] if cursor else [])
        return self._api.entries([*self._parameters, *more])


class NoEntries:
    """The list of a user who may see nothing."""

    def count(self) -> int:
        """Return that there is nothing."""
        return 0

    def __len__(self) -> int:
        return 0

    def __getitem__(self, wanted: slice | int) -> list[RemoteEntry]:
        return []

    def __iter__(self) -> Iterator[RemoteEntry]:
        return iter(())


def with_users(entries: list[dict[str, Any]]) -> list[RemoteEntry]:
    """Return rows with the users that are still there, asked for at once."""
    model = get_user_model()
    keys = set()
    for entry in entries:
        actor = entry.get("actor") or {}
        if actor.get("type") == "user" and actor.get("id"):
            try:
                keys.add(model._meta.pk.to_python(actor["id"]))
            except ValidationError:
                continue
    users = {str(key): user for key, user in model._default_manager.in_bulk(keys).items()}
    return [RemoteEntry(entry, users.get(str((entry.get("actor") or {}).get("id")))) for entry in entries]


def grouped(entries: list[RemoteEntry]) -> list[RemoteEntry]:
    """Return one row for what one action did to one object in the same way, the latest; how often, it says itself.

    Wagtail groups by action alone: after a bulk action only the last object of it has a row.
    """
    found: dict[tuple[Any, ...], RemoteEntry] = {}
    for entry in entries:
        key = (entry.uuid or entry.pk, entry.action, entry.object_id)
        if key in found:
            found[key].repeated += 1
        else:
            found[key] = entry
    return list(found.values())
