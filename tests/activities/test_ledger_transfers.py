"""The ledger against a transfer in the middle of a month, made as the two schools make it; worked out by hand.

November 2026 is judged on the 15th: first day + ⌊29/2⌋. 班主任每月谈心 (F02) is owed by the class of that day.
"""

from datetime import date

import pytest

from activities import checks
from activities.ledger import Ledger
from activities.models import Finding, Tally
from pairing import moves
from registry.models import SchoolClass

from .duty_world import F02, NOVEMBER, contact, county, load, moment, post

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DECEMBER = date(2026, 12, 1)
JUDGED_BEFORE, JUDGE_DAY, DAY_AFTER = date(2026, 11, 14), date(2026, 11, 15), date(2026, 11, 16)
AFTER, NEXT = moment("2026-12-04T09:00"), moment("2027-01-04T09:00")  # neither month is closed


def two_schools(*contacts):
    """k1 in c1 of s1 with t1; c2 of s2 with t2; the leaders are t9 and t8."""
    facts = county(F02, contacts=list(contacts))
    for row in facts["staff"]:
        row["school"] = "s2" if row["id"] in ("t2", "t8") else "s1"
    facts["posts"] += [
        post("t2", "class_teacher", school="s2", **{"class": "c2"}),
        post("t8", "leader", school="s2"),
    ]
    return load(facts)


def transfer(world, last_day, starts_on):
    """s1 sends k1, s2 takes it into c2."""
    sent = moves.send_transfer(
        child=world.k1, to_school=world.s2, last_day=last_day, by=world.t9.user, reason="搬家"
    )
    there = SchoolClass.objects.get(school=world.s2)
    moves.accept_transfers(transfers=[sent], by=world.t8.user, starts_on=starts_on, school_class=there)


def owed(world, month, now):
    """[(school, state, reason of an excuse)] of k1."""
    ledger = Ledger(world.county, now=now)
    names = {world.s1.pk: "s1", world.s2.pk: "s2"}
    duties = ledger.judge(ledger.items_of_month(month))
    assert {duty.subject_id for duty in duties} <= {world.k1.pk}
    return [(names[duty.school_id], str(duty.state), duty.excuse_reason) for duty in duties]


def test_left_on_the_judge_day_the_old_school_owed_it_and_the_child_left_within_the_period():
    world = two_schools()
    transfer(world, JUDGE_DAY, DAY_AFTER)
    assert owed(world, NOVEMBER, AFTER) == [("s1", "excused", "期内离开")]
    assert owed(world, DECEMBER, NEXT) == [("s2", "missed", "")]


def test_left_the_day_before_the_judge_day_the_new_school_owes_the_month():
    world = two_schools()
    transfer(world, JUDGED_BEFORE, JUDGE_DAY)
    assert owed(world, NOVEMBER, AFTER) == [("s2", "missed", "")]
    assert owed(world, DECEMBER, NEXT) == [("s2", "missed", "")]


def test_between_two_schools_on_the_judge_day_nobody_owes_the_month():
    world = two_schools()
    transfer(world, JUDGED_BEFORE, DAY_AFTER)
    assert owed(world, NOVEMBER, AFTER) == []
    assert owed(world, DECEMBER, NEXT) == [("s2", "missed", "")]


def test_what_the_old_school_did_is_done_at_either_school():
    world = two_schools(contact("2026-11-10", staff="t1"))
    transfer(world, JUDGE_DAY, DAY_AFTER)
    assert owed(world, NOVEMBER, AFTER) == [("s1", "met", "")]


def test_what_the_old_school_did_counts_for_the_new_one():
    world = two_schools(contact("2026-11-10", staff="t1"))
    transfer(world, JUDGED_BEFORE, JUDGE_DAY)
    assert owed(world, NOVEMBER, AFTER) == [("s2", "met", "")]
    assert owed(world, DECEMBER, NEXT) == [("s2", "missed", "")]


def test_an_open_duty_does_not_move_while_the_month_runs():
    world, now = two_schools(), moment("2026-11-20T09:00")
    sent = moves.send_transfer(
        child=world.k1, to_school=world.s2, last_day=JUDGE_DAY, by=world.t9.user, reason="搬家"
    )
    assert owed(world, NOVEMBER, now) == [("s1", "upcoming", "")]  # not answered yet
    moves.accept_transfers(transfers=[sent], by=world.t8.user, starts_on=DAY_AFTER)
    assert owed(world, NOVEMBER, now) == [("s1", "excused", "期内离开")]


def test_the_monthly_check_writes_it_at_the_old_school():
    world = two_schools()
    transfer(world, JUDGE_DAY, DAY_AFTER)
    checks.check_month(world.county, NOVEMBER, now=AFTER)
    row = Finding.objects.get()
    assert (row.school, row.state, row.excuse_reason) == (world.s1, "excused", "期内离开")
    assert list(Tally.objects.values_list("school_class__school", "missed", "excused")) == [
        (world.s1.pk, 0, 1)
    ]
    checks.check_month(world.county, DECEMBER, now=NEXT)
    row = Finding.objects.get(period_start=DECEMBER)
    assert (row.school, row.state) == (world.s2, "missed")
