"""Pairings: what begins, changes, ends and is cancelled; at no time two open primary pairings."""

import threading
import uuid
from datetime import timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from pairing import pairings
from pairing.models import EndReason, Pairing, PairingKind
from registry.models import CareListSpell, Child, Enrollment, Post
from trust.models import AuditEvent, VersionConflict

from .conftest import DAY, SINCE, make_world

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def spells(child):
    """The child's valid ties, oldest first: (teacher, from, to, reason)."""
    ties = Pairing.objects.valid().filter(child=child).select_related("staff").order_by("starts_on", "pk")
    return [(tie.staff.name, tie.starts_on, tie.ends_on, tie.end_reason) for tie in ties]


def entries(action):
    """Children named by audit entries of this action."""
    return sorted(
        str(uid) for uid in AuditEvent.objects.filter(action=action).values_list("child_uid", flat=True)
    )


def words(error):
    """What the error says."""
    return error.value.messages


def test_a_pairing_begins_with_its_audit_entry_and_history(world, today):
    tie = pairings.pair(child=world.an, staff=world.li, by=world.leader.user, starts_on=today)
    assert spells(world.an) == [("李静", today, None, "")]
    assert tie.recorded_by == world.leader.user
    assert entries("pair_child") == [str(world.an.uid)]
    assert [row.history_user for row in tie.history.all()] == [world.leader.user]


def test_a_child_has_one_paired_teacher_at_a_time(world, today):
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - DAY)
    with pytest.raises(ValidationError) as error:
        pairings.pair(child=world.an, staff=world.wang, by=None, starts_on=today)
    assert words(error) == [f"已由李静包保（{today - DAY:%Y-%m-%d}起）"]
    assert spells(world.an) == [("李静", today - DAY, None, "")]


def test_the_database_itself_refuses_a_second_open_one(world, today):
    pairings.pair(child=world.an, staff=world.li, by=None)
    with pytest.raises(IntegrityError), transaction.atomic():
        Pairing.objects.create(child=world.an, staff=world.wang, starts_on=today)
    with pytest.raises(IntegrityError), transaction.atomic():
        Pairing.objects.create(child=world.bo, staff=world.wang, starts_on=today, ends_on=today)  # no reason
    with pytest.raises(IntegrityError), transaction.atomic():
        Pairing.objects.create(child=world.bo, helper_name="志愿者", starts_on=today)  # 包保 is with staff
    with pytest.raises(IntegrityError), transaction.atomic():
        Pairing.objects.create(
            child=world.bo, staff=world.wang, starts_on=today, ends_on=today - DAY, end_reason=EndReason.OTHER
        )


def test_other_ties_stand_beside_the_paired_teacher(world, today):
    pairings.pair(child=world.an, staff=world.li, by=None)
    pairings.pair(child=world.an, staff=world.wang, kind=PairingKind.PROXY, by=None)
    pairings.pair(child=world.an, staff=world.zhang, kind=PairingKind.HELPER, by=None)
    assert sorted(Pairing.objects.on(today).filter(child=world.an).values_list("kind", flat=True)) == [
        "helper", "primary", "proxy",
    ]  # fmt: skip
    with pytest.raises(ValidationError) as error:
        pairings.pair(child=world.an, staff=world.wang, kind=PairingKind.PROXY, by=None)
    assert words(error) == ["王海已经是代理家长"]


@pytest.mark.parametrize(
    ("who", "said"),
    [
        ("other_teacher", "钱老师在 {day} 没有这所学校的岗位"),
        ("county_officer", "周股长在 {day} 没有这所学校的岗位"),
    ],
)
def test_the_paired_teacher_works_at_the_childs_school(world, today, who, said):
    with pytest.raises(ValidationError) as error:
        pairings.pair(child=world.an, staff=getattr(world, who), by=None, starts_on=today)
    assert words(error) == [said.format(day=f"{today:%Y-%m-%d}")]


