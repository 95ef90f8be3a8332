"""一份协议、一个电话、一点家教知识 (C070, F88): three ticks per child, computed, and what is missing, class by class.

协议: a care agreement in force; not asked while a parent cares for the child at home. 电话: a parent's phone that is not
known to be wrong; since when it really answered stands beside. 家教: an adult of the family came to a training, a parents'
meeting or a lecture within the school year (an adult signed in, or the family under the child's name).
"""

from dataclasses import dataclass
from datetime import date

from django.db.models import Count, Exists, F, OuterRef, Q, Subquery

from activities.models import FAMILY_KINDS, Activity, Attendance
from registry.calendar import school_year_of
from registry.models import (
    PARENTS,
    CareAgreement,
    CareListSpell,
    Enrollment,
    Guardianship,
    Kinship,
    Phone,
    SchoolClass,
)

TICKS = {"agreement": "协议", "phone": "电话", "lesson": "家教"}


@dataclass(frozen=True)
class Ticks:
    """The three answers for one child; ``agreement`` None = not asked."""

    child_id: int
    school_class_id: int | None
    school_id: int
    agreement: bool | None
    phone: bool
    answered_on: date | None
    lesson: bool

    @property
    def missing(self):
        """Names of what is missing, in the order of the saying."""
        return [name for name in TICKS if getattr(self, name) is False]


def year_start(day):
    """1 September of the school year of ``day``."""
    return date(school_year_of(day), 9, 1)


def ticks_on(day, where):
    """[Ticks] of the children on the care list that sit on ``day`` where ``where`` (a Q over Enrollment) says.

    One statement, whatever the number.
    """
    # Asked two levels below the enrollment, inside a question about another table.
    kin = Kinship.objects.filter(child=OuterRef(OuterRef("child")))
    parents = kin.filter(relation__in=PARENTS, guardian__died_on=None)
    phones = Phone.objects.filter(
        guardian__kinships__child=OuterRef("child"),
        guardian__kinships__relation__in=PARENTS,
        guardian__died_on=None,
        ended_on=None,
        wrong_since=None,
    )
    cared_at_home = Guardianship.objects.on(day).filter(
        child=OuterRef("child"), guardian__in=parents.values("guardian")
    )
    came = Attendance.objects.filter(
        present=True,
        cancelled_at=None,
        activity__kind__in=FAMILY_KINDS,
        activity__cancelled_at=None,
        day__gte=year_start(day),
        day__lte=day,
    )
    # Two questions, not one with OR: each of them has an index.
    as_family = Exists(came.filter(child=OuterRef("child")))
    signed_in = Exists(came.filter(guardian__in=kin.values("guardian")))
    last = phones.order_by(F("last_answered_on").desc(nulls_last=True), "pk").values("last_answered_on")
    seats = (
        Enrollment.objects.on(day)
        .filter(where, child__in=CareListSpell.objects.on(day).values("child"))
        .annotate(
            has_agreement=Exists(CareAgreement.objects.on(day).filter(child=OuterRef("child"))),
            at_home=Exists(cared_at_home),
            has_phone=Exists(phones),
            answered_on=Subquery(last[:1]),
            came=as_family | signed_in,
        )
        .order_by("school", "school_class", "child__name_key", "child")
    )
    rows = seats.values_list(
        "child", "school_class", "school", "has_agreement", "at_home", "has_phone", "answered_on", "came"
    )
    return [
        Ticks(child, place, school, True if paper else (None if home else False), phone, answered, lesson)
        for child, place, school, paper, home, phone, answered, lesson in rows
    ]


@dataclass
class ClassTicks:
    """One class: how many children, and how many lack each of the three."""

    school_class: SchoolClass | None
    total: int = 0
    complete: int = 0
    agreement: int = 0
    phone: int = 0
    lesson: int = 0


def by_class(ticks):
    """[ClassTicks], lowest grade first, and the sum. One statement."""
    classes = SchoolClass.objects.filter(
        pk__in={one.school_class_id for one in ticks if one.school_class_id}
    ).select_related("school")
    rows = {one.pk: ClassTicks(one) for one in classes}
    total = ClassTicks(None)
    for one in ticks:
        for row in (rows.setdefault(one.school_class_id, ClassTicks(None)), total):
            row.total += 1
            row.complete += not one.missing
            for name in one.missing:
                setattr(row, name, getattr(row, name) + 1)
    found = sorted(
        rows.values(),
        key=lambda row: (
            (row.school_class.school.code, row.school_class.grade_on(), row.school_class.number)
            if row.school_class
            else ("~", 0, 0)
        ),
    )
    return found, total


def lessons(schools, day):
    """Trainings, parents' meetings and lectures of the school year at ``schools``, newest first, with who came (C074)."""
    came = Q(attendances__present=True, attendances__cancelled_at=None)
    return (
        Activity.objects.valid()
        .filter(Q(school__in=schools), kind__in=FAMILY_KINDS, day__gte=year_start(day), day__lte=day)
        .annotate(
            families=Count("attendances__child", filter=came, distinct=True),
            adults=Count("attendances__guardian", filter=came, distinct=True),
        )
        .order_by("-day", "-pk")
    )
