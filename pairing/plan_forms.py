"""Forms of help plans (帮扶计划) and their stages (阶段成效)."""

from datetime import timedelta

from django import forms
from django.utils import timezone

from registry.forms.fields import DayField, SubmissionField
from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect

from .forms import StaffField
from .models import PlanKind
from .plans import CHECKLIST

WORDS = 2000
IN_A_MONTH = timedelta(days=30)


def in_a_month():
    """Thirty days from today: when a plan is proposed to be looked at."""
    return timezone.localdate() + IN_A_MONTH


def _words(label, missing, **kwargs):
    return forms.CharField(
        label=label, max_length=WORDS, widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": missing}, **kwargs,
    )  # fmt: skip


class PlanEditForm(forms.Form):
    """The words of a plan, who carries it, when to look at it again."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    goals = _words("目标", "请写目标", help_text="想让孩子有什么变化，写得到、看得见")
    content = _words("内容和措施", "请写做什么", help_text="谁、什么时候、做什么")
    checklist = forms.MultipleChoiceField(
        label="三知三优先", choices=list(CHECKLIST.items()), required=False, widget=ChipCheckboxSelectMultiple
    )
    staff = StaffField(label="负责教师")
    review_on = DayField(label="下次检查日期", help_text="到时候会出现在今日", initial=in_a_month)

    def __init__(self, *args, people, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["staff"].offer([("", people)])


class PlanForm(PlanEditForm):
    """A new plan."""

    submission = SubmissionField()
    version = None
    kind = forms.ChoiceField(
        label="类别", choices=PlanKind.choices, initial=PlanKind.HELP, widget=ChipRadioSelect
    )
    starts_on = DayField(label="从哪天起", initial=timezone.localdate)
    field_order = ("submission", "kind", "goals", "content", "checklist", "staff", "starts_on", "review_on")


class StageForm(forms.Form):
    """What the plan has brought."""

    submission = SubmissionField()
    day = DayField(label="日期", initial=timezone.localdate)
    result = _words("成效", "请写看到的变化", help_text="孩子有什么变化，哪些做到了，哪些还要做")
    review_on = DayField(label="下次检查日期", initial=in_a_month)
