"""Boards: what a leading group, a grade head and the county see at once. Each number is a link to its list.

Which schools and classes a board covers is asked of ``registry.access``; what stands on it, of ``figures``.
"""

from dataclasses import dataclass, field
from datetime import date, timedelta
from urllib.parse import urlencode

from django.core.exceptions import PermissionDenied
from django.db.models import Exists, F, Func, IntegerField, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.http import Http404
from django.urls import reverse
from django.utils import timezone

from activities.ledger import Counts, Ledger
from activities.meetings import open_follow_ups
from activities.models import (
    DropoutCase,
    DutyRule,
    Excuse,
    Measure,
    MonthlyCheck,
    State,
    Strength,
    Subject,
    Tally,
)
from activities.today import WARN_FROM_DAY
from pairing.models import Transfer, TransferState
from registry import access, completeness, reminders
from registry.access import Act, Reach
from registry.calendar import CalendarNotConfirmed, month_end, previous_month, school_year_of
from registry.models import (
    ALARM_TRAITS,
    GRADE_NAMES,
    Child,
    Enrollment,
    HeldRow,
    OpenQuestion,
    Post,
    PostKind,
    School,
    SchoolClass,
    Staff,
    Trait,
    TraitKind,
)
from registry.screenings.counts import waiting_classes

from . import figures

HELP_FIRST = 8
LAST = ("met", "met_late", "excused", "missed")


# --- what a board covers ---------------------------------------------------------------------------------------------


@dataclass
class Board:
    """One school's board: the school with its 教学点, or only some of its classes (a grade)."""

    county: object
    school: School
    schools: list  # the school and its 教学点
    roots: list  # schools the reader may choose from
    classes: set | None = None  # ids; None = all
    grades: list = field(default_factory=list)
    facts: School | None = None  # the school's row with the numbers asked for beside

    @property
    def school_ids(self):
        """Ids of its schools."""
        return {school.pk for school in self.schools}

    @property
    def scope(self):
        """What figures are asked for."""
        return {"schools": self.school_ids, "classes": self.classes}

    @property
    def name(self):
        """石门小学, or 石门小学四年级."""
        return f"{self.school.name}{'、'.join(GRADE_NAMES.get(grade, '') for grade in self.grades)}"

    def url(self, page, *args, **query):
        """Address of a page of this board."""
        if len(self.roots) > 1:
            query["school"] = self.school.uid
        query = {key: value for key, value in query.items() if value not in (None, "")}
        return reverse(f"reports:{page}", args=args) + (f"?{urlencode(query)}" if query else "")

    def list_url(self, month, rule=None, state=None, **more):
        """Address of the list behind a number."""
        return self.url("duty_list", month=f"{month:%Y-%m}", rule=rule, state=state, **more)


def board_of(user, uid=None, *, numbers=None):
    """The board of the school ``uid`` (the first of the reader's, if none is named).

    ``numbers(board)`` gives annotations read in the same query. 403 without the function, 404 for a foreign school.
    """
    posts = [
        post
        for post in access.posts_of(user)
        if post.school_id and Act.SEE_DASHBOARD in access.TABLE[post.kind].acts
    ]
    if not posts:
        raise PermissionDenied("您的岗位没有这项功能")
    roots = list({post.school_id: post.school for post in posts}.values())
    school = next((one for one in roots if str(one.uid) == str(uid)), None) if uid else roots[0]
    if school is None:
        raise Http404("没有这所学校")
    here = [post for post in posts if post.school_id == school.pk]
    board = Board(posts[0].staff.county, school, [school], roots)
    if all(access.TABLE[post.kind].children == Reach.OWN_GRADE for post in here):
        board.grades = sorted({post.grade for post in here})
        running = SchoolClass.objects.visible_to(user).filter(school=school).select_related("school")
        board.classes = {one.pk for one in running if one.grade_on() in board.grades}
    rows = School.objects.visible_to(user).filter(Q(pk=school.pk) | Q(managing_school=school.pk))
    if numbers is not None:
        rows = rows.annotate(**numbers(board))
    board.schools = sorted(rows, key=lambda one: (one.pk != school.pk, one.code))
    board.facts = board.schools[0]
    return board


