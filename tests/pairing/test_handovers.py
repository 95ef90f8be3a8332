"""Handover (交接): all children of a teacher at once, no day between, with what the next one must know."""

import uuid

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pairing import handovers, ownership, pairings, plans
from pairing.handovers import Passing
from pairing.models import Handover, Pairing
from registry.models import Post
from trust.models import AuditEvent

from .conftest import DAY, SINCE

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def ties(child, kind="primary"):
    """Valid ties of a kind, oldest first: (teacher, from, to)."""
    rows = (
        Pairing.objects.valid().filter(child=child, kind=kind).select_related("staff").order_by("starts_on")
    )
    return [(tie.staff.name, tie.starts_on, tie.ends_on) for tie in rows]


@pytest.fixture
def held(world):
    """李静 holds three children, one of them also as 代理家长."""
    for child in (world.an, world.bo, world.chen):
        pairings.pair(child=child, staff=world.li, by=None, starts_on=SINCE)
    pairings.pair(child=world.an, staff=world.li, kind="proxy", by=None, starts_on=SINCE)
    return list(handovers.ties_to_hand_over(world.li, SINCE))


def test_each_goes_to_whom_it_was_given_and_nobody_is_alone_for_a_day(world, today, held):
    day = today - 2 * DAY
    to = {"安小一": world.wang, "薄小二": world.wang, "陈小三": world.zhang}
    rows = handovers.hand_over(
        passings=[Passing(tie, to[tie.child.name], f"{tie.child.name}怕狗", "答应买本字典") for tie in held],
        day=day, reason="staff_left", by=world.leader.user,
    )  # fmt: skip
    before = day - DAY
    assert ties(world.an) == [("李静", SINCE, before), ("王海", day, None)]
    assert ties(world.an, "proxy") == [("李静", SINCE, before), ("王海", day, None)]
    assert ties(world.bo) == [("李静", SINCE, before), ("王海", day, None)]
    assert ties(world.chen) == [("李静", SINCE, before), ("张桂兰", day, None)]
    assert {tie.end_reason for tie in Pairing.objects.filter(staff=world.li)} == {"staff_left"}
    for back in range(6):
        unpaired = [
            child.name
            for child, owner in ownership.with_names(
                ownership.without_owner(world.shimen, today - back * DAY)
            )
            if "no_pairing" in owner.alarms
        ]
        assert unpaired == ["丁小四"], back
    stored = Handover.objects.get(pairing__child=world.chen, pairing__kind="primary")
    assert (stored.from_staff, stored.to_staff, stored.day) == (world.li, world.zhang, day)
    assert (stored.habits, stored.promises, stored.read_at) == ("陈小三怕狗", "答应买本字典", None)
    assert len(rows) == 4
    assert AuditEvent.objects.filter(action="hand_over").count() == 4
    sealed = Handover.objects.values_list("habits", flat=True)
    assert not [value for value in sealed if "怕狗" in value]  # ciphertext


def test_posts_stay_as_they_are(world, today, held):
    before = list(Post.objects.order_by("pk").values())
    handovers.hand_over(
        passings=[Passing(tie, world.wang) for tie in held], day=today, reason="staff_duties", by=None
    )
    assert list(Post.objects.order_by("pk").values()) == before


def test_a_help_plan_goes_along(world, today, held):
    plan = plans.make_plan(
        child=world.an,
        staff=world.li,
        goals="敢举手",
        content="每周谈一次",
        review_on=today + 20 * DAY,
        by=None,
    )
    other = plans.make_plan(
        child=world.bo,
        staff=world.zhang,
        goals="按时交作业",
        content="结对",
        review_on=today + 20 * DAY,
        by=None,
    )
    handovers.hand_over(
        passings=[Passing(tie, world.wang) for tie in held], day=today, reason="staff_left", by=None
    )
    plan.refresh_from_db()
    other.refresh_from_db()
    assert (plan.staff, other.staff) == (world.wang, world.zhang)


def test_the_same_form_twice_is_one_handover(world, today, held):
    submission = uuid.uuid4()
    for _ in range(2):
        rows = handovers.hand_over(
            passings=[Passing(tie, world.wang) for tie in held], day=today, reason="staff_left", by=None,
            submission=submission,
        )  # fmt: skip
    assert len(rows) == Handover.objects.count() == 4
    assert ties(world.bo) == [("李静", SINCE, today - DAY), ("王海", today, None)]


