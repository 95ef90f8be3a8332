"""The form that changes a duty rule from a day on."""

from django import forms

from trust.widgets import ChipRadioSelect, DayInput


class RuleForm(forms.Form):
    """On or off, how many days, from when; ``version`` is the one the reader saw."""

    active = forms.TypedChoiceField(
        label="用不用",
        choices=[("1", "启用"), ("0", "停用")],
        coerce=lambda value: value == "1",
        widget=ChipRadioSelect(),
    )
    minimum = forms.IntegerField(
        label="至少几次（天）",
        min_value=1,
        max_value=31,
        error_messages={
            "required": "请填要做几次",
            "invalid": "请填数字，如 1",
            "min_value": "最少填 1；不要求做，就选“停用”",
            "max_value": "最多填 31，请核对",
        },
    )
    valid_from = forms.DateField(
        label="从哪一天起", widget=DayInput(), help_text="一般从下个月 1 日起；以前的月份仍按原来的核对"
    )
    version = forms.IntegerField(widget=forms.HiddenInput())
