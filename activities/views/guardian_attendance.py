"""来了哪些家长: on the page of a training, a parents' meeting or a lecture, the adults of one class to tap."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from .. import centers
from .. import guardian_attendance as adults
from ..models import Activity, ActivityKind


def families_of(request, activity, *, may_sign_in):
    """What the page of an activity needs about the adults; ``children``: keys of the children named beside them."""
    total = adults.came_to(activity).count()
    if not adults.is_for_families(activity) and not total:
        return {"for_families": False, "children": set()}
    may_tick = may_sign_in and adults.is_for_families(activity)
    classes, chosen, shown, known = [], None, [], 0
    if may_tick:
        classes, known = adults.classes_of(request.user, activity)
        chosen = _chosen(classes, request.GET.get("class"))
        shown = adults.adults_of(request.user, activity, chosen.school_class) if chosen else []
    else:
        shown = adults.came_in_sight(request.user, activity)
        known = len(shown)
    return {
        "for_families": True, "may_tick_adults": may_tick, "classes": classes, "chosen": chosen, "adults": shown,
        "adults_total": total, "other_adults": total - known,
        "children": {child.pk for adult in shown for child, _ in adult.children},
    }  # fmt: skip


def _chosen(classes, key):
    """The class asked for, else the first; 404 for one that is not the reader's."""
    if not key:
        return classes[0] if classes else None
    found = next((one for one in classes if one.key == key), None)
    if found is None:
        raise Http404("没有这个班")
    return found


@require_POST
def activity_adults(request, uid):
    """The adults of one class as ticked; those of other classes stay as they are."""
    rows = Activity.objects.visible_to(request.user).exclude(kind=ActivityKind.GROUP_MEETING)
    activity = get_object_or_404(rows.select_related("school", "center__school", "center__county"), uid=uid)
    if not centers.may_sign_in(request.user, activity):
        raise PermissionDenied
    classes, _ = adults.classes_of(request.user, activity)
    if not classes:
        raise PermissionDenied  # opens no file here: the names of families are not this post's
    chosen = _chosen(classes, request.POST.get("class"))
    shown = adults.adults_of(request.user, activity, chosen.school_class)
    offered = {str(one.guardian.uid): one.guardian for one in shown}
    ticked = set(request.POST.getlist("adult"))
    if ticked - offered.keys():
        raise Http404
    try:
        new, gone = adults.set_adults(
            activity, present=[offered[key] for key in ticked], among=list(offered.values()), by=request.user
        )
    except ValidationError as error:
        messages.error(request, "；".join(error.messages))
    else:
        said = [f"记上 {new} 位家长" if new else "", f"撤掉 {gone} 位" if gone else ""]
        changed = "，".join(part for part in said if part)
        messages.success(request, f"签到改好了：{changed}。" if changed else "签到没有变化。")
    return redirect(f"{reverse('activities:activity_detail', args=[activity.uid])}?class={chosen.key}")
