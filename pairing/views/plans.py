"""帮扶计划: one child's plans and what they have brought, and the list of what is due and who has none."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry import access
from registry.models import Child, Enrollment, Post, PostKind, Staff
from trust import audit
from trust.models import VersionConflict

from .. import plans
from ..models import HelpPlan, Pairing
from ..plan_forms import PlanEditForm, PlanForm, StageForm
from ..tie_forms import LastDayForm, ReasonForm
from .pairings import PAGE, SECRET, _class_name, _seat, _tabs, add_errors, form_view


def _child_or_404(request, uid):
    child = get_object_or_404(Child.objects.visible_to(request.user).defer(*SECRET), uid=uid)
    child.seat = _seat(child)
    return child


def _plan_or_404(request, uid, *, write=True):
    """The plan: 404 if its child is foreign, 403 for whoever does not read its words."""
    found = HelpPlan.objects.visible_to(request.user).select_related("child", "staff")
    plan = get_object_or_404(found, uid=uid)
    plan.child.seat = _seat(plan.child)
    if write and not plans.may_write(request.user, plan.child, plan.child.seat):
        raise PermissionDenied("您的岗位没有这项功能")
    return plan


# --- the list ------------------------------------------------------------------------------------------------------------


@require_safe
def plan_list(request):
    """Priority children without a plan first, then the plans by the day of their next look."""
    user, today = request.user, timezone.localdate()
    if not access.may_list_children(user):
        raise PermissionDenied("您的岗位只看数字，不看名单")
    children = Child.objects.visible_to(user)
    without = list(plans.priority_without_plan(children, today).defer(*SECRET).by_name()[: PAGE + 1])
    page = Paginator(plans.plans_of(children, today), PAGE).get_page(request.GET.get("page"))
    rows = list(page.object_list)
    ids = {child.pk for child in without} | {plan.child_id for plan in rows}
    seats = (
        Enrollment.objects.on(today).filter(child__in=ids).select_related("school", "school_class__school")
    )
    places = {seat.child_id: _class_name(seat, today) for seat in seats}
    for plan in rows:
        plan.place, plan.due = places.get(plan.child_id, ""), plan.review_on <= today
    audit.record("list_plans", by=user, kind="child", count=len(without[:PAGE]) + len(rows))
    context = {
        "page_obj": page, "rows": rows, "today": today, "more": len(without) > PAGE,
        "without": [(child, places.get(child.pk, "")) for child in without[:PAGE]],
        "due": sum(plan.due for plan in rows),
        "tabs": _tabs(request, "pairing:plan_list"),
    }  # fmt: skip
    return render(request, "pairing/plans/list.html", context)


@require_safe
def child_plans(request, uid):
    """Every plan the child ever had, the newest first; the words for those who read them."""
    user, today = request.user, timezone.localdate()
    child = _child_or_404(request, uid)
    reads = plans.reads(user, child, child.seat)
    found = HelpPlan.objects.visible_to(user).filter(child=child).select_related("staff", "cancelled_by")
    found = list(found.prefetch_related("stages__recorded_by").order_by("-starts_on", "-pk"))
    for plan in found:
        plan.running = plan.in_force_on(today)
        plan.due = plan.running and plan.review_on <= today
        plan.ticked = [plans.CHECKLIST[code] for code in plan.checklist if code in plans.CHECKLIST]
    audit.record(
        "open_plan", by=user, kind="help_plan", uid=found[0] if found else None, child=child, count=len(found)
    )
    school = child.seat.school if child.seat else None
    context = {
        "child": child, "class_name": _class_name(child.seat, today), "plans": found, "reads": reads, "today": today,
        "may_write": plans.may_write(user, child, child.seat), "may_check": school is not None and plans.may_check(user, school),
        "has_running": any(plan.running for plan in found),
    }  # fmt: skip
    return render(request, "pairing/plans/child.html", context)


# --- writing -------------------------------------------------------------------------------------------------------------


def _people(child, user, today):
    """Who may carry the plan: those tied to the child, its class teacher, the writer. [(staff, words)]"""
    ties = Pairing.objects.on(today).filter(child=child, staff__isnull=False).values("staff")
    teachers = Post.objects.on(today).filter(
        kind=PostKind.CLASS_TEACHER, school_class=child.seat.school_class_id if child.seat else None
    )
    own = access.staff_of(user)
    ids = Staff.objects.filter(pk__in=ties) | Staff.objects.filter(pk__in=teachers.values("staff"))
    if own is not None:
        ids = ids | Staff.objects.filter(pk=own.pk)
    return [(staff, staff.name) for staff in ids.distinct().by_name()]


def _answer(request, form, save, *, child, title, act, note="", danger=False):
    back, status = reverse("pairing:child_plans", args=[child.uid]), 200
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, save(form.cleaned_data))
            return redirect(back)
        except ValidationError as error:
            add_errors(form, error)
        except VersionConflict as conflict:
            status = 409
            form.add_error(
                None, "刚才别人也改了这份计划，您填的还没保存。看过现在的，还要按您填的存，就再点一次"
            )
            form.data = form.data.copy()
            form.data["version"] = conflict.current.version
    context = {
        "form": form, "title": title, "act": act, "note": note, "danger": danger, "back_url": back,
        "crumb": f"{child.name}的帮扶计划", "crumb_url": back,
    }  # fmt: skip
    return render(request, "pairing/plain_form.html", context, status=status)


@form_view
def plan_new(request, uid):
    """A new plan for one child."""
    user, today = request.user, timezone.localdate()
    child = _child_or_404(request, uid)
    if not plans.may_write(user, child, child.seat):
        raise PermissionDenied("您的岗位没有这项功能")
    own = access.staff_of(user)
    people = _people(child, user, today)
    start = {"staff": str(own.uid)} if own else {}
    if request.GET.get("kind") == "individual":
        start["kind"] = "individual"
    form = PlanForm(request.POST or None, people=people, initial=start)

    def save(asked):
        plan = plans.make_plan(child=child, by=user, **asked)
        return f"{plan}定好了，{plan.review_on:%-m月%-d日}前看一次成效"

    return _answer(
        request, form, save, child=child, title=f"给{child.name}定计划", act="保存",
        note="同一类计划只有一份在用：再定一份，原来的到前一天为止。",
    )  # fmt: skip


@form_view
def plan_edit(request, uid):
    """Other words, another review day."""
    plan = _plan_or_404(request, uid)
    if request.method != "POST":  # the form shows the words of the plan
        audit.record("open_plan", by=request.user, kind="help_plan", uid=plan, child=plan.child)
    people = _people(plan.child, request.user, timezone.localdate())
    if plan.staff_id not in {staff.pk for staff, _ in people}:
        people.append((plan.staff, plan.staff.name))
    start = {name: getattr(plan, name) for name in plans.WRITTEN} | {
        "staff": str(plan.staff.uid),
        "version": plan.version,
    }
    form = PlanEditForm(request.POST or None, people=people, initial=start)

    def save(asked):
        expected = asked.pop("version") or plan.version
        plans.revise_plan(plan, by=request.user, expected=expected, **asked)
        return "改好了，原来的写法还查得到"

    return _answer(request, form, save, child=plan.child, title=f"修改{plan.child.name}的{plan}", act="保存")


@form_view
def plan_end(request, uid):
    """The plan is done."""
    plan = _plan_or_404(request, uid)
    form = LastDayForm(request.POST or None)

    def save(asked):
        plans.end_plan(plan, by=request.user, last_day=asked["last_day"])
        return f"{plan}到 {asked['last_day']:%Y-%m-%d} 为止"

    return _answer(request, form, save, child=plan.child, title=f"结束{plan.child.name}的{plan}", act="结束")


@form_view
def plan_cancel(request, uid):
    """Entered by mistake."""
    plan = _plan_or_404(request, uid)
    form = ReasonForm(request.POST or None)

    def save(asked):
        plans.cancel_plan(plan, by=request.user, reason=asked["reason"])
        return "已作废，原来的记录仍可查看"

    title = f"作废{plan.child.name}的{plan}？"
    return _answer(request, form, save, child=plan.child, title=title, act="作废", danger=True)


def _stage(request, plan, *, by_school, title, note=""):
    form = StageForm(request.POST or None)

    def save(asked):
        plans.add_stage(plan, by=request.user, by_school=by_school, **asked)
        return f"记下了，下次 {asked['review_on']:%-m月%-d日}前再看"

    return _answer(request, form, save, child=plan.child, title=title, act="保存", note=note)


@form_view
def stage_new(request, uid):
    """阶段成效: what the plan has brought, by the teacher who carries it."""
    plan = _plan_or_404(request, uid)
    return _stage(request, plan, by_school=False, title=f"{plan.child.name}的{plan}：阶段成效")


@form_view
def plan_check(request, uid):
    """学校检查: the school's own look at what the plan has brought (C062)."""
    plan = _plan_or_404(request, uid, write=False)
    school = plan.child.seat.school if plan.child.seat else None
    if school is None or not plans.may_check(request.user, school):
        raise PermissionDenied("您的岗位没有这项功能")
    return _stage(
        request, plan, by_school=True, title=f"{plan.child.name}的{plan}：学校检查",
        note="问过孩子和老师再写；和老师写的成效分开记。",
    )  # fmt: skip
