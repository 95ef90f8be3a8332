"""The county's board: schools compared rule by rule. Counts only; no person stands on it, neither child nor teacher.

Figures beyond a school use the county's rules (or what it approved in their place). A closed month is read as it was
closed; changes afterwards stand apart.
"""

from dataclasses import dataclass, field
from datetime import date
from statistics import median

from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q
from django.urls import reverse
from django.utils.http import urlencode

from activities.ledger import Counts, Ledger
from activities.models import Measure, MonthlyCheck, Strength, Subject
from registry import access
from registry.access import Act
from registry.calendar import CalendarNotConfirmed, month_end, previous_month
from registry.models import School, SchoolClass

from . import figures

GOAL = 80  # per cent: where a school is one to help first
MONTHS_OFFERED = 12
CHART_FROM = 5  # fewer schools make no picture


@dataclass
class Cell:
    """One rule at one school: coverage beside what was entered late, and its address."""

    counts: Counts
    url: str
    marks: bool = True  # a class of eight children is no place for red figures

    @property
    def rate(self):
        """完成率 in per cent, None where nothing was due."""
        return figures.percent(self.counts.coverage)

    @property
    def fulfilment(self):
        """应做次数完成率, where it says more than coverage."""
        return figures.percent(self.counts.fulfilment)

    @property
    def low(self):
        """Below the line."""
        return self.marks and self.rate is not None and self.rate < GOAL


@dataclass
class SchoolRow:
    """One school (or the total) in the comparison."""

    school: School | None
    head_count: int
    cells: list
    missed: int
    change: float | None  # against the month before, first rule, in per cent points
    amended: int = 0
    url: str = ""


@dataclass
class Strip:
    """One rule's distribution: a dot per school on one scale."""

    rule: object
    dots: list  # [(x, y, name, rate, url, low)]
    middle: float
    middle_x: float
    goal_x: float
    below: int
    start: int


@dataclass
class CountyBoard:
    """What the page shows."""

    county: object
    month: date
    today: date
    closed: bool = False
    closes_at: object = None
    months: list = field(default_factory=list)
    rules: list = field(default_factory=list)
    rows: list = field(default_factory=list)
    total: SchoolRow | None = None
    outside: SchoolRow | None = None  # centers that no school runs
    strips: list = field(default_factory=list)
    head: object = None
    amended: int = 0
    unconfirmed: str = ""


def scope_of(user):
    """(county, queryset of schools, whether they are the whole county). 403 without the function."""
    posts = [
        post
        for post in access.posts_of(user)
        if Act.SEE_COUNTY_BOARD in access.TABLE[post.kind].acts and post.school_id is None
    ]
    if not posts:
        raise PermissionDenied("您的岗位没有这项功能")
    schools = School.objects.visible_to(user).filter(
        pk__in=access.schools_for(user, Act.SEE_COUNTY_BOARD).values("pk")
    )
    county = posts[0].staff.county
    whole = any(post.district_id is None for post in posts)
    return county, schools.filter(county=county).select_related("district"), whole


def closed_and_running(county, today):
    """Months the board offers, newest first: the running one and the last closed ones. One query."""
    closed = MonthlyCheck.objects.filter(
        county=county, closed_at__isnull=False, month__lt=today.replace(day=1)
    )
    months = list(closed.order_by("-month").values_list("month", flat=True)[:MONTHS_OFFERED])
    offered = [today.replace(day=1)]
    if previous_month(today) not in months:
        offered.append(previous_month(today))
    return offered + months, set(months)


