"""Which adults of the families came to a training, a parents' meeting or a lecture (F30, F31; C067, C068, C074).

One tick is one ``Attendance`` of a guardian, with a moment of entry of its own. A training at one family's home (送教上门)
is an activity with that family alone.
"""

from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from registry.models import (
    PARENTS,
    CareListSpell,
    Child,
    Enrollment,
    Guardianship,
    Kinship,
    School,
    SchoolClass,
)
from trust import audit

from .models import FAMILY_KINDS, Activity, Attendance


@dataclass
class Adult:
    """An adult of a class's families: of which children of the class, and whether the adult came."""

    guardian: object
    children: list  # [(child, relation)]
    came: bool

    @property
    def words(self):
        """李小满的母亲，李小川的母亲."""
        return "，".join(f"{child.name}的{word}" for child, word in self.children)


def is_for_families(activity):
    """Whether adults sign in at this kind of event."""
    return activity.kind in FAMILY_KINDS


def came_to(activity):
    """Attendance of the adults who came."""
    return activity.attendances.filter(guardian__isnull=False, cancelled_at=None, present=True)


def _seats(user, activity):
    """Enrollments of that day of children on the care list whose file the reader may open: adults follow the file."""
    school = activity.school
    if school is None:
        return Enrollment.objects.none()
    schools = School.objects.filter(Q(pk=school.pk) | Q(managing_school=school))
    return Enrollment.objects.on(activity.day).filter(
        Q(child__in=Child.objects.visible_to(user)),
        school__in=schools,
        child__in=CareListSpell.objects.on(activity.day).values("child"),
    )


@dataclass(frozen=True)
class ClassOfFamilies:
    """A class whose families the reader may see, and how many of their adults came; ``None``: children without a class."""

    school_class: SchoolClass | None
    came: int

    @property
    def key(self):
        """As addresses and forms name it."""
        return str(self.school_class.uid) if self.school_class else "none"


def classes_of(user, activity):
    """[ClassOfFamilies] in the reader's sight, lowest grade first, and how many adults in all these came. Three statements."""
    seats = _seats(user, activity)
    children = dict(seats.order_by("pk").values_list("child", "school_class"))
    kin = Kinship.objects.filter(
        guardian__in=came_to(activity).values("guardian"), child__in=seats.values("child")
    )
    came = {key: set() for key in children.values()}
    for child, guardian in kin.values_list("child", "guardian"):
        came[children[child]].add(guardian)
    found = SchoolClass.objects.filter(pk__in=[key for key in came if key]).select_related("school")
    rows = sorted(found, key=lambda one: (one.school.code, one.grade_on(activity.day), one.number))
    known = len(set().union(*came.values()))
    return [
        ClassOfFamilies(one, len(came[one.pk if one else None]))
        for one in [*rows, *([None] if None in came else [])]
    ], known


def came_in_sight(user, activity):
    """[Adult] of any class who came, for those whose child's file the reader may open. Two statements."""
    kin = Kinship.objects.filter(
        guardian__in=came_to(activity).values("guardian"), child__in=_seats(user, activity).values("child")
    ).select_related("guardian", "child")
    adults = {}
    for row in kin.order_by("child__name_key", "child", "pk"):
        adult = adults.setdefault(row.guardian_id, Adult(row.guardian, [], True))
        adult.children.append((row.child, row.word))
    return list(adults.values())


def adults_of(user, activity, school_class):
    """[Adult]: the families of the class's listed children, in the order of the children, who cares for them first.

    Any adult of the family may come, also one who does not care for the child; one with several children in the class
    stands once. Three statements.
    """
    seats = _seats(user, activity).filter(school_class=school_class)
    came = set(came_to(activity).values_list("guardian", flat=True))
    caring = set(
        Guardianship.objects.on(activity.day)
        .filter(child__in=seats.values("child"))
        .values_list("child", "guardian")
    )
    kin = (
        Kinship.objects.filter(child__in=seats.values("child"))
        .exclude(guardian__died_on__lt=activity.day)
        .select_related("guardian", "child")
    )
    adults = {}
    for row in sorted(kin, key=lambda one: _place(one, caring)):
        adult = adults.setdefault(row.guardian_id, Adult(row.guardian, [], row.guardian_id in came))
        adult.children.append((row.child, row.word))
    return list(adults.values())


