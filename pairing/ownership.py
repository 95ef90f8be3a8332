"""Who answers for each child on each day, and who stands on the alarm list 无人负责.

Every child on the care list has on every day one answerable adult, the class teacher of its class that day; while it has
no class, or the class no teacher, the leader of the school stands in (for a class without teacher that is an alarm).
And it has one primary pairing (包保) with somebody who holds a post at the school. Whatever is missing is an alarm,
never silence: DESIGN "one answerable adult", docs/domain.md.
"""

from collections import defaultdict
from dataclasses import dataclass

from django.db.models import F, Q
from django.db.models.functions import Coalesce

from registry.models import CareListSpell, Child, Enrollment, Post, PostKind, School

from .models import Pairing

NO_ADULT, NO_CLASS_TEACHER, NO_PAIRING, ADULT_GONE = (
    "no_adult",
    "no_class_teacher",
    "no_pairing",
    "adult_gone",
)
WORDS = {
    NO_ADULT: "没有班主任，学校也没有组长",
    NO_CLASS_TEACHER: "班里没有班主任，先由组长顶着",
    NO_PAIRING: "没有包保教师",
    ADULT_GONE: "包保教师已没有本校岗位",
}


@dataclass(frozen=True)
class Owner:
    """How one child stands on one day: ``answerable`` is the id of the adult, ``alarms`` what is missing."""

    child_id: int
    school_id: int
    class_id: int | None
    answerable: int | None
    paired: int | None
    alarms: tuple = ()

    @property
    def words(self):
        """What is missing, in words."""
        return [WORDS[alarm] for alarm in self.alarms]


def _holds(spell, day):
    return spell.starts_on <= day and (spell.ends_on is None or spell.ends_on >= day)


class Ownership:
    """Who answered for whom at ``schools`` (a queryset) on any day from ``first`` to ``last``; five queries, then none.

    ``children`` (a queryset) narrows to those a reader sees.
    """

    def __init__(self, schools, first, last, *, children=None):
        self.first, self.last = first, last
        seats = Enrollment.objects.overlapping(first, last).filter(school__in=schools)
        if children is not None:
            seats = seats.filter(child__in=children)
        seats = seats.annotate(
            root=Coalesce("school__managing_school", "school"), class_over=F("school_class__ends_on")
        )
        self.seats = list(seats.order_by("pk"))
        self.roots = {seat.root for seat in self.seats}
        ids = seats.order_by().values("child")
        self.listed = _by(CareListSpell.objects.overlapping(first, last).filter(child__in=ids), "child_id")
        self.ties = _by(Pairing.objects.primary().overlapping(first, last).filter(child__in=ids), "child_id")
        here = School.objects.filter(Q(pk__in=self.roots) | Q(managing_school__in=self.roots))
        posts = Post.objects.overlapping(first, last).filter(school__in=here.values("pk"))
        posts = posts.exclude(kind=PostKind.ADMINISTRATOR)
        posts = list(posts.annotate(root=Coalesce("school__managing_school", "school")))
        self.teachers = _by([one for one in posts if one.kind == PostKind.CLASS_TEACHER], "school_class_id")
        self.leaders = _by([one for one in posts if one.kind == PostKind.LEADER], "root")
        self.posts = defaultdict(list)
        for one in posts:
            self.posts[one.staff_id, one.root].append(one)

    def on(self, day):
        """An ``Owner`` for each child on the care list that sits at the schools on ``day``, in order of ids."""
        if not self.first <= day <= self.last:
            raise ValueError(f"{day} was not asked for")
        return [
            self._owner(seat, day)
            for seat in self.seats
            if _holds(seat, day)
            and (seat.class_over is None or seat.class_over >= day)
            and _one(self.listed[seat.child_id], day)
        ]

    def _owner(self, seat, day):
        alarms = []
        teacher = _one(self.teachers[seat.school_class_id], day) if seat.school_class_id else None
        answerable = teacher or self._leader(seat, day)
        if answerable is None:
            alarms.append(NO_ADULT)
        elif teacher is None and seat.school_class_id:
            alarms.append(NO_CLASS_TEACHER)
        tie = _one(self.ties[seat.child_id], day)
        if tie is None:
            alarms.append(NO_PAIRING)
        elif _one(self.posts[tie.staff_id, seat.root], day) is None:
            alarms.append(ADULT_GONE)
        return Owner(
            seat.child_id, seat.school_id, seat.school_class_id, answerable.staff_id if answerable else None,
            tie.staff_id if tie else None, tuple(alarms),
        )  # fmt: skip

    def _leader(self, seat, day):
        """The leader of the school itself, else of the school that manages it."""
        held = [one for one in self.leaders[seat.root] if _holds(one, day)]
        return min(
            held, key=lambda one: (one.school_id != seat.school_id, one.starts_on, one.pk), default=None
        )


def _by(rows, key):
    found = defaultdict(list)
    for row in rows:
        found[getattr(row, key)].append(row)
    return found


def _one(spells, day):
    return next(
        (one for one in sorted(spells, key=lambda one: (one.starts_on, one.pk)) if _holds(one, day)), None
    )


def family_of(school):
    """A school with the school that manages it and their 教学点, as a queryset."""
    root = school.managing_school_id or school.pk
    return School.objects.filter(Q(pk=root) | Q(managing_school=root))


def without_owner(schools, day, *, children=None):
    """The alarm list 无人负责 of a school (its 教学点 included) or a queryset of schools on ``day``: [Owner]."""
    if isinstance(schools, School):
        schools = family_of(schools)
    return [owner for owner in Ownership(schools, day, day, children=children).on(day) if owner.alarms]


def with_names(owners):
    """[(child, owner)] in pinyin order; one query."""
    by_id = {owner.child_id: owner for owner in owners}
    children = Child.objects.filter(pk__in=by_id).only("uid", "name", "name_key").by_name()
    return [(child, by_id[child.pk]) for child in children]
