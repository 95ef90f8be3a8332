"""Who owes an item on its judge day: children, classes and schools, centers, staff."""

from dataclasses import dataclass

from pairing.models import Pairing
from registry.models import (
    LEADING_GROUP,
    ActivityCenter,
    CareListSpell,
    Enrollment,
    Guardian,
    Kinship,
    Post,
    School,
    SchoolClass,
    Trait,
    grade_year,
)

from ..models import Actor, Contact, Party
from .pieces import Sql, T, covers_day, day_param, marks, moment_param, sql_join

PARENT_BITS = int(Party.FATHER | Party.MOTHER)
# Kinds of contact that show a parent can be reached; a letter does not.
REACHING_KINDS = ("talk", "home_visit", "guardian_contact", "family_call")


def _trait(kind, day):
    return Sql(
        f"EXISTS (SELECT 1 FROM {T[Trait]} t WHERE t.child_id = e.child_id AND t.kind = '{kind}' AND"
    ) + Sql(covers_day("t", day).text + ")", covers_day("t", day).params)


def _tied(kind, day):
    cover = covers_day("q", day)
    return Sql(
        f"EXISTS (SELECT 1 FROM {T[Pairing]} q WHERE q.child_id = e.child_id AND q.kind = '{kind}' AND {cover.text})",
        cover.params,
    )


def _unreachable(day, moment):
    """No parent can be reached: an approved spell that has not ended by itself, or every parent on record is dead."""
    cover = covers_day("t", day)
    claimed = Sql(
        f"EXISTS (SELECT 1 FROM {T[Trait]} t WHERE t.child_id = e.child_id AND t.kind = 'parents_unreachable' "
        f"AND t.approved_at IS NOT NULL AND {cover.text} AND NOT EXISTS (SELECT 1 FROM {T[Contact]} r "
        f"WHERE r.child_id = t.child_id AND r.day >= t.starts_on AND r.day <= %s AND r.reached "
        f"AND r.kind IN ({marks(REACHING_KINDS)}) AND (r.parties & {PARENT_BITS}) <> 0 "
        f"AND r.recorded_at <= %s AND (r.cancelled_at IS NULL OR r.cancelled_at > %s)))",
        [
            *cover.params, day_param(day), *REACHING_KINDS, moment_param(moment), moment_param(moment),
        ],
    )  # fmt: skip
    parent = (
        f"SELECT 1 FROM {T[Kinship]} n JOIN {T[Guardian]} w ON w.id = n.guardian_id "
        "WHERE n.child_id = e.child_id AND n.relation IN ('father', 'mother')"
    )
    # Dead parents are few: asked for first, the living ones are hardly ever looked up.
    dead = Sql(
        f"(EXISTS ({parent} AND w.died_on < %s) AND NOT EXISTS ({parent} AND (w.died_on IS NULL OR w.died_on >= %s)))",
        [day_param(day)] * 2,
    )
    return Sql(f"({claimed.text} OR {dead.text})", claimed.params + dead.params)


@dataclass(frozen=True)
class Columns:
    """Where a statement finds what a rule may ask of child, class and school on the judge day."""

    school: str = "s.id"
    managing: str = "s.managing_school_id"
    stage: str = "k.stage"
    entry_year: str = "k.entry_year"
    system: str = "s.system"
    type: str = "l.type"


ASKED = ("boarding", "priority", "paired", "proxied", "unreachable")


def _wanted(rule, name):
    """True, False, or None when the rule does not ask for the fact."""
    if name == "unreachable":
        return None if rule.parent_reachable is None else not rule.parent_reachable
    return getattr(rule, name)


def _fact(name, day, moment):
    """Condition over the enrollment ``e``: the fact holds of its child that day."""
    return {
        "boarding": lambda: _trait("boarding", day),
        "priority": lambda: _trait("priority", day),
        "paired": lambda: _tied("primary", day),
        "proxied": lambda: _tied("proxy", day),
        "unreachable": lambda: _unreachable(day, moment),
    }[name]()


