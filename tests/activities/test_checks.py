"""The monthly check: what is stored, closed, amended, refused, and rung by the schedule."""

import io
import json
from datetime import date, timedelta

import pytest
import time_machine
from celery.schedules import crontab
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activities import checks, tasks
from activities.contacts import cancel_contact
from activities.facts import load_facts
from activities.models import Amendment, Contact, Excuse, Finding, MonthlyCheck, Tally
from lbc_site.celery import app
from registry.calendar import CalendarNotConfirmed
from registry.models import CareListSpell, ClosingDate, Enrollment, SchoolYear
from tests.test_plain_ledger import enrolled, listed

from .duty_world import F02, F08, NOVEMBER, contact, county, excuse, load, moment

pytestmark = [pytest.mark.db, pytest.mark.django_db]

OPEN, CLOSED = moment("2026-12-02T02:00"), moment("2026-12-06T02:00")


def three(**lists):
    """Three children: k1 talked with in time, k2 too late, k3 never."""
    facts = county(F02, **lists)
    for n in (2, 3):
        facts["children"].append({"id": f"k{n}", "name": f"孩子{n}", "sex": "male"})
        facts["enrollments"].append(enrolled(f"k{n}"))
        facts["care_list"].append(listed(f"k{n}"))
    facts["contacts"] = [
        contact("2026-11-10"),
        contact("2026-11-10", child="k2", entered="2026-11-26T08:00"),
        *lists.get("contacts", []),
    ]
    return facts


def states(world):
    """{child: state} of the stored findings."""
    ids = {world.k1.pk: "k1", world.k2.pk: "k2", world.k3.pk: "k3"}
    return {ids[pk]: state for pk, state in Finding.objects.values_list("subject_id", "state")}


def amended(world):
    """{child: (closed as, now)}."""
    ids = {world.k1.pk: "k1", world.k2.pk: "k2", world.k3.pk: "k3"}
    rows = Amendment.objects.values_list("subject_id", "closed_state", "state")
    return {ids[pk]: (was, now) for pk, was, now in rows}


def entered(world, day, at):
    """A talk with k3 that is typed in at this moment."""
    row = contact(day, child="k3", entered=at)
    load_facts({"county": {"code": world.county.code, "name": world.county.name}, "contacts": [row]})
    return Contact.objects.get(child=world.k3, recorded_at=moment(at))


# --- what is stored


def test_missed_and_late_are_rows_and_all_are_tallied():
    world = load(three())
    report = checks.check_month(world.county, NOVEMBER, now=OPEN)
    assert states(world) == {"k2": "met_late", "k3": "missed"}
    row = Finding.objects.get(subject_id=world.k3.pk)
    assert (row.rule.code, row.subject_kind, row.period_start, row.period_end, row.month) == (
        "F02", "child", date(2026, 11, 1), date(2026, 11, 30), date(2026, 11, 1),
    )  # fmt: skip
    assert (row.done, row.minimum, row.responsible, row.school, row.school_class.number) == (
        0, 1, world.t1, world.s1, 1,
    )  # fmt: skip
    tally = Tally.objects.get()
    assert (tally.met, tally.met_late, tally.missed, tally.excused, tally.upcoming) == (1, 1, 1, 0, 0)
    assert (tally.days_done, tally.days_owed) == (2, 3)
    assert report.closed is False
    check = MonthlyCheck.objects.get()
    assert (check.checked_at, check.closed_at, check.closes_at) == (OPEN, None, moment("2026-12-06"))


def test_twice_is_the_same_rows():
    world = load(three())
    checks.check_month(world.county, NOVEMBER, now=OPEN)
    before = sorted(Finding.objects.values_list("pk", "uid", "state", "done"))
    tallies = Tally.objects.values_list("met", "met_late", "missed").get()
    checks.check_month(world.county, NOVEMBER, now=OPEN + timedelta(hours=1))
    assert sorted(Finding.objects.values_list("pk", "uid", "state", "done")) == before
    assert Tally.objects.values_list("met", "met_late", "missed").get() == tallies
    assert MonthlyCheck.objects.count() == 1


