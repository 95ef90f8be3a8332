"""A year of talks and visits kept in Excel: read into contacts, late as the ledger says, and never twice."""

import io
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from openpyxl import Workbook

from activities.models import Contact
from activities.record_lists import NO_KIND, kind_of_row
from pairing.lists import batches
from trust.models import AuditEvent

from ..pairing.conftest import SINCE, make_world

pytestmark = pytest.mark.django_db
HEAD = ["序号", "日期", "谈话教师", "学生姓名", "班级", "形式", "谈话内容"]


@pytest.fixture
def world(db):
    return make_world()


@pytest.fixture
def today():
    from django.utils import timezone

    return timezone.localdate()


def book(*rows, title="2026 年关爱留守儿童工作记录", sheet="记录"):
    found = Workbook()
    page = found.active
    page.title = sheet
    for row in ([title], *rows):
        page.append(list(row))
    data = io.BytesIO()
    found.save(data)
    return SimpleUploadedFile("记录.xlsx", data.getvalue())


def take(world, file):
    return batches.receive(
        file, kind="contacts", by=world.leader.user, school=world.shimen, as_of=SINCE + timedelta(days=1)
    )


def told(batch):
    return [
        (row.number, data["shown"]["child"], data["shown"]["kind"], row.status, data["why"])
        for row in batch.rows.order_by("position")
        for data in [row.shown]
        if data["shown"]
    ]


@pytest.mark.db
def test_rows_become_contacts_once(world, today):
    near, far = today - timedelta(days=3), today - timedelta(days=40)
    name, other = world.c31.name_on(), world.c21.name_on()
    rows = [
        HEAD,
        [1, near, "张桂兰", "安小一", name, "谈心", "说起想妈妈，哭了"],
        [2, f"{far:%Y.%m.%d}", "李静", "安小一", name, "家访", "奶奶身体好"],
        [3, f"{far:%Y年%m月%d日}", "李静", "薄小二、陈小三", "", "电话联系", "问了成绩"],
        [4, near, "张桂兰", "安小一", name, "谈话", "同一次"],
        [5, today + timedelta(days=3), "张桂兰", "安小一", name, "谈心", "还没到"],
        [6, SINCE - timedelta(days=9), "张桂兰", "陈小三", other, "谈心", "还没来"],
        [7, near, "没这人", "陈小三", other, "谈心", "谁"],
        [8, near, "张桂兰", "陈小三", other, "", "看电影"],
    ]
    batch = take(world, book(*rows))
    assert told(batch) == [
        (3, "安小一", "谈心", "new", ""),
        (4, "安小一", "家访", "new", "补录"),
        (5, "薄小二", "联系家长", "new", "补录"),
        (5, "陈小三", "联系家长", "new", "补录"),
        (6, "安小一", "谈心", "unchanged", "和第 3 行是同一次"),
        (7, "安小一", "谈心", "held", "日期在今天之后，请核对"),
        (8, "陈小三", "谈心", "held", f"陈小三 {SINCE:%Y-%m-%d} 才来，这一天还不能记"),
        (9, "陈小三", "谈心", "held", "没有叫“没这人”的本校教职工，请核对姓名，或先登记岗位"),
        (10, "陈小三", "", "held", NO_KIND),
    ]
    assert batches.confirm(batch, by=world.leader.user) == 4
    found = Contact.objects.order_by("pk").select_related("child", "staff")
    assert [
        (one.child.name, one.kind, one.day, one.channel, one.parties, one.staff.name, one.words, one.lag)
        for one in found
    ] == [
        ("安小一", "talk", near, "in_person", 1, "张桂兰", "说起想妈妈，哭了", 3),
        ("安小一", "home_visit", far, "in_person", 8, "李静", "奶奶身体好", 40),
        ("薄小二", "guardian_contact", far, "phone", 8, "李静", "问了成绩", 40),
        ("陈小三", "guardian_contact", far, "phone", 8, "李静", "问了成绩", 40),
    ]
    assert {one.school_id for one in found} == {world.shimen.pk}
    assert [row.staff.name for row in found[0].adults.all()] == ["张桂兰"]
    assert found[0].history.count() == 1
    assert AuditEvent.objects.filter(action="log_contact", child_uid=world.an.uid).count() == 2
    again = take(world, book(*rows))
    assert [status for *_, status, _ in told(again)] == ["unchanged"] * 5 + ["held"] * 4
    batches.confirm(again, by=world.leader.user)
    assert Contact.objects.count() == 4


@pytest.mark.parametrize(
    ("kind", "title", "party", "expected"),
    [
        ("", "家访记录表", "", ("home_visit", "in_person", 8)),
        ("", "谈心谈话记录", "", ("talk", "in_person", 1)),
        ("电话", "谈心家访记录", "", ("guardian_contact", "phone", 8)),
        ("微信", "记录", "妈妈", ("guardian_contact", "message", 4)),
        ("视频", "记录", "父母", ("guardian_contact", "video", 6)),
        ("家访", "谈心记录", "祖父", ("home_visit", "in_person", 8)),
        ("亲情电话", "记录", "爸爸", ("family_call", "phone", 2)),
    ],
)
def test_the_kind_is_told_by_the_row_or_the_title(kind, title, party, expected):
    assert kind_of_row(kind, title, party) == (*expected, "")


@pytest.mark.parametrize(("kind", "why"), [("亲情电话", "亲情电话要写明是和爸爸还是妈妈"), ("春游", NO_KIND)])
def test_what_cannot_be_told_waits(kind, why):
    assert kind_of_row(kind, "记录", "")[3] == why


def test_from_the_page(world, client, today):
    client.force_login(world.leader.user)
    page = client.get("/contacts/lists/")
    data = {
        "submission": page.context["form"]["submission"].value(),
        "school": str(world.shimen.uid),
        "file": book(HEAD, [1, today, "张桂兰", "安小一", world.c31.name_on(), "谈心", "说起想妈妈"]),
    }
    there = client.post("/contacts/lists/", data)["Location"]
    assert "确认导入 1 条" in client.get(there).content.decode()
    assert "导入了 1 条" in client.post(there + "confirm/", follow=True).content.decode()
    assert "已经处理过了" in client.post(there + "confirm/", follow=True).content.decode()
    assert Contact.objects.get().words == "说起想妈妈"
    assert client.get(there.replace("/contacts/", "/pairings/")).status_code == 404  # another kind
    client.force_login(world.zhang.user)
    assert client.get(there).status_code == 403


def test_statements_do_not_grow_with_rows(world, today):
    def counted(number):
        file = book(
            HEAD,
            *(
                [
                    n,
                    today - timedelta(days=n + number * 10),
                    "张桂兰",
                    "安小一",
                    world.c31.name_on(),
                    "谈心",
                    "好",
                ]
                for n in range(number)
            ),
        )
        with CaptureQueriesContext(connection) as captured:
            assert batches.confirm(take(world, file), by=None) == number
        return len(captured)

    counted(1)
    assert counted(2) == counted(6)
