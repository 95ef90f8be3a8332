"""Records of the window, the roles their adults held that day, and which of them count."""

from dataclasses import dataclass

from pairing.models import Pairing
from registry.models import (
    LEADING_GROUP,
    ActivityCenter,
    CareListSpell,
    Enrollment,
    Guardianship,
    Kinship,
    Post,
    School,
    SchoolClass,
)

from ..models import (
    IN_TIME_DAYS,
    Activity,
    Actor,
    Attendance,
    Contact,
    ContactKind,
    ContactStaff,
    Opening,
    Party,
    RecordKind,
    Subject,
)
from .pieces import Sql, T, covers, day_param, marks, moment_param, sql_join

CONTACT_KINDS = frozenset(ContactKind.values)


@dataclass(frozen=True)
class Source:
    """One table of records: its alias, its adults, what it says of child, school and center."""

    model: type
    adults: type
    adults_key: str
    kind: str
    child: str
    school: str
    center: str
    channel: str
    parties: str
    reached: str
    lag: str
    entered: str
    cancelled: str
    joins: str = ""
    record: str = "c"

    @property
    def day(self):
        """Column of the record's day."""
        return "c.day"


SOURCES = {
    "contact": Source(
        Contact, ContactStaff, "contact_id", "c.kind", "c.child_id", "NULL", "NULL", "c.channel", "c.parties", "c.reached",
        "c.lag", "c.recorded_at", "c.cancelled_at",
    ),
    "attendance": Source(
        Attendance, Activity.staff.through, "activity_id", "'attendance'", "c.child_id", "NULL", "v.center_id", "''", "0",
        "c.present", "c.lag", "c.entered_at", "COALESCE(c.cancelled_at, v.cancelled_at)",
        f"JOIN {T[Activity]} v ON v.id = c.activity_id", "v",
    ),
    "activity": Source(
        Activity, Activity.staff.through, "activity_id", "'activity'", "NULL", "c.school_id", "c.center_id", "''", "0",
        "TRUE", "c.lag", "c.recorded_at", "c.cancelled_at",
    ),
    "opening": Source(
        Opening, Opening.staff.through, "opening_id", "'opening'", "NULL", "v.school_id", "c.center_id", "''", "0",
        "TRUE", "c.lag", "c.recorded_at", "c.cancelled_at", f"JOIN {T[ActivityCenter]} v ON v.id = c.center_id",
    ),
}  # fmt: skip


def sources_of(items):
    """The tables that hold the record kinds these items count."""
    kinds = {kind for item in items for kind in item.rule.kinds}
    names = ["contact"] if kinds & CONTACT_KINDS else []
    return names + [name for name in ("attendance", "activity", "opening") if name in kinds]


_ROLE_COLUMN = {actor: f"by_{actor.value}" for actor in Actor}


TIES = {Actor.PAIRED: "primary", Actor.PROXY: "proxy"}
_OF_CHILDREN = frozenset({Actor.CLASS_TEACHER, *TIES})  # roles that are held towards a child
_POSTS = {
    Actor.CLASS_TEACHER: ("class_teacher", "leader"),
    Actor.LEADING_GROUP: tuple(kind.value for kind in LEADING_GROUP),
    Actor.GROUP_OFFICE: ("group_office",),
}
_SAME_SCHOOL = "COALESCE(ps.managing_school_id, ps.id) = COALESCE(s.managing_school_id, s.id)"


def _words(kinds):
    """An SQL list of our own words (kinds of posts, ties, contacts), never of a user's text."""
    return ", ".join(f"'{kind}'" for kind in kinds)


def _role(actor):
    """The adult ``a`` of this row held the role that day: in the post ``p``, or by the tie ``q``."""
    if actor in TIES:
        return f"q.kind = '{TIES[actor]}'"
    if actor == Actor.CLASS_TEACHER:
        return (
            "((p.kind = 'class_teacher' AND p.school_class_id = e.school_class_id) OR (e.id IS NOT NULL AND "
            "e.school_class_id IS NULL AND p.kind = 'leader' AND (p.school_id = e.school_id "
            "OR p.school_id = s.managing_school_id)))"
        )
    if actor == Actor.ANY_STAFF:
        return f"({_SAME_SCHOOL})"
    return f"(p.kind IN ({_words(_POSTS[actor])}) AND {_SAME_SCHOOL})"


_AS_GUARDIAN = (
    "EXISTS (SELECT 1 FROM {guardianship} g JOIN {kinship} n ON n.child_id = g.child_id AND n.guardian_id = g.guardian_id "
    "WHERE g.child_id = c.child_id AND {covers} AND ((n.relation = 'father' AND ({father}) <> 0) "
    "OR (n.relation = 'mother' AND ({mother}) <> 0)))"
).format(
    guardianship=T[Guardianship],
    kinship=T[Kinship],
    covers=covers("g", "c.day"),
    father=f"c.parties & {int(Party.FATHER)}",
    mother=f"c.parties & {int(Party.MOTHER)}",
)


