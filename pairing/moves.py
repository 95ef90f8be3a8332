"""Transfers (转学) between schools of the county: sent, accepted or refused, withdrawn (C024, C109).

Until the new school accepts, nothing about the child changes: it stays on the old school's lists. Accepting is one
transaction: the old enrollment ends on its last day, boarding and the ties that belong to the old school end with it,
the new enrollment begins; the care list and everything else goes along. An open duty does not move: the ledger asks by
itself who sat where on the judge day. Lists are all or nothing, with a fixed number of statements.
"""

import uuid
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from registry.going_on import children_go_on
from registry.models import Enrollment, School, Trait, TraitKind, grade_year
from trust import audit
from trust.models import VersionConflict

from .grants import forget_ties
from .models import EndReason, Pairing, Transfer, TransferState
from .pairings import AT_MOST, ENDING, FURTHEST, InTheWay, lock

ONE_DAY = timedelta(days=1)
NEVER_BEGAN = "转学前没有开始"
REASONS = ("父母务工地变了", "搬家", "换照看人", "升入初中", "学校撤并", "其他")

audit.name_kinds(transfer="转学")
audit.name_actions(
    list_transfers="查看转学名单",
    send_transfer="发出转学",
    accept_transfer="接收转学",
    refuse_transfer="退回转学",
    withdraw_transfer="撤回转学",
)


# --- sending -----------------------------------------------------------------------------------------------------------


def last_seats(children):
    """{child id: the enrollment begun last}, with school and class, with one query."""
    return {seat.child_id: seat for seat in all_seats(children)}


def all_seats(children):
    """Every valid enrollment of the children, the first begun first, with school and class."""
    rows = Enrollment.objects.valid().filter(child__in=children)
    return rows.select_related("school", "school_class__school").order_by("starts_on", "pk")


def end_of(seat):
    """The last day of an enrollment: its own or its class's, whichever comes first; None while neither is known."""
    ends = [seat.ends_on, seat.school_class.ends_on if seat.school_class else None]
    return min((day for day in ends if day), default=None)


def send_transfers(*, children, to_school, by, last_day=None, reason="", submission=None):
    """The old school of these children sends them to ``to_school``, or none: then raises ``InTheWay``.

    ``last_day`` is their last day here; for whoever has left or graduated before it, the day that was. Without
    ``last_day``, all must have an end. The same form sent twice (``submission``) is sent once.
    """
    children = sorted({one.pk: one for one in children}.values(), key=lambda one: (one.name_key, one.pk))
    if not children:
        raise ValidationError("请先勾选孩子")
    if len(children) > AT_MOST:
        raise ValidationError(f"一次最多发出 {AT_MOST} 个孩子，请分几次")
    if last_day is not None and last_day > timezone.localdate() + FURTHEST:
        raise ValidationError({"last_day": "日期太远了，请核对年份"})
    submission = submission or uuid.uuid4()
    try:
        with transaction.atomic():
            lock(children)
            uids = {child.pk: uuid.uuid5(submission, str(child.uid)) for child in children}
            again = list(Transfer.objects.filter(uid__in=uids.values()))
            if again:
                return _same_form(again, uids, to_school)
            seats, new, blocked = last_seats(children), [], []
            under_way = _under_way(children)
            for child in children:
                seat = seats.get(child.pk)
                why = under_way.get(child.pk) or _cannot_leave(seat, to_school, last_day)
                if why:
                    blocked.append((child, why))
                    continue
                ends = [day for day in (last_day, end_of(seat)) if day]
                new.append(
                    Transfer(
                        uid=uids[child.pk],
                        child=child,
                        from_school=seat.school,
                        to_school=to_school,
                        last_day=min(ends),
                        reason=reason,
                        sent_by=by,
                    )
                )
            if blocked:
                raise InTheWay(blocked)
            new = bulk_create_with_history(new, Transfer, default_user=by)
            audit.record_many("send_transfer", by=by, kind="transfer", children=children, reason=reason)
    except IntegrityError:
        raise ValidationError("刚才有人发出了其中孩子的转学，请刷新再看") from None
    return new


def send_transfer(*, child, to_school, last_day, by, reason="", submission=None):
    """Send one child; errors stand at the field they speak of."""
    try:
        return send_transfers(
            children=[child], to_school=to_school, last_day=last_day, by=by, reason=reason, submission=submission
        )[0]  # fmt: skip
    except InTheWay as error:
        raise ValidationError(error.children[0][1]) from None


