"""Demands, traits with reviews, where parents work: verbs and lists."""

import datetime
import uuid

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.urls import reverse

from registry import children, demands, families, reminders
from registry.models import Demand, Trait, TraitKind
from trust.models import VersionConflict

from .cast import make_adult, make_child

pytestmark = pytest.mark.db
NOW = datetime.datetime(2026, 11, 24, 2, 0, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOW, tick=False):
        yield


def d(month, day, year=2026):
    return datetime.date(year, month, day)


def page(answer):
    return answer.content.decode()


# --- demands ---------------------------------------------------------------------------------------------------------


def test_a_demand_waits_until_it_is_answered(cast, client):
    client.force_login(cast.teacher)
    path = reverse("registry:demand_add", args=[cast.own.uid])
    data = {
        "submission": str(uuid.uuid4()), "raised_on": "2026-11-14", "raised_by": "奶奶", "text": "想住校，路太远",
    }  # fmt: skip
    for _ in range(2):
        assert client.post(path, data).status_code == 302
    one = Demand.objects.get()
    listed = page(client.get(reverse("registry:demand_list")))
    assert "还有 1 条诉求等答复" in listed and "想住校，路太远" in listed and "10 天" in listed
    answer = reverse("registry:demand_answer", args=[cast.own.uid, one.uid])
    assert "不能早于" in page(
        client.post(answer, {"version": 1, "answer": "下周有床位", "answered_on": "2026-11-13"})
    )
    client.post(answer, {"version": 1, "answer": "下周有床位", "answered_on": "2026-11-20"})
    one.refresh_from_db()
    assert (one.answer, one.answered_on, one.answered_by) == ("下周有床位", d(11, 20), cast.teacher)
    assert "没有等答复的诉求" in page(client.get(reverse("registry:demand_list")))
    assert "下周有床位" in page(client.get(reverse("registry:demand_list") + "?show=answered"))
    assert "下周有床位" in page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))


def test_two_people_answer_one_demand(cast, client):
    one = demands.add_demand(cast.own, by=None, raised_on=d(11, 1), text="想换座位")
    demands.answer_demand(one, by=cast.leader, expected=1, answer="换了", answered_on=d(11, 3))
    with pytest.raises(VersionConflict):
        demands.answer_demand(Demand.objects.get(), by=None, expected=1, answer="不换", answered_on=d(11, 4))
    client.force_login(cast.teacher)
    path = reverse("registry:demand_answer", args=[cast.own.uid, one.uid])
    conflict = client.post(path, {"version": 1, "answer": "不换", "answered_on": "2026-11-04"})
    assert conflict.status_code == 409
    assert conflict.context["rows"][0] == ("答复", "不换", "换了")
    assert Demand.objects.get().answer == "换了"


def test_demands_of_other_classes_are_not_listed(cast, client):
    demands.add_demand(cast.beside, by=None, raised_on=d(11, 1), text="别班的事")
    client.force_login(cast.teacher)
    assert "别班的事" not in page(client.get(reverse("registry:demand_list")))
    client.force_login(cast.grade_head)
    assert "别班的事" in page(client.get(reverse("registry:demand_list")))


# --- traits ----------------------------------------------------------------------------------------------------------


def test_several_hardships_in_one_form(cast, client):
    client.force_login(cast.teacher)
    path = reverse("registry:trait_add", args=[cast.own.uid])
    data = {"kind": "hardship", "starts_on": "2026-11-01", "reason": "父亲服刑", "review_on": "2027-02-01"}
    assert "请选是哪一种困境" in page(client.post(path, data))
    client.post(path, data | {"details": ["poverty", "de_facto_orphan"]})
    assert sorted(str(trait) for trait in Trait.objects.all()) == ["事实无人抚养", "家庭贫困"]
    shown = page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))
    assert "事实无人抚养，2026-11-01 起：父亲服刑" in shown
    again = client.post(path, data | {"details": ["orphan", "poverty"]})
    assert again.status_code == 200 and Trait.objects.count() == 2  # all or nothing