def _number(rows, of="pk", distinct=False):
    """How many ``rows`` there are, as a scalar beside another query."""
    template = "%(function)s(DISTINCT %(expressions)s)" if distinct else "%(function)s(%(expressions)s)"
    counted = Func(F(of), function="COUNT", template=template, output_field=IntegerField())
    return Subquery(rows.order_by().annotate(counted=counted).values("counted"), output_field=IntegerField())


# --- 等您办 ----------------------------------------------------------------------------------------------------------


def waiting_numbers(user, today):
    """Annotations of what waits at a board's schools; read with the board itself."""

    def numbers(board):
        schools = School.objects.filter(Q(pk=board.school.pk) | Q(managing_school=board.school.pk)).values(
            "pk"
        )
        seats = Enrollment.objects.on(today).filter(school__in=schools)
        if board.classes is not None:
            seats = seats.filter(school_class__in=board.classes)
        here = seats.values("child")
        listed = figures.listed_seats(board.county, today, classes=board.classes).filter(school__in=schools)
        teachers = Post.objects.on(today).filter(kind=PostKind.CLASS_TEACHER, school_class=OuterRef("pk"))
        vacant = SchoolClass.objects.filter(~Exists(teachers), pk__in=listed.values("school_class"))
        excuses = Excuse.objects.filter(
            school__in=schools, approved_at=None, refused_at=None, revoked_at=None
        ).exclude(requested_by=user)
        claims = Trait.objects.valid().filter(
            kind=TraitKind.PARENTS_UNREACHABLE, approved_at=None, child__in=here
        )
        questions = OpenQuestion.objects.filter(answered_at=None, child__in=listed.values("child"))
        alarms = Trait.objects.on(today).filter(kind__in=ALARM_TRAITS, child__in=here)
        checked = MonthlyCheck.objects.filter(
            county=board.county, month=previous_month(today), closed_at__isnull=False
        )
        return {
            "n_listed": _number(listed, "child", distinct=True),
            "n_excuses": _number(excuses),
            "n_claims": _number(claims),
            "n_held": _number(HeldRow.objects.filter(batch__school__in=schools, done_at=None)),
            "n_questions": _number(questions, "child", distinct=True),
            "n_incomplete": _number(
                completeness.lacking(Child.objects.filter(pk__in=listed.values("child")))
            ),
            "n_screening": _number(waiting_classes(schools)),
            "n_alarms": _number(alarms, "child", distinct=True),
            "n_vacant": _number(vacant),
            **{
                f"n_{key}": _number(Child.objects.filter(case, pk__in=here))
                for key, case in reminders.cases(today).items()
            },
            "n_decided": _number(open_follow_ups(activity__school__in=schools)),
            "n_absent": _number(DropoutCase.objects.filter(child__in=here, closed_on=None)),
            "n_arriving": _number(Transfer.objects.filter(to_school__in=schools, state=TransferState.SENT)),
            "last_closed": Exists(checked),
        }

    return numbers


@dataclass(frozen=True)
class Waiting:
    """One thing that waits for the reader: a number, what it is, what to do first."""

    number: int
    what: str
    hint: str
    act: str
    url: str
    hot: bool = False


