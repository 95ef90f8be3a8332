"""Boards as their readers meet them: numbers, the lists behind them, who sees what, what it costs."""

from datetime import datetime, timedelta, timezone
from urllib.parse import quote

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from activities.checks import check_month
from activities.models import Excuse
from registry.models import Child, OpenQuestion, Post, SchoolYear, Trait
from trust.models import AuditEvent

from .world import CHILDREN, NOVEMBER, OCTOBER, STAFF, asked

pytestmark = pytest.mark.django_db

SCHOOL_PAGES = [
    "/dashboard/", "/dashboard/classes/", "/dashboard/months/", "/dashboard/months/2026-10/", "/dashboard/months/2026-11/",
    "/dashboard/center/", "/dashboard/people/", "/dashboard/children/", "/dashboard/duties/",
]  # fmt: skip


def visitor(user):
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def leader(client, world):
    client.force_login(world.zhou)
    return client


def names_in(answer):
    text = answer.content.decode()
    return sorted(name for name, _, _ in CHILDREN.values() if name in text)


def count_behind(client, url):
    """Rows of the list that a number links to, over all its pages."""
    page = client.get(url).context["page_obj"]
    assert page.paginator.count == sum(
        len(client.get(f"{url}&page={n}").context["rows"]) for n in page.paginator.page_range
    )
    return page.paginator.count


# --- numbers ---------------------------------------------------------------------------------------------------------


def test_the_first_page_says_how_each_duty_stands_this_month_and_last(leader, world):
    page = leader.get("/dashboard/").context["page"]
    rows = {row.rule.label: row for row in page.rows}
    assert sorted(rows) == ["F02", "F02@QX001", "F39", "F64"]
    assert (rows["F02"].counts.met, rows["F02"].counts.upcoming, rows["F02"].counts.due) == (1, 5, 6)
    assert (rows["F02"].last.met, rows["F02"].last.met_late, rows["F02"].last.missed) == (2, 1, 2)
    assert rows["F02"].last.coverage == 0.6
    assert [(row.rule.label, row.counts.upcoming) for row in page.longer] == [("F08", 6)]
    assert page.last_closed
    assert page.without_pairing == 1


def test_every_number_of_the_first_page_opens_a_list_of_that_length(leader, world):
    page = leader.get("/dashboard/").context["page"]
    for row in page.rows + page.longer:
        for state in ("due", "met", "met_late", "excused", "missed", "upcoming"):
            number = getattr(row.counts, state)
            assert count_behind(leader, row.urls[state]) == number, (row.rule.label, state)
        if row.last and row.last.due:
            assert count_behind(leader, row.last_url) == row.last.due
    assert leader.get("/dashboard/children/").context["page_obj"].paginator.count == page.help_total


def test_numbers_of_classes_and_people_open_their_lists(leader, world):
    rows = leader.get("/dashboard/classes/").context["rows"]
    assert [(str(row.school_class or ""), row.teacher, row.counts.open) for row in rows] == [
        ("二(1)班", "杨帆", 1), ("四(1)班", "张桂兰", 2), ("二(1)班", "汤卫民", 1), ("", "", 1),
    ]  # fmt: skip
    assert [count_behind(leader, row.url) for row in rows] == [1, 2, 1, 1]
    people = leader.get("/dashboard/people/").context["rows"]
    assert [count_behind(leader, row.url) for row in people] == [row.number for row in people]
    assert {row.staff.name for row in people if row.staff} == {"张桂兰", "杨帆", "周明远", "汤卫民"}
    assert [row.number for row in people] == sorted((row.number for row in people), reverse=True)


def test_numbers_of_the_trend_open_their_lists(leader, world):
    answer = leader.get("/dashboard/months/")
    assert [month for month, _, _ in answer.context["months"]] == [OCTOBER, NOVEMBER]
    cells = {row.rule.label: row.cells for row in answer.context["rows"]}
    assert [(rate, late) for rate, _, late in cells["F02"]] == [(60.0, 1), (16.7, 0)]
    assert count_behind(leader, cells["F02"][0][1]) == 6
    assert "还没结账" in answer.content.decode()


