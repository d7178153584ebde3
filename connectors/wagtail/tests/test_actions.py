"""Each of Wagtail's actions, done by Wagtail's own code, arrives with data, grouping, user and title."""

import datetime
import json

import pytest
from django.core.management import call_command
from django.urls import reverse
from django.utils import timezone
from wagtail.log_actions import log as wagtail_log
from wagtail.log_actions import registry
from wagtail.models import Locale, Page, PageLogEntry

from indelible_wagtail import ids
from indelible_wagtail.rows import columns_of, log_models, titles_of
from tests.acme.models import Plain, Sprocket, StandardPage

from .forms import add, edit, fill, post

# What triggered which action, to be sure at the end that none was left out.
SEEN = set()


def rows_of(instance, action=None):
    rows = registry.get_logs_for_instance(instance).order_by("pk")
    return list(rows.filter(action=action) if action else rows)


def arrives(log, instance, action, count=1):
    """Every row of the object with this action is in the log, as it is here; return the last entry."""
    SEEN.add(action)
    rows = rows_of(instance, action)
    assert len(rows) == count, [(row.action, row.data) for row in rows_of(instance)]
    namespace = ids.namespace_of_site("acme.www")
    for row in rows:
        label = row._meta.label
        log.send()
        entry = log.entry(ids.of_row(namespace, label, row.pk))
        check(entry, row)
    return entry


def check(entry, row):
    columns = columns_of(row)
    assert entry["action"] == row.action
    assert entry["entity"]["title"] == row.label
    assert entry["entity"]["type"] == f"{row.content_type.app_label}.{row.content_type.model}"
    assert entry["entity"]["id"] == str(getattr(row, "page_id", None) or getattr(row, "object_id", None))
    assert datetime.datetime.fromisoformat(entry["occurred_at"]) == row.timestamp
    assert entry.get("correlation_id") == (str(row.uuid) if row.uuid else None)
    data = {name: value for name, value in entry["data"].items() if name != "wagtail"}
    assert data == columns["data"]
    notes = entry["data"]["wagtail"]
    for name in ("content_changed", "deleted", "revision_id", "id"):
        assert notes[name] == columns[name]
    if row.user_id is None:
        assert entry["actor"] == {"type": "system"}
    else:
        assert entry["actor"]["id"] == str(row.user_id)
        assert entry["actor"]["name"] == (row.user.get_full_name() or row.user.username)
    assert entry["summary"]
    assert entry["connector"] == "wagtail"


@pytest.fixture
def page(admin, home, request):
    name = request.node.name.split("[")[0].removeprefix("test_").replace("_", " ")
    return add(admin, home, name.capitalize(), "publish", body=rich("first"))


def rich(text):
    return json.dumps({
        "blocks": [{"key": "a", "text": text, "type": "unstyled", "depth": 0, "inlineStyleRanges": [], "entityRanges": []}],
        "entityMap": {},
    })  # fmt: skip


def test_create_edit_publish(log, admin, ada, page):
    created = arrives(log, page, "wagtail.create")
    edited = arrives(log, page, "wagtail.edit")
    published = arrives(log, page, "wagtail.publish")
    assert created["correlation_id"] == edited["correlation_id"] == published["correlation_id"]
    assert created["before"] is None and created["after"]["title"] == "Create edit publish"
    # Wagtail's own form creates it live at once; publishing it then changes nothing.
    assert created["after"]["live"] is True and published["before"] is None
    assert edited["summary"] == "Draft saved"
    assert created["origin"]["ip"] == "203.0.113.9"
    assert created["origin"]["user_agent"] == "tests"
    assert created["origin"]["method"] == "POST"
    assert created["origin"]["route"] == "wagtailadmin_pages:add"
    assert created["actor"]["roles"] == ["superuser"] and created["actor"]["email"] == "ada@example.com"

    edit(admin, page, body=rich("second"))
    draft = arrives(log, page, "wagtail.edit", 2)
    assert "first" in draft["before"]["body"] and "second" in draft["after"]["body"]
    assert draft["changed"] == ["body"]
    edit(admin, page, "publish")
    published = arrives(log, page, "wagtail.publish", 2)
    assert "first" in published["before"]["body"] and "second" in published["after"]["body"]
    assert published["changed"] == ["body"]