def _same_form(again, uids, to_school):
    if len(again) != len(uids) or any(one.to_school_id != to_school.pk for one in again):
        raise ValidationError("这张表已经提交过，请重新打开这一页再填")
    return again


def _under_way(children):
    sent = Transfer.objects.filter(child__in=children, state=TransferState.SENT).select_related("to_school")
    return {one.child_id: f"转学已经发出，等{one.to_school.name}接收" for one in sent}


def _cannot_leave(seat, to_school, last_day):
    """Why this child cannot be sent; "" if it can."""
    if seat is None:
        return "没有在校经历，请先登记到校"
    if seat.school_id == to_school.pk:
        return f"已经在{to_school.name}"
    if to_school.county_id != seat.school.county_id:
        return "只能转到本县的学校；转到外县请办离校"
    ends = [day for day in (last_day, end_of(seat)) if day]
    if not ends:
        return "还在校，请填最后一天"
    if min(ends) < seat.starts_on:
        return f"最后一天不能早于到校日期（{seat.starts_on:%Y-%m-%d}）"
    if to_school.ends_on and to_school.ends_on <= min(ends):
        return f"{to_school.name}已经撤并"
    return ""


# --- answering ---------------------------------------------------------------------------------------------------------


def accept_transfers(*, transfers, by, starts_on, school_class=None, versions=None):
    """The new school takes these children from ``starts_on``, into ``school_class`` or none yet; all, or ``InTheWay``.

    ``versions``: {pk: version on the page}; raises VersionConflict where somebody answered since. Those already
    accepted for the same school are passed over: the same form again accepts nothing twice. Returns the accepted.
    """
    if starts_on > timezone.localdate() + FURTHEST:
        raise ValidationError({"starts_on": "日期太远了，请核对年份"})
    with transaction.atomic():
        lock([one.child for one in transfers])
        rows = list(
            Transfer.objects.filter(pk__in=[one.pk for one in transfers])
            .select_related("child", "from_school", "to_school")
            .order_by("child__name_key", "pk")
        )
        rows = [one for one in rows if one.state != TransferState.ACCEPTED]
        for one in rows:
            _require_version(one, versions)
        seats = last_seats([one.child_id for one in rows])
        blocked = [
            (one.child, why) for one in rows if (why := _cannot_arrive(one, seats, school_class, starts_on))
        ]
        if blocked:
            raise InTheWay(blocked)
        _end_seats(rows, seats)
        _end_boarding(rows, by)
        _end_ties(rows, by)
        Enrollment.objects.bulk_create(
            [
                Enrollment(
                    child=one.child,
                    school=one.to_school,
                    school_class=school_class,
                    starts_on=starts_on,
                    recorded_by=by,
                )
                for one in rows
            ]
        )
        _answer(rows, TransferState.ACCEPTED, by, "")
        children_go_on([one.child for one in rows], day=starts_on, by=by)
        audit.record_many("accept_transfer", by=by, kind="transfer", children=[one.child for one in rows])
    forget_ties(by)
    return rows


def refuse_transfer(transfer, *, by, note, expected):
    """Sent back with a reason: the child stays where it is."""
    if not note.strip():
        raise ValidationError({"note": "请写明为什么退回，原来的学校才知道怎么办"})
    return _close(transfer, TransferState.REFUSED, "refuse_transfer", by, note.strip(), expected)


def withdraw_transfer(transfer, *, by, expected):
    """The old school takes it back before it was answered: the child stays where it is."""
    return _close(transfer, TransferState.WITHDRAWN, "withdraw_transfer", by, "", expected)


def _close(transfer, state, action, by, note, expected):
    with transaction.atomic():
        lock([transfer.child])
        stored = Transfer.objects.select_related("child", "from_school", "to_school").get(pk=transfer.pk)
        if stored.state == state:
            return stored
        _require_version(stored, {stored.pk: expected})
        if stored.state != TransferState.SENT:
            raise ValidationError(f"这份转学{stored.get_state_display()}，不用再答复")
        _answer([stored], state, by, note)
        audit.record(action, by=by, kind="transfer", uid=stored, child=stored.child, reason=note)
    return stored


def _require_version(stored, versions):
    if versions is not None and versions.get(stored.pk) != stored.version:
        raise VersionConflict(stored)


