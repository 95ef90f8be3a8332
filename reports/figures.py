"""Figures: one function per number, with its definition (口径), its date and the list behind it.

Boards and workbooks both ask here, and here asks the duty ledger or, for a closed month, what the check stored: they
cannot disagree. A month that runs, or is not closed yet, is judged as it is asked for; a closed month is read from
the closed tallies and findings, and what came to be known afterwards stands beside it (``amendments``).
"""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date

from django.db.models import Count, Sum

from activities import checks
from activities.holders import Holders
from activities.ledger import Counts, Ledger
from activities.models import (
    Amendment,
    DutyRule,
    Finding,
    Measure,
    MonthlyCheck,
    Opening,
    RecordKind,
    State,
    Strength,
    Subject,
    Tally,
)
from activities.today import form_kind
from registry.calendar import month_end, next_month, previous_month
from registry.models import ActivityCenter, CareListSpell, Child, Enrollment

LONGER = ("quarter", "half_year", "term", "school_year", "year")
PER_WORDS = {
    "day": "每天", "week": "每周", "half_month": "每半月", "month": "每月", "quarter": "本季度", "half_year": "这半年",
    "term": "本学期", "school_year": "本学年", "year": "今年",
}  # fmt: skip
TALLIED = ("met", "met_late", "excused", "upcoming", "missed", "days_done", "days_owed")

# What a list of duties may be asked for, beside the five states.
DUE, DONE, OPEN = "due", "done", "open"
STATES_OF = {
    DUE: frozenset({State.MET, State.MET_LATE, State.EXCUSED, State.MISSED, State.UPCOMING}),
    DONE: frozenset({State.MET, State.MET_LATE}),
    OPEN: frozenset({State.MISSED, State.UPCOMING}),
    **{state: frozenset({state}) for state in State.values if state != State.NOT_APPLICABLE},
}


# --- head-counts -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class HeadCount:
    """在册 children: how many, where, by which definition, on which day."""

    total: int
    by_place: dict  # (school id, class id or None) -> number
    definition: str
    day: date

    def at_school(self, school_id):
        """Number at one school."""
        return sum(n for (school, _), n in self.by_place.items() if school == school_id)

    def in_class(self, class_id):
        """Number in one class."""
        return sum(n for (_, school_class), n in self.by_place.items() if school_class == class_id)


def listed_seats(county, day, *, schools=None, classes=None):
    """Enrollments in force on ``day`` of children on the care list that day: what a head-count counts."""
    listed = CareListSpell.objects.on(day).values("child")
    seats = Enrollment.objects.on(day).filter(school__county=county, child__in=listed)
    if schools is not None:
        seats = seats.filter(school__in=schools)
    if classes is not None:
        seats = seats.filter(school_class__in=classes)
    return seats


def head_count(county, day, *, schools=None, classes=None, by_class=True):
    """在册且在校: children on the care list and enrolled on ``day``. One query."""
    seats = listed_seats(county, day, schools=schools, classes=classes)
    places = ("school", "school_class") if by_class else ("school",)
    rows = seats.order_by().values(*places).annotate(n=Count("child", distinct=True))
    by_place = {(row["school"], row.get("school_class")): row["n"] for row in rows}
    return HeadCount(sum(by_place.values()), by_place, county.definition, day)


# --- duties of a month -----------------------------------------------------------------------------------------------


@dataclass
class MonthDuties:
    """The duties of one month in a scope: counts by rule version, school and class; while open also each duty."""

    county: object
    month: date
    closed: bool
    closes_at: object
    counts: dict = field(default_factory=dict)  # (rule, school id, class id) -> Counts
    duties: list | None = None  # None once closed: then the findings are the list

    def by_rule(self, rules=()):
        """{label: Counts} in the order of labels; each of ``rules`` has its line, also where nothing was due."""
        found = {rule.label: Counts() for rule in rules}
        for (rule, _, _), counts in self.counts.items():
            found[rule.label] = found.get(rule.label, Counts()) + counts
        return dict(sorted(found.items()))

    def by_class(self, label):
        """{class id or None: Counts} of one rule."""
        found = {}
        for (rule, _, class_id), counts in self.counts.items():
            if rule.label == label:
                found[class_id] = found.get(class_id, Counts()) + counts
        return found

    def by_school(self):
        """{(school id, code): Counts} as the county compares: the county's rules, or what it approved in their place."""
        found = {}
        for (rule, school_id, _), counts in self.counts.items():
            if compared(rule):
                key = school_id, rule.code
                found[key] = found.get(key, Counts()) + counts
        return found

    @property
    def rules(self):
        """One version per label that has counts, by label."""
        return one_per_label(rule for rule, _, _ in self.counts)


