"""Forms of pairing proposals (结对方案) and of what children asked for (结对愿望)."""

from django import forms
from django.utils import timezone

from registry.forms.fields import DayField, LineField, SubmissionField
from registry.models import Sex
from trust.widgets import ChipRadioSelect

from .forms import ANY, StaffField
from .models import EndReason
from .proposal_summary import CHANGED, FRESH, KEPT, WITHOUT

BY_HAND = "by_hand"
SHOW = [
    *ANY,
    (WITHOUT, "没有人选"),
    (FRESH, "新指定"),
    (CHANGED, "换人"),
    (KEPT, "照旧"),
    (BY_HAND, "人工指定"),
]


class ProposeForm(forms.Form):
    """For which school, from when, and whether what stands stays."""

    submission = SubmissionField()
    starts_on = DayField(label="从哪天起", help_text="这一天也算", initial=timezone.localdate)
    keep_standing = forms.ChoiceField(
        label="现在已有的包保",
        choices=[("yes", "都保留，只给没有的孩子找人"), ("no", "全校重新排，尽量不换人")],
        initial="yes",
        widget=ChipRadioSelect,
    )

    def __init__(self, *args, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.schools = {str(one.uid): one for one in schools}
        self.fields["school"] = forms.ChoiceField(
            label="学校",
            choices=[(uid, one.name) for uid, one in self.schools.items()],
            help_text="连同它的教学点",
        )
        if len(self.schools) == 1:
            self.fields["school"].widget = forms.HiddenInput()
            self.fields["school"].initial = next(iter(self.schools))
        self.order_fields(("submission", "school", "starts_on", "keep_standing"))

    def clean_school(self):
        return self.schools[self.cleaned_data["school"]]

    def clean_keep_standing(self):
        return self.cleaned_data["keep_standing"] == "yes"


class ProposalFilter(forms.Form):
    """查询条件 of a proposal's table."""

    show = forms.ChoiceField(label="看哪些", choices=SHOW, required=False)
    school_class = forms.ChoiceField(label="班级", required=False)

    def __init__(self, data, *, classes):
        super().__init__(data)
        self.fields["school_class"].choices = [*ANY, *classes]


def share_groups(shares):
    """Teachers to choose from, those with room first: each with the children the proposal gives and the quota."""

    def some(fits):
        return [
            (
                share.load.staff,
                f"{share.load.staff.name}（{share.load.post_words}）方案里 {share.after} 个，"
                f"名额 {share.load.minimum}–{share.load.maximum}",
            )
            for share in shares
            if fits(share)
        ]

    return [
        ("还有名额", some(lambda share: share.room)),
        ("名额已满，选了会超出", some(lambda share: not share.room)),
    ]


class AdjustForm(forms.Form):
    """Somebody else for one child, or nobody. ``shown``: whom the page showed."""

    shown = forms.CharField(required=False, widget=forms.HiddenInput)
    staff = StaffField(label="包保教师", required=False)

    def __init__(self, *args, shares, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["staff"].offer(share_groups(shares))
        self.fields["staff"].choices = [("", "先不指定人"), *self.fields["staff"].choices[1:]]


class AdoptForm(forms.Form):
    """Why the pairings that change end."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    end_reason = forms.ChoiceField(
        label="换人的原因",
        choices=EndReason.choices,
        initial=EndReason.QUOTA,
        widget=ChipRadioSelect,
        error_messages={"required": "请选换人的原因"},
    )
    end_note = LineField(label="说明", required=False, max_length=200)


class WishForm(forms.Form):
    """What the child or the family asks for."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    sex = forms.ChoiceField(
        label="希望是",
        required=False,
        choices=[("", "都可以"), (Sex.FEMALE, "女老师"), (Sex.MALE, "男老师")],
        widget=ChipRadioSelect,
    )
    wanted = StaffField(label="希望由谁包保", required=False)
    unwanted = StaffField(label="不希望由谁包保", required=False)
    note = LineField(label="说明", required=False, max_length=200)

    def __init__(self, *args, staff, **kwargs):
        super().__init__(*args, **kwargs)
        for name in ("wanted", "unwanted"):
            self.fields[name].offer([("", [(one, one.name) for one in staff])])
            self.fields[name].choices = [("", "没有"), *self.fields[name].choices[1:]]
