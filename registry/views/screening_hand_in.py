"""Pages of a screening above the class: the school's progress and hand-in, what district and county see and decide."""

from uuid import UUID

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from trust import audit

from .. import access
from ..access import Act
from ..forms.screening import ClassFilter, OpenForm, ReturnForm, SchoolAgeForm, SchoolsFilter
from ..models import (
    Child,
    District,
    HandInState,
    SchoolClass,
    SchoolScreening,
    Screening,
    ScreeningEntry,
    ScreeningStep,
)
from ..screenings import answers, campaign, comparing, counts, hand_in, rates, showing
from ..screenings.hand_in import class_words
from ..screenings.rolls import Roll, is_open, named_to
from .screening import act_or_say, answer_form, form_view, posted

PAGE = 50
SEES_SCHOOL = (Act.HAND_IN_SCREENING, Act.REVIEW_SCREENING, Act.SEE_COUNTY_BOARD)


# --- the school ---------------------------------------------------------------------------------------------------------


def part_or_404(request, uid):
    """The school's part, inside the reader's places; 403 without a function over it."""
    user = request.user
    if not any(access.may(user, act) for act in SEES_SCHOOL):
        raise PermissionDenied("您的岗位没有这项功能")
    return get_object_or_404(
        SchoolScreening.objects.visible_to(user).select_related(
            "screening__county", "screening__term", "school__county", "school__district", "handed_in_by"
        ),
        uid=uid,
    )


def school_url(part):
    """The school's page."""
    return reverse("registry:screening_school", args=[part.uid])


def _leads(user, part):
    return access.may(user, Act.HAND_IN_SCREENING, school=part.school)


@require_safe
def screening_school(request, uid):
    """One school: its classes and how far they are, what is missing, what was sent and said. Counts, no names."""
    part, user = part_or_404(request, uid), request.user
    roll = Roll(part)
    leads, still_open = _leads(user, part), is_open(part)
    rows = [
        {
            "part": one,
            "name": class_words(one, part.screening.as_of),
            "total": len(roll.entries_of(one)),
            "answered": len(roll.entries_of(one)) - len(roll.pending(one)),
            "counted": len(roll.counted(one)),
            "difference": answers.difference(one),
        }
        for one in roll.shown_classes()
    ]
    steps = ScreeningStep.objects.filter(school_screening=part).select_related("taken_by")
    context = {
        "part": part,
        "rows": rows,
        "done": len([row for row in rows if row["part"].done_at]),
        "counted": len(roll.counted()),
        "pupils": sum(row["part"].pupils or 0 for row in rows),
        "open": still_open,
        "leads": leads,
        "hindrances": hand_in.hindrances(roll) if still_open else [],
        "stale": any(row["part"].pk is None for row in rows),
        "steps": list(steps),
        "may_review": hand_in.may_review(user, part) and part.screening.closed_at is None,
        "may_accept": hand_in.may_accept(user, part) and part.screening.closed_at is None,
        "may_forward": hand_in.may_forward(user, part) and part.screening.closed_at is None,
        "may_state_reason": access.may(user, Act.STATE_REASON, school=part.school),
    }
    return render(request, "registry/screening/school.html", context)


@form_view
def screening_school_age(request, uid):
    """适龄儿童数, stated by the school."""
    part = part_or_404(request, uid)
    access.require(request.user, Act.HAND_IN_SCREENING, school=part.school)
    form = SchoolAgeForm(posted(request), part=part)

    def save(data):
        answers.state_school_age(
            part, by=request.user, expected=data["version"], school_age_children=data["school_age_children"],
            school_age_enrolled=data["school_age_enrolled"],
        )  # fmt: skip
        return "适龄儿童数保存好了"

    return answer_form(
        request, form, save, title="服务范围内的适龄儿童", back=school_url(part),
        note="算入学率用。适龄儿童是该上小学、初中的孩子，不只是留守儿童。",
    )  # fmt: skip


@require_POST
def screening_refresh(request, uid):
    """Classes that began after the opening are added."""
    part = part_or_404(request, uid)
    access.require(request.user, Act.HAND_IN_SCREENING, school=part.school)
    return act_or_say(
        request, lambda: answers.refresh(part, by=request.user), "新的班级加进来了", school_url(part)
    )