def test_of_a_closed_month_the_list_says_when_it_cannot_name_all(leader, world):
    url = "/dashboard/duties/?month=2026-10&rule=F02&state=met"
    assert leader.get(url).context["differs"] is None
    Post.objects.filter(staff__user=world.zhou).update(
        starts_on="2026-10-20"
    )  # no role on the day of the talk
    answer = leader.get(url)
    assert answer.context["page_obj"].paginator.count == 1
    assert "结账时是 2 项" in answer.content.decode()


def test_what_waits_is_what_the_reader_may_settle(leader, world):
    OpenQuestion.objects.create(child=world.an, field="身份证号", message="号码后几位丢了")
    Trait.objects.create(child=world.bin, kind="alone", starts_on="2026-11-20")
    Excuse.objects.create(
        county=world.county, school=world.school, subject_id=world.dan.pk, starts_on="2026-11-01", ends_on="2026-11-30",
        reason="住院", requested_by=world.yang,
    )  # fmt: skip
    Post.objects.filter(staff__user=world.yang).update(ends_on="2026-11-01")
    waiting = leader.get("/dashboard/").context["waiting"]
    assert [(one.number, one.act) for one in waiting] == [
        (1, "看名单"), (1, "去指定"), (1, "去安排"), (1, "去审批"), (1, "看名单"), (6, "去补"),
    ]  # fmt: skip
    assert [one.act for one in visitor(world.head).get("/dashboard/").context["waiting"]] == ["看名单"]
    assert [one.act for one in visitor(world.sun).get("/dashboard/").context["waiting"]] == ["去审批"]


def test_ones_own_excuse_does_not_wait_for_oneself(leader, world):
    Excuse.objects.create(
        county=world.county, school=world.school, subject_id=world.dan.pk, starts_on="2026-11-01", ends_on="2026-11-30",
        reason="住院", requested_by=world.zhou,
    )  # fmt: skip
    assert "去审批" not in [one.act for one in leader.get("/dashboard/").context["waiting"]]


def test_from_the_20th_what_would_be_missed_is_said(leader, world):
    assert "到月底会缺的" in leader.get("/dashboard/").content.decode()
    with time_machine.travel(datetime(2026, 11, 19, 12, tzinfo=timezone(timedelta(hours=8)))):
        assert "到月底会缺的" not in visitor(world.zhou).get("/dashboard/").content.decode()


# --- the month's report ----------------------------------------------------------------------------------------------


def test_a_closed_month_shows_its_findings_and_the_changes_beside_them(leader, world):
    answer = leader.get("/dashboard/months/2026-10/")
    text = answer.content.decode()
    assert "2026年10月已结账" in text
    found = [
        (row.name, str(row.line.state)) for row in answer.context["findings"] if row.line.rule.label == "F02"
    ]
    assert sorted(found) == [
        ("唐培培", "missed"), ("孙丹丹", "excused"), ("王彬彬", "met_late"), ("赵翠翠", "missed"),
    ]  # fmt: skip
    amended = [(one.name, one.was, one.now) for one in answer.context["amended"] if one.rule.label == "F02"]
    assert amended == [("赵翠翠", "missed", "met_late")]


def test_before_closing_the_report_says_until_when_entries_count(world):
    with time_machine.travel(datetime(2026, 12, 3, 12, tzinfo=timezone(timedelta(hours=8)))):
        check_month(world.county, NOVEMBER)
        answer = visitor(world.zhou).get("/dashboard/months/2026-11/")
        assert "还没结账，可补登至 5日" in answer.content.decode()
        page = visitor(world.zhou).get("/dashboard/").context["page"]
        assert {row.rule.label: row.last.missed for row in page.rows}["F02"] == 5


