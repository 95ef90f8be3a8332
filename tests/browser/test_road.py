"""The main road, as three people walk it: a class teacher on a phone, a principal and a county officer at a desk."""

import io
import json
import re

import pytest
from django.core.management import call_command
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook
from playwright.sync_api import expect

from activities.models import Contact, DutyRule
from pairing.models import Pairing
from registry.models import CareListSpell, Child, School, Staff

pytestmark = pytest.mark.django_db(transaction=True)

TAPS_ALLOWED = 4  # besides the words
STATES = ["已完成", "还差"]


class Finger:
    """A thumb that counts: every tap on the phone goes through it."""

    def __init__(self):
        self.taps = 0

    def tap(self, locator):
        """One tap; what is not on the screen is scrolled to, as a thumb does."""
        self.taps += 1
        locator.click()


def number_of(text):
    """The first number of a sentence."""
    return int(re.search(r"\d+", text).group())


def figures(page, rule):
    """{state: number} of one duty on the leader's first page."""
    page.goto(reverse("reports:dashboard"))
    row = page.locator("tr", has=page.locator("th[scope=row]", has_text=rule.name)).first
    return {state: number_of(row.locator(f"td[data-label={state}]").inner_text()) for state in STATES}


def checked(county, rule, capsys):
    """The same two numbers by the command, as of this moment: the leader's school and its 教学点."""
    capsys.readouterr()
    month, moment = f"{county.month:%Y-%m}", timezone.localtime().isoformat()
    met = open_yet = 0
    for school in School.objects.filter(Q(pk=county.school.pk) | Q(managing_school=county.school)):
        call_command("check_duties", month, "--school", school.code, "--as-of", moment, "--json")
        found = json.loads(capsys.readouterr().out)["rules"][rule.label]
        met, open_yet = met + found["met"], open_yet + found["upcoming"]
    return {"已完成": met, "还差": open_yet}


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_class_teacher_logs_a_talk_from_today_in_four_taps(
    county, open_page, enter, assert_fits, javascript, capsys
):
    rule = DutyRule.objects.get(code="F02", active=True)
    leader = enter(open_page(javascript=javascript), "leader")
    before = figures(leader, rule)
    assert before == checked(county, rule, capsys)

    page = enter(open_page(width=390, javascript=javascript), "class-teacher")
    expect(page).to_have_url(re.compile(reverse("activities:today") + "$"))
    headline = page.locator("h1 .gold")
    owed_before = number_of(headline.inner_text())
    finger = Finger()

    # One line of one child, of this month: not overdue, not siblings.
    lines = page.locator(".owed-line", has_text="这个月还没有").filter(
        has=page.locator(".kind", has_text=re.compile(f"^{rule.name}$"))
    )
    button = lines.locator("a.btn", has_text=re.compile("^记一笔$")).first
    uid = re.search(r"child=([0-9a-f-]{36})", button.get_attribute("href")).group(1)
    child = Child.objects.get(uid=uid)
    finger.tap(button)
    expect(page.get_by_role("checkbox", name=child.name)).to_be_checked()
    if javascript:
        assert_fits(page)
    finger.tap(page.get_by_role("checkbox", name="学习"))
    finger.tap(page.get_by_role("checkbox", name="心情"))
    page.get_by_label("说了什么").fill("说想妈妈了，约好周末打视频。")
    finger.tap(page.get_by_role("button", name="保存"))

    expect(page).to_have_url(re.compile(reverse("activities:today") + "$"))
    expect(page.get_by_role("status").first).to_contain_text(
        f"记上了。{child.name} {county.month.month}月谈心已完成"
    )
    assert finger.taps <= TAPS_ALLOWED
    assert [(c.kind, c.day, c.words) for c in Contact.objects.filter(child=child).order_by("-pk")[:1]] == [
        ("talk", timezone.localdate(), "谈到学习、心情。说想妈妈了，约好周末打视频。")
    ]

    # 今日 has one less, and no line of this child and duty any more.
    expect(headline).to_have_text(str(owed_before - 1))
    assert lines.locator(f"a.btn[href*='{uid}']").count() == 0
    # The child's file says so.
    page.goto(reverse("reports:child_file", args=[uid]))
    duty = page.locator(".duty", has_text=rule.name)
    expect(duty).to_contain_text("已完成")
    expect(page.locator("body")).to_contain_text("说想妈妈了")
    if javascript:
        assert_fits(page)
    # The leader's first page and the command agree with it.
    after = figures(leader, rule)
    assert after == {"已完成": before["已完成"] + 1, "还差": before["还差"] - 1}
    assert after == checked(county, rule, capsys)
    # And the principal reads the words.
    leader.goto(reverse("reports:child_file", args=[uid]))
    expect(leader.locator("body")).to_contain_text("说想妈妈了")


