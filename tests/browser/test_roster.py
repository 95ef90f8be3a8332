"""The roster's road at the office PC: a workbook with problems, its preview, what is confirmed and what waits."""

import re

import pytest
from django.urls import reverse
from openpyxl import Workbook, load_workbook
from playwright.sync_api import expect

from registry.models import Child, HeldRow
from tests.registry.roster.generator import id_number

pytestmark = pytest.mark.django_db(transaction=True)

HEADINGS = [
    "序号",
    "姓名",
    "性别",
    "身份证号",
    "出生日期",
    "年级",
    "班级",
    "监护人",
    "关系",
    "联系电话",
    "备注",
]


@pytest.fixture
def roster(county, tmp_path):
    """Two good rows, a phone that is too short, an ID number that lost its digits, and the foot of a real sheet."""
    born = county.month.replace(year=county.month.year - 8, month=5, day=3)
    book = Workbook()
    sheet = book.active
    sheet.append(["石门中心小学留守儿童摸底表"])
    sheet.append(HEADINGS)
    people = [
        ("禹小满", "女", id_number(born, 12), "13800001001"),
        ("禹小禾", "男", id_number(born, 13), "13800001001"),
        ("禹大川", "男", id_number(born, 15), "1380000123"),
        ("禹云朵", "女", "3412992016", "13800001004"),
    ]
    for number, (name, sex, id_text, phone) in enumerate(people, start=1):
        sheet.append([number, name, sex, id_text, None, "三年级", "1班", "禹长贵", "爷爷", phone, None])
    sheet.append(["填表人：", None, None, "审核人："])
    path = tmp_path / "摸底表.xlsx"
    book.save(path)
    return path


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_workbook_with_problems_becomes_children_and_a_list_of_what_waits(
    county, roster, open_page, enter, assert_fits, javascript
):
    page = enter(open_page(javascript=javascript), "leader")
    before = Child.objects.count()
    page.goto(reverse("registry:import_list"))
    page.locator(f"a[href='{reverse('registry:import_new')}']").first.click()
    school = page.locator("select[name=school]")
    if school.count():
        school.select_option(label=county.school.name)
    page.locator("[name=file]").set_input_files(roster)
    page.get_by_role("button", name="上传，去核对").click()

    # The preview: the row that waits first, its reason in words; nothing is written yet.
    expect(page.locator("h1")).to_contain_text("核对一遍，再导入")
    tally = page.locator(".tally a")
    assert [re.sub(r"\s+", "", t) for t in tally.locator("b, .t").all_inner_texts()][:8] == [
        "3", "新来的孩子", "0", "资料有变化", "0", "没有变化", "1", "先不导入",
    ]  # fmt: skip
    expect(page.locator("tbody tr")).to_contain_text(["禹云朵"])
    expect(page.locator("tbody")).to_contain_text("身份证号是 18 位")
    tally.first.click()
    expect(page.locator("tbody tr", has_text="禹大川")).to_contain_text("手机号是 11 位，这里是 10 位")
    if javascript:
        assert_fits(page)
    assert Child.objects.count() == before
    page.get_by_role("button", name="确认导入 3 名（1 行待改）").click()

    # What was confirmed is in the list; what was held waits, and only that.
    expect(page.locator("h1")).to_contain_text("已导入 3 名，还有 1 行待改")
    assert (Child.objects.count(), HeldRow.objects.filter(done_at=None).count()) == (before + 3, 1)
    expect(page.locator("tbody tr")).to_contain_text(["禹云朵"])
    with page.expect_navigation():
        page.get_by_role("link", name="看名册").click()
    # Names are in pinyin order, so the child may stand on a later page: each page is whole before it is looked at.
    while not page.get_by_text("禹小满").count():
        with page.expect_navigation():
            page.locator(".pager a", has_text=re.compile("下一页|后一页|›")).first.click()
    page.locator("a", has_text="禹小满").first.click()
    expect(page.locator("h1")).to_contain_text("禹小满")
    # The number that was left out is a question on the child until somebody answers it.
    asked = Child.objects.get(name="禹大川")
    page.goto(reverse("reports:child_file", args=[asked.uid]))
    expect(page.locator("section", has_text="待核实").first).to_contain_text("去核实")

    # The same file again changes nothing.
    page.goto(reverse("registry:import_new"))
    if school.count():
        school.select_option(label=county.school.name)
    page.locator("[name=file]").set_input_files(roster)
    page.get_by_role("button", name="上传，去核对").click()
    numbers = [int(text) for text in tally.locator("b").all_inner_texts()]
    assert numbers[:4] == [0, 0, 3, 1]