def waiting(board, user, overview):
    """等您办: only what the reader's posts let them settle, the urgent first."""
    facts, found = board.facts, []

    def may(act):
        return access.may(user, act, school=board.school)

    def add(number, *rest, hot=False):
        if number:
            found.append(Waiting(number, *rest, hot=hot))

    children = reverse("registry:child_list")
    if may(Act.EDIT_CHILDREN) or board.classes is not None:
        add(
            facts.n_alarms, "个孩子没有人照看", "无人监护或独居，今天就要有人去", "看名单",
            f"{children}?show=alarm", hot=True,
        )  # fmt: skip
    if may(Act.EDIT_CHILDREN):
        add(
            facts.n_absent, "个孩子没到校", "看下一步该做什么，劝返要快", "看名单",
            reverse("activities:dropout_list"), hot=True,
        )  # fmt: skip
    if may(Act.ASSIGN_PAIRINGS):
        add(
            overview.without_pairing, "个孩子没有包保教师", "指定一位教师，责任才有人担", "去指定",
            reverse("pairing:pairing_list"), hot=True,
        )  # fmt: skip
    if may(Act.MANAGE_STAFF):
        add(
            facts.n_vacant, "个班没有班主任", "班里有在册的孩子，先定一位班主任", "去安排",
            reverse("registry:staff_list"), hot=True,
        )  # fmt: skip
    if may(Act.APPROVE_EXCUSE):
        add(
            facts.n_excuses,
            "份豁免申请待批",
            "自己提的要由别人批",
            "去审批",
            reverse("activities:excuse_list"),
        )
    if may(Act.CONFIRM_UNREACHABLE):
        add(
            facts.n_claims, "个孩子报了家长联系不上", "看过三次联系的记录再批", "去审批",
            reverse("activities:excuse_list"),
        )  # fmt: skip
    if may(Act.IMPORT_ROSTER):
        add(
            facts.n_arriving, "个孩子等您接收", "别的学校转来的，接收了才归您管", "去接收",
            reverse("pairing:transfer_list"), hot=True,
        )  # fmt: skip
        add(facts.n_held, "行花名册待改", "改好再导入，孩子才进名册", "去改", reverse("registry:import_list"))
    if may(Act.EDIT_CHILDREN):
        add(
            facts.n_questions, "个孩子有事待核实", "问清楚填上，名册就准了", "看名单",
            f"{children}?show=questions",
        )  # fmt: skip
        add(
            facts.n_incomplete, "份档案不全", "缺什么、去哪里补都列着", "去补",
            reverse("registry:completeness"),
        )  # fmt: skip
    if may(Act.HAND_IN_SCREENING):
        add(
            facts.n_screening, "个班的摸底还没交", "都交了，学校才能上报", "看各班",
            reverse("registry:screening_home"),
        )  # fmt: skip
    if may(Act.HOLD_MEETINGS):
        add(
            facts.n_decided, "件会上定下的事没办完", "谁来做、到哪天，一件件看", "去看",
            reverse("activities:meeting_list", args=[board.school.uid]),
        )  # fmt: skip
    if may(Act.SEE_REGISTERS):
        numbers = {key: getattr(facts, f"n_{key}") for key in ("agreements", "reviews", "demands")}
        for one in reminders.of_numbers(numbers):
            add(one.number, one.what, one.hint, one.act, one.url)
    if overview.unconfirmed and may(Act.MANAGE_SCHOOL_DAYS):
        add(
            1,
            "个学年的校历没有确认",
            "县里确认以前不能核对",
            "看校历",
            reverse("registry:calendar"),
            hot=True,
        )
    return found


# --- the first page --------------------------------------------------------------------------------------------------


@dataclass
class RuleRow:
    """One duty on a board: how it stands, and the addresses behind its numbers."""

    rule: DutyRule
    kind: str
    per: str
    counts: Counts
    urls: dict
    last: Counts | None = None
    last_url: str = ""
    until: date | None = None  # of a longer period: its last day

    @property
    def strive(self):
        """提倡: stands apart, never scored."""
        return self.rule.strength == Strength.STRIVE

    @property
    def noun(self):
        """What one duty is about."""
        return {"child": "个孩子", "center": "个之家", "staff": "位教师", "class": "个班"}.get(
            self.rule.subject, "项"
        )


@dataclass
class Overview:
    """What the first page of a board shows."""

    today: date
    month: date
    last_month: date
    rows: list = field(default_factory=list)
    longer: list = field(default_factory=list)
    help_first: list = field(default_factory=list)
    help_total: int = 0
    without_pairing: int = 0
    unconfirmed: str = ""
    last_closed: bool = False
    last_closes_at: object = None

    @property
    def days_left(self):
        """Days until the month ends."""
        return (month_end(self.today) - self.today).days

    @property
    def warns(self):
        """From the 20th on, what would be missed is shown."""
        return self.today.day >= WARN_FROM_DAY

    @property
    def would_be_missed(self):
        """Rows with duties that are open and whose period ends with this month."""
        return [row for row in self.rows if row.counts.upcoming and not row.strive]

    @property
    def last_closes_on(self):
        """The last day on which last month's check takes entries."""
        return timezone.localdate(self.last_closes_at - timedelta(seconds=1)) if self.last_closes_at else None

    @property
    def months_end(self):
        """The last day of the month."""
        return month_end(self.today)


