"""Why a duty stands as it does; the rules in force; the state of the month's check."""

from datetime import date

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from registry import access
from registry.access import Act, staff_of
from registry.calendar import CalendarNotConfirmed, previous_month
from registry.models import Child
from trust import audit
from trust.models import VersionConflict

from .. import checks, rule_versions
from ..explanations import describe, explain
from ..forms.rules import RuleForm
from ..models import DutyRule, State
from .today import form_url


@require_safe
def duty_why(request, uid, rule, day):
    """为什么是红的: one duty of one child explained."""
    child = get_object_or_404(Child.objects.visible_to(request.user).select_related("county"), uid=uid)
    try:
        found = explain(child, rule, date.fromisoformat(day))
    except (DutyRule.DoesNotExist, ValueError) as error:
        raise Http404 from error
    if (
        found.rule.owner_id
        and not DutyRule.objects.visible_to(request.user).filter(pk=found.rule.pk).exists()
    ):
        raise Http404  # another school's own rule
    audit.record("explain_duty", by=request.user, kind="Child", uid=child.uid, child=child.uid, detail=rule)
    user, open_now = request.user, found.state in (State.MISSED, State.UPCOMING)
    return render(
        request,
        "activities/duties/why.html",
        {
            "child": child,
            "found": found,
            "asks": describe(found.rule),
            "state_word": State(found.state).label,
            "form_url": form_url(found.rule, [child])
            if open_now and access.may(user, Act.LOG_CONTACTS)
            else "",
            "may_excuse": open_now and access.may(user, Act.REQUEST_EXCUSE),
        },
    )


def _county(user):
    staff = staff_of(user)
    if staff is None:
        raise PermissionDenied("账号还没有岗位")
    return staff.county


@require_safe
def rule_list(request):
    """频次要求: every rule of the county and of the reader's schools, with its source, on or off."""
    county = _county(request.user)
    rows = DutyRule.objects.filter(county=county).visible_to(request.user).select_related("owner").distinct()
    today = timezone.localdate()
    rules = [
        (
            rule,
            describe(rule),
            rule.active and rule.valid_from <= today and (rule.valid_to is None or rule.valid_to >= today),
        )
        for rule in rows.order_by("code", "owner_id", "valid_from")
    ]
    return render(
        request,
        "activities/duties/rules.html",
        {
            "rules": rules,
            "county": county,
            "may_change": access.may(request.user, Act.MANAGE_RULES, county=county),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
def rule_change(request, uid):
    """Switches a county's rule on or off, or changes its number, from a day on."""
    rule = get_object_or_404(
        DutyRule.objects.visible_to(request.user).select_related("county", "owner"), uid=uid
    )
    access.require(request.user, Act.MANAGE_RULES, county=rule.county)
    last = rule_versions.latest_version(rule)
    start = {
        "active": "1" if last.active else "0",
        "minimum": last.minimum,
        "valid_from": rule_versions.earliest_change(),
        "version": last.version,
    }
    form = RuleForm(request.POST or None, initial=start)
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            new = rule_versions.change_rule(
                last, active=data["active"], minimum=data["minimum"], valid_from=data["valid_from"], by=request.user,
                expected_version=data["version"],
            )  # fmt: skip
        except VersionConflict:
            form.add_error(None, "别人刚改过这条要求，请看清现在的样子再改")
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(
                request,
                f"改好了。{new.name}从 {new.valid_from:%Y-%m-%d} 起{'启用' if new.active else '停用'}",
            )
            return redirect("activities:rule_list")
    return render(
        request, "activities/duties/rule_change.html", {"rule": last, "asks": describe(last), "form": form},
        status=400 if form.errors else 200,
    )  # fmt: skip


@require_safe
def month_check(request, month):
    """The state of one month's check: running, open for late entries, or closed, with each rule's counts."""
    county = _county(request.user)
    if not (access.may(request.user, Act.SEE_DASHBOARD) or access.may(request.user, Act.SEE_COUNTY_BOARD)):
        raise PermissionDenied("您的岗位没有这项功能")
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError as error:
        raise Http404 from error
    schools = set(access.schools_for(request.user, Act.SEE_DASHBOARD).values_list("pk", flat=True))
    schools |= set(access.schools_for(request.user, Act.SEE_COUNTY_BOARD).values_list("pk", flat=True))
    problem, lines, report = "", [], None
    try:
        report = checks.month_report(county, first)
        lines = list(report.by_rule_in(schools).items())
    except CalendarNotConfirmed as error:
        problem = str(error)
    return render(
        request,
        "activities/duties/month_check.html",
        {
            "county": county, "month": first, "report": report, "lines": lines, "problem": problem,
            "before": previous_month(first),
        },
    )  # fmt: skip
