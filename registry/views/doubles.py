"""Pages of likely doubles (疑似重复): the list, the comparison of two files, merging, undoing."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from trust import audit
from trust.masking import mask_id_number
from trust.models import VersionConflict

from .. import access, doubles, merging
from ..access import Act
from ..models import Child, ChildMerge, Enrollment
from .children import file_url, form_view

PAGE = 20
SECRET = {"id_number": mask_id_number}


def _files_or_404(request, *uids):
    """The children of these uids, in order, each with its last ``seat``, with two queries.

    404 as soon as one is foreign or no uid at all, 403 for whoever may not merge files at one's school.
    """
    try:
        uids = [Child._meta.get_field("uid").to_python(uid) for uid in uids]
    except ValidationError:
        raise Http404 from None
    rows = Child.objects.visible_to(request.user).filter(uid__in=uids).select_related("county")
    found = {child.uid: child for child in rows}
    if None in uids or len(found) != len(set(uids)):
        raise Http404
    seats = Enrollment.objects.valid().filter(child__in=found.values(), starts_on__lte=timezone.localdate())
    last = {
        seat.child_id: seat
        for seat in seats.select_related("school", "school_class__school").order_by("starts_on", "pk")
    }
    for child in found.values():
        child.seat = last.get(child.pk)
        if child.seat is None or not access.may(request.user, Act.IMPORT_ROSTER, school=child.seat.school):
            raise PermissionDenied("您的岗位没有这项功能")
    return [found[uid] for uid in uids]


def _places(pairs):
    """{child id: school and class of the last enrollment in words}, with one query."""
    pks = {child.pk for pair in pairs for child in (pair.first, pair.second)}
    seats = Enrollment.objects.valid().filter(child__in=pks, starts_on__lte=timezone.localdate())
    return {
        seat.child_id: f"{seat.school.name} {seat.school_class or '还没分班'}"
        for seat in seats.select_related("school", "school_class__school").order_by("starts_on", "pk")
    }


@require_safe
def double_list(request):
    """疑似重复: pairs of files that look like one child, the likeliest first, and what was merged lately."""
    access.require(request.user, Act.IMPORT_ROSTER)
    page = Paginator(doubles.likely_doubles(request.user), PAGE).get_page(request.GET.get("page"))
    places = _places(page.object_list)
    rows = [
        {"pair": pair, "first_place": places.get(pair.first.pk, ""), "second_place": places.get(pair.second.pk, "")}
        for pair in page.object_list
    ]  # fmt: skip
    merged = ChildMerge.objects.visible_to(request.user).select_related("kept", "dropped", "merged_by")[:PAGE]
    audit.record(
        "list_doubles", by=request.user, kind="child", count=2 * len(rows), detail=f"第 {page.number} 页"
    )
    context = {"rows": rows, "page_obj": page, "merged": merged}
    return render(request, "registry/doubles/list.html", context)


@require_POST
def double_differ(request):
    """不是同一个孩子: the two are not proposed again."""
    access.require(request.user, Act.IMPORT_ROSTER)
    one, other = _files_or_404(request, request.POST.get("one", ""), request.POST.get("other", ""))
    if one.pk != other.pk:
        doubles.not_the_same(one, other, by=request.user)
        messages.success(request, f"记下了：{one.name}和{other.name}不是同一个孩子，以后不再提醒")
    return redirect("registry:double_list")


@form_view
def child_merge(request, uid):
    """Compare this file with another one (``with``) and merge them; without the other, whom it looks like."""
    asked = request.POST.get("with") or request.GET.get("with")
    if not asked:
        return _choose(request, *_files_or_404(request, uid))
    kept, dropped = _files_or_404(request, uid, asked)
    chosen = {name: value for name, value in request.POST.items() if value in (merging.KEPT, merging.DROPPED)}
    if request.method == "POST" and request.POST.get("step") == "save":
        try:
            record = merging.merge(
                kept, dropped, by=request.user, chosen=chosen, digest=request.POST.get("digest", "")
            )
        except VersionConflict:
            messages.warning(request, "刚才有人改了其中一份档案，请再核对一遍")
        except ValidationError as error:
            messages.error(request, "；".join(error.messages))
        else:
            messages.success(request, "已合并成一份档案，可以撤销")
            return redirect("registry:merge_undo", record.uid)
    plan = merging.plan_merge(kept, dropped, chosen=chosen)
    for one in plan.values:
        if one.name in SECRET:
            one.kept, one.dropped = SECRET[one.name](one.kept), SECRET[one.name](one.dropped)
    audit.record("preview_merge", by=request.user, kind="child", uid=dropped, child=kept)
    context = {
        "plan": plan,
        "kept_seat": kept.seat,
        "dropped_seat": dropped.seat,
        "likeness": doubles.compare(kept, dropped),
        "swap_url": f"{reverse('registry:child_merge', args=[dropped.uid])}?with={kept.uid}",
    }
    return render(request, "registry/doubles/merge.html", context)


def _choose(request, child):
    """Whom the child looks like."""
    pairs = doubles.likely_doubles(request.user, child)
    places = _places(pairs)
    others = [pair.second if pair.first.pk == child.pk else pair.first for pair in pairs]
    rows = [
        {"child": other, "place": places.get(other.pk, ""), "likeness": pair.likeness}
        for other, pair in zip(others, pairs, strict=True)
    ]
    audit.record("preview_merge", by=request.user, kind="child", uid=child, child=child)
    return render(request, "registry/doubles/choose.html", {"child": child, "rows": rows})


@form_view
def merge_undo(request, uid):
    """What a merge did, and taking it back while nothing was built on it."""
    found = ChildMerge.objects.visible_to(request.user).select_related("kept", "dropped", "merged_by")
    record = get_object_or_404(found, uid=uid)
    (kept,) = _files_or_404(request, record.kept.uid)
    obstacles = merging.what_was_built_on(record)
    if request.method == "POST" and not obstacles:
        try:
            merging.undo_merge(record, by=request.user)
        except ValidationError as error:
            obstacles = error.messages
        else:
            messages.success(request, "已撤销，又是两份档案")
            return redirect("registry:double_list")
    context = {"record": record, "obstacles": obstacles, "file_url": file_url(kept)}
    return render(request, "registry/doubles/undo.html", context)
