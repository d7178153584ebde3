"""Filling in Wagtail's own forms, as a browser would."""

from django.urls import reverse
from wagtail.test.utils.form_data import querydict_from_html


def fill(client, url, form, **changes):
    """Return what a form would send, with changes; keys may have `__` for `-`."""
    answer = client.get(url)
    assert answer.status_code == 200, answer
    try:
        data = querydict_from_html(answer.content.decode(), form_id=form).copy()
    except ValueError:
        data = querydict_from_html(answer.content.decode()).copy()
    # Browsers send a button only when it is pressed.
    for name in [name for name in data if name.startswith("action-")]:
        del data[name]
    for name, value in changes.items():
        name = name.replace("__", "-")
        if isinstance(value, list):
            data.setlist(name, value)
        else:
            data[name] = value
    return data


def post(client, url, data=None, expect=(200, 302)):
    answer = client.post(url, data or {})
    assert answer.status_code in expect, (answer.status_code, answer.content[:3000])
    form = answer.context.get("form") if answer.context else None
    assert form is None or not getattr(form, "errors", None), form.errors
    return answer


def edit(client, page, button=None, **changes):
    """Edit a page in the admin."""
    url = reverse("wagtailadmin_pages:edit", args=[page.pk])
    data = fill(client, url, "page-edit-form", **changes)
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
    data = fill(client, url, "page-edit-form", title=title, slug=title.lower().replace(" ", "-"), **changes)
    if button:
        data[f"action-{button}"] = "on"
    post(client, url, data, expect=(302,))
    return StandardPage.objects.get(slug=data["slug"], path__startswith=parent.path)
