"""Tables of the cellar."""

from .accounts import Device, SignInCount, User
from .audit import AppendOnly, AuditEvent
from .base import Identified, VersionConflict, Versioned
from .drafts import Draft
from .jobs import Heartbeat, Job, JobState
from .keys import KeyProof
from .outbox import OutboxMessage
from .uploads import Upload

__all__ = [
    "AppendOnly", "AuditEvent", "Device", "Draft", "Heartbeat", "Identified", "Job", "JobState", "KeyProof",
    "OutboxMessage", "SignInCount", "Upload", "User", "VersionConflict", "Versioned",
]  # fmt: skip
