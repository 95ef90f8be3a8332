"""A screening is opened for a term, goes on for the schools of the county, and ends (C013)."""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from trust import audit

from .. import access
from ..access import TABLE, Act
from ..models import Post, PostKind, School, SchoolScreening, Screening
from .rolls import settle

audit.name_actions(
    open_screening="发起摸底", join_screening="把学校加进摸底", end_screening="结束摸底",
)  # fmt: skip
audit.name_kinds(
    screening="摸底排查", schoolscreening="学校摸底", classscreening="班级摸底", screeningentry="摸底登记"
)

_RUNNERS = [kind for kind, line in TABLE.items() if Act.RUN_SCREENING in line.acts]


def stands_in(user, county):
    """A leader runs and reviews the screening while nobody at the county holds an account: a school on its own."""
    leads = any(
        post.kind == PostKind.LEADER and post.county_id == county.pk for post in access.posts_of(user)
    )
    return leads and not (
        Post.objects.today().filter(county=county, kind__in=_RUNNERS, staff__user__is_active=True).exists()
    )


def may_run(user, county):
    """Whether ``user`` opens and ends screenings of the county."""
    return access.may(user, Act.RUN_SCREENING, county=county) or stands_in(user, county)


def require_run(user, county):
    """Raises PermissionDenied unless ``may_run``."""
    if not may_run(user, county):
        raise PermissionDenied("您的岗位没有这项功能")


def schools_in_use(county, day):
    """Schools that take part: begun, and not closed."""
    return School.objects.filter(Q(ends_on=None) | Q(ends_on__gte=day), county=county, first_used_on__lte=day)


def open_screening(term, *, by, as_of, due_on, definition):
    """Open the screening of a term, with every school, class and child that takes part; the one before it ends.

    Pressed twice, or by two people at once, it is one screening. Raises ValidationError for impossible dates.
    """
    county = term.county
    require_run(by, county)
    known = Screening.objects.filter(county=county, term=term).first()
    if known is not None:
        return known
    if not term.starts_on <= as_of <= term.ends_on:
        raise ValidationError(
            {"as_of": f"要在这个学期里（{term.starts_on:%Y-%m-%d} 到 {term.ends_on:%Y-%m-%d}）"}
        )
    if due_on < timezone.localdate():
        raise ValidationError({"due_on": "上报期限已经过了"})
    row = Screening(
        county=county, term=term, as_of=as_of, due_on=due_on, definition=definition.strip(), opened_by=by
    )
    try:
        with transaction.atomic():
            row.full_clean()
            earlier = Screening.objects.filter(county=county, closed_at=None)
            row.save()
            earlier.exclude(pk=row.pk).update(closed_at=row.opened_at)
            audit.record("open_screening", by=by, kind="screening", uid=row)
            join(row, by=by)
    except (IntegrityError, ValidationError):
        known = Screening.objects.filter(county=county, term=term).first()  # somebody else pressed too
        if known is None:
            raise
        return known
    return row


def join(screening, *, by):
    """Every school in use that has no part yet gets one, with its classes and children. Returns how many joined."""
    schools = list(
        schools_in_use(screening.county, timezone.localdate())
        .exclude(screenings__screening=screening)
        .order_by("code")
    )
    with transaction.atomic():
        Screening.objects.select_for_update().get(pk=screening.pk)
        made = SchoolScreening.objects.bulk_create(
            [SchoolScreening(screening=screening, school=school) for school in schools]
        )
        for part in made:
            settle(part, opening=True)
        if made:
            audit.record("join_screening", by=by, kind="screening", uid=screening, count=len(made))
    return len(made)


def missing_schools(screening):
    """Schools in use that have no part: opened after the screening was."""
    found = schools_in_use(screening.county, timezone.localdate())
    return found.exclude(screenings__screening=screening)


def join_new_schools(screening, *, by):
    """The county adds schools that began after the opening."""
    require_run(by, screening.county)
    if screening.closed_at is not None:
        raise ValidationError("这次摸底已经结束")
    return join(screening, by=by)


def end_screening(screening, *, by):
    """Nothing is entered or sent on any more; what was handed in stays."""
    require_run(by, screening.county)
    with transaction.atomic():
        fresh = Screening.objects.select_for_update().get(pk=screening.pk)
        if fresh.closed_at is None:
            fresh.closed_at = timezone.now()
            fresh.save(update_fields=["closed_at"])
            audit.record("end_screening", by=by, kind="screening", uid=fresh)
    return fresh
