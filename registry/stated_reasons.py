"""A reader beyond the standing approval states a reason (用途), sees one school's names, or one sealed file, for two hours,
and is reviewed.
"""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from trust import audit

from . import access
from .models import StatedReason

LASTS = timedelta(hours=2)
SHORTEST = 4

audit.name_actions(
    state_reason="写明用途查看名单", open_sealed="写明用途打开封存的档案", review_reason="复核查看用途"
)


def state_reason(*, by, school, reason):
    """Open the names of ``school`` to ``by`` for two hours. Raises PermissionDenied for posts that see counts only."""
    access.require(by, access.Act.STATE_REASON, school=school)
    return _state(
        StatedReason(user=by, school=school, reason=reason), "state_reason", kind="school", uid=school
    )


def state_reason_for_file(*, by, school, child, reason):
    """Open the one sealed file (封存) of ``child`` that ``school`` keeps to ``by`` for two hours."""
    access.require(by, access.Act.KEEP_LEAVERS, school=school)
    row = StatedReason(user=by, school=school, child=child, reason=reason)
    return _state(row, "open_sealed", kind="child", uid=child, child=child)


def _state(row, action, **about):
    row.reason = row.reason.strip()
    if len(row.reason) < SHORTEST:
        raise ValidationError({"reason": "请写清做什么用，如：核对秋季补助名单"})
    row.opened_at = timezone.now()
    row.expires_at = row.opened_at + LASTS
    row.full_clean()
    with transaction.atomic():
        row.save()
        audit.record(action, by=row.user, reason=row.reason, **about)
    return row


def reviewed_schools(user):
    """Schools whose openings ``user`` reviews: a leader's own, a county officer's county."""
    return access.schools_for(user, access.Act.REVIEW_REASONS)


def review(row, *, by):
    """Somebody else than the reader has looked at the reason."""
    if row.user_id == by.pk:
        raise ValidationError("自己写的用途要由别人复核")
    with transaction.atomic():
        fresh = StatedReason.objects.select_for_update().get(pk=row.pk)
        if fresh.reviewed_at is None:
            fresh.reviewed_at, fresh.reviewed_by = timezone.now(), by
            fresh.save(update_fields=["reviewed_at", "reviewed_by"])
            audit.record("review_reason", by=by, kind="statedreason", uid=fresh)
    return fresh
