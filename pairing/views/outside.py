"""校外帮扶 and 手拉手: the register of helpers, units and schools, ties of one child, what is printed for the other side."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from registry import access
from registry.models import SchoolClass
from trust import audit
from trust.models import VersionConflict

from .. import outside, ownership, peers
from ..models import OutsideHelper, Pairing, PairingKind, UnitTie
from ..tie_forms import (
    HelperForm,
    HelperTieForm,
    LastDayForm,
    PeerForm,
    ReasonForm,
    TieFilter,
    UnitTieForm,
)
from .pairings import (
    PAGE,
    _answer,
    _child_or_404,
    _may_assign,
    _seat,
    _tabs,
    add_errors,
    assigning_schools,
    form_view,
)


def _helper_or_404(request, uid):
    """A helper of a school the user assigns for; the county's own are read by schools, changed by none of them."""
    schools = assigning_schools(request.user)
    helpers = OutsideHelper.objects.visible_to(request.user).filter(school__in=schools)
    return get_object_or_404(helpers.select_related("school"), uid=uid)


# --- registers -----------------------------------------------------------------------------------------------------------


@require_safe
def tie_list(request):
    """其他结对: 代理家长, 志愿帮扶, 手拉手 of the children in sight, by kind."""
    user, today = request.user, timezone.localdate()
    if not access.may_list_children(user):
        raise PermissionDenied("您的岗位只看数字，不看名单")
    form = TieFilter(request.GET)
    asked = form.cleaned_data if form.is_valid() else {"kind": "", "ended": False}
    ties = Pairing.objects.visible_to(user).valid().exclude(kind=PairingKind.PRIMARY)
    if asked["kind"]:
        ties = ties.filter(kind=asked["kind"])
    if not asked["ended"]:
        ties = ties.exclude(ends_on__lt=today)
    ties = ties.select_related("child", "staff", "peer").order_by(
        "kind", "child__name_key", "-starts_on", "pk"
    )
    page = Paginator(ties, PAGE).get_page(request.GET.get("page"))
    audit.record("list_pairings", by=user, kind="child", count=len(page.object_list), detail="其他结对")
    context = {
        "tabs": _tabs(request, "pairing:tie_list"), "page_obj": page, "filter_form": form, "today": today,
        "filtered": bool(asked["kind"] or asked["ended"]),
    }  # fmt: skip
    return render(request, "pairing/ties.html", context)


@require_safe
def helper_list(request):
    """校外帮扶: who helps from outside, whether the promise is signed, how many children each helps (F68: one or two)."""
    user, today = request.user, timezone.localdate()
    schools = assigning_schools(user)
    helpers = OutsideHelper.objects.visible_to(user).filter(school__in=schools)
    helpers = outside.with_children(helpers, today).select_related("school").order_by("ends_on", "name", "pk")
    page = Paginator(helpers, PAGE).get_page(request.GET.get("page"))
    audit.record("list_helpers", by=user, kind="outside_helper", count=len(page.object_list))
    context = {
        "tabs": _tabs(request, "pairing:helper_list"), "page_obj": page, "today": today,
        "most": outside.MOST_CHILDREN, "several": schools.count() > 1,
    }  # fmt: skip
    return render(request, "pairing/helpers.html", context)


@require_safe
def helper_detail(request, uid):
    """One helper: promise, children, schools."""
    helper, today = _helper_or_404(request, uid), timezone.localdate()
    ties = list(
        Pairing.objects.visible_to(request.user)
        .filter(helper=helper)
        .select_related("child")
        .order_by("-starts_on", "-pk")
    )
    units = list(UnitTie.objects.visible_to(request.user).filter(helper=helper).select_related("school"))
    audit.record(
        "list_helpers",
        by=request.user,
        kind="outside_helper",
        uid=helper,
        count=len(ties),
        detail="一位帮扶人",
    )
    context = {
        "helper": helper, "ties": ties, "units": units, "today": today, "is_unit": helper.kind in outside.UNITS,
    }  # fmt: skip
    return render(request, "pairing/helper.html", context)


