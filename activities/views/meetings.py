"""领导小组会议: the list of a school's meetings, minutes, decisions and what came of them."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry.models import School, Staff
from registry.views.answers import add_errors, answer_form, form_view
from trust import audit

from .. import meetings
from ..contacts import SubmissionMismatch
from ..forms.meetings import CancelForm, Decisions, FinishForm, FollowUpForm, MeetingForm, WordsForm
from ..models import Activity, ActivityKind, FollowUp

PAGE = 20


def _require(allowed):
    if not allowed:
        raise PermissionDenied("您的岗位没有这项功能")


def _school_or_404(request, uid):
    schools = School.objects.visible_to(request.user).select_related("county")
    return get_object_or_404(schools, uid=uid)


def _meeting_or_404(request, uid, *, write=False):
    found = Activity.objects.visible_to(request.user).filter(kind=ActivityKind.GROUP_MEETING)
    meeting = get_object_or_404(
        found.select_related("school__county", "recorded_by", "cancelled_by").distinct(), uid=uid
    )
    check = meetings.may_hold if write else meetings.may_read
    _require(check(request.user, meeting.school))
    return meeting


def _list_url(school):
    return reverse("activities:meeting_list", args=[school.uid])


@require_safe
def meeting_list(request, uid):
    """Meetings of a school, the latest first, and what is still to be done of them."""
    school = _school_or_404(request, uid)
    _require(meetings.may_read(request.user, school))
    rows = meetings.meetings_of(school).annotate(
        came=Count("attendances", filter=Q(attendances__present=True), distinct=True),
        open=Count("follow_ups", filter=Q(follow_ups__done_on=None), distinct=True),
    )
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    context = {
        "school": school, "page_obj": page, "today": timezone.localdate(),
        "tasks": list(meetings.open_follow_ups(activity__school=school)[:50]),
        "may_hold": meetings.may_hold(request.user, school),
    }  # fmt: skip
    return render(request, "activities/meetings/list.html", context)


@form_view
def meeting_new(request, uid):
    """Minutes of a meeting with its decisions."""
    school = _school_or_404(request, uid)
    _require(meetings.may_hold(request.user, school))
    today = timezone.localdate()
    people = Staff.objects.filter(pk__in=[one.pk for one in meetings.people_of(school, today)]).by_name()
    data = request.POST or None
    form = MeetingForm(data, people=people, members=meetings.members_of(school, today))
    decisions = Decisions(data, form_kwargs={"owners": meetings.owners_of(school, today)}, prefix="decision")
    if request.method == "POST" and form.is_valid() and decisions.is_valid():
        said = form.cleaned_data
        try:
            meeting = meetings.hold_meeting(
                school=school, day=said["day"], title=said["title"], place=said["place"], minutes=said["minutes"],
                present=said["present"], decisions=decisions.rows(), by=request.user, submission=said["submission"],
            )  # fmt: skip
        except SubmissionMismatch:
            form.add_error(None, "这一页已经保存过另一次会议，请重新打开再记")
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"记上了，{len(said['present'])} 人到会")
            return redirect("activities:meeting_detail", meeting.uid)
    context = {
        "form": form,
        "decisions": decisions,
        "school": school,
        "back_url": _list_url(school),
        "lacks_people": not people,
    }
    return render(request, "activities/meetings/form.html", context, status=422 if form.errors else 200)


@require_safe
def meeting_detail(request, uid):
    """Minutes of one meeting: who came, what was discussed and decided."""
    meeting = _meeting_or_404(request, uid)
    audit.record("open_meeting", by=request.user, kind="activity", uid=meeting)
    came, absent = meetings.attendance_of(meeting)
    tasks = list(meeting.follow_ups.select_related("staff"))
    for task in tasks:
        task.activity = meeting
        task.may_finish = meeting.cancelled_at is None and meetings.may_finish(request.user, task)
    context = {
        "meeting": meeting, "school": meeting.school, "tasks": tasks, "today": timezone.localdate(),
        "came": [one.name for one in came],
        "absent": [one.name for one in absent],
        "may_hold": meeting.cancelled_at is None and meetings.may_hold(request.user, meeting.school),
    }  # fmt: skip
    return render(request, "activities/meetings/detail.html", context)


def _page_of(meeting):
    return reverse("activities:meeting_detail", args=[meeting.uid])


@form_view
def meeting_edit(request, uid):
    """Correct the words of the minutes."""
    meeting = _meeting_or_404(request, uid, write=True)
    initial = {
        "version": meeting.version,
        "title": meeting.title,
        "place": meeting.place,
        "minutes": meeting.result,
    }
    form = WordsForm(request.POST or None, initial=initial)

    def save(data):
        meetings.correct_words(
            meeting,
            by=request.user,
            expected=data["version"],
            title=data["title"],
            place=data["place"],
            minutes=data["minutes"],
        )

    return answer_form(
        request, form, save, title="改会议记录", back=_page_of(meeting), template="activities/meetings/words.html",
        note="日期、到会的人记错了，请作废这一次，重新登记。",
    )  # fmt: skip


@form_view
def meeting_cancel(request, uid):
    """A meeting entered by mistake."""
    meeting = _meeting_or_404(request, uid, write=True)
    form = CancelForm(request.POST or None)

    def save(data):
        meetings.cancel_meeting(meeting, reason=data["reason"], by=request.user)
        return "已作废，仍可查看"

    return answer_form(
        request, form, save, title="作废这次会议记录？", back=_page_of(meeting), act="作废", danger=True,
        template="activities/meetings/words.html", note="作废后仍可查看，定下的事也不再提醒。",
    )  # fmt: skip


@form_view
def follow_up_new(request, uid):
    """One more decision of a meeting."""
    meeting = _meeting_or_404(request, uid, write=True)
    owners = meetings.owners_of(meeting.school, timezone.localdate())
    form = FollowUpForm(request.POST or None, owners=owners)

    def save(data):
        meetings.add_follow_up(meeting, by=request.user, **data)
        return "记上了"

    return answer_form(
        request, form, save, title="再记一件定下的事", back=_page_of(meeting), note=str(meeting),
        template="activities/meetings/words.html",
    )  # fmt: skip


@form_view
def follow_up_done(request, uid):
    """What came of a decision: its owner, or whoever writes the minutes."""
    found = FollowUp.objects.visible_to(request.user).select_related("activity__school__county", "staff")
    task = get_object_or_404(found, uid=uid)
    _require(meetings.may_finish(request.user, task))
    if task.activity.cancelled_at:
        raise Http404
    form = FinishForm(request.POST or None, initial={"version": task.version, "note": task.done_note})
    reads = meetings.may_read(request.user, task.activity.school)

    def save(data):
        meetings.finish_follow_up(
            task, by=request.user, done_on=data["done_on"], note=data["note"], expected=data["version"]
        )
        return "办完了，记上了"

    due = f"，{task.due_on:%-m月%-d日}前" if task.due_on else ""
    return answer_form(
        request, form, save, title="这件事办完了", act="办完了",
        back=_page_of(task.activity) if reads else reverse("activities:today"),
        note=f"{task.activity.day:%-m月%-d日}会议定下：{task.text}{due}", template="activities/meetings/words.html",
    )  # fmt: skip