def _answer(rows, state, by, note):
    for one in rows:
        one.state, one.decided_at, one.decided_by, one.decision_note = state, timezone.now(), by, note
        one.version += 1
    fields = ["state", "decided_at", "decided_by", "decision_note", "version"]
    bulk_update_with_history(rows, Transfer, fields, default_user=by)


def _cannot_arrive(transfer, seats, school_class, starts_on):
    """Why this child cannot begin here on ``starts_on``; "" if it can."""
    if transfer.state != TransferState.SENT:
        return f"这份转学{transfer.get_state_display()}"
    if starts_on <= transfer.last_day:
        return f"到 {transfer.last_day:%Y-%m-%d} 还在{transfer.from_school.name}，请填以后的日期"
    seat, school = seats.get(transfer.child_id), transfer.to_school
    if seat is None or seat.school_id != transfer.from_school_id or seat.starts_on > transfer.last_day:
        return f"在{transfer.from_school.name}的登记后来改过，请退回，让原来的学校重新发"
    if school.ends_on and school.ends_on < starts_on:
        return f"{school.name} {school.ends_on:%Y-%m-%d} 撤并"
    if school_class is None:
        return ""
    if school_class.school_id != school.pk:
        return f"这个班不在{school.name}"
    if school_class.ends_on < starts_on or school_class.entry_year > grade_year(starts_on):
        return f"{starts_on:%Y-%m-%d} 没有这个班"
    return ""


def _end_seats(rows, seats):
    ended = []
    for one in rows:
        seat = seats[one.child_id]
        if seat.ends_on is None or seat.ends_on > one.last_day:
            seat.ends_on = one.last_day
        seat.end_reason = seat.end_reason or f"转学到{one.to_school.name}"[:60]
        ended.append(seat)
    Enrollment.objects.bulk_update(ended, ["ends_on", "end_reason"])


def _end_boarding(rows, by):
    """Boarding at the old school ends with it; one that would have begun later never begins."""
    last_days = {one.child_id: one.last_day for one in rows}
    ended = []
    for trait in Trait.objects.open().filter(child__in=last_days, kind=TraitKind.BOARDING):
        last_day = last_days[trait.child_id]
        if trait.starts_on > last_day:
            trait.cancelled_at, trait.cancelled_by, trait.cancel_reason = timezone.now(), by, NEVER_BEGAN
        else:
            trait.ends_on = last_day
        ended.append(trait)
    Trait.objects.bulk_update(ended, ["ends_on", "cancelled_at", "cancelled_by", "cancel_reason"])


def root_of(school):
    """The id of the managing school of a 教学点, else its own: one school for whoever answers."""
    return school.managing_school_id or school.pk


def _end_ties(rows, by):
    """Ties with people of the old school (its 教学点 are one school with it) and with fellow pupils end.

    A helper from outside who is not the old school's own stays with the child.
    """
    moved = {one.child_id: one for one in rows if root_of(one.from_school) != root_of(one.to_school)}
    ties = (
        Pairing.objects.filter(Q(child__in=moved) | Q(peer__in=moved))
        .valid()
        .filter(Q(staff__isnull=False) | Q(peer__isnull=False) | Q(helper__school__isnull=False))
    )
    ended = []
    for tie in ties:
        last_day = (moved.get(tie.child_id) or moved[tie.peer_id]).last_day
        if tie.ends_on is not None and tie.ends_on <= last_day:
            continue
        if tie.starts_on > last_day:
            tie.cancelled_at, tie.cancelled_by, tie.cancel_reason = timezone.now(), by, NEVER_BEGAN
        else:
            tie.ends_on, tie.end_reason = last_day, EndReason.CHILD_LEFT
        tie.version += 1
        ended.append(tie)
    if ended:
        bulk_update_with_history(ended, Pairing, list(ENDING), default_user=by)


# --- reading -----------------------------------------------------------------------------------------------------------


def schools_to_send_to(county, day):
    """Schools of the county in use on ``day``."""
    return School.objects.filter(county=county).filter(Q(ends_on=None) | Q(ends_on__gte=day)).order_by("code")


def incoming(user, schools):
    """Transfers that wait for an answer of ``schools``, the oldest first."""
    return (
        Transfer.objects.visible_to(user)
        .filter(to_school__in=schools, state=TransferState.SENT)
        .order_by("sent_at", "pk")
    )
