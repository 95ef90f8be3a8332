"""Form widgets of the house: real radios and checkboxes that look like chips (选一样、选几样)."""

from django import forms


class _Chips:
    template_name = "parts/chips.html"

    def __init__(self, attrs=None, choices=(), *, columns: bool = False):
        # ``columns``: equal columns, for six choices or more.
        attrs = {**(attrs or {}), **({"columns": True} if columns else {})}
        super().__init__(attrs=attrs, choices=choices)


class ChipRadioSelect(_Chips, forms.RadioSelect):
    """Choose one (选一样)."""


class ChipCheckboxSelectMultiple(_Chips, forms.CheckboxSelectMultiple):
    """Choose several (选几样)."""


class DayInput(forms.DateInput):
    """A day, with the phone's own calendar."""

    input_type = "date"

    def __init__(self, attrs=None):
        super().__init__(attrs=attrs, format="%Y-%m-%d")


class MonthInput(forms.DateInput):
    """A month (2026-11), with the browser's own picker where there is one."""

    input_type = "month"

    def __init__(self, attrs=None):
        super().__init__(attrs={"placeholder": "2026-11", **(attrs or {})}, format="%Y-%m")


class TimeInput(forms.TimeInput):
    """A time of day, 24 hours."""

    input_type = "time"

    def __init__(self, attrs=None):
        super().__init__(attrs=attrs, format="%H:%M")
