"""Boards of a school: first page, classes, months, center, people, the lists behind the numbers, the month's report."""

from dataclasses import dataclass
from datetime import timedelta

from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from activities import checks
from activities.ledger import Ledger
from activities.models import MonthlyCheck, State
from registry import access
from registry.access import Act
from registry.calendar import CalendarNotConfirmed, next_month, previous_month
from registry.models import ActivityCenter
from trust import audit

from .. import boards, cover_board, duty_lists, figures

PAGE = 30
TABS = [
    ("dashboard", "总览"),
    ("dashboard_classes", "各班"),
    ("dashboard_months", "每个月"),
    ("dashboard_center", "之家"),
    ("dashboard_people", "先帮谁"),
    ("dashboard_covers", "包班"),
]

audit.name_actions(
    open_board="查看工作台",
    list_duties="查看应做清单",
    read_month_report="查看月度核对",
)
audit.name_kinds(school="学校")


@dataclass(frozen=True)
class Tab:
    """One tab of the board."""

    label: str
    url: str
    current: bool


def _tabs(board, user, current):
    """Tabs of the board; by person only for those who lead the school."""
    leads = access.may(user, Act.ASSIGN_PAIRINGS, school=board.school)
    return [
        Tab(label, board.url(name), name == current)
        for name, label in TABS
        if name != "dashboard_people" or leads
    ]


def _choices(board, name):
    """Schools the reader may change to, where there are several."""
    if len(board.roots) < 2:
        return []
    return [
        Tab(
            root.name,
            boards.Board(board.county, root, [root], board.roots).url(name),
            root.pk == board.school.pk,
        )
        for root in board.roots
    ]


def _page(request, template, board, name, context, *, action="open_board", count=None, detail=""):
    audit.record(action, by=request.user, kind="school", uid=board.school, count=count, detail=detail)
    context |= {
        "board": board,
        "tabs": _tabs(board, request.user, name),
        "choices": _choices(board, name),
    }
    return render(request, f"reports/boards/{template}.html", context)


@require_safe
def dashboard(request):
    """工作台: what waits, whom to help first, how each duty stands this month and stood last."""
    today = timezone.localdate()
    board = boards.board_of(
        request.user, request.GET.get("school"), numbers=boards.waiting_numbers(request.user, today)
    )
    page = boards.overview(board, request.user)
    waiting = boards.waiting(board, request.user, page)
    context = {
        "page": page,
        "waiting": waiting,
        "definition": board.county.definition,
        "help_url": board.url("help_list"),
        "calendar_url": boards.calendar_url(request.user),
        "last_report_url": board.url("month_report", f"{page.last_month:%Y-%m}"),
    }
    return _page(request, "dashboard", board, "dashboard", context, count=len(page.help_first), detail="总览")


def _ledger(board):
    """(ledger, sentence when this month's calendar is not confirmed)."""
    ledger = Ledger(board.county)
    try:
        ledger.calendar.require_confirmed(ledger.today)
    except CalendarNotConfirmed as refusal:
        return ledger, str(refusal)
    return ledger, ""


@require_safe
def dashboard_classes(request):
    """各班: one duty, class by class, a stitch per child."""
    board = boards.board_of(request.user, request.GET.get("school"))
    ledger, unconfirmed = _ledger(board)
    rules = boards.child_rules(ledger, board)
    labels = [rule.label for rule in rules]
    label = request.GET.get("rule") if request.GET.get("rule") in labels else (labels[0] if labels else "")
    rows = (
        boards.by_class(board, ledger, label, ledger.today.replace(day=1))
        if label and not unconfirmed
        else []
    )
    context = {
        "rows": rows,
        "rule": next((rule for rule in rules if rule.label == label), None),
        "choices_of_rules": [
            Tab(rule.name, board.url("dashboard_classes", rule=rule.label), rule.label == label)
            for rule in rules
        ],
        "open_number": sum(row.counts.open for row in rows),
        "unconfirmed": unconfirmed,
        "calendar_url": boards.calendar_url(request.user),
        "today": ledger.today,
    }
    return _page(
        request, "classes", board, "dashboard_classes", context, count=len(rows), detail=f"各班 {label}"
    )


@require_safe
def dashboard_months(request):
    """每个月: coverage of each duty, month by month; closed months as they were closed."""
    board = boards.board_of(request.user, request.GET.get("school"))
    ledger = Ledger(board.county)
    found = figures.month_trend(board.county, ledger=ledger, **board.scope)
    rows = boards.trend(board, found, ledger.today)
    months = [
        (month, counts.closed, board.url("month_report", f"{month:%Y-%m}")) for month, counts in found.items()
    ]
    context = {
        "rows": rows,
        "months": months,
        "chart_spec": boards.trend_chart(rows, found, ledger.today),
        "sentence": boards.trend_sentence(rows, found, ledger.today),
        "today": ledger.today,
    }
    return _page(request, "months", board, "dashboard_months", context, count=len(months), detail="每个月")


