"""Filling in Wagtail's own forms, as a browser would."""

import contextlib

from django.urls import reverse
from wagtail.test.utils.form_data import querydict_from_html


def fill(client, url, **changes):
    """Return what the page's form would send, with changes; keys may have `__` for `-`."""
    answer = client.get(url)
    assert answer.status_code == 200, answer
    data = _largest_form(answer.content.decode())
    # Wagtail's script makes the form of a stream field; without one it has no blocks.
    data.setdefault("cards-count", "0")
    # Browsers send a button only when it is pressed.
    for name in [name for name in data if name.startswith("action-")]:
        del data[name]
    for name, value in changes.items():
        if isinstance(value, list):
            data.setlist(name.replace("__", "-"), value)
        else:
            data[name.replace("__", "-")] = value
    return data


def _largest_form(html):
    """Return the fields of the form that has most of them: the others are searches and buttons."""
    found = []
    with contextlib.suppress(ValueError):
        while True:
            found.append(querydict_from_html(html, form_index=len(found)).copy())
    return max(found, key=len)


def post(client, url, data=None, expect=(200, 302)):
    answer = client.post(url, data or {})
    assert answer.status_code in expect, (answer.status_code, answer.content[:3000])
    form = answer.context.get("form") if answer.context else None
    assert form is None or not getattr(form, "errors", None), form.errors
    return answer


def edit(client, page, button=None, **changes):
    """Edit a page in the admin."""
    url = reverse("wagtailadmin_pages:edit", args=[page.pk])
    data = fill(client, url, **changes)
    if button:
        data[f"action-{button}"] = "on"
    answer = post(client, url, data)
    assert answer.status_code == 302 or not answer.context["form"].errors
    page.refresh_from_db()
    return answer


def add(client, parent, title, button=None, **changes):
    """Add a page in the admin."""
    from tests.acme.models import StandardPage

    url = reverse("wagtailadmin_pages:add", args=["acme", "standardpage", parent.pk])
    data = fill(client, url, title=title, slug=title.lower().replace(" ", "-"), **changes)
    if button:
        data[f"action-{button}"] = "on"
    post(client, url, data, expect=(302,))
    return StandardPage.objects.get(slug=data["slug"], path__startswith=parent.path)
