"""Lists of what holds of children today: left-behind, migrant and floating side by side (C023), hardship, priority with
reviews that are due (C022), who boards and who would like to (寄宿优先, C096).
"""

from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone

from .agreements import at_school
from .models import CareListSpell, Enrollment, Trait, TraitKind

SHOWS = {
    "listed": "在册留守",
    "migrant": "随迁子女",
    "floating": "流动儿童",
    "hardship": "困境",
    "priority": "重点关注",
    "review": "该复核了",
    "boarding": "寄宿",
    "boarding_wish": "希望寄宿还没住上",
}


def cases(today):
    """{which list: condition over Child}."""

    def has(kind, **where):
        return Q(Exists(Trait.objects.on(today).filter(child=OuterRef("pk"), kind=kind, **where)))

    due = Q(review_on__lte=today) | Q(kind=TraitKind.PRIORITY, review_on=None)
    # 失联家长 is reviewed with its claim, not here.
    reviews = Trait.objects.on(today).filter(due, child=OuterRef("pk"))
    return {
        "listed": Q(Exists(CareListSpell.objects.on(today).filter(child=OuterRef("pk")))),
        "migrant": has(TraitKind.MIGRANT),
        "floating": has(TraitKind.FLOATING),
        "hardship": has(TraitKind.HARDSHIP),
        "priority": has(TraitKind.PRIORITY),
        "review": Q(Exists(reviews.exclude(kind=TraitKind.PARENTS_UNREACHABLE))),
        "boarding": has(TraitKind.BOARDING),
        "boarding_wish": has(TraitKind.BOARDING_WISH) & ~has(TraitKind.BOARDING),
    }


def counts(children, today=None):
    """{which list: number of children} of ``children`` at school, in one statement."""
    today = today or timezone.localdate()
    numbers = {name: Count("pk", filter=case, distinct=True) for name, case in cases(today).items()}
    return at_school(children, today).order_by().aggregate(**numbers)


def children_with(children, show, today=None):
    """Those of ``children`` at school who stand on the list ``show``."""
    today = today or timezone.localdate()
    return at_school(children, today).filter(cases(today)[show])


def rows_of(children, today=None):
    """[(child, seat, traits of today, the earliest review, whether one is due)] of one page, with two statements."""
    today = today or timezone.localdate()
    children = list(children)
    found = {}
    for trait in Trait.objects.on(today).filter(child__in=children).order_by("starts_on", "pk"):
        found.setdefault(trait.child_id, []).append(trait)
    seats = {
        seat.child_id: seat
        for seat in Enrollment.objects.on(today)
        .filter(child__in=children)
        .select_related("school", "school_class__school")
    }
    rows = []
    for child in children:
        traits = found.get(child.pk, [])
        reviews = sorted(trait.review_on for trait in traits if trait.review_on)
        due = [t for t in traits if _due(t, today)]
        rows.append(
            {
                "child": child,
                "seat": seats.get(child.pk),
                "traits": traits,
                "review_on": reviews[0] if reviews else None,
                "due": due[0] if due else None,
            }
        )
    return rows


def _due(trait, today):
    if trait.kind == TraitKind.PARENTS_UNREACHABLE:
        return False
    if trait.review_on is None:
        return trait.kind == TraitKind.PRIORITY
    return trait.review_on <= today
