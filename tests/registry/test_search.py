"""Finding a child by characters, pinyin, exact ID number, exact phone; nothing typed stands in an address or a log."""

import pytest
from django.urls import reverse

from registry import search
from trust.models import AuditEvent

from .cast import make_adult, make_child, names

NUMBER = "34129920160503002"


@pytest.fixture
def number():
    from stdnum.cn import ric

    return NUMBER + ric.calc_check_digit(NUMBER + "0")


def find(user, typed):
    found = search.find_children(user, typed)
    return found.by, names(found.children)


@pytest.mark.parametrize(
    ("typed", "by", "expected"),
    [
        ("李小满", "name", ["李小满"]),
        ("小", "name", ["李小满"]),
        ("李 小满", "name", ["李小满"]),
        ("lxm", "pinyin", ["李小满"]),
        ("LXM", "pinyin", ["李小满"]),
        ("lixiaom", "pinyin", ["李小满"]),
        ("qjy", "pinyin", ["覃佳怡"]),  # a surname read as a surname
        ("tjy", "pinyin", []),
        ("xm", "pinyin", []),
        ("龙小凤", "name", []),  # another school
        ("138", "phone", []),
        ("某人%", "name", []),
        ("", "name", []),
    ],
)
def test_by_name_and_pinyin(cast, typed, by, expected):
    assert find(cast.leader, typed) == (by, expected)


def test_a_former_name(cast):
    make_child("新名", cast.school, cast.class_a, former_name="旧名")
    assert find(cast.leader, "旧名") == ("name", ["新名"])


def test_by_exact_phone(cast):
    brother = make_child("李小川", cast.school, cast.class_b, sex="male")
    granny = make_adult(cast.own, brother)
    for typed in ("13800008000", "138 0000 8000", "+8613800008000", "１３８００００８０００"):
        assert find(cast.leader, typed) == ("phone", ["李小川", "李小满"])
    assert find(cast.teacher, "13800008000") == ("phone", ["李小满"])
    assert find(cast.leader, "1380000800") == ("phone", [])
    granny.phones.update(ended_on="2026-01-01")
    assert find(cast.leader, "13800008000") == ("phone", [])


def test_by_exact_id_number(cast, number):
    cast.own.id_number = number
    cast.own.save()
    assert find(cast.leader, number.lower()) == ("id_number", ["李小满"])
    assert find(cast.other_leader, number) == ("id_number", [])
    assert find(cast.subject, number) == ("id_number", [])  # knows the name only
    wrong = search.find_children(cast.leader, number[:-1] + ("0" if number[-1] != "0" else "1"))
    assert wrong.children == [] and "校验不对" in wrong.flaw


def test_what_was_typed_stays_out_of_addresses_session_and_audit(cast, client, number):
    cast.own.id_number = number
    cast.own.save()
    twin = make_child("李小满", cast.school, cast.class_b)
    make_adult(cast.own, twin)
    client.force_login(cast.leader)
    for typed in (number, "13800008000", "李小满"):
        answer = client.post(reverse("registry:child_search"), {"q": typed})
        assert answer.status_code == 302
        assert typed not in answer.url and "q=" not in answer.url
        assert typed not in str(dict(client.session.items()))
        entry = AuditEvent.objects.filter(action="search_children").order_by("-id").first()
        assert typed not in f"{entry.detail}{entry.reason}{entry.fields}"
    assert list(AuditEvent.objects.filter(action="search_children").order_by("id").values_list("detail", "count")) == [
        ("按身份证号", 1), ("按电话", 2), ("按姓名", 2),
    ]  # fmt: skip


def test_one_child_found_opens_several_are_listed(cast, client):
    client.force_login(cast.leader)
    one = client.post(reverse("registry:child_search"), {"q": "lxm"})
    assert str(cast.own.uid) in one.url
    make_child("李小明", cast.school, cast.class_b, sex="male")
    two = client.post(reverse("registry:child_search"), {"q": "lxm"})
    assert two.url == reverse("registry:child_found")
    assert [row["child"].name for row in client.get(two.url).context["rows"]] == ["李小满", "李小明"]


def test_what_is_no_longer_in_reach_disappears_from_the_result(cast, client):
    make_child("李小明", cast.school, cast.class_a, sex="male")
    client.force_login(cast.teacher)
    client.post(reverse("registry:child_search"), {"q": "li"})
    cast.own.enrollments.update(school_class=cast.class_b)
    shown = client.get(reverse("registry:child_found"))
    assert [row["child"].name for row in shown.context["rows"]] == ["李小明"]


def test_a_name_only_reader_finds_but_does_not_open(cast, client):
    client.force_login(cast.subject)
    answer = client.post(reverse("registry:child_search"), {"q": "李小满"}, follow=True)
    assert [(row["child"].name, row["openable"]) for row in answer.context["rows"]] == [("李小满", False)]
    assert str(cast.own.uid) not in answer.content.decode()


def test_nothing_found_says_what_to_do(cast, client):
    client.force_login(cast.teacher)
    answer = client.post(reverse("registry:child_search"), {"q": "没有这个人"}, follow=True)
    assert "不在您职责范围内的孩子找不到" in answer.content.decode()
    assert client.get(reverse("registry:child_found")).status_code == 200


def test_a_result_never_asked_for(cast, client):
    client.force_login(cast.teacher)
    assert client.get(reverse("registry:child_found")).url == reverse("registry:child_search")
