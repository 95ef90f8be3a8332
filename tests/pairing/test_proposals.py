"""The proposal of a whole school in the database: made, adjusted, adopted at once, dropped."""

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from pairing import pairings, proposals, quotas, wishes
from pairing.models import Pairing, PairingProposal, ProposalRow, TieWish
from pairing.proposal_summary import Summary
from registry.models import CareListSpell, Enrollment, Guardian, Kinship, Post, PostKind, Staff
from trust import jobs
from trust.models import AuditEvent, Job, VersionConflict

from .conftest import DAY, SINCE, make_world

pytestmark = pytest.mark.django_db
SAME_VILLAGE = "这位老师包保的孩子里也有同村的"


def rows(proposal):
    """{child: (teacher, reasons)} of a proposal."""
    found = proposal.rows.select_related("child", "staff")
    return {row.child.name: (row.staff.name if row.staff else None, row.reasons) for row in found}


def who(proposal):
    return {child: teacher for child, (teacher, _) in rows(proposal).items()}


def row_of(proposal, child):
    return proposal.rows.select_related("staff", "proposal").get(child=child)


def standing(day):
    """{child: teacher} of the pairings in force."""
    return dict(Pairing.objects.primary().on(day).values_list("child__name", "staff__name"))


def make(world, today, **more):
    return proposals.propose(school=world.shimen, starts_on=today, by=world.leader.user, **more)


def only(world, *staff):
    """Nobody else at the school may be given children."""
    for person in (world.leader, world.deputy, world.zhang, world.li, world.wang):
        if person not in staff:
            quotas.set_quota(school=world.shimen, staff=person, minimum=0, maximum=0, by=None)


def siblings(*children):
    adult = Guardian.objects.create(county=children[0].county, name="安父")
    for child in children:
        Kinship.objects.create(child=child, guardian=adult, relation="father")


# --- making ------------------------------------------------------------------------------------------------------------


def test_every_child_of_the_school_and_its_points_gets_somebody_within_the_quotas(world, today):
    proposal = make(world, today)
    found = who(proposal)
    assert sorted(found) == ["丁小四", "安小一", "薄小二", "陈小三"]
    assert {found["安小一"], found["薄小二"]} & {"张桂兰"}  # one or two of her class are hers
    assert None not in found.values()
    summary = Summary(proposal)
    assert (summary.over, summary.number("fresh"), summary.number("without")) == ([], 4, 0)
    entry = AuditEvent.objects.get(action="propose_pairings")
    assert (entry.count, entry.actor_name, entry.object_uid) == (4, "曾小川", proposal.uid)
    assert not Pairing.objects.exists()  # nothing counts before it is adopted


def test_the_class_teacher_says_why(world, today):
    only(world, world.zhang)
    assert rows(make(world, today)) == {
        "安小一": ("张桂兰", ["同班的班主任"]),
        "薄小二": ("张桂兰", ["同班的班主任"]),
        "陈小三": (None, ["没有名额了"]),
        "丁小四": (None, ["没有名额了"]),
    }


def test_what_stands_stays_and_counts(world, today):
    only(world, world.zhang, world.li)
    pairings.pair(child=world.chen, staff=world.zhang, by=None, starts_on=SINCE)
    pairings.pair(child=world.ding, staff=world.li, by=None, starts_on=SINCE)
    kept = ["现在就由这位老师包保，照旧"]
    assert rows(make(world, today)) == {
        "陈小三": ("张桂兰", kept),
        "丁小四": ("李静", kept),
        **{name: (teacher, why) for name, (teacher, why) in rows(make(world, today)).items() if why != kept},
    }
    found = who(make(world, today))
    assert sorted([found["安小一"], found["薄小二"]]) == ["张桂兰", "李静"]


def test_begun_anew_continuity_is_a_reason_not_a_rule(world, today):
    only(world, world.zhang, world.li)
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    found = rows(make(world, today, keep_standing=False))
    assert found["安小一"] == ("李静", ["现在就由这位老师包保"])
    assert found["丁小四"] == ("李静", [SAME_VILLAGE])  # of 安小一's village, and 张桂兰 has 薄小二's class


def test_who_answered_last_term_is_asked_again(world, today):
    only(world, world.li, world.wang)
    tie = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    pairings.end_pairing(pairing=tie, reason="other", by=None, ends_on=today - 30 * DAY)
    assert rows(make(world, today))["安小一"] == ("李静", ["以前由这位老师包保过"])


