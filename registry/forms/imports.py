"""The form that takes a roster file."""

import uuid

from django import forms
from django.utils import timezone

from trust.widgets import ChipRadioSelect, DayInput

from ..access import Act, posts_of, schools_for
from ..roster.look_alikes import NEW_CHILD
from ..roster.meanings import CHOICES, IGNORE


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


class SameChildForm(forms.Form):
    """For each row that looks like a child of the school: which child it is, or another one."""

    def __init__(self, *args, rows, **kwargs):
        super().__init__(*args, **kwargs)
        self.rows = list(rows)
        for row in self.rows:
            self.fields[self.name_of(row)] = forms.ChoiceField(
                label="是不是同一个孩子",
                required=False,
                widget=ChipRadioSelect(),
                choices=[
                    *((child["uid"], self._same(row, child)) for child in row.shown["candidates"]),
                    (NEW_CHILD, "另一个孩子"),
                ],
            )

    @staticmethod
    def _same(row, child):
        if len(row.shown["candidates"]) == 1:
            return "同一个孩子"
        return f"同一个孩子：{child['name']}，{child['class'] or '未分班'}，{child['born']}"

    @staticmethod
    def name_of(row):
        """The field of a row."""
        return f"row-{row.uid.hex}"

    def pairs(self):
        """(row, its field) for the page."""
        return [(row, self[self.name_of(row)]) for row in self.rows]

    @property
    def answers(self):
        """{row: answer} of the rows that were answered."""
        return {row: value for row in self.rows if (value := self.cleaned_data[self.name_of(row)])}


class ColumnsForm(forms.Form):
    """What each heading that nobody knew means; the proposal stands chosen."""

    def __init__(self, *args, columns, **kwargs):
        super().__init__(*args, **kwargs)
        self.columns = columns
        for number, column in enumerate(columns):
            meaning = column["field"] if column["chosen"] else column["proposal"]
            self.fields[f"column-{number}"] = forms.ChoiceField(
                label=column["header"],
                choices=[(IGNORE, "不导入这一列"), *CHOICES.items()],
                initial=meaning or IGNORE,
            )

    def pairs(self):
        """(column, its field) for the page."""
        return [(column, self[f"column-{number}"]) for number, column in enumerate(self.columns)]

    @property
    def choices(self):
        """{heading's key: meaning}."""
        return {
            column["key"]: self.cleaned_data[f"column-{number}"] for number, column in enumerate(self.columns)
        }
