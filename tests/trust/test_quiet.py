"""Logs, error pages and headers: ids yes, a child's data no."""

import io
import logging
import re

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db import OperationalError
from django.http import HttpResponse
from django.test import Client
from django.urls import include, path, reverse

from trust import quiet_logs, request_context

ID_NUMBER, PHONE, NOTE = "341299201501010018", "13800000123", "奶奶说他夜里哭"


def fails(request):
    """Fails in the middle of somebody's words."""
    raise ValueError(f"{NOTE} {ID_NUMBER} {PHONE}")


def forbidden(request):
    """Not this post's."""
    raise PermissionDenied(NOTE)


def busy(request):
    """The database is away."""
    raise OperationalError(f"could not connect {NOTE}")


def fine(request):
    """A page."""
    return HttpResponse(request_context.current().request_id)


urlpatterns = [
    path("fails/", fails),
    path("forbidden/", forbidden),
    path("busy/", busy),
    path("fine/", fine),
    path("", include("lbc_site.urls")),
]
handler400 = "lbc_site.errors.bad_request"
handler403 = "lbc_site.errors.permission_denied"
handler404 = "lbc_site.errors.page_not_found"
handler500 = "lbc_site.errors.server_error"


@pytest.fixture
def log():
    """What would stand on stderr."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(quiet_logs.QuietFilter())
    handler.setFormatter(quiet_logs.OneLineFormatter("%(levelname)s %(name)s %(message)s"))
    root = logging.getLogger()
    root.addHandler(handler)
    yield stream
    root.removeHandler(handler)


@pytest.fixture
def here(li):
    """A signed-in client that does not re-raise."""
    client = Client(raise_request_exception=False)
    client.force_login(li)
    return client


@pytest.mark.django_db
@pytest.mark.urls("tests.trust.test_quiet")
@pytest.mark.parametrize(
    ("url", "status"), [("/fails/", 500), ("/forbidden/", 403), ("/busy/", 503), (f"/{ID_NUMBER}/", 404)]
)
def test_error_pages_and_logs_are_quiet(here, log, url, status):
    response = here.get(url)
    text, logged = response.content.decode(), log.getvalue()
    assert response.status_code == status
    for secret in (ID_NUMBER, PHONE, NOTE):
        assert secret not in logged
    for foreign in (
        NOTE,
        PHONE,
        "ValueError",
        "Traceback",
        "Django",
        str(settings.BASE_DIR),
        ".py",
        "OperationalError",
    ):
        assert foreign not in text
    assert re.search(r'<html lang="zh-Hans"', text)
    if status in (500, 503):
        assert response["X-Request-ID"] in text
        assert f"request={response['X-Request-ID']}" in logged
    if status == 503:
        assert response["Retry-After"] == "10"


@pytest.mark.django_db
@pytest.mark.urls("tests.trust.test_quiet")
def test_a_foreign_page_says_so_in_chinese(here):
    assert "不存在或不在您的职责范围内" in here.get("/no-such-page/").content.decode()


@pytest.mark.django_db
@pytest.mark.urls("tests.trust.test_quiet")
def test_signed_in_pages_leave_no_copies_and_carry_the_headers(here):
    response = here.get("/fine/")
    assert response["Cache-Control"] == "no-store, private"
    assert response.content.decode() == response["X-Request-ID"]
    assert response["X-Frame-Options"] == "DENY"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert response["Referrer-Policy"] == "same-origin"
    assert "unsafe" not in response["Content-Security-Policy"]
    assert here.get("/fails/")["Cache-Control"] == "no-store, private"


@pytest.mark.django_db
def test_without_token_nothing_changes(li):
    client = Client(enforce_csrf_checks=True)
    client.force_login(li)
    for name in ("sign_out", "end_sessions", "password", "confirm", "draft", "restore"):
        response = client.post(reverse(f"trust:{name}"), {"password": "x"})
        assert response.status_code == 403
        assert "刷新" in response.content.decode()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["account", "password", "confirm", "restore", "job_list", "audit_list"])
def test_signed_out_every_page_asks_to_sign_in(client, name):
    url = reverse(f"trust:{name}")
    assert client.get(url).url == f"{reverse('trust:sign_in')}?next={url}"


@pytest.mark.django_db
def test_healthz_says_what_works_and_nothing_else(client):
    assert set(client.get("/healthz").json()) == {"database", "cache", "beat_seconds"}


def test_line_breaks_make_no_second_line(log):
    logging.getLogger("x").warning("typed %s", "a\r\n2026-01-01 ERROR forged\x1b[31m")
    assert log.getvalue().count("\n") == 1


def test_a_failed_task_logs_neither_words_nor_arguments(log):
    try:
        raise ValueError(NOTE)
    except ValueError as error:
        logging.getLogger("celery.app.trace").error(
            "Task %(name)s[%(id)s] %(description)s: %(exc)s\n%(traceback)s",
            {
                "name": "t",
                "id": "1",
                "description": "raised",
                "exc": repr(error),
                "traceback": NOTE,
                "args": PHONE,
            },
            exc_info=True,
        )
    assert NOTE not in log.getvalue() and PHONE not in log.getvalue()
    assert "ValueError at test_quiet.py" in log.getvalue()


def test_the_cause_of_an_error_is_quiet_too(log):
    try:
        try:
            raise KeyError(NOTE)
        except KeyError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        logging.getLogger("x").exception("failed: %s", NOTE if False else "step 3")
    assert NOTE not in log.getvalue()
    assert "caused by KeyError" in log.getvalue()


@pytest.mark.parametrize(
    ("text", "quiet"),
    [
        (ID_NUMBER, "34" + "*" * 16),
        ("x 13800000123 y", "x 13********* y"),
        ("2026-11-22 13:13:28,483", "2026-11-22 13:13:28,483"),
        (
            "/children/0b9c2f3e-1111-4222-8333-123456789012/",
            "/children/0b9c2f3e-1111-4222-8333-123456789012/",
        ),
    ],
)
def test_long_numbers_are_masked_and_others_stay(text, quiet):
    assert quiet_logs.quiet(text) == quiet