@require_POST
def screening_hand_in(request, uid):
    """School → district or county."""
    part = part_or_404(request, uid)
    return act_or_say(
        request,
        lambda: hand_in.hand_in(part, by=request.user),
        lambda sent: f"{sent.get_state_display()}，名单已锁定",
        school_url(part),
    )


@require_POST
def screening_forward(request, uid):
    """District → county."""
    part = part_or_404(request, uid)
    return act_or_say(request, lambda: hand_in.forward(part, by=request.user), "已报到县里", school_url(part))


@require_POST
def screening_accept(request, uid):
    """The county accepts."""
    part = part_or_404(request, uid)
    return act_or_say(
        request, lambda: hand_in.accept(part, by=request.user), f"{part.school}的摸底已接收", school_url(part)
    )


@form_view
def screening_return(request, uid):
    """Sent back, with a remark on the whole and on the rows chosen on the list (``?entry=``)."""
    part = part_or_404(request, uid)
    if not (
        access.may(request.user, Act.REVIEW_SCREENING, school=part.school)
        or campaign.stands_in(request.user, part.school.county)
    ):
        raise PermissionDenied("您的岗位没有这项功能")
    if not hand_in.may_review(request.user, part):
        messages.error(request, f"现在是“{part.get_state_display()}”，不能退回")
        return redirect(school_url(part))
    chosen = [uid for uid in map(_uid_of, request.GET.getlist("entry")[:PAGE]) if uid]
    entries = list(
        ScreeningEntry.objects.visible_to(request.user)
        .filter(class_screening__school_screening=part, uid__in=chosen)
        .select_related("child")
        .order_by("child__name_key", "pk")
    )
    form = ReturnForm(posted(request), entries=entries)

    def save(data):
        hand_in.give_back(part, by=request.user, comment=data["comment"], rows=form.rows())
        return f"退回{part.school}了"

    if entries and request.method == "GET":
        _audit_list(request, part, entries, "退回意见")
    return answer_form(
        request, form, save, title=f"退回{part.school}的摸底", back=school_url(part), act="退回", danger=True,
        note="学校改好以后再上报。写了意见的行，班主任要重新确认。" if entries
        else "要对某一个孩子写意见，先在“名单”里选上，再点退回。",
    )  # fmt: skip


def _audit_list(request, part, entries, detail):
    audit.record(
        "list_screening", by=request.user, kind="schoolscreening", uid=part, count=len(entries), detail=detail
    )


@require_safe
def screening_names(request, uid):
    """The list of the school: names for its leaders, for others once a reason is stated; rows to send back."""
    part, user = part_or_404(request, uid), request.user
    if not (_leads(user, part) or access.may(user, Act.STATE_REASON, school=part.school)):
        raise PermissionDenied("您的岗位只看数字，不看名单")
    roll = Roll(part)
    entries = [entry for one in roll.shown_classes() for entry in roll.entries_of(one)]
    show = request.GET.get("show", "")
    if show in dict(SHOWN):
        entries = [entry for entry in entries if SHOWN_AS[show](entry)]
    seen = named_to(entries, user)
    page = Paginator(seen, PAGE).get_page(request.GET.get("page"))
    rows = showing.rows_of(roll, page.object_list)
    for row in rows:
        row.class_name = class_words(row.entry.class_screening, part.screening.as_of)
    _audit_list(request, part, rows, f"{dict(SHOWN).get(show, '全部')}，第 {page.number} 页")
    context = {
        "part": part,
        "page_obj": page,
        "rows": rows,
        "shows": [(key, word, key == show) for key, word in SHOWN],
        "total": len(entries),
        "hidden": len(entries) - len(seen),
        "leads": _leads(user, part),
        "may_review": hand_in.may_review(user, part) and part.screening.closed_at is None,
        "may_state_reason": access.may(user, Act.STATE_REASON, school=part.school),
    }
    return render(request, "registry/screening/names.html", context)


