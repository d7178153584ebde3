"""What an entry costs with the package and without, in turns in one process.

Figures of one run are compared with each other only: what a machine does beside it changes from one second to the next.
"""

import contextlib
import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")


@contextlib.contextmanager
def without_package():
    """Within this, nothing of the package listens to anything."""
    from django.db.models import signals
    from wagtail.models import BaseLogEntry

    ours = BaseLogEntry.save_base
    heard = [getattr(signals, name) for name in ("pre_save", "post_save", "pre_delete", "post_delete", "m2m_changed")]
    kept = [signal.receivers for signal in heard]

    def listen(receivers):
        for signal, each in zip(heard, receivers, strict=True):
            signal.receivers = each
            signal.sender_receivers_cache.clear()

    listen([[each for each in every if "indelible_wagtail" not in str(each[0][0])] for every in kept])
    BaseLogEntry.save_base = ours.__wrapped__
    try:
        yield
    finally:
        BaseLogEntry.save_base = ours
        listen(kept)


def cases():
    """Yield what is measured: name, what is done, how often in a turn, and whether all of a turn is one transaction."""
    from django.contrib.auth import get_user_model
    from django.test import Client
    from django.urls import reverse
    from wagtail.log_actions import log
    from wagtail.models import Page

    from tests.acme.models import Plain, StandardPage
    from tests.forms import fill

    user = get_user_model().objects.create_superuser("bench", password="x")
    page = Page.objects.get(depth=2).add_child(instance=StandardPage(title="Bench", slug="bench", body="<p>x</p>" * 40))
    revision = page.save_revision(user=user)
    plain = Plain.objects.create(name="Plain")
    client = Client()
    client.force_login(user)
    url = reverse("wagtailadmin_pages:edit", args=[page.pk])
    form = fill(client, url, title="Bench again")

    def of_page():
        log(page, "wagtail.edit", user=user, revision=revision)

    def of_snippet():
        log(plain, "wagtail.edit", user=user)

    def request():
        form["title"] = form["title"][::-1]
        for name in ("loaded_revision_id", "loaded_revision_created_at"):
            form.pop(name, None)
        assert client.post(url, form).status_code == 302

    yield "log(page, user, revision), one transaction", of_page, 60, True
    yield "log(snippet, user), one transaction", of_snippet, 100, True
    yield "log(page, user, revision), a commit each", of_page, 40, False
    yield "log(snippet, user), a commit each", of_snippet, 40, False
    yield "saving a draft in the admin, the whole request", request, 4, False


def measure(action, each, is_one_transaction, turns=12):
    """Return medians in seconds without and with the package, and the median of the pairs' ratios."""
    from django.db import transaction

    times = {False: [], True: []}
    for turn in range(turns * 2):
        is_ours = turn % 2 == 1
        around = transaction.atomic() if is_one_transaction else contextlib.nullcontext()
        with contextlib.nullcontext() if is_ours else without_package(), around:
            action()
            begin = time.perf_counter()
            for _ in range(each):
                action()
            times[is_ours].append((time.perf_counter() - begin) / each)
    ratios = [ours / plain for plain, ours in zip(times[False], times[True], strict=True)]
    return statistics.median(times[False]), statistics.median(times[True]), statistics.median(ratios)


if __name__ == "__main__":
    import django

    django.setup()
    print("medians of 12 pairs of turns: without the package, with it, and the median of the pairs' ratios")
    for name, action, each, is_one_transaction in cases():
        plain, ours, ratio = measure(action, each, is_one_transaction)
        print(f"{name}: {plain * 1e6:.0f} µs, {ours * 1e6:.0f} µs, {100 * (ratio - 1):+.0f} %", flush=True)
