"""Drafts, and the form that meets an ended session."""

import json
from datetime import timedelta

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from trust import drafts, housekeeping
from trust.models import Draft

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db
WORDS = "孩子今天说想妈妈了，" * 200
URL = "/me/draft/"


def post(client, key="contact:new", fields=None, **headers):
    body = json.dumps({"words": [WORDS]} if fields is None else fields)
    return client.post(URL, {"key": key, "body": body}, headers={"Accept": "application/json"} | headers)


def test_a_draft_is_saved_restored_replaced_and_forgotten(li, client):
    client.force_login(li)
    assert client.get(URL, {"key": "contact:new"}).json() == {"body": ""}
    assert post(client).json() == {"saved": True}
    assert post(client, fields={"words": ["新"]}).json() == {"saved": True}
    assert json.loads(client.get(URL, {"key": "contact:new"}).json()["body"]) == {"words": ["新"]}
    assert drafts.load(li, "contact:new") == {"words": ["新"]}
    drafts.forget(li, "contact:new")
    assert client.get(URL, {"key": "contact:new"}).json() == {"body": ""}


def test_a_draft_is_its_owners_alone(li, wang, client):
    drafts.save(li, "k", {"words": ["x"]})
    client.force_login(wang)
    assert client.get(URL, {"key": "k"}).json() == {"body": ""}


def test_the_database_does_not_see_it(li):
    drafts.save(li, "k", {"words": ["奶奶病了"]})
    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM trust_draft")
        body = cursor.fetchone()[0]
    assert body.startswith("aes1:")


def test_it_lives_seven_days(li):
    drafts.save(li, "k", {"words": ["x"]})
    with time_machine.travel(timezone.now() + timedelta(days=7, minutes=1)):
        assert drafts.load(li, "k") == {}
        assert housekeeping.purge()["drafts"] == 1


def test_signed_out_it_answers_401(client):
    assert post(client).status_code == 401
    assert client.get(URL, {"key": "k"}).status_code == 401


@pytest.mark.parametrize(
    "data",
    [{"key": "", "body": "{}"}, {"key": "k", "body": ""}, {"key": "k", "body": "[1]"}, {"key": "k", "body": '{"a": 1}'},
     {"key": "k\x00", "body": "{}"}, {"key": "x" * 201, "body": "{}"}, {"key": "unsent", "body": "{}"},
     {"key": "k", "body": "[" * 100000}],
)  # fmt: skip
def test_nonsense_is_refused(li, client, data):
    client.force_login(li)
    assert client.post(URL, data).status_code == 400
    assert Draft.objects.count() == 0


def test_too_long_is_refused_and_odd_characters_are_kept(li, client):
    client.force_login(li)
    assert post(client, fields={"words": ["x" * 250_000]}).status_code == 413
    assert post(client, fields={"words": ["a\x00\ud800😀"]}).status_code == 200


@pytest.mark.urls("tests.trust.urls")
def test_a_form_sent_after_the_session_ended_is_kept_and_sent_once_more(li):
    client = Client()
    client.post(reverse("trust:sign_in"), {"username": "lilaoshi", "password": PASSWORD})
    body = {"words": WORDS, "note": "\n首行空着", "submission": "s-1"}
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=2)):
        response = client.post("/note/?child=1", body)
        assert response.url.startswith(reverse("trust:sign_in"))
        assert "kept=1" in response.url
        assert WORDS[:20] not in response.url
        assert "已经存好" in client.get(response.url).content.decode()
        response = client.post(reverse("trust:sign_in"), {"username": "lilaoshi", "password": PASSWORD})
        assert response.url == reverse("trust:restore")
        page = client.get(response.url)
        assert WORDS in page.content.decode()
        assert dict(page.context["pairs"]) == body
        assert page.context["path"] == "/note/?child=1"
        again = body | {drafts.RESTORED_FIELD: str(page.context["draft_uid"])}
        assert client.post(page.context["path"], again).status_code == 200
        assert drafts.load(li, "note") == {"words": [WORDS], "note": ["\n首行空着"], "submission": ["s-1"]}
        assert drafts.unsent(li) is None


def test_what_was_kept_is_not_shown_to_the_next_person_at_the_computer(li, wang):
    client = Client()
    client.post(reverse("trust:sign_in"), {"username": "lilaoshi", "password": PASSWORD})
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        client.post(reverse("trust:end_sessions"), {"words": WORDS})
        response = client.post(reverse("trust:sign_in"), {"username": "wanghai", "password": PASSWORD})
        assert response.url == "/"
        assert client.get(reverse("trust:restore")).status_code == 302
    assert drafts.unsent(li) is not None
    with time_machine.travel(timezone.now() + timedelta(hours=1, minutes=17)):
        assert drafts.unsent(li) is None


def test_it_can_be_thrown_away(li, client):
    drafts.save(li, drafts.UNSENT, {"path": "/x/", "fields": {"a": ["b"]}})
    client.force_login(li)
    client.post(reverse("trust:restore"))
    assert drafts.unsent(li) is None


def test_passwords_are_never_kept(li):
    client = Client()
    client.post(reverse("trust:sign_in"), {"username": "lilaoshi", "password": PASSWORD})
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        client.post(reverse("trust:password"), {"old_password": PASSWORD, "new_password": "x"})
    assert Draft.objects.count() == 0


def test_a_script_with_an_ended_session_gets_401(li):
    client = Client()
    client.post(reverse("trust:sign_in"), {"username": "lilaoshi", "password": PASSWORD})
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert post(client).status_code == 401
        assert Draft.objects.count() == 0


def test_a_forged_post_after_the_session_ended_keeps_nothing(li):
    client = Client(enforce_csrf_checks=True)
    client.force_login(li)
    with time_machine.travel(timezone.now() + timedelta(minutes=16)):
        assert client.post(URL, {"words": WORDS}).status_code == 403
    assert Draft.objects.count() == 0
