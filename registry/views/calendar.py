"""Pages of the calendar: the year by months, drafting, terms, days, confirming, closing days."""

from datetime import date

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from .. import access, places, school_calendar
from ..access import Act
from ..calendar import Calendar, next_month, school_year_of
from ..forms.calendar import ClosingForm, DaysForm, DraftForm, TermsForm
from ..models import DayException, School, SchoolYear, Season, Term
from ..values import read_date
from .answers import answer_form, form_view

YEARS = range(2015, 2100)


def _county(request):
    """The county whose calendar is shown: that of the user's posts."""
    counties = places.counties_of(request.user)
    if not counties:
        raise PermissionDenied("您现在没有岗位，看不了校历")
    return counties[0]


def _year_or_404(year):
    if year not in YEARS:
        raise Http404
    return year


def _months(year):
    month = date(year, 8, 1)
    for _ in range(13):
        yield month
        month = next_month(month)


def _year_url(year, school=None):
    query = f"?year={year}" + (f"&school={school.uid}" if school else "")
    return reverse("registry:calendar") + query


@require_safe
def calendar(request):
    """校历: one school year by months, for the county or one school."""
    county, today = _county(request), timezone.localdate()
    try:
        year = _year_or_404(int(request.GET.get("year", "")))
    except ValueError:
        year = school_year_of(today)
    schools = list(
        School.objects.visible_to(request.user).filter(county=county, ends_on=None).order_by("code")
    )
    school = None
    if request.GET.get("school"):
        school = next((one for one in schools if str(one.uid) == request.GET["school"]), None)
        if school is None:
            raise Http404
    known = Calendar.of(county)
    school_year = SchoolYear.objects.filter(county=county, year=year).select_related("confirmed_by").first()
    terms = list(Term.objects.filter(county=county, year=year))
    span = DayException.objects.filter(county=county, day__range=(date(year, 8, 1), date(year + 1, 8, 31)))
    days = list(span.filter(school=None))
    own = list(span.filter(school=school)) if school else []
    names = {one.day: one.name or one.get_kind_display() for one in [*days, *own]}
    shown = [
        month
        for month in _months(year)
        if any(t.starts_on < next_month(month) and t.ends_on >= month for t in terms)
    ]
    context = {
        "county": county,
        "school": school,
        "schools": schools,
        "year": year,
        "title_year": f"{year}—{year + 1}学年",
        "school_year": school_year,
        "terms": [
            (term, known.count_school_days(term.starts_on, term.ends_on, school.pk if school else None))
            for term in terms
        ],
        "months": [(month, school_calendar.month_grid(known, month, school, names)) for month in shown],
        "days": days,
        "own": own,
        "announced": {y: school_calendar.is_announced(y) for y in (year, year + 1)},
        "not_announced": [y for y in (year, year + 1) if not school_calendar.is_announced(y)],
        "may_confirm": access.may(request.user, Act.CONFIRM_CALENDAR, county=county),
        "may_days": access.may(request.user, Act.CONFIRM_CALENDAR, county=county)
        if school is None
        else access.may(request.user, Act.MANAGE_SCHOOL_DAYS, school=school),
        "own_schools": [s for s in schools if access.may(request.user, Act.MANAGE_SCHOOL_DAYS, school=s)][
            :60
        ],
        "previous_url": _year_url(year - 1, school),
        "next_url": _year_url(year + 1, school),
        "day_url": reverse("registry:calendar_days") + (f"?school={school.uid}&" if school else "?"),
        "today": today,
    }
    return render(request, "registry/calendar/year.html", context)


def _deciding(request):
    county = _county(request)
    access.require(request.user, Act.CONFIRM_CALENDAR, county=county)
    return county


@form_view
def calendar_draft(request, year):
    """A school year proposed from the public holidays, to be looked over and saved."""
    county, year = _deciding(request), _year_or_404(year)
    terms = dict(school_calendar.proposed_terms(year))
    for term in Term.objects.filter(county=county, year=year):
        terms[term.season] = (term.starts_on, term.ends_on)
    proposed = school_calendar.proposed_days(year)
    form = DraftForm(request.POST if request.method == "POST" else None, terms=terms, proposed=proposed)

    def save(data):
        school_calendar.draft_year(county, year, by=request.user, terms=form.terms(), days=form.kept())
        return "校历拟好了。看一遍，没有问题就确认"

    return answer_form(
        request, form, save, title=f"拟定{year}—{year + 1}学年的校历", back=_year_url(year), act="保存这份校历",
        template="registry/calendar/draft.html",
        not_announced=[y for y in (year, year + 1) if not school_calendar.is_announced(y)],
    )  # fmt: skip


@form_view
def calendar_terms(request, year):
    """Correct the dates of both terms."""
    county, year = _deciding(request), _year_or_404(year)
    terms = {
        term.season: (term.starts_on, term.ends_on) for term in Term.objects.filter(county=county, year=year)
    }
    for season in Season:
        terms.setdefault(season, school_calendar.proposed_terms(year)[season])
    form = TermsForm(request.POST if request.method == "POST" else None, terms=terms)

    def save(data):
        school_calendar.set_terms(county, year, by=request.user, terms=form.terms())
        return "学期改好了，毕业班的最后一天也跟着改了"

    return answer_form(request, form, save, title=f"{year}—{year + 1}学年的学期", back=_year_url(year))