@pytest.mark.parametrize(
    ("who", "why"),
    [
        ("li", "现在就是李静，请选另一位"),
        ("other_teacher", "钱老师在 {day} 没有这所学校的岗位"),
        ("gone", "已经离职"),
    ],
)
def test_all_or_none_and_who_stands_in_the_way_is_named(world, today, held, who, why):
    if who == "gone":
        world.gone = world.staff("孔老师", ("teacher", {"school": world.shimen}), left_on=today - DAY)
        why = "孔老师已经离职"
    passings = [Passing(tie, getattr(world, who) if tie.child == world.bo else world.wang) for tie in held]
    with pytest.raises(pairings.InTheWay) as error:
        handovers.hand_over(passings=passings, day=today, reason="staff_left", by=None)
    assert [(child.name, said) for child, said in error.value.children] == [
        ("薄小二", why.format(day=f"{today:%Y-%m-%d}"))
    ]
    assert Handover.objects.count() == 0
    assert ties(world.an) == [("李静", SINCE, None)]


def test_not_before_the_old_one_began_nor_after_a_gap(world, today, held):
    passings = [Passing(tie, world.wang) for tie in held]
    with pytest.raises(pairings.InTheWay):
        handovers.hand_over(passings=passings, day=SINCE - DAY, reason="staff_left", by=None)
    pairings.end_pairing(pairing=held[0], ends_on=today - 5 * DAY, reason="staff_left", by=None)
    with pytest.raises(pairings.InTheWay) as error:
        handovers.hand_over(passings=passings, day=today, reason="staff_left", by=None)
    assert "中间不能断开" in error.value.messages[0]
    with pytest.raises(ValidationError):
        handovers.hand_over(passings=passings, day=today, reason="", by=None)
    assert Handover.objects.count() == 0


def test_it_waits_for_whoever_takes_over_until_read_once(world, today, held):
    handovers.hand_over(
        passings=[Passing(tie, world.wang) for tie in held if tie.child == world.bo], day=today,
        reason="staff_left", by=None,
    )  # fmt: skip
    row = Handover.objects.get()
    assert list(handovers.unread_of(world.wang, today)) == [row]
    assert list(handovers.unread_of(world.wang, today - DAY)) == []  # not yet
    assert list(handovers.unread_of(world.li, today)) == []
    with pytest.raises(PermissionDenied):
        handovers.mark_read(row, by=world.leader.user)
    read = handovers.mark_read(row, by=world.wang.user).read_at
    assert handovers.mark_read(row, by=world.wang.user).read_at == read
    assert list(handovers.unread_of(world.wang, today)) == []
    assert AuditEvent.objects.filter(action="read_handover").count() == 1


def test_what_was_taken_back_waits_for_nobody(world, today, held):
    handovers.hand_over(
        passings=[Passing(tie, world.wang) for tie in held if tie.child == world.bo], day=today - DAY,
        reason="staff_left", by=None,
    )  # fmt: skip
    pairings.cancel_pairing(pairing=Handover.objects.get().pairing, reason="点错了人", by=None)
    assert list(handovers.unread_of(world.wang, today)) == []


def test_statements_do_not_grow_with_children(world, today):
    def cost(number):
        giver = world.staff(f"交出{number}", ("teacher", {"school": world.shimen}))
        takers = [
            world.staff(f"接手{number}-{n}", ("teacher", {"school": world.shimen})) for n in range(number)
        ]
        for n in range(number):
            pairings.pair(
                child=world.child(f"孩子{number}-{n}", world.c31), staff=giver, by=None, starts_on=SINCE
            )
        passings = [
            Passing(tie, taker)
            for tie, taker in zip(handovers.ties_to_hand_over(giver, today), takers, strict=True)
        ]
        with CaptureQueriesContext(connection) as captured:
            handovers.hand_over(passings=passings, day=today, reason="staff_left", by=world.leader.user)
        return len(captured)

    cost(1)  # reads the posts of the leader once
    assert cost(1) == cost(3) == cost(8)
