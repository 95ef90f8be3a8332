"""The real start in a browser: from the setup code to the first logged talk, in the order of the list 开始使用."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from django.urls import reverse
from openpyxl import Workbook

from activities.models import Contact
from pairing.models import Pairing
from registry.models import Child, SchoolYear, Staff

pytestmark = pytest.mark.django_db(transaction=True)
CODE, PASSWORD = "ABCD234567", "tian-shui-lu-37"


@pytest.fixture
def setup_code():
    """What ``make run DEMO=0`` writes and prints."""
    path = Path(settings.VAR_DIR) / "setup-code"
    path.write_text(CODE + "\n", encoding="utf-8")
    yield CODE
    path.unlink(missing_ok=True)


def workbook(path, *rows):
    """A small .xlsx."""
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    book.save(path)
    return path


def next_step(page):
    """Follow the one solid button of 开始使用."""
    page.goto(reverse("getting_started"))
    page.locator("main a.btn-primary").first.click()


def save(page):
    """Press the page's one solid button."""
    page.locator("main form button.btn-primary").first.click()
    page.wait_for_load_state()


def new_password(page, sign_in, username, password):
    """First sign-in with the slip, then a password of one's own."""
    sign_in(page, username, password)
    page.locator("[name=old_password]").fill(password)
    page.locator("[name=new_password]").fill(PASSWORD)
    page.locator("[name=new_password_again]").fill(PASSWORD)
    save(page)


def test_from_the_setup_code_to_the_first_talk(open_page, sign_in, assert_fits, setup_code, tmp_path):
    admin = open_page(width=1280, javascript=False)
    admin.goto(reverse("setup"))
    for name, value in {
        "code": setup_code, "county_name": "青溪县", "county_code": "341299", "name": "田敏", "username": "tianmin",
        "password": PASSWORD, "password_again": PASSWORD,
    }.items():  # fmt: skip
        admin.locator(f"[name={name}]").fill(value)
    save(admin)
    assert "下一步：确认校历" in admin.locator("h1").inner_text()
    next_step(admin)
    admin.locator("main a.btn-primary").first.click()  # 拟一份校历
    save(admin)
    admin.locator("main a.btn-primary").first.click()  # 确认这一学年
    save(admin)
    assert SchoolYear.objects.get().confirmed_at
    next_step(admin)  # 启用频次要求
    save(admin)
    next_step(admin)  # 登记学校
    admin.locator("[name=name]").fill("石门小学")
    admin.locator("[name=code]").fill("QX001")
    save(admin)
    next_step(admin)  # 加班级
    admin.locator("[name=grade_5]").fill("1")  # 三年级
    save(admin)
    next_step(admin)  # 登记教职工
    staff = workbook(
        tmp_path / "staff.xlsx",
        ("姓名", "性别", "电话", "岗位", "班级/年级", "学科"),
        ("周明远", "男", "13900000010", "校长", "", ""),
        ("张桂兰", "女", "13900000011", "班主任", "三年级1班", "语文"),
    )
    admin.locator("[name=file]").set_input_files(staff)
    save(admin)
    save(admin)  # 登记这 2 人, with accounts
    slips = dict(re.findall(r"用户名\s*(\S+)\s*一次性口令\s*(\S+)", admin.locator("main").inner_text()))
    assert set(slips) == {"13900000010", "13900000011"}
    admin.goto(reverse("getting_started"))
    assert "要别人来做" in admin.locator("h1").inner_text()

    leader = open_page(width=1280)
    new_password(leader, sign_in, "13900000010", slips["13900000010"])
    next_step(leader)  # 导入花名册
    roster = workbook(
        tmp_path / "roster.xlsx",
        ("序号", "姓名", "性别", "年级", "班级", "监护人", "与儿童关系", "联系电话"),
        (1, "李小满", "女", "三年级", "1班", "王秀英", "奶奶", "13800008000"),
    )
    leader.goto(reverse("registry:import_new"))
    leader.locator("[name=file]").set_input_files(roster)
    save(leader)
    leader.locator("button:has-text('确认导入')").click()
    leader.wait_for_load_state()
    child = Child.objects.get()
    leader.goto(reverse("pairing:pairing_new", args=[child.uid]))
    leader.locator("[name=staff]").select_option(str(Staff.objects.get(name="张桂兰").uid))
    save(leader)
    assert Pairing.objects.primary().get().staff == Staff.objects.get(name="张桂兰")

    teacher = open_page(width=390)
    new_password(teacher, sign_in, "13900000011", slips["13900000011"])
    teacher.goto(reverse("activities:today"))
    assert_fits(teacher)
    teacher.locator(
        "main a:has-text('记一笔')"
    ).first.click()  # nothing is owed yet: who came after the judge day waits
    teacher.wait_for_load_state()
    teacher.locator("main a:has-text('谈心')").first.click()
    teacher.get_by_label("李小满").check()
    teacher.locator("main textarea").first.fill("问了作业和午饭，都好")
    save(teacher)
    assert Contact.objects.get().child == child
    admin.goto(reverse("getting_started"))
    assert admin.locator("h1").inner_text() == "都准备好了"

    phone = sign_in(open_page(width=390), "tianmin", PASSWORD)
    person, school, year = (
        Staff.objects.get(name="张桂兰"),
        child.enrollments.get().school,
        SchoolYear.objects.get().year,
    )
    looked_over = {reverse("registry:calendar"), person.get_absolute_url(), reverse("registry:access_table")}
    for path in (
        reverse("getting_started"), reverse("setup_rules"), reverse("registry:settings"), reverse("registry:calendar"),
        reverse("registry:calendar_draft", args=[year]), reverse("registry:closing_days"), reverse("registry:staff_list"),
        person.get_absolute_url(), reverse("registry:post_add", args=[person.uid]), school.get_absolute_url(),
        reverse("registry:access_table"), reverse("registry:staff_sheet"), reverse("registry:school_list"),
    ):  # fmt: skip
        phone.goto(path)
        assert_fits(phone)
        if path not in looked_over:
            continue
        found = Axe().run(phone, options={"runOnly": ["wcag2a", "wcag2aa"]})
        assert [(path, one["id"], one["nodes"][0]["html"]) for one in found.response["violations"]] == []
