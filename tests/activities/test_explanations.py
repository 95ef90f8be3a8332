"""为什么: what counted, what did not and the first reason why, the cure; and that it agrees with the ledger."""

import io
import json
from datetime import date, datetime

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import given, settings
from hypothesis import strategies as st

from activities.explanations import describe, explain
from activities.facts import load_facts
from activities.ledger import Ledger
from activities.models import DutyRule, Measure, Subject
from registry.models import Child, School, SchoolYear
from tests.histories import moment_from_seed, world_from_seed
from tests.test_plain_ledger import enrolled, listed, paired
from trust.models import AuditEvent

from .duty_world import F02, F08, SEEDED, contact, county, excuse, load, moment, post

pytestmark = pytest.mark.django_db
F14, F25, F64 = SEEDED["F14"], SEEDED["F25"], SEEDED["F64"]
DAY = date(2026, 11, 12)
AFTER = moment("2026-12-03T12:00")


def why(world, rule="F02", day=DAY, now=AFTER):
    return explain(world.k1, rule, day, now=now)


def reasons(found):
    return [(record.day.isoformat(), record.why_not) for record in found.records]


# --- records that count and those that do not


def test_what_counted_in_time_and_late():
    world = load(
        county(
            F02 | {"minimum": 2},
            contacts=[contact("2026-11-10"), contact("2026-11-12", entered="2026-11-27T08:00")],
        )
    )
    found = why(world)
    assert [(r.day.isoformat(), r.in_time, r.why_not) for r in found.records] == [
        ("2026-11-10", True, ""),
        ("2026-11-12", False, ""),
    ]
    assert (found.state, found.done, found.cure) == ("met_late", 2, "")


@pytest.mark.parametrize(
    ("rule", "fields", "reason"),
    [
        (F02, {"cancelled_at": "2026-11-11T09:00", "parties": ["guardian"]}, "这条已作废"),
        (F02, {"parties": ["guardian"], "reached": False}, "对象不对：要见到孩子"),
        (F02, {"reached": False, "staff": "t5"}, "没联系上"),
        (F02, {"staff": "t5"}, "记的人那天不是班主任"),
        (
            F25,
            {"kind": "family_call", "channel": "message", "parties": ["guardian"]},
            "方式不对：记的是微信或短信，要电话、视频",
        ),
    ],
)
def test_the_first_reason_is_named(rule, fields, reason):
    world = load(county(rule, contacts=[contact("2026-11-10", **fields)]))
    found = why(world, rule["code"])
    (record,) = found.records
    assert record.why_not.split("：")[0] == reason.split("：")[0]
    assert found.state == "missed"


def test_records_of_seven_days_around_are_named_and_no_others():
    days = ["2026-10-24", "2026-10-25", "2026-10-31", "2026-11-01", "2026-11-30", "2026-12-01"]
    world = load(county(F02, contacts=[contact(day) for day in days]))
    outside = "不在这段时间里（11月1日到11月30日）"
    assert reasons(why(world)) == [
        ("2026-10-25", outside),
        ("2026-10-31", outside),
        ("2026-11-01", ""),
        ("2026-11-30", ""),
        ("2026-12-01", outside),
    ]


def test_records_of_other_kinds_are_not_mentioned():
    world = load(county(F02, contacts=[contact("2026-11-10", "guardian_contact", parties=["guardian"])]))
    assert why(world).records == []


def test_a_record_not_yet_known_is_not_mentioned():
    world = load(county(F02, contacts=[contact("2026-11-10", entered="2026-12-03T12:00:01")]))
    assert why(world).records == []


def test_for_a_term_the_holiday_before_is_in_the_window():
    world = load(county(F08, contacts=[contact("2026-07-04", "home_visit")]))
    found = why(world, "F08")
    assert (found.state, found.period.window_start, found.done) == ("met", date(2026, 7, 4), 1)


def test_absent_is_named():
    attends = SEEDED["F44"] | {"active": True}
    activity = {
        "id": "a1", "kind": "center_activity", "title": "读书", "day": "2026-11-11", "school": "s1", "center": None,
        "staff": ["t1"], "recorded_at": "2026-11-11T17:00", "cancelled_at": None,
        "attendance": [{"child": "k1", "present": False, "recorded_at": "2026-11-11T17:00"}],
    }  # fmt: skip
    world = load(county(attends, activities=[activity]))
    found = why(world, "F44")
    assert reasons(found) == [("2026-11-11", "那天没有到场")]


# --- sentences


