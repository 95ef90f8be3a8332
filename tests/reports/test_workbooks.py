"""Workbooks opened again and read as a county office would: title, headings, print set-up, text cells, no formulas."""

import io
import shutil
import subprocess
import zipfile
from datetime import date

import pytest
from django.core.management import CommandError, call_command
from openpyxl import load_workbook

from activities import checks
from activities.models import Amendment
from registry.models import Child, Guardian, ParentWork, Phone, Relation, School
from registry.models import Kinship as KinshipRow
from registry.roster.imports import plan_roster
from reports import exports, figures
from reports.workbooks import sheet as sheets
from trust.models import AuditEvent, User

from .world import NOVEMBER, OCTOBER

pytestmark = pytest.mark.django_db
TRIGGERS = [
    "=HYPERLINK(\"http://x\",\"点\")", "+1+cmd|' /C calc'!A0", "-2+3+cmd", "@SUM(1)", "|calc", "%0A=1", "\t=1+1", "\r=1+1",
    "\n=1+1", "＝1+1", "＋SUM(1)", "－1+A1", "＠SUM(1)", "\u200b=1+1", "\ufeff=1+1", "\u202e=1+1", "\xa0=1+1", "\u3000=1+1",
]  # fmt: skip


def built(order, tmp_path, by=None):
    """The file's bytes, and its sheets opened again."""
    path = tmp_path / "book.xlsx"
    exports.build(order, path, by=by)
    data = path.read_bytes()
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        for name in parts.namelist():
            if name.startswith("xl/worksheets/"):
                text = parts.read(name).decode()
                assert "<f>" not in text and "<f " not in text
    return data, load_workbook(io.BytesIO(data))


def texts(workbook):
    """Every text of a workbook."""
    return [
        str(c.value) for sheet in workbook for row in sheet.iter_rows() for c in row if c.value is not None
    ]


def table(sheet):
    """{heading path: [values]} of a sheet with its headings' rows from the print titles."""
    first, last = (int(part.lstrip("$")) for part in sheet.print_title_rows.split(":"))
    merged = {}
    for block in sheet.merged_cells.ranges:
        for row in range(block.min_row, block.max_row + 1):
            for column in range(block.min_col, block.max_col + 1):
                merged[row, column] = block.min_row, block.min_col
    found = {}
    for column in range(1, sheet.max_column + 1):
        path = []
        for row in range(first, last + 1):
            value = sheet.cell(*merged.get((row, column), (row, column))).value
            if value and (not path or path[-1] != value):
                path.append(value)
        found["/".join(path)] = [sheet.cell(row, column) for row in range(last + 1, sheet.max_row + 1)]
    return found


def register(world, **more):
    return exports.Order("register", more.pop("place", world.school), **more)


@pytest.fixture
def family(world):
    """李安安 with both parents, one of them away; and an ID number."""
    child = world.an
    child.id_number = "34129920160503002X"
    child.address, child.note = "3组12号", "喜欢画画"
    child.save()
    for relation, name, number in (
        (Relation.FATHER, "李强", "13800001234"),
        (Relation.MOTHER, "王芳", "13900005678"),
    ):
        adult = Guardian.objects.create(county=world.county, name=name)
        KinshipRow.objects.create(child=child, guardian=adult, relation=relation)
        Phone.objects.create(guardian=adult, number=number)
    ParentWork.objects.create(
        guardian=Guardian.objects.get(name="李强"), place="广东省东莞市", starts_on=date(2026, 9, 1)
    )
    return child


# --- the register ---------------------------------------------------------------------------------------------


