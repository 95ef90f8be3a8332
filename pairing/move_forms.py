"""Forms of transfers (转学)."""

from django import forms
from django.utils import timezone

from registry.forms.fields import DayField, LineField, SubmissionField
from trust.widgets import ChipRadioSelect

from .moves import REASONS


class ByUidField(forms.ChoiceField):
    """One row of those offered, by uid; gives the row, or None for the empty choice."""

    def offer(self, rows, empty):
        """``rows``: [(row, words)]; ``empty``: the words of the empty choice."""
        self.known = {str(row.uid): row for row, _ in rows}
        self.choices = [("", empty), *((str(row.uid), words) for row, words in rows)]

    def clean(self, value):
        value = super().clean(value)
        return self.known[value] if value else None


class SendForm(forms.Form):
    """Where to, the last day here, why."""

    submission = SubmissionField()
    to_school = ByUidField(label="转到哪所学校", error_messages={"required": "请选学校"})
    last_day = DayField(label="在本校的最后一天", help_text="这一天还算", initial=timezone.localdate)
    reason = forms.ChoiceField(
        label="为什么转学", choices=[(word, word) for word in REASONS], widget=ChipRadioSelect(columns=True)
    )

    def __init__(self, *args, schools, gone, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["to_school"].offer([(one, one.name) for one in schools], "请选择")
        if gone:  # has left or graduated: the last day is known
            del self.fields["last_day"]


class AcceptForm(forms.Form):
    """The class and the first day here."""

    school_class = ByUidField(label="分到哪个班", required=False)
    starts_on = DayField(label="从哪天起", help_text="到本校的第一天")

    def __init__(self, *args, classes, first_day, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["school_class"].offer([(one, one.name_on(first_day)) for one in classes], "还没分班")
        self.fields["starts_on"].initial = first_day


class RefuseForm(forms.Form):
    """Why it goes back."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    note = LineField(
        label="为什么退回", max_length=200, help_text="原来的学校会看到",
        error_messages={"required": "请写明为什么退回，原来的学校才知道怎么办"},
    )  # fmt: skip


class GraduatesForm(forms.Form):
    """Where graduates go: a school of the county, or somewhere else in words."""

    submission = SubmissionField()
    to_school = ByUidField(label="升入本县哪所学校", required=False)
    destination = LineField(
        label="不在本县的，写去向", max_length=40, required=False, help_text="如：县外读初中、回父母身边"
    )

    def __init__(self, *args, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["to_school"].offer([(one, one.name) for one in schools], "不转到本县的学校")

    def clean(self):
        cleaned = super().clean()
        if bool(cleaned.get("to_school")) == bool(cleaned.get("destination")):
            raise forms.ValidationError("请选一所学校，或者写去向，填一样")
        return cleaned
