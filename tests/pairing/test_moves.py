"""Transfers between schools of the county: what changes when, what stays, who sees what, and never a child without an owner."""

import re
import uuid
from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from activities.contacts import log_contacts
from pairing import moves, pairings
from pairing.models import OutsideHelper, Pairing, Transfer
from registry import children
from registry.models import CareListSpell, Child, Enrollment, Post, PostKind, School, SchoolClass, Trait
from trust.models import AuditEvent, VersionConflict

from .conftest import DAY, SINCE, make_world

pytestmark = pytest.mark.django_db


def send(world, child=None, last_day=date(2026, 10, 14), to=None, **more):
    return moves.send_transfer(
        child=child or world.an, to_school=to or world.qingshan, last_day=last_day, by=world.leader.user,
        reason="搬家", **more,
    )  # fmt: skip


def accept(world, *sent, starts_on=date(2026, 10, 15), school_class=None, by=None):
    return moves.accept_transfers(
        transfers=list(sent), by=by or world.other_leader.user, starts_on=starts_on, school_class=school_class
    )


def spells(rows):
    """(starts, ends) of the valid rows."""
    return [
        (row.starts_on, row.ends_on) for row in rows.filter(cancelled_at=None).order_by("starts_on", "pk")
    ]


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


# --- what a transfer does --------------------------------------------------------------------------------------------


@pytest.mark.db
def test_nothing_changes_until_the_other_school_accepts(world):
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    sent = send(world)
    assert (sent.state, sent.from_school, sent.to_school) == ("sent", world.shimen, world.qingshan)
    assert spells(world.an.enrollments) == [(SINCE, None)]
    assert spells(world.an.pairings) == [(SINCE, None)]
    assert Child.objects.listed_on(date(2026, 10, 20)).filter(pk=world.an.pk).exists()


@pytest.mark.db
def test_accepting_moves_the_child_on_the_day_and_ends_what_belongs_to_the_old_school(world):
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    children.set_trait(world.an, by=None, kind="boarding", starts_on=SINCE)
    children.set_trait(world.an, by=None, kind="priority", starts_on=SINCE, reason="看病")
    accept(world, send(world), school_class=world.q11)
    old, new = world.an.enrollments.order_by("starts_on")
    assert (old.school, old.ends_on, old.end_reason) == (world.shimen, date(2026, 10, 14), "转学到青山小学")
    assert (new.school, new.school_class, new.starts_on, new.ends_on) == (
        world.qingshan,
        world.q11,
        date(2026, 10, 15),
        None,
    )
    tie = Pairing.objects.get(child=world.an)
    assert (tie.ends_on, tie.end_reason) == (date(2026, 10, 14), "child_left")
    assert spells(world.an.care_list_spells) == [(SINCE, None)]
    assert {trait.kind: trait.ends_on for trait in Trait.objects.filter(child=world.an)} == {
        "boarding": date(2026, 10, 14),
        "priority": None,
    }
    entry = AuditEvent.objects.get(action="accept_transfer")
    assert (entry.actor_name, entry.child_uid) == ("秦校长", world.an.uid)


def test_a_gap_between_the_schools_stays_a_gap_and_days_never_overlap(world):
    sent = send(world, last_day=date(2026, 7, 3))
    with pytest.raises(moves.InTheWay, match="到 2026-07-03 还在石门小学"):
        accept(world, sent, starts_on=date(2026, 7, 3))
    accept(world, sent, starts_on=date(2026, 9, 1))
    assert spells(world.an.enrollments) == [(SINCE, date(2026, 7, 3)), (date(2026, 9, 1), None)]
    assert world.an.enrollment_on(date(2026, 7, 31)) is None
    assert world.an.enrollment_on(date(2026, 9, 1)).school == world.qingshan


def test_what_would_have_begun_at_the_old_school_later_never_begins(world):
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=date(2026, 10, 20))
    accept(world, send(world))
    tie = Pairing.objects.get(child=world.an)
    assert (tie.cancel_reason, tie.ends_on) == ("转学前没有开始", None)


