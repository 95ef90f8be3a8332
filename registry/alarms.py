"""Protection alarms (保护提醒): children registered as 无人监护 or 独居, from a page or a roster, until the fact has an end."""

from trust import audit, outbox

from .models import ALARM_TRAITS, Trait

audit.name_actions(protection_alarm="保护提醒")


@outbox.handler("protection_alarm")
def raise_alarm(payload, key):
    """Puts the alarm into the trail, by the system, in the transaction that marks it delivered: once."""
    audit.record("protection_alarm", by=None, kind="trait", uid=payload["trait"], child=payload["child"])


def open_alarms(user):
    """Alarms that hold today about children whose file ``user`` may open; the list of leaders and class teachers."""
    return (
        Trait.objects.visible_to(user)
        .today()
        .filter(kind__in=ALARM_TRAITS)
        .select_related("child")
        .order_by("starts_on", "pk")
    )