@pytest.mark.parametrize(
    ("now", "state", "sentence", "cure"),
    [
        ("2026-11-20T12:00", "upcoming", "到11月30日为止，还差 1 天。", "做了就记一笔"),
        ("2026-12-03T12:00", "missed", "11月1日到11月30日没有够数的记录，还差 1 天；还没有结账，可以补登。", "真的做过，就补记那一天（12月5日前补登"),
        ("2026-12-06T00:00", "missed", "11月1日到11月30日没有够数的记录，差 1 天；已经结账，再补登只算补录。", "真的做过，就补记那一天；没做过就不用补。"),
    ],
)  # fmt: skip
def test_what_is_said_before_and_after_closing(now, state, sentence, cure):
    world = load(county(F02))
    found = why(world, now=moment(now))
    assert (found.state, found.sentence) == (state, sentence)
    assert found.cure.startswith(cure)


def test_an_excuse_is_named():
    world = load(county(F02, excuses=[excuse("2026-11-01", "2026-11-15")]))
    found = why(world)
    assert (found.state, found.excuse.reason, found.cure) == ("excused", "住院", "")


def test_a_standing_state_is_said_in_its_own_words():
    world = load(county(F64, pairings=[paired()]))
    found = why(world, "F64")
    assert (found.state, found.sentence) == ("met", "11月30日在保的包保教师有 1 个，要求 1 个。")
    assert found.records is None


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"enrollments": [enrolled("k1", "2026-11-16")]}, "11月15日（判定日）孩子不在校，不用做。"),
        ({"care_list": [listed("k1", "2026-11-16")]}, "11月15日（判定日）孩子不在名单上，不用做。"),
        ({"rules": [F02 | {"applies_to": {"boarding": True}}]}, "11月15日（判定日）孩子不属于这条要求的范围（寄宿）。"),
        ({"rules": [F02 | {"valid_from": "2026-11-16"}]}, "这条要求那时还没有生效，或已经失效。"),
        ({"terms": []}, "这条要求那时还没有生效，或已经失效。"),
    ],
)  # fmt: skip
def test_why_it_is_not_owed(change, sentence):
    world = load(county(F02) | change)
    found = why(world)
    assert (found.state, found.sentence) == ("not_applicable", sentence)


def test_nothing_is_owed_before_the_first_day_of_use():
    world = load(county(F02))
    School.objects.filter(pk=world.s1.pk).update(first_used_on=date(2026, 11, 16))
    assert why(world).sentence == "学校从2026-11-16起才用系统，之前的不核对。"


def test_every_seeded_rule_is_described():
    load(county(*SEEDED.values()))
    for rule in DutyRule.objects.all():
        assert "留守" not in describe(rule)
    assert (
        describe(DutyRule.objects.get(code="F02")) == "班主任，每月至少 1 天，谈心或家访；见到（联系到）孩子"
    )


# --- with the ledger, on generated histories


@pytest.mark.db
@settings(max_examples=25)
@given(seed=st.integers(0, 2**32))
def test_it_agrees_with_the_ledger(seed):
    facts = world_from_seed(seed)
    point = transaction.savepoint()
    try:
        found = load_facts(facts, history=False)
        month, as_of = moment_from_seed(facts, seed)
        ledger = Ledger(found, now=as_of)
        items = ledger.items_of_month(datetime.strptime(month, "%Y-%m").date())
        duties = [d for d in ledger.judge(items) if d.rule.subject == Subject.CHILD][:12]
        for duty in duties:
            child = Child.objects.get(pk=duty.subject_id)
            said = explain(child, duty.rule.label, duty.period.start, now=as_of)
            if said.period is None or said.period.start != duty.period.start or said.rule != duty.rule:
                continue  # the day lies in the holiday before a term: that is the term's
            assert (seed, said.state, said.done) == (seed, duty.state, duty.done)
            if duty.rule.measure == Measure.RECORDS:
                assert (seed, len({r.day for r in said.counted})) == (seed, duty.done)
                assert (seed, len({r.day for r in said.counted if r.in_time})) == (seed, duty.in_time)
    finally:
        transaction.savepoint_rollback(point)


# --- the page


@pytest.fixture
def ask(client):
    def get(person, child, rule="F02", day="2026-11-12", at=AFTER):
        with time_machine.travel(at, tick=False):
            client.force_login(person.user)
            return client.get(f"/why/{child.uid}/{rule}/{day}/")

    return get


