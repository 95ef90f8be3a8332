"""The proposal of pairings for a whole school (结对方案): made in one click, adjusted by hand, adopted at once or dropped.

A school of up to ``IN_REQUEST`` children is computed while the page waits, a larger one by a background job. Nothing
of a proposal counts until it is adopted; then every pairing begins, changes or stays in one transaction, or none does.
"""

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from trust import audit, jobs
from trust.models import Job, VersionConflict

from .assignment import assign, faults, reasons
from .models import PairingProposal, ProposalRow, ProposalState
from .pairings import FURTHEST, InTheWay
from .situation import able_staff, seats_of, sibling_word, situation_of
from .whole_list import obstacles, pair_all, standing_from, stands

IN_REQUEST = 300
STAYS = "现在就由这位老师包保，照旧"
ROOM = "这位老师还有名额"
NO_ROOM = "没有名额了"
UNWANTED_ONLY = "有名额的老师，孩子不愿意"
BY_HAND = "人工指定"

audit.name_kinds(pairing_proposal="结对方案")
audit.name_actions(
    propose_pairings="生成结对方案",
    open_proposal="查看结对方案",
    adjust_proposal="调整结对方案",
    adopt_proposal="采用结对方案",
    drop_proposal="放弃结对方案",
)


# --- making ------------------------------------------------------------------------------------------------------------


def propose(*, school, starts_on, by, keep_standing=True, submission=None):
    """A new proposal; ``submission`` becomes its ``uid``, so the same form twice is one. Large schools: by a job."""
    if abs(starts_on - timezone.localdate()) > FURTHEST:
        raise ValidationError({"starts_on": "日期太远了，请核对年份"})
    new = PairingProposal(school=school, starts_on=starts_on, keep_standing=keep_standing, made_by=by)
    if submission:
        new.uid = submission
    number = seats_of(school, starts_on).count()
    with transaction.atomic():
        again = PairingProposal.objects.filter(uid=new.uid).first()
        if again is not None:
            return again
        if not number:
            raise ValidationError({"starts_on": f"{starts_on:%Y-%m-%d} 学校没有在册的孩子"})
        new.full_clean()
        new.save()
        audit.record("propose_pairings", by=by, kind="pairing_proposal", uid=new, count=number)
        if number > IN_REQUEST:
            jobs.order(
                "propose_pairings", by=by, parameters={"proposal": str(new.uid)},
                title=f"结对方案（{number} 个孩子）", submission=new.uid,
            )  # fmt: skip
        else:
            compute(new)
    return new


def compute(proposal):
    """Fill the rows of a draft anew. The answer is checked against the quotas by a second opinion before it is stored."""
    here = situation_of(proposal.school, proposal.starts_on, keep_standing=proposal.keep_standing)
    answer = assign(here.children, here.staff)
    wrong = faults(answer.choices, here.children, here.staff)
    if wrong:
        raise RuntimeError(f"the solver broke a quota: {wrong[:3]}")
    chosen = answer.choices | {child: tie.staff_id for child, tie in here.kept.items()}
    to_pair = {child.key: child for child in here.children}
    staff = {one.key: one for one in here.staff}
    rows = []
    for child_id in here.seats:
        why = _sibling_reasons(child_id, chosen, here)
        if child_id in here.kept:
            why = [_stays(here.kept[child_id], proposal.starts_on), *why]
        elif chosen[child_id] is None:
            free = any(one.key == to_pair[child_id].unwanted and one.room for one in here.staff)
            why = [UNWANTED_ONLY if free else NO_ROOM]
        else:
            why = [*why, *reasons(to_pair[child_id], staff[chosen[child_id]])] or [ROOM]
        rows.append(ProposalRow(proposal=proposal, child_id=child_id, staff_id=chosen[child_id], reasons=why))
    with transaction.atomic():
        _lock(proposal)
        proposal.rows.all().delete()
        ProposalRow.objects.bulk_create(rows, batch_size=500)


def _stays(tie, day):
    return STAYS if tie.starts_on <= day else f"已定从 {tie.starts_on:%Y-%m-%d} 起由这位老师包保"


def _sibling_reasons(child_id, chosen, here):
    """和哥哥同一位老师: of the household's other children those with the same teacher."""
    home = here.homes.get(child_id)
    if home is None or chosen[child_id] is None:
        return []
    child = here.seats[child_id].child
    words = [
        sibling_word(child, here.seats[other].child)
        for other, key in here.homes.items()
        if key == home and other != child_id and chosen[other] == chosen[child_id]
    ]
    return [f"和{'、'.join(dict.fromkeys(words))}同一位老师"] if words else []


