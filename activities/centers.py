"""The activity center (留守儿童之家): its openings, its activities and who came; adding, changing and ending a center.

What rules read of an opening (day, staff on duty) or an activity (kind, day, place it belongs to, staff) is never
rewritten: a correction cancels the row and enters a new one at that moment. A name on a sign-in list has a moment of
its own: one added later is entered later.
"""

import uuid
from dataclasses import dataclass
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Min, Q
from django.utils import timezone

from registry import access
from registry.access import Act
from registry.calendar import Calendar, span_of
from registry.models import ActivityCenter, Child, Enrollment, Operator, School
from trust import audit

from .contacts import SubmissionMismatch
from .guardian_attendance import came_to, enter_adults
from .models import Activity, ActivityKind, Attendance, Opening

audit.name_actions(
    add_center="登记之家",
    change_center="修改之家",
    end_center="停用之家",
    log_opening="登记开放",
    correct_opening="更正开放记录",
    cancel_opening="作废开放记录",
    log_activity="登记活动",
    correct_activity="更正活动",
    cancel_activity="作废活动",
    log_attendance="登记签到",
    cancel_attendance="撤销签到",
)
audit.name_kinds(center="留守儿童之家", opening="开放记录", activity="活动")

REPLACED = "更正，换成了新的一条"
CENTER_FIELDS = ("name", "place", "opening_days", "starts_on")
HEAT_WEEKS = 18
HEAT_LEFT = 26  # room for the weekdays


# --- who may ---------------------------------------------------------------------------------------------------------


def _may(user, act, center):
    where = {"school": center.school} if center.school_id else {"county": center.county}
    return access.may(user, act, center=center, **where)


def may_log(user, center):
    """Openings and activities: staff on duty there, the school's leaders, the center's manager."""
    return _may(user, Act.LOG_OPENINGS, center)


def may_manage(user, center):
    """The center itself: leaders, its manager, the administrator."""
    return _may(user, Act.MANAGE_CENTERS, center)


def may_sign_in(user, activity):
    """Who came to an activity: whoever logs what its center does; without a center, what its school does."""
    if activity.cancelled_at:
        return False
    if activity.center is not None:
        return may_log(user, activity.center)
    return access.may(user, Act.LOG_OPENINGS, school=activity.school)


def may_change(user, event):
    """Correcting and cancelling: who typed it, who was on duty, and who manages the center."""
    center = event.center
    if center is not None and may_manage(user, center):
        return True
    staff = access.staff_of(user)
    took_part = staff is not None and any(one.pk == staff.pk for one in event.staff.all())
    return (center is None or may_log(user, center)) and (event.recorded_by_id == user.pk or took_part)


# --- the center itself -----------------------------------------------------------------------------------------------


def add_center(
    *, county, name, starts_on, by, operator=Operator.SCHOOL, school=None, place="", opening_days=""
):
    """Enters a center; one run by a school names it."""
    center = ActivityCenter(
        county=county, name=name, starts_on=starts_on, operator=operator, school=school, place=place,
        opening_days=opening_days,
    )  # fmt: skip
    with transaction.atomic():
        center.full_clean()
        center.save()
        audit.record("add_center", by=by, kind="center", uid=center.uid)
    return center


def change_center(center, *, expected_version, by, **changes):
    """Changes name, place, opening days or the first day. Raises VersionConflict."""
    unknown = set(changes) - set(CENTER_FIELDS)
    if unknown:
        raise TypeError(f"no such fields: {sorted(unknown)}")
    changed = [name for name, value in changes.items() if getattr(center, name) != value]
    if not changed:
        return center
    with transaction.atomic():
        for name in changed:
            setattr(center, name, changes[name])
        center.full_clean()
        center.save_version(expected_version)
        audit.record("change_center", by=by, kind="center", uid=center.uid, fields=changed)
    return center


def end_center(center, *, ends_on, expected_version, by):
    """The last day the center is in service; None takes it into service again."""
    if ends_on is not None and ends_on < center.starts_on:
        raise ValidationError({"ends_on": "停用日期不能早于启用日期"})
    with transaction.atomic():
        center.ends_on = ends_on
        center.save_version(expected_version)
        audit.record("end_center", by=by, kind="center", uid=center.uid, detail=str(ends_on or "重新启用"))
    return center


