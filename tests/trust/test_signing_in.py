"""Signing in: both names, the same words for everybody, throttling, sessions that end."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.conf import settings as project_settings
from django.contrib.auth.hashers import get_hasher
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from trust import accounts, signing_in
from trust.models import AuditEvent, Device, SignInCount, User

from .conftest import PASSWORD

pytestmark = pytest.mark.django_db
NOW = timezone.now().replace(microsecond=0)


def sign_in(client, name="lilaoshi", password=PASSWORD, **more):
    extra = {key: more.pop(key) for key in list(more) if key.isupper()}
    return client.post(reverse("trust:sign_in"), {"username": name, "password": password, **more}, **extra)


def signed_in(client):
    return client.get(reverse("trust:account")).status_code == 200


@pytest.mark.parametrize("name", ["lilaoshi", " LiLaoshi ", "13800000001", "138 0000 0001", "138-0000-0001"])
def test_user_name_and_phone_both_open_the_door(li, client, name):
    assert sign_in(client, name).url == "/"
    assert signed_in(client)


def test_wrong_password_and_unknown_name_get_the_same_page(li, client):
    pages = [
        re.sub(r'value="[^"]*"', "", sign_in(Client(), name, "falsch-falsch").content.decode())
        for name in ("lilaoshi", "niemand", "13800000001", "")[:3]
    ]
    assert pages[0] == pages[1] == pages[2]
    assert "用户名或密码不对" in pages[0]


def test_unknown_names_cost_the_same_hash(li, client, monkeypatch):
    hasher = type(get_hasher())
    calls = []
    real = hasher.encode
    monkeypatch.setattr(hasher, "encode", lambda self, *a, **k: calls.append(1) or real(self, *a, **k))
    sign_in(client, "lilaoshi", "falsch-falsch")
    known = len(calls)
    calls.clear()
    sign_in(client, "niemand", "falsch-falsch")
    assert len(calls) == known == 1


def test_the_eleventh_try_is_refused_and_the_right_password_too(li):
    client = Client()
    codes = [sign_in(client, password="falsch-falsch").status_code for _ in range(11)]
    assert codes == [200] * 9 + [429] * 2
    response = sign_in(client)
    assert response.status_code == 429
    assert "15 分钟" in response.content.decode()
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert sign_in(client).status_code == 302


def test_user_name_and_phone_are_counted_together(li):
    for number in range(10):
        sign_in(Client(), ("lilaoshi", "13800000001")[number % 2], "falsch-falsch")
    assert sign_in(Client()).status_code == 429


def test_a_locked_account_costs_no_hash(li, monkeypatch):
    for _ in range(10):
        sign_in(Client(), password="falsch-falsch")
    monkeypatch.setattr(type(get_hasher()), "encode", lambda *a, **k: pytest.fail("hashed"))
    assert sign_in(Client()).status_code == 429


def test_forty_teachers_behind_one_address_all_get_in(db):
    users = [User(username=f"teacher{n}", name="教师") for n in range(40)]
    for user in users:
        user.set_password(PASSWORD)
    User.objects.bulk_create(users)
    for user in users:
        sign_in(Client(), user.username, "falsch-falsch", REMOTE_ADDR="10.0.0.9")
        assert sign_in(Client(), user.username, REMOTE_ADDR="10.0.0.9").status_code == 302


def test_a_forged_forwarded_address_changes_neither_count_nor_audit(li):
    for number in range(10):
        sign_in(Client(), password="falsch-falsch", HTTP_X_FORWARDED_FOR=f"1.2.3.{number}")
    assert sign_in(Client(), HTTP_X_FORWARDED_FOR="9.9.9.9").status_code == 429
    assert set(AuditEvent.objects.values_list("address", flat=True)) == {"127.0.0.1"}


def test_behind_our_proxy_the_last_address_counts(li, settings):
    settings.PROXY_COUNT = 1
    sign_in(Client(), HTTP_X_FORWARDED_FOR="6.6.6.6, 10.2.2.2")
    assert AuditEvent.objects.first().address == "10.2.2.2"


def test_fifty_wrong_from_anywhere_lock_the_account_and_leave_an_entry(li):
    for number in range(50):
        sign_in(Client(), password="falsch-falsch", REMOTE_ADDR=f"10.0.{number}.1")
    assert sign_in(Client(), REMOTE_ADDR="10.9.9.9").status_code == 429
    locked = AuditEvent.objects.filter(action="account_locked")
    assert [event.object_uid for event in locked] == [li.uid]
    with time_machine.travel(timezone.now() + timedelta(minutes=15, seconds=1)):
        assert sign_in(Client(), REMOTE_ADDR="10.9.9.9").status_code == 302


def test_an_administrator_unlocks(li):
    for _ in range(10):
        sign_in(Client(), password="falsch-falsch")
    signing_in.unlock(li)
    assert sign_in(Client()).status_code == 302


def test_what_people_type_as_a_name_is_kept_nowhere(li):
    from axes.models import AccessAttempt

    sign_in(Client(), "341299201501010018", "falsch-falsch")
    attempts = " ".join(str(attempt.__dict__) for attempt in AccessAttempt.objects.all())
    counts = " ".join(SignInCount.objects.values_list("subject", flat=True))
    assert AccessAttempt.objects.count() == 1
    assert "341299201501010018" not in attempts + counts


def test_a_closed_account_does_not_get_in_and_its_sessions_end(li, client):
    sign_in(client)
    accounts.deactivate(li, by=None, reason="调离")
    assert not signed_in(client)
    assert sign_in(Client()).status_code == 200


def test_signing_in_gives_a_new_session_key(li, client):
    client.get(reverse("trust:sign_in"))
    session = client.session
    session["planted"] = True
    session.save()
    old = session.session_key
    client.cookies[project_settings.SESSION_COOKIE_NAME] = old
    sign_in(client)
    assert client.session.session_key != old


def test_next_goes_only_to_pages_of_ours(li):
    assert sign_in(Client(), next="/me/jobs/").url == "/me/jobs/"
    for foreign in ("https://evil.example/", "//evil.example", "javascript:alert(1)", "/\\evil.example"):
        assert sign_in(Client(), next=foreign).url == "/"


@pytest.mark.parametrize("name", ["a\x00b", "\ud800", "x" * 5000, "' OR 1=1"])
def test_odd_names_are_only_wrong(li, client, name):
    data = {"username": name.encode("utf-8", "surrogatepass").decode("utf-8", "replace"), "password": "p"}
    assert client.post(reverse("trust:sign_in"), data).status_code in (200, 429)


# --- sessions


@pytest.mark.parametrize(
    ("own_phone", "idle", "absolute"),
    [(False, timedelta(minutes=15), timedelta(hours=8)), (True, timedelta(days=7), timedelta(days=30))],
)
def test_idle_and_absolute_limits(li, own_phone, idle, absolute):
    more = {"own_phone": "on"} if own_phone else {}
    with time_machine.travel(NOW, tick=False) as clock:
        client = Client()
        sign_in(client, **more)
        clock.shift(idle)
        assert signed_in(client)
        clock.shift(idle + timedelta(seconds=1))
        assert not signed_in(client)

        client = Client()
        sign_in(client, **more)
        used = timedelta(0)
        while used + idle / 2 < absolute:
            clock.shift(idle / 2)
            used += idle / 2
            assert signed_in(client)
        clock.shift(absolute - used)
        assert signed_in(client)
        clock.shift(timedelta(seconds=1))
        assert not signed_in(client)


def test_polling_does_not_keep_a_session_alive(li):
    with time_machine.travel(NOW, tick=False) as clock:
        client = Client()
        sign_in(client)
        for _ in range(4):
            clock.shift(timedelta(minutes=4))
            client.get(reverse("trust:account"), headers={"X-Background": "1"})
        assert not signed_in(client)


def test_signing_out_kills_the_cookie_and_clears_the_browser(li, client):
    sign_in(client)
    cookie = client.cookies[project_settings.SESSION_COOKIE_NAME].value
    response = client.post(reverse("trust:sign_out"))
    assert response["Clear-Site-Data"] == '"cache", "storage"'
    other = Client()
    other.cookies[project_settings.SESSION_COOKIE_NAME] = cookie
    assert not signed_in(other)
    assert client.get(reverse("trust:sign_out")).status_code in (302, 405)


def test_a_changed_password_ends_every_other_session(li):
    here, there = Client(), Client()
    sign_in(here)
    sign_in(there)
    new = "shan-gu-feng-92"
    data = {"old_password": PASSWORD, "new_password": new, "new_password_again": new}
    assert here.post(reverse("trust:password"), data).status_code == 302
    assert (signed_in(here), signed_in(there)) == (True, False)
    assert Device.objects.filter(ended_at=None).count() == 1
    assert sign_in(Client(), password=PASSWORD).status_code == 200
    assert sign_in(Client(), password=new).status_code == 302


def test_end_all_sessions_keeps_only_this_one(li):
    here, there = Client(), Client()
    sign_in(here)
    sign_in(there)
    here.post(reverse("trust:end_sessions"))
    assert (signed_in(here), signed_in(there)) == (True, False)
    signing_in.end_sessions(li, by=None, reason="岗位结束")
    assert not signed_in(here)


def test_one_device_can_be_ended_and_only_ones_own(li, wang):
    here, there, foreign = Client(), Client(), Client()
    sign_in(here)
    sign_in(there, HTTP_USER_AGENT="Mozilla/5.0 (Linux; Android 10) MicroMessenger/8")
    sign_in(foreign, "wanghai")
    device = Device.objects.get(label="微信 · 安卓手机")
    assert foreign.post(reverse("trust:end_device", args=[device.uid])).status_code == 404
    assert signed_in(there)
    here.post(reverse("trust:end_device", args=[device.uid]))
    assert (signed_in(here), signed_in(there), signed_in(foreign)) == (True, False, True)


def test_the_account_page_needs_few_queries(li, client, django_assert_num_queries):
    sign_in(client)
    with django_assert_num_queries(5):  # session, user, posts (navigation), devices, jobs
        client.get(reverse("trust:account"))


# --- passwords


def test_an_initial_password_opens_only_the_page_to_change_it(li, client):
    given = accounts.create_account(name="赵敏", username="zhaomin", phone=None, by=li)
    assert sign_in(client, "zhaomin", given.password).url == reverse("trust:password")
    assert client.get(reverse("trust:account")).url == reverse("trust:password")
    assert client.get(reverse("trust:draft"), {"key": "k"}).status_code == 401
    new = "he-bian-liu-shu"
    data = {"old_password": given.password, "new_password": new, "new_password_again": new}
    assert client.post(reverse("trust:password"), data).status_code == 302
    assert signed_in(client)


def test_an_initial_password_lives_72_hours(li):
    given = accounts.create_account(name="赵敏", username="zhaomin", by=li)
    with time_machine.travel(timezone.now() + timedelta(hours=72, minutes=1)):
        response = sign_in(Client(), "zhaomin", given.password)
    assert response.status_code == 200
    assert "过期" in response.content.decode()


def test_the_one_time_password_is_kept_nowhere(li):
    given = accounts.create_account(name="赵敏", username="zhaomin", by=li)
    again = accounts.reset_password(given.user, by=li)
    assert again != given.password
    for password in (given.password, again):
        assert password not in str(User.objects.values_list())
        assert password not in str(AuditEvent.objects.values_list())
        assert password not in repr(given)
    assert sign_in(Client(), "zhaomin", given.password).status_code == 200
    assert sign_in(Client(), "zhaomin", again).status_code == 302


@pytest.mark.parametrize(
    "password",
    ["short-9", "1234567890", "password12345", "lijing-de-mima", "李静的密码很长的呀", "13800000001ab", "aaaaaaaaaaaa",
     "lilaoshi2026!", "qingxi-hao-mima"],
)  # fmt: skip
def test_what_a_colleague_would_try_is_refused(li, client, settings, password):
    settings.LOCAL_WORDS = ["青溪"]
    sign_in(client)
    data = {"old_password": PASSWORD, "new_password": password, "new_password_again": password}
    assert client.post(reverse("trust:password"), data).status_code == 200
    li.refresh_from_db()
    assert li.check_password(PASSWORD)


@pytest.mark.parametrize("password", ["ma-che-shi-tou-90", "窗外的石榴树开花了呢", "correct horse battery"])
def test_no_composition_rule(li, client, password):
    sign_in(client)
    data = {"old_password": PASSWORD, "new_password": password, "new_password_again": password}
    assert client.post(reverse("trust:password"), data).status_code == 302


def test_guessing_at_the_confirm_page_counts_too(li, client):
    sign_in(client)
    for _ in range(signing_in.ACCOUNT_LIMIT):
        client.post(reverse("trust:confirm"), {"password": "falsch-falsch"})
    assert client.post(reverse("trust:confirm"), {"password": PASSWORD}).status_code == 200
    assert AuditEvent.objects.filter(action="account_locked").count() == 1


def test_the_real_hasher_is_the_small_argon2_profile():
    hasher = signing_in.Argon2Hasher()
    encoded = hasher.encode("x" * 12, hasher.salt())
    assert encoded.startswith("argon2$argon2id$v=19$m=19456,t=2,p=1$")


@pytest.mark.parametrize("username", ["Li", "李静", "a", "a b", "-x"])
def test_user_names_are_plain(db, username):
    from django.core.exceptions import ValidationError

    if username == "Li":
        assert accounts.create_account(name="甲", username=username, by=None).user.username == "li"
    else:
        with pytest.raises(ValidationError):
            accounts.create_account(name="甲", username=username, by=None)


@pytest.mark.db
def test_two_accounts_never_share_a_phone_or_name(li):
    from django.core.exceptions import ValidationError

    for fields in ({"username": "other", "phone": li.phone}, {"username": "LILAOSHI", "phone": None}):
        with pytest.raises(ValidationError):
            accounts.create_account(name="乙", by=None, **fields)
    accounts.create_account(name="乙", username="b1", phone=None, by=None)
    accounts.create_account(name="丙", username="b2", phone="", by=None)
