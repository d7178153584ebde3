"""A small real Wagtail site."""

import importlib.util
import os
import sys
from pathlib import Path

BASE = Path(os.environ.get("INDELIBLE_TEST_DIR", "/tmp/indelible-wagtail-test"))
BASE.mkdir(parents=True, exist_ok=True)

SECRET_KEY = "only for tests"
DEBUG = False
ALLOWED_HOSTS = ["*"]
USE_TZ = True
TIME_ZONE = "Europe/Berlin"
LANGUAGE_CODE = "en"
LANGUAGES = WAGTAIL_CONTENT_LANGUAGES = [("en", "English"), ("de", "German")]
WAGTAIL_I18N_ENABLED = True
STATIC_URL = "/static/"
MEDIA_ROOT = str(BASE / "media")
ROOT_URLCONF = "tests.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
WAGTAIL_SITE_NAME = "Acme"
WAGTAILADMIN_BASE_URL = "http://testserver"
WAGTAIL_ENABLE_UPDATE_CHECK = False
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = []
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"

INSTALLED_APPS = [
    "tests.acme",
    "wagtail.contrib.redirects",
    "wagtail.contrib.settings",
    "wagtail.contrib.simple_translation",
    "wagtail.locales",
    "wagtail.users",
    "wagtail.sites",
    "wagtail.documents",
    "wagtail.images",
    "wagtail.snippets",
    "wagtail.search",
    "wagtail.admin",
    "wagtail",
    "taggit",
    "modelcluster",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]
if importlib.util.find_spec("wagtail.api.v3"):
    # What has API tokens, and the two actions about them: Wagtail 8.
    INSTALLED_APPS += ["wagtail.api.v3", "ninja"]
if os.environ.get("WITHOUT_INDELIBLE") != "1":
    INSTALLED_APPS.append("indelible_wagtail")

MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
if os.environ.get("WITHOUT_INDELIBLE") != "1":
    MIDDLEWARE.append("indelible_wagtail.middleware.OriginMiddleware")

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(BASE / "db.sqlite3"),
        # Nothing here outlives the run; what measures costs sets it otherwise.
        "OPTIONS": {"timeout": 30, "init_command": f"PRAGMA synchronous={os.environ.get('SQLITE_SYNCHRONOUS', 'OFF')}"},
        "TEST": {"NAME": str(BASE / "test.sqlite3")},
    }
}

# Made anew for each Wagtail: what pages refer to differs.
MIGRATION_MODULES = {"acme": "acme_migrations"}
(BASE / "acme_migrations").mkdir(exist_ok=True)
(BASE / "acme_migrations" / "__init__.py").touch()
sys.path.insert(0, str(BASE))

INDELIBLE = {}
