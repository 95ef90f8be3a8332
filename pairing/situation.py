"""A school as the solver of proposals sees it on one day: children to pair, staff with places, pairings that stay.

Read in a constant number of statements; ``pairing.assignment`` works on it without the database.
"""

from dataclasses import dataclass, field
from datetime import timedelta

from django.db.models import Count, Q

from registry.models import (
    PARENTS,
    CareListSpell,
    Enrollment,
    Guardianship,
    Kinship,
    PostKind,
    School,
    Sex,
)

from . import quotas
from .assignment import ChildToPair, StaffToPair
from .models import Pairing, TieWish

LOOK_BACK = timedelta(days=366)  # a pairing that ended longer ago is no continuity
CHILD_SECRETS = ("address", "health", "id_number", "note")  # encrypted, and of no use here


@dataclass
class Situation:
    """What ``situation_of`` found. ``kept``: {child id: tie that stays}; ``homes``: {child id: family key}."""

    seats: dict = field(default_factory=dict)  # child id -> enrollment with child, school, class
    children: list = field(default_factory=list)  # ChildToPair
    staff: list = field(default_factory=list)  # StaffToPair
    loads: dict = field(default_factory=dict)  # staff id -> Load
    kept: dict = field(default_factory=dict)
    homes: dict = field(default_factory=dict)


def schools_of(school):
    """The school and its 教学点."""
    return School.objects.filter(Q(pk=school.pk) | Q(managing_school=school.pk))


def seats_of(school, day):
    """Enrollments on ``day`` of the children on the care list of the school and its 教学点."""
    listed = CareListSpell.objects.on(day).values("child")
    return Enrollment.objects.on(day).filter(school__in=schools_of(school), child__in=listed)


def able_staff(school, day):
    """{staff id: load} of those who may be given children that day: a post at the school, not left."""
    found = quotas.loads(schools_of(school), day)
    return {load.staff.pk: load for load in found if load.staff.left_on is None or load.staff.left_on >= day}


def situation_of(school, day, *, keep_standing):
    """Who is to be paired with whom open, on ``day``: see ``Situation``."""
    here = Situation(loads=able_staff(school, day))
    seats = seats_of(school, day).select_related("child", "school", "school_class__school")
    seats = seats.defer(*(f"child__{name}" for name in CHILD_SECRETS)).order_by("child")
    here.seats = {seat.child_id: seat for seat in seats}
    ties = _ties(here.seats, day)
    wishes = {wish.child_id: wish for wish in TieWish.objects.filter(child__in=here.seats)}
    for child_id, own in ties.items():
        staying = _staying(own, day, here.loads, wishes.get(child_id), keep_standing)
        if staying is not None:
            here.kept[child_id] = staying
    here.homes = homes_of(here.seats, day)
    here.staff = _staff(here, ties, day)
    with_siblings = {}
    for child_id, tie in here.kept.items():
        if child_id in here.homes:
            with_siblings.setdefault(here.homes[child_id], set()).add(tie.staff_id)
    here.children = [
        _child(seat, ties.get(child_id, []), wishes.get(child_id), here, with_siblings, day)
        for child_id, seat in here.seats.items()
        if child_id not in here.kept
    ]
    return here


def _ties(children, day):
    """{child id: primary pairings since a year before ``day``}, the first begun first."""
    found = {}
    rows = Pairing.objects.primary().filter(child__in=children).overlapping(day - LOOK_BACK, None)
    for tie in rows.select_related("staff").order_by("starts_on", "pk"):
        found.setdefault(tie.child_id, []).append(tie)
    return found


def standing_of(ties, day):
    """Of a child's pairings the one in force on ``day``, or None."""
    return next((tie for tie in ties if tie.in_force_on(day)), None)


def _staying(ties, day, loads, wish, keep_standing):
    """The pairing that stays: one fixed for later, or the standing one if it is to be kept and nothing speaks against."""
    later = next((tie for tie in ties if tie.starts_on > day), None)
    if later is not None:
        return later
    tie = standing_of(ties, day)
    if tie is None or not keep_standing or tie.staff_id not in loads:
        return None
    if wish is not None:
        other_sex = wish.sex and tie.staff.sex and tie.staff.sex != wish.sex
        if other_sex or wish.unwanted_id == tie.staff_id or wish.wanted_id not in (None, tie.staff_id):
            return None
    return tie


