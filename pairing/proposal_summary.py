"""What a proposal (结对方案) says as it stands now: against today's pairings and the quotas, by child and by teacher.

Computed when it is looked at, so it holds after every adjustment, and after a quota was changed. Constant in statements.
"""

from dataclasses import dataclass, field

from registry.models import PostKind

from .models import Pairing
from .situation import CHILD_SECRETS, able_staff, held_elsewhere, homes_of, seats_of

# How a row stands against the pairings of the day it would begin.
KEPT, CHANGED, FRESH, WITHOUT = "kept", "changed", "fresh", "without"
FURTHEST_RAISE = 20  # places more per person that still make a proposal of a remedy


@dataclass
class Line:
    """One child: the row, its seat, who answers for it now (or None), and how the two compare."""

    row: object
    seat: object
    now: object
    class_name: str

    @property
    def state(self):
        """``KEPT``, ``CHANGED``, ``FRESH`` or ``WITHOUT``."""
        if self.row.staff_id is None:
            return WITHOUT
        if self.now is None:
            return FRESH
        return KEPT if self.now.pk == self.row.staff_id else CHANGED

    @property
    def order(self):
        """By class, those without a class last."""
        seat = self.seat
        key = (1, 0, 0) if seat is None or seat.school_class is None else (
            0, seat.school_class.grade_on(self.row.proposal.starts_on), seat.school_class.number,
        )  # fmt: skip
        return seat.school.code if seat else "", *key, self.row.child.name_key, self.row.child_id


@dataclass
class Share:
    """One teacher: the load that applies, the lines of the proposal, and how many children there will be."""

    load: object
    lines: list = field(default_factory=list)
    others: int = 0  # children who stay beside the proposal's rows: at another school, or left where they are

    @property
    def after(self):
        """Children once the proposal is adopted."""
        return len(self.lines) + self.others

    @property
    def over(self):
        """Children above the maximum."""
        return max(self.after - self.load.maximum, 0)

    @property
    def under(self):
        """Children below the minimum."""
        return max(self.load.minimum - self.after, 0)

    @property
    def room(self):
        """Places left."""
        return max(self.load.maximum - self.after, 0)


class Summary:
    """``lines`` by class and name, ``shares`` by staff id in pinyin order, ``parted`` siblings, ``remedies`` of a shortage."""

    def __init__(self, proposal):
        day = proposal.starts_on
        rows = list(
            proposal.rows.select_related("child", "staff").defer(
                *(f"child__{name}" for name in CHILD_SECRETS)
            )
        )
        children = [row.child_id for row in rows]
        seats = {
            seat.child_id: seat
            for seat in seats_of(proposal.school, day)
            .filter(child__in=children)
            .select_related("school", "school_class__school")
        }
        ties = Pairing.objects.primary().on(day).filter(child__in=children).select_related("staff")
        now = {tie.child_id: tie.staff for tie in ties}
        self.lines = []
        for row in rows:
            row.proposal = proposal
            seat = seats.get(row.child_id)
            self.lines.append(Line(row, seat, now.get(row.child_id), _class_name(seat, day)))
        self.lines.sort(key=lambda line: line.order)
        self.shares = {key: Share(load) for key, load in able_staff(proposal.school, day).items()}
        for key, number in held_elsewhere(self.shares, children, day).items():
            self.shares[key].others = number
        self.gone = []  # lines whose teacher has no post any more
        for line in self.lines:
            self._share(line)
        homes = homes_of(children, day)
        self.parted = _parted(self.lines, homes)

    def _share(self, line):
        key = line.row.staff_id
        if key in self.shares:
            self.shares[key].lines.append(line)
        elif key is not None:
            self.gone.append(line)
        elif line.now is not None and line.now.pk in self.shares:
            self.shares[line.now.pk].others += 1  # whoever gets nobody else keeps the present one

    def number(self, state):
        """Lines in this state."""
        return sum(line.state == state for line in self.lines)

    @property
    def by_hand(self):
        """Lines that somebody set by hand."""
        return sum(line.row.by_hand for line in self.lines)

    @property
    def over(self):
        """Shares above the maximum."""
        return [share for share in self.shares.values() if share.over]

    @property
    def under(self):
        """Shares below the minimum."""
        return [share for share in self.shares.values() if share.under]

    @property
    def short(self):
        """Children without anybody: [(class, how many)] in the order of classes."""
        found = {}
        for line in self.lines:
            if line.state == WITHOUT:
                found[line.class_name] = found.get(line.class_name, 0) + 1
        return list(found.items())

    @property
    def remedies(self):
        """What would make room for everybody: one quota to raise in each, the smallest raise first."""
        missing = self.number(WITHOUT)
        groups = {}
        for share in self.shares.values():
            if not share.load.own:
                quota = share.load.quota
                groups.setdefault((quota.pk if quota else 0), []).append(share)
        found = []
        for shares in groups.values():
            for more in range(1, FURTHEST_RAISE + 1):
                places = sum(max(one.load.maximum + more - one.after, 0) - one.room for one in shares)
                if places >= missing:
                    found.append((more, -len(shares), _remedy(shares, more)))
                    break
        return [words for *_, words in sorted(found)[:3]] if missing else []


def _remedy(shares, more):
    load = shares[0].load
    kind = load.quota.post_kind if load.quota else ""
    whom = f"“{PostKind(kind).label}”" if kind else "“全校每位教职工”"
    return f"把{whom}（{len(shares)} 人）的名额从最多 {load.maximum} 个提到 {load.maximum + more} 个"


def _class_name(seat, day):
    if seat is None:
        return "已不在校或不在册"
    return seat.school_class.name_on(day) if seat.school_class else "还没分班"


def _parted(lines, homes):
    """[[line, …]] of siblings whom the proposal gives to different teachers."""
    families = {}
    for line in lines:
        if line.row.child_id in homes:
            families.setdefault(homes[line.row.child_id], []).append(line)
    return [some for some in families.values() if len({line.row.staff_id for line in some}) > 1]