SHOWN = [
    ("", "全部"),
    ("waiting", "还没确认"),
    ("new", "新增"),
    ("changed", "有变化"),
    ("gone", "离校或移出"),
]
SHOWN_AS = {
    "": lambda entry: True,
    "waiting": showing.is_pending,
    "new": lambda entry: entry.answer == "new",
    "changed": lambda entry: entry.answer == "changed",
    "gone": lambda entry: entry.answer in showing.GONE,
}


@require_safe
def screening_compare(request, uid):
    """This term against the one before: counts for everybody, names for whoever may open the files."""
    part, user = part_or_404(request, uid), request.user
    chosen = (
        SchoolClass.objects.visible_to(user)
        .filter(school=part.school, uid=_uid_of(request.GET.get("class", "")))
        .first()
    )
    found = comparing.compare(part, school_class=chosen)
    lists = []
    if found is not None:
        everybody = [one.child_id for one in (*found.joined, *found.left, *found.changed)]
        seen = Child.objects.visible_to(user).filter(pk__in=everybody)
        uids = dict(seen.values_list("pk", "uid"))
        for key, title, changes in (
            ("joined", "新进名单的", found.joined),
            ("left", "从名单上下来的", found.left),
            ("changed", "还在名单上，有变化的", found.changed),
        ):
            shown = [(change, uids[change.child_id]) for change in changes if change.child_id in uids]
            lists.append(
                {
                    "key": key,
                    "title": title,
                    "count": len(changes),
                    "rows": shown,
                    "hidden": len(changes) - len(shown),
                }
            )
        _audit_list(request, part, [row for one in lists for row in one["rows"]], "两学期对比")
    classes = sorted(
        SchoolClass.objects.filter(school=part.school, screenings__school_screening=part).select_related(
            "school"
        ),
        key=lambda one: (one.stage, -one.entry_year, one.number),
    )
    context = {
        "part": part,
        "found": found,
        "lists": lists,
        "form": ClassFilter(
            {"class": str(chosen.uid) if chosen else ""},
            classes=[(str(one.uid), one.name_on(part.screening.as_of)) for one in classes],
        ),
        "chosen": chosen,
        "chosen_name": chosen.name_on(part.screening.as_of) if chosen else "",
    }
    return render(request, "registry/screening/compare.html", context)


def _uid_of(text):
    """A uid of the address, or None."""
    try:
        return UUID(text)
    except ValueError:
        return None


@require_safe
def screening_rates(request, uid):
    """入学率, 巩固率, 辍学率 with numerator, denominator, definition and, for left-behind children, the names."""
    part, user = part_or_404(request, uid), request.user
    as_of = min(part.screening.as_of, timezone.localdate())
    mine = rates.left_behind_rates([part.school], as_of)
    dropped = list(rates.named(mine[0], user))
    if dropped:
        _audit_list(request, part, dropped, "辍学的留守儿童")
    context = {
        "part": part,
        "as_of": as_of,
        "tables": [("全校学生", rates.stated_rates([part])), ("留守儿童", mine)],
        "dropped": dropped,
        "lost": len(mine[0].children),
    }
    return render(request, "registry/screening/rates.html", context)


# --- the county ---------------------------------------------------------------------------------------------------------


def _screening_or_404(request, uid):
    user = request.user
    if not any(access.may(user, act) for act in (Act.REVIEW_SCREENING, Act.SEE_COUNTY_BOARD)) and not any(
        campaign.stands_in(user, post.county) for post in access.posts_of(user)[:1]
    ):
        raise PermissionDenied("您的岗位没有这项功能")
    return get_object_or_404(Screening.objects.visible_to(user).select_related("county", "term"), uid=uid)