def homes_of(children, day):
    """{child id: key of the household} of children who have a sibling among ``children``: the same father or mother, or
    the same carer on ``day``. Two statements.
    """
    kin = Kinship.objects.filter(child__in=children, relation__in=PARENTS).values_list("child", "guardian")
    care = Guardianship.objects.on(day).filter(child__in=children).values_list("child", "guardian")
    adults, home = {}, {child: child for child in children}

    def root(child):
        while home[child] != child:
            child = home[child]
        return child

    for child, adult in sorted({*kin, *care}):
        other = adults.setdefault(adult, child)
        first, second = sorted((root(child), root(other)))
        home[second] = first
    members = {}
    for child in home:
        members.setdefault(root(child), []).append(child)
    return {child: key for key, several in members.items() if len(several) > 1 for child in several}


def _staff(here, ties, day):
    """Everybody with a post, as the solver sees them: what they hold already, where they teach, which villages they know."""
    held, villages = {}, {}
    for tie in here.kept.values():
        held[tie.staff_id] = held.get(tie.staff_id, 0) + 1
    for child_id, own in ties.items():
        standing = here.kept.get(child_id) or standing_of(own, day)
        village = here.seats[child_id].child.village
        if standing is not None and village:
            villages.setdefault(standing.staff_id, set()).add(village)
    for staff_id, number in held_elsewhere(here.loads, here.seats, day).items():
        held[staff_id] = held.get(staff_id, 0) + number
    return [
        _one_of_staff(load, held.get(key, 0), villages.get(key, ()), day) for key, load in here.loads.items()
    ]


def held_elsewhere(staff, children, day):
    """{staff id: children beside ``children`` that they answer for on ``day``}. Those who left their school or the care
    list hold no place: such ties only wait to be ended. One statement.
    """
    seated = Enrollment.objects.on(day).exclude(child__in=children).values("child")
    listed = CareListSpell.objects.on(day).values("child")
    rows = Pairing.objects.primary().on(day).filter(staff__in=staff, child__in=listed)
    rows = rows.filter(child__in=seated)
    return dict(rows.order_by().values_list("staff").annotate(Count("pk")))


def _one_of_staff(load, held, villages, day):
    leads, teaches, grades = set(), set(), set()
    for post in load.posts:
        if post.school_class_id:
            (leads if post.kind == PostKind.CLASS_TEACHER else teaches).add(post.school_class_id)
            grades.add(post.school_class.grade_on(day))
        elif post.grade is not None:
            grades.add(post.grade)
    return StaffToPair(
        key=load.staff.pk, minimum=load.minimum, maximum=load.maximum, held=held,
        posts=len({post.kind for post in load.posts}), sex=load.staff.sex, leads=frozenset(leads),
        teaches=frozenset(teaches), grades=frozenset(grades),
        schools=frozenset(post.school_id for post in load.posts), villages=frozenset(villages),
    )  # fmt: skip


def _child(seat, ties, wish, here, with_siblings, day):
    """One child without a pairing that stays."""
    standing = standing_of(ties, day)
    before = next((tie for tie in reversed(ties) if tie.ends_on and tie.ends_on < day), None)
    home = here.homes.get(seat.child_id, 0)
    return ChildToPair(
        key=seat.child_id,
        school=seat.school_id,
        school_class=seat.school_class_id or 0,
        grade=seat.school_class.grade_on(day) if seat.school_class else None,
        village=seat.child.village,
        standing=standing.staff_id if standing else 0,
        before=before.staff_id if before else 0,
        sex=wish.sex if wish else "",
        wanted=(wish.wanted_id or 0) if wish else 0,
        unwanted=(wish.unwanted_id or 0) if wish else 0,
        family=home,
        siblings_with=frozenset(with_siblings.get(home, ())),
    )


def sibling_word(child, other):
    """哥哥, 姐姐, 弟弟, 妹妹 of ``child``; 同一家的孩子 where the birth dates do not say who is older."""
    if child.birth_date and other.birth_date and child.birth_date != other.birth_date:
        older = other.birth_date < child.birth_date
        return ("哥哥" if older else "弟弟") if other.sex == Sex.MALE else ("姐姐" if older else "妹妹")
    return "同一家的孩子"