def county_board(county, schools, *, today, month=None, offered=None, whole=False):
    """Schools of ``schools`` (rows) compared for ``month``: the last closed one unless asked.

    ``whole``: they are all of the county, so that figures need not name them; centers run by townships or the
    federation then stand beside them.
    """
    months, closed = offered or closed_and_running(county, today)
    if month not in months:
        month = next((one for one in months if one in closed), months[0])
    board = CountyBoard(county, month, today, closed=month in closed, months=months)
    by_id = {school.pk: school for school in schools}
    scope = None if whole else set(by_id)
    day = min(month_end(month), today)
    board.head = figures.head_count(county, day, schools=scope, by_class=False)
    before = previous_month(month)
    stored = {one for one in (month, before) if one in closed}
    ledger = None if board.closed else Ledger(county)
    found = {}
    if stored:
        known = ledger.rules if ledger else ()
        found = figures.closed_counts(county, sorted(stored), schools=scope, known=known, by_class=False)
    if ledger is not None:
        try:
            found[month] = figures.duty_counts(county, month, schools=scope, ledger=ledger)
        except CalendarNotConfirmed as refusal:
            board.unconfirmed = str(refusal)
            return board
        board.closes_at = found[month].closes_at
    amended = (
        _beyond(figures.amendments(county, month, schools=scope)).values("school").annotate(n=Count("pk"))
    )
    amended = {row["school"]: row["n"] for row in amended} if board.closed else {}
    board.amended = sum(amended.values())
    _fill(board, by_id, found[month], found.get(before), amended)
    return board


def _beyond(amendments):
    """Those of rules whose figures leave the school (``figures.compared``)."""
    replaced = Q(rule__replaces_county=True, rule__approved_by_county_at__isnull=False)
    return amendments.filter(Q(rule__owner=None) | replaced).order_by()


def _fill(board, by_id, now, before, amended):
    counts = {key: numbers for key, numbers in now.by_school().items() if key[0] is None or key[0] in by_id}
    earlier = before.by_school() if before else {}
    earlier = {key: numbers for key, numbers in earlier.items() if key[0] is None or key[0] in by_id}
    codes = {code for _, code in counts}
    rules = figures.one_per_label(rule for rule in now.rules if figures.compared(rule))
    seen = {}
    for rule in rules:
        if rule.code in codes and rule.strength != Strength.INFORM:
            seen.setdefault(rule.code, rule)
    board.rules = list(seen.values())
    first = headline(board.rules)
    for pk, school in by_id.items():
        board.rows.append(_row(board, school, pk, counts, earlier, first, amended.get(pk, 0)))
    if any(pk is None for pk, _ in counts):
        board.outside = _outside(board, counts, amended)
    board.total = _total(board, counts, earlier, first, amended)
    board.strips = [strip for rule in board.rules if (strip := _strip(board, rule))]


def headline(rules):
    """The rule of the first sentence: the first must duty about children that is done, not stood."""
    return next(
        (
            rule for rule in rules
            if rule.subject == Subject.CHILD and rule.measure == Measure.RECORDS and rule.strength == Strength.MUST
        ),
        rules[0] if rules else None,
    )  # fmt: skip


def school_url(school, month):
    """Address of one school's classes in a month."""
    return reverse("reports:county_school", args=[school.uid]) + "?" + urlencode({"month": f"{month:%Y-%m}"})


def _row(board, school, pk, counts, earlier, first, amended):
    url = school_url(school, board.month)
    cells = [Cell(counts.get((pk, rule.code), Counts()), f"{url}&rule={rule.code}") for rule in board.rules]
    missed = _missed(board.rules, cells)
    change = _change(counts.get((pk, first.code)), earlier.get((pk, first.code))) if first else None
    return SchoolRow(school, board.head.at_school(pk), cells, missed, change, amended, url)


def _outside(board, counts, amended):
    cells = [Cell(counts.get((None, rule.code), Counts()), "") for rule in board.rules]
    return SchoolRow(None, 0, cells, _missed(board.rules, cells), None, amended.get(None, 0))


def _total(board, counts, earlier, first, amended):
    def together(numbers, code):
        return sum((one for (_, found), one in numbers.items() if found == code), Counts())

    cells = [Cell(together(counts, rule.code), "") for rule in board.rules]
    change = _change(together(counts, first.code), together(earlier, first.code)) if first else None
    return SchoolRow(
        None, board.head.total, cells, _missed(board.rules, cells), change, sum(amended.values())
    )


def _change(now, before):
    if now is None or before is None or now.coverage is None or before.coverage is None:
        return None
    return round((now.coverage - before.coverage) * 100, 1)


