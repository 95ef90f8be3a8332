"""Sweeps over every address: nothing inline, no copies, no change by GET, an audit entry for every look, nothing leaks.

The addresses, and whose pages they are, come from tests/access_oracle.py; a new page takes part by its line there. Which
look leaves which entry stands in ``LOOKS`` below, by hand: a page that names a child and has no line there fails.
"""

import base64
import binascii
import hashlib
import html
import io
import logging
import re
import uuid
from urllib.parse import unquote

import pytest
from django.apps import apps
from django.conf import settings
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import DatabaseError, connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from registry.models import Child, School
from reports import exports
from trust import quiet_logs
from trust.models import AuditEvent

from .access_oracle import CHILD_RELATIONS, ORACLE, hidden_from
from .sweeping import BOOKKEEPING, address, body_of, clients, taken_back, world  # noqa: F401
from .test_architecture import METHODS, PUBLIC_URLS
from .world import CANARIES, CHILDREN

pytestmark = pytest.mark.django_db  # makes the database; the world lives in a transaction around every test

PAGES = sorted(name for name, line in ORACLE.items() if "GET" in line.methods)
CHANGES = sorted(name for name, line in ORACLE.items() if "POST" in line.methods)
READERS = ["leader", "class_teacher", "county_officer_with_reason", "administrator"]


def own(name):
    """The relation in which a page is tried here: what is the reader's own."""
    return "own" if ORACLE[name].kind else ""


def get(clients, subject, path):  # noqa: F811
    """A page, taken back."""
    client = clients[subject]
    cookies = client.cookies.copy()
    with taken_back():
        answer = client.get(path)
    client.cookies = cookies
    return answer


# --- every answer (S10, S11) -------------------------------------------------------------------------------------------

POLICY = {
    "default-src 'self'", "script-src 'self'", "style-src 'self'", "img-src 'self' data:", "object-src 'none'",
    "base-uri 'none'", "frame-ancestors 'none'", "form-action 'self'",
}  # fmt: skip
INLINE = {
    "script": r"<script(?![^>]*(?:\bsrc=|\btype=.application/json))[^>]*>",  # data is no script
    "style element": r"<style\b",
    "style attribute": r"<[^>]+\sstyle\s*=",
    "handler": r"<[^>]+\son[a-z]+\s*=",
    "javascript:": r"javascript:",
    "from elsewhere": r"<[^>]+\s(?:src|action)\s*=\s*[\"']?(?:https?:)?//",
}
LINKS = re.compile(r"""\b(?:href|src|action|hx-get|hx-post|data-[\w-]*url)\s*=\s*["']([^"']*)["']""")
NUMBER = re.compile(r"(?<![0-9A-Za-z-])(?:\d{17}[\dXx]|1\d{10})(?![0-9A-Za-z-])")


def faults_of_an_answer(answer, *, signed_in):
    """What is wrong with the headers and the text of an answer."""
    wrong = []
    if signed_in and answer["Cache-Control"] != "no-store, private":
        wrong.append(f"may be kept: {answer.get('Cache-Control')}")
    if answer.get("X-Content-Type-Options") != "nosniff":
        wrong.append("no nosniff")
    if not answer.get("Content-Type", "").startswith("text/html"):
        return wrong
    said = {part.strip() for part in answer.get("Content-Security-Policy", "").split(";")}
    if said != POLICY:
        wrong.append(f"policy {sorted(said ^ POLICY)}")
    if (
        answer.get("Referrer-Policy") != "same-origin"
        or answer.get("Cross-Origin-Opener-Policy") != "same-origin"
    ):
        wrong.append("no same-origin")
    text = body_of(answer)
    wrong += [f"inline {what}" for what, pattern in INLINE.items() if re.search(pattern, text, re.IGNORECASE)]
    personal = [value for canary in CANARIES.values() for value in vars(canary).values()]
    for link in LINKS.findall(text):
        link = unquote(html.unescape(link))
        if link.startswith(("tel:", "data:")):
            continue  # 拨打, after a reveal; a picture
        if NUMBER.search(link) or any(value in link for value in personal):
            wrong.append(f"personal data in the link {link}")
    return wrong


@pytest.mark.parametrize("name", PAGES)
def test_answers_carry_the_headers_and_nothing_inline(world, clients, name):  # noqa: F811
    wrong = []
    for subject in READERS:
        for relation in {own(name), "other" if ORACLE[name].kind else ""}:  # the page, and 404 or 403
            answer = get(clients, subject, address(world, name, relation))
            wrong += [
                f"{subject} {relation}: {fault}" for fault in faults_of_an_answer(answer, signed_in=True)
            ]
    assert wrong == []


