"""A year of a 1,500-pupil school, lived day by day; at its end every past date still answers as it did then.

What a page would say is taken down at the end of each month (``picture``), while it is today. After the year, with
two screenings, transfers, parents come home, teachers gone, a new leader, a graduation and new classes behind it, the
same questions about the same days must have the same answers.
"""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine

from activities import checks
from activities.contacts import log_contacts
from activities.facts import facts_uid, load_facts
from activities.models import ContactKind
from pairing import handovers, moves, proposals
from pairing.models import EndReason, Pairing
from pairing.ownership import NO_PAIRING, Ownership, without_owner
from pairing.quotas import loads, set_quota
from registry import children, definitions, families, places
from registry import staff as people
from registry.models import (
    CareListSpell,
    Child,
    County,
    Enrollment,
    Guardian,
    Post,
    PostKind,
    School,
    SchoolClass,
    ScreeningEntry,
    Staff,
    Term,
    Trait,
    TraitKind,
)
from registry.screenings import answers, campaign, hand_in
from registry.screenings.comparing import compare
from reports import figures
from tests import year_of_a_school as world
from trust.models import User

pytestmark = pytest.mark.django_db
SHANGHAI = ZoneInfo("Asia/Shanghai")


def uid(kind, key):
    return facts_uid(world.COUNTY, kind, key)


def account(key):
    """The account of a member of staff, opened when first asked for."""
    person = Staff.objects.select_related("user").get(uid=uid("staff", key))
    if person.user is None:
        person.user = User.objects.create_user(key, name=person.name)
        person.save()
    return person.user


class Year:
    """The school and its year; ``at(day)`` is nine o'clock of that day."""

    def __init__(self, clock):
        self.clock, self.pictures, self.months = clock, {}, {}
        load_facts(world.facts())
        self.county = County.objects.get(code=world.COUNTY)
        self.school = School.objects.get(uid=uid("schools", "big"))
        self.small = School.objects.get(uid=uid("schools", "small"))
        School.objects.filter(pk=self.school.pk).update(pupils=1500)
        self.classes = {
            str(one.uid): one for one in SchoolClass.objects.filter(school=self.school).select_related("school")
        }  # fmt: skip
        self.leader, self.officer = account("leader-big"), account("county")

    def at(self, day):
        self.clock.move_to(datetime(day.year, day.month, day.day, 9, tzinfo=SHANGHAI))

    def class_of(self, grade, number):
        return SchoolClass.objects.select_related("school").get(uid=uid("classes", f"big-{grade}-{number}"))

    def in_class(self, grade, number):
        return list(Child.objects.in_class_on(self.class_of(grade, number), date(2025, 9, 1)).order_by("pk"))

    # --- what a page would say of a day

    def picture(self, day):
        """Who is on which list, who answers and is paired, what the family is, what the definitions say: of ``day``."""
        seats = {
            seat.child_id: seat
            for seat in Enrollment.objects.on(day)
            .filter(school__county=self.county)
            .select_related("school", "school_class__school")
        }
        kids = list(Child.objects.filter(pk__in=seats).order_by("pk"))
        found = families.families_of(kids, day)
        types = dict(CareListSpell.objects.on(day).values_list("child", "type"))
        boards = set(Trait.objects.on(day).filter(kind=TraitKind.BOARDING).values_list("child", flat=True))
        rows = {}
        for kid in kids:
            seat, family = seats[kid.pk], found[kid.pk]
            judged = definitions.judge(family, seat, day)
            rows[kid.name] = (
                seat.school.name,
                seat.school_class.name_on(day) if seat.school_class else "",
                types.get(kid.pk),
                kid.pk in boards,
                tuple(sorted(f"{one.word}{one.guardian.name}" for one in family.carers)),
                tuple(sorted(f"{one.word}{one.work.place}" for one in family.parents_away)),
                tuple((one.code, one.holds, one.why) for one in judged),
            )
        count = figures.head_count(self.county, day)
        return {
            "children": rows,
            "owners": Ownership(School.objects.filter(county=self.county), day, day).on(day),
            "group": [
                (post.kind, post.staff_id) for post in people.leading_group(self.school, day)
            ],
            "loads": [
                (one.staff.pk, one.pairings, one.minimum, one.maximum) for one in loads(School.objects.filter(pk=self.school.pk), day)
            ],
            "count": (count.total, count.by_place),
        }  # fmt: skip

    def take_down(self, day):
        self.at(day)
        self.pictures[day] = self.picture(day)

    def close(self, month):
        """The check of ``month`` on the 6th of the next: what the closed month says."""
        day = (month.replace(day=28) + timedelta(days=4)).replace(day=6)
        self.at(day)
        report = checks.close_month(self.county, month)
        assert report.closed
        self.months[month] = told(report)

    def talk(self, day, *, leave_out=1):
        """Every class teacher talks with all of the class but the last ``leave_out``."""
        self.at(day)
        for one in SchoolClass.objects.filter(school=self.school).running_on(day).select_related("school"):
            post = Post.objects.on(day).filter(kind=PostKind.CLASS_TEACHER, school_class=one).first()
            kids = list(Child.objects.in_class_on(one, day).listed_on(day).order_by("pk"))
            if post is None or len(kids) <= leave_out:
                continue
            log_contacts(
                children=kids[: len(kids) - leave_out], kind=ContactKind.TALK, day=day, parties=["child"],
                by=self.leader, staff=post.staff,
            )  # fmt: skip

    def screen(self, season, *, opened, as_of, due_on):
        """Opens the term's screening; the school's part."""
        self.at(opened)
        term = Term.objects.get(county=self.county, year=2025, season=season)
        row = campaign.open_screening(
            term, by=self.officer, as_of=as_of, due_on=due_on, definition="父母一方或双方外出"
        )
        return row.schools.get(school=self.school)

    def hand_in(self, part, day):
        """The rest says 没有变化, every class and the school hand in, the county accepts."""
        self.at(day)
        for one in part.classes.select_related("school_class__school"):
            answers.say_all_unchanged(one, by=self.leader)
            if one.school_class_id:
                one.refresh_from_db()
                answers.state_figures(
                    one, by=self.leader, expected=one.version, pupils=50, pupils_at_start=50, transferred_in=0,
                    transferred_out=0, dropped_out=0,
                )  # fmt: skip
            answers.hand_in_class(one, by=self.leader)
        part.refresh_from_db()
        answers.state_school_age(
            part, by=self.leader, expected=part.version, school_age_children=1510, school_age_enrolled=1500
        )
        part.refresh_from_db()
        hand_in.hand_in(part, by=self.leader)
        part.refresh_from_db()
        hand_in.accept(part, by=self.officer)


