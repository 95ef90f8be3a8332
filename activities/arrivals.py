"""本月尚未谈心: children who came from another school this month and with whom nobody has talked since it began.

An open duty stays with the school of the judge day; this is a hint for the new class teacher, never a row of the ledger.
"""

from django.db.models import Exists, F, OuterRef, Subquery

from registry.models import CareListSpell, Enrollment, PostKind

from .models import Contact, ContactKind


def new_and_untalked(posts, today):
    """Enrollments of such children in the classes of a class teacher's ``posts``: plain rows, one statement."""
    classes = [post.school_class_id for post in posts if post.kind == PostKind.CLASS_TEACHER]
    first = today.replace(day=1)
    before = Enrollment.objects.valid().filter(child=OuterRef("child"), starts_on__lt=OuterRef("starts_on"))
    talks = Contact.objects.filter(
        child=OuterRef("child"), kind=ContactKind.TALK, day__gte=first, reached=True, cancelled_at=None
    )
    came = (
        Enrollment.objects.on(today)
        .filter(school_class__in=classes, starts_on__gte=first)
        .filter(child__in=CareListSpell.objects.on(today).values("child"))
        .annotate(last_school=Subquery(before.order_by("-starts_on").values("school")[:1]))
        .filter(~Exists(talks), last_school__isnull=False)
        .exclude(last_school=F("school"))
    )
    return Enrollment.objects.filter(pk__in=came.order_by().values("pk"))
