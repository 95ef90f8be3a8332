"""Forms of a screening: opened, the figures of class and school, the exceptions of a child, sent back."""

from datetime import timedelta

from django import forms
from django.utils import timezone

from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect

from ..models import HandInState, Term
from .children import LEAVE_REASONS, OFF_LIST_REASONS
from .fields import DayField
from .places import VersionField

MOST_PUPILS = 32767


def _today():
    return timezone.localdate()


class OpenForm(forms.Form):
    """The county's campaign of one term."""

    term = forms.ModelChoiceField(
        label="学期", queryset=Term.objects.none(), to_field_name="uid", empty_label=None
    )
    as_of = DayField(label="截止日期", help_text="摸底说的是这一天的情况，要在这个学期里")
    due_on = DayField(label="上报期限", help_text="各校在这一天之前上报")
    definition = forms.CharField(label="口径", max_length=120, help_text="每张汇总表上都写这一句")

    def __init__(self, *args, county, **kwargs):
        today = _today()
        initial = {"as_of": today, "due_on": today + timedelta(days=14), "definition": county.definition}
        super().__init__(*args, initial=initial, **kwargs)
        terms = Term.objects.filter(county=county, ends_on__gte=today, screenings=None).order_by("starts_on")
        self.fields["term"].queryset = terms

    def clean(self):
        data = super().clean()
        if data.get("as_of") and data.get("due_on") and data["due_on"] < data["as_of"]:
            self.add_error("due_on", "上报期限不能早于截止日期")
        return data


def _number(label, most=MOST_PUPILS, **options):
    return forms.IntegerField(
        label=label, min_value=0, max_value=most, widget=forms.NumberInput(attrs={"inputmode": "numeric"}), **options
    )  # fmt: skip


class FiguresForm(forms.Form):
    """The class's own figures."""

    version = VersionField()
    pupils = _number("现在全班学生数", help_text="不只是留守儿童")
    pupils_at_start = _number("学年初学生数", help_text="9 月开学时")
    transferred_in = _number("本学年转入", initial=0)
    transferred_out = _number("本学年转出", initial=0)
    dropped_out = _number("本学年辍学", initial=0)

    def __init__(self, *args, class_part, **kwargs):
        initial = {"version": class_part.version}
        for name in self.base_fields:
            value = getattr(class_part, name)
            if name != "version" and value is not None:
                initial[name] = value
        if class_part.school_class_id and class_part.pupils is None:
            initial["pupils"] = class_part.school_class.pupils
        super().__init__(*args, initial=initial, **kwargs)

    def figures(self):
        """Keyword arguments for ``answers.state_figures``."""
        return {name: value for name, value in self.cleaned_data.items() if name != "version"}


class SchoolAgeForm(forms.Form):
    """The children of school age in the school's area."""

    version = VersionField()
    school_age_children = _number("服务范围内适龄儿童数", 10**6, help_text="按户口和居住登记")
    school_age_enrolled = _number("其中已入学", 10**6)

    def __init__(self, *args, part, **kwargs):
        names = ("version", "school_age_children", "school_age_enrolled")
        super().__init__(*args, initial={name: getattr(part, name) for name in names}, **kwargs)

    def clean(self):
        data = super().clean()
        there, enrolled = data.get("school_age_children"), data.get("school_age_enrolled")
        if there is not None and enrolled is not None and enrolled > there:
            self.add_error("school_age_enrolled", f"已入学的人数不能多于适龄儿童数（{there} 人）")
        return data


class ChangedForm(forms.Form):
    """What changed, in a sentence; the facts themselves are changed on their own pages."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False, min_value=1, max_value=2**31 - 1)
    note = forms.CharField(label="变了什么", max_length=200, help_text="一句话，如：妈妈去了东莞，改由外婆带")


def _reasons(words):
    return [(word, word) for word in words]


class LeftForm(forms.Form):
    """Left the school."""

    last_day = DayField(label="在校最后一天", initial=_today)
    reason = forms.ChoiceField(
        label="原因", choices=_reasons(LEAVE_REASONS), widget=ChipRadioSelect(columns=True)
    )


class HomeAgainForm(forms.Form):
    """Off the care list, and which parents came home."""

    last_day = DayField(label="在册最后一天", initial=_today)
    reason = forms.ChoiceField(
        label="原因",
        choices=_reasons(OFF_LIST_REASONS),
        widget=ChipRadioSelect(columns=True),
        initial="父母返乡",
    )
    home = forms.MultipleChoiceField(
        label="谁回来了",
        required=False,
        widget=ChipCheckboxSelectMultiple,
        help_text="他（她）的外出记录到这天为止",
    )

    def __init__(self, *args, away, **kwargs):
        """``away``: [(work spell, 母亲)] of today."""
        super().__init__(*args, **kwargs)
        if away:
            self.fields["home"].choices = [(str(spell.uid), word) for spell, word in away]
            self.fields["home"].initial = [str(spell.uid) for spell, _ in away]
        else:
            del self.fields["home"]


class ReturnForm(forms.Form):
    """Sent back: a remark on the whole, and one on each chosen row."""

    comment = forms.CharField(
        label="退回的意见", required=False, max_length=300, widget=forms.Textarea(attrs={"rows": 3, "cols": 40}),
        help_text="学校看得到",
    )  # fmt: skip

    def __init__(self, *args, entries, **kwargs):
        super().__init__(*args, **kwargs)
        self.entries = list(entries)
        for entry in self.entries:
            self.fields[f"row-{entry.uid}"] = forms.CharField(
                label=f"{entry.snapshot.get('class', '')} {entry.snapshot.get('name', '')}",
                required=False,
                max_length=300,
                help_text="这一行要改什么",
            )

    def rows(self):
        """{entry's uid: remark}."""
        return {str(entry.uid): self.cleaned_data.get(f"row-{entry.uid}", "") for entry in self.entries}


class SchoolsFilter(forms.Form):
    """查询条件 of the county's table."""

    state = forms.ChoiceField(label="到哪一步", choices=[("", "全部"), *HandInState.choices], required=False)
    district = forms.ChoiceField(label="学区", required=False)

    def __init__(self, *args, districts, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["district"].choices = [("", "全部"), *((str(one.uid), one.name) for one in districts)]


class ClassFilter(forms.Form):
    """Which class of the school, or the whole."""

    def __init__(self, *args, classes, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["class"] = forms.ChoiceField(
            label="班级", choices=[("", "全校"), *classes], required=False
        )