def test_publish_a_draft(log, admin, home):
    page = add(admin, home, "Draft first")
    assert arrives(log, page, "wagtail.create")["after"]["live"] is False
    edit(admin, page, "publish")
    published = arrives(log, page, "wagtail.publish")
    assert published["before"]["live"] is False and published["after"]["live"] is True
    assert published["changed"] == ["live"]


def test_rename(log, admin, page):
    edit(admin, page, "publish", title="Another name")
    renamed = arrives(log, page, "wagtail.rename")
    assert titles_of(renamed["data"]) == ("Rename", "Another name")
    assert renamed["before"] == {"title": "Rename"} and renamed["after"] == {"title": "Another name"}
    published = arrives(log, page, "wagtail.publish", 2)
    assert published["data"]["title"]["new"] == "Another name"
    assert [each["action"] for each in log.of(page)][-3:] == ["wagtail.edit", "wagtail.rename", "wagtail.publish"]


def test_schedule_and_cancel(log, admin, page):
    tomorrow = timezone.localtime() + datetime.timedelta(days=1)
    edit(admin, page, "publish", go_live_at=tomorrow.strftime("%Y-%m-%d %H:%M"))
    scheduled = arrives(log, page, "wagtail.publish.schedule")
    assert scheduled["data"]["revision"]["has_live_version"] is True
    revision = page.scheduled_revision
    post(admin, reverse("wagtailadmin_pages:revisions_unschedule", args=[page.pk, revision.pk]))
    cancelled = arrives(log, page, "wagtail.schedule.cancel")
    assert cancelled["data"]["revision"]["id"] == revision.pk


def test_scheduled_by_command(log, admin, page):
    revision = page.save_revision(approved_go_live_at=timezone.now() - datetime.timedelta(minutes=1))
    call_command("publish_scheduled")
    entry = arrives(log, page, "wagtail.publish.scheduled")
    assert entry["actor"] == {"type": "system"} and "correlation_id" not in entry
    assert entry["data"]["wagtail"]["revision_id"] == revision.pk
    Page.objects.filter(pk=page.pk).update(expire_at=timezone.now() - datetime.timedelta(minutes=1))
    call_command("publish_scheduled")
    entry = arrives(log, page, "wagtail.unpublish.scheduled")
    assert entry["before"]["live"] is True and entry["after"]["live"] is False
    assert entry["after"]["expired"] is True


def test_unpublish(log, admin, page):
    post(admin, reverse("wagtailadmin_pages:unpublish", args=[page.pk]))
    entry = arrives(log, page, "wagtail.unpublish")
    assert entry["changed"] == ["live"]


def test_lock_and_unlock(log, admin, page):
    post(admin, reverse("wagtailadmin_pages:lock", args=[page.pk]))
    entry = arrives(log, page, "wagtail.lock")
    assert entry["before"] == {"locked": False} and entry["after"] == {"locked": True}
    post(admin, reverse("wagtailadmin_pages:unlock", args=[page.pk]))
    arrives(log, page, "wagtail.unlock")


def test_legacy_moderation(log, ada, page):
    """Wagtail registers these and has no code left that writes them."""
    for action in ("wagtail.moderation.approve", "wagtail.moderation.reject"):
        wagtail_log(page, action, user=ada)
        arrives(log, page, action)


def test_revert(log, admin, page):
    first = page.latest_revision
    edit(admin, page, "publish", title="Newer")
    url = reverse("wagtailadmin_pages:revisions_revert", args=[page.pk, first.pk])
    data = fill(admin, url)
    assert data["title"] == "Revert"
    data["action-publish"] = "on"
    post(admin, url, data, expect=(302,))
    entry = arrives(log, page, "wagtail.revert")
    assert entry["data"]["revision"]["id"] == first.pk
    assert entry["before"]["title"] == "Newer" and entry["after"]["title"] == "Revert"
    assert arrives(log, page, "wagtail.publish", 3)["data"]["revision"]["id"] == first.pk


def test_copy(log, admin, home, page):
    url = reverse("wagtailadmin_pages:copy", args=[page.pk])
    data = {"new_title": "Copied", "new_slug": "copied", "new_parent_page": home.pk, "publish_copies": "on"}
    post(admin, url, data, expect=(302,))
    copied = StandardPage.objects.get(slug="copied")
    entry = arrives(log, copied, "wagtail.copy")
    assert entry["data"]["source"]["id"] == home.pk and entry["data"]["keep_live"] is True
    actions = [each["action"] for each in log.of(copied)]
    assert actions == ["wagtail.create", "wagtail.copy", "wagtail.publish"]
    assert log.of(copied)[0]["after"]["title"] == "Copied"


