"""Pages of the pairing proposal (结对方案): made, looked at, adjusted, adopted, dropped; and what a child asked for."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry.models import Staff
from trust import audit
from trust.models import JobState, VersionConflict

from .. import pairings, proposals, wishes
from ..models import PairingProposal, ProposalRow, ProposalState, TieWish
from ..proposal_forms import BY_HAND, AdjustForm, AdoptForm, ProposalFilter, ProposeForm, WishForm
from ..proposal_summary import CHANGED, FRESH, KEPT, WITHOUT, Summary
from .pairings import _child_or_404, _loads_for, _may_assign, _tabs, add_errors, assigning_schools, form_view

CHILDREN, TEACHERS = 50, 30  # rows of a page


def _proposal_or_404(request, uid):
    """404 outside the schools whose pairings the user assigns, 403 for whoever assigns none."""
    assigning_schools(request.user)
    found = PairingProposal.objects.visible_to(request.user).select_related("school", "made_by", "applied_by")
    return get_object_or_404(found, uid=uid)


# --- the list, and a new one -----------------------------------------------------------------------------------------------


@form_view
def proposal_list(request):
    """Proposals so far, and the form for the next."""
    schools = assigning_schools(request.user)
    tops = list(schools.exclude(managing_school__in=schools).order_by("code"))
    form = ProposeForm(request.POST or None, schools=tops)
    if request.method == "POST" and form.is_valid():
        try:
            made = proposals.propose(by=request.user, **form.cleaned_data)
        except ValidationError as error:
            add_errors(form, error)
        else:
            return redirect("pairing:proposal", made.uid)
    found = PairingProposal.objects.visible_to(request.user).select_related("school", "made_by")
    found = found.annotate(total=Count("rows"), without=Count("rows", filter=Q(rows__staff=None)))
    page = Paginator(found.order_by("-made_at", "-pk"), 20).get_page(request.GET.get("page"))
    context = {
        "tabs": _tabs(request, "pairing:proposal_list"),
        "form": form,
        "page_obj": page,
        "proposals": page.object_list,
        "several": len(tops) > 1,
    }
    return render(request, "pairing/proposals/list.html", context)


# --- one proposal ------------------------------------------------------------------------------------------------------------


@require_safe
def proposal(request, uid):
    """The summary, and the rows by teacher or by class."""
    found = _proposal_or_404(request, uid)
    job = proposals.being_made(found)
    if job is not None:
        audit.record("open_proposal", by=request.user, kind="pairing_proposal", uid=found, count=0)
        answer = render(
            request,
            "pairing/proposals/waiting.html",
            {"proposal": found, "job": job, "failed": job.state == JobState.FAILED},
        )
        if job.state != JobState.FAILED:
            answer["Refresh"] = "3"
        return answer
    summary = Summary(found)
    by_class = request.GET.get("by") == "class"
    form = _filter(request, summary)
    lines = _asked(summary, form)
    context = {
        "proposal": found,
        "summary": summary,
        "draft": found.state == ProposalState.DRAFT,
        "missing": summary.number(WITHOUT),
        "tally": _tally(summary),
        "form": form,
        "by_class": by_class,
        "filtered": any(request.GET.get(name) for name in form.fields),
        "blocked": [],
    }
    if by_class or context["filtered"]:
        page = Paginator(lines, CHILDREN).get_page(request.GET.get("page"))
        context |= {"by_class": True, "noun": "人"}
        names = len(page.object_list)
    else:
        page = Paginator(list(summary.shares.values()), TEACHERS).get_page(request.GET.get("page"))
        context |= {"noun": "位教师"}
        names = sum(len(share.lines) for share in page.object_list)
    if context["draft"]:
        context["blocked"] = proposals.in_the_way(found)
    audit.record("open_proposal", by=request.user, kind="pairing_proposal", uid=found, count=names)
    return render(request, "pairing/proposals/proposal.html", context | {"page_obj": page})


def _filter(request, summary):
    classes = list(dict.fromkeys(_class_key(line) for line in summary.lines if line.seat))
    form = ProposalFilter(request.GET, classes=classes)
    form.is_valid()
    return form


def _class_key(line):
    """(value, words) of the class filter."""
    return (str(line.seat.school_class.uid) if line.seat.school_class else "none", line.class_name)


def _asked(summary, form):
    """The lines that fit the filter; what is asked wrongly asks nothing."""
    asked = getattr(form, "cleaned_data", {})
    lines = summary.lines
    if show := asked.get("show"):
        lines = [line for line in lines if (line.row.by_hand if show == BY_HAND else line.state == show)]
    if wanted := asked.get("school_class"):
        lines = [line for line in lines if line.seat and _class_key(line)[0] == wanted]
    return lines


def _tally(summary):
    """Numbers, each the link to its list."""
    return [
        ("", len(summary.lines), "孩子", "在册的都在这里"),
        (FRESH, summary.number(FRESH), "新指定", "现在没有包保教师"),
        (CHANGED, summary.number(CHANGED), "换人", "和现在不是同一位"),
        (KEPT, summary.number(KEPT), "照旧", "还是现在这一位"),
        (WITHOUT, summary.number(WITHOUT), "没有人选", "原来有的先照旧"),
        (BY_HAND, summary.by_hand, "人工指定", "您和同事改过的"),
    ]


@form_view
def proposal_row(request, uid, row_uid):
    """Somebody else for one child."""
    found = _proposal_or_404(request, uid)
    rows = ProposalRow.objects.visible_to(request.user).filter(proposal=found)
    row = get_object_or_404(rows.select_related("child", "staff"), uid=row_uid)
    row.proposal = found
    summary = Summary(found)
    line = next(line for line in summary.lines if line.row.pk == row.pk)
    shares = [share for share in summary.shares.values() if share.load.staff.pk != row.staff_id]
    own = summary.shares.get(row.staff_id)
    if own is not None:
        shares = [own, *shares]
    start = {"shown": str(row.staff.uid) if row.staff else "", "staff": str(row.staff.uid) if own else ""}
    form = AdjustForm(request.POST or None, shares=shares, initial=start)
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            shown = (
                Staff.objects.visible_to(request.user).filter(uid=form.cleaned_data["shown"] or None).first()
            )
            changed = proposals.adjust(
                row=row,
                staff=form.cleaned_data["staff"],
                by=request.user,
                expected=shown.pk if shown else None,
            )
        except ValidationError as error:
            add_errors(form, error)
        except VersionConflict as conflict:
            status = 409
            now = conflict.current.staff
            form.add_error(None, f"刚才有人改成了{now.name if now else '先不指定人'}，要改请再选一次")
            form.data = form.data.copy()
            form.data["shown"] = str(now.uid) if now else ""
        else:
            _say(request, changed, summary)
            return redirect(f"{reverse('pairing:proposal', args=[found.uid])}?by=class&show={BY_HAND}")
    context = {
        "proposal": found,
        "line": line,
        "form": form,
        "wish": TieWish.objects.filter(child=row.child).select_related("wanted", "unwanted").first(),
        "back_url": reverse("pairing:proposal", args=[found.uid]),
    }
    return render(request, "pairing/proposals/row.html", context, status=status)


def _say(request, row, summary):
    """What was saved, and whether the teacher is over the quota now."""
    if row.staff is None:
        messages.success(request, f"{row.child.name}先不指定人")
        return
    messages.success(request, f"{row.child.name}改由{row.staff.name}包保，采用方案时一起生效")
    share = summary.shares[row.staff_id]
    if not share.room:
        messages.warning(
            request,
            f"{row.staff.name}会有 {share.after + 1} 个孩子，超出名额（最多 {share.load.maximum} 个）",
        )


@form_view
def proposal_adopt(request, uid):
    """All of it at once, after a last look at what it changes; or none of it, with who stands in the way."""
    found = _proposal_or_404(request, uid)
    summary = Summary(found)
    changing = summary.number(CHANGED)
    form = AdoptForm(request.POST or None, initial={"version": found.version})
    if not changing:
        form.fields["end_reason"].required = False
        for name in ("end_reason", "end_note"):
            form.fields[name].widget = form.fields[name].hidden_widget()
    back = reverse("pairing:proposal", args=[found.uid])
    context = {
        "proposal": found,
        "summary": summary,
        "changing": changing,
        "form": form,
        "back_url": back,
        "blocked": [],
    }
    context |= {
        "fresh": summary.number(FRESH),
        "kept": summary.number(KEPT),
        "without": summary.number(WITHOUT),
    }
    status = 200
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            begun = proposals.adopt(
                proposal=found, by=request.user, end_reason=asked["end_reason"] or form["end_reason"].initial,
                end_note=asked["end_note"], expected=asked["version"],
            )  # fmt: skip
        except pairings.InTheWay as error:
            context["blocked"] = error.children
        except VersionConflict:
            status = 409
            form.add_error(None, "您打开这一页以后，有人调整了方案。数字已经更新，请再看一遍")
            form.data = form.data.copy()
            form.data["version"] = PairingProposal.objects.get(pk=found.pk).version
        except ValidationError as error:
            add_errors(form, error)
        else:
            words = f"方案已采用：{begun} 个孩子从 {found.starts_on:%Y-%m-%d} 起有了新的包保教师"
            messages.success(request, words if begun else "方案已采用，没有要变的包保")
            return redirect("pairing:pairing_list")
    return render(request, "pairing/proposals/adopt.html", context, status=status)


@form_view
def proposal_drop(request, uid):
    """Nothing comes of it."""
    found = _proposal_or_404(request, uid)
    if request.method == "POST":
        try:
            proposals.drop(proposal=found, by=request.user)
        except ValidationError as error:
            messages.warning(request, error.messages[0])
        else:
            messages.success(request, "方案已放弃，包保没有变")
        return redirect("pairing:proposal_list")
    context = {
        "question": f"放弃 {found.starts_on:%Y-%m-%d} 的结对方案？",
        "text": "现在的包保不变。方案还能查看，但不能再采用。",
        "texts": [],
        "act": "放弃方案",
        "back_url": reverse("pairing:proposal", args=[found.uid]),
        "form": None,
        "cancel": "",
        "danger": False,
    }
    return render(request, "confirm.html", context)


# --- what a child asked for ---------------------------------------------------------------------------------------------------


@form_view
def child_wish(request, uid):
    """结对愿望 of one child."""
    child = _child_or_404(request, uid)
    if not _may_assign(request.user, child.seat):
        raise PermissionDenied("您的岗位没有这项功能")
    wish = (
        TieWish.objects.visible_to(request.user)
        .filter(child=child)
        .select_related("wanted", "unwanted")
        .first()
    )
    staff = [load.staff for load in _loads_for(child, timezone.localdate())]
    if wish:
        known = {one.pk for one in staff}
        staff += [one for one in (wish.wanted, wish.unwanted) if one and one.pk not in known]
    form = WishForm(request.POST or None, staff=staff, initial=_shown(wish))
    back = reverse("pairing:child_pairings", args=[child.uid])
    status = 200
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        try:
            wishes.set_wish(
                child=child, by=request.user, sex=asked["sex"], wanted=asked["wanted"], unwanted=asked["unwanted"],
                note=asked["note"], expected=asked["version"],
            )  # fmt: skip
        except ValidationError as error:
            add_errors(form, error)
        except VersionConflict as conflict:
            status = 409
            form.add_error(None, f"刚才有人改过：{_in_words(conflict.current)}。要按您填的存，就再点一次")
            form.data = form.data.copy()
            form.data["version"] = conflict.current.version
        else:
            messages.success(request, f"{child.name}的愿望记下了，生成方案时会照顾到")
            return redirect(back)
    context = {"child": child, "form": form, "back_url": back}
    return render(request, "pairing/proposals/wish.html", context, status=status)


def _shown(wish):
    if wish is None:
        return {}
    return {
        "version": wish.version,
        "sex": wish.sex,
        "wanted": str(wish.wanted.uid) if wish.wanted else "",
        "unwanted": str(wish.unwanted.uid) if wish.unwanted else "",
        "note": wish.note,
    }


def _in_words(wish):
    parts = [f"希望{wish.get_sex_display()}老师"] if wish.sex else []
    parts += [f"希望{wish.wanted.name}"] if wish.wanted else []
    parts += [f"不希望{wish.unwanted.name}"] if wish.unwanted else []
    return "，".join(parts) or "没有愿望"
