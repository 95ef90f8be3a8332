"""Fourth stage: a child per row, each cell checked, each problem at its cell with what to do about it.

Meanings (the same on every door): severity ``error`` cannot be right as it stands, ``warning`` someone should look.
Effect ``held`` the row waits; ``left_out`` the child is entered without this cell and an open question (待核实) stays;
``noted`` nothing is withheld. 无人监护 and 独居 are errors that never keep a child off the list.
"""

import datetime
import re
from dataclasses import dataclass, field, replace
from functools import lru_cache

from trust.masking import mask_id_number, mask_phone

from .. import values
from ..values import clean_text, read_text
from .cells import column_letters
from .headings import GRANDPARENTS, Meaning
from .table import Reading

ADULTS = ("guardian", "father", "mother", *GRANDPARENTS)
WHO = {
    "father": "父亲", "mother": "母亲", "guardian": "监护人", "carer": "监护人", "home": "家庭", "both": "家长", "child": "孩子",
    "member1": "家庭成员1", "member2": "家庭成员2",
    "grandfather": "祖父", "grandmother": "祖母", "maternal_grandfather": "外祖父", "maternal_grandmother": "外祖母",
}  # fmt: skip
ALARMS = {"alone": "独居", "unattended": "无人监护"}
AT_HOME = re.compile(
    r"^(?:在家|家中|家里|本地|本村|本镇|本县|本乡|务农|在家务农|在本地|当地|家乡|老家|未外出|没外出|无业在家|已故|去世|死亡|亡故|故)"
)
_DIED = re.compile(r"已故|去世|死亡|亡故|病故|^故$|^亡$|已亡|过世|离世")
_NOT_A_NUMBER_KIND = re.compile(r"其他|护照|港|澳|台|居留|通行|出生证|无")
_SEPARATORS = re.compile(r"[\s/、,，;；:：()（）|\\\-—]+")


@dataclass(slots=True)
class Problem:
    """Something wrong in one cell (or row): where, what kind, how grave, what follows, what to do."""

    sheet: str
    row: int
    column: str | None
    header: str | None
    kind: str
    severity: str
    effect: str
    message: str
    text: str = ""
    field: str = ""

    def as_json(self):
        """As the command prints it; the cell's own words stay in the workbook."""
        return {
            "sheet": self.sheet, "row": self.row, "column": self.column, "header": self.header, "kind": self.kind,
            "severity": self.severity, "effect": self.effect, "message": self.message,
        }  # fmt: skip


@dataclass(slots=True)
class Adult:
    """An adult of the family as the row tells."""

    name: str | None = None
    relation: str | None = None
    phones: tuple = ()
    work_place: str | None = None
    id_number: str | None = None
    birth_date: datetime.date | None = None
    address: str | None = None
    health: str | None = None
    trade: str | None = None
    away_since: tuple | None = None  # (date, whether the day is known)
    return_on: datetime.date | None = None
    died: bool = False

    @property
    def empty(self):
        return not (self.name or self.phones or self.work_place or self.relation or self.id_number)


@dataclass(slots=True, eq=False)
class Entry:
    """One child of the file, at the row of its first appearance."""

    sheet: str
    row: int
    name: str | None = None
    sex: str | None = None
    birth_date: datetime.date | None = None
    id_number: str | None = None
    grade: str | None = None
    school_class: str | None = None
    address: str | None = None
    uid: str | None = None
    guardian: Adult = field(default_factory=Adult)
    father: Adult = field(default_factory=Adult)
    mother: Adult = field(default_factory=Adult)
    others: dict = field(default_factory=dict)
    more: dict = field(default_factory=dict)
    care_type: str | None = None
    care_type_said: bool = False
    boarding: bool | None = None
    entrusted: bool | None = None
    ability: str = ""
    alarm: str | None = None
    alarm_text: str = ""
    id_masked: bool = False
    problems: list = field(default_factory=list)
    rows: list = field(default_factory=list)
    status: str = ""
    table: object = None
    changes: list = field(default_factory=list)
    existing: object = None
    place: object = None  # the class it goes to: a SchoolClass, or the key of one to be made

    @property
    def held(self):
        return any(problem.effect == "held" for problem in self.problems)

    def fields(self):
        """The fields as the command prints them."""
        return {
            "name": self.name, "sex": self.sex, "birth_date": self.birth_date.isoformat() if self.birth_date else None,
            "id_number": self.id_number, "grade": self.grade, "class": self.school_class,
            "guardian": {
                "name": self.guardian.name, "relation": self.guardian.relation,
                "phone": self.guardian.phones[0] if self.guardian.phones else None,
            },
            "father": _parent_json(self.father), "mother": _parent_json(self.mother), "address": self.address,
        }  # fmt: skip

    def as_json(self):
        """One entry of ``children``; ``more`` holds what is kept beside the fixed fields."""
        more = dict(self.more)
        for person in ADULTS:
            adult = self.adult(person)
            if len(adult.phones) > 1:
                more.setdefault("other_phones", {})[person] = list(adult.phones[1:])
        if self.care_type:
            more["care_type"] = self.care_type
        if self.alarm:
            more["alarm"] = self.alarm
        if len(self.rows) > 1:
            more["rows"] = [[sheet, row] for sheet, row in self.rows]
        return {
            "sheet": self.sheet, "row": self.row, "status": self.status, "fields": self.fields(), "more": more,
        }  # fmt: skip

    def adult(self, person):
        """guardian, father, mother or a grandparent."""
        if person in ("guardian", "father", "mother"):
            return getattr(self, person)
        return self.others.get(person) or Adult()