@pytest.mark.parametrize("width", [390, 1280])
def test_the_marked_workbook_is_corrected_and_sent_again(
    county, roster, open_page, enter, assert_fits, background, tmp_path, width
):
    page = enter(open_page(width=width), "leader")
    before = Child.objects.count()

    def send(path):
        page.goto(reverse("registry:import_new"))
        school = page.locator("select[name=school]")
        if school.count():
            school.select_option(label=county.school.name)
        page.locator("[name=file]").set_input_files(path)
        page.get_by_role("button", name="上传，去核对").click()
        expect(page.locator("h1")).to_contain_text("核对一遍，再导入")
        assert_fits(page)

    send(roster)
    page.get_by_role("button", name="下载标好问题的表").click()
    with page.expect_download(timeout=30_000) as download:
        page.get_by_role("link", name="取文件").click(timeout=30_000)
    marked = tmp_path / "标好问题.xlsx"
    download.value.save_as(marked)
    book = load_workbook(marked)
    sheet = book.active
    assert sheet["A1"].value == "石门中心小学留守儿童摸底表"
    said = {cell.value: cell.column for cell in sheet[2]}
    assert "身份证号是 18 位" in sheet.cell(6, said["问题"]).value
    assert sheet.cell(5, said["怎么改"]).value == "请问清再填"
    born = county.month.replace(year=county.month.year - 8, month=5, day=3)
    sheet["J5"], sheet["D6"] = "13800001003", id_number(born, 18)
    book.save(marked)

    send(marked)
    expect(page.get_by_role("button", name="下载标好问题的表")).to_have_count(0)
    page.get_by_role("button", name="确认导入 4 名").click()
    expect(page.locator("h1")).to_contain_text("已导入 4 名")
    assert_fits(page)
    assert Child.objects.count() == before + 4

    # Sent by mistake: taken back as a whole, the children stand on no list.
    page.get_by_role("link", name="撤销这次导入").click()
    expect(page.locator("h1")).to_contain_text("撤销这次导入？")
    assert_fits(page)
    page.get_by_role("button", name="撤销这次导入").click()
    expect(page.locator("h1")).to_contain_text("这次导入已经撤销")
    assert not Child.objects.filter(name="禹小满", enrollments__cancelled_at=None).exists()


@pytest.mark.parametrize(("width", "javascript"), [(390, True), (1280, False)])
def test_a_child_that_looks_known_and_a_column_nobody_knows(
    county, open_page, enter, assert_fits, tmp_path, width, javascript
):
    known = Child.objects.filter(enrollments__school=county.school, enrollments__ends_on=None).first()
    Child.objects.filter(pk=known.pk).update(id_number="", id_number_index="")
    at = known.enrollments.get(ends_on=None).school_class
    book = Workbook()
    book.active.append(
        ["姓名", "性别", "出生日期", "年级", "班级", "监护人", "关系", "联系电话", "屋里几口人"]
    )
    book.active.append(
        [known.name, known.get_sex_display(), known.birth_date, at.grade_name_on(), f"{at.number}班", "禹长贵", "爷爷", "13800001001", 5]
    )  # fmt: skip
    path = tmp_path / "名册.xlsx"
    book.save(path)
    page = enter(open_page(width=width, javascript=javascript), "leader")
    page.goto(reverse("registry:import_new"))
    school = page.locator("select[name=school]")
    if school.count():
        school.select_option(label=county.school.name)
    page.locator("[name=file]").set_input_files(path)
    page.get_by_role("button", name="上传，去核对").click()
    if javascript:
        assert_fits(page)
    page.get_by_role("button", name="按这样认列").click()
    expect(page.locator("body")).to_contain_text("已经照您选的认列")
    expect(page.locator("section", has_text="像名册里的孩子").first).to_contain_text("同名")
    page.get_by_role("radio", name="同一个孩子").check()
    page.get_by_role("button", name="记下回答，重新核对").click()
    expect(page.locator("body")).to_contain_text("记下了 1 行的回答")
    if javascript:
        assert_fits(page)
    page.get_by_role("button", name="确认导入 1 名").click()
    expect(page.locator("h1")).to_contain_text("已导入 1 名")
    known.refresh_from_db()
    assert known.household_size == 5
