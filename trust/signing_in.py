"""Signing in (登录): by user name or work phone, throttled before any hashing, with the same work for unknown names."""

import re
from datetime import timedelta
from functools import wraps
from urllib.parse import urlencode

from axes.utils import reset
from django.conf import settings
from django.contrib.auth import login, logout, update_session_auth_hash
from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.signals import user_logged_in, user_login_failed
from django.contrib.sessions.backends.db import SessionStore
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.dispatch import receiver
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from pypinyin import lazy_pinyin

from trust import audit, crypto, drafts, request_context
from trust.models import Device, SignInCount, User

ACCOUNT_LIMIT = 50  # wrong passwords for one account from anywhere
ADDRESS_LIMIT = 300  # from one address for any accounts: a whole school shares one
WINDOW = timedelta(minutes=15)
SEEN_EVERY = 15  # seconds: how exactly the last use of a session is kept
DEVICE_SEEN_EVERY = 300

audit.name_actions(
    sign_in="登录",
    sign_out="退出",
    sign_in_failed="登录失败",
    account_locked="账号暂停登录",
    end_sessions="结束登录",
    end_device="结束一台设备的登录",
    change_password="更改密码",  # noqa: S106
    confirm_password="再次输入密码",  # noqa: S106
)


class Argon2Hasher(Argon2PasswordHasher):
    """OWASP's small profile: 19 MiB, about 26 ms. Django's default takes 100 MiB and 8 lanes a sign-in."""

    memory_cost, time_cost, parallelism = 19456, 2, 1


def account_key(request, credentials):
    """What wrong passwords are counted under: the account, whether typed as user name or phone.

    An unknown name is kept only as a fingerprint: people type identity numbers into this field.
    """
    typed = (credentials or {}).get("username")
    if typed is None and request is not None:
        typed = request.POST.get("username", "")
    typed = str(typed or "").replace("\x00", "")[:150]
    user = User.objects.for_sign_in(typed)
    if user is not None:
        return user.username
    return "?" + crypto.blind_index(User.normalize_username(typed) or "-", "sign-in")[:32]


class NameOrPhoneBackend:
    """Password sign-in. A locked account or address is refused before any hashing."""

    def authenticate(self, request, username=None, password=None):
        if username is None or password is None:
            return None
        if request is not None and is_locked(account_key(request, {"username": username}), _address(request)):
            request.axes_locked_out = True
            request.axes_credentials = {"username": username}
            raise PermissionDenied
        user = User.objects.for_sign_in(str(username).replace("\x00", ""))
        if user is None:
            User().set_password(password)  # the same hasher works for unknown names
            return None
        if user.check_password(password) and user.is_active:
            return user
        return None

    def get_user(self, user_id):
        return User.objects.filter(pk=user_id, is_active=True).first()


def _address(request):
    return request_context.current().address


def _subjects(account, address):
    subjects = [f"account:{account}"]
    return [*subjects, f"address:{address}"] if address else subjects


def is_locked(account, address):
    """Whether this account, or everything from this address, is locked right now."""
    return SignInCount.objects.filter(
        subject__in=_subjects(account, address), locked_until__gt=timezone.now()
    ).exists()


def count_wrong(account, address):
    """Count one wrong password; returns the subjects this one locked."""
    now, locked = timezone.now(), []
    for subject in _subjects(account, address):
        limit = ACCOUNT_LIMIT if subject.startswith("account:") else ADDRESS_LIMIT
        with transaction.atomic():
            row, _ = SignInCount.objects.get_or_create(subject=subject, defaults={"since": now})
            same = SignInCount.objects.filter(pk=row.pk)
            same.filter(since__lt=now - WINDOW).update(wrong=0, since=now, locked_until=None)
            same.update(wrong=F("wrong") + 1)
            if same.filter(wrong__gte=limit, locked_until=None).update(locked_until=now + WINDOW):
                locked.append(subject)
    return locked


def unlock(user):
    """An administrator lets a locked account try again."""
    SignInCount.objects.filter(subject=f"account:{user.username}").delete()
    reset(username=user.username)


