"""Finding a child (查找): by characters, pinyin or its initials, exact ID number, exact phone.

What was typed never stands in an address, a log or the audit trail; the entry says by what was searched and how many
were found.
"""

import re
from dataclasses import dataclass

from django.db.models import Q, Value
from django.db.models.functions import Replace

from trust import audit

from . import values
from .models import Child, Kinship, Phone

MOST = 60
SHORTEST_PHONE = 5
WORDS = {"name": "姓名", "pinyin": "拼音", "id_number": "身份证号", "phone": "电话"}


@dataclass
class Found:
    """Children found, by what, and whether there were more than are shown."""

    by: str
    children: list
    more: bool = False
    flaw: str = ""

    @property
    def word(self):
        """姓名, 拼音, 身份证号, 电话."""
        return WORDS[self.by]


def find_children(user, typed):
    """Search for ``user``; one audit entry. Numbers are looked up only among children whose file may be opened."""
    by, children, flaw = _look_up(user, values.clean_text(typed))
    rows = list(children.by_name()[: MOST + 1])
    found = Found(by, rows[:MOST], len(rows) > MOST, flaw)
    audit.record(
        "search_children", by=user, kind="child", count=len(found.children), detail=f"按{found.word}"
    )
    return found


def _look_up(user, text):
    compact = re.sub(r"[\s\-]", "", text)
    if re.fullmatch(r"\d{17}[\dXx×]|\d{15}", compact):
        return "id_number", *_by_id_number(user, compact)
    if re.fullmatch(r"\+?[\d()]+", compact):
        return "phone", *_by_phone(user, compact)
    if re.fullmatch(r"[A-Za-z']+", compact):
        return "pinyin", _by_pinyin(user, compact.lower().replace("'", "")), ""
    name = values.read_name(text).value or text
    match = Q(name__contains=name) | Q(former_name__contains=name)
    return "name", Child.objects.named_to(user).filter(match) if name else Child.objects.none(), ""


def _by_id_number(user, number):
    reading = values.read_id_number(number)
    if reading.value is None:
        return Child.objects.none(), reading.flaw.message if reading.flaw else ""
    index = values.id_number_index(reading.value)
    return Child.objects.visible_to(user).filter(id_number_index=index), ""


def _by_phone(user, digits):
    reading = values.read_phone(digits)
    if reading.value is None or len(reading.value) < SHORTEST_PHONE:
        return Child.objects.none(), "电话要写完整的号码"
    phones = Phone.objects.filter(number_index=values.phone_index(reading.value), ended_on=None)
    families = Kinship.objects.filter(guardian__in=phones.values("guardian"))
    return Child.objects.visible_to(user).filter(pk__in=families.values("child")), ""


def _by_pinyin(user, letters):
    """lxm, or lixiaoman; heteronyms are stored as further initials after a space."""
    whole = Replace("name_key", Value(" "), Value(""))
    return (
        Child.objects.named_to(user)
        .annotate(pinyin=whole)
        .filter(
            Q(initials__startswith=letters)
            | Q(initials__contains=f" {letters}")
            | Q(pinyin__startswith=letters)
        )
    )
