"""Forms of printing: which numbers in full and why, a page or a file; which cards are issued to whom."""

import uuid

from django import forms

from trust.widgets import ChipCheckboxSelectMultiple, ChipRadioSelect

from ..exports import PURPOSES
from ..printing.cards import HOLDERS
from ..printing.numbers import Numbers

PAGE, FILE = "page", "file"


class _NumbersForm(forms.Form):
    submission = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)
    numbers = forms.ChoiceField(
        label="号码", choices=Numbers.choices, initial=Numbers.MASKED, widget=ChipRadioSelect,
        error_messages={"required": "请选号码怎么印", "invalid_choice": "请从给出的几样里选"},
        help_text="印完整号码要写明用途，会留下记录",
    )  # fmt: skip
    reason = forms.CharField(
        label="为什么要完整号码", required=False, max_length=200, help_text="如：发给班主任联系家长",
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )  # fmt: skip

    def clean_numbers(self):
        """As the papers know it."""
        return Numbers(self.cleaned_data["numbers"])


class PrintOptionsForm(_NumbersForm):
    """Numbers and purpose, for a page or a file."""

    purpose = forms.ChoiceField(
        label="做什么用", choices=list(PURPOSES.items()), initial="file", widget=ChipRadioSelect,
        error_messages={"required": "请选做什么用", "invalid_choice": "请从给出的几样里选"},
    )  # fmt: skip
    way = forms.ChoiceField(
        choices=[(PAGE, "打开打印页"), (FILE, "做成文件")], widget=forms.HiddenInput, required=False
    )

    field_order = ("submission", "numbers", "reason", "purpose", "way")


class IssueCardsForm(_NumbersForm):
    """Contact cards printed and handed out."""

    holders = forms.MultipleChoiceField(
        label="交给谁", choices=list(HOLDERS.items()), initial=list(HOLDERS), widget=ChipCheckboxSelectMultiple,
        error_messages={"required": "请选交给谁保管", "invalid_choice": "请从给出的几样里选"},
        help_text="学校、年级、班主任、科任教师各执一份",
    )  # fmt: skip
    child = forms.ModelMultipleChoiceField(
        label="哪些孩子", queryset=None, to_field_name="uid", error_messages={
            "required": "请先勾选孩子", "invalid_choice": "有的孩子不在这个班的名单里，请重新勾选",
            "invalid_pk_value": "请重新勾选孩子",
        },
    )  # fmt: skip

    field_order = ("submission", "holders", "numbers", "reason", "child")

    def __init__(self, *args, children, **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["child"].queryset = children
