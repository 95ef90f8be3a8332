"""Pages of pairings (结对包保), quotas (名额) and cover of classes (包班)."""

from django.urls import path

from .views import covers, pairings, quotas

app_name = "pairing"
urlpatterns = [
    path("pairings/", pairings.pairing_list, name="pairing_list"),
    path("pairings/teachers/", quotas.load_list, name="load_list"),
    path("pairings/loose/", pairings.orphan_list, name="orphan_list"),
    path("pairings/assign/", pairings.assign, name="assign"),
    path("pairings/end/", pairings.end_several, name="end_several"),
    path("pairings/quotas/", quotas.quota_list, name="quota_list"),
    path("pairings/quotas/<uuid:uid>/clear/", quotas.quota_clear, name="quota_clear"),
    path("pairings/staff/<uuid:uid>/quota/", quotas.staff_quota, name="staff_quota"),
    path("pairings/covers/", covers.cover_list, name="cover_list"),
    path("pairings/classes/<uuid:uid>/cover/", covers.cover_set, name="cover_set"),
    path("pairings/covers/<uuid:uid>/end/", covers.cover_end, name="cover_end"),
    path("pairings/covers/<uuid:uid>/cancel/", covers.cover_cancel, name="cover_cancel"),
    path("pairings/children/<uuid:uid>/", pairings.child_pairings, name="child_pairings"),
    path("pairings/children/<uuid:uid>/add/", pairings.pairing_new, name="pairing_new"),
    path("pairings/<uuid:uid>/change/", pairings.pairing_change, name="pairing_change"),
    path("pairings/<uuid:uid>/end/", pairings.pairing_end, name="pairing_end"),
    path("pairings/<uuid:uid>/cancel/", pairings.pairing_cancel, name="pairing_cancel"),
]
