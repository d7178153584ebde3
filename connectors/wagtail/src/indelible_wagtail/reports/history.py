"""The history of a page or snippet, from the log."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django.utils.translation import gettext as _
from wagtail.admin import messages
from wagtail.admin.views.generic.history import HistoryFilterSet
from wagtail.admin.views.pages.history import PageHistoryFilterSet, PageHistoryView
from wagtail.admin.widgets.button import HeaderButton
from wagtail.models import Revision, RevisionMixin
from wagtail.snippets.views.snippets import HistoryView as SnippetHistoryView

from ..api import Api, Refused, Unreachable
from ..conf import conf
from .question import action_choices, joined, of_filters, quoted
from .remote import NoEntries, RemoteEntries, RemoteEntry, TooDeep, grouped


class ActionsOfTheLog:
    """A filter set whose actions are those that the log has of an object: Wagtail's own rows may be pruned."""

    def __init__(self, *args: Any, codes: list[str] | None = None, **kwargs: Any) -> None:
        self._codes = codes
        super().__init__(*args, **kwargs)

    def get_action_choices(self) -> list[tuple[str, Any]]:
        """Offer the log's, or Wagtail's own where the log is not asked or does not answer."""
        if self._codes is None:
            return super().get_action_choices()  # type: ignore[misc,no-any-return]
        return action_choices(self._codes)


class PageFilters(ActionsOfTheLog, PageHistoryFilterSet):
    """The filters of a page's history."""


class SnippetFilters(ActionsOfTheLog, HistoryFilterSet):
    """The filters of a snippet's history."""


class FromTheLog:
    """What Wagtail's history pages do, with another source."""

    is_remote = False

    def get_queryset(self: Any) -> Any:
        """Return the list that the page is cut from."""
        if not conf().can_read or "local" in self.request.GET:
            return super().get_queryset()  # type: ignore[misc]
        try:
            entries = RemoteEntries(Api(conf(), reading=True), [*self._of_object(), *self._asked()])
            entries.count()
        except (Unreachable, Refused) as error:
            messages.warning(
                self.request, _("The audit log does not answer (%s). These are Wagtail's own entries.") % error
            )
            return super().get_queryset()  # type: ignore[misc]
        self.is_remote = True
        return entries

    def get_filterset_kwargs(self: Any) -> dict[str, Any]:
        """Tell the filters which actions there are."""
        return {**super().get_filterset_kwargs(), "codes": self._codes()}  # type: ignore[misc]

    def _codes(self: Any) -> list[str] | None:
        if not conf().can_read or "local" in self.request.GET:
            return None
        try:
            answer = Api(conf(), reading=True).facets(joined([("fields", "action"), *self._of_object()]))
        except (Unreachable, Refused):
            return None
        return [each["value"] for each in answer["facets"].get("action", ())]

    def _of_object(self: Any) -> list[tuple[str, str]]:
        label = self.object._meta.label_lower
        return [("q", f"entity.type:{quoted(label)}"), ("q", f"entity.id:{quoted(self.object.pk)}")]

    def _asked(self: Any) -> list[tuple[str, str]]:
        return of_filters(self.filters.form.cleaned_data) if self.filters and self.filters.is_valid() else []

    def paginate_queryset(self: Any, queryset: Any, page_size: int) -> Any:
        """Cut the page out and group it by action."""
        try:
            paginator, page, rows, has_others = super().paginate_queryset(queryset, page_size)  # type: ignore[misc]
        except TooDeep:
            messages.warning(self.request, _("That page is far from both ends of the list. Narrow the dates instead."))
            return super().paginate_queryset(NoEntries(), page_size)  # type: ignore[misc]
        if self.is_remote:
            rows = page.object_list = self._with_revisions(grouped(list(rows)))
        return paginator, page, rows, has_others

    def _with_revisions(self: Any, entries: list[RemoteEntry]) -> list[RemoteEntry]:
        """Add the revisions that are still there: only those can be looked at and compared."""
        if not isinstance(self.object, RevisionMixin):
            return entries
        keys = {entry.revision_id for entry in entries if entry.revision_id is not None}
        found = Revision.objects.filter(pk__in=keys).defer("content")
        before: dict[int, int | None] = {}
        ordered = list(self.object.revisions.order_by("created_at", "pk").values_list("pk", flat=True))
        before.update(zip(ordered, [None, *ordered], strict=False))
        by_key = {revision.pk: revision for revision in found}
        for entry in entries:
            entry.revision = by_key.get(entry.revision_id)
            if entry.revision is None:
                # A purged revision: Wagtail's links would be dead.
                entry.notes.pop("revision_id", None)
            else:
                entry.previous_revision_id = before.get(entry.revision.pk)
        return entries

    @property
    def header_more_buttons(self: Any) -> list[HeaderButton]:
        """Offer the same history where it is proven."""
        buttons = list(super().header_more_buttons)  # type: ignore[misc]
        if conf().can_read:
            place = f"{quote(self.object._meta.label_lower, safe='')}/{quote(str(self.object.pk), safe='')}"
            url = f"{conf().url}/sites/{quote(conf().site, safe='')}/entities/{place}"
            buttons.append(HeaderButton(label=_("Verified history"), url=url, icon_name="lock"))
        return buttons


class IndeliblePageHistoryView(FromTheLog, PageHistoryView):
    """The history of a page."""

    filterset_class = PageFilters


class IndelibleSnippetHistoryView(FromTheLog, SnippetHistoryView):
    """The history of a snippet: set it as ``history_view_class`` of a snippet's viewset."""

    filterset_class = SnippetFilters
