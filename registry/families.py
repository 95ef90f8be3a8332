"""Families: adults shared by siblings, their phones, who cares for a child, where the parents work.

``family_of`` gives one child's family with a constant number of queries, carers first.
"""

from dataclasses import dataclass, field
from datetime import date

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from trust import audit
from trust.masking import mask_id_number, mask_phone
from trust.models import VersionConflict

from . import regions, values
from .children import ONE_DAY, end_spell, replace_spell
from .models import (
    PARENTS,
    AdultCondition,
    Authority,
    CareAgreement,
    Child,
    Enrollment,
    Guardian,
    Guardianship,
    Kinship,
    ParentWork,
    Phone,
    Relation,
    Sex,
)
from .together import together

audit.name_actions(
    add_guardian="登记家长",
    correct_guardian="修改家长资料",
    set_kinship="更改亲属关系",
    add_phone="登记电话",
    end_phone="停用电话",
    mark_phone_wrong="标记号码打不通",
    mark_phone_answered="标记号码打通",
    start_guardianship="登记照看",
    end_guardianship="结束照看",
    start_work="登记外出务工",
    change_work="更改外出务工",
    end_work="登记返乡",
)

# What the relation says of the sex.
SEX_OF = {
    Relation.FATHER: Sex.MALE,
    Relation.GRANDFATHER: Sex.MALE,
    Relation.MATERNAL_GRANDFATHER: Sex.MALE,
    Relation.UNCLE: Sex.MALE,
    Relation.MOTHER: Sex.FEMALE,
    Relation.GRANDMOTHER: Sex.FEMALE,
    Relation.MATERNAL_GRANDMOTHER: Sex.FEMALE,
    Relation.AUNT: Sex.FEMALE,
}
GUARDIAN_FIELDS = ("name", "sex", "birth_date", "id_number", "occupation", "health", "died_on", "note")


# --- reading ---------------------------------------------------------------------------------------------------------


@dataclass
class PhoneLine:
    """One phone as a page shows it: never the number itself."""

    phone: Phone

    @property
    def uid(self):
        """Names the phone in addresses."""
        return self.phone.uid

    @property
    def masked(self):
        """138****8000."""
        return mask_phone(self.phone.number)

    @property
    def works(self):
        """Neither ended nor known to be wrong."""
        return self.phone.ended_on is None and self.phone.wrong_since is None


@dataclass
class Adult:
    """An adult of the child's family today."""

    guardian: Guardian
    kinship: Kinship
    care: Guardianship | None = None
    work: ParentWork | None = None
    phones: list[PhoneLine] = field(default_factory=list)
    conditions: list[AdultCondition] = field(default_factory=list)  # in force on the day
    agreement: CareAgreement | None = None  # by which this adult is entrusted on the day
    assessed_on: date | None = None  # since when the assessment of its care (监护评估) is what it is
    work_history: list[ParentWork] = field(default_factory=list)  # valid spells ever, oldest first

    @property
    def uid(self):
        """Names the adult in addresses."""
        return self.guardian.uid

    @property
    def is_carer(self):
        """Cares for the child today."""
        return self.care is not None

    @property
    def is_parent(self):
        """Father or mother."""
        return self.kinship.relation in PARENTS

    @property
    def word(self):
        """奶奶, as the family says it."""
        return self.kinship.word

    @property
    def age(self):
        """Full years today, or None."""
        born, today = self.guardian.birth_date, timezone.localdate()
        if born is None:
            return None
        return today.year - born.year - ((today.month, today.day) < (born.month, born.day))

    @property
    def masked_id_number(self):
        """341*************68."""
        return mask_id_number(self.guardian.id_number)

    @property
    def facts(self):
        """One line after the name: 奶奶，68 岁，同住；for a parent away the place and trade."""
        parts = [self.word]
        if self.guardian.died_on:
            return f"{self.word}，已去世"
        if self.age is not None:
            parts.append(f"{self.age} 岁")
        if self.care:
            parts.append("同住" if self.care.lives_with else "不同住")
        if self.work:
            parts.append(f"在{self.work.place}" if self.work.place else "外出务工")
            if self.work.trade:
                parts.append(self.work.trade)
        return "，".join(parts)

    @property
    def restricted_facts(self):
        """What only those read who see the child's address: conditions, health, how the care was assessed, the work."""
        lines = [f"{one}，{one.starts_on:%Y-%m-%d} 起" for one in self.conditions]
        if self.guardian.health:
            lines.append(f"健康：{self.guardian.health}")
        if self.guardian.occupation:
            lines.append(f"职业：{self.guardian.occupation}")
        if self.care:
            said = self.care.get_authority_display()
            if self.care.ability:
                said += f"；监护评估：{self.care.get_ability_display()}（{self.assessed_on:%Y-%m-%d}）"
            lines.append(said)
        if self.work:
            where = "，".join(part for part in (self.work.employer, self.work.address) if part)
            if where:
                lines.append(f"单位：{where}")
            if self.work.expected_return_on:
                lines.append(f"预计 {self.work.expected_return_on:%Y-%m-%d} 回来")
        return lines