def test_copy_for_translation(log, admin, home, page):
    german, _ = Locale.objects.get_or_create(language_code="de")
    home.copy_for_translation(german)
    url = reverse("simple_translation:submit_page_translation", args=[page.pk])
    post(admin, url, {"locales": [german.pk]}, expect=(302,))
    entry = arrives(log, page.get_translation(german), "wagtail.copy_for_translation")
    assert entry["data"]["source_locale"]["language_code"] == "en"


def test_alias(log, admin, home, page):
    url = reverse("wagtailadmin_pages:copy", args=[page.pk])
    post(
        admin, url, {"new_title": "Twin", "new_slug": "twin", "new_parent_page": home.pk, "alias": "on"}, expect=(302,)
    )
    twin = StandardPage.objects.get(slug="twin")
    entry = arrives(log, twin, "wagtail.create_alias")
    assert entry["data"]["source"]["id"] == home.pk
    post(admin, reverse("wagtailadmin_pages:convert_alias", args=[twin.pk]))
    assert arrives(log, twin, "wagtail.convert_alias")["data"]["page"]["title"] == "Alias"


def test_move_and_reorder(log, admin, home, page):
    other = add(admin, home, "New parent", "publish")
    post(admin, reverse("wagtailadmin_pages:move_confirm", args=[page.pk, other.pk]))
    entry = arrives(log, page, "wagtail.move")
    assert entry["before"] == {"parent": home.pk} and entry["after"] == {"parent": other.pk}
    assert entry["data"]["destination"]["title"] == "New parent"
    post(admin, reverse("wagtailadmin_pages:set_page_position", args=[other.pk]) + "?position=0")
    arrives(log, other, "wagtail.reorder")


def test_view_restrictions(log, admin, page):
    url = reverse("wagtailadmin_pages:set_privacy", args=[page.pk])
    post(admin, url, {"restriction_type": "password", "password": "hush", "groups": []})
    entry = arrives(log, page, "wagtail.view_restriction.create")
    assert entry["data"]["restriction"]["type"] == "password"
    post(admin, url, {"restriction_type": "login", "password": "", "groups": []})
    arrives(log, page, "wagtail.view_restriction.edit")
    post(admin, url, {"restriction_type": "none", "password": "", "groups": []})
    arrives(log, page, "wagtail.view_restriction.delete")
    assert "hush" not in json.dumps(log.of(page))


def test_workflow(log, admin, ada, page):
    edit(admin, page, "submit", title="For approval")
    state = page.current_workflow_state
    started = arrives(log, page, "wagtail.workflow.start")
    assert started["data"]["workflow"]["title"] == state.workflow.name

    def act(name, comment):
        task = page.current_workflow_task_state
        url = reverse("wagtailadmin_pages:workflow_action", args=[page.pk, name, task.pk])
        post(admin, url, {"comment": comment})
        page.refresh_from_db()

    act("reject", "Not yet")
    rejected = arrives(log, page, "wagtail.workflow.reject")
    assert rejected["reason"] == "Not yet" and rejected["data"]["comment"] == "Not yet"
    edit(admin, page, "submit", title="For approval again")
    arrives(log, page, "wagtail.workflow.resume")
    act("approve", "Good")
    assert arrives(log, page, "wagtail.workflow.approve")["reason"] == "Good"
    assert page.live and page.title == "For approval again"
    edit(admin, page, "submit", title="Third")
    edit(admin, page, "cancel-workflow")
    arrives(log, page, "wagtail.workflow.cancel")


