"""Many children at once: split into other classes (分班), graduated (毕业). All or nothing, with a fixed number of statements.

Grades follow the calendar by themselves and no enrollment outlives its class, so nothing here is "run" at the year's
end: these are facts by date, and entering the same twice changes nothing.
"""

from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from trust import audit

from .children import ONE_DAY
from .going_on import children_go_on
from .models import Child, Enrollment, SchoolClass, Trait, TraitKind, grade_year

AT_MOST = 300
SAME_DAY = "同一天更正"
GRADUATED = "毕业"

audit.name_actions(graduate="登记毕业去向", list_split="查看分班名单")


class CannotMove(ValidationError):
    """Children that cannot be moved as asked: ``children`` = [(child, why)]; nothing was saved."""

    def __init__(self, children):
        self.children = children
        super().__init__([f"{child.name}：{why}" for child, why in children])


def seats_of(children):
    """{child id: the enrollment begun last}, with school and class, with one query."""
    rows = Enrollment.objects.valid().filter(child__in=children)
    rows = rows.select_related("school", "school_class__school").order_by("starts_on", "pk")
    return {seat.child_id: seat for seat in rows}


def _lock(children):
    if len(children) > AT_MOST:
        raise ValidationError(f"一次最多 {AT_MOST} 个孩子，请分几次")
    pks = sorted(child.pk for child in children)
    list(Child.objects.select_for_update().filter(pk__in=pks).order_by("pk").values_list("pk"))


# --- split into classes --------------------------------------------------------------------------------------------------


def why_not(seat, school_class, starts_on):
    """Why the child of ``seat`` cannot sit in ``school_class`` from ``starts_on``; "" if it can."""
    if seat is None:
        return "没有在校经历"
    if seat.school_id != school_class.school_id:
        return "不在这所学校"
    if seat.ends_on and seat.ends_on < starts_on:
        return f"{seat.ends_on:%Y-%m-%d} 已离校"
    if seat.starts_on > starts_on:
        return f"{seat.starts_on:%Y-%m-%d} 才到现在的班"
    if school_class.ends_on < starts_on or school_class.entry_year > grade_year(starts_on):
        return f"{starts_on:%Y-%m-%d} 没有这个班"
    return ""


def move_to_class(*, children, school_class, starts_on, by):
    """All these children sit in ``school_class`` of their school from ``starts_on``; raises ``CannotMove``.

    Those who do already are passed over. Returns the children moved.
    """
    with transaction.atomic():
        _lock(children)
        seats = seats_of(children)
        moving = [
            child
            for child in children
            if not (child.pk in seats and seats[child.pk].school_class_id == school_class.pk)
        ]
        blocked = [
            (child, why) for child in moving if (why := why_not(seats.get(child.pk), school_class, starts_on))
        ]
        if blocked:
            raise CannotMove(blocked)
        new = []
        for child in moving:
            old = seats[child.pk]
            new.append(
                Enrollment(
                    child=child,
                    school=old.school,
                    school_class=school_class,
                    starts_on=starts_on,
                    ends_on=old.ends_on,
                    recorded_by=by,
                )
            )
            if old.starts_on == starts_on:
                old.cancelled_at, old.cancelled_by, old.cancel_reason = timezone.now(), by, SAME_DAY
            else:
                ended = old.school_class.ends_on if old.school_class else starts_on - ONE_DAY
                old.ends_on = min(starts_on - ONE_DAY, ended)
        fields = ["ends_on", "cancelled_at", "cancelled_by", "cancel_reason"]
        Enrollment.objects.bulk_update([seats[child.pk] for child in moving], fields)
        Enrollment.objects.bulk_create(new)
        if moving:
            audit.record_many("change_class", by=by, kind="enrollment", children=moving, detail="分班")
    return moving


# --- graduation ------------------------------------------------------------------------------------------------------------


def graduating(schools, year):
    """Classes of ``schools`` whose last day lies in the school year before ``year`` (its first calendar year)."""
    return (
        SchoolClass.objects.filter(
            school__in=schools, ends_on__gte=date(year, 1, 1), ends_on__lte=date(year, 8, 31)
        )
        .select_related("school")
        .order_by("school__code", "-stage", "number")
    )


def graduates(classes):
    """Enrollments of the children who sat in ``classes`` to the class's last day, by class and name."""
    return (
        Enrollment.objects.valid()
        .filter(school_class__in=classes)
        .filter(Q(ends_on=None) | Q(ends_on__gte=F("school_class__ends_on")))
        .select_related("child", "school", "school_class__school")
        .order_by("school__code", "school_class__number", "child__name_key", "pk")
    )


def graduate(*, children, by, destination=""):
    """Where these graduates went: their enrollment ends with its class, with that word; boarding ends too.

    Raises ``CannotMove`` for a child whose class does not end. The same again changes nothing. Returns those recorded.
    """
    with transaction.atomic():
        _lock(children)
        seats = seats_of(children)
        blocked, ended = [], []
        word = f"{GRADUATED}，去{destination}"[:60] if destination else GRADUATED
        for child in children:
            seat = seats.get(child.pk)
            if seat is None or seat.school_class is None:
                blocked.append((child, "不在毕业的班"))
            elif not seat.end_reason:
                seat.ends_on, seat.end_reason = min(seat.ends_on or date.max, seat.school_class.ends_on), word
                ended.append(seat)
        if blocked:
            raise CannotMove(blocked)
        Enrollment.objects.bulk_update(ended, ["ends_on", "end_reason"])
        last_days = {seat.child_id: seat.ends_on for seat in ended}
        traits = list(Trait.objects.open().filter(child__in=last_days, kind=TraitKind.BOARDING))
        traits = [trait for trait in traits if trait.starts_on <= last_days[trait.child_id]]
        for trait in traits:
            trait.ends_on = last_days[trait.child_id]
        Trait.objects.bulk_update(traits, ["ends_on"])
        done = [child for child in children if child.pk in last_days]
        if destination:
            for last_day in sorted({last_days[child.pk] for child in done}):
                children_go_on(
                    [child for child in done if last_days[child.pk] == last_day], day=last_day, by=by
                )
        if done:
            audit.record_many("graduate", by=by, kind="enrollment", children=done)
    return done
