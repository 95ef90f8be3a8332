"""Whom a row of a list speaks of: a child by ID number, or by name and class; a member of staff by name. Nothing is guessed:
namesakes, and a class that does not fit, are asked.
"""

import re
from dataclasses import dataclass, field

from registry import values
from registry.models import GRADE_NAMES, Enrollment, Post

from ..situation import CHILD_SECRETS, schools_of

_BETWEEN = re.compile(r"[、,，;；/\n]+")
_STAFF_NAME = re.compile(r"[㐀-鿿·]{2,12}")
_SUFFIX = re.compile(r"(?:老师|教师|校长|主任)$")


@dataclass
class Ask:
    """A question about a row: ``key`` names it in the batch's answers, ``options`` are (uid, words)."""

    key: str
    words: str
    options: list


@dataclass
class Found:
    """Who was found, or why nobody; with a question where a person can say."""

    who: object = None
    why: str = ""
    ask: Ask | None = None


@dataclass
class People:
    """Children who sat at a school between two days, and its staff; three statements. ``answers``: {key: uid}."""

    children: dict = field(default_factory=dict)  # name -> [(child, [seat, …])]
    numbers: dict = field(default_factory=dict)  # index of the ID number -> child
    staff: dict = field(default_factory=dict)  # name -> [staff]
    posts: dict = field(default_factory=dict)  # staff id -> posts of today in words
    answers: dict = field(default_factory=dict)

    def child(self, place, name, class_text, id_number, day):
        """The child of a row. ``place``: sheet and row, for the question's key."""
        if id_number:
            known = self.numbers.get(values.id_number_index(id_number))
            if known is not None and known.name == name:
                return Found(known)
        several = self.children.get(name, [])
        fitting = [child for child, seats in several if _fits(seats, class_text, day)]
        if len(fitting) == 1 and (class_text or len(several) == 1):
            return Found(fitting[0])
        if not several:
            return Found(why=f"学校的名册里没有“{name}”，先导入名册再传，或者核对姓名")
        why = (
            "有同名的孩子，请选是哪一个"
            if len(several) > 1
            else f"班级对不上（表里写的是{class_text}），请核对"
        )
        options = [(child.uid.hex, f"{name}（{_class_words(seats, day)}）") for child, seats in several]
        return self._asked(f"{place}|child|{name}", why, options, [child for child, _ in several])

    def teacher(self, place, name):
        """The member of staff of a row."""
        several = self.staff.get(name, [])
        if len(several) == 1:
            return Found(several[0])
        if not several:
            return Found(
                why=f"没有叫“{name}”的本校教职工，请核对姓名，或先登记岗位" if name else "没写是哪位教师"
            )
        options = [(one.uid.hex, f"{name}（{self.posts.get(one.pk) or '没有岗位'}）") for one in several]
        return self._asked(f"{place}|staff|{name}", "有同名的教师，请选是哪一位", options, several)

    def _asked(self, key, why, options, rows):
        chosen = next((row for row in rows if row.uid.hex == self.answers.get(key)), None)
        if chosen is not None:
            return Found(chosen)
        return Found(why=why, ask=Ask(key, why, options))


def people_of(school, first, last, staff, answers):
    """Who can be meant in a list of ``school`` between two days; ``staff``: a queryset."""
    seats = Enrollment.objects.overlapping(first, last).filter(school__in=schools_of(school))
    seats = seats.select_related("child", "school_class__school").order_by("child", "starts_on")
    seats = seats.defer(*(f"child__{name}" for name in CHILD_SECRETS))
    by_child = {}
    for seat in seats:
        by_child.setdefault(seat.child_id, []).append(seat)
    found = People(answers=answers)
    for own in by_child.values():
        child = own[0].child
        found.children.setdefault(child.name, []).append((child, own))
        if child.id_number_index:
            found.numbers[child.id_number_index] = child
    for one in staff.order_by("pk"):
        found.staff.setdefault(one.name, []).append(one)
    posts = Post.objects.today().filter(staff__in=staff).order_by("pk")
    for post in posts.select_related("county", "district", "school", "school_class__school", "center"):
        told = found.posts.get(post.staff_id)
        found.posts[post.staff_id] = f"{told}、{post}" if told else str(post)
    return found


def _fits(seats, class_text, day):
    """Whether the class a row names is one of the child's, as it was called that day or is called now."""
    said = values.read_class(class_text) if class_text else None
    if said is None or not (said.grade or said.school_class):
        return True
    number = re.sub(r"\D", "", said.school_class or "")
    for seat in seats:
        if seat.school_class is None:
            continue
        same_number = not number or str(seat.school_class.number) == number
        names = {GRADE_NAMES.get(seat.school_class.grade_on(one)) for one in (day, None)}
        same_grade = not said.grade or said.grade in names
        same_entry = not said.entry_year or seat.school_class.entry_year == said.entry_year
        if same_number and same_grade and same_entry:
            return True
    return False


def _class_words(seats, day):
    seat = seats[-1]
    return seat.school_class.name_on(day) if seat.school_class else "还没分班"


def names_in(cell):
    """The names of children in one cell: 安小一、薄小二."""
    found = [values.read_name(part).value for part in _BETWEEN.split(str(cell or ""))]
    return [name for name in found if name]


def staff_name(cell):
    """A teacher's name without 老师 and a phone: 张桂兰老师 13800000000 → 张桂兰."""
    name = values.with_name_dots(values.clean_text(cell).replace(" ", ""))
    match = _STAFF_NAME.search(name)
    if match is None:
        return ""
    return _SUFFIX.sub("", match[0]) or match[0]
