"""Forms of 控辍保学."""

from django import forms
from django.utils import timezone

from registry.forms.fields import DayField, SubmissionField
from trust.widgets import ChipRadioSelect

from ..models import DropoutOutcome, StepKind


class CaseForm(forms.Form):
    """Since when the child is absent, and why as far as is known."""

    submission = SubmissionField()
    absent_since = DayField(label="从哪天起没到校", initial=timezone.localdate)
    reason = forms.CharField(
        label="知道的原因", max_length=500, required=False, help_text="还不清楚就空着；加密保存",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 40}),
    )  # fmt: skip


class StepForm(forms.Form):
    """A step beyond calls and visits."""

    submission = SubmissionField()
    kind = forms.ChoiceField(label="做了什么", choices=StepKind.choices, widget=ChipRadioSelect)
    day = DayField(label="哪天", initial=timezone.localdate)
    note = forms.CharField(
        label="经过", max_length=500, required=False, help_text="谁去的、结果怎样；加密保存",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 40}),
    )  # fmt: skip


class CloseForm(forms.Form):
    """How it ended."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    outcome = forms.ChoiceField(label="结果", choices=DropoutOutcome.choices, widget=ChipRadioSelect)
    closed_on = DayField(label="哪天", initial=timezone.localdate)
