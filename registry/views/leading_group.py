"""The leading group (领导小组) on any day, vacant posts, earlier holders; the duties (职责) of each post."""

from django.http import Http404
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from .. import access, duty_texts, staff
from .. import leading_group as groups
from ..access import Act
from ..forms.leading_group import DayForm, DutyTextsForm
from ..models import PostKind
from .answers import answer_form, form_view
from .places import county_or_404, school_or_404

HISTORY = 40


@require_safe
def leading_group(request, uid):
    """领导小组名单 of a day: who leads the care work, with the part of each; which posts nobody holds; who held them before."""
    school = school_or_404(request, uid)
    today = timezone.localdate()
    form = DayForm(request.GET or None)
    day = (form.cleaned_data["day"] if form.is_bound and form.is_valid() else None) or today
    if not form.is_bound:
        form = DayForm(initial={"day": day})
    past = groups.history(school)
    context = {
        "school": school, "day": day, "today": today, "form": form,
        "group": staff.leading_group(school, day),
        "vacant": [one for one in groups.expected_posts(school, day) if one.vacant],
        "history": past[:HISTORY], "more": len(past) > HISTORY,
        "days": groups.change_days(school)[:8],
        "may_staff": access.may(request.user, Act.MANAGE_STAFF, school=school),
        "reads_meetings": access.may(request.user, Act.READ_MEETINGS, school=school),
    }  # fmt: skip
    return render(request, "registry/staff/group.html", context)


# --- 职责 ---------------------------------------------------------------------------------------------------------------


def _kind_or_404(kind):
    if kind not in duty_texts.KINDS:
        raise Http404
    return PostKind(kind)


@require_safe
def duty_texts_of_school(request, uid):
    """岗位职责 of a school: its own words, or the template that holds in their place."""
    school = school_or_404(request, uid)
    context = {
        "place": school, "school": school, "texts": duty_texts.texts_of(school),
        "may_write": access.may(request.user, Act.MANAGE_STAFF, school=school),
    }  # fmt: skip
    return render(request, "registry/staff/duty_texts.html", context)


@form_view
def duty_text_edit(request, uid, kind):
    """A school's own words for the duties of a post."""
    school = school_or_404(request, uid)
    access.require(request.user, Act.MANAGE_STAFF, school=school)
    now = next(one for one in duty_texts.texts_of(school) if one.kind == _kind_or_404(kind))
    back = reverse("registry:duty_texts", args=[school.uid])
    return _edit(request, now, f"{school}{now.kind.label}的职责", back, county=school.county, school=school)


@require_safe
def county_duty_texts(request, uid):
    """The county's template (范本) of duties, which schools use or put their own words in place of."""
    county = county_or_404(request, uid, Act.MANAGE_PLACES)
    context = {"place": county, "school": None, "texts": duty_texts.county_texts(county), "may_write": True}
    return render(request, "registry/staff/duty_texts.html", context)


@form_view
def county_duty_text_edit(request, uid, kind):
    """The county's words for the duties of a post."""
    county = county_or_404(request, uid, Act.MANAGE_PLACES)
    now = next(one for one in duty_texts.county_texts(county) if one.kind == _kind_or_404(kind))
    back = reverse("registry:county_duty_texts", args=[county.uid])
    return _edit(request, now, f"{now.kind.label}的职责（县里的范本）", back, county=county, school=None)


def _edit(request, now, title, back, **place):
    form = DutyTextsForm(request.POST or None, initial={"text": now.text, "version": now.version})

    def save(data):
        duty_texts.write(now.kind, text=data["text"], by=request.user, expected=data["version"], **place)
        return "职责写好了，任这个岗位的人在“我的”里看得到"

    return answer_form(request, form, save, title=title, back=back, note=f"现在用的是{now.source}。")


@require_safe
def my_duties(request):
    """我的岗位和职责: the posts one holds today and what each asks."""
    found = []
    texts = {}
    for post in access.posts_of(request.user):
        if post.school_id and post.kind in duty_texts.KINDS:
            if post.school_id not in texts:
                texts[post.school_id] = {one.kind: one for one in duty_texts.texts_of(post.school)}
            found.append((post, texts[post.school_id][post.kind]))
        else:
            found.append((post, None))
    return render(request, "registry/staff/my_duties.html", {"rows": found})