@dataclass
class Family:
    """All adults of a child, carers first, then parents, then the others."""

    child: Child
    adults: list[Adult]
    cares: list[Guardianship] = field(default_factory=list)  # all spells ever, cancelled ones too
    works: list[ParentWork] = field(default_factory=list)
    conditions: list[AdultCondition] = field(default_factory=list)  # all ever, cancelled ones too
    agreements: list[CareAgreement] = field(default_factory=list)

    @property
    def responsible(self):
        """Who answers for the child at home today (监护责任主体): [(in what way, names)], the law's order first.

        Parents who are alive are guardians wherever they are (民法典 27); entrusting does not end that (未成年人保护法 22).
        """
        parents = [adult for adult in self.parents if not adult.guardian.died_on]
        entrusted = [a for a in self.carers if a.care.authority == Authority.ENTRUSTED or a.agreement]
        legal = [a for a in self.carers if a.care.authority == Authority.LEGAL and not a.is_parent]
        rest = [a for a in self.carers if a not in entrusted and a not in legal and not a.is_parent]
        rows = [
            ("监护人", [*parents, *legal]),
            ("受委托照护", entrusted),
            ("实际照看", rest),
        ]
        return [(way, "、".join(f"{a.word}{a.guardian.name}" for a in found)) for way, found in rows if found]

    @property
    def carers(self):
        """Who cares for the child today."""
        return [adult for adult in self.adults if adult.is_carer]

    @property
    def parents(self):
        """Father and mother, where known."""
        return [adult for adult in self.adults if adult.is_parent]

    @property
    def parents_away(self):
        """Parents with a work spell today."""
        return [adult for adult in self.parents if adult.work]


def families_of(children, day=None):
    """{child's pk: Family} of many children with two queries."""
    day = day or timezone.localdate()
    children = {child.pk: child for child in children}
    kinships = Kinship.objects.filter(child__in=children).select_related("guardian").order_by("pk")
    kinships = list(kinships)
    guardians = {kinship.guardian_id for kinship in kinships}
    all_cares, all_works, all_phones, all_conditions, all_agreements = together(
        Guardianship.objects.filter(child__in=children),
        ParentWork.objects.filter(guardian__in=guardians),
        Phone.objects.filter(guardian__in=guardians, ended_on=None),
        AdultCondition.objects.filter(guardian__in=guardians),
        CareAgreement.objects.filter(child__in=children),
    )
    for spells in (all_cares, all_works, all_conditions, all_agreements):
        spells.sort(key=lambda spell: (spell.starts_on, spell.pk))
    cares = {(care.child_id, care.guardian_id): care for care in all_cares if care.in_force_on(day)}
    works = {work.guardian_id: work for work in all_works if work.in_force_on(day)}
    assessed = _assessments(all_cares, day)
    agreements = {(one.child_id, one.guardian_id): one for one in all_agreements if one.in_force_on(day)}
    conditions, histories, phones = {}, {}, {}
    for one in all_conditions:
        if one.in_force_on(day):
            conditions.setdefault(one.guardian_id, []).append(one)
    for work in all_works:
        if work.cancelled_at is None:
            histories.setdefault(work.guardian_id, []).append(work)
    for phone in sorted(all_phones, key=lambda phone: (phone.position, phone.pk)):
        phones.setdefault(phone.guardian_id, []).append(PhoneLine(phone))
    found = {pk: Family(child, []) for pk, child in children.items()}
    for kinship in kinships:
        found[kinship.child_id].adults.append(
            Adult(
                guardian=kinship.guardian,
                kinship=kinship,
                care=cares.get((kinship.child_id, kinship.guardian_id)),
                work=works.get(kinship.guardian_id),
                # the one that answers first of all
                phones=sorted(phones.get(kinship.guardian_id, []), key=lambda line: not line.works),
                conditions=conditions.get(kinship.guardian_id, []),
                agreement=agreements.get((kinship.child_id, kinship.guardian_id)),
                work_history=histories.get(kinship.guardian_id, []),
                assessed_on=assessed.get((kinship.child_id, kinship.guardian_id)),
            )
        )
    for care in all_cares:
        found[care.child_id].cares.append(care)
    for one in all_agreements:
        found[one.child_id].agreements.append(one)
    for family in found.values():
        mine = {adult.guardian.pk for adult in family.adults}
        family.works = [work for work in all_works if work.guardian_id in mine]
        family.conditions = [one for one in all_conditions if one.guardian_id in mine]
        family.adults.sort(
            key=lambda a: (a.guardian.died_on is not None, not a.is_carer, not a.is_parent, a.kinship.pk)
        )
    return found