def test_a_register_looks_as_an_office_expects(world, family, tmp_path):
    _, workbook = built(register(world), tmp_path)
    sheet = workbook["花名册"]
    assert sheet["A1"].value == "石门小学留守儿童花名册"
    assert sheet["A1"].font.size == 18
    assert "截止日期：2026年11月24日" in sheet["A2"].value
    assert f"口径：{world.county.definition}" in sheet["A2"].value
    assert sheet["A2"].value.endswith("共 5 人")
    assert list(table(sheet)) == [
        "序号", "姓名", "性别", "出生日期", "民族", "身份证件号", "年级", "班级", "是否寄宿", "留守类型", "父亲/姓名", "父亲/务工地", "父亲/电话",
        "母亲/姓名", "母亲/务工地", "母亲/电话", "监护人/姓名", "监护人/关系", "监护人/电话", "村（社区）", "现住址", "包保教师", "备注", "系统编号",
    ]  # fmt: skip
    assert sheet.freeze_panes == "C5"
    assert sheet.print_title_rows == "$3:$4"
    assert (sheet.page_setup.paperSize, sheet.page_setup.orientation) == (8, "landscape")
    assert (sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight) == (1, 0)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.oddFooter.center.text == "第 &P 页 共 &N 页"
    assert any("填表人" in text and "负责人（签字）" in text for text in texts(workbook))
    assert any(
        text.startswith("下载人：系统（石门小学）") and "用途：上报主管部门" in text
        for text in texts(workbook)
    )


def test_ids_and_phones_are_text_dates_are_dates(world, family, tmp_path):
    _, workbook = built(register(world), tmp_path)
    found = table(workbook["花名册"])
    row = [cell.value for cell in found["姓名"]].index("李安安")
    here = {heading: cells[row] for heading, cells in found.items()}
    assert here["身份证件号"].value == "341*************2X"
    assert here["父亲/电话"].value == "13800001234"
    assert (here["父亲/电话"].number_format, here["身份证件号"].number_format) == ("@", "@")
    assert here["出生日期"].value.date() == date(2016, 5, 3)
    assert here["出生日期"].number_format == "yyyy-mm-dd"
    assert (here["年级"].value, here["班级"].value) == ("四年级", "1班")
    assert (here["父亲/务工地"].value, here["监护人/姓名"].value) == ("广东省东莞市", "吴秀英")
    assert (here["监护人/关系"].value, here["包保教师"].value) == ("奶奶", "杨帆")
    assert here["系统编号"].value == family.uid.hex
    assert all(cells[row].border.left.style == "thin" for cells in found.values())


@pytest.mark.parametrize("full", [False, True])
def test_an_exported_register_goes_back_in_with_zero_changes(world, family, tmp_path, full):
    data, _ = built(register(world, full_numbers=full, reason="核对秋季补助名单"), tmp_path)
    plan = plan_roster(data, school=world.school, as_of=date(2026, 11, 24))
    assert {name: n for name, n in plan.counts.items() if n} == {"unchanged": 5, "ignored": 5}
    Child.objects.filter(pk=family.pk).update(village="枫林村")
    assert plan_roster(data, school=world.school, as_of=date(2026, 11, 24)).counts["changed"] == 1


@pytest.mark.parametrize("words", TRIGGERS)
def test_no_formula_comes_from_a_text(world, tmp_path, words):
    Child.objects.filter(pk=world.an.pk).update(village=words[:60])
    Child.objects.filter(pk=world.bin.pk).update(village="+86 138 0000 8000")
    Child.objects.filter(pk=world.cui.pk).update(village="-3")
    _, workbook = built(register(world), tmp_path)
    found = table(workbook["花名册"])
    cells = {name.value: cell for name, cell in zip(found["姓名"], found["村（社区）"], strict=True)}
    cell = cells["李安安"]
    assert cell.data_type == "s"
    assert cell.quotePrefix
    assert cell.value == words.lstrip("\t\r\n\u200b\ufeff\u202e\xa0\u3000")
    assert (cells["王彬彬"].value, cells["王彬彬"].quotePrefix) == ("+86 138 0000 8000", False)
    assert (cells["赵翠翠"].value, cells["赵翠翠"].data_type) == ("-3", "s")


def test_control_characters_go_and_long_texts_end():
    assert sheets.safe_text("李\x08小\x1f满") == ("李小满", False)
    assert len(sheets.safe_text("长" * 40000)[0]) == 32767
    assert sheets.safe_text(None) == ("", False)
    assert sheets.safe_text("\x00=1+1") == ("=1+1", True)
    assert sheets.safe_text("-3.5%") == ("-3.5%", False)


