"""Families: adults shared by siblings, phones, who cares, where parents work."""

import datetime
import uuid

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone

from registry import definitions, families, regions
from registry.models import Guardian, Guardianship, Kinship, ParentWork, Phone
from trust.models import AuditEvent, VersionConflict

from .cast import make_adult, make_child, names


def day(days_ago):
    return timezone.localdate() - datetime.timedelta(days=days_ago)


def page(answer):
    return answer.content.decode()


def test_carers_come_first_then_parents_and_the_phone_that_works(cast, django_assert_num_queries):
    mother = make_adult(cast.own, name="陈芳", relation="mother", phone="13900002716", cares=False)
    aunt = make_adult(cast.own, name="李姑", relation="aunt", phone="", cares=False)
    aunt.kinships.update(as_written="姑姑")
    granny = make_adult(cast.own, name="王秀英")
    families.mark_phone_wrong(granny.phones.get(), by=None, child=cast.own)
    families.add_phone(granny, by=None, child=cast.own, number="13800008001", label="邻居")
    families.start_work(
        mother, by=None, child=cast.own, starts_on=day(100), place="广东省东莞市", trade="服装厂"
    )
    with django_assert_num_queries(2):
        family = families.family_of(cast.own)
        assert [(a.guardian.name, a.facts) for a in family.adults] == [
            ("王秀英", "奶奶，同住"), ("陈芳", "母亲，在广东省东莞市，服装厂"), ("李姑", "姑姑"),
        ]  # fmt: skip
    assert [line.masked for line in family.adults[0].phones] == ["138****8001", "138****8000"]
    assert [line.works for line in family.adults[0].phones] == [True, False]
    assert [a.guardian.name for a in family.carers] == ["王秀英"]


def test_many_families_cost_as_much_as_one(cast, django_assert_num_queries):
    brother = make_child("李小川", cast.school, cast.class_young, sex="male")
    make_adult(cast.own, brother)
    make_adult(cast.beside, name="陈大")
    with django_assert_num_queries(2):
        found = families.families_of([cast.own, brother, cast.beside])
    assert {pk: [a.guardian.name for a in f.adults] for pk, f in found.items()} == {
        cast.own.pk: ["王秀英"], brother.pk: ["王秀英"], cast.beside.pk: ["陈大"],
    }  # fmt: skip


def test_the_family_of_another_day(cast):
    granny = make_adult(cast.own)
    families.end_guardianship(granny.guardianships.get(), by=None, last_day=day(5))
    assert [a.is_carer for a in families.family_of(cast.own).adults] == [False]
    assert [a.is_carer for a in families.family_of(cast.own, day(5)).adults] == [True]


def test_siblings_are_those_whose_name_one_may_know(cast):
    brother = make_child("李小川", cast.school, cast.class_young, sex="male")
    cousin = make_child("李小河", cast.other, cast.class_other, sex="male")
    make_adult(cast.own, brother, cousin, name="李建军", relation="father")
    assert names(families.siblings_of(cast.own, cast.leader)) == ["李小川"]
    assert names(families.siblings_of(cast.own, cast.teacher)) == []
    assert names(families.siblings_of(cousin, cast.other_leader)) == []


# --- adults ----------------------------------------------------------------------------------------------------------


def new_adult(**changes):
    return {
        "submission": str(uuid.uuid4()), "name": "王 秀英", "relation": "grandmother", "phone": "138 0000 8000",
        "cares": "on", "sex": "", "another": "",
    } | changes  # fmt: skip


def test_an_adult_with_a_phone_who_cares(cast, client):
    client.force_login(cast.teacher)
    path = reverse("registry:guardian_add", args=[cast.own.uid])
    data = new_adult()
    for _ in range(2):
        assert client.post(path, data).status_code == 302
    adult = Guardian.objects.get()
    assert (adult.name, adult.phones.get().number, adult.kinships.get().relation) == (
        "王秀英",
        "13800008000",
        "grandmother",
    )
    assert (adult.guardianships.get().starts_on, adult.sex) == (day(0), "female")
    assert AuditEvent.objects.filter(action="add_guardian").count() == 1


def test_the_grandmother_of_a_sibling_is_offered_not_doubled(cast, client):
    brother = make_child("李小川", cast.school, cast.class_a, sex="male")
    granny = make_adult(brother)
    client.force_login(cast.teacher)
    path = reverse("registry:guardian_add", args=[cast.own.uid])
    answer = client.post(path, new_adult())
    assert answer.status_code == 200 and "李小川的奶奶" in page(answer)
    share = reverse("registry:guardian_share", args=[cast.own.uid, granny.uid])
    assert share in page(answer)
    client.post(share, {"relation": "grandmother"})
    client.post(share, {"relation": "grandmother"})
    assert Guardian.objects.count() == 1
    assert sorted(k.child.name for k in granny.kinships.all()) == ["李小川", "李小满"]


