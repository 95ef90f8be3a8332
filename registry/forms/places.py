"""Forms of places: county, districts, schools, classes."""

from django import forms
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils import timezone

from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect

from .. import places
from ..models import GRADE_NAMES, District, School, SchoolSystem, Stage
from .fields import DayField, LineField

MOST_CLASSES = 30


def _today():
    return timezone.localdate()


class VersionField(forms.IntegerField):
    """The version the form was opened with."""

    widget = forms.HiddenInput

    def __init__(self):
        super().__init__(min_value=1, max_value=2**31 - 1)


class CountyForm(forms.Form):
    """What stands about a county."""

    version = VersionField()
    name = LineField(label="名称", max_length=60)
    closing_day = forms.IntegerField(
        label="每月结账日",
        min_value=1,
        max_value=28,
        help_text="上个月的核对到这一天 24:00 为止，之后补登的只算补录",
    )
    definition = LineField(label="在册口径", max_length=120, help_text="名册和报表上都写这一句")
    local_months = forms.IntegerField(
        label="本县口径：连续外出几个月", min_value=1, max_value=24, required=False,
        help_text="如 6；本县没有自己的算法就空着。春节回来不满一个月不算中断",
    )  # fmt: skip
    local_both_away = forms.BooleanField(label="本县口径：父母双方都外出才算", required=False)
    local_across_county = forms.BooleanField(label="本县口径：出县才算", required=False)
    local_under_age = forms.IntegerField(
        label="本县口径：不满几周岁", min_value=6, max_value=18, required=False
    )
    keep_leavers_years = forms.IntegerField(
        label="离校后档案保管几年", min_value=1, max_value=100, required=False,
        help_text="从离校那个学年结束起算；县里还没定就空着",
    )  # fmt: skip
    keep_leavers_source = LineField(
        label="保管年限的依据", max_length=200, required=False, help_text="文件名和文号"
    )

    def __init__(self, *args, county, **kwargs):
        initial = {name: getattr(county, name) for name in self.base_fields}
        super().__init__(*args, initial=initial, **kwargs)

    def clean(self):
        """Without months the county has no definition of its own, and the rest of it says nothing."""
        data = super().clean()
        if data.get("keep_leavers_years") and not data.get("keep_leavers_source"):
            self.add_error("keep_leavers_source", "请写明年限是哪份文件定的")
        if not data.get("local_months") or not data.get("local_under_age"):
            data["local_under_age"] = self.initial["local_under_age"]
        if not data.get("local_months"):
            data |= {name: self.initial[name] for name in ("local_both_away", "local_across_county")}
        return data


class DistrictForm(forms.Form):
    """A district."""

    code = LineField(label="编号", max_length=20)
    name = LineField(label="名称", max_length=60)


class SchoolForm(forms.Form):
    """A school: entered and corrected with the same form."""

    version = VersionField()
    name = LineField(label="校名", max_length=60)
    code = LineField(label="学校编号", max_length=20, help_text="学校标识码，没有就自己编，全县不重复")
    stages = forms.MultipleChoiceField(
        label="学段", choices=Stage.choices, widget=ChipCheckboxSelectMultiple,
        error_messages={"required": "至少选一个学段"},
    )  # fmt: skip
    system = forms.ChoiceField(label="学制", choices=SchoolSystem.choices, widget=ChipRadioSelect)
    district = forms.ModelChoiceField(
        label="学区",
        queryset=District.objects.none(),
        to_field_name="uid",
        required=False,
        empty_label="不分学区",
    )
    managing_school = forms.ModelChoiceField(
        label="管理学校", queryset=School.objects.none(), to_field_name="uid", required=False, empty_label="不是教学点",
        help_text="教学点填它所属的学校",
    )  # fmt: skip
    village = LineField(label="所在村（社区）", max_length=60, required=False)
    pupils = forms.IntegerField(label="全校学生数", required=False, min_value=0, max_value=20000)
    hotline = LineField(label="家长热线", max_length=30, required=False, help_text="印在联系卡和告家长书上")
    first_used_on = DayField(label="启用日期", initial=_today, help_text="从这一天起才核对，之前的不算")

    PLAIN = ("version", "name", "code", "system", "village", "pupils", "hotline", "first_used_on")

    def __init__(self, *args, county, school=None, **kwargs):
        if school is not None:
            initial = {name: getattr(school, name) for name in self.PLAIN}
            initial["stages"] = [str(stage) for stage in school.stages]
            initial["district"] = school.district.uid if school.district else None
            initial["managing_school"] = school.managing_school.uid if school.managing_school else None
        else:
            initial = {"system": SchoolSystem.SIX_THREE, "stages": [Stage.PRIMARY], "first_used_on": _today()}
        super().__init__(*args, initial=initial, **kwargs)
        if school is None:
            del self.fields["version"]
        self.fields["district"].queryset = county.districts.all()
        others = county.schools.filter(managing_school=None, ends_on=None)
        self.fields["managing_school"].queryset = others.exclude(pk=school.pk) if school else others
        if not county.districts.exists():
            del self.fields["district"]

    def details(self):
        """Keyword arguments for ``places.add_school`` and ``places.correct_school``."""
        data = dict(self.cleaned_data)
        data.pop("version", None)
        stages = data.pop("stages")
        return data | {f"has_{stage}": stage in stages for stage in Stage.values}


class EndForm(forms.Form):
    """The last day of something, with the reason."""

    last_day = DayField(label="最后一天", initial=_today)
    reason = LineField(label="原因", max_length=200)


class ClassesForm(forms.Form):
    """How many classes each grade has; those that are there stay."""

    def __init__(self, *args, school, running, **kwargs):
        super().__init__(*args, **kwargs)
        self.grades = places.grades_of(school)
        for grade in self.grades:
            here = [number for g, number in running if g == grade]
            self.fields[f"grade_{grade + 2}"] = forms.IntegerField(
                label=GRADE_NAMES[grade], min_value=len(here) and max(here), max_value=MOST_CLASSES, required=False,
                initial=max(here) if here else None,
                help_text=f"现在有 {len(here)} 个班" if here else "几个班",
            )  # fmt: skip

    def clean(self):
        data = super().clean()
        if not self.errors and not any(data.values()):
            raise forms.ValidationError("至少填一个年级有几个班")
        return data

    def numbers(self):
        """{grade: class numbers} for ``places.add_classes``."""
        return {
            grade: range(1, (self.cleaned_data.get(f"grade_{grade + 2}") or 0) + 1) for grade in self.grades
        }


class OneClassForm(forms.Form):
    """One class more, with any number."""

    grade = forms.TypedChoiceField(label="年级", coerce=int)
    number = forms.IntegerField(label="班号", min_value=1, max_value=60)

    def __init__(self, *args, school, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["grade"].choices = [(grade, GRADE_NAMES[grade]) for grade in places.grades_of(school)]


class ClassForm(forms.Form):
    """Correct a class."""

    version = VersionField()
    entry_year = forms.IntegerField(
        label="入学年份", validators=[MinValueValidator(1990), MaxValueValidator(2100)],
        help_text="这个学段第一年的年份；年级跟着它走",
    )  # fmt: skip
    number = forms.IntegerField(label="班号", min_value=1, max_value=60)
    pupils = forms.IntegerField(label="班级学生数", required=False, min_value=0, max_value=200)

    def __init__(self, *args, school_class, **kwargs):
        initial = {
            name: getattr(school_class, name) for name in ("version", "entry_year", "number", "pupils")
        }
        super().__init__(*args, initial=initial, **kwargs)
