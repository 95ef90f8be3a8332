"""Addresses of screenings (摸底排查)."""

from django.urls import path

from .views import screening, screening_hand_in

urlpatterns = [
    path("", screening.screening_home, name="screening_home"),
    path("open/", screening_hand_in.screening_open, name="screening_open"),
    path("<uuid:uid>/", screening_hand_in.screening_county, name="screening_county"),
    path("<uuid:uid>/join/", screening_hand_in.screening_join, name="screening_join"),
    path("<uuid:uid>/end/", screening_hand_in.screening_end, name="screening_end"),
    path("schools/<uuid:uid>/", screening_hand_in.screening_school, name="screening_school"),
    path("schools/<uuid:uid>/children/", screening_hand_in.screening_names, name="screening_names"),
    path("schools/<uuid:uid>/compare/", screening_hand_in.screening_compare, name="screening_compare"),
    path("schools/<uuid:uid>/rates/", screening_hand_in.screening_rates, name="screening_rates"),
    path(
        "schools/<uuid:uid>/school-age/", screening_hand_in.screening_school_age, name="screening_school_age"
    ),
    path("schools/<uuid:uid>/refresh/", screening_hand_in.screening_refresh, name="screening_refresh"),
    path("schools/<uuid:uid>/hand-in/", screening_hand_in.screening_hand_in, name="screening_hand_in"),
    path("schools/<uuid:uid>/forward/", screening_hand_in.screening_forward, name="screening_forward"),
    path("schools/<uuid:uid>/accept/", screening_hand_in.screening_accept, name="screening_accept"),
    path("schools/<uuid:uid>/return/", screening_hand_in.screening_return, name="screening_return"),
    path("classes/<uuid:uid>/", screening.screening_class, name="screening_class"),
    path("classes/<uuid:uid>/unchanged/", screening.screening_unchanged, name="screening_unchanged"),
    path("classes/<uuid:uid>/figures/", screening.screening_figures, name="screening_figures"),
    path("classes/<uuid:uid>/done/", screening.screening_class_done, name="screening_class_done"),
    path("classes/<uuid:uid>/reopen/", screening.screening_class_reopen, name="screening_class_reopen"),
    path(
        "classes/<uuid:uid>/children/<uuid:child_uid>/unchanged/",
        screening.screening_child_unchanged,
        name="screening_child_unchanged",
    ),
    path(
        "classes/<uuid:uid>/children/<uuid:child_uid>/changed/",
        screening.screening_child_changed,
        name="screening_child_changed",
    ),
    path(
        "classes/<uuid:uid>/children/<uuid:child_uid>/left/",
        screening.screening_child_left,
        name="screening_child_left",
    ),
    path(
        "classes/<uuid:uid>/children/<uuid:child_uid>/home/",
        screening.screening_child_home,
        name="screening_child_home",
    ),
]