WIDTH, MIDDLE, RADIUS = 600, 40, 7


def _strip(board, rule):
    at = board.rules.index(rule)
    known = [(row.cells[at].rate, row) for row in board.rows if row.cells[at].rate is not None]
    if len(known) < CHART_FROM:
        return None
    start = 0 if min(rate for rate, _ in known) < 40 else 40

    def x(rate):
        return round(12 + (rate - start) / (100 - start) * (WIDTH - 24), 1)

    taken, dots = {}, []
    for rate, row in sorted(known, key=lambda pair: pair[0]):
        # Dots that would cover each other stand above and below.
        slot = round(x(rate) / (RADIUS * 2))
        taken[slot] = taken.get(slot, 0) + 1
        step = taken[slot] // 2 * (1 if taken[slot] % 2 else -1)
        y = MIDDLE + max(-2, min(2, step)) * (RADIUS * 2)
        dots.append((x(rate), y, row.school.name, rate, row.cells[at].url, rate < GOAL))
    middle = round(median(rate for rate, _ in known), 1)
    below = sum(rate < GOAL for rate, _ in known)
    return Strip(rule, dots, middle, x(middle), x(GOAL), below, start)


SORTS = {"missed": "未完成多的在前", "name": "按校名", "code": "按学校编号"}


def in_order(rows, sort):
    """Rows in the order asked for: who needs help first, unless asked otherwise."""
    if sort == "name":
        return sorted(rows, key=lambda row: row.school.name_key)
    if sort == "code":
        return sorted(rows, key=lambda row: row.school.code)
    return sorted(rows, key=lambda row: (-row.missed, row.school.code))


@dataclass
class ClassRow:
    """One class of a school: head-count and a cell per rule. No names."""

    name: str
    head_count: int
    cells: list
    missed: int


@dataclass
class SchoolFigures:
    """One school by class, for the county: counts only."""

    month: date
    closed: bool
    closes_at: object
    rules: list
    rows: list
    total: ClassRow
    amended: int
    head: object


def school_figures(county, school, month, *, today):
    """The drill-down of one school. Raises CalendarNotConfirmed."""
    counts = figures.duty_counts(county, month, schools={school.pk})
    head = figures.head_count(county, min(month_end(month), today), schools={school.pk})
    rules = {}
    for rule in figures.one_per_label(rule for rule in counts.rules if figures.compared(rule)):
        rules.setdefault(rule.code, rule)
    numbers, places = {}, set()
    for (rule, _, class_id), one in counts.counts.items():
        if figures.compared(rule):
            key = class_id, rule.code
            numbers[key] = numbers.get(key, Counts()) + one
            places.add((class_id, rule.subject))
    in_classes = {class_id for class_id, _ in places} | {class_id for _, class_id in head.by_place}
    classes = SchoolClass.objects.filter(pk__in=in_classes - {None}).select_related("school")
    known = {one.pk: one for one in classes}
    order = sorted(in_classes, key=lambda pk: figures.class_order(known.get(pk), school))
    rows = []
    for pk in order:
        cells = [Cell(numbers.get((pk, code), Counts()), "", marks=False) for code in rules]
        # A center or a school owes beside the classes; children without a class are counted there too.
        name = known[pk].name_on(month_end(month)) if pk else "不分班的（之家、还没分班的孩子）"
        rows.append(ClassRow(name, head.in_class(pk), cells, _missed(rules.values(), cells)))
    cells = [
        Cell(sum((one for (_, found), one in numbers.items() if found == code), Counts()), "")
        for code in rules
    ]
    total = ClassRow("合计", head.total, cells, _missed(rules.values(), cells))
    amended = (
        _beyond(figures.amendments(county, counts.month, schools={school.pk})).count() if counts.closed else 0
    )
    return SchoolFigures(
        counts.month, counts.closed, counts.closes_at, list(rules.values()), rows, total, amended, head
    )


def _missed(rules, cells):
    return sum(
        cell.counts.missed for rule, cell in zip(rules, cells, strict=True) if rule.strength == Strength.MUST
    )
