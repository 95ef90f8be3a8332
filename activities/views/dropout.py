"""Pages of 控辍保学: who is absent and what is due next, one case, steps, closing; counts for the county."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from registry import access
from registry.access import Act
from registry.models import Child, Enrollment, School
from trust import audit
from trust.models import VersionConflict

from .. import dropout
from ..forms.dropout import CaseForm, CloseForm, StepForm
from ..models import DropoutCase

PAGE = 30
form_view = require_http_methods(["GET", "HEAD", "POST"])


def _require_editor(request, child):
    """The child's last seat; 403 for whoever may not change its facts."""
    seats = Enrollment.objects.valid().filter(child=child, starts_on__lte=timezone.localdate())
    seat = seats.select_related("school", "school_class__school").order_by("starts_on", "pk").last()
    if seat is None or not access.may(
        request.user, Act.EDIT_CHILDREN, school=seat.school, school_class=seat.school_class
    ):
        raise PermissionDenied("您的岗位没有这项功能")
    return seat


def _case_or_404(request, uid):
    found = DropoutCase.objects.visible_to(request.user).select_related("child", "opened_by", "closed_by")
    case = get_object_or_404(found, uid=uid)
    case.seat = _require_editor(request, case.child)
    return case


@require_safe
def dropout_list(request):
    """控辍保学: open cases, the longest absent first, with the next step and when it is due."""
    access.require(request.user, Act.EDIT_CHILDREN)
    today = timezone.localdate()
    page = Paginator(dropout.open_cases(request.user), PAGE).get_page(request.GET.get("page"))
    rows = dropout.progress_of(page.object_list, today)
    seats = Enrollment.objects.on(today).filter(child__in=[row.case.child_id for row in rows])
    places = {seat.child_id: str(seat) for seat in seats.select_related("school", "school_class__school")}
    for row in rows:
        row.place = places.get(row.case.child_id, "")
    closed = (
        DropoutCase.objects.visible_to(request.user)
        .exclude(closed_on=None)
        .select_related("child")
        .order_by("-closed_on", "-pk")[:PAGE]
    )
    audit.record("list_dropout", by=request.user, kind="child", count=len(rows) + len(closed))
    return render(
        request, "activities/dropout/list.html", {"rows": rows, "page_obj": page, "closed": closed, "today": today}
    )  # fmt: skip


@require_safe
def dropout_counts(request):
    """The county's view: numbers by school, no name."""
    access.require(request.user, Act.SEE_COUNTY_BOARD)
    today = timezone.localdate()
    schools = School.objects.visible_to(request.user).filter(
        pk__in=access.schools_for(request.user, Act.SEE_COUNTY_BOARD).values("pk")
    )
    rows = dropout.counts_by_school(list(schools.order_by("code")), today)
    audit.record("count_dropout", by=request.user, kind="school", count=len(rows))
    total = [sum(row[number] for row in rows) for number in (1, 2, 3)]
    return render(request, "activities/dropout/counts.html", {"rows": rows, "total": total, "today": today})


@form_view
def dropout_new(request, uid):
    """Register that a child stays away."""
    child = get_object_or_404(Child.objects.visible_to(request.user), uid=uid)
    _require_editor(request, child)
    known = DropoutCase.objects.visible_to(request.user).filter(child=child, closed_on=None).first()
    form = CaseForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            case = dropout.open_case(child, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            _add_errors(form, error)
        else:
            messages.success(request, "登记好了。先打电话问家长，今天就上门看看")
            return redirect("activities:dropout_case", case.uid)
    return render(request, "activities/dropout/new.html", {"form": form, "child": child, "known": known})


@form_view
def dropout_case(request, uid):
    """One case: what was done, what is due, and a step to add."""
    case = _case_or_404(request, uid)
    form = StepForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        try:
            dropout.add_step(case, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            _add_errors(form, error)
        else:
            messages.success(request, "记下了")
            return redirect("activities:dropout_case", case.uid)
    (progress,) = dropout.progress_of([case], timezone.localdate())
    audit.record("open_dropout", by=request.user, kind="dropoutcase", uid=case, child=case.child)
    return render(request, "activities/dropout/case.html", {"case": case, "row": progress, "form": form})


@form_view
def dropout_close(request, uid):
    """How it ended."""
    case = _case_or_404(request, uid)
    form = CloseForm(request.POST if request.method == "POST" else None, initial={"version": case.version})
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            dropout.close_case(
                case, by=request.user, closed_on=asked["closed_on"], outcome=asked["outcome"], expected=asked["version"]
            )  # fmt: skip
        except VersionConflict:
            messages.warning(request, "刚才别人也改了这里，请先看一下现在的情况")
            return redirect("activities:dropout_case", case.uid)
        except ValidationError as error:
            _add_errors(form, error)
        else:
            messages.success(request, f"已结案：{case.get_outcome_display()}")
            return redirect("activities:dropout_list")
    return render(request, "activities/dropout/close.html", {"case": case, "form": form})


def _add_errors(form, error):
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)