def test_a_month_that_has_not_come_is_not_found(leader):
    assert leader.get("/dashboard/months/2027-01/").status_code == 404
    assert leader.get("/dashboard/months/nonsense/").status_code == 404


def test_without_a_confirmed_calendar_pages_say_so_and_give_no_number(leader, world):
    SchoolYear.objects.update(confirmed_at=None)
    for path in ("/dashboard/", "/dashboard/classes/", "/dashboard/people/", "/dashboard/children/", "/dashboard/duties/",
                 "/dashboard/months/2026-11/"):  # fmt: skip
        text = leader.get(path).content.decode()
        assert "校历还没有确认" in text, path
    for path in ("/county/?month=2026-11", f"/county/schools/{world.school.uid}/?month=2026-11"):
        assert "校历还没有确认" in visitor(world.qin).get(path).content.decode()


# --- the county ------------------------------------------------------------------------------------------------------


def test_schools_are_compared_by_the_closed_month(world):
    board = visitor(world.qin).get("/county/").context["board"]
    assert (board.month, board.closed, board.amended) == (OCTOBER, True, 1)
    rows = {row.school.name: row for row in board.rows}
    at = [rule.code for rule in board.rules].index("F02")
    assert {name: row.cells[at].rate for name, row in rows.items()} == {
        "石门小学": 75.0, "柳溪教学点": 0.0, "枫林小学": 50.0,
    }  # fmt: skip
    assert board.total.cells[at].rate == 57.1
    assert rows["石门小学"].cells[at].counts.met_late == 1
    assert {name: row.head_count for name, row in rows.items()} == {
        "石门小学": 5,
        "柳溪教学点": 1,
        "枫林小学": 2,
    }
    f39 = [rule.code for rule in board.rules].index("F39")
    assert rows["枫林小学"].cells[f39].rate is None


def test_the_drill_down_adds_up_to_the_school(world):
    found = visitor(world.qin).get(f"/county/schools/{world.school.uid}/?month=2026-10").context["found"]
    at = [rule.code for rule in found.rules].index("F02")
    assert [(row.name, row.cells[at].counts.due) for row in found.rows] == [
        ("二(1)班", 1), ("四(1)班", 3), ("不分班的（之家、还没分班的孩子）", 1),
    ]  # fmt: skip
    assert sum(row.missed for row in found.rows) == found.total.missed
    assert found.total.head_count == 5


@pytest.mark.parametrize("who", ["qin", "xu", "jiang"])
def test_the_county_meets_no_person(world, who):
    client = visitor(getattr(world, who))
    own = STAFF[who][0]
    people = [name for name, _, _ in CHILDREN.values()] + [
        name for name, _, _ in STAFF.values() if name != own
    ]
    pages = ["/county/", "/county/?month=2026-11", "/county/?sort=name", f"/county/schools/{world.school.uid}/?month=2026-10",
             f"/county/schools/{world.school.uid}/?month=2026-11"]  # fmt: skip
    for path in pages:
        answer = client.get(path)
        assert answer.status_code == 200
        text = answer.content.decode() + str(list(answer.headers.items()))
        assert [name for name in people if name in text or quote(name) in text] == [], path
    for path in [*SCHOOL_PAGES, f"/children/{world.an.uid}/", f"/children/{world.an.uid}/readers/"]:
        answer = client.get(path)
        assert answer.status_code in (403, 404), path
        assert names_in(answer) == []


def test_a_district_compares_its_own_schools(world):
    client = visitor(world.jiang)
    board = client.get("/county/").context["board"]
    assert sorted(row.school.name for row in board.rows) == ["柳溪教学点", "石门小学"]
    assert board.total.head_count == 6
    assert client.get(f"/county/schools/{world.other.uid}/").status_code == 404


# --- who sees what ---------------------------------------------------------------------------------------------------


