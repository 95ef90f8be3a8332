"""一人一档 (C028): everything about a child as a bundle of sheets, for one child or for many in the same number of statements.

Whose words stand in it follows the reader (``registry.access.Words``): all, one's own, or (archivist) what forms print.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from activities.contacts import full_rows, how_word, kind_word, may_read_words
from activities.guardian_attendance import attended_by_family, once_per_activity
from activities.models import Contact, VisitDetail
from pairing.models import HelpPlan, Pairing, PairingKind, PlanStage
from registry import access
from registry.models import (
    CareAgreement,
    CareListSpell,
    Demand,
    Enrollment,
    Guardianship,
    ParentWork,
    ScreeningEntry,
    Term,
    Trait,
)

from .facts import gather

VISIT_FIELDS = ("living", "care", "needs", "agreed")


@dataclass
class ContactRow:
    """One contact as it is printed."""

    contact: Contact
    title: str
    how: str
    who: str
    words: str = ""
    effect: str = ""
    parts: tuple = ()
    hidden: bool = False


@dataclass
class FileFacts:
    """One child's bundle."""

    facts: object
    enrollments: list = field(default_factory=list)
    care_list: list = field(default_factory=list)
    traits: list = field(default_factory=list)
    guardianships: list = field(default_factory=list)
    works: list = field(default_factory=list)  # (relation, spell)
    agreements: list = field(default_factory=list)
    ties: list = field(default_factory=list)
    terms: list = field(default_factory=list)  # (words, [ContactRow])
    attended: list = field(default_factory=list)
    plans: list = field(default_factory=list)  # (plan, stages)
    demands: list = field(default_factory=list)
    screenings: list = field(default_factory=list)

    @property
    def child(self):
        """The child."""
        return self.facts.child


def bundles(children, day, *, user):
    """[FileFacts] of ``children`` (whose files ``user`` may open) in their order.

    Whoever prints reads by a post over the class or school; a tie could add nothing to that, so it is not asked for.
    """
    facts = gather(children, day, last_seat=True)
    found = {pk: FileFacts(one) for pk, one in facts.items()}
    keys = list(found)

    def spells(model, *related, order=("starts_on", "pk")):
        return model.objects.valid().filter(child__in=keys).select_related(*related).order_by(*order)

    for row in spells(Enrollment, "school", "school_class__school"):
        found[row.child_id].enrollments.append(row)
    for row in spells(CareListSpell):
        found[row.child_id].care_list.append(row)
    for row in spells(Trait):
        found[row.child_id].traits.append(row)
    for row in spells(Guardianship, "guardian"):
        found[row.child_id].guardianships.append(row)
    for row in spells(CareAgreement, "guardian", "entrusted_by"):
        found[row.child_id].agreements.append(row)
    for row in spells(Pairing, "staff"):
        if row.kind != PairingKind.PEER:  # a fellow pupil's name does not belong into this file
            found[row.child_id].ties.append(row)
    for row in Demand.objects.filter(child__in=keys).order_by("raised_on", "pk"):
        found[row.child_id].demands.append(row)
    entries = ScreeningEntry.objects.filter(child__in=keys).exclude(answer="")
    related = "class_screening__school_screening__screening__term"
    for row in entries.select_related(related).order_by("answered_at", "pk"):
        found[row.child_id].screenings.append(row)
    _works(found)
    _plans(found, keys)
    _attended(found, keys)
    _contacts(found, keys, user)
    return [found[child.pk] for child in children]


def _attended(found, keys):
    of_adult = defaultdict(list)
    for one in found.values():
        for adult in one.facts.adults:
            of_adult[adult.guardian.pk].append(one)
    rows = attended_by_family(keys).select_related("activity__center").order_by("day", "pk")
    for row in rows:
        for one in [found[row.child_id]] if row.child_id else of_adult[row.guardian_id]:
            one.attended.append(row)
    for one in found.values():
        one.attended = sorted(once_per_activity(one.attended), key=lambda row: (row.day, row.pk))


def _works(found):
    by_adult = defaultdict(list)
    for one in found.values():
        for adult in one.facts.adults:
            by_adult[adult.guardian.pk].append((one, adult.word))
    spells = ParentWork.objects.valid().filter(guardian__in=list(by_adult)).order_by("starts_on", "pk")
    for spell in spells:
        for one, word in by_adult[spell.guardian_id]:
            one.works.append((word, spell))


def _plans(found, keys):
    plans = (
        HelpPlan.objects.valid().filter(child__in=keys).select_related("staff").order_by("starts_on", "pk")
    )
    stages = defaultdict(list)
    rows = list(plans)
    for stage in PlanStage.objects.filter(plan__in=[plan.pk for plan in rows]).order_by("day", "pk"):
        stages[stage.plan_id].append(stage)
    for plan in rows:
        found[plan.child_id].plans.append((plan, stages[plan.pk]))


def _contacts(found, keys, user):
    rows = Contact.objects.visible_to(user).valid().filter(child__in=keys, replaced_by=None)
    rows = full_rows(rows).order_by("day", "pk")
    counties = {one.child.county_id for one in found.values()}
    terms = list(Term.objects.filter(county__in=counties).order_by("starts_on"))
    sights = {pk: access.sight_by_posts(user, one.facts.enrollment) for pk, one in found.items()}
    grouped = defaultdict(dict)
    for contact in rows:
        words = _term_words(terms, contact.day)
        grouped[contact.child_id].setdefault(words, []).append(
            _contact_row(contact, user, sights[contact.child_id])
        )
    for child, by_term in grouped.items():
        found[child].terms = list(by_term.items())


def _term_words(terms, day):
    """The term of a day; a holiday's name is that of the term before it."""
    before = [term for term in terms if term.starts_on <= day]
    if not before:
        return "更早"
    term = before[-1]
    return str(term) if day <= term.ends_on else f"{term}后的假期"


def _contact_row(contact, user, sight):
    readable = may_read_words(user, contact, sight, printed=True)
    who = "、".join(row.staff.name for row in contact.adults.all()) or contact.staff.name
    row = ContactRow(contact, kind_word(contact), how_word(contact), who, hidden=not readable)
    if readable:
        row.words, row.effect = contact.words, contact.effect
        visit = getattr(contact, "visit", None)
        if visit is not None:
            named = [
                (VisitDetail._meta.get_field(name).verbose_name, getattr(visit, name))
                for name in VISIT_FIELDS
            ]
            row.parts = tuple((label, text) for label, text in named if text)
    return row
