"""Where parents work (父母务工地): how many parents and children by province, city or county, for the seats of a reader."""

from dataclasses import dataclass, field

from . import regions
from .head_counts import seats_on
from .models import PARENTS, Kinship, ParentWork

LEVELS = {"province": "按省", "city": "按市", "county": "按县"}
DIGITS = {"province": 2, "city": 4, "county": 6}
NOWHERE = "unknown"


@dataclass
class Place:
    """One place of the table: how many parents work there, and of which children."""

    key: str  # division code, or ``unknown``
    name: str
    parents: set = field(default_factory=set)
    children: set = field(default_factory=set)


@dataclass
class ParentsMap:
    """The table, most parents first; the unknown place last."""

    level: str
    places: list
    parents: int
    children: int

    def place(self, key):
        """The row of one place, or None."""
        return next((one for one in self.places if one.key == key), None)


def parents_map(where, level, day):
    """``ParentsMap`` of the children that sit on ``day`` where ``where`` (a Q over Enrollment) says. Two statements."""
    kin = Kinship.objects.filter(relation__in=PARENTS, child__in=seats_on(day, where).values("child"))
    children_of = {}
    for guardian, child in kin.values_list("guardian", "child").order_by("pk"):
        children_of.setdefault(guardian, []).append(child)
    spells = ParentWork.objects.on(day).filter(guardian__in=kin.values("guardian"), guardian__died_on=None)
    places = {}
    for guardian, code in spells.order_by("pk").values_list("guardian", "division_code"):
        key, name = _place_of(code, level)
        place = places.setdefault(key, Place(key, name))
        place.parents.add(guardian)
        place.children.update(children_of[guardian])
    rows = sorted(places.values(), key=lambda one: (one.key == NOWHERE, -len(one.parents), one.key))
    parents = set().union(*(one.parents for one in rows)) if rows else set()
    children = set().union(*(one.children for one in rows)) if rows else set()
    return ParentsMap(level, rows, len(parents), len(children))


def _place_of(code, level):
    """(key, name) of a division code at a level; a code that says less is named as far as it goes."""
    code = (code or "")[:6]
    if len(code) < 6 or not regions.name_of(code[:2] + "0000"):
        return NOWHERE, "没写清地方"
    if level == "city" and code[:2] in regions.MUNICIPALITIES:
        code = code[:2] + "0000"  # 上海市 is province and city in one
        return code, regions.name_of(code)
    key = code[: DIGITS[level]].ljust(6, "0")
    name = regions.name_of(key) or regions.name_of(code[:2] + "0000")
    if level != "province" and key.endswith("0000"):
        return key, f"{name}（没写到{'市' if level == 'city' else '县'}）"
    if level == "county" and key.endswith("00") and regions.has_counties(key):
        return key, f"{name}（没写到县）"
    return key, name