def test_comments(log, admin, page):
    def commented(**fields):
        url = reverse("wagtailadmin_pages:edit", args=[page.pk])
        data = fill(admin, url)
        data.update(fields)
        post(admin, url, data)
        return page.wagtail_admin_comments.order_by("pk").last()

    first = {
        "comments-TOTAL_FORMS": "1", "comments-INITIAL_FORMS": "0", "comments-MIN_NUM_FORMS": "0",
        "comments-MAX_NUM_FORMS": "", "comments-0-DELETE": "", "comments-0-resolved": "", "comments-0-id": "",
        "comments-0-contentpath": "title", "comments-0-text": "Why?", "comments-0-position": "",
        "comments-0-replies-TOTAL_FORMS": "0", "comments-0-replies-INITIAL_FORMS": "0",
        "comments-0-replies-MIN_NUM_FORMS": "0", "comments-0-replies-MAX_NUM_FORMS": "0",
    }  # fmt: skip
    comment = commented(**first)
    entry = arrives(log, page, "wagtail.comments.create")
    assert entry["data"]["comment"] == {"id": comment.pk, "contentpath": "title", "text": "Why?"}
    assert entry["summary"] == 'Added a comment on field Title: "Why?"'
    known = {**first, "comments-INITIAL_FORMS": "1", "comments-0-id": str(comment.pk), "comments-0-text": "Why not?"}
    commented(**known)
    arrives(log, page, "wagtail.comments.edit")
    reply = {
        **known, "comments-0-replies-TOTAL_FORMS": "1", "comments-0-replies-0-id": "",
        "comments-0-replies-0-text": "Because", "comments-0-replies-0-DELETE": "",
    }  # fmt: skip
    comment = commented(**reply)
    arrives(log, page, "wagtail.comments.create_reply")
    reply |= {
        "comments-0-replies-INITIAL_FORMS": "1", "comments-0-replies-0-id": str(comment.replies.get().pk),
        "comments-0-replies-0-text": "Because of that",
    }  # fmt: skip
    commented(**reply)
    assert arrives(log, page, "wagtail.comments.edit_reply")["data"]["reply"]["text"] == "Because of that"
    commented(**{**reply, "comments-0-replies-0-DELETE": "on"})
    arrives(log, page, "wagtail.comments.delete_reply")
    commented(**{**known, "comments-0-resolved": "on"})
    arrives(log, page, "wagtail.comments.resolve")
    commented(**first)
    comment = page.wagtail_admin_comments.order_by("pk").last()
    commented(**{**first, "comments-INITIAL_FORMS": "1", "comments-0-id": str(comment.pk), "comments-0-DELETE": "on"})
    arrives(log, page, "wagtail.comments.delete")


def test_delete_with_descendants(log, admin, page):
    child = add(admin, page, "Child", "publish", body=rich("of the child"))
    post(admin, reverse("wagtailadmin_pages:delete", args=[page.pk]), expect=(302,))
    entries = [
        each for each in log.entries(action="wagtail.delete") if each["entity"]["id"] in {str(child.pk), str(page.pk)}
    ]
    assert [each["entity"]["title"] for each in entries] == ["Child", page.title]
    assert "of the child" in entries[0]["before"]["body"] and entries[0]["after"] is None
    assert entries[0]["correlation_id"] == entries[1]["correlation_id"]
    assert all(each["data"]["wagtail"]["deleted"] for each in entries)
    SEEN.add("wagtail.delete")
    # Nobody tells of it twice.
    assert not log.entries(action="django.delete", entity_id=str(page.pk))


def test_api_tokens(log, admin, ada):
    if not registry.action_exists("wagtail.apitoken.create"):
        pytest.skip("this Wagtail has no API tokens")
    from wagtail.models import APIToken

    answer = post(admin, reverse("wagtailusers_api_tokens:add"), {"user": ada.pk, "name": "ci"})
    token = APIToken.objects.get(name="ci")
    arrives(log, token, "wagtail.apitoken.create")
    post(admin, reverse("wagtailusers_api_tokens:delete", args=[token.pk]))
    arrives(log, token, "wagtail.apitoken.revoke")
    assert str(answer.context_data["token"]) not in json.dumps(log.of(token))


