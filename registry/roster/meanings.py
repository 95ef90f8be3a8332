"""What a column of a file may hold, and the list of meanings a person may choose for a heading nobody knows."""

import re
from dataclasses import dataclass
from functools import lru_cache

from ..values import clean_text


@dataclass(frozen=True)
class Meaning:
    """What a column holds: a person (``child``, ``father``, ``guardian`` …) and one of its attributes."""

    person: str
    attribute: str

    def __str__(self):
        return f"{self.person}.{self.attribute}"


@dataclass
class Column:
    """A column that is used, or that nobody knows (``meaning`` None: then ``proposal`` says what it may be, and ``why``).

    ``chosen``: a person decided, for this school, what the heading means. ``hidden``: hidden in the sheet, read all the same.
    """

    index: int
    letters: str
    header: str
    meaning: Meaning | None
    proposal: str | None = None
    why: str = ""
    chosen: bool = False
    hidden: bool = False

    @property
    def key(self):
        """The heading as a choice is remembered for it."""
        return heading_key(self.header)

    def as_json(self, sheet, row):
        """As the command prints it and the page shows it; ``proposal`` is a key of ``CHOICES`` or ``ignore``."""
        return {
            "sheet": sheet, "row": row, "column": self.letters, "header": self.header, "key": self.key,
            "field": str(self.meaning) if self.meaning else None, "proposal": self.proposal, "why": self.why,
            "chosen": self.chosen, "hidden": self.hidden,
        }  # fmt: skip


IGNORE = "ignore"
_PEOPLE = {"father": "父亲", "mother": "母亲", "guardian": "监护人"}
_OF_ADULTS = {
    "name": "姓名", "phone": "电话", "id_number": "身份证号", "birth_date": "出生日期", "health": "身体状况", "trade": "工种",
}  # fmt: skip
_OF_CHILD = {
    "name": "姓名", "sex": "性别", "birth_date": "出生日期", "id_number": "身份证号", "grade_class": "年级和班级（一格里）",
    "grade": "年级", "class": "班级", "address": "现住址", "village": "村（社区）", "household_registration": "户籍所在地",
    "ethnic_group": "民族", "former_name": "曾用名", "student_number": "学籍号", "boarding": "是否寄宿", "care_type": "是否留守、留守类型",
    "away": "父母谁外出", "both_away": "父母双方外出（是/否）", "one_away": "父母一方外出（是/否）", "away_reason": "留守原因",
    "migrant": "是否随迁子女", "orphan": "是否孤儿", "hardship": "困境类型", "aid": "享受的救助帮扶", "income": "家庭经济来源",
    "household_size": "家庭人口", "priority": "是否重点关注", "alone": "是否独居", "unattended": "是否无人监护",
    "entrusted": "有无委托照护", "ability": "监护评估", "health": "身体状况", "disability": "残疾情况", "illness": "患病情况",
    "character": "性格与爱好", "study": "学习情况", "schooling": "就学情况", "uid": "系统编号", "note": "备注",
}  # fmt: skip
CHOICES: dict[str, str] = {
    **{f"child.{name}": f"孩子 · {word}" for name, word in _OF_CHILD.items()},
    **{
        f"{person}.{name}": f"{who} · {word}"
        for person, who in _PEOPLE.items()
        for name, word in {
            **_OF_ADULTS,
            **(
                {"relation": "和孩子的关系", "address": "住址"}
                if person == "guardian"
                else {
                    "work_place": "务工地点",
                    "away_since": "外出时间",
                    "return_on": "预计返乡",
                    "status": "情况（在世、外出）",
                }
            ),
        }.items()
    },
    "both.name": "父母 · 两人姓名（一格里）",
    "both.phone": "父母 · 电话",
    "both.work_place": "父母 · 务工地点",
    "both.away_since": "父母 · 外出时间",
    "home.phone": "家庭 · 电话",
    **{
        f"{person}.{name}": f"{who} · {word}"
        for person, who in (
            ("grandfather", "祖父"),
            ("grandmother", "祖母"),
            ("maternal_grandfather", "外祖父"),
            ("maternal_grandmother", "外祖母"),
        )
        for name, word in (("name", "姓名"), ("birth_date", "出生日期"), ("phone", "电话"))
    },
}
"""Every meaning a person may choose for a heading, with its words; beside them ``IGNORE`` (不导入这一列)."""

MAX_KEY = 80


def words_of(field: str) -> str:
    """What a question is about, in words: 身份证号 for ``id_number``, 监护人的电话 for ``guardian.phone``; words stay as they are."""
    found = CHOICES.get(field) or CHOICES.get(f"child.{field}")
    if found is None:
        return "资料" if field.isascii() else field
    who, what = found.split(" · ")
    return what if who == "孩子" else f"{who}的{what}"


@lru_cache(maxsize=8192)
def heading_key(header: str) -> str:
    """A heading (levels joined by /) as a school's choice is stored: no spaces, no stars, at most 80 characters."""
    return re.sub(r"[\s*＊]+", "", clean_text(header))[:MAX_KEY]


def chosen_meaning(value: str) -> Meaning | None:
    """The meaning of a choice; None for ``ignore``. Raises ``KeyError`` for what is no choice."""
    if value == IGNORE:
        return None
    if value not in CHOICES:
        raise KeyError(value)
    person, attribute = value.split(".")
    return Meaning(person, attribute)