def test_it_may_still_be_somebody_else(cast, client):
    brother = make_child("李小川", cast.school, cast.class_a, sex="male")
    make_adult(brother)
    client.force_login(cast.teacher)
    path = reverse("registry:guardian_add", args=[cast.own.uid])
    client.post(path, new_adult(another="on", relation="aunt", name="李姑"))
    assert Guardian.objects.count() == 1  # 伯母、婶婶、姑姑…: which one is asked
    client.post(path, new_adult(another="on", relation="aunt", name="李姑", as_written="姑姑"))
    assert Guardian.objects.count() == 2


def test_an_adult_of_a_foreign_family_is_not_offered(cast, client):
    make_adult(cast.elsewhere)
    client.force_login(cast.teacher)
    client.post(reverse("registry:guardian_add", args=[cast.own.uid]), new_adult())
    assert Guardian.objects.filter(kinships__child=cast.own).count() == 1


def test_one_father(cast, client):
    make_adult(cast.own, name="李建军", relation="father", phone="")
    client.force_login(cast.teacher)
    answer = client.post(
        reverse("registry:guardian_add", args=[cast.own.uid]), new_adult(relation="father", name="李军")
    )
    assert answer.status_code == 200 and "父亲（母亲）已经登记过" in page(answer)
    assert Guardian.objects.count() == 1


def test_correcting_an_adult_for_all_siblings(cast, client):
    granny = make_adult(cast.own)
    client.force_login(cast.teacher)
    path = reverse("registry:guardian_edit", args=[cast.own.uid, granny.uid])
    data = {
        "version": 1,
        "name": "王秀珍",
        "relation": "maternal_grandmother",
        "as_written": "姥姥",
        "sex": "female",
    }
    client.post(path, data)
    granny.refresh_from_db()
    assert (granny.name, granny.version, granny.kinships.get().word) == ("王秀珍", 2, "姥姥")
    second = client.post(path, data | {"name": "王秀芝"})
    assert second.status_code == 409
    assert second.context["rows"] == [("姓名", "王秀芝", "王秀珍")]


def test_a_death_ends_caring_and_working(cast):
    granny = make_adult(cast.own)
    families.start_work(granny, by=None, child=cast.own, starts_on=day(20), place="县城")
    families.correct_guardian(granny, by=None, child=cast.own, expected=1, died_on=day(2))
    assert granny.guardianships.get().ends_on == granny.work_spells.get().ends_on == day(2)
    assert families.family_of(cast.own).adults[0].facts == "奶奶，已去世"
    with pytest.raises(ValidationError):
        families.start_guardianship(cast.own, granny, by=None, starts_on=day(0), authority="informal")


# --- phones ----------------------------------------------------------------------------------------------------------


def test_phones_in_order_and_each_once(cast, client):
    granny = make_adult(cast.own)
    client.force_login(cast.teacher)
    path = reverse("registry:phone_add", args=[cast.own.uid, granny.uid])
    client.post(path, {"number": "139-0000-1000", "first": "on"})
    client.post(path, {"number": "13900001000"})
    assert list(granny.phones.order_by("position", "pk").values_list("position", flat=True)) == [0, 1]
    assert [p.number for p in granny.phones.order_by("position")] == ["13900001000", "13800008000"]
    answer = client.post(path, {"number": "1380000800"})
    assert "手机号是 11 位，这里只有 10 位" in page(answer) or "手机号是 11 位，这里是 10 位" in page(answer)
    assert granny.phones.count() == 2


def test_a_wrong_number_is_marked_answered_again_and_ended(cast, client):
    phone = make_adult(cast.own).phones.get()
    client.force_login(cast.teacher)

    def mark(word):
        client.post(reverse("registry:phone_mark", args=[cast.own.uid, phone.uid, word]))
        phone.refresh_from_db()

    mark("wrong")
    assert (phone.wrong_since, phone.last_answered_on) == (day(0), None)
    assert "号码打不通，请核对" in page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))
    mark("answered")
    assert (phone.wrong_since, phone.last_answered_on) == (None, day(0))
    mark("end")
    assert phone.ended_on == day(0)
    assert families.family_of(cast.own).adults[0].phones == []
    assert [row.wrong_since for row in phone.history.order_by("history_id")] == [None, day(0), None, None]


def test_two_people_mark_one_phone(cast):
    phone = make_adult(cast.own).phones.get()
    stale = Phone.objects.get(pk=phone.pk)
    families.mark_phone_wrong(phone, by=None, child=cast.own)
    with pytest.raises(VersionConflict):
        families.end_phone(stale, by=None, child=cast.own)


# --- care and work ---------------------------------------------------------------------------------------------------


