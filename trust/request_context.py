"""What is known about the request being served: its number, the address it came from.

A context variable, so that services can write audit entries without passing the request around.
"""

from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field


@dataclass
class RequestContext:
    """One request, task or command. ``posts`` caches the words for a user's posts within the request."""

    request_id: str = ""
    address: str = ""
    posts: dict = field(default_factory=dict)


_NOBODY = RequestContext()
_current = ContextVar("trust_request", default=None)


def current():
    """The context of the running request, or an empty one (nothing is cached in that)."""
    return _current.get() or _NOBODY


def in_request():
    """Whether a context is set."""
    return _current.get() is not None


@contextmanager
def serving(context):
    """Make ``context`` the current one for the block."""
    token = _current.set(context)
    try:
        yield context
    finally:
        _current.reset(token)