def _filters(rule, day, fact, at):
    """Applies to (适用): what must hold of the child on the judge day. ``fact(name)`` gives the condition of a fact."""
    found = []
    if rule.stages:
        found.append(Sql(f"{at.stage} IN ({marks(rule.stages)})", list(rule.stages)))
    if rule.grade_from is not None or rule.grade_to is not None:
        grade = (
            f"(CASE {at.stage} WHEN 'kindergarten' THEN -2 WHEN 'primary' THEN 1 ELSE CASE {at.system} WHEN '54' THEN 6 "
            f"ELSE 7 END END + {grade_year(day)} - {at.entry_year})"
        )
        low = -99 if rule.grade_from is None else rule.grade_from
        high = 99 if rule.grade_to is None else rule.grade_to
        found.append(Sql(f"{grade} BETWEEN %s AND %s", [low, high]))
    if rule.away:
        found.append(Sql(f"{at.type} = %s", [rule.away]))
    for name in ASKED:
        wanted = _wanted(rule, name)
        if wanted is not None:
            condition = fact(name)
            found.append(condition if wanted else Sql(f"NOT {condition.text}", condition.params))
    return found


def _in_use(item):
    """The school is in use on the judge day."""
    return Sql("s.first_used_on <= %s", [day_param(item.period.judge_day)])


def _places(item, at):
    """Which schools the item is judged for: due there, the rule's owner's, not replaced by a school's own."""
    found = []
    if item.only_schools is not None:
        found.append(Sql(f"{at.school} IN ({marks(item.only_schools) or 'NULL'})", sorted(item.only_schools)))
    if item.not_schools:
        found.append(Sql(f"{at.school} NOT IN ({marks(item.not_schools)})", sorted(item.not_schools)))
    if item.rule.owner_id:
        owner = item.rule.owner_id
        found.append(Sql(f"({at.school} = %s OR {at.managing} = %s)", [owner, owner]))
    if item.replaced_at:
        ids = sorted(item.replaced_at)
        found.append(
            Sql(
                f"{at.school} NOT IN ({marks(ids)}) AND ({at.managing} IS NULL "
                f"OR {at.managing} NOT IN ({marks(ids)}))",
                ids + ids,
            )
        )
    return found


def enrolled_and_listed(item, *, county_id, moment):
    """FROM … WHERE of children enrolled and on the care list on the item's judge day to whom the rule applies."""
    day = item.period.judge_day
    cover_e, cover_l = covers_day("e", day), covers_day("l", day)
    conditions = [
        cover_e,
        Sql("(k.id IS NULL OR k.ends_on >= %s) AND s.county_id = %s", [day_param(day), county_id]),
        _in_use(item),
        *_places(item, Columns()),
        *_filters(item.rule, day, lambda name: _fact(name, day, moment), Columns()),
    ]
    head = Sql(
        f"FROM {T[Enrollment]} e JOIN {T[CareListSpell]} l ON l.child_id = e.child_id AND {cover_l.text} "
        f"JOIN {T[School]} s ON s.id = e.school_id LEFT JOIN {T[SchoolClass]} k ON k.id = e.school_class_id",
        cover_l.params,
    )
    return head, conditions


def _still_enrolled(item, joined):
    """Whether the child is still in force at that school on the item's last day that asks for it (期内离开)."""
    if item.still_on is None:
        return Sql("TRUE")
    cover_e, cover_l = covers_day("se", item.still_on), covers_day("sl", item.still_on)
    return Sql(
        f"EXISTS (SELECT 1 FROM {T[Enrollment]} se JOIN {T[CareListSpell]} sl ON sl.child_id = se.child_id "
        f"AND {cover_l.text} LEFT JOIN {T[SchoolClass]} sk ON sk.id = se.school_class_id "
        f"WHERE {joined} AND {cover_e.text} AND (sk.id IS NULL OR sk.ends_on >= %s))",
        [*cover_l.params, *cover_e.params, day_param(item.still_on)],
    )


def day_of(item):
    """What items must share to be asked of the same rows of ``seated``."""
    return item.period.judge_day, item.still_on, item.holder_on