@pytest.mark.parametrize("gone", ["post ended", "left"])
def test_nobody_without_a_post_on_that_day(world, today, gone):
    only(world, world.li, world.wang)
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    if gone == "left":
        Staff.objects.filter(pk=world.li.pk).update(left_on=today - DAY)
    else:
        Post.objects.filter(staff=world.li).update(ends_on=today - DAY)
    assert sorted(filter(None, who(make(world, today)).values())) == ["王海", "王海"]
    assert [share.load.staff.name for share in Summary(make(world, today)).over] == []


def test_siblings_share_a_teacher_and_it_says_so(world, today):
    only(world, world.zhang, world.li)
    siblings(world.an, world.chen)
    world.an.birth_date, world.chen.birth_date = date(2015, 3, 1), date(2017, 3, 1)
    world.an.save()
    world.chen.save()
    found = rows(make(world, today))
    assert found["安小一"][0] == found["陈小三"][0]
    assert found["陈小三"][1][0] == "和姐姐同一位老师"
    assert found["安小一"][1][0] == "和妹妹同一位老师"


def test_a_younger_child_joins_the_teacher_of_the_elder(world, today):
    siblings(world.an, world.chen)
    pairings.pair(child=world.an, staff=world.wang, by=None, starts_on=SINCE)
    assert rows(make(world, today))["陈小三"] == ("王海", ["和同一家的孩子同一位老师"])


def test_wishes_are_heeded_even_against_what_stands(world, today):
    Staff.objects.filter(pk=world.wang.pk).update(sex="male")
    Staff.objects.filter(pk=world.li.pk).update(sex="female")
    only(world, world.wang, world.li)
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    pairings.pair(child=world.bo, staff=world.wang, by=None, starts_on=SINCE)
    wishes.set_wish(child=world.an, unwanted=world.li, by=None)
    wishes.set_wish(child=world.bo, sex="female", by=None)
    found = rows(make(world, today))
    assert (found["安小一"][0], found["薄小二"]) == (
        "王海",
        ("李静", ["照孩子的愿望选了女老师", SAME_VILLAGE]),
    )


def test_a_pairing_fixed_for_later_stays_as_it_was_fixed(world, today):
    pairings.pair(child=world.an, staff=world.wang, by=None, starts_on=today + 5 * DAY)
    proposal = make(world, today)
    assert rows(proposal)["安小一"] == ("王海", [f"已定从 {today + 5 * DAY:%Y-%m-%d} 起由这位老师包保"])
    proposals.adopt(proposal=proposal, by=None, end_reason="quota")
    assert Pairing.objects.primary().get(child=world.an).starts_on == today + 5 * DAY


def test_children_who_left_hold_no_place(world, today):
    only(world, world.li)
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    Enrollment.objects.filter(child=world.an).update(ends_on=today - DAY)
    assert [teacher for teacher in who(make(world, today)).values() if teacher] == ["李静", "李静"]


def test_a_child_at_another_school_holds_one(world, today):
    only(world, world.li)
    Post.objects.create(
        staff=world.li, kind=PostKind.TEACHER, county=world.county, school=world.qingshan, starts_on=SINCE
    )
    pairings.pair(child=world.far, staff=world.li, by=None, starts_on=SINCE)
    assert [teacher for teacher in who(make(world, today)).values() if teacher] == ["李静"]


def test_refused_without_children_or_with_a_day_far_away(world, today):
    CareListSpell.objects.all().delete()
    with pytest.raises(ValidationError, match="没有在册的孩子"):
        make(world, today)
    with pytest.raises(ValidationError, match="核对年份"):
        make(world, today + timedelta(days=400))
    assert not PairingProposal.objects.exists()


def test_the_same_form_twice_is_one_proposal(world, today):
    uid = world.an.uid
    assert make(world, today, submission=uid) == make(world, today, submission=uid)
    assert PairingProposal.objects.count() == 1


def test_a_large_school_waits_for_the_background(world, today, monkeypatch):
    monkeypatch.setattr(proposals, "IN_REQUEST", 3)
    monkeypatch.setattr("trust.jobs._ring", lambda *args: None)
    proposal = make(world, today)
    assert (proposal.rows.count(), proposals.being_made(proposal).state) == (0, "queued")
    jobs.run(Job.objects.get().uid)
    assert (proposal.rows.count(), proposals.being_made(proposal)) == (4, None)
    assert Job.objects.get().state == "done"


# --- the summary ---------------------------------------------------------------------------------------------------------