def _check_day(center, day, now):
    if day is None:
        raise ValidationError({"day": "请填日期"})
    if day > timezone.localtime(now).date():
        raise ValidationError({"day": "日期不能晚于今天"})
    if center is not None and (day < center.starts_on or (center.ends_on and day > center.ends_on)):
        raise ValidationError({"day": "这一天之家没有启用，请核对日期"})


# --- openings --------------------------------------------------------------------------------------------------------


def log_opening(
    *, center, day, by, staff=(), hygiene_checked=False, visitors=None, note="", submission=None, now=None
):  # fmt: skip
    """Logs that the center was open. The same ``submission`` again returns the same row, with other content raises
    SubmissionMismatch; a second opening of a day is refused in words.
    """
    now = now or timezone.now()
    submission = submission or uuid.uuid4()
    staff = _unique(staff)
    values = {"hygiene_checked": hygiene_checked, "visitors": visitors, "note": (note or "").strip()}
    try:
        with transaction.atomic():
            again = _opened_before(submission, center, day, staff, values)
            if again is not None:
                return again
            opening = _open(center, day, staff, values, submission, by, now)
            audit.record("log_opening", by=by, kind="opening", uid=opening.uid)
    except IntegrityError:
        again = _opened_before(submission, center, day, staff, values)
        if again is None:
            raise ValidationError({"day": _already(center, day)}) from None
        return again
    return opening


def _unique(rows):
    return sorted({row.pk: row for row in rows}.values(), key=lambda row: row.pk)


def _already(center, day):
    return f"{center} {day.month}月{day.day}日的开放已经记过，打开那一条改就行"


def _open(center, day, staff, values, submission, by, now):
    _check_day(center, day, now)
    if Opening.objects.valid().filter(center=center, day=day).exists():
        raise ValidationError({"day": _already(center, day)})
    opening = Opening(
        center=center, day=day, submission=submission, recorded_by=by, recorded_at=now, lag=0, **values
    )
    opening.clean_fields(exclude=["center", "recorded_by", "cancelled_by"])
    opening.save()
    opening.staff.set(staff)
    return opening


def _opened_before(submission, center, day, staff, values):
    opening = Opening.objects.filter(submission=submission).first()
    if opening is None:
        return None
    same = (opening.center_id, opening.day) == (center.pk, day) and _unique(opening.staff.all()) == staff
    if opening.version == 1 and not opening.cancelled_at:
        same = same and all(getattr(opening, name) == value for name, value in values.items())
    if not same:
        raise SubmissionMismatch
    return opening


def correct_opening(opening, *, expected_version, by, now=None, **changes):
    """Corrects an opening; another day or other staff makes a new row, and cancels this one. Raises VersionConflict."""
    now = now or timezone.now()
    if opening.cancelled_at:
        raise ValidationError("这一条已经作废，不能再改")
    before = {
        "day": opening.day, "staff": _unique(opening.staff.all()), "hygiene_checked": opening.hygiene_checked,
        "visitors": opening.visitors, "note": opening.note,
    }  # fmt: skip
    after = before | changes
    after["staff"], after["note"] = _unique(after["staff"]), (after["note"] or "").strip()
    changed = [name for name in before if before[name] != after[name]]
    if not changed:
        return opening
    values = {name: after[name] for name in ("hygiene_checked", "visitors", "note")}
    with transaction.atomic():
        if {"day", "staff"} & set(changed):
            _cancel(opening, expected_version, REPLACED, by, now)
            result = _open(opening.center, after["day"], after["staff"], values, uuid.uuid4(), by, now)
        else:
            for name, value in values.items():
                setattr(opening, name, value)
            opening.clean_fields(exclude=["center", "recorded_by", "cancelled_by"])
            opening.save_version(expected_version)
            result = opening
        audit.record("correct_opening", by=by, kind="opening", uid=result.uid, fields=changed)
    return result


def _cancel(event, expected_version, reason, by, now):
    event.cancelled_at, event.cancelled_by, event.cancel_reason = now, by, reason
    event.save_version(event.version if expected_version is None else expected_version)


def _reason(reason):
    reason = (reason or "").strip()
    if not reason:
        raise ValidationError({"reason": "作废要写原因"})
    if len(reason) > 200:
        raise ValidationError({"reason": f"原因最多 200 个字，这里有 {len(reason)} 个"})
    return reason


