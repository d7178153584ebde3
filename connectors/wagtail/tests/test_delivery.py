"""From a transaction to the log: all of it or nothing, once, whatever happens in between."""

import json
import threading

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test.utils import override_settings
from django.utils import timezone
from wagtail.log_actions import log as wagtail_log
from wagtail.models import ModelLogEntry

from indelible_wagtail import ids
from indelible_wagtail.api import Api
from indelible_wagtail.capture import log_rows
from indelible_wagtail.delivery import relay
from indelible_wagtail.delivery.doctor import examine
from indelible_wagtail.delivery.relay import deliver, pending
from indelible_wagtail.delivery.thread import relay_thread
from indelible_wagtail.models import OutboxRow, RelayStatus
from tests.acme.models import Advert, Plain


class Undo(Exception):
    pass


@pytest.fixture
def plain(request):
    return Plain.objects.create(name=request.node.name)


def waiting():
    return pending("default").count()


def wrong():
    return "\n".join(finding.text for finding in examine() if finding.is_wrong)


def test_what_is_rolled_back_leaves_nothing(log, ada, plain):
    log.send()
    before, rows = log.count(), ModelLogEntry.objects.count()
    with pytest.raises(Undo), transaction.atomic():
        wagtail_log(plain, "wagtail.edit", user=ada)
        plain.name = "Other"
        plain.save()
        assert waiting() == 2
        raise Undo
    assert waiting() == 0
    # A savepoint takes with it what was written within, and leaves the rest.
    with transaction.atomic():
        wagtail_log(plain, "wagtail.edit", user=ada, data={"kept": True})
        with pytest.raises(Undo), transaction.atomic():
            wagtail_log(plain, "wagtail.edit", user=ada, data={"kept": False})
            raise Undo
    assert log.count() == before + 1
    assert ModelLogEntry.objects.count() == rows + 1
    assert log.of(plain)[-1]["data"]["kept"] is True


def test_a_save_that_is_rolled_back_is_not_merged(log, ada, plain):
    with pytest.raises(Undo), transaction.atomic():
        plain.name = "Gone"
        plain.save()
        raise Undo
    plain.refresh_from_db()
    wagtail_log(plain, "wagtail.edit", user=ada)
    entry = log.of(plain)[-1]
    assert entry["action"] == "wagtail.edit" and entry["after"] is None


def test_what_cannot_be_recorded_is_not_done(monkeypatch, ada, plain):
    def fail(*_, **__):
        raise IntegrityError("the outbox is broken")

    rows = ModelLogEntry.objects.count()
    monkeypatch.setattr(log_rows.outbox, "put_log_row", fail)
    # Also outside of any transaction: the row and its outbox entry are one.
    with pytest.raises(IntegrityError, match="the outbox is broken"):
        wagtail_log(plain, "wagtail.edit", user=ada)
    assert ModelLogEntry.objects.count() == rows


def test_a_broken_snapshot_stops_nobody(monkeypatch, log, ada, plain):
    monkeypatch.setattr(log_rows, "_describe", lambda *_: 1 / 0)
    wagtail_log(plain, "wagtail.edit", user=ada)
    entry = log.of(plain)[-1]
    assert entry["data"]["wagtail"]["snapshot_error"] == "ZeroDivisionError: division by zero"
    assert entry["action"] == "wagtail.edit" and entry["actor"]["name"] == "Ada Root"


def test_a_crash_after_sending_sends_again_and_doubles_nothing(monkeypatch, log, ada, plain):
    log.send()
    before = log.count()
    wagtail_log(plain, "wagtail.edit", user=ada)
    plain.name = "Once"
    plain.save()

    def crash(*_):
        raise Undo

    with monkeypatch.context() as patch, pytest.raises(Undo):
        patch.setattr(relay, "_sent", crash)
        deliver()
    assert waiting() == 2
    assert log.server.ask("GET", "/entries?limit=1&count=exact")[1]["page"]["total"] == before + 2
    assert deliver().sent == 2
    assert log.count() == before + 2


def test_a_save_while_the_relay_sends_is_told_by_itself(monkeypatch, log, plain):
    """What is on its way cannot be changed any more: a second save of the same object must not vanish into it."""
    from wagtail.log_actions import LogContext

    append = Api.append

    def slow(self, entries):
        if not done:
            done.append(True)
            plain.name = "Second"
            plain.save()
        return append(self, entries)

    log.send()
    done = []
    with LogContext():
        plain.name = "First"
        plain.save()
        monkeypatch.setattr(Api, "append", slow)
        log.send()
    entries = [each for each in log.of(plain) if each["action"] == "django.update"]
    assert [each["after"]["name"] for each in entries] == ["First", "Second"]
    assert entries[1]["before"]["name"] == "First"


