"""The door as people meet it: on a phone and on a PC, with and without JavaScript."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.urls import reverse

from trust.accounts import create_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("javascript", [True, False], ids=["script", "no-script"])
@pytest.mark.parametrize("width", [390, 1280])
def test_a_wrong_password_is_answered_in_words_and_keeps_the_name(open_page, assert_fits, width, javascript):
    page = open_page(width=width, javascript=javascript)
    page.goto(reverse("trust:sign_in"))
    if javascript:
        assert_fits(page)
    page.locator("[name=username]").fill("wangfang")
    page.locator("[name=password]").fill("not-the-password")
    page.locator("form:has([name=password]) [type=submit]").first.click()
    assert page.locator("[name=username]").input_value() == "wangfang"
    assert page.locator("[role=alert], .alert, .invalid-feedback, .errorlist").first.is_visible()


def test_a_new_teacher_is_led_to_a_password_of_her_own(page_phone, sign_in):
    account = create_account(name="王芳", username="wangfang", phone=None, by=None)
    page = sign_in(page_phone, "wangfang", account.password)
    assert page.url.endswith(reverse("trust:password"))


def test_the_door_is_open_to_everybody(page_phone):
    page_phone.goto(reverse("trust:sign_in"))
    found = Axe().run(page_phone, options={"runOnly": ["wcag2a", "wcag2aa"]})
    assert [violation["id"] for violation in found.response["violations"]] == []
