"""花名册 and 结对花名册 on paper: the children on the care list of a class or school, as a county expects to get them."""

from collections import defaultdict

from pairing.models import Pairing, PairingKind
from registry.models import AwayType, Child, Sex

from ..workbooks import register


def keys_of(place_filter, user, day):
    """Keys of enrollments of children whose file the reader may open, in the order of a register."""
    found = register.seats(day, **place_filter)
    return register.ordered_keys(found.filter(child__in=Child.objects.visible_to(user).values("pk")))


def roster(keys, day):
    """Rows of the register and their totals."""
    rows = list(register.rows(keys, day))
    totals = {
        "all": len(rows),
        "male": sum(row.child.sex == Sex.MALE for row in rows),
        "female": sum(row.child.sex == Sex.FEMALE for row in rows),
        "both": sum(row.care.type == AwayType.BOTH_AWAY for row in rows),
        "one": sum(row.care.type == AwayType.ONE_AWAY for row in rows),
        "unknown": sum(row.care.type == AwayType.UNKNOWN for row in rows),
        "boarding": sum(row.boarding for row in rows),
    }
    return rows, totals


def pairings(keys, day, *, by_class=False):
    """[(teacher or class in words, [(row, since)])]: who answers for whom. A child without a paired teacher comes last."""
    rows = list(register.rows(keys, day))
    held = {
        pairing.child_id: pairing
        for pairing in Pairing.objects.on(day)
        .filter(child__in=[row.child.pk for row in rows], kind=PairingKind.PRIMARY)
        .select_related("staff")
    }
    groups, words_of = defaultdict(list), {}
    several = len({row.enrollment.school_id for row in rows}) > 1
    for row in rows:
        pairing = held.get(row.child.pk)
        if by_class:
            seat = row.enrollment.school_class
            key, words = (
                (row.enrollment.school_id, seat.pk if seat else 0),
                seat.name_on(day) if seat else "未分班",
            )
            words = f"{row.enrollment.school}{words}" if several else words
        elif pairing is None:
            key, words = (1, ""), "还没有包保教师"
        else:
            key, words = (0, pairing.staff.name_key, pairing.staff_id), pairing.staff.name
        words_of[key] = words
        groups[key].append((row, pairing))
    keys = list(words_of) if by_class else sorted(words_of)  # classes stand in the order of a register
    found = [(words_of[key], groups[key]) for key in keys]
    for number, row in enumerate((row for _, rows_of in found for row, _ in rows_of), start=1):
        row.number = number
    return found
