"""Figures: numbers counted by hand, the same as the ledger's, and as long as the lists behind them."""

from datetime import date

import pytest

from activities import checks
from activities.ledger import Counts, Ledger
from activities.models import Tally
from registry.calendar import CalendarNotConfirmed
from registry.models import CareListSpell, SchoolYear
from reports import figures

from .world import NOVEMBER, OCTOBER

pytestmark = pytest.mark.django_db


def ours(world):
    return {world.school.pk, world.point.pk}


def test_a_head_count_names_its_definition_and_day(world):
    found = figures.head_count(world.county, date(2026, 11, 24), schools=ours(world))
    assert (found.total, found.at_school(world.school.pk), found.in_class(world.c1.pk)) == (6, 5, 3)
    assert (found.definition, found.day) == (world.county.definition, date(2026, 11, 24))
    CareListSpell.objects.filter(child=world.an).update(ends_on=date(2026, 11, 23))
    assert figures.head_count(world.county, date(2026, 11, 24), schools=ours(world)).total == 5
    assert figures.head_count(world.county, date(2026, 11, 23), schools=ours(world)).total == 6


def test_a_closed_month_is_what_was_closed(world):
    found = figures.duty_counts(world.county, OCTOBER, schools=ours(world))
    assert found.closed
    assert found.by_rule()["F02"] == Counts(met=2, met_late=1, excused=1, missed=2, days_done=3, days_owed=5)
    assert found.by_rule()["F02"].coverage == 0.6
    assert found.by_rule()["F64"] == Counts(met=5, missed=1)
    Tally.objects.filter(rule__code="F02", school=world.school, met__gt=0).update(met=7)
    assert figures.duty_counts(world.county, OCTOBER, schools=ours(world)).by_rule()["F02"].met > 2


def test_a_running_month_is_the_ledger(world):
    found = figures.duty_counts(world.county, NOVEMBER, schools=ours(world))
    assert not found.closed
    assert found.by_rule()["F02"] == Counts(met=1, upcoming=5, days_done=1, days_owed=6)
    assert found.by_rule()["F64"] == Counts(met=5, upcoming=1)
    whole = figures.duty_counts(world.county, NOVEMBER)
    report = checks.look(world.county, NOVEMBER)
    assert whole.by_rule(report.rules) == report.by_rule()
    assert found.by_class("F02")[world.c1.pk] == Counts(met=1, upcoming=2, days_done=1, days_owed=3)
    assert found.by_class("F02")[None] == Counts(upcoming=1, days_owed=1)


@pytest.mark.parametrize("month", [OCTOBER, NOVEMBER])
def test_every_number_is_as_long_as_its_list(world, month):
    found = figures.duty_counts(world.county, month, schools=ours(world))
    for label, counts in found.by_rule().items():
        for state in ("met", "met_late", "excused", "missed", "upcoming"):
            lines = figures.duty_lines(
                found, label=label, states=figures.STATES_OF[state], schools=ours(world)
            )
            assert len(lines) == getattr(counts, state), (label, state)
            assert {line.state for line in lines} <= {state}
        assert len(figures.duty_lines(found, label=label, schools=ours(world))) == counts.due


def test_the_county_compares_by_its_own_rules_only(world):
    found = figures.duty_counts(world.county, OCTOBER)
    assert {code for _, code in found.by_school()} == {"F02", "F39", "F64"}
    assert found.by_school()[world.school.pk, "F02"].due == 5  # the school's weekly rule is not in it
    assert found.by_school()[world.other.pk, "F02"] == Counts(met=1, missed=1, days_done=1, days_owed=2)
    assert "F02@QX001" in found.by_rule()


def test_children_with_most_left_come_first(world):
    duties = figures.duty_counts(world.county, NOVEMBER, schools=ours(world)).duties
    of_talks = [duty for duty in duties if duty.rule.label == "F02"]
    needing = figures.who_needs_help(of_talks)
    assert {row.pk for row in needing} == {
        c.pk for c in (world.bin, world.cui, world.dan, world.nan, world.pei)
    }
    weekly = figures.who_needs_help(duties)
    assert [len(row.missed) for row in weekly] == sorted((len(row.missed) for row in weekly), reverse=True)
    assert weekly[-1].pk in {world.an.pk, world.pei.pk}


def test_people_stand_with_what_is_open_and_nobody_comes_first(world):
    duties = figures.duty_counts(
        world.county, NOVEMBER, schools={world.other.pk}, holder_on=date(2026, 11, 24)
    ).duties
    rows = figures.people_who_need_help(world.county, duties)
    assert [(row.pk, row.number) for row in rows] == [(world.han.staff.pk, 2)]
    world.han.staff.posts.update(ends_on=date(2026, 11, 1))
    world.shen.staff.posts.update(ends_on=date(2026, 11, 1))
    rows = figures.people_who_need_help(world.county, duties)
    assert [(row.pk, row.number) for row in rows] == [(None, 2)]


def test_a_term_on_its_way_is_not_the_months(world):
    ledger = Ledger(world.county)
    items = figures.longer_items(ledger)
    assert [(item.rule.code, item.period.end) for item in items] == [("F08", date(2027, 1, 22))]
    assert "F08" not in figures.duty_counts(world.county, NOVEMBER).by_rule()


def test_a_month_without_a_confirmed_calendar_gives_no_number(world):
    SchoolYear.objects.update(confirmed_at=None)
    with pytest.raises(CalendarNotConfirmed):
        figures.duty_counts(world.county, NOVEMBER)


def test_the_trend_holds_closed_months_and_the_running_one(world):
    found = figures.month_trend(world.county, schools=ours(world))
    assert [(month, counts.closed) for month, counts in found.items()] == [(OCTOBER, True), (NOVEMBER, False)]


def test_weeks_of_a_center_are_judged_by_the_ledger(world):
    weeks = figures.center_weeks(
        Ledger(world.county), [world.center.pk], date(2026, 11, 2), date(2026, 11, 24)
    )
    assert [(week.start.day, week.state) for week in weeks] == [
        (2, "met"), (9, "met"), (16, "missed"), (23, "upcoming"),
    ]  # fmt: skip
    days = figures.center_openings([world.center.pk], date(2026, 11, 9), date(2026, 11, 30))
    assert sorted(day for _, day in days) == [date(2026, 11, 10), date(2026, 11, 11)]
