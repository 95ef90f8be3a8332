"""今日: the first page of teachers."""

from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_safe

from registry import access, reminders
from registry.access import Act
from trust import audit

from .. import meetings
from .. import today as todays
from ..explanations import describe
from ..models import Channel, ContactKind, Measure

audit.name_actions(open_today="查看今日")
ORDERS = {"urgency": "按缓急", "village": "按村", "kind": "按事情"}


@require_safe
def today(request):
    """What the person owes now, by urgency, by village or by kind."""
    owed = todays.owed_list(request.user)
    order = request.GET.get("by")
    order = order if order in ORDERS else "urgency"
    named = {row.child.pk for row in [*owed.handovers, *owed.plans, *owed.arrived]}
    named |= {child.pk for homes in owed.groups.values() for home in homes for child in home.children}
    audit.record("open_today", by=request.user, kind="child", count=len(named), detail=ORDERS[order])
    return render(
        request,
        "activities/today/today.html",
        {
            "owed": owed,
            "order": order,
            "orders": [(code, label, code == order) for code, label in ORDERS.items()],
            "groups": groups(owed, order),
            "tasks": list(meetings.open_follow_ups(staff=owed.staff)) if owed.staff else [],
            "reminders": reminders.reminders(request.user),
            "asks": describe(owed.headline_rule) if owed.headline_rule else "",
            "may_log": access.may(request.user, Act.LOG_CONTACTS),
            "needs_post": bool(owed.groups) and not access.may(request.user, Act.LOG_CONTACTS),
        },
    )


def groups(owed, order):
    """[(heading, is late, [household])] in the chosen order; each line keeps its own urgency."""
    homes = [(urgency, home) for urgency, found in owed.groups.items() for home in found]
    if order == "village":
        found = {}
        for _, home in sorted(homes, key=lambda pair: (pair[1].village, pair[1].children[0].name_key)):
            found.setdefault(home.village or "村名没填", []).append(home)
        return [(village, False, here) for village, here in found.items()]
    if order == "kind":
        found = {}
        for _, home in homes:
            for first, rows in home.by_kind:
                part = todays.Household([row.child for row in rows], home.carers, home.village, rows)
                found.setdefault(first.duty.rule.name, []).append(part)
        return [(name, False, here) for name, here in found.items()]
    return [
        (todays.URGENCIES[urgency], urgency == todays.LATE, found) for urgency, found in owed.groups.items()
    ]


def log_url(rows):
    """Address of the form that settles these owed lines: children, kind and way filled in; blank for 包保."""
    return form_url(rows[0].duty.rule, [row.child for row in rows if row.child])


def form_url(rule, children):
    """Address of the form whose record settles ``rule`` for these children; blank where no contact does."""
    kind = todays.form_kind(rule) if rule.measure == Measure.RECORDS else ""
    if kind not in ContactKind.values:
        return ""
    chosen = "".join(f"&child={child.uid}" for child in children)
    way = "&channel=in_person" if rule.channels == [Channel.IN_PERSON] else ""
    return f"{reverse('activities:contact_new')}?kind={kind}{chosen}{way}"