def own_password_is(request, password):
    """Whether this is the signed-in person's password; wrong ones count like those at the sign-in page."""
    user = request.user
    if is_locked(user.username, ""):
        return False
    if user.check_password(password):
        request.session["confirmed"] = int(timezone.now().timestamp())
        audit.record("confirm_password", by=user)
        return True
    audit.record("sign_in_failed", by=user, kind="user", uid=user, detail="再次输入密码")
    _count_and_tell(user.username, "", user.uid)
    return False


def _count_and_tell(account, address, uid):
    for subject in count_wrong(account, address):
        audit.record(
            "account_locked", by=None, kind="user", uid=uid,
            detail="15 分钟内密码输错次数过多" + ("（整个地址）" if subject.startswith("address:") else ""),
        )  # fmt: skip


@receiver(user_login_failed, dispatch_uid="trust.count_wrong_password")
def _sign_in_failed(sender, credentials, request=None, **kwargs):
    if request is None:
        return
    account = account_key(request, credentials)
    user = User.objects.filter(username=account).first()
    uid = user.uid if user else None
    if getattr(request, "axes_locked_out", False):
        audit.record("sign_in_failed", by=None, kind="user", uid=uid, detail="已暂停登录")
        return
    audit.record("sign_in_failed", by=None, kind="user", uid=uid)
    _count_and_tell(account, _address(request), uid)


@receiver(user_logged_in, dispatch_uid="trust.start_session_clock")
def _start_clock(sender, request, user, **kwargs):
    now = int(timezone.now().timestamp())
    for mark in ("started", "seen", "device_seen", "confirmed"):
        request.session[mark] = now


def locked_out(request, original_response=None, credentials=None):
    """The page for too many wrong passwords; the same whether the account exists or not."""
    return render(request, "trust/locked.html", status=429)


def begin_session(request, user, *, own_phone=False):
    """Sign ``user`` in on this browser and keep the device in the account's list."""
    with transaction.atomic():
        login(request, user)
        request.session["own_phone"] = bool(own_phone)
        # On a shared computer the cookie dies with the browser; the limits themselves are the middleware's.
        request.session.set_expiry(int(settings.OWN_PHONE_ABSOLUTE.total_seconds()) if own_phone else 0)
        request.session.save()
        device = Device.objects.create(
            user=user,
            session_key=request.session.session_key,
            label=device_label(request.headers.get("User-Agent", "")),
            own_phone=bool(own_phone),
            address=_address(request),
        )
        audit.record(
            "sign_in", by=user, kind="device", uid=device, detail="自己的手机" if own_phone else "",
        )  # fmt: skip
        SignInCount.objects.filter(subject=f"account:{user.username}").delete()
    return device


def finish_session(request):
    """Sign out on this browser."""
    user, key = request.user, request.session.session_key
    if user.is_authenticated:
        with transaction.atomic():
            Device.objects.filter(session_key=key, ended_at=None).update(ended_at=timezone.now())
            audit.record("sign_out", by=user)
    logout(request)


def end_sessions(user, *, by, reason="", keep=None):
    """End every session of ``user`` at once, in every process; ``keep`` = the request whose session goes on."""
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(session_generation=F("session_generation") + 1)
        user.refresh_from_db(fields=["session_generation"])
        devices = Device.objects.filter(user=user, ended_at=None)
        if keep is not None:
            devices = devices.exclude(session_key=keep.session.session_key)
        ended = devices.update(ended_at=timezone.now())
        audit.record("end_sessions", by=by, kind="user", uid=user, count=ended, reason=reason)
        if keep is not None:
            kept = keep.session.session_key
            update_session_auth_hash(keep, user)  # gives the kept session a new key
            keep.session.save()
            Device.objects.filter(session_key=kept).update(session_key=keep.session.session_key)


def end_device(device, *, by):
    """End one session from the account's list."""
    with transaction.atomic():
        SessionStore(device.session_key).delete()
        Device.objects.filter(pk=device.pk).update(ended_at=timezone.now())
        audit.record("end_device", by=by, kind="device", uid=device)


