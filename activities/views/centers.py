"""之家: the week at a glance, openings, activities with their sign-in lists, and the center itself."""

import uuid
from datetime import date, timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Max, Q
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from registry import access
from registry.access import Act
from registry.calendar import span_of
from registry.models import ActivityCenter, Child, Operator, Post, PostKind, Staff
from trust import audit
from trust.models import VersionConflict

from .. import centers
from ..contacts import SubmissionMismatch
from ..forms.centers import ActivityForm, CenterForm, EndCenterForm, OpeningForm
from ..forms.contacts import CancelForm
from ..guardian_attendance import is_for_families
from ..models import Activity, ActivityKind, Opening
from .guardian_attendance import families_of

audit.name_actions(open_activity="查看活动签到")
form_view = require_http_methods(["GET", "HEAD", "POST"])
PAGE = 50


def _center_or_404(request, uid):
    return get_object_or_404(
        ActivityCenter.objects.visible_to(request.user).select_related("school", "county"), uid=uid
    )


def _event_or_404(request, model, uid):
    rows = model.objects.visible_to(request.user).select_related(
        "center__school", "center__county", "recorded_by"
    )
    if model is Activity:
        # Minutes of the leading group have a page and readers of their own.
        rows = rows.select_related("school", "cancelled_by").exclude(kind=ActivityKind.GROUP_MEETING)
    return get_object_or_404(rows.prefetch_related("staff"), uid=uid)


def _require(allowed):
    if not allowed:
        raise PermissionDenied


def _colleagues(user, center=None):
    staff = Staff.objects.visible_to(user).filter(left_on=None)
    if center is not None and center.school_id:
        staff = staff.filter(Q(school=center.school_id) | Q(user=user))
    return list(staff.distinct().by_name())


def _take_over(form, error):
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, found in error.error_dict.items():
        form.add_error(name if name in form.fields else None, found)


# --- the center ------------------------------------------------------------------------------------------------------


@require_safe
def center_list(request):
    """Centers in reach; with one only, its week at once."""
    monday = span_of("week", timezone.localdate())[0]
    rows = (
        ActivityCenter.objects.visible_to(request.user)
        .select_related("school")
        .annotate(
            this_week=Count("openings", filter=Q(openings__cancelled_at=None, openings__day__gte=monday)),
            last_open=Max("openings__day", filter=Q(openings__cancelled_at=None)),
        )
        .order_by("ends_on", "school__code", "name")
    )
    found = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    if found.paginator.count == 1:
        return redirect("activities:center_detail", found.object_list[0].uid)
    shut = sum(1 for row in found if not row.this_week and row.ends_on is None)
    context = {"page_obj": found, "shut": shut, "may_add": access.may(request.user, Act.MANAGE_CENTERS)}
    return render(request, "activities/centers/list.html", context)


@require_safe
def center_detail(request, uid):
    """The week at a glance, the one tap 今天开放了, and the weeks before as a heat map."""
    center = _center_or_404(request, uid)
    today = timezone.localdate()
    monday = span_of("week", _asked_day(request.GET.get("week"), today))[0]
    calendar = centers.calendar_of(center)
    days = centers.week_of(center, monday, today, calendar)
    squares, weeks = centers.heat_map(center, today, calendar)
    in_service = center.starts_on <= today and (center.ends_on is None or today <= center.ends_on)
    may_log = centers.may_log(request.user, center)
    managers = (
        Post.objects.today().filter(kind=PostKind.CENTER_MANAGER, center=center).select_related("staff")
    )
    context = {
        "center": center,
        "days": days,
        "monday": monday,
        "sunday": monday + timedelta(days=6),
        "before": monday - timedelta(days=7),
        "after": monday + timedelta(days=7) if monday + timedelta(days=7) <= today else None,
        "is_this_week": monday <= today <= monday + timedelta(days=6),
        "opened": sum(1 for day in days if day.opening),
        "came": sum(day.came or 0 for day in days),
        "squares": squares,
        "weeks": weeks,
        "heat_width": centers.HEAT_LEFT + centers.HEAT_WEEKS * 18,
        "weekdays": [("一", 14), ("三", 50), ("五", 86), ("日", 122)],
        "open_weeks": sum(1 for week in weeks if week.openings),
        "missed_weeks": sum(1 for week in weeks if week.missed),
        "may_log": may_log and in_service,
        "may_manage": centers.may_manage(request.user, center),
        "changeable": {
            day.opening.uid for day in days if day.opening and centers.may_change(request.user, day.opening)
        },
        "open_today": next((day.opening for day in days if day.is_today and day.opening), None),
        "is_today_shown": any(day.is_today for day in days),
        "submission": uuid.uuid4(),
        "today": today,
        "managers": "、".join(post.staff.name for post in managers),
    }
    return render(request, "activities/centers/detail.html", context)