def _parent_json(adult):
    return {
        "name": adult.name,
        "work_place": adult.work_place,
        "phone": adult.phones[0] if adult.phones else None,
    }


@dataclass(frozen=True)
class SchoolShape:
    """What the reading must know of the school: its stages, and where junior begins (7, or 6 in 五四 schools)."""

    stages: tuple = ("primary",)
    first_junior_grade: int = 7
    must_have_class: bool = True

    def grade_of_entry(self, year, stage, as_of):
        """The grade of an entry year (2021级) on a day; None when two stages would fit, or none."""
        school_year = as_of.year if (as_of.month, as_of.day) >= (8, 15) else as_of.year - 1
        spans = {
            "kindergarten": (-2, 0), "primary": (1, self.first_junior_grade - 1), "junior": (self.first_junior_grade, 9),
        }  # fmt: skip
        found = []
        for name in [stage] if stage else self.stages:
            first, last = spans[name]
            number = first + school_year - year
            if first <= number <= last:
                found.append(values.GRADES[number + 2])
        return found[0] if len(found) == 1 else None


@dataclass
class Roster:
    """What a file says: children, problems, rows that are none, headings nobody knows."""

    entries: list[Entry]
    ignored: list[tuple[str, int, str]]
    headings: list[dict]
    file_problems: list[Problem] = field(default_factory=list)

    @property
    def problems(self):
        """All problems, sheet by sheet, row by row."""
        order = {}
        for entry in self.entries:
            order.setdefault(entry.sheet, len(order))
        found = [*self.file_problems, *(problem for entry in self.entries for problem in entry.problems)]
        return sorted(found, key=lambda problem: (order.get(problem.sheet, 0), problem.row))

    @property
    def errors(self):
        return [problem for problem in self.problems if problem.severity == "error"]


def read_children(
    reading: Reading, *, as_of: datetime.date, shape: SchoolShape, keep_first: frozenset = frozenset()
) -> Roster:
    """Reads every row of every table, then looks across rows for repeated children and shared ID numbers.

    ``keep_first``: (sheet, row) of repeated rows of which a person said that the earlier row is right.
    """
    entries, ignored, headings = [], list(reading.ignored), []
    for table in reading.tables:
        headings += [column.as_json(table.sheet, table.heading_row) for column in table.columns]
        reader = _TableReader(table, as_of, shape)
        for row in table.rows:
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
    entries = _across_rows(entries, keep_first)
    order = {name: index for index, name in enumerate(dict.fromkeys(table.sheet for table in reading.tables))}
    ignored.sort(key=lambda item: (order.get(item[0], len(order)), item[1]))
    return Roster(entries, ignored, headings, problems)


