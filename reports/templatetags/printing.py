"""Small things that the templates of printed forms say."""

from django import template
from django.utils.html import format_html_join

from ..printing.facts import AdultLine, place_and_address

register = template.Library()
CARER_ROWS = 2


@register.simple_tag
def id_as(masks, number):
    """An ID number as the masks let it stand."""
    return masks.id_number(number) if number else ""


@register.simple_tag
def phones_as(masks, numbers):
    """Phones as the masks let them stand, one a line."""
    return format_html_join("", "<div>{}</div>", ((masks.phone(number),) for number in numbers))


@register.filter
def home_of(child):
    """Village and address of a child, the village once."""
    return place_and_address(child.village, child.address)


@register.filter
def line_of(adult):
    """An adult as a form's line; an empty line where there is nobody."""
    return adult.line if adult else AdultLine()


@register.filter
def parents_of(facts):
    """[(line of the father, 父亲), (line of the mother, 母亲)]: a card has a row for each."""
    return [(line_of(facts.father), "父亲"), (line_of(facts.mother), "母亲")]


@register.filter
def parents_of_row(row):
    """Father and mother of a register's row."""
    return [row.father, row.mother]


@register.filter
def carer_rows(facts):
    """Who cares for the child besides the parents, filled up to the rows of a card."""
    found = [adult for adult in facts.carers if adult not in (facts.father, facts.mother)][:CARER_ROWS]
    return [line_of(adult) for adult in found + [None] * (CARER_ROWS - len(found))]
