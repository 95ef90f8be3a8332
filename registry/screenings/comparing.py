"""Two terms side by side: who joined the list, who left it and why, of whom something changed (C013)."""

from collections import defaultdict
from dataclasses import dataclass, field

from ..models import (
    AwayType,
    Child,
    ClassScreening,
    Enrollment,
    SchoolScreening,
    ScreeningAnswer,
    ScreeningEntry,
)
from .hand_in import class_words, pictures
from .rolls import HERE, OPEN_STATES, STANDING, Roll, is_open, previous_of

# What of the snapshot is compared, in the order of the sentence.
COMPARED = {"type": "留守类型", "carer": "照看人", "parents": "父母去向", "boarding": "寄宿"}
MERGED = "重复登记，已并到另一份档案"


@dataclass
class Line:
    """One child on one term's list."""

    child_id: int
    name: str
    class_id: int | None
    class_name: str
    answer: str
    note: str
    listed: bool
    facts: dict


@dataclass
class Change:
    """One child that joined, left or changed, with the reason in words."""

    child_id: int
    name: str
    class_id: int | None
    class_name: str
    why: str


@dataclass
class Comparison:
    """A school's (or class's) list against that of the term before."""

    part: object
    previous: object
    joined: list[Change] = field(default_factory=list)
    left: list[Change] = field(default_factory=list)
    changed: list[Change] = field(default_factory=list)
    same: int = 0
    before: int = 0
    now: int = 0


def lines_of(part, roll=None):
    """{child's pk: Line} of one school: from the snapshot once handed in, from the facts of today before."""
    if is_open(part):
        roll = roll or Roll(part)
        shown = pictures(roll.entries, part.school.county, roll.day)
        return {
            entry.child_id: _line(entry, entry.class_screening, shown[entry.child_id], roll.day)
            for entry in roll.entries
        }
    classes = {
        one.pk: one
        for one in ClassScreening.objects.filter(school_screening=part).select_related("school_class__school")
    }
    found = {}
    for entry in ScreeningEntry.objects.filter(STANDING, class_screening__in=classes):
        found[entry.child_id] = _line(
            entry, classes[entry.class_screening_id], entry.snapshot, part.screening.as_of
        )
    return found


def _line(entry, class_part, facts, day):
    return Line(
        child_id=entry.child_id,
        name=facts.get("name", ""),
        class_id=class_part.school_class_id,
        class_name=facts.get("class") or class_words(class_part, day),
        answer=entry.answer,
        note=entry.note,
        listed=entry.answer in HERE or not entry.answer,
        facts=facts,
    )


def compare(part, roll=None, school_class=None):
    """This term against the one before, for the school or one class; None where there is no term before.

    A class is compared with itself: who moved into it joined it.
    """
    previous = previous_of(part)
    if previous is None:
        return None
    now, before = lines_of(part, roll), lines_of(previous)
    result = Comparison(part, previous)
    ends = _ends(part.school_id, [pk for pk in before if pk not in now])
    for pk in {**before, **now}:
        old, new = before.get(pk), now.get(pk)
        was = old is not None and old.listed and _in(old, school_class)
        stays = new is not None and new.listed and _in(new, school_class)
        result.before, result.now = result.before + was, result.now + stays
        if stays and not was:
            result.joined.append(_change(new, _why_joined(old, new)))
        elif was and not stays:
            result.left.append(_change(new or old, _why_left(new, ends.get(pk, ""))))
        elif was and stays:
            words = _what_changed(old, new)
            if words:
                result.changed.append(_change(new, words))
            else:
                result.same += 1
    for changes in (result.joined, result.left, result.changed):
        changes.sort(key=lambda change: (change.class_name, change.name))
    return result


def _in(line, school_class):
    return school_class is None or line.class_id == school_class.pk


def _change(line, why):
    return Change(line.child_id, line.name, line.class_id, line.class_name, why)


def _why_joined(old, new):
    if old is not None and old.listed:
        return f"从{old.class_name}调来"
    words = "又回到名单上" if old is not None else "新增"
    return f"{words}：{new.note}" if new.note else words


def _why_left(new, end_reason):
    if new is None:
        return end_reason or "已离校"
    if new.listed:
        return f"调到{new.class_name}"
    word = "已离校" if new.answer == ScreeningAnswer.LEFT else "移出在册"
    return f"{word}：{new.note}" if new.note else word


def _ends(school_id, children):
    """{child's pk: why the last enrollment here ended}; a class that is over ended with graduation.

    Of a double that was merged since: that it was one.
    """
    found = {}
    rows = Enrollment.objects.valid().filter(child__in=children, school=school_id)
    for seat in rows.order_by("starts_on", "pk"):
        found[seat.child_id] = seat.end_reason or ("毕业" if seat.ends_on is None else "")
    merged = Child.objects.filter(pk__in=children).exclude(merged_into=None)
    return found | dict.fromkeys(merged.values_list("pk", flat=True), MERGED)


def _what_changed(old, new):
    words = []
    for key, word in COMPARED.items():
        one, other = old.facts.get(key), new.facts.get(key)
        if one != other:
            words.append(f"{word}{_said(key, one)} → {_said(key, other)}")
    if not words and new.answer == ScreeningAnswer.CHANGED:
        words.append(new.note)
    return "；".join(words)


def _said(key, value):
    if key == "boarding":
        return "住校" if value else "不住校"
    if key == "type":
        return AwayType(value).label if value else "没填"
    return value or "没填"


def county_changes(parts):
    """{school's pk: (joined, left)} of the handed-in parts against each school's term before. Three queries; no names."""
    parts = [part for part in parts if not is_open(part)]
    before_of = {}
    previous = _previous_parts(parts)
    now = _listed_children([part.pk for part in parts])
    then = _listed_children(list(previous.values()))
    for part in parts:
        earlier = previous.get(part.pk)
        if earlier is not None:
            here, was = now[part.pk], then[earlier]
            before_of[part.school_id] = (len(here - was), len(was - here))
    return before_of


def _previous_parts(parts):
    """{part's pk: the pk of the same school's last handed-in part before it}. One query."""
    if not parts:
        return {}
    rows = (
        SchoolScreening.objects.filter(school__in=[part.school_id for part in parts])
        .exclude(state__in=OPEN_STATES)
        .order_by("screening__as_of")
        .values_list("pk", "school_id", "screening__as_of")
    )
    by_school = defaultdict(list)
    for pk, school, as_of in rows:
        by_school[school].append((as_of, pk))
    found = {}
    for part in parts:
        earlier = [pk for as_of, pk in by_school[part.school_id] if as_of < part.screening.as_of]
        if earlier:
            found[part.pk] = earlier[-1]
    return found


def _listed_children(parts):
    found = defaultdict(set)
    rows = ScreeningEntry.objects.filter(
        class_screening__school_screening__in=parts, snapshot__listed=True
    ).values_list("class_screening__school_screening", "child")
    for part, child in rows:
        found[part].add(child)
    return found
