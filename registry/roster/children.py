"""Fourth stage: a child per row, each cell checked, each problem at its cell with what to do about it.

Meanings (the same on every door): severity ``error`` cannot be right as it stands, ``warning`` someone should look.
Effect ``held`` the row waits; ``left_out`` the child is entered without this cell and an open question (待核实) stays;
``noted`` nothing is withheld. 无人监护 and 独居 are errors that never keep a child off the list.
"""

import datetime
import re

from .. import values
from ..values import clean_text, read_text
from .adults import FamilyReader, care_type_by_work_places
from .cells import column_letters
from .classes import ClassReader
from .entries import ADULTS, ALARMS, WHO, Adult, Entry, Problem, Roster, SchoolShape, TableContext
from .hardship import hardships_in, number_of_people
from .people import AT_HOME, alarm_in_carer
from .repeats import across_rows
from .table import Reading

_NOT_A_NUMBER_KIND = re.compile(r"其他|护照|港|澳|台|居留|通行|出生证|无")
_CARER_NAMES = (("guardian", "name"), ("carer", "name"))
# Where 独居 and 无人监护 may stand; the second says whether the cell is a yes or no.
_ALARM_CELLS = [
    (("guardian", "name"), False), (("carer", "name"), False), (("guardian", "relation"), False),
    (("carer", "relation"), False), (("child", "ability"), False), (("child", "care_type"), False),
    (("child", "away"), False), (("child", "note"), False), (("guardian", "ability"), False),
    (("carer", "ability"), False), (("guardian", "phone"), False), (("child", "address"), False),
    (("child", "hardship"), False), (("child", "alone"), True), (("child", "unattended"), True),
    (("child", "priority"), False),
]  # fmt: skip
_TEXTS = (
    "ethnic_group", "former_name", "household_registration", "village", "income", "aid", "study", "away_reason", "schooling",
)  # fmt: skip
_HARDSHIP = ("hardship", "poverty", "poverty_2", "poverty_3", "orphan", "de_facto_orphan")
_TICKED = frozenset(
    ["√", "✓", "✔", "☑", "v", "V", "y", "Y", "是", "有", "1", "●", "○", "◎", "■", "对", "打工", "T"]
)


STEP = 1000


def read_children(
    reading: Reading,
    *,
    as_of: datetime.date,
    shape: SchoolShape,
    keep_first: frozenset = frozenset(),
    report=None,
) -> Roster:
    """Reads every row of every table, then looks across rows for repeated children and shared ID numbers.

    ``keep_first``: (sheet, row) of repeated rows of which a person said that the earlier row is right.
    ``report(done, total)`` is told every ``STEP`` rows.
    """
    entries, ignored, headings = [], list(reading.ignored), []
    done, total = 0, sum(len(table.rows) for table in reading.tables)
    for table in reading.tables:
        headings += [column.as_json(table.sheet, table.heading_row) for column in table.columns]
        reader = _TableReader(table, as_of, shape)
        for row in table.rows:
            if report is not None and done % STEP == 0:
                report(done, total)
            done += 1
            entry, why = reader.read(row)
            if why:
                ignored.append((table.sheet, row.number, why))
            else:
                entries.append(entry)
    problems = []
    if not any(table.rows for table in reading.tables):
        problems.append(
            Problem(
                ignored[0][0] if ignored else "", 1, None, None, "no_heading", "error", "held",
                "没有找到表头。名册要有一行写着“姓名”“性别”“身份证号”“班级”的表头，请补上再传，或者下载模板来填",
            )
        )  # fmt: skip
    entries = across_rows(entries, keep_first)
    order = {name: index for index, name in enumerate(dict.fromkeys(table.sheet for table in reading.tables))}
    ignored.sort(key=lambda item: (order.get(item[0], len(order)), item[1]))
    return Roster(entries, ignored, headings, problems)


