"""Which rows of a table are children, and why the others are not: totals, notes, signatures, sections, blanks.

Also the class that a section row, a title or a sheet's name gives (初一（1）班, 三年级).
"""

import re
from functools import lru_cache

from ..values import clean_text, read_class
from .meanings import Meaning

_TOTAL = re.compile(
    r"^(?:本页|本班|全校|全班|年级|各班|本校|总)?(?:合计|小计|总计|共计|累计|总数|总人数|人数合计)|^.{0,12}(?:小计|合计)[:：]?\d*人?$|^(?:全校|全班|本班|本页|本年级)?(?:留守儿童)?共(?:计|有)?\d+[人名]"
    r"|^(?:留守儿童|学生|全班|全校)?(?:总)?人数[:：]\d+"
)
_SIGNATURE = re.compile(
    r"(?:填表人|审核人|负责人|制表人?|填报人|复核人|审批人|校长|签字|签名|盖章|填表日期|填报日期|填表时间|填报时间|制表日期|上报时间|经办人|审核|班主任)"
    r"\s*(?:[(（].{0,6}[)）])?\s*[:：_]|(?:签字|签名|盖章)[)）]?\s*$|^(?:填表人|审核人|负责人|制表人|填报人|复核人|单位负责人)"
)  # fmt: skip
_NOTE = re.compile(
    r"^[(（【]?(?:注|备注|说明|填表说明|填报说明|填写说明|注意|要求|附注|特别说明|温馨提示)[)）】]?\s*\d?\s*[:：.、]|^\d+[.、].{12,}|^(?:填表说明|填写说明|注意事项)"
)
_EXAMPLE = re.compile(r"^[(（【]?(?:例|示例|样例|范例|举例)(?:如|子|行)?[)）】]?(?:[:：]|$|\d)")
_PAGE = re.compile(r"^第?\s*\d+\s*页|共\s*\d+\s*页")
_NUMERAL = r"(?:\d{1,2}|[一二三四五六七八九十]{1,3})"
_CLASS_IN_TEXT = re.compile(
    r"(?:小学|初中|初|幼儿园)?(?:[一二三四五六七八九1-9]\s*年?级?|[小中大])\s*[(（\[【]?\s*" + _NUMERAL + r"\s*[)）\]】]?\s*班"
    r"|(?:初|小学)?(?:20)?\d\d\s*级\s*[(（]?\s*" + _NUMERAL + r"\s*[)）]?\s*班"
    r"|[小中大]班\s*[(（]?\d?[)）]?"
)  # fmt: skip
_GRADE_IN_TEXT = re.compile(
    r"(?<![至到~—\-、和及])(?:初中?[一二三]|[一二三四五六七八九1-9]年级)(?![至到~—\-、和及])"
)
# 一至六年级, 1-6年级: not one grade
_GRADES = re.compile(
    r"[一二三四五六七八九1-9](?:年级)?\s*[至到~—\-、和及]\s*[一二三四五六七八九1-9]年级|初一?至"
)
# A row with none of these is no child whose name is missing, but a row prepared and not filled in.
_TELLING = {"id_number", "birth_date", "phone", "address"}
_NO_NAME_STARTS = ("合", "小计", "总", "共", "例", "示", "样", "填", "注", "说", "审", "制表", "负责")
# A sex, a people, a number or date: what only a child's row holds in these columns (a signature may reach into them).
_FACT = re.compile(r"[男女][性孩]?|[㐀-鿿]{1,4}族|\d{1,2}岁?|[\dXx*./年月日\- ]{6,}号?")
_LONE_NAME = re.compile(r"[㐀-鿿·•.．]{2,12}")
_COLUMN_NUMBER = re.compile(r"\d{1,2}|[A-Z]{1,2}|[①-⑳]|\(\d{1,2}\)|甲|乙")


def class_in(text) -> str:
    """The class that a text names (班级：三（2）班 → 三（2）班), else ""."""
    match = _CLASS_IN_TEXT.search(clean_text(text))
    return re.sub(r"\s+", "", match[0]) if match else ""


def grade_in(text) -> str:
    """The one grade that a text names (三年级留守儿童花名册 → 三年级), else "" (also for 一至六年级)."""
    word = clean_text(text)
    if _GRADES.search(word):
        return ""
    found = set(_GRADE_IN_TEXT.findall(word))
    return found.pop() if len(found) == 1 else ""


def class_in_name(name) -> str:
    """The class, or at least the grade, that a sheet is named for."""
    word = re.sub(r"\s+", "", name)
    found = read_class(word) if len(word) <= 10 else None
    if (
        found
        and found.school_class
        and re.fullmatch(r"\d+班", found.school_class)
        and (found.grade or found.entry_year)
    ):
        return word
    return class_in(word) or grade_in(word)


