"""The world of the boards, on its own day."""

import pytest
import time_machine

from .world import NOW, build


@pytest.fixture
def world(db):
    """The county of tests/reports/world.py on 24 November 2026."""
    with time_machine.travel(NOW, tick=False):
        yield build()