class _TableReader:
    """Reads the rows of one table."""

    def __init__(self, table, as_of, shape):
        self.table, self.as_of = table, as_of
        self.context = TableContext(table, as_of, shape)
        self.family, self.classes = FamilyReader(self.context), ClassReader(self.context)
        self.ticks = [
            (index, *key[1].split(":", 1)) for index, key in self.context.columns if key[0] == "tick"
        ]
        self.care = _CareColumn(self.context)
        told = self.context.has | {("child", attribute) for _, attribute, _ in self.ticks}
        self.alarm_cells = [cell for cell in _ALARM_CELLS if cell[0] in told]
        self.hardship = [name for name in _HARDSHIP if ("child", name) in told]
        self.texts = [name for name in _TEXTS if ("child", name) in told]

    def read(self, row):
        """(entry, "") or (None, why the row is no child of the list)."""
        raw = self.context.cells_of(row.cells)
        if self.ticks:
            self._ticked(row.cells, raw)
        entry = Entry(self.table.sheet, row.number, table=self.table)
        entry.rows = [(self.table.sheet, row.number)]
        self._child(entry, row, raw)
        care = self._care_type(entry, row, raw)
        self.family.read(entry, row, raw)
        self._alarms(entry, row, raw)
        if care == "none" and not entry.alarm:
            return None, "表上写着不是留守儿童"
        if care == "blank" and not entry.alarm:
            return None, "“是否留守”这一格空着，别的行写了“是”，没有当作留守儿童"
        said = care in ("one_away", "both_away")
        entry.care_type, entry.care_type_said = care if said else care_type_by_work_places(entry), said
        self.classes.read(entry, row, raw)
        self._extras(entry, row, raw)
        return entry, ""

    def _ticked(self, cells, raw):
        """Columns of a group that are ticked (救助帮扶情况/低保 √): the words of the ticked ones are the cell."""
        words = {}
        for index, attribute, word in self.ticks:
            text = clean_text(cells[index]) if index < len(cells) else ""
            if text in _TICKED or text == word:
                words.setdefault(attribute, []).append(word)
        for attribute, found in words.items():
            raw.setdefault(("child", attribute), "、".join(found))

    # --- the child ---------------------------------------------------------------------------------------------------

    def _child(self, entry, row, raw):
        get = raw.get
        name = values.read_name(get(("child", "name")))
        entry.name = name.value
        if name.flaw:
            self.context.problem(entry, row, ("child", "name"), name.flaw.kind, "error", "held", name.flaw.message,
                         read_text(get(("child", "name"))), "name")  # fmt: skip
        elif not name.value:
            self.context.problem(entry, row, ("child", "name"), "name_missing", "error", "held",
                         f"第 {row.number} 行没有姓名，请补上孩子的姓名", "", "name")  # fmt: skip
        elif re.search(r"[()（）\[\]【】/、]", name.value):
            self.context.problem(entry, row, ("child", "name"), "name_with_words", "warning", "noted",
                         f"第 {row.number} 行姓名一格“{name.value}”里还写着别的话，请核对，只留姓名", name.value, "name")  # fmt: skip
        uid = read_text(get(("child", "uid"))).lower().replace("-", "")
        if re.fullmatch(r"[0-9a-f]{32}", uid):
            entry.uid = uid
        elif uid:
            self.context.problem(entry, row, ("child", "uid"), "bad_uid", "warning", "noted",
                         "系统编号不完整，没有用它认人。系统编号请从导出的名册原样复制", uid, "uid")  # fmt: skip
        self._id_number(entry, row, get(("child", "id_number")), get(("child", "id_kind")))
        self._birth_date(entry, row, get(("child", "birth_date")))
        self._sex(entry, row, get(("child", "sex")))
        address = read_text(get(("child", "address")))
        entry.address = address if address and not values.is_masked(address) else None

    def _id_number(self, entry, row, cell, kind_cell):
        if cell is None:
            return
        if values.is_masked(clean_text(cell)):
            entry.id_masked = True
            return
        found = values.read_id_number(cell, today=max(self.as_of, _today()))
        entry.id_number = found.value
        if found.flaw is None:
            return
        kind_word = read_text(kind_cell)
        if kind_word and "身份证" not in kind_word and _NOT_A_NUMBER_KIND.search(kind_word):
            self.context.problem(entry, row, ("child", "id_number"), "other_document", "warning", "noted",
                         f"证件类型是“{kind_word}”，号码没有当作身份证号", clean_text(cell), "id_number")  # fmt: skip
        elif found.value:
            self.context.problem(entry, row, ("child", "id_number"), found.flaw.kind, "warning", "noted", found.flaw.message,
                         clean_text(cell), "id_number")  # fmt: skip
        else:
            who = entry.name or "这一行"
            self.context.problem(entry, row, ("child", "id_number"), found.flaw.kind, "error", "held",
                         f"第 {row.number} 行{who}：{found.flaw.message}", clean_text(cell), "id_number")  # fmt: skip

    def _birth_date(self, entry, row, cell):
        found = values.read_date(cell)
        by_number = values.birth_date_of(entry.id_number) if entry.id_number else None
        key, text, who = ("child", "birth_date"), clean_text(cell), entry.name or "这个孩子"
        entry.birth_date = found.value
        if found.value and found.value > self.as_of:
            entry.birth_date = None
            self.context.problem(entry, row, key, "birth_date_future", "error", "left_out",
                         f"第 {row.number} 行{who}的出生日期在 {self.as_of} 以后，没有填进去，请核对", text, "birth_date")  # fmt: skip
        elif found.value and by_number and found.value != by_number and not _old_number(entry, found.value):
            entry.birth_date = None
            self.context.problem(
                entry, row, key, "birth_date_conflict", "error", "left_out",
                f"第 {row.number} 行{who}的出生日期写着 {found.value}，身份证号里是 {by_number}，请对照户口簿核对哪个对", text, "birth_date",
            )  # fmt: skip
        elif (
            found.flaw
            and found.year_month
            and by_number
            and found.year_month != (by_number.year, by_number.month)
        ):
            self.context.problem(
                entry, row, key, "birth_date_conflict", "error", "left_out",
                f"第 {row.number} 行{who}的出生年月写着 {text}，身份证号里是 {by_number}，请对照户口簿核对哪个对", text, "birth_date",
            )  # fmt: skip
        elif found.flaw and found.flaw.kind == "date_incomplete":
            if not by_number:
                self.context.problem(entry, row, key, "date_incomplete", "warning", "left_out",
                             f"第 {row.number} 行{who}的出生日期{found.flaw.message}", text, "birth_date")  # fmt: skip
        elif found.flaw:
            self.context.problem(entry, row, key, found.flaw.kind, "error", "left_out",
                         f"第 {row.number} 行{who}的出生日期：{found.flaw.message}", text, "birth_date")  # fmt: skip
        if entry.birth_date is None and by_number and by_number.year > self.as_of.year - 30:
            entry.birth_date = by_number
        if entry.birth_date:
            age = self.as_of.year - entry.birth_date.year - (
                (self.as_of.month, self.as_of.day) < (entry.birth_date.month, entry.birth_date.day)
            )  # fmt: skip
            where = key if cell is not None and found.value else ("child", "id_number")
            if age > 20 or age < 2:
                self.context.problem(entry, row, where, "age_unlikely", "warning", "noted",
                             f"第 {row.number} 行{who}按出生日期是 {age} 岁，请核对出生日期", text, "birth_date")  # fmt: skip
            elif age >= 16:
                self.context.problem(entry, row, where, "over_16", "warning", "noted",
                             f"第 {row.number} 行{who}已满 16 周岁，请确认还要不要留在名单里", text, "birth_date")  # fmt: skip

    def _sex(self, entry, row, cell):
        text = read_text(cell)
        found = values.read_sex(text) if text else None
        by_number = values.sex_of(entry.id_number) if entry.id_number else None
        key, who = ("child", "sex"), entry.name or "这个孩子"
        if found and by_number and found != by_number:
            self.context.problem(
                entry, row, key, "sex_conflict", "error", "left_out",
                f"第 {row.number} 行{who}的性别写着{found}，身份证号第 17 位表示{by_number}，请核对哪个对", text, "sex",
            )  # fmt: skip
            found = None
        elif text and not found:
            self.context.problem(entry, row, key, "bad_sex", "error", "left_out",
                         f"第 {row.number} 行{who}的性别看不懂，请填“男”或“女”", text, "sex")  # fmt: skip
        elif not text and not by_number and entry.name and ("child", "sex") in self.context.has:
            self.context.problem(entry, row, key, "sex_missing", "warning", "left_out",
                         f"第 {row.number} 行{who}没有填性别，请补上“男”或“女”", "", "sex")  # fmt: skip
        entry.sex = found or by_number

    # --- care list ---------------------------------------------------------------------------------------------------

    def _care_type(self, entry, row, raw):
        """both_away, one_away, unknown, none, blank (no mark where others have one), or None when nothing is said."""
        said = None
        for attribute in ("care_type", "away"):
            text = clean_text(raw.get(("child", attribute)))
            if attribute == "care_type" and not text and self.care.blank_is_no:
                said = "blank"
            if not text:
                continue
            found = values.read_care_type(text)
            if text == "1" and attribute == "care_type" and not self.care.one_is_code:
                found = "unknown"  # a yes as well as the register's 1: which parent is asked later
            if found == "none" and attribute == "away" and said not in (None, "none"):
                continue
            if found and (said in (None, "unknown") or found == "none"):
                said = found if said != "none" else said
        if said in (None, "unknown", "blank"):
            for attribute in ("both_away", "one_away"):
                text = clean_text(raw.get(("child", attribute)))
                yes = values.read_yes_no(text)
                if text and yes is not False and text not in values.EMPTY_WORDS:
                    return attribute
        return said

    def _alarms(self, entry, row, raw):
        for key, yes_no in self.alarm_cells:
            cell = raw.get(key)
            if cell is None:
                continue
            if yes_no:
                found = key[1] if values.read_yes_no(clean_text(cell)) else None
            elif cell.__class__ is str:
                found = (alarm_in_carer if key in _CARER_NAMES else values.protection_alarm)(cell)
            else:
                continue
            if found and entry.alarm is None:
                entry.alarm, entry.alarm_text = found, clean_text(cell)
                self.context.problem(
                    entry, row, key, found, "error", "noted",
                    f"第 {row.number} 行{entry.name or '这个孩子'}：表上写着“{clean_text(cell)[:20]}”。孩子照常进名单，并马上提醒校长；"
                    "请今天就去核实由谁照看，落实照护人", clean_text(cell), "alarm",
                )  # fmt: skip

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _extras(self, entry, row, raw):
        for attribute in self.texts:
            if text := read_text(raw.get(("child", attribute))):
                entry.more[attribute] = text
        self._student_number(entry, row, raw.get(("child", "student_number")))
        words = [read_text(raw.get(("child", name))) for name in ("character", "character_2", "character_3")]
        if any(words):
            entry.more["character"] = "；".join(filter(None, dict.fromkeys(words)))
        notes = [read_text(raw.get(("child", name))) for name in ("note", "note_2", "note_3")]
        if any(notes):
            entry.more["note"] = "；".join(filter(None, dict.fromkeys(notes)))
        health = [read_text(raw.get(("child", name))) for name in ("health", "disability", "illness")]
        health = [text for text in health if text and values.read_yes_no(text) is not False]
        if health:
            entry.more["health"] = "；".join(dict.fromkeys(health))
        for attribute in ("boarding", "entrusted"):
            if (cell := raw.get(("child", attribute))) is not None:
                setattr(entry, attribute, values.read_yes_no(clean_text(cell)))
        if values.read_yes_no(clean_text(raw.get(("child", "migrant")))):
            entry.more["migrant"] = True
        priority = read_text(raw.get(("child", "priority")))
        if _says_so(priority):
            entry.more["priority"] = priority
        if self.hardship:
            self._hardship(entry, raw)
        self._household(entry, row, raw)
        entry.ability = _ability(
            clean_text(
                raw.get(("child", "ability"))
                or raw.get(("guardian", "ability"))
                or raw.get(("carer", "ability"))
                or ""
            )
        )

    def _student_number(self, entry, row, cell):
        """As text; a number cell of 16 and more digits has lost the last ones."""
        text = read_text(cell)
        if not text or values.is_masked(text):
            return
        if re.fullmatch(r"\d(?:\.\d+)?[eE]\+?\d+", text):
            self.context.problem(
                entry, row, ("child", "student_number"), "student_number_digits_lost", "warning", "left_out",
                f"第 {row.number} 行{entry.name or '这个孩子'}的学籍号后几位丢了（按数字存的），没有填进去。请把这一列设成“文本”再填", text, "student_number",
            )  # fmt: skip
            return
        entry.more["student_number"] = text

    def _hardship(self, entry, raw):
        """困境 as the words say it; a yes below 是否孤儿 or 是否低保 counts as these words."""
        words, kinds = [], []
        for attribute in self.hardship:
            text = read_text(raw.get(("child", attribute)))
            if not _says_so(text):
                continue
            if attribute == "hardship" or not values.read_yes_no(text):
                words.append(text)
            elif attribute != "hardship":
                words.append(
                    self.context.column_of["child", attribute].header.rsplit("/", 1)[-1].removeprefix("是否")
                )
            kinds += hardships_in(words[-1])
            if attribute.startswith("poverty"):
                kinds.append("poverty")
        if words:
            entry.more["hardship"] = "；".join(dict.fromkeys(words))
            entry.more["hardships"] = list(dict.fromkeys(kinds))

    def _household(self, entry, row, raw):
        cell = raw.get(("child", "household_size"))
        if cell is None or not read_text(cell):
            return
        size = number_of_people(clean_text(cell))
        if size:
            entry.more["household_size"] = size
        else:
            self.context.problem(
                entry, row, ("child", "household_size"), "bad_number", "warning", "noted",
                f"第 {row.number} 行{entry.name or '这个孩子'}的家庭人口看不懂，没有填进去，请写成数字", clean_text(cell), "household_size",
            )  # fmt: skip


