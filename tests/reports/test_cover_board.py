"""包班进度 (C057): what is overdue and still to do below each leader, counted by hand; each number opens its list."""

import pytest
import time_machine

from pairing.models import ClassCover
from registry.models import Post, Staff

from .test_boards import BUDGETS, count_behind, queries, visitor
from .world import NOW, build

pytestmark = pytest.mark.django_db
PAGE = "/dashboard/covers/"


@pytest.fixture
def world(db):
    """周明远 covers 二(1)班, 吴建国 四(1)班, 孙立群 the 教学点."""
    with time_machine.travel(NOW, tick=False):
        w = build()
        for who, where in ((w.zhou, w.c2), (w.wu, w.c1), (w.sun, w.point.classes.get())):
            ClassCover.objects.create(staff=who.staff, school_class=where, starts_on="2026-09-01")
        yield w


def below(client):
    """[(leader, own, [(class, teacher, overdue, still to do)])]."""
    return [
        (
            group.staff.name if group.staff else None,
            group.own,
            [
                (str(row.school_class), row.teacher, row.counts.missed, row.counts.upcoming)
                for row in group.classes
            ],
        )
        for group in client.get(PAGE).context["groups"]
    ]


def test_own_classes_first_each_with_what_is_open_below(world):
    # 四(1)班: the monthly talk is open for two of three; the school's weekly talk was missed in 4 of 4 weeks by three
    # children, but for one talk, and is open for three this week. 二(1)班: one child; the first week is excused.
    assert below(visitor(world.zhou))[0] == ("周明远", True, [("二(1)班", "杨帆", 3, 2)])
    found = {leader: rows for leader, _, rows in below(visitor(world.wu))}
    assert found["吴建国"] == [("四(1)班", "张桂兰", 11, 5)]
    assert below(visitor(world.wu))[0][:2] == ("吴建国", True)


def test_every_number_opens_a_list_of_that_length(world):
    client = visitor(world.zhou)
    for group in client.get(PAGE).context["groups"]:
        assert count_behind(client, group.missed_url) == group.missed
        assert count_behind(client, group.upcoming_url) == group.upcoming
        for row in group.classes:
            assert count_behind(client, row.missed_url) == row.counts.missed
            assert count_behind(client, row.upcoming_url) == row.counts.upcoming


def test_a_cover_of_somebody_who_left_the_group_covers_nothing(world):
    client = visitor(world.zhou)
    assert [leader for leader, _, _ in below(client)] == ["周明远", "孙立群", "吴建国"]
    Post.objects.filter(staff__user=world.sun).update(ends_on="2026-11-23")
    assert [(leader, len(rows)) for leader, _, rows in below(client)] == [
        ("周明远", 1),
        (None, 1),
        ("吴建国", 1),
    ]
    page = client.get("/pairings/covers/").content.decode()
    assert "已不在领导小组，请换人" in page and "还有 1 个班没有包班领导" in page


def test_a_foreign_leader_is_no_list(world):
    assert visitor(world.zhou).get("/dashboard/duties/?cover=none").status_code == 200
    other = Staff.objects.get(user=world.shen)
    assert visitor(world.zhou).get(f"/dashboard/duties/?cover={other.uid}").status_code == 404


def test_it_costs_the_same_for_one_class_and_for_all(world):
    client = visitor(world.zhou)
    many = queries(client, PAGE)
    assert len(many) <= BUDGETS["/dashboard/people/"], [sql[:60] for sql in many]
    ClassCover.objects.exclude(school_class=world.c2).delete()
    assert len(queries(client, PAGE)) <= len(many)