def test_a_teaching_point_is_part_of_its_managing_school(world, today):
    pairings.pair(child=world.ding, staff=world.li, by=None, starts_on=today)
    assert spells(world.ding) == [("李静", today, None, "")]


def test_the_child_sits_at_school_and_is_on_the_list_that_day(world, today):
    unlisted = world.child("费小六", world.c31, listed=False)
    gone = world.child("高小七", world.c31)
    Enrollment.objects.filter(child=gone).update(ends_on=today - DAY)
    for child, said in ((unlisted, "不在册"), (gone, "不在校")):
        with pytest.raises(ValidationError) as error:
            pairings.pair(child=child, staff=world.li, by=None, starts_on=today)
        assert words(error) == [f"{today:%Y-%m-%d} {said}"]
    with pytest.raises(ValidationError):
        pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE - DAY)
    assert Pairing.objects.count() == 0


def test_the_same_form_twice_is_one_pairing(world, today):
    submission = uuid.uuid4()
    first = pairings.pair(child=world.an, staff=world.li, by=None, submission=submission)
    again = pairings.pair(child=world.an, staff=world.li, by=None, submission=submission)
    assert (again.pk, Pairing.objects.count(), len(entries("pair_child"))) == (first.pk, 1, 1)
    with pytest.raises(ValidationError) as error:
        pairings.pair(child=world.an, staff=world.wang, by=None, submission=submission)
    assert words(error) == ["这张表已经提交过，请重新打开这一页再填"]


def test_a_change_on_a_day_ends_the_old_one_the_day_before(world, today):
    old = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - 30 * DAY)
    new = pairings.change_pairing(
        pairing=old,
        staff=world.wang,
        starts_on=today,
        reason=EndReason.STAFF_DUTIES,
        note="教毕业班",
        by=world.leader.user,
    )
    assert spells(world.an) == [
        ("李静", today - 30 * DAY, today - DAY, "staff_duties"),
        ("王海", today, None, ""),
    ]
    old.refresh_from_db()
    assert (old.version, old.end_note, new.version) == (2, "教毕业班", 1)
    assert entries("change_pairing") == [str(world.an.uid)]
    assert [row.ends_on for row in old.history.order_by("pk")] == [None, today - DAY]


def test_a_change_on_the_first_day_cancels_the_old_one_as_corrected(world, today):
    old = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today)
    pairings.change_pairing(pairing=old, staff=world.wang, starts_on=today, reason=EndReason.OTHER, by=None)
    old.refresh_from_db()
    assert spells(world.an) == [("王海", today, None, "")]
    assert (old.cancel_reason, old.ends_on, old.end_reason) == ("同一天更正", None, "")


@pytest.mark.parametrize("field", ["staff", "starts_on", "reason"])
def test_a_change_that_makes_no_sense_changes_nothing(world, today, field):
    old = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today)
    asked = {"staff": world.wang, "starts_on": today, "reason": EndReason.WISH}
    asked[field] = {"staff": world.li, "starts_on": today - DAY, "reason": "whim"}[field]
    with pytest.raises(ValidationError) as error:
        pairings.change_pairing(pairing=old, by=None, **asked)
    assert list(error.value.message_dict) == [field]
    assert spells(world.an) == [("李静", today, None, "")]


def test_a_change_without_a_teacher_who_may_leaves_the_old_one(world, today):
    old = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - DAY)
    with pytest.raises(ValidationError):
        pairings.change_pairing(pairing=old, staff=world.other_teacher, reason=EndReason.WISH, by=None)
    old.refresh_from_db()
    assert (old.ends_on, old.version) == (None, 1)


def test_the_same_change_twice_is_one(world, today):
    old = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - DAY)
    asked = {
        "staff": world.wang,
        "reason": EndReason.WISH,
        "by": None,
        "expected": 1,
        "submission": uuid.uuid4(),
    }
    first = pairings.change_pairing(pairing=old, **asked)
    assert pairings.change_pairing(pairing=old, **asked) == first
    assert Pairing.objects.count() == 2


