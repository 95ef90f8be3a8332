"""Forms about a child: entered, corrected, moved, on and off the care list, traits, questions, reasons, search."""

from django import forms
from django.utils import timezone

from trust.masking import mask_id_number
from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect

from .. import values
from ..access import Act, classes_for, schools_whole
from ..children import WITHOUT_REASON
from ..models import AwayType, Child, Hardship, School, Sex, Stage, TraitKind
from .fields import DayField, IdNumberField, LineField, NameField, SubmissionField

ETHNIC_GROUPS = [
    "汉族",
    "蒙古族",
    "回族",
    "藏族",
    "维吾尔族",
    "苗族",
    "彝族",
    "壮族",
    "布依族",
    "朝鲜族",
    "满族",
    "侗族",
    "瑶族",
    "白族",
    "土家族",
    "哈尼族",
    "哈萨克族",
    "傣族",
    "黎族",
    "傈僳族",
    "佤族",
    "畲族",
    "高山族",
    "拉祜族",
    "水族",
    "东乡族",
    "纳西族",
    "景颇族",
    "柯尔克孜族",
    "土族",
    "达斡尔族",
    "仫佬族",
    "羌族",
    "布朗族",
    "撒拉族",
    "毛南族",
    "仡佬族",
    "锡伯族",
    "阿昌族",
    "普米族",
    "塔吉克族",
    "怒族",
    "乌孜别克族",
    "俄罗斯族",
    "鄂温克族",
    "德昂族",
    "保安族",
    "裕固族",
    "京族",
    "塔塔尔族",
    "独龙族",
    "鄂伦春族",
    "赫哲族",
    "门巴族",
    "珞巴族",
    "基诺族",
]
LEAVE_REASONS = ("转学到外县", "毕业", "随父母到外地", "休学", "辍学", "其他")
OFF_LIST_REASONS = ("父母返乡", "孩子随父母生活", "满 18 周岁", "登记有误", "离校", "其他")


def _today():
    return timezone.localdate()


def running_classes(user, act=Act.EDIT_CHILDREN):
    """Classes of today over which ``user`` may do ``act``, lowest grade first."""
    found = classes_for(user, act).running_on(_today()).select_related("school")
    order = [Stage.KINDERGARTEN, Stage.PRIMARY, Stage.JUNIOR]
    return sorted(found, key=lambda c: (c.school.code, order.index(c.stage), -c.entry_year, c.number))


class PlaceField(forms.ChoiceField):
    """A class, or a school without a class (未分班), of those the user may edit; gives (school, class or None)."""

    def offer(self, user, school=None):
        """Fill the choices; ``school`` narrows them to one school."""
        classes = [c for c in running_classes(user) if school is None or c.school_id == school.pk]
        whole = schools_whole(user, Act.EDIT_CHILDREN)
        whole = whole.filter(pk=school.pk) if school is not None else whole
        self.known, groups = {}, {}
        for one in classes:
            self.known[f"class:{one.uid}"] = (one.school, one)
            groups.setdefault(one.school.name, []).append((f"class:{one.uid}", one.name_on()))
        for one in whole:
            self.known[f"none:{one.uid}"] = (one, None)
            groups.setdefault(one.name, []).append((f"none:{one.uid}", "还没分班"))
        choices = next(iter(groups.values())) if len(groups) == 1 else list(groups.items())
        self.choices = choices if len(self.known) == 1 else [("", "请选择"), *choices]

    def clean(self, value):
        return self.known[super().clean(value)]


class _PersonFields(forms.Form):
    """What both entering and correcting ask."""

    former_name = LineField(label="曾用名", max_length=60, required=False)
    birth_date = DayField(label="出生日期", required=False, help_text="填了身份证号可以不填")
    ethnic_group = forms.ChoiceField(
        label="民族", required=False, choices=[("", "没填"), *((word, word) for word in ETHNIC_GROUPS)]
    )
    student_number = LineField(label="学籍号", max_length=30, required=False)
    household_registration = LineField(label="户籍所在地", max_length=120, required=False)
    village = LineField(label="现住村（社区）", max_length=60, required=False)
    address = LineField(label="现住址", max_length=200, required=False, help_text="组、门牌；加密保存")
    health = LineField(label="身体状况", max_length=200, required=False, help_text="健康，或什么病、什么残疾")
    character = LineField(label="性格与爱好", max_length=200, required=False)
    household_size = forms.IntegerField(label="家庭人口", min_value=1, max_value=30, required=False)
    household_income = LineField(
        label="家庭经济来源", max_length=120, required=False, help_text="如：打工、种养"
    )
    aid = LineField(
        label="享受的救助帮扶", max_length=120, required=False, help_text="如：低保、脱贫户、助学金"
    )
    note = forms.CharField(
        label="备注", max_length=1000, required=False, widget=forms.Textarea(attrs={"rows": 3, "cols": 40})
    )


