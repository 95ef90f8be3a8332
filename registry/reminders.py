"""What of the families waits for somebody (家庭的事): agreements that run out, reviews that are due, demands without an answer."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from . import access, agreements, traits
from .access import Act
from .agreements import at_school
from .models import Child, Demand
from .screenings.counts import waiting_entries


@dataclass(frozen=True)
class Reminder:
    """One thing that waits: how many children it is about, what it is, what to do, where."""

    key: str
    number: int
    what: str
    hint: str
    act: str
    url: str


_KINDS = {
    "agreements": (
        "个孩子的委托照护协议到期",
        "一个月内到期或已经过期，请家里续签",
        "看协议",
        "registry:agreement_list",
    ),
    "reviews": ("个孩子该复核了", "重点关注、困境，到了再看一次的日子", "去复核", "registry:trait_list"),
    "demands": ("个孩子家里的诉求等答复", "等得最久的排在前面", "去答复", "registry:demand_list"),
    "screening": ("个孩子的摸底还没确认", "没变的一下就能确认完", "去确认", "registry:screening_home"),
}


def cases(today):
    """{reminder: condition over Child}; the children's own set is the caller's."""
    papers = agreements.cases(today)
    waiting = Demand.objects.filter(child=OuterRef("pk"), answered_on=None)
    return {
        "agreements": papers["expiring"] | papers["expired"],
        "reviews": traits.cases(today)["review"],
        "demands": Q(Exists(waiting)),
    }


def of_numbers(numbers):
    """[Reminder] for {key: number}; what is nothing is left out."""
    found = []
    for key, (what, hint, act, page) in _KINDS.items():
        if numbers.get(key):
            url = reverse(page)
            if key == "reviews":
                url += "?show=review"
            elif key == "agreements":
                url += "?show=expiring"
            found.append(Reminder(key, numbers[key], what, hint, act, url))
    return found


def _answers_for(user):
    """Entries of the classes whose screening ``user`` answers; children without a class are the school's."""
    classes = access.classes_for(user, Act.SCREEN_CLASS).values("pk")
    schools = access.schools_whole(user, Act.SCREEN_CLASS).values("pk")
    return Q(class_screening__school_class__in=classes) | Q(
        class_screening__school_class=None, class_screening__school_screening__school__in=schools
    )


def reminders(user):
    """[Reminder] of the children whose files ``user`` may open, in one statement; nothing for who reads no registers."""
    if not access.may(user, Act.SEE_REGISTERS):
        return []
    today = timezone.localdate()
    children = at_school(Child.objects.visible_to(user), today).order_by()
    asked = cases(today)
    if access.may(user, Act.SCREEN_CLASS):
        asked["screening"] = Q(Exists(waiting_entries().filter(_answers_for(user), child=OuterRef("pk"))))
    return of_numbers(children.aggregate(**{key: Count("pk", filter=case) for key, case in asked.items()}))
