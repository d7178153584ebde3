"""Wagtail's own pages, from the log."""

import csv
import datetime
import io

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse
from django.utils import timezone
from wagtail.log_actions import log as wagtail_log
from wagtail.models import GroupPagePermission, ModelLogEntry, PageLogEntry

from tests.acme.models import Advert, Plain

from .forms import add, edit, post
from .test_actions import rich

SITE_HISTORY = "wagtailadmin_reports:site_history"


def rows(answer):
    return [(each.label, each.action) for each in answer.context["object_list"]]


def ask(client, **parameters):
    answer = client.get(reverse(SITE_HISTORY), parameters)
    assert answer.status_code == 200
    answer.render() if hasattr(answer, "render") else None
    return answer


@pytest.fixture
def page(admin, home, request):
    name = "Report " + request.node.name.removeprefix("test_").replace("_", " ")
    return add(admin, home, name[:60], "publish", body=rich("first"))


def editor(name, page=None, permission=None):
    """Return the client of a user who may edit what is below a page, or hold one permission."""
    group = Group.objects.create(name=name)
    group.permissions.add(Permission.objects.get(content_type__app_label="wagtailadmin", codename="access_admin"))
    if page is not None:
        change = Permission.objects.get(content_type__app_label="wagtailcore", codename="change_page")
        GroupPagePermission.objects.create(group=group, page=page, permission=change)
    if permission is not None:
        group.permissions.add(Permission.objects.get(content_type__app_label="acme", codename=permission))
    user = get_user_model().objects.create_user(name)
    user.groups.add(group)
    client = Client()
    client.force_login(user)
    return client


def test_site_history_is_the_logs(log, admin, page):
    log.send()
    # Also what Wagtail's own rows do not have any more.
    PageLogEntry.objects.filter(page=page.pk)._raw_delete("default")
    answer = ask(admin, label=page.title)
    assert rows(answer) == [(page.title, action) for action in ("wagtail.publish", "wagtail.edit", "wagtail.create")]
    text = answer.content.decode()
    assert "Draft saved" in text and "Ada Root" in text
    assert reverse("wagtailadmin_pages:edit", args=[page.pk]) in text


def test_filters(log, admin, ada, page):
    plain = Plain.objects.create(name=f"of {page.title}")
    other = get_user_model().objects.create_user(f"filter{page.pk}", first_name="Flo", last_name="Ow")
    wagtail_log(plain, "wagtail.edit", user=other)
    log.send()
    assert rows(ask(admin, label=page.title, action=["wagtail.create", "wagtail.edit"]))[0][1] == "wagtail.edit"
    assert {label for label, _ in rows(ask(admin, label=page.title))} == {page.title, plain.name}
    # A user who has no page entries can be chosen as well.
    answer = ask(admin, user=[other.pk])
    assert rows(answer) == [(plain.name, "wagtail.edit")] and "Flo Ow" in answer.content.decode()
    today = timezone.localdate()
    assert rows(ask(admin, label=page.title, timestamp_from=today, timestamp_to=today))
    tomorrow = today + datetime.timedelta(days=1)
    assert not rows(ask(admin, label=page.title, timestamp_from=tomorrow))
    # What means something in a filter means nothing in a title.
    assert rows(ask(admin, label='") OR action:* (')) == []


def test_pages_from_both_ends(log, admin, page):
    for number in range(120):
        wagtail_log(page, "wagtail.edit", data={"number": number})
    log.send()
    answer = ask(admin, label=page.title, p=1)
    assert len(rows(answer)) == 50
    pages = (
        answer.context["paginator"].num_pages
        if "paginator" in answer.context
        else answer.context["page_obj"].paginator.num_pages
    )
    last = ask(admin, label=page.title, p=pages)
    assert rows(last)[-1][1] == "wagtail.create"
    found = [
        each.pk
        for number in range(1, pages + 1)
        for each in ask(admin, label=page.title, p=number).context["object_list"]
    ]
    assert len(found) == len(set(found)) == 123