def being_made(proposal):
    """A draft whose rows the background job has not stored yet; its job, or None."""
    if proposal.state != ProposalState.DRAFT or proposal.rows.exists():
        return None
    return Job.objects.filter(submission=proposal.uid).first()


# --- adjusting -----------------------------------------------------------------------------------------------------------


def adjust(*, row, staff, by, expected):
    """Another teacher for one child, or nobody. ``expected``: the teacher the form showed (an id or None)."""
    with transaction.atomic():
        proposal = _lock(row.proposal)
        _require_draft(proposal)
        stored = ProposalRow.objects.select_related("child", "staff").get(pk=row.pk)
        chosen = staff.pk if staff else None
        if stored.staff_id == chosen:
            return stored
        if stored.staff_id != expected:
            raise VersionConflict(stored)
        if staff is not None and staff.pk not in able_staff(proposal.school, proposal.starts_on):
            raise ValidationError({"staff": f"{staff.name}在 {proposal.starts_on:%Y-%m-%d} 没有本校岗位"})
        stored.staff, stored.reasons, stored.by_hand = staff, [BY_HAND], True
        stored.save()
        proposal.save_version(proposal.version, update_fields=[])
        audit.record("adjust_proposal", by=by, kind="pairing_proposal", uid=proposal, child=stored.child)
    return stored


# --- adopting and dropping -------------------------------------------------------------------------------------------------


def in_the_way(proposal):
    """[(child, why)] of rows that can no longer be adopted as they stand: who left, and who was paired meanwhile."""
    day = proposal.starts_on
    rows = list(
        proposal.rows.exclude(staff=None).select_related("child", "staff").order_by("child__name_key", "pk")
    )
    standing = standing_from([row.child for row in rows], day)
    open_rows = [row for row in rows if not stands(standing.get(row.child_id, []), row.staff, day)]
    why = obstacles([(row.child, row.staff) for row in open_rows], standing, day)
    for row in open_rows:
        since = [tie for tie in standing.get(row.child_id, []) if tie.recorded_at > proposal.made_at]
        if since:
            why.setdefault(row.child_id, f"方案做好以后，已指定{since[0].staff.name}包保")
    return [(row.child, why[row.child_id]) for row in rows if row.child_id in why]


def adopt(*, proposal, by, end_reason, end_note="", expected=None):
    """All pairings of the proposal begin on its day, or none: raises ``InTheWay``. Adopted twice = once.

    Children without a choice keep what they have. Returns the number of pairings begun.
    """
    with transaction.atomic():
        stored = _lock(proposal)
        if stored.state == ProposalState.APPLIED:
            return 0
        _require_draft(stored)
        if expected is not None and stored.version != expected:
            raise VersionConflict(stored)
        blocked = in_the_way(stored)
        if blocked:
            raise InTheWay(blocked)
        rows = list(stored.rows.exclude(staff=None).select_related("child", "staff").order_by("pk"))
        new = pair_all(
            choices=[(row.child, row.staff) for row in rows], starts_on=stored.starts_on, end_reason=end_reason,
            end_note=end_note, by=by, detail="结对方案",
        )  # fmt: skip
        stored.state, stored.applied_at, stored.applied_by = ProposalState.APPLIED, timezone.now(), by
        stored.save_version(stored.version)
        audit.record("adopt_proposal", by=by, kind="pairing_proposal", uid=stored, count=len(new))
    return len(new)


def drop(*, proposal, by):
    """Nothing comes of it; it stays readable."""
    with transaction.atomic():
        stored = _lock(proposal)
        if stored.state == ProposalState.DROPPED:
            return stored
        _require_draft(stored)
        stored.state = ProposalState.DROPPED
        stored.save_version(stored.version)
        audit.record("drop_proposal", by=by, kind="pairing_proposal", uid=stored)
    return stored


def _lock(proposal):
    """The stored proposal, until the end of the transaction for nobody else."""
    return (
        PairingProposal.objects.select_for_update(of=("self",)).select_related("school").get(pk=proposal.pk)
    )


def _require_draft(proposal):
    if proposal.state != ProposalState.DRAFT:
        raise ValidationError(f"这个方案{proposal.get_state_display()}，不能再改")