def _contact_kinds(items):
    return sorted({str(kind) for item in items for kind in item.rule.kinds} & CONTACT_KINDS)


def _only_for(name, asking, items):
    """Condition that spares records of kinds for which no rule asks: `` AND …``, or nothing when all are asked for."""
    kinds = _contact_kinds(asking)
    if name != "contact" or kinds == _contact_kinds(items):
        return ""
    return f" AND c.kind IN ({_words(kinds)})"


def _asking(name, items, actors):
    """Items that count this source's records and ask for one of ``actors``."""
    counting = [item for item in items if name in sources_of([item])]
    return [item for item in counting if actors & {Actor(actor) for actor in item.rule.actors}]


def _adult_joins(name, items, *, per_adult, roles):
    """Joins of the adults, their posts and their ties that day. One record may become several rows: who counts days
    (``by_day``) does not mind, and a record counts if any row of it does.
    """
    source, joins = SOURCES[name], []
    adults = f"{T[source.adults]} a ON a.{source.adults_key} = {source.record}.id"
    if per_adult:
        joins.append(f"JOIN {adults}")
    elif roles:
        joins.append(f"LEFT JOIN {adults}{_only_for(name, _asking(name, items, roles), items)}")
    ties, posts = roles & TIES.keys(), roles - TIES.keys()
    if posts:
        kinds = [] if Actor.ANY_STAFF in posts else sorted({kind for role in posts for kind in _POSTS[role]})
        joins.append(
            f"LEFT JOIN {T[Post]} p ON p.staff_id = a.staff_id AND {covers('p', source.day)}"
            + (f" AND p.kind IN ({_words(kinds)})" if kinds else "")
            + _only_for(name, _asking(name, items, posts), items)
        )
        if posts - {Actor.CLASS_TEACHER}:
            joins.append(f"LEFT JOIN {T[School]} ps ON ps.id = p.school_id")
    if ties:
        joins.append(
            f"LEFT JOIN {T[Pairing]} q ON q.child_id = {source.child} AND q.staff_id = a.staff_id "
            f"AND q.kind IN ({_words(sorted(TIES[tie] for tie in ties))}) AND {covers('q', source.day)}"
            + _only_for(name, _asking(name, items, ties), items)
        )
    return joins


def _place_joins(name, items, *, subject, roles):
    """Joins of the child's enrollment that day and its school, or the event's school, where anything asks for them."""
    source = SOURCES[name]
    if source.child == "NULL":
        return [f"LEFT JOIN {T[School]} s ON s.id = {source.school}"]
    spared = ""
    if subject not in (Subject.CLASS, Subject.SCHOOL):
        placed = roles - TIES.keys()
        if not placed:
            return []
        spared = _only_for(name, _asking(name, items, placed), items)
    day = source.day
    return [
        f"LEFT JOIN {T[Enrollment]} e ON e.child_id = {source.child} AND {covers('e', day)}{spared} "
        f"AND (e.school_class_id IS NULL OR EXISTS (SELECT 1 FROM {T[SchoolClass]} ek WHERE ek.id = e.school_class_id "
        f"AND ek.ends_on >= {day})) LEFT JOIN {T[School]} s ON s.id = e.school_id"
    ]


def _wants_guardian(items):
    return any(item.rule.parties & Party.GUARDIAN for item in items)


