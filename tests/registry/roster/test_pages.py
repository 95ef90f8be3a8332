"""The import road in the browser: template, upload, check, confirm, rows to put right; who may walk it."""

import datetime
import io
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from registry import children
from registry.models import Child, HeldRow, ImportBatch, ImportRow, ImportState
from registry.roster import imports, template
from tests.registry.cast import cast  # noqa: F401
from tests.registry.roster.generator import id_number
from tests.registry.roster.test_problems import BORN, GOOD, kid, sheet_of
from tests.registry.roster.test_reading import read
from trust import jobs
from trust.models import AuditEvent, Job

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

GIRL = id_number(BORN, 2)


@pytest.fixture
def leader(cast, client):  # noqa: F811
    """The leader's browser."""
    client.force_login(cast.leader)
    return client


def upload(client, school, data, name="名册.xlsx", as_of=None, submission=None):
    """Sends a roster; gives the answer."""
    return client.post(
        reverse("registry:import_new"),
        {
            "submission": submission or uuid.uuid4(), "school": school.pk, "as_of": as_of or timezone.localdate().isoformat(),
            "file": SimpleUploadedFile(name, data),
        },
    )  # fmt: skip


def batch_of(answer):
    """The batch the browser was sent to."""
    return ImportBatch.objects.get(uid=answer.url.rstrip("/").rpartition("/")[2])


def page(answer):
    """The text of a page."""
    return answer.content.decode()


def messages_of(client, url):
    """The page the browser is sent to, for its messages."""
    return page(client.get(url))


def test_upload_check_confirm(leader, cast):  # noqa: F811
    data = sheet_of(
        kid(),
        kid(姓名="王芳", 性别="女", 身份证号=GIRL, 联系电话="1380000123"),
        kid(姓名="田小禾", 身份证号="12"),
    )
    answer = upload(leader, cast.school, data)
    batch = batch_of(answer)
    assert (answer.status_code, answer.url) == (302, batch.get_absolute_url())
    held = page(leader.get(batch.get_absolute_url()))
    assert "确认导入 2 名（1 行待改）" in held
    assert "田小禾" in held
    assert "王芳" not in held
    assert "身份证号是 18 位，这里是 2 位" in held
    new = page(leader.get(batch.get_absolute_url() + "?show=new"))
    assert "王芳" in new
    assert "1380000123" in new
    assert "手机号是 11 位，这里是 10 位，请问清再填" in new
    assert GOOD not in new
    assert Child.objects.filter(id_number_index__gt="").count() == 0
    answer = leader.post(reverse("registry:import_confirm", args=[batch.uid]))
    assert answer.url == batch.get_absolute_url()
    assert "导入了 2 名，1 行待改" in messages_of(leader, answer.url)
    assert sorted(Child.objects.filter(id_number_index__gt="").values_list("name", flat=True)) == [
        "李小满",
        "王芳",
    ]
    assert ImportRow.objects.count() == 0
    batch.refresh_from_db()
    assert (batch.state, batch.confirmed_by) == (ImportState.DONE, cast.leader)


def test_a_second_press_imports_nothing_again(leader, cast):  # noqa: F811
    batch = batch_of(upload(leader, cast.school, sheet_of(kid())))
    url = reverse("registry:import_confirm", args=[batch.uid])
    leader.post(url)
    before = Child.objects.count()
    assert "这份名册已经导入过了，没有再导一遍" in messages_of(leader, leader.post(url).url)
    assert Child.objects.count() == before
    assert imports.confirm(batch, sheet_of(kid()), by=cast.leader) is False


def test_the_same_upload_twice_is_one_batch(leader, cast):  # noqa: F811
    submission = uuid.uuid4()
    data = sheet_of(kid())
    first = upload(leader, cast.school, data, submission=submission)
    assert upload(leader, cast.school, data, submission=submission).url == first.url
    again = upload(leader, cast.school, data)
    assert again.url == first.url
    assert "这份文件已经传过" in messages_of(leader, again.url)
    leader.post(reverse("registry:import_confirm", args=[batch_of(first).uid]))
    third = upload(leader, cast.school, data)
    assert third.url != first.url
    text = messages_of(leader, third.url)
    assert "已经导入过" in text
    assert "没有要改的，完成" in text