@pytest.mark.parametrize("path", ["sign-in/", "healthz", "children/", "nowhere/"])
def test_answers_to_strangers_carry_the_headers_too(path):
    assert faults_of_an_answer(Client().get(f"/{path}"), signed_in=False) == []


# --- whoever is not signed in (S28) --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(set(ORACLE) - set(PUBLIC_URLS)))
def test_real_objects_are_shut_to_strangers_by_every_method(world, name):  # noqa: F811
    path = address(world, name, own(name))
    for method in METHODS:
        with taken_back() as written:
            answer = Client().generic(method, path)
        to_the_door = answer.status_code == 302 and answer["Location"].startswith(reverse("trust:sign_in"))
        assert answer.status_code in (401, 403, 404, 405) or to_the_door, f"{method} {path}"
        assert not written - BOOKKEEPING
        text = body_of(answer) + str(answer.headers)
        assert not [canary.name for canary in CANARIES.values() if canary.name in text]


@pytest.mark.parametrize(
    "path", ["files/x", "media/x", "var/lbc.sqlite3", "static/../manage.py", "static/%2e%2e/var/"]
)
def test_no_file_is_served_by_its_path(path):
    assert Client().get(f"/{path}").status_code in (302, 404)


# --- no change without a token, none by GET (S27) -------------------------------------------------------------------------


@pytest.mark.parametrize("name", CHANGES)
def test_a_post_without_a_token_changes_nothing(world, name):  # noqa: F811
    for subject in ("leader", "administrator"):
        client = Client(enforce_csrf_checks=True)
        client.force_login(world.users[subject])
        with taken_back() as written:
            answer = client.post(address(world, name, own(name)), {"reason": "没有令牌"})
        assert answer.status_code == 403
        assert not written - BOOKKEEPING


def tables():
    """{table: digest of all its rows}."""
    found = {}
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            rows = sorted(repr(row) for row in cursor.fetchall())
            found[table] = hashlib.sha256("\n".join(rows).encode()).hexdigest()
    return found


@pytest.mark.parametrize("subject", READERS)
def test_reading_changes_nothing_but_the_trail(world, clients, subject):  # noqa: F811
    with taken_back() as written:
        before = tables()
        for name in PAGES:
            clients[subject].get(address(world, name, own(name)))
        after = tables()
    changed = {table for table in before if before[table] != after[table]}
    assert changed - BOOKKEEPING == set()
    assert written - BOOKKEEPING == set()


# --- every look leaves its entry (S12) -------------------------------------------------------------------------------------

