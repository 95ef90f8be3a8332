"""What the handed-in lists add up to (C034): pupils, left-behind children, sex, stage, type, boarding, 随迁. No names."""

from dataclasses import dataclass

from django.db.models import Count, Exists, OuterRef, Q, Sum

from ..models import AwayType, ClassScreening, ScreeningAnswer, ScreeningEntry, Sex, Stage
from .rolls import OPEN_STATES, STANDING

LISTED = Q(snapshot__listed=True)
COLUMNS = {
    "total": "留守儿童",
    "male": "男",
    "female": "女",
    "both_away": "双方外出",
    "one_away": "一方外出",
    "unknown": "待核实",
    "boarding": "寄宿",
    "migrant": "随迁",
    "kindergarten": "幼儿园",
    "primary": "小学",
    "junior": "初中",
    "new": "新增",
    "left": "离校或移出",
}


@dataclass
class Summed:
    """The county's (or district's) sums, and how many children stand on the lists of two schools."""

    by_school: dict
    total: dict
    doubles: int


def handed_in(parts):
    """Of these school screenings those whose snapshot stands."""
    return [part for part in parts if part.state not in OPEN_STATES]


def add_up(parts):
    """Sums by school and altogether of what was handed in. Three queries, whatever the number of schools."""
    parts = handed_in(parts)
    entries = ScreeningEntry.objects.filter(class_screening__school_screening__in=parts)

    def listed(**where):
        return Count("pk", filter=LISTED & Q(**{f"snapshot__{key}": value for key, value in where.items()}))

    rows = (
        entries.order_by()
        .values("class_screening__school_screening__school")
        .annotate(
            total=Count("pk", filter=LISTED),
            male=listed(sex=Sex.MALE),
            female=listed(sex=Sex.FEMALE),
            both_away=listed(type=AwayType.BOTH_AWAY),
            one_away=listed(type=AwayType.ONE_AWAY),
            unknown=listed(type=AwayType.UNKNOWN),
            boarding=listed(boarding=True),
            migrant=listed(migrant=True),
            kindergarten=listed(stage=Stage.KINDERGARTEN),
            primary=listed(stage=Stage.PRIMARY),
            junior=listed(stage=Stage.JUNIOR),
            new=listed(answer=ScreeningAnswer.NEW),
            left=Count("pk", filter=Q(snapshot__listed=False)),
        )
    )
    found = {row.pop("class_screening__school_screening__school"): row for row in rows}
    pupils = (
        ClassScreening.objects.filter(school_screening__in=parts)
        .order_by()
        .values("school_screening__school")
        .annotate(pupils=Sum("pupils", default=0))
    )
    pupils = {row["school_screening__school"]: row["pupils"] for row in pupils}
    nothing = dict.fromkeys(COLUMNS, 0)
    by_school = {
        part.school_id: nothing | found.get(part.school_id, {}) | {"pupils": pupils.get(part.school_id, 0)}
        for part in parts
    }
    total = {name: sum(row[name] for row in by_school.values()) for name in (*COLUMNS, "pupils")}
    doubles = (
        entries.filter(LISTED).order_by().values("child").annotate(n=Count("pk")).filter(n__gt=1).count()
    )
    return Summed(by_school, total, doubles)


def progress_of(parts):
    """{part's pk: {classes, done, entries, answered}} of running screenings, in two queries."""
    classes = (
        ClassScreening.objects.filter(school_screening__in=parts)
        .order_by()
        .values("school_screening")
        .annotate(classes=Count("pk"), done=Count("pk", filter=Q(done_at__isnull=False)))
    )
    found = {row["school_screening"]: row | {"entries": 0, "answered": 0} for row in classes}
    rows = (
        ScreeningEntry.objects.filter(STANDING, class_screening__school_screening__in=parts)
        .order_by()
        .values("class_screening__school_screening")
        .annotate(entries=Count("pk"), answered=Count("pk", filter=~Q(answer="") & Q(returned_comment="")))
    )
    for row in rows:
        found[row["class_screening__school_screening"]] |= {
            "entries": row["entries"],
            "answered": row["answered"],
        }
    return found


def progress_of_classes(classes):
    """{class part's pk: {entries, answered}} in one query; classes without a child too."""
    found = {one.pk: {"entries": 0, "answered": 0} for one in classes}
    rows = (
        ScreeningEntry.objects.filter(STANDING, class_screening__in=list(found))
        .order_by()
        .values("class_screening")
        .annotate(entries=Count("pk"), answered=Count("pk", filter=~Q(answer="") & Q(returned_comment="")))
    )
    for row in rows:
        found[row["class_screening"]] = {"entries": row["entries"], "answered": row["answered"]}
    return found


def waiting_entries():
    """Entries of running screenings that their class still has to confirm."""
    return ScreeningEntry.objects.filter(
        Q(answer="") | ~Q(returned_comment=""),
        child__merged_into=None,
        class_screening__school_screening__state__in=OPEN_STATES,
        class_screening__school_screening__screening__closed_at=None,
    )


def waiting_classes(schools):
    """Classes of running screenings that have not handed in to their school; without a child or a class none waits."""
    return ClassScreening.objects.filter(
        Q(school_class__isnull=False) | Exists(ScreeningEntry.objects.filter(class_screening=OuterRef("pk"))),
        school_screening__school__in=schools,
        school_screening__state__in=OPEN_STATES,
        school_screening__screening__closed_at=None,
        done_at=None,
    )
