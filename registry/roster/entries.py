"""What the fourth stage gives: the child of a row with its adults, the problems of its cells, the roster of a file."""

import datetime
from dataclasses import dataclass, field

from .. import values
from .headings import GRANDPARENTS

ADULTS = ("guardian", "father", "mother", *GRANDPARENTS)
WHO = {
    "father": "父亲", "mother": "母亲", "guardian": "监护人", "carer": "监护人", "home": "家庭", "both": "家长", "child": "孩子",
    "member1": "家庭成员1", "member2": "家庭成员2",
    "grandfather": "祖父", "grandmother": "祖母", "maternal_grandfather": "外祖父", "maternal_grandmother": "外祖母",
}  # fmt: skip
ALARMS = {"alone": "独居", "unattended": "无人监护"}


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
    """An adult of the family as the row tells.

    ``conditions``: values of ``ConditionKind`` that the row states (服刑 → ``in_custody``); ``status``: what a column of
    its own says beside (离异, 丧偶), as written; ``away``: out, but nobody says where.
    """

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
    conditions: tuple = ()
    status: str | None = None
    away: bool = False

    @property
    def empty(self):
        return not (self.name or self.phones or self.work_place or self.relation or self.id_number)

    def add_conditions(self, kinds):
        """More of ``conditions``, each once."""
        self.conditions = tuple(dict.fromkeys((*self.conditions, *kinds)))


@dataclass(slots=True, eq=False)
class Entry:
    """One child of the file, at the row of its first appearance.

    ``more`` holds what the row says beside the fixed fields: ``ethnic_group``, ``former_name``, ``student_number``,
    ``household_registration``, ``village``, ``income``, ``aid``, ``character``, ``health``, ``study``, ``schooling``,
    ``away_reason``, ``note`` (texts), ``household_size`` (a number), ``hardship`` and ``priority`` (the words of the cell),
    ``hardships`` (values of ``Hardship`` that these words state), ``migrant`` (True), ``legal_guardian``,
    ``other_carers``, ``parents``, ``parents_work_place`` (texts), ``home_phones`` (numbers).
    """

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
            if adult.conditions:
                more.setdefault("conditions", {})[person] = list(adult.conditions)
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
    """What a file says: children, problems, rows that are none, its headings."""

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


class TableContext:
    """What all cells of one table are read with: the day, the school, which column holds what."""

    def __init__(self, table, as_of, shape):
        self.table, self.as_of, self.shape = table, as_of, shape
        self.columns = [
            (column.index, (column.meaning.person, column.meaning.attribute))
            for column in table.columns
            if column.meaning
        ]
        self.column_of = {(c.meaning.person, c.meaning.attribute): c for c in table.columns if c.meaning}
        self.has = set(self.column_of)

    def has_person(self, person):
        """Whether any column is about ``person``."""
        return any(key[0] == person for key in self.has)

    def cells_of(self, row_cells):
        """{(person, attribute): cell} of the filled cells."""
        length = len(row_cells)
        return {
            key: cell
            for index, key in self.columns
            if index < length and (cell := row_cells[index]) is not None and cell != ""
        }

    def problem(self, entry, row, key, kind, severity, effect, message, text="", field_name=""):
        """Adds a problem at the cell of ``key`` (person, attribute), or at the row when the column is not there."""
        column = self.column_of.get(key)
        entry.problems.append(
            Problem(
                self.table.sheet, row.number, column.letters if column else None, column.header if column else None,
                kind, severity, effect, message, text, field_name,
            )
        )  # fmt: skip