# Page -> action of its one entry. "child": it names the child; "count": it says how many stand on the list or board.
LOOKS = {
    "reports:child_file": ("open_child", "child"),
    "registry:child_facts": ("open_child", "child"),
    "registry:child_changes": ("open_child", "child"),
    "registry:child_basics": ("open_child", "child"),
    "registry:guardian_edit": ("open_child", "child"),
    "registry:agreement_edit": ("open_child", "child"),
    "registry:demand_answer": ("open_child", "child"),
    "registry:agreement_list": ("list_agreements", "count"),
    "registry:demand_list": ("list_demands", "count"),
    "registry:trait_list": ("list_traits", "count"),
    "registry:definition_list": ("list_definitions", "count"),
    "registry:parents_map": ("list_parents_map", "count"),
    "registry:completeness": ("list_incomplete", "count"),
    "registry:child_phones": ("open_child", "child"),
    "reports:child_readers": ("read_child_readers", "child"),
    "pairing:child_pairings": ("open_pairings", "child"),
    "activities:duty_why": ("explain_duty", "child"),
    "activities:contact_detail": ("open_contact", "child"),
    "activities:contact_correct": ("open_contact", "child"),
    "activities:activity_detail": ("open_activity", "count"),
    "activities:activity_new": ("list_children", "count"),
    "activities:contact_new": ("list_children", "count"),
    "activities:today": ("open_today", "count"),
    "activities:excuse_list": ("list_excuses", "count"),
    "activities:report_alarms": ("list_reports", "count"),
    "registry:child_list": ("list_children", "count"),
    "registry:double_list": ("list_doubles", "count"),
    "registry:leaver_list": ("list_leavers", "count"),
    "registry:class_split": ("list_split", "count"),
    "registry:unplaced_split": ("list_split", "count"),
    "pairing:year_end": ("open_year_end", "count"),
    "activities:dropout_list": ("list_dropout", "count"),
    "activities:dropout_case": ("open_dropout", "child"),
    "registry:child_merge": ("preview_merge", "child"),
    "registry:staff_list": ("list_staff", "count"),
    "registry:staff_detail": ("open_staff", ""),
    "registry:import_detail": ("preview_roster", "count"),
    "registry:screening_class": ("open_class_screening", "count"),
    "registry:screening_names": ("list_screening", "count"),
    "pairing:pairing_list": ("list_pairings", "count"),
    "pairing:load_list": ("list_pairings", "count"),
    "pairing:orphan_list": ("list_pairings", "count"),
    "pairing:proposal": ("open_proposal", "count"),
    "pairing:list_check": ("preview_list", "count"),
    "activities:record_list_check": ("preview_list", "count"),
    "pairing:cover_list": ("list_pairings", "count"),
    "pairing:ownerless_list": ("list_pairings", "count"),
    "pairing:tie_list": ("list_pairings", "count"),
    "pairing:helper_detail": ("list_helpers", "count"),
    "pairing:helper_list": ("list_helpers", "count"),
    "pairing:tie_sheet": ("print_tie_sheet", "child"),
    "pairing:plan_list": ("list_plans", "count"),
    "pairing:child_plans": ("open_plan", "child"),
    "pairing:plan_edit": ("open_plan", "child"),
    "activities:handover": ("open_handover", "count"),
    "activities:handover_detail": ("open_handover", "child"),
    "pairing:transfer_list": ("list_transfers", "count"),
    "reports:dashboard": ("open_board", "count"),
    "reports:dashboard_classes": ("open_board", "count"),
    "reports:dashboard_months": ("open_board", "count"),
    "reports:dashboard_center": ("open_board", "count"),
    "reports:dashboard_people": ("open_board", "count"),
    "reports:dashboard_covers": ("open_board", "count"),
    "reports:help_list": ("list_duties", "count"),
    "reports:duty_list": ("list_duties", "count"),
    "reports:family_ticks": ("list_family_ticks", "count"),
    "reports:month_report": ("read_month_report", "count"),
    "reports:assessment": ("open_assessment", "count"),
    "reports:prints": ("open_prints", "count"),
    "reports:class_cards": ("list_cards", "count"),
    "reports:print_card": ("print_child", "child"),
    "reports:print_file": ("print_child", "child"),
    "reports:print_agreement": ("print_child", "child"),
    "reports:print_records": ("print_child", "child"),
    "reports:print_contact": ("print_child", "child"),
    "reports:print_minutes": ("print_form", "count"),
    "reports:print_class_cards": ("print_form", "count"),
    "reports:print_letters": ("print_form", "count"),
    "reports:print_class_register": ("print_form", "count"),
    "reports:print_class_pairings": ("print_form", "count"),
    "reports:print_school_register": ("print_form", "count"),
    "reports:print_school_pairings": ("print_form", "count"),
    "reports:print_group": ("print_form", "count"),
    "reports:print_duty_texts": ("print_form", "count"),
    "activities:meeting_detail": ("open_meeting", ""),
    "trust:audit_list": ("read_audit", "count"),
}
# Whoever opens what the leader does not.
LOOKS_OF_THE_COUNTY = {
    "activities:dropout_counts": ("count_dropout", "count"),
    "reports:county_board": ("open_county_board", "count"),
    "reports:county_school": ("open_school_figures", "count"),
}
WITH = {"activities:contact_new": "?kind=talk"}  # before that the page asks what was done, and names nobody
# Forms about one child or one record: they say whose it is, by name, and show nothing else of the file.
NAMES_WHOM_IT_IS_ABOUT = {
    "registry:child_class", "registry:child_leave", "registry:child_list_on", "registry:child_list_off",
    "registry:trait_add", "registry:trait_end", "registry:question_answer", "registry:spell_cancel",
    "registry:child_reveal", "registry:phone_call", "registry:guardian_add", "registry:guardian_share", "registry:phone_add",
    "registry:condition_start", "registry:condition_end", "registry:trait_review", "registry:agreement_add",
    "registry:agreement_end", "registry:demand_add",
    "registry:care_start", "registry:care_end", "registry:work_start", "registry:work_end",
    "pairing:transfer_new", "pairing:transfer_withdraw", "registry:merge_undo", "activities:dropout_new",
    "activities:dropout_close",
    "pairing:helper_tie", "pairing:peer_tie", "pairing:plan_new", "pairing:plan_end",
    "pairing:plan_cancel", "pairing:stage_new", "pairing:plan_check",
    "registry:screening_child_changed", "registry:screening_child_left", "registry:screening_child_home",
    "pairing:pairing_new", "pairing:pairing_change", "pairing:pairing_end", "pairing:pairing_cancel",
    "pairing:child_wish", "pairing:proposal_row",
    "activities:excuse_new", "activities:contact_cancel", "activities:excuse_revoke", "reports:child_print_options",
}  # fmt: skip


