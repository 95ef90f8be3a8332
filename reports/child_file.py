"""一人一档: one child's whole file on one page. Who cares for the child, what is owed now, the story so far.

The file is a page, not a table: everything on it is read from where it was entered once. How much of it a reader sees
is asked of ``registry.access.sight_of``.
"""

from dataclasses import dataclass, replace
from datetime import date

from django.db.models import BigIntegerField, Case, CharField, DateField, F, UUIDField, Value, When
from django.db.models.functions import Cast, Coalesce, Concat
from django.urls import reverse
from django.utils import timezone

from activities import contacts
from activities.ledger import Ledger
from activities.models import DropoutCase, Measure, State, Strength, Subject
from pairing.models import HelpPlan, Pairing, PairingKind, PlanKind, Transfer, TransferState
from registry import access, completeness, definitions, families
from registry.access import Act, Show
from registry.calendar import CalendarNotConfirmed, month_end, previous_month
from registry.models import AwayType, CareListSpell, Child, Hardship, OpenQuestion, Trait, TraitKind
from registry.roster.meanings import words_of
from trust.masking import mask_id_number

from . import figures

STORY = 12
WHOLE_STORY = 300


@dataclass(frozen=True)
class Spell:
    """One dated fact about the child as the page reads it; ``note`` holds a reason or a name."""

    tag: str
    starts_on: date
    ends_on: date | None
    kind: str
    note: str
    uid: object
    staff_id: int | None = None

    def in_force_on(self, day):
        """Whether it holds on ``day``."""
        return self.starts_on <= day and (self.ends_on is None or self.ends_on >= day)

    @property
    def word(self):
        """The fact in words; 困境 by its kind."""
        if self.tag == "trait" and self.note:
            return Hardship(self.note).label
        choices = {
            "care": AwayType,
            "trait": TraitKind,
            "pairing": PairingKind,
            "plan": PlanKind,
            "transfer": TransferState,
        }[self.tag]
        return choices(self.kind).label


@dataclass(frozen=True)
class Sibling:
    """A brother or sister as the page names it."""

    uid: object
    name: str
    openable: bool
    seat: None = None


def facts_of(child, user):
    """Care list, traits, ties, open questions, brothers and sisters of a child: {tag: [Spell]}, newest first, in one query."""

    def row(rows, tag, starts_on, ends_on, kind, note, staff=None):
        return rows.order_by().values_list(
            Value(tag, output_field=CharField()),
            Cast(starts_on, DateField()),
            Cast(ends_on, DateField()),
            Cast(kind, CharField()),
            Cast(note, CharField()),
            Cast("uid", UUIDField()),
            Cast(staff or Value(None), BigIntegerField()),
        )

    nothing = Value("")
    spells = row(
        CareListSpell.objects.valid().filter(child=child), "care", F("starts_on"), F("ends_on"), F("type"), F("end_reason")
    ).union(
        row(
            Trait.objects.valid().filter(child=child), "trait", F("starts_on"), F("ends_on"), F("kind"), F("detail")
        ),
        row(
            Pairing.objects.valid().filter(child=child), "pairing", F("starts_on"), F("ends_on"), F("kind"),
            Coalesce("staff__name", "peer__name", "helper_name"), F("staff"),
        ),
        row(
            HelpPlan.objects.valid().filter(child=child), "plan", F("starts_on"), F("ends_on"), F("kind"), F("review_on")
        ),
        row(
            OpenQuestion.objects.filter(child=child, answered_at=None), "question", Value(None), Value(None), F("field"),
            F("message"),
        ),
        row(
            DropoutCase.objects.filter(child=child, closed_on=None), "absent", F("absent_since"), Value(None), nothing,
            nothing,
        ),
        row(
            Transfer.objects.filter(child=child), "transfer", F("last_day"), Value(None), F("state"),
            Concat("from_school__name", Value(" → "), "to_school__name"),
        ),
        row(
            families.household_of(child, user), "sibling", Value(None), Value(None),
            Case(When(openable=True, then=Value("open")), default=nothing), F("name"),
        ),
        all=True,
    )  # fmt: skip
    found = {
        "care": [],
        "trait": [],
        "pairing": [],
        "plan": [],
        "question": [],
        "transfer": [],
        "absent": [],
        "sibling": [],
    }
    for values in spells:
        found[values[0]].append(Spell(*values))
    for tag in ("care", "trait", "pairing", "plan", "transfer"):
        found[tag].sort(key=lambda spell: spell.starts_on, reverse=True)
    return found


