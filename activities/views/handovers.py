"""交接: all children of one teacher to others on one page; and what the next teacher reads before beginning."""

from datetime import timedelta

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import Http404
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from pairing import handovers, ownership, quotas
from pairing.handovers import Passing
from pairing.models import EndReason, Handover, Pairing
from pairing.pairings import InTheWay
from registry import access
from registry.access import Act, Words
from registry.models import Enrollment, Post, School, Staff
from trust import audit

from .. import handing_over
from ..forms.handovers import HandoverForm

ONE_DAY = timedelta(days=1)


def _giver_or_404(request, uid):
    """Whoever hands over: a colleague in sight, or one who went to another school and is still tied to a child here."""
    access.require(request.user, Act.ASSIGN_PAIRINGS)
    schools = School.objects.visible_to(request.user).filter(
        pk__in=access.schools_for(request.user, Act.ASSIGN_PAIRINGS).values("pk")
    )
    here = Enrollment.objects.on(timezone.localdate()).filter(school__in=schools.values("pk")).values("child")
    tied = (
        Pairing.objects.visible_to(request.user)
        .filter(child__in=here)
        .overlapping(timezone.localdate(), None)
    )
    people = Staff.objects.filter(pk__in=tied.values("staff")) | Staff.objects.visible_to(
        request.user
    ).filter(school__in=schools.values("pk"))
    return get_object_or_404(people.distinct().select_related("county", "school"), uid=uid)


def _first_day(staff, today):
    """Proposed: the day after the last post ends, where every post has an end; else today."""
    ends = list(Post.objects.overlapping(today, None).filter(staff=staff).values_list("ends_on", flat=True))
    return max(ends) + ONE_DAY if ends and None not in ends else today


@require_http_methods(["GET", "HEAD", "POST"])
def handover(request, uid):
    """One page for all children of a teacher: who takes over, what is still owed, what must be known; one save."""
    staff, today = _giver_or_404(request, uid), timezone.localdate()
    ties = list(handing_over.passing_ties(staff, request.user, today))
    schools = School.objects.filter(
        pk__in=Enrollment.objects.on(today).filter(child__in=[tie.child_id for tie in ties]).values("school")
    )
    family = School.objects.none()
    for school in schools:
        family = family | ownership.family_of(school)
    loads = [load for load in quotas.loads(family, today) if load.staff.pk != staff.pk] if ties else []
    start = {"day": _first_day(staff, today)} | ({"reason": EndReason.STAFF_LEFT} if staff.left_on else {})
    form = HandoverForm(
        request.POST if request.method == "POST" else None, ties=ties, loads=loads, initial=start
    )
    back = reverse("pairing:orphan_list")
    blocked = []
    if request.method == "POST" and not ties:  # the same form again, or somebody else was faster
        messages.info(request, f"{staff.name}的孩子已经都交接了")
        return redirect(back)
    if request.method == "POST" and form.is_valid():
        asked = form.cleaned_data
        passings = [
            Passing(tie, asked[f"to-{tie.uid}"], asked[f"habits-{tie.uid}"], asked[f"promises-{tie.uid}"])
            for tie in ties
        ]
        try:
            done = handovers.hand_over(
                passings=passings, day=asked["day"], reason=asked["reason"], note=asked["note"], by=request.user,
                submission=asked["submission"],
            )  # fmt: skip
        except InTheWay as error:
            blocked = error.children
        except ValidationError as error:
            form.add_error(None, error)
        else:
            messages.success(request, f"{staff.name}的 {len(done)} 个包保交接好了，接手的老师会在今日看到")
            return redirect(back)
    owed = handing_over.open_duties(staff.county, [tie.child_id for tie in ties]) if ties else {}
    audit.record("open_handover", by=request.user, kind="user", uid=staff, count=len(ties), detail="交接")
    context = {
        "staff": staff,
        "form": form,
        "rows": [(tie, fields, owed.get(tie.child_id, [])) for tie, fields in form.rows()],
        "blocked": blocked,
        "back_url": back,
        "today": today,
    }
    return render(request, "activities/handovers/form.html", context)


def _handover_or_404(request, uid):
    """For the one who takes over; besides for whoever reads all words of the child (403 for the others)."""
    found = Handover.objects.visible_to(request.user).select_related(
        "child__county", "from_staff", "to_staff", "recorded_by"
    )
    row = get_object_or_404(found, uid=uid)
    row.mine = row.to_staff.user_id == request.user.pk
    if not row.mine and access.sight_of(request.user, row.child).words != Words.ALL:
        raise PermissionDenied("这份交接只给接手的老师和学校领导看")
    return row


@require_safe
def handover_detail(request, uid):
    """What the next teacher must know: open duties, habits of the family, promises."""
    row = _handover_or_404(request, uid)
    audit.record("open_handover", by=request.user, kind="handover", uid=row, child=row.child)
    owed = handing_over.open_duties(row.child.county, [row.child_id])
    context = {
        "row": row,
        "child": row.child,
        "owed": owed.get(row.child_id, []),
        "today": timezone.localdate(),
    }
    return render(request, "activities/handovers/detail.html", context)


@require_POST
def handover_seen(request, uid):
    """我已看过."""
    row = _handover_or_404(request, uid)
    if not row.mine:
        raise PermissionDenied("这份交接要由接手的老师自己看")
    if row.day > timezone.localdate():
        raise Http404
    handovers.mark_read(row, by=request.user)
    messages.success(request, f"好，{row.child.name}从现在起由您照看")
    return redirect("activities:today")
