"""Pages of pairings (结对包保), quotas (名额) and cover of classes (包班)."""

from django.urls import path

from .views import covers, loose, moves, outside, pairings, plans, proposals, quotas, year_end

app_name = "pairing"
urlpatterns = [
    path("pairings/", pairings.pairing_list, name="pairing_list"),
    path("pairings/teachers/", quotas.load_list, name="load_list"),
    path("pairings/loose/", loose.orphan_list, name="orphan_list"),
    path("pairings/ownerless/", loose.ownerless_list, name="ownerless_list"),
    path("pairings/assign/", pairings.assign, name="assign"),
    path("pairings/end/", loose.end_several, name="end_several"),
    path("pairings/quotas/", quotas.quota_list, name="quota_list"),
    path("pairings/quotas/<uuid:uid>/clear/", quotas.quota_clear, name="quota_clear"),
    path("pairings/staff/<uuid:uid>/quota/", quotas.staff_quota, name="staff_quota"),
    path("pairings/covers/", covers.cover_list, name="cover_list"),
    path("pairings/classes/<uuid:uid>/cover/", covers.cover_set, name="cover_set"),
    path("pairings/covers/<uuid:uid>/end/", covers.cover_end, name="cover_end"),
    path("pairings/covers/<uuid:uid>/cancel/", covers.cover_cancel, name="cover_cancel"),
    path("pairings/proposals/", proposals.proposal_list, name="proposal_list"),
    path("pairings/proposals/<uuid:uid>/", proposals.proposal, name="proposal"),
    path("pairings/proposals/<uuid:uid>/adopt/", proposals.proposal_adopt, name="proposal_adopt"),
    path("pairings/proposals/<uuid:uid>/drop/", proposals.proposal_drop, name="proposal_drop"),
    path("pairings/proposals/<uuid:uid>/rows/<uuid:row_uid>/", proposals.proposal_row, name="proposal_row"),
    path("pairings/children/<uuid:uid>/wish/", proposals.child_wish, name="child_wish"),
    path("pairings/children/<uuid:uid>/", pairings.child_pairings, name="child_pairings"),
    path("pairings/children/<uuid:uid>/add/", pairings.pairing_new, name="pairing_new"),
    path("pairings/<uuid:uid>/change/", pairings.pairing_change, name="pairing_change"),
    path("pairings/<uuid:uid>/end/", pairings.pairing_end, name="pairing_end"),
    path("pairings/<uuid:uid>/cancel/", pairings.pairing_cancel, name="pairing_cancel"),
    # Other ties: 代理家长, 校外帮扶, 手拉手
    path("pairings/ties/", outside.tie_list, name="tie_list"),
    path("pairings/helpers/", outside.helper_list, name="helper_list"),
    path("pairings/helpers/add/", outside.helper_add, name="helper_add"),
    path("pairings/helpers/<uuid:uid>/", outside.helper_detail, name="helper_detail"),
    path("pairings/helpers/<uuid:uid>/edit/", outside.helper_edit, name="helper_edit"),
    path("pairings/helpers/<uuid:uid>/end/", outside.helper_end, name="helper_end"),
    path("pairings/helpers/<uuid:uid>/schools/add/", outside.unit_tie_add, name="unit_tie_add"),
    path("pairings/units/<uuid:uid>/end/", outside.unit_tie_end, name="unit_tie_end"),
    path("pairings/units/<uuid:uid>/cancel/", outside.unit_tie_cancel, name="unit_tie_cancel"),
    path("pairings/children/<uuid:uid>/helper/", outside.helper_tie, name="helper_tie"),
    path("pairings/children/<uuid:uid>/peer/", outside.peer_tie, name="peer_tie"),
    path("pairings/<uuid:uid>/sheet/", outside.tie_sheet, name="tie_sheet"),
    # Help plans (帮扶计划)
    path("plans/", plans.plan_list, name="plan_list"),
    path("plans/children/<uuid:uid>/", plans.child_plans, name="child_plans"),
    path("plans/children/<uuid:uid>/new/", plans.plan_new, name="plan_new"),
    path("plans/<uuid:uid>/edit/", plans.plan_edit, name="plan_edit"),
    path("plans/<uuid:uid>/end/", plans.plan_end, name="plan_end"),
    path("plans/<uuid:uid>/cancel/", plans.plan_cancel, name="plan_cancel"),
    path("plans/<uuid:uid>/stages/new/", plans.stage_new, name="stage_new"),
    path("plans/<uuid:uid>/check/", plans.plan_check, name="plan_check"),
    # Transfers (转学)
    path("transfers/", moves.transfer_list, name="transfer_list"),
    path("transfers/accept/", moves.transfers_accept, name="transfers_accept"),
    path("transfers/children/<uuid:uid>/", moves.transfer_new, name="transfer_new"),
    path("transfers/<uuid:uid>/accept/", moves.transfer_accept, name="transfer_accept"),
    path("transfers/<uuid:uid>/refuse/", moves.transfer_refuse, name="transfer_refuse"),
    path("transfers/<uuid:uid>/withdraw/", moves.transfer_withdraw, name="transfer_withdraw"),
    # 新学年
    path("new-year/", year_end.year_end, name="year_end"),
    path("new-year/graduates/", year_end.graduates_send, name="graduates_send"),
    path("new-year/classes/", year_end.first_classes_open, name="first_classes_open"),
]
