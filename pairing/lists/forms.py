"""The form that takes a list."""

from django import forms
from django.utils import timezone

from registry.forms.fields import DayField, SubmissionField

ENDINGS = (".xlsx", ".xls", ".csv", ".et", ".ods", ".txt", ".xlsm")


class ListForm(forms.Form):
    """A file and the school it speaks of; ``day_label`` where the list holds from a day on."""

    submission = SubmissionField()
    file = forms.FileField(label="文件", help_text=".xlsx、.xls 或 .csv，不超过 10 MB")
    as_of = DayField(label="从哪天起", help_text="这一天也算", initial=timezone.localdate)

    def __init__(self, *args, schools, dated, **kwargs):
        super().__init__(*args, **kwargs)
        self.schools = {str(one.uid): one for one in schools}
        self.fields["school"] = forms.ChoiceField(
            label="学校", choices=[(uid, one.name) for uid, one in self.schools.items()]
        )
        if len(self.schools) == 1:
            self.fields["school"].widget = forms.HiddenInput()
            self.fields["school"].initial = next(iter(self.schools))
        if not dated:
            del self.fields["as_of"]
        self.fields["file"].widget.attrs["accept"] = ".xlsx,.xls,.csv"
        self.order_fields(("submission", "school", "file", "as_of"))

    def clean_school(self):
        return self.schools[self.cleaned_data["school"]]

    def clean_file(self):
        """Only what can be a table; what it really is, the reading finds out."""
        file = self.cleaned_data["file"]
        if not file.name.lower().endswith(ENDINGS):
            raise forms.ValidationError("请传 .xlsx、.xls 或 .csv 文件")
        return file