def test_what_editors_see(log, admin, home, page):
    hidden = add(admin, home, f"Hidden from {page.pk}", "publish")
    child = add(admin, page, f"Child of {page.pk}", "publish")
    plain = Plain.objects.create(name=f"plain of {page.pk}")
    wagtail_log(plain, "wagtail.edit")
    log.send()
    of_page = editor(f"pages{page.pk}", page=page)
    seen = {label for label, _ in rows(ask(of_page))}
    assert {page.title, child.title} <= seen and hidden.title not in seen and plain.name not in seen
    of_plain = editor(f"plains{page.pk}", page=child, permission="change_plain")
    seen = {label for label, _ in rows(ask(of_plain))}
    assert plain.name in seen and page.title not in seen and child.title in seen
    # Pages that are gone are still theirs.
    post(admin, reverse("wagtailadmin_pages:delete", args=[child.pk]), expect=(302,))
    log.send()
    assert (child.title, "wagtail.delete") in rows(ask(of_page))


def test_export(log, admin, page):
    log.send()
    answer = admin.get(reverse(SITE_HISTORY), {"export": "csv", "label": page.title})
    table = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))
    assert len(table) == 3
    assert {each["Name"] if "Name" in each else each["Title"] for each in table} == {page.title}


def test_a_log_that_is_away(server, log, admin, page):
    log.send()
    with override_settings(INDELIBLE=server.settings(RELAY="command", URL="http://127.0.0.1:9")):
        answer = ask(admin, label=page.title)
        assert "The audit log does not answer" in answer.content.decode()
        assert len(rows(answer)) == 3
        answer = admin.get(reverse("wagtailadmin_pages:history", args=[page.pk]))
        assert "The audit log does not answer" in answer.content.decode() and "Published" in answer.content.decode()
    with override_settings(INDELIBLE={}):
        assert len(rows(ask(admin, label=page.title))) == 3
    assert len(rows(ask(admin, label=page.title, local="1"))) == 3


def test_history_of_a_page(server, log, admin, page):
    edit(admin, page, "publish", title=f"{page.title}!")
    log.send()
    PageLogEntry.objects.filter(page=page.pk)._raw_delete("default")
    answer = admin.get(reverse("wagtailadmin_pages:history", args=[page.pk]))
    text = answer.content.decode()
    assert answer.status_code == 200 and "Renamed from" in text and "Draft saved" in text
    assert reverse("wagtailadmin_pages:revisions_revert", args=[page.pk, page.revisions.earliest("pk").pk]) in text
    assert f"{server.url}/sites/acme.www/entities/acme.standardpage/{page.pk}" in text
    # A revision that was purged has no links.
    gone = page.revisions.earliest("pk").pk
    page.revisions.filter(pk=gone).delete()
    text = admin.get(reverse("wagtailadmin_pages:history", args=[page.pk])).content.decode()
    assert f"/revisions/{gone}/" not in text
    answer = admin.get(reverse("wagtailadmin_pages:history", args=[page.pk]), {"action": "wagtail.rename"})
    assert [each.action for each in answer.context["object_list"]] == ["wagtail.rename"]
    assert editor(f"nothing{page.pk}", permission="change_plain").get(
        reverse("wagtailadmin_pages:history", args=[page.pk])
    ).status_code in {302, 403}


def test_history_of_a_snippet(log, admin):
    advert = Advert.objects.create(text="With a history")
    for text in ("One", "Two"):
        advert.text = text
        advert.save_revision(log_action=True)
    wagtail_log(advert, "wagtail.edit")
    log.send()
    ModelLogEntry.objects.filter(object_id=str(advert.pk), content_type__model="advert")._raw_delete("default")
    answer = admin.get(reverse(Advert.snippet_viewset.get_url_name("history"), args=[advert.pk]))
    assert answer.status_code == 200
    answer.content.decode()
    assert [each.action for each in answer.context["object_list"]].count("wagtail.edit") >= 1


def test_data_of_any_shape_breaks_no_report(server, log, admin, page):
    """Wagtail's own formatters fail on null and on lists, and the whole page with them."""
    for data in ({"source": None}, {"page": None, "source": None}):
        wagtail_log(page, "wagtail.copy", data=data)
    wagtail_log(page, "wagtail.rename", data=["a", "list"])
    entity = {"type": "acme.gone", "id": "7", "title": f"{page.title} of no model"}
    status, _ = server.ask("POST", "/entries", {"action": "acme.unknown", "entity": entity, "data": [1]}, server.writer)
    assert status == 201
    log.send()
    answer = ask(admin, label=page.title)
    assert len(rows(answer)) == 7 and "acme.unknown" in answer.content.decode()
    assert admin.get(reverse("wagtailadmin_pages:history", args=[page.pk])).status_code == 200
    answer = admin.get(reverse(SITE_HISTORY), {"export": "csv", "label": page.title})
    assert b"".join(answer.streaming_content).count(b"\n") == 8