def records(name, items, *, subject, moment, scope):
    """SELECT of one source's records in the items' windows, known at ``moment``, with the roles the items ask for."""
    source = SOURCES[name]
    per_adult = subject == Subject.STAFF
    has_child = source.child != "NULL"
    actors = {Actor(actor) for item in items for actor in item.rule.actors}
    # Roles that a rule asks for which counts these records; a role towards a child is nobody's where there is none.
    roles = {actor for actor in actors if _asking(name, items, {actor})} - (
        set() if has_child else _OF_CHILDREN
    )
    columns = [
        f"{source.kind} AS kind", f"{source.day} AS day", f"{source.channel} AS channel", f"{source.parties} AS parties",
        f"{source.reached} AS reached", f"{source.lag} AS lag", f"{source.entered} AS entered",
        f"{_subject_key(subject, source)} AS subject_id",
    ]  # fmt: skip
    for actor in Actor:
        if actor in actors:
            columns.append(f"{_role(actor) if actor in roles else 'FALSE'} AS {_ROLE_COLUMN[actor]}")
    if _wants_guardian(items):
        carer = "FALSE"
        if name == "contact":
            only = _only_for(name, [item for item in items if item.rule.parties & Party.GUARDIAN], items)
            carer = f"CASE WHEN TRUE{only} THEN {_AS_GUARDIAN} ELSE FALSE END"
        columns.append(f"{carer} AS as_guardian")
    joins = [
        source.joins,
        *_place_joins(name, items, subject=subject, roles=roles),
        *_adult_joins(name, items, per_adult=per_adult, roles=roles),
    ]
    where = Sql(
        f"{source.day} BETWEEN %s AND %s AND {source.entered} <= %s AND ({source.cancelled} IS NULL OR {source.cancelled} > %s)",
        [
            day_param(min(item.period.window_start for item in items)),
            day_param(max(item.period.end for item in items)),
            moment_param(moment),
            moment_param(moment),
        ],
    )
    kinds = _contact_kinds(items)
    if name == "contact":
        where += Sql(f"AND c.kind IN ({marks(kinds)})", kinds)
    if not any(item.rule.counts_attempts for item in items) and source.reached != "TRUE":
        where += Sql(f"AND {source.reached}")
    if has_child:
        where += Sql(f"AND {source.child} IS NOT NULL AND {source.child} IN (") + scope + Sql(")")
        if subject != Subject.CHILD and subject != Subject.CENTER:
            where += Sql(
                f"AND EXISTS (SELECT 1 FROM {T[CareListSpell]} l WHERE l.child_id = {source.child} AND {covers('l', source.day)})"
            )
    return Sql(
        f"SELECT {', '.join(columns)} FROM {T[source.model]} c {' '.join(joins)} WHERE {where.text}",
        where.params,
    )


def _subject_key(subject, source):
    has_child = source.child != "NULL"
    return {
        Subject.CHILD: source.child,
        Subject.STAFF: "a.staff_id",
        Subject.CENTER: source.center,
        Subject.CLASS: "e.school_class_id" if has_child else "NULL",
        Subject.SCHOOL: "e.school_id" if has_child else source.school,
        Subject.COUNTY: "0",
    }[subject]


def counted(item):
    """Condition over ``rec``: this record counts for this item (known and window apart)."""
    rule, parts = item.rule, []
    parts.append(Sql(f"rec.kind IN ({marks(rule.kinds)})", list(rule.kinds)))
    parts.append(
        Sql("rec.day BETWEEN %s AND %s", [day_param(item.period.window_start), day_param(item.period.end)])
    )
    if rule.channels:
        parts.append(Sql(f"rec.channel IN ({marks(rule.channels)})", list(rule.channels)))
    if not rule.counts_attempts:
        parts.append(Sql("rec.reached"))
    elif RecordKind.ATTENDANCE in rule.kinds:
        # Who was absent did not attend; an attempt is something else.
        parts.append(Sql("(rec.reached OR rec.kind <> 'attendance')"))
    if rule.parties:
        fits = f"(rec.parties & {int(rule.parties)}) <> 0"
        parts.append(Sql(f"({fits} OR rec.as_guardian)" if rule.parties & Party.GUARDIAN else fits))
    if rule.actors:
        parts.append(
            Sql("(" + " OR ".join(f"rec.{_ROLE_COLUMN[Actor(actor)]}" for actor in rule.actors) + ")")
        )
    return sql_join(" AND ", parts)


def done(items, *, subject, moment, scope):
    """CTEs ``rec``, ``by_day`` and ``done(subject_id, d0, t0, d1, t1 …)``: different days, and of those in time.

    ``rec`` is materialized, so that it is looked up once however many items ask for it. ``by_day`` says of each
    subject, day and item: 0 nothing counted, 1 counted, 2 counted and in time.
    """
    found = [records(name, items, subject=subject, moment=moment, scope=scope) for name in sources_of(items)]
    rec = sql_join(" UNION ALL ", found)
    marked, summed = [], []
    for number, item in enumerate(items):
        fits = counted(item)
        marked.append(
            Sql(
                f"MAX(CASE WHEN {fits.text} THEN CASE WHEN rec.lag <= {IN_TIME_DAYS} AND rec.entered < %s THEN 2 ELSE 1 END "
                f"ELSE 0 END) AS m{number}",
                [*fits.params, moment_param(item.closes_at)],
            )
        )
        summed.append(
            f"COUNT(CASE WHEN m{number} > 0 THEN 1 END) AS d{number}, COUNT(CASE WHEN m{number} = 2 THEN 1 END) AS t{number}"
        )
    by_day = sql_join(", ", marked)
    return Sql(
        f"rec AS MATERIALIZED ({rec.text}), "
        f"by_day AS (SELECT rec.subject_id, rec.day, {by_day.text} FROM rec GROUP BY rec.subject_id, rec.day), "
        f"done AS (SELECT subject_id, {', '.join(summed)} FROM by_day GROUP BY subject_id)",
        rec.params + by_day.params,
    )