@form_view
def calendar_days(request):
    """Some days: 放假, 上课（调休）, or as usual; of the county, or of one school."""
    county, school = _county(request), None
    if request.GET.get("school"):
        schools = School.objects.visible_to(request.user).select_related("county")
        try:
            school = get_object_or_404(schools, uid=request.GET["school"])
        except (ValueError, ValidationError):
            raise Http404 from None
        county = school.county
        access.require(request.user, Act.MANAGE_SCHOOL_DAYS, school=school)
    else:
        access.require(request.user, Act.CONFIRM_CALENDAR, county=county)
    asked = read_date(request.GET.get("day", "")).value or timezone.localdate()
    known = DayException.objects.filter(county=county, school=school, day=asked).first()
    initial = {
        "first": asked,
        "kind": known.kind if known else "holiday",
        "name": known.name if known else "",
    }
    form = DaysForm(request.POST if request.method == "POST" else None, initial=initial)
    changed = []

    def save(data):
        changed.append(data["first"])
        school_calendar.set_days(
            county, by=request.user, school=school, first=data["first"], last=data["last"] or data["first"],
            kind=data["kind"], name=data["name"],
        )  # fmt: skip
        return "改好了"

    whose = school.name if school else county.name
    return answer_form(
        request, form, save, title=f"{whose}：放假与调休", back=_year_url(school_year_of(asked), school),
        done=lambda: _year_url(school_year_of(changed[0]), school),
        note="学校自己的安排只对本校算数；选“按平常”就是跟着县里的校历走。"
        if school
        else "对全县学校算数；某所学校不一样，在那所学校的校历里改。",
    )  # fmt: skip


@form_view
def calendar_confirm(request, year):
    """Confirm a school year as a whole."""
    county, year = _deciding(request), _year_or_404(year)
    school_year = get_object_or_404(SchoolYear, county=county, year=year)
    back = _year_url(year)
    if request.method == "POST":
        try:
            school_calendar.confirm_year(school_year, by=request.user)
        except ValidationError as error:
            messages.error(request, "".join(error.messages))
        else:
            messages.success(request, f"{school_year}的校历确认了，这一学年的月份可以核对了")
        return redirect(back)
    known = Calendar.of(county)
    texts = [
        f"{term.get_season_display()}：{term.starts_on:%Y-%m-%d} 到 {term.ends_on:%Y-%m-%d}，"
        f"上课 {known.count_school_days(term.starts_on, term.ends_on)} 天"
        for term in Term.objects.filter(county=county, year=year)
    ]
    for one in (year, year + 1):
        if not school_calendar.is_announced(one):
            texts.append(f"{one} 年的放假调休安排国家还没有公布，现在的是推算的，公布后要再核对一遍。")
    texts.append("确认以后，哪天上课、哪个月该做几次，都按它算。确认后仍可以改某一天，改动会留下记录。")
    context = {
        "question": f"确认{school_year}的校历？", "text": "", "texts": texts, "act": "确认这份校历", "back_url": back,
        "cancel": "再看看", "danger": False, "form": None,
    }  # fmt: skip
    return render(request, "confirm.html", context)


@require_safe
def closing_days(request):
    """On which day the check of each month closes."""
    county, today = _county(request), timezone.localdate()
    if not (
        access.may(request.user, Act.CONFIRM_CALENDAR, county=county)
        or access.may(request.user, Act.SEE_DASHBOARD)
        or access.may(request.user, Act.SEE_COUNTY_BOARD)
    ):
        raise PermissionDenied("您的岗位没有这项功能")
    known = Calendar.of(county)
    month = today.replace(day=1)
    for _ in range(3):
        month = (month.replace(day=1) - school_calendar.ONE_DAY).replace(day=1)
    rows = []
    for _ in range(12):
        closing = known.closing_at(month) - school_calendar.ONE_DAY
        usual = next_month(month).replace(day=county.closing_day)
        day = timezone.localtime(closing).date()
        proposed = known.proposed_closing_day(month)
        rows.append(
            {
                "month": month, "day": day, "own": month in known.closings, "usual": usual, "proposed": proposed,
                "closed": known.closing_at(month) <= timezone.now(), "advised": proposed > day,
            }
        )  # fmt: skip
        month = next_month(month)
    context = {
        "county": county,
        "rows": rows,
        "may_edit": access.may(request.user, Act.CONFIRM_CALENDAR, county=county),
    }
    return render(request, "registry/calendar/closing.html", context)


@form_view
def closing_edit(request, month):
    """Another closing day for one month (``month`` = 2026-11)."""
    county = _deciding(request)
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise Http404 from None
    _year_or_404(first.year)
    known = Calendar.of(county)
    own = known.closings.get(first)
    form = ClosingForm(
        request.POST if request.method == "POST" else None,
        initial={"closes_on": own or known.proposed_closing_day(first)},
    )

    def save(data):
        school_calendar.set_closing_day(county, by=request.user, month=first, closes_on=data["closes_on"])
        return f"{first.year}年{first.month}月的结账日改好了"

    return answer_form(
        request, form, save, title=f"{first.year}年{first.month}月的结账日", back=reverse("registry:closing_days"),
        note=f"平常是下个月 {county.closing_day} 日 24:00。放长假时建议等到开学后第 3 个上课日。",
    )  # fmt: skip
