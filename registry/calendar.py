"""School days, periods, judge days and closing moments: pure date arithmetic over one county's calendar.

Semantics: docs/domain.md, "The duty ledger". A ``Calendar`` is read with one query and answers without another.
"""

import calendar as months
from bisect import bisect_right
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from .models import ClosingDate, DayException, DayKind, SchoolYear, Term
from .together import together

SHANGHAI = ZoneInfo("Asia/Shanghai")
ONE_DAY = timedelta(days=1)
SHORT_PERIODS = ("week", "half_month", "month")


class CalendarNotConfirmed(Exception):
    """The school year has not been confirmed: an empty calendar is never a clean month."""

    def __init__(self, year):
        self.year = year
        super().__init__(f"{year}—{year + 1}学年的校历还没有确认，不能核对。请县里先在“校历”里确认这一学年。")


@dataclass(frozen=True)
class Period:
    """One period of a kind: the days it has, the days that count (window), the day that decides who owes."""

    per: str
    start: date
    end: date
    window_start: date
    judge_day: date | None
    whole_end: date  # differs from ``end`` only for rules "within n days of the start"

    @property
    def month(self):
        """First day of the month whose check it belongs to: that of its last day."""
        return self.end.replace(day=1)

    @property
    def days(self):
        """Number of days."""
        return (self.end - self.start).days + 1


def month_end(day):
    """Last day of the month of ``day``."""
    return day.replace(day=months.monthrange(day.year, day.month)[1])


def next_month(day):
    """First day of the month after that of ``day``."""
    return month_end(day) + ONE_DAY


def previous_month(day):
    """First day of the month before that of ``day``."""
    return (day.replace(day=1) - ONE_DAY).replace(day=1)


def school_year_of(day):
    """School years run 1 September – 31 August and are named by their first year."""
    return day.year if day.month >= 9 else day.year - 1


def span_of(per, day):
    """First and last day of the period of kind ``per`` (all but term) that holds ``day``."""
    if per == "day":
        return day, day
    if per == "week":
        monday = day - timedelta(days=day.weekday())
        return monday, monday + timedelta(days=6)
    if per == "half_month":
        if day.day <= 15:
            return day.replace(day=1), day.replace(day=15)
        return day.replace(day=16), month_end(day)
    if per == "month":
        return day.replace(day=1), month_end(day)
    if per == "quarter":
        first = day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        return first, month_end(first.replace(month=first.month + 2))
    if per == "half_year":
        return (
            (date(day.year, 1, 1), date(day.year, 6, 30))
            if day.month <= 6
            else (date(day.year, 7, 1), date(day.year, 12, 31))
        )
    if per == "school_year":
        year = school_year_of(day)
        return date(year, 9, 1), date(year + 1, 8, 31)
    if per == "year":
        return date(day.year, 1, 1), date(day.year, 12, 31)
    raise ValueError(f"no such period: {per}")


def shanghai_midnight(day):
    """The first moment of ``day`` in Shanghai, aware."""
    return datetime.combine(day, time(), tzinfo=SHANGHAI)


