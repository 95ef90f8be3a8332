"""Pairings by child: who has none first; assigning, changing, ending, cancelling."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Case, Count, Exists, F, IntegerField, OuterRef, Q, Value, When
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from registry import access
from registry.access import Act
from registry.models import (
    GRADE_NAMES,
    CareListSpell,
    Child,
    Enrollment,
    School,
    SchoolClass,
    Staff,
    Stage,
    latest_enrollment,
)
from trust import audit
from trust.models import VersionConflict

from .. import pairings, quotas
from ..forms import AssignForm, CancelForm, ChangeForm, EndForm, PairingFilter, TieForm
from ..models import Pairing, PairingKind

PAGE = 50
form_view = require_http_methods(["GET", "HEAD", "POST"])
SECRET = ["address", "health", "id_number", "note"]
STAGE_ORDER = {Stage.KINDERGARTEN: 0, Stage.PRIMARY: 1, Stage.JUNIOR: 2}


# --- what every page here begins with ----------------------------------------------------------------------------------


def assigning_schools(user):
    """Schools whose pairings the user may change; 403 for somebody without that function anywhere."""
    access.require(user, Act.ASSIGN_PAIRINGS)
    return School.objects.visible_to(user).filter(
        pk__in=access.schools_for(user, Act.ASSIGN_PAIRINGS).values("pk")
    )


def add_errors(form, error):
    """Errors of a verb, at the fields they speak of."""
    if not hasattr(error, "error_dict"):
        form.add_error(None, error)
        return
    for name, errors in error.error_dict.items():
        form.add_error(name if name in form.fields else None, errors)


def _seat(child):
    return (
        child.enrollment_on()
        or latest_enrollment(child.pk).select_related("school", "school_class__school").first()
    )


def _may_assign(user, seat):
    return seat is not None and access.may(user, Act.ASSIGN_PAIRINGS, school=seat.school)


def _child_or_404(request, uid):
    child = get_object_or_404(Child.objects.visible_to(request.user).defer(*SECRET), uid=uid)
    child.seat = _seat(child)
    return child


def _tie_or_404(request, uid):
    """The tie: 404 if its child is foreign, 403 without the function at the child's school."""
    ties = Pairing.objects.visible_to(request.user).select_related("child", "staff", "peer")
    tie = get_object_or_404(ties, uid=uid)
    tie.child.seat = _seat(tie.child)
    if not _may_assign(request.user, tie.child.seat):
        raise PermissionDenied("您的岗位没有这项功能")
    return tie


def _loads_for(child_or_schools, day):
    """Loads of the school family of a child, or of schools."""
    if isinstance(child_or_schools, Child):
        school = child_or_schools.seat.school
        root = school.managing_school_id or school.pk
        schools = School.objects.filter(Q(pk=root) | Q(managing_school=root))
    else:
        schools = child_or_schools
    return quotas.loads(schools, day)


def _tabs(request, now):
    may = access.may(request.user, Act.ASSIGN_PAIRINGS)
    tabs = [("按孩子", "pairing:pairing_list", True), ("按教师", "pairing:load_list", may),
            ("方案", "pairing:proposal_list", may), ("待处理", "pairing:orphan_list", may), ("包班", "pairing:cover_list", may),
            ("名额", "pairing:quota_list", may), ("帮扶计划", "pairing:plan_list", True),
            ("其他结对", "pairing:tie_list", True), ("校外帮扶", "pairing:helper_list", may)]  # fmt: skip
    return [(label, reverse(name), name == now) for label, name, shown in tabs if shown]


# --- the list by child -------------------------------------------------------------------------------------------------