def overview(board, user, *, now=None):
    """The first page: duties of this month and last, longer ones on their way, children to help first."""
    ledger = Ledger(board.county, now=now, rules=[])
    today, month = ledger.today, ledger.today.replace(day=1)
    last = previous_month(today)
    ledger.rules = _rules_with_last_month(board, last)
    page = Overview(today, month, last, last_closed=board.facts.last_closed)
    try:
        ledger.calendar.require_confirmed(month)
    except CalendarNotConfirmed as refusal:
        page.unconfirmed = str(refusal)
        return page
    page.last_closes_at = ledger.calendar.closing_at(last)
    longer = figures.longer_items(ledger)
    of_month, of_longer, of_last = _judged_now(board, ledger, page, longer)
    this = figures.live_counts(board.county, month, ledger.calendar.closing_at(month), of_month)
    before = (
        _last_from_tallies(ledger.rules)
        if page.last_closed
        else figures.live_counts(board.county, last, page.last_closes_at, of_last).by_rule()
    )
    for rule in this.rules:
        row = rule_row(board, rule, this.by_rule()[rule.label], month)
        row.last = before.get(rule.label)
        row.last_url = board.list_url(last, rule=rule.label, state=figures.DUE)
        page.rows.append(row)
    for rule, counts in _by_version(of_longer):
        item = next(item for item in longer if item.rule.pk == rule.pk)
        row = rule_row(board, rule, counts, item.period.month)
        row.until = item.period.end
        page.longer.append(row)
    needing = figures.who_needs_help(_of_teachers(of_month + of_last))
    page.help_total = len(needing)
    page.help_first = help_rows(needing[:HELP_FIRST], user, today)
    page.without_pairing = sum(
        duty.is_open
        for duty in of_month
        if duty.rule.measure == Measure.OPEN_PRIMARY_PAIRINGS and duty.rule.subject == Subject.CHILD
    )
    return page


def needing_help(board, *, now=None):
    """(page, every child with an open duty, most open first): the whole of 先帮这几个孩子."""
    ledger = Ledger(board.county, now=now)
    page = Overview(ledger.today, ledger.today.replace(day=1), previous_month(ledger.today))
    if not _confirmed(ledger, page.month):
        page.unconfirmed = str(CalendarNotConfirmed(school_year_of(page.month)))
        return page, []
    page.last_closed = bool(figures.closed_months(board.county, [page.last_month]))
    of_month, _, of_last = _judged_now(board, ledger, page, [])
    return page, figures.who_needs_help(_of_teachers(of_month + of_last))


def _of_teachers(duties):
    """Duties that a record settles. An open pairing is settled by the leader and stands under 等您办."""
    return [duty for duty in duties if duty.rule.measure == Measure.RECORDS]


def _judged_now(board, ledger, page, longer):
    """Duties of this month, of longer periods, and of the month before while it is not closed: one look for all."""
    items = ledger.items_of_month(page.month, holder_on=page.today)
    earlier = []
    if not page.last_closed and _confirmed(ledger, page.last_month):
        earlier = ledger.items_of_month(page.last_month, holder_on=page.today)
    duties = figures.judged(ledger, [*items, *longer, *earlier], **board.scope)
    return _parted(duties, items, longer)


def _confirmed(ledger, month):
    try:
        ledger.calendar.require_confirmed(month)
    except CalendarNotConfirmed:
        return False
    return True


def _parted(duties, items, longer):
    """Duties of this month, of longer periods, of the month before: by the item that each belongs to."""
    of_month, of_longer = {id(item) for item in items}, {id(item) for item in longer}
    parts = [], [], []
    for duty in duties:
        where = 0 if id(duty.item) in of_month else 1 if id(duty.item) in of_longer else 2
        parts[where].append(duty)
    return parts


