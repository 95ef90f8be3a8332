"""What a tie opens, for how long, and how much of the child."""

from datetime import datetime, time, timedelta, timezone

import pytest
import time_machine

from pairing import pairings
from pairing.models import EndReason, Pairing, PairingKind
from registry import access
from registry.access import Show, Sight, Words
from registry.models import Child, Post
from trust.models import User

from .conftest import DAY

pytestmark = pytest.mark.django_db
SHANGHAI = timezone(timedelta(hours=8))
OPENED = Sight(phone=Show.CALL, id_number=Show.NO, words=Words.OWN)
SHUT = Sight(phone=Show.NO, id_number=Show.NO, words=Words.NO)


def seen_by(staff, level="visible_to"):
    """Names of the children whose file the account may open, as a new request finds them."""
    user = User.objects.get(pk=staff.user_id)
    return sorted(getattr(Child.objects, level)(user).values_list("name", flat=True))


def at(day):
    """Noon of a day in Shanghai."""
    return time_machine.travel(datetime.combine(day, time(12), tzinfo=SHANGHAI), tick=False)


def test_the_paired_teacher_sees_the_child_while_the_tie_lasts(world, today):
    tie = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today)
    pairings.end_pairing(pairing=tie, ends_on=today + 5 * DAY, reason=EndReason.STAFF_DUTIES, by=None)
    expected = {-1: [], 0: ["安小一"], 5: ["安小一"], 6: []}
    found = {}
    for offset in expected:
        with at(today + offset * DAY):
            found[offset] = seen_by(world.li)
    assert found == expected


def test_a_change_moves_the_file_at_once(world, today):
    tie = pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - DAY)
    pairings.change_pairing(pairing=tie, staff=world.wang, reason=EndReason.WISH, by=None)
    assert (seen_by(world.li), seen_by(world.wang)) == ([], ["安小一"])


def test_a_cancelled_tie_opens_nothing(world):
    tie = pairings.pair(child=world.an, staff=world.li, by=None)
    pairings.cancel_pairing(pairing=tie, reason="指定错了", by=None)
    assert (seen_by(world.li), seen_by(world.li, "named_to")) == ([], [])


@pytest.mark.parametrize(
    "kind", [PairingKind.PRIMARY, PairingKind.PROXY, PairingKind.HELPER, PairingKind.PEER]
)
def test_ties_of_every_kind_open_the_file(world, kind):
    pairings.pair(child=world.an, staff=world.li, kind=kind, by=None)
    assert seen_by(world.li) == ["安小一"]


def test_without_a_post_a_forgotten_tie_opens_nothing(world, today):
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=today - DAY)
    Post.objects.filter(staff=world.li).update(ends_on=today - DAY)
    assert Pairing.objects.open().count() == 1
    assert seen_by(world.li) == []


def test_own_class_and_own_pairings_add_up(world):
    pairings.pair(child=world.ding, staff=world.zhang, by=None)
    assert seen_by(world.zhang) == sorted(["安小一", "薄小二", "丁小四"])


def test_how_much_of_the_child_a_tie_shows(world):
    pairings.pair(child=world.an, staff=world.li, by=None)
    user = User.objects.get(pk=world.li.user_id)
    assert (access.sight_of(user, world.an), access.sight_of(user, world.bo)) == (OPENED, SHUT)


def test_the_class_teachers_sight_is_not_narrowed_by_a_tie(world):
    pairings.pair(child=world.an, staff=world.zhang, by=None)
    user = User.objects.get(pk=world.zhang.user_id)
    assert access.sight_of(user, world.an) == Sight(phone=Show.CALL, id_number=Show.MASKED, words=Words.ALL)


def test_ties_are_scoped_like_their_children(world):
    pairings.pair(child=world.an, staff=world.li, by=None)
    pairings.pair(child=world.far, staff=world.other_teacher, by=None)

    def ties(staff):
        user = User.objects.get(pk=staff.user_id)
        return sorted(Pairing.objects.visible_to(user).values_list("child__name", flat=True))

    assert [ties(who) for who in (world.leader, world.other_leader, world.li, world.wang, world.county_officer)] == [
        ["安小一"], ["范小五"], ["安小一"], [], [],
    ]  # fmt: skip
