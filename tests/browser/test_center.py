"""The center (之家) on a phone: opened with one tap, an activity with the names of who came."""

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from activities.models import Activity, Attendance, Opening
from registry.models import ActivityCenter

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_manager_logs_an_opening_and_who_came(county, open_page, enter, assert_fits, javascript):
    today = timezone.localdate()
    page = enter(open_page(width=390, javascript=javascript), "center-manager")
    center = ActivityCenter.objects.get(posts__staff__user=county.user("center-manager"))
    if reverse("activities:center_detail", args=[center.uid]) not in page.url:
        page.locator(f"a[href='{reverse('activities:center_detail', args=[center.uid])}']").first.click()
    page.get_by_label("来了多少人").fill("9")
    page.get_by_role("button", name="今天开放了").dblclick(no_wait_after=True)
    expect(page.get_by_text("今天的开放已经记上")).to_be_visible()
    assert [(o.visitors, o.cancelled_at) for o in Opening.objects.filter(center=center, day=today)] == [
        (9, None)
    ]

    page.get_by_role("link", name="记一次活动").click()
    page.get_by_label("活动名称").or_(page.locator("[name=title]")).first.fill("一起读书")
    names = page.locator("[name=present]")
    tapped = [names.nth(n).get_attribute("value") for n in range(3)]
    for value in tapped:
        page.locator(f"[name=present][value='{value}']").check()
    if javascript:
        assert_fits(page)
    page.locator(".savebar button[type=submit]").click()
    expect(page.locator("h1")).to_contain_text("一起读书，3 个孩子到场")
    activity = Activity.objects.get(center=center, title="一起读书")
    came = Attendance.objects.filter(activity=activity, present=True).values_list("child__uid", flat=True)
    assert sorted(str(uid) for uid in came) == sorted(tapped)
    # The week shows both.
    page.goto(reverse("activities:center_detail", args=[center.uid]))
    row = page.locator("tr.picked")
    expect(row).to_contain_text("一起读书")
    if javascript:
        assert_fits(page)
