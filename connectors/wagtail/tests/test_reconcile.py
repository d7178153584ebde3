"""What no signal announces is found, and Wagtail's own log cannot be changed unnoticed."""

import datetime
import uuid

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from wagtail.log_actions import log as wagtail_log
from wagtail.models import ModelLogEntry

from indelible_wagtail import ids
from indelible_wagtail.delivery.compare import compare_with_log
from indelible_wagtail.delivery.doctor import examine
from indelible_wagtail.delivery.reconcile import reconcile
from indelible_wagtail.models import OutboxRow
from tests.acme.models import Plain

LABEL = "wagtailcore.ModelLogEntry"


@pytest.fixture
def plain(request):
    return Plain.objects.create(name=request.node.name)


@pytest.fixture(autouse=True)
def settled(log):
    """Begin with nothing to find."""
    reconcile()
    log.send()


def rows(plain, ada, count, **more):
    kind = ContentType.objects.get_for_model(Plain)
    together = uuid.uuid4()
    made = [
        ModelLogEntry(
            content_type=kind, object_id=str(plain.pk), label=plain.name, action="wagtail.edit", user=ada, uuid=together,
            timestamp=timezone.now(), data={"number": number}, **more,
        )
        for number in range(count)
    ]  # fmt: skip
    return ModelLogEntry.objects.bulk_create(made, batch_size=500)


def findings(log, action, pk):
    return [each for each in log.entries(action=action) if each["entity"]["id"] == str(pk)]


def test_rows_of_raw_sql_and_of_the_time_before(server, log, ada, plain):
    """A row that was there before the package came is sent as well, with what the importer would make of it."""
    [row] = rows(plain, None, 1)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE wagtailcore_modellogentry SET data = '\"\"' WHERE id = %s", [row.pk])
    assert reconcile().missing == 1
    log.send()
    entry = log.entry(ids.of_row(ids.namespace_of_site(server.site), LABEL, row.pk))
    assert entry["actor"] == {"type": "system"} and set(entry["data"]) == {"wagtail"}


def test_only_since(log, ada, plain):
    [old] = rows(plain, ada, 1)
    ModelLogEntry.objects.filter(pk=old.pk).update(timestamp=timezone.now() - datetime.timedelta(days=9))
    rows(plain, ada, 1)
    assert reconcile(timezone.now() - datetime.timedelta(days=1)).missing == 1
    call_command("indelible_reconcile", "--since", "36h")
    assert reconcile().missing == 1
    with pytest.raises(CommandError, match="--since"):
        call_command("indelible_reconcile", "--since", "yesterday")


def test_a_row_that_is_saved_again_is_told(log, ada, plain):
    wagtail_log(plain, "wagtail.edit", user=ada)
    row = ModelLogEntry.objects.latest("pk")
    row.label = "Something else"
    row.save()
    [entry] = findings(log, "wagtail.log_entry.update", row.pk)
    assert entry["before"]["label"] == plain.name and entry["after"]["label"] == "Something else"
    assert reconcile().altered == 0


def test_a_row_that_is_altered_past_signals_is_told(log, ada, plain):
    wagtail_log(plain, "wagtail.edit", user=ada)
    row = ModelLogEntry.objects.latest("pk")
    ModelLogEntry.objects.filter(pk=row.pk).update(user=None)
    assert reconcile().altered == 1
    [entry] = findings(log, "wagtail.log_entry.update", row.pk)
    assert entry["after"]["user_id"] is None
    assert log.entry(entry["data"]["wagtail"]["entry_id"])["actor"]["id"] == str(ada.pk)
    assert reconcile().altered == 0


def test_a_row_that_is_deleted_is_told(log, ada, plain):
    for _ in range(2):
        wagtail_log(plain, "wagtail.edit", user=ada)
    one, other = ModelLogEntry.objects.order_by("-pk")[:2]
    keys = one.pk, other.pk
    one.delete()
    ModelLogEntry.objects.filter(pk=other.pk)._raw_delete("default")
    assert reconcile().deleted == 1
    for pk in keys:
        assert len(findings(log, "wagtail.log_entry.delete", pk)) == 1
    assert reconcile().deleted == 0


