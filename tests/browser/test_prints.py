"""The leader issues a class's contact cards on paper; a phone changes, and the card in the drawer is no longer true."""

import os

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from activities.meetings import hold_meeting
from activities.models import Contact
from registry.models import CareListSpell, Enrollment, Post
from reports.models import CardIssue

pytestmark = pytest.mark.django_db(transaction=True)
RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]}


def look(page, name):
    """A picture of the page for whoever wants to look (``LOOK=folder``)."""
    if os.environ.get("LOOK"):
        page.screenshot(path=f"{os.environ['LOOK']}/{name}.png", full_page=True)


@pytest.fixture
def seat(county):
    """Where a child of the class teacher sits whose family has a phone; the class has others."""
    teaches = Post.objects.today().filter(
        staff__user=county.user("class-teacher"), school_class__isnull=False
    )
    listed = CareListSpell.objects.today().values("child")
    seats = Enrollment.objects.today().filter(
        school_class__in=teaches.values("school_class"), child__in=listed
    )
    called = seats.filter(child__kinships__guardian__phones__ended_on=None).distinct()
    return called.select_related("child", "school_class__school").order_by("pk").first()


def rows_by_state(page):
    """{name: words of the card} as the page of the class says it."""
    page.locator("td[data-label='现在的卡']").first.wait_for()
    lines = page.locator("table.ledger tbody tr")
    return {
        line.locator("a.cell").inner_text(): line.locator("td[data-label='现在的卡']").inner_text()
        for line in lines.all()
    }


@pytest.mark.parametrize(("width", "javascript"), [(390, True), (1280, False)], ids=["phone", "pc-no-script"])
def test_cards_are_issued_and_a_new_phone_makes_one_outdated(
    county, seat, open_page, enter, assert_fits, width, javascript
):
    CardIssue.objects.filter(child=seat.child).update(digest="of another day")
    page = enter(open_page(width=width, javascript=javascript), "leader")
    page.goto(reverse("reports:prints"))
    assert_fits(page)
    look(page, f"prints-{width}")
    cards_url = reverse("reports:class_cards", args=[seat.school_class.uid])
    page.locator(f"a.cell[href='{cards_url}']").click()
    assert_fits(page)
    before = rows_by_state(page)
    waiting = [name for name, words in before.items() if words != "最新的"]
    assert seat.child.name in waiting
    look(page, f"cards-{width}")
    page.get_by_role("button", name="登记印发并打印").click()
    expect(page.get_by_role("status")).to_contain_text(f"登记了印发 {len(waiting)} 张")
    assert page.locator("article.a4").count() == len(waiting)
    assert sorted(
        name for name in before if page.get_by_role("cell", name=name, exact=True).count()
    ) == sorted(waiting)

    page.goto(cards_url)
    assert set(rows_by_state(page).values()) == {"最新的"}
    expect(page.locator("h1")).to_contain_text("联系卡都是最新的")

    # Somebody of the family has a new number.
    guardian = seat.child.kinships.order_by("pk").first().guardian
    page.goto(reverse("registry:phone_add", args=[seat.child.uid, guardian.uid]))
    page.locator("[name=number]").fill("13712345678")
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("status").first).to_be_visible()
    page.goto(cards_url)
    after = rows_by_state(page)
    assert {name for name, words in after.items() if words == "已经不是最新的"} >= {seat.child.name}
    outdated = sum(words == "已经不是最新的" for words in after.values())
    expect(page.locator("h1")).to_contain_text(f"有 {outdated} 张联系卡已经不是最新的")
    ticked = page.locator(f"input[name=child][value='{seat.child.uid}']")
    assert ticked.is_checked()
    assert_fits(page)
    look(page, f"cards-outdated-{width}")


@pytest.mark.parametrize("width", [390, 1280])
def test_the_pages_of_printing_fit_and_are_accessible(county, seat, open_page, enter, width):
    """Options of a child's and of a class's form; the sheets of a contact, of a child's term and of a meeting."""
    user = county.user("leader")
    contact = Contact.objects.visible_to(user).valid().filter(kind="home_visit", replaced_by=None).first()
    group = Post.objects.today().filter(school=county.school, kind="leader").select_related("staff").first()
    meeting = hold_meeting(
        school=county.school, day=timezone.localdate(), title="部署冬季家访", place="会议室", present=[group.staff],
        minutes="各班汇报了家访情况，还差的月底前补上。", decisions=[("全部家访一遍", group.staff, None)], by=user,
    )  # fmt: skip
    page, wrong = enter(open_page(width=width), "leader"), []
    pages = {
        "options-child": reverse("reports:child_print_options", args=[seat.child.uid, "card"]),
        "options-class": reverse("reports:class_print_options", args=[seat.school_class.uid, "file"]),
        "contact": reverse("reports:print_contact", args=[contact.uid]),
        "records": reverse("reports:print_records", args=[contact.child.uid]),
        "minutes": reverse("reports:print_minutes", args=[meeting.uid]),
    }
    for name, path in pages.items():
        assert page.goto(path).status == 200
        look(page, f"{name}-{width}")
        if name.startswith("options"):
            over = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
            wrong += [f"{name}: {over} px too wide"] if over > 0 else []
        for one in Axe().run(page, options=RULES).response["violations"]:
            wrong.append(f"{name}: {one['id']}: {one['nodes'][0]['html'][:120]}")
    assert not wrong, "\n".join(wrong)
    page.goto(reverse("activities:contact_detail", args=[contact.uid]))
    page.locator("#main").get_by_role("link", name="打印").click()
    expect(page.locator("article.a4 h1")).to_have_text("留守儿童家访记录")
