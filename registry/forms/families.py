"""Forms about a family: adults, phones, who cares, where parents work."""

from django import forms
from django.utils import timezone

from trust.masking import mask_id_number
from trust.widgets import ChipRadioSelect

from ..models import Ability, Authority, ConditionKind, Relation, Sex
from .fields import DayField, IdNumberField, LineField, NameField, PhoneField, SubmissionField


def _today():
    return timezone.localdate()


# Short words for the chips; what is really said goes into the field below.
SHORT_WORDS = {
    Relation.UNCLE: "叔伯舅辈",
    Relation.AUNT: "姑姨婶辈",
    Relation.SIBLING: "哥哥姐姐",
    Relation.STEP_PARENT: "继父继母",
}
RELATIONS = [(value, SHORT_WORDS.get(value, label)) for value, label in Relation.choices]
SAID_DIFFERENTLY = {*SHORT_WORDS, Relation.OTHER_RELATIVE, Relation.OTHER}


class KinshipFields(forms.Form):
    """What the adult is to the child."""

    relation = forms.ChoiceField(label="是孩子的", choices=RELATIONS, widget=ChipRadioSelect(columns=True))
    as_written = LineField(
        label="平时怎么叫", max_length=20, required=False, help_text="如：姑姑；不填就用上面的"
    )

    def clean(self):
        """A relation of many words (伯母、婶婶…) needs the one that is said."""
        data = super().clean()
        if data.get("relation") in SAID_DIFFERENTLY and not data.get("as_written"):
            self.add_error("as_written", "请写平时怎么叫，如：姑姑、大伯、邻居")
        return data


class _AdultFields(forms.Form):
    sex = forms.ChoiceField(label="性别", choices=[("", "没填"), *Sex.choices], required=False)
    birth_date = DayField(label="出生日期", required=False)
    id_number = IdNumberField(label="身份证号", required=False, help_text="加密保存")
    occupation = LineField(label="职业", max_length=60, required=False)
    health = LineField(label="健康状况", max_length=200, required=False)
    note = LineField(label="备注", max_length=500, required=False)


class AddGuardianForm(KinshipFields, _AdultFields):
    """A new adult; one already known by phone or ID number is offered first."""

    submission = SubmissionField()
    name = NameField(label="姓名")
    phone = PhoneField(label="电话", required=False)
    cares = forms.BooleanField(label="孩子现在由他（她）照看", required=False)
    another = forms.BooleanField(required=False, widget=forms.HiddenInput)

    field_order = (
        "submission", "another", "name", "relation", "as_written", "phone", "cares", "sex", "birth_date", "id_number",
    )  # fmt: skip

    def details(self):
        """Keyword arguments for ``families.add_guardian``."""
        data = dict(self.cleaned_data)
        data.pop("another")
        data.pop("cares")
        return data


class GuardianForm(KinshipFields, _AdultFields):
    """Correct an adult. The ID number is never shown: blank leaves it."""

    version = forms.IntegerField(widget=forms.HiddenInput, min_value=1, max_value=2**31 - 1)
    name = NameField(label="姓名")
    died_on = DayField(label="去世日期", required=False)

    field_order = ("version", "name", "relation", "as_written")

    def __init__(self, *args, guardian, kinship, **kwargs):
        initial = {name: getattr(guardian, name) for name in self.base_fields if hasattr(guardian, name)}
        initial |= {"id_number": "", "relation": kinship.relation, "as_written": kinship.as_written}
        super().__init__(*args, initial=initial, **kwargs)
        if guardian.id_number:
            self.fields["id_number"].help_text = f"现在是 {mask_id_number(guardian.id_number)}，不改就空着"

    def changes(self):
        """Keyword arguments for ``families.correct_guardian``."""
        data = dict(self.cleaned_data)
        for name in ("version", "relation", "as_written"):
            data.pop(name)
        if not data["id_number"]:
            data.pop("id_number")
        return data


class PhoneForm(forms.Form):
    """One more phone."""

    number = PhoneField(label="电话")
    label = LineField(label="说明", max_length=20, required=False, help_text="如：工厂宿舍")
    first = forms.BooleanField(label="先打这个", required=False)


class GuardianshipForm(forms.Form):
    """Who cares from when, by what right; a new assessment (监护评估) is a change from the day it was made."""

    starts_on = DayField(label="从哪天起", initial=_today, help_text="改评估就写评估的日期")
    authority = forms.ChoiceField(
        label="照看依据", choices=Authority.choices, initial=Authority.INFORMAL, widget=ChipRadioSelect
    )
    lives_with = forms.BooleanField(label="和孩子同住", required=False, initial=True)
    ability = forms.ChoiceField(
        label="监护评估", choices=[("", "还没评估"), *Ability.choices], required=False
    )
    instead_of_others = forms.BooleanField(label="原来照看的人不再照看", required=False)


class WorkForm(forms.Form):
    """Away for work: since when, where, doing what."""

    starts_on = DayField(label="从哪天起", initial=_today)
    starts_on_known = forms.BooleanField(label="日期是准的", required=False, initial=True)
    place = LineField(
        label="务工地", max_length=100, help_text="省、市，如：广东省东莞市",
        widget=forms.TextInput(attrs={"list": "cities", "autocomplete": "off"}),
    )  # fmt: skip
    employer = LineField(label="单位", max_length=100, required=False)
    trade = LineField(label="做什么", max_length=40, required=False)
    address = LineField(label="单位地址", max_length=200, required=False, help_text="加密保存")
    phone = PhoneField(label="在外的电话", required=False, help_text="换了号码才填；会排在最前面")
    expected_return_on = DayField(label="预计哪天回来", required=False)


class ConditionForm(forms.Form):
    """What keeps an adult from caring for the child."""

    kind = forms.ChoiceField(
        label="什么情况", choices=ConditionKind.choices, widget=ChipRadioSelect(columns=True)
    )
    starts_on = DayField(label="从哪天起", initial=_today)
    note = LineField(
        label="说明", max_length=200, required=False, help_text="加密保存，只有能看住址的人看得到"
    )
