"""Contact cards of the invented county (演示县): most say what is true now, some no longer do, some were never issued."""

import random
import uuid
from datetime import datetime, time, timedelta

from registry.calendar import SHANGHAI
from registry.models import Child, Post, PostKind, SchoolClass
from trust import crypto

from .models import CardIssue
from .printing import cards

BATCH = 500


def issue_demo_cards(county, *, until, seed):
    """Cards of the children on the list on ``until``, issued in the weeks before; returns how many."""
    rng = random.Random(f"{seed}-{until}-cards")  # noqa: S311 (invented data, no secret)
    classes = SchoolClass.objects.filter(school__county=county)
    seats = list(
        cards.seats_of(classes, until)
        .select_related("school")
        .order_by("school__code", "child__name_key", "child__uid")
    )
    leaders = dict(Post.objects.on(until).filter(kind=PostKind.LEADER).values_list("school", "staff__user"))
    made = 0
    for start in range(0, len(seats), BATCH):
        part = seats[start : start + BATCH]
        children = Child.objects.in_bulk([seat.child_id for seat in part])
        states = cards.states([children[seat.child_id] for seat in part], until)
        rows = []
        for seat, state in zip(part, states, strict=True):
            draw = rng.random()
            if draw < 0.2:
                continue
            true_now = draw < 0.8
            rows.append(
                CardIssue(
                    uid=uuid.UUID(int=rng.getrandbits(128), version=4),
                    child=state.child,
                    issued_at=_moment(rng, until, 5, 40) if true_now else _moment(rng, until, 60, 150),
                    issued_by_id=leaders.get(seat.school.managing_school_id or seat.school_id),
                    holders=list(cards.HOLDERS) if draw < 0.6 else ["school", "class_teacher"],
                    digest=state.digest if true_now else _of_before(state.child),
                )
            )
        CardIssue.objects.bulk_create(rows)
        made += len(rows)
    return made


def _moment(rng, until, least, most):
    """A moment of an afternoon so many days before."""
    day = until - timedelta(days=rng.randrange(least, most))
    return datetime.combine(day, time(15, rng.randrange(60)), tzinfo=SHANGHAI)


def _of_before(child):
    """The digest of a card that said something else."""
    return crypto.blind_index(f"before {child.uid}", "contact_card")