def entries(clients, subject, path, method="get", data=None):  # noqa: F811
    """The answer, and the entries it left."""
    client = clients[subject]
    cookies = client.cookies.copy()
    with taken_back():
        last = AuditEvent.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
        answer = getattr(client, method)(path, data)
        found = list(AuditEvent.objects.filter(pk__gt=last))
    client.cookies = cookies
    return answer, found


@pytest.mark.parametrize("name", sorted(LOOKS | LOOKS_OF_THE_COUNTY))
def test_every_look_leaves_one_entry(world, clients, name):  # noqa: F811
    action, holds = (LOOKS | LOOKS_OF_THE_COUNTY)[name]
    subject = "county_officer" if name in LOOKS_OF_THE_COUNTY else "leader"
    answer, found = entries(clients, subject, address(world, name, own(name)) + WITH.get(name, ""))
    assert answer.status_code == 200
    assert [event.action for event in found] == [action]
    event = found[0]
    assert event.actor_uid == world.users[subject].uid
    assert event.actor_post and event.address and event.request_id
    if holds == "child":
        assert event.child_uid == world.uid("own", "child")
    if holds == "count":
        assert event.count is not None


@pytest.mark.parametrize("name", PAGES)
def test_a_page_that_names_a_child_is_a_look(world, clients, name):  # noqa: F811
    if name in LOOKS or name in NAMES_WHOM_IT_IS_ABOUT:
        return
    for subject in ("leader", "class_teacher", "center_manager", "county_officer_with_reason"):
        answer = get(clients, subject, address(world, name, own(name)))
        text = body_of(answer)
        assert not [canary.name for canary in CANARIES.values() if canary.name in text], subject


@pytest.mark.parametrize("name", sorted(NAMES_WHOM_IT_IS_ABOUT))
def test_a_form_about_a_child_shows_nothing_of_its_file(world, clients, name):  # noqa: F811
    canary = CANARIES["own"]
    text = body_of(get(clients, "leader", address(world, name, own(name))))
    assert not [key for key, value in canary.secrets().items() if value in text]


def test_a_search_leaves_its_entry_without_the_words_searched(world, clients):  # noqa: F811
    canary = CANARIES["own"]
    for words in (canary.name, canary.id_number, canary.phone):
        _, found = entries(clients, "leader", reverse("registry:child_search"), "post", {"q": words})
        assert [event.action for event in found] == ["search_children"]
        assert found[0].count == 1
        assert words not in repr([vars(event) for event in found])


@pytest.mark.parametrize(("what", "secret"), [("id_number", "id_number"), ("address", "address")])
def test_a_reveal_asks_why_shows_once_and_leaves_one_entry(world, clients, what, secret):  # noqa: F811
    client, path = clients["leader"], reverse("registry:child_reveal", args=[world.uid("own", "child"), what])
    value = vars(CANARIES["own"])[secret]
    _, found = entries(clients, "leader", path, "post", {"reason": ""})
    assert found == []
    cookies = client.cookies.copy()
    with taken_back():
        client.post(path, {"reason": "补办学籍"})
        shown, again = body_of(client.get(path)), body_of(client.get(path))
        found = list(AuditEvent.objects.filter(action="reveal"))
    client.cookies = cookies
    assert value in shown and value not in again
    assert [(event.child_uid, event.fields, event.reason) for event in found] == [
        (world.uid("own", "child"), what, "补办学籍")
    ]
    assert value not in repr(vars(found[0]))


@pytest.mark.parametrize(
    ("subject", "data"),
    [("class_teacher", {}), ("paired", {}), ("group_member", {"reason": "路上摔伤，通知家长"}),
     ("center_manager", {"reason": "发烧，请家长来接"})],
)  # fmt: skip
def test_a_call_shows_one_number_once_and_leaves_one_entry(world, clients, subject, data):  # noqa: F811
    client = clients[subject]
    path = reverse("registry:phone_call", args=[world.uid("own", "child"), world.uid("own", "phone")])
    cookies = client.cookies.copy()
    with taken_back():
        client.post(path, data)
        shown, again = body_of(client.get(path)), body_of(client.get(path))
        found = list(AuditEvent.objects.filter(action="call_phone"))
    client.cookies = cookies
    assert CANARIES["own"].phone in shown and CANARIES["own"].phone not in again
    assert [(event.child_uid, event.fields) for event in found] == [(world.uid("own", "child"), "number")]
    if data:
        assert data["reason"] in found[0].reason