def _place(row, caring):
    """Child by child: carers of that day, parents, the others."""
    cares = (row.child_id, row.guardian_id) in caring
    return row.child.name_key, row.child_id, not cares, row.relation not in PARENTS, row.pk


def enter_adults(activity, guardians, *, by, now):
    """New rows for adults who came; each entered at the later of its own moment and the activity's."""
    rows = [Attendance(activity=activity, guardian=one, present=True) for one in guardians]
    for row in rows:
        row.settle(now)
    Attendance.objects.bulk_create(rows)
    _record("log_attendance", activity, guardians, by)
    return rows


def _record(action, activity, guardians, by):
    """An entry in the trail of each child whose adult it is."""
    children = Child.objects.filter(kinships__guardian__in=guardians).distinct().order_by("pk")
    audit.record_many(
        action, by=by, children=list(children), kind="child", detail=f"活动 {activity.uid}，家长"
    )


def set_adults(activity, *, present, among, by, now=None):
    """Makes the sign-in list say which of the adults ``among`` (those the form showed) came.

    What is already so keeps its moment; adults outside ``among`` are left alone. Returns (entered, cancelled). Raises
    ValidationError for a cancelled activity, another kind of event, or an adult whom the form did not show.
    """
    now = now or timezone.now()
    wanted, shown = {one.pk: one for one in present}, {one.pk for one in among}
    with transaction.atomic():
        # Two presses at once: the second waits here and finds the rows of the first.
        activity = Activity.objects.select_for_update().get(pk=activity.pk)
        if activity.cancelled_at:
            raise ValidationError("这次活动已经作废，不能再签到")
        if not is_for_families(activity):
            raise ValidationError("家长只在监护人培训、家长会、家庭教育报告会上签到")
        if wanted.keys() - shown:
            raise ValidationError("有的家长不在这个班的名单里，请重新点")
        rows = activity.attendances.filter(cancelled_at=None, guardian__in=shown).select_related("guardian")
        current = {row.guardian_id: row for row in rows}
        wrong = [row for pk, row in current.items() if row.present != (pk in wanted)]
        Attendance.objects.filter(pk__in=[row.pk for row in wrong]).update(cancelled_at=now)
        gone = [row.guardian for row in wrong if row.present]
        if gone:
            _record("cancel_attendance", activity, gone, by)
        kept = {pk for pk, row in current.items() if row.present and pk in wanted}
        new = [one for pk, one in wanted.items() if pk not in kept]
        if new:
            enter_adults(activity, new, by=by, now=now)
    return len(new), len(gone)


# --- in the story of a child ------------------------------------------------------------------------------------------


def attended_by_family(children, limit=None):
    """Attendance in force of ``children`` (keys) and of their adults who came: a parents' meeting is the child's too."""
    valid = Attendance.objects.filter(cancelled_at=None, activity__cancelled_at=None).order_by("-day", "-pk")
    kin = Kinship.objects.filter(child__in=children).values("guardian")
    # A union of two questions, not one with OR: each of them has an index.
    own, adults = (
        Attendance.objects.filter(pk__in=rows.values("pk")[:limit]).order_by().values("pk")
        for rows in (valid.filter(child__in=children), valid.filter(guardian__in=kin, present=True))
    )
    return Attendance.objects.filter(pk__in=own.union(adults))


def once_per_activity(rows):
    """One row of one family for each activity: the child's own, else the first adult's."""
    found = {}
    for row in sorted(rows, key=lambda one: (one.child_id is None, one.pk)):
        found.setdefault(row.activity_id, row)
    return list(found.values())
