"""A teacher leaves: the leader hands the children over on one page, the next teacher reads what to know on the phone."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from pairing.models import Handover, Pairing
from pairing.ownership import without_owner

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("width", "javascript"), [(1280, True), (390, True), (390, False)], ids=["desk", "phone", "no-script"]
)
def test_from_leaving_to_the_next_teachers_today(county, open_page, enter, assert_fits, width, javascript):
    giver, taker = county.user("paired").staff, county.user("class-teacher").staff
    today = timezone.localdate()
    children = list(
        Pairing.objects.on(today)
        .filter(staff=giver, kind__in=("primary", "proxy"))
        .values_list("child", flat=True)
    )
    assert children
    unread = Handover.objects.filter(to_staff=taker, read_at=None).count()  # the demo county's own
    page = enter(open_page(width=width, javascript=javascript), "leader")
    page.goto(reverse("registry:staff_leave", args=[giver.uid]))
    expect(page.get_by_role("status").first).to_contain_text(f"{giver.name}还包保 {len(children)} 个孩子")
    page.get_by_role("link", name="先去交接").click()
    expect(page.locator("h1")).to_contain_text(f"{giver.name}的 {len(children)} 个包保交给谁")
    if javascript:
        assert_fits(page)

    page.get_by_label("这一家的情况和习惯").first.fill("奶奶耳背，电话要多响几声")
    page.get_by_role("button", name=re.compile("^交接这")).click()  # nobody chosen yet
    expect(page.locator("body")).to_contain_text("请选谁来接手")
    expect(page.get_by_label("这一家的情况和习惯").first).to_have_value("奶奶耳背，电话要多响几声")
    page.get_by_label("都交给").select_option(str(taker.uid))
    page.get_by_role("button", name=re.compile("^交接这")).click()
    expect(page).to_have_url(re.compile(reverse("pairing:orphan_list") + "$"))
    expect(page.locator("body")).to_contain_text(f"{giver.name}的 {len(children)} 个包保交接好了")
    assert set(Pairing.objects.on(today).filter(child__in=children).values_list("staff", flat=True)) >= {
        taker.pk
    }
    assert not Pairing.objects.on(today).filter(staff=giver, kind__in=("primary", "proxy")).exists()
    unpaired = {
        owner.child_id for owner in without_owner(county.school, today) if "no_pairing" in owner.alarms
    }
    assert not unpaired & set(children)

    phone = enter(open_page(width=390, javascript=javascript), "class-teacher")
    phone.goto(reverse("activities:today"))
    waiting = phone.locator(".owed", has_text="待接手")
    expect(waiting).to_have_count(unread + len(children))
    if javascript:
        assert_fits(phone)
    row = next(one for one in Handover.objects.all() if "要多响几声" in one.habits)
    phone.goto(reverse("activities:handover_detail", args=[row.uid]))
    expect(phone.locator("body")).to_contain_text("奶奶耳背，电话要多响几声")
    if javascript:
        assert_fits(phone)
    phone.get_by_role("button", name="我已看过").click()
    expect(phone).to_have_url(re.compile(reverse("activities:today") + "$"))
    expect(waiting).to_have_count(unread + len(children) - 1)
