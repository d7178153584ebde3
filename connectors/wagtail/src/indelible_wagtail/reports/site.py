"""The site history, from the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from wagtail.admin import messages
from wagtail.admin.admin_url_finder import AdminURLFinder
from wagtail.admin.views.reports.audit_logging import (
    LogEntriesView,
    SiteHistoryReportFilterSet,
    get_users_for_filter,
)
from wagtail.log_actions import registry
from wagtail.models import Page

from ..api import Api, Refused, Unreachable
from ..conf import conf
from .question import action_choices, joined, of_filters, of_user
from .remote import NoEntries, RemoteEntries, RemoteEntry, TooDeep

# Values of a filter that are offered, at most.
_CHOICES_MAX = 1000


class SiteHistoryFilterSet(SiteHistoryReportFilterSet):
    """Wagtail's filters, whose choices are what the log has. Their own user filter offers only users of page entries."""

    def get_users_queryset(self) -> Any:
        """Offer the users of all log models."""
        return get_users_for_filter(self.request.user)

    @cached_property
    def _facets(self) -> dict[str, list[str]]:
        allowed = of_user(self.request.user)
        if allowed is None:
            return {}
        wanted = [("fields", "action,entity_type"), ("values", str(_CHOICES_MAX))]
        answer = Api(conf(), reading=True).facets(joined([*wanted, *allowed]))
        return {name: [each["value"] for each in values] for name, values in answer["facets"].items()}

    def get_action_choices(self) -> list[tuple[str, Any]]:
        """Offer the actions that there are."""
        return action_choices(self._facets.get("action", ()))


class IndelibleSiteHistoryView(LogEntriesView):
    """Wagtail's report with another source. What the log cannot answer now is answered from Wagtail's own rows, and said so."""

    filterset_class = SiteHistoryReportFilterSet if not conf().can_read else SiteHistoryFilterSet

    def get_filtered_queryset(self) -> Any:
        """Return the list that the page is cut from."""
        self.is_remote = conf().can_read and "local" not in self.request.GET
        if not self.is_remote:
            self.filterset_class = SiteHistoryReportFilterSet
            return super().get_filtered_queryset()
        try:
            return self._remote()
        except (Unreachable, Refused) as error:
            self.is_remote = False
            self.__dict__.pop("filters", None)
            self.filterset_class = SiteHistoryReportFilterSet
            messages.warning(
                self.request, _("The audit log does not answer (%s). These are Wagtail's own entries.") % error
            )
            return super().get_filtered_queryset()

    def _remote(self) -> RemoteEntries | NoEntries:
        allowed = of_user(self.request.user)
        if allowed is None:
            return NoEntries()
        asked = []
        if self.filters and self.filters.is_valid():
            asked = of_filters(self.filters.form.cleaned_data)
        entries = RemoteEntries(Api(conf(), reading=True), [*allowed, *asked])
        # Asked here, so that a log that is away is noticed before the page is begun.
        entries.count()
        return entries

    def paginate_queryset(self, queryset: Any, page_size: int) -> Any:
        """Cut the page out; too far in, say how to get there."""
        try:
            return super().paginate_queryset(queryset, page_size)
        except TooDeep:
            messages.warning(self.request, _("That page is far from both ends of the list. Narrow the dates instead."))
            return super().paginate_queryset(NoEntries(), page_size)

    def decorate_paginated_queryset(self, object_list: Any) -> Any:
        """Add where each object is edited."""
        if not self.is_remote:
            return super().decorate_paginated_queryset(object_list)
        if self.is_export:
            return object_list
        return with_edit_urls(list(object_list), self.request.user)

    def get_action_label(self, action: str) -> str:
        """Return the label of an action, in exports; the code of one that nobody registered."""
        return super().get_action_label(action) if action in registry.formatters else action


def with_edit_urls(entries: list[RemoteEntry], user: Any) -> list[RemoteEntry]:
    """Return the rows with links to what is still there: a few queries, however many rows."""
    finder = AdminURLFinder(user)
    by_model: dict[Any, list[RemoteEntry]] = {}
    for entry in entries:
        if entry.model is not None:
            by_model.setdefault(entry.model, []).append(entry)
    for model, of_model in by_model.items():
        found = _in_bulk(model, {entry.object_id for entry in of_model})
        for entry in of_model:
            instance = found.get(entry.object_id)
            entry.edit_url = finder.get_edit_url(instance) if instance is not None else None
    return entries


def _in_bulk(model: Any, keys: Iterable[str]) -> dict[str, Any]:
    valid = set()
    for key in keys:
        try:
            valid.add(model._meta.pk.to_python(key))
        except Exception:  # noqa: BLE001, S112  (what an entity's id of another system does in a field of any type)
            continue
    # Pages are asked for as plain pages: their permissions need no more.
    source = Page if issubclass(model, Page) else model
    return {str(key): found for key, found in source._default_manager.in_bulk(valid).items()}