# --- entering and ending -------------------------------------------------------------------------------------------------


def _save(
    request, form, save, *, title, act, back, note="", danger=False, crumb=("校外帮扶", "pairing:helper_list")
):
    """A form about a helper: shown, or saved and on to ``back``."""
    status = 200
    if request.method == "POST" and form.is_valid():
        try:
            messages.success(request, save(form.cleaned_data))
            return redirect(back)
        except ValidationError as error:
            add_errors(form, error)
        except VersionConflict as conflict:
            status = 409
            form.add_error(
                None, f"刚才别人也改了{conflict.current}，您填的还没保存。看一下现在的，还要改就再点一次"
            )
            form.data = form.data.copy()
            form.data["version"] = conflict.current.version
    context = {
        "form": form, "title": title, "act": act, "note": note, "danger": danger, "back_url": back,
        "crumb": crumb[0], "crumb_url": reverse(crumb[1]),
    }  # fmt: skip
    return render(request, "pairing/plain_form.html", context, status=status)


@form_view
def helper_add(request):
    """Enter somebody who helps from outside."""
    schools = list(assigning_schools(request.user).order_by("code"))
    form = HelperForm(request.POST or None, schools=schools)

    def save(asked):
        asked.pop("version")
        helper = outside.add_helper(by=request.user, **asked)
        return f"登记了{helper.name}" + ("" if helper.promised_on else "，签了保密承诺再和孩子结对")

    return _save(
        request, form, save, title="登记校外帮扶人", act="登记", back=reverse("pairing:helper_list"),
        note="志愿者、其他家长、村干部、单位和企业都可以登记。他们没有账号，看不到孩子的档案。",
    )  # fmt: skip


@form_view
def helper_edit(request, uid):
    """Correct a helper."""
    helper = _helper_or_404(request, uid)
    start = {name: getattr(helper, name) for name in outside.FIELDS} | {"version": helper.version}
    form = HelperForm(request.POST or None, schools=[], initial=start)

    def save(asked):
        expected = asked.pop("version")
        asked.pop("submission")
        outside.correct_helper(helper, by=request.user, expected=expected, **asked)
        return "保存好了"

    back = reverse("pairing:helper_detail", args=[helper.uid])
    return _save(request, form, save, title=f"修改{helper.name}", act="保存", back=back)


@form_view
def helper_end(request, uid):
    """Helps no more."""
    helper = _helper_or_404(request, uid)
    form = LastDayForm(request.POST or None)

    def save(asked):
        ended = outside.end_helper(helper, by=request.user, last_day=asked["last_day"])
        return f"{ended.name}帮扶到 {ended.ends_on:%Y-%m-%d} 为止"

    back = reverse("pairing:helper_detail", args=[helper.uid])
    return _save(request, form, save, title=f"{helper.name}不再帮扶？", act="结束", back=back)


@form_view
def unit_tie_add(request, uid):
    """A unit stands by a school."""
    helper = _helper_or_404(request, uid)
    if helper.kind not in outside.UNITS:
        raise Http404
    schools = list(assigning_schools(request.user).order_by("code"))
    form = UnitTieForm(request.POST or None, schools=schools)

    def save(asked):
        tie = outside.tie_unit(helper=helper, by=request.user, **asked)
        return f"{helper.name}和{tie.school.name}结对了"

    back = reverse("pairing:helper_detail", args=[helper.uid])
    return _save(request, form, save, title=f"{helper.name}和学校结对", act="结对", back=back)


def _unit_tie_or_404(request, uid):
    ties = UnitTie.objects.visible_to(request.user).filter(school__in=assigning_schools(request.user))
    return get_object_or_404(ties.select_related("helper", "school"), uid=uid)


@form_view
def unit_tie_end(request, uid):
    """The last day of a unit's tie with a school."""
    tie = _unit_tie_or_404(request, uid)
    form = LastDayForm(request.POST or None)

    def save(asked):
        outside.end_unit_tie(tie, by=request.user, last_day=asked["last_day"])
        return f"到 {tie.ends_on:%Y-%m-%d} 为止"

    back = reverse("pairing:helper_detail", args=[tie.helper.uid])
    return _save(
        request, form, save, title=f"结束{tie.helper.name}和{tie.school.name}的结对", act="结束", back=back
    )