def test_a_county_register_has_counts_and_no_names_unless_a_reason_is_given(world, tmp_path):
    _, workbook = built(register(world, place=world.county), tmp_path)
    assert workbook.sheetnames == ["分校统计"]
    found = table(workbook["分校统计"])
    shown = {
        school.value: (total.value, female.value, both.value, day.value)
        for school, total, female, both, day in zip(
            found["学校"], found["在册人数"], found["性别/女"], found["留守类型/双方外出"], found["就读方式/走读"], strict=True
        )
        if total.value is not None
    }  # fmt: skip
    assert shown == {
        "石门小学": (5, 5, 5, 5), "柳溪教学点": (1, 1, 1, 1), "枫林小学": (2, 2, 2, 2), "合计": (8, 8, 8, 8),
    }  # fmt: skip
    assert shown["合计"][0] == figures.head_count(world.county, date(2026, 11, 24)).total
    names = set(Child.objects.values_list("name", flat=True))
    assert [text for text in texts(workbook) if any(name in text for name in names)] == []
    _, workbook = built(register(world, place=world.county, reason="全县核对名单"), tmp_path)
    assert names <= set(texts(workbook))


def test_each_child_in_a_register_has_its_audit_entry(world, family, tmp_path):
    built(register(world, full_numbers=True, reason="核对秋季补助名单"), tmp_path)
    entry = AuditEvent.objects.get(action="build_workbook")
    assert (entry.count, entry.reason, entry.fields) == (5, "核对秋季补助名单", "id_number")
    children = AuditEvent.objects.filter(action="export_child").values_list("child_uid", flat=True)
    here = Child.objects.at_school_on(world.school, date(2026, 11, 24))
    assert sorted(children) == sorted(here.values_list("uid", flat=True))


def test_the_statements_of_a_register_do_not_grow_with_children(
    world, tmp_path, django_assert_max_num_queries
):
    for place in (world.c2, world.school):
        with django_assert_max_num_queries(22):
            exports.build(register(world, place=place), tmp_path / "a.xlsx", by=None)


# --- the month's check ----------------------------------------------------------------------------------------


def month_of(world, month, place=None):
    return exports.Order("duties", place or world.school, month)


def summary(sheet):
    """{code: (due, met, late, excused, missed, upcoming, coverage)} of the lines before 其中."""
    found, rows = {}, table(sheet)
    for index, code in enumerate(rows["编号"]):
        if code.value and rows["序号"][index].value:
            found[code.value] = tuple(
                rows[name][index].value
                for name in ("应做", "已完成", "补录", "已豁免", "未完成", "未到期", "完成率")
            )
    return found


@pytest.mark.parametrize("month", [OCTOBER, NOVEMBER])
def test_the_school_sheet_says_what_the_boards_say(world, month, tmp_path):
    _, workbook = built(month_of(world, month), tmp_path)
    counts = figures.duty_counts(world.county, month, schools={world.school.pk, world.point.pk})
    assert summary(workbook["汇总"]) == {
        label: (
            c.due, c.met, c.met_late, c.excused, c.missed, c.upcoming,
            sheets.NOTHING_DUE if c.coverage is None else pytest.approx(c.coverage),
        )
        for label, c in counts.by_rule().items()
    }  # fmt: skip


def test_a_closed_month_names_its_findings_and_amendments(world, tmp_path):
    _, workbook = built(month_of(world, OCTOBER), tmp_path)
    assert workbook.sheetnames == ["汇总", "各班", "名单", "结账后的变化"]
    assert "状态：已结账" in workbook["汇总"]["A3"].value
    found = table(workbook["名单"])
    lines = [
        tuple(found[name][index].value for name in ("对象", "编号", "状态", "责任人", "备注"))
        for index in range(len(found["序号"]))
        if found["编号"][index].value == "F02"
    ]
    assert lines == [
        ("唐培培", "F02", "未完成", "汤卫民", None),
        ("赵翠翠", "F02", "未完成", "张桂兰", None),
        ("王彬彬", "F02", "补录", "张桂兰", None),
        ("孙丹丹", "F02", "已豁免", "杨帆", "住院"),
    ]
    changed = table(workbook["结账后的变化"])
    changes = [
        (
            changed["对象"][i].value,
            changed["编号"][i].value,
            changed["结账时"][i].value,
            changed["现在"][i].value,
        )
        for i in range(len(changed["序号"]))
        if changed["编号"][i].value
    ]
    assert ("赵翠翠", "F02", "未完成", "补录") in changes
    assert len(changes) == Amendment.objects.filter(school__in=[world.school, world.point]).count()