@require_safe
def pairing_list(request):
    """包保 by child: those nobody answers for stand first. Teachers see the children of their posts and pairings."""
    user, today = request.user, timezone.localdate()
    if not access.may_list_children(user):
        raise PermissionDenied("您的岗位只看数字，不看名单")
    seats = Enrollment.objects.on(today).filter(
        child__in=Child.objects.visible_to(user).filter(
            pk__in=CareListSpell.objects.on(today).values("child")
        )
    )
    paired = Exists(Pairing.objects.primary().on(today).filter(child=OuterRef("child")))
    staff = access.staff_of(user)
    form = _filter_form(request, seats, staff, today)
    teacher = None
    if form.is_valid():
        teacher = form.cleaned_data.get("teacher") and get_object_or_404(
            Staff.objects.visible_to(user), uid=form.cleaned_data["teacher"]
        )
        seats = _filtered(seats, form, teacher, staff, today)
    counts = seats.aggregate(total=Count("pk"), without=Count("pk", filter=~paired))
    total, without = counts["total"], counts["without"]
    rank = Case(
        *(When(school_class__stage=stage, then=Value(n)) for stage, n in STAGE_ORDER.items()),
        default=Value(3),
        output_field=IntegerField(),
    )
    seats = (
        seats.annotate(paired=paired)
        .select_related("child", "school", "school_class__school")
        .defer(*(f"child__{name}" for name in SECRET))
        .order_by(
            "paired", "school__code", rank, F("school_class__entry_year").desc(nulls_last=True), "school_class__number",
            "child__name_key", "child__pk",
        )
    )  # fmt: skip
    paginator = Paginator(seats, PAGE)
    paginator.count = total  # counted above
    page = paginator.get_page(request.GET.get("page"))
    rows = _rows(page.object_list, user, today)
    audit.record(
        "list_pairings", by=user, kind="child", count=len(rows), detail=f"按孩子，第 {page.number} 页"
    )
    context = {
        "tabs": _tabs(request, "pairing:pairing_list"),
        "page_obj": page,
        "rows": rows,
        "filter_form": form,
        "filtered": any(request.GET.get(name) for name in form.fields),
        "teacher": teacher,
        "total": total,
        "without": without,
        "may_assign": any(row["may_assign"] for row in rows),
        "assigns": access.may(user, Act.ASSIGN_PAIRINGS),
        "has_others": any(row["others"] for row in rows),
        "loose": access.may(user, Act.ASSIGN_PAIRINGS)
        and pairings.orphaned(Pairing.objects.visible_to(user), today).exists(),
        "sees_school": len({row["seat"].school_id for row in rows}) > 1,
        "today": today,
    }
    return render(request, "pairing/list.html", context)


def _filter_form(request, seats, staff, today):
    """What can be asked for: the schools, grades, classes and villages of the children the reader sees."""
    here = SchoolClass.objects.filter(pk__in=seats.values("school_class")).select_related("school")
    classes = sorted(here, key=lambda c: (c.school.code, STAGE_ORDER[c.stage], -c.entry_year, c.number))
    schools = list(School.objects.filter(pk__in=seats.values("school")).order_by("code"))
    several = len(schools) > 1
    grades = sorted({grade for one in classes if (grade := one.grade_on(today)) in GRADE_NAMES})
    villages = (
        seats.exclude(child__village="").order_by("child__village").values_list("child__village", flat=True)
    )
    form = PairingFilter(
        request.GET,
        schools=schools,
        grades=[(str(grade), GRADE_NAMES[grade]) for grade in grades],
        classes=[
            (str(one.uid), f"{one.school.name} {one.name_on(today)}" if several else one.name_on(today))
            for one in classes
        ],
        villages=list(villages.distinct()[:300]),
        staff=staff,
    )
    form.classes = classes
    return form


def _filtered(seats, form, teacher, staff, today):
    asked = form.cleaned_data
    ties = Pairing.objects.primary().on(today)
    if asked.get("school"):
        seats = seats.filter(school__uid=asked["school"])
    if asked.get("grade"):
        grade = int(asked["grade"])
        seats = seats.filter(
            school_class__in=[one.pk for one in form.classes if one.grade_on(today) == grade]
        )
    if asked.get("school_class") == "none":
        seats = seats.filter(school_class=None)
    elif asked.get("school_class"):
        seats = seats.filter(school_class__uid=asked["school_class"])
    if asked.get("village"):
        seats = seats.filter(child__village=asked["village"])
    if teacher:
        seats = seats.filter(child__in=ties.filter(staff=teacher).values("child"))
    state = asked.get("state")
    if state == "none":
        seats = seats.exclude(child__in=ties.values("child"))
    elif state == "no_proxy":  # F64: every child has a 代理家长
        proxies = Pairing.objects.filter(kind=PairingKind.PROXY).on(today)
        seats = seats.exclude(child__in=proxies.values("child"))
    elif state == "paired":
        seats = seats.filter(child__in=ties.values("child"))
    elif state == "mine":
        own = Pairing.objects.on(today).filter(staff=staff)
        seats = seats.filter(child__in=own.values("child"))
    return seats


