"""Pages of what was done and what is owed."""

from django.urls import path

from .views import (
    centers,
    contacts,
    dropout,
    duties,
    excuses,
    guardian_attendance,
    handovers,
    meetings,
    record_lists,
    today,
)

app_name = "activities"
urlpatterns = [
    # What is owed (今日, 为什么, 频次要求, 核对)
    path("today/", today.today, name="today"),
    path("why/<uuid:uid>/<str:rule>/<str:day>/", duties.duty_why, name="duty_why"),
    path("rules/", duties.rule_list, name="rule_list"),
    path("excuses/", excuses.excuse_list, name="excuse_list"),
    path("excuses/decide/", excuses.excuse_decide, name="excuse_decide"),
    path("excuses/new/<uuid:uid>/", excuses.excuse_new, name="excuse_new"),
    path("excuses/<uuid:uid>/revoke/", excuses.excuse_revoke, name="excuse_revoke"),
    path("excuses/unreachable/<uuid:uid>/", excuses.unreachable_claim, name="unreachable_claim"),
    path("excuses/unreachable/<uuid:uid>/decide/", excuses.unreachable_decide, name="unreachable_decide"),
    path("rules/<uuid:uid>/", duties.rule_change, name="rule_change"),
    path("checks/<str:month>/", duties.month_check, name="month_check"),
    # Handover (交接)
    path("handovers/staff/<uuid:uid>/", handovers.handover, name="handover"),
    path("handovers/<uuid:uid>/", handovers.handover_detail, name="handover_detail"),
    path("handovers/<uuid:uid>/seen/", handovers.handover_seen, name="handover_seen"),
    # Contacts (记一笔)
    path("contacts/new/", contacts.contact_new, name="contact_new"),
    path("contacts/lists/", record_lists.record_list_upload, name="record_list_upload"),
    path("contacts/lists/<uuid:uid>/", record_lists.record_list_check, name="record_list_check"),
    path("contacts/lists/<uuid:uid>/answer/", record_lists.record_list_answer, name="record_list_answer"),
    path("contacts/lists/<uuid:uid>/confirm/", record_lists.record_list_confirm, name="record_list_confirm"),
    path("contacts/lists/<uuid:uid>/drop/", record_lists.record_list_drop, name="record_list_drop"),
    path("contacts/to-report/", contacts.report_alarms, name="report_alarms"),
    path("contacts/<uuid:uid>/", contacts.contact_detail, name="contact_detail"),
    path("contacts/<uuid:uid>/correct/", contacts.contact_correct, name="contact_correct"),
    path("contacts/<uuid:uid>/cancel/", contacts.contact_cancel, name="contact_cancel"),
    path("contacts/<uuid:uid>/report/", contacts.contact_report, name="contact_report"),
    # The center (之家)
    path("centers/", centers.center_list, name="center_list"),
    path("centers/new/", centers.center_new, name="center_new"),
    path("centers/<uuid:uid>/", centers.center_detail, name="center_detail"),
    path("centers/<uuid:uid>/edit/", centers.center_edit, name="center_edit"),
    path("centers/<uuid:uid>/end/", centers.center_end, name="center_end"),
    path("centers/<uuid:uid>/openings/new/", centers.opening_new, name="opening_new"),
    path("centers/<uuid:uid>/activities/new/", centers.activity_new, name="activity_new"),
    path("openings/<uuid:uid>/correct/", centers.opening_correct, name="opening_correct"),
    path("openings/<uuid:uid>/cancel/", centers.opening_cancel, name="opening_cancel"),
    path("activities/<uuid:uid>/", centers.activity_detail, name="activity_detail"),
    path("activities/<uuid:uid>/names/", centers.activity_names, name="activity_names"),
    path("activities/<uuid:uid>/adults/", guardian_attendance.activity_adults, name="activity_adults"),
    path("activities/<uuid:uid>/correct/", centers.activity_correct, name="activity_correct"),
    path("activities/<uuid:uid>/cancel/", centers.activity_cancel, name="activity_cancel"),
    # Meetings of the leading group (领导小组会议)
    path("schools/<uuid:uid>/meetings/", meetings.meeting_list, name="meeting_list"),
    path("schools/<uuid:uid>/meetings/new/", meetings.meeting_new, name="meeting_new"),
    path("meetings/<uuid:uid>/", meetings.meeting_detail, name="meeting_detail"),
    path("meetings/<uuid:uid>/edit/", meetings.meeting_edit, name="meeting_edit"),
    path("meetings/<uuid:uid>/cancel/", meetings.meeting_cancel, name="meeting_cancel"),
    path("meetings/<uuid:uid>/decisions/new/", meetings.follow_up_new, name="follow_up_new"),
    path("decisions/<uuid:uid>/done/", meetings.follow_up_done, name="follow_up_done"),
    # 控辍保学
    path("dropout/", dropout.dropout_list, name="dropout_list"),
    path("dropout/counts/", dropout.dropout_counts, name="dropout_counts"),
    path("dropout/children/<uuid:uid>/", dropout.dropout_new, name="dropout_new"),
    path("dropout/<uuid:uid>/", dropout.dropout_case, name="dropout_case"),
    path("dropout/<uuid:uid>/close/", dropout.dropout_close, name="dropout_close"),
]
