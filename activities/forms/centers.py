"""Forms of the activity center: an opening, an activity with its sign-in list, the center itself."""

import uuid

from django import forms

from registry.models import ActivityCenter, Operator
from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect, DayInput

from ..models import ActivityKind

WRONG_DAY = {"invalid": "日期写成 2026-11-24 这样", "required": "请填日期"}


def _staff_field(label):
    return forms.MultipleChoiceField(label=label, required=False, widget=ChipCheckboxSelectMultiple)


def _line(label, limit, *, required=False, hint="", missing=""):
    return forms.CharField(
        label=label,
        max_length=limit,
        required=required,
        help_text=hint,
        error_messages={
            "required": missing,
            "max_length": "最多写 %(limit_value)d 个字，这里有 %(show_value)d 个",
        },
    )


class StaffedForm(forms.Form):
    """A form with colleagues to tick."""

    def __init__(self, data=None, *, staff_options, own_staff=None, initial=None):
        super().__init__(data, initial=initial)
        self.staff_options = {str(one.uid): one for one in staff_options}
        self.own_staff = own_staff
        self.fields["staff"].choices = [(key, one.name) for key, one in self.staff_options.items()]
        if own_staff is not None and "staff" not in self.initial:
            self.initial["staff"] = [str(own_staff.uid)]

    def clean_staff(self):
        """The colleagues ticked."""
        return [self.staff_options[key] for key in self.cleaned_data["staff"]]


class OpeningForm(StaffedForm):
    """今天开放了."""

    submission = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    day = forms.DateField(label="哪一天", widget=DayInput, error_messages=WRONG_DAY)
    staff = _staff_field("谁值守")
    hygiene_checked = forms.BooleanField(label="卫生查过了", required=False)
    visitors = forms.IntegerField(
        label="来了多少人",
        help_text="大概就行，没数可以空着",
        required=False,
        min_value=0,
        max_value=2000,
        error_messages={
            "invalid": "请填数字，如 12",
            "min_value": "人数不能小于 0",
            "max_value": "最多 2000 人，请核对",
        },
    )
    note = _line("情况", 300)

    def values(self):
        """Keyword arguments for ``log_opening`` and ``correct_opening``."""
        names = ("day", "staff", "hygiene_checked", "visitors", "note")
        return {name: self.cleaned_data[name] for name in names}


class ActivityForm(StaffedForm):
    """An activity; the children are ticked beside it."""

    submission = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    kind = forms.ChoiceField(
        label="哪一类",
        choices=ActivityKind.choices,
        initial=ActivityKind.CENTER_ACTIVITY,
        widget=ChipRadioSelect(columns=True),
        error_messages={"required": "请选哪一类", "invalid_choice": "请从上面的几类里选"},
    )
    title = _line(
        "活动名称", 80, required=True, hint="如：读书会、下棋", missing="请写活动的名称，如：读书会"
    )
    day = forms.DateField(label="哪一天", widget=DayInput, error_messages=WRONG_DAY)
    staff = _staff_field("谁带的")
    place = _line("地点", 60)
    result = forms.CharField(
        label="过程与效果",
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"max_length": "最多写 500 个字，这里有 %(show_value)d 个"},
    )

    def values(self):
        """Keyword arguments for ``log_activity`` and ``correct_activity`` (names apart)."""
        names = ("kind", "title", "day", "staff", "place", "result")
        return {name: self.cleaned_data[name] for name in names}


class CenterForm(forms.ModelForm):
    """A center: where, when open, since when."""

    class Meta:
        model = ActivityCenter
        fields = ["operator", "school", "name", "place", "opening_days", "starts_on"]
        widgets = {"operator": ChipRadioSelect, "starts_on": DayInput}
        error_messages = {
            "name": {"required": "请写之家的名称"},
            "starts_on": WRONG_DAY,
        }

    def __init__(self, *args, schools, outside=False, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            del self.fields["operator"], self.fields["school"]
            return
        self.fields["school"].queryset = schools
        self.fields["operator"].choices = Operator.choices if outside else Operator.choices[:1]
        self.fields["operator"].initial = Operator.SCHOOL
        self.fields["school"].empty_label = "请选"
        if not outside and len(schools) == 1:
            self.fields["school"].initial = schools[0]


class EndCenterForm(forms.Form):
    """The last day in service."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    ends_on = forms.DateField(label="最后一天", widget=DayInput, error_messages=WRONG_DAY)
