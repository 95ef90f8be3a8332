"""Forms of contacts: one per kind, few fields, everything preset that can be."""

import uuid
from datetime import timedelta

from django import forms
from django.utils import timezone

from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect, DayInput

from ..contacts import CHANNELS, PARENTS, VISIT_FIELDS, party_codes, party_set
from ..models import Channel, ContactKind, Party

TOPICS = ["学习", "生活", "心情", "伙伴", "身体", "家里"]
PARTY_WORDS = {
    "child": Party.CHILD.label,
    "father": Party.FATHER.label,
    "mother": Party.MOTHER.label,
    "guardian": Party.GUARDIAN.label,
}
YES, NO = "yes", "no"
REACHED = [(YES, "联系上了"), (NO, "没联系上")]


def _day_word(day):
    return f"{day.month}月{day.day}日"


def _text(label, hint="", rows=3, limit=4000):
    return forms.CharField(
        label=label,
        help_text=hint,
        required=False,
        max_length=limit,
        widget=forms.Textarea(attrs={"rows": rows}),
        error_messages={"max_length": "最多写 %(limit_value)d 个字，这里有 %(show_value)d 个"},
    )


def _parties(label, codes):
    return forms.MultipleChoiceField(
        label=label,
        choices=[(code, PARTY_WORDS[code]) for code in codes],
        widget=ChipCheckboxSelectMultiple,
        required=False,
        error_messages={"invalid_choice": "请从上面的几样里选"},
    )


