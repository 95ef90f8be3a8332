"""致家长的一封信: a letter to each family of a class, whose phones stand on it, and how often it was handed out."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry.models import Staff
from reports.models import FamilyLetter
from trust.models import AuditEvent

from .world import asked

pytestmark = [pytest.mark.django_db, pytest.mark.db]


def issued(client, user, school_class, submission=None):
    client.force_login(user)
    return client.post(
        reverse("reports:class_letters", args=[school_class.uid]),
        {"submission": submission or str(uuid.uuid4())},
    )


def test_a_letter_for_each_family_with_whom_to_call(world, client):
    world.school.hotline = "0558-7654321"
    world.school.save()
    Staff.objects.filter(name="张桂兰").update(phone="13700000001")
    client.force_login(world.zhang)
    page = client.get(reverse("reports:print_letters", args=[world.c1.uid])).content.decode()
    assert page.count("<h1>致家长的一封信</h1>") == 3
    for words in ("李安安的爸爸妈妈", "王彬彬的爸爸妈妈", "赵翠翠的爸爸妈妈", "石门小学四(1)班", "张桂兰", "13700000001", "杨帆",
                  "0558-7654321", "第二十一条到第二十三条", "2026年11月24日"):  # fmt: skip
        assert words in page, words
    assert "孙丹丹" not in page
    entry = AuditEvent.objects.get(action="print_form")
    assert (entry.kind, entry.object_uid, entry.count) == ("schoolclass", world.c1.uid, 3)


def test_handing_out_is_recorded_once_and_counted(world, client):
    key = str(uuid.uuid4())
    for _ in range(3):
        answer = issued(client, world.zhang, world.c1, key)
        assert answer["Location"] == reverse("reports:print_letters", args=[world.c1.uid])
    issued(client, world.zhou, world.c1)
    world.cui.care_list_spells.update(ends_on="2026-11-01")
    issued(client, world.zhang, world.c1)
    rows = FamilyLetter.objects.order_by("pk").values_list("school_class", "count", "issued_by__name")
    assert list(rows) == [(world.c1.pk, 3, "张桂兰"), (world.c1.pk, 3, "周明远"), (world.c1.pk, 2, "张桂兰")]
    assert AuditEvent.objects.filter(action="issue_letters").count() == 3
    answer = client.get(reverse("reports:class_letters", args=[world.c1.uid]))
    assert [(row.count, row.issued_by.name) for row in answer.context["page_obj"]] == [
        (2, "张桂兰"), (3, "周明远"), (3, "张桂兰")]  # fmt: skip
    assert "登记印发并打印 2 份" in answer.content.decode()


def test_a_class_without_listed_children_has_nothing_to_hand_out(world, client):
    for child in (world.an, world.bin, world.cui):
        child.care_list_spells.update(ends_on="2026-11-01")
    answer = issued(client, world.zhang, world.c1)
    assert (answer.status_code, FamilyLetter.objects.count()) == (200, 0)
    assert "这个班没有在册的孩子" in answer.content.decode()


def test_who_may(world, client):
    for user, school_class, status in (
        (world.zhou, world.c2, 302), (world.wei, world.c1, 302), (world.zhang, world.c2, 403), (world.head, world.c1, 403),
        (world.shi, world.c1, 403), (world.zhang, world.c3, 404), (world.shen, world.c1, 404), (world.qin, world.c1, 403),
    ):  # fmt: skip
        assert issued(client, user, school_class).status_code == status, (user, school_class)
        answer = client.get(reverse("reports:print_letters", args=[school_class.uid]))
        assert answer.status_code == (200 if status == 302 else status)


def test_three_letters_cost_as_much_as_one(world, client):
    client.force_login(world.zhang)
    path, spent = reverse("reports:print_letters", args=[world.c1.uid]), []
    client.get(path)
    for gone in ((), (world.bin, world.cui)):
        for child in gone:
            child.care_list_spells.update(ends_on="2026-11-01")
        with CaptureQueriesContext(
            connection,
        ) as captured:
            assert len(client.get(path).context["sheets"]) == 3 - len(gone)
        spent.append(len(asked(captured)))
    assert spent[0] == spent[1] <= 20