def compared(rule):
    """Whether a rule's figures leave the school: the county's own, or one it approved instead of its own."""
    return rule.owner_id is None or (rule.replaces_county and rule.approved_by_county_at is not None)


def one_per_label(rules):
    """The newest version of each label, must before strive."""
    newest = {}
    for rule in rules:
        if rule.label not in newest or rule.valid_from > newest[rule.label].valid_from:
            newest[rule.label] = rule
    # Must before strive: what is only encouraged stands apart.
    return sorted(newest.values(), key=lambda rule: (rule.strength != Strength.MUST, rule.label))


def duty_counts(
    county, month, *, schools=None, classes=None, ledger=None, rules=None, holder_on=None, now=None
):
    """应做、已完成、补录、已豁免、未完成、还差 of ``month``: the closed tallies, else the ledger as it stands.

    ``schools`` and ``classes`` are sets of ids; ``holder_on`` names the day whose holders answer (else the period's
    last). Raises CalendarNotConfirmed.
    """
    month = month.replace(day=1)
    ledger = ledger or Ledger(county, now=now)
    ledger.calendar.require_confirmed(month)
    closes_at = ledger.calendar.closing_at(month)
    if ledger.now >= closes_at:
        if MonthlyCheck.objects.filter(county=county, month=month, closed_at__isnull=False).exists():
            found = closed_counts(
                county, [month], closes_at, schools=schools, classes=classes, rules=rules, known=ledger.rules
            )
            return found[month]
        ledger = Ledger(county, now=closes_at, calendar=ledger.calendar, rules=ledger.rules)
    items = ledger.items_of_month(month, rules=rules, holder_on=holder_on)
    duties = judged(ledger, items, schools=schools, classes=classes)
    return live_counts(county, month, closes_at, duties)


def live_counts(county, month, closes_at, duties):
    """Counts of judged duties."""
    found = MonthDuties(county, month, False, closes_at, duties=list(duties))
    for duty in found.duties:
        key = duty.rule, duty.school_id, duty.class_id
        found.counts.setdefault(key, Counts()).add(duty)
    return found


def closed_counts(
    county, months, closes_at=None, *, schools=None, classes=None, rules=None, known=(), by_class=True
):
    """{month: MonthDuties} of checked months from the stored tallies: one query, whatever their number.

    ``rules`` narrow what is read; those ``known`` need not be fetched.
    """
    rows = Tally.objects.filter(county=county, month__in=months)
    if schools is not None:
        rows = rows.filter(school__in=schools)
    if classes is not None:
        rows = rows.filter(school_class__in=classes)
    if rules is not None:
        rows = rows.filter(rule__in=[rule.pk for rule in rules])
    places = ("school", "school_class") if by_class else ("school",)
    rows = (
        rows.order_by()
        .values("month", "rule", *places)
        .annotate(**{f"n_{name}": Sum(name) for name in TALLIED})
    )
    rows = list(rows)
    known = _rules_of(county, {row["rule"] for row in rows}, known)
    found = {month: MonthDuties(county, month, True, closes_at) for month in months}
    for row in rows:
        key = known[row["rule"]], row["school"], row.get("school_class")
        found[row["month"]].counts[key] = Counts(**{name: row[f"n_{name}"] for name in TALLIED})
    return found


def _rules_of(county, ids, rules):
    """Rule versions by id; a query only for those (retired ones) that are not among ``rules``."""
    known = {rule.pk: rule for rule in rules}
    if ids - known.keys():
        missing = DutyRule.objects.filter(county=county, pk__in=ids - known.keys()).select_related("owner")
        known |= {rule.pk: rule for rule in missing}
    return known


def judged(ledger, items, *, schools=None, classes=None):
    """Duties of ``items`` owed at ``schools`` (in ``classes``); everywhere in the county when None."""
    if schools is None:
        return ledger.judge(items)
    ever_here = Enrollment.objects.valid().filter(school__in=schools)
    duties = ledger.judge(
        items,
        children=Child.objects.filter(pk__in=ever_here.values("child")),
        centers=ActivityCenter.objects.filter(school__in=schools),
    )
    return [
        duty for duty in duties if duty.school_id in schools and (classes is None or duty.class_id in classes)
    ]


def longer_items(ledger, *, rules=None):
    """Items of quarters, terms and years that run today and end in a later month: their way so far."""
    found = []
    for rule in rules if rules is not None else ledger.rules:
        if rule.strength == Strength.INFORM or rule.per not in LONGER:
            continue
        item = ledger.item_on(rule, ledger.today)
        if item and item.period.start <= ledger.today and item.period.end > month_end(ledger.today):
            found.append(item)
    return found


def closed_months(county, months):
    """Those of ``months`` whose check is closed."""
    return set(
        MonthlyCheck.objects.filter(county=county, month__in=months, closed_at__isnull=False).values_list(
            "month", flat=True
        )
    )