def test_the_principal_opens_numbers_assigns_a_teacher_and_reads_the_month(
    county, page_desktop, enter, assert_fits
):
    page = enter(page_desktop, "leader")
    expect(page).to_have_url(re.compile(reverse("reports:dashboard") + "$"))
    assert_fits(page)
    # Every number of the month's table is a link to a list of just so many lines.
    links = page.locator("td[data-label] a.stat[href*='/duties/']")
    numbers = [
        (int(a.inner_text()), a.get_attribute("href")) for a in links.all() if a.inner_text().isdigit()
    ]
    assert len(numbers) >= 6
    for number, url in numbers[:12]:
        page.goto(url)
        expect(page.locator("h1")).to_contain_text(f" {number} 项")
        assert page.locator("table.ledger tbody tr").count() == min(number, 30)

    # The child without a teacher waits on the first page; two steps later it has one.
    listed = CareListSpell.objects.today().values("child")
    page.goto(reverse("pairing:pairing_list"))
    without = number_of(page.locator("h1").inner_text())
    row = page.locator("tbody tr", has_text="还没有").first
    name = row.locator("a.cell").inner_text()
    row.get_by_role("checkbox").check()
    page.get_by_role("button", name="指定包保教师").click()
    teacher = page.locator("select[name=teacher], select[name=staff]")
    teacher.select_option(index=1)
    page.get_by_role("button", name="下一步，核对").click()
    page.get_by_role("button", name="指定这 1 个孩子").click()
    expect(page.get_by_role("status").first).to_contain_text("1 个孩子")
    child = Child.objects.get(name=name, pk__in=listed)
    tie = Pairing.objects.primary().today().get(child=child)
    assert Staff.objects.filter(pk=tie.staff_id, school=county.school).exists()
    page.goto(reverse("pairing:pairing_list"))
    assert (number_of(page.locator("h1").inner_text()) if without > 1 else 0) == without - 1

    # The month before: closed, or still to be put right; its lines are as many as it says.
    page.goto(reverse("reports:dashboard"))
    page.get_by_role("link", name=re.compile("核对$")).first.click()
    expect(page.locator("h1")).to_contain_text(re.compile("已结账|还没结账"))
    assert_fits(page)
    said = page.locator(".section-head .note").inner_text()
    rows = page.locator("table.ledger", has=page.locator("th", has_text="谁来做")).locator("tbody tr")
    assert rows.count() == min(number_of(said), 30)


def test_the_county_sees_no_child_and_fetches_three_workbooks(
    county, page_desktop, enter, assert_fits, background
):
    staff = set(Staff.objects.values_list("name", flat=True))
    names = sorted(set(Child.objects.values_list("name", flat=True)) - staff)
    page = enter(page_desktop, "county")
    expect(page).to_have_url(re.compile(reverse("reports:county_board") + "$"))
    assert_fits(page)
    schools = page.locator("tbody th a.cell")
    assert sorted(schools.all_inner_texts()) == ["石门中心小学", "石门小学柳溪教学点", "青溪九年一贯制学校"]
    assert named(page.content(), names) == []
    schools.filter(has_text=county.school.name).click()
    expect(page.locator("h1")).to_contain_text(county.school.name)
    assert named(page.content(), names) == []

    for title in ("留守儿童花名册", "核对", "考核"):
        page.goto(reverse("reports:exports"))
        form = page.locator("form[action*='/exports/order/']").filter(
            has=page.get_by_role("button", name=re.compile(f"^做.*{title}"))
        )
        form.get_by_role("radio").first.check()
        form.get_by_role("button").click()
        fetch = page.get_by_role("link", name="取文件")
        expect(fetch).to_be_visible(timeout=30_000)
        with page.expect_download() as waiting:
            fetch.click()
        download = waiting.value
        assert download.suggested_filename.endswith(".xlsx")
        with open(download.path(), "rb") as file:
            book = load_workbook(io.BytesIO(file.read()))
        cells = [
            str(c.value) for sheet in book for line in sheet.iter_rows() for c in line if c.value is not None
        ]
        assert named("\n".join(cells), names) == []
        assert county.school.name in cells
    page.goto(reverse("trust:job_list"))
    assert page.get_by_text("留守儿童花名册").count() == 1


def named(text, names):
    """Which children a page or a workbook names."""
    return [name for name in names if name in text]
