"""The month's check of children written by hand: one statement for the four monthly rules of the demo county.

It knows those rules and nothing else (no versions, no other periods, no filters but the ones they have), so it is
what the compiled ledger may be compared with: first its answers, then its time. PostgreSQL only.
"""

from django.db import connection

from registry.calendar import month_end

CODES = ("F02", "F14", "F25", "F64")

STATEMENT = """
WITH seen AS (
    SELECT c.child_id, c.day, c.kind, c.channel, c.parties,
           (c.lag <= 14 AND c.recorded_at < %(closes)s) AS in_time,
           bool_or(p.id IS NOT NULL) AS by_teacher, bool_or(q.id IS NOT NULL) AS by_paired
    FROM activities_contact c JOIN registry_child b ON b.id = c.child_id AND b.county_id = %(county)s
    LEFT JOIN activities_contactstaff a ON a.contact_id = c.id AND c.kind <> 'family_call'
    LEFT JOIN registry_enrollment e ON e.child_id = c.child_id AND e.cancelled_at IS NULL AND e.starts_on <= c.day
        AND (e.ends_on IS NULL OR e.ends_on >= c.day) AND c.kind IN ('talk', 'home_visit')
    LEFT JOIN registry_school s ON s.id = e.school_id
    LEFT JOIN registry_post p ON p.staff_id = a.staff_id AND p.cancelled_at IS NULL AND p.starts_on <= c.day
        AND (p.ends_on IS NULL OR p.ends_on >= c.day)
        AND ((p.kind = 'class_teacher' AND p.school_class_id = e.school_class_id)
             OR (e.id IS NOT NULL AND e.school_class_id IS NULL AND p.kind = 'leader'
                 AND p.school_id IN (e.school_id, s.managing_school_id)))
    LEFT JOIN pairing_pairing q ON q.child_id = c.child_id AND q.staff_id = a.staff_id AND q.kind = 'primary'
        AND q.cancelled_at IS NULL AND q.starts_on <= c.day AND (q.ends_on IS NULL OR q.ends_on >= c.day)
        AND c.kind = 'guardian_contact'
    WHERE c.day BETWEEN %(first)s AND %(last)s AND c.reached AND c.recorded_at <= %(now)s
      AND (c.cancelled_at IS NULL OR c.cancelled_at > %(now)s)
    GROUP BY c.id
), done AS (
    SELECT child_id,
        COUNT(DISTINCT day) FILTER (WHERE talk) AS f02,
        COUNT(DISTINCT day) FILTER (WHERE talk AND in_time) AS f02_in_time,
        COUNT(DISTINCT day) FILTER (WHERE asked) AS f14,
        COUNT(DISTINCT day) FILTER (WHERE asked AND in_time) AS f14_in_time,
        COUNT(DISTINCT day) FILTER (WHERE called) AS f25,
        COUNT(DISTINCT day) FILTER (WHERE called AND in_time) AS f25_in_time
    FROM (
        SELECT child_id, day, in_time,
            kind IN ('talk', 'home_visit') AND parties & 1 <> 0 AND by_teacher AS talk,
            kind = 'guardian_contact' AND channel IN ('phone', 'video', 'in_person') AND parties & 6 <> 0 AND by_paired
                AS asked,
            kind = 'family_call' AND channel IN ('phone', 'video') AND parties & 6 <> 0 AS called
        FROM seen
    ) said
    GROUP BY child_id
), unreachable AS (
    SELECT t.child_id FROM registry_trait t
    WHERE t.kind = 'parents_unreachable' AND t.approved_at IS NOT NULL AND t.cancelled_at IS NULL
      AND t.starts_on <= %(middle)s AND (t.ends_on IS NULL OR t.ends_on >= %(middle)s)
      AND NOT EXISTS (
          SELECT 1 FROM activities_contact r WHERE r.child_id = t.child_id AND r.day BETWEEN t.starts_on AND %(middle)s
          AND r.reached AND r.kind IN ('talk', 'home_visit', 'guardian_contact', 'family_call') AND r.parties & 6 <> 0
          AND r.recorded_at <= %(now)s AND (r.cancelled_at IS NULL OR r.cancelled_at > %(now)s))
    UNION
    SELECT n.child_id FROM registry_kinship n JOIN registry_guardian w ON w.id = n.guardian_id
    WHERE n.relation IN ('father', 'mother') GROUP BY n.child_id HAVING bool_and(w.died_on < %(middle)s)
), tied AS (
    SELECT child_id, bool_or(starts_on <= %(middle)s AND (ends_on IS NULL OR ends_on >= %(middle)s)) AS at_middle,
        COUNT(*) FILTER (WHERE starts_on <= %(standing)s AND (ends_on IS NULL OR ends_on >= %(standing)s)
                         AND recorded_at <= %(now)s) AS f64,
        COUNT(*) FILTER (WHERE starts_on <= %(standing)s AND (ends_on IS NULL OR ends_on >= %(standing)s)
                         AND recorded_at <= %(now)s AND recorded_at < %(closes)s) AS f64_in_time
    FROM pairing_pairing WHERE kind = 'primary' AND cancelled_at IS NULL GROUP BY child_id
)
SELECT e.child_id,
    e.starts_on <= %(middle)s AND (e.ends_on IS NULL OR e.ends_on >= %(middle)s)
        AND l.starts_on <= %(middle)s AND (l.ends_on IS NULL OR l.ends_on >= %(middle)s)
        AND s.first_used_on <= %(middle)s AND (k.id IS NULL OR k.ends_on >= %(middle)s) AS at_middle,
    e.starts_on <= %(standing)s AND (e.ends_on IS NULL OR e.ends_on >= %(standing)s)
        AND l.starts_on <= %(standing)s AND (l.ends_on IS NULL OR l.ends_on >= %(standing)s)
        AND s.first_used_on <= %(standing)s AND (k.id IS NULL OR k.ends_on >= %(standing)s) AS at_end,
    u.child_id IS NULL AS reachable, COALESCE(q.at_middle, FALSE) AS paired,
    COALESCE(f02, 0), COALESCE(f02_in_time, 0), COALESCE(f14, 0), COALESCE(f14_in_time, 0),
    COALESCE(f25, 0), COALESCE(f25_in_time, 0), COALESCE(f64, 0), COALESCE(f64_in_time, 0)
FROM registry_enrollment e
JOIN registry_school s ON s.id = e.school_id AND s.county_id = %(county)s
JOIN registry_carelistspell l ON l.child_id = e.child_id AND l.cancelled_at IS NULL
LEFT JOIN registry_schoolclass k ON k.id = e.school_class_id
LEFT JOIN done ON done.child_id = e.child_id
LEFT JOIN tied q ON q.child_id = e.child_id
LEFT JOIN unreachable u ON u.child_id = e.child_id
WHERE e.cancelled_at IS NULL AND e.starts_on <= %(standing)s AND (e.ends_on IS NULL OR e.ends_on >= %(middle)s)
"""


