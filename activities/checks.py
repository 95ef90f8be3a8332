"""The monthly check (月度核对) and its closing (结账).

Every night until the closing day the month before is judged and stored; then it is closed for the county, as known
at the closing moment, however late the job runs. Afterwards only amendments are written, beside the closed rows.
The database is the truth: which month is owed stands in ``MonthlyCheck``, the broker only rings. Run twice, at once,
or after a crash: the same rows, because they are upserted under natural keys and an older look never overwrites a newer.
"""

from dataclasses import dataclass, field

from django.db import transaction
from django.utils import timezone

from registry.calendar import Calendar, CalendarNotConfirmed, next_month, previous_month
from registry.models import County
from trust import audit

from .holders import Holders
from .ledger import Counts, Ledger, tally
from .models import Amendment, DutyRule, Finding, MonthlyCheck, State, Tally

audit.name_actions(check_month="核对月份", close_month="月份结账", explain_duty="查看要求的说明")
audit.name_kinds(MonthlyCheck="月度核对")

STORED = (State.MISSED, State.MET_LATE, State.EXCUSED)
BATCH = 1000


class TooEarlyToClose(Exception):
    """A month closes at its closing moment, never before."""


@dataclass
class Line:
    """One finding as shown: a duty missed, met late or excused."""

    rule: DutyRule
    subject_kind: str
    subject_id: int
    period_start: object
    period_end: object
    state: str
    done: int
    minimum: int
    school_id: int | None
    class_id: int | None
    responsible_id: int | None


@dataclass
class Report:
    """The check of one month: counts per rule version, findings, whether it is closed."""

    county: County
    month: object
    closed: bool
    closes_at: object
    counts: dict = field(default_factory=dict)  # (rule, school id, class id) -> Counts
    lines: list = field(default_factory=list)
    rules: list = field(default_factory=list)

    def by_rule(self, school_id=None):
        """{label: Counts}; every checked rule has its line, also where nothing was due."""
        found = {rule.label: Counts() for rule in self.rules}
        for (rule, school, _), counts in self.counts.items():
            if school_id is None or school == school_id:
                found[rule.label] = found.get(rule.label, Counts()) + counts
        return dict(sorted(found.items()))

    def by_rule_in(self, school_ids):
        """{rule: Counts} over these schools; rules without any due subject there are left out."""
        found = {}
        for (rule, school, _), counts in self.counts.items():
            if school in school_ids:
                found[rule] = found.get(rule, Counts()) + counts
        return dict(sorted(found.items(), key=lambda pair: pair[0].label))

    def findings(self, school_id=None):
        """The lines of one school, or all."""
        return [line for line in self.lines if school_id is None or line.school_id == school_id]


def look(county, month, *, now=None, calendar=None):
    """The check as it would stand at ``now``; writes nothing. After the closing moment: as known at that moment.

    Raises CalendarNotConfirmed when the school year is not confirmed.
    """
    calendar = calendar or Calendar.of(county)
    calendar.require_confirmed(month)
    now = now or timezone.now()
    closes_at = calendar.closing_at(month)
    ledger = Ledger(county, now=min(now, closes_at), calendar=calendar)
    items = ledger.items_of_month(month)
    duties = ledger.judge(items)
    return _report(ledger, month, duties, closed=now >= closes_at)