@form_view
def unit_tie_cancel(request, uid):
    """Entered by mistake."""
    tie = _unit_tie_or_404(request, uid)
    form = ReasonForm(request.POST or None)

    def save(asked):
        outside.cancel_unit_tie(tie, by=request.user, reason=asked["reason"])
        return "已作废，原来的记录仍可查看"

    back = reverse("pairing:helper_detail", args=[tie.helper.uid])
    title = f"作废{tie.helper.name}和{tie.school.name}的结对？"
    return _save(request, form, save, title=title, act="作废", back=back, danger=True)


# --- ties of one child ---------------------------------------------------------------------------------------------------


def _assigned_child_or_404(request, uid):
    child = _child_or_404(request, uid)
    if not _may_assign(request.user, child.seat):
        raise PermissionDenied("您的岗位没有这项功能")
    return child


@form_view
def helper_tie(request, uid):
    """A helper from outside for one child: promise signed, family agreed."""
    child = _assigned_child_or_404(request, uid)
    today = timezone.localdate()
    helpers = list(outside.offered_for(child.seat.school, today))
    form = HelperTieForm(request.POST or None, helpers=helpers)

    def save(asked):
        tie = outside.tie_helper(child=child, by=request.user, **asked)
        return f"{tie.helper_name}和{child.name}结对了"

    note = "" if helpers else "还没有签过保密承诺的帮扶人。请先在“校外帮扶”里登记。"
    return _answer(
        request,
        form,
        save,
        child=child,
        title=f"给{child.name}找一位校外帮扶人",
        act="结对",
        tie=None,
        note=note,
    )


@form_view
def peer_tie(request, uid):
    """手拉手: a fellow pupil, both sides agreed."""
    child = _assigned_child_or_404(request, uid)
    today = timezone.localdate()
    here = ownership.family_of(child.seat.school).values("pk")
    classes = SchoolClass.objects.visible_to(request.user).filter(school__in=here).running_on(today)
    own = child.seat.school_class_id
    classes = sorted(
        classes.select_related("school"), key=lambda c: (c.pk != own, c.school.code, -c.entry_year, c.number)
    )
    form = PeerForm(request.POST or None, classes=classes)

    def save(asked):
        peer = peers.classmate(
            name=asked["peer_name"], sex=asked["peer_sex"], school_class=asked["peer_class"], by=request.user,
            submission=asked["submission"],
        )  # fmt: skip
        peers.pair_peers(
            child=child, peer=peer, consent_on=asked["consent_on"], starts_on=asked["starts_on"],
            note=asked["note"], by=request.user, submission=asked["submission"],
        )  # fmt: skip
        return f"{child.name}和{peer.name}手拉手了"

    return _answer(
        request, form, save, child=child, title=f"给{child.name}找一位手拉手的同伴", act="结对", tie=None,
        note="不要告诉同伴为什么结对：说“一起学习、一起玩”就好。",
    )  # fmt: skip


@require_safe
def tie_sheet(request, uid):
    """结对卡 for a helper (given name only) or two pupils (no word of any list), on A4."""
    ties = Pairing.objects.visible_to(request.user).valid().select_related("child", "peer", "helper")
    tie = get_object_or_404(ties, uid=uid)
    if not _may_assign(request.user, _seat(tie.child)):
        raise PermissionDenied("您的岗位没有这项功能")
    if tie.staff_id is not None:
        raise Http404
    today = timezone.localdate()
    try:
        sheet = outside.sheet_of(tie, today)
    except ValidationError as error:
        messages.warning(request, error.messages[0])
        return redirect("pairing:child_pairings", tie.child.uid)
    audit.record("print_tie_sheet", by=request.user, kind="pairing", uid=tie, child=tie.child)
    context = {"tie": tie, "sheet": sheet, "today": today}
    return render(request, "pairing/tie_sheet.html", context)
