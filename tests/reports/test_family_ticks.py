"""一份协议、一个电话、一点家教知识: three ticks per child, class by class; counted by hand on 24 November 2026."""

from datetime import date

import pytest
from django.urls import reverse

from activities.models import Activity, Attendance
from registry import agreements, families
from registry.models import Guardian, Guardianship, Kinship, Phone
from reports import family_ticks

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def adult(child, relation, name, *, phone="", cares=False):
    one = Guardian.objects.create(county=child.county, name=name)
    Kinship.objects.create(child=child, guardian=one, relation=relation)
    if phone:
        Phone.objects.create(guardian=one, number=phone)
    if cares:
        Guardianship.objects.create(child=child, guardian=one, starts_on=date(2026, 9, 1))
    return one


def event(world, kind, day, *, children=(), adults=(), present=True, **fields):
    one = Activity.objects.create(
        kind=kind, title="家长会", day=day, county=world.county, school=world.school, **fields
    )
    rows = [Attendance(activity=one, child=child, present=present) for child in children]
    rows += [Attendance(activity=one, guardian=one_adult, present=present) for one_adult in adults]
    for row in rows:
        row.settle(one.recorded_at)
        row.save()
    return one


@pytest.fixture
def three(world):
    """李安安 has all three; 王彬彬's mother is at home; 赵翠翠 lacks everything."""
    father = adult(world.an, "father", "李父", phone="13900000001")
    Phone.objects.filter(guardian=father).update(last_answered_on="2026-11-20")
    granny = world.an.kinships.get(relation="grandmother").guardian
    agreements.add_agreement(
        world.an, by=None, guardian=granny, entrusted_by=father, signed_on=date(2026, 9, 1),
        starts_on=date(2026, 9, 1), no_exclusion=True,
    )  # fmt: skip
    event(world, "parents_meeting", date(2026, 9, 10), adults=[granny])
    adult(world.bin, "mother", "王母", cares=True, phone="13900000002")
    event(world, "family_lecture", date(2026, 11, 24), children=[world.bin])
    lost = adult(world.cui, "father", "赵父", phone="13900000003")
    families.mark_phone_wrong(lost.phones.get(), by=None, child=world.cui)
    event(world, "training", date(2026, 8, 31), children=[world.cui])  # last school year
    event(world, "training", date(2026, 10, 1), children=[world.cui], present=False)
    event(world, "class_meeting", date(2026, 10, 2), children=[world.cui])
    return world


def test_each_child_has_its_three_answers(three, client):
    client.force_login(three.zhang)
    answer = client.get(reverse("reports:family_ticks"))
    total = answer.context["total"]
    assert (total.total, total.complete, total.agreement, total.phone, total.lesson) == (3, 2, 1, 1, 1)
    assert [(child.name, one.missing) for child, _, one in answer.context["rows"]] == [
        ("赵翠翠", ["agreement", "phone", "lesson"])
    ]
    found = {one.child_id: one for one in family_ticks.ticks_on(date(2026, 11, 24), seat_of(three))}
    assert (found[three.an.pk].agreement, found[three.bin.pk].agreement) == (True, None)
    assert found[three.an.pk].answered_on == date(2026, 11, 20)


def seat_of(world):
    from django.db.models import Q

    return Q(school_class=world.c1)


def test_classes_and_their_numbers_lead_to_lists(three, client):
    client.force_login(three.zhou)
    answer = client.get(reverse("reports:family_ticks"))
    rows = [
        (str(row.school_class) if row.school_class else "", row.total, row.complete, row.agreement, row.phone, row.lesson)
        for row in answer.context["classes"]
    ]  # fmt: skip
    assert rows == [
        ("二(1)班", 1, 0, 1, 1, 1),  # 孙丹丹
        ("四(1)班", 3, 2, 1, 1, 1),
        ("二(1)班", 1, 0, 1, 1, 1),  # the 教学点's 唐培培
        ("", 1, 0, 1, 1, 1),  # 何楠楠 has no class
    ]
    url = f"{reverse('reports:family_ticks')}?class={three.c2.uid}&lacks=phone"
    assert url.split("?")[1].replace("&", "&amp;") in answer.content.decode()
    assert [child.name for child, _, _ in client.get(url).context["rows"]] == ["孙丹丹"]
    assert client.get(f"{reverse('reports:family_ticks')}?class={three.c3.uid}").status_code == 404


def test_what_was_taught_this_school_year_and_who_came(three, client):
    client.force_login(three.zhou)
    shown = client.get(reverse("reports:family_ticks")).context["lessons"]
    assert [(one.kind, one.day, one.families, one.adults) for one in shown] == [
        ("family_lecture", date(2026, 11, 24), 1, 0),
        ("training", date(2026, 10, 1), 0, 0),
        ("parents_meeting", date(2026, 9, 10), 0, 1),
    ]


def test_the_printed_file_says_that_the_family_came(three, client):
    client.force_login(three.zhang)
    page = client.get(reverse("reports:print_file", args=[three.an.uid])).content.decode()
    assert page.count("家长到场") == 1  # the grandmother at the parents' meeting
    page = client.get(reverse("reports:print_file", args=[three.bin.uid])).content.decode()
    assert "家长到场" not in page and "家庭教育报告会" in page  # under the child's own name


def test_a_cancelled_event_teaches_nobody(three):
    day = date(2026, 11, 24)
    Activity.objects.filter(kind="family_lecture").update(cancelled_at="2026-11-24T01:00Z")
    found = {one.child_id: one for one in family_ticks.ticks_on(day, seat_of(three))}
    assert found[three.bin.pk].lesson is False


def test_who_sees_it(three, client):
    for who, status in (
        ("zhang", 200),
        ("head", 200),
        ("wei", 200),
        ("sun", 403),
        ("shi", 403),
        ("qin", 403),
    ):
        client.force_login(getattr(three, who))
        assert client.get(reverse("reports:family_ticks")).status_code == status


@pytest.mark.parametrize("many", [1, 3])
def test_it_costs_the_same_with_many(three, client, django_assert_max_num_queries, many):
    for child in (three.an, three.bin, three.cui)[many:]:
        child.care_list_spells.update(ends_on="2026-11-01")
    client.force_login(three.zhang)
    with django_assert_max_num_queries(13):
        assert client.get(reverse("reports:family_ticks")).context["total"].total == many
