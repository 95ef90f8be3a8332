"""What merging two files of one child (``registry.merging``) must know of the ledger: it names children by their number."""

from registry import merging

from .models import Amendment, DropoutCase, Excuse, Finding, Subject

for model in (Excuse, Finding, Amendment):
    merging.also_points_to_children(model, "subject_id", subject_kind=Subject.CHILD)


@merging.stands_in_the_way
def two_open_cases(kept, dropped):
    """Two open cases of 控辍保学 cannot stand side by side: a person says which day it began."""
    if DropoutCase.objects.filter(child__in=[kept.pk, dropped.pk], closed_on=None).count() > 1:
        return "两份档案都有没结束的控辍保学，请先结束其中一份"
    return ""
