"""Forms of the leading group's meetings: minutes, decisions, what came of them."""

import uuid

from django import forms
from django.utils import timezone

from registry.forms.fields import DayField
from trust.widgets import ChipCheckboxSelectMultiple

DECISIONS = 4
TOO_LONG = {"max_length": "最多写 %(limit_value)d 个字，这里有 %(show_value)d 个"}


class WordsForm(forms.Form):
    """The words of the minutes."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    title = forms.CharField(
        label="议题", max_length=80, help_text="如：部署秋季摸底",
        error_messages={"required": "请写议题，如：部署秋季摸底", **TOO_LONG},
    )  # fmt: skip
    place = forms.CharField(label="地点", max_length=60, required=False, error_messages=TOO_LONG)
    minutes = forms.CharField(
        label="议了什么", max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 4}),
        error_messages=TOO_LONG,
    )  # fmt: skip


class MeetingForm(WordsForm):
    """A new meeting."""

    version = None
    submission = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    day = DayField(label="哪一天", initial=timezone.localdate, error_messages={"required": "请填日期"})
    present = forms.ModelMultipleChoiceField(
        label="谁到会了", queryset=None, to_field_name="uid", widget=ChipCheckboxSelectMultiple,
        help_text="没勾的小组成员记为缺席",
        error_messages={"required": "请选谁到会了", "invalid_choice": "请从给出的人里选", "invalid_pk_value": "请重新选"},
    )  # fmt: skip

    field_order = ("submission", "day", "title", "place", "present", "minutes")

    def __init__(self, *args, people, members, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["present"].queryset = people
        self.initial.setdefault("present", [one.uid for one in members])


class FollowUpForm(forms.Form):
    """One decision: what, who, until when."""

    submission = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    text = forms.CharField(
        label="定下的事", max_length=200, help_text="如：全部家访一遍",
        error_messages={"required": "请写定下了什么事", **TOO_LONG},
    )  # fmt: skip
    staff = forms.ModelChoiceField(
        label="谁来做", queryset=None, to_field_name="uid", required=False, empty_label="没有专人",
        error_messages={"invalid_choice": "请从给出的人里选"},
    )  # fmt: skip
    due_on = DayField(label="期限", required=False)

    def __init__(self, *args, owners, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["staff"].queryset = owners


class DecisionsFormSet(forms.BaseFormSet):
    """The decisions on the form of a meeting; blank lines are left out."""

    def rows(self):
        """(text, staff, due day) of the lines filled in."""
        filled = [form.cleaned_data for form in self.forms if form.has_changed() and form.cleaned_data]
        return [(data["text"], data["staff"], data["due_on"]) for data in filled]


class DecisionForm(FollowUpForm):
    """A line of the meeting's form."""

    submission = None


Decisions = forms.formset_factory(DecisionForm, formset=DecisionsFormSet, extra=DECISIONS, max_num=20)


class FinishForm(forms.Form):
    """What came of a decision."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    done_on = DayField(label="哪天办完", initial=timezone.localdate, error_messages={"required": "请填日期"})
    note = forms.CharField(
        label="办得怎么样", max_length=200, help_text="如：走访了 26 户，3 户没人",
        error_messages={"required": "请写办得怎么样", **TOO_LONG},
    )  # fmt: skip


class CancelForm(forms.Form):
    """Why a meeting is cancelled."""

    reason = forms.CharField(
        label="原因", max_length=200, error_messages={"required": "作废要写原因", **TOO_LONG}
    )