@require_safe
def dashboard_center(request):
    """之家: which weeks and days the center was open this term."""
    board = boards.board_of(request.user, request.GET.get("school"))
    centers = list(
        ActivityCenter.objects.visible_to(request.user)
        .filter(school__in=board.school_ids)
        .order_by("name", "pk")
    )
    wanted = request.GET.get("center")
    center = next(
        (c for c in centers if str(c.uid) == wanted), centers[0] if centers and not wanted else None
    )
    if wanted and center is None:
        raise Http404("没有这个之家")
    context = {"center": center, "rows": [], "chart_spec": None, "sentence": ""}
    if center is not None:
        ledger = Ledger(board.county)
        rows = boards.center_weeks(ledger, center, boards.term_start(ledger))
        context |= {
            "rows": rows[::-1],
            "chart_spec": boards.center_chart(rows),
            "sentence": boards.center_sentence(rows),
            "centers": [
                Tab(c.name, board.url("dashboard_center", center=c.uid), c.pk == center.pk) for c in centers
            ],
        }
    context.setdefault("centers", [])
    return _page(
        request, "center", board, "dashboard_center", context, count=len(context["rows"]), detail="之家"
    )


@require_safe
def dashboard_people(request):
    """先帮谁: people by what is still open with them; for those who lead the school."""
    board = boards.board_of(request.user, request.GET.get("school"))
    access.require(request.user, Act.ASSIGN_PAIRINGS, school=board.school)
    ledger, unconfirmed = _ledger(board)
    month = _this_or_last(request, ledger)
    rows = []
    if not unconfirmed:
        counts = figures.duty_counts(
            board.county, month, ledger=ledger, holder_on=ledger.today, **board.scope
        )
        rows = boards.by_person(board, counts, month, ledger)
    this, last = ledger.today.replace(day=1), previous_month(ledger.today)
    context = {
        "rows": rows,
        "month": month,
        "months": [
            Tab(f"{one.month}月", board.url("dashboard_people", month=f"{one:%Y-%m}"), one == month)
            for one in (this, last)
        ],
        "unconfirmed": unconfirmed,
        "calendar_url": boards.calendar_url(request.user),
    }
    return _page(request, "people", board, "dashboard_people", context, count=len(rows), detail="先帮谁")


@require_safe
def dashboard_covers(request):
    """包班: leader → class teachers → what is overdue and still to do below each; the reader's own classes first."""
    board = boards.board_of(request.user, request.GET.get("school"))
    ledger, unconfirmed = _ledger(board)
    month = _this_or_last(request, ledger)
    groups = []
    if not unconfirmed:
        counts = figures.duty_counts(
            board.county, month, ledger=ledger, holder_on=ledger.today, **board.scope
        )
        groups = cover_board.by_leader(board, counts, month, access.staff_of(request.user), ledger.today)
    this, last = ledger.today.replace(day=1), previous_month(ledger.today)
    context = {
        "groups": groups,
        "own": next((group for group in groups if group.own), None),
        "month": month,
        "months": [
            Tab(f"{one.month}月", board.url("dashboard_covers", month=f"{one:%Y-%m}"), one == month)
            for one in (this, last)
        ],
        "may_assign": access.may(request.user, Act.ASSIGN_PAIRINGS, school=board.school),
        "unconfirmed": unconfirmed,
        "calendar_url": boards.calendar_url(request.user),
    }
    return _page(
        request,
        "covers",
        board,
        "dashboard_covers",
        context,
        count=sum(len(g.classes) for g in groups),
        detail="包班",
    )


def _this_or_last(request, ledger):
    month = duty_lists.month_of(request.GET.get("month", ""), ledger.today)
    return month if month == previous_month(ledger.today) else ledger.today.replace(day=1)


@require_safe
def help_list(request):
    """先帮这些孩子: every child with an open duty, most open first."""
    board = boards.board_of(request.user, request.GET.get("school"))
    page, needing = boards.needing_help(board, now=None)
    shown = Paginator(needing, PAGE).get_page(request.GET.get("page"))
    rows = boards.help_rows(shown.object_list, request.user, page.today)
    context = {"page_obj": shown, "rows": rows, "unconfirmed": page.unconfirmed}
    return _page(
        request,
        "help_list",
        board,
        "dashboard",
        context,
        action="list_duties",
        count=len(rows),
        detail="先帮的孩子",
    )