def test_saves_of_one_action_are_one_entry(log, plain):
    from wagtail.log_actions import LogContext

    log.send()
    with LogContext():
        for name in ("First", "Second", "Third"):
            plain.name = name
            plain.save()
    entry = log.of(plain)[-1]
    assert entry["after"]["name"] == "Third"
    assert entry["before"]["name"] == "test_saves_of_one_action_are_one_entry"


def test_a_server_that_is_away(server, log, ada, plain):
    log.send()
    before = log.count()
    server.stop()
    try:
        for _ in range(3):
            wagtail_log(plain, "wagtail.edit", user=ada)
        outcome = deliver()
        assert outcome.sent == 0 and outcome.waiting == 3 and "cannot be reached" in outcome.error
        with pytest.raises(CommandError, match="cannot be reached"):
            call_command("indelible_relay")
        # A relay that is patient asks not again before its time.
        state = RelayStatus.objects.get()
        assert state.failures == 2 and state.retry_at > timezone.now()
        assert "cannot be reached" in deliver(patient=True).error
        assert RelayStatus.objects.get().failures == 2
        assert "sending fails" in wrong()
    finally:
        server.start()
    assert deliver().sent == 3
    assert log.count() == before + 3
    assert RelayStatus.objects.get().failures == 0


def test_a_token_that_is_not_valid_is_no_entrys_fault(server, log, ada, plain):
    log.send()
    wagtail_log(plain, "wagtail.edit", user=ada)
    with override_settings(INDELIBLE=server.settings(TOKEN="nonsense")):
        outcome = deliver()
        assert outcome.refused == 0 and outcome.waiting == 1 and outcome.error.startswith("401")
        assert "refuses TOKEN: 401" in wrong()
    with override_settings(INDELIBLE=server.settings(SITE="acme.nowhere")):
        outcome = deliver()
        assert outcome.refused == 0 and outcome.waiting == 1 and outcome.error.startswith(("403", "404"))
    assert deliver().sent == 1


def test_what_the_log_refuses_is_set_aside_and_the_rest_goes_on(server, log, ada, plain, capsys):
    log.send()
    assert (
        server.ask("PUT", "/settings", {"require_reason": "entity.type:acme.plain kind:update"}, server.admin)[0] == 200
    )
    try:
        advert = Advert.objects.create(text="Goes on")
        wagtail_log(plain, "wagtail.edit", user=ada)
        wagtail_log(advert, "wagtail.edit", user=ada)
        outcome = deliver()
        assert outcome.refused == 1 and outcome.sent >= 1 and not outcome.error
        assert log.of(advert)[-1]["action"] == "wagtail.edit"
        row = OutboxRow.objects.get(state=OutboxRow.State.REFUSED)
        assert "reason" in row.reason and json.loads(row.payload)["action"] == "wagtail.edit"
        assert f"wagtailcore.ModelLogEntry:{row.source_pk}: " in wrong()
        with pytest.raises(SystemExit):
            call_command("indelible_doctor")
        assert "1 entries were refused" in capsys.readouterr().out
    finally:
        server.ask("PUT", "/settings", {"require_reason": False}, server.admin)
    call_command("indelible_relay", "--retry-refused")
    assert log.of(plain)[-1]["action"] == "wagtail.edit"
    assert "refused" not in wrong()


def test_an_entry_that_is_too_large(server, log, ada, plain):
    log.send()
    wagtail_log(plain, "wagtail.edit", user=ada, data={"much": "x" * (2 * 1024 * 1024)})
    wagtail_log(plain, "wagtail.edit", user=ada, data={"much": "x"})
    outcome = deliver()
    assert outcome.refused == 1 and outcome.sent == 1
    assert (
        "1 entries were refused" in wrong() and "large" in OutboxRow.objects.get(state=OutboxRow.State.REFUSED).reason
    )
    # Nobody can send it ever: here and now it must not be in the way of other tests.
    refused = OutboxRow.objects.filter(state=OutboxRow.State.REFUSED)
    ModelLogEntry.objects.filter(pk__in=[row.source_pk for row in refused])._raw_delete("default")
    refused.delete()