def _says_so(text):
    return bool(
        text
        and values.read_yes_no(text) is not False
        and "非" not in text
        and not text.startswith(("不", "未", "否", "无"))
    )


class _CareColumn:
    """What the cells of 是否留守 as a whole tell: whether a blank is a no, and whether a bare 1 is a code or a yes."""

    def __init__(self, context):
        self.blank_is_no = self.one_is_code = False
        column = context.column_of.get(("child", "care_type"))
        if column is None:
            return
        texts = [
            clean_text(row.cells[column.index]) if column.index < len(row.cells) else ""
            for row in context.table.rows
        ]
        told = {text for text in texts if text}
        self.one_is_code = "2" in told
        yes_only = told and all(values.read_care_type(text) not in ("none", None) for text in told)
        named = "留守" in context.table.title or "留守" in context.table.sheet
        self.blank_is_no = bool(yes_only) and "是否" in column.header and not named


def _today():
    return datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date()


def _old_number(entry, birth_date):
    """A converted 15-digit number knows the year only without its century."""
    return any(p.kind == "id_15_digits" for p in entry.problems) and (
        entry.id_number[8:14] == birth_date.strftime("%y%m%d")
    )


def _ability(text):
    if not text:
        return ""
    for word, code in (
        ("无人监护", "none"), ("无监护能力", "parent_unable"), ("不足", "insufficient"), ("较好", "good"), ("一般", "fair"),
        ("好", "good"), ("差", "insufficient"),
    ):  # fmt: skip
        if word in text:
            return code
    return ""


__all__ = [
    "ADULTS",
    "ALARMS",
    "AT_HOME",
    "WHO",
    "Adult",
    "Entry",
    "Problem",
    "Roster",
    "SchoolShape",
    "column_letters",
    "read_children",
]