class ContactForm(forms.Form):
    """What every contact has. Subclasses name their kind and add what only they have.

    ``staff_options`` are colleagues (for whom one may type), ``phones`` [(uid, words)]; ``correcting`` leaves out the
    quick choices (today, topics), which only help a new entry.
    """

    kind = None
    said = "说了什么"
    party_codes = ()  # whom the form asks about
    fixed_parties = 0  # who belongs to every contact of this kind
    first_fields = ()
    more_fields = ("effect", "next_on")

    submission = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    when = forms.ChoiceField(label="哪一天", required=False, widget=ChipRadioSelect)
    day = forms.DateField(
        label="别的日子",
        required=False,
        widget=DayInput,
        help_text="填了就以这一天为准",
        error_messages={"invalid": "日期写成 2026-11-24 这样"},
    )
    channel = forms.ChoiceField(label="方式", required=False, widget=ChipRadioSelect)
    place = forms.CharField(
        label="地点",
        required=False,
        max_length=60,
        error_messages={"max_length": "地点最多 60 个字，这里有 %(show_value)d 个"},
    )
    words = _text("说了什么", "一两句就够")
    effect = _text("效果与跟进", rows=2)
    next_on = forms.DateField(
        label="下次跟进",
        required=False,
        widget=DayInput,
        error_messages={"invalid": "日期写成 2026-11-24 这样"},
    )
    staff = forms.ChoiceField(label="谁做的", required=False)
    companions = forms.MultipleChoiceField(
        label="一起的老师", required=False, widget=ChipCheckboxSelectMultiple
    )

    def __init__(
        self, data=None, *, staff_options, own_staff=None, correcting=False, initial=None, phones=()
    ):
        today = timezone.localdate()
        super().__init__(data, initial={"when": "today", **(initial or {})})
        self.staff_options = {str(one.uid): one for one in staff_options}
        if own_staff is not None:
            self.staff_options.setdefault(str(own_staff.uid), own_staff)
        self.own_staff = own_staff
        self.today = today
        names = [(key, one.name) for key, one in self.staff_options.items()]
        self.fields["staff"].choices = names if own_staff else [("", "请选"), *names]
        if own_staff and "staff" not in self.initial:
            self.initial["staff"] = str(own_staff.uid)
        self.fields["companions"].choices = names
        self.fields["when"].choices = [
            ("today", f"今天 {_day_word(today)}"),
            ("yesterday", f"昨天 {_day_word(today - timedelta(days=1))}"),
        ]
        self.fields["channel"].choices = [(one.value, one.label) for one in CHANNELS[self.kind]]
        self.fields["words"].label = self.said
        if self.party_codes:
            self.fields["parties"] = _parties(self.party_label, self.party_codes)
        if "phone" in self.fields:
            self.fields["phone"].choices = [*phones, ("", "记不得，或没打电话")]
            if not phones:
                del self.fields["phone"]
        if len(CHANNELS[self.kind]) == 1:
            del self.fields["channel"]
        if correcting:
            for name in ("when", "topics"):
                self.fields.pop(name, None)
            stored = self.initial.get("channel")
            if "channel" in self.fields and stored not in dict(self.fields["channel"].choices):
                self.fields["channel"].choices += [(stored, Channel(stored).label)]
            self.fields["day"].label, self.fields["day"].help_text = "哪一天", ""
            self.fields["day"].required = True
            self.fields["day"].error_messages["required"] = "请填哪一天"

    def _group(self, names):
        return [self[name] for name in names if name in self.fields]

    @property
    def first(self):
        """Fields that everybody sees."""
        return self._group(self.first_fields)

    @property
    def more(self):
        """Fields behind 更多."""
        return self._group(self.more_fields)

    @property
    def more_is_open(self):
        """Whether something behind 更多 is filled in or wrong."""
        return any(field.errors or field.value() for field in self.more)

    @property
    def others_is_open(self):
        """Whether the fold with the adults holds something unusual."""
        own = str(self.own_staff.uid) if self.own_staff else ""
        return (
            not own
            or bool(self["staff"].errors or self["companions"].errors or self["companions"].value())
            or (self["staff"].value() or own) != own
        )

    def clean_day(self):
        """A day that was filled in wins over the two quick choices."""
        day = self.cleaned_data.get("day")
        if day is None and "when" in self.fields:
            back = 1 if self.data.get(self.add_prefix("when")) == "yesterday" else 0
            day = self.today - timedelta(days=back)
        if day is not None and day > self.today:
            raise forms.ValidationError("日期不能晚于今天")
        return day

    def clean_staff(self):
        """Whoever did it; nothing chosen = the person signed in."""
        chosen = self.staff_options.get(self.cleaned_data.get("staff") or "")
        return chosen or self.own_staff

    def clean_companions(self):
        """Colleagues who took part."""
        return [self.staff_options[key] for key in self.cleaned_data["companions"]]

    def clean_parties(self):
        """As bits, with those who always belong to it."""
        return int(party_set(self.cleaned_data["parties"])) | self.fixed_parties

    def values(self):
        """Keyword arguments for ``log_contacts`` and ``correct_contact`` (children and submission apart)."""
        data = self.cleaned_data
        values = {
            "kind": self.kind,
            "day": data["day"],
            "channel": data.get("channel") or CHANNELS[self.kind][0],
            "parties": data.get("parties", int(self.fixed_parties)),
            "reached": data.get("reached", YES) != NO,
            "staff": data["staff"],
            "companions": data["companions"],
            "words": self._words(data),
            "effect": data.get("effect", ""),
            "next_on": data.get("next_on"),
            "place": data.get("place", ""),
        }
        if "needs_report" in self.fields:
            values["needs_report"] = data.get("needs_report") == YES
        if "minutes" in self.fields:
            values["minutes"] = data["minutes"]
        if "living" in self.fields:
            values["visit"] = {name: data[name] for name in VISIT_FIELDS}
        return values

    def _words(self, data):
        topics = data.get("topics") or []
        words = data.get("words", "").strip()
        return "。".join(part for part in ("谈到" + "、".join(topics) if topics else "", words) if part)

    @classmethod
    def initial_of(cls, values):
        """What the form shows for a contact as it stands (``contacts.values_of``)."""
        return {
            "day": values["day"],
            "channel": values["channel"].value,
            "parties": party_codes(values["parties"]),
            "reached": YES if values["reached"] else NO,
            "staff": str(values["staff"].uid),
            "companions": [str(one.uid) for one in values["companions"]],
            "phone": str(values["phone_uid"] or ""),
            "needs_report": YES if values["needs_report"] else NO,
            **values["visit"],
            **{name: values[name] for name in ("words", "effect", "next_on", "place", "minutes")},
        }


def _report_field():
    return forms.ChoiceField(
        label="需要强制报告吗？",
        choices=[(NO, "不需要"), (YES, "需要，或拿不准")],
        initial=NO,
        required=False,
        widget=ChipRadioSelect,
        help_text="有人伤害孩子、孩子长期没人管、走失这一类",
    )


class TalkForm(ContactForm):
    """谈心."""

    kind = ContactKind.TALK
    fixed_parties = Party.CHILD
    first_fields = ("topics", "words")

    topics = forms.MultipleChoiceField(
        label="谈到了",
        help_text="可以选几样",
        required=False,
        choices=[(word, word) for word in TOPICS],
        widget=ChipCheckboxSelectMultiple(columns=True),
    )
    needs_report = _report_field()

    def clean(self):
        """An empty talk says nothing to whoever reads it later."""
        data = super().clean()
        if "words" not in self.errors and not data.get("topics") and not data.get("words", "").strip():
            self.add_error("words", "点一样谈到的，或者写一两句")
        return data


