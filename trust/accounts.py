"""Accounts (账号) are given from above: opened, reset, closed. A one-time password is returned once and never stored."""

import secrets
from dataclasses import dataclass, field

from django.conf import settings
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.password_validation import validate_password
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from trust import audit, signing_in
from trust.models import Device, User

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # nothing that looks like something else on paper

audit.name_actions(
    create_account="开通账号",
    reset_password="重置密码",  # noqa: S106
    deactivate_account="停用账号",
    reactivate_account="恢复账号",
    change_account="修改账号",
)


@dataclass(frozen=True)
class NewAccount:
    """A fresh account and its one-time password, to be printed on a slip and forgotten."""

    user: User
    password: str = field(repr=False)


def one_time_password():
    """Twelve characters in groups of four, about 59 bits."""
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(3))


@transaction.atomic
def create_account(*, name, username, phone=None, by):
    """Open an account with a one-time password that must be changed within 72 hours. Returns a NewAccount."""
    user = User(name=name, username=User.normalize_username(username), phone=phone or None)
    password = _give_initial_password(user)
    user.full_clean()
    user.save()
    audit.record("create_account", by=by, kind="user", uid=user)
    return NewAccount(user, password)


@transaction.atomic
def reset_password(user, *, by, reason=""):
    """Give a new one-time password and end every session; returns the password, once."""
    password = _give_initial_password(user)
    user.save(
        update_fields=[
            "password",
            "must_change_password",
            "initial_password_expires_at",
            "password_changed_at",
        ]
    )
    signing_in.unlock(user)
    audit.record("reset_password", by=by, kind="user", uid=user, reason=reason)
    signing_in.end_sessions(user, by=by, reason="重置密码")
    return password


def _give_initial_password(user):
    password = one_time_password()
    user.set_password(password)
    user.must_change_password = True
    user.initial_password_expires_at = timezone.now() + settings.INITIAL_PASSWORD_LIFETIME
    user.password_changed_at = None
    return password


@transaction.atomic
def change_own_password(user, new_password, *, request=None):
    """The owner sets a password; every other session ends, the one of ``request`` goes on."""
    validate_password(new_password, user)
    user.set_password(new_password)
    user.must_change_password = False
    user.initial_password_expires_at = None
    user.password_changed_at = timezone.now()
    user.save(
        update_fields=[
            "password",
            "must_change_password",
            "initial_password_expires_at",
            "password_changed_at",
        ]
    )
    audit.record("change_password", by=user, kind="user", uid=user)
    kept = request.session.session_key if request is not None else None
    Device.objects.filter(user=user, ended_at=None).exclude(session_key=kept or "").update(
        ended_at=timezone.now()
    )
    if request is not None:
        update_session_auth_hash(request, user)  # gives the kept session a new key
        request.session["confirmed"] = int(timezone.now().timestamp())
        request.session.save()
        Device.objects.filter(session_key=kept).update(session_key=request.session.session_key)


@transaction.atomic
def change_account(user, *, name, username, phone, by):
    """Correct name, user name or work phone."""
    before = (user.name, user.username, user.phone)
    user.name, user.username, user.phone = name, User.normalize_username(username), phone or None
    user.full_clean(exclude=["password"])
    user.save(update_fields=["name", "username", "phone"])
    changed = [
        field
        for field, old, new in zip(
            ("name", "username", "phone"), before, (user.name, user.username, user.phone), strict=True
        )
        if old != new
    ]
    audit.record("change_account", by=by, kind="user", uid=user, fields=changed)
    return user


@transaction.atomic
def deactivate(user, *, by, reason):
    """Close the account: its sessions end at once, its records stay."""
    User.objects.filter(pk=user.pk).update(is_active=False)
    user.is_active = False
    audit.record("deactivate_account", by=by, kind="user", uid=user, reason=reason)
    signing_in.end_sessions(user, by=by, reason="停用账号")


@transaction.atomic
def reactivate(user, *, by, reason=""):
    """Open a closed account again, with a new one-time password; returns the password, once."""
    User.objects.filter(pk=user.pk).update(is_active=True, session_generation=F("session_generation") + 1)
    user.refresh_from_db(fields=["is_active", "session_generation"])
    audit.record("reactivate_account", by=by, kind="user", uid=user, reason=reason)
    return reset_password(user, by=by, reason=reason)