def test_a_row_that_owes_no_more_stays():
    world = load(three())
    checks.check_month(world.county, NOVEMBER, now=OPEN)
    CareListSpell.objects.filter(child=world.k3).update(starts_on=date(2026, 11, 16))
    checks.check_month(world.county, NOVEMBER, now=OPEN + timedelta(days=1))
    assert states(world) == {"k2": "met_late", "k3": "not_applicable"}
    CareListSpell.objects.filter(child=world.k3).update(starts_on=date(2026, 9, 1))
    entered(world, "2026-11-30", "2026-12-03T10:00")
    checks.check_month(world.county, NOVEMBER, now=OPEN + timedelta(days=2))
    assert states(world) == {"k2": "met_late", "k3": "met"}


def test_a_finding_names_its_excuse():
    world = load(three(excuses=[excuse("2026-11-01", "2026-11-15", subject="k3")]))
    checks.check_month(world.county, NOVEMBER, now=OPEN)
    row = Finding.objects.get(subject_id=world.k3.pk)
    assert (row.state, row.excuse_uid, row.excuse_reason) == ("excused", Excuse.objects.get().uid, "")
    Enrollment.objects.filter(child=world.k3).update(ends_on=date(2026, 11, 20))
    Excuse.objects.update(revoked_at=OPEN)
    checks.check_month(world.county, NOVEMBER, now=OPEN + timedelta(hours=1))
    row.refresh_from_db()
    assert (row.state, row.excuse_uid, row.excuse_reason) == ("excused", None, "期内离开")


def test_an_older_look_never_overwrites_a_newer():
    world = load(three())
    entered(world, "2026-11-30", "2026-12-03T10:00")
    checks.check_month(world.county, NOVEMBER, now=OPEN + timedelta(days=2))
    checks.check_month(world.county, NOVEMBER, now=OPEN)
    assert states(world) == {"k2": "met_late"}
    assert MonthlyCheck.objects.get().checked_at == OPEN + timedelta(days=2)


def test_statements_do_not_grow_with_children():
    world = load(three())
    with CaptureQueriesContext(
        connection,
    ) as few:
        checks.check_month(world.county, NOVEMBER, now=OPEN)
    more = county(F02, children=[], enrollments=[], care_list=[])
    for n in range(10, 60):
        more["children"].append({"id": f"k{n}", "name": f"孩子{n}", "sex": "male"})
        more["enrollments"].append(enrolled(f"k{n}"))
        more["care_list"].append(listed(f"k{n}"))
    load(more)
    with CaptureQueriesContext(connection) as many:
        checks.check_month(world.county, NOVEMBER, now=OPEN + timedelta(hours=1))
    assert Finding.objects.count() == 52
    assert len(many) <= len(few)


# --- closing


def test_closing_cuts_at_the_closing_moment_however_late_the_job():
    world = load(three())
    entered(world, "2026-11-30", "2026-12-06T00:00:01")
    report = checks.check_month(world.county, NOVEMBER, now=moment("2026-12-20T02:00"))
    assert report.closed is True
    assert states(world) == {"k2": "met_late", "k3": "missed"}
    assert amended(world) == {"k3": ("missed", "met_late")}
    check = MonthlyCheck.objects.get()
    assert (check.checked_at, check.closed_at) == (moment("2026-12-06"), moment("2026-12-20T02:00"))


def test_the_last_second_before_closing_counts():
    world = load(three())
    entered(world, "2026-11-30", "2026-12-05T23:59:59")
    checks.check_month(world.county, NOVEMBER, now=CLOSED)
    assert states(world) == {"k2": "met_late"}
    assert amended(world) == {}


def test_closed_rows_stay_and_changes_stand_beside_them():
    world = load(three())
    checks.check_month(world.county, NOVEMBER, now=CLOSED)
    closed = sorted(Finding.objects.values_list("pk", "state", "done", "updated_at"))
    tally = Tally.objects.values_list("met", "met_late", "missed").get()
    later = CLOSED + timedelta(days=3)
    with time_machine.travel(later, tick=False):
        cancel_contact(Contact.objects.get(child=world.k1), reason="记错了", by=world.t1.user)
    contact_of_k3 = entered(world, "2026-11-12", "2026-12-09T01:00")
    CareListSpell.objects.filter(child=world.k2).update(starts_on=date(2026, 12, 1))
    checks.check_month(world.county, NOVEMBER, now=later)
    assert amended(world) == {
        "k1": ("met", "missed"),
        "k2": ("met_late", "not_applicable"),
        "k3": ("missed", "met_late"),
    }
    assert sorted(Finding.objects.values_list("pk", "state", "done", "updated_at")) == closed
    assert Tally.objects.values_list("met", "met_late", "missed").get() == tally
    # Taken back again: as closed, so no amendment is left.
    with time_machine.travel(later + timedelta(hours=1), tick=False):
        cancel_contact(contact_of_k3, reason="记错了", by=world.t1.user)
    CareListSpell.objects.filter(child=world.k2).update(starts_on=date(2025, 9, 1))
    checks.check_month(world.county, NOVEMBER, now=later + timedelta(hours=2))
    assert amended(world) == {"k1": ("met", "missed")}