REVEALS = [
    ("registry:child_reveal", {"reason": "补办学籍"}), ("registry:phone_call", {}),
    ("registry:child_search", {"q": CANARIES["own"].name}), ("registry:child_leave", {"last_day": str(timezone.localdate()), "reason": "转学到外县", "destination": "安庆市"}),
    ("activities:contact_cancel", {"reason": "记错了", "version": 1}),
    ("pairing:pairing_cancel", {"reason": "登记错了", "version": 1}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "data"), [*((name, None) for name in sorted(LOOKS)), *REVEALS], ids=lambda one: str(one)[:40]
)
def test_without_an_entry_nothing_is_shown_or_changed(world, clients, monkeypatch, name, data):  # noqa: F811
    def broken(*args, **kwargs):
        raise DatabaseError("disk full")

    path = address(world, name, own(name)) + WITH.get(name, "")
    plain, _ = entries(clients, "leader", path, "post" if data is not None else "get", data)
    assert plain.status_code == (200 if data is None else 302)
    monkeypatch.setattr(AuditEvent, "save", broken)
    monkeypatch.setattr(AuditEvent.objects, "bulk_create", broken)
    client = clients["leader"]
    cookies = client.cookies.copy()
    with taken_back():
        before = tables()
        answer = client.post(path, data) if data is not None else client.get(path)
        after = tables()
    client.cookies = cookies
    assert answer.status_code == 503
    text = body_of(answer)
    assert not [value for canary in CANARIES.values() for value in vars(canary).values() if value in text]
    assert {table for table in before if before[table] != after[table]} - {
        "django_session",
        "trust_device",
    } == set()


# --- ids in queries and bodies (S2) --------------------------------------------------------------------------------------


def requests_with_foreign_ids(world, relation):  # noqa: F811
    """(subject, address, method, data, statuses) of requests that name somebody else's object beside the path."""
    child, school = str(world.uid(relation, "child")), str(world.uid(relation, "school"))
    staff, center = str(world.uid(relation, "staff")), str(world.uid(relation, "center"))
    where, one = str(world.uid(relation, "class")), str(uuid.uuid4())
    today = str(timezone.localdate())
    own_center = world.uid("own", "center")
    board = "reports:dashboard"
    yield "class_teacher", reverse("activities:contact_new"), "get", {"kind": "talk", "child": child}, {404}
    yield "class_teacher", reverse("activities:contact_new"), "post", {
        "kind": "talk", "child": child, "submission": one, "when": "today", "channel": "in_person",
        "parties": "child", "reached": "yes", "words": "越界", "needs_report": "no",
    }, {404}  # fmt: skip
    yield "class_teacher", reverse("activities:contact_new"), "get", {"kind": "talk", "class": where}, {404}
    for page in (board, "reports:dashboard_classes", "reports:dashboard_months", "reports:dashboard_people",
                 "reports:help_list", "reports:duty_list"):  # fmt: skip
        yield "leader", reverse(page), "get", {"school": school}, {404}
    yield "leader", reverse("reports:dashboard_center"), "get", {"center": center}, {404}
    yield "leader", reverse("reports:month_report", args=["2026-10"]), "get", {"school": school}, {404}
    yield "leader", reverse("registry:calendar"), "get", {"school": school}, {404}
    yield "leader", reverse("registry:calendar_days"), "post", {
        "school": school, "first": today, "kind": "holiday"
    }, {403, 404}  # fmt: skip
    yield "leader", reverse("registry:calendar_days") + f"?school={school}", "post", {
        "first": today, "kind": "holiday", "name": "越界"
    }, {404}  # fmt: skip
    yield "leader", reverse("pairing:pairing_list"), "get", {"teacher": staff}, {404}
    yield "leader", reverse("pairing:assign"), "post", {"child": child}, {404}
    yield "leader", reverse("pairing:end_several"), "post", {"child": child}, {404}
    yield "leader", reverse("pairing:pairing_new", args=[world.uid("own", "child")]), "post", {
        "kind": "helper", "staff": staff, "starts_on": today, "submission": one
    }, {200, 404}  # fmt: skip
    yield "leader", reverse("pairing:quota_list"), "post", {
        "school": school, "post_kind": "leader", "minimum": 1, "maximum": 2
    }, {200, 404}  # fmt: skip
    yield "leader", reverse("pairing:cover_set", args=[world.uid("own", "class")]), "post", {
        "staff": staff, "starts_on": today
    }, {200, 404}  # fmt: skip
    yield "leader", reverse("activities:activity_new", args=[own_center]), "post", {
        "title": "越界", "kind": "center_activity", "day": today, "present": child, "submission": one
    }, {404}  # fmt: skip
    names = reverse("activities:activity_names", args=[world.uid("own", "activity")])
    yield "leader", names, "post", {"present": child}, {404}
    yield "leader", reverse("activities:opening_new", args=[own_center]), "post", {
        "staff": staff, "day": today, "submission": one
    }, {200, 404}  # fmt: skip
    yield "leader", reverse("activities:excuse_decide"), "post", {
        "excuse": str(world.uid(relation, "excuse")), "decision": "approve"
    }, {302, 404}  # fmt: skip
    yield "leader", reverse("registry:child_add"), "post", {
        "submission": one, "name": "越界", "sex": "male", "place": f"class:{where}", "type": "both_away",
        "starts_on": today,
    }, {200, 404}  # fmt: skip
    yield "leader", reverse("registry:child_class", args=[world.uid("own", "child")]), "post", {
        "place": f"class:{where}", "starts_on": today
    }, {200, 404}  # fmt: skip
    yield "leader", reverse("registry:staff_add"), "post", {
        "name": "越界", "school": f"school:{school}", "submission": one
    }, {200, 404}  # fmt: skip
    yield "leader", reverse("registry:accounts_open"), "post", {"person": staff}, {200, 404}
    yield "leader", reverse("registry:post_add", args=[world.uid("own", "staff")]), "post", {
        "kind": "leader", "scope": f"school:{school}", "starts_on": today
    }, {200, 404}  # fmt: skip
    yield "leader", reverse("registry:post_hand_over", args=[world.uid("own", "post")]), "post", {
        "to": staff, "starts_on": today
    }, {200, 404}  # fmt: skip
    for workbook in ("register", "duties", "assessment"):
        yield "leader", reverse("reports:order_workbook"), "post", {
            "workbook": workbook, "place": f"school:{school}", "purpose": "report", "submission": one,
            "month": "2026-10", "year": "2026",
        }, {200, 400, 404, 422}  # fmt: skip
    yield "leader", reverse("registry:import_new"), "post", {
        "school": School.objects.get(uid=school).pk, "as_of": today, "submission": one,
        "file": SimpleUploadedFile("名册.csv", "姓名,班级\n越界,四年级1班\n".encode()),
    }, {200, 403, 404}  # fmt: skip
    yield "district_officer", reverse("registry:stated_reason_new"), "post", {
        "school": School.objects.get(uid=school).pk, "reason": "越界看一看"
    }, {200, 404}  # fmt: skip
    yield "leader", reverse("trust:audit_list"), "get", {"child": child}, {200}


