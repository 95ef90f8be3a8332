"""The county's calendar: terms around Spring Festival, public holidays and make-up days."""

from datetime import date, timedelta

import holidays

from registry.calendar import Calendar, school_year_of, shanghai_midnight
from registry.models import ClosingDate, DayException, DayKind, SchoolYear, Season, Term

ONE_DAY = timedelta(days=1)
FRIDAY = 4


def _on_or_before(day, weekday):
    return day - timedelta(days=(day.weekday() - weekday) % 7)


def _on_or_after(day, weekday):
    return day + timedelta(days=(weekday - day.weekday()) % 7)


def _first_weekday(day):
    return _on_or_after(day, 0) if day.weekday() >= 5 else day


def spring_festival(year):
    """正月初一 of a year."""
    found = holidays.China(years=year, observed=False, language="zh_CN")
    return min(day for day, name in found.items() if "春节" in name and day.year == year)


def terms_of(year):
    """(season, first day, last day) of a school year."""
    festival = spring_festival(year + 1)
    return [
        (
            Season.AUTUMN,
            _first_weekday(date(year, 9, 1)),
            _on_or_before(festival - timedelta(days=14), FRIDAY),
        ),
        (
            Season.SPRING,
            _on_or_after(festival + timedelta(days=13), 0),
            _on_or_after(date(year + 1, 7, 3), FRIDAY),
        ),
    ]


def build_calendar(world):
    """School years from that of the first month to the next one, all confirmed; returns the Calendar."""
    county, first = world.county, school_year_of(world.start)
    years = range(first, school_year_of(world.until) + 2)
    terms = [(year, *term) for year in years for term in terms_of(year)]
    for year in years:
        confirmed_at = min(shanghai_midnight(date(year, 6, 24)), world.cutoff)
        world.add(SchoolYear(county=county, year=year, confirmed_at=confirmed_at))
    for year, season, starts_on, ends_on in terms:
        world.add(Term(county=county, year=year, season=season, starts_on=starts_on, ends_on=ends_on))
    spans = sorted((starts_on, ends_on) for _, _, starts_on, ends_on in terms)
    days = dict(_exceptions(years, spans))
    for day, (kind, name) in days.items():
        world.add(DayException(county=county, day=day, kind=kind, name=name))
    calendar = Calendar(county, spans, {day: kind for day, (kind, _) in days.items()}, confirmed=set(years))
    month = world.start
    while month <= world.until:
        closes_on = calendar.proposed_closing_day(month)
        if closes_on.day != county.closing_day:
            world.add(ClosingDate(county=county, month=month, closes_on=closes_on))
            calendar.closings[month] = closes_on
        month = (month + timedelta(days=32)).replace(day=1)
    return calendar


def _exceptions(years, spans):
    """Public holidays on weekdays and make-up days on weekends, inside terms."""
    found = holidays.China(years=range(min(years), max(years) + 2), language="zh_CN")

    def in_term(day):
        return any(first <= day <= last for first, last in spans)

    for day, name in sorted(found.items()):
        if day.weekday() < 5 and in_term(day):
            yield day, (DayKind.HOLIDAY, name.split("（")[0].split("(")[0].split(";")[0].strip()[:40])
    for day in sorted(found.weekend_workdays):
        if in_term(day):
            yield day, (DayKind.SCHOOL_DAY, "调休上课")