def device_label(agent):
    """Plain words for a browser: 微信 · 安卓手机."""
    systems = [("iPhone", "苹果手机"), ("iPad", "苹果平板"), ("Harmony", "鸿蒙手机"), ("Android", "安卓手机")]
    systems += [("Windows", "Windows 电脑"), ("Macintosh", "苹果电脑"), ("Linux", "Linux 电脑")]
    browsers = [
        ("MicroMessenger", "微信"),
        ("QQBrowser", "QQ 浏览器"),
        ("MetaSr", "搜狗浏览器"),
        ("Edg/", "Edge"),
    ]
    browsers += [("Firefox", "火狐"), ("Chrome", "谷歌内核浏览器"), ("Safari", "Safari")]
    system = next((words for mark, words in systems if mark in agent), "未知设备")
    browser = next((words for mark, words in browsers if mark in agent), "浏览器")
    return f"{browser} · {system}"


# --- limits of a session ----------------------------------------------------------------------------------------------


def background(view):
    """Mark a view that a page calls by itself (progress, polling): it does not keep a session alive."""
    view.keeps_session_alive = False
    return view


def is_expired(session, now):
    """Whether a session has been idle too long or open too long; ``now`` in seconds."""
    own = session.get("own_phone")
    idle = settings.OWN_PHONE_IDLE if own else settings.SESSION_IDLE
    absolute = settings.OWN_PHONE_ABSOLUTE if own else settings.SESSION_ABSOLUTE
    started, seen = session.get("started", 0), session.get("seen", 0)
    return now - seen > idle.total_seconds() or now - started > absolute.total_seconds()


def confirmed_recently(request):
    """Whether the password was typed in this session within the last 15 minutes."""
    since = timezone.now().timestamp() - request.session.get("confirmed", 0)
    return since <= settings.REAUTHENTICATE_AFTER.total_seconds()


def recent_password_required(view):
    """Ask for the password again before full numbers, exports and compartments. What was posted is kept meanwhile."""

    @wraps(view)
    def guarded(request, *args, **kwargs):
        if confirmed_recently(request):
            return view(request, *args, **kwargs)
        going_on = request.get_full_path()
        if request.method == "POST":
            draft = drafts.keep_unsent(request, request.user)
            going_on = reverse("trust:restore") if draft else "/"
        return redirect(f"{reverse('trust:confirm')}?{_query(going_on)}")

    return guarded


def _query(path):
    return urlencode({"next": path})


# --- passwords --------------------------------------------------------------------------------------------------------

_LOCAL_WORDS = (
    "123456 654321 111111 888888 abcdef qwerty asdfgh password passwd admin woaini iloveyou 1qaz2wsx "
    "xuexiao xiaoxue zhongxue jiaoshi laoshi banzhuren xiaozhang liushou ertong guanai dangan jiaoyu"
)
_word_sources = []


def local_words(function):
    """Upper floors add words no password may hold: ``f(user) -> iterable`` (names of school, town, county)."""
    _word_sources.append(function)
    return function


def _syllables(text):
    return "".join(lazy_pinyin(text)).lower()


class LocalWordsValidator:
    """Refuses what a colleague would try first: local words, the own name in pinyin, user name, phone."""

    def validate(self, password, user=None):
        plain = re.sub(r"[\s._@-]", "", password.lower())
        if len(set(plain)) < 4:
            raise ValidationError("密码里不同的字符太少，容易被猜到", code="password_too_plain")
        words = set(_LOCAL_WORDS.split()) | {
            _syllables(word) for word in getattr(settings, "LOCAL_WORDS", [])
        }
        if user is not None:
            words |= {user.username or "", user.phone or "", _syllables(user.name or ""), user.name or ""}
            for source in _word_sources:
                words |= {form for word in source(user) for form in (word.lower(), _syllables(word))}
        for word in words:
            if len(word) >= (2 if not word.isascii() else 4) and word in plain:
                raise ValidationError(
                    "密码里不要有自己的姓名、用户名、手机号、学校或县乡名称，也不要有 123456 这类常用串",
                    code="password_local_word",
                )

    def get_help_text(self):
        return "不要用姓名、手机号、学校名或 123456 这类常用串"