def _by_version(duties):
    counts = {}
    for duty in duties:
        counts.setdefault(duty.rule, Counts()).add(duty)
    return sorted(counts.items(), key=lambda pair: (pair[0].strength != Strength.MUST, pair[0].label))


def rule_row(board, rule, counts, month):
    """A row of the table of duties, its numbers linked to their lists."""
    states = (figures.DUE, *(state for state in figures.STATES_OF if state in State.values), figures.OPEN)
    urls = {state: board.list_url(month, rule=rule.label, state=state) for state in states}
    return RuleRow(rule, figures.kind_of(rule), figures.PER_WORDS[rule.per], counts, urls)


def _rules_with_last_month(board, last):
    """Rules in use, each with last month's closed tallies of the board beside it: one query for both."""
    tallies = Tally.objects.filter(
        county=board.county, month=last, school__in=board.school_ids, rule=OuterRef("pk")
    )
    if board.classes is not None:
        tallies = tallies.filter(school_class__in=board.classes)
    sums = {
        f"last_{name}": Coalesce(
            Subquery(
                tallies.order_by()
                .annotate(total=Func(F(name), function="SUM", output_field=IntegerField()))
                .values("total")
            ),
            0,
        )
        for name in LAST
    }
    rules = DutyRule.objects.filter(
        Q(owner=None) | Q(owner__in=board.school_ids), county=board.county, active=True
    )
    return list(rules.select_related("owner").annotate(**sums))


def _last_from_tallies(rules):
    found = {}
    for rule in rules:
        counts = Counts(**{name: getattr(rule, f"last_{name}") for name in LAST})
        found[rule.label] = found.get(rule.label, Counts()) + counts
    return found


@dataclass(frozen=True)
class HelpRow:
    """A child to help first: its name, class, and what is open in words."""

    child: Child | None  # None: no longer at this school
    school_class: object
    words: str
    late: bool
    file_open: bool


def help_rows(needing, user, today):
    """Names and classes of children the reader may know; one query."""
    may_open = Child.objects.visible_to(user).filter(pk=OuterRef("child"))
    seats = Enrollment.objects.on(today).filter(
        Q(child__in=[row.pk for row in needing]), Q(child__in=Child.objects.named_to(user))
    )
    seats = seats.annotate(file_open=Exists(may_open)).select_related("child", "school_class__school")
    found = {seat.child_id: seat for seat in seats}
    rows = []
    for row in needing:
        seat = found.get(row.pk)
        rows.append(
            HelpRow(
                seat.child if seat else None, seat.school_class if seat else None, open_words(row), bool(row.missed),
                bool(seat and seat.file_open),
            )
        )  # fmt: skip
    return rows


def open_words(needs):
    """“10月没做到：谈心；还差：亲情电话”."""
    late, soon = [], []
    for duty in needs.duties:
        (late if duty.state == State.MISSED else soon).append(duty)
    parts = []
    if late:
        first = late[0].period.end
        parts.append(f"{first.month}月没做到：{_names(late)}")
    if soon:
        parts.append(f"还差：{_names(soon)}")
    return "；".join(parts)


def calendar_url(user):
    """Where the calendar is confirmed, for those who may open that page."""
    may = access.may(user, Act.CONFIRM_CALENDAR) or access.may(user, Act.MANAGE_SCHOOL_DAYS)
    return reverse("registry:calendar") if may else ""


def _names(duties):
    return "、".join(dict.fromkeys(figures.short_name(duty.rule) for duty in duties))


# --- by class --------------------------------------------------------------------------------------------------------


@dataclass
class ClassRow:
    """One class on a board, for one rule: a stitch per child."""

    school_class: SchoolClass | None
    teacher: str
    counts: Counts
    url: str