def test_priority_says_when_it_is_looked_at_again(cast, client):
    client.force_login(cast.teacher)
    path = reverse("registry:trait_add", args=[cast.own.uid])
    data = {"kind": "priority", "starts_on": "2026-11-01", "reason": "转来不久"}
    assert "重点关注要写哪天再看一次" in page(client.post(path, data))
    assert "要在开始日期之后" in page(client.post(path, data | {"review_on": "2026-11-01"}))
    client.post(path, data | {"review_on": "2026-11-24"})
    trait = Trait.objects.get()
    listed = client.get(reverse("registry:trait_list"))
    assert [row["child"].name for row in listed.context["rows"]] == ["李小满"]
    assert "转来不久" not in page(listed)
    review = reverse("registry:trait_review", args=[cast.own.uid, trait.uid])
    assert "下次复核要在今天之后" in page(client.post(review, {"review_on": "2026-11-24"}))
    client.post(review, {"review_on": "2026-12-24"})
    trait.refresh_from_db()
    assert trait.review_on == d(12, 24)
    assert client.get(reverse("registry:trait_list") + "?show=review").context["rows"] == []


def test_statuses_side_by_side_and_who_would_like_to_board(cast, client):
    for child, *kinds in [
        (cast.own, TraitKind.MIGRANT, TraitKind.BOARDING_WISH),
        (cast.beside, TraitKind.FLOATING, TraitKind.BOARDING_WISH, TraitKind.BOARDING),
        (cast.young, TraitKind.MIGRANT),
        (cast.elsewhere, TraitKind.MIGRANT),
    ]:
        for kind in kinds:
            children.set_trait(child, by=None, kind=kind, starts_on=d(11, 1))
    children.end_trait(cast.young.traits.get(), by=None, last_day=d(11, 20))
    client.force_login(cast.leader)
    answer = client.get(reverse("registry:trait_list") + "?show=boarding_wish")
    # the school with its 教学点: 李小满, 陈浩宇, 覃佳怡, 何静怡, 唐志强 are listed and at school
    assert "在册留守 5 人，随迁 1 人，流动 1 人" in page(answer)
    assert [row["child"].name for row in answer.context["rows"]] == ["李小满"]


@pytest.mark.parametrize("many", [1, 3])
@pytest.mark.parametrize("name", ["trait_list", "demand_list", "parents_map"])
def test_lists_cost_the_same_with_many(cast, client, django_assert_max_num_queries, name, many):
    for number in range(many):
        one = make_child(f"孩子{number}", cast.school, cast.class_a)
        children.set_trait(one, by=None, kind=TraitKind.MIGRANT, starts_on=d(11, 1))
        demands.add_demand(one, by=None, raised_on=d(11, 1), text="想家")
        father = make_adult(one, name="父", relation="father", phone="")
        families.start_work(father, by=None, child=one, starts_on=d(10, 1), place="东莞")
    client.force_login(cast.teacher)
    query = {"trait_list": "?show=migrant", "demand_list": "", "parents_map": "?at=441900"}[name]
    with django_assert_max_num_queries(14):
        answer = client.get(reverse(f"registry:{name}") + query)
    assert len(answer.context["rows"]) == many


# --- where parents work ----------------------------------------------------------------------------------------------


