"""考核: schools and their automatic scores; one school's sheet with the facts behind each point. No child, no person."""

from dataclasses import dataclass

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from registry import access
from registry.access import Act
from registry.calendar import school_year_of
from registry.models import School
from trust import audit

from .. import assessment as scoring

PAGE = 20
YEARS = 4
SEEN_BY = (Act.ORDER_ASSESSMENT, Act.SEE_COUNTY_BOARD)

audit.name_actions(open_assessment="查看考核得分")


def _schools(user):
    """Schools whose scores the reader's posts show."""
    if not any(access.may(user, act) for act in SEEN_BY):
        raise PermissionDenied("您的岗位没有这项功能")
    found = School.objects.visible_to(user).filter(managing_school=None, ends_on=None)
    reach = School.objects.none()
    for act in SEEN_BY:
        reach = reach | access.schools_for(user, act)
    return found.filter(pk__in=reach.values("pk")).select_related("county", "district").order_by("code")


def _years(year):
    this = school_year_of(timezone.localdate())
    return this, [(y, f"{y}—{y + 1}", y == year) for y in range(this, this - YEARS, -1)]


@require_safe
def assessment(request):
    """Schools with what the system could score; by school code, never in order of points."""
    schools = _schools(request.user)
    this, _ = _years(None)
    text = request.GET.get("year", "")
    year = int(text) if text.isdigit() and 2000 <= int(text) <= 2100 else this
    page = Paginator(schools, PAGE).get_page(request.GET.get("page"))
    first = next(iter(page), None)
    county = first.county if first else None
    scheme = scoring.scheme_for(county, year) if county else None
    scores = scoring.score_schools(scheme, year, page) if scheme else []
    audit.record(
        "open_assessment", by=request.user, kind="county", uid=county, count=len(scores), detail=str(year)
    )
    context = {
        "page_obj": page,
        "scores": scores,
        "scheme": scheme,
        "year": year,
        "year_words": f"{year}—{year + 1}学年",
        "years": _years(year)[1],
        "caution": scoring.CAUTION,
        "may_adopt": county is not None and access.may(request.user, Act.MANAGE_RULES, county=county),
        "may_order": access.may(request.user, Act.ORDER_ASSESSMENT),
        "top": max((score.scored_top for score in scores), default=0),
        "pending": max((score.pending_top for score in scores), default=0),
    }
    return render(request, "reports/assessment/list.html", context)


@dataclass
class _Fact:
    """A fact with the lines behind it, each with the address of its month where the reader has one."""

    text: str
    lines: list
    by_month: bool


def _facts(score, month_url):
    found = []
    for fact in score.facts:
        lines = [
            {
                "words": words,
                "due": due,
                "done": done,
                "open": open_,
                "url": month_url(month) if month else "",
            }
            for words, due, done, open_, month in fact.lines
        ]
        found.append(_Fact(fact.text, lines, any(line["due"] is not None for line in lines)))
    return found


@require_safe
def assessment_sheet(request, uid, year):
    """One school's sheet: six sections, points by the system, and the facts."""
    school = get_object_or_404(
        School.objects.visible_to(request.user).select_related("county", "district"), uid=uid
    )
    if not any(access.may(request.user, act, school=school) for act in SEEN_BY):
        raise PermissionDenied("您的岗位没有这项功能")
    scheme = scoring.scheme_for(school.county, year) if 2000 <= year <= 2100 else None
    if scheme is None:
        raise Http404
    score = scoring.score_schools(scheme, year, [school])[0]
    audit.record("open_assessment", by=request.user, kind="school", uid=school, detail=str(year))
    on_board = access.may(request.user, Act.SEE_DASHBOARD, school=school)

    def month_url(month):
        if on_board:
            return f"{reverse('reports:month_report', args=[f'{month:%Y-%m}'])}?school={school.uid}"
        return reverse("activities:month_check", args=[f"{month:%Y-%m}"])

    sections = [
        {"section": section, "rows": [(one, _facts(one, month_url)) for one in section.scores]}
        for section in score.sections
    ]
    context = {
        "school": school, "score": score, "sections": sections, "scheme": scheme, "year": year,
        "year_words": f"{year}—{year + 1}学年", "caution": scoring.CAUTION,
        "may_order": access.may(request.user, Act.ORDER_ASSESSMENT),
    }  # fmt: skip
    return render(request, "reports/assessment/sheet.html", context)


@require_POST
def adopt_scheme(request):
    """The county takes over the scheme that comes with the program, to begin with."""
    school = _schools(request.user).first()
    if school is None:
        raise PermissionDenied("您的岗位没有这项功能")
    access.require(request.user, Act.MANAGE_RULES, county=school.county)
    scheme = scoring.import_default(school.county, by=request.user)
    messages.success(request, f"用上了：{scheme.title}。分值和办法可以改好再导入")
    return redirect("reports:assessment")
