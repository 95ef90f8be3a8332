"""The turn of the school year: who graduates and where to, first classes, splitting classes; nothing is run twice."""

import re
import uuid
from datetime import date

import pytest
from django.urls import reverse

from pairing import moves, pairings, year_end
from pairing.models import Transfer
from registry import class_moves, places
from registry.models import Enrollment, SchoolClass, SchoolYear, Term, Trait

from .conftest import SINCE

pytestmark = pytest.mark.django_db
AUGUST = date(2026, 8, 20)
LAST = date(2026, 7, 3)


@pytest.fixture
def leavers(world):
    """三年级's class ends in the summer of 2026 with three children; one of them lives in."""
    SchoolClass.objects.filter(pk=world.c31.pk).update(ends_on=LAST)
    world.c31.refresh_from_db()
    world.ge = world.child("葛小六", world.c31)
    Trait.objects.create(child=world.ge, kind="boarding", starts_on=SINCE)
    return world


def text(answer):
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def page_of(world, today=AUGUST):
    return year_end.year_end(world.leader.user, [world.shimen, world.point], today)


def test_from_may_the_page_speaks_of_the_coming_autumn():
    days = [date(2026, 4, 30), date(2026, 5, 1), date(2026, 12, 31), date(2027, 1, 1)]
    assert [year_end.year_of(day) for day in days] == [2025, 2026, 2026, 2026]


def test_graduates_stand_there_with_what_is_known(leavers):
    w = leavers
    moves.send_transfers(children=[w.an], to_school=w.qingshan, by=None)
    class_moves.graduate(children=[w.bo], by=w.leader.user, destination="县外读初中")
    found = page_of(w)
    assert [(one.seat.child.name, one.words, one.open) for one in found.graduates] == [
        ("安小一", "已发给青山小学，等接收", False),
        ("薄小二", "毕业，去县外读初中", False),
        ("葛小六", "还没定去向", True),
    ]
    moves.accept_transfers(transfers=Transfer.objects.all(), by=None, starts_on=date(2026, 9, 1))
    assert page_of(w).graduates[0].words == "已到青山小学"
    assert found.undecided == 1


@pytest.mark.db
def test_graduating_ends_with_the_class_once(leavers):
    w = leavers
    for _ in range(2):
        class_moves.graduate(children=[w.ge, w.bo], by=w.leader.user)
    seat = Enrollment.objects.get(child=w.ge)
    assert (seat.ends_on, seat.end_reason) == (LAST, "毕业")
    assert Trait.objects.get(child=w.ge).ends_on == LAST
    with pytest.raises(class_moves.CannotMove, match="不在毕业的班"):
        class_moves.graduate(children=[w.child("无班", school=w.shimen)], by=None)


def test_first_classes_are_proposed_as_last_year_and_made_once(world):
    w = world
    places.add_classes(w.shimen, by=None, numbers={1: range(1, 3)}, day=date(2025, 9, 1))
    first = next(one for one in page_of(w).firsts if one.school == w.shimen)
    assert (first.name, first.there, first.proposed) == ("一年级", 0, 2)
    numbers = year_end.first_grade_numbers(w.shimen, 1, 2, 2026)
    for _ in range(2):
        places.add_classes(w.shimen, by=None, numbers=numbers, day=date(2026, 9, 1))
    assert sorted(
        SchoolClass.objects.filter(school=w.shimen, entry_year=2026).values_list("number", flat=True)
    ) == [1, 2]
    first = next(one for one in page_of(w).firsts if one.school == w.shimen)
    assert (first.there, first.proposed) == (2, 0)


def test_what_else_the_new_year_lacks(world):
    w = world
    w.child("无班", school=w.shimen)
    pairings.pair(child=w.far, staff=w.other_teacher, by=None)
    found = page_of(w)
    assert found.unplaced == 1
    assert found.calendar == "2026—2027学年的学期还没有填，请县里在“校历”里填"
    for season, first, last in (
        ("autumn", date(2026, 9, 1), date(2027, 1, 20)),
        ("spring", date(2027, 2, 20), date(2027, 7, 5)),
    ):
        Term.objects.create(county=w.county, year=2026, season=season, starts_on=first, ends_on=last)
    assert "还没有确认" in page_of(w).calendar
    SchoolYear.objects.create(county=w.county, year=2026, confirmed_at="2026-06-01T00:00+08:00")
    assert page_of(w).calendar == ""
    assert sorted(one.name_on(date(2026, 9, 1)) for one in found.vacant) == sorted(
        one.name_on(date(2026, 9, 1)) for one in (w.c21, w.p11)
    )


@pytest.mark.db
def test_splitting_a_class_ends_the_old_seat_the_day_before(world):
    w = world
    moved = class_moves.move_to_class(
        children=[w.an, w.bo, w.chen], school_class=w.c21, starts_on=date(2026, 10, 1), by=w.leader.user
    )
    assert moved == [w.an, w.bo]  # 陈小三 sits there already
    assert list(
        Enrollment.objects.filter(child=w.an)
        .order_by("starts_on")
        .values_list("school_class", "starts_on", "ends_on")
    ) == [(w.c31.pk, SINCE, date(2026, 9, 30)), (w.c21.pk, date(2026, 10, 1), None)]
    assert (
        class_moves.move_to_class(children=[w.an], school_class=w.c21, starts_on=date(2026, 10, 1), by=None)
        == []
    )