def test_the_page_says_why_and_what_to_do(ask):
    world = load(county(F02, contacts=[contact("2026-11-10", staff="t5")]))
    text = ask(world.t1, world.k1).content.decode()
    for words in (
        "未完成", "找到 1 条记录，都没算上", "记的人那天不是班主任", "2026-11-15", "没有发生的事不用补", F02["source_text"],
        f"/contacts/new/?kind=talk&amp;child={world.k1.uid}", f"/excuses/new/{world.k1.uid}/", "2026-12-05 24:00",
    ):  # fmt: skip
        assert words in text


def test_reading_it_is_in_the_audit_trail(ask):
    world = load(county(F02))
    ask(world.t1, world.k1)
    row = AuditEvent.objects.get(action="explain_duty")
    assert (row.child_uid, row.detail) == (world.k1.uid, "F02")


def test_what_is_done_offers_nothing_to_do(ask):
    world = load(county(F02, contacts=[contact("2026-11-10")]))
    text = ask(world.t1, world.k1).content.decode()
    assert "算上的记录，1 条" in text
    assert "/excuses/new/" not in text


def test_whom_it_is_not_about_gets_404(ask):
    facts = county(F02)
    facts["posts"].append(post("t4", "class_teacher", school="s2", **{"class": "c2"}))
    world = load(facts)
    assert ask(world.t4, world.k1).status_code == 404
    assert ask(world.t1, world.k1, rule="F99").status_code == 404
    assert ask(world.t1, world.k1, day="2026-13-01").status_code == 404
    assert AuditEvent.objects.filter(action="explain_duty").count() == 0


def test_another_schools_own_rule_is_not_to_be_had(ask):
    own = F02 | {"code": "S1", "owner": "s2"}
    world = load(county(F02, own))
    assert ask(world.t1, world.k1, rule="S1@QX002").status_code == 404


@pytest.mark.parametrize("many", [1, 20])
def test_the_page_costs_the_same_with_many_records(client, django_assert_max_num_queries, many):
    world = load(county(F02, contacts=[contact(f"2026-11-{n + 1:02}") for n in range(many)]))
    with time_machine.travel(AFTER, tick=False):
        client.force_login(world.t1.user)
        with django_assert_max_num_queries(21):
            assert client.get(f"/why/{world.k1.uid}/F02/2026-11-12/").status_code == 200


def test_the_rules_are_readable(client):
    world = load(county(F02, F02 | {"code": "S1", "owner": "s2", "name": "别校的要求"}))
    with time_machine.travel(AFTER, tick=False):
        client.force_login(world.t1.user)
        text = client.get("/rules/").content.decode()
    assert F02["name"] in text and F02["source_text"] in text
    assert "别校的要求" not in text


def test_the_months_check_for_leaders_only(client):
    world = load(county(F02))
    with time_machine.travel(AFTER, tick=False):
        client.force_login(world.t1.user)
        assert client.get("/checks/2026-11/").status_code == 403
        client.force_login(world.t9.user)
        assert "没有结账，可补登至 12月6日 00:00" in client.get("/checks/2026-11/").content.decode()
        assert client.get("/checks/2026-99/").status_code == 404
        SchoolYear.objects.filter(year=2026).update(confirmed_at=None)
        assert "2026—2027学年的校历还没有确认" in client.get("/checks/2026-11/").content.decode()


# --- the command


def test_the_command_explains_without_names():
    world = load(county(F02, contacts=[contact("2026-11-10", staff="t5")]))
    out = io.StringIO()
    with time_machine.travel(AFTER, tick=False):
        call_command(
            "explain_duty", child=str(world.k1.uid), rule="F02", on="2026-11-12", json=True, stdout=out
        )
    answer = json.loads(out.getvalue())
    assert (answer["state"], answer["judge_day"], answer["closes_at"]) == (
        "missed", "2026-11-15", "2026-12-06T00:00:00+08:00",
    )  # fmt: skip
    assert [(r["day"], r["counted"], r["why_not"]) for r in answer["records"]] == [
        ("2026-11-10", False, "记的人那天不是班主任")
    ]
    assert "李小满" not in out.getvalue() and "教师5" not in out.getvalue()


@pytest.mark.parametrize("wrong", [{"rule": "F99"}, {"on": "gestern"}, {"child": "nobody"}])
def test_what_the_command_refuses(wrong):
    world = load(county(F02))
    asked = {"child": str(world.k1.uid), "rule": "F02", "on": "2026-11-12"} | wrong
    with pytest.raises(CommandError) as refused:
        call_command("explain_duty", **asked)
    assert refused.value.returncode == 2
