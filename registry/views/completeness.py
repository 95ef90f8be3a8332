"""建档率: how many files are complete, by class or school, and what each child's still lacks with the form for it."""

from uuid import UUID

from django.core.paginator import Paginator
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from trust import audit

from .. import access, completeness, families, registers
from ..access import Act
from ..models import CareListSpell, Child, Enrollment, School, SchoolClass

PAGE = 20

audit.name_actions(list_incomplete="查看资料待补名单")


@require_safe
def completeness_list(request):
    """Figures of everything the reader's posts reach; names only inside the own school."""
    user, today = request.user, timezone.localdate()
    access.require(user, Act.SEE_HEAD_COUNTS)
    names = registers.sees_names(user)
    seats = Enrollment.objects.filter(registers.reach_of(user))
    code = request.GET.get("lack", "")
    code = code if code in completeness.NEEDS else ""
    place = _uid_of(request.GET.get("place", ""))
    by_place, chosen = (_by_class if names else _by_school)(user, seats, place, today)
    whole = completeness.add_up([rate for _, _, rate in by_place])
    here = chosen[2] if chosen else whole
    context = {
        "today": today,
        "names": names,
        "by_place": by_place,
        "whole": whole,
        "here": here,
        "missing": here.total - here.complete,
        "chosen": chosen,
        "lacks": [
            (key, word, here.missing[key], key == code)
            for key, word in completeness.NEEDS.items()
            if here.missing[key] or key == code
        ],
        "code": code,
        "rows": [],
        "page_obj": None,
        "tabs": registers.tabs_of(user, "registry:completeness"),
    }
    if names:
        _add_children(request, context, seats, place if chosen else None, code, today)
    audit.record(
        "list_incomplete",
        by=user,
        kind="child",
        count=len(context["rows"]),
        detail=completeness.NEEDS.get(code, "全部"),
    )
    return render(request, "registry/registers/completeness.html", context)


def _uid_of(text):
    try:
        return UUID(text)
    except ValueError:
        return None


def _by_class(user, seats, place, today):
    """[(uid, name, Rate)] of the classes in reach, lowest completeness first; and the chosen one."""
    found = completeness.rates_by(seats, "school_class", "school", day=today)
    classes = {
        one.pk: one
        for one in SchoolClass.objects.visible_to(user)
        .filter(pk__in=[key[0] for key in found if key[0]])
        .select_related("school")
    }
    several = len({key[1] for key in found}) > 1
    rows = []
    for (pk, _), rate in found.items():
        one = classes.get(pk)
        name = "还没分班" if one is None else f"{one.school if several else ''}{one.name_on(today)}"
        rows.append((one.uid if one else None, name, rate))
    return _worst_first(rows, place)


def _by_school(user, seats, place, today):
    """The same by school."""
    found = completeness.rates_by(seats, "school", day=today)
    schools = School.objects.visible_to(user).in_bulk([key[0] for key in found])
    rows = [(schools[pk].uid, schools[pk].name, rate) for (pk,), rate in found.items() if pk in schools]
    return _worst_first(rows, place)


def _worst_first(rows, place):
    rows.sort(key=lambda row: (row[2].percent, row[1]))
    return rows, next((row for row in rows if place and row[0] == place), None)


def _add_children(request, context, seats, place, code, today):
    """The children whose files lack something, with the form for each thing."""
    user = request.user
    seats = seats.on(today).filter(child__in=CareListSpell.objects.on(today).values("child"))
    if place:
        seats = seats.filter(school_class__uid=place)
    mine = Child.objects.visible_to(user).filter(pk__in=seats.values("child"))
    found = completeness.lacking(mine, code, today).by_name()
    page = Paginator(found.select_related("county"), PAGE).get_page(request.GET.get("page"))
    children = list(page.object_list)
    loaded = families.families_of(children, today)
    sits = {
        seat.child_id: seat
        for seat in Enrollment.objects.on(today)
        .filter(child__in=children)
        .select_related("school", "school_class__school")
    }
    listed = {spell.child_id: spell for spell in CareListSpell.objects.on(today).filter(child__in=children)}
    for child in children:
        adults, seat = loaded[child.pk].adults, sits.get(child.pk)
        codes = completeness.codes_missing(child, adults, seat, listed.get(child.pk))
        may_edit = seat is not None and access.may(
            user, Act.EDIT_CHILDREN, school=seat.school, school_class=seat.school_class
        )
        context["rows"].append(
            {
                "child": child,
                "seat": seat,
                "lacks": completeness.doors(child, adults, codes),
                "may_edit": may_edit,
            }
        )
    context["page_obj"] = page
