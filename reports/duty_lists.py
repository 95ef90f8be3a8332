"""The list behind a number: who owes what, how it stands, who answers for it. Names only to those who may know them."""

from dataclasses import dataclass
from datetime import date

from django.core.exceptions import ValidationError
from django.db.models import Exists, OuterRef
from django.urls import reverse

from activities.models import DutyRule, Measure, State, Subject
from pairing import cover
from registry.models import ActivityCenter, Child, SchoolClass, Staff

from . import figures

STATE_WORDS = {
    figures.DUE: "应做",
    figures.DONE: "做到的",
    figures.OPEN: "还没做到",
    **{state: State(state).label for state in State.values if state != State.NOT_APPLICABLE},
}


@dataclass
class Asked:
    """What a list was asked for, read from the address; anything unreadable is not asked."""

    month: date
    label: str = ""
    state: str = figures.DUE
    school_class: object = None  # a SchoolClass, or "none" for children without a class
    person: object = None  # a Staff, or "none" for what nobody answers for
    cover: object = None  # a Staff who covers classes today (包班), or "none" for classes nobody covers
    covered: dict | None = None  # {class id: leader}, when asked by cover
    known: bool = True  # False: names something the reader does not see

    @property
    def states(self):
        """The states that fit."""
        return figures.STATES_OF[self.state]


def month_of(text, today):
    """The month written 2026-11, else this month."""
    try:
        return date.fromisoformat(f"{text}-01") if len(text or "") == 7 else today.replace(day=1)
    except ValueError:
        return today.replace(day=1)


def read(query, user, board, today):
    """The ``Asked`` of an address; what the reader may not see answers ``known=False``."""
    state = query.get("state", "")
    asked = Asked(
        month=month_of(query.get("month", ""), today),
        label=query.get("rule", "")[:40],
        state=state if state in figures.STATES_OF else figures.DUE,
    )
    asked.school_class, seen = _one(
        query.get("class", ""), SchoolClass.objects.visible_to(user).filter(school__in=board.school_ids)
    )
    asked.person, seen_person = _one(query.get("person", ""), Staff.objects.visible_to(user))
    asked.cover, seen_cover = _one(query.get("cover", ""), Staff.objects.visible_to(user))
    if asked.cover is not None:
        asked.covered = cover.covered_on(board.school_ids, today)
    asked.known = seen and seen_person and seen_cover
    return asked


def _one(uid, rows):
    """(row, True), ("none", True), (None, True) when nothing was asked, (None, False) when it is not to be seen."""
    if uid in ("", "none"):
        return uid or None, True
    try:
        found = rows.filter(uid=uid).first()
    except ValidationError:  # no uuid
        found = None
    return found, found is not None


def narrowed(lines, asked):
    """Lines of the class and the person asked for."""
    if asked.school_class is not None:
        wanted = None if asked.school_class == "none" else asked.school_class.pk
        lines = [line for line in lines if line.class_id == wanted]
    if asked.cover is not None:
        leader = None if asked.cover == "none" else asked.cover
        lines = [
            line for line in lines if line.class_id is not None and asked.covered.get(line.class_id) == leader
        ]
    if asked.person is not None:
        wanted = None if asked.person == "none" else asked.person.pk
        lines = [line for line in lines if line.responsible_id == wanted]
    return sorted(
        lines, key=lambda line: (line.rule.label, line.class_id or 0, line.period_start, line.subject_id)
    )


@dataclass
class Row:
    """One line with its names, as the page shows it."""

    line: object
    name: str
    url: str
    why_url: str
    school_class: SchoolClass | None
    person: str
    word: str

    @property
    def span(self):
        """“11月”, or “11月2日—11月8日”."""
        start, end = self.line.period_start, self.line.period_end
        if self.line.rule.per == "month":
            return f"{start:%Y-%m}"
        return (
            f"{start:%Y-%m-%d}—{end:%m-%d}" if start.year == end.year else f"{start:%Y-%m-%d}—{end:%Y-%m-%d}"
        )

    @property
    def done_words(self):
        """“2 / 3”: done and asked."""
        return f"{self.line.done} / {self.line.minimum}"


