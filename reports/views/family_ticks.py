"""三项到位: one agreement, one phone, some parenting; per child, class by class."""

from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from activities.models import Activity
from registry import access, registers
from registry.access import Act
from registry.models import Child, Enrollment
from trust import audit

from .. import family_ticks as ticks

PAGE = 30
LESSONS = 12

audit.name_actions(list_family_ticks="查看协议、电话、家教三项")


@require_safe
def family_ticks(request):
    """The classes with what they lack; the children of one class or of all, those who lack something first."""
    user = request.user
    access.require(user, Act.SEE_REGISTERS)
    today = timezone.localdate()
    found = ticks.ticks_on(today, registers.reach_of(user))
    classes, total = ticks.by_class(found)
    asked = next(
        (
            row
            for row in classes
            if row.school_class and str(row.school_class.uid) == request.GET.get("class")
        ),
        None,
    )
    if request.GET.get("class") and asked is None:
        raise Http404("没有这个班")
    lacks = request.GET.get("lacks") if request.GET.get("lacks") in ticks.TICKS else ""
    shown = [
        one for one in found
        if (asked is None or one.school_class_id == asked.school_class.pk) and (lacks in one.missing if lacks else one.missing)
    ]  # fmt: skip
    page = Paginator(shown, PAGE).get_page(request.GET.get("page"))
    ids = [one.child_id for one in page.object_list]
    named = Child.objects.visible_to(user).in_bulk(ids)
    seats = {
        seat.child_id: seat
        for seat in Enrollment.objects.on(today)
        .filter(child__in=ids)
        .select_related("school", "school_class__school")
    }
    rows = [
        (named[one.child_id], seats.get(one.child_id), one)
        for one in page.object_list
        if one.child_id in named
    ]
    schools = access.schools_for(user, Act.SEE_REGISTERS).values("pk")
    lessons = ticks.lessons(schools, today).filter(pk__in=Activity.objects.visible_to(user).values("pk"))[
        :LESSONS
    ]
    audit.record(
        "list_family_ticks", by=user, kind="child", count=len(rows), detail=ticks.TICKS.get(lacks, "三项")
    )
    context = {
        "tabs": registers.tabs_of(user, "reports:family_ticks"), "classes": classes, "total": total, "asked": asked,
        "lacks": lacks, "choices": list(ticks.TICKS.items()), "rows": rows, "page_obj": page, "today": today,
        "several": len({row.school_class.school_id for row in classes if row.school_class}) > 1,
        "lessons": lessons, "year_start": ticks.year_start(today),
    }  # fmt: skip
    return render(request, "reports/families/ticks.html", context)
