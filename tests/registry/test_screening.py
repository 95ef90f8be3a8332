"""摸底排查: who stands on the list, what the class says, the way to the county, the locked snapshot."""

import datetime
import random
import threading

import pytest
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from registry import children, families
from registry.models import (
    CareListSpell,
    ClassScreening,
    HandInState,
    Screening,
    ScreeningAnswer,
    ScreeningEntry,
    Season,
    Term,
)
from registry.screenings import answers, campaign, comparing, counts, hand_in, rates
from registry.screenings.rolls import HERE, Roll
from trust.models import AuditEvent, VersionConflict

from .cast import make_adult, make_child

pytestmark = [pytest.mark.django_db, pytest.mark.db]

FIGURES = {
    "pupils": 40, "pupils_at_start": 41, "transferred_in": 1, "transferred_out": 2, "dropped_out": 0,
}  # fmt: skip


def today():
    return timezone.localdate()


def ago(days):
    return today() - datetime.timedelta(days=days)


def make_term(county, starts_on=None, ends_on=None, season=Season.AUTUMN, year=None):
    return Term.objects.create(
        county=county,
        year=year or today().year,
        season=season,
        starts_on=starts_on or ago(50),
        ends_on=ends_on or today() + datetime.timedelta(days=60),
    )


def open_one(cast, term=None, by=None, as_of=None):
    return campaign.open_screening(
        term or make_term(cast.county),
        by=by or cast.county_officer,
        as_of=as_of or today(),
        due_on=today() + datetime.timedelta(days=10),
        definition="父母一方或双方外出",
    )


def part_of(screening, school):
    return screening.schools.select_related(
        "screening__county", "screening__term", "school__county", "school__district"
    ).get(school=school)


def class_of(part, school_class):
    return ClassScreening.objects.get(school_screening=part, school_class=school_class)


def entry_of(part, child):
    return ScreeningEntry.objects.get(class_screening__school_screening=part, child=child)


def standing(part):
    """{name: (class, answer)} of a part, after bringing it in line."""
    return {
        entry.child.name: (str(entry.class_screening.school_class or "未分班"), entry.answer)
        for entry in Roll(part).entries
    }


def finish(cast, part, by=None):
    """Every class says 都没变, its figures, and is handed in to the school; then the school to the next."""
    by = by or cast.leader
    for one in ClassScreening.objects.filter(school_screening=part):
        answers.say_all_unchanged(one, by=by)
        if one.school_class_id:
            answers.state_figures(one, by=by, expected=one.version, **FIGURES)
        answers.hand_in_class(one, by=by)
    part.refresh_from_db()
    answers.state_school_age(
        part, by=by, expected=part.version, school_age_children=100, school_age_enrolled=99
    )
    return hand_in.hand_in(part, by=by)


# --- opening ------------------------------------------------------------------------------------------------------------


def test_opening_makes_every_school_class_and_child_once(cast):
    term = make_term(cast.county)
    screening = open_one(cast, term)
    part = part_of(screening, cast.school)
    classes = {str(one.school_class or "未分班") for one in part.classes.all()}
    assert classes == {"四(1)班", "四(2)班", "二(1)班", "未分班"}
    assert standing(part) == {
        "李小满": ("四(1)班", ""),
        "陈浩宇": ("四(2)班", ""),
        "覃佳怡": ("二(1)班", ""),
        "何静怡": ("未分班", ""),
    }
    assert standing(part_of(screening, cast.other)) == {"龙小凤": ("四(1)班", ""), "杨晓东": ("四(1)班", "")}
    assert open_one(cast, term) == screening
    assert ScreeningEntry.objects.count() == 7
    assert AuditEvent.objects.filter(action="open_screening").count() == 1


@pytest.mark.django_db(transaction=True)
def test_two_who_open_it_at_once_make_one(cast):
    term, gate, found = make_term(cast.county), threading.Barrier(2), []

    def press():
        gate.wait()
        try:
            found.append(open_one(cast, term).pk)
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [Screening.objects.get().pk] * 2
    assert ScreeningEntry.objects.count() == 7


