"""The county's board and its drill-down to one school's classes: counts, never persons."""

from datetime import timedelta

from django import forms
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry import access
from registry.access import Act
from registry.calendar import CalendarNotConfirmed
from trust import audit

from .. import boards, county_board, duty_lists

PAGE = 20

audit.name_actions(open_county_board="查看全县总览", open_school_figures="查看学校合计")


class CountyFilter(forms.Form):
    """查询条件: district, month, order."""

    district = forms.ChoiceField(label="学区", required=False)
    month = forms.ChoiceField(label="月份", required=False)
    sort = forms.ChoiceField(label="排列", required=False, choices=list(county_board.SORTS.items()))

    def __init__(self, *args, districts, months, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["district"].choices = [("", "全部"), *((str(one.uid), one.name) for one in districts)]
        self.fields["month"].choices = [(f"{month:%Y-%m}", f"{month:%Y年%-m月}") for month in months]


@require_safe
def county_overview(request):
    """全县: schools compared per rule, a closed month and what changed afterwards apart."""
    today = timezone.localdate()
    county, schools, whole = county_board.scope_of(request.user)
    schools = list(schools.order_by("code"))
    districts = {school.district_id: school.district for school in schools if school.district_id}
    districts = sorted(districts.values(), key=lambda one: one.code)
    chosen = next((one for one in districts if str(one.uid) == request.GET.get("district")), None)
    if chosen:
        schools = [school for school in schools if school.district_id == chosen.pk]
    offered = county_board.closed_and_running(county, today)
    wanted = duty_lists.month_of(request.GET.get("month", ""), today) if request.GET.get("month") else None
    board = county_board.county_board(
        county, schools, today=today, month=wanted, offered=offered, whole=whole and chosen is None
    )
    sort = request.GET.get("sort") if request.GET.get("sort") in county_board.SORTS else "missed"
    asked = {"district": str(chosen.uid) if chosen else "", "month": f"{board.month:%Y-%m}", "sort": sort}
    page = Paginator(county_board.in_order(board.rows, sort), PAGE).get_page(request.GET.get("page"))
    first = county_board.headline(board.rules)
    headline = board.total.cells[board.rules.index(first)] if first else None
    audit.record(
        "open_county_board",
        by=request.user,
        kind="county",
        uid=county,
        count=len(schools),
        detail=f"{board.month:%Y-%m}",
    )
    context = {
        "board": board,
        "place": chosen.name if chosen else "全县" if whole else "、".join(one.name for one in districts),
        "schools": schools,
        "page_obj": page,
        "first": first,
        "headline": headline,
        "form": CountyFilter(asked, districts=districts, months=board.months),
        "goal": county_board.GOAL,
        "last_day": timezone.localtime(board.closes_at) - timedelta(seconds=1) if board.closes_at else None,
        "running": board.month == today.replace(day=1),
        "calendar_url": boards.calendar_url(request.user),
        "may_state_reason": access.may(request.user, Act.STATE_REASON),
    }
    return render(request, "reports/boards/county.html", context)


@require_safe
def county_school(request, uid):
    """One school by class: counts only. Names stand behind a stated reason, on the register's page."""
    today = timezone.localdate()
    county, schools, _ = county_board.scope_of(request.user)
    school = get_object_or_404(schools, uid=uid)
    month = duty_lists.month_of(request.GET.get("month", ""), today)
    if month > today:
        raise Http404("没有这个月")
    context = {
        "school": school,
        "month": month,
        "found": None,
        "unconfirmed": "",
        "asked_rule": request.GET.get("rule", ""),
        "calendar_url": boards.calendar_url(request.user),
        "may_state_reason": access.may(request.user, Act.STATE_REASON),
        "goal": county_board.GOAL,
    }
    try:
        context["found"] = county_board.school_figures(county, school, month, today=today)
    except CalendarNotConfirmed as refusal:
        context["unconfirmed"] = str(refusal)
    audit.record(
        "open_school_figures", by=request.user, kind="school", uid=school, detail=f"{month:%Y-%m}",
        count=len(context["found"].rows) if context["found"] else 0,
    )  # fmt: skip
    return render(request, "reports/boards/county_school.html", context)
