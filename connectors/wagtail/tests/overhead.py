"""What an entry costs with the package and without, in turns in one process."""

import os
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")


def rounds(count=15, each=120):
    """Return medians in microseconds: (case, plain, with the package)."""
    from django.contrib.auth import get_user_model
    from django.db import transaction
    from django.db.models.signals import post_save, pre_save
    from wagtail.log_actions import LogContext, log
    from wagtail.models import BaseLogEntry, Page

    from indelible_wagtail.capture import log_rows
    from indelible_wagtail.rows import log_models
    from tests.acme.models import Plain, StandardPage

    user = get_user_model().objects.create_user("bench", password="x")
    page = Page.objects.get(depth=2).add_child(instance=StandardPage(title="Bench", body="<p>x</p>" * 40))
    revision = page.save_revision(user=user)
    plain = Plain.objects.create(name="Plain")
    wrapped = BaseLogEntry.save

    def disconnect():
        for model in log_models():
            for signal, name in ((pre_save, "pre_save"), (post_save, "post_save")):
                assert signal.disconnect(sender=model, dispatch_uid=f"indelible_wagtail.{model._meta.label}.{name}")
        BaseLogEntry.save = wrapped.__wrapped__

    def connect():
        BaseLogEntry.save = wrapped
        log_rows.connect()

    def draft():
        page.title = page.title[::-1]
        page.save_revision(user=user, log_action=True)

    cases = {
        "log(page, user, revision)": lambda: log(page, "wagtail.edit", user=user, revision=revision),
        "log(snippet, user)": lambda: log(plain, "wagtail.edit", user=user),
        "save_revision(log_action)": draft,
    }
    for name, action in cases.items():
        times = {True: [], False: []}
        for turn in range(count * 2):
            ours = turn % 2 == 1
            (connect if ours else disconnect)()
            try:
                with transaction.atomic(), LogContext(user=user):
                    action()
                    begin = time.perf_counter()
                    for _ in range(each):
                        action()
                    times[ours].append((time.perf_counter() - begin) / each)
            finally:
                if not ours:
                    connect()
        yield (
            name,
            min(times[False]) * 1e6,
            min(times[True]) * 1e6,
            statistics.median(b / a for a, b in zip(times[False], times[True], strict=True)),
        )


if __name__ == "__main__":
    import django

    django.setup()
    from django.db import transaction

    with transaction.atomic():
        for name, a, b, ratio in rounds():
            spent = f"plain {a:.0f} µs, with the package {b:.0f} µs"
            print(f"{name}: {spent}, {100 * (b / a - 1):+.0f} % (median of pairs {100 * (ratio - 1):+.0f} %)")
        transaction.set_rollback(True)
