"""The duty ledger (责任台账): what is owed to whom, and was it done? The one answer, from one place.

To-do list, child's file, explanation, monthly check, boards, assessment and workbooks all ask here; they cannot
disagree. What the words mean exactly stands in docs/domain.md; how open points are read, in docs/decisions/0002.
A second, deliberately simple implementation (tests/plain_ledger.py) must agree with this one.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime

from django.db import connection
from django.db.models import Q
from django.utils import timezone

from registry.calendar import SHANGHAI, Calendar, Period, month_end, previous_month
from registry.models import School
from registry.together import together

from . import ledger_sql
from .models import DutyRule, Excuse, Measure, State, Strength, Subject

LEFT_WITHIN_PERIOD = "期内离开"
MOST_ITEMS = 60  # items of one statement; more are asked in turns


@dataclass(frozen=True)
class Item:
    """One version of a rule in one period, with what the calendar says of it."""

    rule: DutyRule
    period: Period
    closes_at: datetime
    due_by_county: bool
    only_schools: frozenset | None  # due there alone, although not by the county's calendar
    not_schools: frozenset  # not due there, although by the county's calendar
    replaced_at: frozenset  # schools whose own rule stands instead
    still_on: date | None  # who is not in force this day has left within the period
    holder_on: date  # the day whose holders answer for it

    @property
    def key(self):
        """Natural key within a county: rule version and first day."""
        return self.rule.pk, self.period.start


@dataclass(slots=True)
class Duty:
    """One subject's duty in one period and how it stands."""

    item: Item
    subject_id: int
    school_id: int | None
    class_id: int | None  # of the judge day
    holder_class_id: int | None  # of the day whose holders answer
    done: int
    in_time: int
    state: str
    excuse_uid: object = None
    excuse_reason: str = ""

    @property
    def rule(self):
        """The version of the rule that judges it."""
        return self.item.rule

    @property
    def period(self):
        """Its period."""
        return self.item.period

    @property
    def missing(self):
        """Days still to do; 0 when done."""
        return max(0, self.rule.minimum - self.done)

    @property
    def is_open(self):
        """Still owed: something can and should be done."""
        return self.state in (State.UPCOMING, State.MISSED)


def today_of(moment):
    """The Shanghai date of a moment."""
    return moment.astimezone(SHANGHAI).date()


