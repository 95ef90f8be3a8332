"""Lists of pairings as schools keep them: read, checked, answered, confirmed; the second time nothing is left to do."""

import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from openpyxl import Workbook

from pairing import pairings
from pairing.lists import batches
from pairing.models import Pairing
from registry.models import ImportBatch
from registry.roster.cells import FileRefused
from trust import jobs
from trust.models import AuditEvent, Job

from .conftest import DAY, SINCE

pytestmark = pytest.mark.django_db
HEAD = ["序号", "包保教师", "学生姓名", "班级", "联系电话"]


def book(*rows, merges=(), title="石门小学教师包保留守学生名单", sheet="名单"):
    found = Workbook()
    page = found.active
    page.title = sheet
    for row in ([title], *rows):
        page.append(list(row))
    for area in merges:
        page.merge_cells(area)
    data = io.BytesIO()
    found.save(data)
    return SimpleUploadedFile("名单.xlsx", data.getvalue())


def take(world, file, day, **more):
    return batches.receive(
        file, kind="pairings", by=world.leader.user, school=world.shimen, as_of=day, **more
    )


def told(batch):
    """[(row, child, teacher, status, why)] of the rows that are children."""
    return [
        (row.number, data["shown"]["child"], data["shown"]["staff"], row.status, data["why"])
        for row in batch.rows.order_by("position")
        for data in [row.shown]
        if data["shown"]
    ]


def standing(day):
    return dict(Pairing.objects.primary().on(day).values_list("child__name", "staff__name"))


def grade(world, school_class):
    return school_class.name_on()


@pytest.mark.db
def test_a_plain_list_is_checked_and_confirmed_once(world, today):
    pairings.pair(child=world.bo, staff=world.li, by=None, starts_on=SINCE)
    pairings.pair(child=world.chen, staff=world.li, by=None, starts_on=SINCE)
    rows = [
        HEAD,
        [1, "张桂兰", "安小一", grade(world, world.c31), "13800000001"],
        [2, "王海老师", "薄小二", grade(world, world.c31), "13800000002"],
        [3, "李静", "陈小三", grade(world, world.c21), "13800000003"],
        [4, "李静", "没有人", grade(world, world.c21), "13800000003"],
        ["合计", "", "4 人", "", ""],
    ]
    batch = take(world, book(*rows), today)
    assert told(batch) == [
        (3, "安小一", "张桂兰", "new", ""),
        (4, "薄小二", "王海", "changed", "现在由李静包保"),
        (5, "陈小三", "李静", "unchanged", "已经是这位教师"),
        (6, "没有人", "李静", "held", "学校的名册里没有“没有人”，先导入名册再传，或者核对姓名"),
    ]
    assert batches.confirm(batch, by=world.leader.user) == 2
    assert batches.confirm(batch, by=world.leader.user) == 0
    assert standing(today) == {"安小一": "张桂兰", "薄小二": "王海", "陈小三": "李静"}
    assert standing(today - DAY) == {"薄小二": "李静", "陈小三": "李静"}
    assert told(batch) == [
        (6, "没有人", "李静", "held", "学校的名册里没有“没有人”，先导入名册再传，或者核对姓名")
    ]
    assert AuditEvent.objects.get(action="confirm_list").count == 2
    again = take(world, book(*rows), today)
    assert [status for *_, status, _ in told(again)] == ["unchanged", "unchanged", "unchanged", "held"]
    batches.confirm(again, by=world.leader.user)
    assert Pairing.objects.count() == 4


def test_a_teachers_cell_merged_over_children_and_several_children_in_one_cell(world, today):
    rows = [
        HEAD,
        [1, "张桂兰", "安小一", grade(world, world.c31), ""],
        [2, None, "薄小二", grade(world, world.c31), ""],
        [3, "李静", "陈小三、丁小四", "", ""],
    ]
    batch = take(world, book(*rows, merges=["B3:B4"]), today)
    assert [(child, teacher, status) for _, child, teacher, status, _ in told(batch)] == [
        ("安小一", "张桂兰", "new"), ("薄小二", "张桂兰", "new"), ("陈小三", "李静", "new"), ("丁小四", "李静", "new"),
    ]  # fmt: skip


