"""A class teacher registers a mother's condition and a care agreement with its picture, on a phone; the registers follow."""

import io
import os

import pytest
from django.urls import reverse
from django.utils import timezone
from PIL import Image
from playwright.sync_api import expect

from registry.models import CareAgreement, Child, Kinship

pytestmark = pytest.mark.django_db(transaction=True)


def photo():
    out = io.BytesIO()
    Image.new("RGB", (900, 1200), "white").save(out, "JPEG")
    return {"name": "协议.jpg", "mimeType": "image/jpeg", "buffer": out.getvalue()}


def look(page, name):
    """A picture of the page for whoever wants to look (``LOOK=folder``)."""
    if os.environ.get("LOOK"):
        page.screenshot(path=f"{os.environ['LOOK']}/{name}.png", full_page=True)


def child_of(county):
    """A child of the class teacher with a parent, and a grandparent who cares for it."""
    user = county.user("class-teacher")
    with_parent = Kinship.objects.filter(relation__in=("father", "mother")).values("child")
    cared = Kinship.objects.filter(
        relation__in=("grandmother", "grandfather"), guardian__died_on=None,
        guardian__guardianships__cancelled_at=None, guardian__guardianships__ends_on=None,
    ).values("child")  # fmt: skip
    return (
        Child.objects.visible_to(user)
        .listed_on(timezone.localdate())
        .filter(pk__in=with_parent)
        .filter(pk__in=cared)
        .by_name()
        .first()
    )


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
def test_a_condition_and_an_agreement(county, open_page, enter, assert_fits, javascript):
    child = child_of(county)
    page = enter(open_page(width=390, javascript=javascript), "class-teacher")
    facts = reverse("registry:child_facts", args=[child.uid])

    page.goto(facts)
    page.get_by_text("改照看、外出、情况和电话").click()
    parent = child.kinships.filter(relation__in=("father", "mother")).first().guardian
    panel = page.locator("section.panel", has=page.locator("h3", has_text=parent.name))
    panel.get_by_role("link", name="重病、服刑等情况").click()
    assert_fits(page)
    look(page, "condition-phone")
    page.get_by_label("服刑在押").check()
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_text("服刑在押，").first).to_be_visible()

    page.get_by_role("link", name="登记协议").click()
    assert_fits(page)
    look(page, "agreement-phone")
    page.locator("[name=entrusted_by]").first.check()
    page.locator("[name=guardian]").first.check()
    for denied in page.locator("[name=denied]").all():
        denied.check()
    page.locator("[name=scan]").set_input_files(photo())
    page.get_by_role("button", name="保存").click()
    expect(page.get_by_role("link", name="看协议照片")).to_be_visible()
    assert_fits(page)
    look(page, "facts-phone")
    agreement = CareAgreement.objects.get(child=child)
    assert (agreement.no_exclusion, agreement.scan.content_type) == (True, "image/jpeg")
    scan = page.request.get(reverse("registry:agreement_scan", args=[child.uid, agreement.uid]))
    assert (scan.status, scan.headers["content-type"]) == (200, "image/jpeg")

    page.goto(reverse("registry:agreement_list") + "?show=all")
    expect(page.get_by_role("link", name=child.name)).to_be_visible()


@pytest.mark.parametrize("width", [390, 1280])
def test_the_registers_fit_and_show_numbers(county, open_page, enter, assert_fits, width):
    for post, names in {
        "leader": ["agreement_list", "demand_list", "trait_list", "definition_list", "parents_map"],
        "county": ["definition_list", "parents_map"],
    }.items():
        page = enter(open_page(width=width), post)
        pages = [(name, reverse(f"registry:{name}")) for name in names]
        if post == "leader":
            pages.append(("family_ticks", reverse("reports:family_ticks")))
            child = child_of(county)
            pages.append(("file", reverse("reports:child_file", args=[child.uid])))
            pages.append(("facts", reverse("registry:child_facts", args=[child.uid])))
        for name, path in pages:
            page.goto(path)
            expect(page.locator("h1")).to_contain_text(child.name if name in ("file", "facts") else "")
            assert_fits(page)
            look(page, f"{post}-{name}-{width}")
        page.goto(reverse("registry:definition_list"))
        expect(page.locator("h1")).to_contain_text("名单")
