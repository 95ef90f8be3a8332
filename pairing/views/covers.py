"""包班: which member of the leading group stands behind which class."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry.models import GRADE_NAMES, Post, PostKind, SchoolClass
from trust import audit

from .. import cover
from ..forms import CancelForm, CoverForm, EndCoverForm
from ..models import ClassCover
from .pairings import STAGE_ORDER, _tabs, add_errors, assigning_schools, form_view


def _in_order(classes):
    return sorted(classes, key=lambda c: (c.school.code, STAGE_ORDER[c.stage], -c.entry_year, c.number))


@require_safe
def cover_list(request):
    """Every class of today with its class teacher and whoever covers it."""
    user, today = request.user, timezone.localdate()
    classes = (
        SchoolClass.objects.visible_to(user).filter(school__in=assigning_schools(user)).running_on(today)
    )
    classes = [
        one for one in _in_order(classes.select_related("school")) if one.grade_on(today) in GRADE_NAMES
    ]
    covers = {}
    found = ClassCover.objects.visible_to(user).filter(school_class__in=classes).overlapping(today, None)
    for one in found.select_related("staff").order_by("-starts_on", "-pk"):
        covers[one.school_class_id] = one
    teachers = {
        post.school_class_id: post.staff.name
        for post in Post.objects.on(today)
        .filter(kind=PostKind.CLASS_TEACHER, school_class__in=classes)
        .select_related("staff")
    }
    in_force = cover.covered_on([one.school_id for one in classes], today)
    rows = [
        {
            "school_class": one,
            "name": one.name_on(today),
            "teacher": teachers.get(one.pk, ""),
            "cover": covers.get(one.pk),
            "gone": one.pk in covers and covers[one.pk].starts_on <= today and one.pk not in in_force,
        }
        for one in classes
    ]
    audit.record("list_pairings", by=user, kind="class_cover", count=len(rows), detail="包班")
    context = {
        "tabs": _tabs(request, "pairing:cover_list"),
        "rows": rows,
        "bare": sum(row["cover"] is None or row["gone"] for row in rows),
        "several": len({one.school_id for one in classes}) > 1,
        "today": today,
    }
    return render(request, "pairing/covers.html", context)


def _answer(request, form, save, *, title, act, note="", danger=False):
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, save(form.cleaned_data))
            return redirect("pairing:cover_list")
        except ValidationError as error:
            add_errors(form, error)
    context = {
        "form": form, "title": title, "act": act, "note": note, "danger": danger, "back_url": reverse("pairing:cover_list"),
    }  # fmt: skip
    return render(request, "pairing/cover_form.html", context)


@form_view
def cover_set(request, uid):
    """A member of the leading group covers the class from a day on."""
    today = timezone.localdate()
    classes = SchoolClass.objects.visible_to(request.user).filter(school__in=assigning_schools(request.user))
    school_class = get_object_or_404(classes.select_related("school"), uid=uid)
    school = school_class.school
    leaders = cover.leaders_for({school.pk, school.managing_school_id} - {None}, today)
    form = CoverForm(request.POST or None, leaders=leaders)

    def save(asked):
        new = cover.cover_class(school_class=school_class, by=request.user, **asked)
        return f"从 {new.starts_on:%Y-%m-%d} 起由{new.staff.name}包{school_class.name_on(today)}"

    note = "" if leaders else "领导小组还没有成员。请先在“教职工与岗位”里登记组长、副组长或成员。"
    return _answer(request, form, save, title=f"谁来包{school_class.name_on(today)}", act="指定", note=note)


def _cover_or_404(request, uid):
    covers = ClassCover.objects.visible_to(request.user).filter(
        school_class__school__in=assigning_schools(request.user)
    )
    return get_object_or_404(covers.select_related("staff", "school_class__school"), uid=uid)


@form_view
def cover_end(request, uid):
    """The last day of a cover."""
    one = _cover_or_404(request, uid)
    if one.cancelled_at:
        raise Http404
    form = EndCoverForm(request.POST or None)

    def save(asked):
        ended = cover.end_cover(cover=one, by=request.user, ends_on=asked["ends_on"])
        return f"{one.staff.name}包班到 {ended.ends_on:%Y-%m-%d} 为止"

    return _answer(
        request, form, save, title=f"结束{one.staff.name}包{one.school_class.name_on()}", act="结束"
    )


@form_view
def cover_cancel(request, uid):
    """Entered by mistake."""
    one = _cover_or_404(request, uid)
    form = CancelForm(request.POST or None)

    def save(asked):
        cover.cancel_cover(cover=one, by=request.user, reason=asked["reason"])
        return "已作废"

    title = f"作废{one.staff.name}包{one.school_class.name_on()}？"
    return _answer(request, form, save, title=title, act="作废", danger=True)
