"""Forms of the leading group: the day asked about, the duties of a post."""

from django import forms

from .. import duty_texts
from .fields import DayField


class DayForm(forms.Form):
    """As of which day."""

    day = DayField(label="哪一天的", required=False)


class DutyTextsForm(forms.Form):
    """职责 of one post; blank = the wider place's words hold."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=0)  # 0 = nothing of its own yet
    text = forms.CharField(
        label="职责", required=False, max_length=duty_texts.LONGEST, widget=forms.Textarea(attrs={"rows": 8}),
        help_text="清空保存，就用回范本",
        error_messages={"max_length": "最多写 %(limit_value)d 个字，这里有 %(show_value)d 个"},
    )  # fmt: skip
