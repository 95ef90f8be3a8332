"""The outbox: what must leave the program is a row of the same transaction, delivered by a loop of its own.

The database is the truth; a broker or gateway that is down delays, and loses nothing. A handler that only writes to
the database runs in the transaction that marks the message sent: exactly once. One that talks to the outside
(``external=True``) gets the key to recognize a repetition after a crash.
"""

import logging
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from trust.models import OutboxMessage

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=5)
LONGEST_WAIT = timedelta(minutes=30)
_handlers = {}


def handler(kind, *, external=False):
    """Register ``f(payload, key)`` for a kind of message (once, in the AppConfig's ``ready``)."""

    def register(function):
        _handlers[kind] = (function, external)
        return function

    return register


def send(kind, payload, key):
    """Put a message into the outbox, in the caller's transaction; the same key twice is one message.

    ``payload`` holds ids and dates only. Returns whether the message is new.
    """
    message = OutboxMessage(kind=kind, payload=payload, key=key)
    before = OutboxMessage.objects.filter(key=key).exists()
    OutboxMessage.objects.bulk_create([message], ignore_conflicts=True)
    return not before


def deliver(limit=100, now=None):
    """Deliver what is due; returns (sent, failed)."""
    now = now or timezone.now()
    due = OutboxMessage.objects.filter(
        Q(claimed_until=None) | Q(claimed_until__lt=now), sent_at=None, due_at__lte=now
    )
    sent = failed = 0
    for pk in list(due.order_by("due_at", "id").values_list("pk", flat=True)[:limit]):
        result = _deliver_one(pk, due)
        sent += result is True
        failed += result is False
    return sent, failed


def _deliver_one(pk, due):
    if not due.filter(pk=pk).update(claimed_until=timezone.now() + LEASE, tries=F("tries") + 1):
        return None  # another loop has it
    message = OutboxMessage.objects.get(pk=pk)
    same = OutboxMessage.objects.filter(pk=pk, sent_at=None)
    try:
        if message.kind not in _handlers:
            raise LookupError(f"no handler for {message.kind}")
        function, external = _handlers[message.kind]
        if external:
            function(message.payload, message.key)
            same.update(sent_at=timezone.now(), claimed_until=None, last_error="")
        else:
            with transaction.atomic():
                if same.update(sent_at=timezone.now(), claimed_until=None, last_error=""):
                    function(message.payload, message.key)
    except Exception as error:
        wait = min(timedelta(seconds=2 ** min(message.tries, 12)), LONGEST_WAIT)
        same.update(claimed_until=None, due_at=timezone.now() + wait, last_error=type(error).__name__[:100])
        logger.warning(
            "outbox message %s of kind %s failed (try %s)", pk, message.kind, message.tries, exc_info=error
        )
        return False
    return True


def hurry(kind, now=None):
    """Make waiting messages of a kind due at once (the gateway is back)."""
    return OutboxMessage.objects.filter(kind=kind, sent_at=None).update(due_at=now or timezone.now())