@pytest.mark.parametrize("relation", ["other", "foreign"])
def test_a_foreign_id_beside_the_path_opens_and_changes_nothing(world, clients, relation):  # noqa: F811
    wrong = []
    for subject, path, method, data, statuses in requests_with_foreign_ids(world, relation):
        client = clients[subject]
        with taken_back() as written:
            answer = getattr(client, method)(path, data)
        said = f"{subject} {method} {path} {sorted(data)}"
        if answer.status_code not in statuses:
            wrong.append(f"{said}: {answer.status_code}")
        # An upload is the sender's own until the form is accepted.
        if written - BOOKKEEPING:
            wrong.append(f"{said}: wrote {sorted(written - BOOKKEEPING)}")
        text = body_of(answer)
        wrong += [f"{said}: shows {value}" for value in hidden_from(subject, CANARIES) if value in text]
    assert wrong == []


# --- fields by post (S3) ----------------------------------------------------------------------------------------------------

MASKED_ID = {
    relation: f"{one.id_number[:3]}*************{one.id_number[-2:]}" for relation, one in CANARIES.items()
}
MASKED_PHONE = {relation: f"{one.phone[:3]}****{one.phone[-4:]}" for relation, one in CANARIES.items()}


@pytest.mark.parametrize(
    ("subject", "id_number", "phone", "address_shown", "words"),
    [
        ("class_teacher", True, True, True, True),
        ("paired", False, True, True, False),
        ("grade_head", False, True, True, True),
        ("leader", True, True, True, True),
        ("deputy", True, True, True, True),
        ("group_office", True, True, True, True),
        ("archivist", True, True, True, False),
        ("county_officer_with_reason", True, True, False, False),
    ],
)
def test_what_stands_on_the_file_by_post(world, clients, subject, id_number, phone, address_shown, words):  # noqa: F811
    canary, uid = CANARIES["own"], world.uid("own", "child")
    paths = [reverse(name, args=[uid]) for name in ("reports:child_file", "registry:child_facts")]
    texts = [body_of(get(clients, subject, path)) for path in paths]
    both = "\n".join(texts)
    assert canary.id_number not in both and canary.phone not in both
    assert (MASKED_ID["own"] in texts[1]) == id_number
    assert (MASKED_PHONE["own"] in texts[1]) == phone
    assert (canary.address in texts[1]) == address_shown
    assert (canary.words in texts[0]) == words
    assert (canary.paired_words in texts[0]) == (words or subject == "paired")


