"""Fifth stage: what the roster changes in the register, and writing it: one transaction, set-based, or nothing.

Identity is the ID number (by its keyed index) or the register's 系统编号 (the child's uid), never the name: a row without
either that looks like a child of the register waits for a person. An empty or masked cell never erases. A fact that
differs ends the day before the roster's date and a new one begins; both stay.
"""

import hashlib
import json
import uuid
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from trust import audit, outbox

from .. import regions, values
from ..calendar import Calendar
from ..classes import last_day_of
from ..models import (
    ALARM_TRAITS,
    GRADE_NAMES,
    Ability,
    Authority,
    AwayType,
    CareListSpell,
    Child,
    Enrollment,
    Guardian,
    Guardianship,
    Kinship,
    OpenQuestion,
    ParentWork,
    Phone,
    Relation,
    SchoolClass,
    Sex,
    Stage,
    Trait,
    TraitKind,
    grade_year,
)
from .children import ALARMS, AT_HOME, WHO, Adult, Entry, Problem, Roster, SchoolShape
from .headings import GRANDPARENTS, Meaning

ONE_DAY = timedelta(days=1)
CHUNK = 5000
BATCH = 2000
SEXES = {"男": Sex.MALE, "女": Sex.FEMALE}
PARENT_OF = {"father": Relation.FATHER, "mother": Relation.MOTHER}
CORRECTED = "名册更正"

audit.name_actions(import_roster="导入名册", import_child="名册写入儿童资料", preview_roster="核对名册")
audit.name_kinds(importbatch="名册导入")

# Child fields that a roster may bring beside the fixed ones: key of ``Entry.more`` → (field, label).
_MORE = {
    "ethnic_group": ("ethnic_group", "民族"),
    "former_name": ("former_name", "曾用名"),
    "student_number": ("student_number", "学籍号"),
    "household_registration": ("household_registration", "户籍所在地"),
    "village": ("village", "村（社区）"),
    "health": ("health", "身体状况"),
    "character": ("character", "性格与爱好"),
    "income": ("household_income", "家庭经济来源"),
}
# Kept in the note of a new child, or of one without a note: words that have no field of their own.
_NOTED = {
    "note": "", "aid": "救助帮扶：", "study": "学习情况：", "away_reason": "外出原因：", "legal_guardian": "法定监护人：",
    "parents": "家长：", "parents_work_place": "父母务工地：", "home_phones": "家庭电话：",
}  # fmt: skip


def shape_of(school, as_of) -> SchoolShape:
    """What the reading must know of a school. One query."""
    return SchoolShape(
        stages=tuple(str(stage) for stage in school.stages),
        first_junior_grade=school.first_junior_grade,
        must_have_class=SchoolClass.objects.filter(school=school).running_on(as_of).exists(),
    )


@dataclass
class _Known:
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


def compare(roster: Roster, *, school, as_of, lock=False) -> Plan:
    """Compares the roster with the register; sets each entry's status and changes. ``lock`` inside the writing transaction."""
    return _Comparison(roster, school, as_of, lock).run()


