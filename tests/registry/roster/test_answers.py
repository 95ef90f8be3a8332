"""What the preview asks in the browser, the workbook that comes back marked, and taking an import back."""

import datetime
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import Workbook, load_workbook
from openpyxl.styles import PatternFill

from registry import children
from registry.models import Child, HeadingChoice, ImportBatch, ImportState, OpenQuestion
from registry.roster import answer, imports, template, undo
from tests.registry.cast import cast, make_adult, make_child, make_class  # noqa: F401
from tests.registry.roster.generator import id_number
from tests.registry.roster.test_pages import batch_of, messages_of, page, upload
from tests.registry.roster.test_problems import BORN, GOOD, HEADINGS, kid, sheet_of
from tests.registry.roster.test_reading import read
from trust import jobs, uploads
from trust.models import AuditEvent, Job, JobState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("cast")]

RED = answer.marker.RED


@pytest.fixture
def leader(cast, client):  # noqa: F811
    """The leader's browser."""
    client.force_login(cast.leader)
    return client


def open_batch(leader, school, data, **more):
    return batch_of(upload(leader, school, data, **more))


def confirm(leader, batch):
    leader.post(reverse("registry:import_confirm", args=[batch.uid]))
    batch.refresh_from_db()


# --- the same child? -------------------------------------------------------------------------------------------------


def test_row_and_child_stand_side_by_side_until_answered(leader, cast):  # noqa: F811
    known = make_child("田小满", cast.school, make_class(cast.school, 3, 1), sex="male", birth_date=BORN)
    make_adult(known, name="田长贵", relation="grandfather", phone="13800001234")
    row = kid(姓名="田小满", 身份证号=None, 班级="1班", 监护人="田长贵", 联系电话="13900009999")
    batch = open_batch(leader, cast.school, sheet_of(row))
    text = page(leader.get(batch.get_absolute_url()))
    assert "有 1 行像是名册里已有的孩子" in text
    assert "同名、同班、出生日期相同" in text
    assert "139****9999" in text
    assert "138****1234" in text
    assert "13800001234" not in text
    asked = batch.rows.get(asks=True)
    url = reverse("registry:import_same", args=[batch.uid])
    assert "还没有选" in messages_of(leader, leader.post(url, {}).url)
    field = f"row-{asked.uid.hex}"
    assert "没有看懂" in messages_of(leader, leader.post(url, {field: cast.own.uid.hex}).url)
    assert "记下了 1 行的回答" in messages_of(leader, leader.post(url, {field: known.uid.hex}).url)
    text = page(leader.get(batch.get_absolute_url() + "?show=changed"))
    assert "监护人电话：138****1234 → <b>139****9999</b>" in text
    confirm(leader, batch)
    assert Child.objects.filter(name="田小满").count() == 1


# --- columns nobody knows --------------------------------------------------------------------------------------------


def with_column(heading, value):
    return sheet_of([*kid(), value], headings=[*HEADINGS, heading])


def test_a_heading_nobody_knows_is_chosen_once_for_the_school(leader, cast):  # noqa: F811
    batch = open_batch(leader, cast.school, with_column("屋里几口人", "5"))
    text = page(leader.get(batch.get_absolute_url()))
    assert "有 1 列不知道填的是什么" in text
    assert "建议，因为表头里有“几口人”" in text
    url = reverse("registry:import_columns", args=[batch.uid])
    answer = leader.post(url, {"column-0": "child.household_size"})
    text = messages_of(leader, answer.url)
    assert "已经照您选的认列" in text
    assert "按您选的" in text
    confirm(leader, batch)
    assert Child.objects.get(id_number_index__gt="").household_size == 5
    choice = HeadingChoice.objects.get()
    assert (choice.school, choice.heading, choice.meaning, choice.chosen_by) == (
        cast.school, "屋里几口人", "child.household_size", cast.leader,
    )  # fmt: skip
    # next time by itself, and said so; another school knows nothing of it
    again = open_batch(leader, cast.school, with_column("屋里几口人", "6"))
    assert "按上次的选择" in page(leader.get(again.get_absolute_url()))
    assert again.counts["changed"] == 1
    leader.post(reverse("registry:import_columns", args=[again.uid]), {"column-0": "ignore"})
    again.refresh_from_db()
    assert (again.counts["changed"], HeadingChoice.objects.get().meaning) == (0, "ignore")
    assert imports.remembered_headings(cast.other) == {}


