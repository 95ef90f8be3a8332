"""Fifth stage, what it yields: everything that confirming a roster would write, before any of it is in the database."""

import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import timedelta

from trust.masking import mask_id_number, mask_phone

from ..models import CareListSpell, Child, Enrollment, Relation, SchoolClass, Sex
from .children import Roster, SchoolShape

ONE_DAY = timedelta(days=1)
CHUNK = 5000
SEXES = {"男": Sex.MALE, "女": Sex.FEMALE}
# Why a spell is cancelled, and the answer to a question, whose import was undone.
UNDONE = "撤销导入"
PARENT_OF = {"father": Relation.FATHER, "mother": Relation.MOTHER}


def shape_of(school, as_of) -> SchoolShape:
    """What the reading must know of a school. One query."""
    return SchoolShape(
        stages=tuple(str(stage) for stage in school.stages),
        first_junior_grade=school.first_junior_grade,
        must_have_class=SchoolClass.objects.filter(school=school).running_on(as_of).exists(),
    )


@dataclass
class Known:
    """A child of the register with what the roster may touch."""

    child: Child
    enrollment: Enrollment | None = None
    care: CareListSpell | None = None
    traits: dict = field(default_factory=dict)
    kin: list = field(default_factory=list)
    last_ends: dict = field(default_factory=dict)
    questions: set = field(default_factory=set)
    open_questions: set = field(default_factory=set)


@dataclass
class Plan:
    """What confirming writes; nothing of it is in the database yet."""

    school: object
    as_of: object
    roster: Roster
    new_classes: dict = field(default_factory=dict)
    rows: dict = field(default_factory=lambda: defaultdict(list))  # model → new rows
    ended: dict = field(default_factory=lambda: defaultdict(dict))  # model → {pk: row}
    changed_children: dict = field(default_factory=dict)
    changed_adults: dict = field(default_factory=dict)
    changed_kinships: dict = field(default_factory=dict)
    changed_phones: dict = field(default_factory=dict)
    changed_cares: dict = field(default_factory=dict)
    alarms: list = field(default_factory=list)
    candidates: dict = field(
        default_factory=dict
    )  # entry → children of the school it may mean, as the preview shows them

    @property
    def counts(self):
        """Children by status, rows ignored, problems."""
        found = dict.fromkeys(("new", "changed", "unchanged", "held"), 0)
        for entry in self.roster.entries:
            found[entry.status] += 1
        found["ignored"] = len(self.roster.ignored)
        problems = self.roster.problems
        found["errors"] = sum(problem.severity == "error" for problem in problems)
        found["warnings"] = len(problems) - found["errors"]
        return found

    @property
    def class_names(self):
        """Classes that the import makes, as a school says them."""
        return [found.name_on(self.as_of) for found in self.new_classes.values()]

    @property
    def digest(self):
        """What a person saw: changes when the register or the file did."""
        seen = [
            [e.sheet, e.row, e.status, e.fields(), e.more, [list(map(str, change)) for change in e.changes]]
            for e in self.roster.entries
        ]
        text = json.dumps([seen, self.class_names], ensure_ascii=False, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()

    def as_json(self):
        """The command's JSON."""
        return {
            "school": self.school.code,
            "as_of": self.as_of.isoformat(),
            "counts": self.counts,
            "new_classes": self.class_names,
            "children": [entry.as_json() for entry in self.roster.entries],
            "problems": [problem.as_json() for problem in self.roster.problems],
            "ignored_rows": [{"sheet": s, "row": r, "why": why} for s, r, why in self.roster.ignored],
            "headings": self.roster.headings,
        }


def chunks(items):
    """``items`` in pieces that one statement may name."""
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def key_of(school_class):
    """What names a class of a school: stage, year of entry, number."""
    return str(school_class.stage), school_class.entry_year, school_class.number


def squeeze(text):
    """A text without its spaces, for comparing."""
    return "".join(str(text or "").split())


def masked_phone(number):
    """A phone as the preview shows it."""
    return mask_phone(number) if number else ""


def shown(row, name, value):
    """A value of a child or adult as the preview shows it."""
    if not value:
        return ""
    if name == "id_number":
        return mask_id_number(value)
    if name == "sex":
        return Sex(value).label
    return str(value)
