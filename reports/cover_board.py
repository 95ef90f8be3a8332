"""包班进度 (C057): leader → class teachers → children; each leader sees what is still open below, the own classes first.

The numbers are the ledger's, class by class (one statement), each a link to its list. A cover counts while its holder is
in the leading group; a class whose cover names somebody who left stands under 没有包班领导.
"""

from dataclasses import dataclass, field

from django.db.models import OuterRef, Subquery

from activities.ledger import Counts
from pairing import cover
from registry.models import Post, PostKind, SchoolClass, Staff

from . import figures


@dataclass
class ClassBelow:
    """One class below a leader: its teacher, what is overdue and what is still to do."""

    school_class: SchoolClass
    teacher: str
    counts: Counts
    missed_url: str
    upcoming_url: str


@dataclass
class Below:
    """One leader (None = nobody covers these) with the classes covered."""

    staff: Staff | None
    own: bool
    classes: list = field(default_factory=list)
    missed_url: str = ""
    upcoming_url: str = ""

    @property
    def missed(self):
        """Overdue below this leader."""
        return sum(row.counts.missed for row in self.classes)

    @property
    def upcoming(self):
        """Still to do below this leader."""
        return sum(row.counts.upcoming for row in self.classes)


def by_leader(board, counts, month, me, today):
    """[Below]: the reader's own classes first, then what nobody covers, then the others in pinyin order."""
    by_class = {}
    for (_, _, class_id), numbers in counts.counts.items():
        if class_id is not None:
            by_class[class_id] = by_class.get(class_id, Counts()) + numbers
    covered = cover.covered_on(board.school_ids, today)
    teacher = Post.objects.on(today).filter(kind=PostKind.CLASS_TEACHER, school_class=OuterRef("pk"))
    classes = SchoolClass.objects.filter(pk__in={*by_class, *covered}, school__in=board.school_ids)
    if board.classes is not None:
        classes = classes.filter(pk__in=board.classes)
    classes = classes.annotate(teacher=Subquery(teacher.order_by("starts_on").values("staff__name")[:1]))
    found = {}
    for one in classes.select_related("school"):
        numbers = by_class.get(one.pk, Counts())
        staff = covered.get(one.pk)
        group = found.setdefault(staff.pk if staff else None, Below(staff, staff is not None and staff == me))
        group.classes.append(
            ClassBelow(
                one, one.teacher or "", numbers,
                board.list_url(month, state="missed", **{"class": one.uid}),
                board.list_url(month, state="upcoming", **{"class": one.uid}),
            )
        )  # fmt: skip
    for group in found.values():
        who = group.staff.uid if group.staff else "none"
        group.missed_url = board.list_url(month, state="missed", cover=who)
        group.upcoming_url = board.list_url(month, state="upcoming", cover=who)
        group.classes.sort(key=lambda row: figures.class_order(row.school_class, board.school))
    return sorted(
        found.values(),
        key=lambda group: (not group.own, group.staff is not None, group.staff.name_key if group.staff else "", group.staff.pk if group.staff else 0),
    )  # fmt: skip