class HomeVisitForm(ContactForm):
    """家访."""

    kind = ContactKind.HOME_VISIT
    party_codes = ("child", "father", "mother", "guardian")
    party_label = "见到了谁"
    said = "别的话"
    first_fields = ("reached", "parties", "living", "care", "needs", "agreed", "words")

    reached = forms.ChoiceField(
        label="家里有人吗",
        choices=[(YES, "见到人了"), (NO, "家里没人")],
        initial=YES,
        required=False,
        widget=ChipRadioSelect,
    )
    living = _text("居住与生活环境", rows=2)
    care = _text("照看情况", rows=2)
    needs = _text("家长意见与困难", rows=2)
    agreed = _text("商定的事", rows=2)
    needs_report = _report_field()

    def clean_parties(self):
        """Nobody at home: whoever cares for the child is who was to be met."""
        bits = super().clean_parties()
        if not bits and self.data.get(self.add_prefix("reached")) == NO:
            return int(Party.GUARDIAN)
        if not bits:
            raise forms.ValidationError("请选见到了谁；家里没人，上面选“家里没人”")
        return bits


class GuardianContactForm(ContactForm):
    """联系家长: by phone, video, message; 见家长 is the same kind in person."""

    kind = ContactKind.GUARDIAN_CONTACT
    party_codes = ("father", "mother", "guardian")
    party_label = "联系了谁"
    first_fields = ("parties", "phone", "reached", "words")

    phone = forms.ChoiceField(label="打的哪个号码", required=False, widget=ChipRadioSelect)
    reached = forms.ChoiceField(
        label="联系上了吗", choices=REACHED, initial=YES, required=False, widget=ChipRadioSelect
    )

    def __init__(self, *args, correcting=False, **kwargs):
        super().__init__(*args, correcting=correcting, **kwargs)
        if not correcting:  # in person is 见面, a button of its own
            ways = [way for way in self.fields["channel"].choices if way[0] != Channel.IN_PERSON]
            self.fields["channel"].choices = ways

    def clean_parties(self):
        """One at least; the chosen number names its owner."""
        bits = super().clean_parties()
        if not bits and not self.data.get(self.add_prefix("phone")):
            raise forms.ValidationError("请选联系的是谁")
        return bits


class FamilyCallForm(ContactForm):
    """亲情电话: child and parent."""

    kind = ContactKind.FAMILY_CALL
    fixed_parties = Party.CHILD
    party_codes = ("father", "mother")
    party_label = "和谁通的话"
    said = "记一句"
    first_fields = ("parties", "reached", "minutes", "words")
    more_fields = ()

    reached = forms.ChoiceField(
        label="打通了吗",
        choices=[(YES, "通上话了"), (NO, "没打通")],
        initial=YES,
        required=False,
        widget=ChipRadioSelect,
    )
    minutes = forms.IntegerField(
        label="说了几分钟",
        help_text="大概就行",
        required=False,
        min_value=1,
        max_value=300,
        error_messages={
            "invalid": "请填数字，如 10",
            "min_value": "不到 1 分钟就填 1",
            "max_value": "最多 300 分钟，请核对",
        },
    )

    def clean_parties(self):
        """A parent at least."""
        bits = super().clean_parties()
        if not bits & PARENTS:
            raise forms.ValidationError("请选和爸爸还是妈妈通的话")
        return bits


class LetterForm(ContactForm):
    """书信 between child and parent: that it was written, never the letter itself."""

    kind = ContactKind.LETTER
    fixed_parties = Party.CHILD
    party_codes = ("father", "mother")
    party_label = "和谁通信"
    said = "记一句"
    first_fields = ("parties", "words")
    more_fields = ()

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["words"].help_text = "如：孩子写的，已寄出。不抄信里的话"

    def clean_parties(self):
        """A parent at least."""
        bits = super().clean_parties()
        if not bits & PARENTS:
            raise forms.ValidationError("请选和爸爸还是妈妈通的信")
        return bits


FORMS = {
    form.kind.value: form
    for form in (TalkForm, HomeVisitForm, GuardianContactForm, FamilyCallForm, LetterForm)
}


class MeetingForm(GuardianContactForm):
    """见面: guardian contact in person."""

    party_label = "见到了谁"

    def __init__(self, data=None, *, phones=(), **kwargs):
        super().__init__(data, phones=(), **kwargs)
        self.fields["channel"].choices = [(Channel.IN_PERSON.value, Channel.IN_PERSON.label)]
        self.fields["reached"].label = "见到了吗"
        self.fields["reached"].choices = [(YES, "见到了"), (NO, "没见到")]

    def values(self):
        """In person, whatever was sent."""
        return super().values() | {"channel": Channel.IN_PERSON}


class CancelForm(forms.Form):
    """Why a record is cancelled."""

    version = forms.IntegerField(widget=forms.HiddenInput)
    reason = forms.CharField(
        label="为什么作废",
        max_length=200,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={
            "required": "作废要写原因，如：记重了、记错了孩子",
            "max_length": "原因最多 200 个字，这里有 %(show_value)d 个",
        },
    )