def test_a_meaning_that_is_none_is_refused(leader, cast):  # noqa: F811
    batch = open_batch(leader, cast.school, with_column("屋里几口人", "5"))
    url = reverse("registry:import_columns", args=[batch.uid])
    assert "有一列没有选好" in messages_of(
        leader, leader.post(url, {"column-0": "child.id_number_index"}).url
    )
    assert HeadingChoice.objects.count() == 0


# --- the marked workbook ---------------------------------------------------------------------------------------------


def school_sheet():
    """A workbook as a school makes it: title, two levels of headings, a class's sheet and one of notes, widths, colors, a formula."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "三年级"
    sheet.append(["石门小学留守儿童名册"])
    sheet.merge_cells("A1:H1")
    sheet.append(["序号", "姓名", "性别", "身份证号", "班级", "监护人", None, None])
    sheet.append([None, None, None, None, None, "姓名", "关系", "电话"])
    sheet.merge_cells("F2:H2")
    for column in "ABCDE":
        sheet.merge_cells(f"{column}2:{column}3")
    sheet.append([1, "李小满", "男", GOOD, "三（2）班", "李大山", "爷爷", "1380000123"])
    sheet.append([2, "田小禾", "女", "12", "三（2）班", "王秀英", "奶奶", "13900001234"])
    sheet.append([3, "王芳", "女", id_number(BORN, 2), "三（2）班", "王长贵", "爷爷", "13700001234"])
    sheet["J4"], sheet["J5"] = "=1+1", "=SUM(1+1)"
    sheet["J5"].data_type = "s"  # text that somebody typed
    sheet.column_dimensions["D"].width = 31
    sheet["B6"].fill = PatternFill("solid", fgColor="FFFFFF00")
    sheet.freeze_panes = "C4"
    notes = workbook.create_sheet("说明")
    notes["A1"] = "请各班核对"
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def marked_sheet(leader, batch):
    """Orders the workbook, lets the worker make it, opens it."""
    reply = leader.post(reverse("registry:import_put_right", args=[batch.uid]))
    job = Job.objects.filter(kind="roster_rows_to_put_right").order_by("-pk").first()
    assert reply.url == job.get_absolute_url()
    assert jobs.run(job.uid)
    job.refresh_from_db()
    return b"".join(jobs.read_file(job))


def test_the_schools_own_workbook_comes_back_with_red_cells_and_remedies(leader, cast):  # noqa: F811
    batch = open_batch(leader, cast.school, school_sheet())
    workbook = load_workbook(io.BytesIO(marked_sheet(leader, batch)))
    sheet = workbook["三年级"]
    assert workbook.sheetnames == ["三年级", "说明"]
    assert (sheet["A1"].value, sheet.column_dimensions["D"].width, sheet.freeze_panes) == (
        "石门小学留守儿童名册",
        31,
        "C4",
    )
    assert "F2:H2" in [str(area) for area in sheet.merged_cells.ranges]
    assert sheet["B6"].fill.fgColor.rgb == "FFFFFF00"
    red = [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.fill.fgColor.rgb == RED]
    assert red == ["H4", "D5"]
    assert "手机号是 11 位，这里是 10 位，请问清再填" in sheet["H4"].comment.text
    heads = {cell.value: cell.column_letter for cell in sheet[3] if cell.value in ("问题", "怎么改")}
    problem, remedy = heads["问题"], heads["怎么改"]
    assert sheet[f"{problem}4"].value == "李小满的监护人电话：手机号是 11 位，这里是 10 位"
    assert sheet[f"{remedy}4"].value == "请问清再填"
    assert "身份证号是 18 位，这里是 2 位" in sheet[f"{problem}5"].value
    assert (sheet[f"{problem}6"].value, sheet[f"{remedy}6"].value) == (None, None)
    # nothing in it is a formula: neither the school's own, nor what somebody typed
    assert [
        c.coordinate for ws in workbook for row in ws.iter_rows() for c in row if c.data_type == "f"
    ] == []
    assert sheet["J5"].value == "=SUM(1+1)"


def test_corrected_and_sent_again_it_just_works(leader, cast):  # noqa: F811
    batch = open_batch(leader, cast.school, school_sheet())
    confirm(leader, batch)
    assert (batch.counts["new"], batch.counts["held"]) == (2, 1)
    workbook = load_workbook(io.BytesIO(marked_sheet(leader, batch)))
    sheet = workbook["三年级"]
    sheet["H4"], sheet["D5"] = "13800001234", id_number(BORN, 4)
    file = io.BytesIO()
    workbook.save(file)
    second = open_batch(leader, cast.school, file.getvalue(), name="改好.xlsx")
    assert {k: second.counts[k] for k in ("new", "changed", "unchanged", "held", "errors", "warnings")} == {
        "new": 1, "changed": 1, "unchanged": 1, "held": 0, "errors": 0, "warnings": 0,
    }  # fmt: skip
    assert second.columns == "[]"  # 问题 and 怎么改 are not asked about
    confirm(leader, second)
    assert sorted(Child.objects.filter(id_number_index__gt="").values_list("name", flat=True)) == [
        "李小满",
        "王芳",
        "田小禾",
    ]
    assert batch.held_rows.filter(done_at=None).count() == 0


def test_a_second_round_has_one_pair_of_columns_and_only_what_is_still_wrong(leader, cast):  # noqa: F811
    first = load_workbook(io.BytesIO(marked_sheet(leader, open_batch(leader, cast.school, school_sheet()))))
    first["三年级"]["H4"] = "13800001234"
    file = io.BytesIO()
    first.save(file)
    batch = open_batch(leader, cast.school, file.getvalue(), name="改好.xlsx")
    sheet = load_workbook(io.BytesIO(marked_sheet(leader, batch)))["三年级"]
    assert [cell.value for cell in sheet[3] if cell.value in ("问题", "怎么改")] == ["问题", "怎么改"]
    assert [c.coordinate for row in sheet.iter_rows() for c in row if c.fill.fgColor.rgb == RED] == ["D5"]
    assert sheet["H4"].comment is None


def test_children_without_a_number_get_the_registers_own_so_that_corrections_find_them(leader, cast):  # noqa: F811
    batch = open_batch(
        leader, cast.school, sheet_of(kid(姓名="田小禾", 身份证号=None, 联系电话="1380000123"))
    )
    confirm(leader, batch)
    workbook = load_workbook(io.BytesIO(marked_sheet(leader, batch)))
    sheet = workbook.active
    child = Child.objects.get(name="田小禾")
    assert [cell.value for cell in sheet[2]][-1] == child.uid.hex
    sheet["J2"] = "13800001234"
    file = io.BytesIO()
    workbook.save(file)
    second = open_batch(leader, cast.school, file.getvalue(), name="改好.xlsx")
    assert (second.counts["changed"], second.counts["held"]) == (1, 0)


def test_what_was_answered_or_set_aside_is_not_asked_again(leader, cast):  # noqa: F811
    batch = open_batch(
        leader, cast.school, sheet_of(kid(联系电话="1380000123"), kid(姓名="王芳", 身份证号="12"))
    )
    confirm(leader, batch)
    children.answer_question(OpenQuestion.objects.get(), by=cast.leader, answer="没有电话")
    imports.set_aside(batch.held_rows.get(), by=cast.leader, note="已转学")
    sheet = load_workbook(io.BytesIO(marked_sheet(leader, batch))).active
    assert [c.coordinate for row in sheet.iter_rows() for c in row if c.fill.fgColor.rgb == RED] == []


def test_what_openpyxl_cannot_open_comes_back_as_a_sheet_of_the_wrong_rows(leader, cast, monkeypatch):  # noqa: F811
    monkeypatch.setattr(answer, "MARKED_CELLS", 3)
    batch = open_batch(leader, cast.school, sheet_of(kid(), kid(姓名="田小禾", 性别="男", 身份证号="12")))
    sheet = load_workbook(io.BytesIO(marked_sheet(leader, batch))).active
    assert [cell.value for cell in sheet[1]][-2:] == ["问题", "怎么改"]
    assert [row[1].value for row in sheet.iter_rows(min_row=2)] == ["田小禾"]
    assert answer.marked(b"PK\x03\x04 no workbook", {}) is None


# --- undoing ---------------------------------------------------------------------------------------------------------


def test_undoing_in_the_browser(leader, cast):  # noqa: F811
    batch = open_batch(leader, cast.school, sheet_of(kid()))
    url = reverse("registry:import_undo", args=[batch.uid])
    assert "这份名册还没有导入" in page(leader.get(url))
    confirm(leader, batch)
    assert "撤销这次导入" in page(leader.get(batch.get_absolute_url()))
    text = page(leader.get(url))
    assert "这次导入新来的 1 名孩子，从在册名单和在校名单里拿掉" in text
    assert "新建的班级（三(2)班）留着" in text
    child = Child.objects.get(id_number_index__gt="")
    trait = children.set_trait(
        child, by=cast.leader, kind="priority", reason="要多关心", starts_on=timezone.localdate()
    )
    blocked = page(leader.get(url))
    assert "现在不能撤销：有 1 个孩子后来又记了东西" in blocked
    assert child.get_absolute_url() in blocked
    assert "儿童情况 1 条" in blocked
    assert AuditEvent.objects.filter(action="preview_roster", detail="撤销导入的阻碍").get().count == 1
    assert "现在不能撤销" in page(leader.post(url))
    children.cancel_spell(trait, by=cast.leader, reason="记错了", child=child)
    reply = leader.post(url)
    assert "名册回到导入以前的样子" in messages_of(leader, reply.url)
    batch.refresh_from_db()
    assert batch.state == ImportState.UNDONE
    assert "已经撤销过了" in page(leader.get(url))
    # the same file can be sent and imported again
    again = open_batch(leader, cast.school, sheet_of(kid()))
    confirm(leader, again)
    assert child.enrollments.valid().count() == 1


def test_undoing_asks_the_same_number_of_questions_for_one_child_and_many(leader, cast):  # noqa: F811
    counts = []
    for many in (1, 30):
        rows = [
            kid(
                姓名=f"孩子{chr(0x4E00 + n + many)}",
                身份证号=id_number(BORN, (n + many) * 2 + 1),
                联系电话=f"138{n + many:08}",
            )
            for n in range(many)
        ]
        batch = open_batch(leader, cast.school, sheet_of(*rows))
        confirm(leader, batch)
        url = reverse("registry:import_undo", args=[batch.uid])
        leader.get(url)
        with CaptureQueriesContext(connection) as found:
            leader.get(url)
        counts.append(len(found))
    assert counts[0] == counts[1] < 70


def test_a_large_import_is_undone_by_a_worker(leader, cast, monkeypatch):  # noqa: F811
    monkeypatch.setattr(undo, "IN_REQUEST", 1)
    batch = open_batch(
        leader, cast.school, sheet_of(kid(), kid(姓名="王芳", 性别="女", 身份证号=id_number(BORN, 2)))
    )
    confirm(leader, batch)
    url = reverse("registry:import_undo", args=[batch.uid])
    ordered = [leader.post(url).url for _ in range(2)]
    first, second = Job.objects.filter(kind="undo_roster").order_by("pk")
    assert ordered == [first.get_absolute_url(), second.get_absolute_url()]
    trait = children.set_trait(
        Child.objects.get(name="王芳"), by=cast.leader, kind="priority", reason="要多关心", starts_on=timezone.localdate()
    )  # fmt: skip
    assert jobs.run(first.uid)
    assert "没有撤销：有 1 个孩子后来又记了东西" in page(leader.get(ordered[0]))
    children.cancel_spell(trait, by=cast.leader, reason="记错了", child=trait.child)
    assert jobs.run(second.uid)
    batch.refresh_from_db()
    assert (batch.state, "名册回到导入以前的样子" in page(leader.get(ordered[1]))) == (
        ImportState.UNDONE,
        True,
    )


# --- progress --------------------------------------------------------------------------------------------------------


def test_the_page_of_a_large_file_shows_how_far_it_is(leader, cast, monkeypatch):  # noqa: F811
    monkeypatch.setattr(imports, "IN_REQUEST", 100)
    batch = open_batch(leader, cast.school, sheet_of(kid()))
    job = Job.objects.get(kind="read_roster")
    Job.objects.filter(pk=job.pk).update(
        state=JobState.RUNNING, done=30, total=120, note="正在逐行读，和名册比对"
    )
    reply = leader.get(batch.get_absolute_url())
    assert "已做 25%" in page(reply)
    assert '<progress max="120" value="30"' in page(reply)
    Job.objects.filter(pk=job.pk).update(state=JobState.FAILED)
    reply = leader.get(batch.get_absolute_url())
    assert "这份表没有读成，名册里什么都没变" in page(reply)
    assert "Refresh" not in reply


def test_rows_are_told_while_they_are_read_and_compared(cast):  # noqa: F811
    told = []
    data = sheet_of(*(kid(姓名=f"孩子{chr(0x4E00 + n)}", 身份证号=None) for n in range(1200)))
    file = SimpleUploadedFile("名册.xlsx", data)
    batch = ImportBatch.objects.create(
        school=cast.school, as_of=datetime.date(2026, 9, 10), sha256="", upload=uploads.keep(file, by=cast.leader, purpose="roster")
    )  # fmt: skip
    imports.fill_preview(batch, data, report=lambda done, total: told.append((done, total)))
    assert told == [(0, 2400), (1000, 2400), (1200, 2400), (2200, 2400)]


def test_a_confirmation_that_broke_off_can_be_pressed_again(leader, cast, monkeypatch):  # noqa: F811
    batch = open_batch(leader, cast.school, sheet_of(kid()))
    monkeypatch.setattr(imports, "IN_REQUEST", 100)
    confirm(leader, batch)
    Job.objects.filter(kind="confirm_roster").update(state=JobState.FAILED)
    assert "上一次没有导入成" in page(leader.get(batch.get_absolute_url()))
    for _ in range(2):
        confirm(leader, batch)
    assert Job.objects.filter(kind="confirm_roster").count() == 2
    assert jobs.run(Job.objects.get(kind="confirm_roster", state=JobState.QUEUED).uid)
    batch.refresh_from_db()
    assert batch.state == ImportState.DONE


# --- the template ----------------------------------------------------------------------------------------------------


def test_the_template_offers_words_says_how_and_is_read_without_a_complaint(leader, cast):  # noqa: F811
    reply = leader.get(reverse("registry:import_template"))
    workbook = load_workbook(io.BytesIO(reply.content))
    sheet = workbook["名册"]
    letters = {cell.value: cell.column_letter for cell in sheet[1]}
    offered = {
        str(rule.sqref).split(":")[0].rstrip("0123456789"): rule.formula1
        for rule in sheet.data_validations.dataValidation
    }
    assert offered[letters["性别"]] == '"男,女"'
    options = workbook["选项"]
    assert options.sheet_state == "hidden"
    place = offered[letters["班级"]].removeprefix("选项!").replace("$", "")
    assert [row[0].value for row in options[place]] == ["1班", "2班"] or [
        row[0].value for row in options[place]
    ] == ["1班"]
    assert {"爷爷", "奶奶", "外公", "外婆"} <= {cell.value for cell in options["A"]}
    assert "18 位" in sheet[f"{letters['身份证号']}1"].comment.text
    assert {cell.number_format for cell in sheet[10]} == {"@"}
    assert workbook["填表说明"]["A1"].value.startswith("1. 一个孩子填一行")
    roster = read(template.build(cast.school))
    assert (roster.entries, [c["header"] for c in roster.headings if c["field"] is None]) == ([], [])
    assert [(row, why) for name, row, why in roster.ignored if name == "名册"] == [(2, "填写示例")]