def seated(items, *, county_id, moment, chosen, extra, joins):
    """SELECT of the children enrolled and listed on the items' common judge day: one row each, with all that the
    items ask of it. ``extra`` (columns) and ``joins`` bring what was done. ``chosen``: only children of that CTE.
    """
    first = items[0]
    day = first.period.judge_day
    cover_e, cover_l, cover_h = covers_day("e", day), covers_day("l", day), covers_day("h", first.holder_on)
    still = _still_enrolled(first, "se.child_id = e.child_id AND se.school_id = e.school_id")
    facts = [
        Sql(f"{condition.text} AS {name}", condition.params)
        for name in ASKED
        if any(_wanted(item.rule, name) is not None for item in items)
        for condition in [_fact(name, day, moment)]
    ]
    columns = [
        Sql(
            "e.child_id AS subject_id, e.school_id AS school_id, e.school_class_id AS class_id, h.id AS holder_enrollment, "
            "h.school_class_id AS holder_class, s.managing_school_id AS managing, k.stage AS stage, "
            "k.entry_year AS entry_year, s.system AS system, l.type AS type"
        ),
        Sql(f"{still.text} AS still_there", still.params),
        *facts,
        *extra,
    ]
    # The few chosen come first, so that everything else is looked up for them alone.
    begin = f"chosen JOIN {T[Enrollment]} e ON e.child_id = chosen.id" if chosen else f"{T[Enrollment]} e"
    return (
        Sql("SELECT")
        + sql_join(", ", columns)
        + Sql(
            f"FROM {begin} JOIN {T[CareListSpell]} l ON l.child_id = e.child_id AND {cover_l.text} "
            f"JOIN {T[School]} s ON s.id = e.school_id LEFT JOIN {T[SchoolClass]} k ON k.id = e.school_class_id "
            f"LEFT JOIN {T[Enrollment]} h ON h.child_id = e.child_id AND h.school_id = e.school_id AND {cover_h.text} "
            f"AND (h.school_class_id IS NULL OR EXISTS (SELECT 1 FROM {T[SchoolClass]} hk WHERE hk.id = h.school_class_id "
            f"AND hk.ends_on >= %s)) {joins} "
            f"WHERE {cover_e.text} AND (k.id IS NULL OR k.ends_on >= %s) AND s.county_id = %s AND s.first_used_on <= %s",
            [
                *cover_l.params, *cover_h.params, day_param(first.holder_on), *cover_e.params, day_param(day), county_id,
                day_param(day),
            ],
        )
    )  # fmt: skip


_SEATED = Columns("b.school_id", "b.managing", "b.stage", "b.entry_year", "b.system", "b.type")


def owed_children(number, item, rows):
    """Rows (item, subject, school, class of the judge day, holder's enrollment and class, still there, done, in time)
    out of ``rows`` (a CTE of ``seated``): the children to whom the rule applies.
    """
    conditions = [
        *_places(item, _SEATED),
        *_filters(item.rule, item.period.judge_day, lambda name: Sql(f"b.{name}"), _SEATED),
    ]
    where = Sql("WHERE") + sql_join(" AND ", conditions) if conditions else Sql("")
    return (
        Sql(
            f"SELECT {number} AS item, b.subject_id, b.school_id, b.class_id, b.holder_enrollment, b.holder_class, "
            f"b.still_there, COALESCE(b.d{number}, 0) AS done, COALESCE(b.t{number}, 0) AS in_time FROM {rows} b"
        )
        + where
    )


def owed_places(number, item, *, county_id, moment, by_class):
    """A class or school exists and holds a child who would owe."""
    head, conditions = enrolled_and_listed(item, county_id=county_id, moment=moment)
    day = day_param(item.period.judge_day)
    conditions.append(Sql("(s.ends_on IS NULL OR s.ends_on >= %s)", [day]))
    if by_class:
        conditions.append(Sql("e.school_class_id IS NOT NULL"))
        key, joined = (
            "e.school_class_id",
            "se.school_class_id = e.school_class_id AND se.school_id = e.school_id",
        )
    else:
        key, joined = "e.school_id", "se.school_id = e.school_id"
    still = _still_enrolled(item, joined)
    where = sql_join(" AND ", conditions)
    class_id = "e.school_class_id" if by_class else "NULL"
    return (
        Sql(
            f"SELECT DISTINCT {number} AS item, {key} AS subject_id, e.school_id AS school_id, "
            f"CAST({class_id} AS BIGINT) AS class_id, CAST(NULL AS BIGINT) AS holder_enrollment, "
            f"CAST({class_id} AS BIGINT) AS holder_class,"
        )
        + Sql(f"{still.text} AS still_there", still.params)
        + head
        + Sql(f"WHERE {where.text}", where.params)
    )


NOTHING = "CAST(NULL AS BIGINT) AS class_id, CAST(NULL AS BIGINT) AS holder_enrollment, CAST(NULL AS BIGINT) AS holder_class,"