def test_a_helper_from_outside_stays_a_fellow_pupil_does_not(world):
    helper = OutsideHelper.objects.create(
        county=world.county, name="县老年大学", kind="unit", starts_on=SINCE
    )
    own = OutsideHelper.objects.create(
        county=world.county, school=world.shimen, name="校友会", kind="unit", starts_on=SINCE
    )
    for one in (helper, own):
        Pairing.objects.create(
            child=world.an, helper=one, helper_name=one.name, kind="helper", starts_on=SINCE
        )
    Pairing.objects.create(child=world.bo, peer=world.an, kind="peer", starts_on=SINCE)
    accept(world, send(world))
    assert sorted((str(tie), tie.ends_on) for tie in Pairing.objects.all()) == [
        ("县老年大学 志愿帮扶", None),
        ("安小一 手拉手", date(2026, 10, 14)),
        ("校友会 志愿帮扶", date(2026, 10, 14)),
    ]


def test_between_a_school_and_its_teaching_point_the_paired_teacher_stays(world):
    pairings.pair(child=world.ding, staff=world.li, by=None, starts_on=SINCE)
    sent = moves.send_transfer(
        child=world.ding, to_school=world.shimen, last_day=date(2026, 10, 14), by=world.leader.user
    )
    accept(world, sent, school_class=world.c31, by=world.leader.user)
    assert spells(world.ding.pairings) == [(SINCE, None)]


def test_who_graduates_or_has_left_is_sent_with_the_day_it_was(world):
    SchoolClass.objects.filter(pk=world.c31.pk).update(ends_on=date(2026, 7, 3))
    children.leave_school(world.chen, by=None, last_day=date(2026, 6, 30), reason="其他")
    sent = moves.send_transfers(
        children=[world.an, world.bo, world.chen], to_school=world.qingshan, by=world.leader.user
    )
    assert {one.child.name: one.last_day for one in sent} == {
        "安小一": date(2026, 7, 3),
        "薄小二": date(2026, 7, 3),
        "陈小三": date(2026, 6, 30),
    }
    accept(world, *sent, starts_on=date(2026, 9, 1), school_class=world.q11)
    assert Enrollment.objects.filter(school=world.qingshan, starts_on=date(2026, 9, 1)).count() == 3
    assert spells(world.chen.enrollments)[0] == (SINCE, date(2026, 6, 30))


def test_a_list_is_all_or_nothing_and_names_who_stands_in_the_way(world):
    send(world)
    with pytest.raises(moves.InTheWay) as caught:
        moves.send_transfers(
            children=[world.an, world.bo, world.far], to_school=world.qingshan, by=None,
            last_day=date(2026, 10, 14),
        )  # fmt: skip
    assert [(child.name, why) for child, why in caught.value.children] == [
        ("安小一", "转学已经发出，等青山小学接收"),
        ("范小五", "已经在青山小学"),
    ]
    assert Transfer.objects.count() == 1


@pytest.mark.parametrize(
    ("last_day", "wrong"),
    [(SINCE - DAY, "最后一天不能早于到校日期"), (date(2030, 1, 1), "日期太远了")],
)
def test_a_last_day_that_cannot_be(world, last_day, wrong):
    with pytest.raises(ValidationError, match=wrong):
        send(world, last_day=last_day)


def test_refused_or_withdrawn_the_child_stays_and_can_be_sent_again(world):
    sent = send(world)
    with pytest.raises(ValidationError, match="请写明为什么退回"):
        moves.refuse_transfer(sent, by=world.other_leader.user, note=" ", expected=1)
    moves.refuse_transfer(sent, by=world.other_leader.user, note="没有学位", expected=1)
    again = send(world)
    moves.withdraw_transfer(again, by=world.leader.user, expected=1)
    assert [(one.state, one.decision_note) for one in Transfer.objects.order_by("pk")] == [
        ("refused", "没有学位"),
        ("withdrawn", ""),
    ]
    assert spells(world.an.enrollments) == [(SINCE, None)]
    with pytest.raises(moves.InTheWay, match="已撤回"):
        accept(world, again)


