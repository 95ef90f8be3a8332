"""The calendar (校历) as people make it: proposed from the public holidays, edited, confirmed, with closing days.

``registry.calendar`` answers questions about days and periods; this module changes the rows it reads.
"""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache

import holidays
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from trust import audit

from .calendar import Calendar, month_end, next_month
from .classes import refresh_last_days
from .models import ClosingDate, DayException, DayKind, SchoolYear, Season, Term

ONE_DAY = timedelta(days=1)
DAYS_AT_ONCE = 60
USUAL = "usual"

audit.name_actions(
    draft_calendar="拟定校历",
    set_terms="修改学期",
    set_days="修改放假与调休",
    confirm_calendar="确认校历",
    set_closing_day="修改结账日",
)
audit.name_kinds(schoolyear="学年", closingdate="结账日")


# --- what is proposed -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ProposedDay:
    """A holiday or a make-up day as the public arrangement has it."""

    day: date
    kind: str
    name: str

    @property
    def kind_word(self):
        """放假 or 上课（调休）."""
        return DayKind(self.kind).label


@lru_cache(maxsize=16)
def _public(year):
    return holidays.country_holidays("CN", years=[year], language="zh_CN")


def _swapped_from(name):
    """The weekend day a bridging day off is worked for: 休息日（由 2026-01-04 调休）."""
    found = re.search(r"(\d{4})-(\d\d)-(\d\d)", name)
    return date(*(int(part) for part in found.groups())) if found else None


def is_announced(year):
    """Whether the library knows the State Council's arrangement of a calendar year (it comes each November)."""
    return any(_swapped_from(name) for name in _public(year).values())


def proposed_days(year):
    """Public holidays and make-up days of the school year ``year`` (1 Sep – 31 Aug), in order."""
    first, last = date(year, 9, 1), date(year + 1, 8, 31)
    found = {}
    for calendar_year in (year, year + 1):
        public = _public(calendar_year)
        for day, name in public.items():
            made_up = _swapped_from(name)
            word = name.split("；")[0].split(";")[0]
            found[day] = ProposedDay(day, DayKind.HOLIDAY, "调休放假" if made_up else word[:40])
            if made_up and public.is_working_day(made_up):
                found[made_up] = ProposedDay(made_up, DayKind.SCHOOL_DAY, "调休上课")
    return [found[day] for day in sorted(found) if first <= day <= last]


def spring_festival(year):
    """First day of the lunar year that begins in ``year``."""
    return min(day for day, name in _public(year).items() if name.startswith("春节"))


def proposed_terms(year):
    """{season: (first, last)} as most county schools have them: a draft, the bureau's own dates replace it."""
    festival = spring_festival(year + 1)
    autumn_end = festival - timedelta(days=14)
    autumn_end = min(max(autumn_end, date(year + 1, 1, 12)), date(year + 1, 1, 29))
    autumn_end -= timedelta(days=(autumn_end.weekday() - 4) % 7)  # a Friday
    spring = max(festival + timedelta(days=16), date(year + 1, 2, 17))
    spring += timedelta(days=-spring.weekday() % 7)  # a Monday
    summer = date(year + 1, 7, 7)
    summer -= timedelta(days=(summer.weekday() - 4) % 7)
    return {Season.AUTUMN: (date(year, 9, 1), autumn_end), Season.SPRING: (spring, summer)}


# --- making it --------------------------------------------------------------------------------------------------------


def _check_terms(year, terms):
    wrong = {}
    for season, (first, last) in terms.items():
        if last <= first:
            wrong[f"{season}_last"] = "学期的最后一天要在开学之后"
    autumn, spring = terms[Season.AUTUMN], terms[Season.SPRING]
    if not date(year, 8, 1) <= autumn[0] <= date(year, 10, 31):
        wrong["autumn_first"] = f"第一学期应在 {year} 年 8 月到 10 月之间开学，请核对年份"
    if not date(year + 1, 1, 1) <= spring[0] <= date(year + 1, 4, 30):
        wrong["spring_first"] = f"第二学期应在 {year + 1} 年 1 月到 4 月之间开学，请核对年份"
    elif spring[0] <= autumn[1]:
        wrong["spring_first"] = f"第二学期要在第一学期结束（{autumn[1]:%Y-%m-%d}）以后开学"
    if spring[1] > date(year + 1, 8, 31):
        wrong["spring_last"] = f"第二学期最晚到 {year + 1}-08-31"
    if wrong:
        raise ValidationError(wrong)


def _save_terms(county, year, terms):
    _check_terms(year, terms)
    touching = Term.objects.filter(county=county, year__in=(year - 1, year + 1))
    for other in touching:
        for season, (first, last) in terms.items():
            if other.starts_on <= last and other.ends_on >= first:
                raise ValidationError(
                    {
                        f"{season}_first": f"和{other}（{other.starts_on:%Y-%m-%d} 到 {other.ends_on:%Y-%m-%d}）重叠"
                    }
                )
    changed = 0
    for season, (first, last) in terms.items():
        term = Term.objects.filter(county=county, year=year, season=season).first()
        term = term or Term(county=county, year=year, season=season)
        if (term.starts_on, term.ends_on) == (first, last):
            continue
        term.starts_on, term.ends_on = first, last
        term.full_clean()
        if term.pk:
            term.save_version(term.version)
        else:
            term.save()
        changed += 1
    if changed:
        refresh_last_days(county)
    return changed


