"""The form that asks for an excuse."""

from django import forms

from trust.widgets import ChipCheckboxSelectMultiple, DayInput


class ExcuseForm(forms.Form):
    """From–to, which duties (none ticked = all), why."""

    starts_on = forms.DateField(label="从", widget=DayInput())
    ends_on = forms.DateField(label="到", widget=DayInput())
    rule_codes = forms.MultipleChoiceField(
        label="哪些要求", required=False, widget=ChipCheckboxSelectMultiple(), help_text="都不选就是全部"
    )
    reason = forms.CharField(label="原因", max_length=200, help_text="如：住院、随父母在外、在家养伤")

    def __init__(self, *args, rules=(), **kwargs):
        super().__init__(*args, **kwargs)
        self.fields["rule_codes"].choices = [(rule.code, rule.name) for rule in rules]

    def clean(self):
        """The end is not before the start."""
        data = super().clean()
        if data.get("starts_on") and data.get("ends_on") and data["ends_on"] < data["starts_on"]:
            self.add_error("ends_on", "结束日期不能早于开始日期")
        return data