def _assessments(cares, day):
    """{(child, adult): first day of the unbroken spells with the same assessment}; ``cares`` oldest first."""
    found = {}
    for care in cares:
        if care.cancelled_at is not None or care.starts_on > day:
            continue
        key = (care.child_id, care.guardian_id)
        before, since = found.get(key, (None, None))
        unbroken = before is not None and before.ends_on == care.starts_on - ONE_DAY
        same = unbroken and before.ability == care.ability
        found[key] = (care, since if same else care.starts_on)
    return {key: since for key, (_, since) in found.items()}


def family_of(child, day=None):
    """The family of one child on ``day`` (today if None): two queries."""
    return families_of([child], day)[child.pk]


def household_of(child, user):
    """The other children of the household whose names ``user`` may know: same father or mother, or same carer today.

    Each has ``openable``: whether its file is open to the user.
    """
    adults = Kinship.objects.filter(child=child).values("guardian")
    today = timezone.localdate()
    shared = Kinship.objects.filter(guardian__in=adults, relation__in=PARENTS).values("child")
    cared = Guardianship.objects.on(today).filter(guardian__in=adults).values("child")
    openable = Child.objects.visible_to(user).filter(pk=OuterRef("pk"))
    found = Child.objects.named_to(user).filter(Q(pk__in=shared) | Q(pk__in=cared), merged_into=None)
    return found.exclude(pk=child.pk).annotate(openable=Exists(openable))


def siblings_of(child, user):
    """The children of ``household_of``, each with ``seat`` (its last enrollment, or None)."""
    siblings, today = list(household_of(child, user).by_name()), timezone.localdate()
    if siblings:
        begun = Enrollment.objects.valid().filter(child__in=siblings, starts_on__lte=today)
        seats = {
            seat.child_id: seat
            for seat in begun.select_related("school", "school_class__school").order_by("starts_on", "pk")
        }
        for sibling in siblings:
            sibling.seat = seats.get(sibling.pk)
    return siblings


# --- adults ----------------------------------------------------------------------------------------------------------


def known_adults(user, *, county, phone="", id_number=""):
    """Adults the user may see who have this phone or ID number: offered before a second row is made."""
    found = Q(pk__in=[])
    if id_number:
        found |= Q(id_number_index=values.id_number_index(id_number))
    if phone:
        same = Phone.objects.filter(number_index=values.phone_index(phone), ended_on=None)
        found |= Q(pk__in=same.values("guardian"))
    return Guardian.objects.visible_to(user).filter(found, county=county).order_by("name_key", "pk")