def test_the_shortage_says_how_many_whom_and_what_helps(world, today):
    for kind, most in (("", 0), ("teacher", 1)):
        quotas.set_quota(school=world.shimen, post_kind=kind, minimum=0, maximum=most, by=None)
    summary = Summary(make(world, today))
    assert summary.number("without") == 2
    assert sum(number for _, number in summary.short) == 2
    assert summary.remedies == [
        "把“全校每位教职工”（3 人）的名额从最多 0 个提到 1 个",
        "把“教职工”（2 人）的名额从最多 1 个提到 2 个",
    ]


def test_the_summary_follows_what_is_adjusted_and_the_quota_of_now(world, today):
    proposal = make(world, today)
    for child in (world.an, world.bo, world.chen):
        row = row_of(proposal, child)
        proposals.adjust(row=row, staff=world.li, by=None, expected=row.staff_id)
    share = Summary(proposal).shares[world.li.pk]
    assert (share.after - share.others >= 3, share.over >= 1) == (True, True)
    quotas.set_quota(school=world.shimen, staff=world.li, minimum=1, maximum=9, by=None)
    assert Summary(proposal).over == []


# --- adjusting -----------------------------------------------------------------------------------------------------------


def test_adjusted_by_hand_with_two_at_once(world, today):
    proposal = make(world, today)
    row = row_of(proposal, world.an)
    other = world.wang if row.staff != world.wang else world.li
    proposals.adjust(row=row, staff=other, by=world.leader.user, expected=row.staff_id)
    assert rows(proposal)["安小一"] == (other.name, ["人工指定"])
    with pytest.raises(VersionConflict):
        proposals.adjust(row=row, staff=world.deputy, by=None, expected=row.staff_id)
    with pytest.raises(ValidationError, match="没有本校岗位"):
        proposals.adjust(row=row, staff=world.other_teacher, by=None, expected=other.pk)
    assert AuditEvent.objects.get(action="adjust_proposal").child_uid == world.an.uid


# --- adopting ------------------------------------------------------------------------------------------------------------


def test_adopted_all_at_once_and_once(world, today):
    pairings.pair(child=world.an, staff=world.wang, by=None, starts_on=SINCE)
    pairings.pair(child=world.bo, staff=world.wang, by=None, starts_on=SINCE)
    proposal = make(world, today)
    row = row_of(proposal, world.an)
    proposals.adjust(row=row, staff=world.li, by=None, expected=row.staff_id)
    proposal.refresh_from_db()
    expected = who(proposal)
    assert proposals.adopt(proposal=proposal, by=world.leader.user, end_reason="quota") == 3
    assert standing(today) == {**expected, "安小一": "李静", "薄小二": "王海"}
    assert standing(today - DAY) == {"安小一": "王海", "薄小二": "王海"}  # the past is as it was
    old = Pairing.objects.get(child=world.an, staff=world.wang)
    assert (old.ends_on, old.end_reason) == (today - DAY, "quota")
    assert proposals.adopt(proposal=proposal, by=world.leader.user, end_reason="quota") == 0
    assert Pairing.objects.count() == 5
    assert sorted(AuditEvent.objects.filter(detail="结对方案").values_list("action", flat=True)) == [
        "change_pairing", "pair_child", "pair_child",
    ]  # fmt: skip
    assert AuditEvent.objects.get(action="adopt_proposal").count == 3


def test_refused_as_a_whole_when_something_changed_since(world, today):
    proposal = make(world, today)
    for child in (world.an, world.bo):
        row = row_of(proposal, child)
        proposals.adjust(row=row, staff=world.li, by=None, expected=row.staff_id)
    row = row_of(proposal, world.chen)
    proposals.adjust(row=row, staff=world.zhang, by=None, expected=row.staff_id)
    row = row_of(proposal, world.ding)
    proposals.adjust(row=row, staff=world.wang, by=None, expected=row.staff_id)
    Enrollment.objects.filter(child=world.an).update(ends_on=today - DAY)
    CareListSpell.objects.filter(child=world.bo).update(ends_on=today - DAY)
    Post.objects.filter(staff=world.zhang).update(ends_on=today - DAY)
    pairings.pair(child=world.ding, staff=world.li, by=None)
    before = Pairing.objects.count()
    with pytest.raises(pairings.InTheWay) as refused:
        proposals.adopt(proposal=proposal, by=None, end_reason="quota")
    day = f"{today:%Y-%m-%d}"
    assert [(child.name, why) for child, why in refused.value.children] == [
        ("安小一", f"{day} 不在校"),
        ("薄小二", f"{day} 不在册"),
        ("陈小三", f"张桂兰在 {day} 没有这所学校的岗位"),
        ("丁小四", "方案做好以后，已指定李静包保"),
    ]
    assert (Pairing.objects.count(), PairingProposal.objects.get().state) == (before, "draft")
    for child in (world.an, world.bo, world.chen, world.ding):  # set aside by hand, the rest can go
        row = row_of(proposal, child)
        proposals.adjust(row=row, staff=None, by=None, expected=row.staff_id)
    assert proposals.adopt(proposal=proposal, by=None, end_reason="quota") == 0
    assert PairingProposal.objects.get().state == "applied"


