"""领导小组会议 (C005): minutes with who came, what was discussed, what was decided; each decision may be somebody's task.

A meeting is an ``Activity`` of kind 领导小组会议: whoever came stands among its staff, so that a rule about meetings counts
it, and on its sign-in list, where absent members stand too. A decision is a ``FollowUp``: open until its owner or the
group says what came of it.
"""

import uuid

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from registry import access
from registry.access import Act
from registry.leading_group import KEPT
from registry.models import LEADING_GROUP, Post, Staff
from trust import audit

from . import centers
from .contacts import SubmissionMismatch
from .models import Activity, ActivityKind, Attendance, FollowUp

audit.name_actions(
    hold_meeting="登记领导小组会议",
    open_meeting="查看会议记录",
    add_follow_up="登记会议定下的事",
    finish_follow_up="会议定下的事办完",
)
audit.name_kinds(followup="会议定下的事")


# --- reading ------------------------------------------------------------------------------------------------------------


def may_read(user, school):
    """Minutes are read by the leading group and the archivist."""
    return access.may(user, Act.READ_MEETINGS, school=school)


def may_hold(user, school):
    """Minutes are written by leader, deputies and the group's office."""
    return access.may(user, Act.HOLD_MEETINGS, school=school)


def meetings_of(school):
    """Meetings of a school, the latest first; cancelled ones stay and say so."""
    return Activity.objects.filter(school=school, kind=ActivityKind.GROUP_MEETING).order_by("-day", "-pk")


def people_of(school, day):
    """Staff who may sit in the group's meetings on ``day``: members first, then whoever holds another of its posts."""
    posts = Post.objects.on(day).filter(school=school, kind__in=KEPT).select_related("staff")
    order = {kind: number for number, kind in enumerate(KEPT)}
    found = {}
    for post in sorted(posts, key=lambda one: (order[one.kind], one.staff.name_key)):
        found.setdefault(post.staff_id, post.staff)
    return list(found.values())


def members_of(school, day):
    """Staff of the leading group itself on ``day``."""
    posts = Post.objects.on(day).filter(school=school, kind__in=LEADING_GROUP)
    return Staff.objects.filter(pk__in=posts.values("staff"))


def owners_of(school, day):
    """Staff of a school to whom a decision may be given: everybody with a post there on ``day``, by name."""
    posts = Post.objects.on(day).filter(school=school)
    return Staff.objects.filter(pk__in=posts.values("staff")).by_name()


def attendance_of(meeting):
    """([who came], [who did not]) of a meeting: staff by name, each with ``duty_words``, its posts of that day."""
    rows = meeting.attendances.filter(cancelled_at=None, staff__isnull=False).select_related("staff")
    posts = Post.objects.on(meeting.day).filter(school=meeting.school_id, kind__in=KEPT)
    held = {}
    for post in sorted(posts, key=lambda one: (KEPT.index(one.kind), one.pk)):
        words = held.setdefault(post.staff_id, [])
        if post.get_kind_display() not in words:
            words.append(post.get_kind_display())
    came, absent = [], []
    for row in sorted(rows, key=lambda one: one.staff.name_key):
        row.staff.duty_words = "兼".join(held.get(row.staff_id, []))
        (came if row.present else absent).append(row.staff)
    return came, absent


def open_follow_ups(**where):
    """Decisions not yet done, of meetings that stand; the nearest date first, those without one last."""
    found = FollowUp.objects.filter(done_on=None, activity__cancelled_at=None, **where)
    return found.select_related("activity__school", "staff").order_by(F("due_on").asc(nulls_last=True), "pk")


def may_finish(user, follow_up):
    """Whose task it is, and who writes the minutes."""
    staff = access.staff_of(user)
    return (staff is not None and follow_up.staff_id == staff.pk) or may_hold(user, follow_up.activity.school)


# --- holding ------------------------------------------------------------------------------------------------------------