def cancel_opening(opening, *, reason, by, expected_version=None, now=None):
    """Cancels an opening. Returns False if it was cancelled already."""
    reason = _reason(reason)
    if opening.cancelled_at:
        return False
    with transaction.atomic():
        _cancel(opening, expected_version, reason, by, now or timezone.now())
        audit.record("cancel_opening", by=by, kind="opening", uid=opening.uid)
    return True


# --- activities and who came -----------------------------------------------------------------------------------------


def log_activity(
    *, kind, title, day, by, center=None, school=None, staff=(), present=(), absent=(), place="", result="",
    submission=None, now=None,
):  # fmt: skip
    """Logs a group event with its sign-in list (children present, children who should have come and did not)."""
    now = now or timezone.now()
    submission = submission or uuid.uuid4()
    school = school or (center.school if center else None)
    values = {
        "kind": ActivityKind(kind), "title": (title or "").strip(), "day": day, "center": center, "school": school,
        "place": (place or "").strip(), "result": (result or "").strip(),
    }  # fmt: skip
    staff, present, absent = _unique(staff), _unique(present), _unique(absent)
    try:
        with transaction.atomic():
            again = _held_before(submission, values, staff, present, absent)
            if again is not None:
                return again
            activity = _hold(values, staff, submission, by, now)
            _enter_names(activity, present, absent, by=by, now=now)
            audit.record("log_activity", by=by, kind="activity", uid=activity.uid, count=len(present))
    except IntegrityError:
        again = _held_before(submission, values, staff, present, absent)
        if again is None:
            raise
        return again
    return activity


def _hold(values, staff, submission, by, now):
    if values["school"] is None and values["center"] is None:
        raise ValidationError({"center": "请选在哪个之家、哪所学校"})
    if not values["title"]:
        raise ValidationError({"title": "请写活动的名称，如：读书会"})
    _check_day(values["center"], values["day"], now)
    county = (values["center"] or values["school"]).county
    activity = Activity(
        county=county, submission=submission, recorded_by=by, recorded_at=now, lag=0, **values
    )
    activity.clean_fields(exclude=["county", "school", "center", "recorded_by", "cancelled_by"])
    activity.save()
    activity.staff.set(staff)
    return activity


def _held_before(submission, values, staff, present, absent):
    activity = Activity.objects.filter(submission=submission).first()
    if activity is None:
        return None
    fixed = ("kind", "day") if activity.version > 1 else ("kind", "day", "title", "place", "result")
    same = all(getattr(activity, name) == values[name] for name in fixed)
    same = same and activity.center_id == (values["center"] and values["center"].pk)
    same = same and _unique(activity.staff.all()) == staff
    first = activity.attendances.filter(child__isnull=False, entered_at=activity.recorded_at)
    names = set(first.values_list("child", "present"))
    same = same and names == {(c.pk, True) for c in present} | {(c.pk, False) for c in absent}
    if not same:
        raise SubmissionMismatch
    return activity


def _enter_names(activity, present, absent, *, by, now):
    """New rows for names; each entered at the later of its own moment and the activity's."""
    children = [*present, *absent]
    both = {child.pk for child in present} & {child.pk for child in absent}
    if both:
        name = next(child.name for child in present if child.pk in both)
        raise ValidationError({"present": f"{name}又选了到场又选了没到，请选一样"})
    first = dict(
        Enrollment.objects.valid()
        .filter(child__in=[child.pk for child in children])
        .order_by()
        .values_list("child")
        .annotate(Min("starts_on"))
    )
    rows = []
    for child in children:
        if child.pk not in first or activity.day < first[child.pk]:
            raise ValidationError({"present": f"{child.name}那时还没有来，不能签到"})
        row = Attendance(activity=activity, child=child, present=child in present)
        row.settle(now)
        rows.append(row)
    Attendance.objects.bulk_create(rows)
    if children:
        audit.record_many(
            "log_attendance", by=by, children=children, kind="child", detail=f"活动 {activity.uid}"
        )
    return rows