def test_what_was_confirmed_is_what_is_adopted(world, today):
    proposal = make(world, today)
    shown = proposal.version
    row = row_of(proposal, world.an)
    other = world.wang if row.staff != world.wang else world.li
    proposals.adjust(row=row, staff=other, by=None, expected=row.staff_id)
    with pytest.raises(VersionConflict):
        proposals.adopt(proposal=proposal, by=None, end_reason="quota", expected=shown)


def test_dropped_it_can_neither_be_adopted_nor_adjusted(world, today):
    proposal = make(world, today)
    proposals.drop(proposal=proposal, by=None)
    proposals.drop(proposal=proposal, by=None)
    assert AuditEvent.objects.filter(action="drop_proposal").count() == 1
    row = row_of(proposal, world.an)
    with pytest.raises(ValidationError, match="已放弃"):
        proposals.adopt(proposal=proposal, by=None, end_reason="quota")
    with pytest.raises(ValidationError, match="已放弃"):
        proposals.adjust(row=row, staff=None, by=None, expected=row.staff_id)
    assert not Pairing.objects.exists()


# --- wishes ------------------------------------------------------------------------------------------------------------


def test_a_wish_is_noted_changed_and_taken_back(world):
    wish = wishes.set_wish(child=world.an, sex="female", by=world.leader.user)
    wishes.set_wish(child=world.an, sex="female", by=world.leader.user, expected=wish.version)
    with pytest.raises(VersionConflict):
        wishes.set_wish(child=world.an, sex="male", by=None, expected=None)
    wishes.set_wish(child=world.an, by=None, expected=1)
    assert list(TieWish.objects.values_list("sex", "version")) == [("", 2)]
    assert AuditEvent.objects.filter(action="set_wish", child_uid=world.an.uid).count() == 2
    with pytest.raises(ValidationError, match="同一位"):
        wishes.set_wish(child=world.bo, wanted=world.li, unwanted=world.li, by=None)


# --- how many statements -------------------------------------------------------------------------------------------------


def counted(what):
    with CaptureQueriesContext(connection) as captured:
        what()
    return len([query for query in captured if "SAVEPOINT" not in query["sql"]])


def fill(world, number):
    """So many more children and teachers, some of them siblings, some paired already."""
    children = [world.child(f"孩子{index}", world.c31) for index in range(number)]
    siblings(*children)
    for index, child in enumerate(children):
        person = world.staff(f"老师{index}", (PostKind.TEACHER, {"school": world.shimen}))
        if index % 2:
            pairings.pair(child=child, staff=person, by=None, starts_on=SINCE)


def test_statements_do_not_grow(world, today):
    fill(world, 3)
    wishes.set_wish(child=world.an, sex="female", by=None)
    few = make(world, today, keep_standing=False)
    numbers = [
        counted(lambda: proposals.compute(few)),
        counted(lambda: Summary(few).over),
        counted(lambda: proposals.in_the_way(few)),
        counted(lambda: proposals.adopt(proposal=few, by=None, end_reason="quota")),
    ]
    Pairing.objects.all().delete()
    for number, name in enumerate("甲乙丙丁"):
        world.child(f"再来{name}{number}", world.c21)
    fill(world, 6)
    many = make(world, today, keep_standing=False)
    assert [
        counted(lambda: proposals.compute(many)),
        counted(lambda: Summary(many).over),
        counted(lambda: proposals.in_the_way(many)),
        counted(lambda: proposals.adopt(proposal=many, by=None, end_reason="quota")),
    ] == numbers
    assert max(numbers) <= 25


@pytest.mark.db
def test_on_every_database(db, today):
    world = make_world()
    siblings(world.an, world.chen)
    pairings.pair(child=world.bo, staff=world.zhang, by=None, starts_on=SINCE)
    proposal = make(world, today)
    assert proposals.adopt(proposal=proposal, by=world.leader.user, end_reason="quota") == 3
    assert len(standing(today)) == 4
    assert ProposalRow.objects.count() == 4