def child_rules(ledger, board):
    """Rules about children that the board can be looked at for, must first, one version per label."""
    today = ledger.today
    rules = [
        rule
        for rule in ledger.rules
        if rule.subject == Subject.CHILD
        and rule.strength != Strength.INFORM
        and rule.valid_from <= month_end(today)
        and (rule.valid_to is None or rule.valid_to >= today.replace(day=1))
        and (rule.owner_id is None or rule.owner_id in board.school_ids)
    ]
    return figures.one_per_label(rules)


def by_class(board, ledger, label, month):
    """Rows of one rule by class, in class order; a term or year on its way counts with its own period."""
    rules = [rule for rule in ledger.rules if rule.label == label]
    items = [
        item for item in figures.longer_items(ledger, rules=rules) if month == ledger.today.replace(day=1)
    ] or ledger.items_of_month(month, rules=rules, holder_on=ledger.today)
    duties = figures.judged(ledger, items, **board.scope)
    period_month = items[0].period.month if items else month
    counts = figures.live_counts(board.county, period_month, None, duties).by_class(label)
    teacher = Post.objects.on(ledger.today).filter(kind=PostKind.CLASS_TEACHER, school_class=OuterRef("pk"))
    classes = SchoolClass.objects.filter(pk__in=[pk for pk in counts if pk]).select_related("school")
    known = {one.pk: one for one in classes.annotate(teacher=Subquery(teacher.values("staff__name")[:1]))}
    rows = []
    for pk, numbers in counts.items():
        one = known.get(pk)
        url = board.list_url(
            period_month, rule=label, state=figures.OPEN, **{"class": one.uid if one else "none"}
        )
        rows.append(ClassRow(one, (one.teacher or "") if one else "", numbers, url))
    return sorted(rows, key=lambda row: figures.class_order(row.school_class, board.school))


# --- by person -------------------------------------------------------------------------------------------------------


@dataclass
class PersonRow:
    """Somebody whose children still need something: whom to help first. Never a rate, never a rank."""

    staff: Staff | None
    number: int
    late: int
    children: int
    words: str
    url: str


def by_person(board, counts, month, ledger):
    """People by what is open with them in ``month``; first what nobody answers for."""
    duties = counts.duties
    if duties is None:  # a closed month: its findings name who answered on the last day
        duties = figures.duty_lines(
            counts, states=figures.STATES_OF[figures.OPEN], ledger=ledger, **board.scope
        )
        holders = figures.StoredHolders()
    else:
        holders = None
    rows = figures.people_who_need_help(board.county, duties, holders=holders)
    staff = Staff.objects.in_bulk([row.pk for row in rows if row.pk])
    return [
        PersonRow(
            staff.get(row.pk), row.number, len(row.missed), row.children, _names(row.duties),
            board.list_url(month, state=figures.OPEN, person=staff[row.pk].uid if row.pk else "none"),
        )
        for row in rows
    ]  # fmt: skip


# --- month by month --------------------------------------------------------------------------------------------------


@dataclass
class TrendRow:
    """One rule through the months: coverage, or None where nothing was due."""

    rule: DutyRule
    cells: list  # [(coverage in percent or None, address, 补录)]


def trend(board, found, today):
    """(months, rows): coverage of each rule, month by month; and which months are closed."""
    rules = figures.one_per_label(rule for month in found.values() for rule in month.rules)
    rows = []
    for rule in rules:
        cells = []
        for month, counts in found.items():
            numbers = counts.by_rule().get(rule.label)
            rate = figures.percent(numbers.coverage) if numbers else None
            url = board.list_url(month, rule=rule.label, state=figures.DUE) if rate is not None else ""
            cells.append((rate, url, numbers.met_late if numbers else 0))
        rows.append(TrendRow(rule, cells))
    return rows


def trend_chart(rows, found, today):
    """The two rules to draw: the first must rules about children that most months hold."""
    drawn = [
        row for row in rows
        if row.rule.subject == Subject.CHILD and row.rule.measure == Measure.RECORDS and row.rule.strength == Strength.MUST
        and sum(rate is not None for rate, _, _ in row.cells) >= 3
    ][:2]  # fmt: skip
    if not drawn:
        return None
    values = [rate for row in drawn for rate, _, _ in row.cells if rate is not None]
    months = list(found)
    series = []
    for row in drawn:
        one = {"name": figures.short_name(row.rule), "values": [rate for rate, _, _ in row.cells]}
        if len(months) > 1 and months[-1] == today.replace(day=1):
            one["dashed_from"] = len(months) - 2
        series.append(one)
    return {
        "kind": "line",
        "x": [f"{month.month}月" for month in months],
        "series": series,
        "unit": "%",
        "from": 50 if min(values) >= 50 else 0,
    }