def test_an_open_month_says_that_it_may_still_change(world, tmp_path):
    _, workbook = built(month_of(world, NOVEMBER), tmp_path)
    assert "未结账（暂列），可补登至2026年12月5日 24:00" in workbook["汇总"]["A3"].value
    assert workbook.sheetnames == ["汇总", "各班", "名单"]


def test_the_county_sheet_has_figures_and_no_person(world, tmp_path):
    _, workbook = built(month_of(world, OCTOBER, world.county), tmp_path)
    assert workbook.sheetnames == ["汇总", "各校", "各班"]
    found = table(workbook["各校"])
    report = checks.stored(world.county, OCTOBER)
    for index, name in enumerate(found["学校"]):
        school = School.objects.filter(name=name.value).first()
        if school:
            counts = report.by_rule(school.pk)["F02"]
            assert found["F02 班主任每月谈心/应做"][index].value == counts.due
            assert found["F02 班主任每月谈心/未完成"][index].value == counts.missed
    # a school's own rule is never compared
    assert not any("F02@" in heading for heading in found)
    persons = {
        *Child.objects.values_list("name", flat=True),
        *User.objects.exclude(name="").values_list("name", flat=True),
    }
    assert [text for text in texts(workbook) if any(name in text for name in persons)] == []
    assert AuditEvent.objects.filter(action="export_child").count() == 0


def test_a_month_whose_calendar_is_not_confirmed_is_not_built(world, tmp_path):
    with pytest.raises(exports.NothingToBuild, match="校历还没有确认"):
        built(month_of(world, date(2025, 10, 1)), tmp_path)


# --- the command ----------------------------------------------------------------------------------------------


def test_the_command_builds_what_the_pages_offer(world, tmp_path, capsys):
    out = tmp_path / "r.xlsx"
    call_command("build_workbook", "register", out=str(out), school="QX001", school_class="四(1)班")
    assert "名单里有 3 个孩子" in capsys.readouterr().out
    call_command("build_workbook", "duties", out=str(out), month="2026-10")
    assert "没有姓名" in capsys.readouterr().out
    call_command("build_workbook", "assessment", out=str(out), term="2026-1")
    assert load_workbook(out).sheetnames == ["封面", "排名", "石门小学", "枫林小学"]
    assert AuditEvent.objects.filter(action="build_workbook").count() == 3


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        ({"school": "没有"}, 2),
        ({"school": "QX001", "school_class": "九(9)班"}, 2),
        ({"school": "QX001", "full_numbers": True}, 2),
        ({"school": "QX003", "by": "zhou"}, 1),
        ({"by": "zhang", "school": "QX001"}, 1),
    ],
)
def test_the_command_refuses_what_it_should(world, tmp_path, arguments, status):
    with pytest.raises(CommandError) as refused:
        call_command("build_workbook", "register", out=str(tmp_path / "r.xlsx"), **arguments)
    assert refused.value.returncode == status


@pytest.mark.office
@pytest.mark.skipif(not shutil.which("soffice"), reason="LibreOffice is not installed")
def test_every_workbook_opens_in_libreoffice(world, family, tmp_path):
    orders = {
        "register": register(world), "counts": register(world, place=world.county), "duties": month_of(world, OCTOBER),
        "county": month_of(world, OCTOBER, world.county), "assessment": exports.Order("assessment", world.county, year=2026),
    }  # fmt: skip
    from reports.assessment import import_default

    import_default(world.county)
    for name, order in orders.items():
        exports.build(order, tmp_path / f"{name}.xlsx", by=None)
    subprocess.run(
        ["soffice", "--headless", f"-env:UserInstallation=file://{tmp_path}/profile", "--convert-to", "pdf",
         "--outdir", str(tmp_path), *(str(tmp_path / f"{name}.xlsx") for name in orders)],
        check=True, capture_output=True, timeout=240,
    )  # fmt: skip
    assert {p.stem for p in tmp_path.glob("*.pdf") if p.read_bytes()[:4] == b"%PDF"} == set(orders)