def test_who_cannot_be_moved_is_named_and_nobody_is(world):
    w = world
    with pytest.raises(class_moves.CannotMove) as caught:
        class_moves.move_to_class(
            children=[w.an, w.far], school_class=w.c21, starts_on=date(2026, 10, 1), by=None
        )
    assert [(child.name, why) for child, why in caught.value.children] == [("范小五", "不在这所学校")]
    assert Enrollment.objects.filter(child=w.an).count() == 1


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def this_summer(world, today):
    """The same with the summer the page speaks of today."""
    last = date(year_end.year_of(today), 7, 3)
    SchoolClass.objects.filter(pk=world.c31.pk).update(ends_on=last)
    return world


def test_the_page_sends_graduates_and_makes_classes(this_summer, signed_in, today):
    w, client = this_summer, signed_in(this_summer.leader)
    page = client.get(reverse("pairing:year_end"))
    assert "2 个毕业的孩子还没定去向" in text(page)
    send = reverse("pairing:graduates_send")
    ticked = {"child": [str(w.an.uid)], "submission": str(uuid.uuid4())}
    assert "填一样" in text(client.post(send, ticked, follow=True))
    for _ in range(2):
        page = client.post(send, ticked | {"to_school": str(w.qingshan.uid)}, follow=True)
    assert Transfer.objects.get().last_day == date(year_end.year_of(today), 7, 3)
    assert "已发给青山小学，等接收" in text(page)
    page = client.post(
        send,
        {"child": [str(w.bo.uid)], "submission": str(uuid.uuid4()), "destination": "随父母"},
        follow=True,
    )
    assert "毕业，去随父母" in text(page)
    assert client.post(send, {"child": [str(w.far.uid)]}).status_code == 404
    first = {"school": str(w.shimen.uid), "grade": "1", "number": "2"}
    year = year_end.year_of(today)
    before = SchoolClass.objects.filter(school=w.shimen, entry_year=year).count()
    for _ in range(2):
        client.post(reverse("pairing:first_classes_open"), first)
    assert SchoolClass.objects.filter(school=w.shimen, entry_year=year).count() == max(before, 2)
    assert signed_in(w.zhang).get(reverse("pairing:year_end")).status_code == 403


def test_splitting_by_page_shows_first_and_saves_second(world, signed_in, today):
    w, client = world, signed_in(world.leader)
    path = reverse("registry:class_split", args=[w.c31.uid])
    assert path in client.get(w.c31.get_absolute_url()).content.decode()
    data = {"child": [str(w.an.uid)], "school_class": str(w.c21.uid), "starts_on": str(today)}
    assert "请先勾选孩子" in text(client.post(path, data | {"child": []}))
    assert f"1 个孩子从 {today} 起到{w.c21.name_on()}" in text(client.post(path, data))
    assert Enrollment.objects.filter(child=w.an).count() == 1
    client.post(path, data | {"step": "save"})
    assert w.an.enrollment_on(today).school_class == w.c21
    assert client.post(path, data | {"child": [str(w.far.uid)]}).status_code == 404
    seatless = w.child("无班", school=w.shimen)
    path = reverse("registry:unplaced_split", args=[w.shimen.uid])
    client.post(path, data | {"child": [str(seatless.uid)], "step": "save"})
    assert seatless.enrollment_on(today).school_class == w.c21
    assert signed_in(w.zhang).get(path).status_code == 403
    assert signed_in(w.other_leader).get(path).status_code == 404


def test_many_graduates_stand_on_pages_the_undecided_first(this_summer, signed_in):
    w, client = this_summer, signed_in(this_summer.leader)
    for one in range(49):
        w.child(f"丙{one}", w.c31)
    class_moves.graduate(children=[w.an], by=w.leader.user, destination="县外读初中")
    path = reverse("pairing:year_end")
    first = client.get(path)
    assert "50 个毕业的孩子还没定去向" in text(first) and "共 51 人" in text(first)
    assert first.content.decode().count('name="child"') == 50 and "安小一" not in first.content.decode()
    second = client.get(path, {"page": 2}).content.decode()
    assert "安小一" in second and 'name="child"' not in second and "登记勾选孩子的去向" not in second


@pytest.mark.parametrize("number", [1, 4])
def test_the_page_costs_the_same_with_more_graduates(
    this_summer, signed_in, number, django_assert_max_num_queries
):
    for one in range(number):
        this_summer.child(f"丙{one}", this_summer.c31)
    client = signed_in(this_summer.leader)
    client.get(reverse("pairing:year_end"))
    with django_assert_max_num_queries(25):
        client.get(reverse("pairing:year_end"))