def stored(county, month):
    """The closed check as it was written, or None while the month is open."""
    check = (
        MonthlyCheck.objects.filter(county=county, month=month.replace(day=1)).exclude(closed_at=None).first()
    )
    if check is None:
        return None
    rules = {rule.pk: rule for rule in DutyRule.objects.filter(county=county).select_related("owner")}
    counts = {}
    seen = {pk: rule for pk, rule in rules.items() if rule.active and rule.strength != "inform"}
    for row in Tally.objects.filter(county=county, month=check.month):
        rule = rules[row.rule_id]
        seen[rule.pk] = rule
        key = (rule, row.school_id, row.school_class_id)
        counts[key] = counts.get(key, Counts()) + Counts(
            row.met, row.met_late, row.excused, row.upcoming, row.missed, row.days_done, row.days_owed
        )
    findings = Finding.objects.filter(county=county, month=check.month, state__in=STORED)
    lines = [
        Line(
            rules[row.rule_id], row.subject_kind, row.subject_id, row.period_start, row.period_end, row.state, row.done,
            row.minimum, row.school_id, row.school_class_id, row.responsible_id,
        )
        for row in findings.order_by("period_start", "subject_id")
    ]  # fmt: skip
    return Report(county, check.month, True, check.closes_at, counts, lines, list(seen.values()))


def month_report(county, month, *, now=None):
    """What boards and workbooks show of a month: the closed rows, else the check as it stands now."""
    return stored(county, month) or look(county, month, now=now)


def check_month(county, month, *, now=None, by=None):
    """Judges and stores the month; closes it once its closing moment has passed; amends it once closed.

    ``by`` = who asked (None: the nightly run). Returns the ``Report``. Raises CalendarNotConfirmed.
    """
    month = month.replace(day=1)
    now = now or timezone.now()
    calendar = Calendar.of(county)
    calendar.require_confirmed(month)
    closes_at = calendar.closing_at(month)
    check, _ = MonthlyCheck.objects.get_or_create(
        county=county, month=month, defaults={"closes_at": closes_at}
    )
    if check.closed_at:
        _amend(county, month, now=now, calendar=calendar)
        return stored(county, month)
    closing = now >= closes_at
    ledger = Ledger(county, now=min(now, closes_at), calendar=calendar)
    duties = ledger.judge(ledger.items_of_month(month))
    report = _report(ledger, month, duties, closed=closing)
    _store(check, report, duties, moment=ledger.now, closing=closing, now=now, by=by)
    if closing:
        _amend(county, month, now=now, calendar=calendar)
        return stored(county, month)
    return report


def close_month(county, month, *, now=None, by=None):
    """Closes the month for the whole county. Raises TooEarlyToClose before the closing moment."""
    now = now or timezone.now()
    closes_at = Calendar.of(county).closing_at(month)
    if now < closes_at:
        raise TooEarlyToClose(
            f"{month:%Y年%-m月}要到{timezone.localtime(closes_at):%Y-%m-%d %H:%M}才结账，在这之前不能提前结账。"
        )
    return check_month(county, month, now=now, by=by)


def months_owed(county, now=None):
    """Months whose check is owed now: the month before until closed, and earlier ones left open or never looked at."""
    now = now or timezone.now()
    before = previous_month(timezone.localtime(now).date())
    checked = dict(
        MonthlyCheck.objects.filter(county=county, month__lte=before).values_list("month", "closed_at")
    )
    month = next_month(max(checked)) if checked else before
    while month <= before:  # months that nobody looked at: the machine was off over the summer
        checked[month] = None
        month = next_month(month)
    return sorted(month for month, closed_at in checked.items() if closed_at is None)


def check_due_months(now=None):
    """Checks every owed month of every county; a county whose calendar is not confirmed is left for its board to say."""
    done = []
    for county in County.objects.order_by("pk"):
        for month in months_owed(county, now):
            try:
                done.append(check_month(county, month, now=now))
            except CalendarNotConfirmed:
                continue
    return done


def close_overdue_months(now=None):
    """Closes months whose closing moment has passed, should the night's run have been missed; else does nothing."""
    now = now or timezone.now()
    done = []
    for county in County.objects.order_by("pk"):
        calendar = Calendar.of(county)
        for month in months_owed(county, now):
            if now < calendar.closing_at(month):
                continue
            try:
                done.append(check_month(county, month, now=now))
            except CalendarNotConfirmed:
                continue
    return done


def stored_before(county, month, moment):
    """The closed rows, if the month was closed and ``moment`` lies after its closing; else None."""
    report = stored(county, month)
    return report if report and moment >= report.closes_at else None


