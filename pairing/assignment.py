"""Who could answer for whom: the best assignment of children to staff under quotas. Pure: no database, no words of names.

Three aims, each above the next: as many children as possible have somebody; nobody stays below the minimum, where the
children are enough for all minimums (``with_minimums``); then the wishes and reasons below, weighed by ``POINTS``. Without siblings this is a minimum-cost flow, and so
provably the best. Siblings who should share a teacher cannot be a flow (it would split them), so families are placed
first, the largest first, each size as a flow of whole families; whoever is left follows as single children. Where a
family together would cost a child its place or a teacher the minimum, families are taken apart again, as few as that
needs. Every cost is a whole number and every node has its place, so the same question has the same answer.
"""

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import product

import networkx as nx

# What speaks for a pair, in points; a child's pair is the better, the more points it has.
POINTS = {
    "sibling": 400,  # a brother or sister stays with this teacher
    "wanted": 300,
    "sex": 200,
    "standing": 160,
    "before": 120,
    "class_teacher": 100,
    "teaches": 60,
    "same_school": 50,  # the same 教学点: no drive to every talk
    "same_grade": 30,
    "village": 25,
}
WORDS = {
    "wanted": "孩子或家长希望由这位老师包保",
    "sex": "照孩子的愿望选了{sex}老师",
    "standing": "现在就由这位老师包保",
    "before": "以前由这位老师包保过",
    "class_teacher": "同班的班主任",
    "teaches": "教这个班",
    "same_grade": "教同一个年级",
    "village": "这位老师包保的孩子里也有同村的",
}
SEXES = {"male": "男", "female": "女"}
MOST = sum(POINTS.values())
EACH_MORE = 4  # each child, and each post beyond the first, that somebody has already


@dataclass(frozen=True)
class ChildToPair:
    """A child without a teacher. Keys name rows; ``family`` is shared by siblings who should stay together."""

    key: int
    school: int = 0
    school_class: int = 0  # 0 = in no class
    grade: int | None = None
    village: str = ""
    standing: int = 0  # who answers for it now
    before: int = 0  # who did last
    sex: str = ""  # of the teacher, as the child asked
    wanted: int = 0
    unwanted: int = 0
    family: int = 0  # 0 = nobody
    siblings_with: frozenset = frozenset()  # staff with whom a sibling stays


@dataclass(frozen=True)
class StaffToPair:
    """Somebody who can be given children: the quota, and ``held``, the children that stay with them."""

    key: int
    minimum: int = 0
    maximum: int = 0
    held: int = 0
    posts: int = 1
    sex: str = ""
    leads: frozenset = frozenset()  # classes
    teaches: frozenset = frozenset()
    grades: frozenset = frozenset()
    schools: frozenset = frozenset()
    villages: frozenset = frozenset()  # of the children held

    @property
    def room(self):
        """Places left; none where the quota is exceeded already."""
        return max(self.maximum - self.held, 0)


@dataclass
class Assignment:
    """The answer: by child the staff member or None; families that could not stay together."""

    choices: dict
    parted: list = field(default_factory=list)

    @property
    def without(self):
        """Children for whom no place was left."""
        return [child for child, staff in self.choices.items() if staff is None]


def speaks_for(child, staff):
    """What speaks for this pair: keys of ``POINTS``, the weightiest first."""
    found = {
        "sibling": staff.key in child.siblings_with,
        "wanted": child.wanted == staff.key,
        "sex": bool(child.sex) and child.sex == staff.sex,
        "standing": child.standing == staff.key,
        "before": child.before == staff.key and child.standing != staff.key,
        "class_teacher": bool(child.school_class) and child.school_class in staff.leads,
        "teaches": bool(child.school_class)
        and child.school_class in staff.teaches
        and child.school_class not in staff.leads,
        "same_school": child.school in staff.schools,
        "same_grade": child.grade is not None and child.grade in staff.grades,
        # whoever has the child itself knows the village by that already
        "village": bool(child.village) and child.village in staff.villages and child.standing != staff.key,
    }
    return [key for key in POINTS if found[key]]


def reasons(child, staff):
    """The same in words, for the row of a proposal; the grade is not said beside the class."""
    keys = speaks_for(child, staff)
    if "class_teacher" in keys or "teaches" in keys:
        keys = [key for key in keys if key != "same_grade"]
    return [WORDS[key].format(sex=SEXES.get(staff.sex, "")) for key in keys if key in WORDS]


def price(child, staff):
    """What a pair costs: never below 0."""
    return MOST - sum(POINTS[key] for key in speaks_for(child, staff))


def burden(staff, number):
    """What it costs that somebody has one child more, who is then the ``number``-th."""
    return EACH_MORE * (number - 1 + staff.posts - 1)


