"""What Wagtail's admin does without logging it, or without saying what changed, is told all the same."""

import json

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file
from wagtail.models import Collection, Page, Site

from tests.acme.models import Advert, Contact, Plain

from .forms import fill, post

User = get_user_model()
Image = get_image_model()


def user(name, **more):
    return User.objects.create_user(name, f"{name}@example.com", "secret", **more)


def bulk(client, model, action, objects, **data):
    url = reverse("wagtail_bulk_action", args=[model._meta.app_label, model._meta.model_name, action])
    query = "&".join(f"id={each.pk}" for each in objects)
    return post(client, f"{url}?{query}&next=/admin/", data, expect=(302,))


def by_action(log, instance, action):
    return [each for each in log.of(instance) if each["action"] == action]


def test_sign_ins(log):
    account = user("sam", is_superuser=True)
    client = Client(HTTP_USER_AGENT="tests", REMOTE_ADDR="198.51.100.7")
    url = reverse("wagtailadmin_login")
    client.post(url, {"username": "sam", "password": "wrong-one"})
    client.post(url, {"username": "hunter2-in-the-wrong-field", "password": "secret"})
    client.post(url, {"username": "sam", "password": "secret"})
    client.post(reverse("wagtailadmin_logout"))
    failed, came, went = [each for each in log.of(account) if each["action"].startswith("auth.")]
    assert (failed["action"], failed["outcome"]) == ("auth.login_failed", "failure")
    assert failed["actor"] == {"type": "user", "name": "anonymous"} and failed["origin"]["ip"] == "198.51.100.7"
    assert (came["action"], came["kind"], came["actor"]["name"]) == ("auth.login", "access", "sam")
    assert went["action"] == "auth.logout"
    [unknown] = log.entries(action="auth.login_failed", entity_id="unknown")
    everything = json.dumps([failed, came, went, unknown])
    assert "hunter2" not in everything and "wrong-one" not in everything


def test_collections(log, admin, ada):
    post(
        admin, reverse("wagtailadmin_collections:add"), {"name": "Press", "parent": Collection.get_first_root_node().pk}
    )
    collection = Collection.objects.get(name="Press")
    url = reverse("wagtailadmin_collections:edit", args=[collection.pk])
    post(admin, url, fill(admin, url, name="Media"), expect=(302,))
    url = reverse("wagtailadmin_collections:set_privacy", args=[collection.pk])
    post(admin, url, {"restriction_type": "login", "password": "", "groups": []})
    post(admin, reverse("wagtailadmin_collections:delete", args=[collection.pk]))
    kinds = [each["kind"] for each in log.of(collection)]
    assert kinds[0] == "create" and kinds[-1] == "delete" and "update" in kinds
    [edited] = [each for each in log.of(collection) if each["changed"] == ["name"]]
    assert edited["before"]["name"] == "Press" and edited["after"]["name"] == "Media"
    assert edited["actor"]["id"] == str(ada.pk) and edited["origin"]["method"] == "POST"
    [restricted] = log.entries(entity_type="wagtailcore.collectionviewrestriction", kind="create")
    assert restricted["after"]["restriction_type"] == "login"


def test_bulk_deletion_of_snippets(log, admin, ada):
    adverts = [Advert.objects.create(text=f"Bulk {number}") for number in range(3)]
    bulk(admin, Advert, "delete", adverts)
    assert not Advert.objects.filter(pk__in=[each.pk for each in adverts]).exists()
    told = [log.entries(entity_type="acme.advert", entity_id=str(each), kind="delete") for each in range(1, 50)]
    entries = [each for found in told for each in found if (each["before"] or {}).get("text", "").startswith("Bulk ")]
    assert len(entries) == 3 and {each["actor"]["id"] for each in entries} == {str(ada.pk)}
    assert len({each["correlation_id"] for each in entries}) == 1


def test_images(log, admin):
    url = reverse("wagtailimages:add_multiple")
    content = get_test_image_file().file.getvalue()
    answer = admin.post(
        url,
        {"title": "Uploaded", "files[]": SimpleUploadedFile("uploaded.png", content, "image/png")},
        HTTP_X_REQUESTED_WITH="XMLHttpRequest",
    )
    assert answer.status_code == 200
    image = Image.objects.latest("pk")
    [created] = [each for each in log.of(image) if each["kind"] == "create"]
    assert created["after"]["title"] == image.title and created["actor"]["name"] == "Ada Root"
    collection = Collection.get_first_root_node().add_child(name="Elsewhere")
    bulk(admin, Image, "add_to_collection", [image], collection=collection.pk)
    moved = log.of(image)[-1]
    assert moved["changed"] == ["collection"] and moved["after"]["collection"] == collection.pk
    bulk(admin, Image, "delete", [image])
    gone = log.entries(entity_type="wagtailimages.image", kind="delete")[-1]
    assert gone["before"]["title"] == image.title