def owed_centers(number, item, *, county_id, centers):
    """Centers in service on the judge day; those of schools from the school's first day of use."""
    day = day_param(item.period.judge_day)
    places = sql_join(" AND ", [_in_use(item), *_places(item, Columns())])
    without_school = "FALSE" if item.rule.owner_id or not item.due_by_county else "x.school_id IS NULL"
    in_service = "x.starts_on <= %s AND (x.ends_on IS NULL OR x.ends_on >= %s)"
    still_day = day_param(item.still_on) if item.still_on else None
    still = Sql(in_service, [still_day, still_day]) if still_day else Sql("TRUE")
    if isinstance(centers, Sql):
        scope = Sql(f"AND x.id IN ({centers.text})", centers.params)
    else:
        scope = (
            Sql(f"AND x.id IN ({marks(centers) or 'NULL'})", list(centers))
            if centers is not None
            else Sql("")
        )
    return (
        Sql(f"SELECT {number} AS item, x.id AS subject_id, x.school_id AS school_id, {NOTHING}")
        + Sql(f"({still.text}) AS still_there", still.params)
        + Sql(
            f"FROM {T[ActivityCenter]} x LEFT JOIN {T[School]} s ON s.id = x.school_id WHERE x.county_id = %s AND {in_service} "
            f"AND ({without_school} OR (x.school_id IS NOT NULL AND {places.text}))",
            [county_id, day, day, *places.params],
        )
        + scope
    )


def owed_staff(number, item, *, county_id, staff):
    """Staff with a post at a school (the longest-standing decides which) and one of the rule's roles that day."""
    day = item.period.judge_day
    cover, earlier = covers_day("p", day), covers_day("o", day)
    first = Sql(
        f"NOT EXISTS (SELECT 1 FROM {T[Post]} o WHERE o.staff_id = p.staff_id AND o.school_id IS NOT NULL AND {earlier.text} "
        "AND (o.starts_on < p.starts_on OR (o.starts_on = p.starts_on AND o.id < p.id)))",
        earlier.params,
    )
    conditions = [
        Sql("p.school_id IS NOT NULL AND s.county_id = %s", [county_id]),
        cover,
        first,
        _in_use(item),
        *_places(item, Columns()),
    ]
    roles = [_staff_role(Actor(actor), day) for actor in item.rule.actors]
    if roles:
        joined = sql_join(" OR ", roles)
        conditions.append(Sql(f"({joined.text})", joined.params))
    if staff is not None:
        conditions.append(Sql(f"p.staff_id IN ({marks(staff) or 'NULL'})", list(staff)))
    still = Sql("TRUE")
    if item.still_on:
        there = covers_day("o", item.still_on)
        still = Sql(
            f"EXISTS (SELECT 1 FROM {T[Post]} o WHERE o.staff_id = p.staff_id AND o.school_id = p.school_id AND {there.text})",
            there.params,
        )
    where = sql_join(" AND ", conditions)
    return (
        Sql(f"SELECT {number} AS item, p.staff_id AS subject_id, p.school_id AS school_id, {NOTHING}")
        + Sql(f"{still.text} AS still_there", still.params)
        + Sql(f"FROM {T[Post]} p JOIN {T[School]} s ON s.id = p.school_id WHERE {where.text}", where.params)
    )


def _staff_role(actor, day):
    if actor in (Actor.PAIRED, Actor.PROXY):
        kind = "primary" if actor == Actor.PAIRED else "proxy"
        cover = covers_day("q", day)
        return Sql(
            f"EXISTS (SELECT 1 FROM {T[Pairing]} q WHERE q.staff_id = p.staff_id AND q.kind = '{kind}' AND {cover.text})",
            cover.params,
        )
    kinds = {
        Actor.CLASS_TEACHER: ["class_teacher"],
        Actor.LEADING_GROUP: [kind.value for kind in LEADING_GROUP],
        Actor.GROUP_OFFICE: ["group_office"],
        Actor.ANY_STAFF: [],
    }[actor]
    cover = covers_day("o", day)
    kind = f"AND o.kind IN ({marks(kinds)})" if kinds else ""
    return Sql(
        f"EXISTS (SELECT 1 FROM {T[Post]} o WHERE o.staff_id = p.staff_id AND o.school_id IS NOT NULL AND {cover.text} {kind})",
        [*cover.params, *kinds],
    )
