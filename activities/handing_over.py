"""交接: what a teacher who hands children over still owes for them, read from the ledger; nothing is asked again.

An open duty stays with the child and goes to whoever is paired next: the page only says what is coming.
"""

from collections import defaultdict

from django.urls import reverse
from django.utils import timezone

from pairing import handovers
from pairing.models import Pairing
from registry import access
from registry.access import Act
from registry.models import CareListSpell, Child, Enrollment, School
from registry.staff import asks_to_hand_over

from .ledger import Ledger
from .models import Responsible, Strength, Subject
from .today import Owed, urgency_of

PAIRED_ROLES = (Responsible.PAIRED, Responsible.PROXY)


def passing_ties(staff, user, day):
    """包保 and 代理家长 that ``staff`` could hand over on ``day`` and ``user`` may assign: children at school and listed."""
    schools = School.objects.visible_to(user).filter(
        pk__in=access.schools_for(user, Act.ASSIGN_PAIRINGS).values("pk")
    )
    today = timezone.localdate()
    seated = Enrollment.objects.on(today).filter(school__in=schools.values("pk")).values("child")
    children = Child.objects.visible_to(user).filter(
        pk__in=CareListSpell.objects.on(today).filter(child__in=seated).values("child")
    )
    return handovers.ties_to_hand_over(staff, day, children.order_by())


def open_duties(county, child_ids, *, now=None):
    """{child id: [Owed]}: what is open now and asked of the paired teacher or proxy parent; four statements."""
    ledger = Ledger(county, now=now)
    rules = [
        rule
        for rule in ledger.rules
        if rule.subject == Subject.CHILD
        and rule.strength != Strength.INFORM
        and rule.responsible in PAIRED_ROLES
        and rule.measure == "records"
    ]
    found = defaultdict(list)
    if not rules or not child_ids:
        return found
    duties = ledger.judge(
        ledger.items_running(rules=rules, holder_on=ledger.today),
        children=Child.objects.filter(pk__in=child_ids),
    )
    for duty in sorted(duties, key=lambda one: (one.period.end, one.rule.label)):
        if duty.is_open:
            found[duty.subject_id].append(Owed(duty, urgency_of(duty, ledger.today)))
    return found


@asks_to_hand_over
def still_paired(staff, user):
    """Before somebody leaves: the children who would be left without a paired teacher."""
    today = timezone.localdate()
    number = Pairing.objects.filter(staff=staff, kind__in=handovers.HANDED).overlapping(today, None).count()
    if not number:
        return None
    if not access.may(user, Act.ASSIGN_PAIRINGS) or not passing_ties(staff, user, today).exists():
        return f"{staff.name}还包保 {number} 个孩子，请学校领导小组在“包保”里交接", ""
    return f"{staff.name}还包保 {number} 个孩子，先交给别的老师", reverse(
        "activities:handover", args=[staff.uid]
    )