def test_the_second_answer_is_told_of_the_first(world):
    sent = send(world)
    moves.withdraw_transfer(sent, by=world.leader.user, expected=1)
    with pytest.raises(VersionConflict):
        moves.accept_transfers(transfers=[sent], by=None, starts_on=date(2026, 10, 15), versions={sent.pk: 1})
    assert spells(world.an.enrollments) == [(SINCE, None)]


@pytest.mark.db
def test_the_same_form_twice_is_one_transfer(world):
    form = uuid.uuid4()
    assert send(world, submission=form) == send(world, submission=form)
    accept(world, Transfer.objects.get())
    accept(world, Transfer.objects.get())
    assert world.an.enrollments.count() == 2
    assert AuditEvent.objects.filter(action="accept_transfer").count() == 1


def test_a_class_changed_after_the_last_day_sends_the_transfer_back(world):
    sent = send(world)
    children.change_class(world.an, by=None, school_class=world.c21, starts_on=date(2026, 11, 1))
    with pytest.raises(moves.InTheWay, match="后来改过"):
        accept(world, sent, starts_on=date(2026, 11, 10))


@pytest.mark.db
def test_statements_do_not_grow_with_the_children(world):
    def cost(kids):
        sent = moves.send_transfers(
            children=kids, to_school=world.qingshan, last_day=date(2026, 10, 14), by=world.leader.user
        )
        with CaptureQueriesContext(
            connection,
        ) as caught:
            accept(world, *sent, school_class=world.q11)
        return [query["sql"][:50] for query in caught if "SAVEPOINT" not in query["sql"]]

    first, one = [world.child("甲零", world.c31)], [world.child("甲一", world.c31)]
    many = [world.child(f"乙{n}", world.c31) for n in range(5)]
    for kid in first + one + many:
        pairings.pair(child=kid, staff=world.li, by=None, starts_on=SINCE)
        children.set_trait(kid, by=None, kind="boarding", starts_on=SINCE)
    cost(first)  # posts of the two people are read once
    assert cost(one) == cost(many)


# --- never without an owner ------------------------------------------------------------------------------------------


def owner_on(child, day):
    """Who answers for the child: the class teacher, else the leader of the school it sits at, or sat at last."""
    seats = child.enrollments.valid().filter(starts_on__lte=day).order_by("starts_on", "pk")
    seat = seats.last()
    school = seat.school.managing_school or seat.school
    found = Post.objects.on(day).filter(kind=PostKind.CLASS_TEACHER, school_class=seat.school_class)
    sits = seat.ends_on is None or seat.ends_on >= day
    return (sits and seat.school_class and found.first()) or Post.objects.on(day).get(
        kind=PostKind.LEADER, school=school
    )


STEPS = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(1, 20), st.integers(1, 40), st.booleans()),
    min_size=1,
    max_size=6,
)


@given(steps=STEPS)
def test_after_any_transfers_a_child_has_an_owner_and_nobody_of_another_school(steps):
    from django.db import transaction

    with transaction.atomic():
        world = make_world()
        point_leader, schools = world.leader, [world.shimen, world.qingshan, world.point]
        classes = {world.shimen: world.c31, world.qingshan: world.q11, world.point: world.p11}
        answers = {world.shimen: world.li, world.point: world.li, world.qingshan: world.other_teacher}
        day = date(2026, 1, 1)
        pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
        for answer, to, later, gap, in_class in steps:
            day += timedelta(days=later)
            here = world.an.enrollments.open().get().school
            if schools[to] == here:
                continue
            sent = moves.send_transfer(child=world.an, to_school=schools[to], last_day=day, by=None)
            if answer == 0:
                moves.refuse_transfer(sent, by=None, note="没有学位", expected=1)
            elif answer == 1:
                moves.withdraw_transfer(sent, by=None, expected=1)
            else:
                day += timedelta(days=gap)
                moves.accept_transfers(
                    transfers=[sent], by=None, starts_on=day,
                    school_class=classes[schools[to]] if in_class else None,
                )  # fmt: skip
                if not Pairing.objects.primary().on(day).filter(child=world.an).exists():
                    pairings.pair(child=world.an, staff=answers[schools[to]], by=None, starts_on=day)
        first = SINCE
        while first <= day:
            assert owner_on(world.an, first) is not None
            seats = list(Enrollment.objects.on(first).filter(child=world.an).select_related("school"))
            assert len(seats) <= 1
            ties = list(Pairing.objects.primary().on(first).filter(child=world.an).select_related("staff"))
            assert len(ties) <= 1
            if seats and ties:
                assert moves.root_of(seats[0].school) == moves.root_of(ties[0].staff.school)
            first += timedelta(days=7)
        assert world.an.enrollments.open().count() == 1
        assert CareListSpell.objects.on(day).filter(child=world.an).count() == 1
        assert point_leader
        transaction.set_rollback(True)


