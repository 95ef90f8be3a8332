"""Many children to many teachers in one step (a proposal adopted, a list of pairings read): all of them or none."""

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone
from simple_history.utils import bulk_create_with_history

from trust import audit

from .grants import forget_ties
from .models import EndReason, Pairing, PairingKind
from .pairings import FURTHEST, InTheWay, end_for, find_absent, lock, require_reason


def pair_all(*, choices, starts_on, end_reason, by, end_note="", detail="批量"):
    """Pair each (child, staff) of ``choices`` from ``starts_on``, or none: then raises ``InTheWay`` with the children.

    Who is paired with that teacher already, or from a later day fixed before, stays so; with another one, that tie ends
    the day before with ``end_reason``. Returns the new pairings. The number of statements does not grow with children or teachers.
    """
    require_reason(end_reason)
    if starts_on > timezone.localdate() + FURTHEST:
        raise ValidationError({"starts_on": "日期太远了，请核对年份"})
    if len({child.pk for child, _ in choices}) < len(choices):
        raise ValidationError("同一个孩子写了两次")
    try:
        with transaction.atomic():
            lock([child for child, _ in choices])
            standing = standing_from([child for child, _ in choices], starts_on)
            wanted = [
                (child, staff)
                for child, staff in choices
                if not stands(standing.get(child.pk, []), staff, starts_on)
            ]
            why = obstacles(wanted, standing, starts_on)
            if why:
                raise InTheWay([(child, why[child.pk]) for child, _ in wanted if child.pk in why])
            replaced = [tie for child, _ in wanted for tie in standing.get(child.pk, [])]
            end_for(replaced, starts_on, reason=end_reason, note=end_note, by=by)
            new = [
                Pairing(
                    child=child, staff=staff, kind=PairingKind.PRIMARY, starts_on=starts_on, recorded_by=by
                )
                for child, staff in wanted
            ]
            new = bulk_create_with_history(new, Pairing, default_user=by) if new else []
            _record(new, {tie.child_id for tie in replaced}, EndReason(end_reason).label, detail, by)
    except IntegrityError:
        raise ValidationError("刚才有人给其中的孩子指定了教师，请刷新再看") from None
    forget_ties(by)
    return new


def standing_from(children, day):
    """{child id: primary pairings that touch any day from ``day`` on}, the first begun first; one statement."""
    found = {}
    ties = Pairing.objects.primary().filter(child__in=[child.pk for child in children])
    for tie in ties.overlapping(day, None).select_related("child", "staff").order_by("starts_on", "pk"):
        found.setdefault(tie.child_id, []).append(tie)
    return found


def obstacles(choices, standing, starts_on):
    """{child id: why} of those who cannot be paired as asked; three statements."""
    why = {}
    for child, staff in choices:
        later = next((tie for tie in standing.get(child.pk, []) if tie.starts_on > starts_on), None)
        if later:
            why[child.pk] = f"{later.staff.name}从 {later.starts_on:%Y-%m-%d} 起包保，换人不能早于这一天"
        elif staff.left_on and staff.left_on < starts_on:
            why[child.pk] = f"{staff.name}已经离职"
    find_absent(why, choices, starts_on)
    return why


def stands(ties, staff, day):
    """Whether of ``ties`` (of one child, from ``day`` on) the last is with this teacher, open, and needs no change."""
    if not ties or ties[-1].staff_id != staff.pk or ties[-1].ends_on is not None:
        return False
    return len(ties) == 1 or ties[-1].starts_on > day


def _record(new, changed, reason, detail, by):
    for action, some, why in (
        ("change_pairing", [row.child for row in new if row.child_id in changed], reason),
        ("pair_child", [row.child for row in new if row.child_id not in changed], ""),
    ):
        if some:
            audit.record_many(action, by=by, kind="child", children=some, reason=why, detail=detail)
