"""Addresses of boards, the child's file, workbooks and the assessment; objects are named by uid only."""

from django.urls import path

from .views import assessment, boards, child_file, county, exports, family_ticks, letters, prints

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
    path("dashboard/covers/", boards.dashboard_covers, name="dashboard_covers"),
    path("dashboard/children/", boards.help_list, name="help_list"),
    path("dashboard/duties/", boards.duty_list, name="duty_list"),
    path("registers/ticks/", family_ticks.family_ticks, name="family_ticks"),
    # --- workbooks ---
    path("exports/", exports.exports, name="exports"),
    path("exports/order/", exports.order_workbook, name="order_workbook"),
    # --- printed forms ---
    path("prints/", prints.prints, name="prints"),
    path("children/<uuid:uid>/print/card/", prints.print_child, {"form": "card"}, name="print_card"),
    path("children/<uuid:uid>/print/file/", prints.print_child, {"form": "file"}, name="print_file"),
    path(
        "children/<uuid:uid>/print/agreement/",
        prints.print_child,
        {"form": "agreement"},
        name="print_agreement",
    ),
    path("children/<uuid:uid>/print/records/", prints.print_records, name="print_records"),
    path("contacts/<uuid:uid>/print/", prints.print_contact, name="print_contact"),
    path("meetings/<uuid:uid>/print/", prints.print_minutes, name="print_minutes"),
    path("classes/<uuid:uid>/print/cards/", prints.print_class, {"form": "card"}, name="print_class_cards"),
    path(
        "classes/<uuid:uid>/print/register/",
        prints.print_class,
        {"form": "register"},
        name="print_class_register",
    ),
    path(
        "classes/<uuid:uid>/print/pairings/",
        prints.print_class,
        {"form": "pairings"},
        name="print_class_pairings",
    ),
    path(
        "schools/<uuid:uid>/print/register/",
        prints.print_school,
        {"form": "register"},
        name="print_school_register",
    ),
    path(
        "schools/<uuid:uid>/print/pairings/",
        prints.print_school,
        {"form": "pairings"},
        name="print_school_pairings",
    ),
    path("schools/<uuid:uid>/print/group/", prints.print_school, {"form": "group"}, name="print_group"),
    path(
        "schools/<uuid:uid>/print/duties/", prints.print_school, {"form": "duties"}, name="print_duty_texts"
    ),
    path(
        "children/<uuid:uid>/print/<str:form>/options/",
        prints.child_print_options,
        name="child_print_options",
    ),
    path(
        "classes/<uuid:uid>/print/<str:form>/options/", prints.class_print_options, name="class_print_options"
    ),
    path(
        "schools/<uuid:uid>/print/<str:form>/options/",
        prints.school_print_options,
        name="school_print_options",
    ),
    path("classes/<uuid:uid>/letters/", letters.class_letters, name="class_letters"),
    path("classes/<uuid:uid>/print/letters/", letters.print_letters, name="print_letters"),
    path("classes/<uuid:uid>/cards/", prints.class_cards, name="class_cards"),
    path("classes/<uuid:uid>/cards/issue/", prints.cards_issue, name="cards_issue"),
    # --- assessment ---
    path("assessment/", assessment.assessment, name="assessment"),
    path("assessment/scheme/", assessment.adopt_scheme, name="adopt_scheme"),
    path("assessment/<uuid:uid>/<int:year>/", assessment.assessment_sheet, name="assessment_sheet"),
]
