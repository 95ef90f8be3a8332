"""家庭台账: the lists of agreements, demands, traits, definitions and places where parents work."""

from django import forms
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from trust import audit

from .. import access, agreements, definitions, demands, head_counts, registers, traits
from ..access import Act
from ..definitions import LocalDefinition
from ..forms.fields import DayField
from ..models import Child, Demand, Enrollment, School
from ..parents_map import LEVELS, parents_map

PAGE = 20


def _page(request, template, name, context, *, action, count, detail=""):
    audit.record(action, by=request.user, kind="child", count=count, detail=detail)
    context |= {"tabs": registers.tabs_of(request.user, name)}
    return render(request, f"registry/registers/{template}.html", context)


def _may_edit(user, seat):
    return seat is not None and access.may(
        user, Act.EDIT_CHILDREN, school=seat.school, school_class=seat.school_class
    )


def _shown(request, shows, counts):
    """(the list asked for, [(key, label, number, chosen)]); without a choice the first that is not empty."""
    show = request.GET.get("show")
    if show not in shows:
        show = next((key for key in shows if counts[key]), next(iter(shows)))
    return show, [(key, label, counts[key], key == show) for key, label in shows.items()]


# --- agreements ------------------------------------------------------------------------------------------------------


@require_safe
def agreement_list(request):
    """委托照护协议: who should have one and has none, what runs out, what ran out, what was not checked, all."""
    access.require(request.user, Act.SEE_REGISTERS)
    today = timezone.localdate()
    mine = Child.objects.visible_to(request.user)
    counts = agreements.counts(mine, today)
    show, choices = _shown(request, agreements.SHOWS, counts)
    found = agreements.children_with(mine, show, today).by_name()
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    rows = agreements.rows_of(page.object_list, today)
    for row in rows:
        row.may_edit = _may_edit(request.user, row.seat)
    context = {
        "page_obj": page,
        "rows": rows,
        "choices": choices,
        "counts": counts,
        "show": show,
        "today": today,
    }
    return _page(
        request, "agreements", "registry:agreement_list", context, action="list_agreements", count=len(rows),
        detail=agreements.SHOWS[show],
    )  # fmt: skip


# --- demands ---------------------------------------------------------------------------------------------------------


@require_safe
def demand_list(request):
    """家庭诉求: those without an answer, the longest waiting first; or the answered ones, newest first."""
    access.require(request.user, Act.SEE_REGISTERS)
    waiting = demands.open_demands(request.user)
    answered = request.GET.get("show") == "answered"
    found = waiting
    if answered:
        mine = Demand.objects.visible_to(request.user)
        found = mine.exclude(answered_on=None).order_by("-answered_on", "-pk")
    page = Paginator(found.select_related("child"), PAGE).get_page(request.GET.get("page"))
    today = timezone.localdate()
    rows = list(page.object_list)
    seats = {
        seat.child_id: seat
        for seat in Enrollment.objects.on(today)
        .filter(child__in=[row.child_id for row in rows])
        .select_related("school", "school_class__school")
    }
    for row in rows:
        row.seat = seats.get(row.child_id)
        row.may_edit = _may_edit(request.user, row.seat)
        row.waits = (today - row.raised_on).days
    context = {"page_obj": page, "rows": rows, "answered": answered}
    return _page(
        request, "demands", "registry:demand_list", context, action="list_demands", count=len(rows),
        detail="已答复" if answered else "等答复",
    )  # fmt: skip


# --- traits ----------------------------------------------------------------------------------------------------------


@require_safe
def trait_list(request):
    """Left-behind, migrant and floating side by side; hardship, priority, reviews that are due, who would like to board."""
    access.require(request.user, Act.SEE_REGISTERS)
    today = timezone.localdate()
    mine = Child.objects.visible_to(request.user)
    counts = traits.counts(mine, today)
    show, choices = _shown(request, traits.SHOWS, counts)
    if request.GET.get("show") not in traits.SHOWS and counts["review"]:
        show = "review"
        choices = [(key, label, number, key == show) for key, label, number, _ in choices]
    found = traits.children_with(mine, show, today).by_name()
    page = Paginator(found, PAGE).get_page(request.GET.get("page"))
    rows = traits.rows_of(page.object_list, today)
    for row in rows:
        row["may_edit"] = _may_edit(request.user, row["seat"])
    context = {
        "page_obj": page, "rows": rows, "choices": choices, "counts": counts, "show": show, "today": today,
        "said": traits.SHOWS[show],
    }  # fmt: skip
    return _page(
        request, "traits", "registry:trait_list", context, action="list_traits", count=len(rows),
        detail=traits.SHOWS[show],
    )  # fmt: skip


# --- definitions -----------------------------------------------------------------------------------------------------


