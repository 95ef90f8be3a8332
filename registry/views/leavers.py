"""Pages of the files of children that left (离校学生档案): by school year, and opening a sealed one."""

from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from trust import audit

from .. import access, leavers
from ..access import Act
from ..calendar import school_year_of
from ..forms.children import ReasonForm
from ..models import County, School
from .children import answer_form, form_view

PAGE = 50


@require_safe
def leaver_list(request):
    """Who left in a school year, where to, until when the file is in use and kept."""
    user = request.user
    access.require(user, Act.KEEP_LEAVERS)
    years = leavers.counts_by_year(user)
    year = _year_asked(request, years)
    page = Paginator(leavers.left_in(user, year), PAGE).get_page(request.GET.get("page"))
    rows = leavers.describe(user, page.object_list)
    schools = School.objects.visible_to(user)
    audit.record(
        "list_leavers",
        by=user,
        kind="child",
        count=len(rows),
        detail=f"{year}—{year + 1}学年，第 {page.number} 页",
    )
    context = {
        "years": [(one, f"{one}—{one + 1}", number) for one, number in years],
        "year": year,
        "page_obj": page,
        "rows": rows,
        "several_schools": schools.count() > 1,
        "county": County.objects.filter(schools__in=schools.values("pk")).first(),
    }
    return render(request, "registry/leavers/list.html", context)


def _year_asked(request, years):
    asked = request.GET.get("year", "")
    if asked.isdecimal() and len(asked) == 4:
        return int(asked)
    return years[0][0] if years else school_year_of(timezone.localdate())


@form_view
def leaver_open(request, uid):
    """Say what for and read one sealed file for two hours; one still in use opens by itself."""
    user = request.user
    access.require(user, Act.KEEP_LEAVERS)
    seat = get_object_or_404(
        leavers.leavers(user).select_related("child", "school__county", "school_class__school"),
        child__uid=uid,
    )
    (leaver,) = leavers.describe(user, [seat])
    if leaver.opened or not leaver.sealed:
        return redirect(seat.child)
    form = ReasonForm(request.POST if request.method == "POST" else None)
    form.fields["reason"].label = "用途"
    form.fields["reason"].help_text = "如：家长来开就读证明"

    def save(data):
        leavers.open_sealed(seat, by=user, reason=data["reason"])
        return f"{seat.child.name}的档案已打开两小时，用途和查看都留有记录"

    return answer_form(
        request, form, save, title=f"打开{seat.child.name}封存的档案", act="打开档案两小时",
        back=f"{reverse('registry:leaver_list')}?year={school_year_of(leaver.last_day)}", done=seat.child.get_absolute_url(),
        note=f"{leaver.last_day:%Y-%m-%d} 离开{seat.school.name}，档案用到 {leaver.in_use_until:%Y-%m-%d}，已经封存。用途会给县里复核。",
    )  # fmt: skip
