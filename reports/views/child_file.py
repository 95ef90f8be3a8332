"""The child's whole file, and who has looked at it."""

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from registry import access, merging
from registry.access import Act
from registry.models import Child, Enrollment, Post, PostKind, latest_enrollment
from trust import audit
from trust.models import AuditEvent

from .. import child_file as files

PAGE = 50
OWN_TRAIL = "read_child_readers"

audit.name_actions(open_child="查看儿童档案", read_child_readers="查看谁看过这个孩子")


def _child_or_404(user, uid):
    return get_object_or_404(Child.objects.visible_to(user).select_related("county"), uid=uid)


def _child_with_enrollments(user, uid):
    """The child and where it was enrolled, newest first, in one query; a child never enrolled costs another."""
    found = Enrollment.objects.valid().filter(child__in=Child.objects.visible_to(user), child__uid=uid)
    teachers = Post.objects.today().filter(kind=PostKind.CLASS_TEACHER, school_class=OuterRef("school_class"))
    found = found.annotate(teacher=Subquery(teachers.order_by("starts_on", "pk").values("staff__name")[:1]))
    enrollments = list(
        found.select_related("child__county", "school", "school_class__school").order_by("-starts_on", "-pk")
    )
    return (enrollments[0].child if enrollments else _child_or_404(user, uid)), enrollments


def _kept_file(user, uid):
    """The file a merged child lives on in, if the reader may open that; else None."""
    child = Child.objects.filter(uid=uid).exclude(merged_into=None).select_related("merged_into").first()
    if child is None:
        return None
    return Child.objects.visible_to(user).filter(pk=merging.kept_file_of(child).pk).first()


@require_safe
def child_file(request, uid):
    """一人一档: carers first, duties next, story last."""
    try:
        child, enrollments = _child_with_enrollments(request.user, uid)
    except Http404:
        kept = _kept_file(request.user, uid)
        if kept is None:
            raise
        return redirect(kept)
    whole_story = request.GET.get("story") == "all"
    context = files.child_file(child, request.user, enrollments, whole_story=whole_story)
    audit.record("open_child", by=request.user, kind="child", uid=child, child=child)
    return render(request, "reports/child/file.html", context)


@require_safe
def child_readers(request, uid):
    """谁看过这个孩子: who opened, changed or took out what of this child, of a merged double too; for those who read the
    audit trail.
    """
    child = _child_or_404(request.user, uid)
    seat = latest_enrollment(child.pk).select_related("school").first()
    if seat is None or not access.may(request.user, Act.READ_AUDIT, school=seat.school):
        raise PermissionDenied("您的岗位没有这项功能")
    events = (
        AuditEvent.objects.filter(child_uid__in=merging.files_of(child))
        .exclude(action=OWN_TRAIL)
        .order_by("-at", "-id")
    )
    page = Paginator(events, PAGE).get_page(request.GET.get("page"))
    rows = [(event, audit.label(event.action), audit.kind_name(event.kind)) for event in page.object_list]
    audit.record(
        "read_child_readers",
        by=request.user,
        kind="child",
        uid=child,
        child=child,
        count=page.paginator.count,
    )
    return render(request, "reports/child/readers.html", {"child": child, "page_obj": page, "rows": rows})
