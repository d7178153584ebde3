"""What the log calls: put these into the project's URLs, as ``path("indelible/", include("indelible_wagtail.urls"))``."""

from django.urls import path

from .revert.views import revert

app_name = "indelible"
urlpatterns = [path("revert", revert, name="revert")]