def months_back(day, number):
    """First days of the ``number`` months that end with the month of ``day``, oldest first."""
    months = [day.replace(day=1)]
    while len(months) < number:
        months.append(previous_month(months[-1]))
    return months[::-1]


def month_trend(county, *, schools=None, classes=None, number=12, ledger=None):
    """{month: MonthDuties} of the last months, oldest first: closed ones as closed, the others as they stand now.

    A month that was never judged (before the first day of use, summer, calendar not confirmed) is left out.
    """
    ledger = ledger or Ledger(county)
    months = months_back(ledger.today, number)
    closed = closed_months(county, months)
    found = closed_counts(county, sorted(closed), schools=schools, classes=classes, known=ledger.rules)
    for month in months:
        closes_at = ledger.calendar.closing_at(month)
        if month in closed or month < previous_month(ledger.today):
            continue
        try:
            ledger.calendar.require_confirmed(month)
        except checks.CalendarNotConfirmed:
            continue
        known = ledger
        if ledger.now >= closes_at:
            known = Ledger(county, now=closes_at, calendar=ledger.calendar, rules=ledger.rules)
        duties = judged(known, known.items_of_month(month), schools=schools, classes=classes)
        found[month] = live_counts(county, month, closes_at, duties)
    return {month: found[month] for month in months if month in found and found[month].counts}


# --- the lists behind the numbers ------------------------------------------------------------------------------------


def duty_lines(
    figures, *, label="", states=STATES_OF[DUE], ledger=None, schools=None, classes=None, holders=None
):
    """The duties behind a number of ``figures``: rows as ``checks.Line``, one per subject and period.

    Of a closed month the findings are the list; what was met then is judged again as known at the closing moment.
    """
    if figures.duties is not None:
        duties = [d for d in figures.duties if d.state in states and (not label or d.rule.label == label)]
        holders = holders or Holders(figures.county, duties)
        return [_line(duty, holders.of(duty)) for duty in duties]
    lines = _closed_lines(figures, label, states, schools, classes)
    if State.MET in states:
        lines += _met_then(figures, label, ledger, schools, classes)
    return lines


def _line(duty, responsible_id):
    return checks.Line(
        duty.rule, duty.rule.subject, duty.subject_id, duty.period.start, duty.period.end, duty.state, duty.done,
        duty.rule.minimum, duty.school_id, duty.class_id, responsible_id,
    )  # fmt: skip


def _findings(figures, schools, classes):
    rows = Finding.objects.filter(county=figures.county, month=figures.month, state__in=checks.STORED)
    if schools is not None:
        rows = rows.filter(school__in=schools)
    if classes is not None:
        rows = rows.filter(school_class__in=classes)
    return rows


def _closed_lines(figures, label, states, schools, classes):
    rules = {rule.pk: rule for rule, _, _ in figures.counts}
    wanted = [pk for pk, rule in rules.items() if not label or rule.label == label]
    rows = _findings(figures, schools, classes).filter(rule__in=wanted, state__in=states)
    return [
        checks.Line(
            rules[row.rule_id], row.subject_kind, row.subject_id, row.period_start, row.period_end, row.state, row.done,
            row.minimum, row.school_id, row.school_class_id, row.responsible_id,
        )
        for row in rows.order_by("period_start", "subject_id")
    ]  # fmt: skip


def _met_then(figures, label, ledger, schools, classes):
    """Met duties are kept as numbers only; who they were is judged again as known at the closing moment."""
    ledger = ledger or Ledger(figures.county)
    then = Ledger(
        figures.county,
        now=ledger.calendar.closing_at(figures.month),
        calendar=ledger.calendar,
        rules=ledger.rules,
    )
    rules = [
        rule for rule in then.rules if rule.strength != Strength.INFORM and (not label or rule.label == label)
    ]
    duties = judged(then, then.items_of_month(figures.month, rules=rules), schools=schools, classes=classes)
    found = set(
        _findings(figures, schools, classes).values_list("rule", "subject_kind", "subject_id", "period_start")
    )
    met = [
        duty
        for duty in duties
        if duty.state == State.MET
        and (duty.rule.pk, duty.rule.subject, duty.subject_id, duty.period.start) not in found
    ]
    holders = Holders(figures.county, met)
    return [_line(duty, holders.of(duty)) for duty in met]


def amendments(county, month, *, schools=None, classes=None):
    """What came to be known of a closed month afterwards, beside the closed rows.

    For some ``classes`` only: of children who have sat in one of them.
    """
    rows = Amendment.objects.filter(county=county, month=month)
    if schools is not None:
        rows = rows.filter(school__in=schools)
    if classes is not None:
        seats = Enrollment.objects.valid().filter(school_class__in=classes)
        rows = rows.filter(subject_kind=Subject.CHILD, subject_id__in=seats.values("child"))
    return rows.order_by("rule", "period_start", "subject_id")