def trend_sentence(rows, found, today):
    """The finding in words: from where to where the first rule went, over the finished months."""
    months = [month for month in found if month != today.replace(day=1)]
    for row in rows:
        known = [
            (month, rate)
            for month, (rate, _, _) in zip(found, row.cells, strict=True)
            if rate is not None and month in months
        ]
        if row.rule.subject == Subject.CHILD and row.rule.measure == Measure.RECORDS and len(known) >= 2:
            (first, low), (last, high) = known[0], known[-1]
            word = "升到" if high > low else "降到" if high < low else "还是"
            return f"{row.rule.name}：{first.month}月 {low}%，到{last.month}月{word} {high}%"
    return "满两个月以后，这里看得出变化"


# --- the center ------------------------------------------------------------------------------------------------------


@dataclass
class WeekRow:
    """One week of a center."""

    start: date
    state: str
    days: list  # [(day, opened, visitors, school day)], Monday–Sunday

    @property
    def opened(self):
        """Days it was open."""
        return sum(opened for _, opened, _, _ in self.days)

    @property
    def visitors(self):
        """Visitors of the week; None if nobody counted."""
        counted = [n for _, opened, n, _ in self.days if opened and n is not None]
        return sum(counted) if counted else None


def term_start(ledger):
    """First day of the term that runs, else of the last that ended; sixteen weeks back where there is none."""
    begun = [first for first, _ in ledger.calendar.terms if first <= ledger.today]
    return max(begun) if begun else ledger.today - timedelta(weeks=16)


def center_weeks(ledger, center, first):
    """Weeks of ``center`` from the Monday of ``first`` until today, judged by the ledger where due."""
    monday = first - timedelta(days=first.weekday())
    states = {w.start: w.state for w in figures.center_weeks(ledger, [center.pk], monday, ledger.today)}
    openings = figures.center_openings([center.pk], monday, ledger.today)
    rows = []
    while monday <= ledger.today:
        days = []
        for n in range(7):
            day = monday + timedelta(days=n)
            key = center.pk, day
            days.append(
                (
                    day,
                    key in openings,
                    openings.get(key),
                    ledger.calendar.is_school_day(day, center.school_id),
                )
            )
        rows.append(WeekRow(monday, states.get(monday, State.NOT_APPLICABLE), days))
        monday += timedelta(days=7)
    return rows


def center_chart(rows):
    """Weeks across, weekdays down; holidays are left out, a day not opened is an empty square."""
    values = [
        [x, y, (visitors or 0) if opened else None]
        for x, row in enumerate(rows)
        for y, (_, opened, visitors, school_day) in enumerate(row.days)
        if opened or (school_day and y < 5)
    ]
    days = 7 if any(opened for row in rows for _, opened, _, _ in row.days[5:]) else 5
    return {
        "kind": "heat",
        "x": [f"{row.start:%-m月%-d日}" for row in rows],
        "y": list("一二三四五六日")[:days],
        "series": [{"values": values}],
    }


def center_sentence(rows):
    """“该开 11 周，开了 10 周；10月19日那一周没有开”."""
    due = [row for row in rows if row.state not in (State.NOT_APPLICABLE, State.EXCUSED)]
    ended = [row for row in due if row.state != State.UPCOMING]
    done = [row for row in due if row.state in (State.MET, State.MET_LATE)]
    said = f"该开 {len(due)} 周，开了 {len(done)} 周"
    missed = [f"{row.start:%-m月%-d日}" for row in ended if row.state == State.MISSED]
    if missed:
        said += f"；{'、'.join(missed)}那{'几' if len(missed) > 1 else '一'}周没有开"
    return said
