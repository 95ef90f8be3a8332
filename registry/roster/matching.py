"""Fifth stage, first half: which child of the register a row speaks of, and what the register knows of it.

Identity is the ID number (by its keyed index) or the register's 系统编号 (the child's uid), never the name: a row without
either that looks like a child of the register waits for a person.
"""

import uuid
from collections import defaultdict

from django.db.models import Q
from django.utils import timezone

from .. import values
from ..models import (
    AdultCondition,
    CareListSpell,
    Child,
    Enrollment,
    Guardian,
    Guardianship,
    Kinship,
    OpenQuestion,
    ParentWork,
    Phone,
    SchoolClass,
    Stage,
    Trait,
    grade_year,
)
from .children import Problem
from .headings import GRANDPARENTS, Meaning
from .look_alikes import LookAlikes
from .plan import ONE_DAY, UNDONE, Known, Plan, chunks

CORRECTED = "名册更正"


class Matching(LookAlikes):
    """Loads what is known in a fixed number of statements and finds each row's child in memory."""

    def __init__(self, roster, school, as_of, *, lock=False, same_as=None):
        self.plan = Plan(school, as_of, roster)
        self.same_as = same_as or {}
        self.roster, self.school, self.as_of, self.lock = roster, school, as_of, lock
        self.said = {}

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
        for chunk in chunks(list(set(by_index.values()))):
            where = Q(county=self.school.county, id_number_index__in=chunk, merged_into=None)
            for child in self._children(where):
                children[child.pk] = child
        for chunk in chunks(uids):
            for child in self._children(Q(county=self.school.county, uid__in=chunk)):
                children[child.pk] = child
        here = Enrollment.objects.open().filter(school=self.school).values("child")
        self.at_school = {
            child.pk: children.setdefault(child.pk, child) for child in self._children(Q(pk__in=here))
        }
        self._load_put_aside()
        kept = self._kept_of(children)
        numbers = {child.id_number_index: child for child in children.values() if child.id_number_index}
        known_uids = {child.uid.hex: kept.get(child.merged_into_id, child) for child in children.values()}
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
        self.taken = taken

    def _kept_of(self, children):
        """Of files that were merged into another: the other, by its key."""
        merged = {child.merged_into_id for child in children.values() if child.merged_into_id}
        return {child.pk: child for child in self._children(Q(pk__in=merged))} if merged else {}

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
            put_aside = child.pk in self.put_aside
            if entry.name and entry.name != child.name and not entry.held and not put_aside:
                self._problem(entry, "name_differs", "name",
                              f"第 {entry.row} 行{entry.name}：这个身份证号在名册里是{child.name}，请核对姓名和身份证号")  # fmt: skip
                return None
        return child

    def _load_facts(self):
        children = {entry.existing.pk: entry.existing for entry in self.roster.entries if entry.existing}
        alike = self._who_may_be_meant()
        for candidates in alike.values():
            for candidate in candidates:
                children.setdefault(candidate.child.pk, candidate.child)
        self.known = {pk: Known(child) for pk, child in children.items()}
        self.adults, self.phones, self.works, self.cares = {}, defaultdict(list), {}, {}
        self.work_ends, self.conditions, self.condition_ends = {}, set(), {}
        for chunk in chunks(list(children)):
            self._load_spells(chunk)
        adult_ids = list({kinship.guardian_id for known in self.known.values() for kinship in known.kin})
        for chunk in chunks(adult_ids):
            self._load_adult_facts(chunk)
        self._ask_about(alike)
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
                one.traits[spell.kind, spell.detail] = spell
            else:
                _remember_end(one, (spell.kind, spell.detail), spell)
        for kinship in Kinship.objects.filter(child__in=children).select_related("guardian").order_by("pk"):
            known[kinship.child_id].kin.append(kinship)
            kinship.guardian = self.adults.setdefault(kinship.guardian_id, kinship.guardian)
        for spell in Guardianship.objects.valid().filter(child__in=children):
            if spell.ends_on is None:
                self.cares[spell.child_id, spell.guardian_id] = spell
            else:
                _remember_end(known[spell.child_id], ("care", spell.guardian_id), spell)
        for question in OpenQuestion.objects.filter(child__in=children):
            if question.answered_at is not None and question.answer == UNDONE:
                continue  # the import that asked was undone: it may be asked again
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
        for condition in AdultCondition.objects.valid().filter(guardian__in=adults):
            key = condition.guardian_id, condition.kind
            if condition.ends_on is None:
                self.conditions.add(key)
            else:
                last = self.condition_ends.get(key, condition.ends_on)
                self.condition_ends[key] = max(last, condition.ends_on)
        for work in ParentWork.objects.valid().filter(guardian__in=adults):
            if work.ends_on is None:
                self.works[work.guardian_id] = work
            else:
                self.work_ends[work.guardian_id] = max(
                    work.ends_on, self.work_ends.get(work.guardian_id, work.ends_on)
                )

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
        for chunk in chunks(list(indexes)):
            # nothing but the index here: with a join or an order SQLite leaves the index of the numbers unused
            found = Phone.objects.filter(number_index__in=chunk).values_list(
                "guardian", "number_index", "ended_on"
            )
            numbers += [(guardian, index) for guardian, index, ended_on in found if ended_on is None]
        unknown = list({guardian for guardian, _ in numbers} - self.adults.keys())
        for chunk in chunks(unknown):
            for guardian in Guardian.objects.filter(pk__in=chunk):
                self.adults[guardian.pk] = guardian
        for pk, index in sorted(numbers):
            guardian = self.adults[pk]
            if guardian.name in indexes[index] and guardian.county_id == self.school.county_id:
                self.by_phone.setdefault((guardian.name, index), guardian)
                adults.append(pk)
        missing = [pk for pk in dict.fromkeys(adults) if pk not in self.phones]
        for chunk in chunks(missing):
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


def _remember_end(known, name, spell):
    last = known.last_ends.get(name)
    known.last_ends[name] = spell.ends_on if last is None else max(last, spell.ends_on)
