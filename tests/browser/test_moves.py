"""A child changes school, and two files of one child become one: as the people of two schools walk it."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from pairing.models import Transfer
from registry.models import CareListSpell, Child, ChildMerge, Enrollment, Post, PostKind, School, SchoolClass
from trust.models import User

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def child(county):
    """A child of the leader's own school."""
    today = timezone.localdate()
    seats = Enrollment.objects.on(today).filter(school=county.school, school_class__isnull=False)
    listed = CareListSpell.objects.on(today).values("child")
    return seats.filter(child__in=listed).select_related("child").order_by("pk").first().child


@pytest.fixture
def other_school(county):
    """Another school of the county, and its leader with an account the test can enter."""
    school = School.objects.exclude(pk=county.school.pk).filter(managing_school=None).order_by("code").first()
    post = Post.objects.today().filter(kind=PostKind.LEADER, school=school).select_related("staff").first()
    user = User.objects.create_user("other-leader", password=county.password, name=post.staff.name)
    post.staff.user = user
    post.staff.save()
    return school


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_child_is_sent_and_accepted(
    county, child, other_school, open_page, enter, sign_in, assert_fits, javascript
):
    page = enter(open_page(javascript=javascript), "leader")
    page.goto(child.get_absolute_url())
    page.locator(f"a[href='{reverse('pairing:transfer_new', args=[child.uid])}']").click()
    assert_fits(page)
    page.locator("select[name=to_school]").select_option(str(other_school.uid))
    page.get_by_label("搬家").check()
    page.get_by_role("button", name="发出转学").click()
    sent = page.get_by_role("table", name="发出去的")
    expect(sent.get_by_role("link", name=child.name, exact=True)).to_have_count(1)
    assert_fits(page)

    page = sign_in(open_page(javascript=javascript), "other-leader", county.password)
    page.goto(reverse("reports:dashboard"))
    page.locator(f"a[href='{reverse('pairing:transfer_list')}']").filter(has_text="去接收").click()
    page.get_by_role("link", name=f"接收{child.name}").click()
    expect(page.locator("h1")).to_contain_text(f"接收{child.name}")
    assert_fits(page)
    school_class = SchoolClass.objects.filter(school=other_school).running_on(timezone.localdate()).first()
    page.locator("select[name=school_class]").select_option(str(school_class.uid))
    page.get_by_role("button", name="接收", exact=True).click()
    expect(page.locator("body")).to_contain_text("已接收")
    assert_fits(page)
    assert Transfer.objects.get(child=child).state == "accepted"
    seat = child.enrollments.valid().order_by("-starts_on").first()
    assert (seat.school, seat.school_class) == (other_school, school_class)


def test_two_files_are_compared_merged_and_parted_again(county, child, open_page, enter, assert_fits):
    today = timezone.localdate()
    seat = child.enrollments.on(today).get()
    twin = Child.objects.create(
        county=child.county, name=child.name, sex=child.sex, birth_date=child.birth_date, village="另一个村"
    )
    Enrollment.objects.create(child=twin, school=seat.school, school_class=seat.school_class, starts_on=today)
    page = enter(open_page(), "leader")
    page.goto(reverse("registry:child_list"))
    page.get_by_role("link", name="疑似重复").click()
    assert_fits(page)
    page.get_by_role("link", name=f"比一比{child.name}").first.click()
    expect(page.locator("h1")).to_contain_text("是同一个孩子吗")
    assert_fits(page)
    page.get_by_role("button", name="合并成一份").click()
    expect(page.locator("h1")).to_contain_text("合并")
    assert_fits(page)
    twin.refresh_from_db()
    assert twin.merged_into == child
    page.goto(twin.get_absolute_url())
    expect(page).to_have_url(re.compile(child.get_absolute_url()))
    page.goto(reverse("registry:merge_undo", args=[ChildMerge.objects.get().uid]))
    page.get_by_role("button", name="撤销合并").click()
    expect(page.locator("body")).to_contain_text("又是两份档案")
    twin.refresh_from_db()
    assert twin.merged_into is None
