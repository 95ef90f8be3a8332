"""新学年: one page with all that the turn of the school year asks of a school, and its two batch steps."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from registry import access, class_moves, places
from registry.access import Act
from registry.models import School
from trust import audit

from .. import moves
from .. import year_end as years
from ..move_forms import GraduatesForm

PAGE = 50

audit.name_actions(open_year_end="查看新学年")


def _schools(user):
    """Schools the user leads; 403 for somebody without that function."""
    access.require(user, Act.ASSIGN_PAIRINGS)
    return School.objects.visible_to(user).filter(
        pk__in=access.schools_for(user, Act.ASSIGN_PAIRINGS).values("pk")
    )


def _choices(schools):
    county = schools[0].county
    return moves.schools_to_send_to(county, timezone.localdate())


@require_safe
def year_end(request):
    """Graduates and where they go, first classes, class teachers, children without a class, loose ties, calendar."""
    today = timezone.localdate()
    schools = list(_schools(request.user).select_related("county").order_by("code"))
    found = years.year_end(request.user, schools, today)
    undecided_first = sorted(found.graduates, key=lambda one: not one.open)
    page = Paginator(undecided_first, PAGE).get_page(request.GET.get("page"))
    audit.record(
        "open_year_end",
        by=request.user,
        kind="school",
        count=len(page.object_list),
        detail=f"第 {page.number} 页",
    )
    context = {
        "found": found,
        "page_obj": page,
        "schools": schools,
        "today": today,
        "form": GraduatesForm(schools=_choices(schools))
        if any(one.open for one in page.object_list)
        else None,
    }
    return render(request, "pairing/year_end/page.html", context)


@require_POST
def graduates_send(request):
    """Ticked graduates: sent to one school, or left with where they went."""
    schools = list(_schools(request.user).select_related("county").order_by("code"))
    asked = set(request.POST.getlist("child"))
    found = years.year_end(request.user, schools, timezone.localdate())
    here = {str(one.seat.child.uid): one for one in found.graduates}
    if not asked <= set(here):
        raise Http404
    form = GraduatesForm(request.POST, schools=_choices(schools))
    children = [here[uid].seat.child for uid in asked if here[uid].open]
    if not children or not form.is_valid():
        wrong = [error for errors in form.errors.values() for error in errors] if children else []
        messages.warning(request, "；".join(wrong) or "请先勾选还没定去向的孩子")
        return redirect("pairing:year_end")
    data = form.cleaned_data
    try:
        if data["to_school"]:
            moves.send_transfers(
                children=children, to_school=data["to_school"], by=request.user, reason="升入初中",
                last_day=max(here[uid].seat.school_class.ends_on for uid in asked), submission=data["submission"],
            )  # fmt: skip
            messages.success(request, f"{len(children)} 个孩子已发给{data['to_school'].name}，等对方接收")
        else:
            class_moves.graduate(children=children, by=request.user, destination=data["destination"])
            messages.success(request, f"{len(children)} 个孩子已登记毕业去向")
    except ValidationError as error:
        messages.warning(request, "；".join(error.messages))
    return redirect("pairing:year_end")


@require_POST
def first_classes_open(request):
    """Open the classes of a first grade; those that are there stay."""
    schools = {str(one.uid): one for one in _schools(request.user)}
    school = schools.get(request.POST.get("school", ""))
    grade, number = request.POST.get("grade", ""), request.POST.get("number", "")
    if school is None or not grade.lstrip("-").isdecimal() or not number.isdecimal():
        raise Http404
    if not access.may(request.user, Act.MANAGE_CLASSES, school=school):
        raise PermissionDenied("您的岗位没有这项功能")
    year = years.year_of(timezone.localdate())
    numbers = years.first_grade_numbers(school, int(grade), min(int(number), 30), year)
    made = places.add_classes(school, by=request.user, numbers=numbers, day=years.date(year, 9, 1))
    messages.success(request, f"新建 {len(made)} 个班，接着任命班主任" if made else "这些班已经有了")
    return redirect(reverse("pairing:year_end"))