def test_opening_costs_the_same_for_many_children(cast, django_assert_max_num_queries):
    for number in range(30):
        make_child(f"甲{number}", cast.school, cast.class_a)
    term = make_term(cast.county)
    with django_assert_max_num_queries(80):  # three schools
        open_one(cast, term)


def test_dates_that_cannot_be_are_refused(cast):
    term = make_term(cast.county)
    with pytest.raises(ValidationError) as error:
        open_one(cast, term, as_of=ago(100))
    assert "as_of" in error.value.message_dict
    with pytest.raises(ValidationError):
        campaign.open_screening(
            term, by=cast.county_officer, as_of=ago(10), due_on=ago(1), definition="某口径"
        )


def test_a_leader_opens_only_while_the_county_has_nobody(cast):
    with pytest.raises(PermissionDenied):
        open_one(cast, make_term(cast.county), by=cast.leader)
    cast.county_officer.is_active = False
    cast.county_officer.save()
    screening = open_one(cast, Term.objects.get(), by=cast.leader)
    part = finish(cast, part_of(screening, cast.school))
    assert hand_in.may_accept(cast.leader, part)
    with pytest.raises(PermissionDenied):
        open_one(cast, make_term(cast.county, season=Season.SPRING), by=cast.deputy)


# --- the list follows the facts ---------------------------------------------------------------------------------------


def test_the_list_follows_children_who_come_move_and_go(cast):
    part = part_of(open_one(cast), cast.school)
    answers.say_all_unchanged(class_of(part, cast.class_b), by=cast.leader)
    children.change_class(cast.beside, by=cast.leader, school_class=cast.class_a)  # takes the answer along
    children.leave_school(cast.young, by=cast.leader, last_day=ago(1), reason="转学到外校")
    children.take_off_list(cast.seatless, by=cast.leader, last_day=ago(1), reason="父母返乡")
    late = children.add_child(
        by=cast.leader,
        school=cast.school,
        school_class=cast.class_a,
        name="晚来",
        sex="male",
        type="one_away",
    )
    assert standing(part) == {
        "李小满": ("四(1)班", ""),
        "陈浩宇": ("四(1)班", "unchanged"),
        "覃佳怡": ("二(1)班", "left"),
        "何静怡": ("未分班", "home_again"),
        "晚来": ("四(1)班", "new"),
    }
    answers.say_all_unchanged(class_of(part, cast.class_a), by=cast.teacher)  # writes it down
    assert entry_of(part, late).answer == ScreeningAnswer.NEW
    assert entry_of(part, cast.young).note == "转学到外校"
    assert entry_of(part, cast.own).answer == ScreeningAnswer.UNCHANGED
    # Back again: asked once more.
    children.enroll(cast.young, by=cast.leader, school=cast.school, school_class=cast.class_young)
    assert standing(part)["覃佳怡"] == ("二(1)班", "")


def test_leaving_today_is_left_and_stays_so(cast):
    part = part_of(open_one(cast), cast.school)
    where = class_of(part, cast.class_a)
    answers.say_left(where, cast.own, by=cast.teacher, last_day=today(), reason="随父母到外地")
    cast.own.refresh_from_db()
    assert cast.own.enrollments.get().ends_on == today()
    assert standing(part)["李小满"] == ("四(1)班", "left")


def test_home_again_takes_off_the_list_and_ends_the_parents_work(cast):
    mother = make_adult(cast.own, name="梁燕", relation="mother", cares=False, phone="")
    away = families.start_work(
        mother, by=cast.leader, child=cast.own, starts_on=ago(400), place="广东省东莞市"
    )
    part = part_of(open_one(cast), cast.school)
    answers.say_home_again(
        class_of(part, cast.class_a),
        cast.own,
        by=cast.teacher,
        last_day=ago(3),
        reason="父母返乡",
        home=[away.uid],
    )
    assert cast.own.care_list_spells.get().ends_on == ago(3)
    away.refresh_from_db()
    assert away.ends_on == ago(3)
    assert entry_of(part, cast.own).answer == ScreeningAnswer.HOME_AGAIN