def _rows(seats, user, today):
    """Rows of one page with their ties, with two queries."""
    seats = list(seats)
    ties = {}
    found = Pairing.objects.filter(child__in=[seat.child_id for seat in seats]).overlapping(today, None)
    for tie in found.select_related("staff", "peer").order_by("starts_on", "pk"):
        ties.setdefault(tie.child_id, []).append(tie)
    assigning = set()
    if access.may(user, Act.ASSIGN_PAIRINGS):
        assigning = set(access.schools_for(user, Act.ASSIGN_PAIRINGS).values_list("pk", flat=True))
    rows = []
    for seat in seats:
        own = ties.get(seat.child_id, [])
        primary = [tie for tie in own if tie.kind == PairingKind.PRIMARY]
        rows.append(
            {
                "seat": seat,
                "child": seat.child,
                "class_name": seat.school_class.name_on(today) if seat.school_class else "还没分班",
                "primary": next((tie for tie in primary if tie.starts_on <= today), None),
                "coming": next((tie for tie in primary if tie.starts_on > today), None),
                "others": [tie for tie in own if tie.kind != PairingKind.PRIMARY and tie.starts_on <= today],
                "may_assign": seat.school_id in assigning,
            }
        )
    return rows


# --- assigning several at once -------------------------------------------------------------------------------------------


@require_POST
def assign(request):
    """Ticked children → choose a teacher → confirm → one save. Nothing is changed before the last step."""
    user, today = request.user, timezone.localdate()
    schools = assigning_schools(user)
    children = _ticked(request, schools, today)
    if not children:
        messages.warning(request, "还没勾选孩子。请先在名单里勾选，再指定包保教师。")
        return redirect("pairing:pairing_list")
    step = request.POST.get("step", "choose")
    standing = {
        tie.child_id: tie
        for tie in Pairing.objects.primary()
        .filter(child__in=children)
        .overlapping(today, None)
        .select_related("staff")
    }
    loads = _loads_for(schools, today)
    data = request.POST if step in ("review", "save") else None
    # The last step saves what was confirmed: whoever was paired in between stands in the way and is named.
    replacing = "reason" in request.POST if step == "save" else bool(standing)
    form = AssignForm(data, loads=loads, replacing=replacing)
    context = {
        "form": form,
        "children": [(child, standing.get(child.pk)) for child in children],
        "replacing": len(standing),
        "back_url": reverse("pairing:pairing_list"),
    }
    if data is None or not form.is_valid():
        return render(request, "pairing/assign.html", context)
    asked = form.cleaned_data
    if step == "save":
        try:
            pairings.pair_many(
                children=children, staff=asked["staff"], starts_on=asked["starts_on"], by=user,
                end_reason=asked.get("reason", ""), end_note=asked.get("note", ""), submission=asked["submission"],
            )  # fmt: skip
        except pairings.InTheWay as error:
            context["blocked"] = error.children
            return render(request, "pairing/assign.html", context)
        except ValidationError as error:
            add_errors(form, error)
            return render(request, "pairing/assign.html", context)
        messages.success(request, f"已指定{asked['staff'].name}包保 {len(children)} 个孩子")
        return redirect("pairing:pairing_list")
    load = next(load for load in loads if load.staff == asked["staff"])
    context["load"], context["after"] = load, load.pairings + len(children)
    context["kept"] = [(name, request.POST[name]) for name in form.fields if name in request.POST]
    return render(request, "pairing/assign_confirm.html", context)


def _ticked(request, schools, day):
    """The ticked children; 404 as soon as one is foreign, 403 if one sits at a school without the function."""
    uids = _uids(request, "child", pairings.AT_MOST)
    found = list(Child.objects.visible_to(request.user).filter(uid__in=uids).defer(*SECRET).by_name())
    if len(found) != len(uids):
        raise Http404
    newest = {}
    rows = Enrollment.objects.valid().filter(child__in=found, starts_on__lte=day).order_by("starts_on", "pk")
    for child_id, school_id in rows.values_list("child", "school"):
        newest[child_id] = school_id
    if not set(newest.values()) <= set(schools.values_list("pk", flat=True)):
        raise PermissionDenied("有的孩子不在您负责的学校")
    return found


def _uids(request, name, at_most):
    values = set(request.POST.getlist(name))
    try:
        uids = {Child._meta.get_field("uid").to_python(value) for value in values}
    except ValidationError:
        raise Http404 from None
    if len(uids) > at_most:
        raise PermissionDenied(f"一次最多 {at_most} 个孩子，请分几次")
    return uids


# --- one child ---------------------------------------------------------------------------------------------------------


