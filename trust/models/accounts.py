"""Accounts (账号), the devices they are signed in on, and the count of wrong passwords."""

import re

from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.crypto import salted_hmac

from .base import Identified


class UserManager(BaseUserManager):
    """Finds accounts by user name; new ones are made by ``trust.accounts``."""

    def create_user(self, username, password=None, **fields):
        """A plain account for tests and tools; no audit entry."""
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def get_by_natural_key(self, username):
        return self.get(username=self.model.normalize_username(username))

    def for_sign_in(self, typed):
        """The account with this user name or work phone, or None."""
        typed = self.model.normalize_username(typed)
        digits = re.sub(r"[\s-]", "", typed)
        return self.filter(Q(username=typed) | Q(phone=digits)).order_by("pk").first() if typed else None


class User(Identified, AbstractBaseUser):
    """A person who may sign in. What the person may see is a matter of posts, on the floor above."""

    username = models.CharField(
        "用户名", max_length=40, unique=True,
        validators=[RegexValidator(r"\A[a-z0-9][a-z0-9._-]{1,39}\Z", "用户名用小写字母、数字，也可以有 . _ -，至少 2 位")],
        error_messages={"unique": "这个用户名已经有人用了"},
    )  # fmt: skip
    phone = models.CharField(
        "工作手机号", max_length=20, null=True, blank=True, unique=True,
        validators=[RegexValidator(r"\A1\d{10}\Z", "手机号是 11 位数字，以 1 开头")],
        error_messages={"unique": "这个手机号已经登记在别的账号上"},
    )  # fmt: skip
    name = models.CharField("姓名", max_length=40)
    is_active = models.BooleanField("启用", default=True)
    must_change_password = models.BooleanField("须改密码", default=False)
    initial_password_expires_at = models.DateTimeField("初始密码有效至", null=True, blank=True)
    password_changed_at = models.DateTimeField("密码更改时间", null=True, blank=True)
    session_generation = models.PositiveIntegerField("会话代次", default=1, editable=False)
    created_at = models.DateTimeField("开通时间", default=timezone.now, editable=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS = ["name"]
    objects = UserManager()

    class Meta:
        verbose_name = verbose_name_plural = "账号"
        ordering = ["username"]
        constraints = [
            models.CheckConstraint(
                condition=Q(username=Lower("username")), name="user_name_is_lower_case",
                violation_error_message="用户名只用小写字母",
            ),
            models.CheckConstraint(
                condition=~Q(phone=""), name="user_phone_is_null_when_missing",
                violation_error_message="没有手机号请留空",
            ),
        ]  # fmt: skip

    def __str__(self):
        return self.name or self.username

    @classmethod
    def normalize_username(cls, username):
        return super().normalize_username(username or "").strip().lower()

    def clean(self):
        super().clean()
        self.phone = self.phone or None

    def get_full_name(self):
        return self.name

    def get_short_name(self):
        return self.name

    def _get_session_auth_hash(self, secret=None):
        # The generation is part of what every session carries: raising it ends them all at once, in every process.
        return salted_hmac(
            "trust.User.session",
            f"{self.password}:{self.session_generation}",
            secret=secret,
            algorithm="sha256",
        ).hexdigest()


class Device(Identified):
    """A signed-in browser (登录的设备), shown to its owner, who can end it."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="devices")
    session_key = models.CharField(max_length=40, unique=True)
    label = models.CharField("设备", max_length=60)
    own_phone = models.BooleanField("自己的手机", default=False)
    address = models.CharField("地址", max_length=45, blank=True)
    signed_in_at = models.DateTimeField("登录时间", default=timezone.now)
    seen_at = models.DateTimeField("最近使用", default=timezone.now)
    ended_at = models.DateTimeField("结束时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "登录的设备"
        ordering = ["-seen_at"]

    def __str__(self):
        return self.label


class SignInCount(models.Model):
    """Wrong passwords for one account from anywhere, or from one address for any account, within a window."""

    subject = models.CharField(max_length=64, unique=True)
    wrong = models.PositiveIntegerField(default=0)
    since = models.DateTimeField(default=timezone.now)
    locked_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "登录失败计数"

    def __str__(self):
        return self.subject
