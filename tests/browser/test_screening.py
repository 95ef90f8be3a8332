"""摸底排查 walked through: the class teacher's phone, the leader's PC, sent back by the county, handed in again, accepted."""

import re

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from registry.models import ClassScreening, HandInState, SchoolScreening, ScreeningEntry
from registry.screenings import answers

pytestmark = pytest.mark.django_db(transaction=True)

NUMBERS = {
    "pupils": 45, "pupils_at_start": 45, "transferred_in": 0, "transferred_out": 0, "dropped_out": 0,
}  # fmt: skip


def fill(page, **values):
    for name, value in values.items():
        page.locator(f"[name={name}]").fill(str(value))


@pytest.fixture
def opened(county, open_page, enter):
    """The county's page of this term's screening."""
    page = enter(open_page(), "county")
    page.goto(reverse("registry:screening_home"))
    page.get_by_role("link", name="各校进度").first.click()
    expect(page.locator("h1")).to_contain_text("所学校报了")
    return page


def others_are_done(county, mine):
    """The other classes of the school have handed in."""
    leader = county.user("leader")
    waiting = ClassScreening.objects.filter(school_screening=mine.school_screening, done_at=None)
    for one in waiting.exclude(pk=mine.pk):
        answers.say_all_unchanged(one, by=leader)
        if one.school_class_id:
            answers.state_figures(one, by=leader, expected=one.version, **NUMBERS)
        answers.hand_in_class(one, by=leader)


def test_a_screening_from_the_class_to_the_county(county, opened, open_page, page_phone, enter, assert_fits):
    teacher_class = (
        county.user("class-teacher").staff.posts.get(kind="class_teacher", ends_on=None).school_class
    )
    mine = ClassScreening.objects.get(school_class=teacher_class, school_screening__screening__closed_at=None)
    total = ScreeningEntry.objects.filter(class_screening=mine).count()
    assert total > 2

    # The class teacher, on a phone: one exception, then all the others in one tap.
    phone = enter(page_phone, "class-teacher")
    phone.goto(reverse("registry:screening_home"))
    assert_fits(phone)
    phone.get_by_role("link", name="去确认").click()
    expect(phone.locator("h1")).to_contain_text(f"还有 {total} 个孩子没确认")
    assert_fits(phone)
    card = phone.locator("section.owed").first
    name = card.locator("a").first.inner_text()
    card.get_by_role("link", name="有变化").click()
    assert_fits(phone)
    fill(phone, note="妈妈换了电话，改由外婆带")
    phone.get_by_role("button", name="保存").click()
    expect(phone.locator("section.owed", has_text=name).last).to_contain_text("有变化：妈妈换了电话")
    phone.get_by_role("button", name=f"没点的都没变（{total - 1} 个）").click()
    expect(phone.locator("h1")).to_contain_text("都确认了")
    phone.get_by_role("link", name="填人数，再交给学校").click()
    fill(phone, pupils=1)  # fewer than are on the list
    fill(phone, pupils_at_start=45)
    phone.get_by_role("button", name="保存").click()
    expect(phone.locator("form.panel")).to_contain_text("全班不会只有 1 人")
    fill(phone, pupils=45)
    phone.get_by_role("button", name="保存").click()
    phone.get_by_role("button", name="交给学校").click()
    expect(phone.locator("h1")).to_contain_text("已交给学校")

    # The leader: what is missing is said; then it goes up and is locked.
    part = SchoolScreening.objects.get(pk=mine.school_screening_id)
    leader = enter(open_page(), "leader")
    leader.goto(reverse("registry:screening_school", args=[part.uid]))
    expect(leader.locator("main")).to_contain_text(re.compile("还有 \\d+ 个班没有交"))
    others_are_done(county, mine)
    leader.get_by_role("link", name="填写").click()
    fill(leader, school_age_children=600, school_age_enrolled=598)
    leader.get_by_role("button", name="保存").click()
    leader.get_by_role("button", name=re.compile("^上报")).click()
    leader.locator("dialog button", has_text="上报").click()
    expect(leader.locator("h1")).to_contain_text("已上报学区")

    # The county sends it back with a remark, the school hands in again, the county accepts.
    opened.goto(reverse("registry:screening_school", args=[part.uid]))
    opened.get_by_role("link", name="退回").click()
    fill(opened, comment="适龄儿童数请再核对")
    opened.get_by_role("button", name="退回").click()
    leader.reload()
    expect(leader.locator(".notice").first).to_contain_text("适龄儿童数请再核对")
    leader.get_by_role("button", name=re.compile("^上报")).click()
    leader.locator("dialog button", has_text="上报").click()
    opened.goto(reverse("registry:screening_school", args=[part.uid]))
    opened.get_by_role("button", name="接收").click()
    expect(opened.locator("h1")).to_contain_text("县已接收")
    part.refresh_from_db()
    assert part.state == HandInState.ACCEPTED
    entry = ScreeningEntry.objects.get(class_screening=mine, answer="changed")
    assert (entry.snapshot["name"], entry.note) == (name, "妈妈换了电话，改由外婆带")
    opened.goto(reverse("registry:screening_county", args=[part.screening.uid]))
    expect(opened.locator("main")).to_contain_text("已上报的数")
    assert_fits(opened)