def test_unchanged_for_all_says_changed_where_something_was_registered_meanwhile(cast):
    make_child("王二", cast.school, cast.class_a)
    part = part_of(open_one(cast), cast.school)
    children.put_on_list(cast.own, by=cast.teacher, type="one_away")
    assert answers.say_all_unchanged(class_of(part, cast.class_a), by=cast.teacher) == 2
    own = entry_of(part, cast.own)
    assert (own.answer, own.note) == ("changed", "留守类型")
    assert answers.say_all_unchanged(class_of(part, cast.class_a), by=cast.teacher) == 0


def test_a_note_is_needed_for_changed_and_two_at_once_see_each_other(cast):
    part = part_of(open_one(cast), cast.school)
    where, entry = class_of(part, cast.class_a), entry_of(part, cast.own)
    with pytest.raises(ValidationError):
        answers.say_changed(where, cast.own, by=cast.teacher, note=" ")
    answers.say_changed(where, cast.own, by=cast.teacher, note="改由外婆带", expected=entry.version)
    with pytest.raises(VersionConflict):
        answers.say_changed(where, cast.own, by=cast.leader, note="别的", expected=entry.version)
    assert entry_of(part, cast.own).note == "改由外婆带"


# --- nobody missed ----------------------------------------------------------------------------------------------------


MOVES = [
    "add",
    "class_a",
    "class_b",
    "no_class",
    "leave",
    "back",
    "on_list",
    "off_list",
    "other_school",
    "answer",
]


@settings(max_examples=15)
@given(seed=st.integers(0, 10**6), steps=st.lists(st.sampled_from(MOVES), min_size=3, max_size=14))
def test_no_listed_child_is_missed_and_none_is_there_twice(cast, seed, steps):
    with transaction.atomic():
        _play(cast, random.Random(seed), steps)
        transaction.set_rollback(True)


def _play(cast, rng, steps):
    screening = open_one(cast)
    part = part_of(screening, cast.school)
    kids = [cast.own, cast.beside, cast.young, cast.seatless]
    for number, step in enumerate(steps):
        child = rng.choice(kids)
        seat = child.enrollments.open().first()
        listed = child.care_list_spells.open().first()
        try:
            if step == "add":
                kids.append(
                    children.add_child(
                        by=cast.leader, school=cast.school, school_class=cast.class_a, name=f"新{number}", sex="male",
                        type=rng.choice(["", "both_away"]),
                    )
                )  # fmt: skip
            elif step in ("class_a", "class_b", "no_class"):
                children.change_class(child, by=cast.leader, school_class=getattr(cast, step, None))
            elif step == "leave":
                children.leave_school(
                    child, by=cast.leader, last_day=ago(rng.choice([0, 1])), reason="转学到外校"
                )
            elif step == "back" and seat is None:
                children.enroll(child, by=cast.leader, school=cast.school, school_class=cast.class_b)
            elif step == "other_school" and seat is None:
                children.enroll(child, by=cast.leader, school=cast.other, school_class=cast.class_other)
            elif step == "on_list" and listed is None:
                children.put_on_list(child, by=cast.leader, type="both_away")
            elif step == "off_list":
                children.take_off_list(
                    child, by=cast.leader, last_day=ago(rng.choice([0, 1])), reason="父母返乡"
                )
            elif step == "answer":
                for one in ClassScreening.objects.filter(school_screening=part):
                    answers.say_all_unchanged(one, by=cast.leader)
        except ValidationError:
            continue  # the facts forbid this step just now
    finish(cast, part)
    finish(cast, part_of(screening, cast.other), by=cast.other_leader)
    tomorrow = today() + datetime.timedelta(days=1)
    for school in (cast.school, cast.other):
        listed = type(cast.own).objects.listed_on(tomorrow).at_school_on(school, tomorrow)
        found = ScreeningEntry.objects.filter(
            class_screening__school_screening__school=school,
            class_screening__school_screening__screening=screening,
            answer__in=HERE,
        )
        assert sorted(found.values_list("child", flat=True)) == sorted(
            listed.distinct().values_list("pk", flat=True)
        )
        for entry in found.select_related("child", "class_screening"):
            seat = entry.child.enrollments.on(tomorrow).get()
            assert entry.class_screening.school_class_id == seat.school_class_id