class _Comparison:
    """One comparison: loads what is known in a fixed number of statements, then decides row by row in memory."""

    def __init__(self, roster, school, as_of, lock):
        self.plan = Plan(school, as_of, roster)
        self.roster, self.school, self.as_of, self.lock = roster, school, as_of, lock
        self.said = {}

    def run(self):
        self._load_classes()
        self._match()
        self._load_facts()
        self._known_adults()
        for entry in self.roster.entries:
            if entry.existing is not None:
                entry.problems = [
                    problem for problem in entry.problems if not _known_already(problem, entry.existing)
                ]
            self._settle_class(entry)
            if entry.held:
                entry.status = "held"
                continue
            if entry.existing is None:
                self._enter(entry)
                entry.status = "new"
            else:
                self._change(entry)
                entry.status = "changed" if entry.changes else "unchanged"
        return self.plan

    # --- loading -----------------------------------------------------------------------------------------------------

    def _load_classes(self):
        found = SchoolClass.objects.filter(school=self.school).select_related("school")
        self.classes = {(c.stage, c.entry_year, c.number): c for c in found}
        self.grade_year = grade_year(self.as_of)
        self.calendar = None

    def _match(self):
        entries = self.roster.entries
        by_index = {}
        for entry in entries:
            if entry.id_number:
                by_index[entry] = values.id_number_index(entry.id_number)
        uids = [uuid.UUID(entry.uid) for entry in entries if entry.uid]
        children = {}
        for chunk in _chunks(list(set(by_index.values()))):
            for child in self._children(Q(county=self.school.county, id_number_index__in=chunk)):
                children[child.pk] = child
        for chunk in _chunks(uids):
            for child in self._children(Q(county=self.school.county, uid__in=chunk)):
                children[child.pk] = child
        here = Enrollment.objects.open().filter(school=self.school).values("child")
        names = {entry.name for entry in entries if entry.name}
        namesakes = defaultdict(list)
        for child in self._children(Q(pk__in=here)):
            if child.name in names:
                child = children.setdefault(child.pk, child)
                namesakes[child.name].append(child)
        self.children = children
        numbers = {child.id_number_index: child for child in children.values() if child.id_number_index}
        known_uids = {child.uid.hex: child for child in children.values()}
        self.known = {}
        taken = {}
        for entry in entries:
            found = self._identify(entry, known_uids, numbers.get(by_index.get(entry)))
            if found is not None and found.pk in taken:
                self._problem(entry, "identity_conflict", "id_number",
                              f"第 {entry.row} 行{entry.name}和第 {taken[found.pk].row} 行指的是名册里同一个孩子，请核对系统编号和身份证号")  # fmt: skip
                found = None
            if found is not None:
                taken[found.pk] = entry
                entry.existing = found
        self.namesakes = namesakes
        self.taken = taken

    def _children(self, where):
        found = Child.objects.filter(where)
        return found.select_for_update() if self.lock else found

    def _identify(self, entry, by_uid, by_number):
        """The child of the register a row speaks of, or None."""
        child = by_uid.get(entry.uid) if entry.uid else None
        if entry.uid and child is None and not entry.held:
            self._problem(entry, "uid_unknown", "uid",
                          f"第 {entry.row} 行{entry.name or ''}的系统编号在本县名册里找不到，没有用它认人", "warning", "noted")  # fmt: skip
        if child is not None and by_number is not None and child.pk != by_number.pk:
            self._problem(entry, "identity_conflict", "id_number",
                          f"第 {entry.row} 行{entry.name or ''}的系统编号和身份证号指的是两个孩子，请核对")  # fmt: skip
            return None
        if child is None and by_number is not None:
            child = by_number
            if entry.name and entry.name != child.name and not entry.held:
                self._problem(entry, "name_differs", "name",
                              f"第 {entry.row} 行{entry.name}：这个身份证号在名册里是{child.name}，请核对姓名和身份证号")  # fmt: skip
                return None
        return child

    def _load_facts(self):
        children = {entry.existing.pk: entry.existing for entry in self.roster.entries if entry.existing}
        keyless = [
            e
            for e in self.roster.entries
            if e.existing is None and e.name and not e.held and e.name in self.namesakes
        ]
        for entry in keyless:
            for child in self.namesakes[entry.name]:
                children.setdefault(child.pk, child)
        self.known = {pk: _Known(child) for pk, child in children.items()}
        self.adults, self.phones, self.works, self.cares = {}, defaultdict(list), {}, {}
        for chunk in _chunks(list(children)):
            self._load_spells(chunk)
        adult_ids = list({kinship.guardian_id for known in self.known.values() for kinship in known.kin})
        for chunk in _chunks(adult_ids):
            self._load_adult_facts(chunk)
        self._look_alikes(keyless)
        self._other_schools()

    def _load_spells(self, children):
        known = self.known
        for spell in (
            Enrollment.objects.valid()
            .filter(child__in=children)
            .select_related("school_class__school", "school")
        ):
            self._keep(known[spell.child_id], "enrollment", spell)
        for spell in CareListSpell.objects.valid().filter(child__in=children):
            self._keep(known[spell.child_id], "care", spell)
        for spell in Trait.objects.valid().filter(child__in=children):
            one = known[spell.child_id]
            if spell.ends_on is None:
                one.traits[spell.kind] = spell
            else:
                _remember_end(one, spell.kind, spell)
        for kinship in Kinship.objects.filter(child__in=children).select_related("guardian").order_by("pk"):
            known[kinship.child_id].kin.append(kinship)
            kinship.guardian = self.adults.setdefault(kinship.guardian_id, kinship.guardian)
        for spell in Guardianship.objects.valid().filter(child__in=children):
            if spell.ends_on is None:
                self.cares[spell.child_id, spell.guardian_id] = spell
            else:
                _remember_end(known[spell.child_id], ("care", spell.guardian_id), spell)
        for question in OpenQuestion.objects.filter(child__in=children):
            known[question.child_id].questions.add((question.field, question.text))
            if question.answered_at is None:
                known[question.child_id].open_questions.add(question.field)

    @staticmethod
    def _keep(known, name, spell):
        if spell.ends_on is None:
            setattr(known, name, spell)
        else:
            _remember_end(known, name, spell)

    def _load_adult_facts(self, adults):
        for phone in Phone.objects.filter(guardian__in=adults, ended_on=None).order_by("position", "pk"):
            self.phones[phone.guardian_id].append(phone)
        self.work_ends = getattr(self, "work_ends", {})
        for work in ParentWork.objects.valid().filter(guardian__in=adults):
            if work.ends_on is None:
                self.works[work.guardian_id] = work
            else:
                self.work_ends[work.guardian_id] = max(
                    work.ends_on, self.work_ends.get(work.guardian_id, work.ends_on)
                )

    def _look_alikes(self, keyless):
        """Rows that no number identifies, where a child of the same name is at the school."""
        asked, single = [], {}
        for entry in keyless:
            alike = [(child, self._in_class_of(child, entry)) for child in self._could_be(entry)]
            if not alike:
                continue
            asked.append((entry, [child for child, _ in alike]))
            if len(alike) == 1 and alike[0][1] and not entry.id_number and not entry.id_masked:
                single[id(entry)] = (entry, alike[0][0])
        # The very row that made this child: identical in every cell, so nothing is guessed and nothing changes.
        same = self._identical(list(single.values()))
        for entry, children in asked:
            if id(entry) in same and children[0].pk not in self.taken:
                entry.existing = children[0]
                self.taken[children[0].pk] = entry
                continue
            at = [self.known[child.pk].enrollment for child in children[:3]]
            where = "、".join(str(spell.school_class or "未分班") for spell in at if spell)
            self._problem(
                entry, "looks_like_existing", "name",
                f"第 {entry.row} 行{entry.name}：名册里已有同名的孩子（{where}）。是同一个人，请在表里加上“系统编号”一列（从导出的名册复制）；"
                "不是，请两边都补上身份证号", "warning",
            )  # fmt: skip

    def _could_be(self, entry):
        for child in self.namesakes[entry.name]:
            if child.pk in self.taken or (entry.id_number and child.id_number_index):
                continue
            if entry.birth_date and child.birth_date and entry.birth_date != child.birth_date:
                continue
            if entry.sex and child.sex and SEXES[entry.sex] != child.sex:
                continue
            yield child

    def _in_class_of(self, child, entry):
        enrollment = self.known[child.pk].enrollment
        at = enrollment.school_class if enrollment else None
        return (_key_of(at) if at else None) == self._class_key(entry)

    def _identical(self, pairs):
        """Ids of the entries that say exactly what stands: compared once more as if the child's uid stood in the row."""
        copies = [
            (
                entry,
                replace(entry, uid=child.uid.hex, problems=list(entry.problems), changes=[], existing=None),
            )
            for entry, child in pairs
        ]
        if not copies:
            return set()
        plan = compare(Roster([copy for _, copy in copies], [], []), school=self.school, as_of=self.as_of)
        del plan
        return {id(entry) for entry, copy in copies if copy.status == "unchanged"}

    def _other_schools(self):
        for entry in self.roster.entries:
            if entry.existing is None or entry.held:
                continue
            enrollment = self.known[entry.existing.pk].enrollment
            if enrollment is not None and enrollment.school_id != self.school.pk:
                # the other school is not named here: where a child is, is not everybody's to know
                entry.existing = None
                self._problem(
                    entry, "at_other_school", "id_number",
                    f"第 {entry.row} 行{entry.name}：这个孩子现在登记在本县另一所学校，请那边先办转出，再导入这一行", "warning",
                )  # fmt: skip

    def _known_adults(self):
        """Adults already in the register by name and phone: siblings share them."""
        indexes = {}
        for entry in self.roster.entries:
            for person in ("guardian", "father", "mother", *GRANDPARENTS):
                adult = entry.adult(person)
                if adult.name and adult.phones:
                    indexes.setdefault(values.phone_index(adult.phones[0]), set()).add(adult.name)
        self.by_phone = {}
        adults, numbers = [], []
        for chunk in _chunks(list(indexes)):
            # nothing but the index here: with a join or an order SQLite leaves the index of the numbers unused
            found = Phone.objects.filter(number_index__in=chunk).values_list(
                "guardian", "number_index", "ended_on"
            )
            numbers += [(guardian, index) for guardian, index, ended_on in found if ended_on is None]
        unknown = list({guardian for guardian, _ in numbers} - self.adults.keys())
        for chunk in _chunks(unknown):
            for guardian in Guardian.objects.filter(pk__in=chunk):
                self.adults[guardian.pk] = guardian
        for pk, index in sorted(numbers):
            guardian = self.adults[pk]
            if guardian.name in indexes[index] and guardian.county_id == self.school.county_id:
                self.by_phone.setdefault((guardian.name, index), guardian)
                adults.append(pk)
        missing = [pk for pk in dict.fromkeys(adults) if pk not in self.phones]
        for chunk in _chunks(missing):
            self._load_adult_facts(chunk)

    # --- helpers -----------------------------------------------------------------------------------------------------

    def _problem(self, entry, kind, attribute, message, severity="error", effect="held"):
        column = next((c for c in entry.table.columns if c.meaning == Meaning("child", attribute)), None)
        entry.problems.append(
            Problem(
                entry.sheet, entry.row, column.letters if column else None, column.header if column else None,
                kind, severity, effect, message, "", attribute,
            )
        )  # fmt: skip

    def _class_key(self, entry):
        if not (entry.grade and entry.school_class and entry.school_class.removesuffix("班").isdigit()):
            return None
        number = values.grade_number(entry.grade)
        if number < 1:
            stage = Stage.KINDERGARTEN
        else:
            stage = Stage.PRIMARY if number < self.school.first_junior_grade else Stage.JUNIOR
        entry_year = self.grade_year - (number - self.school.first_grade(stage))
        return str(stage), entry_year, int(entry.school_class.removesuffix("班"))

    def _settle_class(self, entry):
        """The class of an entry: found, to be made, or kept as it is; a known child needs none in its row."""
        missing = [problem for problem in entry.problems if problem.kind == "class_missing"]
        key = self._class_key(entry)
        if key is None and missing:
            known = self.known.get(entry.existing.pk) if entry.existing else None
            at = known.enrollment.school_class if known and known.enrollment else None
            if at is not None and (not entry.grade or at.grade_name_on(self.as_of) == entry.grade):
                key = _key_of(at)
            elif entry.grade and not entry.school_class:
                # a village school with one class in the grade writes the grade alone
                in_grade = [
                    c for c in self.classes.values() if c.ends_on >= self.as_of and c.grade_name_on(self.as_of) == entry.grade
                ]  # fmt: skip
                key = _key_of(in_grade[0]) if len(in_grade) == 1 else None
            # The register itself says 未分班: an exported row of such a child goes back in as it is.
            seatless = (
                known and known.enrollment and at is None and not entry.grade and not entry.school_class
            )
            if key is not None or seatless:
                entry.problems = [problem for problem in entry.problems if problem not in missing]
        if key is None or entry.held:
            entry.place = None
            return
        entry.place = self.classes.get(key)
        if entry.place is None:
            stage, entry_year, number = key
            self.calendar = self.calendar or Calendar.of(self.school.county)
            entry.place = self.classes[key] = self.plan.new_classes[key] = SchoolClass(
                school=self.school, stage=stage, entry_year=entry_year, number=number,
                ends_on=last_day_of(self.school, stage, entry_year, self.calendar),
            )  # fmt: skip
            if stage not in [str(s) for s in self.school.stages]:
                self._problem(
                    entry, "stage_not_here", "class",
                    f"{self.school}没有登记{Stage(stage).label}这个学段，{entry.place.name_on(self.as_of)}照样新建，请核对班级", "warning", "noted",
                )  # fmt: skip

    def _start(self, known, name, spell=None):
        """First day of a new spell beside ``spell`` (the open one) and those that ended."""
        day = self.as_of
        if spell is not None:
            day = max(day, spell.starts_on)
        last = known.last_ends.get(name) if known else None
        return max(day, last + ONE_DAY) if last else day

    def _end(self, spell, new_start):
        """Ends ``spell`` before ``new_start``; one that began that day was a mistake and is cancelled as corrected."""
        if spell.starts_on >= new_start:
            spell.cancelled_at, spell.cancel_reason = timezone.now(), CORRECTED
        else:
            spell.ends_on = new_start - ONE_DAY
        self.plan.ended[type(spell)][spell.pk] = spell

    # --- a new child -------------------------------------------------------------------------------------------------

    def _enter(self, entry):
        plan, more = self.plan, entry.more
        child = Child(
            county=self.school.county, name=entry.name, sex=SEXES.get(entry.sex, ""), birth_date=entry.birth_date,
            id_number=entry.id_number or "", address=entry.address or "", note=_note(entry),
            **{name: _fit(Child, name, more[key]) for key, (name, _) in _MORE.items() if key in more},
        )  # fmt: skip
        plan.rows[Child].append(child)
        known = _Known(child)
        place = entry.place
        start = self.as_of
        plan.rows[Enrollment].append(
            Enrollment(child=child, school=self.school, school_class=place, starts_on=start)
        )
        plan.rows[CareListSpell].append(
            CareListSpell(child=child, type=entry.care_type or AwayType.UNKNOWN, starts_on=start)
        )
        self._traits(entry, known, start)
        self._family(entry, known)
        self._questions(entry, known)

    # --- a known child -----------------------------------------------------------------------------------------------

    def _change(self, entry):
        known = self.known[entry.existing.pk]
        child, changes = known.child, entry.changes
        wanted = {
            "name": entry.name, "sex": SEXES.get(entry.sex), "birth_date": entry.birth_date, "id_number": entry.id_number,
        }  # fmt: skip
        labels = {"name": "姓名", "sex": "性别", "birth_date": "出生日期", "id_number": "身份证号"}
        for key, (name, label) in _MORE.items():
            if key in entry.more:
                wanted[name], labels[name] = _fit(Child, name, entry.more[key]), label
        changed = []
        for name, value in wanted.items():
            old = getattr(child, name)
            if value and value != old and not (isinstance(value, str) and _squeeze(value) == _squeeze(old)):
                changes.append((labels[name], _shown(child, name, old), _shown(child, name, value)))
                changed.append((name, value))
        if entry.address and not _same_address(entry.address, child):
            changes.append(("现住址", child.address, entry.address))
            changed.append(("address", entry.address))
        note = _note(entry)
        if note and not child.note:
            changes.append(("备注", "", note))
            changed.append(("note", note))
        if changed:
            for name, value in changed:
                setattr(child, name, value)
            self.plan.changed_children[child.pk] = child
        self._place(entry, known)
        self._care(entry, known)
        self._traits(entry, known, self.as_of)
        self._family(entry, known)
        self._questions(entry, known)

    def _place(self, entry, known):
        old = known.enrollment
        if old is not None and (entry.place is None or old.school_class_id == entry.place.pk is not None):
            return
        if (
            old is not None
            and entry.place is not None
            and old.school_class is not None
            and _key_of(old.school_class) == _key_of(entry.place)
        ):
            return
        start = self._start(known, "enrollment", old)
        new_name = entry.place.name_on(self.as_of) if entry.place else "未分班"
        if old is not None:
            entry.changes.append(
                ("班级", old.school_class.name_on(self.as_of) if old.school_class else "未分班", new_name)
            )
            self._end(old, start)
        else:
            entry.changes.append(("在校", "不在校", new_name))
        self.plan.rows[Enrollment].append(
            Enrollment(child=known.child, school=self.school, school_class=entry.place, starts_on=start)
        )

    def _care(self, entry, known):
        old, wanted = known.care, entry.care_type or AwayType.UNKNOWN
        # what the parents' work places suggest is for new children; of a known one only said words count
        if old is not None and (wanted in (AwayType.UNKNOWN, old.type) or not entry.care_type_said):
            return
        start = self._start(known, "care", old)
        entry.changes.append(
            ("留守类型", old.get_type_display() if old else "不在册", AwayType(wanted).label)
        )
        if old is not None:
            self._end(old, start)
        self.plan.rows[CareListSpell].append(CareListSpell(child=known.child, type=wanted, starts_on=start))

    def _traits(self, entry, known, start):
        is_new = known.child.pk is None
        if entry.boarding is False and TraitKind.BOARDING in known.traits:
            entry.changes.append(("寄宿", "是", "否"))
            self._end(
                known.traits[TraitKind.BOARDING], max(start, known.traits[TraitKind.BOARDING].starts_on)
            )
        wanted = []
        if entry.boarding:
            wanted.append((TraitKind.BOARDING, ""))
        for kind in (TraitKind.HARDSHIP, TraitKind.PRIORITY):
            if kind in entry.more:
                wanted.append((kind, entry.more[kind]))
        if entry.alarm:
            wanted.append((TraitKind(entry.alarm), entry.alarm_text))
        for kind, reason in wanted:
            if kind in known.traits:
                continue
            if not is_new:
                entry.changes.append((kind.label, "", "是"))
            trait = Trait(
                child=known.child,
                kind=kind,
                reason=reason,
                starts_on=self._start(known, kind) if not is_new else start,
            )
            self.plan.rows[Trait].append(trait)
            if kind in ALARM_TRAITS:
                self.plan.alarms.append(trait)

    # --- the family --------------------------------------------------------------------------------------------------

    def _family(self, entry, known):
        kin = {kinship.relation: kinship for kinship in known.kin if kinship.relation in PARENT_OF.values()}
        for person, relation in PARENT_OF.items():
            told = getattr(entry, person)
            if told.empty and not told.died:
                continue
            kinship = kin.get(relation)
            adult = kinship.guardian if kinship else None
            if adult is None:
                if not told.name and not told.phones and not told.work_place:
                    continue
                adult = self._adult(entry, known, told, relation, f"{known.child.name}的{WHO[person]}")
            else:
                self._correct_adult(entry, adult, told, WHO[person])
            self._work(entry, adult, told, WHO[person])
        self._guardian(entry, known)
        for person in GRANDPARENTS:
            told = entry.others.get(person)
            if told is None or not told.name:
                continue
            relation = Relation(person)
            kinship = next((k for k in known.kin if k.guardian.name == told.name), None)
            if kinship is None:
                self._adult(entry, known, told, relation, told.name)

    def _guardian(self, entry, known):
        told = entry.guardian
        if told.empty:
            return
        code = values.relation_code(told.relation) if told.relation else ""
        open_cares = (
            [k for k in known.kin if self.cares.get((known.child.pk, k.guardian_id))]
            if known.child.pk
            else []
        )
        kinship = None
        if told.name:
            kinship = next((k for k in known.kin if k.guardian.name == told.name), None)
            if kinship is None and code in PARENT_OF.values():
                # 监护人 is a parent: the parent's own columns name him, or he is the only one there
                kinship = next((k for k in known.kin if k.relation == code), None)
                if kinship is not None and kinship.guardian.name != told.name and getattr(entry, code).name:
                    kinship = None
        elif len(open_cares) == 1:
            kinship = open_cares[0]
        elif code in PARENT_OF.values():
            kinship = next((k for k in known.kin if k.relation == code), None)
        if kinship is None and not (told.name or told.phones):
            return
        if kinship is None:
            relation = Relation(code) if code else Relation.OTHER
            if relation in PARENT_OF.values() and any(k.relation == relation for k in known.kin):
                relation = Relation.OTHER
            adult = self._adult(
                entry,
                known,
                told,
                relation,
                f"{known.child.name}的{told.relation or '监护人'}",
                label="监护人",
            )
            kinship = known.kin[-1]
        else:
            adult = kinship.guardian
            self._correct_adult(entry, adult, told, "监护人")
            if told.relation not in (None, kinship.word) and kinship.relation not in PARENT_OF.values():
                entry.changes.append(("关系", kinship.word, told.relation))
                self._kinship_changed(kinship, code, told.relation)
        self._cares_for(entry, known, adult, kinship, open_cares)

    def _kinship_changed(self, kinship, code, written):
        if kinship.pk is None:
            return
        kinship.relation, kinship.as_written = Relation(code), written[:20]
        self.plan.changed_kinships[kinship.pk] = kinship

    def _cares_for(self, entry, known, adult, kinship, open_cares):
        child = known.child
        care = self.cares.get((child.pk, adult.pk)) if child.pk and adult.pk else None
        if care is not None:
            if entry.ability and care.ability != entry.ability:
                entry.changes.append(("监护评估", care.get_ability_display(), Ability(entry.ability).label))
                care.ability = entry.ability
                self.plan.changed_cares[care.pk] = care
            return
        if kinship.relation in PARENT_OF.values():
            authority = Authority.LEGAL
        else:
            authority = Authority.ENTRUSTED if entry.entrusted else Authority.INFORMAL
        start = self.as_of
        for other in open_cares:
            spell = self.cares[child.pk, other.guardian_id]
            start = max(start, spell.starts_on)
            self._end(spell, start)
        last = known.last_ends.get(("care", adult.pk)) if adult.pk else None
        if last:
            start = max(start, last + ONE_DAY)
        if child.pk:
            old = "、".join(other.guardian.name for other in open_cares)
            entry.changes.append(("监护人", old, adult.name))
        self.plan.rows[Guardianship].append(
            Guardianship(
                child=child, guardian=adult, authority=authority, ability=entry.ability, starts_on=start
            )
        )

    def _adult(self, entry, known, told, relation, fallback, label=""):
        """An adult new to this child: one already known by name and phone (of a sibling), or a new row."""
        name = (told.name or fallback)[:60]
        adult = None
        keys = [(told.name, values.phone_index(phone)) for phone in told.phones[:1]] if told.name else []
        for key in keys:
            adult = self.by_phone.get(key)
        if adult is not None and any(k.guardian is adult for k in known.kin):
            adult = None
        if adult is None:
            adult = Guardian(
                county=self.school.county, name=name, id_number=told.id_number or "", birth_date=told.birth_date,
                health=told.health or "", occupation=(told.trade or "")[:60],
                note="名册上写着已故" if told.died else "",
            )  # fmt: skip
            self.plan.rows[Guardian].append(adult)
            for key in keys:
                self.by_phone[key] = adult
            for position, number in enumerate(told.phones):
                phone = Phone(guardian=adult, number=number, position=position)
                phone.prepare()
                self._phones_of(adult).append(phone)
                self.plan.rows[Phone].append(phone)
        else:
            self._correct_adult(entry, adult, told, label or Relation(relation).label)
        if known.child.pk:
            entry.changes.append((label or Relation(relation).label, "", name))
        kinship = Kinship(
            child=known.child, guardian=adult, relation=relation,
            as_written=(told.relation or "")[:20] if relation not in PARENT_OF.values() else "",
        )  # fmt: skip
        known.kin.append(kinship)
        self.plan.rows[Kinship].append(kinship)
        return adult

    def _phones_of(self, adult):
        return self.phones[adult.pk if adult.pk else id(adult)]

    def _say(self, entry, adult, what, value):
        """False when an earlier row of this file said something else of the same adult (siblings): the first counts."""
        first = self.said.setdefault((id(adult), what), value)
        if first != value:
            self._problem(
                entry, "siblings_differ", "name",
                f"第 {entry.row} 行{entry.name}：家长{adult.name}的资料和前面兄弟姐妹那一行不一样，按前面那一行记，请核对", "warning", "noted",
            )  # fmt: skip
            return False
        return True

    def _correct_adult(self, entry, adult, told, label):
        changed = []
        for name, value, word in (
            ("name", told.name, ""), ("id_number", told.id_number, "身份证号"), ("birth_date", told.birth_date, "出生日期"),
            ("health", told.health, "健康状况"), ("occupation", (told.trade or "")[:60], "职业"),
        ):  # fmt: skip
            if value and self._say(entry, adult, name, value):
                old = getattr(adult, name)
                if old != value:
                    changed.append((name, value))
                    if adult.pk:
                        entry.changes.append(
                            (f"{label}{word}", _shown(adult, name, old), _shown(adult, name, value))
                        )
        if changed:
            self._set_adult(adult, changed)
        phones = self._phones_of(adult)
        have = {phone.number_index for phone in phones}
        fresh = [number for number in told.phones if values.phone_index(number) not in have]
        if fresh:
            old = phones[0].number if phones else ""
            if adult.pk:
                entry.changes.append((f"{label}电话", _masked_phone(old), _masked_phone(fresh[0])))
            self._add_phones(adult, phones, fresh)

    def _set_adult(self, adult, changed):
        for name, value in changed:
            setattr(adult, name, value)
        if adult.pk:
            self.plan.changed_adults[adult.pk] = adult

    def _add_phones(self, adult, phones, fresh):
        """The roster's number comes first; the others stay behind it."""
        for phone in phones:
            phone.position += len(fresh)
            if phone.pk:
                self.plan.changed_phones[phone.pk] = phone
        made = []
        for position, number in enumerate(fresh):
            phone = Phone(guardian=adult, number=number, position=position)
            phone.prepare()
            made.append(phone)
            self.plan.rows[Phone].append(phone)
        phones[:0] = made

    def _work(self, entry, adult, told, label):
        place = (told.work_place or "")[:100]
        old = self.works.get(adult.pk if adult.pk else id(adult))
        if not place and not told.away_since:
            return
        if not self._say(entry, adult, "work", (place, told.away_since)):
            return
        if place and (AT_HOME.match(place) or told.died):
            if old is not None and old.pk:
                entry.changes.append((f"{label}务工地", old.place, place))
                self._end(old, max(self.as_of, old.starts_on))
                del self.works[adult.pk]
            return
        since, known_day = told.away_since or (self.as_of, False)
        if old is not None:
            if not place or _squeeze(old.place) == _squeeze(place):
                return
            start = max(since if told.away_since else self.as_of, old.starts_on)
            if old.pk:
                entry.changes.append((f"{label}务工地", old.place, place))
                self._end(old, start)
            since = start
        elif adult.pk:
            last = getattr(self, "work_ends", {}).get(adult.pk)
            since = max(since, last + ONE_DAY) if last else since
            entry.changes.append((f"{label}务工地", "", place or "在外"))
        work = ParentWork(
            guardian=adult, place=place, starts_on=since, starts_on_known=known_day and since == (told.away_since or (None,))[0],
            division_code=regions.code_in(place) if place else "", trade=(told.trade or "")[:40],
            expected_return_on=told.return_on,
        )  # fmt: skip
        self.works[adult.pk if adult.pk else id(adult)] = work
        self.plan.rows[ParentWork].append(work)

    def _questions(self, entry, known):
        for problem in entry.problems:
            if problem.effect != "left_out" or not problem.field:
                continue
            name = problem.field[:60]
            if name in known.open_questions or (name, problem.text) in known.questions:
                continue
            known.open_questions.add(name)
            if known.child.pk:
                entry.changes.append(("待核实", "", problem.header or name))
            self.plan.rows[OpenQuestion].append(
                OpenQuestion(
                    child=known.child, field=name, text=problem.text,
                    # without the row's number: the question outlives the file
                    message=_question(problem)[:300], source=f"{self.as_of:%Y-%m-%d} 名册 {problem.header or ''}"[:120],
                )
            )  # fmt: skip


