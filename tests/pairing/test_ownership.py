"""Who answers for each child on each day: by hand, and over years of random churn against a plain second bookkeeping."""

import random
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pairing import handovers, ownership, pairings
from pairing.models import Pairing
from pairing.ownership import Ownership, without_owner
from registry import children, staff
from registry.models import County, Post, School, SchoolClass, Staff

from .conftest import DAY, SINCE

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def alarms(world, day, school=None):
    """{child: what is missing} at 石门小学 and its 教学点."""
    found = ownership.with_names(without_owner(school or world.shimen, day))
    return {child.name: list(owner.alarms) for child, owner in found}


def answerable(world, day):
    """{child: who answers}."""
    owners = Ownership(ownership.family_of(world.shimen), day, day).on(day)
    names = dict(Staff.objects.values_list("pk", "name"))
    return {child.name: names.get(owner.answerable) for child, owner in ownership.with_names(owners)}


def test_class_teacher_else_leader_and_what_is_missing_says_so(world, today):
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    pairings.pair(child=world.chen, staff=world.wang, by=None, starts_on=SINCE)
    loose = world.child("孔小六", school=world.shimen)  # in no class
    pairings.pair(child=loose, staff=world.li, by=None, starts_on=SINCE)
    world.child("不在册", world.c31, listed=False)
    assert answerable(world, today) == {
        "安小一": "张桂兰", "薄小二": "张桂兰", "陈小三": "曾小川", "丁小四": "曾小川", "孔小六": "曾小川",
    }  # fmt: skip
    assert alarms(world, today) == {
        "薄小二": ["no_pairing"],
        "陈小三": ["no_class_teacher"],  # its class has none: the leader stands in
        "丁小四": ["no_class_teacher", "no_pairing"],
    }
    assert alarms(world, today, School.objects.filter(pk=world.qingshan.pk)) == {
        "范小五": ["no_class_teacher", "no_pairing"]
    }


def test_a_teacher_who_left_and_a_school_without_a_leader_are_alarms_from_that_day_on(world, today):
    pairings.pair(child=world.an, staff=world.wang, by=None, starts_on=SINCE)
    pairings.pair(child=world.chen, staff=world.li, by=None, starts_on=SINCE)
    staff.leave(world.wang, by=None, last_day=today - 3 * DAY, reason="调到县城")
    Post.objects.filter(staff=world.leader).update(ends_on=today - DAY)
    told = {day: alarms(world, today - day * DAY) for day in (3, 2, 0)}
    assert [told[day].get("安小一") for day in (3, 2, 0)] == [None, ["adult_gone"], ["adult_gone"]]
    assert [told[day]["陈小三"] for day in (3, 0)] == [["no_class_teacher"], ["no_adult"]]
    assert answerable(world, today)["陈小三"] is None


def test_the_list_costs_the_same_for_many_children(world, today):
    def cost():
        with CaptureQueriesContext(connection) as captured:
            without_owner(world.shimen, today)
        return len(captured)

    few = cost()
    for n in range(12):
        pairings.pair(child=world.child(f"孙{n}", world.c31), staff=world.li, by=None)
    assert (few, cost()) == (4, 4)


# --- years of churn ------------------------------------------------------------------------------------------------------

FIRST, YEARS = date(2022, 9, 1), 3
LAST = date(FIRST.year + YEARS, 7, 31)
SHANGHAI = ZoneInfo("Asia/Shanghai")


class Undo(Exception):
    pass


