"""新学年 (C109): what the turn of the school year asks of a school, computed for a day; nothing here is stored.

Grades roll on 15 August and classes end with their last term by themselves. What people must still say: where graduates
go, which first classes open, who teaches them, who sits where.
"""

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

from registry import class_moves, staff
from registry.models import GRADE_NAMES, Enrollment, SchoolClass, SchoolYear, Term
from registry.places import entry_year_of

from .models import Pairing, Transfer, TransferState
from .pairings import orphaned

OPENS_IN = 5  # from May on the page speaks of the autumn to come


def year_of(today):
    """The school year the page is about: from May on the one that begins this autumn."""
    return today.year if today.month >= OPENS_IN else today.year - 1


@dataclass
class Graduate:
    """A child of a class that ends, and what is known of where it goes."""

    seat: Enrollment
    words: str
    open: bool  # nobody has said yet


@dataclass
class FirstClass:
    """The first grade of a stage at a school: what is there and what is proposed."""

    school: object
    grade: int
    there: int
    proposed: int

    @property
    def name(self):
        """一年级, 七年级, 小班."""
        return GRADE_NAMES[self.grade]


@dataclass
class YearEnd:
    """All that the page shows."""

    year: int
    first_day: date
    graduates: list = field(default_factory=list)
    classes: list = field(default_factory=list)  # that end
    firsts: list = field(default_factory=list)
    vacant: list = field(default_factory=list)  # classes of the new year without a class teacher
    unplaced: int = 0
    loose: int = 0
    calendar: str = ""

    @property
    def undecided(self):
        """How many graduates nobody has said anything about."""
        return sum(one.open for one in self.graduates)


def year_end(user, schools, today):
    """The turn of the year at ``schools`` as known today; a fixed number of statements."""
    schools = list(schools)
    year = year_of(today)
    first_day = date(year, 9, 1)
    found = YearEnd(year, first_day)
    found.classes = list(class_moves.graduating(schools, year))
    found.graduates = _graduates(found.classes)
    found.firsts = _first_classes(schools, year)
    found.vacant = [one for _, one in staff.vacancies(schools, max(first_day, today)) if one is not None]
    day = max(first_day, today)
    found.unplaced = Enrollment.objects.on(day).filter(school__in=schools, school_class=None).count()
    found.loose = orphaned(Pairing.objects.visible_to(user), today).count()
    found.calendar = _calendar(schools, year)
    return found


def _graduates(classes):
    seats = list(class_moves.graduates(classes))
    children = [seat.child_id for seat in seats]
    sent = {
        one.child_id: one
        for one in Transfer.objects.filter(child__in=children, state=TransferState.SENT).select_related(
            "to_school"
        )
    }
    later = {}
    for seat in (
        Enrollment.objects.valid().filter(child__in=children).select_related("school").order_by("starts_on")
    ):
        later[seat.child_id] = seat
    return [_graduate(seat, sent.get(seat.child_id), later[seat.child_id]) for seat in seats]


def _graduate(seat, transfer, last):
    if last.pk != seat.pk:
        return Graduate(seat, f"已到{last.school.name}", False)
    if transfer is not None:
        return Graduate(seat, f"已发给{transfer.to_school.name}，等接收", False)
    if seat.end_reason:
        return Graduate(seat, seat.end_reason, False)
    return Graduate(seat, "还没定去向", True)


def _first_classes(schools, year):
    """The first grade of each stage: as many classes proposed as began the year before, at least one."""
    begun = Counter(
        SchoolClass.objects.filter(school__in=schools, entry_year__in=(year, year - 1)).values_list(
            "school", "stage", "entry_year"
        )
    )
    firsts = []
    for school in schools:
        if school.ends_on and school.ends_on < date(year, 9, 1):
            continue
        for stage in school.stages:
            there, before = begun[school.pk, stage, year], begun[school.pk, stage, year - 1]
            firsts.append(
                FirstClass(school, school.first_grade(stage), there, 0 if there else max(before, 1))
            )
    return firsts


def _calendar(schools, year):
    """What the county's calendar of the year still lacks, in words; "" if nothing."""
    county = schools[0].county_id if schools else None
    name = f"{year}—{year + 1}学年"
    terms = Term.objects.filter(county=county, year=year).count()
    if terms < 2:
        return f"{name}的学期还没有填，请县里在“校历”里填"
    if not SchoolYear.objects.filter(county=county, year=year).exclude(confirmed_at=None).exists():
        return f"{name}的校历还没有确认，请县里确认"
    return ""


def first_grade_numbers(school, grade, number, year):
    """``numbers`` for ``places.add_classes``: classes 1…``number`` of a first grade that begins in ``year``."""
    placed = entry_year_of(school, grade, date(year, 9, 1))
    return {grade: range(1, number + 1)} if placed and placed[1] == year else {}