@pytest.mark.parametrize("subject", ["leader", "class_teacher", "archivist", "county_officer_with_reason"])
def test_lists_and_searches_show_no_number_and_no_address(world, clients, subject):  # noqa: F811
    client = clients[subject]
    cookies = client.cookies.copy()
    with taken_back():
        texts = [
            body_of(client.get(reverse(name))) for name in ("registry:child_list", "pairing:pairing_list")
        ]
        client.post(reverse("registry:child_search"), {"q": "晴"})
        texts.append(body_of(client.get(reverse("registry:child_found"), follow=True)))
    client.cookies = cookies
    for text in texts:
        for canary in CANARIES.values():
            assert not [key for key, value in canary.secrets().items() if value in text]


def cells(path):
    """All texts of a workbook."""
    book = load_workbook(path)
    return [
        str(cell.value)
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.value is not None
    ]


@pytest.mark.parametrize(
    ("subject", "kind", "named"),
    [("leader", "school", {"own", "same_class", "same_school"}), ("class_teacher", "class", {"own", "same_class"}),
     ("county_officer", "school", set())],
)  # fmt: skip
def test_a_register_holds_the_scope_masked(world, tmp_path, subject, kind, named):  # noqa: F811
    school = School.objects.get(uid=world.uid("own", "school"))
    place = school if kind == "school" else school.classes.get(uid=world.uid("own", "class"))
    if subject == "county_officer":
        place = school.county
    with taken_back():
        exports.build(exports.Order("register", place), tmp_path / "r.xlsx", by=world.users[subject])
        entries = list(AuditEvent.objects.filter(action="export_child").values_list("child_uid", flat=True))
    text = "\n".join(cells(tmp_path / "r.xlsx"))
    assert {relation for relation, canary in CANARIES.items() if canary.name in text} == named
    assert sorted(entries) == sorted(world.uid(relation, "child") for relation in named)
    for relation, canary in CANARIES.items():
        # Phones and the address go with the children one calls each week, to whoever answers for them (S14).
        shown = {"address", "phone"} if relation in named else set()
        assert not [key for key, value in canary.secrets().items() if key not in shown and value in text]
    for relation in named:
        assert MASKED_ID[relation] in text


# --- nothing in logs (S13), nothing in clear at rest (S17) --------------------------------------------------------------------

SECRET = {
    "id_number": "341299201605129962", "phone": "13900007999", "address": "暗沟巷九九九号后院", "words": "说了秋分九号的话",
}  # fmt: skip


WORK_PHONE = "13800007998"