# --- pages -----------------------------------------------------------------------------------------------------------


def url(name, *rows):
    return reverse(f"pairing:{name}", args=[row.uid for row in rows])


def test_the_new_school_sees_name_and_class_and_opens_the_file_from_the_first_day(world, signed_in, today):
    world.an.address = "上河村3组9号"
    world.an.save()
    sent = send(world, last_day=today - DAY)
    file = reverse("reports:child_file", args=[world.an.uid])
    page = signed_in(world.other_leader).get(url("transfer_list"))
    assert [one.child.name for one in page.context["incoming"]] == ["安小一"]
    assert f"石门小学 {world.c31.name_on(today - DAY)}" in text(page) and "上河村3组9号" not in text(page)
    assert world.an.get_absolute_url() not in page.content.decode()
    assert signed_in(world.other_leader).get(file).status_code == 404
    accept(world, sent, starts_on=today, school_class=world.q11)
    assert signed_in(world.other_leader).get(file).status_code == 200
    assert signed_in(world.leader).get(file).status_code == 404
    assert signed_in(world.zhang).get(file).status_code == 404


def test_until_the_first_day_at_the_new_school_the_old_one_keeps_the_file(world, signed_in, today):
    accept(world, send(world, last_day=today), starts_on=today + DAY)
    file = reverse("reports:child_file", args=[world.an.uid])
    assert signed_in(world.leader).get(file).status_code == 200
    assert signed_in(world.other_leader).get(file).status_code == 404


def test_the_road_from_the_file_to_the_new_class(world, signed_in, today):
    office = signed_in(world.leader)
    assert url("transfer_new", world.an) in office.get(world.an.get_absolute_url()).content.decode()
    form = {
        "submission": str(uuid.uuid4()), "to_school": str(world.qingshan.uid), "last_day": str(today - DAY),
        "reason": "搬家",
    }  # fmt: skip
    for _ in range(2):
        answer = office.post(url("transfer_new", world.an), form, follow=True)
    assert "已发给青山小学。对方接收以前，安小一还在您的名单上" in text(answer)
    assert [one.child.name for one in answer.context["outgoing"]] == ["安小一"]
    assert "转学已发出" in text(office.get(world.an.get_absolute_url()))
    sent = Transfer.objects.get()
    new = signed_in(world.other_leader)
    assert "接收安小一" in text(new.get(url("transfer_accept", sent)))
    data = {
        "step": "save", f"version-{sent.uid}": "1", "school_class": str(world.q11.uid), "starts_on": str(today),
    }  # fmt: skip
    assert f"起在{world.q11.name_on(today)}" in text(
        new.post(url("transfer_accept", sent), data, follow=True)
    )
    assert world.an.enrollment_on(today).school_class == world.q11
    assert "本月尚未谈心" in text(new.get(world.an.get_absolute_url()))


def test_who_may_not_answer_or_send(world, signed_in):
    sent = send(world)
    assert signed_in(world.leader).post(url("transfer_accept", sent)).status_code == 403
    assert signed_in(world.other_leader).post(url("transfer_withdraw", sent)).status_code == 403
    assert signed_in(world.zhang).get(url("transfer_new", world.an)).status_code == 403
    assert signed_in(world.zhang).get(url("transfer_list")).status_code == 403
    third = School.objects.create(code="QX9", name="枫林小学", county=world.county, first_used_on=SINCE)
    stranger = world.staff("沈刚", (PostKind.LEADER, {"school": third}), school=third)
    assert signed_in(stranger).get(url("transfer_accept", sent)).status_code == 404
    assert signed_in(stranger).post(url("transfers_accept"), {"transfer": str(sent.uid)}).status_code == 404
    assert signed_in(stranger).get(url("transfer_list")).context["incoming"] == []