def test_an_excuse_approved_after_closing_is_an_amendment():
    late = excuse("2026-11-01", "2026-11-30", subject="k3", approved_at="2026-12-07T09:00")
    world = load(three(excuses=[late]))
    checks.check_month(world.county, NOVEMBER, now=moment("2026-12-08T02:00"))
    assert states(world)["k3"] == "missed"
    assert amended(world) == {"k3": ("missed", "excused")}


def test_a_fact_dated_back_brings_a_duty_that_was_not_owed_when_closed():
    facts = three()
    facts["care_list"].pop()
    world = load(facts)
    checks.check_month(world.county, NOVEMBER, now=CLOSED)
    assert states(world) == {"k2": "met_late"}
    CareListSpell.objects.create(child=world.k3, type="both_away", starts_on=date(2026, 11, 1))
    checks.check_month(world.county, NOVEMBER, now=CLOSED + timedelta(days=1))
    assert amended(world) == {"k3": ("not_applicable", "missed")}


def test_a_closing_day_moved_forward_still_closes():
    world = load(three(closings=[{"month": "2026-11", "closes_on": "2026-12-09"}]))
    checks.check_month(world.county, NOVEMBER, now=moment("2026-12-07T02:00"))
    ClosingDate.objects.all().delete()
    report = checks.check_month(world.county, NOVEMBER, now=moment("2026-12-08T02:00"))
    assert (report.closed, report.closes_at) == (True, moment("2026-12-06"))
    assert MonthlyCheck.objects.get().closed_at == moment("2026-12-08T02:00")


def test_a_month_never_closes_early():
    world = load(three())
    with pytest.raises(checks.TooEarlyToClose):
        checks.close_month(world.county, NOVEMBER, now=moment("2026-12-05T23:59:59"))
    assert MonthlyCheck.objects.count() == 0
    assert checks.close_month(world.county, NOVEMBER, now=moment("2026-12-06")).closed is True


def test_an_unconfirmed_year_is_never_a_clean_month():
    world = load(three())
    SchoolYear.objects.filter(year=2026).update(confirmed_at=None)
    with pytest.raises(CalendarNotConfirmed):
        checks.check_month(world.county, NOVEMBER, now=OPEN)
    assert (MonthlyCheck.objects.count(), Finding.objects.count()) == (0, 0)
    assert checks.check_due_months(now=OPEN) == []


# --- which months are owed


def test_the_month_before_is_owed_until_it_is_closed():
    world = load(three())
    assert checks.months_owed(world.county, OPEN) == [NOVEMBER]
    checks.check_month(world.county, NOVEMBER, now=OPEN)
    assert checks.months_owed(world.county, OPEN) == [NOVEMBER]
    checks.check_month(world.county, NOVEMBER, now=CLOSED)
    assert checks.months_owed(world.county, CLOSED) == []
    assert checks.months_owed(world.county, moment("2027-01-01T02:00")) == [date(2026, 12, 1)]


def test_months_nobody_looked_at_are_caught_up():
    world = load(three())
    checks.check_month(world.county, date(2026, 9, 1), now=moment("2026-10-02T02:00"))
    owed = [date(2026, 9, 1), date(2026, 10, 1), NOVEMBER]
    assert checks.months_owed(world.county, OPEN) == owed
    checks.close_overdue_months(now=OPEN)
    assert [(c.month, bool(c.closed_at)) for c in MonthlyCheck.objects.order_by("month")] == [
        (date(2026, 9, 1), True),
        (date(2026, 10, 1), True),
    ]
    assert checks.months_owed(world.county, OPEN) == [NOVEMBER]


def test_the_sweep_does_nothing_before_a_closing_moment():
    load(three())
    assert checks.close_overdue_months(now=moment("2026-12-05T23:59:59")) == []
    assert MonthlyCheck.objects.count() == 0


# --- the schedule