def set_names(activity, *, present, by, absent=(), among=None, now=None):
    """Makes the sign-in list say who came and who did not, for the children ``among`` (those the form showed).

    What is already so stays untouched with its own moment; a changed or wrong name is cancelled and entered anew.
    Children outside ``among`` are left alone; ``among=None`` only adds. Returns (entered, cancelled).
    """
    now = now or timezone.now()
    if activity.cancelled_at:
        raise ValidationError("这次活动已经作废，不能再签到")
    present, absent = _unique(present), _unique(absent)
    wanted = {child.pk: True for child in present} | {child.pk: False for child in absent}
    reach = set(wanted) if among is None else {child.pk for child in among}
    with transaction.atomic():
        current = {
            row.child_id: row
            for row in activity.attendances.filter(
                cancelled_at=None, child__in=reach | set(wanted)
            ).select_related("child")
        }
        wrong = [row for pk, row in current.items() if wanted.get(pk) is not row.present]
        if wrong:
            Attendance.objects.filter(pk__in=[row.pk for row in wrong]).update(cancelled_at=now)
            audit.record_many(
                "cancel_attendance",
                by=by,
                children=[row.child for row in wrong],
                kind="child",
                detail=f"活动 {activity.uid}",
            )
        kept = set(current) - {row.child_id for row in wrong}
        new = _enter_names(
            activity,
            [child for child in present if child.pk not in kept],
            [child for child in absent if child.pk not in kept],
            by=by,
            now=now,
        )
    return len(new), len(wrong)


def add_names(activity, *, by, present=(), absent=(), now=None):
    """Adds names later; each has its own moment of entry. Returns how many are new."""
    return set_names(activity, present=present, absent=absent, by=by, now=now)[0]


def correct_activity(activity, *, expected_version, by, now=None, **changes):
    """Corrects an activity; another kind, day or other staff makes a new row with the same names, entered now."""
    now = now or timezone.now()
    if activity.cancelled_at:
        raise ValidationError("这次活动已经作废，不能再改")
    before = {
        "kind": ActivityKind(activity.kind), "day": activity.day, "staff": _unique(activity.staff.all()),
        "title": activity.title, "place": activity.place, "result": activity.result,
    }  # fmt: skip
    after = before | changes
    after["kind"], after["staff"] = ActivityKind(after["kind"]), _unique(after["staff"])
    for name in ("title", "place", "result"):
        after[name] = (after[name] or "").strip()
    changed = [name for name in before if before[name] != after[name]]
    if not changed:
        return activity
    if not after["title"]:
        raise ValidationError({"title": "请写活动的名称，如：读书会"})
    staff = after.pop("staff")
    with transaction.atomic():
        if {"kind", "day", "staff"} & set(changed):
            rows = list(
                activity.attendances.filter(cancelled_at=None, child__isnull=False).select_related("child")
            )
            adults = [row.guardian for row in came_to(activity).select_related("guardian")]
            _cancel(activity, expected_version, REPLACED, by, now)
            activity.attendances.filter(cancelled_at=None).update(cancelled_at=now)
            values = after | {"center": activity.center, "school": activity.school}
            result = _hold(values, staff, uuid.uuid4(), by, now)
            _enter_names(
                result,
                [row.child for row in rows if row.present],
                [row.child for row in rows if not row.present],
                by=by,
                now=now,
            )
            enter_adults(result, adults, by=by, now=now)
        else:
            for name in ("title", "place", "result"):
                setattr(activity, name, after[name])
            activity.clean_fields(exclude=["county", "school", "center", "recorded_by", "cancelled_by"])
            activity.save_version(expected_version)
            result = activity
        audit.record("correct_activity", by=by, kind="activity", uid=result.uid, fields=changed)
    return result


def cancel_activity(activity, *, reason, by, expected_version=None, now=None):
    """Cancels an activity with its sign-in list. Returns False if it was cancelled already."""
    reason, now = _reason(reason), now or timezone.now()
    if activity.cancelled_at:
        return False
    with transaction.atomic():
        _cancel(activity, expected_version, reason, by, now)
        activity.attendances.filter(cancelled_at=None).update(cancelled_at=now)
        audit.record("cancel_activity", by=by, kind="activity", uid=activity.uid)
    return True


def children_who_may_come(user, activity_or_center, day):
    """Children the reader knows by name who sit at the center's school (or its 教学点) that day, class by class."""
    school = activity_or_center.school
    if school is None:
        return []
    schools = School.objects.filter(Q(pk=school.pk) | Q(managing_school=school))
    return list(
        Enrollment.objects.on(day)
        .filter(school__in=schools, child__in=Child.objects.named_to(user))
        .filter(child__in=Child.objects.listed_on(day))
        .select_related("child", "school", "school_class__school")
        .order_by(
            "school__code",
            "-school_class__entry_year",
            "school_class__number",
            "child__name_key",
            "child__pk",
        )
    )


