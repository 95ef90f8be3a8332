"""Pairings by teacher: the number against the quota, over and under; and the quotas themselves."""

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry.models import CareListSpell, Child, Enrollment, PostKind, Staff
from trust import audit
from trust.models import VersionConflict

from .. import pairings, quotas
from ..forms import LimitsForm, PostQuotaForm
from ..models import Pairing, PairingKind, Quota
from .pairings import _tabs, add_errors, assigning_schools, form_view


@require_safe
def load_list(request):
    """按教师: over the quota first, then under, then the others; pinyin order inside, never a rank."""
    user, today = request.user, timezone.localdate()
    schools = assigning_schools(user)
    loads = quotas.loads(schools, today)
    seats = Enrollment.objects.on(today).filter(school__in=schools.values("pk"))
    listed = Child.objects.visible_to(user).filter(
        pk__in=CareListSpell.objects.on(today).filter(child__in=seats.values("child")).values("child")
    )
    without = pairings.without_pairing(listed, today).count()
    proxies = Pairing.objects.filter(kind=PairingKind.PROXY).on(today)
    without_proxy = listed.exclude(pk__in=proxies.values("child")).count()  # F64
    audit.record("list_pairings", by=user, kind="user", count=len(loads), detail="按教师")
    groups = [
        ("超出名额", "missed", "exclamation-octagon-fill", [load for load in loads if load.over]),
        ("还没到名额", "late", "person-plus", [load for load in loads if load.under]),
        (
            "在名额内",
            "met",
            "check-circle-fill",
            [load for load in loads if not load.over and not load.under],
        ),
    ]
    context = {
        "tabs": _tabs(request, "pairing:load_list"),
        "groups": [group for group in groups if group[3]],
        "free": [load for load in loads if load.room],
        "free_places": sum(load.room for load in loads),
        "without": without,
        "without_proxy": without_proxy,
        "over": sum(bool(load.over) for load in loads),
        "under": sum(bool(load.under) for load in loads),
        "total": len(loads),
        "today": today,
    }
    return render(request, "pairing/loads.html", context)


@form_view
def quota_list(request):
    """名额: what applies to everybody, to a post, to one person."""
    schools = list(assigning_schools(request.user).order_by("code"))
    form = PostQuotaForm(request.POST or None, schools=schools)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        kind = asked["post_kind"]
        stored = Quota.objects.filter(school=asked["school"], staff=None, post_kind=kind).first()
        try:
            # Without a version the form stands beside the rows it shows; the row there now is the one it replaces.
            quotas.set_quota(
                school=asked["school"], post_kind=kind, minimum=asked["minimum"], maximum=asked["maximum"],
                by=request.user, expected=stored.version if stored else None,
            )  # fmt: skip
        except VersionConflict:
            form.add_error(None, "刚才有人改过这个名额，请看一下再定")
        except ValidationError as error:
            add_errors(form, error)
        else:
            whom = PostKind(kind).label if kind else "全校每位教职工"
            messages.success(request, f"{whom}：{asked['minimum']}–{asked['maximum']} 个")
            return redirect("pairing:quota_list")
    rows = Quota.objects.visible_to(request.user).filter(school__in=schools).select_related("school", "staff")
    rows = sorted(rows, key=lambda row: (row.school.code, row.staff_id is not None, row.post_kind, row.pk))
    for row in rows:
        row.whom = (
            row.staff.name
            if row.staff
            else PostKind(row.post_kind).label
            if row.post_kind
            else "全校每位教职工"
        )
    context = {
        "tabs": _tabs(request, "pairing:quota_list"),
        "rows": rows,
        "form": form,
        "several": len(schools) > 1,
        "default": f"{quotas.MINIMUM}–{quotas.MAXIMUM}",
    }
    return render(request, "pairing/quotas.html", context)


@form_view
def quota_clear(request, uid):
    """Back to what applies to everybody."""
    schools = assigning_schools(request.user)
    quota = get_object_or_404(
        Quota.objects.visible_to(request.user).filter(school__in=schools).select_related("school", "staff"),
        uid=uid,
    )
    if request.method == "POST":
        quotas.clear_quota(quota=quota, by=request.user)
        messages.success(request, "已取消，按其他名额算")
        return redirect("pairing:quota_list")
    whom = (
        quota.staff.name
        if quota.staff
        else PostKind(quota.post_kind).label
        if quota.post_kind
        else "全校每位教职工"
    )
    context = {
        "question": f"取消{whom}的名额 {quota}？",
        "text": "取消后按岗位或全校的名额算，已有的包保不变。",
        "texts": [],
        "act": "取消名额",
        "back_url": reverse("pairing:quota_list"),
        "form": None,
        "cancel": "",
        "danger": False,
    }
    return render(request, "confirm.html", context)


@form_view
def staff_quota(request, uid):
    """One person's own quota."""
    schools = assigning_schools(request.user)
    staff = get_object_or_404(Staff.objects.visible_to(request.user), uid=uid)
    load = next((load for load in quotas.loads(schools, timezone.localdate()) if load.staff == staff), None)
    if load is None:
        raise Http404
    own = load.quota if load.own else None
    start = {"minimum": load.minimum, "maximum": load.maximum, "version": own.version if own else None}
    form = LimitsForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            quotas.set_quota(
                school=own.school if own else load.posts[0].school, staff=staff, minimum=asked["minimum"],
                maximum=asked["maximum"], by=request.user, expected=asked["version"],
            )  # fmt: skip
        except VersionConflict as conflict:
            form.add_error(None, f"刚才有人定成了 {conflict.current} 个，请看一下再定")
            form.data = form.data.copy()
            form.data["version"] = conflict.current.version
        except ValidationError as error:
            add_errors(form, error)
        else:
            messages.success(request, f"{staff.name}：{asked['minimum']}–{asked['maximum']} 个")
            return redirect("pairing:load_list")
    return render(request, "pairing/staff_quota.html", {"form": form, "load": load})