def _known_already(problem, child):
    """What the cell leaves open stands in the register."""
    if problem.kind == "sex_missing":
        return bool(child.sex)
    if problem.kind == "date_incomplete" and problem.field == "birth_date" and child.birth_date:
        told = values.read_date(problem.text).year_month
        return told is None or told == (child.birth_date.year, child.birth_date.month)
    return False


def _question(problem):
    message = problem.message
    head = f"第 {problem.row} 行"
    return message[len(head) :] if message.startswith(head) else message


def _key_of(school_class):
    return str(school_class.stage), school_class.entry_year, school_class.number


def _remember_end(known, name, spell):
    last = known.last_ends.get(name)
    known.last_ends[name] = spell.ends_on if last is None else max(last, spell.ends_on)


def _chunks(items):
    for start in range(0, len(items), CHUNK):
        yield items[start : start + CHUNK]


def _squeeze(text):
    return "".join(str(text or "").split())


def _same_address(told, child):
    told = _squeeze(told)
    return told in (_squeeze(child.address), _squeeze(f"{child.village}{child.address}"))


def _fit(model, name, value):
    limit = model._meta.get_field(name).max_length
    return value[:limit] if limit else value


def _note(entry):
    parts = []
    for key, head in _NOTED.items():
        value = entry.more.get(key)
        if value:
            parts.append(head + ("、".join(value) if isinstance(value, list) else value))
    return "；".join(parts)


