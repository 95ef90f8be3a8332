"""Forms of the own account."""

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from trust import audit

_PASSWORD = {"max_length": 128, "strip": False}


class SignInForm(forms.Form):
    """User name or work phone, password, and whether this is the person's own phone."""

    username = forms.CharField(
        label="用户名或工作手机号", max_length=60,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "autofocus": True}),
        error_messages={"required": "请填用户名或工作手机号"},
    )  # fmt: skip
    password = forms.CharField(
        label="密码", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "请填密码"}, **_PASSWORD,
    )  # fmt: skip
    own_phone = forms.BooleanField(label="这是我自己的手机", required=False)
    next = forms.CharField(required=False, widget=forms.HiddenInput, max_length=500)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        minutes = int(settings.SESSION_IDLE.total_seconds() // 60)
        self.fields["own_phone"].help_text = f"公用电脑请不要勾选：{minutes} 分钟不用会自动退出"


class ConfirmForm(forms.Form):
    """The password again."""

    password = forms.CharField(
        label="密码", widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "autofocus": True}),
        error_messages={"required": "请填密码"}, **_PASSWORD,
    )  # fmt: skip
    next = forms.CharField(required=False, widget=forms.HiddenInput, max_length=500)


class PasswordForm(forms.Form):
    """Old password once, new one twice."""

    old_password = forms.CharField(
        label="现在的密码", widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
        error_messages={"required": "请填现在的密码"}, **_PASSWORD,
    )  # fmt: skip
    new_password = forms.CharField(
        label="新密码", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        help_text="至少 10 位，不必有大小写和符号。不要用姓名、手机号、学校名",
        error_messages={"required": "请填新密码"}, **_PASSWORD,
    )  # fmt: skip
    new_password_again = forms.CharField(
        label="再写一遍新密码", widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        error_messages={"required": "请再写一遍新密码"}, **_PASSWORD,
    )  # fmt: skip

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.user = user

    def clean(self):
        cleaned = super().clean()
        new, again = cleaned.get("new_password"), cleaned.get("new_password_again")
        if new and again and new != again:
            self.add_error("new_password_again", "两遍写的不一样，请再写一遍")
        if new and new == cleaned.get("old_password"):
            self.add_error("new_password", "新密码要和现在的不一样")
        elif new:
            try:
                validate_password(new, self.user)
            except ValidationError as error:
                self.add_error("new_password", error)
        return cleaned


class AuditFilterForm(forms.Form):
    """查询条件 of the audit page."""

    since = forms.DateField(label="从", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    until = forms.DateField(label="到", required=False, widget=forms.DateInput(attrs={"type": "date"}))
    person = forms.CharField(label="姓名", required=False, max_length=40)
    action = forms.ChoiceField(label="操作", required=False)
    child = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        named = sorted(audit.LABELS.items(), key=lambda item: item[1])
        self.fields["action"].choices = [("", "全部"), *named]
