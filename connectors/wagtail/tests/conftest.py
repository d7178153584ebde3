"""A real Wagtail site and a real Indelible server, both made for the run and gone after it.

Nothing is rolled back between tests, as what is tested is what commits leave: each test has pages and users of its own.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
DIRECTORY = Path(os.environ.setdefault("INDELIBLE_TEST_DIR", tempfile.mkdtemp(prefix="indelible-wagtail-")))
os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"


def pytest_configure(config):
    import django
    from django.core.management import call_command
    from django.test.utils import setup_test_environment

    (DIRECTORY / "db.sqlite3").unlink(missing_ok=True)
    shutil.rmtree(DIRECTORY / "acme_migrations", ignore_errors=True)
    django.setup()
    setup_test_environment()
    call_command("makemigrations", "acme", verbosity=0, skip_checks=True)
    call_command("migrate", verbosity=0, skip_checks=True)


def pytest_unconfigure(config):
    from django.db import connections

    connections.close_all()
    shutil.rmtree(DIRECTORY, ignore_errors=True)


@pytest.fixture(scope="session")
def server():
    from .indelible import Server

    with Server(DIRECTORY / "log", "acme.www") as running:
        yield running


@pytest.fixture(autouse=True)
def site(server):
    """Point the package at the server; the thread is tested by itself, everything else sends when it says so."""
    from django.test.utils import override_settings

    with override_settings(INDELIBLE=server.settings(RELAY="command")):
        from indelible_wagtail.capture.recent import forget_recent

        forget_recent()
        yield


@pytest.fixture
def log(server):
    """The log, after everything that waits was sent."""
    from .indelible import Log

    return Log(server)


@pytest.fixture(scope="session")
def ada():
    from django.contrib.auth import get_user_model

    return get_user_model().objects.create_superuser(
        "ada", "ada@example.com", "secret", first_name="Ada", last_name="Root"
    )


@pytest.fixture
def admin(ada):
    """Wagtail's admin, in which Ada is signed in."""
    from django.test import Client

    client = Client(HTTP_USER_AGENT="tests", REMOTE_ADDR="203.0.113.9")
    client.force_login(ada)
    return client


@pytest.fixture
def home():
    from wagtail.models import Page

    return Page.objects.filter(depth=2).earliest("pk")