@pytest.fixture
def abroad(cast):
    """Two brothers share both parents; one more child of the school, one of another school, one who came home."""
    brother = make_child("李小川", cast.school, cast.class_young, sex="male")

    def work(place, *kids, relation="father", ends_on=None):
        adult = make_adult(*kids, name="家长", relation=relation, phone="", cares=False)
        spell = families.start_work(adult, by=None, child=kids[0], starts_on=d(1, 1), place=place)
        if ends_on:
            families.end_work(spell, by=None, child=kids[0], last_day=ends_on)

    work("广东省东莞市", cast.own, brother)
    work("浙江省宁波市鄞州区", cast.own, brother, relation="mother")
    work("广东省广州市天河区", cast.beside)
    work("广东省", cast.beside, relation="mother")
    work("上海市浦东新区", cast.young)
    work("外地", cast.young, relation="mother")
    work("广东省东莞市", cast.elsewhere)
    work("北京市", cast.seatless, ends_on=d(11, 23))
    return cast


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("province", [("广东省", 3, 3), ("上海市", 1, 1), ("浙江省", 1, 2), ("没写清地方", 1, 1)]),
        (
            "city",
            [("上海市", 1, 1), ("浙江省宁波市", 1, 2), ("广东省（没写到市）", 1, 1), ("广东省广州市", 1, 1),
             ("广东省东莞市", 1, 2), ("没写清地方", 1, 1)],
        ),
        (
            "county",
            [("上海市浦东新区", 1, 1), ("浙江省宁波市鄞州区", 1, 2), ("广东省（没写到县）", 1, 1),
             ("广东省广州市天河区", 1, 1), ("广东省东莞市", 1, 2), ("没写清地方", 1, 1)],
        ),
    ],
)  # fmt: skip
def test_where_parents_work(abroad, client, level, expected):
    client.force_login(abroad.leader)
    found = client.get(reverse("registry:parents_map") + f"?level={level}").context["found"]
    assert [(one.name, len(one.parents), len(one.children)) for one in found.places] == expected
    assert (found.parents, found.children) == (6, 4)


def test_a_number_leads_to_the_children_inside_a_school_only(abroad, client):
    path = reverse("registry:parents_map")
    client.force_login(abroad.leader)
    assert "at=441900" in page(client.get(path))
    answer = client.get(path + "?at=441900")
    assert [child.name for child, _ in answer.context["rows"]] == ["李小川", "李小满"]
    client.force_login(abroad.federation)
    shown = client.get(path)
    assert "at=441900" not in page(shown)
    assert [(one.name, len(one.parents)) for one in shown.context["found"].places][:1] == [
        ("广东省东莞市", 2)
    ]
    assert client.get(path + "?at=441900").context["rows"] == []
    assert client.get(path + "?at=999999").status_code == 404


def test_moving_away_brings_the_phone(cast, client):
    father = make_adult(cast.own, name="李建军", relation="father", phone="13900000001", cares=False)
    client.force_login(cast.teacher)
    client.post(
        reverse("registry:work_start", args=[cast.own.uid, father.uid]),
        {"starts_on": "2026-11-01", "place": "广东省东莞市", "employer": "鞋厂", "phone": "139 0000 0002",
         "address": "长安镇一号", "expected_return_on": "2027-02-01", "starts_on_known": "on"},
    )  # fmt: skip
    assert [p.number for p in father.phones.order_by("position")] == ["13900000002", "13900000001"]
    shown = page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))
    assert "单位：鞋厂，长安镇一号" in shown and "预计 2027-02-01 回来" in shown


# --- reminders -------------------------------------------------------------------------------------------------------


def test_what_waits_of_the_families(cast, django_assert_num_queries):
    assert reminders.reminders(cast.teacher) == []
    demands.add_demand(cast.own, by=None, raised_on=d(11, 1), text="想家")
    demands.add_demand(cast.own, by=None, raised_on=d(11, 2), text="想换座位")
    demands.add_demand(cast.beside, by=None, raised_on=d(11, 2), text="别班的事")
    children.set_trait(cast.own, by=None, kind=TraitKind.PRIORITY, starts_on=d(11, 1), reason="转来不久")
    with django_assert_num_queries(1):
        found = reminders.reminders(cast.teacher)
    assert [(one.key, one.number) for one in found] == [("reviews", 1), ("demands", 1)]
    assert [(one.key, one.number) for one in reminders.reminders(cast.leader)] == [
        ("reviews", 1), ("demands", 2),
    ]  # fmt: skip
    assert reminders.reminders(cast.subject) == []


def test_a_hardship_kind_belongs_to_hardship(cast):
    with pytest.raises(ValidationError):
        children.set_trait(cast.own, by=None, kind=TraitKind.MIGRANT, detail="poverty")