def _report(ledger, month, duties, *, closed):
    holders = Holders(ledger.county, [duty for duty in duties if duty.state in STORED])
    rules = [rule for rule in ledger.rules if rule.strength != "inform"]
    lines = [
        Line(
            duty.rule, duty.rule.subject, duty.subject_id, duty.period.start, duty.period.end, duty.state, duty.done,
            duty.rule.minimum, duty.school_id, duty.class_id, holders.of(duty),
        )
        for duty in duties
        if duty.state in STORED
    ]  # fmt: skip
    lines.sort(key=lambda line: (line.rule.label, line.period_start, line.subject_id))
    # By number first: hashing a rule for each of the duties costs more than counting them.
    by_pk = {rule.pk: rule for rule in ledger.rules}
    tallied = tally(duties, lambda duty: (duty.item.rule.id, duty.school_id, duty.class_id))
    counts = {(by_pk[pk], school, place): found for (pk, school, place), found in tallied.items()}
    closes_at = ledger.calendar.closing_at(month)
    return Report(ledger.county, month.replace(day=1), closed, closes_at, counts, lines, rules)


def _store(check, report, duties, *, moment, closing, now, by):
    """Writes findings and tallies in one short transaction, unless a newer look was stored meanwhile."""
    holders = {
        (line.rule.pk, line.subject_kind, line.subject_id, line.period_start): line for line in report.lines
    }
    key_of = {}
    findings = []
    for duty in duties:
        key = (duty.rule.pk, duty.rule.subject, duty.subject_id, duty.period.start)
        key_of[key] = duty.state
        if duty.state in STORED:
            findings.append(
                Finding(
                    rule_id=duty.rule.pk, subject_kind=duty.rule.subject, subject_id=duty.subject_id,
                    period_start=duty.period.start, period_end=duty.period.end, month=check.month,
                    county_id=check.county_id, school_id=duty.school_id, school_class_id=duty.class_id,
                    state=duty.state, done=duty.done, minimum=duty.rule.minimum,
                    responsible_id=holders[key].responsible_id, excuse_uid=duty.excuse_uid,
                    excuse_reason=duty.excuse_reason, updated_at=moment,
                )
            )  # fmt: skip
    tallies = [
        Tally(
            rule_id=rule, period_start=start, period_end=end, month=check.month, county_id=check.county_id,
            school_id=school, school_class_id=school_class, school_key=school or 0, class_key=school_class or 0,
            met=c.met, met_late=c.met_late, excused=c.excused, upcoming=c.upcoming, missed=c.missed,
            days_done=c.days_done, days_owed=c.days_owed,
        )
        for (rule, start, end, school, school_class), c in tally(
            duties,
            lambda d: (d.item.rule.id, d.item.period.start, d.item.period.end, d.school_id, d.class_id),
        ).items()
    ]  # fmt: skip
    with transaction.atomic():
        row = MonthlyCheck.objects.select_for_update().get(pk=check.pk)
        # The closing look is the last word, also where the closing day was moved forward to before the latest look.
        if row.closed_at or (not closing and row.checked_at and row.checked_at > moment):
            return
        Finding.objects.bulk_create(
            findings, batch_size=BATCH, update_conflicts=True,
            unique_fields=["rule", "subject_kind", "subject_id", "period_start"],
            update_fields=[
                "period_end", "school", "school_class", "state", "done", "minimum", "responsible", "excuse_uid",
                "excuse_reason", "updated_at",
            ],
        )  # fmt: skip
        _settle_gone(check, key_of, moment)
        Tally.objects.filter(county=check.county_id, month=check.month).delete()
        Tally.objects.bulk_create(tallies, batch_size=BATCH)
        row.checked_at, row.closes_at = moment, report.closes_at
        if closing:
            row.closed_at = now
        row.save()
        audit.record(
            "close_month" if closing else "check_month", by=by, kind="MonthlyCheck", uid=row.uid,
            count=len(findings), detail=f"{check.month:%Y-%m}",
        )  # fmt: skip


