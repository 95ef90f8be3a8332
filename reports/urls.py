"""Addresses of boards, the child's file, workbooks and the assessment; objects are named by uid only."""

from django.urls import path

from .views import assessment, boards, child_file, county, exports

app_name = "reports"
urlpatterns = [
    # --- the child's file ---
    path("children/<uuid:uid>/", child_file.child_file, name="child_file"),
    path("children/<uuid:uid>/readers/", child_file.child_readers, name="child_readers"),
    # --- the county ---
    path("county/", county.county_overview, name="county_board"),
    path("county/schools/<uuid:uid>/", county.county_school, name="county_school"),
    # --- boards of a school ---
    path("dashboard/", boards.dashboard, name="dashboard"),
    path("dashboard/classes/", boards.dashboard_classes, name="dashboard_classes"),
    path("dashboard/months/", boards.dashboard_months, name="dashboard_months"),
    path("dashboard/months/<str:month>/", boards.month_report, name="month_report"),
    path("dashboard/center/", boards.dashboard_center, name="dashboard_center"),
    path("dashboard/people/", boards.dashboard_people, name="dashboard_people"),
    path("dashboard/children/", boards.help_list, name="help_list"),
    path("dashboard/duties/", boards.duty_list, name="duty_list"),
    # --- workbooks ---
    path("exports/", exports.exports, name="exports"),
    path("exports/order/", exports.order_workbook, name="order_workbook"),
    # --- assessment ---
    path("assessment/", assessment.assessment, name="assessment"),
    path("assessment/scheme/", assessment.adopt_scheme, name="adopt_scheme"),
    path("assessment/<uuid:uid>/<int:year>/", assessment.assessment_sheet, name="assessment_sheet"),
]
