"""The audit trail on a page: who did what, when, from where; as far as the reader's posts reach."""

from datetime import datetime, time, timedelta

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from trust import audit
from trust.forms import AuditFilterForm
from trust.models import AuditEvent

audit.name_actions(read_audit="查看操作日志")


@require_safe
def audit_list(request):
    """操作日志, the last seven days unless asked otherwise."""
    scope = audit.readable_by(request.user)
    if scope is None:
        raise PermissionDenied
    events = AuditEvent.objects.filter(scope).order_by("-at", "-id")
    today = timezone.localdate()
    form = AuditFilterForm(request.GET or None, initial={"since": today - timedelta(days=6), "until": today})
    asked = form.cleaned_data if form.is_bound and form.is_valid() else {}
    since = asked.get("since") or today - timedelta(days=6)
    until = asked.get("until") or today
    events = events.filter(at__gte=_start(since))
    if until.year < 9999:
        events = events.filter(at__lt=_start(until + timedelta(days=1)))
    if asked.get("person"):
        events = events.filter(actor_name=asked["person"].strip())
    if asked.get("action"):
        events = events.filter(action=asked["action"])
    if asked.get("child"):
        events = events.filter(child_uid=asked["child"])
    page = Paginator(events, 50).get_page(request.GET.get("page"))
    rows = [
        {"event": event, "action": audit.label(event.action), "what": audit.kind_name(event.kind)}
        for event in page
    ]
    asked_for = " ".join(f"{name}={value}" for name, value in asked.items() if value and name != "person")
    audit.record(
        "read_audit", by=request.user, child=asked.get("child"), count=page.paginator.count,
        detail=f"{since}—{until} {asked_for}".strip(),
    )  # fmt: skip
    return render(
        request,
        "trust/audit_list.html",
        {"form": form, "page": page, "rows": rows, "since": since, "until": until},
    )


def _start(day):
    day = max(day, datetime(1, 1, 2).date())
    return timezone.make_aware(datetime.combine(day, time.min))