def test_refusing_and_withdrawing_by_page(world, signed_in):
    sent = send(world)
    new = signed_in(world.other_leader)
    assert "请写明为什么退回" in text(new.post(url("transfer_refuse", sent), {"version": 1, "note": ""}))
    answer = new.post(url("transfer_refuse", sent), {"version": 1, "note": "没有学位"}, follow=True)
    assert "已退回石门小学，安小一还在原来的学校" in text(answer)
    again = send(world, world.bo)
    page = signed_in(world.leader).post(url("transfer_withdraw", again), {"version": "x"}, follow=True)
    assert "刚才已经有人办了" in text(page)
    page = signed_in(world.leader).post(url("transfer_withdraw", again), {"version": 1}, follow=True)
    assert "已撤回，薄小二还在原来的班" in text(page)
    assert "已退回：没有学位" in text(page)


def test_several_are_accepted_into_one_class_in_one_step(world, signed_in, today):
    rows = [send(world, child, last_day=today - DAY) for child in (world.an, world.bo, world.chen)]
    new = signed_in(world.other_leader)
    ticked = {"transfer": [str(one.uid) for one in rows]}
    assert "接收这 3 个孩子" in text(new.post(url("transfers_accept"), ticked))
    assert Enrollment.objects.filter(school=world.qingshan).count() == 1
    data = ticked | {"step": "save", "starts_on": str(today), "school_class": ""}
    data |= {f"version-{one.uid}": "1" for one in rows}
    assert "3 个孩子已接收" in text(new.post(url("transfers_accept"), data, follow=True))
    assert Enrollment.objects.on(today).filter(school=world.qingshan, school_class=None).count() == 3
    assert "还没勾选" in text(new.post(url("transfers_accept"), {}, follow=True))


def test_the_leader_finds_it_on_the_dashboard(world, signed_in):
    send(world)
    page = signed_in(world.other_leader).get(reverse("reports:dashboard"))
    assert re.search(r"1 个孩子等您接收", text(page))
    assert url("transfer_list") in page.content.decode()


@pytest.mark.parametrize("number", [1, 3])
def test_the_list_costs_the_same_with_more_on_it(world, signed_in, django_assert_max_num_queries, number):
    for child in (world.an, world.bo, world.chen)[:number]:
        send(world, child)
    client = signed_in(world.other_leader)
    client.get(url("transfer_list"))
    with django_assert_max_num_queries(17):
        client.get(url("transfer_list"))


@pytest.mark.parametrize("number", [1, 3])
def test_the_new_class_teacher_reads_on_today_whom_nobody_talked_with_yet(world, signed_in, today, number):
    post = {"school": world.qingshan, "school_class": world.q11}
    teacher = world.staff("钱小敏", (PostKind.CLASS_TEACHER, post), school=world.qingshan)
    client = signed_in(teacher)
    assert client.get(reverse("activities:today")).context["owed"].arrived == []
    first = today.replace(day=1)
    sent = [send(world, child, last_day=first - DAY) for child in (world.an, world.bo, world.chen)[:number]]
    accept(world, *sent, starts_on=first, school_class=world.q11)
    page = client.get(reverse("activities:today"))
    assert [row.child.name for row in page.context["owed"].arrived] == ["安小一", "薄小二", "陈小三"][:number]
    assert "本月尚未谈心" in text(page)
    assert "范小五" not in text(page)  # was there before
    log_contacts(
        children=[world.an],
        kind="talk",
        day=first,
        by=teacher.user,
        staff=teacher,
        parties=["child"],
        words="认识了",
    )
    page = client.get(reverse("activities:today"))
    assert "安小一" not in [row.child.name for row in page.context["owed"].arrived]