def test_an_end_needs_a_reason_and_can_be_corrected(world, today):
    tie = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - 9 * DAY)
    with pytest.raises(ValidationError):
        pairings.end_pairing(pairing=tie, reason="", by=None)
    ended = pairings.end_pairing(pairing=tie, reason=EndReason.WISH, ends_on=today, by=None, expected=1)
    again = pairings.end_pairing(pairing=tie, reason=EndReason.WISH, ends_on=today, by=None, expected=1)
    assert (again.version, len(entries("end_pairing"))) == (2, 1)  # the same form twice
    pairings.end_pairing(pairing=ended, reason=EndReason.QUOTA, ends_on=today - DAY, by=None)
    assert spells(world.an) == [("李静", today - 9 * DAY, today - DAY, "quota")]
    with pytest.raises(ValidationError) as error:
        pairings.end_pairing(
            pairing=Pairing.objects.get(), reason=EndReason.QUOTA, ends_on=today - 10 * DAY, by=None
        )
    assert list(error.value.message_dict) == ["ends_on"]


def test_an_end_is_not_moved_into_the_next_ones_time(world, today):
    old = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - 9 * DAY)
    pairings.change_pairing(
        pairing=old, staff=world.wang, reason=EndReason.WISH, starts_on=today - 3 * DAY, by=None
    )
    old.refresh_from_db()
    with pytest.raises(ValidationError) as error:
        pairings.end_pairing(pairing=old, reason=EndReason.WISH, ends_on=today, by=None)
    assert "王海" in words(error)[0]


def test_who_saves_later_is_told(world, today):
    tie = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - DAY)
    pairings.end_pairing(pairing=tie, reason=EndReason.WISH, ends_on=today, by=None, expected=1)
    with pytest.raises(VersionConflict) as conflict:
        pairings.change_pairing(pairing=tie, staff=world.wang, reason=EndReason.OTHER, by=None, expected=1)
    assert conflict.value.current.ends_on == today
    with pytest.raises(VersionConflict):
        pairings.cancel_pairing(pairing=tie, reason="填错", by=None, expected=1)
    assert spells(world.an) == [("李静", today - DAY, today, "wish")]


def test_a_cancelled_pairing_counts_nowhere_and_stays_readable(world, today):
    tie = pairings.pair(child=world.an, staff=world.li, by=None)
    with pytest.raises(ValidationError):
        pairings.cancel_pairing(pairing=tie, reason=" ", by=None)
    pairings.cancel_pairing(pairing=tie, reason="指定错了孩子", by=world.leader.user)
    assert spells(world.an) == []
    assert Pairing.objects.get().cancel_reason == "指定错了孩子"
    assert pairings.pair(child=world.an, staff=world.wang, by=None).staff == world.wang


# --- a list at once ------------------------------------------------------------------------------------------------------


def test_a_list_is_paired_in_one_step(world, today):
    submission = uuid.uuid4()
    asked = {"children": [world.an, world.bo, world.ding], "staff": world.li, "by": world.leader.user}
    pairings.pair_many(**asked, submission=submission)
    again = pairings.pair_many(**asked, submission=submission)
    assert sorted(tie.child.name for tie in again) == sorted(["安小一", "薄小二", "丁小四"])
    assert Pairing.objects.primary().on(today).filter(staff=world.li).count() == 3
    assert entries("pair_child") == sorted(str(c.uid) for c in (world.an, world.bo, world.ding))
    assert Pairing.history.count() == 3


def test_one_child_in_the_way_and_nothing_is_saved(world, today):
    pairings.pair(child=world.bo, staff=world.wang, by=None, starts_on=today)
    with pytest.raises(pairings.InTheWay) as error:
        pairings.pair_many(children=[world.an, world.bo, world.far], staff=world.li, by=None)
    assert error.value.children == [
        (world.bo, f"已由王海包保（{today:%Y-%m-%d}起）"),
        (world.far, f"李静在 {today:%Y-%m-%d} 没有这所学校的岗位"),
    ]
    assert spells(world.an) == []


