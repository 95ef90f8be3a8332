"""Rates as pages show them."""

from django import template

from reports import figures

register = template.Library()


@register.filter
def percent(rate):
    """88.7% from 0.887; — where nothing was due."""
    value = figures.percent(rate)
    return "—" if value is None else f"{value}%"


@register.filter
def points(change):
    """Per cent points without their sign; the arrow beside says which way."""
    return abs(change)