def add_guardian(child, *, by, name, relation, as_written="", phone="", submission=None, **optional):
    """A new adult of the child's family, with its first phone. The same form sent twice is one adult."""
    if submission is not None:
        known = Guardian.objects.filter(uid=submission, kinships__child=child).first()
        if known is not None:
            return known
    guardian = Guardian(county=child.county, name=name, **optional)
    if submission is not None:
        guardian.uid = submission
    guardian.sex = guardian.sex or SEX_OF.get(relation, "")
    guardian.birth_date = guardian.birth_date or values.birth_date_of(guardian.id_number)
    guardian.prepare()
    guardian.full_clean()
    guardian._history_user = by
    with transaction.atomic():
        guardian.save()
        _save_kinship(Kinship(child=child, guardian=guardian, relation=relation, as_written=as_written))
        if phone:
            _save_phone(Phone(guardian=guardian, number=phone), by)
        audit.record("add_guardian", by=by, kind="guardian", uid=guardian, child=child)
    return guardian


def _save_kinship(kinship):
    kinship.full_clean()
    kinship.save()
    return kinship


def share_guardian(child, guardian, *, by, relation, as_written=""):
    """An adult already known (of a sibling) is family of this child too."""
    with transaction.atomic():
        known = Kinship.objects.filter(child=child, guardian=guardian).first()
        if known is not None:
            return known
        kinship = _save_kinship(
            Kinship(child=child, guardian=guardian, relation=relation, as_written=as_written)
        )
        audit.record("set_kinship", by=by, kind="guardian", uid=guardian, child=child)
    return kinship


def set_kinship(kinship, *, by, relation, as_written=""):
    """Correct what an adult is to the child."""
    if (kinship.relation, kinship.as_written) == (relation, as_written):
        return kinship
    kinship.relation, kinship.as_written = relation, as_written
    with transaction.atomic():
        _save_kinship(kinship)
        audit.record("set_kinship", by=by, kind="guardian", uid=kinship.guardian, child=kinship.child)
    return kinship


def correct_guardian(guardian, *, by, child, expected, **changes):
    """Correct what stands about an adult, for all children it belongs to."""
    changed = [name for name, value in changes.items() if getattr(guardian, name) != value]
    for name in changed:
        setattr(guardian, name, changes[name])
    if not changed:
        return guardian
    guardian.prepare()
    guardian.full_clean()
    guardian._history_user = by
    with transaction.atomic():
        stored = Guardian.objects.filter(pk=guardian.pk).first()
        if stored is not None and stored.version != expected:
            raise VersionConflict(stored)
        guardian.save_version(expected)
        audit.record("correct_guardian", by=by, kind="guardian", uid=guardian, child=child, fields=changed)
        if "died_on" in changed and guardian.died_on:
            _end_with_death(guardian, by)
    return guardian


def _end_with_death(guardian, by):
    day = guardian.died_on
    for spells in (guardian.guardianships, guardian.work_spells, guardian.conditions):
        for spell in spells.open().filter(starts_on__lte=day):
            end_spell(spell, last_day=day, by=by)
    for agreement in guardian.agreements.on(day):
        end_spell(agreement, last_day=day, by=by, end_reason="照护人去世")


# --- phones ----------------------------------------------------------------------------------------------------------


def _save_phone(phone, by, expected=None):
    phone.prepare()
    phone.full_clean()
    phone._history_user = by
    if expected is None:
        phone.save()
    else:
        phone.save_version(expected)
    return phone


def add_phone(guardian, *, by, child, number, label="", first=False):
    """One more phone of an adult; ``first`` puts it before the others. A number already there stays one row."""
    with transaction.atomic():
        open_ones = list(guardian.phones.filter(ended_on=None).order_by("position", "pk"))
        index = values.phone_index(number)
        known = next((phone for phone in open_ones if phone.number_index == index), None)
        if known is not None:
            return known
        positions = [phone.position for phone in open_ones]
        if first and positions:
            for phone in open_ones:
                phone.position += 1
            Phone.objects.bulk_update(open_ones, ["position"])
        position = 0 if first or not positions else max(positions) + 1
        phone = _save_phone(Phone(guardian=guardian, number=number, label=label, position=position), by)
        audit.record("add_phone", by=by, kind="phone", uid=phone, child=child)
    return phone


