"""Changing a duty rule: the past stays judged by the version then in force, so every change is a new version."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from registry import access
from registry.access import Act
from registry.calendar import next_month
from trust import audit

from .models import DutyRule

audit.name_actions(change_rule="修改频次要求")
audit.name_kinds(DutyRule="频次要求")

COPIED = (
    "county", "owner", "code", "name", "source", "source_text", "subject", "measure", "kinds", "channels", "parties",
    "counts_attempts", "actors", "maximum", "per", "within_days", "stages", "grade_from", "grade_to", "boarding", "away",
    "priority", "paired", "proxied", "parent_reachable", "responsible", "strength", "replaces_county",
    "approved_by_county_at",
)  # fmt: skip


def earliest_change(today=None):
    """The first day a change may hold from: the first of next month, so that no running month changes under way."""
    return next_month(today or timezone.localdate())


def latest_version(rule):
    """The last version of the rule's code and owner: the one a change starts from."""
    return (
        DutyRule.objects.filter(county=rule.county, owner=rule.owner, code=rule.code)
        .order_by("valid_from")
        .last()
    )


def change_rule(rule, *, active, minimum, valid_from, by, expected_version):
    """A new version of ``rule`` from ``valid_from`` on: switched on or off, or with another number of days.

    Nothing changed returns the version as it is. Raises ValidationError for a day already begun, and
    VersionConflict when somebody else changed the rule meanwhile.
    """
    access.require(by, Act.MANAGE_RULES, county=rule.county)
    if valid_from < earliest_change():
        raise ValidationError({"valid_from": f"最早从 {earliest_change():%Y-%m-%d} 起，正在进行的这个月不改"})
    with transaction.atomic():
        last = DutyRule.objects.select_for_update().get(pk=latest_version(rule).pk)
        if last.active == active and last.minimum == minimum:
            return last
        if last.valid_from >= valid_from:
            raise ValidationError(
                {"valid_from": f"{last.valid_from:%Y-%m-%d} 起已经有一个改动，请选更晚的日子"}
            )
        last.valid_to = valid_from - timedelta(days=1)
        last.full_clean()
        last.save_version(expected_version)
        new = DutyRule(
            **{name: getattr(last, name) for name in COPIED}, minimum=minimum, active=active, valid_from=valid_from,
            approved_on=timezone.localdate(),
        )  # fmt: skip
        new.full_clean()
        new.save()
        audit.record(
            "change_rule", by=by, kind="DutyRule", uid=new.uid,
            detail=f"{new.label} {'启用' if active else '停用'} 至少 {minimum} 从 {valid_from:%Y-%m-%d}",
        )  # fmt: skip
    return new
