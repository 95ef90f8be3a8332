"""Duty rules (频次要求) as rows: the ones a county begins with, and reading a rule of the facts format."""

import json
from functools import cache
from pathlib import Path

from django.db import transaction

from registry.models import AwayType, Stage
from trust import audit

from .models import (
    Actor,
    Channel,
    DutyRule,
    Measure,
    Per,
    RecordKind,
    Responsible,
    Strength,
    Subject,
    party_set,
)

SEEDED = Path(__file__).parent / "data" / "rules.json"


class RuleError(ValueError):
    """A rule that cannot be read: the key, and why in words."""

    def __init__(self, key, message):
        self.key = key
        super().__init__(message)


KEYS = frozenset(
    {
        "id", "uid", "code", "name", "owner", "replaces_county", "subject", "measure", "kinds", "channels", "parties",
        "counts_attempts", "actors", "minimum", "maximum", "per", "within_days", "applies_to", "responsible", "strength",
        "active", "valid_from", "valid_to", "source_text", "source",
    }
)  # fmt: skip
APPLIES_TO = frozenset(
    {
        "stages",
        "grade_from",
        "grade_to",
        "boarding",
        "away",
        "priority",
        "paired",
        "proxied",
        "parent_reachable",
    }
)


@cache
def seeded_rows():
    """The seeded rules in the facts format; nobody may change what is returned."""
    return tuple(json.loads(SEEDED.read_text(encoding="utf-8"))["rules"])


def rule_from(row, *, county, owner=None, valid_from, valid_to=None):
    """An unsaved DutyRule from a row of the facts format (docs/facts.md). Raises RuleError."""
    unknown = set(row) - KEYS
    if unknown:
        raise RuleError(min(unknown), "没有这一项")
    where = row.get("applies_to") or {}
    unknown = set(where) - APPLIES_TO
    if unknown:
        raise RuleError(f"applies_to.{min(unknown)}", "没有这一项")
    measure = _one(row, "measure", Measure, Measure.RECORDS)
    minimum = row.get("minimum", 1)
    maximum = row.get("maximum")
    if type(minimum) is not int or minimum < (1 if measure == Measure.RECORDS else 0):
        raise RuleError("minimum", "至少要做几次，应是正整数")
    if maximum is not None and (type(maximum) is not int or maximum < minimum):
        raise RuleError("maximum", "至多不能少于至少")
    if maximum is not None and measure == Measure.RECORDS:
        raise RuleError("maximum", "只有在保数这类要求才有上限")
    per = _one(row, "per", Per)
    if measure != Measure.RECORDS and per != Per.MONTH:
        raise RuleError("per", "在保数按月看，这里只能是 month")
    away = where.get("away") or ""
    if away and away not in AwayType.values:
        raise RuleError("applies_to.away", f"不认识 {away!r}")
    try:
        parties = party_set(row.get("parties") or [])
    except KeyError as error:
        raise RuleError("parties", f"不认识 {error.args[0]!r}") from None
    return DutyRule(
        county=county,
        owner=owner,
        code=row["code"],
        name=row.get("name") or row["code"],
        source=row.get("source") or "",
        source_text=row.get("source_text") or "",
        subject=_one(row, "subject", Subject, Subject.CHILD),
        measure=measure,
        kinds=_many(row, "kinds", RecordKind),
        channels=_many(row, "channels", Channel),
        parties=parties,
        counts_attempts=bool(row.get("counts_attempts", False)),
        actors=_many(row, "actors", Actor),
        minimum=minimum,
        maximum=maximum,
        per=per,
        within_days=row.get("within_days"),
        stages=_many(where, "stages", Stage),
        grade_from=where.get("grade_from"),
        grade_to=where.get("grade_to"),
        boarding=where.get("boarding"),
        away=away,
        priority=where.get("priority"),
        paired=where.get("paired"),
        proxied=where.get("proxied"),
        parent_reachable=where.get("parent_reachable"),
        responsible=_one(row, "responsible", Responsible),
        strength=_one(row, "strength", Strength, Strength.MUST),
        active=bool(row.get("active", True)),
        replaces_county=bool(row.get("replaces_county", False)),
        valid_from=valid_from,
        valid_to=valid_to,
    )


def _one(row, key, choices, default=None):
    value = row.get(key, default)
    if value not in choices.values:
        raise RuleError(key, f"不认识 {value!r}")
    return value


def _many(row, key, choices):
    values = list(row.get(key) or [])
    for value in values:
        if value not in choices.values:
            raise RuleError(key, f"不认识 {value!r}")
    return values


def seed_rules(county, *, valid_from, by=None):
    """The rules a new county begins with, from ``valid_from``. A county that has rules keeps them as they are."""
    with transaction.atomic():
        if DutyRule.objects.filter(county=county, owner=None).exists():
            return []
        rules = [rule_from(row, county=county, valid_from=valid_from) for row in seeded_rows()]
        # One event for the whole set: row histories begin with the first change a person makes.
        DutyRule.objects.bulk_create(rules)
        audit.record("seed_rules", by=by, kind="county", uid=county, count=len(rules))
    return rules


audit.name_actions(seed_rules="设定频次要求")