class Churn:
    """A school lived through day by day: each event goes through the real verbs, and is noted here in plain words."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        county = County.objects.create(code="341299", name="青溪县")
        self.schools = {
            "s": School.objects.create(county=county, code="s", name="石门小学", first_used_on=FIRST),
        }
        self.schools["p"] = School.objects.create(
            county=county, code="p", name="教学点", managing_school=self.schools["s"], first_used_on=FIRST
        )
        self.county, self.number = county, 0
        ends = {"a": date(2023, 7, 5), "b": date(2024, 7, 5), "c": date(2030, 7, 5), "q": date(2030, 7, 5)}
        self.class_end = ends
        self.classes = {
            key: SchoolClass.objects.create(
                school=self.schools["p" if key == "q" else "s"], stage="primary", entry_year=2017 + n, number=1, ends_on=end
            )
            for n, (key, end) in enumerate(ends.items())
        }  # fmt: skip
        # The plain bookkeeping: what holds today, in names only.
        self.seat, self.listed, self.paired = {}, set(), {}
        self.teacher, self.leader, self.posts = {}, {}, {}
        self.child_rows, self.staff_rows = {}, {}
        self.expected = {}
        self.done = 0

    # Events: each does it for real first; whatever the verbs refuse has not happened.

    def hire(self, day):
        name = f"t{len(self.staff_rows)}"
        school = self.random.choice(["s", "s", "p"])
        person = Staff.objects.create(county=self.county, school=self.schools[school], name=name)
        staff.add_post(person, by=None, kind="teacher", starts_on=day, school=self.schools[school])
        self.staff_rows[name] = person
        self.posts[name] = {("teacher", school)}

    def appoint_teacher(self, day):
        key, name = self.random.choice(list(self.classes)), self._somebody()
        staff.add_post(
            self.staff_rows[name], by=None, kind="class_teacher", starts_on=day, replace=True, school_class=self.classes[key]
        )  # fmt: skip
        old = self.teacher.get(key)
        if old:
            self.posts[old].discard(("class_teacher", key))
        self.teacher[key] = name
        self.posts[name].add(("class_teacher", key))

    def appoint_leader(self, day):
        key, name = self.random.choice(["s", "s", "p"]), self._somebody()
        staff.add_post(
            self.staff_rows[name],
            by=None,
            kind="leader",
            starts_on=day,
            replace=True,
            school=self.schools[key],
        )
        old = self.leader.get(key)
        if old:
            self.posts[old].discard(("leader", key))
        self.leader[key] = name
        self.posts[name].add(("leader", key))

    def vacate_class(self, day):
        key = self.random.choice(list(self.classes))
        post = Post.objects.open().filter(kind="class_teacher", school_class=self.classes[key]).first()
        if post is None:
            return
        staff.end_post(post, by=None, last_day=day - DAY)
        self.posts[self.teacher[key]].discard(("class_teacher", key))
        self.teacher[key] = None

    def quit(self, day):
        name = self._somebody()
        staff.leave(self.staff_rows[name], by=None, last_day=day - DAY, reason="离职")
        self.posts[name] = set()
        for held in (self.teacher, self.leader):
            for key, holder in held.items():
                if holder == name:
                    held[key] = None

    def arrive(self, day):
        key = self.random.choice([key for key in self.classes if self.class_end[key] >= day])
        school_class = self.classes[key]
        where = None if self.random.random() < 0.2 else school_class
        name = f"k{len(self.child_rows)}"
        self.child_rows[name] = children.add_child(
            by=None, school=school_class.school, name=name, sex="male", school_class=where, starts_on=day, type="one_away"
        )  # fmt: skip
        self.seat[name] = (school_class.school.code, key if where else None)
        self.listed.add(name)

    def change_class(self, day):
        name = self._child()
        school, _ = self.seat[name] or (None, None)
        fits = [
            key
            for key, one in self.classes.items()
            if one.school.code == school and self.class_end[key] >= day
        ]
        key = self.random.choice([*fits, None])
        children.change_class(
            self.child_rows[name], by=None, school_class=self.classes[key] if key else None, starts_on=day
        )
        self.seat[name] = (school, key)

    def leave_school(self, day):
        name = self._child()
        children.leave_school(self.child_rows[name], by=None, last_day=day - DAY, reason="转学")
        self.seat[name] = None

    def come_back(self, day):
        away = [name for name, seat in self.seat.items() if seat is None]
        name, key = self.random.choice(away or ["nobody"]), self.random.choice(["c", "q"])
        if name not in self.child_rows:
            return
        school_class = self.classes[key]
        children.enroll(
            self.child_rows[name],
            by=None,
            school=school_class.school,
            school_class=school_class,
            starts_on=day,
        )
        self.seat[name] = (school_class.school.code, key)

    def take_off(self, day):
        name = self._child()
        children.take_off_list(self.child_rows[name], by=None, last_day=day - DAY, reason="父母回来了")
        self.listed.discard(name)

    def put_on(self, day):
        name = self._child()
        children.put_on_list(self.child_rows[name], by=None, type="both_away", starts_on=day)
        self.listed.add(name)

    def pair(self, day):
        name, who = self._child(), self._somebody()
        pairings.pair(child=self.child_rows[name], staff=self.staff_rows[who], by=None, starts_on=day)
        self.paired[name] = who

    def pair_all(self, day):
        """As a leader does in September: whoever has nobody gets somebody."""
        for name in self.child_rows:
            if not self.paired.get(name):
                who = self._somebody()
                try:
                    pairings.pair(
                        child=self.child_rows[name], staff=self.staff_rows[who], by=None, starts_on=day
                    )
                except ValidationError:
                    continue
                self.paired[name] = who

    def unpair(self, day):
        name = self._child()
        tie = Pairing.objects.open().filter(child=self.child_rows[name]).first()
        if tie is not None:
            pairings.end_pairing(pairing=tie, ends_on=day - DAY, reason="wish", by=None)
            self.paired[name] = None

    def swap(self, day):
        name, who = self._child(), self._somebody()
        tie = Pairing.objects.open().filter(child=self.child_rows[name]).first()
        if tie is not None:
            pairings.change_pairing(
                pairing=tie, staff=self.staff_rows[who], reason="wish", starts_on=day, by=None
            )
            self.paired[name] = who

    def hand_over(self, day):
        giver, taker = self._somebody(), self._somebody()
        ties = list(handovers.ties_to_hand_over(self.staff_rows[giver], day))
        if not ties:
            return
        passings = [handovers.Passing(tie, self.staff_rows[taker], "爷爷耳背") for tie in ties]
        handovers.hand_over(passings=passings, day=day, reason="staff_left", by=None)
        for name, who in self.paired.items():
            if who == giver:
                self.paired[name] = taker

    def _somebody(self):
        return self.random.choice(list(self.staff_rows))

    def _child(self):
        return self.random.choice(list(self.child_rows))

    EVENTS = [
        ("hire", 2), ("appoint_teacher", 3), ("appoint_leader", 2), ("vacate_class", 1), ("quit", 1), ("arrive", 4),
        ("change_class", 3), ("leave_school", 2), ("come_back", 2), ("take_off", 1), ("put_on", 2), ("pair", 5),
        ("pair_all", 2), ("unpair", 1), ("swap", 3), ("hand_over", 4),
    ]  # fmt: skip

    def live(self):
        """Three years, day by day; after each day what should hold is written down."""
        names, weights = zip(*self.EVENTS, strict=True)
        day = FIRST
        while day <= LAST:
            events = (
                ["hire", "hire", "hire", "appoint_leader", "arrive", "arrive", "pair_all"]
                if day == FIRST
                else []
            )
            if self.random.random() < 0.12:
                events += self.random.choices(names, weights, k=self.random.choice([1, 1, 2]))
            if events:
                with time_machine.travel(
                    datetime(day.year, day.month, day.day, 12, tzinfo=SHANGHAI), tick=False
                ):
                    for event in events:
                        try:
                            with transaction.atomic():
                                getattr(self, event)(day)
                                self.done += 1
                        except ValidationError:
                            continue
            self.expected[day] = self.owners(day)
            day += timedelta(days=1)
        return self

    def owners(self, day):
        """{child: (who answers, who is paired, what is missing)} on the day, from the plain notes alone."""
        found = {}
        for name, seat in self.seat.items():
            if seat is None or name not in self.listed:
                continue
            school, key = seat
            if key and day > self.class_end[key]:
                continue
            missing = []
            teacher = self.teacher.get(key) if key else None
            adult = teacher or self.leader.get(school) or self.leader.get("s")
            if school == "s" and not teacher:
                adult = self.leader.get("s") or self.leader.get("p")
            if not adult:
                missing.append("no_adult")
            elif key and not teacher:
                missing.append("no_class_teacher")
            paired = self.paired.get(name)
            if not paired:
                missing.append("no_pairing")
            elif not self.posts[paired]:
                missing.append("adult_gone")
            found[name] = (adult, paired, tuple(missing))
        return found


def compare(seed):
    """Lives one school, asks for every day of the three years what the program says, rolls back. Returns the events done."""
    try:
        with transaction.atomic():
            churn = Churn(seed).live()
            staff_names = dict(Staff.objects.values_list("pk", "name")) | {None: None}
            child_names = {row.pk: name for name, row in churn.child_rows.items()}
            asked = Ownership(School.objects.all(), FIRST, LAST)
            for day, expected in churn.expected.items():
                owners = asked.on(day)
                assert len({owner.child_id for owner in owners}) == len(owners), (seed, day)
                told = {
                    child_names[one.child_id]: (
                        staff_names[one.answerable],
                        staff_names[one.paired],
                        one.alarms,
                    )
                    for one in owners
                }
                assert (seed, day, told) == (seed, day, expected)
            for day in churn.random.sample(sorted(churn.expected), 5):
                listed = {child_names[one.child_id] for one in without_owner(churn.schools["p"], day)}
                assert (seed, day, listed) == (
                    seed, day, {name for name, (_, _, missing) in churn.expected[day].items() if missing},
                )  # fmt: skip
            raise Undo
    except Undo:
        return churn.done


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)
@given(seed=st.integers(0, 2**32))
def test_every_day_of_three_years_every_child_has_one_adult_or_stands_on_the_list(seed):
    assert compare(seed) > 50


@pytest.mark.long
@pytest.mark.parametrize("part", range(4))
def test_two_hundred_schools_for_three_years(part):
    for seed in range(part, 200, 4):
        compare(seed)
