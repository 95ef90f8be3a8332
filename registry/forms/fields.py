"""Form fields that read what people type the same way as the roster import does (``registry.values``)."""

import datetime
import uuid

from django import forms
from django.core.exceptions import ValidationError

from trust.widgets import DayInput

from .. import values

EARLIEST, LATEST = datetime.date(1900, 1, 1), datetime.date(2100, 12, 31)


class DayField(forms.DateField):
    """A day in any common spelling; 2014-05-03 from the phone's calendar."""

    widget = DayInput

    def to_python(self, value):
        reading = values.read_date(value)
        if reading.flaw:
            raise ValidationError(reading.flaw.message)
        if reading.value and not EARLIEST <= reading.value <= LATEST:
            raise ValidationError(f"年份 {reading.value.year} 不对，请核对")
        return reading.value


class NameField(forms.CharField):
    """A person's name, without spaces, the dot of minority names as ·."""

    def __init__(self, **kwargs):
        super().__init__(max_length=80, **kwargs)
        self.widget.attrs.setdefault("autocomplete", "off")

    def clean(self, value):
        text = super().clean(value)
        reading = values.read_name(text)
        if reading.flaw:
            raise ValidationError(reading.flaw.message)
        if self.required and not reading.value:
            raise ValidationError("请填写姓名")
        return reading.value or ""


class IdNumberField(forms.CharField):
    """An 18-character ID number; "" for blank."""

    def __init__(self, **kwargs):
        super().__init__(max_length=40, **kwargs)
        self.widget.attrs.update(autocomplete="off", inputmode="text")

    def clean(self, value):
        text = super().clean(value)
        if values.is_masked(text):
            raise ValidationError("带星号的号码存不了，请填写完整的 18 位")
        reading = values.read_id_number(text)
        if reading.value is None and reading.flaw:
            raise ValidationError(reading.flaw.message)
        if reading.value is None and text.strip() and values.read_text(text):
            raise ValidationError("身份证号是 18 位，请对照户口簿核对")
        return reading.value or ""


class PhoneField(forms.CharField):
    """The number to call, as plain digits; "" for blank."""

    def __init__(self, **kwargs):
        super().__init__(max_length=60, **kwargs)
        self.widget = forms.TextInput(attrs={"type": "tel", "autocomplete": "off", "maxlength": 60})

    def clean(self, value):
        text = super().clean(value)
        if values.is_masked(text):
            raise ValidationError("带星号的号码存不了，请填写完整的号码")
        reading = values.read_phone(text)
        if reading.value is None and reading.flaw:
            raise ValidationError(reading.flaw.message)
        if self.required and not reading.value:
            raise ValidationError("请填写电话")
        return reading.value or ""


class LineField(forms.CharField):
    """A line of text; "" for —, 无 and /."""

    def clean(self, value):
        return values.read_text(super().clean(value))


class SubmissionField(forms.UUIDField):
    """Made with the form: the same form sent twice is one record."""

    widget = forms.HiddenInput

    def __init__(self, **kwargs):
        super().__init__(
            initial=uuid.uuid4,
            error_messages={"required": "请重新打开这一页", "invalid": "请重新打开这一页"},
            **kwargs,
        )