def _set_phone(phone, action, by, child, **changes):
    with transaction.atomic():
        for name, value in changes.items():
            setattr(phone, name, value)
        _save_phone(phone, by, expected=phone.version)
        audit.record(action, by=by, kind="phone", uid=phone, child=child)
    return phone


def end_phone(phone, *, by, child, day=None):
    """The number is no longer this adult's."""
    return _set_phone(phone, "end_phone", by, child, ended_on=day or timezone.localdate())


def mark_phone_wrong(phone, *, by, child, day=None):
    """Nobody answers, or somebody else does: to be asked again."""
    return _set_phone(phone, "mark_phone_wrong", by, child, wrong_since=day or timezone.localdate())


def mark_phone_answered(phone, *, by, child, day=None):
    """The number was answered on ``day``."""
    return _set_phone(
        phone,
        "mark_phone_answered",
        by,
        child,
        wrong_since=None,
        last_answered_on=day or timezone.localdate(),
    )


# --- who cares -------------------------------------------------------------------------------------------------------


def start_guardianship(
    child, guardian, *, by, starts_on, authority, ability="", lives_with=True, instead_of_others=False
):
    """``guardian`` cares for the child from ``starts_on``; ``instead_of_others`` ends the others the day before."""
    new = Guardianship(
        child=child,
        guardian=guardian,
        starts_on=starts_on,
        authority=authority,
        ability=ability,
        lives_with=lives_with,
    )
    if guardian.died_on and guardian.died_on < starts_on:
        raise ValidationError({"starts_on": "这位家长在这天之前已去世"})
    with transaction.atomic():
        own = child.guardianships.open().filter(guardian=guardian).first()
        said = ("authority", "ability", "lives_with")
        if (
            own is not None
            and not instead_of_others
            and all(getattr(own, name) == getattr(new, name) for name in said)
        ):
            raise ValidationError("和现在登记的一样，没有要改的")
        if instead_of_others:
            for other in child.guardianships.open().exclude(guardian=guardian):
                _end_before(other, starts_on, by)
        if own is not None:
            replace_spell(own, new, by=by)
        else:
            _save_new(new, by)
        audit.record("start_guardianship", by=by, kind="guardianship", uid=new, child=child)
    return new


def _save_new(spell, by):
    spell.recorded_by = by
    spell.full_clean()
    spell.save()
    return spell


def _end_before(spell, day, by):
    if spell.starts_on >= day:
        raise ValidationError(
            {"starts_on": f"{spell.guardian}从 {spell.starts_on:%Y-%m-%d} 起照看，请先作废或结束那一段"}
        )
    end_spell(spell, last_day=day - ONE_DAY, by=by)


def end_guardianship(spell, *, by, last_day):
    """The adult no longer cares for the child after ``last_day``."""
    _not_before_start(spell, last_day)
    with transaction.atomic():
        end_spell(spell, last_day=last_day, by=by)
        audit.record("end_guardianship", by=by, kind="guardianship", uid=spell, child=spell.child)
    return spell


def _not_before_start(spell, last_day):
    if last_day < spell.starts_on:
        raise ValidationError({"last_day": f"不能早于开始日期（{spell.starts_on:%Y-%m-%d}）"})


# --- parents away ----------------------------------------------------------------------------------------------------


def start_work(guardian, *, by, child, starts_on, place="", **optional):
    """The adult is away for work from ``starts_on``; when already away, to another place from that day."""
    new = ParentWork(guardian=guardian, starts_on=starts_on, place=place, **optional)
    new.division_code = new.division_code or regions.code_in(place)
    with transaction.atomic():
        old = guardian.work_spells.open().first()
        if old is not None:
            replace_spell(old, new, by=by)
        else:
            _save_new(new, by)
        action = "start_work" if old is None else "change_work"
        audit.record(action, by=by, kind="parentwork", uid=new, child=child)
    return new


def end_work(spell, *, by, child, last_day):
    """The parent came home; ``last_day`` is the last one away."""
    _not_before_start(spell, last_day)
    with transaction.atomic():
        end_spell(spell, last_day=last_day, by=by)
        audit.record("end_work", by=by, kind="parentwork", uid=spell, child=child)
    return spell