def test_a_grade_head_sees_the_own_grade_only(world):
    client = visitor(world.head)
    page = client.get("/dashboard/").context["page"]
    assert {row.rule.label: row.counts.due for row in page.rows}["F02"] == 3
    assert client.get("/dashboard/").context["board"].facts.n_listed == 3
    for path in SCHOOL_PAGES:
        answer = client.get(path)
        if path == "/dashboard/people/":
            assert answer.status_code == 403
            continue
        assert set(names_in(answer)) <= {"李安安", "王彬彬", "赵翠翠"}, path


def test_a_member_reads_names_and_opens_no_file(world):
    answer = visitor(world.sun).get("/dashboard/duties/?month=2026-11&rule=F02&state=upcoming")
    assert names_in(answer) == sorted(["何楠楠", "唐培培", "孙丹丹", "王彬彬", "赵翠翠"])
    assert [row.url for row in answer.context["rows"]] == [""] * 5


@pytest.mark.parametrize("who", ["zhang", "shi", "tang"])
def test_teachers_have_no_board(world, who):
    client = visitor(getattr(world, who))
    assert {client.get(path).status_code for path in [*SCHOOL_PAGES, "/county/"]} == {403}
    assert client.get(f"/county/schools/{world.school.uid}/").status_code == 403


def test_what_is_foreign_is_not_found(world):
    client = visitor(world.shen)
    for path in SCHOOL_PAGES:
        answer = client.get(path, {"school": str(world.school.uid)})
        assert answer.status_code == 404, path
        assert names_in(answer) == []
    for query in ({"class": str(world.c1.uid)}, {"person": str(world.zhang.staff.uid)}, {"class": "x"}):
        assert client.get("/dashboard/duties/", query).status_code == 404
    assert client.get("/dashboard/center/", {"center": str(world.center.uid)}).status_code == 404
    for path in SCHOOL_PAGES:
        assert set(names_in(client.get(path))) <= {"龙欣欣", "彭宇宇"}


def test_each_page_leaves_one_entry(leader, world):
    for path in SCHOOL_PAGES:
        before = AuditEvent.objects.count()
        assert leader.get(path).status_code == 200
        assert AuditEvent.objects.count() == before + 1, path
    before = AuditEvent.objects.count()
    visitor(world.qin).get("/county/")
    assert AuditEvent.objects.exclude(action__startswith="sign").count() >= before + 1


# --- what it costs ---------------------------------------------------------------------------------------------------


def queries(client, path):
    client.get(path)  # the first answer fills what a process keeps
    with CaptureQueriesContext(
        connection,
    ) as captured:
        assert client.get(path).status_code == 200
    return asked(captured.captured_queries)


BUDGETS = {
    "/dashboard/": 10,
    "/dashboard/classes/": 9,
    "/dashboard/months/": 11,
    "/dashboard/months/2026-10/": 15,
    "/dashboard/center/": 10,
    "/dashboard/people/": 16,
    "/dashboard/children/": 11,
    "/dashboard/duties/?month=2026-11&rule=F02": 14,
}


@pytest.mark.parametrize(("path", "budget"), BUDGETS.items())
def test_a_page_of_a_school_costs_the_same_with_one_child_and_with_all(world, path, budget):
    client = visitor(world.zhou)
    many = queries(client, path)
    assert len(many) <= budget, [sql[:60] for sql in many]
    for child in Child.objects.exclude(pk=world.bin.pk):
        child.enrollments.update(cancelled_at="2026-11-01T00:00:00Z", cancel_reason="测试")
    assert len(queries(client, path)) <= len(many)


@pytest.mark.parametrize(("path", "budget"), [("/county/", 10), ("/county/?month=2026-11", 12)])
def test_the_county_board_costs_the_same_for_all_schools(world, path, budget):
    found = queries(visitor(world.qin), path)
    assert len(found) <= budget, [sql[:60] for sql in found]
