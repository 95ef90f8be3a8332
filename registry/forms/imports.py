"""The form that takes a roster file."""

import uuid

from django import forms
from django.utils import timezone

from trust.widgets import DayInput

from ..access import Act, posts_of, schools_for


class RosterForm(forms.Form):
    """A file, the school it speaks of, the day it speaks of."""

    submission = forms.UUIDField(widget=forms.HiddenInput)
    school = forms.ModelChoiceField(None, label="学校", empty_label=None)
    file = forms.FileField(label="名册文件", help_text=".xlsx、.xls 或 .csv，不超过 10 MB、50,000 行")
    as_of = forms.DateField(label="名册日期", widget=DayInput, help_text="有变化的，从这一天算起")

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["school"].queryset = schools_for(user, Act.IMPORT_ROSTER).order_by("name_key")
        self.fields["file"].widget.attrs["accept"] = ".xlsx,.xls,.csv"
        if not self.is_bound:
            self.initial |= {"as_of": timezone.localdate(), "submission": uuid.uuid4()}
            own = next((post.school_id for post in posts_of(user) if post.school_id), None)
            self.initial.setdefault("school", own)

    def clean_as_of(self):
        """A roster speaks of a day that has been."""
        day = self.cleaned_data["as_of"]
        if day > timezone.localdate():
            raise forms.ValidationError("名册日期不能在今天之后")
        return day

    def clean_file(self):
        """Only what can be a roster; what it really is, the reading finds out."""
        file = self.cleaned_data["file"]
        if not file.name.lower().endswith((".xlsx", ".xls", ".csv", ".et", ".ods", ".txt", ".xlsm")):
            raise forms.ValidationError("请传 .xlsx、.xls 或 .csv 文件")
        if file.size > 10 * 1024 * 1024:
            raise forms.ValidationError("文件超过 10 MB。请删去图片和用不着的工作表，或者分成几个文件")
        return file


class SetAsideForm(forms.Form):
    """Why a held row will not be sent again."""

    note = forms.CharField(label="怎么处理的", max_length=200, help_text="如：已转学，不用导入")
