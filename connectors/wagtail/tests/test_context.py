"""In whose name and from where, carried on purpose or not at all."""

import ipaddress
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import RequestFactory
from django.test.utils import override_settings
from wagtail.log_actions import LogContext, get_active_log_context
from wagtail.log_actions import log as wagtail_log

from indelible_wagtail import as_system, carried
from indelible_wagtail.conf import conf
from indelible_wagtail.context import Origin, current_origin, origin
from indelible_wagtail.middleware import client_ip, origin_of
from tests.acme.models import Plain

OURS = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("2001:db8::/32"))


@pytest.fixture
def plain(request):
    return Plain.objects.create(name=request.node.name)


@pytest.mark.parametrize(
    ("remote", "forwarded", "found"),
    [
        ("203.0.113.9", "", "203.0.113.9"),
        # Nobody but a trusted proxy is believed.
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        # What the client wrote itself at the left end does not count.
        ("10.0.0.1", "1.2.3.4, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        ("10.0.0.1", "nonsense", "10.0.0.1"),
        ("10.0.0.1", "1.2.3.4, nonsense, 10.0.0.2", "10.0.0.2"),
        ("::ffff:10.0.0.1", "2001:db8::1, 2001:db9::1", "2001:db9::1"),
        ("2001:db8::5", "198.51.100.1", "198.51.100.1"),
        ("", "", ""),
    ],
)
def test_address_of_the_client(remote, forwarded, found):
    assert client_ip(remote, forwarded, OURS) == found


def test_origin_of_a_request():
    request = RequestFactory().get("/admin/?a=1", HTTP_USER_AGENT="x" * 5000, HTTP_X_REQUEST_ID="r-1")

    class Session:
        session_key = "the key of a session"

    request.session = Session()
    found = origin_of(request)
    assert found["request_id"] == "r-1" and found["query"] == "a=1" and len(found["user_agent"]) == 1000
    assert len(found["session_id"]) == 32 and "the key" not in str(found)


def test_contexts_nest_and_come_back(log, ada, plain):
    with LogContext(user=ada) as outer:
        wagtail_log(plain, "wagtail.edit")
        with as_system() as inner:
            assert inner.uuid == outer.uuid
            wagtail_log(plain, "wagtail.edit")
        wagtail_log(plain, "wagtail.edit")
    entries = log.of(plain)[-3:]
    assert [each["actor"].get("name") for each in entries] == ["Ada Root", None, "Ada Root"]
    assert {each["correlation_id"] for each in entries} == {str(outer.uuid)}
    assert get_active_log_context().user is None


def test_threads_inherit_nothing_unless_they_are_told_to(log, ada, plain):
    from django.db import connection

    def act():
        try:
            wagtail_log(plain, "wagtail.edit")
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool, LogContext(user=ada) as context, origin(Origin({"ip": "192.0.2.1"})):
        pool.submit(act).result()
        pool.submit(carried(act)).result()
        pool.submit(act).result()
    nobody, carried_over, again = log.of(plain)[-3:]
    assert nobody["actor"] == again["actor"] == {"type": "system"} and "origin" not in again
    assert carried_over["actor"]["name"] == "Ada Root" and carried_over["origin"] == {"ip": "192.0.2.1"}
    assert carried_over["correlation_id"] == str(context.uuid)
    assert current_origin() is None


def test_many_threads_never_mix_actors(server, log, plain):
    from django.contrib.auth import get_user_model
    from django.db import connection

    users = [get_user_model().objects.create_user(f"thread{number}") for number in range(8)]

    def act(user):
        try:
            with LogContext(user=user) as context:
                for _ in range(5):
                    wagtail_log(plain, "wagtail.edit", data={"by": user.username, "in": str(context.uuid)})
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(act, users * 3))
    entries = [each for each in log.of(plain) if "by" in each["data"]]
    assert len(entries) == 8 * 3 * 5
    for each in entries:
        assert each["actor"]["name"] == each["data"]["by"] and each["correlation_id"] == each["data"]["in"]


def test_impersonation(server, log, ada, plain):
    from django.contrib.auth import get_user_model

    editor = get_user_model().objects.create_user("edna")
    request = RequestFactory().get("/")
    request.user = editor
    with override_settings(INDELIBLE=server.settings(RELAY="command", IMPERSONATOR=lambda _: ada)):
        with origin(Origin({"ip": "192.0.2.1"}, request)):
            wagtail_log(plain, "wagtail.edit", user=editor)
        entry = log.of(plain)[-1]
    assert entry["actor"]["name"] == "Ada Root"
    assert entry["actor"]["on_behalf_of"]["id"] == str(editor.pk)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"URI": "https://audit.example.com"}, "has no setting 'URI'"),
        ({"URL": "ftp://audit.example.com"}, "must be an address"),
        ({"URL": "http://audit.example.com"}, "must begin with https://"),
        ({"RELAY": "celery"}, "'thread' or 'command'"),
        ({"BATCH": 20_000}, "must be 1 to 10000"),
        ({"TOKEN": "same", "READ_TOKEN": "same"}, "are the same"),
    ],
)
def test_settings_that_are_wrong(settings, said):
    from django.core.checks import run_checks

    with override_settings(INDELIBLE=settings):
        assert any(said in problem for problem in conf().problems())
        assert any(said in message.msg for message in run_checks())


def test_settings_that_cannot_be_read():
    from django.core.exceptions import ImproperlyConfigured

    for wrong in ({"BATCH": "many"}, {"TRUSTED_PROXIES": ["here"]}, {"IMPERSONATOR": "no.such.thing"}, []):
        with override_settings(INDELIBLE=wrong), pytest.raises(ImproperlyConfigured, match="INDELIBLE"):
            conf()
