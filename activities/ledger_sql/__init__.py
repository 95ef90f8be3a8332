"""SQL of the duty ledger: rules (data) compiled into one statement per kind of subject.

The statement has three parts: ``rec`` (records of the window with the roles their adults held that day), ``done``
(days per subject and item, and of those the days in time), and who owes each item on its judge day. Of children,
``seated`` holds all that the items of one judge day ask, looked up once per child. Contacts never come into Python;
the number of statements does not grow with children, rules or periods.

Portable between PostgreSQL and SQLite: no arrays, no date arithmetic (a record's lag is stored with it).
"""

from pairing.models import Pairing
from registry.models import Child

from ..models import Measure, Subject
from .owed import NOTHING, day_of, owed_centers, owed_children, owed_places, owed_staff, seated
from .pieces import Sql, T, covers_day, moment_param, sql_join
from .records import done

__all__ = ["Sql", "statement"]


def standing_counts(number, item, *, moment):
    """Number of open primary pairings of the owed member of staff on the item's day: known, and entered before closing."""
    if item.rule.measure != Measure.OPEN_PRIMARY_PAIRINGS:
        raise ValueError(f"no such standing state: {item.rule.measure}")
    cover = covers_day("q", item.period.judge_day)
    base = (
        f"(SELECT COUNT(*) FROM {T[Pairing]} q WHERE q.staff_id = owed.subject_id AND q.kind = 'primary' AND {cover.text} "
        "AND q.recorded_at <= %s{more})"
    )
    known = Sql(f"WHEN {number} THEN " + base.format(more=""), [*cover.params, moment_param(moment)])
    in_time = Sql(
        f"WHEN {number} THEN " + base.format(more=" AND q.recorded_at < %s"),
        [*cover.params, moment_param(moment), moment_param(item.closes_at)],
    )
    return known, in_time


def _paired_counts(number, item, *, moment, scope):
    """CTE of the open primary pairings per child on the item's day: known, and entered before closing."""
    cover = covers_day("q", item.period.judge_day)
    inside = Sql("AND q.child_id IN (") + scope + Sql(")") if scope else Sql("")
    return (
        Sql(
            f"stand{number} AS (SELECT q.child_id AS subject_id, COUNT(*) AS d{number}, "
            f"COUNT(CASE WHEN q.recorded_at < %s THEN 1 END) AS t{number} FROM {T[Pairing]} q "
            f"WHERE q.kind = 'primary' AND {cover.text} AND q.recorded_at <= %s",
            [moment_param(item.closes_at), *cover.params, moment_param(moment)],
        )
        + inside
        + Sql("GROUP BY q.child_id)")
    )


def _of_children(items, *, county_id, moment, children):
    """The statement for children: what was done, then per judge day who is seated, then who owes each item."""
    ctes = []
    chosen = None
    if children is not None:
        ctes.append(Sql(f"chosen (id) AS MATERIALIZED ({children.text})", children.params))
        chosen = Sql("SELECT chosen.id FROM chosen")
    by_records = [(number, item) for number, item in enumerate(items) if item.rule.measure == Measure.RECORDS]
    columns = {}
    if by_records:
        everybody = Sql(f"SELECT b.id FROM {T[Child]} b WHERE b.county_id = %s", [county_id])
        asked = [item for _, item in by_records]
        ctes.append(done(asked, subject=Subject.CHILD, moment=moment, scope=chosen or everybody))
        for place, (number, _) in enumerate(by_records):
            columns[number] = Sql(f"done.d{place} AS d{number}, done.t{place} AS t{number}")
    groups = {}
    for number, item in enumerate(items):
        if item.rule.measure == Measure.OPEN_PRIMARY_PAIRINGS:
            ctes.append(_paired_counts(number, item, moment=moment, scope=chosen))
            columns[number] = Sql(f"stand{number}.d{number}, stand{number}.t{number}")
        elif number not in columns:
            raise ValueError(f"no such standing state: {item.rule.measure}")
        groups.setdefault(day_of(item), []).append(number)
    arms = []
    for name, numbers in enumerate(groups.values()):
        joins = []
        if any(items[number].rule.measure == Measure.RECORDS for number in numbers):
            joins.append("LEFT JOIN done ON done.subject_id = e.child_id")
        joins += [
            f"LEFT JOIN stand{number} ON stand{number}.subject_id = e.child_id"
            for number in numbers
            if items[number].rule.measure != Measure.RECORDS
        ]
        rows = seated(
            [items[number] for number in numbers], county_id=county_id, moment=moment, chosen=chosen is not None,
            extra=[columns[number] for number in numbers], joins=" ".join(joins),
        )  # fmt: skip
        ctes.append(Sql(f"seated{name} AS ({rows.text})", rows.params))
        arms += [owed_children(number, items[number], f"seated{name}") for number in numbers]
    return Sql("WITH") + sql_join(", ", ctes) + sql_join(" UNION ALL ", arms)


def statement(items, *, subject, county_id, moment, children=None, centers=None, staff=None):
    """The whole statement of one kind of subject: (SQL text, parameters).

    Rows: item number, subject, school, class, holder's enrollment and class, still there, days done, days in time.
    """
    if subject == Subject.CHILD:
        whole = _of_children(items, county_id=county_id, moment=moment, children=children)
        return whole.text, whole.params
    scope = Sql(f"SELECT b.id FROM {T[Child]} b WHERE b.county_id = %s", [county_id])
    owed = []
    for number, item in enumerate(items):
        if subject in (Subject.CLASS, Subject.SCHOOL):
            owed.append(
                owed_places(
                    number, item, county_id=county_id, moment=moment, by_class=subject == Subject.CLASS
                )
            )
        elif subject == Subject.CENTER:
            owed.append(owed_centers(number, item, county_id=county_id, centers=centers))
        elif subject == Subject.STAFF:
            owed.append(owed_staff(number, item, county_id=county_id, staff=staff))
        else:
            owed.append(
                Sql(
                    f"SELECT {number} AS item, 0 AS subject_id, CAST(NULL AS BIGINT) AS school_id, {NOTHING} TRUE AS still_there"
                )
            )
    every = sql_join(" UNION ALL ", owed)
    by_records = [(number, item) for number, item in enumerate(items) if item.rule.measure == Measure.RECORDS]
    known_parts, in_time_parts = [], []
    prefix = Sql("WITH")
    join = ""
    if by_records:
        numbered = [item for _, item in by_records]
        prefix += done(numbered, subject=subject, moment=moment, scope=scope) + Sql(",")
        join = "LEFT JOIN done ON done.subject_id = owed.subject_id"
        for place, (number, _) in enumerate(by_records):
            known_parts.append(Sql(f"WHEN {number} THEN done.d{place}"))
            in_time_parts.append(Sql(f"WHEN {number} THEN done.t{place}"))
    for number, item in enumerate(items):
        if item.rule.measure != Measure.RECORDS:
            known, in_time = standing_counts(number, item, moment=moment)
            known_parts.append(known)
            in_time_parts.append(in_time)
    known, in_time = sql_join(" ", known_parts), sql_join(" ", in_time_parts)
    whole = (
        prefix
        + Sql(f"owed AS ({every.text})", every.params)
        + Sql(
            "SELECT owed.item, owed.subject_id, owed.school_id, owed.class_id, owed.holder_enrollment, owed.holder_class, "
            f"owed.still_there, COALESCE(CASE owed.item {known.text} END, 0), COALESCE(CASE owed.item {in_time.text} END, 0) "
            f"FROM owed {join}",
            known.params + in_time.params,
        )
    )
    return whole.text, whole.params
