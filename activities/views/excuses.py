"""Pages of excuses (豁免) and of parents who cannot be reached (失联家长)."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from registry import access
from registry.access import Act
from registry.models import Child, Trait
from trust import audit

from .. import excuses
from ..forms.excuses import ExcuseForm
from ..models import DutyRule, Excuse, Subject, UnreachableClaim

SHOWN = 50


def _require_any(user):
    if not (access.may(user, Act.REQUEST_EXCUSE) or access.may(user, Act.APPROVE_EXCUSE)):
        raise PermissionDenied("您的岗位没有这项功能")


@require_safe
def excuse_list(request):
    """Those waiting for the reader first, then the latest."""
    _require_any(request.user)
    waiting = list(excuses.waiting_for(request.user).select_related("requested_by")[:SHOWN])
    rows = Excuse.objects.visible_to(request.user).filter(
        Q(approved_at__isnull=False) | Q(requested_by=request.user)
    )
    rows = list(
        rows.exclude(pk__in=[e.pk for e in waiting]).select_related("requested_by", "approved_by")[:SHOWN]
    )
    names = Child.objects.named_to(request.user).in_bulk(
        {e.subject_id for e in [*waiting, *rows] if e.subject_kind == Subject.CHILD}
    )
    audit.record("list_excuses", by=request.user, kind="Excuse", count=len(waiting) + len(rows))
    may_decide = access.may(request.user, Act.APPROVE_EXCUSE)
    return render(
        request,
        "activities/excuses/list.html",
        {
            "waiting": [(e, names.get(e.subject_id)) for e in waiting],
            "rows": [(e, names.get(e.subject_id)) for e in rows],
            "may_decide": may_decide,
            "may_confirm": access.may(request.user, Act.CONFIRM_UNREACHABLE),
            "unreachable": list(excuses.unreachable_list(request.user)[:SHOWN]),
            "today": timezone.localdate(),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def excuse_new(request, uid):
    """Asks for an excuse of one child."""
    child = get_object_or_404(Child.objects.visible_to(request.user).select_related("county"), uid=uid)
    access.require(request.user, Act.REQUEST_EXCUSE)
    today = timezone.localdate()
    rules = DutyRule.objects.filter(county=child.county, active=True, subject=Subject.CHILD).visible_to(
        request.user
    )
    rules = list({rule.code: rule for rule in rules.order_by("code")}.values())
    first, last = excuses.half_of_month(today)
    form = ExcuseForm(request.POST or None, rules=rules, initial={"starts_on": first, "ends_on": last})
    if request.method == "POST" and form.is_valid():
        try:
            excuses.request_excuse(child=child, by=request.user, **form.cleaned_data)
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"交上去了。{child.name}的豁免等领导小组批准")
            return redirect(child)
    attempts = excuses.unreached_attempts(child, today=today)
    return render(
        request, "activities/excuses/new.html", {"child": child, "form": form, "attempts": attempts},
        status=400 if form.errors else 200,
    )  # fmt: skip


@require_POST
def excuse_decide(request):
    """Approves or refuses the ticked ones, many in one tap."""
    access.require(request.user, Act.APPROVE_EXCUSE)
    chosen = list(excuses.waiting_for(request.user).filter(uid__in=_uids(request.POST.getlist("excuse"))))
    approve = request.POST.get("decision") == "approve"
    if not chosen:
        messages.warning(request, "没有选中要处理的豁免，请先打勾")
    else:
        done = excuses.decide(chosen, approve=approve, by=request.user)
        messages.success(request, f"{'批准' if approve else '退回'}了 {done} 份豁免")
    return redirect("activities:excuse_list")


@require_http_methods(["GET", "HEAD", "POST"])
def excuse_revoke(request, uid):
    """Takes an approved excuse back."""
    excuse = get_object_or_404(Excuse.objects.visible_to(request.user).select_related("school"), uid=uid)
    access.require(request.user, Act.APPROVE_EXCUSE, school=excuse.school)
    if request.method == "POST":
        try:
            excuses.revoke(excuse, by=request.user)
            messages.success(request, "豁免撤销了，原来的要求照常核对")
        except ValidationError as error:
            messages.warning(request, error.messages[0])
        return redirect("activities:excuse_list")
    return render(
        request,
        "confirm.html",
        {
            "question": "撤销这份豁免？",
            "text": f"{excuse.starts_on:%Y-%m-%d} 到 {excuse.ends_on:%Y-%m-%d}，原因：{excuse.reason}。撤销后，原来的要求照常核对。",
            "act": "撤销豁免",
            "back_url": reverse("activities:excuse_list"),
        },
    )


@require_POST
def unreachable_claim(request, uid):
    """报告联系不上: one tap, the attempts are the proof."""
    child = get_object_or_404(Child.objects.visible_to(request.user).select_related("county"), uid=uid)
    access.require(request.user, Act.REQUEST_EXCUSE)
    try:
        excuses.claim_unreachable(child=child, by=request.user)
        messages.success(request, f"报上去了。{child.name}的家长联系不上，等领导小组确认")
    except ValidationError as error:
        messages.warning(request, error.messages[0])
    return redirect(child)


@require_POST
def unreachable_decide(request, uid):
    """Confirms, sends back, or reviews (still so / reached again) one claim: by whoever sees the attempts in the file."""
    access.require(request.user, Act.CONFIRM_UNREACHABLE)
    claim = get_object_or_404(
        UnreachableClaim.objects.visible_to(request.user).select_related("trait__child"), uid=uid
    )
    decision = request.POST.get("decision")
    try:
        if decision in ("approve", "refuse"):
            excuses.decide_unreachable(claim, approve=decision == "approve", by=request.user)
            messages.success(request, "确认了" if decision == "approve" else "退回了")
        elif decision in ("still", "over"):
            trait = get_object_or_404(Trait, pk=claim.trait_id)
            excuses.review_unreachable(trait, still=decision == "still", by=request.user)
            messages.success(request, "记下了，30 天后再看" if decision == "still" else "失联结束了")
        else:
            messages.warning(request, "请选一项")
    except ValidationError as error:
        messages.warning(request, error.messages[0])
    return redirect("activities:excuse_list")


def _uids(values):
    """Well-formed uids among what was sent."""
    found = []
    for value in values:
        try:
            found.append(UUID(value))
        except ValueError:
            continue
    return found
