"""Pages of a screening inside a school: what waits, the class and its children. Doors to ``registry.screenings``."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from trust import audit
from trust.models import VersionConflict

from .. import access, families
from ..access import Act
from ..forms.screening import ChangedForm, FiguresForm, HomeAgainForm, LeftForm
from ..models import Child, ClassScreening, SchoolClass, SchoolScreening, Screening
from ..screenings import answers, campaign, counts, showing
from ..screenings.hand_in import class_words
from ..screenings.rolls import Roll, is_open, is_pending, named_to
from . import answers as asking

PAGE = 50
form_view = require_http_methods(["GET", "HEAD", "POST"])
SEES_SCREENINGS = (Act.SCREEN_CLASS, Act.HAND_IN_SCREENING, Act.REVIEW_SCREENING, Act.SEE_COUNTY_BOARD)

audit.name_actions(open_class_screening="查看班级摸底", list_screening="查看摸底名单")


def posted(request):
    """What was sent, or None."""
    return request.POST if request.method == "POST" else None


def act_or_say(request, run, done, back):
    """Runs a verb, says ``done`` or why not, and goes back."""
    try:
        said = run()
    except ValidationError as error:
        for message in error.messages:
            messages.error(request, message)
    except VersionConflict:
        messages.error(request, "刚才别人也改了这里，请看一下现在的情况再办")
    else:
        messages.success(request, done(said) if callable(done) else done)
    return redirect(back)


def answer_form(request, form, save, *, template="registry/screening/form.html", **page):
    """``views.answers.answer_form`` on a page of the screening."""
    return asking.answer_form(request, form, save, template=template, **page)


# --- what there is ------------------------------------------------------------------------------------------------------


@require_safe
def screening_home(request):
    """摸底: this term's on top, with the reader's own classes or schools; earlier ones below."""
    user = request.user
    if not any(access.may(user, act) for act in SEES_SCREENINGS):
        raise PermissionDenied("您的岗位没有这项功能")
    rows = list(Screening.objects.visible_to(user).select_related("term", "county").order_by("-as_of", "-pk"))
    parts = list(
        SchoolScreening.objects.visible_to(user)
        .filter(screening__in=rows, school__in=access.schools_whole(user, Act.HAND_IN_SCREENING))
        .select_related("screening", "school")
        .order_by("school__code")
    )
    classes = list(
        ClassScreening.objects.visible_to(user)
        .filter(
            school_screening__screening__in=[row for row in rows if row.closed_at is None],
            school_class__in=_own_classes(user),
        )
        .select_related("school_class__school", "school_screening__screening")
    )
    progress = counts.progress_of_classes(classes)
    for one in classes:
        one.progress = progress[one.pk]
        one.locked = not is_open(one.school_screening)
    county = access.posts_of(user)[0].staff.county
    sees_county = any(access.may(user, act) for act in (Act.REVIEW_SCREENING, Act.SEE_COUNTY_BOARD))
    for row in rows:
        row.parts = [part for part in parts if part.screening_id == row.pk]
        row.own_classes = [one for one in classes if one.school_screening.screening_id == row.pk]
    context = {
        "rows": rows,
        "may_run": campaign.may_run(user, county),
        "sees_county": sees_county,
    }
    return render(request, "registry/screening/home.html", context)


def _own_classes(user):
    """Classes the user answers for as their teacher; a leader finds the classes on the school's page."""
    own = [
        post.school_class_id
        for post in access.posts_of(user)
        if post.school_class_id and Act.SCREEN_CLASS in access.TABLE[post.kind].acts
    ]
    return SchoolClass.objects.filter(pk__in=own)


# --- the class ----------------------------------------------------------------------------------------------------------


def class_or_404(request, uid):
    """The class's part if the reader answers for this class; 403 without the function, else 404."""
    if not access.may(request.user, Act.SCREEN_CLASS):
        raise PermissionDenied("您的岗位没有这项功能")
    class_part = get_object_or_404(
        ClassScreening.objects.visible_to(request.user).select_related(
            "school_class__school",
            "done_by",
            "school_screening__screening__county",
            "school_screening__screening__term",
            "school_screening__school__county",
            "school_screening__school__district",
        ),
        uid=uid,
    )
    if not answers.may_screen(request.user, class_part.school_screening, class_part.school_class):
        raise Http404
    return class_part


def class_url(class_part):
    """The class's page."""
    return reverse("registry:screening_class", args=[class_part.uid])


def may_reopen(user, class_part):
    """Whether ``user`` gives a done class back to its teacher."""
    part = class_part.school_screening
    return (
        class_part.done_at is not None
        and is_open(part)
        and access.may(user, Act.HAND_IN_SCREENING, school=part.school)
    )


