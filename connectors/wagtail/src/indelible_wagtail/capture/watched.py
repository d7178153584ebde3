"""Which models are watched save by save: those that Wagtail's admin changes without logging it, or what changed."""

from __future__ import annotations

import functools

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from wagtail.models import BaseLogEntry, DraftStateMixin, Page, Revision, RevisionMixin, Task

from ..conf import conf

# By name, as some of them are in applications that need not be installed.
_NAMES = {
    "wagtailcore.collection", "wagtailcore.collectionviewrestriction", "wagtailcore.groupcollectionpermission",
    "wagtailcore.grouppagepermission", "wagtailcore.locale", "wagtailcore.site", "wagtailcore.workflow",
    "wagtailcore.workflowcontenttype", "wagtailcore.workflowpage", "wagtailcore.workflowtask",
    "wagtailredirects.redirect", "wagtailsearchpromotions.searchpromotion",
}  # fmt: skip


# Saved with nearly every request, and not worth telling.
_NEVER_APPS = {"indelible_wagtail", "sessions", "contenttypes", "migrations"}


def is_watched(model: type[models.Model]) -> bool:
    """Whether saves of this model are told."""
    if _is_told_otherwise(model) or not conf().states or model._meta.label_lower in conf().ignore_models:
        return False
    if model._meta.apps is not apps:
        # Migrations work with models of their own, before there is an outbox.
        return False
    if model._meta.label_lower in conf().models:
        return True
    return model._meta.app_label not in _NEVER_APPS and _is_watched_by_itself(model)


@functools.lru_cache(maxsize=1024)
def _is_told_otherwise(model: type[models.Model]) -> bool:
    return issubclass(model, BaseLogEntry | Revision)


@functools.lru_cache(maxsize=1)
def _swappable() -> frozenset[type[models.Model]]:
    """Return the models of users, images and documents that this site uses, and of the settings it has."""
    found = [apps.get_model(settings.AUTH_USER_MODEL), Group]
    if apps.is_installed("wagtail.images"):
        from wagtail.images import get_image_model

        found.append(get_image_model())
    if apps.is_installed("wagtail.documents"):
        from wagtail.documents import get_document_model

        found.append(get_document_model())
    return frozenset(found)


def _is_watched_by_itself(model: type[models.Model]) -> bool:
    if model._meta.label_lower in _NAMES or model in _swappable():
        return True
    if issubclass(model, Page | Task | RevisionMixin | DraftStateMixin):
        return True
    return is_setting(model) or is_snippet(model)


def is_setting(model: type[models.Model]) -> bool:
    """Whether it is one of the site's settings."""
    if not apps.is_installed("wagtail.contrib.settings"):
        return False
    from wagtail.contrib.settings.models import AbstractSetting

    return issubclass(model, AbstractSetting)


def is_snippet(model: type[models.Model]) -> bool:
    """Whether it is a snippet."""
    # Asked for each time: snippets register when their hooks are loaded, which is later than some saves.
    if not apps.is_installed("wagtail.snippets"):
        return False
    from wagtail.snippets.models import get_snippet_models

    return model in get_snippet_models()
