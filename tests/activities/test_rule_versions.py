"""Changing a duty rule makes a new version; the past stays judged by the old one."""

from datetime import date, datetime

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from activities.facts import load_facts
from activities.ledger import Ledger
from activities.models import DutyRule
from registry.models import Staff
from trust.models import User

FACTS = {
    "county": {"code": "341299", "name": "青溪县"},
    "schools": [
        {
            "id": "s1",
            "code": "QX001",
            "name": "石门小学",
            "stages": ["primary"],
            "first_used_on": "2025-09-01",
        }
    ],
    "school_years": [{"year": 2026, "confirmed": True}],
    "terms": [{"year": 2026, "season": "autumn", "starts_on": "2026-09-01", "ends_on": "2027-01-22"}],
    "staff": [{"id": "o1", "name": "高明远", "school": None}, {"id": "t1", "name": "周明远", "school": "s1"}],
    "posts": [
        {"staff": "o1", "kind": "county_officer", "starts_on": "2025-09-01"},
        {"staff": "t1", "kind": "leader", "school": "s1", "starts_on": "2025-09-01"},
    ],
}


@pytest.fixture
def county(db):
    with time_machine.travel(datetime.fromisoformat("2026-11-10T10:00:00+08:00"), tick=False):
        yield load_facts(FACTS)


def client_of(name):
    user = User.objects.create(username=name, name=name)
    Staff.objects.filter(name=name).update(user=user)
    client = Client()
    client.force_login(user)
    return client


def send(client, rule, **changes):
    data = {"active": "1", "minimum": 1, "valid_from": "2026-12-01", "version": rule.version} | changes
    return client.post(reverse("activities:rule_change", args=[rule.uid]), data)


def per_month(county, code):
    """Whether the rule is asked for in November and in December 2026."""
    ledger = Ledger(county, now=datetime.fromisoformat("2027-01-10T10:00:00+08:00"))
    return [
        any(item.rule.code == code for item in ledger.items_of_month(date(2026, month, 1)))
        for month in (11, 12)
    ]


def test_a_rule_switched_on_is_asked_for_from_that_month_on(county):
    rule = DutyRule.objects.get(code="F04")
    client = client_of("高明远")
    assert per_month(county, "F04") == [False, False]
    assert send(client, rule).status_code == 302
    assert per_month(county, "F04") == [False, True]
    assert (
        send(client, DutyRule.objects.get(pk=rule.pk), active="1").status_code == 302
    )  # the same again changes nothing
    assert DutyRule.objects.filter(code="F04").count() == 2


def test_a_rule_switched_off_still_judges_the_months_before(county):
    rule = DutyRule.objects.get(code="F02")
    assert send(client_of("高明远"), rule, active="0").status_code == 302
    assert per_month(county, "F02") == [True, False]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"valid_from": "2026-11-01", "minimum": 2}, "最早从 2026-12-01 起"),
        ({"minimum": 0}, "最少填 1；不要求做，就选“停用”"),
        ({"version": 9, "minimum": 2}, "别人刚改过"),
    ],
)
def test_what_cannot_be_changed_is_said_and_kept(county, changes, words):
    rule = DutyRule.objects.get(code="F02")
    response = send(client_of("高明远"), rule, **changes)
    assert response.status_code == 400
    assert words in response.content.decode()
    assert DutyRule.objects.filter(code="F02").count() == 1


def test_a_school_cannot_change_the_countys_rule(county):
    rule = DutyRule.objects.get(code="F02")
    assert send(client_of("周明远"), rule, minimum=2).status_code == 403
    assert DutyRule.objects.get(code="F02").minimum == 1
