"""Wagtail's reports from the log: put these into the project's URLs *before* Wagtail's, under the same prefix.

``path("admin/", include("indelible_wagtail.admin_urls")), path("admin/", include(wagtailadmin_urls))``
"""

from django.urls import path
from django.views.decorators.cache import never_cache
from wagtail.admin.auth import require_admin_access
from wagtail.utils.urlpatterns import decorate_urlpatterns

from .reports.history import IndeliblePageHistoryView
from .reports.site import IndelibleSiteHistoryView

urlpatterns = [
    path("reports/site-history/", IndelibleSiteHistoryView.as_view()),
    path("reports/site-history/results/", IndelibleSiteHistoryView.as_view(results_only=True)),
    path("pages/<int:page_id>/history/", IndeliblePageHistoryView.as_view()),
    path("pages/<int:page_id>/history/results/", IndeliblePageHistoryView.as_view(results_only=True)),
]
urlpatterns = decorate_urlpatterns(urlpatterns, require_admin_access)
urlpatterns = decorate_urlpatterns(urlpatterns, never_cache)
