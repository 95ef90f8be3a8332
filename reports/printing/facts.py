"""What forms say about children on a day, gathered for one child or for many in the same number of statements."""

from collections import defaultdict
from dataclasses import dataclass, field

from pairing.models import Pairing
from registry.models import (
    AdultCondition,
    CareListSpell,
    Child,
    Enrollment,
    Guardianship,
    Kinship,
    ParentWork,
    Phone,
    Post,
    PostKind,
    Relation,
    Trait,
    TraitKind,
)


def place_and_address(place, address):
    """The address after its place; once where people wrote the place into the address too."""
    return address if address.startswith(place) else f"{place}{address}"


@dataclass(frozen=True)
class AdultLine:
    """What a form says of one adult; without any, the line stays empty to be written by hand."""

    name: str = ""
    word: str = ""
    age: object = ""
    state: str = ""
    where: str = ""
    health: str = ""
    occupation: str = ""
    id_number: str = ""
    phones: tuple = ()


@dataclass
class AdultFacts:
    """An adult of the family on that day; numbers as they are, the template's masks print them."""

    guardian: object
    word: str
    relation: str
    phones: list = field(default_factory=list)  # (number, label)
    work: ParentWork | None = None
    care: Guardianship | None = None
    conditions: list = field(default_factory=list)
    day: object = None

    @property
    def name(self):
        """The name."""
        return self.guardian.name

    @property
    def age(self):
        """Full years on the day, or None."""
        born = self.guardian.birth_date
        if born is None:
            return None
        return self.day.year - born.year - ((self.day.month, self.day.day) < (born.month, born.day))

    @property
    def where(self):
        """Where a parent works: place, employer, address, trade."""
        work = self.work
        if work is None:
            return ""
        where = f"{work.employer}{work.address}"
        if not work.address.startswith(work.place):
            where = f"{work.place}{where}"
        return f"{where}{f'（{work.trade}）' if work.trade else ''}"

    @property
    def line(self):
        """The adult as a form's line."""
        one = self.guardian
        return AdultLine(
            one.name, self.word, "" if self.age is None else self.age, self.state, self.where, one.health,
            one.occupation, one.id_number, tuple(number for number, _ in self.phones),
        )  # fmt: skip

    @property
    def state(self):
        """在外务工, 已去世, 服刑在押 …: what the card says of a parent in a word."""
        if self.guardian.died_on and self.guardian.died_on <= self.day:
            return "已去世"
        words = [condition.get_kind_display() for condition in self.conditions]
        if self.work is not None:
            words.insert(
                0, f"{self.work.starts_on:%Y年%-m月}起外出" if self.work.starts_on_known else "外出务工"
            )
        elif not words:
            words = ["在家"] if self.relation in (Relation.FATHER, Relation.MOTHER) else []
        return "，".join(words)


@dataclass
class ChildFacts:
    """One child as forms name it on a day."""

    child: Child
    day: object
    enrollment: Enrollment | None = None
    care: CareListSpell | None = None
    traits: list = field(default_factory=list)
    adults: list = field(default_factory=list)
    paired: list = field(default_factory=list)  # staff of the primary pairing
    teacher: object = None  # the class teacher

    @property
    def school(self):
        """The school, or None."""
        return self.enrollment.school if self.enrollment else None

    @property
    def school_class(self):
        """The class, or None."""
        return self.enrollment.school_class if self.enrollment else None

    @property
    def grade_words(self):
        """四年级, or nothing while the child has no class."""
        return self.school_class.grade_name_on(self.day) if self.school_class else ""

    @property
    def class_words(self):
        """四(1)班, or 未分班."""
        return self.school_class.name_on(self.day) if self.school_class else "未分班"

    @property
    def boards(self):
        """Whether the child boards."""
        return any(trait.kind == TraitKind.BOARDING for trait in self.traits)

    @property
    def situations(self):
        """Traits in words, boarding apart."""
        return "、".join(str(trait) for trait in self.traits if trait.kind != TraitKind.BOARDING)

    def parent(self, relation):
        """The father or mother, or None."""
        return next((adult for adult in self.adults if adult.relation == relation), None)

    @property
    def father(self):
        """The father, or None."""
        return self.parent(Relation.FATHER)

    @property
    def mother(self):
        """The mother, or None."""
        return self.parent(Relation.MOTHER)

    @property
    def carers(self):
        """Who cares for the child, parents at home included, the longest first."""
        found = [adult for adult in self.adults if adult.care is not None]
        return sorted(found, key=lambda adult: (adult.care.starts_on, adult.care.pk))

    @property
    def paired_words(self):
        """Name and phone of the paired teacher; blank without one."""
        return _person(self.paired[0] if self.paired else None)

    @property
    def teacher_words(self):
        """Name and phone of the class teacher; blank without one."""
        return _person(self.teacher)