def hold_meeting(
    *, school, day, title, present, by, minutes="", place="", decisions=(), submission=None, now=None
):
    """Enters the minutes. ``decisions``: (text, staff or None, due day or None). The same ``submission`` is one meeting;
    with another title or day it raises SubmissionMismatch.
    """
    now, submission = now or timezone.now(), submission or uuid.uuid4()
    present = sorted({one.pk: one for one in present}.values(), key=lambda one: one.pk)
    title = (title or "").strip()
    if day is None or day > timezone.localtime(now).date():
        raise ValidationError({"day": "请填开会的日期，不能晚于今天"})
    if not title:
        raise ValidationError({"title": "请写议题，如：部署秋季摸底"})
    if not present:
        raise ValidationError({"present": "请选谁到会了"})
    known = _held_before(submission, school, day, title)
    if known is not None:
        return known
    members = set(members_of(school, day).values_list("pk", flat=True))
    try:
        with transaction.atomic():
            meeting = Activity(
                kind=ActivityKind.GROUP_MEETING, title=title, day=day, school=school, county=school.county,
                place=(place or "").strip(), result=(minutes or "").strip(), submission=submission, recorded_by=by,
                recorded_at=now, lag=0,
            )  # fmt: skip
            meeting.clean_fields(exclude=["county", "school", "center", "recorded_by", "cancelled_by"])
            meeting.save()
            meeting.staff.set(present)
            here = {one.pk for one in present}
            rows = [
                Attendance(activity=meeting, staff_id=pk, present=pk in here) for pk in sorted(here | members)
            ]
            for row in rows:
                row.settle(now)
            Attendance.objects.bulk_create(rows)
            for text, staff, due_on in decisions:
                _decide(meeting, text, staff, due_on, by, uuid.uuid4())
            audit.record("hold_meeting", by=by, kind="activity", uid=meeting, count=len(present))
    except IntegrityError:  # the same form, at the same moment, in another process
        known = _held_before(submission, school, day, title)
        if known is None:
            raise
        return known
    return meeting


def _held_before(submission, school, day, title):
    known = Activity.objects.filter(submission=submission).first()
    if known is not None and (known.school_id, known.day, known.title) != (school.pk, day, title):
        raise SubmissionMismatch
    return known


def _decide(meeting, text, staff, due_on, by, uid):
    if due_on is not None and due_on < meeting.day:
        raise ValidationError({"due_on": "期限不能早于开会的日期"})
    row = FollowUp(uid=uid, activity=meeting, text=(text or "").strip(), staff=staff, due_on=due_on)
    if not row.text:
        raise ValidationError({"text": "请写定下了什么事"})
    row.clean_fields(exclude=["activity", "staff"])
    row.save()
    audit.record("add_follow_up", by=by, kind="followup", uid=row)
    return row


def add_follow_up(meeting, *, text, by, staff=None, due_on=None, submission=None):
    """One more decision of a meeting. The same ``submission`` is one row."""
    if meeting.cancelled_at:
        raise ValidationError("这次会议已经作废")
    if submission is not None:
        known = FollowUp.objects.filter(uid=submission, activity=meeting).first()
        if known is not None:
            return known
    with transaction.atomic():
        return _decide(meeting, text, staff, due_on, by, submission or uuid.uuid4())


def finish_follow_up(follow_up, *, done_on, note, by, expected):
    """What came of a decision, and when. Raises VersionConflict."""
    note = (note or "").strip()
    if follow_up.activity.cancelled_at:
        raise ValidationError("这次会议已经作废")
    if done_on is None or done_on > timezone.localdate():
        raise ValidationError({"done_on": "请填办完的日期，不能晚于今天"})
    if done_on < follow_up.activity.day:
        raise ValidationError({"done_on": "不能早于开会的日期"})
    if not note:
        raise ValidationError({"note": "请写办得怎么样"})
    with transaction.atomic():
        follow_up.done_on, follow_up.done_note = done_on, note
        follow_up.clean_fields(exclude=["activity", "staff"])
        follow_up.save_version(expected)
        audit.record("finish_follow_up", by=by, kind="followup", uid=follow_up)
    return follow_up


def correct_words(meeting, *, by, expected, title, place, minutes):
    """Corrects the words of the minutes; another day or other people: cancel, and enter it anew."""
    return centers.correct_activity(
        meeting, expected_version=expected, by=by, title=title, place=place, result=minutes
    )


def cancel_meeting(meeting, *, reason, by):
    """Cancels a meeting entered by mistake; its decisions are nobody's task any more."""
    return centers.cancel_activity(meeting, reason=reason, by=by)
