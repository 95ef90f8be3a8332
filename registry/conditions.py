"""What keeps an adult from caring for a child (家长情况), from–to: in custody, in detox, missing, gravely ill, disabled.

Such a condition makes a parent one "without guardianship ability" (无监护能力; 国发〔2016〕13号, 民发〔2019〕62号). A divorced
parent who lives elsewhere keeps guardianship and ability, so that condition is shown and judged by nothing.
"""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from trust import audit

from .children import end_spell
from .models import AdultCondition, ConditionKind

audit.name_actions(start_condition="登记家长情况", end_condition="结束家长情况")
audit.name_kinds(adultcondition="家长情况")

UNABLE = frozenset(
    {
        ConditionKind.IN_CUSTODY,
        ConditionKind.DETOX,
        ConditionKind.MISSING,
        ConditionKind.GRAVELY_ILL,
        ConditionKind.SEVERELY_DISABLED,
    }
)


def start_condition(guardian, *, by, child, kind, starts_on, note=""):
    """A condition of ``guardian`` from ``starts_on``. The same kind twice at once raises ValidationError."""
    if starts_on > timezone.localdate():
        raise ValidationError({"starts_on": "日期不能在今天之后"})
    if guardian.died_on and guardian.died_on < starts_on:
        raise ValidationError({"starts_on": "这位家长在这天之前已去世"})
    with transaction.atomic():
        spell = AdultCondition(
            guardian=guardian, kind=kind, starts_on=starts_on, note=note.strip(), recorded_by=by
        )
        spell.full_clean()
        spell.save()
        audit.record(
            "start_condition",
            by=by,
            kind="adultcondition",
            uid=spell,
            child=child,
            detail=spell.get_kind_display(),
        )
    return spell


def end_condition(spell, *, by, child, last_day):
    """The condition held until ``last_day``."""
    if last_day < spell.starts_on:
        raise ValidationError({"last_day": f"不能早于开始日期（{spell.starts_on:%Y-%m-%d}）"})
    with transaction.atomic():
        end_spell(spell, last_day=last_day, by=by)
        audit.record(
            "end_condition",
            by=by,
            kind="adultcondition",
            uid=spell,
            child=child,
            detail=spell.get_kind_display(),
        )
    return spell
