"""The form of a handover (交接): who takes over, child by child, and what the next one must know."""

from django import forms
from django.utils import timezone

from pairing.forms import StaffField, load_groups
from pairing.models import EndReason
from registry.forms.fields import DayField, LineField, SubmissionField
from trust.widgets import ChipRadioSelect

WORDS = 1000
REASONS = (EndReason.STAFF_LEFT, EndReason.STAFF_DUTIES, EndReason.WISH, EndReason.OTHER)


class HandoverForm(forms.Form):
    """One teacher for all, or another for single children; with each the habits of the family and what was promised."""

    submission = SubmissionField()
    day = DayField(label="从哪天起", help_text="这一天起由新老师包保", initial=timezone.localdate)
    reason = forms.ChoiceField(
        label="为什么交接", choices=[(one.value, one.label) for one in REASONS], initial=EndReason.STAFF_DUTIES,
        widget=ChipRadioSelect,
    )  # fmt: skip
    note = LineField(label="说明", required=False, max_length=200)
    everyone = StaffField(label="都交给", required=False, help_text="有孩子另交给别人的，在下面单独选")

    def __init__(self, *args, ties, loads, **kwargs):
        super().__init__(*args, **kwargs)
        groups = load_groups(loads)
        self.fields["everyone"].offer(groups)
        self.ties = list(ties)
        for tie in self.ties:
            self.fields[f"to-{tie.uid}"] = one = StaffField(label="另交给", required=False)
            one.offer(groups)
            self.fields[f"habits-{tie.uid}"] = _words(
                "这一家的情况和习惯", "什么时候在家、听谁的话、要注意什么"
            )
            self.fields[f"promises-{tie.uid}"] = _words("答应过的事", "答应过孩子和家长、还没做到的")

    def rows(self):
        """[(tie, fields of the tie)] for the page."""
        return [
            (tie, [self[f"{name}-{tie.uid}"] for name in ("to", "habits", "promises")]) for tie in self.ties
        ]

    def plain_fields(self):
        """The fields that are not about one child."""
        return [self[name] for name in ("day", "reason", "note", "everyone")]

    def clean(self):
        cleaned = super().clean()
        for tie in self.ties:
            name = f"to-{tie.uid}"
            if name not in self.errors and "everyone" not in self.errors:
                cleaned[name] = cleaned.get(name) or cleaned.get("everyone")
                if cleaned[name] is None:
                    self.add_error(name, f"请选谁来接手{tie.child.name}")
        return cleaned


def _words(label, hint):
    return forms.CharField(
        label=label,
        required=False,
        max_length=WORDS,
        help_text=hint,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
