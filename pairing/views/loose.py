"""待处理 and 无人负责: ties whose teacher or child is gone, and children whom nobody answers for."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from registry.models import Child, Enrollment, Staff
from trust import audit

from .. import handovers, ownership, pairings
from ..forms import EndManyForm
from ..models import Pairing
from .pairings import PAGE, _class_name, _tabs, _uids, add_errors, assigning_schools


def _orphans(user, schools, today):
    """Ties to look after, of children whose latest school the user assigns for."""
    children = Child.objects.visible_to(user)
    ties = Pairing.objects.visible_to(user).filter(child__in=children)
    found = list(
        pairings.orphaned(ties, today)
        .select_related("child", "staff")
        .order_by("staff__name_key", "child__name_key", "pk")
    )
    seats = {}
    newest = Enrollment.objects.valid().filter(
        child__in=[tie.child_id for tie in found], starts_on__lte=today
    )
    for seat in newest.select_related("school", "school_class__school").order_by("starts_on", "pk"):
        seats[seat.child_id] = seat
    mine = set(schools.values_list("pk", flat=True))
    rows = []
    for tie in found:
        seat = seats.get(tie.child_id)
        if seat is None or seat.school_id not in mine:
            continue
        why, reason = pairings.why_orphaned(tie)
        name = seat.school_class.name_on(today) if seat.school_class else "还没分班"
        rows.append(
            {
                "tie": tie,
                "class_name": name,
                "why": why,
                "reason": reason,
                "here": tie.child_here and tie.child_listed,
            }
        )
    return rows


@require_safe
def orphan_list(request):
    """待处理: ties whose teacher or child is gone, to hand over or to end together."""
    user, today = request.user, timezone.localdate()
    schools = assigning_schools(user)
    rows = _orphans(user, schools, today)
    passing = {}  # whose children can go to somebody else at once, on one page: {staff: {tie ids}}
    for row in rows:
        if row["here"] and row["tie"].kind in handovers.HANDED:
            passing.setdefault(row["tie"].staff, set()).add(row["tie"].pk)
    seated = Enrollment.objects.on(today).filter(school__in=schools.values("pk")).values("child")
    leaving = Pairing.objects.visible_to(user).filter(child__in=seated)
    for tie in handovers.ties_of_leavers(leaving, today):
        passing.setdefault(tie.staff, set()).add(tie.pk)
    alarms = ownership.without_owner(schools, today, children=Child.objects.visible_to(user))
    audit.record("list_pairings", by=user, kind="child", count=len(rows), detail="待处理")
    context = {
        "tabs": _tabs(request, "pairing:orphan_list"),
        "rows": rows,
        "passing": [(staff, len(ties)) for staff, ties in passing.items()],
        "alarms": len(alarms),
        "today": today,
    }
    return render(request, "pairing/orphans.html", context)


@require_safe
def ownerless_list(request):
    """无人负责: every child on the list who lacks an answerable adult or a paired teacher today, and what is missing."""
    user, today = request.user, timezone.localdate()
    schools = assigning_schools(user)
    found = ownership.without_owner(schools, today, children=Child.objects.visible_to(user))
    rows = ownership.with_names(found)
    page = Paginator(rows, PAGE).get_page(request.GET.get("page"))
    shown = {child.pk for child, _ in page.object_list}
    seats = (
        Enrollment.objects.on(today).filter(child__in=shown).select_related("school", "school_class__school")
    )
    places = {seat.child_id: _class_name(seat, today) for seat in seats}
    answerable = {owner.answerable for _, owner in page.object_list if owner.answerable}
    names = dict(Staff.objects.filter(pk__in=answerable).values_list("pk", "name"))
    audit.record("list_pairings", by=user, kind="child", count=len(shown), detail="无人负责")
    context = {
        "tabs": _tabs(request, "pairing:orphan_list"),
        "page_obj": page,
        "rows": [
            (child, places.get(child.pk, ""), names.get(owner.answerable, ""), owner.words)
            for child, owner in page.object_list
        ],
        "today": today,
    }
    return render(request, "pairing/ownerless.html", context)


@require_POST
def end_several(request):
    """Ticked ties of 待处理 → last day and reason → one save."""
    user, today = request.user, timezone.localdate()
    schools = assigning_schools(user)
    uids = _uids(request, "child", pairings.AT_MOST)
    rows = [row for row in _orphans(user, schools, today) if row["tie"].child.uid in uids]
    found = {row["tie"].child.uid for row in rows}
    if Child.objects.visible_to(user).filter(uid__in=uids - found).count() != len(uids - found):
        raise Http404
    if not rows:
        messages.warning(request, "勾选的包保已经处理过了，或者还没勾选。")
        return redirect("pairing:orphan_list")
    saving = request.POST.get("step") == "save"
    form = EndManyForm(request.POST if saving else None, initial={"reason": rows[0]["reason"]})
    blocked = []
    if saving and form.is_valid():
        try:
            ended = pairings.end_many(pairings=[row["tie"] for row in rows], by=user, **form.cleaned_data)
        except pairings.InTheWay as error:
            blocked = error.children
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"已结束 {len(ended)} 个包保")
            return redirect("pairing:orphan_list")
    return render(request, "pairing/end_several.html", {"form": form, "rows": rows, "blocked": blocked})
