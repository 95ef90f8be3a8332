"""Forms of the calendar."""

from django import forms

from trust.widgets import ChipRadioSelect

from ..models import DayKind, Season
from ..school_calendar import USUAL
from .fields import DayField, LineField


class TermsForm(forms.Form):
    """First and last day of both terms."""

    autumn_first = DayField(label="第一学期开学")
    autumn_last = DayField(label="第一学期最后一天")
    spring_first = DayField(label="第二学期开学")
    spring_last = DayField(label="第二学期最后一天")

    def __init__(self, *args, terms, **kwargs):
        initial = {}
        for season, (first, last) in terms.items():
            initial[f"{season}_first"], initial[f"{season}_last"] = first, last
        super().__init__(*args, initial=initial, **kwargs)

    def terms(self):
        """{season: (first, last)} for ``registry.school_calendar``."""
        return {
            season: (self.cleaned_data[f"{season}_first"], self.cleaned_data[f"{season}_last"])
            for season in (Season.AUTUMN, Season.SPRING)
        }


class DraftForm(TermsForm):
    """Both terms, and which of the public days are taken over."""

    days = forms.MultipleChoiceField(required=False, widget=forms.CheckboxSelectMultiple, label="放假和调休")

    def __init__(self, *args, proposed, **kwargs):
        super().__init__(*args, **kwargs)
        self.proposed = {f"{one.day:%Y-%m-%d}": one for one in proposed}
        self.fields["days"].choices = [
            (key, f"{key} {one.kind_word} {one.name}") for key, one in self.proposed.items()
        ]
        self.fields["days"].initial = list(self.proposed)

    def kept(self):
        """The proposed days that stay."""
        return [self.proposed[key] for key in self.cleaned_data["days"]]


class DaysForm(forms.Form):
    """What some days are."""

    first = DayField(label="从哪天")
    last = DayField(label="到哪天", required=False, help_text="只有一天就空着")
    kind = forms.ChoiceField(
        label="这些天", choices=[*DayKind.choices, (USUAL, "按平常")], widget=ChipRadioSelect
    )
    name = LineField(label="名称", max_length=40, required=False, help_text="如：运动会、秋收假")


class ClosingForm(forms.Form):
    """Another closing day for a month."""

    closes_on = DayField(label="结账日", required=False, help_text="空着就按平常的结账日")
