"""Forms of ties with somebody from outside (校外帮扶) and between pupils (手拉手)."""

from django import forms
from django.utils import timezone

from registry.forms.fields import DayField, LineField, NameField, PhoneField, SubmissionField
from registry.models import Sex
from trust.widgets import ChipRadioSelect

from .models import HelperKind

TIE_KINDS = [("", "全部"), ("proxy", "代理家长"), ("helper", "志愿帮扶"), ("peer", "手拉手")]


class TieFilter(forms.Form):
    """查询条件 of the register of ties."""

    kind = forms.ChoiceField(label="类别", choices=TIE_KINDS, required=False)
    ended = forms.BooleanField(label="也看已经结束的", required=False)


class HelperForm(forms.Form):
    """Who helps from outside."""

    submission = SubmissionField()
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    name = LineField(
        label="姓名（单位名称）", max_length=60, error_messages={"required": "请填姓名或单位名称"}
    )
    kind = forms.ChoiceField(label="类别", choices=HelperKind.choices, widget=ChipRadioSelect(columns=True))
    unit = LineField(label="所在单位", required=False, max_length=80)
    contact_person = LineField(label="单位联系人", required=False, max_length=40, help_text="个人不用填")
    phone = PhoneField(label="电话", required=False)
    promised_on = DayField(label="签保密承诺日期", required=False, help_text="签了才能和孩子结对")
    starts_on = DayField(label="从哪天起帮扶", initial=timezone.localdate)
    note = LineField(label="备注", required=False, max_length=200)

    def __init__(self, *args, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.schools = {str(one.uid): one for one in schools}
        if schools:
            self.fields["school"] = forms.ChoiceField(
                label="哪所学校", choices=[(uid, one.name) for uid, one in self.schools.items()]
            )
            if len(schools) == 1:
                self.fields["school"].widget = forms.HiddenInput()
                self.fields["school"].initial = next(iter(self.schools))

    def clean_school(self):
        return self.schools[self.cleaned_data["school"]]


class LastDayForm(forms.Form):
    """The last day of something."""

    last_day = DayField(label="最后一天", help_text="这一天还算", initial=timezone.localdate)


class ReasonForm(forms.Form):
    """Why it was a mistake."""

    reason = LineField(
        label="作废原因", max_length=200, help_text="作废后仍可查看，但不再算数", error_messages={"required": "请写明作废原因"}
    )  # fmt: skip


class UnitTieForm(forms.Form):
    """A unit stands by a school."""

    submission = SubmissionField()
    purpose = LineField(label="帮什么", required=False, max_length=200, help_text="如：图书、校服、假期课堂")
    starts_on = DayField(label="从哪天起", help_text="这一天也算", initial=timezone.localdate)

    def __init__(self, *args, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.schools = {str(one.uid): one for one in schools}
        self.fields["school"] = forms.ChoiceField(
            label="和哪所学校结对", choices=[(uid, one.name) for uid, one in self.schools.items()]
        )
        if len(self.schools) == 1:
            self.fields["school"].widget = forms.HiddenInput()
            self.fields["school"].initial = next(iter(self.schools))
        self.order_fields(("submission", "school", "purpose", "starts_on"))

    def clean_school(self):
        return self.schools[self.cleaned_data["school"]]


class HelperTieForm(forms.Form):
    """A helper from outside for one child."""

    submission = SubmissionField()
    helper = forms.ChoiceField(label="校外帮扶人", help_text="只列签过保密承诺的")
    consent_on = DayField(label="家长（监护人）同意日期", initial=timezone.localdate)
    starts_on = DayField(label="从哪天起", help_text="这一天也算", initial=timezone.localdate)
    note = LineField(label="帮什么", required=False, max_length=200)

    def __init__(self, *args, helpers, **kwargs):
        super().__init__(*args, **kwargs)
        self.helpers = {str(one.uid): one for one in helpers}
        self.fields["helper"].choices = [("", "请选择")] + [
            (uid, f"{one.name}（{one.get_kind_display()}）现帮 {one.children_now} 个")
            for uid, one in self.helpers.items()
        ]
        self.fields["helper"].error_messages["invalid_choice"] = "请从名单里选一位"

    def clean_helper(self):
        return self.helpers[self.cleaned_data["helper"]]


class PeerForm(forms.Form):
    """A fellow pupil: by name and class; whoever is not known yet is entered with these."""

    submission = SubmissionField()
    peer_name = NameField(label="同伴姓名", error_messages={"required": "请填同伴的姓名"})
    peer_class = forms.ChoiceField(label="同伴的班级")
    peer_sex = forms.ChoiceField(label="同伴的性别", choices=Sex.choices, widget=ChipRadioSelect)
    consent_on = DayField(label="双方同意日期", help_text="两个孩子和两家都愿意", initial=timezone.localdate)
    starts_on = DayField(label="从哪天起", help_text="这一天也算", initial=timezone.localdate)
    note = LineField(label="一起做什么", required=False, max_length=200)

    def __init__(self, *args, classes, **kwargs):
        super().__init__(*args, **kwargs)
        self.classes = {str(one.uid): one for one in classes}
        self.fields["peer_class"].choices = [
            (uid, one.name_on(timezone.localdate())) for uid, one in self.classes.items()
        ]

    def clean_peer_class(self):
        return self.classes[self.cleaned_data["peer_class"]]