class _TableReader:
    """Reads the rows of one table."""

    def __init__(self, table, as_of, shape):
        self.table, self.as_of, self.shape = table, as_of, shape
        self.columns = [
            (c.index, (c.meaning.person, c.meaning.attribute)) for c in table.columns if c.meaning
        ]
        self.column_of = {(c.meaning.person, c.meaning.attribute): c for c in table.columns if c.meaning}
        self.has = set(self.column_of)
        self.adults = [
            p for p in ("guardian", "carer", "father", "mother", *GRANDPARENTS) if self._has_person(p)
        ]
        self.class_from_file = bool(
            self.has & {("child", "class"), ("child", "grade"), ("child", "grade_class")}
        )

    def _has_person(self, person):
        return any(key[0] == person for key in self.has)

    def problem(self, entry, row, key, kind, severity, effect, message, text="", field_name=""):
        """Adds a problem at the cell of ``key`` (person, attribute), or at the row when the column is not there."""
        column = self.column_of.get(key)
        entry.problems.append(
            Problem(
                self.table.sheet, row.number, column.letters if column else None, column.header if column else None,
                kind, severity, effect, message, text, field_name,
            )
        )  # fmt: skip

    def read(self, row):
        """(entry, "") or (None, why the row is no child of the list)."""
        cells = row.cells
        length = len(cells)
        raw = {}
        for index, key in self.columns:
            if index < length:
                cell = cells[index]
                if cell is not None and cell != "":
                    raw[key] = cell
        entry = Entry(self.table.sheet, row.number, table=self.table)
        entry.rows = [(self.table.sheet, row.number)]
        self._child(entry, row, raw)
        care = self._care_type(entry, row, raw)
        self._adults(entry, row, raw)
        self._alarms(entry, row, raw)
        if care == "none" and not entry.alarm:
            return None, "表上写着不是留守儿童"
        entry.care_type = care if care not in (None, "unknown", "none") else _by_work_places(entry)
        entry.care_type_said = care in ("one_away", "both_away")
        self._class(entry, row, raw)
        self._extras(entry, raw)
        return entry, ""

    # --- the child ---------------------------------------------------------------------------------------------------

    def _child(self, entry, row, raw):
        get = raw.get
        name = values.read_name(get(("child", "name")))
        entry.name = name.value
        if name.flaw:
            self.problem(entry, row, ("child", "name"), name.flaw.kind, "error", "held", name.flaw.message,
                         read_text(get(("child", "name"))), "name")  # fmt: skip
        elif not name.value:
            self.problem(entry, row, ("child", "name"), "name_missing", "error", "held",
                         f"第 {row.number} 行没有姓名，请补上孩子的姓名", "", "name")  # fmt: skip
        uid = read_text(get(("child", "uid"))).lower().replace("-", "")
        if re.fullmatch(r"[0-9a-f]{32}", uid):
            entry.uid = uid
        elif uid:
            self.problem(entry, row, ("child", "uid"), "bad_uid", "warning", "noted",
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
            self.problem(entry, row, ("child", "id_number"), "other_document", "warning", "noted",
                         f"证件类型是“{kind_word}”，号码没有当作身份证号", clean_text(cell), "id_number")  # fmt: skip
        elif found.value:
            self.problem(entry, row, ("child", "id_number"), found.flaw.kind, "warning", "noted", found.flaw.message,
                         clean_text(cell), "id_number")  # fmt: skip
        else:
            who = entry.name or "这一行"
            self.problem(entry, row, ("child", "id_number"), found.flaw.kind, "error", "held",
                         f"第 {row.number} 行{who}：{found.flaw.message}", clean_text(cell), "id_number")  # fmt: skip

    def _birth_date(self, entry, row, cell):
        found = values.read_date(cell)
        by_number = values.birth_date_of(entry.id_number) if entry.id_number else None
        key, text, who = ("child", "birth_date"), clean_text(cell), entry.name or "这个孩子"
        entry.birth_date = found.value
        if found.value and found.value > self.as_of:
            entry.birth_date = None
            self.problem(entry, row, key, "birth_date_future", "error", "left_out",
                         f"第 {row.number} 行{who}的出生日期在 {self.as_of} 以后，没有填进去，请核对", text, "birth_date")  # fmt: skip
        elif found.value and by_number and found.value != by_number and not _old_number(entry, found.value):
            entry.birth_date = None
            self.problem(
                entry, row, key, "birth_date_conflict", "error", "left_out",
                f"第 {row.number} 行{who}的出生日期写着 {found.value}，身份证号里是 {by_number}，请对照户口簿核对哪个对", text, "birth_date",
            )  # fmt: skip
        elif (
            found.flaw
            and found.year_month
            and by_number
            and found.year_month != (by_number.year, by_number.month)
        ):
            self.problem(
                entry, row, key, "birth_date_conflict", "error", "left_out",
                f"第 {row.number} 行{who}的出生年月写着 {text}，身份证号里是 {by_number}，请对照户口簿核对哪个对", text, "birth_date",
            )  # fmt: skip
        elif found.flaw and found.flaw.kind == "date_incomplete":
            if not by_number:
                self.problem(entry, row, key, "date_incomplete", "warning", "left_out",
                             f"第 {row.number} 行{who}的出生日期{found.flaw.message}", text, "birth_date")  # fmt: skip
        elif found.flaw:
            self.problem(entry, row, key, found.flaw.kind, "error", "left_out",
                         f"第 {row.number} 行{who}的出生日期：{found.flaw.message}", text, "birth_date")  # fmt: skip
        if entry.birth_date is None and by_number and by_number.year > self.as_of.year - 30:
            entry.birth_date = by_number
        if entry.birth_date:
            age = self.as_of.year - entry.birth_date.year - (
                (self.as_of.month, self.as_of.day) < (entry.birth_date.month, entry.birth_date.day)
            )  # fmt: skip
            where = key if cell is not None and found.value else ("child", "id_number")
            if age > 20 or age < 2:
                self.problem(entry, row, where, "age_unlikely", "warning", "noted",
                             f"第 {row.number} 行{who}按出生日期是 {age} 岁，请核对出生日期", text, "birth_date")  # fmt: skip
            elif age >= 16:
                self.problem(entry, row, where, "over_16", "warning", "noted",
                             f"第 {row.number} 行{who}已满 16 周岁，请确认还要不要留在名单里", text, "birth_date")  # fmt: skip

    def _sex(self, entry, row, cell):
        text = read_text(cell)
        found = values.read_sex(text) if text else None
        by_number = values.sex_of(entry.id_number) if entry.id_number else None
        key, who = ("child", "sex"), entry.name or "这个孩子"
        if found and by_number and found != by_number:
            self.problem(
                entry, row, key, "sex_conflict", "error", "left_out",
                f"第 {row.number} 行{who}的性别写着{found}，身份证号第 17 位表示{by_number}，请核对哪个对", text, "sex",
            )  # fmt: skip
            found = None
        elif text and not found:
            self.problem(entry, row, key, "bad_sex", "error", "left_out",
                         f"第 {row.number} 行{who}的性别看不懂，请填“男”或“女”", text, "sex")  # fmt: skip
        elif not text and not by_number and entry.name and ("child", "sex") in self.has:
            self.problem(entry, row, key, "sex_missing", "warning", "left_out",
                         f"第 {row.number} 行{who}没有填性别，请补上“男”或“女”", "", "sex")  # fmt: skip
        entry.sex = found or by_number

    # --- class -------------------------------------------------------------------------------------------------------

    def _class(self, entry, row, raw):
        junior = self.shape.first_junior_grade
        grade_cell, class_cell = raw.get(("child", "grade")), raw.get(("child", "class"))
        both_cell = raw.get(("child", "grade_class"))
        grade = _grade(grade_cell, junior)
        found = _class(
            both_cell if both_cell is not None else class_cell,
            grade is not None or grade_cell is not None,
            junior,
        )
        if grade and grade.grade is None and grade.entry_year is None:
            # the grade cell may hold both: 三（2）班 below 年级
            whole = _class(grade_cell, False, junior)
            if whole and (whole.grade or whole.entry_year):
                grade, found = whole, (found or whole)
        hint = row.section or self.table.class_hint
        hinted = _class(hint, False, junior) if hint else None
        parts = [part for part in (found, grade, hinted) if part]
        entry.grade = next((part.grade for part in parts if part.grade), None)
        entry.school_class = next((part.school_class for part in parts if part.school_class), None)
        if entry.grade is None:
            dated = next((part for part in parts if part.entry_year), None)
            if dated:
                entry.grade = self.shape.grade_of_entry(dated.entry_year, dated.stage, self.as_of)
        key = next(
            (k for k in (("child", "class"), ("child", "grade_class"), ("child", "grade")) if k in self.has),
            None,
        )
        who = entry.name or "这个孩子"
        text = clean_text(class_cell if class_cell is not None else both_cell)
        given_grade = grade.grade if grade else None
        if found and found.grade and given_grade and found.grade != given_grade:
            self.problem(
                entry, row, key, "class_conflict", "error", "held",
                f"第 {row.number} 行{who}：年级写着{given_grade}，班级写着{text}，对不上，请改成一致", text, "class",
            )  # fmt: skip
        elif entry.school_class and not re.fullmatch(r"\d{1,2}班", entry.school_class):
            self.problem(
                entry, row, key, "bad_class", "error", "held",
                f"第 {row.number} 行{who}的班级“{entry.school_class}”看不出是几班，请写成“三(2)班”这样", text, "class",
            )  # fmt: skip
        elif not (entry.school_class and entry.grade) and self._needs_class(raw):
            what = "没有班级" if not entry.school_class else "只有班号，没有年级"
            self.problem(entry, row, key, "class_missing", "error", "held",
                         f"第 {row.number} 行{who}{what}，请写上年级和班级，如“三(2)班”", text, "class")  # fmt: skip

    def _needs_class(self, raw):
        """A school with classes, or a file that gives them, leaves none out; who is at no school sits in no class."""
        at_no_school = read_text(raw.get(("child", "schooling"))) in ("未入园", "辍学", "不在学", "未入学")
        return (self.shape.must_have_class or self.class_from_file) and not at_no_school

    # --- care list ---------------------------------------------------------------------------------------------------

    def _care_type(self, entry, row, raw):
        said = None
        for attribute in ("care_type", "away"):
            cell = raw.get(("child", attribute))
            if cell is None:
                continue
            found = values.read_care_type(clean_text(cell))
            if found == "none" and attribute == "away" and said not in (None, "none"):
                continue
            if found and (said in (None, "unknown") or found == "none"):
                said = found if said != "none" else said
        if said in (None, "unknown"):
            for attribute in ("both_away", "one_away"):
                text = clean_text(raw.get(("child", attribute)))
                yes = values.read_yes_no(text)
                if text and yes is not False and text not in values.EMPTY_WORDS:
                    return attribute
        return said

    def _alarms(self, entry, row, raw):
        candidates = [
            (("guardian", "name"), False), (("carer", "name"), False), (("guardian", "relation"), False),
            (("carer", "relation"), False), (("child", "ability"), False), (("child", "care_type"), False),
            (("child", "away"), False), (("child", "note"), False), (("guardian", "ability"), False),
            (("carer", "ability"), False), (("guardian", "phone"), False), (("child", "address"), False),
            (("child", "hardship"), False), (("child", "alone"), True), (("child", "unattended"), True),
            (("child", "priority"), False),
        ]  # fmt: skip
        for key, yes_no in candidates:
            cell = raw.get(key)
            if cell is None or cell.__class__ is not str:
                continue
            found = (key[1] if values.read_yes_no(cell) else None) if yes_no else _alarm(cell)
            if found and entry.alarm is None:
                entry.alarm, entry.alarm_text = found, clean_text(cell)
                self.problem(
                    entry, row, key, found, "error", "noted",
                    f"第 {row.number} 行{entry.name or '这个孩子'}：表上写着“{clean_text(cell)[:20]}”。孩子照常进名单，并马上提醒校长；"
                    "请今天就去核实由谁照看，落实照护人", clean_text(cell), "alarm",
                )  # fmt: skip

    # --- adults ------------------------------------------------------------------------------------------------------

    def _adults(self, entry, row, raw):
        carer = None
        for person in self.adults:
            adult = self._adult(entry, row, raw, person)
            if person == "carer":
                carer = adult
            elif person in ("guardian", "father", "mother"):
                setattr(entry, person, adult)
            elif not adult.empty:
                entry.others[person] = adult
        if carer is not None and (carer.name or carer.phones):
            # who really cares comes first; the legal guardian beside is a parent of the list or kept by name
            if entry.guardian.name and entry.guardian.name != carer.name:
                entry.more["legal_guardian"] = entry.guardian.name
            elif entry.guardian.phones and not carer.phones:
                carer.phones = entry.guardian.phones
            carer.relation = carer.relation or (
                entry.guardian.relation if entry.guardian.name in (None, carer.name) else None
            )
            entry.guardian = carer
        for member in ("member1", "member2"):
            if self._has_person(member):
                self._member(entry, row, raw, member)
        if entry.guardian.work_place or entry.guardian.away_since:
            self._guardian_away(entry)
        if ("both", "name") in raw or any(key[0] in ("both", "home") for key in raw):
            self._parents(entry, row, raw)

    @staticmethod
    def _guardian_away(entry):
        """务工地点 beside a 家长 who is the father or mother is that parent's."""
        told = entry.guardian
        code = values.relation_code(told.relation) if told.relation else ""
        if code in ("father", "mother"):
            parent = getattr(entry, code)
            parent.work_place = parent.work_place or told.work_place
            parent.away_since = parent.away_since or told.away_since

    def _member(self, entry, row, raw, member):
        """家庭成员1, 2 of the student register: father, mother or somebody else by the relation; 是否监护人 beside."""
        adult = self._adult(entry, row, raw, member)
        if adult.empty:
            return
        code = values.relation_code(adult.relation) if adult.relation else ""
        if code in ("father", "mother") and getattr(entry, code).empty:
            setattr(entry, code, replace(adult, relation=None))
        answers = values.read_yes_no(clean_text(raw.get((member, "is_guardian"))))
        if entry.guardian.empty and (answers or (answers is None and code not in ("father", "mother"))):
            entry.guardian = adult

    def _adult(self, entry, row, raw, person):
        adult = Adult()
        get = raw.get
        cell = get((person, "name"))
        if cell is not None:
            name, relation, phones, died = _person(clean_text(cell))
            adult.name, adult.relation, adult.phones, adult.died = name, relation, phones, died
        phone_cells = [get((person, "phone")), get((person, "phone_2"))]
        for cell, attribute in zip(phone_cells, ("phone", "phone_2"), strict=True):
            if cell is not None:
                self._phone(entry, row, adult, person, attribute, cell)
        relation = read_text(get((person, "relation")))
        if relation and not _alarm(relation):
            adult.relation = relation.replace(" ", "")
        place = read_text(get((person, "work_place")))
        if place:
            adult.died = adult.died or bool(_DIED.search(place))
            adult.work_place = place
        if (status := get((person, "status"))) is not None:
            adult.died = adult.died or bool(_DIED.search(clean_text(status)))
        for attribute in ("health", "trade", "address"):
            if (text := read_text(get((person, attribute)))) and not values.is_masked(text):
                setattr(adult, attribute, text)
        if (cell := get((person, "id_number"))) is not None and not values.is_masked(clean_text(cell)):
            found = values.read_id_number(cell)
            adult.id_number = found.value
            if found.flaw and not found.value:
                self.problem(entry, row, (person, "id_number"), f"adult_{found.flaw.kind}", "warning", "left_out",
                             f"第 {row.number} 行{WHO[person]}：{found.flaw.message}", clean_text(cell), f"{person}.id_number")  # fmt: skip
        if (cell := get((person, "birth_date"))) is not None:
            adult.birth_date = values.read_date(cell).value
        if (cell := get((person, "away_since"))) is not None:
            adult.away_since = self._away_since(entry, row, (person, "away_since"), cell)
        if (cell := get((person, "return_on"))) is not None:
            adult.return_on = values.read_date(cell).value
        return adult

    def _phone(self, entry, row, adult, person, attribute, cell):
        found = values.read_phones(cell)
        adult.phones = tuple(dict.fromkeys((*adult.phones, *found.all)))
        if found.flaw and not (isinstance(cell, str) and (_alarm(cell) or _DIED.search(cell))):
            self.problem(
                entry, row, (person, attribute), found.flaw.kind, "error", "left_out",
                f"第 {row.number} 行{entry.name or ''}的{WHO.get(person, '')}电话：{found.flaw.message}", clean_text(cell), f"{person}.phone",
            )  # fmt: skip

    def _away_since(self, entry, row, key, cell):
        found = values.read_date(cell)
        if found.value and found.value > self.as_of:
            self.problem(entry, row, key, "away_since_future", "error", "left_out",
                         f"第 {row.number} 行{entry.name or ''}：外出时间在 {self.as_of} 以后，没有填进去，请核对",
                         clean_text(cell), "away_since")  # fmt: skip
            return None
        if found.value:
            return found.value, True
        if found.year_month:
            first = datetime.date(*found.year_month, 1)
            return (first, False) if first <= self.as_of else None
        if found.flaw and found.flaw.kind == "bad_date" and re.match(r"没有 \d", found.flaw.message):
            self.problem(entry, row, key, "bad_date", "error", "left_out",
                         f"第 {row.number} 行{entry.name or ''}的外出时间：{found.flaw.message}", clean_text(cell), "away_since")  # fmt: skip
        return None

    def _parents(self, entry, row, raw):
        """父母姓名, 家长电话, 父母务工地 in one cell; what cannot be told apart is kept as written."""
        text = clean_text(raw.get(("both", "name")))
        heading = self.column_of[("both", "name")].header if ("both", "name") in self.column_of else ""
        if text and text not in values.EMPTY_WORDS:
            father, mother, alone = _two_parents(text, ordered="父母" in heading)
            if father and entry.father.name is None:
                entry.father.name, _, phones, entry.father.died = father
                entry.father.phones = phones + entry.father.phones
            if mother and entry.mother.name is None:
                entry.mother.name, _, phones, entry.mother.died = mother
                entry.mother.phones = phones + entry.mother.phones
            if alone and not self._has_person("guardian") and not self._has_person("carer"):
                name, relation, phones, _died = alone
                relation = relation or (read_text(raw.get(("both", "relation"))) or None)
                entry.guardian = Adult(name=name, relation=relation, phones=phones)
            elif alone:
                entry.more["parents"] = text
        holder = Adult()
        for key in (("both", "phone"), ("home", "phone")):
            if key in raw:
                self._phone(entry, row, holder, key[0], "phone", raw[key])
        if holder.phones:
            if not self._has_person("guardian") and not self._has_person("carer") and entry.guardian.name:
                entry.guardian.phones = tuple(dict.fromkeys(entry.guardian.phones + holder.phones))
            else:
                entry.more["home_phones"] = list(holder.phones)
        place = read_text(raw.get(("both", "work_place")))
        since = raw.get(("both", "away_since"))
        since = self._away_since(entry, row, ("both", "away_since"), since) if since is not None else None
        type_said = values.read_care_type(
            clean_text(raw.get(("child", "away"))) or clean_text(raw.get(("child", "care_type")))
        )
        for person in ("father", "mother"):
            adult = getattr(entry, person)
            if place and adult.work_place is None and (type_said == "both_away" or ("both", "name") in raw):
                adult.work_place = place
            if since and adult.away_since is None and (adult.work_place or type_said == "both_away"):
                adult.away_since = since
        if place and not (entry.father.work_place or entry.mother.work_place):
            entry.more["parents_work_place"] = place

    # --- the rest ----------------------------------------------------------------------------------------------------

    def _extras(self, entry, raw):
        for attribute in ("ethnic_group", "former_name", "student_number", "household_registration", "village", "income",
                          "character", "note", "aid", "study", "away_reason"):  # fmt: skip
            text = read_text(raw.get(("child", attribute)))
            if text:
                entry.more[attribute] = text
        health = [read_text(raw.get(("child", name))) for name in ("health", "disability", "illness")]
        health = [text for text in health if text and values.read_yes_no(text) is not False]
        if health:
            entry.more["health"] = "；".join(dict.fromkeys(health))
        if (cell := raw.get(("child", "boarding"))) is not None:
            entry.boarding = values.read_yes_no(clean_text(cell))
        if (cell := raw.get(("child", "entrusted"))) is not None:
            entry.entrusted = values.read_yes_no(clean_text(cell))
        for attribute in ("hardship", "priority"):
            text = read_text(raw.get(("child", attribute)))
            if (
                text
                and values.read_yes_no(text) is not False
                and "非" not in text
                and not text.startswith(("不", "未", "否"))
            ):
                entry.more[attribute] = text
        entry.ability = _ability(
            clean_text(raw.get(("child", "ability")) or raw.get(("guardian", "ability")) or "")
        )


@lru_cache(maxsize=4096)
def _alarm(text):
    return values.protection_alarm(text)


def _today():
    return datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date()


def _old_number(entry, birth_date):
    """A converted 15-digit number knows the year only without its century."""
    return any(p.kind == "id_15_digits" for p in entry.problems) and (
        entry.id_number[8:14] == birth_date.strftime("%y%m%d")
    )


def _grade(cell, junior):
    return values.read_grade(clean_text(cell), junior) if cell is not None else None


def _class(cell, has_grade, junior):
    if cell is None:
        return None
    if isinstance(cell, float) and not cell.is_integer():
        cell = f"{cell:g}"
    found = values.read_class(clean_text(cell), has_grade, junior)
    return found if any(found) else None


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


def _by_work_places(entry):
    away = [bool(a.work_place and not AT_HOME.match(a.work_place) and not a.died) or bool(a.away_since)
            for a in (entry.father, entry.mother)]  # fmt: skip
    if all(away):
        return "both_away"
    return "one_away" if any(away) else "unknown"


@lru_cache(maxsize=16384)
def _person(text):
    """(name, relation, phones, died) of a cell that should hold a name and may hold more: 奶奶 王秀英 13800001234."""
    if not text or text in values.EMPTY_WORDS or values.protection_alarm(text):
        return None, None, (), False
    died = bool(_DIED.search(text))
    phones = ()
    if any(c.isdigit() for c in text):
        phones = tuple(re.findall(r"(?<!\d)1[3-9]\d{9}(?!\d)", text)) or tuple(values.read_phones(text).all)
        text = re.sub(r"\+?[\d\- ]{7,}", " ", text)
    if died:
        text = _DIED.sub(" ", text)
    squeezed = re.sub(r"\s+", "", text)
    if squeezed in values.RELATION_CODES:
        return None, squeezed, phones, died
    tokens = [token for token in _SEPARATORS.split(text) if token]
    relation = next((token for token in tokens if token in values.RELATION_CODES), None)
    if relation:
        tokens.remove(relation)
    elif len(squeezed) >= 4 and len(tokens) == 1:
        for size in (3, 2):
            if squeezed[:size] in values.RELATION_CODES and 2 <= len(squeezed) - size <= 4:
                relation, tokens = squeezed[:size], [squeezed[size:]]
                break
    spaced_only = not re.search(r"[/、,，;；()（）|\\]", text.strip("()（）/、 "))
    name = values.read_name("".join(tokens) if spaced_only else (tokens[0] if tokens else "")).value
    return name, relation, phones, died


_FATHER_MARK = re.compile(r"(?:父亲?|爸爸?)\s*[:：(（]?\s*([^\s父母爸妈/、,，;；:：()（）\d]{2,12})")
_MOTHER_MARK = re.compile(r"(?:母亲?|妈妈?)\s*[:：(（]?\s*([^\s父母爸妈/、,，;；:：()（）\d]{2,12})")
_PHONE_AFTER = r"[^\d父母爸妈]{0,6}(1[3-9]\d{9})"


def _two_parents(text, *, ordered):
    """(father, mother, one whose side is not said), each (name, relation, phones, died) or None."""
    father, mother = _FATHER_MARK.search(text), _MOTHER_MARK.search(text)
    if father or mother:
        found = []
        for match in (father, mother):
            if match is None:
                found.append(None)
                continue
            phone = re.match(_PHONE_AFTER, text[match.end() :])
            found.append((values.read_name(match[1]).value, None, (phone[1],) if phone else (), False))
        return found[0], found[1], None
    parts = [part for part in re.split(r"[/、,，;；\n]+", text) if part.strip()]
    if len(parts) == 1:
        by_space = text.split()
        if len(by_space) == 2 and all(len(part) >= 2 for part in by_space):
            parts = by_space
    if len(parts) == 2 and ordered:
        first, second = map(_person, (part.strip() for part in parts))
        if first[0] and second[0] and not first[1] and not second[1]:
            return first, second, None
    return None, None, _person(text)


# --- across rows -----------------------------------------------------------------------------------------------------


def _across_rows(entries, keep_first):
    """One entry per child: repeated rows are joined (the later proposed), one number with two names is held."""
    by_number, by_uid, by_name, kept = {}, {}, {}, []
    for entry in entries:
        earlier = by_uid.get(entry.uid) if entry.uid else None
        if earlier is None and entry.id_number:
            earlier = by_number.get(entry.id_number)
            if earlier is not None and earlier.name and entry.name and earlier.name != entry.name:
                _same_number(earlier, entry)
                kept.append(entry)
                continue
        if earlier is None and entry.name and not (entry.id_number and entry.uid):
            earlier = next(
                (other for other in by_name.get(_name_key(entry), ()) if _same_child(other, entry)), None
            )
        if earlier is not None and not _broken_number(entry) and not _broken_number(earlier):
            _join(earlier, entry, (entry.sheet, entry.row) in keep_first)
            continue
        kept.append(entry)
        if entry.uid:
            by_uid.setdefault(entry.uid, entry)
        if entry.id_number:
            by_number.setdefault(entry.id_number, entry)
        if entry.name:
            by_name.setdefault(_name_key(entry), []).append(entry)
    for entry in kept:
        if entry.alarm and entry.name and entry.held:
            _let_in(entry)
    return kept


def _let_in(entry):
    """No typing error keeps a child in danger off the list: what would hold the row is left out instead."""
    for problem in entry.problems:
        if problem.effect == "held":
            problem.effect = "left_out"
            problem.message += "（孩子要马上有人管，先进名单，这一格空着待核实）"
            if problem.field == "id_number":
                entry.id_number = None
            elif problem.field == "class":
                entry.school_class = None


def _name_key(entry):
    return entry.name, entry.grade, entry.school_class


def _broken_number(entry):
    return any(problem.effect == "held" and problem.field == "id_number" for problem in entry.problems)


def _same_child(one, other):
    """Same name and class, at most one ID number between them, and nothing that contradicts."""
    if one.id_number and other.id_number and one.id_number != other.id_number:
        return False
    if one.uid and other.uid and one.uid != other.uid:
        return False
    if one.id_masked != other.id_masked:
        return False
    for name in ("birth_date", "sex"):
        first, second = getattr(one, name), getattr(other, name)
        if first and second and first != second:
            return False
    # two of one name in one class without numbers: one child only if something else ties them
    if not (one.id_number and other.id_number):
        ties = [
            (one.birth_date, other.birth_date), (one.guardian.name, other.guardian.name), (one.father.name, other.father.name),
            (one.mother.name, other.mother.name), (one.guardian.phones[:1], other.guardian.phones[:1]),
        ]  # fmt: skip
        told = [(first, second) for first, second in ties if first and second]
        if not told:
            return not (one.guardian.name or other.guardian.name or one.birth_date or other.birth_date)
        return any(first == second for first, second in told)
    return True


def _same_number(earlier, later):
    for entry, other in ((earlier, later), (later, earlier)):
        if any(problem.kind == "id_shared" for problem in entry.problems):
            continue
        column = next((c for c in entry.table.columns if c.meaning == Meaning("child", "id_number")), None)
        where = f"“{other.sheet}”第 {other.row} 行" if other.sheet != entry.sheet else f"第 {other.row} 行"
        entry.problems.append(
            Problem(
                entry.sheet, entry.row, column.letters if column else None, column.header if column else None,
                "id_shared", "error", "held",
                f"第 {entry.row} 行{entry.name}和{where}{other.name}的身份证号相同，一定有一个填错了，请对照户口簿改正", entry.id_number or "",
                "id_number",
            )
        )  # fmt: skip


def _join(earlier, later, keep_first):
    """The later row is a problem, not a second child; what it says goes before what the earlier said."""
    differing = _differences(earlier, later)
    column = next((c for c in later.table.columns if c.meaning == Meaning("child", "name")), None)
    where = (
        f"“{earlier.sheet}”第 {earlier.row} 行" if earlier.sheet != later.sheet else f"第 {earlier.row} 行"
    )
    if differing:
        shown = "；".join(f"{label}：{old or '空'} → {new}" for label, old, new in differing[:4])
        kept = "已选按前面那一行" if keep_first else "先按后面这一行，请确认留哪一行"
        message = f"第 {later.row} 行{later.name}和{where}是同一个孩子，内容不一样（{shown}）。{kept}"
    else:
        message = f"第 {later.row} 行{later.name}和{where}是同一个孩子，内容一样，只算一个，可以删去一行"
    problem = Problem(
        later.sheet, later.row, column.letters if column else None, column.header if column else None,
        "repeated_differs" if differing else "repeated", "warning", "noted", message, later.name or "", "repeated",
    )  # fmt: skip
    for name in (
        "sex",
        "birth_date",
        "id_number",
        "address",
        "uid",
        "boarding",
        "entrusted",
        "ability",
        "name",
    ):
        if getattr(later, name):
            setattr(earlier, name, getattr(later, name))
    if later.grade and later.school_class:
        earlier.grade, earlier.school_class = later.grade, later.school_class
        earlier.problems = [p for p in earlier.problems if p.kind != "class_missing"]
    if later.care_type not in (None, "unknown") and (later.care_type_said or not earlier.care_type_said):
        earlier.care_type, earlier.care_type_said = later.care_type, later.care_type_said
    for person in ("guardian", "father", "mother"):
        if not (keep_first and getattr(earlier, person).name):
            _join_adult(getattr(earlier, person), getattr(later, person))
    for person, adult in later.others.items():
        if person in earlier.others:
            _join_adult(earlier.others[person], adult)
        else:
            earlier.others[person] = adult
    earlier.more = later.more | earlier.more if keep_first else earlier.more | later.more
    if later.alarm and not earlier.alarm:
        earlier.alarm, earlier.alarm_text = later.alarm, later.alarm_text
    earlier.rows += later.rows
    problems = [
        p
        for p in later.problems
        if not (p.kind == "class_missing" and earlier.grade and earlier.school_class)
    ]
    earlier.problems += [*problems, problem]


def _join_adult(one, other):
    if other.name and one.name and other.name != one.name:
        # another person: nothing of the first one's may stay on the second
        for name in Adult.__slots__:
            setattr(one, name, getattr(other, name))
        return
    phones = tuple(dict.fromkeys((*other.phones, *one.phones)))
    for name in Adult.__slots__:
        if getattr(other, name):
            setattr(one, name, getattr(other, name))
    one.phones = phones


def _first(phones):
    return phones[0] if phones else None


def _as_is(value):
    return value


# What is compared of a repeated child, and how it is shown.
_COMPARED = [
    ("性别", lambda e: e.sex, _as_is),
    ("出生日期", lambda e: e.birth_date and e.birth_date.isoformat(), _as_is),
    ("班级", lambda e: f"{e.grade or ''}{e.school_class or ''}", _as_is),
    ("现住址", lambda e: e.address, _as_is),
    ("身份证号", lambda e: e.id_number, mask_id_number),
    ("监护人", lambda e: e.guardian.name, _as_is),
    ("关系", lambda e: e.guardian.relation, _as_is),
    ("监护人电话", lambda e: _first(e.guardian.phones), mask_phone),
    ("父亲", lambda e: e.father.name, _as_is),
    ("父亲务工地", lambda e: e.father.work_place, _as_is),
    ("父亲电话", lambda e: _first(e.father.phones), mask_phone),
    ("母亲", lambda e: e.mother.name, _as_is),
    ("母亲务工地", lambda e: e.mother.work_place, _as_is),
    ("母亲电话", lambda e: _first(e.mother.phones), mask_phone),
]


def _differences(earlier, later):
    found = []
    for label, read, show in _COMPARED:
        old, new = read(earlier), read(later)
        if new and old != new:
            found.append((label, show(old) if old else None, show(new)))
    return found


__all__ = ["Adult", "Entry", "Problem", "Roster", "SchoolShape", "column_letters", "read_children"]