def _asked_day(text, today):
    try:
        return min(date.fromisoformat(text or ""), today)
    except ValueError:
        return today


@form_view
def center_new(request):
    """A new center: of a school one manages, or (administrators) run by the township or the federation."""
    access.require(request.user, Act.MANAGE_CENTERS)
    schools = access.schools_for(request.user, Act.MANAGE_CENTERS)
    outside = [
        post.county for post in access.posts_of(request.user) if post.school_id is None and not post.center_id
    ]
    form = CenterForm(
        request.POST if request.method == "POST" else None,
        schools=schools,
        outside=bool(outside),
        initial={"starts_on": timezone.localdate()},
    )
    if request.method == "POST":
        school = schools.filter(pk=_number(request.POST.get("school"))).select_related("county").first()
        county = school.county if school else outside[0] if outside else None
        form.instance.county = county
        if county is None:
            form.add_error("school", "请选学校")
        elif form.is_valid():
            data = form.cleaned_data
            if (
                ActivityCenter.objects.visible_to(request.user)
                .filter(county=county, name=data["name"], school=data["school"])
                .exists()
            ):
                form.add_error("name", "这个之家已经登记过")
            else:
                if data["operator"] != Operator.SCHOOL:
                    data["school"] = None
                center = centers.add_center(county=county, by=request.user, **data)
                messages.success(request, f"登记好了：{center}。")
                return redirect("activities:center_detail", center.uid)
    context = {
        "form": form,
        "title": "登记一个之家",
        "act": "登记",
        "back_url": reverse("activities:center_list"),
    }
    return render(request, "activities/centers/form.html", context)


@form_view
def center_edit(request, uid):
    """Name, place, opening days, first day."""
    center = _center_or_404(request, uid)
    _require(centers.may_manage(request.user, center))
    form = CenterForm(request.POST or None, instance=center, schools=None)
    back = reverse("activities:center_detail", args=[center.uid])
    if request.method == "POST" and form.is_valid():
        center.refresh_from_db()
        try:
            centers.change_center(
                center,
                expected_version=_number(request.POST.get("version")),
                by=request.user,
                **form.cleaned_data,
            )
        except VersionConflict as conflict:
            _clash(form, conflict.current, form.cleaned_data)
        else:
            messages.success(request, "改好了。")
            return redirect(back)
    version = (
        ActivityCenter.objects.visible_to(request.user).values_list("version", flat=True).get(pk=center.pk)
    )
    context = {"form": form, "title": f"修改{center}", "act": "保存", "back_url": back, "version": version}
    return render(
        request,
        "activities/centers/form.html",
        context,
        status=409 if form.errors and request.method == "POST" and form.non_field_errors() else 200,
    )


def _clash(form, current, mine):
    """Both values, field by field; saving again is a decision."""
    said = "；".join(
        f"{form.fields[name].label}：您写的“{value or '空'}”，现在存的“{getattr(current, name) or '空'}”"
        for name, value in mine.items()
        if name in form.fields and hasattr(current, name) and getattr(current, name) != value
    )
    form.add_error(None, f"您改的时候，别人也改了，还没有保存。{said}。再点一次保存，就用您写的。")