# --- handing in -------------------------------------------------------------------------------------------------------


def test_a_class_with_an_unconfirmed_child_cannot_be_handed_in(cast):
    part = part_of(open_one(cast), cast.school)
    where = class_of(part, cast.class_a)
    with pytest.raises(ValidationError, match="还有 1 个孩子没有确认"):
        answers.hand_in_class(where, by=cast.teacher)
    answers.say_unchanged(where, cast.own, by=cast.teacher)
    with pytest.raises(ValidationError, match="还没填班级学生数"):
        answers.hand_in_class(where, by=cast.teacher)
    with pytest.raises(ValidationError, match="名单上已有 1 个"):
        answers.state_figures(where, by=cast.teacher, expected=1, **FIGURES | {"pupils": 0})
    stated = answers.state_figures(where, by=cast.teacher, expected=1, **FIGURES)
    assert answers.difference(stated) == 0  # 41 + 1 − 2 − 0 = 40
    with pytest.raises(VersionConflict):
        answers.state_figures(where, by=cast.leader, expected=1, **FIGURES)
    answers.hand_in_class(where, by=cast.teacher)
    with pytest.raises(ValidationError, match="已经交给学校"):
        answers.say_changed(where, cast.own, by=cast.teacher, note="又变了")
    answers.reopen_class(where, by=cast.leader)
    answers.say_changed(where, cast.own, by=cast.teacher, note="又变了")


def test_the_school_hands_in_only_when_every_class_has(cast):
    part = part_of(open_one(cast), cast.school)
    with pytest.raises(ValidationError) as error:
        hand_in.hand_in(part, by=cast.leader)
    assert error.value.messages == [
        "还有 4 个孩子没有确认",
        "还有 4 个班没有交：二(1)班、四(1)班、四(2)班、未分班",
        "还没填服务范围内的适龄儿童数",
    ]
    with pytest.raises(PermissionDenied):
        hand_in.hand_in(part, by=cast.teacher)
    done = finish(cast, part)
    assert done.state == HandInState.AT_DISTRICT
    # A child that comes after its class was done holds the school back no longer: it is locked.
    make_child("迟到", cast.school, cast.class_a)
    assert "迟到" not in standing(done)


def test_before_its_day_nothing_is_handed_in(cast):
    part = part_of(open_one(cast, as_of=today() + datetime.timedelta(days=5)), cast.school)
    with pytest.raises(ValidationError, match="到那天才能上报"):
        finish(cast, part)


def test_the_way_to_the_county_and_back(cast):
    part = finish(cast, part_of(open_one(cast), cast.school))
    own = entry_of(part, cast.own)
    assert not hand_in.may_forward(cast.leader, part)
    with pytest.raises(PermissionDenied):
        hand_in.accept(part, by=cast.district_officer)
    with pytest.raises(ValidationError):
        hand_in.give_back(part, by=cast.district_officer, comment="")
    hand_in.give_back(part, by=cast.district_officer, comment="请核对", rows={str(own.uid): "妈妈在哪里"})
    part.refresh_from_db()
    assert part.state == HandInState.RETURNED
    a, b = class_of(part, cast.class_a), class_of(part, cast.class_b)
    assert a.done_at is None and b.done_at is not None
    with pytest.raises(ValidationError, match="还有 1 个孩子没有确认"):
        hand_in.hand_in(part, by=cast.leader)
    answers.say_changed(a, cast.own, by=cast.teacher, note="妈妈在惠州")
    answers.hand_in_class(a, by=cast.teacher)
    hand_in.hand_in(part, by=cast.leader)
    hand_in.forward(part, by=cast.district_officer)
    with pytest.raises(ValidationError, match="已上报县"):  # it lies with the county now
        hand_in.give_back(part, by=cast.district_officer, comment="再看看")
    accepted = hand_in.accept(part, by=cast.county_officer)
    assert accepted.state == HandInState.ACCEPTED
    assert [step.state for step in accepted.steps.all()] == [
        "at_district", "returned", "at_district", "at_county", "accepted",
    ]  # fmt: skip
    with pytest.raises(ValidationError, match="已锁定"):
        answers.say_all_unchanged(a, by=cast.teacher)


