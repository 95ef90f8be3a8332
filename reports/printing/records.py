"""谈心记录 and 家访记录 as single sheets (forms d.6, d.7): one contact a sheet, as the family stood on its day.

Whose words stand there follows the reader (``activities.contacts.may_read_words``). Whoever prints without a post that
prints (a teacher her own record) gets the sheet with the lines about the family left blank.
"""

from dataclasses import dataclass

from activities import contact_sheets, contacts
from activities.models import Contact, ContactKind, VisitDetail
from registry.models import (
    AdultCondition,
    Enrollment,
    Guardianship,
    Kinship,
    ParentWork,
    Phone,
    Relation,
    Term,
)

from .facts import AdultFacts

EARLIER = "earlier"
PARENTS = (Relation.FATHER, Relation.MOTHER)


@dataclass
class RecordSheet:
    """One contact as its sheet says it."""

    contact: Contact
    who: str
    how: str
    school: object = None
    class_words: str = ""
    family: tuple = ()  # AdultFacts on the contact's day; empty where the reader's post prints nothing of a family
    hidden: bool = False
    shows_family: bool = False

    @property
    def child(self):
        """The child."""
        return self.contact.child

    @property
    def is_visit(self):
        """家访, else 谈心."""
        return self.contact.kind == ContactKind.HOME_VISIT

    @property
    def age(self):
        """Full years of the child on the contact's day, or nothing."""
        born, day = self.child.birth_date, self.contact.day
        return "" if born is None else day.year - born.year - ((day.month, day.day) < (born.month, born.day))

    @property
    def carer(self):
        """Who cared for the child longest on that day, or None."""
        caring = [adult for adult in self.family if adult.care is not None]
        return min(caring, key=lambda adult: (adult.care.starts_on, adult.care.pk), default=None)

    @property
    def parents_words(self):
        """父亲：在外务工；母亲：在家."""
        parents = [adult for adult in self.family if adult.relation in PARENTS]
        return "；".join(
            f"{adult.word}{adult.name}：{adult.state}{f'，{adult.where}' if adult.where else ''}"
            for adult in parents
        )

    @property
    def visit_parts(self):
        """[(label, text)] of what only a home visit has; empty lines stay to be written by hand."""
        visit = getattr(self.contact, "visit", None)
        return [
            (VisitDetail._meta.get_field(name).verbose_name, getattr(visit, name, ""))
            for name in contacts.VISIT_FIELDS
        ]


# --- which --------------------------------------------------------------------------------------------------------------


def records_of(child, user):
    """Talks and home visits with the child that stand and are in the reader's sight."""
    return Contact.objects.visible_to(user).valid().filter(
        child=child, kind__in=contact_sheets.KINDS, replaced_by=None
    )  # fmt: skip


def terms_of(child, user):
    """[(code, words, first day or None, last day or None)] of terms with a talk or visit, the latest first.

    The holiday after a term goes with it; what lies before the first term is 更早 (code ``earlier``).
    """
    days = list(records_of(child, user).order_by("day").values_list("day", flat=True).distinct())
    terms = list(Term.objects.filter(county=child.county_id).order_by("starts_on"))
    found = []
    bounds = [(EARLIER, "更早", None)] + [(str(term.uid), str(term), term.starts_on) for term in terms]
    for (code, words, first), following in zip(bounds, [*bounds[1:], None], strict=True):
        end = following[2] if following else None
        if any((first is None or day >= first) and (end is None or day < end) for day in days):
            found.append((code, words, first, end))
    return found[::-1]


def in_term(records, first, end):
    """Those from ``first`` (None: from the beginning) to the day before ``end`` (None: until today)."""
    records = records if first is None else records.filter(day__gte=first)
    return records if end is None else records.filter(day__lt=end)


# --- what stands on them ------------------------------------------------------------------------------------------------


def sheets(child, records, user, sight, *, family):
    """[RecordSheet] of ``records`` (a queryset about one child) in the order of days; eight statements however many.

    ``family``: whether the reader's post prints what is known of a family.
    """
    rows = list(contacts.full_rows(records).order_by("day", "pk"))
    seats = list(
        Enrollment.objects.valid().filter(child=child).select_related("school", "school_class__school")
    )
    adults = _Family(child) if family and rows else None
    return [_sheet(row, user, sight, seats, adults) for row in rows]


def _sheet(contact, user, sight, seats, adults):
    sheet = RecordSheet(
        contact, "、".join(row.staff.name for row in contact.adults.all()) or contact.staff.name,
        contacts.how_word(contact), contact.school, shows_family=adults is not None,
        hidden=not contacts.may_read_words(user, contact, sight, printed=True),
    )  # fmt: skip
    seat = next((one for one in seats if one.in_force_on(contact.day)), None)
    if seat is not None:
        sheet.school = seat.school
        sheet.class_words = seat.school_class.name_on(contact.day) if seat.school_class else "未分班"
    if adults is not None:
        sheet.family = adults.on(contact.day)
    return sheet


class _Family:
    """The adults of one child with everything dated, read once and asked for many days."""

    def __init__(self, child):
        self.kin = list(Kinship.objects.filter(child=child).select_related("guardian").order_by("pk"))
        keys = [one.guardian_id for one in self.kin]
        self.care = list(Guardianship.objects.valid().filter(child=child).order_by("starts_on", "pk"))
        self.work = list(ParentWork.objects.valid().filter(guardian__in=keys))
        self.conditions = list(
            AdultCondition.objects.valid().filter(guardian__in=keys).order_by("starts_on", "pk")
        )
        self.phones = list(Phone.objects.filter(guardian__in=keys).order_by("position", "pk"))

    def on(self, day):
        """AdultFacts of everybody on ``day``; of phones those not given up by then."""

        def of(rows, key):
            return [row for row in rows if row.guardian_id == key and row.in_force_on(day)]

        found = []
        for one in self.kin:
            key = one.guardian_id
            found.append(
                AdultFacts(
                    one.guardian, one.word, one.relation, day=day, conditions=of(self.conditions, key),
                    work=next(iter(of(self.work, key)), None), care=next(iter(of(self.care, key)), None),
                    phones=[
                        (row.number, row.label) for row in self.phones
                        if row.guardian_id == key and (row.ended_on is None or row.ended_on > day)
                    ],
                )
            )  # fmt: skip
        return tuple(found)