def told(report):
    """A month's report in values that compare: the tallies and the findings."""
    counts = {
        (rule.label, school, school_class): count for (rule, school, school_class), count in report.counts.items()
    }  # fmt: skip
    lines = sorted(
        (line.rule.label, line.subject_kind, line.subject_id, str(line.period_start), line.state, line.done)
        for line in report.lines
    )
    return counts, lines


def snapshot_of(part):
    """The handed-in list."""
    rows = ScreeningEntry.objects.filter(class_screening__school_screening=part)
    return sorted((row.child_id, row.answer, row.note, sorted(row.snapshot.items(), key=str)) for row in rows)


@pytest.fixture
def year():
    with time_machine.travel(datetime(2025, 9, 1, 9, tzinfo=SHANGHAI), tick=False) as clock:
        yield Year(clock)


def test_every_past_date_answers_as_it_did_then(year):
    school, leader = year.school, year.leader

    # September: everybody is paired in one click, the class teachers' screening begins.
    year.at(date(2025, 9, 2))
    set_quota(school=school, minimum=1, maximum=4, by=leader)
    proposal = proposals.propose(school=school, starts_on=date(2025, 9, 2), by=leader)
    proposals.compute(proposal)
    proposals.adopt(proposal=proposal, by=leader, end_reason=EndReason.OTHER)
    kids = Child.objects.listed_on(date(2025, 9, 2)).at_school_on(school, date(2025, 9, 2))
    assert kids.count() == 420
    paired = Pairing.objects.primary().on(date(2025, 9, 2)).filter(child__in=kids)
    assert paired.count() == 420
    assert {
        one.staff.pk for one in loads(School.objects.filter(pk=school.pk), date(2025, 9, 2)) if one.over
    } == set()

    autumn = year.screen("autumn", opened=date(2025, 9, 8), as_of=date(2025, 9, 26), due_on=date(2025, 9, 30))
    away, back, stays, *_ = year.in_class(3, 1)
    part_of = {one.school_class_id: one for one in autumn.classes.all()}
    third = part_of[year.class_of(3, 1).pk]
    year.at(date(2025, 9, 15))
    answers.say_left(third, away, by=leader, last_day=date(2025, 9, 14), reason="随父母外出读书")
    answers.say_home_again(third, back, by=leader, last_day=date(2025, 9, 14), reason="父母返乡")
    year.at(date(2025, 9, 16))
    answers.say_changed(third, stays, by=leader, note="改由外婆带")
    year.talk(date(2025, 9, 18))
    year.hand_in(autumn, date(2025, 9, 26))
    assert snapshot_count(autumn) == 420 - 2
    autumn_list = snapshot_of(autumn)
    year.take_down(date(2025, 9, 30))
    year.close(date(2025, 9, 1))

    # October: two children go to the other school, one is refused, one comes; a father comes home.
    year.at(date(2025, 10, 13))
    going, refused, *_ = year.in_class(2, 1)
    sent = moves.send_transfer(
        child=going, to_school=year.small, last_day=date(2025, 10, 17), by=leader, reason="搬家"
    )
    not_taken = moves.send_transfer(
        child=refused, to_school=year.small, last_day=date(2025, 10, 17), by=leader, reason="搬家"
    )
    year.at(date(2025, 10, 15))
    small_leader = account("leader-small")
    moves.accept_transfers(transfers=[sent], by=small_leader, starts_on=date(2025, 10, 20))
    moves.refuse_transfer(not_taken, by=small_leader, note="这个年级没有学位", expected=not_taken.version)
    coming = Child.objects.at_school_on(year.small, date(2025, 10, 15)).order_by("pk").last()
    back_again = moves.send_transfer(
        child=coming, to_school=school, last_day=date(2025, 10, 24), by=small_leader, reason="搬家"
    )
    year.at(date(2025, 10, 27))
    moves.accept_transfers(
        transfers=[back_again], by=leader, starts_on=date(2025, 10, 27), school_class=year.class_of(6, 1)
    )
    assert [one.alarms for one in without_owner(school, date(2025, 10, 27)) if one.child_id == coming.pk] == [
        (NO_PAIRING,)
    ]
    father = Guardian.objects.get(kinships__child=refused, kinships__relation="father")
    families.end_work(father.work_spells.get(), by=leader, child=refused, last_day=date(2025, 10, 27))
    year.talk(date(2025, 10, 28), leave_out=2)
    year.take_down(date(2025, 10, 31))
    year.close(date(2025, 10, 1))

    # November, December: a class teacher leaves and her children go to another; a carer changes; a class changes.
    year.at(date(2025, 11, 17))
    gone = Staff.objects.get(uid=uid("staff", "teacher-big-4-2"))
    next_one = Staff.objects.get(uid=uid("staff", "subject-85"))
    ties = list(handovers.ties_to_hand_over(gone, date(2025, 11, 17)))
    passings = [handovers.Passing(tie=tie, to=next_one, habits="晚上八点后好打通") for tie in ties]
    if passings:
        handovers.hand_over(passings=passings, day=date(2025, 11, 17), reason=EndReason.STAFF_LEFT, by=leader)
    post = Post.objects.get(staff=gone, kind=PostKind.CLASS_TEACHER)
    people.hand_over(post, by=leader, to=next_one, starts_on=date(2025, 11, 17))
    people.leave(gone, by=leader, last_day=date(2025, 11, 17), reason="调走")
    child = year.in_class(5, 1)[2]
    grandmother = Guardian.objects.get(kinships__child=child, kinships__relation="grandmother")
    families.end_guardianship(
        grandmother.guardianships.get(child=child), by=leader, last_day=date(2025, 11, 16)
    )
    mother = Guardian.objects.get(kinships__child=child, kinships__relation="mother")
    families.end_work(mother.work_spells.get(), by=leader, child=child, last_day=date(2025, 11, 16))
    families.start_guardianship(child, mother, by=leader, starts_on=date(2025, 11, 17), authority="legal")
    mover = year.in_class(5, 1)[3]
    children.change_class(mover, by=leader, school_class=year.class_of(5, 2), starts_on=date(2025, 11, 17))
    year.talk(date(2025, 11, 20))
    year.take_down(date(2025, 11, 30))
    year.close(date(2025, 11, 1))
    year.talk(date(2025, 12, 10))
    year.take_down(date(2025, 12, 31))
    year.close(date(2025, 12, 1))

    # Spring: the second screening, a new leader, somebody comes onto the list, somebody's type changes.
    year.take_down(date(2026, 1, 31))
    year.at(date(2026, 2, 6))
    year.close(date(2026, 1, 1))
    year.at(date(2026, 2, 26))
    leading = Post.objects.get(kind=PostKind.LEADER, school=school)
    deputy = Staff.objects.get(uid=uid("staff", "deputy-1"))
    account("deputy-1")
    people.hand_over(leading, by=leader, to=deputy, starts_on=date(2026, 2, 26))
    year.leader = leader = account("deputy-1")
    year.take_down(date(2026, 2, 28))
    spring = year.screen("spring", opened=date(2026, 3, 2), as_of=date(2026, 3, 20), due_on=date(2026, 3, 27))
    year.at(date(2026, 3, 10))
    children.put_on_list(back, by=leader, type="one_away", starts_on=date(2026, 3, 9))
    other = year.in_class(1, 1)[0]
    children.put_on_list(other, by=leader, type="one_away", starts_on=date(2026, 3, 9))
    year.hand_in(spring, date(2026, 3, 20))
    spring_list = snapshot_of(spring)
    difference = compare(spring)
    # 418 in September; going and coming change places, and the child whose parents had come home is back
    assert (difference.before, difference.now) == (418, 419)
    assert {one.child_id for one in difference.joined} == {back.pk, coming.pk}
    assert {one.child_id for one in difference.left} == {going.pk}
    year.take_down(date(2026, 3, 31))
    year.close(date(2026, 2, 1))
    year.close(date(2026, 3, 1))
    for day in (date(2026, 4, 14), date(2026, 5, 14), date(2026, 6, 11)):
        year.talk(day, leave_out=3)
        last = (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
        year.take_down(last)
        year.close(day.replace(day=1))

    # Summer: the sixth grade graduates by itself, new classes are born, the grades have rolled by themselves.
    year.take_down(date(2026, 7, 3))
    assert any(row[1] == "六(1)班" for row in year.pictures[date(2026, 7, 3)]["children"].values())
    year.at(date(2026, 8, 20))
    places.add_classes(school, by=leader, numbers={1: range(1, 6)})
    year.take_down(date(2026, 8, 31))
    grown = year.pictures[date(2026, 8, 31)]["children"]
    graduates = [kid.name for number in range(1, 6) for kid in year.in_class(6, number)]
    assert not set(graduates) & set(grown)
    assert {row[1] for row in grown.values() if row[0] == school.name} == {
        f"{'二三四五六'[grade]}({number})班" for grade in range(5) for number in range(1, 6)
    }

    # A year later every day is asked again.
    year.at(date(2026, 9, 1))
    for day, then in year.pictures.items():
        now = year.picture(day)
        for question, answer in then.items():
            assert now[question] == answer, f"{day:%Y-%m-%d}: {question}"
    for month, then in year.months.items():
        assert told(checks.stored(year.county, month)) == then, f"{month:%Y-%m}"
    assert snapshot_of(autumn) == autumn_list
    assert snapshot_of(spring) == spring_list

    # What was entered by mistake and is cancelled does change the picture of its days; the handed-in list stands.
    wrong = other.care_list_spells.get(starts_on=date(2026, 3, 9))
    children.cancel_spell(wrong, by=leader, reason="登记错了", child=other)
    assert year.picture(date(2026, 3, 31)) != year.pictures[date(2026, 3, 31)]
    assert year.picture(date(2026, 2, 28)) == year.pictures[date(2026, 2, 28)]
    assert snapshot_of(spring) == spring_list


def snapshot_count(part):
    return ScreeningEntry.objects.filter(
        class_screening__school_screening=part, snapshot__listed=True
    ).count()