def test_a_school_without_district_goes_straight_to_the_county(cast):
    cast.other.district = None
    cast.other.save()
    part = finish(cast, part_of(open_one(cast), cast.other), by=cast.other_leader)
    assert part.state == HandInState.AT_COUNTY


def test_the_snapshot_stays_what_it_was(cast):
    grandmother = make_adult(cast.own)
    mother = make_adult(cast.own, name="梁燕", relation="mother", cares=False, phone="13900001111")
    families.start_work(mother, by=cast.leader, child=cast.own, starts_on=ago(200), place="广东省东莞市")
    father = make_adult(cast.own, name="李强", relation="father", cares=False, phone="")
    families.start_work(father, by=cast.leader, child=cast.own, starts_on=ago(200))
    children.set_trait(cast.own, by=cast.leader, kind="boarding", starts_on=ago(20))
    part = finish(cast, part_of(open_one(cast), cast.school))
    snapshot = entry_of(part, cast.own).snapshot
    judged = snapshot.pop("judgements")
    assert snapshot == {
        "name": "李小满", "sex": "female", "class": "四(1)班", "stage": "primary", "type": "both_away",
        "listed": True, "answer": "unchanged", "boarding": True, "migrant": False, "carer": "奶奶",
        "parents": "母亲在广东省东莞市，父亲外出，地点没填", "as_of": str(today()), "definition": "父母一方或双方外出",
    }  # fmt: skip
    assert (judged["D1"], judged["D2"], judged["D3"]) == (True, True, True)
    kept = entry_of(part, cast.own).snapshot
    children.correct_child(cast.own, by=cast.leader, expected=cast.own.version, name="李大满")
    children.put_on_list(cast.own, by=cast.leader, type="one_away")
    families.end_guardianship(grandmother.guardianships.get(), by=cast.leader, last_day=ago(1))
    assert entry_of(part, cast.own).snapshot == kept
    assert comparing.lines_of(part)[cast.own.pk].name == "李小满"
    # Only handing in again, after a return, takes it anew.
    hand_in.give_back(part, by=cast.county_officer, comment="名字写错了")
    part.refresh_from_db()
    hand_in.hand_in(part, by=cast.leader)
    assert entry_of(part, cast.own).snapshot["name"] == "李大满"


def test_ended_screenings_take_nothing_more(cast):
    screening = open_one(cast)
    part = part_of(screening, cast.school)
    campaign.end_screening(screening, by=cast.county_officer)
    with pytest.raises(ValidationError, match="已经结束"):
        answers.say_all_unchanged(class_of(part, cast.class_a), by=cast.teacher)
    with pytest.raises(PermissionDenied):
        campaign.end_screening(screening, by=cast.leader)


# --- reading what was handed in ---------------------------------------------------------------------------------------


