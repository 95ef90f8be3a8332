"""Time of a pairing proposal (结对方案) for one large school: ``python -m bench.proposal 1500 120``.

Makes the demo county with one school of about that many children in the scratch database of ``BENCH_DATABASE_URL``
(emptied first), ends the posts of its other staff (or tops them up), gives everybody a quota that leaves about a tenth
of the places free, and measures:
what is read, the solver alone, the whole proposal as the background job makes it, its page, and adopting it. The
answer is checked against the quotas first, and the run stops if it breaks one.
"""

import sys
import time
from datetime import timedelta

from bench import run  # isort: skip  (first: it sets Django up)
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from activities.demo.county import build_county
from pairing import proposals, quotas
from pairing.assignment import assign, faults
from pairing.proposal_summary import Summary
from pairing.situation import able_staff, seats_of, situation_of
from registry.models import Post, PostKind, School, Staff


def school_of(children, staff):
    """The one school, with so many staff and quotas with a tenth to spare."""
    build_county(schools=1, children=children, months=1, until=timezone.localdate(), seed=1, history=False)
    school = School.objects.filter(managing_school=None).order_by("pk").first()
    here = sorted(able_staff(school, timezone.localdate()))
    yesterday = timezone.localdate() - timedelta(days=1)
    Post.objects.filter(staff__in=here[staff:]).update(ends_on=yesterday)
    for number in range(staff - len(here)):
        person = Staff.objects.create(county=school.county, school=school, name=run._name(number))
        Post.objects.create(
            staff=person,
            kind=PostKind.TEACHER,
            county=school.county,
            school=school,
            starts_on=timezone.localdate(),
        )
    most = -(-children * 11 // (10 * staff))
    school.quotas.all().delete()
    quotas.set_quota(school=school, minimum=most // 2, maximum=most, by=None)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    return school


def timed(act):
    """Seconds, statements and what came of it."""
    with CaptureQueriesContext(connection) as queries:
        began = time.perf_counter()
        found = act()
        return time.perf_counter() - began, len(queries), found


def measure(children, staff):
    """Rows of figures: (what, seconds, statements)."""
    run.empty()
    school, today = school_of(children, staff), timezone.localdate()
    rows = []
    for keep in (True, False):
        said = "standing pairings kept" if keep else "everybody anew"
        seconds, queries, here = timed(lambda keep=keep: situation_of(school, today, keep_standing=keep))
        rows.append((f"{said}: read", seconds, queries))
        seconds, _, answer = timed(lambda here=here: assign(here.children, here.staff))
        wrong = faults(answer.choices, here.children, here.staff)
        if wrong:
            raise SystemExit(f"the answer breaks the quotas: {wrong[:3]}")
        rows.append((f"{said}: solved, {len(here.children)} children × {len(here.staff)} staff", seconds, ""))
    made = proposals.PairingProposal.objects.create(school=school, starts_on=today, keep_standing=False)
    rows.append(("the whole proposal, stored", *timed(lambda: proposals.compute(made))[:2]))
    rows.append(("its summary, as the page shows it", *timed(lambda: Summary(made).over)[:2]))
    with transaction.atomic():
        seconds, queries, begun = timed(lambda: proposals.adopt(proposal=made, by=None, end_reason="quota"))
        rows.append((f"adopted: {begun} pairings begun", seconds, queries))
    return seats_of(school, today).count(), rows


def main():
    """Prints the table."""
    children, staff = (int(word) for word in sys.argv[1:3]) if len(sys.argv) > 2 else (1500, 120)
    listed, rows = measure(children, staff)
    print(f"| {timezone.localdate()} | {listed} children, {staff} staff |\n|---|---|")
    for what, seconds, queries in rows:
        print(f"| {what} | {seconds:.2f} s{f', {queries} queries' if queries else ''} |")


if __name__ == "__main__":
    main()