def judged(county, month, *, items, now):
    """{(code, child): (days done, days in time)} of everybody who owes one of the four rules in ``month``."""
    talk = next(item for item in items if item.rule.code == "F02")
    standing = next(item for item in items if item.rule.code == "F64")
    params = {
        "county": county.pk, "first": month.replace(day=1), "last": month_end(month), "now": now, "closes": talk.closes_at,
        "middle": talk.period.judge_day, "standing": standing.period.judge_day,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(STATEMENT, params)
        rows = cursor.fetchall()
    found = {}
    for child, at_middle, at_end, reachable, paired, *numbers in rows:
        if at_middle:
            found["F02", child] = numbers[0], numbers[1]
            if reachable and paired:
                found["F14", child] = numbers[2], numbers[3]
            if reachable:
                found["F25", child] = numbers[4], numbers[5]
        if at_end:
            found["F64", child] = numbers[6], numbers[7]
    return found


def items_of(ledger, month):
    """The ledger's items of the four rules, the county's own versions."""
    return [
        item for item in ledger.items_of_month(month) if item.rule.code in CODES and not item.rule.owner_id
    ]


def by_ledger(ledger, items):
    """The same answer from the product."""
    return {(duty.rule.code, duty.subject_id): (duty.done, duty.in_time) for duty in ledger.judge(items)}


__all__ = ["CODES", "by_ledger", "items_of", "judged"]