def draft_year(county, year, *, by, terms, days):
    """The school year with its terms and the public days that were kept. Not confirmed yet. Days entered before stay.

    ``days``: ProposedDay rows. Returns the SchoolYear.
    """
    with transaction.atomic():
        school_year, _ = SchoolYear.objects.get_or_create(county=county, year=year)
        _save_terms(county, year, terms)
        known = set(DayException.objects.filter(county=county, school=None).values_list("day", flat=True))
        DayException.objects.bulk_create(
            DayException(county=county, day=one.day, kind=one.kind, name=one.name)
            for one in days
            if one.day not in known
        )
        audit.record("draft_calendar", by=by, kind="schoolyear", uid=school_year, count=len(days))
    return school_year


def set_terms(county, year, *, by, terms):
    """Correct the dates of both terms; the last days of the classes follow."""
    with transaction.atomic():
        if _save_terms(county, year, terms):
            school_year, _ = SchoolYear.objects.get_or_create(county=county, year=year)
            audit.record("set_terms", by=by, kind="schoolyear", uid=school_year, detail=str(school_year))


def set_days(county, *, by, first, last, kind, name="", school=None):
    """Make days a holiday or school days, or usual again (``kind`` "usual"): of the county, or of one school."""
    if last < first:
        raise ValidationError({"last": "最后一天不能早于第一天"})
    count = (last - first).days + 1
    if count > DAYS_AT_ONCE:
        raise ValidationError({"last": f"一次最多改 {DAYS_AT_ONCE} 天，请分几次改"})
    days = [first + timedelta(days=n) for n in range(count)]
    mine = DayException.objects.filter(county=county, school=school, day__in=days)
    with transaction.atomic():
        mine.delete()
        if kind != USUAL:
            DayException.objects.bulk_create(
                DayException(county=county, school=school, day=day, kind=kind, name=name) for day in days
            )
        audit.record(
            "set_days", by=by, kind="school" if school else "county", uid=school or county, count=count,
            detail=f"{first:%Y-%m-%d} 到 {last:%Y-%m-%d} {dict([*DayKind.choices, (USUAL, '按平常')])[kind]}",
        )  # fmt: skip


def confirm_year(school_year, *, by):
    """The county confirms the calendar of a school year as a whole; from then on its months can be checked."""
    with transaction.atomic():
        fresh = SchoolYear.objects.select_for_update().get(pk=school_year.pk)
        if fresh.confirmed_at is not None:
            return fresh
        terms = {term.season: term for term in Term.objects.filter(county=fresh.county, year=fresh.year)}
        if len(terms) < 2:
            raise ValidationError("两个学期的日期还没有填齐，填好再确认")
        fresh.confirmed_at, fresh.confirmed_by = timezone.now(), by
        fresh.save_version(fresh.version)
        audit.record("confirm_calendar", by=by, kind="schoolyear", uid=fresh, detail=str(fresh))
    return fresh


# --- closing days -----------------------------------------------------------------------------------------------------


def set_closing_day(county, *, by, month, closes_on):
    """Another closing day for the check of one month, while that month is still open; None = the usual one again."""
    month = month.replace(day=1)
    calendar, today = Calendar.of(county), timezone.localdate()
    if calendar.closing_at(month) <= timezone.now():
        raise ValidationError({"closes_on": f"{month:%Y年}{month.month}月已经到了结账日，不能再改"})
    first = next_month(month)
    day = closes_on or first.replace(day=county.closing_day)
    if day < today:
        raise ValidationError({"closes_on": "结账日不能在今天之前"})
    if not first <= day <= month_end(next_month(first)):
        raise ValidationError(
            {"closes_on": f"请选 {first:%Y-%m-%d} 到 {month_end(next_month(first)):%Y-%m-%d} 之间的一天"}
        )
    with transaction.atomic():
        mine = ClosingDate.objects.filter(county=county, month=month)
        if closes_on is None:
            mine.delete()
        else:
            ClosingDate.objects.update_or_create(
                county=county, month=month, defaults={"closes_on": closes_on}
            )
        audit.record(
            "set_closing_day", by=by, kind="county", uid=county, detail=f"{month:%Y-%m}：{day:%Y-%m-%d}"
        )


# --- the grid ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class GridDay:
    """One cell of the month grid."""

    day: date
    inside: bool  # of this month
    school_day: bool
    kind: str  # "", holiday, school_day
    name: str
    own: bool  # the school's own entry
    in_term: bool


def month_grid(calendar, month, school=None, names=None):
    """Weeks (Monday first) of a month as GridDay rows; ``names`` is {day: name} of the exceptions."""
    names = names or {}
    first = month.replace(day=1)
    start = first - timedelta(days=first.weekday())
    weeks, day = [], start
    school_id = school.pk if school else None
    own_days = calendar.school_days.get(school_id, {}) if school else {}
    while day <= month_end(first):
        week = []
        for _ in range(7):
            kind = own_days.get(day) or calendar.county_days.get(day, "")
            week.append(
                GridDay(
                    day, day.month == first.month, calendar.is_school_day(day, school_id), str(kind or ""),
                    names.get(day, ""), day in own_days, calendar.term_of(day) is not None,
                )
            )  # fmt: skip
            day += ONE_DAY
        weeks.append(week)
    return weeks
