"""Fifth stage, second half: what the roster changes in the register; a plan, nothing is written.

An empty or masked cell never erases. A fact that differs ends the day before the roster's date and a new one begins;
both stay.
"""

from .. import values
from ..calendar import Calendar
from ..classes import last_day_of
from ..models import (
    ALARM_TRAITS,
    AwayType,
    CareListSpell,
    Child,
    Enrollment,
    OpenQuestion,
    SchoolClass,
    Stage,
    Trait,
    TraitKind,
)
from .children import STEP, Roster
from .family_changes import FamilyChanges
from .plan import SEXES, Known, Plan, key_of, shown, squeeze

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
    "household_size": ("household_size", "家庭人口"),
    "aid": ("aid", "享受的救助帮扶"),
}
# Kept in the note of a new child, or of one without a note: words that have no field of their own.
_NOTED = {
    "note": "", "study": "学习情况：", "away_reason": "外出原因：", "legal_guardian": "法定监护人：",
    "parents": "家长：", "parents_work_place": "父母务工地：", "home_phones": "家庭电话：",
    "schooling": "就学情况：", "other_carers": "其他照看人：",
}  # fmt: skip


def compare(roster: Roster, *, school, as_of, lock=False, same_as=None, report=None) -> Plan:
    """Compares the roster with the register; sets each entry's status and changes.

    ``lock`` inside the writing transaction. ``same_as``: what a person answered about rows that look like a child of the
    register, {row_key: the child's uid, or ``NEW_CHILD``}. ``report(done, total)`` is told every ``STEP`` rows.
    """
    return Comparison(roster, school, as_of, lock=lock, same_as=same_as).run(report)


class Comparison(FamilyChanges):
    """One comparison: what is known is loaded at once, then each row is decided in memory."""

    def run(self, report=None):
        """Sets the status of every row; gives the plan."""
        self._load_classes()
        self._match()
        self._load_facts()
        self._known_adults()
        for done, entry in enumerate(self.roster.entries):
            if report is not None and done % STEP == 0:
                report(done, len(self.roster.entries))
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

    def _settle_class(self, entry):
        """The class of an entry: found, to be made, or kept as it is; a known child needs none in its row."""
        missing = [problem for problem in entry.problems if problem.kind == "class_missing"]
        key = self._class_key(entry)
        if key is None and missing:
            known = self.known.get(entry.existing.pk) if entry.existing else None
            at = known.enrollment.school_class if known and known.enrollment else None
            if at is not None and (not entry.grade or at.grade_name_on(self.as_of) == entry.grade):
                key = key_of(at)
            elif entry.grade and not entry.school_class:
                # a village school with one class in the grade writes the grade alone
                in_grade = [
                    c for c in self.classes.values() if c.ends_on >= self.as_of and c.grade_name_on(self.as_of) == entry.grade
                ]  # fmt: skip
                key = key_of(in_grade[0]) if len(in_grade) == 1 else None
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

    # --- a new child -------------------------------------------------------------------------------------------------

    def _enter(self, entry):
        plan, more = self.plan, entry.more
        child = Child(
            county=self.school.county, name=entry.name, sex=SEXES.get(entry.sex, ""), birth_date=entry.birth_date,
            id_number=entry.id_number or "", address=entry.address or "", note=_note(entry),
            **{name: _fit(Child, name, more[key]) for key, (name, _) in _MORE.items() if key in more},
        )  # fmt: skip
        plan.rows[Child].append(child)
        known = Known(child)
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
            if value and value != old and not (isinstance(value, str) and squeeze(value) == squeeze(old)):
                changes.append((labels[name], shown(child, name, old), shown(child, name, value)))
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
            and key_of(old.school_class) == key_of(entry.place)
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
        boarding = known.traits.get((TraitKind.BOARDING, ""))
        if entry.boarding is False and boarding is not None:
            entry.changes.append(("寄宿", "是", "否"))
            self._end(boarding, max(start, boarding.starts_on))
        wanted = [*self._hardships(entry, known, start)]
        if entry.boarding:
            wanted.append((TraitKind.BOARDING, "", ""))
        if TraitKind.PRIORITY in entry.more:
            wanted.append((TraitKind.PRIORITY, "", entry.more[TraitKind.PRIORITY]))
        if entry.more.get("migrant"):
            wanted.append((TraitKind.MIGRANT, "", ""))
        if entry.alarm:
            wanted.append((TraitKind(entry.alarm), "", entry.alarm_text))
        for kind, detail, reason in wanted:
            if (kind, detail) in known.traits:
                continue
            trait = Trait(
                child=known.child,
                kind=kind,
                detail=detail,
                reason=reason,
                starts_on=start if is_new else self._start(known, (kind, detail)),
            )
            if not is_new:
                entry.changes.append((str(trait), "", "是"))
            self.plan.rows[Trait].append(trait)
            if kind in ALARM_TRAITS:
                self.plan.alarms.append(trait)

    def _hardships(self, entry, known, start):
        """困境 by its kinds; words that name none of them only where nothing is known yet."""
        words, kinds = entry.more.get("hardship", ""), entry.more.get("hardships", ())
        if kinds:
            unnamed = known.traits.get((TraitKind.HARDSHIP, ""))
            if unnamed is not None:
                # now it is known which kind it is
                self._end(unnamed, max(start, unnamed.starts_on))
            return [(TraitKind.HARDSHIP, kind, words) for kind in kinds]
        if words and not any(kind == TraitKind.HARDSHIP for kind, _detail in known.traits):
            return [(TraitKind.HARDSHIP, "", words)]
        return []

    def _questions(self, entry, known):
        for problem in entry.problems:
            if problem.effect != "left_out" or not problem.field:
                continue
            # without the row's number: the question outlives the file
            self._open_question(
                entry, known, problem.field[:60], problem.text, _question(problem), problem.header or ""
            )

    def _open_question(self, entry, known, name, text, message, header):
        """待核实 of the child, once for the same words of the same field."""
        if name in known.open_questions or (name, text) in known.questions:
            return
        known.open_questions.add(name)
        if known.child.pk:
            entry.changes.append(("待核实", "", header or name))
        self.plan.rows[OpenQuestion].append(
            OpenQuestion(
                child=known.child,
                field=name,
                text=text,
                message=message[:300],
                source=f"{self.as_of:%Y-%m-%d} 名册 {header}"[:120],
            )
        )


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


def _same_address(told, child):
    told = squeeze(told)
    return told in (squeeze(child.address), squeeze(f"{child.village}{child.address}"))


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
