"""Handover (交接, C065): the children of one teacher go to others on a day, with what the next one must know.

One transaction: every tie ends the day before and a new one begins on the day, so no child is without an owner in
between; what the family is used to and what was promised goes along, encrypted, and stands on the new teacher's 今日
until read. Posts are another matter (``registry.staff``) and stay as they are.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from registry.models import Staff
from trust import audit

from .grants import forget_ties
from .models import EndReason, Handover, HelpPlan, Pairing, PairingKind
from .pairings import (
    AT_MOST,
    FURTHEST,
    ONE_DAY,
    InTheWay,
    begun_before,
    end_for,
    find_absent,
    lock,
    require_reason,
)

HANDED = (PairingKind.PRIMARY, PairingKind.PROXY)  # the ties somebody answers by

audit.name_kinds(handover="交接")
audit.name_actions(hand_over="交接包保", read_handover="看过交接", open_handover="查看交接")


@dataclass(frozen=True)
class Passing:
    """One tie that goes to somebody else, and what the next one must know."""

    tie: Pairing
    to: Staff
    habits: str = ""
    promises: str = ""


def ties_to_hand_over(staff, day, children=None):
    """包保 and 代理家长 of ``staff`` that hold on or after ``day``, by child; of ``children`` (a queryset) if given."""
    ties = Pairing.objects.filter(staff=staff, kind__in=HANDED).overlapping(day, None)
    if children is not None:
        ties = ties.filter(child__in=children)
    return ties.select_related("child", "staff").order_by("child__name_key", "child_id", "kind", "pk")


def ties_of_leavers(ties, day):
    """Of a queryset of ties, those to hand over whose teacher has been entered as leaving, and which go on after ``day``."""
    leaving = ties.filter(kind__in=HANDED, staff__left_on__isnull=False)
    return leaving.overlapping(day + ONE_DAY, None).select_related("staff")


def hand_over(*, passings, day, reason, by, note="", submission=None):
    """All these ties go to others from ``day``, or none: then raises ``InTheWay`` and names who stands in the way.

    The statements do not grow with the children. Returns the handovers, in the order of ``passings``.
    """
    if not passings:
        raise ValidationError("没有要交接的孩子")
    if len(passings) > AT_MOST:
        raise ValidationError(f"一次最多交接 {AT_MOST} 个，请分几次")
    submission = submission or uuid.uuid4()
    with transaction.atomic():
        new = change_many(
            changes=[(one.tie, one.to) for one in passings], starts_on=day, reason=reason, note=note, by=by,
            submission=submission,
        )  # fmt: skip
        known = {row.pairing_id: row for row in Handover.objects.filter(pairing__in=new)}
        if known:  # the same form again
            return [known[tie.pk] for tie in new]
        rows = [
            Handover(
                uid=uuid.uuid5(submission, f"handover {one.tie.uid}"), child=tie.child, from_staff=one.tie.staff,
                to_staff=one.to, pairing=tie, day=day, habits=one.habits.strip(), promises=one.promises.strip(),
                recorded_by=by,
            )
            for one, tie in zip(passings, new, strict=True)
        ]  # fmt: skip
        for row in rows:
            row.clean_fields(exclude=["child", "from_staff", "to_staff", "pairing", "recorded_by"])
        Handover.objects.bulk_create(rows)
        _pass_plans(passings, by)
        audit.record_many(
            "hand_over",
            by=by,
            kind="child",
            children=[row.child for row in rows],
            reason=EndReason(reason).label,
        )
    return rows


def _pass_plans(passings, by):
    """Help plans that the old teacher carried for these children are carried by the new one."""
    to = {
        (one.tie.child_id, one.tie.staff_id): one.to
        for one in passings
        if one.tie.kind == PairingKind.PRIMARY
    }
    plans = HelpPlan.objects.open().filter(
        child__in=[child for child, _ in to], staff__in=[staff for _, staff in to]
    )
    moved = [plan for plan in plans if (plan.child_id, plan.staff_id) in to]
    for plan in moved:
        plan.staff = to[plan.child_id, plan.staff_id]
        plan.version += 1
    if moved:
        bulk_update_with_history(moved, HelpPlan, ["staff", "version"], default_user=by)


def change_many(*, changes, starts_on, reason, by, note="", submission=None):
    """Other people answer from ``starts_on``: ``changes`` = [(tie, staff)], all or none (raises ``InTheWay``).

    Each old tie ends the day before with ``reason``; one that began that very day is cancelled as corrected.
    """
    require_reason(reason)
    if starts_on > timezone.localdate() + FURTHEST:
        raise ValidationError({"day": "日期太远了，请核对年份"})
    submission = submission or uuid.uuid4()
    new = []
    for tie, staff in changes:
        row = Pairing(child=tie.child, staff=staff, kind=tie.kind, starts_on=starts_on, recorded_by=by)
        row.uid = uuid.uuid5(submission, str(tie.uid))
        new.append(row)
    try:
        with transaction.atomic():
            lock([tie.child for tie, _ in changes])
            again = begun_before(new)
            if again:
                return again
            stored = Pairing.objects.select_related("child", "staff").in_bulk([tie.pk for tie, _ in changes])
            fresh = [(stored[tie.pk], staff) for tie, staff in changes]
            why = _in_the_way(fresh, starts_on)
            if why:
                raise InTheWay([(old.child, why[old.child_id]) for old, _ in fresh if old.child_id in why])
            end_for([old for old, _ in fresh], starts_on, reason=reason, note=note, by=by)
            new = bulk_create_with_history(new, Pairing, default_user=by)
            audit.record_many(
                "change_pairing", by=by, kind="child", children=[row.child for row in new],
                reason=EndReason(reason).label, detail="批量",
            )  # fmt: skip
    except IntegrityError:
        raise ValidationError("刚才有人给其中的孩子换了教师，请刷新再看") from None
    forget_ties(by)
    return new


def _in_the_way(fresh, starts_on):
    """{child id: why} of ties that cannot change as asked."""
    why = {}
    for old, staff in fresh:
        if old.cancelled_at:
            why[old.child_id] = "原来的一段已经作废"
        elif staff.pk == old.staff_id:
            why[old.child_id] = f"现在就是{staff.name}，请选另一位"
        elif starts_on < old.starts_on:
            why[old.child_id] = f"原来的从 {old.starts_on:%Y-%m-%d} 才开始，交接不能更早"
        elif old.ends_on and starts_on > old.ends_on + ONE_DAY:
            why[old.child_id] = f"原来的到 {old.ends_on:%Y-%m-%d} 为止，中间不能断开"
        elif staff.left_on and staff.left_on < starts_on:
            why[old.child_id] = f"{staff.name}已经离职"
    children = {old.child_id for old, _ in fresh}
    others = Pairing.objects.filter(child__in=children, kind__in=HANDED).overlapping(starts_on, None)
    others = others.exclude(pk__in=[old.pk for old, _ in fresh]).select_related("staff")
    asked = {(old.child_id, old.kind): staff for old, staff in fresh}
    for other in others.order_by("starts_on", "pk"):
        staff = asked.get((other.child_id, other.kind))
        if staff is not None and (other.kind == PairingKind.PRIMARY or other.staff_id == staff.pk):
            why.setdefault(
                other.child_id,
                f"从 {other.starts_on:%Y-%m-%d} 起已由{other.staff.name}{_role(other.kind)}，请先看一下",
            )
    pairs = [(old.child, staff) for old, staff in fresh if old.kind == PairingKind.PRIMARY]
    if pairs:
        find_absent(why, pairs, starts_on)
    return why


def _role(kind):
    return "包保" if kind == PairingKind.PRIMARY else "担任代理家长"


# --- what the next one must know -----------------------------------------------------------------------------------------


def unread_of(staff, day, within=timedelta()):
    """Handovers the new teacher has not read yet, the tie of which holds (or begins ``within``) and still stands."""
    standing = Pairing.objects.valid().exclude(ends_on__lt=day)
    rows = Handover.objects.filter(to_staff=staff, read_at=None, day__lte=day + within)
    return rows.filter(pairing__in=standing)


def mark_read(handover, *, by):
    """我已看过: by the one who takes over, once. Raises PermissionDenied for anybody else."""
    if by is None or handover.to_staff.user_id != by.pk:
        raise PermissionDenied("这份交接要由接手的老师自己看")
    with transaction.atomic():
        stored = Handover.objects.select_for_update(of=("self",)).select_related("child").get(pk=handover.pk)
        if stored.read_at is None:
            stored.read_at = timezone.now()
            stored.save(update_fields=["read_at"])
            audit.record("read_handover", by=by, kind="handover", uid=stored, child=stored.child)
    return stored