# --- the week at a glance --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Day:
    """One day of the week's strip."""

    day: date
    opening: Opening | None
    activities: list
    came: int | None  # visitors counted at the door, else children on the lists; None = not open
    staff: str
    is_school_day: bool
    is_today: bool
    is_future: bool


@dataclass(frozen=True)
class HeatDay:
    """One square of the heat map: ``css`` is its step, ``words`` its sentence."""

    x: int
    y: int
    css: str
    words: str


@dataclass(frozen=True)
class HeatWeek:
    """One column in numbers."""

    monday: date
    openings: int
    came: int
    missed: bool  # due, over, and not open once
    x: int = 0  # left edge of its column


def week_of(center, monday, today, calendar):
    """The seven days from ``monday``: open or not, how many came, who was on duty. Five queries."""
    last = monday + timedelta(days=6)
    openings = {
        row.day: row
        for row in center.openings.valid().filter(day__range=(monday, last)).prefetch_related("staff")
    }
    activities = {}
    rows = (
        center.activities.valid()
        .filter(day__range=(monday, last))
        .prefetch_related("staff")
        .annotate(
            came=Count("attendances", filter=Q(attendances__cancelled_at=None, attendances__present=True))
        )
        .order_by("day", "pk")
    )
    for row in rows:
        activities.setdefault(row.day, []).append(row)
    listed = _came_by_day(center, monday, last)
    days = []
    for number in range(7):
        day = monday + timedelta(days=number)
        opening, held = openings.get(day), activities.get(day, [])
        people = {one.pk: one.name for event in [opening, *held] if event for one in event.staff.all()}
        days.append(
            Day(
                day=day,
                opening=opening,
                activities=held,
                came=_came(opening, listed.get(day, 0)) if opening or held else None,
                staff="、".join(people.values()),
                is_school_day=calendar.is_school_day(day, center.school_id),
                is_today=day == today,
                is_future=day > today,
            )
        )
    return days


def _came(opening, listed):
    return max(opening.visitors or 0, listed) if opening else listed


def _came_by_day(center, first, last):
    """{day: different children on the day's lists}."""
    rows = Attendance.objects.filter(
        activity__center=center,
        activity__cancelled_at=None,
        cancelled_at=None,
        present=True,
        day__range=(first, last),
    )
    return dict(rows.order_by().values_list("day").annotate(Count("child", distinct=True)))


def heat_map(center, today, calendar):
    """(squares, weeks): the last weeks of the center, one column a week. Two queries."""
    this_monday = span_of("week", today)[0]
    first = this_monday - timedelta(days=7 * (HEAT_WEEKS - 1))
    openings = dict(center.openings.valid().filter(day__gte=first).values_list("day", "visitors"))
    listed = _came_by_day(center, first, today)
    most = max([visitors or 0 for visitors in openings.values()] + list(listed.values()) + [1])
    squares, weeks = [], []
    for x in range(HEAT_WEEKS):
        monday = first + timedelta(days=7 * x)
        came_in_week = opened = 0
        for y in range(7):
            day = monday + timedelta(days=y)
            if day > today:
                break
            is_open = day in openings
            came = max(openings.get(day) or 0, listed.get(day, 0))
            opened, came_in_week = opened + is_open, came_in_week + (came if is_open else 0)
            if is_open:
                css, words = f"step-{min(4, 1 + came * 4 // (most + 1))}", f"开放，{came} 人次"
            elif calendar.is_school_day(day, center.school_id):
                css, words = "shut", "没开放"
            else:
                css, words = "free", "不上课"
            squares.append(HeatDay(x * 18 + HEAT_LEFT, y * 18 + 2, css, f"{day:%Y-%m-%d} {words}"))
        missed = _is_missed(center, monday, today, calendar, opened)
        weeks.append(HeatWeek(monday, opened, came_in_week, missed, x * 18 + HEAT_LEFT - 2))
    return squares, weeks


def _is_missed(center, monday, today, calendar, opened):
    last = monday + timedelta(days=6)
    if opened or last >= today or monday < center.starts_on or (center.ends_on and last > center.ends_on):
        return False
    period = calendar.period_on("week", monday)
    return calendar.is_due(period, center.school_id)


def calendar_of(center):
    """The county's calendar (one query)."""
    return Calendar.of(center.county)
