"""Head-counts by each definition beside the care list, and the children on whom they differ (差异名单), for any day.

Facts of all children of a school or county are read in a fixed number of statements and judged in Python with the same
``definitions.judge_facts`` that the child's page uses, so a list and a page never disagree.
"""

from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q

from . import definitions
from .definitions import CODES, Away, Facts, LocalDefinition, ParentFacts
from .models import (
    PARENTS,
    AdultCondition,
    AwayType,
    CareListSpell,
    Child,
    Enrollment,
    Guardianship,
    Kinship,
    ParentWork,
)

LISTED, NOT_LISTED, UNKNOWN = "listed_only", "facts_only", "unknown"
HOLDS = "holds"  # not a difference: the children a definition counts
DIFFERENCES = {
    LISTED: "在册，按口径不算",
    NOT_LISTED: "按口径算，没在册",
    UNKNOWN: "缺资料，算不出来",
}


@dataclass(frozen=True)
class Counted:
    """One child on the day: its seat, whether it is on the care list, and the judgement by each definition."""

    child_id: int
    school_id: int
    school_class_id: int | None
    listed: str  # AwayType, "" when not on the list
    judgements: dict  # code -> Judgement

    def difference(self, code):
        """Which difference between the list and ``code`` this child is; "" when both agree."""
        holds = self.judgements[code].holds
        if holds is None:
            return UNKNOWN
        if bool(self.listed) == holds:
            return ""
        return LISTED if self.listed else NOT_LISTED


@dataclass
class Tally:
    """The numbers of one school, or of all."""

    total: int = 0
    listed: int = 0
    holds: dict = field(default_factory=lambda: dict.fromkeys(CODES, 0))
    unknown: dict = field(default_factory=lambda: dict.fromkeys(CODES, 0))
    differs: dict = field(default_factory=lambda: {code: dict.fromkeys(DIFFERENCES, 0) for code in CODES})

    def add(self, counted):
        """Count one child."""
        self.total += 1
        self.listed += bool(counted.listed)
        for code, judgement in counted.judgements.items():
            self.holds[code] += judgement.holds is True
            self.unknown[code] += judgement.holds is None
            difference = counted.difference(code)
            if difference:
                self.differs[code][difference] += 1

    def differences(self, code):
        """How many children the list and ``code`` disagree on, unknown ones included."""
        return sum(self.differs[code].values())


def at(school):
    """Q over Enrollment of one school."""
    return Q(school=school)


def seats_on(day, where):
    """Enrollments in force on ``day`` that fit ``where`` (a Q over Enrollment); a child's double counts once, kept."""
    return Enrollment.objects.on(day).filter(where, child__merged_into=None)


def judged_on(county, day, where):
    """[Counted] of every child that sits on ``day`` where ``where`` says. Six statements, whatever the number."""
    seats = list(
        seats_on(day, where)
        .order_by()
        .values_list("child", "school", "school_class", "school_class__stage", "child__birth_date")
    )
    within = seats_on(day, where).order_by().values("child")
    listed = dict(CareListSpell.objects.on(day).filter(child__in=within).values_list("child", "type"))
    parents = _parents(day, within)
    local = LocalDefinition.of(county)
    found = []
    for child_id, school_id, class_id, stage, born in seats:
        facts = Facts(
            age=_age(born, day), in_school=stage in definitions.COMPULSORY, parents=parents.get(child_id, {})
        )
        judgements = {one.code: one for one in definitions.judge_facts(facts, day, local=local)}
        found.append(Counted(child_id, school_id, class_id, listed.get(child_id, ""), judgements))
    return found


def _parents(day, within):
    """{child: {relation: ParentFacts}} with four statements."""
    kin = Kinship.objects.filter(relation__in=PARENTS, child__in=within)
    adults = kin.values("guardian")
    works, kinds = {}, {}
    rows = (
        ParentWork.objects.valid().filter(guardian__in=adults, starts_on__lte=day).order_by("starts_on", "pk")
    )
    for guardian, *spell in rows.values_list("guardian", "starts_on", "ends_on", "division_code"):
        works.setdefault(guardian, []).append(Away(*spell))
    conditions = AdultCondition.objects.on(day).filter(guardian__in=adults)
    for guardian, kind in conditions.order_by("starts_on", "pk").values_list("guardian", "kind"):
        kinds.setdefault(guardian, []).append(kind)
    cares = Guardianship.objects.on(day).filter(child__in=within, guardian__in=adults).exclude(ability="")
    abilities = {(c, g): ability for c, g, ability in cares.values_list("child", "guardian", "ability")}
    found = {}
    for child, guardian, relation, died_on in kin.values_list(
        "child", "guardian", "relation", "guardian__died_on"
    ):
        found.setdefault(child, {})[relation] = ParentFacts(
            away=works.get(guardian, []),
            died=died_on is not None and died_on <= day,
            unable=definitions.unable_word(kinds.get(guardian, []), abilities.get((child, guardian), "")),
        )
    return found


def _age(born, day):
    if born is None:
        return None
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def tally(counted):
    """(the numbers of all, {school's id: its numbers})."""
    total, by_school = Tally(), {}
    for one in counted:
        total.add(one)
        by_school.setdefault(one.school_id, Tally()).add(one)
    return total, by_school


@dataclass
class DifferenceRow:
    """One child of the difference list: why, and what puts it right."""

    child: Child
    seat: Enrollment | None
    difference: str
    listed: str
    why: str
    day: date
    may_edit: bool = False

    @property
    def said(self):
        """在册登记父母双方外出；按口径否：…"""
        listed = f"在册（{AwayType(self.listed).label}）" if self.listed else "没在册"
        return f"{listed}；{self.why}"


def difference_list(counted, code, difference=""):
    """The children of ``counted`` whom the list and ``code`` disagree on: {child's id: Counted}.

    With ``difference`` only those of one kind; ``HOLDS`` gives the children that ``code`` counts.
    """
    if difference == HOLDS:
        return {one.child_id: one for one in counted if one.judgements[code].holds}
    return {
        one.child_id: one
        for one in counted
        if (one.difference(code) == difference if difference else one.difference(code))
    }


def rows_of(children, differing, code, day):
    """Rows of one page of children, in the order given, with one statement."""
    children = list(children)
    seats = {
        seat.child_id: seat
        for seat in Enrollment.objects.on(day)
        .filter(child__in=children)
        .select_related("school", "school_class__school")
    }
    return [
        DifferenceRow(
            child,
            seats.get(child.pk),
            differing[child.pk].difference(code),
            differing[child.pk].listed,
            differing[child.pk].judgements[code].why,
            day,
        )
        for child in children
    ]
