"""Forms of 报表下载: one per workbook; each offers only the places its reader may take out."""

import uuid
from datetime import date

from django import forms
from django.utils import timezone

from registry import access
from registry.access import Act
from registry.calendar import previous_month, school_year_of
from registry.models import County, District, School, Screening
from trust.widgets import ChipRadioSelect

from .. import exports

MONTHS = 18
YEARS = 4
TERMS = 8


def areas_of(user, act):
    """The county or districts over which the user may order as a whole."""
    posts = [p for p in access.posts_of(user) if act in access.TABLE[p.kind].acts and not p.school_id]
    counties = {p.county_id for p in posts if not p.district_id and not p.center_id}
    districts = {p.district_id for p in posts if p.district_id}
    return [
        *County.objects.filter(pk__in=counties),
        *District.objects.filter(pk__in=districts).select_related("county").order_by("code"),
    ]


class OrderForm(forms.Form):
    """What all orders have: the place, the purpose, and the number of the submission."""

    workbook = ""
    act = None

    submission = forms.UUIDField(widget=forms.HiddenInput)
    place = forms.ChoiceField(
        label="哪里的", error_messages={"required": "请选哪里的", "invalid_choice": "请从给出的几样里选"}
    )
    purpose = forms.ChoiceField(
        label="做什么用",
        choices=list(exports.PURPOSES.items()),
        widget=ChipRadioSelect,
        error_messages={"required": "请选做什么用", "invalid_choice": "请从给出的几样里选"},
        help_text="会印在每张表的最下面",
    )

    def __init__(self, *args, user, **kwargs):
        kwargs.setdefault("auto_id", f"{self.workbook}_%s")
        super().__init__(*args, **kwargs)
        self.user = user
        self.places = self.find_places()
        self.fields["place"].choices = [(key, words) for key, (_, words) in self.places.items()]
        if self.places:
            self.initial.setdefault("place", next(iter(self.places)))
        self.initial.setdefault("submission", uuid.uuid4())

    def find_places(self):
        """{key: (place, words)}, the widest first."""
        found = {f"area:{area.uid}": (area, self.area_words(area)) for area in areas_of(self.user, self.act)}
        schools = access.schools_whole(self.user, self.act).select_related("county", "district")
        for school in schools.order_by("code"):
            found[f"school:{school.uid}"] = (school, school.name)
        return found

    def area_words(self, area):
        """Words for a county or district as a whole."""
        return f"{area}（各校的数）"

    def order(self):
        """The order as chosen."""
        data = self.cleaned_data
        return exports.Order(
            self.workbook, self.places[data["place"]][0], data.get("month"), data.get("year"), data["purpose"],
            data.get("reason", ""), data.get("full_numbers", False), data.get("names", False), data.get("as_of"),
        )  # fmt: skip


class RegisterForm(OrderForm):
    """留守儿童花名册."""

    workbook, act = "register", Act.ORDER_REGISTER

    names = forms.BooleanField(
        label="要名单，不只要人数", required=False, help_text="一次一所学校，要写明用途，会有人复核"
    )
    full_numbers = forms.BooleanField(
        label="身份证件号不打码",
        required=False,
        help_text=f"不到 {exports.ROWS_WITH_NUMBERS} 人才能带，要写明用途",
    )
    reason = forms.CharField(
        label="为什么要",
        required=False,
        max_length=200,
        help_text="要名单或者要完整号码时一定要写，如：核对秋季补助名单",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if not areas_of(self.user, self.act):
            del self.fields["names"]
            self.fields["reason"].help_text = "要完整号码时一定要写，如：核对秋季补助名单"
        elif not any(
            p.school_id and self.act in access.TABLE[p.kind].acts for p in access.posts_of(self.user)
        ):
            # Beyond the school numbers stay masked, whatever the reason.
            del self.fields["full_numbers"]
            self.fields["reason"].help_text = "要名单时一定要写，如：核对秋季补助名单"

    def find_places(self):
        """Whole schools, and for schools (not areas) their classes too."""
        found = super().find_places()
        if areas_of(self.user, self.act):
            return found
        today = timezone.localdate()
        classes = access.classes_for(self.user, self.act).running_on(today).select_related("school__county")
        ordered = sorted(classes, key=lambda c: (c.school.code, c.grade_on(today), c.number))
        many = len({c.school_id for c in ordered}) > 1
        for one in ordered:
            words = f"{one.school} {one.name_on(today)}" if many else one.name_on(today)
            found[f"class:{one.uid}"] = (one, words)
        return found

    def area_words(self, area):
        """A register of an area is counts only."""
        return f"{area}（各校人数，没有姓名）"


class DutiesForm(OrderForm):
    """责任台账月度核对表."""

    workbook, act = "duties", Act.ORDER_DUTIES

    month = forms.ChoiceField(label="哪个月", error_messages={"invalid_choice": "请从给出的月份里选"})

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        months = [timezone.localdate().replace(day=1)]
        while len(months) < MONTHS:
            months.append(previous_month(months[-1]))
        self.fields["month"].choices = [(f"{m:%Y-%m}", f"{m.year}年{m.month}月") for m in months]
        self.initial.setdefault("month", f"{months[1]:%Y-%m}")

    def clean_month(self):
        """The month's first day."""
        return date.fromisoformat(f"{self.cleaned_data['month']}-01")


class AssessmentForm(OrderForm):
    """考核工作簿."""

    workbook, act = "assessment", Act.ORDER_ASSESSMENT

    year = forms.TypedChoiceField(
        label="哪个学年", coerce=int, error_messages={"invalid_choice": "请从给出的学年里选"}
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        this = school_year_of(timezone.localdate())
        self.fields["year"].choices = [(y, f"{y}—{y + 1}学年") for y in range(this, this - YEARS, -1)]

    def find_places(self):
        """教学点 count with their managing school."""
        return {
            key: (place, words)
            for key, (place, words) in super().find_places().items()
            if not (isinstance(place, School) and place.managing_school_id)
        }

    def area_words(self, area):
        """With the ranking."""
        return f"{area}（各校和排名表）"


class ScreeningForm(OrderForm):
    """摸底排查汇总表."""

    workbook, act = "screening", Act.ORDER_REGISTER

    as_of = forms.ChoiceField(
        label="哪一次摸底",
        error_messages={"required": "还没有发起过摸底", "invalid_choice": "请从给出的几次里选"},
    )

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        found = Screening.objects.visible_to(self.user).select_related("term").order_by("-as_of")[:TERMS]
        self.fields["as_of"].choices = [(row.as_of.isoformat(), str(row)) for row in found]

    def clean_as_of(self):
        """The day it speaks of."""
        return date.fromisoformat(self.cleaned_data["as_of"])


FORMS = {form.workbook: form for form in (RegisterForm, DutiesForm, AssessmentForm, ScreeningForm)}
__all__ = ["FORMS", "AssessmentForm", "DutiesForm", "OrderForm", "RegisterForm", "ScreeningForm", "areas_of"]
