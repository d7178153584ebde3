"""Wagtail's filters, and what a user may see, as questions to the log."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Permission
from django.contrib.contenttypes.models import ContentType
from wagtail.log_actions import registry
from wagtail.models import GroupPagePermission, Page, get_page_models

Parameters = list[tuple[str, str]]

# Characters that mean something in the filter language and cannot be meant literally beside a `*`.
_SPECIAL = str.maketrans(dict.fromkeys('"()*:<>=\\', " "))
# What one question may hold beside permissions.
_WORDS_MAX = 20


def of_filters(cleaned: dict[str, Any]) -> Parameters:
    """Return the parameters that ask for what the site history's filter form says."""
    found: Parameters = []
    for word in (cleaned.get("label") or "").translate(_SPECIAL).split()[:_WORDS_MAX]:
        found.append(("q", f"entity.title:*{word}*"))
    if content_type := cleaned.get("object_type"):
        found.extend(("entity_type", label) for label in types_of(content_type))
    found.extend(("action", action) for action in cleaned.get("action") or ())
    if users := list(cleaned.get("user") or ()):
        found.append(("q", f"actor.id:({' OR '.join(quoted(user.pk) for user in users)})"))
    if span := cleaned.get("timestamp"):
        if span.start is not None:
            found.append(("from", span.start.isoformat()))
        if span.stop is not None:
            found.append(("to", span.stop.isoformat()))
    if (commenting := cleaned.get("is_commenting_action")) is not None:
        found.append(("q", "action:wagtail.comments.*" if commenting else "-action:wagtail.comments.*"))
    return found


def quoted(value: object) -> str:
    """Return a value in which every character stands for itself."""
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def types_of(content_type: ContentType) -> list[str]:
    """Return the entity types of a choice in the filter: all types of pages are one there."""
    if issubclass(content_type.model_class() or object, Page):
        return [model._meta.label_lower for model in get_page_models()]
    return [f"{content_type.app_label}.{content_type.model}"]


def of_user(user: Any) -> Parameters | None:
    """Return the parameters that ask for what a user may see; `None` when that is nothing.

    As in Wagtail: superusers see all; others the types on which they hold any permission, and the pages below those on which they
    hold one. The path of a page is that at the time of the entry, so that it also decides about pages that are gone. It is asked
    anew in each request: Wagtail keeps the first answer on the user for all log models, and mixes them up.
    """
    if user.is_superuser:
        return []
    allowed = [f"data.wagtail.path:{path}*" for path in page_paths(user)]
    if types := sorted(types_with_permission(user)):
        allowed.append(f"entity.type:({' OR '.join(quoted(each) for each in types)})")
    return [("q", f"({' OR '.join(allowed)})")] if allowed else None


def page_paths(user: Any) -> list[str]:
    """Return the highest places in the tree of pages on which a user holds a permission."""
    paths = GroupPagePermission.objects.filter(group__in=user.groups.all()).values_list("page__path", flat=True)
    found: list[str] = []
    for path in sorted(set(paths)):
        if not any(path.startswith(above) for above in found):
            found.append(path)
    return found


def types_with_permission(user: Any) -> set[str]:
    """Return the types that are no pages and on which a user holds any permission."""
    found = set()
    for permission in Permission.objects.filter(content_type__isnull=False).select_related("content_type"):
        content_type = permission.content_type
        label = f"{content_type.app_label}.{content_type.model}"
        if label in found or issubclass(content_type.model_class() or object, Page):
            continue
        if user.has_perm(f"{content_type.app_label}.{permission.codename}"):
            found.add(label)
    return found


def action_choices(codes: Iterable[str]) -> list[tuple[str, Any]]:
    """Return choices of a filter: actions that there are, those that Wagtail does not know by their codes."""
    labels = dict(registry.get_choices())
    return sorted(((code, labels.get(code, code)) for code in codes), key=lambda choice: str(choice[1]))


def joined(parameters: Parameters) -> Parameters:
    """Return the parameters with all filters in one `q`: the log takes one."""
    filters = [value for name, value in parameters if name == "q"]
    others = [(name, value) for name, value in parameters if name != "q"]
    return [*others, ("q", " ".join(filters))] if filters else others
