"""What the sweeps share: the world with a signed-in client per post, and requests that are taken back."""

import re
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from . import world as worlds
from .access_oracle import ORACLE

BOOKKEEPING = {
    "trust_auditevent",
    "django_session",
    "trust_device",
    "trust_draft",
    "cache",
    "sqlite_sequence",
}
_WRITES = re.compile(r'^\s*(?:INSERT (?:OR \w+ )?INTO|UPDATE|DELETE FROM)\s+"(\w+)"', re.IGNORECASE)


@pytest.fixture(scope="module")
def world(django_db_setup, django_db_blocker):
    """The world of tests/world.py, once for the module; nothing of it stays."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield worlds.build()
        transaction.set_rollback(True)


@pytest.fixture(scope="module")
def clients(world):
    """A signed-in client per subject, whose session outlives a sweep of an hour."""
    idle, settings.SESSION_IDLE = settings.SESSION_IDLE, timedelta(days=1)
    found = {}
    for subject, user in world.users.items():
        found[subject] = Client()
        found[subject].force_login(user)
    yield found
    settings.SESSION_IDLE = idle


@contextmanager
def taken_back():
    """Runs a request and takes back what it wrote; yields the set of tables written."""
    written = set()

    def watch(execute, sql, params, many, context):
        found = _WRITES.match(sql)
        if found:
            written.add(found[1])
        return execute(sql, params, many, context)

    with transaction.atomic(), connection.execute_wrapper(watch):
        yield written
        transaction.set_rollback(True)


def address(world, name, relation):
    """The address of a page for the object in a relation."""
    line = ORACLE[name]
    arguments = {key: world.uid(relation, kind) for key, kind in line.objects.items()}
    return reverse(name, kwargs=arguments | line.values)


def body_of(answer):
    """What is sent, as text."""
    content = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return content.decode("utf-8", "replace")
