"""控辍保学: calls and visits are read from what was logged, steps fall due by the day, a case ends with an outcome."""

import re
import uuid
from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from activities import contacts, dropout
from activities.models import DropoutCase, DropoutStep
from pairing import moves
from registry import children, class_moves
from registry.forms.children import LEAVE_REASONS
from registry.models import PostKind, SchoolClass
from tests.pairing.conftest import signed_in, today, world  # noqa: F401
from trust.models import AuditEvent, VersionConflict

pytestmark = pytest.mark.django_db


def open_case(world, since=date(2026, 10, 8), child=None, **more):  # noqa: F811
    return dropout.open_case(child or world.an, by=world.zhang.user, absent_since=since, **more)


def log(world, kind, day, **more):  # noqa: F811
    """A contact about 安小一 by its class teacher, written that evening."""
    visit = {"visit": {"conditions": "在家", "found": "不想上学", "plan": "明天再来", "response": "好"}}
    extra = {} if kind != "home_visit" else visit
    return contacts.log_contacts(
        children=[world.an], kind=kind, day=day, by=world.zhang.user, staff=world.zhang, parties=["guardian"],
        words="问为什么没来", **extra, **more,
    )  # fmt: skip


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.mark.db
def test_calls_and_visits_are_read_and_the_rest_falls_due_after_a_week(world):  # noqa: F811
    case = open_case(world, reason="手机")
    log(world, "guardian_contact", date(2026, 10, 7), channel="phone")  # the day before: does not count
    log(world, "guardian_contact", date(2026, 10, 8), channel="phone", reached=False)
    dropout.add_step(case, by=None, kind="persuaded", day=date(2026, 10, 12), note="外婆陪着")
    (row,) = dropout.progress_of([case], date(2026, 10, 15))
    assert row.days == 8
    assert [(step.rule.code, step.due_on, step.done_on, step.late) for step in row.steps] == [
        ("call", date(2026, 10, 8), date(2026, 10, 8), False),
        ("visit", date(2026, 10, 8), None, True),
        ("persuaded", date(2026, 10, 15), date(2026, 10, 12), False),
        ("notice", date(2026, 10, 15), None, False),
        ("reported", date(2026, 10, 15), None, False),
    ]
    assert not row.steps[0].reached
    assert row.next_step.rule.words == "上门家访"
    assert [(day, words) for day, words, _ in row.taken] == [
        (date(2026, 10, 8), "联系家长（没联系上）"),
        (date(2026, 10, 12), "劝返"),
    ]
    (later,) = dropout.progress_of([case], date(2026, 10, 16))
    assert [step.rule.code for step in later.steps if step.late] == ["visit", "notice", "reported"]


def test_one_open_case_and_the_same_form_twice(world):  # noqa: F811
    form = uuid.uuid4()
    assert open_case(world, submission=form) == open_case(world, submission=form)
    with pytest.raises(ValidationError, match="还没有结束"):
        open_case(world)


@pytest.mark.parametrize(
    ("since", "wrong"), [(date(2020, 1, 1), "不在校"), (date(2040, 1, 1), "不能在今天之后")]
)
def test_a_day_that_cannot_be(world, since, wrong):  # noqa: F811
    with pytest.raises(ValidationError, match=wrong):
        open_case(world, since)


def test_closed_with_an_outcome_the_days_stand_still(world):  # noqa: F811
    case = open_case(world)
    with pytest.raises(ValidationError, match="不能早于未到校的那天"):
        dropout.close_case(case, by=None, closed_on=date(2026, 10, 7), outcome="back", expected=1)
    with pytest.raises(VersionConflict):
        dropout.close_case(case, by=None, closed_on=date(2026, 10, 20), outcome="back", expected=7)
    case = DropoutCase.objects.get()
    dropout.close_case(case, by=world.zhang.user, closed_on=date(2026, 10, 20), outcome="back", expected=1)
    (row,) = dropout.progress_of([case], date(2026, 11, 30))
    assert row.days == 13
    with pytest.raises(ValidationError, match="已经结案"):
        dropout.add_step(case, by=None, kind="notice", day=date(2026, 10, 21))
    assert open_case(world, date(2026, 11, 2)).pk != case.pk


@pytest.mark.db
def test_a_transfer_that_is_accepted_closes_the_case(world, today):  # noqa: F811
    case, other = open_case(world), open_case(world, child=world.bo)
    sent = moves.send_transfers(
        children=[world.an, world.chen],
        to_school=world.qingshan,
        last_day=date(2026, 10, 14),
        by=world.leader.user,
    )
    case.refresh_from_db()
    assert case.closed_on is None  # nothing has happened yet
    moves.accept_transfers(transfers=sent, by=world.other_leader.user, starts_on=date(2026, 10, 19))
    case.refresh_from_db(), other.refresh_from_db()
    assert (case.closed_on, case.outcome, case.closed_by, case.version) == (
        date(2026, 10, 19), "transferred", world.other_leader.user, 2,
    )  # fmt: skip
    assert other.closed_on is None
    entry = AuditEvent.objects.get(action="close_dropout_case")
    assert (entry.child_uid, entry.detail) == (world.an.uid, "已转学就读")
    (row,) = dropout.progress_of([case], today)
    assert row.days == 12  # 8 to 19 October


