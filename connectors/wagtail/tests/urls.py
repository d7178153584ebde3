from django.conf import settings
from django.urls import include, path
from wagtail import urls as wagtail_urls
from wagtail.admin import urls as wagtailadmin_urls
from wagtail.documents import urls as wagtaildocs_urls

urlpatterns = [
    path("admin/", include(wagtailadmin_urls)),
    path("documents/", include(wagtaildocs_urls)),
    path("", include(wagtail_urls)),
]
if "indelible_wagtail" in settings.INSTALLED_APPS:
    urlpatterns = [
        path("indelible/", include("indelible_wagtail.urls")),
        path("admin/", include("indelible_wagtail.admin_urls")),
        *urlpatterns,
    ]
