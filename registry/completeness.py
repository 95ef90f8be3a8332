"""档案是否齐全 (C029 建档率; F56 建档率 100 %; F57 无缺项漏项): what a complete file has, of one child and of thousands.

``NEEDS`` is the one list: ``missing_of`` asks it of a loaded file, ``lacking`` and ``rates_by`` ask it in SQL. A parent's
whereabouts are known when the parent is away on record, cares for the child, has died, or a condition (失联, 服刑…) says why not.
"""

from dataclasses import dataclass

from django.db.models import BooleanField, Count, Exists, ExpressionWrapper, OuterRef, Q
from django.urls import reverse
from django.utils import timezone

from .models import (
    AdultCondition,
    AwayType,
    CareListSpell,
    Enrollment,
    Guardianship,
    Kinship,
    ParentWork,
    Phone,
    Relation,
)

# What the child's own page of basics asks for, in the order of the form.
WANTED = {
    "id_number": "身份证号",
    "birth_date": "出生日期",
    "ethnic_group": "民族",
    "village": "村（社区）",
    "address": "现住址",
    "household_registration": "户籍所在地",
    "health": "身体状况",
}
NEEDS = {
    "phone": "能打通的电话",
    "carer": "谁在照看",
    "father": "父亲在哪里",
    "mother": "母亲在哪里",
    "type": "留守类型",
    "class": "班级",
} | WANTED
_PARENTS = {"father": Relation.FATHER, "mother": Relation.MOTHER}


@dataclass(frozen=True)
class Lack:
    """One thing a file lacks, and the form that takes it."""

    code: str
    url: str

    @property
    def word(self):
        """As the page says it."""
        return NEEDS[self.code]


# --- one file -----------------------------------------------------------------------------------------------------------


def codes_missing(child, adults, enrollment=None, listed=None):
    """Codes of what the file lacks, from what is already loaded (``families_of``). No query."""
    missing = []
    if not any(phone.works for adult in adults for phone in adult.phones):
        missing.append("phone")
    if not any(adult.is_carer for adult in adults):
        missing.append("carer")
    for code, relation in _PARENTS.items():
        parent = next((adult for adult in adults if adult.kinship.relation == relation), None)
        if parent is None or not _whereabouts_known(parent):
            missing.append(code)
    if listed is not None and listed.type == AwayType.UNKNOWN:
        missing.append("type")
    if enrollment is not None and enrollment.school_class_id is None:
        missing.append("class")
    return missing + [name for name in WANTED if not getattr(child, name)]


def _whereabouts_known(adult):
    return bool(adult.guardian.died_on or adult.work or adult.is_carer or adult.conditions)


def missing_of(child, adults, enrollment=None, listed=None):
    """What the file still lacks (待补), in words; the phone that answers first of all."""
    return [NEEDS[code] for code in codes_missing(child, adults, enrollment, listed)]


def doors(child, adults, codes):
    """Lacks with the exact form for each: one tap to fill it."""
    return [Lack(code, _door(child, adults, code)) for code in codes]


def _door(child, adults, code):
    add = reverse("registry:guardian_add", args=[child.uid])
    if code == "phone":
        return reverse("registry:phone_add", args=[child.uid, adults[0].uid]) if adults else add
    if code == "carer":
        home = next((adult for adult in adults if not adult.work and not adult.guardian.died_on), None)
        return reverse("registry:care_start", args=[child.uid, home.uid]) if home else add
    if code in _PARENTS:
        parent = next((adult for adult in adults if adult.kinship.relation == _PARENTS[code]), None)
        return reverse("registry:work_start", args=[child.uid, parent.uid]) if parent else add
    if code == "type":
        return reverse("registry:child_list_on", args=[child.uid])
    if code == "class":
        return reverse("registry:child_class", args=[child.uid])
    return reverse("registry:child_basics", args=[child.uid]) + f"#id_{code}"


# --- many files ---------------------------------------------------------------------------------------------------------


def _lacks(path, day):
    """{code: Q} over rows that name a child by ``path`` ("" = the row is the child)."""
    child = OuterRef(path or "pk")
    prefix = f"{path}__" if path else ""
    family = Kinship.objects.filter(child=child)
    reachable = Phone.objects.filter(ended_on=None, wrong_since=None).values("guardian")
    caring = Guardianship.objects.on(day)
    found = {
        "phone": ~Exists(family.filter(guardian__in=reachable)),
        "carer": ~Exists(caring.filter(child=child)),
    }
    for code, relation in _PARENTS.items():
        known = (
            Q(guardian__died_on__isnull=False)
            | Q(guardian__in=ParentWork.objects.on(day).values("guardian"))
            | Q(guardian__in=AdultCondition.objects.on(day).values("guardian"))
            | Q(Exists(caring.filter(child=OuterRef("child"), guardian=OuterRef("guardian"))))
        )
        found[code] = ~Exists(family.filter(known, relation=relation))
    found["type"] = Exists(CareListSpell.objects.on(day).filter(child=child, type=AwayType.UNKNOWN))
    if path:
        found["class"] = Q(school_class=None)
    else:
        found["class"] = Exists(Enrollment.objects.on(day).filter(child=child, school_class=None))
    for name in WANTED:
        empty = {f"{prefix}{name}__isnull": True} if name == "birth_date" else {f"{prefix}{name}": ""}
        found[name] = Q(**empty)
    return found


def lacking(children, code="", day=None):
    """Narrow ``children`` to those whose file lacks something, or just this one thing."""
    lacks = _lacks("", day or timezone.localdate())
    if code:
        return children.filter(lacks[code])
    anything = Q()
    for condition in lacks.values():
        anything |= Q(condition)
    return children.filter(anything)


@dataclass
class Rate:
    """建档率 of a place: complete files out of all, and how many lack what."""

    total: int = 0
    complete: int = 0
    missing: dict | None = None

    @property
    def percent(self):
        """91.7, or None where there is no child."""
        return round(self.complete * 100 / self.total, 1) if self.total else None


def rates_by(seats, *fields, day=None):
    """{values of ``fields``: Rate} over seats (Enrollments) of listed children. One statement, whatever their number."""
    day = day or timezone.localdate()
    lacks = {
        f"lacks_{code}": ExpressionWrapper(Q(condition), output_field=BooleanField())
        for code, condition in _lacks("child", day).items()
    }
    seats = seats.on(day).filter(child__in=CareListSpell.objects.on(day).values("child"))
    whole = Q(**dict.fromkeys(lacks, False))
    counted = {f"n_{code}": Count("pk", filter=Q(**{f"lacks_{code}": True})) for code in NEEDS}
    rows = (
        seats.order_by()
        .annotate(**lacks)
        .values(*fields)
        .annotate(total=Count("pk"), complete=Count("pk", filter=whole), **counted)
    )
    return {
        tuple(row[name] for name in fields): Rate(
            row["total"], row["complete"], {code: row[f"n_{code}"] for code in NEEDS}
        )
        for row in rows
    }


def add_up(found):
    """One Rate of several."""
    whole = Rate(missing=dict.fromkeys(NEEDS, 0))
    for rate in found:
        whole.total, whole.complete = whole.total + rate.total, whole.complete + rate.complete
        for code in NEEDS:
            whole.missing[code] += rate.missing[code]
    return whole


def rate_of(seats, day=None):
    """建档率 of all these seats together."""
    return add_up(rates_by(seats, "school", day=day).values())