def test_states_that_are_too_large_are_told_by_what_changed(log, ada):
    advert = Advert.objects.create(text="Short")
    entry = {"before": {"a": 1, "b": "x" * 900_000}, "after": {"a": 2, "b": "x" * 900_000}, "data": {}}
    assert json.loads(log_rows.outbox.encode(entry))["after"] == {"a": 2}
    entry = {"before": {"b": "x" * 900_000}, "after": {"b": "y" * 900_000}, "data": {}}
    told = json.loads(log_rows.outbox.encode(entry))
    assert "after" not in told and told["data"]["wagtail"]["states_omitted"]["bytes"] > 1_800_000
    assert advert.pk


def test_a_key_that_was_used_before_a_restore(server, log, ada, plain):
    """The database was put back and gives the key away again, for something else."""
    wagtail_log(plain, "wagtail.edit", user=ada, data={"life": 1})
    row = ModelLogEntry.objects.latest("pk")
    log.send()
    first = log.entry(ids.of_row(ids.namespace_of_site(server.site), "wagtailcore.ModelLogEntry", row.pk))
    assert first["data"]["life"] == 1
    ModelLogEntry.objects.filter(pk=row.pk)._raw_delete("default")
    OutboxRow.objects.filter(source="wagtailcore.ModelLogEntry", source_pk=row.pk).delete()
    row.data, row.timestamp = {"life": 2}, timezone.now()
    ModelLogEntry.objects.bulk_create([row])
    call_command("indelible_reconcile")
    log.send()
    lives = [each["data"].get("life") for each in log.of(plain)]
    assert lives == [1, 2]
    assert log.of(plain)[-1]["data"]["wagtail"]["key_used_before_by"] == first["id"]


def test_a_row_that_was_imported_is_not_doubled(server, log, ada, plain):
    from indelible_wagtail.rows import columns_of, entry_of_row

    log.send()
    before = log.count()
    wagtail_log(plain, "wagtail.edit", user=ada)
    row = ModelLogEntry.objects.latest("pk")
    imported = entry_of_row(row, columns_of(row), row.user)
    entry_id = ids.of_row(ids.namespace_of_site(server.site), "wagtailcore.ModelLogEntry", row.pk)
    assert server.ask("POST", "/entries", {"id": str(entry_id), **imported}, server.writer)[0] == 201
    assert log.count() == before + 1


def test_what_waited_for_the_site_to_be_named_has_the_ids_of_an_import(server, log, ada, plain):
    with override_settings(INDELIBLE={}):
        wagtail_log(plain, "wagtail.edit", user=ada)
    log.send()
    row = ModelLogEntry.objects.latest("pk")
    entry_id = ids.of_row(ids.namespace_of_site(server.site), "wagtailcore.ModelLogEntry", row.pk)
    assert log.entry(entry_id)["action"] == "wagtail.edit"


def test_the_thread_sends_by_itself(server, log, ada, plain):
    log.send()
    before = log.count()
    with override_settings(INDELIBLE=server.settings(RELAY="thread")):
        sent = threading.Event()
        wagtail_log(plain, "wagtail.edit", user=ada)
        try:
            for _ in range(300):
                if waiting() == 0:
                    break
                sent.wait(0.1)
        finally:
            relay_thread.stop()
    assert waiting() == 0
    assert log.count() == before + 1


def test_only_one_sends(monkeypatch, ada, plain):
    from indelible_wagtail.delivery import lease

    wagtail_log(plain, "wagtail.edit", user=ada)
    with monkeypatch.context() as patch:
        patch.setattr(lease, "holder", lambda: "another:1:1")
        assert lease.acquire("default")
    assert deliver().error == "another process is sending"
    RelayStatus.objects.update(held_until=timezone.now())
    assert deliver().sent >= 1


def test_wrong_calls_say_what_is_wrong_and_leave_nothing(log, ada, plain):
    log.send()
    rows = ModelLogEntry.objects.count()
    with pytest.raises(ValidationError, match="has not been registered"):
        wagtail_log(plain, "acme.unheard_of", user=ada)
    with pytest.raises(ValueError, match="primary key"):
        wagtail_log(Plain(name="never saved"), "wagtail.edit", user=ada)
    with pytest.raises((ValidationError, TypeError)):
        wagtail_log(plain, "wagtail.edit", user=ada, data={"not": object()})
    assert waiting() == 0 and ModelLogEntry.objects.count() == rows


def test_no_context_is_told_apart_from_the_system(log, plain):
    from indelible_wagtail import as_system

    wagtail_log(plain, "wagtail.edit")
    with as_system():
        wagtail_log(plain, "wagtail.edit")
    nobody, system = log.of(plain)[-2:]
    assert nobody["actor"] == system["actor"] == {"type": "system"}
    assert nobody["data"]["wagtail"]["context"] == "none" and "context" not in system["data"]["wagtail"]
    assert any("no context" in finding.text for finding in examine())
