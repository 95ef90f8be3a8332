"""建档率: what each file lacks, the same in words and in SQL, by class and school, with the form for each thing."""

import datetime

import pytest
from django.urls import reverse
from django.utils import timezone

from registry import completeness, families
from registry.completeness import NEEDS, codes_missing, doors, lacking, rates_by
from registry.models import Child, Enrollment

from .cast import make_adult, make_child
from .test_children_pages import id_number

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def ago(days):
    return timezone.localdate() - datetime.timedelta(days=days)


def whole_child(cast, name="全都有", where=None, order="002", **changes):
    """A child whose file lacks nothing, but for ``changes``."""
    fields = {
        "id_number": id_number(order=order), "birth_date": datetime.date(2016, 5, 3), "ethnic_group": "汉族",
        "village": "柳溪村", "address": "三组", "household_registration": "青溪县", "health": "健康",
    }  # fmt: skip
    child = make_child(name, cast.school, where or cast.class_a, **fields | changes)
    make_adult(child)
    for parent, relation in (("李强", "father"), ("梁燕", "mother")):
        adult = make_adult(child, name=parent, relation=relation, cares=False, phone="")
        families.start_work(adult, by=cast.leader, child=child, starts_on=ago(100), place="广东省东莞市")
    return child


def codes(child):
    """By what is loaded, and by SQL: they must say the same."""
    listed = child.care_list_spells.today().first()
    found = codes_missing(child, families.family_of(child).adults, child.enrollment_on(), listed)
    mine = Child.objects.filter(pk=child.pk)
    assert [code for code in NEEDS if lacking(mine, code).exists()] == found
    assert lacking(mine).exists() == bool(found)
    return found


def test_each_thing_that_can_lack_is_named(cast):
    child = whole_child(cast)
    assert codes(child) == []
    phone = child.kinships.get(relation="grandmother").guardian.phones.get()
    families.mark_phone_wrong(phone, by=cast.leader, child=child)
    assert codes(child) == ["phone"]
    families.end_guardianship(child.guardianships.get(), by=cast.leader, last_day=ago(1))
    assert codes(child) == ["phone", "carer"]
    for parent in child.kinships.filter(relation__in=["father", "mother"]):
        families.end_work(parent.guardian.work_spells.get(), by=cast.leader, child=child, last_day=ago(1))
    assert codes(child) == ["phone", "carer", "father", "mother"]
    child.care_list_spells.update(type="unknown")
    child.enrollments.update(school_class=None)
    assert codes(child) == ["phone", "carer", "father", "mother", "type", "class"]


def test_where_a_parent_is_may_be_said_in_four_ways(cast):
    child = whole_child(cast)
    father = child.kinships.get(relation="father").guardian
    families.end_work(father.work_spells.get(), by=cast.leader, child=child, last_day=ago(1))
    assert codes(child) == ["father"]
    families.start_guardianship(child, father, by=cast.leader, starts_on=ago(0), authority="legal")
    assert codes(child) == []  # at home, caring
    families.end_guardianship(
        child.guardianships.get(guardian=father), by=cast.leader, last_day=timezone.localdate()
    )
    child.guardianships.filter(guardian=father).update(cancelled_at=timezone.now())
    father.conditions.create(kind="missing", starts_on=ago(30))
    assert codes(child) == []
    father.conditions.all().delete()
    father.died_on = ago(300)
    father.save()
    assert codes(child) == []
    child.kinships.filter(relation="father").delete()
    assert codes(child) == ["father"]


def test_every_field_of_the_basics_counts(cast):
    empty = dict.fromkeys(completeness.WANTED, "") | {"birth_date": None}
    assert codes(whole_child(cast, **empty)) == list(completeness.WANTED)


def test_rates_by_class_cost_one_statement(cast, django_assert_num_queries):
    whole_child(cast)
    whole_child(cast, "缺一样", order="004", health="")
    for number in range(6, 12, 2):
        whole_child(cast, f"二班{number}", cast.class_b, order=f"0{number:02d}")
    with django_assert_num_queries(1):
        found = rates_by(Enrollment.objects.filter(school=cast.school), "school_class")
    here = found[(cast.class_a.pk,)]  # 李小满 lacks much
    assert (here.total, here.complete, here.percent) == (3, 1, 33.3)
    assert (here.missing["health"], here.missing["phone"]) == (2, 1)
    beside = found[(cast.class_b.pk,)]  # and 陈浩宇
    assert (beside.total, beside.complete, beside.percent) == (4, 3, 75.0)
    whole = completeness.add_up(found.values())
    assert (whole.total, whole.complete) == (9, 4)
    assert completeness.Rate().percent is None


def test_each_lack_opens_its_form(cast):
    child = whole_child(cast, health="")
    adults = families.family_of(child).adults
    health, phone = doors(child, adults, ["health", "phone"])
    assert health.url == reverse("registry:child_basics", args=[child.uid]) + "#id_health"
    assert phone.url == reverse("registry:phone_add", args=[child.uid, adults[0].uid])
    (father,) = doors(cast.own, [], ["father"])
    assert father.url == reverse("registry:guardian_add", args=[cast.own.uid])


def test_the_page_of_a_class_teacher_and_of_the_county(cast, client):
    whole_child(cast)
    client.force_login(cast.teacher)
    answer = client.get(reverse("registry:completeness"))
    text = answer.content.decode()
    assert [row["child"].name for row in answer.context["rows"]] == ["李小满"]
    assert "建档率 50.0%" in text and "陈浩宇" not in text
    narrowed = client.get(reverse("registry:completeness"), {"lack": "birth_date"})
    assert narrowed.context["rows"] == []  # hers is known
    client.force_login(cast.county_officer)
    answer = client.get(reverse("registry:completeness"))
    assert "石门小学" in answer.content.decode() and "李小满" not in answer.content.decode()
    client.force_login(cast.subject)
    assert client.get(reverse("registry:completeness")).status_code == 403


@pytest.mark.parametrize("how_many", [1, 3])
def test_the_page_costs_the_same_for_one_and_for_three(cast, client, django_assert_max_num_queries, how_many):
    for number in range(how_many):
        make_adult(make_child(f"孩子{number}", cast.school, cast.class_a), name=f"奶奶{number}")
    client.force_login(cast.leader)
    client.get(reverse("registry:completeness"))
    with django_assert_max_num_queries(27):
        client.get(reverse("registry:completeness"))