class Ledger:
    """The ledger of one county as known at one moment (now, if none is given).

    Costs one query to set up (calendar and rules); ``judge`` costs one statement per kind of subject asked for,
    and one for excuses.
    """

    def __init__(self, county, *, now=None, calendar=None, rules=None):
        self.county = county
        self.now = now or timezone.now()
        self.today = today_of(self.now)
        if rules is None:
            rules, calendar = self._read(calendar)
        self.calendar = calendar or Calendar.of(county)
        self.rules = list(rules)
        self._due = {}

    def _read(self, calendar):
        """The county's rules with their owners and, unless it is known, its calendar: one statement."""
        active = DutyRule.objects.filter(county=self.county, active=True)
        owners = School.objects.filter(pk__in=active.exclude(owner=None).order_by().values("owner"))
        parts = [] if calendar else Calendar.parts(self.county)
        rules, owners, *rest = together(active, owners, *parts)
        owners = {owner.pk: owner for owner in owners}
        for rule in rules:
            rule.owner = owners.get(rule.owner_id)
        rules.sort(key=lambda rule: (rule.code, rule.valid_from, rule.pk))
        return rules, calendar or Calendar.made_of(self.county, rest)

    # Items

    def items_of_month(self, month, *, rules=None, holder_on=None):
        """Every item whose check belongs to the month of ``month``: must and strive unless ``rules`` are given."""
        if rules is None:
            rules = [rule for rule in self.rules if rule.strength != Strength.INFORM]
        found = []
        for rule in rules:
            if rule.measure == Measure.RECORDS:
                for period in self.calendar.periods_ending_in(rule.per, month, rule.within_days):
                    found += self._item(rule, period, holder_on)
            else:
                found += self._standing_item(rule, month, holder_on)
        return found

    def items_running(self, *, rules=None, holder_on=None):
        """Items whose period holds today, and ended ones whose month is not closed yet."""
        months = {self.today.replace(day=1)}
        before = previous_month(self.today)
        if self.now < self.calendar.closing_at(before):
            months.add(before)
        if rules is None:
            rules = [rule for rule in self.rules if rule.strength != Strength.INFORM]
        found = {}
        for month in sorted(months):
            for item in self.items_of_month(month, rules=rules, holder_on=holder_on):
                if item.period.start <= self.today:
                    found[item.key] = item
        for rule in rules:
            if rule.measure != Measure.RECORDS:
                continue
            period = self.calendar.period_on(rule.per, self.today, rule.within_days)
            if period and period.start <= self.today <= period.end:
                for item in self._item(rule, period, holder_on):
                    found[item.key] = item
        return list(found.values())

    def item_on(self, rule, day):
        """The item of ``rule`` whose period (for a term: or the holiday before) holds ``day``, or None."""
        if rule.measure != Measure.RECORDS:
            return next(iter(self._standing_item(rule, day.replace(day=1), None)), None)
        period = self.calendar.period_on(rule.per, day, rule.within_days)
        return next(iter(self._item(rule, period, None)), None) if period else None

    def _standing_item(self, rule, month, holder_on):
        """A standing state is a snapshot of the month's last day; while the month runs, of today."""
        first = month.replace(day=1)
        if self.today < first:
            return []
        day = min(month_end(first), self.today)
        period = Period("month", first, month_end(first), first, day, month_end(first))
        return self._item(rule, period, holder_on)

    def _item(self, rule, period, holder_on):
        day = period.judge_day
        if day is None or rule.valid_from > day or (rule.valid_to and rule.valid_to < day):
            return []
        by_county, differing = self._dueness(period)
        if not by_county and not differing:
            return []
        return [
            Item(
                rule=rule,
                period=period,
                closes_at=self.calendar.closing_at(period.month),
                due_by_county=by_county,
                only_schools=None if by_county else frozenset(differing),
                not_schools=frozenset(differing) if by_county else frozenset(),
                replaced_at=self._replaced(rule, day),
                still_on=self._still_on(period),
                holder_on=holder_on or min(period.end, self.today),
            )
        ]

    def _dueness(self, period):
        """(due by the county's calendar, ids of schools where it is otherwise)."""
        key = (period.per, period.start, period.whole_end)
        if key not in self._due:
            by_county = self.calendar.is_due(period)
            differing = [
                school_id
                for school_id in self.calendar.schools_with_own_days()
                if self.calendar.is_due(period, school_id) != by_county
            ]
            self._due[key] = by_county, differing
        return self._due[key]

    def _replaced(self, rule, day):
        """Schools where an own rule, approved by the county, stands instead of this county's rule that day."""
        if rule.owner_id:
            return frozenset()
        return frozenset(
            own.owner_id
            for own in self.rules
            if own.owner_id
            and own.code == rule.code
            and own.replaces_county
            and own.approved_by_county_at
            and own.valid_from <= day
            and (own.valid_to is None or own.valid_to >= day)
        )

    def _still_on(self, period):
        """The period's last school day by the county's calendar (running: today), if later than the judge day."""
        if self.today <= period.end:
            day = self.today
        else:
            day = self.calendar.last_school_day(period.start, period.end)
        return day if day is not None and day > period.judge_day else None

    # Judging

    def judge(self, items, *, children=None, centers=None, staff=None):
        """Duties of ``items``, one per subject that owes. ``children`` (a queryset), ``centers`` (a queryset or
        ids), ``staff`` (ids) narrow the subjects; a kind of subject is left out by passing an empty list or ``Child.objects.none()``.
        """
        by_subject = defaultdict(list)
        for item in items:
            by_subject[item.rule.subject].append(item)
        duties = []
        for subject, wanted in by_subject.items():
            narrowed = {Subject.CHILD: children, Subject.CENTER: centers, Subject.STAFF: staff}.get(subject)
            if narrowed is not None and _is_empty(narrowed):
                continue
            for start in range(0, len(wanted), MOST_ITEMS):
                duties += self._judge(subject, wanted[start : start + MOST_ITEMS], children, centers, staff)
        self._settle(duties)
        return duties

    def _judge(self, subject, items, children, centers, staff):
        scope = _scope(children) if children is not None and subject == Subject.CHILD else None
        if subject == Subject.CENTER and hasattr(centers, "query"):
            centers = _scope(centers)
        text, params = ledger_sql.statement(
            items, subject=subject, county_id=self.county.pk, moment=self.now,
            children=scope, centers=centers, staff=staff,
        )  # fmt: skip
        with connection.cursor() as cursor:
            cursor.execute(text, params)
            rows = cursor.fetchall()
        duties = []
        for (
            number,
            subject_id,
            school_id,
            class_id,
            holder_enrollment,
            holder_class,
            still_there,
            done,
            in_time,
        ) in rows:
            item = items[number]
            if subject == Subject.COUNTY:
                subject_id = self.county.pk
            duties.append(
                Duty(
                    item, subject_id, school_id, class_id,
                    holder_class if holder_enrollment or subject != Subject.CHILD else class_id,
                    done, in_time, "" if still_there else LEFT_WITHIN_PERIOD,
                )
            )  # fmt: skip
        return duties

    def _settle(self, duties):
        """The state of each, the first that fits."""
        excuses = self._excuses(duties)
        for duty in duties:
            left, rule = duty.state == LEFT_WITHIN_PERIOD, duty.rule
            if _enough(rule, duty.in_time):
                duty.state = State.MET
            elif _enough(rule, duty.done):
                duty.state = State.MET_LATE
            elif excuse := _covering(excuses.get((rule.subject, duty.subject_id), ()), duty):
                duty.state, duty.excuse_uid = State.EXCUSED, excuse.uid
            elif left:
                duty.state, duty.excuse_reason = State.EXCUSED, LEFT_WITHIN_PERIOD
            elif self.today <= duty.period.end:
                duty.state = State.UPCOMING
            else:
                duty.state = State.MISSED

    def _excuses(self, duties):
        if all(_enough(duty.rule, duty.in_time) for duty in duties):
            return {}
        first = min(duty.period.start for duty in duties)
        last = max(duty.period.end for duty in duties)
        rows = Excuse.objects.filter(
            Q(revoked_at=None) | Q(revoked_at__gt=self.now),
            county=self.county,
            approved_at__lte=self.now,
            starts_on__lte=last,
            ends_on__gte=first,
        )
        found = defaultdict(list)
        for row in rows.order_by("pk"):
            found[row.subject_kind, row.subject_id].append(row)
        return found


