"""Every history judged by hand (tests/test_plain_ledger.py), judged by the program's own ledger.

The tests are those of the plain ledger, collected here a second time; only ``check`` and ``judge_day`` are
exchanged: the facts go through ``load_facts`` into the database and ``Ledger`` answers.
"""

from datetime import date, datetime

import pytest
from django.db import transaction

from activities.facts import facts_uid, load_facts
from activities.holders import Holders
from activities.ledger import Ledger, tally
from activities.models import State, Subject
from registry.calendar import Calendar, CalendarNotConfirmed
from registry.models import ActivityCenter, Child, School, SchoolClass, Staff
from tests import test_plain_ledger as by_hand
from tests.plain_ledger import STATES, Unconfirmed

pytestmark = [pytest.mark.db, pytest.mark.django_db]

GENERATED = {
    "test_generated_histories_are_valid_and_their_tallies_add_up",
    "test_the_strategies_draw_checkable_histories",
}
HISTORIES = {
    name: test for name, test in vars(by_hand).items() if name.startswith("test_") and name not in GENERATED
}
globals().update(HISTORIES)

LISTS = {
    Subject.CHILD: ("children", Child),
    Subject.STAFF: ("staff", Staff),
    Subject.CLASS: ("classes", SchoolClass),
    Subject.CENTER: ("centers", ActivityCenter),
    Subject.SCHOOL: ("schools", School),
}
STORED = (State.MISSED, State.MET_LATE, State.EXCUSED)


@pytest.fixture(autouse=True)
def the_real_ledger_answers(monkeypatch):
    """``check`` and ``judge_day`` of the tests by hand ask the program."""
    monkeypatch.setattr(by_hand, "check", check)
    monkeypatch.setattr(by_hand, "judge_day", judge_day)


def check(facts, month, as_of):
    """What the plain ledger's ``check`` answers, from the database; nothing stays in it."""
    point = transaction.savepoint()
    try:
        county = load_facts(facts, history=False)
        ledger, first = Ledger(county, now=as_of), datetime.strptime(month, "%Y-%m").date()
        try:
            ledger.calendar.require_confirmed(first)
        except CalendarNotConfirmed as error:
            raise Unconfirmed from error
        duties = ledger.judge(ledger.items_of_month(first))
        return {
            "rules": _rules(ledger, duties),
            "findings": _findings(facts, county, duties),
            "closed": as_of >= ledger.calendar.closing_at(first),
        }
    finally:
        transaction.savepoint_rollback(point)


def _rules(ledger, duties):
    counts = tally(duties, lambda duty: duty.rule.label)
    return {
        rule.label: {"due": counts[rule.label].due, **{s: getattr(counts[rule.label], s) for s in STATES}}
        if rule.label in counts
        else dict.fromkeys(("due", *STATES), 0)
        for rule in ledger.rules
        if rule.strength != "inform"
    }


def _findings(facts, county, duties):
    names = {Subject.COUNTY: {county.pk: county.code}}
    for subject, (list_name, model) in LISTS.items():
        ids = {facts_uid(county.code, list_name, row["id"]): row["id"] for row in facts.get(list_name, [])}
        names[subject] = {pk: ids[uid] for pk, uid in model.objects.values_list("pk", "uid") if uid in ids}
    found = [duty for duty in duties if duty.state in STORED]
    holders = Holders(county, found)
    rows = [
        {
            "rule": duty.rule.label,
            "subject_kind": str(duty.rule.subject),
            "subject": names[duty.rule.subject][duty.subject_id],
            "period_start": duty.period.start.isoformat(),
            "period_end": duty.period.end.isoformat(),
            "state": str(duty.state),
            "done": duty.done,
            "minimum": duty.rule.minimum,
            "responsible": names[Subject.STAFF].get(holders.of(duty)),
        }
        for duty in found
    ]
    return sorted(rows, key=lambda row: tuple(str(value) for value in row.values()))


def judge_day(first, last):
    """The judge day of a period by the program's calendar."""
    point = transaction.savepoint()
    try:
        calendar = Calendar.of(load_facts(by_hand.county(), history=False))
        return calendar._judge_day(date.fromisoformat(first), date.fromisoformat(last)).isoformat()
    finally:
        transaction.savepoint_rollback(point)


def test_every_history_by_hand_is_collected():
    assert len(HISTORIES) == len([n for n in vars(by_hand) if n.startswith("test_")]) - len(GENERATED)
    assert set(vars(by_hand)) >= GENERATED