def test_the_schedule_rings_registered_tasks():
    app.loader.import_default_modules()
    for entry in settings.CELERY_BEAT_SCHEDULE.values():
        assert entry["task"] in app.tasks
    assert settings.CELERY_BEAT_SCHEDULE["check-duties"]["task"] == tasks.check_due_months.name
    assert settings.CELERY_BEAT_SCHEDULE["check-duties"]["schedule"] == crontab(hour=2, minute=0)
    assert settings.CELERY_BEAT_SCHEDULE["sweep-months"]["task"] == tasks.sweep_due_months.name
    assert str(app.conf.timezone) == "Asia/Shanghai"


def test_at_two_on_the_first_of_march_february_is_checked():
    facts = county(F02, contacts=[contact("2026-03-03")])
    facts["terms"][1]["starts_on"] = "2026-02-09"
    load(facts)
    with time_machine.travel(moment("2026-03-01T02:00"), tick=False):
        tasks.check_due_months.delay()
    assert [(c.month, c.checked_at, c.closed_at) for c in MonthlyCheck.objects.all()] == [
        (date(2026, 2, 1), moment("2026-03-01T02:00"), None)
    ]
    assert Finding.objects.values_list("period_start", "state").get() == (date(2026, 2, 1), "missed")


# --- the command


def run(*arguments, at="2026-12-02T02:00"):
    out = io.StringIO()
    with time_machine.travel(moment(at), tick=False):
        call_command("check_duties", *arguments, stdout=out)
    return out.getvalue()


def test_the_answer_as_json():
    world = load(three())
    answer = json.loads(run("2026-11", "--list", "--json"))
    assert answer == {
        "county": "341299",
        "month": "2026-11",
        "closed": False,
        "closes_at": "2026-12-06T00:00:00+08:00",
        "rules": {"F02": {"due": 3, "met": 1, "met_late": 1, "missed": 1, "excused": 0, "upcoming": 0}},
        "findings": [
            {
                "rule": "F02", "subject_kind": "child", "subject": str(child.uid), "period_start": "2026-11-01",
                "period_end": "2026-11-30", "state": state, "done": done, "minimum": 1, "responsible": str(world.t1.uid),
            }
            for child, state, done in ((world.k2, "met_late", 1), (world.k3, "missed", 0))
        ],
    }  # fmt: skip


def test_a_closed_month_names_every_rule_as_an_open_one_does():
    facts = three()
    facts["rules"].append(F08)
    world = load(facts)
    open_now = checks.check_month(world.county, NOVEMBER, now=OPEN).by_rule()
    closed = checks.check_month(world.county, NOVEMBER, now=CLOSED).by_rule()
    assert list(closed) == list(open_now) == ["F02", "F08"]
    assert closed == open_now


def test_one_school_is_shown_and_the_whole_county_closed():
    load(three())
    answer = json.loads(run("2026-11", "--school", "QX002", "--close", "--json", at="2026-12-06T02:00"))
    assert (answer["closed"], answer["rules"]["F02"]["due"]) == (True, 0)
    assert Finding.objects.count() == 2


def test_as_of_answers_for_that_moment_and_writes_nothing():
    load(three())
    answer = json.loads(run("2026-11", "--as-of", "2026-11-25T08:00", "--json"))
    assert answer["rules"]["F02"] == {
        "due": 3,
        "met": 1,
        "met_late": 0,
        "missed": 0,
        "excused": 0,
        "upcoming": 2,
    }
    assert (MonthlyCheck.objects.count(), Finding.objects.count(), Tally.objects.count()) == (0, 0, 0)


@pytest.mark.parametrize(
    ("arguments", "unconfirmed", "code"),
    [
        (["2026-11", "--close"], False, 1),
        (["2026-11"], True, 1),
        (["2026-13"], False, 2),
        (["2026-11", "--school", "nowhere"], False, 2),
        (["2026-11", "--close", "--as-of", "2026-12-09"], False, 2),
        (["2026-11", "--as-of", "gestern"], False, 2),
    ],
)
def test_what_the_command_refuses(arguments, unconfirmed, code):
    load(three())
    if unconfirmed:
        SchoolYear.objects.filter(year=2026).update(confirmed_at=None)
    with pytest.raises(CommandError) as refused:
        run(*arguments)
    assert refused.value.returncode == code
    assert (MonthlyCheck.objects.count(), Finding.objects.count()) == (0, 0)