def test_a_list_takes_over_from_others_with_a_reason(world, today):
    pairings.pair(child=world.an, staff=world.wang, by=None, starts_on=today - 9 * DAY)
    pairings.pair(child=world.bo, staff=world.zhang, by=None, starts_on=today)
    pairings.pair_many(
        children=[world.an, world.bo, world.chen], staff=world.li, by=None, end_reason=EndReason.STAFF_LEFT
    )
    assert spells(world.an) == [
        ("王海", today - 9 * DAY, today - DAY, "staff_left"),
        ("李静", today, None, ""),
    ]
    assert spells(world.bo) == [("李静", today, None, "")]
    assert spells(world.chen) == [("李静", today, None, "")]
    assert entries("change_pairing") == sorted([str(world.an.uid), str(world.bo.uid)])
    with pytest.raises(pairings.InTheWay) as error:
        pairings.pair_many(children=[world.an], staff=world.li, by=None, end_reason=EndReason.QUOTA)
    assert error.value.children == [(world.an, "现在就由李静包保")]


def test_the_statements_do_not_grow_with_the_list(world, today):
    def statements(children):
        with CaptureQueriesContext(
            connection,
        ) as captured:
            pairings.pair_many(children=children, staff=world.li, by=None)
        return len(captured)

    few = statements([world.child("孙一", world.c31), world.child("孙二", world.c31)])
    assert statements([world.child(f"赵{n}", world.c31) for n in range(12)]) == few


def test_ties_that_hang_in_the_air(world, today):
    for child in (world.an, world.bo, world.chen, world.ding):
        pairings.pair(child=child, staff=world.li, by=None, starts_on=SINCE)
    pairings.pair(child=world.an, staff=world.wang, kind=PairingKind.PROXY, by=None, starts_on=SINCE)
    assert list(pairings.orphaned(Pairing.objects.all(), today)) == []
    Enrollment.objects.filter(child=world.bo).update(ends_on=today - DAY)
    CareListSpell.objects.filter(child=world.chen).update(ends_on=today - DAY)

    def said():
        ties = pairings.orphaned(Pairing.objects.all(), today).select_related("child")
        return sorted((tie.child.name, tie.kind, pairings.why_orphaned(tie)[0]) for tie in ties)

    gone = [("薄小二", "primary", "孩子已经离校"), ("陈小三", "primary", "孩子已移出名单")]
    assert said() == sorted(gone)
    Post.objects.filter(staff=world.li).update(ends_on=today)
    assert said() == sorted(gone)  # still there today
    Post.objects.filter(staff=world.li).update(ends_on=today - DAY)
    assert said() == sorted(
        [*gone, ("安小一", "primary", "教师已没有本校岗位"), ("丁小四", "primary", "教师已没有本校岗位")]
    )
    Post.objects.create(
        staff=world.li, kind="teacher", county=world.county, school=world.qingshan, starts_on=today
    )
    assert len(said()) == 4  # a post at another school does not answer for these
    Post.objects.filter(staff=world.wang).update(ends_on=today - DAY)
    assert ("安小一", "proxy", "教师已没有本校岗位") in said()


def test_ties_are_ended_together_or_not_at_all(world, today):
    ties = [
        pairings.pair(child=child, staff=world.li, by=None, starts_on=SINCE) for child in (world.an, world.bo)
    ]
    late = pairings.pair(child=world.chen, staff=world.li, by=None, starts_on=today)
    with pytest.raises(pairings.InTheWay) as error:
        pairings.end_many(pairings=[*ties, late], reason=EndReason.STAFF_LEFT, ends_on=today - DAY, by=None)
    assert [child for child, _ in error.value.children] == [world.chen]
    assert Pairing.objects.open().count() == 3
    asked = {"pairings": [*ties, late], "reason": EndReason.STAFF_LEFT, "ends_on": today, "by": None}
    assert len(pairings.end_many(**asked)) == 3
    assert pairings.end_many(**asked) == []
    assert spells(world.an) == [("李静", SINCE, today, "staff_left")]
    assert len(entries("end_pairing")) == 3


