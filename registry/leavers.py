"""离校学生档案 (C139): whose file the school still keeps after the child has left, until when, and opening a sealed one.

A file is in use to the end of the school year after the one in which the child left: the year's assessment, a school that
asks, a child that comes back. Then it is sealed (封存): no list, no search and no page shows it, until somebody who keeps
the files says what for, for two hours. Nothing is erased: why not stands in docs/decisions/0018-sealed-files.md.
"""

from dataclasses import dataclass
from datetime import date

from django.db.models import Case, Count, DateField, F, Value, When
from django.db.models.functions import Coalesce, ExtractMonth, ExtractYear, Least
from django.utils import timezone

from trust import audit

from . import access, stated_reasons
from .access import Act
from .calendar import school_year_of
from .models import Enrollment, School, StatedReason

FAR = date(9999, 12, 31)

audit.name_actions(list_leavers="查看离校学生档案")


@dataclass(frozen=True)
class Leaver:
    """A child that left, as the list shows it."""

    seat: Enrollment
    class_name: str  # as the class was called on the last day
    last_day: date
    in_use_until: date
    sealed: bool
    opened: bool  # the reader has stated a reason that still holds
    kept_until: date | None  # None while the county has not said how long


def leavers(user):
    """Last enrollments, over before today, of children whose file a school of ``user`` keeps; with ``last_day``.

    Whom another school of the county has taken is not among them: the file went along.
    """
    schools = School.objects.visible_to(user).filter(
        pk__in=access.schools_for(user, Act.KEEP_LEAVERS).values("pk")
    )
    ended = Least(
        Coalesce("ends_on", Value(FAR), output_field=DateField()),
        Coalesce("school_class__ends_on", Value(FAR), output_field=DateField()),
        output_field=DateField(),
    )
    seats = access.last_seats_at(schools.values("pk")).over_before(timezone.localdate())
    return seats.annotate(last_day=ended)


def counts_by_year(user):
    """[(school year, how many left in it)], the newest first, with one query."""
    month, year = ExtractMonth("last_day"), ExtractYear("last_day")
    left_in = Case(When(left_month__gte=9, then=F("left_year")), default=F("left_year") - 1)
    rows = leavers(user).annotate(left_month=month, left_year=year).annotate(left_in=left_in)
    return list(
        rows.order_by()
        .values("left_in")
        .annotate(number=Count("pk"))
        .order_by("-left_in")
        .values_list("left_in", "number")
    )


def left_in(user, year):
    """Those who left in the school year that begins in ``year``, the last ones first."""
    seats = leavers(user).filter(last_day__gte=date(year, 9, 1), last_day__lte=date(year + 1, 8, 31))
    return seats.select_related("child", "school__county", "school_class__school").order_by(
        "-last_day", "child__name_key", "pk"
    )


def describe(user, seats):
    """[Leaver] of ``seats`` (one page), with one query more."""
    seats = list(seats)
    today = timezone.localdate()
    opened = set(
        _open_reasons(user)
        .filter(child__in=[seat.child_id for seat in seats])
        .values_list("child", flat=True)
    )
    return [_leaver(seat, today, seat.child_id in opened) for seat in seats]


def _leaver(seat, today, opened):
    year, years = school_year_of(seat.last_day), seat.school.county.keep_leavers_years
    return Leaver(
        seat=seat,
        class_name=seat.school_class.name_on(seat.last_day) if seat.school_class else "没有班级",
        last_day=seat.last_day,
        in_use_until=date(year + 2, 8, 31),
        sealed=seat.last_day < access.in_use_since(today),
        opened=opened,
        kept_until=date(year + 1 + years, 8, 31) if years else None,
    )


def _open_reasons(user):
    return StatedReason.objects.open().filter(user=user, child__isnull=False)


def open_sealed(seat, *, by, reason):
    """Open the sealed file of the child of ``seat`` (one of ``leavers``) to ``by`` for two hours; pressed twice it is one.

    Raises ValidationError for a reason too short to be reviewed.
    """
    known = _open_reasons(by).filter(child=seat.child).first()
    if known is not None:
        return known
    return stated_reasons.state_reason_for_file(by=by, school=seat.school, child=seat.child, reason=reason)