@pytest.fixture
def log():
    """What would stand on stderr, at the most talkative level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(quiet_logs.QuietFilter())
    handler.setFormatter(quiet_logs.OneLineFormatter("%(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)


FIELD = re.compile(r"<(input|textarea)\b([^>]*)>()|<(select)\b([^>]*)>(.*?)</select>", re.DOTALL)


def _attribute(text, name):
    found = re.search(rf'\b{name}="([^"]*)"', text)
    return html.unescape(found[1]) if found else ""


def filled(text):
    """Every field of every form of a page, filled with canaries where a person may type."""
    data = {}
    for found in FIELD.findall(text):
        tag, attributes, inner = [one or other for one, other in zip(found[:3], found[3:], strict=True)]
        name, kind, value = (_attribute(attributes, key) for key in ("name", "type", "value"))
        if not name or name == "csrfmiddlewaretoken" or kind in ("file", "submit", "button", "search"):
            continue
        if tag == "select":
            options = [one for one in re.findall(r'<option value="([^"]*)"', inner) if one]
            data.setdefault(name, html.unescape(options[0]) if options else "")
        elif tag == "textarea":
            data[name] = SECRET["words"]
        elif kind in ("hidden", "radio", "checkbox"):
            data.setdefault(name, value or "on")
        elif kind in ("date", "number", "time", "month", "password"):
            data[name] = value
        else:
            data[name] = next((SECRET[key] for key in SECRET if key in name or (key == "phone" and kind == "tel")),
                              SECRET["words"])  # fmt: skip
    return data


def copies(value):
    """A text as it may stand in a file: UTF-8, UTF-16, hex, base64 at each offset."""
    plain = [value.encode(), value.encode("utf-16-le")]
    found = list(plain)
    for one in plain:
        found += [binascii.hexlify(one), binascii.hexlify(one).upper()]
        for offset in range(3):
            coded = base64.b64encode(b"\0" * offset + one)
            found.append(coded[4 if offset else 0 : len(coded) // 4 * 4 - 4])
    return found


def test_what_is_typed_stands_in_no_log_and_nowhere_in_clear(world, clients, log):  # noqa: F811
    """Canaries pushed through every form, an import, 404, 403, 500 and a failing task; then log and database searched."""
    saved = []
    with taken_back():
        for subject in ("leader", "class_teacher", "administrator"):
            client = clients[subject]
            cookies = client.cookies.copy()
            for name in CHANGES:
                if name in ("trust:sign_out", "trust:end_sessions", "setup"):
                    continue
                path = address(world, name, own(name))
                page = client.get(path) if name in PAGES else None
                data = filled(body_of(page)) if page is not None and page.status_code == 200 else {}
                if name.startswith("registry:staff"):  # a colleague's work phone is no secret
                    data = {
                        key: WORK_PHONE if value == SECRET["phone"] else value for key, value in data.items()
                    }
                if name == "activities:contact_new":
                    query = {"kind": "talk", "child": str(world.uid("own", "child"))}
                    data = query | filled(body_of(client.get(path, query)))
                answer = client.post(path, data | {"reason": SECRET["words"], "q": SECRET["id_number"]})
                assert answer.status_code < 500, f"{subject} {name}"
                saved += [name] if answer.status_code == 302 else []
                client.cookies = cookies
            client.get(f"/children/{SECRET['id_number']}/")
            client.get("/children/", {"q": SECRET["phone"], "village": SECRET["address"]})
            strict = Client(enforce_csrf_checks=True)
            strict.force_login(world.users[subject])
            strict.post(reverse("registry:child_add"), {"name": "某某", "id_number": SECRET["id_number"]})
        roster = "\n".join([
            "姓名,性别,班级,身份证号,现住址,监护人姓名,与儿童关系,监护人电话",
            f"某某,女,四年级1班,{SECRET['id_number']},{SECRET['address']},某母,母亲,{SECRET['phone']}",
        ])  # fmt: skip
        clients["leader"].post(reverse("registry:import_new"), {
            "school": School.objects.get(uid=world.uid("own", "school")).pk, "as_of": str(timezone.localdate()),
            "submission": str(uuid.uuid4()), "file": SimpleUploadedFile("名册.csv", roster.encode()),
        })  # fmt: skip
        sessions = repr([row.get_decoded() for row in Session.objects.all()])
        trail = repr(list(AuditEvent.objects.values()))
        image = connection.connection.serialize() if connection.vendor == "sqlite" else b""
        held = Child.objects.get(uid=world.uid("own", "child")).village
    assert (
        "activities:contact_new" in saved
        and "registry:child_basics" in saved
        and "registry:phone_add" in saved
    )
    said = log.getvalue()
    secrets = [*SECRET.values(), *(value for one in CANARIES.values() for value in one.secrets().values())]
    assert [line for line in said.splitlines() if any(value in line for value in secrets)] == []
    assert [value for value in secrets if value in sessions] == []
    # What a person writes as the reason of a look or a change is kept in the trail; numbers and addresses never are.
    assert [value for value in secrets if value in trail and value != SECRET["words"]] == []
    if image:
        assert held.encode() in image  # what is meant to be readable is found: the search can find
        outside = [value for value in secrets if value != SECRET["words"]]
        assert [value for value in outside if any(copy in image for copy in copies(value))] == []


def test_an_error_says_and_logs_nothing_of_the_child(world, clients, log, monkeypatch):  # noqa: F811
    def broken(*args, **kwargs):
        raise ValueError(f"{SECRET['id_number']} {SECRET['address']} {SECRET['words']}")

    monkeypatch.setattr("reports.child_file.child_file", broken)
    client = Client(raise_request_exception=False)
    client.force_login(world.users["leader"])
    with taken_back():
        answer = client.get(address(world, "reports:child_file", "own"))
    assert answer.status_code == 500
    text = body_of(answer)
    assert [value for value in SECRET.values() if value in text or value in log.getvalue()] == []
    assert not re.search(r"Traceback|ValueError|\.py|Django", text)
    assert "ValueError" in log.getvalue()


def test_fields_meant_to_be_sealed_are_sealed(world):  # noqa: F811
    """The columns themselves: no canary stands in any table of the database."""
    wrong = []
    with connection.cursor() as cursor:
        for model in apps.get_models():
            cursor.execute(f'SELECT * FROM "{model._meta.db_table}"')
            rows = repr(cursor.fetchall())
            wrong += [
                f"{model._meta.label}: {key} of {relation}"
                for relation in CHILD_RELATIONS
                for key, value in CANARIES[relation].secrets().items()
                if value in rows
            ]
    assert wrong == []
    assert len(CHILDREN) == len(CANARIES) and settings.SESSION_COOKIE_HTTPONLY