def two_terms(cast):
    """Last term: own, beside, young, seatless. This term: young left, beside changed type, 新来 joined."""
    spring = make_term(
        cast.county, starts_on=ago(300), ends_on=ago(160), season=Season.SPRING, year=today().year - 1
    )
    spring.ends_on = today()  # so that last term's can be handed in with today's facts
    spring.save()
    first = open_one(cast, spring, as_of=ago(1))
    finish(cast, part_of(first, cast.school))
    children.leave_school(cast.young, by=cast.leader, last_day=ago(1), reason="转学到外校")
    second = open_one(cast)
    part = part_of(second, cast.school)
    children.put_on_list(cast.beside, by=cast.leader, type="one_away", starts_on=today())
    fresh = children.add_child(
        by=cast.leader,
        school=cast.school,
        school_class=cast.class_a,
        name="新来",
        sex="male",
        type="both_away",
    )
    return first, second, part, fresh


def test_two_terms_compared_before_and_after_handing_in(cast):
    first, second, part, _ = two_terms(cast)
    first.refresh_from_db()
    assert first.closed_at is not None  # the earlier one ended with the opening
    for _ in range(2):
        found = comparing.compare(part)
        assert (found.before, found.now, found.same) == (4, 4, 2)
        assert [(one.name, one.why) for one in found.joined] == [("新来", "新增")]
        assert [(one.name, one.why) for one in found.left] == [("覃佳怡", "已离校：转学到外校")]
        assert [(one.name, one.why) for one in found.changed] == [
            ("陈浩宇", "留守类型父母双方外出 → 父母一方外出")
        ]
        if part.state == HandInState.FILLING:
            finish(cast, part)
            part = part_of(second, cast.school)
    assert comparing.county_changes([part]) == {cast.school.pk: (1, 1)}
    mine = comparing.compare(part, school_class=cast.class_a)
    assert ([one.name for one in mine.joined], mine.left, mine.before, mine.now) == (["新来"], [], 1, 2)


def test_sums_of_the_county_come_from_the_snapshots(cast, django_assert_num_queries):
    screening = open_one(cast)
    part = finish(cast, part_of(screening, cast.school))
    CareListSpell.objects.filter(child=cast.own).update(type="one_away")  # later changes count nowhere
    other = part_of(screening, cast.other)
    with django_assert_num_queries(3):
        summed = counts.add_up([part, other])
    assert list(summed.by_school) == [cast.school.pk]
    assert summed.total == {
        "total": 4, "male": 1, "female": 3, "both_away": 4, "one_away": 0, "unknown": 0, "boarding": 0, "migrant": 0,
        "kindergarten": 0, "primary": 3, "junior": 0, "new": 0, "left": 0, "pupils": 120,
    }  # fmt: skip
    assert summed.doubles == 0


def test_rates_by_hand(cast):
    part = finish(cast, part_of(open_one(cast), cast.school))
    part.refresh_from_db()
    entry, staying, dropped = rates.stated_rates([part])
    assert (entry.numerator, entry.denominator, entry.percent) == (99, 100, 99.0)
    # three classes: now 120, in 3, out 6, at the start 123, dropped out 0
    assert (staying.numerator, staying.denominator, staying.percent) == (123, 123, 100.0)
    assert (dropped.numerator, dropped.denominator, dropped.percent) == (0, 123, 0.0)
    assert [rate.percent for rate in rates.stated_rates([])] == [None, None, None]


def test_rates_of_left_behind_children_name_who_was_lost(cast):
    start = datetime.date(today().year if today().month >= 9 else today().year - 1, 9, 1)
    for child in (cast.own, cast.beside, cast.young):
        child.enrollments.update(starts_on=start)
        child.care_list_spells.update(starts_on=start)
    children.leave_school(cast.young, by=cast.leader, last_day=ago(2), reason="辍学")
    children.leave_school(cast.beside, by=cast.leader, last_day=ago(2), reason="转学到外校")
    entry, staying, dropped = rates.left_behind_rates([cast.school], today())
    assert (entry.numerator, entry.denominator, entry.percent) == (1, 2, 50.0)
    lost = dropped.numerator
    assert staying.numerator == staying.denominator - lost
    assert (lost, [child.name for child in rates.named(dropped, cast.leader)]) == (1, ["覃佳怡"])
    assert list(rates.named(dropped, cast.county_officer)) == []