def _masked_phone(number):
    from trust.masking import mask_phone

    return mask_phone(number) if number else ""


def _shown(row, name, value):
    from trust.masking import mask_id_number

    if not value:
        return ""
    if name == "id_number":
        return mask_id_number(value)
    if name == "sex":
        return Sex(value).label
    return str(value)


# --- writing ---------------------------------------------------------------------------------------------------------

_CHILD_FIELDS = [
    f.name for f in Child._meta.concrete_fields if f.name not in ("id", "uid", "county", "created_at")
]  # fmt: skip
_ADULT_FIELDS = [f.name for f in Guardian._meta.concrete_fields if f.name not in ("id", "uid", "county")]
_END_FIELDS = ["ends_on", "cancelled_at", "cancelled_by", "cancel_reason"]


def write(plan: Plan, *, by, batch=None):
    """Writes a plan inside the caller's transaction: a fixed set of bulk statements, then the audit trail.

    ``bulk_create`` skips ``save`` and ``full_clean``; every value went through ``registry.values`` and the constraints
    of the tables hold.
    """
    if not transaction.get_connection().in_atomic_block:
        raise RuntimeError("write() belongs inside the transaction that compared")
    rows, now = plan.rows, timezone.now()
    SchoolClass.objects.bulk_create(plan.new_classes.values())
    for child in rows[Child]:
        child.prepare()
    for adult in rows[Guardian]:
        adult.prepare()
    _create_with_history(Child, rows[Child], by)
    _create_with_history(Guardian, rows[Guardian], by)
    _update_with_history(Child, plan.changed_children.values(), _CHILD_FIELDS, by)
    _update_with_history(Guardian, plan.changed_adults.values(), _ADULT_FIELDS, by)
    _update_with_history(Phone, plan.changed_phones.values(), ["position", "version"], by)
    for model, ended in plan.ended.items():
        for spell in ended.values():
            if spell.cancelled_at is not None:
                spell.cancelled_by = by
        model.objects.bulk_update(ended.values(), _END_FIELDS, batch_size=500)
    for model in (Enrollment, CareListSpell, Trait, Guardianship, ParentWork):
        for spell in rows[model]:
            spell.recorded_by, spell.recorded_at = by, now
            _take_keys(spell)
        model.objects.bulk_create(rows[model], batch_size=BATCH)
    for model in (Kinship, OpenQuestion):
        for row in rows[model]:
            _take_keys(row)
        model.objects.bulk_create(rows[model], batch_size=BATCH)
    for phone in rows[Phone]:
        _take_keys(phone)
    _create_with_history(Phone, rows[Phone], by)
    Kinship.objects.bulk_update(plan.changed_kinships.values(), ["relation", "as_written"], batch_size=500)
    Guardianship.objects.bulk_update(plan.changed_cares.values(), ["ability"], batch_size=500)
    for trait in plan.alarms:
        payload = {"trait": str(trait.uid), "child": str(trait.child.uid), "kind": str(trait.kind)}
        outbox.send("protection_alarm", payload, key=f"protection_alarm:{trait.uid}")
    written = [child.uid for child in rows[Child]]
    written += [e.existing.uid for e in plan.roster.entries if e.status == "changed"]
    if written:
        audit.record_many("import_child", by=by, children=written, kind="child")
    counts = plan.counts
    audit.record(
        "import_roster", by=by, kind="importbatch", uid=batch, count=len(written),
        detail=f"{plan.school} 截止 {plan.as_of}：新 {counts['new']}，变 {counts['changed']}，不变 {counts['unchanged']}，待改 {counts['held']}",
    )  # fmt: skip


