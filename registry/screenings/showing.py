"""What the pages of a screening show of a class: each child with last term's answer beside what stands there today."""

from dataclasses import dataclass, field

from ..models import AwayType, Child, Enrollment, ScreeningAnswer, ScreeningEntry
from .hand_in import pictures
from .rolls import GONE, changes_since, is_open, is_pending, previous_of

# As a class teacher says it.
WORDS = {
    "": "还没确认",
    ScreeningAnswer.UNCHANGED: "没有变化",
    ScreeningAnswer.CHANGED: "有变化",
    ScreeningAnswer.NEW: "新增",
    ScreeningAnswer.HOME_AGAIN: "不再在册",
    ScreeningAnswer.LEFT: "已离校",
}


@dataclass
class Row:
    """One child on a class's page."""

    entry: ScreeningEntry
    facts: list[str]
    before: str = ""
    touched: list[str] = field(default_factory=list)

    @property
    def child(self):
        """The child."""
        return self.entry.child

    @property
    def pending(self):
        """Whether something must still be said."""
        return is_pending(self.entry)

    @property
    def gone(self):
        """Left, or no longer on the list."""
        return self.entry.answer in GONE

    @property
    def said(self):
        """有变化：改由外婆带."""
        word = WORDS[self.entry.answer]
        return f"{word}：{self.entry.note}" if self.entry.note else word

    @property
    def by_itself(self):
        """Whether the facts gave the answer, not a person."""
        return bool(self.entry.answer) and self.entry.answered_by_id is None


def facts_in_words(picture):
    """父母双方外出 / 奶奶带 / 母亲在广东省东莞市: what a list says of a child."""
    words = [AwayType(picture["type"]).label if picture["type"] else "没有留守类型"]
    words.append(f"{picture['carer']}带" if picture["carer"] else "没填谁在带")
    words.append(picture["parents"] or "没填父母")
    if picture["boarding"]:
        words.append("住校")
    return words


def rows_of(roll, entries):
    """Rows of these entries: today's facts while the school may still change them, else the snapshot."""
    part = roll.part
    children = [entry.child_id for entry in entries]
    if is_open(part):
        shown = pictures(entries, part.school.county, roll.day)
        touched = changes_since(children, part.screening.opened_at)
    else:
        shown, touched = {entry.child_id: entry.snapshot for entry in entries}, {}
    before = _last_term(part, children)
    return [
        Row(
            entry=entry,
            facts=facts_in_words(shown[entry.child_id]) if shown[entry.child_id] else [],
            before=before.get(entry.child_id, ""),
            touched=touched.get(entry.child_id, []),
        )
        for entry in entries
    ]


def _last_term(part, children):
    """{child's pk: 上学期：有变化，父母双方外出，奶奶带} from the school's list of the term before."""
    previous = previous_of(part)
    if previous is None:
        return {}
    entries = ScreeningEntry.objects.filter(class_screening__school_screening=previous, child__in=children)
    found = {}
    for entry in entries:
        words = [WORDS[entry.answer]]
        if entry.snapshot.get("listed"):
            words += facts_in_words(entry.snapshot)[:2]
        found[entry.child_id] = "，".join(words)
    return found


def not_listed(class_part, user, day):
    """Children of the class that are not on the care list and whose file ``user`` may open, in pinyin order."""
    if class_part.school_class_id is None:
        return Child.objects.none()
    seated = Enrollment.objects.on(day).filter(school_class=class_part.school_class_id)
    listed = Child.objects.listed_on(day).values("pk")
    return (
        Child.objects.visible_to(user).filter(pk__in=seated.values("child")).exclude(pk__in=listed).by_name()
    )