def test_children_nobody_answers_for(world, today):
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    tie = pairings.pair(child=world.bo, staff=world.li, by=None, starts_on=SINCE)
    pairings.end_pairing(pairing=tie, reason=EndReason.WISH, ends_on=today - DAY, by=None)
    pairings.pair(child=world.chen, staff=world.li, by=None, starts_on=today + DAY)

    def bare(day):
        return sorted(pairings.without_pairing(Child.objects.all(), day).values_list("name", flat=True))

    assert bare(today) == sorted(["薄小二", "陈小三", "丁小四", "范小五"])
    assert bare(today - DAY) == sorted(["陈小三", "丁小四", "范小五"])
    assert bare(today + DAY) == sorted(["薄小二", "丁小四", "范小五"])


# --- two people at the same moment ---------------------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
def test_two_leaders_at_the_same_moment_give_the_child_one_teacher():
    w = make_world()
    gate, said = threading.Barrier(2), []

    def assign(staff):
        gate.wait()
        try:
            pairings.pair_many(children=[w.an, w.bo, w.chen], staff=staff, by=None)
            said.append(staff.name)
        except ValidationError:
            said.append("refused")
        finally:
            connection.close()

    threads = [threading.Thread(target=assign, args=(staff,)) for staff in (w.li, w.wang)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = next(name for name in said if name != "refused")
    assert sorted(said) == sorted(["refused", winner])
    assert sorted(Pairing.objects.values_list("child__name", "staff__name")) == sorted(
        (child.name, winner) for child in (w.an, w.bo, w.chen)
    )


# --- whatever people do ----------------------------------------------------------------------------------------------------

STEP = st.tuples(
    st.sampled_from(["pair", "many", "takeover", "change", "end", "cancel"]),
    st.integers(0, 1),  # which child
    st.integers(0, 2),  # which teacher
    st.integers(-6, 3),  # which day
)


class AtNoTimeTwo(TestCase):
    """Any sequence of verbs: on no day two primary pairings, and each verb does all or nothing."""

    @given(st.lists(STEP, max_size=9))
    def test_at_no_time_two_open_primary_pairings(self, steps):
        w, now = make_world(), timezone.localdate()
        children, teachers = [w.an, w.bo], [w.li, w.wang, w.zhang]
        for verb, c, t, d in steps:
            child, staff, day = children[c], teachers[t], now + timedelta(days=d)
            tie = Pairing.objects.valid().filter(child=child).order_by("-starts_on", "-pk").first()
            try:
                if verb == "pair":
                    pairings.pair(child=child, staff=staff, by=None, starts_on=day)
                elif verb == "many":
                    pairings.pair_many(children=children, staff=staff, by=None, starts_on=day)
                elif verb == "takeover":
                    pairings.pair_many(
                        children=children, staff=staff, by=None, starts_on=day, end_reason=EndReason.OTHER
                    )
                elif tie and verb == "change":
                    pairings.change_pairing(
                        pairing=tie, staff=staff, starts_on=day, reason=EndReason.OTHER, by=None
                    )
                elif tie and verb == "end":
                    pairings.end_pairing(pairing=tie, ends_on=day, reason=EndReason.OTHER, by=None)
                elif tie and verb == "cancel":
                    pairings.cancel_pairing(pairing=tie, reason="填错", by=None)
            except ValidationError:
                pass
            for one in children:
                ties = list(Pairing.objects.primary().valid().filter(child=one))
                for n in range(-10, 8):
                    assert sum(tie.in_force_on(now + timedelta(days=n)) for tie in ties) <= 1
                assert sum(tie.ends_on is None for tie in ties) <= 1
