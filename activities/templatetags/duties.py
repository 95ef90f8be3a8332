"""Tags of owed lines: where a line leads."""

from django import template
from django.urls import NoReverseMatch, reverse

from ..views.today import log_url

register = template.Library()


@register.filter
def listed(value):
    """The value as a list of one."""
    return [value]


@register.simple_tag
def owed_url(rows):
    """Where 记一笔 of these owed lines leads; blank when another page settles it."""
    first = rows[0]
    if first.kind == "pairing":
        try:
            return reverse("pairing:pairing_list")
        except NoReverseMatch:
            return ""
    if first.center is not None:
        return reverse("activities:opening_new", args=[first.center.uid])
    return log_url(rows)


@register.simple_tag
def why_url(child, duty):
    """The explanation of one duty of one child."""
    return reverse("activities:duty_why", args=[child.uid, duty.rule.label, duty.period.end.isoformat()])
