"""Fixtures of the cellar's tests."""

import pytest

from trust import audit
from trust.models import User

PASSWORD = "tian-shui-lu-37"


@pytest.fixture
def li(db):
    """A teacher with an account."""
    user = User(username="lilaoshi", name="李静", phone="13800000001")
    user.set_password(PASSWORD)
    user.full_clean()
    user.save()
    return user


@pytest.fixture
def wang(db):
    """Another teacher."""
    user = User(username="wanghai", name="王海", phone="13800000002")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture(autouse=True)
def own_var_dir(settings, tmp_path):
    """Seals and journal of one test stay with that test."""
    settings.VAR_DIR = tmp_path


@pytest.fixture
def everybody_reads_the_audit():
    """A reader as the floor above would register it."""
    from django.db.models import Q

    def reader(user):
        return Q()

    audit.readers(reader)
    yield
    audit._readers.remove(reader)
