"""The URL tree: each floor brings its own."""

from django.urls import include, path

from . import errors, manual, setup, views

urlpatterns = [
    path("", views.home, name="home"),
    path("healthz", views.healthz, name="healthz"),
    path("setup/", setup.setup, name="setup"),
    path("start/", setup.getting_started, name="getting_started"),
    path("start/rules/", setup.setup_rules, name="setup_rules"),
    path("manual/", manual.manual, name="manual"),
    path("manual/<str:page_key>/", manual.manual_page, name="manual_page"),
    path("", include("trust.urls")),
    path("", include("registry.urls")),
    path("", include("pairing.urls")),
    path("", include("activities.urls")),
    path("", include("reports.urls")),
]

handler400 = errors.bad_request
handler403 = errors.permission_denied
handler404 = errors.page_not_found
handler500 = errors.server_error