def _scope(queryset):
    """The ids of a queryset as a piece of the statement."""
    text, params = queryset.order_by().values("pk").distinct().query.sql_with_params()
    return ledger_sql.Sql(text, list(params))


def _is_empty(narrowed):
    return narrowed.query.is_empty() if hasattr(narrowed, "query") else not narrowed


def _enough(rule, number):
    return rule.minimum <= number and (
        rule.measure == Measure.RECORDS or rule.maximum is None or number <= rule.maximum
    )


def _covering(excuses, duty):
    """The first single excuse that covers at least half of the period's days and names the rule (or none)."""
    period = duty.period
    for excuse in excuses:
        overlap = (min(excuse.ends_on, period.end) - max(excuse.starts_on, period.start)).days + 1
        named = (
            not excuse.rule_codes
            or duty.rule.code in excuse.rule_codes
            or duty.rule.label in excuse.rule_codes
        )
        if named and overlap > 0 and overlap * 2 >= period.days:
            return excuse
    return None


@dataclass
class Counts:
    """Subject-periods by state. Coverage (完成率) and fulfilment (应做次数完成率) are the only two rates in use."""

    met: int = 0
    met_late: int = 0
    excused: int = 0
    upcoming: int = 0
    missed: int = 0
    days_done: int = 0
    days_owed: int = 0

    def add(self, duty):
        """Counts one duty."""
        found, state, rule = self.__dict__, duty.state, duty.item.rule
        found[state] += 1
        if state != State.EXCUSED and rule.measure == Measure.RECORDS:
            minimum, done = rule.minimum, duty.done
            self.days_done += done if done < minimum else minimum
            self.days_owed += minimum

    def __add__(self, other):
        return Counts(
            **{name: getattr(self, name) + getattr(other, name) for name in self.__dataclass_fields__}
        )

    @property
    def due(self):
        """应做: all that is owed, excused ones included."""
        return self.met + self.met_late + self.missed + self.excused + self.upcoming

    @property
    def counted(self):
        """What the rates divide by: due without the excused."""
        return self.due - self.excused

    @property
    def open(self):
        """还差: still to be done."""
        return self.missed + self.upcoming

    @property
    def coverage(self):
        """完成率, 0–1, 补录 included; None (shown as —) when nothing was due."""
        return (self.met + self.met_late) / self.counted if self.counted else None

    @property
    def fulfilment(self):
        """应做次数完成率 for rules of more than one day, 0–1; None when nothing was due."""
        return self.days_done / self.days_owed if self.days_owed else None


def tally(duties, key):
    """Counts of duties grouped by ``key(duty)``."""
    found = defaultdict(Counts)
    for duty in duties:
        found[key(duty)].add(duty)
    return dict(found)
