"""Forms of staff, posts and accounts."""

from django import forms
from django.utils import timezone

from trust.widgets import ChipRadioSelect

from .. import access, places, staff
from ..access import Act
from ..models import GRADE_NAMES, ActivityCenter, District, PostKind, School, SchoolClass, Sex, Staff
from .fields import DayField, LineField, NameField, PhoneField, SubmissionField
from .places import VersionField


def _today():
    return timezone.localdate()


class _PersonFields(forms.Form):
    sex = forms.ChoiceField(
        label="性别", choices=[*Sex.choices, ("", "没填")], widget=ChipRadioSelect, required=False
    )
    phone = PhoneField(label="工作电话", required=False, help_text="本人的手机号，登录也用它")
    subject = LineField(label="任教学科", max_length=40, required=False)
    number = LineField(label="工号", max_length=30, required=False)


class AddStaffForm(_PersonFields):
    """Enter one colleague."""

    submission = SubmissionField()
    name = NameField(label="姓名")
    school = forms.ChoiceField(label="单位")

    field_order = ("submission", "name", "school", "sex", "phone", "subject", "number")

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.places = {
            f"school:{one.uid}": (one.county, one)
            for one in staff.schools_managed(user).select_related("county")
        }
        choices = [(key, school.name) for key, (_, school) in self.places.items()]
        for county in places.counties_of(user, Act.MANAGE_STAFF):
            self.places[f"county:{county.uid}"] = (county, None)
            choices.append((f"county:{county.uid}", f"{county.name}机关（不在学校）"))
        self.fields["school"].choices = choices if len(choices) == 1 else [("", "请选择"), *choices]
        if len(choices) > 1 and len(self.places) > 1 and kwargs.get("initial", {}).get("school"):
            self.fields["school"].initial = kwargs["initial"]["school"]

    def details(self):
        """Keyword arguments for ``staff.add_staff``."""
        data = dict(self.cleaned_data)
        county, school = self.places[data.pop("school")]
        return data | {"county": county, "school": school}


class StaffForm(_PersonFields):
    """Correct a colleague's data."""

    version = VersionField()
    name = NameField(label="姓名")

    field_order = ("version", "name", "sex", "phone", "subject", "number")

    def __init__(self, *args, person, **kwargs):
        initial = {name: getattr(person, name) for name in self.base_fields}
        super().__init__(*args, initial=initial, **kwargs)


class PostForm(forms.Form):
    """Appoint: which post, over what, from when. Only places the user decides over are offered."""

    kind = forms.ChoiceField(label="岗位")
    scope = forms.ChoiceField(label="范围", help_text="班主任、科任选班级，年级组长选年级，其余选学校")
    starts_on = DayField(label="从哪天起", initial=_today)
    ends_on = DayField(label="到哪天", required=False, help_text="没有期限就空着")
    duty_text = LineField(
        label="分工", max_length=200, required=False, help_text="领导小组成员写，如：负责家访"
    )
    replace = forms.BooleanField(
        label="接替现在的班主任（组长）", required=False, help_text="原来的那位到前一天为止"
    )

    def __init__(self, *args, user, person, **kwargs):
        super().__init__(*args, **kwargs)
        self.known, groups = {}, []
        mine = access.schools_for(user, Act.MANAGE_STAFF)
        schools = list(School.objects.filter(pk__in=mine.values("pk"), ends_on=None).order_by("code"))
        schools.sort(key=lambda one: one.pk != person.school_id)
        if person.school_id and len(schools) > 12:
            # In a county with many schools: the own school and its 教学点, and what is over schools.
            schools = [s for s in schools if person.school_id in (s.pk, s.managing_school_id)]
        classes = {}
        for one in SchoolClass.objects.filter(school__in=schools).running_on(_today()):
            classes.setdefault(one.school_id, []).append(one)
        centers = {}
        for one in ActivityCenter.objects.filter(school__in=schools, ends_on=None):
            centers.setdefault(one.school_id, []).append(one)
        several = len(schools) > 1
        for school in schools:
            offered = [self._offer(f"school:{school.uid}", school.name, school=school)]
            for grade in places.grades_of(school):
                offered.append(
                    self._offer(
                        f"grade{grade + 2}:{school.uid}", GRADE_NAMES[grade], school=school, grade=grade
                    )
                )
            here = classes.get(school.pk, [])
            for one in here:
                one.school = school
            for one in sorted(here, key=lambda c: (c.grade_on(), c.number)):
                offered.append(
                    self._offer(f"class:{one.uid}", one.name_on(), school=school, school_class=one)
                )
            for one in centers.get(school.pk, []):
                offered.append(self._offer(f"center:{one.uid}", one.name, school=school, center=one))
            groups.append((school.name if several else "学校", offered))
        counties = places.counties_of(user, Act.MANAGE_STAFF)
        kinds = [kind for kind in PostKind if set(staff.SCOPES[kind]) - {"county", "district"}]
        if counties:
            kinds = list(PostKind)
        for county in counties:
            wide = [self._offer(f"county:{county.uid}", f"{county.name}全县")]
            for one in District.objects.filter(county=county):
                wide.append(self._offer(f"district:{one.uid}", one.name, district=one))
            for one in ActivityCenter.objects.filter(county=county, school=None, ends_on=None):
                wide.append(self._offer(f"center:{one.uid}", one.name, center=one))
            groups.append(("县、学区", wide))
        self.fields["kind"].choices = [("", "请选择"), *((kind.value, kind.label) for kind in kinds)]
        self.fields["scope"].choices = [("", "请选择"), *groups]

    def _offer(self, key, words, **scope):
        self.known[key] = scope
        return key, words

    def details(self):
        """Keyword arguments for ``staff.add_post``."""
        data = dict(self.cleaned_data)
        return data | self.known[data.pop("scope")]