def total(choices, children, staff):
    """(children without anybody, children missing to minimums, cost) of an answer: smaller is better."""
    by_key = {one.key: one for one in staff}
    load = Counter({one.key: one.held for one in staff})
    cost = 0
    for child in children:
        chosen = choices[child.key]
        if chosen is not None:
            load[chosen] += 1
            cost += price(child, by_key[chosen]) + burden(by_key[chosen], load[chosen])
    missing = sum(max(one.minimum - load[one.key], 0) for one in staff)
    return sum(choices[child.key] is None for child in children), missing, cost


def faults(choices, children, staff):
    """What is wrong with an answer: (what, child or staff key); [] = within the quotas. Knows nothing of how it was found."""
    found = [("child_missing", child.key) for child in children if child.key not in choices]
    by_key = {one.key: one for one in staff}
    given = Counter(chosen for chosen in choices.values() if chosen is not None)
    for child in children:
        chosen = choices.get(child.key)
        if chosen is not None and (chosen not in by_key or chosen == child.unwanted):
            found.append(("not_to_be_paired", child.key))
        if chosen is None and any(given[one.key] < one.room and one.key != child.unwanted for one in staff):
            found.append(("place_left", child.key))
    found += [("above_maximum", one.key) for one in staff if given[one.key] > one.room]
    return found


def with_minimums(children, staff):
    """``staff`` with the minimums that bind: none where there are fewer children than all minimums ask for. Somebody stays
    below then whatever is done, and that is no reason to part siblings or to change a teacher.
    """
    wanting = sum(max(min(one.minimum, one.maximum) - one.held, 0) for one in staff)
    return staff if wanting <= len(children) else [replace(one, minimum=0) for one in staff]


def assign(children, staff):
    """The best assignment of ``children`` to ``staff``; see the head of this file for what is best."""
    children = sorted(children, key=lambda child: child.key)
    staff = with_minimums(children, sorted(staff, key=lambda one: one.key))
    families = _families(children)
    answer = _solve(children, staff, families)
    if not families or _as_good_as_can_be(answer, children, staff):
        return answer
    apart = _solve(children, staff, [])
    best = total(apart.choices, children, staff)[:2]
    if total(answer.choices, children, staff)[:2] == best:
        return answer
    kept, lost, answer = 0, len(families), apart
    while lost - kept > 1:
        middle = (kept + lost) // 2
        tried = _solve(children, staff, families[:middle])
        if total(tried.choices, children, staff)[:2] == best:
            kept, answer = middle, tried
        else:
            lost = middle
    answer.parted = _parted(answer.choices, families)
    return answer


def _families(children):
    """Families with at least two children to pair, the largest first."""
    found = {}
    for child in children:
        if child.family:
            found.setdefault(child.family, []).append(child)
    several = [members for members in found.values() if len(members) > 1]
    return sorted(several, key=lambda members: (-len(members), members[0].key))


def _as_good_as_can_be(answer, children, staff):
    """Whether nobody could do better on the first two aims, whatever the exclusions: a bound that needs no flow."""
    without, missing, _ = total(answer.choices, children, staff)
    places = sum(one.room for one in staff)
    wanting = sum(max(min(one.minimum, one.maximum) - one.held, 0) for one in staff)
    fewest = max(len(children) - places, 0)
    return without == fewest and missing == max(wanting - (len(children) - fewest), 0)


def _parted(choices, families):
    return [
        [member.key for member in members]
        for members in families
        if len({choices[member.key] for member in members}) > 1
    ]


def _solve(children, staff, families):
    """Families by size, then everybody else; families that find no place together are single children."""
    choices = {}
    loaded = list(staff)
    for size in sorted({len(members) for members in families}, reverse=True):
        same = [members for members in families if len(members) == size]
        for members, chosen in _families_flow(same, size, loaded):
            choices |= {member.key: chosen for member in members}
        loaded = _loaded(staff, choices)
    single = [child for child in children if child.key not in choices]
    choices |= _children_flow(single, loaded)
    ordered = {child.key: choices[child.key] for child in children}
    return Assignment(ordered, _parted(ordered, families))


def _loaded(staff, choices):
    given = Counter(choices.values())
    return [replace(one, held=one.held + given[one.key]) for one in staff]


# --- the flows ---------------------------------------------------------------------------------------------------------

SINK = ("all",)


def _run(graph, supplies):
    """The flow by node and next node."""
    graph.add_node(SINK, demand=supplies)
    _, flow = nx.network_simplex(graph)
    return flow


