"""Pieces of SQL: tables, parameters, spells that cover a day."""

from dataclasses import dataclass, field

from django.db import connection

from pairing.models import ClassCover, Pairing
from registry.models import (
    ActivityCenter,
    CareListSpell,
    Child,
    County,
    Enrollment,
    Guardian,
    Guardianship,
    Kinship,
    Post,
    School,
    SchoolClass,
    Staff,
    Trait,
)

from ..models import Activity, Attendance, Contact, ContactStaff, Opening


def _table(model):
    return connection.ops.quote_name(model._meta.db_table)


T = {
    model: _table(model)
    for model in (
        ActivityCenter, CareListSpell, Child, ClassCover, Contact, ContactStaff, County, Enrollment, Guardian,
        Guardianship, Kinship, Opening, Pairing, Post, School, SchoolClass, Staff, Trait, Activity, Attendance,
        Activity.staff.through, Opening.staff.through,
    )
}  # fmt: skip


@dataclass
class Sql:
    """A piece of SQL and its parameters, in order of appearance."""

    text: str
    params: list = field(default_factory=list)

    def __add__(self, other):
        return Sql(f"{self.text} {other.text}", self.params + other.params)


def sql_join(glue, pieces):
    """Pieces joined by ``glue``; parameters in order."""
    pieces = list(pieces)
    return Sql(glue.join(p.text for p in pieces), [value for p in pieces for value in p.params])


def day_param(day):
    """A date as this database compares it."""
    return connection.ops.adapt_datefield_value(day)


def moment_param(moment):
    """A moment as this database compares it."""
    return connection.ops.adapt_datetimefield_value(moment)


def marks(values):
    """``%s, %s`` for an IN list."""
    return ", ".join(["%s"] * len(values))


def covers(alias, day):
    """Spell ``alias`` is valid and holds ``day`` (a column); one parameter-free condition."""
    return (
        f"{alias}.cancelled_at IS NULL AND {alias}.starts_on <= {day} "
        f"AND ({alias}.ends_on IS NULL OR {alias}.ends_on >= {day})"
    )


def covers_day(alias, day):
    """The same for a given date."""
    return Sql(
        f"{alias}.cancelled_at IS NULL AND {alias}.starts_on <= %s AND ({alias}.ends_on IS NULL OR {alias}.ends_on >= %s)",
        [day_param(day)] * 2,
    )