@dataclass
class DutyRow:
    """One duty of the child, as its file shows it."""

    duty: object
    kind: str
    name: str
    words: str
    why_url: str
    log_url: str
    inform: bool


def duties_of(child, *, now=None, may_log=False):
    """(what is owed now and what was missed last month, sentence where the calendar is not confirmed)."""
    ledger = Ledger(child.county, now=now)
    this, last = ledger.today.replace(day=1), previous_month(ledger.today)
    try:
        ledger.calendar.require_confirmed(this)
    except CalendarNotConfirmed as refusal:
        return [], str(refusal)
    # What is only for information is computed where it is shown, which is here.
    rules = [rule for rule in ledger.rules if rule.subject == Subject.CHILD]
    items = {item.key: item for item in ledger.items_running(rules=rules)}
    items |= {item.key: item for item in ledger.items_of_month(last, rules=rules)}
    duties = ledger.judge(list(items.values()), children=Child.objects.filter(pk=child.pk))
    rows = [
        _duty_row(child, duty, ledger.today, may_log)
        for duty in duties
        if duty.period.start <= ledger.today <= duty.period.end
        or (duty.state == State.MISSED and duty.rule.strength != Strength.INFORM)
    ]
    rows.sort(
        key=lambda row: (row.duty.state == State.MISSED, row.inform, row.duty.period.end, row.duty.rule.label)
    )
    return rows, ""


def _duty_row(child, duty, today, may_log):
    rule, period = duty.rule, duty.period
    kind = figures.kind_of(rule)
    day = min(period.end, today) if rule.measure != Measure.RECORDS else period.start
    log_url = ""
    if may_log and duty.is_open and rule.measure == Measure.RECORDS and kind not in ("activity", "opening"):
        way = "&channel=in_person" if rule.channels == ["in_person"] else ""
        log_url = f"{reverse('activities:contact_new')}?child={child.uid}&kind={kind}{way}"
    return DutyRow(
        duty, kind, rule.name, _words(duty), reverse("activities:duty_why", args=[child.uid, rule.label, day.isoformat()]),
        log_url, rule.strength == Strength.INFORM,
    )  # fmt: skip


def _words(duty):
    """“还没有，11月30日前”, “要 2 次，已有 1 次”, “10月没有够数的记录”."""
    rule, period = duty.rule, duty.period
    until = f"{period.end:%-m月%-d日}前"
    if duty.state == State.EXCUSED:
        return duty.excuse_reason or "已批准豁免"
    if rule.measure != Measure.RECORDS:
        if duty.is_open:
            return "还没有包保教师" if duty.done < rule.minimum else "多于一位，请调整"
        return "有包保教师"
    if duty.state == State.MISSED:
        span = f"{period.start.month}月" if rule.per == "month" else f"{period.start:%-m月%-d日}起这一段"
        return f"{span}没有够数的记录，点开看为什么"
    if duty.state == State.MET_LATE:
        return f"做了 {duty.done} 次，登记晚了"
    if duty.state == State.MET:
        return f"要 {rule.minimum} 次，已有 {duty.done} 次"
    return f"要 {rule.minimum} 次，已有 {duty.done} 次，{until}" if duty.done else f"还没有，{until}"