@require_safe
def child_pairings(request, uid):
    """Every tie the child ever had, the newest first, those cancelled too."""
    user, today = request.user, timezone.localdate()
    child = _child_or_404(request, uid)
    ties = list(
        Pairing.objects.visible_to(user)
        .filter(child=child)
        .select_related("staff", "peer", "recorded_by", "cancelled_by")
        .order_by("-starts_on", "-pk")
    )
    audit.record("open_pairings", by=user, kind="child", uid=child, child=child, count=len(ties))
    for tie in ties:
        tie.running = tie.cancelled_at is None and (tie.ends_on is None or tie.ends_on >= today)
    context = {
        "child": child,
        "class_name": _class_name(child.seat, today),
        "ties": ties,
        "has_primary": any(tie.kind == PairingKind.PRIMARY and tie.in_force_on(today) for tie in ties),
        "may_assign": _may_assign(user, child.seat),
        "today": today,
    }
    return render(request, "pairing/child.html", context)


def _class_name(seat, day):
    if seat is None:
        return ""
    return f"{seat.school.name} {seat.school_class.name_on(day) if seat.school_class else '还没分班'}"


def _answer(request, form, save, *, child, title, act, template="form.html", **context):
    """Show a form about a child's tie, or save and go on to the child's ties. A conflict shows what stands now."""
    back = reverse("pairing:child_pairings", args=[child.uid])
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, save(form.cleaned_data))
            return redirect(back)
        except ValidationError as error:
            add_errors(form, error)
        except VersionConflict as conflict:
            status, context["stored"] = 409, conflict.current
            form.data = form.data.copy()
            form.data["version"] = conflict.current.version
    page = {
        "form": form,
        "child": child,
        "title": title,
        "act": act,
        "back_url": back,
        "stored": None,
        "note": "",
        "tie": None,
        "danger": False,
        **context,
    }
    return render(request, f"pairing/{template}", page, status=status)


@form_view
def pairing_new(request, uid):
    """A tie of any kind for one child."""
    child = _child_or_404(request, uid)
    if not _may_assign(request.user, child.seat):
        raise PermissionDenied("您的岗位没有这项功能")
    form = TieForm(request.POST or None, loads=_loads_for(child, timezone.localdate()))

    def save(asked):
        tie = pairings.pair(child=child, by=request.user, **asked)
        return f"已指定{tie.staff}（{tie.get_kind_display()}）"

    return _answer(request, form, save, child=child, title=f"给{child.name}指定包保教师", act="指定")


@form_view
def pairing_change(request, uid):
    """Somebody else answers for the child from a day on."""
    tie = _tie_or_404(request, uid)
    if tie.staff_id is None:
        raise Http404
    loads = [load for load in _loads_for(tie.child, timezone.localdate()) if load.staff != tie.staff]
    form = ChangeForm(request.POST or None, loads=loads, initial={"version": tie.version})

    def save(asked):
        new = pairings.change_pairing(
            pairing=tie, staff=asked["staff"], starts_on=asked["starts_on"], reason=asked["reason"], note=asked["note"],
            by=request.user, expected=asked["version"], submission=asked["submission"],
        )  # fmt: skip
        return f"从 {new.starts_on:%Y-%m-%d} 起由{new.staff.name}{_role(tie)}"

    title = f"换{tie.child.name}的{'包保教师' if tie.kind == PairingKind.PRIMARY else tie.get_kind_display()}"
    return _answer(request, form, save, child=tie.child, title=title, act="换人", tie=tie)


def _role(tie):
    return "包保" if tie.kind == PairingKind.PRIMARY else f"担任{tie.get_kind_display()}"


@form_view
def pairing_end(request, uid):
    """The last day of a tie, with a reason; also to correct a wrong one."""
    tie = _tie_or_404(request, uid)
    start = {"version": tie.version}
    if tie.ends_on:
        start |= {"ends_on": tie.ends_on, "reason": tie.end_reason, "note": tie.end_note}
    form = EndForm(request.POST or None, initial=start)

    def save(asked):
        ended = pairings.end_pairing(
            pairing=tie, ends_on=asked["ends_on"], reason=asked["reason"], note=asked["note"], by=request.user,
            expected=asked["version"],
        )  # fmt: skip
        return f"{ended.get_kind_display()}到 {ended.ends_on:%Y-%m-%d} 为止"

    title = f"结束{tie.child.name}的{tie.get_kind_display()}"
    return _answer(request, form, save, child=tie.child, title=title, act="结束", tie=tie)


@form_view
def pairing_cancel(request, uid):
    """Entered by mistake."""
    tie = _tie_or_404(request, uid)
    form = CancelForm(request.POST or None, initial={"version": tie.version})

    def save(asked):
        pairings.cancel_pairing(
            pairing=tie, reason=asked["reason"], by=request.user, expected=asked["version"] or tie.version
        )
        return "已作废，原来的记录仍可查看"

    title = f"作废{tie.child.name}的{tie.get_kind_display()}？"
    return _answer(request, form, save, child=tie.child, title=title, act="作废", tie=tie, danger=True)