def test_what_changed_since_the_check_is_shown_again_before_anything_is_written(leader, cast):  # noqa: F811
    data = sheet_of(kid())
    leader.post(reverse("registry:import_confirm", args=[batch_of(upload(leader, cast.school, data)).uid]))
    batch = batch_of(upload(leader, cast.school, sheet_of(kid(联系电话="13900009999"))))
    child = Child.objects.get(id_number_index__gt="")
    children.correct_child(child, by=cast.leader, expected=child.version, sex="male", ethnic_group="汉族")
    # a correction that the file does not touch leaves the preview as it is
    guardian = child.guardianships.get().guardian
    from registry import families

    families.add_phone(guardian, by=cast.leader, child=child, number="13900009999")
    answer = leader.post(reverse("registry:import_confirm", args=[batch.uid]))
    assert "请再核对一遍，还没有导入" in messages_of(leader, answer.url)
    batch.refresh_from_db()
    assert (batch.state, batch.counts["changed"], batch.counts["unchanged"]) == (ImportState.CHECKING, 0, 1)


def test_of_a_repeated_child_a_person_chooses(leader, cast):  # noqa: F811
    batch = batch_of(upload(leader, cast.school, sheet_of(kid(), kid(联系电话="13900001234"))))
    text = page(leader.get(batch.get_absolute_url() + "?show=problems"))
    assert "按前面那一行" in text
    row = batch.rows.get(has_problems=True)
    leader.post(reverse("registry:import_choose", args=[batch.uid]), {"row": row.uid, "keep": "first"})
    leader.post(reverse("registry:import_confirm", args=[batch.uid]))
    guardian = Child.objects.get(id_number_index__gt="").guardianships.get().guardian
    assert [phone.number for phone in guardian.phones.all()] == ["13800001234"]


def test_old_and_new_stand_side_by_side(leader, cast):  # noqa: F811
    leader.post(
        reverse("registry:import_confirm", args=[batch_of(upload(leader, cast.school, sheet_of(kid()))).uid])
    )
    batch = batch_of(upload(leader, cast.school, sheet_of(kid(班级="3班"))))
    text = page(leader.get(batch.get_absolute_url() + "?show=changed"))
    assert "班级：三(2)班 → <b>三(3)班</b>" in text
    assert "将新建班级" in text


def test_held_rows_are_a_work_list_and_a_workbook(leader, cast):  # noqa: F811
    head = "序号,姓名,性别,身份证号,班级"
    data = f"{head}\n1,李小满,男,{GOOD},三（2）班\n2,=SUM(1+1),男,12,三（2）班\n".encode()
    batch = batch_of(upload(leader, cast.school, data.replace(b"(1+1)", b"(A)"), name="名册.csv"))
    leader.post(reverse("registry:import_confirm", args=[batch.uid]))
    text = page(leader.get(batch.get_absolute_url()))
    assert "已导入 1 名，还有 1 行待改" in text
    answer = leader.post(reverse("registry:import_put_right", args=[batch.uid]))
    job = Job.objects.get()
    assert answer.url == job.get_absolute_url()
    assert jobs.run(job.uid)
    job.refresh_from_db()
    sheet = load_workbook(io.BytesIO(b"".join(jobs.read_file(job)))).active
    assert [cell.value for cell in sheet[1]][-1] == "怎么改"
    name, number = sheet["B2"], sheet["D2"]
    assert (name.value, name.data_type == "f") == ("=SUM(A)", False)
    assert (number.value, number.fill.fgColor.rgb, sheet["A2"].fill.fill_type) == ("12", "FFFBE4E0", None)
    row = HeldRow.objects.get()
    url = reverse("registry:held_row_done", args=[batch.uid, row.uid])
    assert leader.get(url).status_code == 200
    leader.post(url, {"note": "已转学"})
    row.refresh_from_db()
    assert (row.done_note, row.done_by) == ("已转学", cast.leader)
    assert "已导入 1 名" in page(leader.get(batch.get_absolute_url()))


def test_a_file_that_cannot_be_read_says_what_to_do(leader, cast):  # noqa: F811
    batch = batch_of(upload(leader, cast.school, b"\x00\x01\x02\x03", name="坏的.xlsx"))
    text = page(leader.get(batch.get_absolute_url()))
    assert "这不是表格文件。请传 .xlsx、.xls 或 .csv" in text
    assert upload(leader, cast.school, b"MZ", name="程序.exe").status_code == 200


def test_not_importing_leaves_no_trace_of_the_children(leader, cast):  # noqa: F811
    batch = batch_of(upload(leader, cast.school, sheet_of(kid())))
    url = reverse("registry:import_drop", args=[batch.uid])
    assert "名册里什么都不会变" in page(leader.get(url))
    leader.post(url)
    batch.refresh_from_db()
    assert (batch.state, ImportRow.objects.count()) == (ImportState.DROPPED, 0)
    assert "这份名册现在不能导入" in messages_of(
        leader, leader.post(reverse("registry:import_confirm", args=[batch.uid])).url
    )
    assert Child.objects.filter(id_number_index__gt="").count() == 0