class AddChildForm(_PersonFields):
    """Enter a child: name, sex, class and type are enough, everything else can wait (待补)."""

    submission = SubmissionField()
    name = NameField(label="姓名")
    sex = forms.ChoiceField(label="性别", choices=Sex.choices, widget=ChipRadioSelect)
    place = PlaceField(label="班级")
    type = forms.ChoiceField(
        label="父母外出",
        choices=[*AwayType.choices, ("none", "先不列入在册")],
        widget=ChipRadioSelect,
        help_text="问不清就选待核实",
    )
    starts_on = DayField(label="从哪天起", initial=_today, help_text="列入在册和到这个班的日期")
    boarding = forms.BooleanField(label="住校", required=False)
    id_number = IdNumberField(label="身份证号", required=False, help_text="加密保存")
    not_same = forms.BooleanField(label="不是同一个孩子，照样登记", required=False, widget=forms.HiddenInput)

    field_order = (
        "submission", "not_same", "name", "sex", "place", "type", "boarding", "starts_on", "id_number", "birth_date",
        "ethnic_group", "village", "address",
    )  # fmt: skip
    first = ("name", "sex", "place", "type", "boarding", "starts_on")

    def __init__(self, *args, user, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["place"].offer(user)

    @property
    def first_fields(self):
        """What must be there."""
        return [self[name] for name in self.first]

    @property
    def later_fields(self):
        """What can wait."""
        return [
            field
            for field in self.visible_fields()
            if field.name not in self.first and field.name != "not_same"
        ]

    @property
    def later_open(self):
        """Whether the fold with the rest is shown open: something there is filled or wrong."""
        return self.is_bound and any(field.errors or field.value() for field in self.later_fields)

    def ask_whether_same(self):
        """A child of this name is there: show the tick that says it is another one."""
        self.fields["not_same"].widget = forms.CheckboxInput()

    def draft(self):
        """The child as typed, not saved: for finding whom it may double."""
        data = self.cleaned_data
        child = Child(
            county=data["place"][0].county, name=data["name"], former_name=data["former_name"], sex=data["sex"],
            birth_date=data["birth_date"] or values.birth_date_of(data["id_number"]), village=data["village"],
            id_number=data["id_number"],
        )  # fmt: skip
        child.prepare()
        return child

    def clean_starts_on(self):
        day = self.cleaned_data["starts_on"]
        if day > _today():
            raise forms.ValidationError("日期不能在今天之后")
        return day

    def details(self):
        """Keyword arguments for ``children.add_child``."""
        data = dict(self.cleaned_data)
        school, school_class = data.pop("place")
        data.pop("not_same")
        data["type"] = "" if data["type"] == "none" else data["type"]
        return data | {"school": school, "school_class": school_class}


class BasicsForm(_PersonFields):
    """Correct what stands about a child. The ID number is never shown: blank leaves it."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)
    name = NameField(label="姓名")
    sex = forms.ChoiceField(label="性别", choices=Sex.choices, widget=ChipRadioSelect)
    id_number = IdNumberField(label="身份证号", required=False)
    drop_id_number = forms.BooleanField(label="原来的号码是错的，先清空", required=False)

    field_order = (
        "version", "name", "former_name", "sex", "id_number", "drop_id_number", "birth_date", "ethnic_group", "village",
        "address", "household_registration", "student_number", "health", "character", "household_size", "household_income", "aid", "note",
    )  # fmt: skip

    def __init__(self, *args, child, **kwargs):
        initial = {name: getattr(child, name) for name in self.base_fields if hasattr(child, name)}
        initial["id_number"] = ""
        super().__init__(*args, initial=initial, **kwargs)
        group = child.ethnic_group
        if group and group not in ETHNIC_GROUPS:
            self.fields["ethnic_group"].choices += [(group, group)]
        if child.id_number:
            self.fields["id_number"].help_text = f"现在是 {mask_id_number(child.id_number)}，不改就空着"
        else:
            del self.fields["drop_id_number"]

    def changes(self):
        """Keyword arguments for ``children.correct_child``."""
        data = dict(self.cleaned_data)
        data.pop("version")
        drop = data.pop("drop_id_number", False)
        if not data["id_number"] and not drop:
            data.pop("id_number")
        return data


class PlaceForm(forms.Form):
    """To a class (or none) from a day."""

    place = PlaceField(label="班级")
    starts_on = DayField(label="从哪天起", initial=_today)

    def __init__(self, *args, user, school=None, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["place"].offer(user, school)


def _reasons(words):
    return [(word, word) for word in words]


class LeaveForm(forms.Form):
    """Leaves the school."""

    last_day = DayField(label="在校最后一天", initial=_today)
    reason = forms.ChoiceField(
        label="原因", choices=_reasons(LEAVE_REASONS), widget=ChipRadioSelect(columns=True)
    )
    destination = LineField(
        label="去向", max_length=40, required=False, help_text="去了哪个省市县、哪所学校；转学一定要写"
    )

    def clean(self):
        cleaned = super().clean()
        if cleaned.get("reason") == LEAVE_REASONS[0] and not cleaned.get("destination"):
            self.add_error("destination", "请写明转到了哪里，以后好查")
        return cleaned


class CareListForm(forms.Form):
    """On the care list, or another type."""

    type = forms.ChoiceField(label="父母外出", choices=AwayType.choices, widget=ChipRadioSelect)
    starts_on = DayField(label="从哪天起", initial=_today)


class OffListForm(forms.Form):
    """Off the care list."""

    last_day = DayField(label="在册最后一天", initial=_today)
    reason = forms.ChoiceField(
        label="原因", choices=_reasons(OFF_LIST_REASONS), widget=ChipRadioSelect(columns=True)
    )


NEEDS_REASON = tuple(kind for kind in TraitKind if kind not in WITHOUT_REASON)


class TraitForm(forms.Form):
    """A trait with its reason."""

    kind = forms.ChoiceField(
        label="情况",
        choices=[choice for choice in TraitKind.choices if choice[0] != TraitKind.PARENTS_UNREACHABLE],
        widget=ChipRadioSelect(columns=True),
    )
    starts_on = DayField(label="从哪天起", initial=_today)
    details = forms.MultipleChoiceField(
        label="困境类型", choices=Hardship.choices, required=False, widget=ChipCheckboxSelectMultiple(columns=True),
        help_text="选了困境才选，可以选几样",
    )  # fmt: skip
    reason = forms.CharField(
        label="原因", required=False, max_length=1000,
        help_text="寄宿、随迁、流动不用写；加密保存，只有能打开档案的人看得到",
        widget=forms.Textarea(attrs={"rows": 3, "cols": 40}),
    )  # fmt: skip
    review_on = DayField(label="哪天再看一次", required=False, help_text="重点关注必须写")

    def clean(self):
        """困境 says which; nothing else does."""
        data = super().clean()
        hardship = data.get("kind") == TraitKind.HARDSHIP
        if hardship and not data.get("details"):
            self.add_error("details", "请选是哪一种困境")
        if data.get("kind") in NEEDS_REASON and not (data.get("reason") or "").strip():
            self.add_error("reason", "请写明原因")
        if (
            data.get("kind") == TraitKind.PRIORITY
            and not data.get("review_on")
            and "review_on" not in self.errors
        ):
            self.add_error("review_on", "重点关注要写哪天再看一次")
        if data.get("kind") and not hardship:
            data["details"] = []
        return data


class ReviewForm(forms.Form):
    """Still so; when to look again."""

    review_on = DayField(label="下次哪天再看")


class LastDayForm(forms.Form):
    """The last day something held."""

    last_day = DayField(label="最后一天", initial=_today)


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        label="原因", max_length=200, widget=forms.TextInput(attrs={"autocomplete": "off"})
    )


class AnswerForm(forms.Form):
    """The answer to an open question."""

    answer = forms.CharField(
        label="核实的结果", max_length=500, widget=forms.Textarea(attrs={"rows": 3, "cols": 40})
    )


class SearchForm(forms.Form):
    """Sent by POST: what is typed may be a number and never stands in an address."""

    q = forms.CharField(
        label="姓名、拼音首字母、身份证号或电话",
        max_length=50,
        widget=forms.TextInput(
            attrs={"type": "search", "autocomplete": "off", "placeholder": "如 李小满、lxm"}
        ),
    )


class StateReasonForm(forms.Form):
    """Which school's names, and what for."""

    school = forms.ModelChoiceField(
        label="学校", queryset=School.objects.none(), to_field_name="uid", empty_label="请选择"
    )
    reason = forms.CharField(label="用途", max_length=200, help_text="如：核对秋季补助名单")

    def __init__(self, *args, schools, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["school"].queryset = schools


class ChildFilter(forms.Form):
    """查询条件 of the list. No names here: those are searched by POST."""

    SHOWS = (
        ("", "在册"), ("priority", "重点关注"), ("alarm", "无人监护、独居"), ("questions", "有待核实"),
        ("incomplete", "资料待补"), ("off", "不在册"), ("left", "已离校"),
    )  # fmt: skip
    show = forms.ChoiceField(label="看哪些", choices=SHOWS, required=False)
    place = forms.ChoiceField(label="班级", required=False)
    type = forms.ChoiceField(label="父母外出", choices=[("", "全部"), *AwayType.choices], required=False)
    village = forms.ChoiceField(label="村", required=False)
    boarding = forms.ChoiceField(
        label="住校", choices=[("", "全部"), ("yes", "住校"), ("no", "不住校")], required=False
    )

    def __init__(self, *args, classes, schools, villages, names_only, **kwargs):
        super().__init__(*args, **kwargs)
        several = len(schools) > 1
        places = [("", "全部")]
        for school in schools:
            here = [(f"class:{c.uid}", c.name_on()) for c in classes if c.school_id == school.pk]
            here.append((f"none:{school.uid}", "还没分班"))
            if several:
                places.append((school.name, [(f"school:{school.uid}", f"{school.name}全校"), *here]))
            else:
                places += here
        self.fields["place"].choices = places
        if names_only:
            for name in ("show", "type", "village", "boarding"):
                del self.fields[name]
        else:
            self.fields["village"].choices = [("", "全部"), *((word, word) for word in villages)]