def _settle_gone(check, key_of, moment):
    """Rows stored by an earlier look that are no finding any more stay, as met or as not applicable."""
    gone = {State.MET: [], State.NOT_APPLICABLE: []}
    rows = Finding.objects.filter(county=check.county_id, month=check.month)
    for pk, was, *key in rows.values_list(
        "pk", "state", "rule", "subject_kind", "subject_id", "period_start"
    ):
        state = key_of.get(tuple(key), State.NOT_APPLICABLE)
        if state not in STORED:
            state = State.MET if state == State.MET else State.NOT_APPLICABLE
            if was != state:
                gone[state].append(pk)
    for state, pks in gone.items():
        for start in range(0, len(pks), BATCH):
            Finding.objects.filter(pk__in=pks[start : start + BATCH]).update(state=state, updated_at=moment)


def _amend(county, month, *, now, calendar):
    """Compares what is known now with the closed rows; differences stand beside them as amendments."""
    closes_at = calendar.closing_at(month)
    then = {}
    for duty in _judged(county, month, min(now, closes_at), calendar):
        then[_key(duty)] = duty.state
    rows = Finding.objects.filter(county=county, month=month).values_list(
        "rule", "subject_kind", "subject_id", "period_start", "state", "period_end", "school"
    )
    closed = {tuple(row[:4]): row[4:] for row in rows}
    amendments, current = [], {}
    for duty in _judged(county, month, now, calendar):
        key = _key(duty)
        # A duty without a row was met at closing, or it was not owed then: a fact dated back brought it.
        was = State.MET if then.get(key) == State.MET else State.NOT_APPLICABLE
        was = closed[key][0] if key in closed else was
        current[key] = duty.state
        if was != duty.state:
            amendments.append(
                _amendment(
                    county, month, key, duty.period.end, duty.school_id, was, duty.state, duty.done, now
                )
            )
    for key, (was, period_end, school_id) in closed.items():
        if key not in current and was != State.NOT_APPLICABLE:
            amendments.append(
                _amendment(county, month, key, period_end, school_id, was, State.NOT_APPLICABLE, 0, now)
            )
    wanted = {(a.rule_id, a.subject_kind, a.subject_id, a.period_start) for a in amendments}
    with transaction.atomic():
        Amendment.objects.bulk_create(
            amendments, batch_size=BATCH, update_conflicts=True,
            unique_fields=["rule", "subject_kind", "subject_id", "period_start"],
            update_fields=["state", "done", "school", "updated_at"],
        )  # fmt: skip
        # A change that was taken back (an entry cancelled again) is the closed state once more.
        stale = [
            pk
            for pk, *key in Amendment.objects.filter(county=county, month=month).values_list(
                "pk", "rule", "subject_kind", "subject_id", "period_start"
            )
            if tuple(key) not in wanted
        ]
        Amendment.objects.filter(pk__in=stale).delete()


def _judged(county, month, moment, calendar):
    ledger = Ledger(county, now=moment, calendar=calendar)
    return ledger.judge(ledger.items_of_month(month))


def _key(duty):
    return duty.rule.pk, duty.rule.subject, duty.subject_id, duty.period.start


def _amendment(county, month, key, period_end, school_id, was, state, done, now):
    rule_id, subject_kind, subject_id, period_start = key
    return Amendment(
        rule_id=rule_id, subject_kind=subject_kind, subject_id=subject_id, period_start=period_start, period_end=period_end,
        month=month, county_id=county.pk, school_id=school_id, closed_state=was, state=state, done=done, updated_at=now,
    )  # fmt: skip


__all__ = [
    "CalendarNotConfirmed", "Report", "TooEarlyToClose", "check_due_months", "check_month", "close_month", "close_overdue_months", "look",
    "month_report", "months_owed", "stored", "stored_before",
]  # fmt: skip
