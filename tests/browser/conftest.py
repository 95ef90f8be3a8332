"""A real browser (Debian's Chromium) on a server of the test's own, as a teacher's phone and as an office PC.

Fixtures: ``page_phone`` (390 px), ``page_desktop`` (1280 px), ``open_page`` for the rest.
``county`` is the invented county, small and made for today; ``background`` delivers what waits in the outbox.
Every page fails its test when the content security policy refused something, a script threw an error or
anything but our own server was asked for.
"""

import shutil
import threading
from datetime import date
from types import SimpleNamespace

import pytest
from django.core.management import call_command
from django.db import connections
from django.urls import reverse
from django.utils import timezone

from lbc_site.celery import app
from registry.models import County, School, Season
from trust import outbox
from trust.models import User

CHROMIUM = shutil.which("chromium")
HEIGHTS = {390: 844, 1280: 800}


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Everything in this folder is `e2e`; without Chromium it is skipped by name."""
    for item in items:
        if "/browser/" in str(item.path):
            item.add_marker(pytest.mark.e2e)
            if CHROMIUM is None:
                item.add_marker(pytest.mark.skip(reason="chromium is not installed (apt install chromium)"))


@pytest.fixture(scope="session")
def browser_type_launch_args():
    """The system's Chromium, quiet and without its own network calls."""
    return {
        "executable_path": CHROMIUM,
        "args": [
            "--no-sandbox",
            "--disable-gpu",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
        ],
    }


@pytest.fixture
def open_page(browser, live_server):
    """Open pages of any width, with or without JavaScript: ``open_page(width=390, javascript=False)``."""
    contexts, complaints = [], []

    def listen(message):
        text = message.text
        if "Content Security Policy" in text or "Content-Security-Policy" in text:
            complaints.append(text)

    def watch(request):
        if not request.url.startswith((live_server.url, "data:", "blob:", "about:")):
            complaints.append(f"asked for {request.url}")

    def open_one(*, width: int = 1280, javascript: bool = True):
        context = browser.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": HEIGHTS.get(width, 900)},
            is_mobile=width < 600,
            has_touch=width < 600,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            java_script_enabled=javascript,
        )
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", listen)
        page.on("pageerror", lambda error: complaints.append(f"script error: {error}"))
        page.on("request", watch)
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


@pytest.fixture
def page_phone(open_page):
    """A teacher's phone, 390 px wide, JavaScript on."""
    return open_page(width=390)


@pytest.fixture
def page_desktop(open_page):
    """The PC of the office, 1280 px wide, JavaScript on."""
    return open_page(width=1280)


@pytest.fixture
def sign_in():
    """Sign in through the real form: ``sign_in(page, "wangfang", "password")``."""

    def fill(page, username: str, password: str):
        page.goto(reverse("trust:sign_in"))
        page.locator("[name=username]").fill(username)
        page.locator("[name=password]").fill(password)
        page.locator("form:has([name=password]) [type=submit]").first.click()
        page.wait_for_url(lambda url: reverse("trust:sign_in") not in url)
        return page

    return fill


@pytest.fixture
def assert_fits():
    """No page is wider than its screen: nobody scrolls sideways on a phone."""

    def check(page):
        overflow = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert overflow <= 0, f"{page.url} is {overflow} px wider than the screen"

    return check


@pytest.fixture
def county(live_server, monkeypatch, settings, tmp_path, capsys):
    """Two schools and a 教学点 of the demo county, lived in up to yesterday, in a month that is always taught.

    Terms follow today's clock, so that the roads can also be walked in the summer holidays.
    """

    def terms(year):
        autumn = (Season.AUTUMN, date(year, 9, 1), date(year + 1, 1, 31))
        return [autumn, (Season.SPRING, date(year + 1, 2, 1), date(year + 1, 8, 31))]

    settings.VAR_DIR = tmp_path
    monkeypatch.setattr("activities.demo.year.terms_of", terms)
    call_command("load_demo", schools=2, children=24, months=2)
    printed = capsys.readouterr().out
    return SimpleNamespace(
        password=printed.partition("：")[2].partition("\n")[0],
        month=timezone.localdate().replace(day=1),
        county=County.objects.get(),
        school=School.objects.get(name="石门中心小学"),
        user=lambda post: User.objects.get(username=f"demo-{post}"),
    )


@pytest.fixture
def enter(county, sign_in):
    """Sign in as the demo account of a post: ``enter(page, "leader")``."""

    def as_post(page, post):
        return sign_in(page, f"demo-{post}", county.password)

    return as_post


@pytest.fixture
def background(live_server, monkeypatch):
    """The outbox at work beside the web, as in ``make run``; what it rings for runs in its thread, not in a worker."""

    app.loader.import_default_modules()

    def run_now(name, args=(), **options):
        return app.tasks[name].apply(args=args, throw=True)

    monkeypatch.setattr(app, "send_task", run_now)
    going = threading.Event()
    going.set()

    def deliver():
        try:
            while going.is_set():
                sent, _ = outbox.deliver()
                if not sent:
                    threading.Event().wait(0.2)
        finally:
            connections.close_all()

    thread = threading.Thread(target=deliver, daemon=True)
    thread.start()
    yield
    going.clear()
    thread.join(timeout=30)