# --- who needs help --------------------------------------------------------------------------------------------------


@dataclass
class NeedsHelp:
    """A child (or a person) with open duties, most open first. Never a rate, never a rank."""

    pk: int
    duties: list

    @property
    def missed(self):
        """Whose day has passed."""
        return [duty for duty in self.duties if duty.state == State.MISSED]

    @property
    def number(self):
        """Number of open duties."""
        return len(self.duties)

    @property
    def children(self):
        """Number of children they are about."""
        return len({duty.subject_id for duty in self.duties if duty.rule.subject == Subject.CHILD})


def who_needs_help(duties, *, month=None):
    """Children by open must duties: those missed first, then those open by the month's end."""
    found = defaultdict(list)
    for duty in duties:
        if duty.is_open and duty.rule.subject == Subject.CHILD and duty.rule.strength == Strength.MUST:
            found[duty.subject_id].append(duty)
    rows = [
        NeedsHelp(pk, sorted(open_, key=lambda d: (d.period.end, d.rule.label)))
        for pk, open_ in found.items()
    ]
    return sorted(rows, key=lambda row: (-len(row.missed), -row.number, row.pk))


def people_who_need_help(county, duties, *, holders=None):
    """People by the open must duties they answer for, most first; under None those nobody answers for.

    ``holders`` of stored lines is ``StoredHolders``; of judged duties it is asked of the posts.
    """
    open_ = [d for d in duties if d.state in STATES_OF[OPEN] and d.rule.strength == Strength.MUST]
    holders = holders or Holders(county, open_)
    found = defaultdict(list)
    for duty in open_:
        found[holders.of(duty)].append(duty)
    rows = [NeedsHelp(pk, sorted(mine, key=lambda d: d.rule.label)) for pk, mine in found.items()]
    return sorted(rows, key=lambda row: (row.pk is not None, -row.number, row.pk or 0))


class StoredHolders:
    """Whoever a stored finding names."""

    def of(self, line):
        """Id of the staff member who answered on the period's last day."""
        return line.responsible_id


# --- the center ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class CenterWeek:
    """One due week of one center: the days it opened, and how the ledger judges it."""

    center_id: int
    start: date
    state: str


def center_weeks(ledger, centers, first, last):
    """该开的周 of these centers from ``first`` to ``last``: weekly opening duties as the ledger judges them."""
    items = {}
    for rule in ledger.rules:
        if rule.subject != Subject.CENTER or rule.per != "week" or not compared(rule):
            continue
        month = first.replace(day=1)
        while month <= month_end(last):
            for item in ledger.items_of_month(month, rules=[rule]):
                if first <= item.period.end and item.period.start <= last:
                    items[item.key] = item
            month = next_month(month)
    duties = ledger.judge(list(items.values()), centers=list(centers), children=Child.objects.none())
    return sorted(
        (CenterWeek(duty.subject_id, duty.period.start, duty.state) for duty in duties),
        key=lambda week: (week.start, week.center_id),
    )


def center_openings(centers, first, last):
    """{(center id, day): visitors (None = not counted)} of the openings from ``first`` to ``last``."""
    rows = Opening.objects.valid().filter(center__in=centers, day__range=(first, last))
    return {
        (center, day): visitors for center, day, visitors in rows.values_list("center", "day", "visitors")
    }


# --- words -----------------------------------------------------------------------------------------------------------


def percent(rate):
    """88.7 from 0.887; None stays None (—)."""
    return None if rate is None else round(rate * 100, 1)


def kind_of(rule):
    """The kind of record whose icon a rule carries."""
    kind = form_kind(rule)
    return "activity" if kind == "attendance" else kind


def short_name(rule):
    """谈心, 联系家长: the rule in one word, where its whole name stands elsewhere on the page."""
    if rule.measure != Measure.RECORDS:
        return "包保"
    return RecordKind(form_kind(rule)).label


def class_order(school_class, school):
    """The school's own classes, lowest grade first, then those of its 教学点; children without a class last."""
    if school_class is None:
        return (1, False, 0, 0, 0)
    away = school_class.school_id != school.pk
    return (0, away, school_class.school_id if away else 0, school_class.grade_on(), school_class.number)


__all__ = [
    "CenterWeek", "HeadCount", "MonthDuties", "NeedsHelp", "amendments", "center_openings", "center_weeks", "closed_counts",
    "compared", "duty_counts", "duty_lines", "head_count", "judged", "live_counts", "month_trend", "people_who_need_help", "percent",
    "who_needs_help",
]  # fmt: skip
