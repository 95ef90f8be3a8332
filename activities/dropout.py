"""控辍保学 (C097): a child stays away from school; what was done, what is due next, how it ended.

Calls and visits are contacts and are read, never asked again; only what is no contact (劝返, 复学通知书, 书面报告) is a
step of its own. When each is due stands in ``STEPS`` with its source.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from registry.going_on import when_children_go_on
from registry.models import Enrollment
from trust import audit

from .models import Contact, ContactKind, DropoutCase, DropoutOutcome, DropoutStep, StepKind

WEEK = 7

audit.name_kinds(dropoutcase="控辍保学")
audit.name_actions(
    list_dropout="查看控辍保学名单",
    open_dropout="查看控辍保学",
    count_dropout="查看控辍保学人数",
    open_dropout_case="登记未到校",
    add_dropout_step="登记劝返步骤",
    close_dropout_case="控辍保学结案",
)


@dataclass(frozen=True)
class Rule:
    """A step and the days after the first absent day by which it is due; ``source`` says who asks for it."""

    code: str
    words: str
    after: int
    source: str


SAME_DAY = "学校惯例：不明原因未到校，当天联系、当天家访"
OVER_A_WEEK = "县里惯例：超过一周未到校，劝返、送达复学通知书、书面报告"
STEPS = (
    Rule("call", "打电话问家长", 0, SAME_DAY),
    Rule("visit", "上门家访", 0, SAME_DAY),
    Rule(StepKind.PERSUADED, "劝返", WEEK, OVER_A_WEEK),
    Rule(StepKind.NOTICE, "送达复学通知书", WEEK, OVER_A_WEEK),
    Rule(StepKind.REPORTED, "书面报告乡镇、教育局", WEEK, OVER_A_WEEK),
)
READ = {ContactKind.GUARDIAN_CONTACT: "call", ContactKind.HOME_VISIT: "visit"}


# --- what happens ------------------------------------------------------------------------------------------------------


def open_case(child, *, by, absent_since, reason="", submission=None):
    """The child has been absent without leave since ``absent_since``. The same form sent twice is one case."""
    if submission is not None:
        known = DropoutCase.objects.filter(uid=submission, child=child).first()
        if known is not None:
            return known
    if absent_since > timezone.localdate():
        raise ValidationError({"absent_since": "日期不能在今天之后"})
    if not Enrollment.objects.on(absent_since).filter(child=child).exists():
        raise ValidationError({"absent_since": "这一天孩子不在校，请核对日期"})
    case = DropoutCase(child=child, absent_since=absent_since, reason=reason.strip(), opened_by=by)
    if submission is not None:
        case.uid = submission
    try:
        with transaction.atomic():
            case.full_clean()
            case.save()
            audit.record("open_dropout_case", by=by, kind="dropoutcase", uid=case, child=child)
    except IntegrityError:  # sent twice at once, or by two people
        raise ValidationError("刚才已经有人登记了，请刷新再看") from None
    return case


def add_step(case, *, by, kind, day, note="", submission=None):
    """A step that is no contact, on its day."""
    if submission is not None:
        known = DropoutStep.objects.filter(uid=submission, case=case).first()
        if known is not None:
            return known
    _check_day(case, day, "day")
    if case.closed_on:
        raise ValidationError("已经结案，不用再登记")
    step = DropoutStep(case=case, kind=kind, day=day, note=note.strip(), recorded_by=by)
    if submission is not None:
        step.uid = submission
    with transaction.atomic():
        step.full_clean()
        step.save()
        audit.record(
            "add_dropout_step", by=by, kind="dropoutcase", uid=case, child=case.child,
            detail=step.get_kind_display(),
        )  # fmt: skip
    return step


def close_case(case, *, by, closed_on, outcome, expected):
    """How it ended; raises VersionConflict when somebody else saved the case since ``expected``."""
    if outcome not in DropoutOutcome.values:
        raise ValidationError({"outcome": "请选结果"})
    _check_day(case, closed_on, "closed_on")
    with transaction.atomic():
        case.closed_on, case.outcome, case.closed_by = closed_on, outcome, by
        case.full_clean()
        case.save_version(expected, update_fields=["closed_on", "outcome", "closed_by"])
        audit.record(
            "close_dropout_case", by=by, kind="dropoutcase", uid=case, child=case.child,
            detail=case.get_outcome_display(),
        )  # fmt: skip
    return case


@when_children_go_on
def close_those_gone_on(children, *, day, by):
    """Open cases of children that another school has: 已转学就读, from that day, today if it lies ahead."""
    cases = list(
        DropoutCase.objects.select_for_update()
        .filter(child__in=children, closed_on=None)
        .select_related("child")
    )
    for case in cases:
        case.closed_on = max(min(day, timezone.localdate()), case.absent_since)
        case.outcome, case.closed_by, case.version = DropoutOutcome.TRANSFERRED, by, case.version + 1
    DropoutCase.objects.bulk_update(cases, ["closed_on", "outcome", "closed_by", "version"])
    if cases:
        audit.record_many(
            "close_dropout_case", by=by, kind="dropoutcase", children=[case.child for case in cases],
            detail=DropoutOutcome.TRANSFERRED.label,
        )  # fmt: skip


def _check_day(case, day, field):
    if day < case.absent_since:
        raise ValidationError({field: f"不能早于未到校的那天（{case.absent_since:%Y-%m-%d}）"})
    if day > timezone.localdate():
        raise ValidationError({field: "日期不能在今天之后"})


# --- how far it has come -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Step:
    """One asked-for step of a case: when it was done first, or by when it is due."""

    rule: Rule
    due_on: date
    done_on: date | None
    reached: bool
    late: bool  # not done and the day has passed


@dataclass
class Progress:
    """A case as a list shows it."""

    case: DropoutCase
    days: int  # days absent, the first included
    steps: list
    taken: list  # [(day, words, note)] what was done, the oldest first

    @property
    def next_step(self):
        """The first step not done, or None."""
        return next((step for step in self.steps if step.done_on is None), None)


def progress_of(cases, today):
    """[Progress] of cases with their child, with two queries however many there are."""
    cases = list(cases)
    steps, contacts = defaultdict(list), defaultdict(list)
    for step in DropoutStep.objects.filter(case__in=cases).order_by("day", "pk"):
        steps[step.case_id].append(step)
    first = min((case.absent_since for case in cases), default=today)
    rows = Contact.objects.filter(
        child__in=[case.child_id for case in cases], kind__in=list(READ), day__gte=first, cancelled_at=None
    )
    for child, kind, day, reached in rows.order_by("day", "pk").values_list(
        "child", "kind", "day", "reached"
    ):
        contacts[child].append((kind, day, reached))
    return [_progress(case, steps[case.pk], contacts[case.child_id], today) for case in cases]


def _progress(case, steps, contacts, today):
    last = case.closed_on or today
    done, taken = {}, []
    for kind, day, reached in contacts:
        if case.absent_since <= day <= last:
            done.setdefault(READ[kind], []).append((day, reached))
            words = ContactKind(kind).label if reached else f"{ContactKind(kind).label}（没联系上）"
            taken.append((day, words, ""))
    for step in steps:
        done.setdefault(step.kind, []).append((step.day, True))
        taken.append((step.day, step.get_kind_display(), step.note))
    shown = []
    for rule in STEPS:
        times = done.get(rule.code, [])
        due_on = case.absent_since + timedelta(days=rule.after)
        done_on = times[0][0] if times else None
        shown.append(
            Step(
                rule, due_on, done_on, any(reached for _, reached in times), done_on is None and due_on < last
            )
        )
    return Progress(case, (last - case.absent_since).days + 1, shown, sorted(taken, key=lambda one: one[0]))


def open_cases(user):
    """Open cases of children whose file the user may open, the longest absent first."""
    return DropoutCase.objects.visible_to(user).filter(closed_on=None).select_related("child")


def counts_by_school(schools, today):
    """[(school, open, open over a week, closed this school year as back)]: counts only, with two queries."""
    seats = Enrollment.objects.on(today).filter(school__in=schools)
    school_of = dict(
        seats.filter(child__in=DropoutCase.objects.values("child")).values_list("child", "school")
    )
    found = defaultdict(lambda: [0, 0, 0])
    year = date(today.year if today.month >= 9 else today.year - 1, 9, 1)
    cases = DropoutCase.objects.filter(child__in=school_of).filter(Q(closed_on=None) | Q(closed_on__gte=year))
    rows = cases.values_list("child", "absent_since", "closed_on", "outcome")
    for child, since, closed_on, outcome in rows:
        numbers = found[school_of[child]]
        if closed_on is None:
            numbers[0] += 1
            numbers[1] += since + timedelta(days=WEEK) < today
        elif outcome == DropoutOutcome.BACK:
            numbers[2] += 1
    return [(school, *found[school.pk]) for school in schools if school.pk in found]