def child_file(child, user, enrollments, *, whole_story=False):
    """Everything the page shows of ``child`` to ``user``, in a fixed number of queries. ``enrollments``: the valid ones,
    newest first, with school and class.
    """
    today = timezone.localdate()
    seat = next((one for one in enrollments if _sits(one, today)), None)
    sits = seat is not None
    seat = seat or next((one for one in enrollments if one.starts_on <= today), None)
    # The loader took the child from ``visible_to``: the file is open to this reader.
    child.file_open = True
    facts = facts_of(child, user)
    child.tied_staff = {tie.staff_id for tie in facts["pairing"] if tie.staff_id and tie.in_force_on(today)}
    sight = access.sight_of(user, child, seat)
    family = families.family_of(child)
    listed = next((spell for spell in facts["care"] if spell.in_force_on(today)), None)
    may_log = access.may(user, Act.LOG_CONTACTS)
    duties, unconfirmed = duties_of(child, may_log=may_log)
    school = seat.school if seat else None
    most = WHOLE_STORY if whole_story else STORY
    story = contacts.timeline(child, user, most + 1, enrollment=seat, sight=sight)
    return {
        "child": child,
        "seat": seat,
        "sits": sits,
        "enrollments": enrollments,
        "sight": sight,
        "shows_phone": sight.phone != Show.NO,
        "shows_address": sight.phone == Show.CALL,
        "reveals_address": sight.phone == Show.MASKED,
        "shows_id_number": sight.id_number != Show.NO,
        "id_number": mask_id_number(child.id_number),
        "may_edit": seat is not None
        and access.may(user, Act.EDIT_CHILDREN, school=school, school_class=seat.school_class),
        "may_print": seat is not None
        and access.may(user, Act.PRINT_FORMS, school=school, school_class=seat.school_class),
        "may_log": may_log,
        "may_excuse": sits and access.may(user, Act.REQUEST_EXCUSE, school=school),
        "sees_readers": school is not None and access.may(user, Act.READ_AUDIT, school=school),
        "family": family,
        "siblings": [Sibling(one.uid, one.note, one.kind == "open") for one in facts["sibling"]],
        "away": definitions.away_word(family),
        "listed": listed,
        "disagreement": definitions.disagreement(family, _as_care_list(listed)),
        "traits": [spell for spell in facts["trait"] if spell.in_force_on(today)],
        "care_list": facts["care"],
        "all_traits": facts["trait"],
        "pairings": facts["pairing"],
        "plans": [spell for spell in facts["plan"] if spell.in_force_on(today)],
        "primary": [
            tie for tie in facts["pairing"] if tie.in_force_on(today) and tie.kind == PairingKind.PRIMARY
        ],
        "paired": [spell for spell in facts["pairing"] if spell.in_force_on(today)],
        "questions": [replace(one, kind=words_of(one.kind)) for one in facts["question"]],
        "transfers": facts["transfer"],
        "absent": next(iter(facts["absent"]), None),
        "moving": next((one for one in facts["transfer"] if one.kind == TransferState.SENT), None),
        "may_move": seat is not None and access.may(user, Act.IMPORT_ROSTER, school=school),
        "untalked": listed is not None and sits and _new_and_untalked(enrollments, seat, story, today),
        "missing": completeness.missing_of(
            child, family.adults, seat if sits else None, _as_care_list(listed)
        ),
        "duties": duties,
        "unconfirmed": unconfirmed,
        "days_left": (month_end(today) - today).days,
        "timeline": story[:most],
        "more_story": len(story) > most and not whole_story,
        "today": today,
    }


def _new_and_untalked(enrollments, seat, story, today):
    """Whether the child came from another school this month and nobody has talked with it since the month began.

    The open duty stays with the school of the judge day; this is a hint for the new one, never an entry of the ledger.
    """
    first = today.replace(day=1)
    before = [one.school_id for one in enrollments if one.starts_on < seat.starts_on]
    if seat.starts_on < first or not before or before[0] == seat.school_id:
        return False
    return not any(
        entry.kind == "talk" and entry.day >= first and not entry.cancelled and entry.reached
        for entry in story
    )


def _sits(enrollment, day):
    return enrollment.in_force_on(day) and (
        enrollment.school_class is None or enrollment.school_class.ends_on >= day
    )


def _as_care_list(spell):
    """An unsaved spell of the care list for a question that asks for one."""
    return CareListSpell(type=spell.kind, starts_on=spell.starts_on) if spell else None