def test_a_first_day_ahead_closes_the_case_today(world, today):  # noqa: F811
    case = open_case(world)
    sent = moves.send_transfer(
        child=world.an, to_school=world.qingshan, last_day=today, by=world.leader.user, reason="搬家"
    )
    moves.accept_transfers(transfers=[sent], by=world.other_leader.user, starts_on=today + timedelta(days=3))
    case.refresh_from_db()
    assert (case.closed_on, case.outcome) == (today, "transferred")


@pytest.mark.parametrize(
    ("reason", "destination", "outcome"),
    [
        ("转学到外县", "青山县一小", "transferred"),
        ("毕业", "县外读初中", "transferred"),
        ("毕业", "", ""),  # nobody knows where it is
        ("随父母到外地", "东莞", ""),  # is it at school there? a person asks
        ("辍学", "东莞打工", ""),
    ],
)
def test_who_leaves_for_a_school_is_no_longer_missing(world, today, reason, destination, outcome):  # noqa: F811
    assert reason in LEAVE_REASONS
    case = open_case(world)
    children.leave_school(
        world.an, by=world.leader.user, last_day=today, reason=reason, destination=destination
    )
    case.refresh_from_db()
    assert (case.outcome, case.closed_on) == (outcome, today if outcome else None)


def test_a_graduate_with_a_destination_is_no_longer_missing(world):  # noqa: F811
    SchoolClass.objects.filter(pk=world.c31.pk).update(ends_on=date(2026, 7, 3))
    case, other = open_case(world, date(2026, 6, 22)), open_case(world, date(2026, 6, 22), child=world.bo)
    class_moves.graduate(children=[world.an], by=None, destination="县外读初中")
    class_moves.graduate(children=[world.bo], by=None)
    case.refresh_from_db(), other.refresh_from_db()
    assert (case.closed_on, case.outcome) == (date(2026, 7, 3), "transferred")
    assert other.closed_on is None


def test_the_county_sees_numbers_by_school_and_no_name(world, signed_in, today):  # noqa: F811
    open_case(world, today - timedelta(days=7))
    open_case(world, today - timedelta(days=8), child=world.bo)
    back = open_case(world, today - timedelta(days=3), child=world.far)
    dropout.close_case(back, by=None, closed_on=today, outcome="back", expected=1)
    assert dropout.counts_by_school([world.shimen, world.qingshan, world.point], today) == [
        (world.shimen, 2, 1, 0),
        (world.qingshan, 0, 0, 1),
    ]
    page = text(signed_in(world.county_officer).get(reverse("activities:dropout_counts")))
    assert "2 个留守儿童没到校" in page and "安小一" not in page
    assert signed_in(world.leader).get(reverse("activities:dropout_counts")).status_code == 403


def test_the_road_of_the_class_teacher(world, signed_in, today):  # noqa: F811
    client = signed_in(world.zhang)
    new = reverse("activities:dropout_new", args=[world.an.uid])
    assert new in client.get(world.an.get_absolute_url()).content.decode()
    form = {
        "submission": str(uuid.uuid4()),
        "absent_since": str(today - timedelta(days=1)),
        "reason": "不想上学",
    }
    page = client.post(new, form, follow=True)
    assert "没到校 2 天" in text(page) and "不想上学" in text(page)
    case = DropoutCase.objects.get()
    one = reverse("activities:dropout_case", args=[case.uid])
    step = {"submission": str(uuid.uuid4()), "kind": "notice", "day": str(today), "note": "交给奶奶"}
    for _ in range(2):
        page = client.post(one, step, follow=True)
    assert "送达复学通知书：交给奶奶" in text(page) and DropoutStep.objects.count() == 1
    assert "没到校" in text(client.get(world.an.get_absolute_url()))
    listed = client.get(reverse("activities:dropout_list"))
    assert [row.case.child.name for row in listed.context["rows"]] == ["安小一"]
    leader = signed_in(world.leader)
    assert "1 个孩子没到校" in text(leader.get(reverse("reports:dashboard")))
    close = reverse("activities:dropout_close", args=[case.uid])
    done = signed_in(world.zhang).post(
        close, {"version": 1, "outcome": "back", "closed_on": str(today)}, follow=True
    )
    assert "已劝返复学" in text(done)
    assert list(
        AuditEvent.objects.filter(kind="dropoutcase")
        .exclude(action="open_dropout")
        .order_by("pk")
        .values_list("action", flat=True)
    ) == ["open_dropout_case", "add_dropout_step", "close_dropout_case"]


def test_who_sees_a_case(world, signed_in):  # noqa: F811
    one = reverse("activities:dropout_case", args=[open_case(world).uid])
    teacher = world.staff(
        "石老师", (PostKind.CLASS_TEACHER, {"school": world.shimen, "school_class": world.c21})
    )
    assert signed_in(world.leader).get(one).status_code == 200
    assert signed_in(teacher).get(one).status_code == 404
    assert signed_in(world.other_leader).get(one).status_code == 404
    assert signed_in(teacher).get(reverse("activities:dropout_list")).context["rows"] == []


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_costs_the_same_with_more_on_it(
    world, signed_in, number, django_assert_max_num_queries  # noqa: F811
):  # fmt: skip
    for child in (world.an, world.bo, world.chen)[:number]:
        open_case(world, child=child)
    client = signed_in(world.leader)
    client.get(reverse("activities:dropout_list"))
    with django_assert_max_num_queries(16):
        client.get(reverse("activities:dropout_list"))