@form_view
def center_end(request, uid):
    """Take the center out of service."""
    center = _center_or_404(request, uid)
    _require(centers.may_manage(request.user, center))
    back = reverse("activities:center_detail", args=[center.uid])
    if center.ends_on is not None:
        messages.info(request, f"{center} 已经停用。")
        return redirect(back)
    form = EndCenterForm(
        request.POST or None, initial={"version": center.version, "ends_on": timezone.localdate()}
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            centers.end_center(
                center, ends_on=data["ends_on"], expected_version=data["version"], by=request.user
            )
        except ValidationError as error:
            _take_over(form, error)
        except VersionConflict:
            messages.warning(request, "刚才别人改过，还没有停用。请看过再定。")
            return redirect(back)
        else:
            messages.success(request, f"{center} 到 {data['ends_on']:%Y-%m-%d} 停用，以前的记录都留着。")
            return redirect(back)
    context = {
        "question": f"停用{center}？",
        "text": "停用后不再要求开放，以前的开放和活动都留着。",
        "act": "停用",
        "back_url": back,
        "form": form,
        "danger": True,
    }
    return render(request, "confirm.html", context)


def _number(text):
    try:
        return int(text)
    except (TypeError, ValueError):
        return 0


# --- openings --------------------------------------------------------------------------------------------------------


@form_view
def opening_new(request, uid):
    """今天开放了 (one tap from the center's page), or another day with everything about it."""
    center = _center_or_404(request, uid)
    _require(centers.may_log(request.user, center))
    own = access.staff_of(request.user)
    initial = {"day": request.GET.get("day") or timezone.localdate(), "submission": uuid.uuid4()}
    data = request.POST.copy() if request.method == "POST" else None
    if data is not None and own is not None and "quick" in data:
        data.setlist("staff", [str(own.uid)])
    form = OpeningForm(
        data, staff_options=_with(_colleagues(request.user, center), own), own_staff=own, initial=initial
    )
    if request.method == "POST" and form.is_valid():
        try:
            opening = centers.log_opening(
                center=center, submission=form.cleaned_data["submission"], by=request.user, **form.values()
            )
        except SubmissionMismatch:
            return render(request, "activities/centers/mismatch.html", {"center": center}, status=422)
        except ValidationError as error:
            _take_over(form, error)
        else:
            late = (
                f"补记了 {opening.day.month}月{opening.day.day}日的开放。"
                if opening.lag
                else "记上了。今天开放了。"
            )
            messages.success(request, late)
            return redirect(f"{reverse('activities:center_detail', args=[center.uid])}?week={opening.day}")
    context = {
        "form": form, "title": "记一次开放", "act": "保存", "center": center,
        "back_url": reverse("activities:center_detail", args=[center.uid]),
    }  # fmt: skip
    return render(request, "activities/centers/form.html", context)


def _with(staff, *more):
    known = {one.pk for one in staff}
    return staff + [one for one in more if one is not None and one.pk not in known]


@form_view
def opening_correct(request, uid):
    """Correct an opening."""
    opening = _event_or_404(request, Opening, uid)
    _require(centers.may_change(request.user, opening))
    back = f"{reverse('activities:center_detail', args=[opening.center.uid])}?week={opening.day}"
    if opening.cancelled_at:
        messages.info(request, "这一条已经作废。")
        return redirect(back)
    staff = list(opening.staff.all())
    initial = {
        "day": opening.day, "staff": [str(one.uid) for one in staff], "hygiene_checked": opening.hygiene_checked,
        "visitors": opening.visitors, "note": opening.note, "submission": uuid.uuid4(),
    }  # fmt: skip
    form = OpeningForm(
        request.POST or None,
        staff_options=_with(_colleagues(request.user, opening.center), *staff),
        initial=initial,
    )
    if request.method == "POST" and form.is_valid():
        try:
            centers.correct_opening(
                opening,
                expected_version=_number(request.POST.get("version")),
                by=request.user,
                **form.values(),
            )
        except VersionConflict as conflict:
            _clash(form, conflict.current, form.values())
            opening.refresh_from_db()
        except ValidationError as error:
            _take_over(form, error)
        else:
            messages.success(request, "改好了。")
            return redirect(back)
    context = {
        "form": form, "title": f"更正 {opening.day.month}月{opening.day.day}日的开放", "act": "保存更正",
        "back_url": back, "version": opening.version, "center": opening.center,
        "cancel_url": reverse("activities:opening_cancel", args=[opening.uid]),
    }  # fmt: skip
    return render(request, "activities/centers/form.html", context)


@form_view
def opening_cancel(request, uid):
    """Cancel an opening with a reason."""
    opening = _event_or_404(request, Opening, uid)
    back = f"{reverse('activities:center_detail', args=[opening.center.uid])}?week={opening.day}"
    question = f"把 {opening.day.month}月{opening.day.day}日的开放作废？"
    return _cancel(request, opening, centers.cancel_opening, question, back)


def _cancel(request, event, verb, question, back):
    _require(centers.may_change(request.user, event))
    if event.cancelled_at:
        messages.info(request, "这一条早就作废了。")
        return redirect(back)
    form = CancelForm(request.POST or None, initial={"version": event.version})
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            verb(event, reason=data["reason"], expected_version=data["version"], by=request.user)
        except VersionConflict:
            messages.warning(request, "刚才别人改过这一条，还没有作废。请看过再定。")
        else:
            messages.success(request, "作废了。不再算数，原来的记录还在。")
        return redirect(back)
    context = {
        "question": question, "text": "作废后不再算数，原来的记录会留着。", "act": "作废这一条", "cancel": "先不作废",
        "danger": True, "back_url": back, "form": form,
    }  # fmt: skip
    return render(request, "confirm.html", context)


# --- activities ------------------------------------------------------------------------------------------------------


def _ticked(request, name):
    """Children ticked under ``name``; one that the reader does not know = 404."""
    try:
        uids = {uuid.UUID(text) for text in request.POST.getlist(name)}
    except ValueError:
        raise Http404 from None
    found = list(Child.objects.named_to(request.user).filter(uid__in=uids)) if uids else []
    if len(found) != len(uids):
        raise Http404
    return found


def _groups(seats, present, absent):
    """[(class, [(uid, name, present, absent)])] for the chips."""
    groups = {}
    for seat in seats:
        name = str(seat.school_class) if seat.school_class_id else "未分班"
        row = (seat.child.uid, seat.child.name, seat.child_id in present, seat.child_id in absent)
        groups.setdefault(name, []).append(row)
    return list(groups.items())


@form_view
def activity_new(request, uid):
    """An activity at the center; who came is tapped by name."""
    center = _center_or_404(request, uid)
    _require(centers.may_log(request.user, center))
    own = access.staff_of(request.user)
    today = timezone.localdate()
    initial = {"day": request.GET.get("day") or today, "submission": uuid.uuid4(), "place": center.place[:60]}
    form = ActivityForm(
        request.POST or None,
        staff_options=_with(_colleagues(request.user, center), own),
        own_staff=own,
        initial=initial,
    )
    present = absent = []
    if request.method == "POST":
        present, absent = _ticked(request, "present"), _ticked(request, "absent")
        if form.is_valid():
            try:
                activity = centers.log_activity(
                    center=center, present=present, absent=absent, submission=form.cleaned_data["submission"],
                    by=request.user, **form.values(),
                )  # fmt: skip
            except SubmissionMismatch:
                return render(request, "activities/centers/mismatch.html", {"center": center}, status=422)
            except ValidationError as error:
                _take_over(form, error)
            else:
                said = f"{activity.title}，{len(present)} 个孩子到场"
                if is_for_families(activity):
                    said = f"{activity.title}。再点一点来了哪些家长"
                messages.success(request, f"记上了。{said}")
                return redirect("activities:activity_detail", activity.uid)
    seats = list(centers.children_who_may_come(request.user, center, today))
    audit.record(
        "list_children", by=request.user, kind="center", uid=center, count=len(seats), detail="记一次活动"
    )
    context = {
        "form": form, "center": center, "title": "记一次活动", "act": "保存",
        "groups": _groups(seats, {c.pk for c in present}, {c.pk for c in absent}),
        "absent_open": bool(absent),
        "back_url": reverse("activities:center_detail", args=[center.uid]),
    }  # fmt: skip
    return render(request, "activities/centers/activity_form.html", context)


@require_safe
def activity_detail(request, uid):
    """One activity and who came; names can be added later, each with its own moment."""
    activity = _event_or_404(request, Activity, uid)
    rows = activity.attendances.filter(cancelled_at=None, child__isnull=False)
    total = rows.filter(present=True).count()
    mine = list(
        rows.filter(child__in=Child.objects.named_to(request.user))
        .select_related("child")
        .order_by("child__name_key", "pk")
    )
    present = {row.child_id for row in mine if row.present}
    absent = {row.child_id for row in mine if not row.present}
    may_sign_in = centers.may_sign_in(request.user, activity)
    seats = centers.children_who_may_come(request.user, activity, activity.day) if may_sign_in else []
    families = families_of(request, activity, may_sign_in=may_sign_in)
    named = {row.child_id for row in mine} | families.pop("children")
    audit.record("open_activity", by=request.user, kind="activity", uid=activity.uid, count=len(named))
    context = {
        "activity": activity,
        "staff": "、".join(one.name for one in activity.staff.all()),
        "total": total,
        "others": total - len(present),
        "came": [row for row in mine if row.present],
        "missing": [row for row in mine if not row.present],
        "groups": _groups(seats, present, absent),
        "absent_open": bool(absent),
        "may_sign_in": may_sign_in,
        "may_change": activity.cancelled_at is None and centers.may_change(request.user, activity),
    } | families
    return render(request, "activities/centers/activity.html", context)


@require_POST
def activity_names(request, uid):
    """The sign-in list as ticked: what the page showed is set, other children stay as they are."""
    activity = _event_or_404(request, Activity, uid)
    _require(centers.may_sign_in(request.user, activity))
    present, absent = _ticked(request, "present"), _ticked(request, "absent")
    shown = [seat.child for seat in centers.children_who_may_come(request.user, activity, activity.day)]
    try:
        new, gone = centers.set_names(activity, present=present, absent=absent, among=shown, by=request.user)
    except ValidationError as error:
        messages.error(request, "；".join(error.messages))
    else:
        said = [f"记上 {new} 个" if new else "", f"撤掉 {gone} 个" if gone else ""]
        messages.success(
            request,
            "签到改好了：" + "，".join(part for part in said if part) if new or gone else "签到没有变化。",
        )
    return redirect("activities:activity_detail", activity.uid)


@form_view
def activity_correct(request, uid):
    """Correct an activity; its sign-in list has a form of its own."""
    activity = _event_or_404(request, Activity, uid)
    _require(centers.may_change(request.user, activity))
    back = reverse("activities:activity_detail", args=[activity.uid])
    if activity.cancelled_at:
        messages.info(request, "这次活动已经作废。")
        return redirect(back)
    staff = list(activity.staff.all())
    initial = {
        name: getattr(activity, name) for name in ("kind", "title", "day", "place", "result")
    } | {"staff": [str(one.uid) for one in staff], "submission": uuid.uuid4()}  # fmt: skip
    form = ActivityForm(
        request.POST or None,
        staff_options=_with(_colleagues(request.user, activity.center), *staff),
        initial=initial,
    )
    if request.method == "POST" and form.is_valid():
        try:
            result = centers.correct_activity(
                activity,
                expected_version=_number(request.POST.get("version")),
                by=request.user,
                **form.values(),
            )
        except VersionConflict as conflict:
            _clash(form, conflict.current, form.values())
            activity.refresh_from_db()
        except ValidationError as error:
            _take_over(form, error)
        else:
            messages.success(request, "改好了。")
            return redirect("activities:activity_detail", result.uid)
    context = {
        "form": form, "title": f"更正{activity.title}", "act": "保存更正", "back_url": back,
        "version": activity.version, "center": activity.center,
    }  # fmt: skip
    return render(request, "activities/centers/form.html", context)


@form_view
def activity_cancel(request, uid):
    """Cancel an activity with its sign-in list."""
    activity = _event_or_404(request, Activity, uid)
    back = reverse("activities:activity_detail", args=[activity.uid])
    question = f"把 {activity.day.month}月{activity.day.day}日的“{activity.title}”作废？"
    return _cancel(request, activity, centers.cancel_activity, question, back)