def test_users_in_bulk(log, admin):
    accounts = [user(f"bulk{number}") for number in range(2)]
    bulk(admin, User, "set_active_state", accounts, mark_as_active=False)
    for account in accounts:
        changed = log.of(account)[-1]
        assert changed["changed"] == ["is_active"] and changed["after"]["is_active"] is False
    role = Group.objects.create(name="Reviewers")
    bulk(admin, User, "assign_role", accounts, role=role.pk)
    for account in accounts:
        changed = log.of(account)[-1]
        assert changed["after"]["groups"] == ["Reviewers"] and changed["before"]["groups"] == []
    bulk(admin, User, "delete", accounts)
    assert [each["kind"] for each in log.entries(entity_type="auth.user", kind="delete")][-2:] == ["delete"] * 2


def test_what_was_edited_of_a_user(log, admin):
    """Wagtail's entry for making somebody superuser and for a new name is the same: edit, with nothing."""
    account = user("rose")
    url = reverse("wagtailusers_users:edit", args=[account.pk])
    data = fill(
        admin,
        url,
        first_name="Rose",
        last_name="Red",
        is_superuser="on",
        is_active="on",
        password1="a-new-1",
        password2="a-new-1",
    )
    post(admin, url, data, expect=(302,))
    [entry] = by_action(log, account, "wagtail.edit")
    assert set(entry["changed"]) == {"first_name", "last_name", "is_superuser", "password"}
    assert entry["after"]["is_superuser"] is True
    everything = json.dumps(log.of(account))
    account.refresh_from_db()
    assert "a-new-1" not in everything and account.password not in everything


def test_permissions_of_groups(log, admin):
    group = Group.objects.create(name="Movers")
    permission = Permission.objects.get(content_type__app_label="acme", codename="add_plain")
    group.permissions.add(permission)
    entry = log.of(group)[-1]
    assert entry["before"] == {"permissions": []} or entry["after"]["permissions"] == ["acme.add_plain"]
    account = user("mia")
    account.groups.add(group)
    assert log.of(account)[-1]["after"]["groups"] == ["Movers"]
    group.user_set.clear()
    assert log.of(account)[-1]["after"]["groups"] == []


def test_settings_and_sites(log, admin):
    url = reverse("wagtailsettings:edit", args=["acme", "contact", Contact.load().pk])
    post(admin, url, {"phone": "+49 30 1"}, expect=(302,))
    post(admin, url, {"phone": "+49 30 2"}, expect=(302,))
    entry = [each for each in log.entries(entity_type="acme.contact") if each["kind"] == "update"][-1]
    assert entry["before"]["phone"] == "+49 30 1" and entry["after"]["phone"] == "+49 30 2"
    site = Site.objects.get()
    url = reverse("wagtailsites:edit", args=[site.pk])
    post(admin, url, fill(admin, url, hostname="www.acme.example", is_default_site="on"), expect=(302,))
    [entry] = by_action(log, site, "wagtail.edit")
    assert entry["changed"] == ["hostname"]


def test_saving_a_page_without_logging(log, home, ada):
    from wagtail.log_actions import LogContext

    from tests.acme.models import StandardPage

    page = home.add_child(instance=StandardPage(title="By code", slug="by-code"))
    with LogContext(user=ada):
        page.title = "By code, again"
        page.save()
    entry = log.of(page)[-1]
    assert entry["action"] == "django.update" and entry["changed"] == ["title"]
    assert entry["actor"]["name"] == "Ada Root"
    Page.objects.get(pk=page.pk).delete()
    deleted = [each for each in log.of(page) if each["kind"] == "delete"]
    assert len(deleted) == 1 and deleted[0]["before"]["title"] == "By code, again"


def test_a_command_says_which(log, monkeypatch):
    from indelible_wagtail import context

    monkeypatch.setattr("sys.argv", ["manage.py", "fix_names"])
    context._command.cache_clear()
    try:
        plain = Plain.objects.create(name="Of a command")
        assert log.of(plain)[-1]["origin"] == {"channel": "command:fix_names"}
    finally:
        monkeypatch.undo()
        context._command.cache_clear()


@pytest.mark.parametrize("name", ["indelible_doctor", "check"])
def test_nothing_is_wrong_with_this_site(log, name, capsys):
    # Tests delete rows of Wagtail's log past its back; that is found, and told.
    call_command("indelible_reconcile")
    log.send()
    call_command(name)
    assert "wrong  " not in capsys.readouterr().out