@form_view
def screening_open(request):
    """The county opens the screening of a term."""
    user = request.user
    posts = access.posts_of(user)
    if not posts:
        raise PermissionDenied("您的岗位没有这项功能")
    county = posts[0].staff.county
    campaign.require_run(user, county)
    form = OpenForm(posted(request), county=county)
    running = Screening.objects.visible_to(user).filter(county=county, closed_at=None).first()

    def save(data):
        row = campaign.open_screening(data["term"], by=user, **{k: v for k, v in data.items() if k != "term"})
        return f"{row}发起了，{row.schools.count()} 所学校参加"

    note = "每所在用的学校、每个班、每个在册的孩子都会列出来。"
    if running is not None:
        note += f"{running}同时结束，没上报的就不能再报了。"
    return answer_form(
        request, form, save, title="发起摸底", back=reverse("registry:screening_home"), act="发起", note=note,
        no_terms=not form.fields["term"].queryset.exists(),
    )  # fmt: skip


@require_safe
def screening_county(request, uid):
    """All schools of a screening: where each stands, what the handed-in lists add up to. No names."""
    screening, user = _screening_or_404(request, uid), request.user
    districts = list(District.objects.visible_to(user).filter(county=screening.county).order_by("code"))
    form = SchoolsFilter(request.GET, districts=districts)
    asked = form.cleaned_data if form.is_valid() else {}
    parts = list(
        SchoolScreening.objects.visible_to(user)
        .filter(screening=screening)
        .select_related("school__district", "school__county")
        .order_by("school__code")
    )
    for part in parts:
        part.screening = screening
    shown = [
        part
        for part in parts
        if (not asked.get("state") or part.state == asked["state"])
        and (not asked.get("district") or str(getattr(part.school.district, "uid", "")) == asked["district"])
    ]
    summed = counts.add_up(shown)
    page = Paginator(shown, PAGE).get_page(request.GET.get("page"))
    progress = counts.progress_of(list(page.object_list))
    changes = comparing.county_changes(list(page.object_list))
    rows = [
        {
            "part": part,
            "progress": progress.get(part.pk, {"classes": 0, "done": 0, "entries": 0, "answered": 0}),
            "sums": summed.by_school.get(part.school_id),
            "changes": changes.get(part.school_id),
            "line": [
                summed.by_school[part.school_id][name]
                for name in counts.COLUMNS
                if part.school_id in summed.by_school
            ],
        }
        for part in page.object_list
    ]
    may_run = campaign.may_run(user, screening.county) and screening.closed_at is None
    states = [part.state for part in parts]
    context = {
        "screening": screening,
        "form": form,
        "page_obj": page,
        "rows": rows,
        "summed": summed,
        "columns": list(counts.COLUMNS.items()),
        "sum_line": [summed.total[name] for name in counts.COLUMNS],
        "doubles_words": f"有 {summed.doubles} 个孩子在两所学校的名单上都有，合计里算了两次，请核对后退回一所。",
        "steps": [(state.value, state.label, states.count(state)) for state in HandInState],
        "sent": len([state for state in states if state not in ("filling", "returned")]),
        "total": len(parts),
        "may_run": may_run,
        "joinable": campaign.missing_schools(screening).count() if may_run else 0,
        "rates": rates.stated_rates(counts.handed_in(shown)),
    }
    return render(request, "registry/screening/county.html", context)


@require_POST
def screening_join(request, uid):
    """Schools that began after the opening are added."""
    screening = _screening_or_404(request, uid)
    return act_or_say(
        request,
        lambda: campaign.join_new_schools(screening, by=request.user),
        lambda n: f"加进来 {n} 所学校",
        reverse("registry:screening_county", args=[screening.uid]),
    )


@form_view
def screening_end(request, uid):
    """Nothing is entered or sent on any more."""
    screening = _screening_or_404(request, uid)
    campaign.require_run(request.user, screening.county)
    back = reverse("registry:screening_county", args=[screening.uid])
    if request.method == "POST":
        return act_or_say(
            request, lambda: campaign.end_screening(screening, by=request.user), "摸底结束了", back
        )
    open_ones = screening.schools.filter(state__in=["filling", "returned"]).count()
    context = {
        "question": f"结束{screening}？",
        "texts": [
            f"还有 {open_ones} 所学校没有上报。" if open_ones else "各校都上报了。",
            "结束以后各班不能再填，学校不能再上报，已上报的名单照样能看。",
        ],
        "act": "结束",
        "back_url": back,
        "danger": True,
    }
    return render(request, "confirm.html", context)