def test_another_adult_takes_over_from_a_day(cast, client):
    granny = make_adult(cast.own)
    aunt = make_adult(cast.own, name="李姑", relation="aunt", phone="", cares=False)
    client.force_login(cast.teacher)
    path = reverse("registry:care_start", args=[cast.own.uid, aunt.uid])
    data = {
        "starts_on": f"{day(3):%Y-%m-%d}",
        "authority": "entrusted",
        "lives_with": "on",
        "instead_of_others": "on",
    }
    client.post(path, data)
    assert granny.guardianships.get().ends_on == day(4)
    assert (aunt.guardianships.get().starts_on, aunt.guardianships.get().authority) == (day(3), "entrusted")
    assert [a.guardian.name for a in families.family_of(cast.own).carers] == ["李姑"]


def test_grandparents_care_together(cast, client):
    make_adult(cast.own)
    grandpa = make_adult(cast.own, name="李大山", relation="grandfather", phone="", cares=False)
    client.force_login(cast.teacher)
    client.post(
        reverse("registry:care_start", args=[cast.own.uid, grandpa.uid]),
        {"starts_on": f"{day(0):%Y-%m-%d}", "authority": "informal"},
    )
    assert len(families.family_of(cast.own).carers) == 2
    assert Guardianship.objects.open().count() == 2


def test_away_from_one_place_to_another_and_home(cast, client):
    father = make_adult(cast.own, name="李建军", relation="father", phone="", cares=False)
    client.force_login(cast.teacher)
    path = reverse("registry:work_start", args=[cast.own.uid, father.uid])
    client.post(path, {"starts_on": f"{day(200):%Y-%m-%d}", "place": "广东东莞长安", "starts_on_known": "on"})
    client.post(path, {"starts_on": f"{day(10):%Y-%m-%d}", "place": "浙江省宁波市鄞州区"})
    spells = list(
        ParentWork.objects.order_by("starts_on").values_list("division_code", "ends_on", "starts_on_known")
    )
    assert spells == [("441900", day(11), True), ("330212", None, False)]
    now = father.work_spells.open().get()
    client.post(
        reverse("registry:work_end", args=[cast.own.uid, now.uid]), {"last_day": f"{day(1):%Y-%m-%d}"}
    )
    assert families.family_of(cast.own).parents_away == []
    assert Kinship.objects.count() == 1


@pytest.mark.parametrize(
    ("place", "code"),
    [
        ("广东省东莞市", "441900"), ("广东东莞长安", "441900"), ("东莞", "441900"), ("上海市浦东新区", "310115"),
        ("吉林省吉林市", "220200"), ("湖南省长沙市雨花区", "430111"), ("外地", ""), ("", ""),
    ],
)  # fmt: skip
def test_the_code_in_a_place(place, code):
    assert regions.code_in(place) == code
    assert regions.name_of("441900") == "广东省东莞市"


# --- definitions -----------------------------------------------------------------------------------------------------


def judged(child):
    return {j.code: j.holds for j in definitions.judge(families.family_of(child), child.enrollment_on())}


def test_one_child_by_three_definitions(cast):
    assert judged(cast.own) == {"D1": None, "D2": None, "D3": None}  # nobody knows where the parents are
    father = make_adult(cast.own, name="李建军", relation="father", phone="", cares=False)
    mother = make_adult(cast.own, name="陈芳", relation="mother", phone="", cares=True)
    assert judged(cast.own) == {"D1": False, "D2": False, "D3": False}
    families.start_work(father, by=None, child=cast.own, starts_on=day(100), place="东莞")
    assert judged(cast.own) == {"D1": False, "D2": True, "D3": True}
    mother.guardianships.update(ability="parent_unable")
    assert judged(cast.own) == {"D1": True, "D2": True, "D3": True}


def test_three_months_away_make_the_register(cast):
    make_adult(cast.own, name="陈芳", relation="mother", phone="", cares=False)
    father = make_adult(cast.own, name="李建军", relation="father", phone="", cares=False)
    families.start_work(father, by=None, child=cast.own, starts_on=day(92), place="东莞")
    assert judged(cast.own)["D2"] is False
    father.work_spells.update(starts_on=day(93))
    assert judged(cast.own)["D2"] is True


def test_too_old_and_without_a_birth_date(cast):
    for relation in ("father", "mother"):
        adult = make_adult(cast.own, relation=relation, phone="", cares=False)
        families.start_work(adult, by=None, child=cast.own, starts_on=day(100), place="东莞")
    today = timezone.localdate()
    cast.own.birth_date = today.replace(year=today.year - 16, day=1, month=1)
    assert judged(cast.own) == {"D1": False, "D2": True, "D3": True}
    cast.own.birth_date = None
    assert judged(cast.own)["D1"] is None
