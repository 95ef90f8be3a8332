"""The roster's road at the office PC: a workbook with problems, its preview, what is confirmed and what waits."""

import re

import pytest
from django.urls import reverse
from openpyxl import Workbook
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