@require_safe
def duty_list(request):
    """The list behind a number of a board."""
    board = boards.board_of(request.user, request.GET.get("school"))
    ledger = Ledger(board.county)
    asked = duty_lists.read(request.GET, request.user, board, ledger.today)
    if not asked.known:
        raise Http404("没有这样的清单")
    context = {"asked": asked, "rule": None, "rows": [], "page_obj": None, "unconfirmed": "", "differs": None}
    lines = []
    rules = [rule for rule in ledger.rules if rule.label == asked.label] if asked.label else None
    try:
        counts = figures.duty_counts(
            board.county,
            asked.month,
            ledger=ledger,
            rules=rules or None,
            holder_on=ledger.today,
            **board.scope,
        )
    except CalendarNotConfirmed as refusal:
        context["unconfirmed"] = str(refusal)
    else:
        lines = figures.duty_lines(
            counts, label=asked.label, states=asked.states, ledger=ledger, **board.scope
        )
        lines = duty_lists.narrowed(lines, asked)
        context |= {"closed": counts.closed, "closes_at": counts.closes_at}
        context["rule"] = next((rule for rule in counts.rules if rule.label == asked.label), None)
        context["differs"] = duty_lists.differs(counts, asked, len(lines))
    shown = Paginator(lines, PAGE).get_page(request.GET.get("page"))
    rows = duty_lists.shown(list(shown.object_list), request.user)
    context |= {
        "page_obj": shown,
        "rows": rows,
        "state_word": duty_lists.STATE_WORDS[asked.state],
        "states": [
            Tab(duty_lists.STATE_WORDS[state], f"?{_query(request, state=state)}", state == asked.state)
            for state in (figures.DUE, State.MET, State.MET_LATE, State.EXCUSED, State.MISSED, State.UPCOMING)
        ],
        "calendar_url": boards.calendar_url(request.user),
    }
    detail = " ".join(
        f"{name}={request.GET[name]}" for name in ("month", "rule", "state") if request.GET.get(name)
    )
    return _page(
        request,
        "duty_list",
        board,
        "dashboard",
        context,
        action="list_duties",
        count=len(rows),
        detail=detail[:200],
    )


def _query(request, **changes):
    query = request.GET.copy()
    query.pop("page", None)
    for name, value in changes.items():
        query[name] = value
    return query.urlencode()


@require_safe
def month_report(request, month):
    """月度核对 of a school: state of the check, each duty, the findings, what changed after closing."""
    board = boards.board_of(request.user, request.GET.get("school"))
    ledger = Ledger(board.county)
    first = duty_lists.month_of(month, ledger.today)
    if f"{first:%Y-%m}" != month or first > ledger.today:
        raise Http404("没有这个月")
    context = {"month": first, "unconfirmed": "", "rows": [], "findings": [], "amended": [], "closed": False}
    lines = []
    try:
        counts = figures.duty_counts(board.county, first, ledger=ledger, **board.scope)
    except CalendarNotConfirmed as refusal:
        context["unconfirmed"] = str(refusal)
    else:
        by_rule = counts.by_rule()
        context |= {
            "closed": counts.closed,
            "closes_at": counts.closes_at,
            "last_day": timezone.localtime(counts.closes_at) - timedelta(seconds=1),
            "running": first == ledger.today.replace(day=1),
            "rows": [boards.rule_row(board, rule, by_rule[rule.label], first) for rule in counts.rules],
        }
        stored = frozenset(checks.STORED)
        lines = figures.duty_lines(counts, states=stored, ledger=ledger, **board.scope)
        lines.sort(
            key=lambda line: (line.state != State.MISSED, line.rule.label, line.period_start, line.subject_id)
        )
        context["amended"] = duty_lists.amended(
            figures.amendments(board.county, first, schools=board.school_ids, classes=board.classes),
            request.user,
        )
    shown = Paginator(lines, PAGE).get_page(request.GET.get("page"))
    context |= {
        "page_obj": shown,
        "findings": duty_lists.shown(list(shown.object_list), request.user),
        "before_url": board.url("month_report", f"{previous_month(first):%Y-%m}"),
        "after_url": board.url("month_report", f"{next_month(first):%Y-%m}")
        if first < ledger.today.replace(day=1)
        else "",
        "checked": None
        if context["closed"]
        else MonthlyCheck.objects.filter(county=board.county, month=first).first(),
        "calendar_url": boards.calendar_url(request.user),
    }
    return _page(
        request, "month_report", board, "dashboard_months", context, action="read_month_report",
        count=len(context["findings"]), detail=month,
    )  # fmt: skip