class HeadCountFilter(forms.Form):
    """Which definition, on which day, of which school."""

    code = forms.ChoiceField(label="和哪个口径比", required=False)
    day = DayField(label="哪一天", required=False)
    school = forms.ChoiceField(label="学校", required=False)

    def __init__(self, *args, codes, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["code"].choices = [(code, definitions.NAMES[code]) for code in codes]
        self.fields["school"].choices = [("", "全部"), *((str(one.uid), one.name) for one in schools)]
        if len(schools) < 2:
            del self.fields["school"]

    def clean_day(self):
        """Nobody knows the facts of a day to come."""
        day = self.cleaned_data["day"]
        if day and day > timezone.localdate():
            raise forms.ValidationError("日期不能在今天之后")
        return day


def _asked_school(request, schools):
    """The school of ``?school=``; 404 for one outside the reader's own."""
    uid = request.GET.get("school")
    if not uid:
        return None
    school = next((one for one in schools if str(one.uid) == uid), None)
    if school is None:
        raise Http404("没有这所学校")
    return school


def _where(user, school):
    """The seats counted: the reader's reach, or of one school."""
    where = registers.reach_of(user)
    return where & head_counts.at(school) if school else where


@require_safe
def definition_list(request):
    """口径对照: the care list beside each definition on a day, and the children on whom they differ, as a work list."""
    user = request.user
    access.require(user, Act.SEE_HEAD_COUNTS)
    county = registers.county_of(user)
    local = LocalDefinition.of(county)
    codes = [code for code in definitions.CODES if code != "D4" or local]
    schools = list(
        School.objects.visible_to(user).filter(pk__in=[one.pk for one in registers.schools_of(user)])
    )
    school = _asked_school(request, schools)
    said = {"code": codes[0], "day": timezone.localdate().isoformat(), **request.GET.dict()}
    form = HeadCountFilter(said, codes=codes, schools=schools)
    asked = form.cleaned_data if form.is_valid() else {}
    code, day = asked.get("code") or codes[0], asked.get("day") or timezone.localdate()
    counted = head_counts.judged_on(county, day, _where(user, school))
    total, by_school = head_counts.tally(counted)
    difference = request.GET.get("which", "")
    if difference not in (*head_counts.DIFFERENCES, head_counts.HOLDS):
        difference = ""
    differing = head_counts.difference_list(counted, code, difference)
    named = Child.objects.visible_to(user).filter(pk__in=differing).by_name()
    page = Paginator(named, PAGE).get_page(request.GET.get("page"))
    rows = head_counts.rows_of(page.object_list, differing, code, day)
    for row in rows:
        row.may_edit = _may_edit(user, row.seat)
    meanings = definitions.MEANINGS | ({"D4": local.meaning} if local else {})
    context = {
        "form": form, "code": code, "name": definitions.NAMES[code], "day": day, "total": total, "rows": rows,
        "page_obj": page, "school": school, "local": local, "difference": difference,
        "lines": [
            (one, definitions.NAMES[one], meanings[one], total.holds[one], total.unknown[one], total.differences(one))
            for one in codes
        ],
        "kinds": [
            (key, words, total.differs[code][key], key == difference)
            for key, words in head_counts.DIFFERENCES.items()
        ],
        "by_school": [
            (one, by_school[one.pk], by_school[one.pk].holds[code], by_school[one.pk].differences(code))
            for one in schools if one.pk in by_school
        ] if len(schools) > 1 and not school else [],
        "differing": total.differences(code), "unnamed": len(differing) - page.paginator.count, "may_state_reason": access.may(user, Act.STATE_REASON),
        "definition": county.definition,
    }  # fmt: skip
    return _page(
        request, "definitions", "registry:definition_list", context, action="list_definitions", count=len(rows),
        detail=f"{definitions.NAMES[code]}，{day:%Y-%m-%d}",
    )  # fmt: skip


# --- where parents work ----------------------------------------------------------------------------------------------


@require_safe
def parents_map_page(request):
    """父母务工地: how many parents work where; inside a school a number leads to the children."""
    user = request.user
    access.require(user, Act.SEE_HEAD_COUNTS)
    today = timezone.localdate()
    schools = list(
        School.objects.visible_to(user).filter(pk__in=[one.pk for one in registers.schools_of(user)])
    )
    school = _asked_school(request, schools)
    level = request.GET.get("level") if request.GET.get("level") in LEVELS else "city"
    found = parents_map(_where(user, school), level, today)
    place, rows, page, unnamed = None, [], None, 0
    if request.GET.get("at"):
        place = found.place(request.GET["at"])
        if place is None:
            raise Http404("没有这个地方")
        named = Child.objects.visible_to(user).filter(pk__in=place.children).by_name()
        page = Paginator(named, PAGE).get_page(request.GET.get("page"))
        rows = list(page.object_list)
        seats = {
            seat.child_id: seat
            for seat in Enrollment.objects.on(today)
            .filter(child__in=rows)
            .select_related("school", "school_class__school")
        }
        rows = [(child, seats.get(child.pk)) for child in rows]
        unnamed = len(place.children) - page.paginator.count
    first = found.places[:12]
    context = {
        "found": found, "levels": [(key, words, key == level) for key, words in LEVELS.items()], "level": level,
        "place": place, "rows": rows, "page_obj": page, "unnamed": unnamed, "today": today, "school": school,
        "schools": schools if len(schools) > 1 else [], "names": registers.sees_names(user),
        "may_state_reason": access.may(user, Act.STATE_REASON),
        "chart_spec": {
            "kind": "bar", "x": [one.name for one in first],
            "series": [{"name": "在外的父母", "values": [len(one.parents) for one in first]}], "unit": "人",
        },
        "sentence": f"{found.places[0].name}最多，{len(found.places[0].parents)} 位" if found.places else "",
    }  # fmt: skip
    return _page(
        request, "parents_map", "registry:parents_map", context, action="list_parents_map", count=len(rows),
        detail=place.name if place else LEVELS[level],
    )  # fmt: skip