def test_a_large_file_is_read_and_written_by_a_worker(leader, cast, monkeypatch):  # noqa: F811
    monkeypatch.setattr(imports, "IN_REQUEST", 100)
    batch = batch_of(upload(leader, cast.school, sheet_of(kid())))
    answer = leader.get(batch.get_absolute_url())
    assert "正在读名册，请稍等" in page(answer)
    assert answer["Refresh"] == f"3; url={batch.get_absolute_url()}"
    assert jobs.run(Job.objects.get(kind="read_roster").uid)
    assert "确认导入 1 名" in page(leader.get(batch.get_absolute_url()))
    for _ in range(2):
        leader.post(reverse("registry:import_confirm", args=[batch.uid]))
    assert "正在后台导入" in page(leader.get(batch.get_absolute_url()))
    assert jobs.run(Job.objects.get(kind="confirm_roster").uid)
    assert "已导入 1 名" in page(leader.get(batch.get_absolute_url()))


def test_who_may_import(cast, client, leader):  # noqa: F811
    batch = batch_of(upload(leader, cast.school, sheet_of(kid(身份证号="12"))))
    pages = [
        ("import_detail", "get"),
        ("import_confirm", "post"),
        ("import_drop", "get"),
        ("import_choose", "post"),
        ("import_put_right", "post"),
    ]
    for user, status in ((cast.other_leader, 404), (cast.teacher, 404), (cast.county_officer, 404)):
        client.force_login(user)
        for name, method in pages:
            answer = getattr(client, method)(reverse(f"registry:{name}", args=[batch.uid]))
            assert answer.status_code == status, (user.name, name)
    for user, status in (
        (cast.teacher, 403),
        (cast.county_officer, 403),
        (cast.office, 200),
        (cast.archivist, 200),
    ):
        client.force_login(user)
        for name in ("import_list", "import_new", "import_template"):
            assert client.get(reverse(f"registry:{name}")).status_code == status, (user.name, name)
    client.force_login(cast.leader)
    assert upload(client, cast.other, sheet_of(kid())).status_code == 200
    assert ImportBatch.objects.filter(school=cast.other).count() == 0


def test_looking_at_the_preview_is_logged_once_per_page(leader, cast):  # noqa: F811
    batch = batch_of(upload(leader, cast.school, sheet_of(kid())))
    leader.get(batch.get_absolute_url() + "?show=new")
    entry = AuditEvent.objects.get(action="preview_roster")
    assert (entry.count, entry.object_uid, entry.detail) == (1, batch.uid, "新来的孩子")


@pytest.mark.parametrize("count", [1, 30])
def test_the_pages_ask_a_fixed_number_of_questions(leader, cast, count, django_assert_num_queries):  # noqa: F811
    rows = [kid(姓名=f"孩子{chr(0x4E00 + i)}", 身份证号=id_number(BORN, i * 2 + 1)) for i in range(count)]
    batch = batch_of(upload(leader, cast.school, sheet_of(*rows)))
    leader.get(batch.get_absolute_url())
    with django_assert_num_queries(10):
        leader.get(batch.get_absolute_url())
    with django_assert_num_queries(5):
        leader.get(reverse("registry:import_list"))


def test_the_template_is_read_without_a_complaint():
    data = template.build()
    roster = read(data)
    assert roster.entries == []
    assert [(row, why) for sheet, row, why in roster.ignored if sheet == "名册"] == [(2, "填写示例")]
    assert [heading["header"] for heading in roster.headings if heading["field"] is None] == []
    workbook = load_workbook(io.BytesIO(data))
    sheet = workbook["名册"]
    assert {cell.number_format for cell in sheet[10]} == {"@"}
    values = [1, "李小满", "男", GOOD, "2016-05-03", "汉族", "三年级", "2班", "是", "父母双方外出", "柳溪村", "李强", "广东省东莞市", "13800001111",
              "王芳", "浙江", "13800002222", "李大山", "爷爷", "13800003333", "无"]  # fmt: skip
    for column, value in enumerate(values, start=1):
        sheet.cell(3, column, value)
    file = io.BytesIO()
    workbook.save(file)
    (entry,) = read(file.getvalue()).entries
    assert (entry.problems, entry.care_type, entry.boarding, entry.guardian.phones) == (
        [],
        "both_away",
        True,
        ("13800003333",),
    )


def test_a_day_in_the_future_is_no_roster_day(leader, cast):  # noqa: F811
    tomorrow = timezone.localdate() + datetime.timedelta(days=1)
    answer = upload(leader, cast.school, sheet_of(kid()), as_of=tomorrow.isoformat())
    assert "名册日期不能在今天之后" in page(answer)