def shown(lines, user):
    """Names for one page of lines: five queries at most, whatever the number of lines."""
    ids = {kind: {line.subject_id for line in lines if line.subject_kind == kind} for kind in Subject.values}
    children, openable = {}, set()
    if ids[Subject.CHILD]:
        may_open = Child.objects.visible_to(user).filter(pk=OuterRef("pk"))
        rows = (
            Child.objects.named_to(user)
            .filter(pk__in=ids[Subject.CHILD])
            .annotate(file_open=Exists(may_open))
        )
        children = {child.pk: child for child in rows}
        openable = {pk for pk, child in children.items() if child.file_open}
    staff_ids = {line.responsible_id for line in lines if line.responsible_id} | ids[Subject.STAFF]
    staff = dict(Staff.objects.filter(pk__in=staff_ids).values_list("pk", "name")) if staff_ids else {}
    centers = {}
    if ids[Subject.CENTER]:
        centers = {
            c.pk: c for c in ActivityCenter.objects.visible_to(user).filter(pk__in=ids[Subject.CENTER])
        }
    class_ids = {line.class_id for line in lines if line.class_id}
    classes = SchoolClass.objects.filter(pk__in=class_ids).select_related("school") if class_ids else ()
    classes = {one.pk: one for one in classes}
    rows = []
    for line in lines:
        name, url, why = "", "", ""
        if line.subject_kind == Subject.CHILD:
            child = children.get(line.subject_id)
            name = child.name if child else "现在不在本校的孩子"
            if child and line.subject_id in openable:
                url = child.get_absolute_url()
                day = line.period_end if line.rule.measure != Measure.RECORDS else line.period_start
                why = reverse("activities:duty_why", args=[child.uid, line.rule.label, day.isoformat()])
        elif line.subject_kind == Subject.CENTER:
            center = centers.get(line.subject_id)
            name, url = (
                (center.name, reverse("activities:center_detail", args=[center.uid])) if center else ("", "")
            )
        elif line.subject_kind == Subject.STAFF:
            name = staff.get(line.subject_id, "")
        elif line.subject_kind == Subject.CLASS and line.class_id in classes:
            name = str(classes[line.class_id])
        person = staff.get(line.responsible_id, "")
        rows.append(Row(line, name, url, why, classes.get(line.class_id), person, line.rule.name))
    return rows


def differs(counts, asked, number):
    """The number a closed month was closed with, where the list cannot say it any more; None where they agree.

    Who had met a duty is kept as a number only; the list is judged again as known then, and people or the calendar
    may have been put right since.
    """
    if not counts.closed or asked.person is not None or asked.cover is not None:
        return None
    wanted = None if asked.school_class in (None, "none") else asked.school_class.pk
    stored = sum(
        getattr(numbers, state)
        for (rule, _, class_id), numbers in counts.counts.items()
        for state in asked.states
        if (not asked.label or rule.label == asked.label)
        and (asked.school_class is None or class_id == wanted)
    )
    return stored if stored != number else None


@dataclass
class Change:
    """One amendment: what stood at closing and what is known now."""

    name: str
    url: str
    rule: DutyRule
    was: str
    now: str
    period_start: date
    why_url: str


def amended(rows, user):
    """Amendments with names, as the page shows them; at most 200."""
    rows = list(rows.select_related("rule__owner")[:200])
    ids = {row.subject_id for row in rows if row.subject_kind == Subject.CHILD}
    may_open = Child.objects.visible_to(user).filter(pk=OuterRef("pk"))
    children = (
        Child.objects.named_to(user).filter(pk__in=ids).annotate(file_open=Exists(may_open)) if ids else ()
    )
    children = {child.pk: child for child in children}
    centers = {row.subject_id for row in rows if row.subject_kind == Subject.CENTER}
    centers = ActivityCenter.objects.visible_to(user).in_bulk(centers) if centers else {}
    found = []
    for row in rows:
        child = children.get(row.subject_id) if row.subject_kind == Subject.CHILD else None
        center = centers.get(row.subject_id) if row.subject_kind == Subject.CENTER else None
        name = child.name if child else center.name if center else "现在不在本校的孩子"
        url = why = ""
        if child and child.file_open:
            url = child.get_absolute_url()
            why = reverse(
                "activities:duty_why", args=[child.uid, row.rule.label, row.period_start.isoformat()]
            )
        found.append(Change(name, url, row.rule, row.closed_state, row.state, row.period_start, why))
    return found