def test_snippets(log, admin):
    from tests.acme.models import Advert

    url = reverse(Advert.snippet_viewset.get_url_name("add"))
    data = fill(admin, url, text="Buy", price="3.50")
    post(admin, url, {**data.dict(), "action-publish": "on"}, expect=(302,))
    advert = Advert.objects.get(text="Buy")
    created = arrives(log, advert, "wagtail.create")
    assert created["after"]["text"] == "Buy" and created["before"] is None
    url = reverse(Advert.snippet_viewset.get_url_name("edit"), args=[advert.pk])
    post(admin, url, fill(admin, url, text="Sell"), expect=(302,))
    edited = arrives(log, advert, "wagtail.edit")
    assert edited["before"]["text"] == "Buy" and edited["after"]["text"] == "Sell"
    post(admin, url, {**fill(admin, url).dict(), "action-publish": "on"}, expect=(302,))
    published = arrives(log, advert, "wagtail.publish", 2)
    assert published["before"]["text"] == "Buy" and published["after"]["text"] == "Sell"
    assert published["changed"] == ["text"]
    for name in ("lock", "unlock", "unpublish", "delete"):
        post(admin, reverse(Advert.snippet_viewset.get_url_name(name), args=[advert.pk]), expect=(302,))
    entries = log.entries(entity_type="acme.advert", entity_id=str(advert.pk))
    actions = [each["action"] for each in entries]
    assert actions[-4:] == ["wagtail.lock", "wagtail.unlock", "wagtail.unpublish", "wagtail.delete"]
    assert entries[-1]["before"]["text"] == "Sell"


def test_snippet_without_revisions(log, admin):
    url = reverse(Plain.snippet_viewset.get_url_name("add"))
    post(admin, url, {"name": "Once", "api_key": "k-111"}, expect=(302,))
    plain = Plain.objects.get(name="Once")
    assert arrives(log, plain, "wagtail.create")["after"]["name"] == "Once"
    url = reverse(Plain.snippet_viewset.get_url_name("edit"), args=[plain.pk])
    post(admin, url, {"name": "Twice", "api_key": "k-222"}, expect=(302,))
    edited = arrives(log, plain, "wagtail.edit")
    assert edited["before"]["name"] == "Once" and edited["after"]["name"] == "Twice"
    # A secret tells only that it changed.
    assert edited["before"]["api_key"] != edited["after"]["api_key"]
    assert "k-111" not in json.dumps(log.of(plain)) and "k-222" not in json.dumps(log.of(plain))
    assert [each["action"] for each in log.of(plain)] == ["wagtail.create", "wagtail.edit"]


def test_custom_log_model(log, ada):
    sprocket = Sprocket.objects.create(name="cog")
    data = {"make": {"it": "so"}, "when": timezone.now()}
    wagtail_log(sprocket, "acme.export", user=ada, data=data, batch="B7")
    SEEN.add("acme.export")
    [entry] = log.of(sprocket)
    assert entry["action"] == "acme.export" and entry["summary"] == "Exported"
    assert entry["data"]["make"] == {"it": "so"}
    assert (
        entry["data"]["wagtail"]["batch"] == "B7" and entry["data"]["wagtail"]["log_model"] == "acme.SprocketLogEntry"
    )


def test_every_way_of_writing(log, ada, page):
    """`log()`, the manager, the model itself, and a fixture: once each."""
    from django.contrib.contenttypes.models import ContentType
    from django.core import serializers
    from wagtail.log_actions import LogContext

    def count():
        return log.count(entity_id=str(page.pk), entity_type="acme.standardpage")

    before = count()
    with LogContext(user=ada) as context:
        wagtail_log(page, "wagtail.lock")
    assert count() == before + 1
    assert log.of(page)[-1]["correlation_id"] == str(context.uuid)
    PageLogEntry.objects.log_action(page, "wagtail.unlock", user=ada)
    kind = ContentType.objects.get_for_model(StandardPage)
    row = PageLogEntry(content_type=kind, label="By hand", action="wagtail.edit", timestamp=timezone.now(), page=page)
    row.save()
    assert count() == before + 3
    row.pk = None
    text = serializers.serialize("json", [row])
    for each in serializers.deserialize("json", text):
        each.object.pk = None
        each.save(force_insert=True)
    assert count() == before + 4


def test_every_registered_action_was_triggered(log):
    """Last: nothing that this Wagtail registers was left out, and every row of every log model is in the log."""
    registered = {code for code, _ in registry.get_choices()} - {"indelible.taken_back"}
    assert registered - SEEN == set() if registry.action_exists("wagtail.apitoken.create") else registered <= SEEN
    core = {code for code in registered if code.startswith("wagtail.")}
    assert len(core) in {36, 38}
    log.send()
    for model in log_models():
        for row in model.objects.order_by("pk"):
            check_known(log, model, row)


def check_known(log, model, row):
    entry = log.entry(ids.of_row(ids.namespace_of_site("acme.www"), model._meta.label, row.pk))
    assert entry["action"] == row.action
