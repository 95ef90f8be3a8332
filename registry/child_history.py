"""What was changed in a child's file (改动记录): who, when, from what to what, for the child, its adults and their phones."""

from dataclasses import dataclass
from datetime import datetime

from trust.masking import mask_id_number, mask_phone

from .access import Show
from .models import Child, Guardian, Phone

LEFT_OUT = {
    "id", "uid", "version", "county", "name_key", "initials", "id_number_index", "number_index", "guardian", "created_at",
    "position",
}  # fmt: skip
MASKED = {"id_number": mask_id_number, "number": mask_phone}
CLOSE = {"address", "health", "note"}  # shown to those who see the address


@dataclass(frozen=True)
class Change:
    """One field of one row, changed once."""

    at: datetime
    who: str
    whom: str
    field: str
    old: str
    new: str


def changes_of(child, family, sight):
    """All changes after the first entry, newest first, with what ``sight`` hides left out. Three queries."""
    adults = {adult.guardian.pk: adult.word for adult in family.adults}
    phones = Phone.history.filter(guardian__in=adults)
    found = _changes(Child.history.filter(id=child.pk), lambda row: child.name, sight)
    found += _changes(Guardian.history.filter(id__in=adults), lambda row: adults[row.id], sight)
    if sight.phone != Show.NO:
        found += _changes(phones, lambda row: f"{adults[row.guardian_id]}的电话", sight)
    return sorted(found, key=lambda change: change.at, reverse=True)


def _changes(rows, whom, sight):
    before, found = {}, []
    for row in rows.select_related("history_user").order_by("history_date", "history_id"):
        old = before.get(row.id)
        before[row.id] = row
        if old is None:
            continue
        for field in row.instance_type._meta.concrete_fields:
            if field.name in LEFT_OUT or _hidden(field.name, sight):
                continue
            was, now = _words(old, field), _words(row, field)
            if was != now:
                who = str(row.history_user) if row.history_user else "系统"
                found.append(Change(row.history_date, who, whom(row), field.verbose_name, was, now))
    return found


def _hidden(name, sight):
    if name == "id_number":
        return sight.id_number == Show.NO
    return name in CLOSE and sight.phone != Show.CALL


def _words(row, field):
    value = getattr(row, field.name)
    if value in (None, ""):
        return ""
    if field.name in MASKED:
        return MASKED[field.name](value)
    if field.choices:
        return str(dict(field.choices).get(value, value))
    return str(value)
