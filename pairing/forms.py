"""Forms of pairings (结对包保), quotas (名额) and cover of classes (包班)."""

from django import forms
from django.utils import timezone

from registry.forms.fields import DayField, LineField, SubmissionField
from registry.models import PostKind
from trust.widgets import ChipRadioSelect

from .models import EndReason, PairingKind
from .quotas import KINDS

ANY = [("", "全部")]
STATES = [
    *ANY,
    ("none", "还没有包保教师"),
    ("paired", "已有包保教师"),
    ("no_proxy", "还没有代理家长"),
    ("mine", "我包保的"),
]


class PairingFilter(forms.Form):
    """查询条件 of the list by child."""

    state = forms.ChoiceField(label="包保", choices=STATES, required=False)
    school = forms.ChoiceField(label="学校", required=False)
    grade = forms.ChoiceField(label="年级", required=False)
    school_class = forms.ChoiceField(label="班级", required=False)
    village = forms.ChoiceField(label="村（社区）", required=False)
    teacher = forms.UUIDField(required=False, widget=forms.HiddenInput)

    def __init__(self, data, *, schools, grades, classes, villages, staff):
        super().__init__(data)
        if staff is None:
            self.fields["state"].choices = [choice for choice in STATES if choice[0] != "mine"]
        if len(schools) > 1:
            self.fields["school"].choices = [*ANY, *((str(one.uid), one.name) for one in schools)]
        else:
            del self.fields["school"]
        self.fields["grade"].choices = [*ANY, *grades]
        self.fields["school_class"].choices = [*ANY, *classes, ("none", "还没分班")]
        self.fields["village"].choices = [*ANY, *((name, name) for name in villages)]


class StaffField(forms.ChoiceField):
    """A member of staff of those offered, by uid; gives the row."""

    def __init__(self, **kwargs):
        super().__init__(widget=forms.Select, error_messages={"invalid_choice": "请从名单里选一位"}, **kwargs)

    def offer(self, groups):
        """``groups``: [(heading or "", [(staff, words)])]; empty ones are left out."""
        self.known = {str(staff.uid): staff for _, some in groups for staff, _ in some}
        choices = [("", "请选择")]
        for heading, some in groups:
            rows = [(str(staff.uid), words) for staff, words in some]
            choices += [(heading, rows)] if heading and rows else rows
        self.choices = choices

    def clean(self, value):
        value = super().clean(value)
        return self.known[value] if value else None


def load_groups(loads):
    """Teachers for choosing: those with room first, each with the load and the quota in words."""

    def words(load):
        return f"{load.staff.name}（{load.post_words}）现包 {load.pairings} 个，名额 {load.minimum}–{load.maximum}"

    def some(fits):
        return [(load.staff, words(load)) for load in loads if fits(load)]

    return [
        ("还没到名额", some(lambda load: load.room)),
        ("已到名额", some(lambda load: not load.room and not load.over)),
        ("已超名额", some(lambda load: load.over)),
    ]


class _Starting(forms.Form):
    """A teacher and a first day."""

    submission = SubmissionField()
    staff = StaffField(label="包保教师")
    starts_on = DayField(label="从哪天起", help_text="这一天也算", initial=timezone.localdate)

    def __init__(self, *args, loads, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["staff"].offer(load_groups(loads))


class _ReasonField(forms.ChoiceField):
    def __init__(self, **kwargs):
        super().__init__(widget=ChipRadioSelect, choices=EndReason.choices, **kwargs)


class AssignForm(_Starting):
    """One teacher for a list of children; where some have one already, why it changes."""

    reason = _ReasonField(label="为什么换人", error_messages={"required": "请选更换的原因"})
    note = LineField(label="说明", required=False, max_length=200)

    def __init__(self, *args, replacing, **kwargs):
        super().__init__(*args, **kwargs)
        if not replacing:
            del self.fields["reason"], self.fields["note"]


class ChangeForm(_Starting):
    """Somebody else answers for the child."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = _ReasonField(label="为什么换人", error_messages={"required": "请选更换的原因"})
    note = LineField(label="说明", required=False, max_length=200)
    field_order = ("submission", "version", "staff", "starts_on", "reason", "note")


class TieForm(_Starting):
    """A tie of one child with a member of staff: 包保, 代理家长, or 志愿帮扶."""

    kind = forms.ChoiceField(
        label="类别",
        choices=[(kind.value, kind.label) for kind in PairingKind if kind != PairingKind.PEER],
        initial=PairingKind.PRIMARY,
        widget=ChipRadioSelect,
    )
    note = LineField(label="备注", required=False, max_length=200)
    field_order = ("submission", "kind", "staff", "starts_on", "note")

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["staff"].label = "教师"
        self.fields["staff"].error_messages["required"] = "请选教师"


class EndForm(forms.Form):
    """The last day of a tie, and why."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    ends_on = DayField(label="最后一天", help_text="这一天还算", initial=timezone.localdate)
    reason = _ReasonField(label="原因", error_messages={"required": "请选原因"})
    note = LineField(label="说明", required=False, max_length=200)


class EndManyForm(EndForm):
    """The same for a list of ties."""

    version = None


class CancelForm(forms.Form):
    """Why it was a mistake."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    reason = LineField(
        label="作废原因", max_length=200, help_text="作废后仍可查看，但不再算数", error_messages={"required": "请写明作废原因"}
    )  # fmt: skip


class LimitsForm(forms.Form):
    """How many children: at least, at most."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)
    minimum = forms.IntegerField(label="至少", min_value=0, max_value=50)
    maximum = forms.IntegerField(label="至多", min_value=0, max_value=50)

    def clean(self):
        cleaned = super().clean()
        least, most = cleaned.get("minimum"), cleaned.get("maximum")
        if least is not None and most is not None and most < least:
            self.add_error("maximum", "至多不能少于至少")
        return cleaned


class PostQuotaForm(LimitsForm):
    """The quota of a post, or of everybody at the school."""

    post_kind = forms.ChoiceField(
        label="岗位",
        required=False,
        choices=[("", "全校每位教职工"), *((kind, PostKind(kind).label) for kind in KINDS)],
    )
    field_order = ("post_kind", "minimum", "maximum")

    def __init__(self, *args, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.schools = {str(one.uid): one for one in schools}
        self.fields["school"] = forms.ChoiceField(
            label="学校", choices=[(uid, one.name) for uid, one in self.schools.items()]
        )
        if len(self.schools) == 1:
            self.fields["school"].widget = forms.HiddenInput()
            self.fields["school"].initial = next(iter(self.schools))
        self.order_fields(("school", *self.field_order))

    def clean_school(self):
        return self.schools[self.cleaned_data["school"]]


class CoverForm(forms.Form):
    """Which member of the leading group covers the class."""

    submission = SubmissionField()
    staff = StaffField(label="包班领导")
    starts_on = DayField(label="从哪天起", help_text="这一天也算", initial=timezone.localdate)

    def __init__(self, *args, leaders, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["staff"].offer([("", [(one, one.name) for one in leaders])])


class EndCoverForm(forms.Form):
    """The last day of a cover."""

    ends_on = DayField(label="最后一天", help_text="这一天还算", initial=timezone.localdate)
