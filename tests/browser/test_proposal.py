"""A principal lets the whole school be paired: one click, another teacher for one child, adopted at once."""

import re

import pytest
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import expect

from pairing.models import Pairing, PairingProposal
from pairing.proposal_summary import Summary

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("width", "javascript"), [(1280, True), (390, False)], ids=["desk", "phone-no-script"]
)
def test_propose_adjust_adopt(county, open_page, enter, assert_fits, width, javascript):
    page = enter(open_page(width=width, javascript=javascript), "leader")
    page.goto(reverse("pairing:pairing_list"))
    page.get_by_role("navigation", name="包保").get_by_role("link", name="方案", exact=True).click()
    expect(page.get_by_role("heading", name="给全校的孩子一次排好包保教师")).to_be_visible()
    assert_fits(page)
    page.get_by_label("全校重新排，尽量不换人").check(force=True)
    page.get_by_role("button", name="生成方案").click()
    expect(page).to_have_url(re.compile(r"/pairings/proposals/[0-9a-f-]{36}/$"))
    assert_fits(page)

    made = PairingProposal.objects.get()
    summary = Summary(made)
    line = next(line for line in summary.lines if line.row.staff is not None)
    other = next(share for share in summary.shares.values() if share.load.staff.pk != line.row.staff_id)
    page.get_by_role("link", name="按班级").click()
    expect(page.get_by_role("columnheader", name="为什么")).to_be_attached()
    assert_fits(page)
    page.goto(reverse("pairing:proposal_row", args=[made.uid, line.row.uid]))
    assert_fits(page)
    page.get_by_label("包保教师").select_option(str(other.load.staff.uid))
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text(f"{line.row.child.name}改由{other.load.staff.name}包保")).to_be_visible()

    page.get_by_role("link", name="采用这个方案").click()
    expect(page.get_by_role("button", name="采用方案")).to_be_visible()
    assert_fits(page)
    page.get_by_role("button", name="采用方案").click()
    expect(page.get_by_text(re.compile("方案已采用"))).to_be_visible()
    today = timezone.localdate()
    proposed = dict(made.rows.exclude(staff=None).values_list("child", "staff"))
    standing = dict(Pairing.objects.primary().on(today).values_list("child", "staff"))
    assert {child: standing.get(child) for child in proposed} == proposed
    assert proposed[line.row.child_id] == other.load.staff.pk
