"""A reader beyond the standing approval states a reason (用途), sees one school's names for two hours, and is reviewed."""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from trust import audit

from . import access
from .models import StatedReason

LASTS = timedelta(hours=2)
SHORTEST = 4

audit.name_actions(state_reason="写明用途查看名单", review_reason="复核查看用途")


def state_reason(*, by, school, reason):
    """Open the names of ``school`` to ``by`` for two hours. Raises PermissionDenied for posts that see counts only."""
    access.require(by, access.Act.STATE_REASON, school=school)
    reason = reason.strip()
    if len(reason) < SHORTEST:
        raise ValidationError({"reason": "请写清做什么用，如：核对秋季补助名单"})
    now = timezone.now()
    row = StatedReason(user=by, school=school, reason=reason, opened_at=now, expires_at=now + LASTS)
    row.full_clean()
    with transaction.atomic():
        row.save()
        audit.record("state_reason", by=by, kind="school", uid=school, reason=reason)
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
