"""The small county of tests/test_plain_ledger.py in the database, with accounts called after their staff ids."""

from datetime import datetime
from types import SimpleNamespace

from activities.facts import facts_uid, load_facts
from registry.calendar import SHANGHAI
from registry.models import Child, School, Staff
from tests.test_plain_ledger import SEEDED, contact, county, excuse, post, rule
from trust.models import User

F02, F08 = SEEDED["F02"], SEEDED["F08"]
NOVEMBER = datetime(2026, 11, 1).date()
CODE = "341299"

__all__ = [
    "F02",
    "F08",
    "NOVEMBER",
    "SEEDED",
    "contact",
    "county",
    "excuse",
    "load",
    "moment",
    "post",
    "rule",
]


def moment(text):
    """A moment in Shanghai: 2026-12-01 or 2026-12-01T02:00."""
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)


def load(facts):
    """Loads the facts; ``world.k1``, ``world.t1`` … and ``world.county``."""
    world = SimpleNamespace(county=load_facts(facts))
    for row in facts["children"]:
        setattr(world, row["id"], Child.objects.get(uid=facts_uid(CODE, "children", row["id"])))
    for row in facts["staff"]:
        staff = Staff.objects.get(uid=facts_uid(CODE, "staff", row["id"]))
        if staff.user is None:
            staff.user = User.objects.create_user(row["id"], "x", name=row["name"])
            staff.save()
        setattr(world, row["id"], staff)
    for row in facts["schools"]:
        setattr(world, row["id"], School.objects.get(uid=facts_uid(CODE, "schools", row["id"])))
    return world