class RowJudge:
    """Tells the rows of one table apart."""

    def __init__(self, table):
        meanings = {column.index: column.meaning for column in table.columns if column.meaning}
        self.width = len(table.columns)
        self.names = {i for i, meaning in meanings.items() if meaning == Meaning("child", "name")}
        self.facts = {
            i
            for i, meaning in meanings.items()
            if meaning.attribute in ("sex", "id_number", "birth_date", "age", "ethnic_group")
        }
        self.classes = {
            i for i, meaning in meanings.items() if meaning.attribute in ("grade", "class", "grade_class")
        }
        self.telling = {
            i
            for i, meaning in meanings.items()
            if meaning.attribute in _TELLING or (meaning.attribute == "name" and meaning.person != "helper")
        }
        self.numbers = {i for i, meaning in meanings.items() if meaning.attribute == "seq"}

    def why_no_child(self, cells):
        """(why the row is no child or "", the class it names as a section or "")."""
        filled = [
            (index, text)
            for index, cell in enumerate(cells)
            if cell is not None and cell != "" and (text := clean_text(cell))
        ]
        if not filled:
            return "空行", ""
        name = next((text for index, text in filled if index in self.names), "")
        if name and len(filled) > 3 and len(name) <= 20 and self._has_facts(filled):
            start = filled[0][1][:1]
            if (
                not name.startswith(_NO_NAME_STARTS)
                and not _COLUMN_NUMBER.fullmatch(name)
                and start not in "合小总共例示样填审制注(（【"
            ):
                return "", ""
        texts = list(dict.fromkeys(text for _, text in filled))
        return self._by_words(filled, texts, name)

    def _has_facts(self, filled):
        """A sex, number, date as only a child has it; or a class, where the row does not begin like a signature."""
        if any(index in self.facts and _FACT.fullmatch(text) for index, text in filled):
            return True
        return any(index in self.classes for index, _ in filled) and not _SIGNATURE.search(filled[0][1])

    def _by_words(self, filled, texts, name):
        squeezed = re.sub(r"\s+", "", texts[0])
        if _EXAMPLE.match(squeezed) or (name and _EXAMPLE.match(name)):
            return "填写示例", ""
        if name and len(filled) > 2 and all(_COLUMN_NUMBER.fullmatch(text) for _, text in filled):
            return "列号", ""
        has_own_facts = any(index in self.facts and _FACT.fullmatch(text) for index, text in filled)
        if any(_TOTAL.match(re.sub(r"\s+", "", text)) for text in texts[:3]):
            return "合计行", ""
        signed = sum(bool(_SIGNATURE.search(text)) for text in texts)
        if len(texts) <= 4 and not has_own_facts:
            section = _section_in(texts, name)
            if section and (not signed or "班主任" in "".join(texts)):
                return "班级标题行", section
        if signed > 1 and not has_own_facts:
            return "签字、日期等落款", ""
        if len(texts) <= max(3, self.width // 3):
            why = self._few_words(texts, squeezed, signed, name, filled)
            if why:
                return why, ""
        return self._without_facts(filled, name), ""

    def _few_words(self, texts, squeezed, signed, name, filled):
        if signed:
            return "签字、日期等落款"
        if _NOTE.match(squeezed):
            return "说明文字"
        if _PAGE.match(squeezed):
            return "页码"
        telling = any(index in self.telling for index, _ in filled)
        if len(texts) == 1 and ((not name and len(squeezed) > 6 and not telling) or len(squeezed) > 20):
            return "说明文字"
        if len(texts) == 1 and name and self.width > 2 and not _LONE_NAME.fullmatch(squeezed):
            return "说明文字"
        return ""

    def _without_facts(self, filled, name):
        if not name:
            if any(index in self.telling for index, _ in filled):
                return ""
            only_number = all(index in self.numbers for index, _ in filled)
            return "只有序号，没有内容" if only_number else "没有姓名，也没有任何资料"
        return ""


def _section_in(texts, name):
    """The class (or grade) that a row names instead of holding a child."""
    said = any(re.match(r"(?:班级|年级|班主任|人数|共)", text) for text in texts)
    if name and name != texts[0] and not said:
        return ""
    for text in texts[:2] if said else texts[:1]:
        squeezed = re.sub(r"\s+", "", text)
        if len(squeezed) <= 40 and (found := class_in(squeezed)):
            return found
    return _grade_alone(re.sub(r"\s+", "", texts[0])) if len(texts) <= 2 or said else ""


@lru_cache(maxsize=1024)
def _grade_alone(text):
    match = re.fullmatch(
        r"(?:年级[:：])?(初中?[一二三]|[一二三四五六七八九1-9]年级)(?:[:：]?(?:共)?\d+人)?[:：]?", text
    )
    return match[1] if match else ""