def _person(staff):
    return {"name": staff.name if staff else "", "phone": staff.phone if staff else ""}


def gather(children, day, *, last_seat=False):
    """{child id: ChildFacts} for ``children`` (rows), eleven statements whatever their number.

    ``last_seat``: for whoever has left, the last school and class stand in place of the present one.
    """
    facts = {child.pk: ChildFacts(child, day) for child in children}
    keys = list(facts)
    seats = Enrollment.objects.valid().filter(child__in=keys, starts_on__lte=day)
    for seat in seats.select_related("school", "school_class__school").order_by("starts_on", "pk"):
        sits = seat.in_force_on(day) and (seat.school_class is None or seat.school_class.ends_on >= day)
        if sits or last_seat:
            facts[seat.child_id].enrollment = seat
    for spell in CareListSpell.objects.on(day).filter(child__in=keys):
        facts[spell.child_id].care = spell
    for trait in Trait.objects.on(day).filter(child__in=keys).order_by("starts_on", "pk"):
        if trait.kind != TraitKind.PARENTS_UNREACHABLE or trait.approved_at:
            facts[trait.child_id].traits.append(trait)
    _families(facts, keys, day)
    pairings = Pairing.objects.primary().on(day).filter(child__in=keys).select_related("staff")
    for pairing in pairings.order_by("starts_on", "pk"):
        facts[pairing.child_id].paired.append(pairing.staff)
    classes = {one.school_class.pk for one in facts.values() if one.school_class}
    teachers = {
        post.school_class_id: post.staff
        for post in Post.objects.on(day)
        .filter(school_class__in=classes, kind=PostKind.CLASS_TEACHER)
        .select_related("staff")
    }
    for one in facts.values():
        one.teacher = teachers.get(one.school_class.pk) if one.school_class else None
    return facts


def _families(facts, keys, day):
    by_adult = defaultdict(list)
    for kinship in Kinship.objects.filter(child__in=keys).select_related("guardian").order_by("pk"):
        adult = AdultFacts(kinship.guardian, kinship.word, kinship.relation, day=day)
        facts[kinship.child_id].adults.append(adult)
        by_adult[kinship.guardian_id].append((kinship.child_id, adult))
    adults = list(by_adult)
    for phone in Phone.objects.filter(guardian__in=adults, ended_on=None).order_by("position", "pk"):
        for _, adult in by_adult[phone.guardian_id]:
            adult.phones.append((phone.number, phone.label))
    for work in ParentWork.objects.on(day).filter(guardian__in=adults):
        for _, adult in by_adult[work.guardian_id]:
            adult.work = work
    for condition in AdultCondition.objects.on(day).filter(guardian__in=adults).order_by("starts_on", "pk"):
        for _, adult in by_adult[condition.guardian_id]:
            adult.conditions.append(condition)
    for care in Guardianship.objects.on(day).filter(child__in=keys).order_by("starts_on", "pk"):
        for child, adult in by_adult[care.guardian_id]:
            if child == care.child_id:
                adult.care = care