@require_safe
def screening_class(request, uid):
    """One class: each child with last term's answer and today's facts; 都没变, then the exceptions."""
    class_part = class_or_404(request, uid)
    part = class_part.school_screening
    roll = Roll(part)
    entries = roll.entries_of(class_part)
    seen = named_to(entries, request.user)
    seen.sort(key=lambda entry: (not is_pending(entry), entry.answer in showing.GONE))
    page = Paginator(seen, PAGE).get_page(request.GET.get("page"))
    rows = showing.rows_of(roll, page.object_list)
    audit.record(
        "open_class_screening",
        by=request.user,
        kind="classscreening",
        uid=class_part,
        count=len(rows),
        detail=f"第 {page.number} 页",
    )
    still_open = is_open(part)
    waiting = roll.pending(class_part)
    context = {
        "class_part": class_part,
        "part": part,
        "name": class_words(class_part, roll.day),
        "page_obj": page,
        "rows": rows,
        "hidden": len(entries) - len(seen),
        "counted": len(roll.counted(class_part)),
        "total": len(entries),
        "waiting": len(waiting),
        "unanswered": len([entry for entry in waiting if not entry.answer]),
        "open": still_open,
        "editable": still_open and class_part.done_at is None,
        "may_reopen": may_reopen(request.user, class_part),
        "not_listed": list(showing.not_listed(class_part, request.user, roll.day)[:PAGE])
        if still_open
        else [],
        "difference": answers.difference(class_part),
        "last_step": part.steps.order_by("-pk").first(),
        "leads": access.may(request.user, Act.HAND_IN_SCREENING, school=part.school),
    }
    return render(request, "registry/screening/class.html", context)


@require_POST
def screening_unchanged(request, uid):
    """都没变."""
    class_part = class_or_404(request, uid)
    return act_or_say(
        request,
        lambda: answers.say_all_unchanged(class_part, by=request.user),
        lambda n: f"{n} 个孩子确认好了" if n else "都已经确认过了",
        class_url(class_part),
    )


@form_view
def screening_figures(request, uid):
    """The class's own figures."""
    class_part = class_or_404(request, uid)
    if class_part.school_class_id is None:
        raise Http404
    form = FiguresForm(posted(request), class_part=class_part)

    def save(data):
        stated = answers.state_figures(
            class_part, by=request.user, expected=data["version"], **form.figures()
        )
        off = answers.difference(stated)
        return (
            f"保存好了。学年初＋转入－转出－辍学，和现在差 {abs(off)} 人，请核对" if off else "人数保存好了"
        )

    return answer_form(
        request,
        form,
        save,
        title=f"{class_words(class_part, class_part.school_screening.screening.as_of)}的人数",
        back=class_url(class_part),
        note="学年初＋转入－转出－辍学，一般等于现在的人数。",
    )


@require_POST
def screening_class_done(request, uid):
    """Class → school."""
    class_part = class_or_404(request, uid)
    return act_or_say(
        request,
        lambda: answers.hand_in_class(class_part, by=request.user),
        "本班已经交给学校",
        class_url(class_part),
    )


@require_POST
def screening_class_reopen(request, uid):
    """School → class teacher."""
    class_part = class_or_404(request, uid)
    access.require(request.user, Act.HAND_IN_SCREENING, school=class_part.school_screening.school)
    return act_or_say(
        request,
        lambda: answers.reopen_class(class_part, by=request.user),
        "退回班主任了，可以再改",
        class_url(class_part),
    )


# --- one child ----------------------------------------------------------------------------------------------------------


def _child_of(request, uid, child_uid):
    """(class part, child, its entry as the facts have it) or 404; entries follow children whose file is open."""
    class_part = class_or_404(request, uid)
    child = get_object_or_404(Child.objects.visible_to(request.user), uid=child_uid)
    entry = Roll(class_part.school_screening).find(class_part, child)
    if entry is None:
        raise Http404
    return class_part, child, entry


@require_POST
def screening_child_unchanged(request, uid, child_uid):
    """没变."""
    class_part, child, _ = _child_of(request, uid, child_uid)
    return act_or_say(
        request,
        lambda: answers.say_unchanged(class_part, child, by=request.user),
        "确认好了",
        class_url(class_part),
    )


@form_view
def screening_child_changed(request, uid, child_uid):
    """有变化: the doors to the facts, then a sentence."""
    class_part, child, entry = _child_of(request, uid, child_uid)
    part = class_part.school_screening
    touched = showing.changes_since([child.pk], part.screening.opened_at).get(child.pk, [])
    form = ChangedForm(
        posted(request), initial={"version": entry.version if entry.pk else None, "note": "、".join(touched)}
    )

    def save(data):
        answers.say_changed(class_part, child, by=request.user, note=data["note"], expected=data["version"])
        return f"{child.name}有变化，记下了"

    return answer_form(
        request, form, save, title=f"{child.name}有变化", back=class_url(class_part), child=child,
        family=families.family_of(child), touched=touched, template="registry/screening/changed.html",
    )  # fmt: skip


@form_view
def screening_child_left(request, uid, child_uid):
    """已离校, with the reason."""
    class_part, child, _ = _child_of(request, uid, child_uid)

    def save(data):
        answers.say_left(class_part, child, by=request.user, **data)
        return f"{child.name}已登记离校"

    return answer_form(
        request, LeftForm(posted(request)), save, title=f"{child.name}已离校", back=class_url(class_part),
        act="登记离校", note="离校同时记进孩子的档案，档案会留着。",
    )  # fmt: skip


@form_view
def screening_child_home(request, uid, child_uid):
    """父母回来了: off the care list."""
    class_part, child, _ = _child_of(request, uid, child_uid)
    family = families.family_of(child)
    away = [(adult.work, adult.word) for adult in family.parents_away]

    def save(data):
        answers.say_home_again(class_part, child, by=request.user, **data)
        return f"{child.name}已移出在册"

    return answer_form(
        request, HomeAgainForm(posted(request), away=away), save, title=f"{child.name}不再在册",
        back=class_url(class_part), act="移出在册", note="从第二天起不在册。以后父母又外出，再列入在册。",
    )  # fmt: skip