def test_the_teacher_in_a_row_above(world, today):
    rows = [
        ["包保教师：李静"], ["序号", "学生姓名", "班级", "村"], [1, "安小一", grade(world, world.c31), "柳溪村"],
        [2, "薄小二", grade(world, world.c31), "柳溪村"], ["包保教师：王海"], [1, "陈小三", grade(world, world.c21), "上河村"],
    ]  # fmt: skip
    batch = take(world, book(*rows), today)
    assert [(child, teacher) for _, child, teacher, *_ in told(batch)] == [
        ("安小一", "李静"), ("薄小二", "李静"), ("陈小三", "王海"),
    ]  # fmt: skip


def test_namesakes_are_asked_and_a_missing_teacher_waits(world, today):
    twin = world.child("安小一", world.c21)
    rows = [HEAD, [1, "李静", "安小一", "", ""], [2, "李静", "安小一", grade(world, world.c21), ""],
            [3, "没这人", "薄小二", grade(world, world.c31), ""], [4, "李静", "陈小三", grade(world, world.c31), ""]]  # fmt: skip
    batch = take(world, book(*rows), today)
    assert [(number, status, why) for number, _, _, status, why in told(batch)] == [
        (3, "held", "有同名的孩子，请选是哪一个"),
        (4, "new", ""),
        (5, "held", "没有叫“没这人”的本校教职工，请核对姓名，或先登记岗位"),
        (6, "held", f"班级对不上（表里写的是{grade(world, world.c31)}），请核对"),
    ]
    asks = [ask for row in batch.rows.filter(has_problems=True) for ask in row.shown["asks"]]
    assert batches.answer(batch, {asks[0]["key"]: "f" * 32}, by=None) == 0  # never offered
    assert (
        batches.answer(batch, {asks[0]["key"]: world.an.uid.hex, asks[1]["key"]: world.chen.uid.hex}, by=None)
        == 2
    )
    assert [(child, status) for _, child, _, status, _ in told(batch)] == [
        ("安小一", "new"), ("安小一", "new"), ("薄小二", "held"), ("陈小三", "new"),
    ]  # fmt: skip
    batches.confirm(batch, by=None)
    assert {tie.child_id for tie in Pairing.objects.all()} == {world.an.pk, twin.pk, world.chen.pk}


def test_teachers_of_one_name_are_told_apart_by_their_posts(world, today):
    world.staff("李静", ("class_teacher", {"school": world.shimen, "school_class": world.c21}))
    batch = take(world, book(HEAD, [1, "李静", "安小一", grade(world, world.c31), ""]), today)
    (ask,) = [ask for row in batch.rows.filter(has_problems=True) for ask in row.shown["asks"]]
    assert [words for _, words in ask["options"]] == [
        "李静（石门小学教职工）",
        f"李静（{grade(world, world.c21)}班主任）",
    ]
    batches.answer(batch, {ask["key"]: ask["options"][1][0]}, by=None)
    batches.confirm(batch, by=None)
    assert Pairing.objects.get().staff_id != world.li.pk


def test_one_child_with_two_teachers_waits(world, today):
    rows = [HEAD, [1, "李静", "安小一", grade(world, world.c31), ""], [2, "王海", "安小一", grade(world, world.c31), ""],
            [3, "李静", "陈小三", grade(world, world.c21), ""], [4, "李静", "陈小三", grade(world, world.c21), ""]]  # fmt: skip
    assert [(status, why) for *_, status, why in told(take(world, book(*rows), today))] == [
        ("held", "第 4 行写的是王海，请核对后再传"),
        ("held", "第 3 行写的是李静，请核对后再传"),
        ("new", ""),
        ("unchanged", "和第 5 行一样"),
    ]


