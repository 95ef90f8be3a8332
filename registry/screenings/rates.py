"""入学率, 巩固率, 辍学率 (C030): of the whole school from the stated numbers, of left-behind children from the facts.

A rate is a numerator over a denominator with its definition beside it; nothing to divide by = None, shown as —.
"""

from dataclasses import dataclass, field
from datetime import date

from django.db.models import Q, Sum

from ..calendar import school_year_of
from ..models import CareListSpell, Child, ClassScreening, Enrollment, Stage

COMPULSORY = (Stage.PRIMARY, Stage.JUNIOR)
DROPPED = "辍学"


@dataclass
class Rate:
    """One rate in per cent, with one decimal; ``children``: pks of those the rate loses, where the facts name them."""

    name: str
    numerator: int | None
    denominator: int | None
    definition: str
    children: list = field(default_factory=list)

    @property
    def percent(self):
        """98.4, or None."""
        if not self.denominator or self.numerator is None:
            return None
        return round(self.numerator * 100 / self.denominator, 1)


def stated_rates(parts):
    """Of whole schools, from what they and their classes stated; classes without a number are left out. Two queries."""
    parts = list(parts)
    age = [
        part
        for part in parts
        if part.school_age_children is not None and part.school_age_enrolled is not None
    ]
    sums = (
        ClassScreening.objects.filter(school_screening__in=parts)
        .exclude(
            Q(pupils=None)
            | Q(pupils_at_start=None)
            | Q(transferred_in=None)
            | Q(transferred_out=None)
            | Q(dropped_out=None)
        )
        .aggregate(
            now=Sum("pupils", default=0),
            start=Sum("pupils_at_start", default=0),
            came=Sum("transferred_in", default=0),
            went=Sum("transferred_out", default=0),
            dropped=Sum("dropped_out", default=0),
        )
    )
    return [
        Rate(
            "入学率",
            sum(part.school_age_enrolled for part in age),
            sum(part.school_age_children for part in age),
            "已入学的适龄儿童 ÷ 服务范围内适龄儿童（学校填报）",
        ),
        Rate(
            "巩固率",
            sums["now"] - sums["came"] + sums["went"],
            sums["start"],
            "（现有学生 － 转入 ＋ 转出）÷ 学年初学生（各班填报）",
        ),
        Rate("辍学率", sums["dropped"], sums["start"], "辍学 ÷ 学年初学生（各班填报）"),
    ]


def left_behind_rates(schools, as_of):
    """Of left-behind children of primary and junior classes, from their facts up to ``as_of``. Four queries.

    Who counts: on the care list at the start of the school year (1 September) or on ``as_of``.
    """
    start = date(school_year_of(as_of), 9, 1)
    classes = {"school__in": schools, "school_class__stage__in": COMPULSORY}
    began = _listed_seats(classes, start)
    here = _listed_seats(classes, as_of)
    dropped = set(
        Enrollment.objects.valid()
        .filter(**classes, end_reason=DROPPED, ends_on__gte=start, ends_on__lt=as_of)
        .filter(child__in=CareListSpell.objects.valid().filter(starts_on__lte=as_of).values("child"))
        .exclude(child__in=Enrollment.objects.on(as_of).values("child"))
        .values_list("child", flat=True)
    )
    lost = began & dropped
    return [
        Rate(
            "入学率",
            len(here),
            len(here | dropped),
            "截止日在校的留守儿童 ÷（在校的 ＋ 本学年辍学没回来的）",
            sorted(dropped),
        ),
        Rate(
            "巩固率",
            len(began) - len(lost),
            len(began),
            "学年初在册的留守儿童中没有辍学的（转学的不算辍学）÷ 学年初在册",
            sorted(lost),
        ),
        Rate("辍学率", len(lost), len(began), "学年初在册的留守儿童中辍学的 ÷ 学年初在册", sorted(lost)),
    ]


def _listed_seats(classes, day):
    listed = CareListSpell.objects.on(day).values("child")
    return set(Enrollment.objects.on(day).filter(**classes, child__in=listed).values_list("child", flat=True))


def named(rate, user):
    """The children a rate loses whose file ``user`` may open, in pinyin order."""
    return Child.objects.visible_to(user).filter(pk__in=rate.children).by_name()