@dataclass
class Calendar:
    """One county's terms, exceptions, confirmed years and closing days."""

    county: object
    terms: list[tuple[date, date]] = field(default_factory=list)  # ordered by first day
    county_days: dict[date, str] = field(default_factory=dict)
    school_days: dict[int, dict[date, str]] = field(default_factory=dict)
    confirmed: set[int] = field(default_factory=set)
    closings: dict[date, date] = field(default_factory=dict)

    @classmethod
    def of(cls, county):
        """Reads the whole calendar of ``county`` with one query."""
        return cls.made_of(county, together(*cls.parts(county)))

    @staticmethod
    def parts(county):
        """What a calendar is made of, to be read ``together`` with something else."""
        return [
            Term.objects.filter(county=county),
            DayException.objects.filter(county=county),
            SchoolYear.objects.filter(county=county).exclude(confirmed_at=None),
            ClosingDate.objects.filter(county=county),
        ]

    @classmethod
    def made_of(cls, county, rows):
        """The calendar out of the rows of ``parts``."""
        terms, days, years, closings = rows
        self = cls(county)
        self.terms = sorted((term.starts_on, term.ends_on) for term in terms)
        self.confirmed = {year.year for year in years}
        self.closings = {closing.month: closing.closes_on for closing in closings}
        for entry in days:
            of_place = self.county_days
            if entry.school_id is not None:
                of_place = self.school_days.setdefault(entry.school_id, {})
            of_place[entry.day] = entry.kind
        return self

    # Days

    def term_of(self, day):
        """(first, last) of the term that holds ``day``, or None."""
        at = bisect_right(self.terms, (day, date.max)) - 1
        return self.terms[at] if at >= 0 and self.terms[at][1] >= day else None

    def is_school_day(self, day, school_id=None):
        """Monday–Friday inside a term, minus holidays, plus make-up days; a school's own entry decides for its day."""
        if self.term_of(day) is None:
            return False
        kind = self.school_days.get(school_id, {}).get(day) or self.county_days.get(day)
        if kind == DayKind.HOLIDAY:
            return False
        return kind == DayKind.SCHOOL_DAY or day.weekday() < 5

    def count_school_days(self, first, last, school_id=None):
        """Number of school days from ``first`` to ``last``."""
        return sum(
            self.is_school_day(first + timedelta(days=n), school_id) for n in range((last - first).days + 1)
        )

    def last_school_day(self, first, last):
        """The last school day of the county's calendar inside first–last, or None."""
        day = last
        while day >= first:
            if self.is_school_day(day):
                return day
            day -= ONE_DAY
        return None

    # Periods

    def periods_ending_in(self, per, month, within_days=None):
        """Periods of kind ``per`` whose last day lies in the month of ``month`` (each is checked once)."""
        first, last = month.replace(day=1), month_end(month)
        found = []
        for start, end in self._spans(per, first - timedelta(days=400), last + timedelta(days=400)):
            ends = min(end, start + timedelta(days=within_days - 1)) if within_days else end
            if first <= ends <= last:
                found.append(self._period(per, start, ends, end))
        return found

    def period_on(self, per, day, within_days=None):
        """The period of kind ``per`` that holds ``day`` (for a term: or the holiday before it), or None."""
        if per == "term":
            span = next(
                ((s, e) for s, e in self.terms if e >= day and self._term_window_start(s) <= day), None
            )
        else:
            span = span_of(per, day)
        if span is None:
            return None
        start, end = span
        ends = min(end, start + timedelta(days=within_days - 1)) if within_days else end
        return self._period(per, start, ends, end)

    def _spans(self, per, first, last):
        if per == "term":
            return [(s, e) for s, e in self.terms if s <= last and e >= first]
        spans, day = [], first
        while day <= last:
            span = span_of(per, day)
            spans.append(span)
            day = span[1] + ONE_DAY
        return spans

    def _term_window_start(self, start):
        before = [e for s, e in self.terms if e < start]
        return max(before) + ONE_DAY if before else start

    def _period(self, per, start, end, whole_end):
        window = self._term_window_start(start) if per == "term" else start
        return Period(per, start, end, window, self._judge_day(start, end), whole_end)

    def _judge_day(self, start, end):
        """The middle day; between two terms the next term's first day inside, else the last day of the term before."""
        middle = start + timedelta(days=((end - start).days) // 2)
        if self.term_of(middle):
            return middle
        after = next((s for s, _ in self.terms if s > middle), None)
        if after is not None and after <= end:
            return after
        return max((e for _, e in self.terms if e < middle), default=None)

    def is_due(self, period, school_id=None):
        """Whether the period is due at a school (None = by the county's calendar)."""
        if period.per == "day":
            return self.is_school_day(period.start, school_id)
        school_days = self.count_school_days(period.start, period.whole_end, school_id)
        if period.per in SHORT_PERIODS:
            weekdays = sum(
                (period.start + timedelta(days=n)).weekday() < 5
                for n in range((period.whole_end - period.start).days + 1)
            )
            return school_days * 2 >= weekdays
        return school_days > 0

    def schools_with_own_days(self):
        """Ids of schools whose calendar differs from the county's for some day."""
        return self.school_days.keys()

    # Closing

    def closing_at(self, month):
        """The moment at which the check of ``month`` closes: 24:00 of its closing day, Shanghai."""
        month = month.replace(day=1)
        day = self.closings.get(month) or next_month(month).replace(day=self.county.closing_day)
        return shanghai_midnight(day + ONE_DAY)

    def require_confirmed(self, month):
        """Raises CalendarNotConfirmed unless the school year of ``month`` is confirmed."""
        year = school_year_of(month)
        if year not in self.confirmed:
            raise CalendarNotConfirmed(year)

    def proposed_closing_day(self, month):
        """The county's closing day, or the third school day of the next month where that is later."""
        usual = next_month(month).replace(day=self.county.closing_day)
        day, seen = next_month(month), 0
        for _ in range(31):
            seen += self.is_school_day(day)
            if seen == 3:
                return max(usual, day)
            day += ONE_DAY
        return usual
