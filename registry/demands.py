"""家庭诉求: what a family asked for, and the answer it got, each with its date (C032)."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from trust import audit
from trust.models import VersionConflict

from .models import Demand

audit.name_actions(add_demand="登记家庭诉求", answer_demand="答复家庭诉求", list_demands="查看家庭诉求")
audit.name_kinds(demand="家庭诉求")


def add_demand(child, *, by, raised_on, text, raised_by="", submission=None):
    """What the family asked for on ``raised_on``. The same ``submission`` twice is one demand."""
    if submission is not None:
        known = Demand.objects.filter(uid=submission, child=child).first()
        if known is not None:
            return known
    if raised_on > timezone.localdate():
        raise ValidationError({"raised_on": "日期不能在今天之后"})
    demand = Demand(child=child, raised_on=raised_on, text=text.strip(), raised_by=raised_by, recorded_by=by)
    if submission is not None:
        demand.uid = submission
    demand.full_clean()
    try:
        with transaction.atomic():
            demand.save()
            audit.record("add_demand", by=by, kind="demand", uid=demand, child=child)
    except IntegrityError:  # the same form arrived twice at once
        known = Demand.objects.filter(uid=submission, child=child).first() if submission else None
        if known is None:
            raise
        return known
    return demand


def answer_demand(demand, *, by, expected, answer, answered_on):
    """The answer, or a better one later. Raises VersionConflict when somebody else answered since ``expected`` (R9)."""
    if answered_on > timezone.localdate():
        raise ValidationError({"answered_on": "日期不能在今天之后"})
    demand.answer, demand.answered_on, demand.answered_by = answer.strip(), answered_on, by
    demand.full_clean()
    with transaction.atomic():
        stored = Demand.objects.filter(pk=demand.pk).first()
        if stored is not None and stored.version != expected:
            raise VersionConflict(stored)
        demand.save_version(expected)
        audit.record("answer_demand", by=by, kind="demand", uid=demand, child=demand.child)
    return demand


def open_demands(user):
    """Demands without an answer about children whose file ``user`` may open, the longest waiting first."""
    return Demand.objects.visible_to(user).filter(answered_on=None).order_by("raised_on", "pk")