def test_nothing_is_written_when_the_register_changed_since(world, today):
    batch = take(world, book(HEAD, [1, "李静", "安小一", grade(world, world.c31), ""]), today)
    pairings.pair(child=world.an, staff=world.wang, by=None, starts_on=SINCE)
    with pytest.raises(batches.StaleList):
        batches.confirm(batch, by=None)
    assert standing(today) == {"安小一": "王海"}
    assert [(status, why) for *_, status, why in told(batch)] == [("changed", "现在由王海包保")]
    batches.confirm(ImportBatch.objects.get(), by=None)
    assert standing(today) == {"安小一": "李静"}


def test_a_large_list_is_read_in_the_background(world, today, monkeypatch):
    monkeypatch.setattr(batches, "IN_REQUEST", 10)
    monkeypatch.setattr("trust.jobs._ring", lambda *args: None)
    batch = take(world, book(HEAD, [1, "李静", "安小一", grade(world, world.c31), ""]), today)
    assert (batch.state, batch.rows.count()) == ("reading", 0)
    jobs.run(Job.objects.get().uid)
    batch.refresh_from_db()
    assert (batch.state, batch.entering) == ("checking", 1)


def test_what_is_no_table_says_so(world, today):
    batch = take(world, SimpleUploadedFile("名单.xlsx", b"PK\x03\x04 no workbook"), today)
    assert (batch.state, batch.note) == ("refused", FileRefused("broken").args[0])


def test_from_the_page(world, signed_in, today):
    world.child("安小一", world.c21)
    client = signed_in(world.leader)
    page = client.get("/pairings/lists/")
    data = {
        "submission": page.context["form"]["submission"].value(), "school": str(world.shimen.uid), "as_of": str(today),
        "file": book(HEAD, [1, "李静", "安小一", "", ""], [2, "王海", "陈小三", grade(world, world.c21), ""]),
    }  # fmt: skip
    there = client.post("/pairings/lists/", data)["Location"]
    shown = client.get(there)
    text = re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", shown.content.decode()))
    assert "有同名的孩子，请选是哪一个" in text
    assert "确认导入1条" in text
    key = re.search(r'<select name="([^"]+)"', shown.content.decode())[1]
    client.post(there + "answer/", {key: world.an.uid.hex})
    done = client.post(there + "confirm/", follow=True)
    assert "导入了 2 条" in done.content.decode()
    assert standing(today) == {"安小一": "李静", "陈小三": "王海"}
    batch = ImportBatch.objects.get()
    for name, method in (("check", "get"), ("answer", "post"), ("confirm", "post"), ("drop", "get")):
        where = reverse(f"pairing:list_{name}", args=[batch.uid])
        assert getattr(signed_in(world.other_leader), method)(where).status_code == 404
        assert getattr(signed_in(world.zhang), method)(where).status_code == 403


def test_dropped_nothing_changes(world, signed_in, today):
    batch = take(world, book(HEAD, [1, "李静", "安小一", grade(world, world.c31), ""]), today)
    signed_in(world.leader).post(reverse("pairing:list_drop", args=[batch.uid]))
    batch.refresh_from_db()
    assert (batch.state, batch.rows.count(), Pairing.objects.count()) == ("dropped", 0, 0)


def test_statements_do_not_grow_with_rows(world, today):
    def counted(number):
        names = [
            f"孩子{'甲乙丙丁戊己庚辛'[index]}{'一二三四五六七八'[number - 1]}" for index in range(number)
        ]
        for name in names:
            world.child(name, world.c21)
        file = book(HEAD, *([n, "李静", name, grade(world, world.c21), ""] for n, name in enumerate(names)))
        with CaptureQueriesContext(connection) as captured:
            batches.confirm(take(world, file, today), by=None)
        return len(captured)

    counted(1)
    assert counted(2) == counted(8)
