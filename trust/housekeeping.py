"""What the cellar does by itself: heartbeats, removing what is past its time, sealing audit days."""

from datetime import timedelta

from django.contrib.sessions.models import Session
from django.utils import timezone

from trust import audit, jobs, uploads
from trust.models import Device, Draft, Heartbeat, OutboxMessage, SignInCount

SENT_KEPT = timedelta(days=90)
DEVICES_KEPT = timedelta(days=180)


def beat(name):
    """Note that a part which runs by itself is alive."""
    Heartbeat.objects.bulk_create(
        [Heartbeat(name=name, beat_at=timezone.now())],
        update_conflicts=True, unique_fields=["name"], update_fields=["beat_at"],
    )  # fmt: skip


def purge(now=None):
    """Remove files, drafts, sessions and counts past their time; seal finished audit days. Returns the numbers."""
    now = now or timezone.now()
    return {
        "files": jobs.purge(now),
        "uploads": uploads.purge(now),
        "drafts": Draft.objects.filter(expires_at__lt=now).delete()[0],
        "sessions": Session.objects.filter(expire_date__lt=now).delete()[0],
        "devices": Device.objects.filter(seen_at__lt=now - DEVICES_KEPT).delete()[0],
        "counts": SignInCount.objects.filter(since__lt=now - timedelta(days=1)).delete()[0],
        "messages": OutboxMessage.objects.filter(sent_at__lt=now - SENT_KEPT).delete()[0],
        "sealed_days": len(audit.seal_days(now)),
    }
