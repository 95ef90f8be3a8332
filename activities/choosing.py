"""Whom a new contact is about: the children chosen, those offered beside them, and what was done last time."""

from dataclasses import dataclass

from django.db.models import Count, Prefetch
from django.utils import timezone

from registry import access
from registry.access import Show
from registry.models import (
    PARENTS,
    CareListSpell,
    Enrollment,
    Kinship,
    Phone,
    Relation,
    SchoolClass,
    Sex,
)
from trust.masking import mask_phone

from .contacts import children_to_log
from .models import Contact, Party

LIST_AT_MOST = 60  # more children than this are shown class by class


@dataclass(frozen=True)
class Choice:
    """A child as a chip."""

    uid: str
    name: str
    chosen: bool = False
    offer: str = ""  # 弟弟, 同住: why it is offered


@dataclass(frozen=True)
class Group:
    """Children of one class."""

    name: str
    children: list


@dataclass(frozen=True)
class ClassLink:
    """A class whose children may be shown."""

    uid: str
    name: str
    number: int


@dataclass(frozen=True)
class Choices:
    """Everything the field 孩子 shows."""

    chosen: list
    offers: list
    groups: list
    classes: list

    @property
    def is_empty(self):
        """Nobody to choose."""
        return not (self.chosen or self.offers or self.groups or self.classes)


def choices_for(user, chosen, *, school_class=None):
    """Chips for the chosen children, siblings and others of the same house as offers, and the list to choose from.

    With children chosen the list is their classmates; else the class named, else all whom the user knows, or the
    classes when those are many. At most four queries.
    """
    today = timezone.localdate()
    named = children_to_log(user)
    seats = Enrollment.objects.on(today).filter(child__in=named)
    listed = seats.filter(child__in=CareListSpell.objects.on(today).values("child"))
    offers = _household(named, chosen) if chosen else []
    picked = {child.pk for child in chosen}
    classes, rows = [], None
    if chosen:
        own = Enrollment.objects.on(today).filter(child__in=picked).exclude(school_class=None)
        rows = listed.filter(school_class__in=own.values("school_class"))
    elif school_class is not None:
        rows = listed.filter(school_class=school_class)
    else:
        counts = list(listed.order_by().values_list("school_class").annotate(number=Count("child")))
        if sum(number for _, number in counts) <= LIST_AT_MOST:
            rows = listed
        else:
            classes, rows = _class_links(counts), listed.filter(school_class=None)
    taken = picked | {child.pk for child, _ in offers}
    return Choices(
        chosen=[Choice(str(child.uid), child.name, True) for child in chosen],
        offers=[Choice(str(child.uid), child.name, False, word) for child, word in offers],
        groups=_groups(rows, taken) if rows is not None else [],
        classes=classes,
    )


def _groups(rows, taken):
    groups = {}
    rows = rows.select_related("child", "school", "school_class__school").order_by(
        "school__code", "-school_class__entry_year", "school_class__number", "child__name_key", "child__pk"
    )
    for row in rows:
        if row.child_id not in taken:
            name = str(row.school_class) if row.school_class_id else f"{row.school}未分班"
            groups.setdefault(name, []).append(Choice(str(row.child.uid), row.child.name))
    return [Group(name, children) for name, children in groups.items()]


def _class_links(counts):
    numbers = dict(counts)
    classes = SchoolClass.objects.filter(pk__in=[pk for pk in numbers if pk]).select_related("school")
    classes = classes.order_by("school__code", "-entry_year", "number")
    several = len({one.school_id for one in classes}) > 1
    return [
        ClassLink(str(one.uid), f"{one.school} {one}" if several else str(one), numbers[one.pk])
        for one in classes
    ]


def _household(named, chosen):
    """[(child, word)]: those who share an adult with a chosen child; 弟弟 when they share a parent."""
    ids = [child.pk for child in chosen]
    adults = Kinship.objects.filter(child__in=ids).values("guardian")
    rows = Kinship.objects.filter(guardian__in=adults).filter(child__in=named).select_related("child")
    shared, parents_of = {}, {}
    for row in rows.order_by("child__name_key", "child__pk"):
        if row.child_id not in ids:
            shared[row.child_id] = row.child
        if row.relation in PARENTS:
            parents_of.setdefault(row.child_id, set()).add(row.guardian_id)
    first = chosen[0]
    parents = parents_of.get(first.pk, set())
    return [
        (child, _sibling_word(first, child) if parents & parents_of.get(pk, set()) else "同住")
        for pk, child in shared.items()
    ]


def _sibling_word(first, other):
    if not first.birth_date or not other.birth_date or first.birth_date == other.birth_date:
        return "兄弟姐妹"
    older = other.birth_date < first.birth_date
    if other.sex == Sex.MALE:
        return "哥哥" if older else "弟弟"
    return "姐姐" if older else "妹妹"


# --- the number that was called --------------------------------------------------------------------------------------


def phones_of(user, children):
    """[(Phone, words, party)] of the first child's adults, masked, the last that answered first; for readers of phones.

    Siblings share their adults, so one child's are enough.
    """
    if not children or access.sight_of(user, children[0]).phone not in (Show.CALL, Show.MASKED):
        return []
    phones = Phone.objects.filter(ended_on=None)
    rows = (
        Kinship.objects.filter(child=children[0])
        .select_related("guardian")
        .prefetch_related(Prefetch("guardian__phones", queryset=phones))
    )
    found = []
    for row in rows:
        party = {Relation.FATHER: Party.FATHER, Relation.MOTHER: Party.MOTHER}.get(
            row.relation, Party.GUARDIAN
        )
        for phone in row.guardian.phones.all():
            found.append((phone, f"{row.word} {mask_phone(phone.number)}", party))
    found.sort(
        key=lambda one: (one[0].last_answered_on is None, one[0].wrong_since is not None, one[0].position)
    )
    return found


# --- what was done last time -----------------------------------------------------------------------------------------


def last_time(user, kind, children, channels):
    """(channel, place, parties) as this person did it last by one of ``channels``, and whom one reached for this child."""
    staff = access.staff_of(user)
    own = None
    if staff is not None:
        own = (
            Contact.objects.valid()
            .filter(staff=staff, kind=kind, channel__in=channels)
            .order_by("-day", "-pk")
            .values_list("channel", "place")
            .first()
        )
    parties = None
    if children:
        parties = (
            Contact.objects.valid()
            .filter(child=children[0], kind=kind, reached=True)
            .order_by("-day", "-pk")
            .values_list("parties", flat=True)
            .first()
        )
    channel, place = own or (None, "")
    return channel, place, parties
