"""Forms of 委托照护协议 and 家庭诉求."""

from django import forms
from django.utils import timezone

from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect

from ..agreements import EXCLUSIONS
from ..models import PARENTS
from .fields import DayField, LineField, SubmissionField


def _today():
    return timezone.localdate()


class _PaperFields(forms.Form):
    """What stands on the paper, and what was asked before it was signed (未成年人保护法 22)."""

    signed_on = DayField(label="签订日期", initial=_today)
    starts_on = DayField(label="从哪天起委托", initial=_today)
    ends_on = DayField(label="到哪天为止", required=False, help_text="没写期限就空着")
    denied = forms.MultipleChoiceField(
        label="照护人没有这些情形，问过一项勾一项", choices=[(key, f"没有：{words}") for key, words in EXCLUSIONS],
        required=False, widget=ChipCheckboxSelectMultiple,
        help_text="未成年人保护法第二十二条：有其中一项的不得受委托",
    )  # fmt: skip
    exclusion = LineField(
        label="有的话，是哪一种",
        max_length=200,
        required=False,
        help_text="加密保存；这份协议会列进“不得委托或没核实”",
    )
    child_heard_on = DayField(label="哪天听了孩子的意见", required=False)
    child_opinion = forms.CharField(
        label="孩子怎么说", required=False, max_length=500, help_text="加密保存",
        widget=forms.Textarea(attrs={"rows": 2, "cols": 40}),
    )  # fmt: skip
    filed_on = DayField(
        label="哪天交村（居）委会", required=False, help_text="法律要求书面告知学校和村（居）委会"
    )
    scan = forms.FileField(
        label="协议照片", required=False, help_text="手机拍的照片就行，一张；几页的摆在一起拍",
        widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"}),
    )  # fmt: skip

    def paper(self):
        """Keyword arguments about the paper for ``agreements.add_agreement`` and ``correct_agreement``."""
        data = {name: self.cleaned_data[name] for name in _PaperFields.base_fields if name != "denied"}
        data["child_opinion"] = data["child_opinion"].strip()
        data["no_exclusion"] = len(self.cleaned_data["denied"]) == len(EXCLUSIONS)
        return data


class AddAgreementForm(_PaperFields):
    """A new agreement: a parent entrusts the child to an adult of the family."""

    submission = SubmissionField()
    entrusted_by = forms.ChoiceField(label="谁委托", widget=ChipRadioSelect)
    guardian = forms.ChoiceField(label="委托给谁", widget=ChipRadioSelect(columns=True))

    field_order = ("submission", "entrusted_by", "guardian")

    def __init__(self, *args, adults, **kwargs):
        super().__init__(*args, **kwargs)
        living = [adult for adult in adults if not adult.guardian.died_on]
        self.known = {str(adult.uid): adult.guardian for adult in living}
        self.fields["entrusted_by"].choices = _named([a for a in living if a.kinship.relation in PARENTS])
        self.fields["guardian"].choices = _named([a for a in living if a.kinship.relation not in PARENTS])

    @property
    def possible(self):
        """Whether somebody can entrust, and somebody be entrusted."""
        return bool(self.fields["entrusted_by"].choices and self.fields["guardian"].choices)

    def details(self):
        """Keyword arguments for ``agreements.add_agreement``."""
        data = self.cleaned_data
        parties = {name: self.known[data[name]] for name in ("entrusted_by", "guardian")}
        return self.paper() | parties | {"submission": data["submission"]}


def _named(adults):
    return [(str(adult.uid), f"{adult.word}{adult.guardian.name}") for adult in adults]


class AgreementForm(_PaperFields):
    """Correct an agreement, or add its picture."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)

    field_order = ("version",)

    def __init__(self, *args, agreement, **kwargs):
        names = [name for name in self.base_fields if name not in ("denied", "scan")]
        initial = {name: getattr(agreement, name) for name in names}
        initial["denied"] = [key for key, _ in EXCLUSIONS] if agreement.no_exclusion else []
        super().__init__(*args, initial=initial, **kwargs)
        if agreement.scan_id:
            self.fields["scan"].help_text = "已有一张，重新拍就换掉"


class EndAgreementForm(forms.Form):
    """Ends before its time."""

    last_day = DayField(label="协议最后一天", initial=_today)
    reason = LineField(label="为什么终止", max_length=100, help_text="如：父母回来了、换人照护")
    cares_on = forms.BooleanField(label="孩子还是由他（她）照看", required=False)


class DemandForm(forms.Form):
    """What the family asked for."""

    submission = SubmissionField()
    raised_on = DayField(label="哪天提的", initial=_today)
    raised_by = LineField(label="谁提的", max_length=40, required=False, help_text="如：奶奶、妈妈、孩子自己")
    text = forms.CharField(
        label="诉求",
        max_length=500,
        help_text="加密保存",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 40}),
    )


class DemandAnswerForm(forms.Form):
    """The answer with its date."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)
    answer = forms.CharField(
        label="怎么答复的",
        max_length=500,
        help_text="加密保存",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 40}),
    )
    answered_on = DayField(label="哪天答复", initial=_today)

    def __init__(self, *args, demand, **kwargs):
        initial = {"version": demand.version}
        if demand.answered_on:
            initial |= {"answer": demand.answer, "answered_on": demand.answered_on}
        super().__init__(*args, initial=initial, **kwargs)


class RegisterFilter(forms.Form):
    """查询条件 of the registers: a class."""

    place = forms.ChoiceField(label="班级", required=False)

    def __init__(self, *args, classes, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["place"].choices = [("", "全部"), *((str(one.uid), words) for one, words in classes)]