def _take_keys(row):
    """Rows built before their parents were stored learn their keys now."""
    for name in ("child", "guardian", "school_class"):
        if name in row._state.fields_cache and row._state.fields_cache[name] is not None:
            setattr(row, name, row._state.fields_cache[name])


def _create_with_history(model, rows, by):
    if rows:
        model.objects.bulk_create(rows, batch_size=BATCH)
        _write_history(model, rows, by, "+")


def _write_history(model, rows, by, kind):
    """The rows' history, copied inside the database: no row is built, sent or sealed a second time.

    A history row shares its original's uid, so the copied ciphertext opens.
    """
    history = model.history.model
    quote = connection.ops.quote_name
    columns = ", ".join(quote(field.column) for field in history.tracked_fields)
    keys = [int(row.pk) for row in rows]
    moment = connection.ops.adapt_datetimefield_value(timezone.now())
    copy = (  # names are our own, keys are integers
        f"INSERT INTO {quote(history._meta.db_table)} ({columns}, history_date, history_type, history_user_id, "  # noqa: S608
        f"history_change_reason) SELECT {columns}, %s, %s, %s, %s FROM {quote(model._meta.db_table)} WHERE id IN "
    )
    with connection.cursor() as cursor:
        for chunk in _chunks(keys):
            cursor.execute(
                f"{copy}({', '.join(map(str, chunk))}) ORDER BY id",
                [moment, kind, by.pk if by is not None else None, ""],
            )


def _update_with_history(model, rows, fields, by):
    """An upsert by primary key: unlike ``bulk_update`` it passes encrypted fields, and it is one statement."""
    rows = list(rows)
    if not rows:
        return
    for row in rows:
        row.version += 1
        row.prepare()
    encrypted_free = model is Phone
    if encrypted_free:
        model.objects.bulk_update(rows, fields, batch_size=500)
    else:
        model.objects.bulk_create(
            rows, batch_size=BATCH, update_conflicts=True, update_fields=fields, unique_fields=["id"]
        )
    _write_history(model, rows, by, "~")


__all__ = ["ALARMS", "GRADE_NAMES", "Adult", "Entry", "Plan", "compare", "shape_of", "write"]
