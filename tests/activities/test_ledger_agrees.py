"""The ledger against its second, deliberately simple implementation, on generated histories."""

from collections import Counter
from datetime import datetime

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from activities.facts import facts_uid, load_facts
from activities.holders import Holders
from activities.ledger import Ledger
from activities.models import Subject
from registry.calendar import CalendarNotConfirmed
from registry.models import ActivityCenter, Child, County, School, SchoolClass, Staff
from tests import plain_ledger
from tests.histories import moment_from_seed, world_from_seed

LISTS = {
    Subject.CHILD: ("children", Child),
    Subject.STAFF: ("staff", Staff),
    Subject.CLASS: ("classes", SchoolClass),
    Subject.CENTER: ("centers", ActivityCenter),
    Subject.SCHOOL: ("schools", School),
}


class _Undo(Exception):
    pass


def real(facts, county, month, as_of):
    """The ledger's answer in the words of the facts: (tallies per rule, rows that are not simply met)."""
    ledger = Ledger(county, now=as_of)
    first = datetime.strptime(month, "%Y-%m").date()
    ledger.calendar.require_confirmed(first)
    duties = ledger.judge(ledger.items_of_month(first))
    holders = Holders(county, duties)
    code = facts["county"]["code"]
    names = {}
    for subject, (list_name, model) in LISTS.items():
        ids = {facts_uid(code, list_name, row["id"]): row["id"] for row in facts.get(list_name, [])}
        names[subject] = {pk: ids[uid] for pk, uid in model.objects.values_list("pk", "uid") if uid in ids}
    names[Subject.COUNTY] = {county.pk: code}
    rules = {rule.label: Counter() for rule in ledger.rules if rule.strength != "inform"}
    rows = []
    for duty in duties:
        rules[duty.rule.label][duty.state] += 1
        rules[duty.rule.label]["due"] += 1
        if duty.state in ("missed", "met_late", "excused"):
            rows.append(
                (
                    duty.rule.label, str(duty.rule.subject), names[duty.rule.subject][duty.subject_id],
                    duty.period.start.isoformat(), duty.period.end.isoformat(), str(duty.state), duty.done,
                    duty.rule.minimum, names[Subject.STAFF].get(holders.of(duty)),
                )
            )  # fmt: skip
    return {k: {n: v for n, v in c.items() if v} for k, c in rules.items()}, sorted(rows, key=repr)


def plain(facts, month, as_of):
    """The same from the plain ledger."""
    answer = plain_ledger.check(facts, month, as_of)
    rows = [
        (
            f["rule"], f["subject_kind"], f["subject"], str(f["period_start"]), str(f["period_end"]), f["state"],
            f["done"], f["minimum"], f["responsible"],
        )
        for f in answer["findings"]
    ]  # fmt: skip
    return {k: {n: v for n, v in c.items() if v} for k, c in answer["rules"].items()}, sorted(rows, key=repr)


def compare(seed):
    """Loads one generated world, asks both ledgers, rolls back. Returns the number of children judged."""
    facts = world_from_seed(seed)
    try:
        with transaction.atomic():
            county = load_facts(facts, history=False)
            assert County.objects.filter(pk=county.pk).exists()
            for turn in range(4):
                month, as_of = moment_from_seed(facts, seed * 10 + turn)
                try:
                    expected = plain(facts, month, as_of)
                except plain_ledger.Unconfirmed:
                    with pytest.raises(CalendarNotConfirmed):
                        real(facts, county, month, as_of)
                    continue
                assert (seed, month, as_of, *real(facts, county, month, as_of)) == (
                    seed,
                    month,
                    as_of,
                    *expected,
                )
            raise _Undo
    except _Undo:
        return len(facts["children"])


@pytest.mark.db
@pytest.mark.django_db
@settings(max_examples=160, deadline=None, suppress_health_check=list(HealthCheck), print_blob=False)
@given(seed=st.integers(0, 2**32))
def test_ledger_agrees_with_the_plain_one(seed):
    """About eight children a world and four months each: some 5,000 months of a child."""
    compare(seed)


@pytest.mark.long
@pytest.mark.db
@pytest.mark.django_db
@pytest.mark.parametrize("half", [0, 1])
def test_ledger_agrees_on_a_hundred_thousand_histories(half):
    """Every seed of a range, in two halves for two processes."""
    histories = sum(compare(seed) for seed in range(half, 13_000, 2))
    assert histories > 45_000