class HandOverForm(forms.Form):
    """Who holds the post from when."""

    to = forms.ModelChoiceField(
        label="换成谁", queryset=Staff.objects.none(), to_field_name="uid", empty_label="请选择"
    )
    starts_on = DayField(label="从哪天起", initial=_today, help_text="原来的那位到前一天为止")

    def __init__(self, *args, people, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["to"].queryset = people


class EndPostForm(forms.Form):
    """The last day of a post."""

    last_day = DayField(label="最后一天", initial=_today)
    reason = LineField(label="原因", max_length=200, required=False)


class ReasonForm(forms.Form):
    """Why."""

    reason = LineField(label="原因", max_length=200)


class LeaveStaffForm(forms.Form):
    """The person leaves."""

    last_day = DayField(label="在岗最后一天", initial=_today)
    reason = forms.ChoiceField(
        label="原因", choices=[(word, word) for word in ("调离", "退休", "辞职", "支教期满", "其他")],
        widget=ChipRadioSelect(columns=True),
    )  # fmt: skip


class MoveForm(forms.Form):
    """To which school, from when."""

    school = forms.ModelChoiceField(
        label="调到", queryset=School.objects.none(), to_field_name="uid", empty_label="请选择"
    )
    starts_on = DayField(label="从哪天起", initial=_today, help_text="原来学校的岗位到前一天为止")

    def __init__(self, *args, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["school"].queryset = schools


class DutyTextForm(forms.Form):
    """A member's part of the work."""

    duty_text = LineField(label="分工", max_length=200, required=False)


class AccountForm(forms.Form):
    """The user name of a new account, or another one."""

    username = forms.CharField(
        label="用户名", max_length=40, help_text="小写字母、数字；用工作手机号也能登录",
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "none"}),
    )  # fmt: skip

    def clean_username(self):
        """As it is stored."""
        return self.cleaned_data["username"].strip().lower()


class StaffSheetForm(forms.Form):
    """Which school, which file."""

    school = forms.ModelChoiceField(
        label="学校", queryset=School.objects.none(), to_field_name="uid", empty_label="请选择"
    )
    file = forms.FileField(label="教职工表", help_text=".xlsx、.xls 或 .csv，10 MB 以内")

    def __init__(self, *args, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["school"].queryset = schools
        if schools.count() == 1:
            self.fields["school"].empty_label = None


class StaffFilter(forms.Form):
    """查询条件 of the staff list. No names: those would stand in the address."""

    SHOWS = (("", "在岗"), ("no_post", "没有岗位"), ("no_account", "没有账号"), ("left", "已离职"))
    school = forms.ModelChoiceField(
        label="学校", queryset=School.objects.none(), to_field_name="uid", required=False, empty_label="全部"
    )
    kind = forms.ChoiceField(label="岗位", choices=[("", "全部"), *PostKind.choices], required=False)
    show = forms.ChoiceField(label="看哪些", choices=SHOWS, required=False)

    def __init__(self, *args, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["school"].queryset = schools
