"""The whole county, in one transaction."""

from dataclasses import dataclass

from django.db import transaction

from activities.rules import seed_rules
from registry.models import ClosingDate, County, DayException, SchoolYear, Term
from trust import audit

from .care import build_care
from .families import build_children
from .gatherings import build_gatherings
from .places import build_places
from .registers import build_registers
from .screenings import build_screenings
from .ties import build_ties
from .world import World
from .year import build_calendar

CODE = "341299"
NAME = "青溪县"


@dataclass
class Built:
    """What was made."""

    county: County
    children: int
    contacts: int
    counts: dict
    first_month: object


def build_county(*, schools=3, children=120, months=12, until, seed=1, by=None, history=True, tell=None):
    """Makes the county: ``children`` per school, ``months`` months of care that end with the day before ``until``."""
    world = World(until=until, months=months, seed=seed, history=history)
    world.tell = tell or (lambda text: None)
    with transaction.atomic():
        world.county = County(code=CODE, name=NAME)
        world.county.uid = world.uid()
        world.county.save()
        world.calendar = build_calendar(world)
        world.flush(SchoolYear, Term, DayException, ClosingDate)
        seed_rules(world.county, valid_from=world.roster_on, by=by)
        build_places(world, schools, children)
        build_children(world, children)
        build_care(world)
        build_registers(world)
        build_ties(world)
        build_gatherings(world)
        build_screenings(world)
        audit.record("load_demo", by=by, kind="county", uid=world.county, count=world.counts["Child"])
    return Built(world.county, world.counts["Child"], world.counts["Contact"], world.counts, world.start)


audit.name_actions(load_demo="生成演示县")
