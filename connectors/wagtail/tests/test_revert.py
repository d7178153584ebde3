"""Changes are taken back in Wagtail on signed orders of the log: all of it, once, or nothing."""

import hashlib
import hmac
import json
import threading
import time
import uuid
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from django.test import Client
from django.test.utils import override_settings
from django.urls import reverse
from wagtail.log_actions import registry

from indelible_wagtail.models import RevertOrder
from tests.acme.models import Advert, Contact, Plain, StandardPage

from .forms import add, edit, fill, post
from .test_actions import rich

SECRET = "a secret of more than thirty-two characters"


class Quiet(WSGIRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def host(server):
    """The Wagtail site on a port, known to the log as the host of its entries."""
    from django.core.wsgi import get_wsgi_application

    with make_server("127.0.0.1", 0, get_wsgi_application(), handler_class=Quiet) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{running.server_port}/indelible/revert"
        status, answer = server.ask(
            "PUT", "/connectors/wagtail", {"revert_url": url, "revert_secret": SECRET}, server.admin
        )
        assert status in {200, 201}, answer
        yield url
        running.shutdown()


@pytest.fixture
def page(admin, home, request):
    name = "Revert " + request.node.name.removeprefix("test_").replace("_", " ")
    return add(admin, home, name[:60], "publish", body=rich("first"))


@pytest.fixture
def take_back(server, log, host):
    def take_back(entry, expect=201, **more):
        status, answer = server.ask(
            "POST", f"/entries/{entry['id']}/revert", {"reason": "ticket 7", **more}, server.admin
        )
        assert status == expect, (status, answer)
        return answer

    return take_back


def last(log, instance, action):
    return [each for each in log.of(instance) if each["action"] == action][-1]


def test_a_published_change_of_a_page(log, admin, page, take_back):
    title = page.title
    edit(admin, page, "publish", title="Oops", body=rich("second"))
    reverted = take_back(last(log, page, "wagtail.publish"))
    page.refresh_from_db()
    assert (page.title, page.live) == (title, True) and "first" in page.body
    entry = log.entry(reverted["id"])
    assert entry["action"] == "indelible.revert" and entry["before"]["title"] == "Oops"
    # Wagtail's own history tells it too, with a revision to look at.
    row = registry.get_logs_for_instance(page).filter(action="indelible.taken_back").get()
    assert row.data["reason"] == "ticket 7" and row.revision is not None
    told = last(log, page, "indelible.taken_back")
    assert told["data"]["reverts"] and told["reason"] == "ticket 7"
    assert told["correlation_id"] == str(row.uuid)
    # And what was taken back can be taken back.
    take_back(entry)
    page.refresh_from_db()
    assert page.title == "Oops"


def test_a_draft_stays_a_draft(log, admin, page, take_back):
    edit(admin, page, body=rich("a draft"))
    take_back(last(log, page, "wagtail.edit"))
    page.refresh_from_db()
    assert "first" in page.get_latest_revision_as_object().body
    assert "first" in page.body


def test_one_field_of_two(log, admin, page, take_back):
    """A later change of another field is left alone; of the same field it is a conflict."""
    edit(admin, page, "publish", title="Two")
    entry = last(log, page, "wagtail.publish")
    edit(admin, page, "publish", body=rich("later"))
    take_back(entry)
    page.refresh_from_db()
    assert page.title.startswith("Revert") and "later" in page.body
    edit(admin, page, "publish", title="Three")
    entry = last(log, page, "wagtail.publish")
    edit(admin, page, "publish", title="Four")
    assert "title" in json.dumps(take_back(entry, expect=409))
    # Also one that the log has not heard of yet: the host compares.
    entry = last(log, page, "wagtail.publish")
    StandardPage.objects.filter(pk=page.pk).update(title="Five")
    page.refresh_from_db()
    page.save_revision()
    take_back(entry, expect=409)
    page.refresh_from_db()
    assert page.title == "Five"


def test_unpublish_move_and_lock(log, admin, home, page, take_back):
    post(admin, reverse("wagtailadmin_pages:unpublish", args=[page.pk]))
    take_back(last(log, page, "wagtail.unpublish"))
    page.refresh_from_db()
    assert page.live
    other = add(admin, home, f"Elsewhere {page.pk}", "publish")
    post(admin, reverse("wagtailadmin_pages:move_confirm", args=[page.pk, other.pk]))
    take_back(last(log, page, "wagtail.move"))
    page.refresh_from_db()
    assert page.get_parent().pk == home.pk
    edit(admin, page, "publish", title="Soon locked")
    post(admin, reverse("wagtailadmin_pages:lock", args=[page.pk]))
    locked = last(log, page, "wagtail.lock")
    entry = last(log, page, "wagtail.publish")
    assert "lock" in take_back(entry, expect=422)["detail"]
    take_back(locked)
    page.refresh_from_db()
    assert not page.locked


def test_a_page_that_was_deleted(log, admin, home, page, take_back):
    pk, title = page.pk, page.title
    post(admin, reverse("wagtailadmin_pages:delete", args=[pk]), expect=(302,))
    take_back(last(log, StandardPage(pk=pk), "wagtail.delete"))
    back = StandardPage.objects.get(pk=pk)
    assert back.title == title and "first" in back.body and back.live and back.get_parent().pk == home.pk


def test_snippets_and_settings(log, admin, take_back):
    plain = Plain.objects.create(name="Before")
    url = reverse(Plain.snippet_viewset.get_url_name("edit"), args=[plain.pk])
    post(admin, url, {"name": "After", "api_key": ""}, expect=(302,))
    take_back(last(log, plain, "wagtail.edit"))
    plain.refresh_from_db()
    assert plain.name == "Before"
    post(admin, reverse(Plain.snippet_viewset.get_url_name("delete"), args=[plain.pk]), expect=(302,))
    take_back(last(log, plain_of(plain.pk), "wagtail.delete"))
    assert Plain.objects.get(pk=plain.pk).name == "Before"

    advert = Advert.objects.create(text="Live", price="1.50")
    advert.save_revision().publish()
    url = reverse(Advert.snippet_viewset.get_url_name("edit"), args=[advert.pk])
    post(admin, url, {**fill(admin, url, price="2.75").dict(), "action-publish": "on"}, expect=(302,))
    take_back(last(log, advert, "wagtail.publish"))
    advert.refresh_from_db()
    assert str(advert.price) == "1.50" and advert.live

    contact = Contact.load()
    contact.phone = "110"
    contact.save()
    contact.phone = "112"
    contact.save()
    take_back(log.of(contact)[-1])
    assert Contact.objects.get().phone == "110"


def plain_of(pk):
    return Plain(pk=pk)


def test_what_is_not_put_back(log, ada, take_back):
    from django.contrib.auth import get_user_model

    account = get_user_model().objects.create_user("climber")
    account.is_superuser = True
    account.save()
    answer = take_back(log.of(account)[-1], expect=422)
    assert "only pages, snippets and settings" in answer["detail"]
    account.refresh_from_db()
    assert account.is_superuser


# What only the host sees: orders as they come over the wire.


def order(plain, **more):
    return {
        "idempotency_key": str(uuid.uuid4()), "site": "acme.www", "entry_id": str(uuid.uuid4()),
        "entity": {"type": "acme.plain", "id": str(plain.pk)}, "set": {"/name": "New"}, "remove": [],
        "expected": {"/name": plain.name}, "reason": "", "requested_by": "ana", **more,
    }  # fmt: skip


def send(body, secret=SECRET, at=None, header=None):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    now = int(time.time()) if at is None else at
    signature = hmac.new(secret.encode(), f"{now}.".encode() + body, hashlib.sha256).hexdigest()
    header = f"t={now},v1={signature}" if header is None else header
    answer = Client(enforce_csrf_checks=True).post(
        "/indelible/revert", body, content_type="application/json", HTTP_INDELIBLE_SIGNATURE=header
    )
    return answer.status_code, answer.json() if answer.status_code != 405 else None


@pytest.fixture
def plain(request):
    return Plain.objects.create(name=request.node.name)


def test_who_does_not_sign_is_refused(plain):
    for wrong in (
        {"secret": "another"}, {"at": int(time.time()) - 301}, {"at": int(time.time()) + 360}, {"header": ""},
        {"header": "t=1,v1="}, {"header": "v1=00,t=x"}, {"header": f"t={int(time.time())},v1=ü"},
    ):  # fmt: skip
        assert send(order(plain), **wrong)[0] == 401
    plain.refresh_from_db()
    assert plain.name != "New"
    assert Client().get("/indelible/revert").status_code == 405
    with override_settings(INDELIBLE={"SITE": "acme.www"}):
        status, answer = send(order(plain), secret="")
        assert status == 503 and "REVERT_SECRET" in answer["why"]


def test_the_same_order_is_carried_out_once(plain):
    given = order(plain)
    first = send(given)
    assert first[0] == 200 and first[1]["after"]["name"] == "New"
    plain.refresh_from_db()
    plain.name = "Newer"
    plain.save()
    assert send(given) == first
    plain.refresh_from_db()
    assert plain.name == "Newer"
    assert RevertOrder.objects.filter(key=given["idempotency_key"]).count() == 1


def test_orders_that_cannot_be_carried_out_say_why(plain):
    def why(expect=422, **more):
        status, answer = send(order(plain, **more))
        assert status == expect, answer
        return answer.get("why") or answer

    assert "for the site" in why(site="acme.other")
    assert "has no" in why(entity={"type": "acme.nothing", "id": "1"})
    assert "is not the key" in why(entity={"type": "acme.plain", "id": "x"})
    assert "only pages" in why(entity={"type": "auth.user", "id": "1"})
    assert "not there any more" in why(
        entity={"type": "acme.plain", "id": "999999"}, set={}, remove=["/name"], expected={}
    )
    assert "asks for nothing" in why(set={})
    assert "not a place" in why(set={"/unheard_of": 1}, expected={})
    assert "not a place" in why(set={"name": 1}, expected={})
    # A secret is never put back: what the log has of it is a marker.
    assert "not a place" in why(set={"/api_key": "[masked]"}, expected={"/api_key": ""})
    assert "name: " in why(set={"/name": "x" * 500})
    assert why(expect=409, expected={"/name": "Something else"})["current"]["name"] == plain.name
    assert "not as it should be" in send(b"[]")[1]["why"]
    assert "not as it should be" in send(b"{")[1]["why"]
    assert send(b"[" * 100_000)[0] == 422
    plain.refresh_from_db()
    assert plain.name == "test_orders_that_cannot_be_carried_out_say_why"
    assert not RevertOrder.objects.filter(entity_type="acme.plain", entity_id=str(plain.pk)).exists()