def _families_flow(families, size, staff):
    """[(members, staff key)] of the families that found a teacher with room for all of them."""
    graph = nx.DiGraph()
    nobody = 1 + (len(families) + 1) * size * (MOST + EACH_MORE * 200)
    for number, members in enumerate(families):
        graph.add_node(("family", number), demand=-1)
        graph.add_edge(("family", number), SINK, weight=nobody, capacity=1)
        for one in staff:
            if one.room >= size and all(member.unwanted != one.key for member in members):
                cost = sum(price(member, one) for member in members)
                graph.add_edge(("family", number), ("staff", one.key), weight=cost, capacity=1)
    for one in staff:
        for place in range(one.room // size):
            first = one.held + place * size + 1
            weight = sum(burden(one, number) for number in range(first, first + size))
            graph.add_edge(("staff", one.key), ("place", one.key, place), weight=0, capacity=1)
            graph.add_edge(("place", one.key, place), SINK, weight=weight, capacity=1)
    flow = _run(graph, len(families))
    found = []
    for number, members in enumerate(families):
        to = next(node for node, units in flow["family", number].items() if units)
        if to != SINK:
            found.append((members, to[1]))
    return found


def _children_flow(children, staff):
    """{child key: staff key or None}. Pairs without anything of their own run through hubs (all of a grade, a school, a sex
    that was asked for): the same flow with few arcs. A child who does not want somebody has an arc to each other.
    """
    graph = nx.DiGraph()
    by_key = {one.key: one for one in staff}
    close = _close_staff(staff)
    missed = 1 + (len(children) + 1) * (MOST + EACH_MORE * 200)  # one minimum weighs more than all costs
    nobody = missed * (len(children) + 2)  # and one child more than all minimums
    for child in children:
        node = ("child", child.key)
        graph.add_node(node, demand=-1)
        graph.add_edge(node, SINK, weight=nobody, capacity=1)
        if child.unwanted:
            direct = [one for one in staff if one.key != child.unwanted]
        else:
            direct = [by_key[key] for key in _own(child, close) if key in by_key]
            for hub, speaking in _hubs(child):
                weight = MOST - sum(POINTS[key] for key in speaking)
                graph.add_edge(node, hub, weight=weight, capacity=1)
        for one in direct:
            if one.room:
                graph.add_edge(node, ("staff", one.key), weight=price(child, one), capacity=1)
    hubs = [node for node in graph if node[0] == "hub"]
    for hub in hubs:
        for one in staff:
            if one.room and _in_hub(one, hub):
                graph.add_edge(hub, ("staff", one.key), weight=0)
    for one in staff:
        for number in range(one.held + 1, one.held + one.room + 1):
            weight = burden(one, number) - (missed if number <= one.minimum else 0)
            graph.add_edge(("staff", one.key), ("place", one.key, number), weight=0, capacity=1)
            graph.add_edge(("place", one.key, number), SINK, weight=weight, capacity=1)
    flow = _run(graph, len(children))
    return _read(children, flow, hubs)


def _close_staff(staff):
    """Staff by what ties them to a child: ("class", key), ("village", name)."""
    close = {}
    for one in staff:
        for school_class in sorted(one.leads | one.teaches):
            close.setdefault(("class", school_class), []).append(one.key)
        for village in sorted(one.villages):
            close.setdefault(("village", village), []).append(one.key)
    return close


def _own(child, close):
    """Keys of staff for whom more speaks than grade and school, each once."""
    keys = [child.wanted, child.standing, child.before, *sorted(child.siblings_with)]
    if child.school_class:
        keys += close.get(("class", child.school_class), [])
    if child.village:
        keys += close.get(("village", child.village), [])
    return [key for key in dict.fromkeys(keys) if key]


def _hubs(child):
    """[(hub, what speaks for everybody in it)]; a pair's own arc is never dearer than its way through a hub."""
    for school, grade, sex in product((0, child.school), (None, child.grade), ("", child.sex)):
        speaking = {"same_school": school, "same_grade": grade is not None, "sex": sex}
        yield ("hub", school, grade, sex), [key for key, so in speaking.items() if so]


def _in_hub(staff, hub):
    _, school, grade, sex = hub
    return (
        (not school or school in staff.schools)
        and (grade is None or grade in staff.grades)
        and (not sex or sex == staff.sex)
    )


def _read(children, flow, hubs):
    """Who goes to whom. Through a hub all ways cost the same, so its children take its staff in order."""
    leaving = {hub: [node[1] for node, units in flow[hub].items() for _ in range(units)] for hub in hubs}
    taken = Counter()
    found = {}
    for child in children:
        to = next(node for node, units in flow["child", child.key].items() if units)
        if to == SINK:
            found[child.key] = None
        elif to[0] == "staff":
            found[child.key] = to[1]
        else:
            found[child.key] = leaving[to][taken[to]]
            taken[to] += 1
    return found