def test_traces_that_are_forged_are_found_in_the_log(log, ada, plain):
    """Whoever can write to the database can make the traces fit. The log remembers all the same."""
    for _ in range(3):
        wagtail_log(plain, "wagtail.edit", user=ada)
    log.send()
    altered, deleted, lost = ModelLogEntry.objects.order_by("-pk")[:3]
    from indelible_wagtail.rows import columns_of, hash_of

    ModelLogEntry.objects.filter(pk=altered.pk).update(label="Never happened")
    forged = hash_of(columns_of(ModelLogEntry.objects.get(pk=altered.pk)))
    traces = OutboxRow.objects.filter(source=LABEL)
    traces.filter(source_pk=altered.pk).update(row_hash=forged)
    ModelLogEntry.objects.filter(pk=deleted.pk)._raw_delete("default")
    traces.filter(source_pk=deleted.pk).delete()
    assert (reconcile().altered, reconcile().deleted) == (0, 0)
    result = compare_with_log()
    assert result.altered >= 1 and result.deleted >= 1 and result.lost == 0
    assert len(findings(log, "wagtail.log_entry.delete", deleted.pk)) == 1
    assert any(f"{LABEL} {altered.pk} is not what it was" in line for line in result.examples)
    assert lost.pk


def test_a_log_that_lost_what_it_took(log, ada, plain):
    """A row that counts as sent and is not in the log is sent again."""
    [row] = rows(plain, ada, 1)
    OutboxRow.objects.create(
        source=LABEL, source_pk=row.pk, entry_id=ids.of_row(ids.namespace_of_site("acme.www"), LABEL, row.pk),
        row_hash="", state=OutboxRow.State.SENT,
    )  # fmt: skip
    assert compare_with_log().lost == 1
    log.send()
    assert log.of(plain)[-1]["data"]["number"] == 0


def test_pruning_takes_only_what_the_log_has(log, ada, plain):
    old = timezone.now() - datetime.timedelta(days=100)
    sent, unsent = rows(plain, ada, 2)
    ModelLogEntry.objects.filter(pk__in=[sent.pk, unsent.pk]).update(timestamp=old)
    reconcile()
    OutboxRow.objects.filter(source=LABEL, source_pk=unsent.pk).update(state=OutboxRow.State.REFUSED)
    log.send()
    with pytest.raises(CommandError, match="at least 30"):
        call_command("indelible_prune", "--older-than-days", "1")
    call_command("indelible_prune", "--older-than-days", "90", "--dry-run")
    assert ModelLogEntry.objects.filter(pk=sent.pk).exists()
    call_command("indelible_prune", "--older-than-days", "90")
    assert not ModelLogEntry.objects.filter(pk=sent.pk).exists()
    assert ModelLogEntry.objects.filter(pk=unsent.pk).exists()
    # Pruned is not tampered with.
    assert reconcile().deleted == 0
    assert log.entries(action="wagtail.log_entry.prune")[-1]["data"]["rows"] == 1
    OutboxRow.objects.filter(state=OutboxRow.State.REFUSED).update(state=OutboxRow.State.SENT)


def test_ten_thousand_of_bulk_create_are_found(server, log, ada, plain, capsys):
    before = log.count()
    made = rows(plain, ada, 10_000)
    assert log.count() == before
    assert any("run indelible_reconcile" in f.text for f in examine() if f.is_wrong)
    call_command("indelible_reconcile")
    assert "10000 were not announced, 0 altered, 0 deleted" in capsys.readouterr().out
    assert log.count() == before + 10_000
    namespace = ids.namespace_of_site(server.site)
    for row in (made[0], made[4_999], made[-1]):
        entry = log.entry(ids.of_row(namespace, LABEL, row.pk))
        assert entry["data"]["number"] == row.data["number"] and entry["actor"]["name"] == "Ada Root"
        assert entry["correlation_id"] == str(row.uuid) and entry["entity"]["title"] == plain.name
        assert entry["summary"] == "Edited"
    # Again: nothing is found, nothing is doubled.
    call_command("indelible_reconcile")
    assert ": 0 were not announced" in capsys.readouterr().out
    assert log.count() == before + 10_000
    assert not any("run indelible_reconcile" in f.text for f in examine() if f.is_wrong)
    ModelLogEntry.objects.filter(pk__in=[row.pk for row in made[:400]])._raw_delete("default")
    assert reconcile().deleted == 400
