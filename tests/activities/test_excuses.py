"""豁免 and 联系不上: asked for by one, decided by another, and what the duties make of it."""

from datetime import date, timedelta

import pytest
import time_machine
from django.core.exceptions import PermissionDenied, ValidationError

from activities import excuses
from activities.explanations import explain
from activities.models import Excuse, UnreachableClaim
from registry.models import Trait
from tests.test_plain_ledger import call
from trust.models import AuditEvent

from .duty_world import F02, SEEDED, contact, county, load, moment, post

pytestmark = pytest.mark.django_db
NOW = moment("2026-11-20T15:00")
FROM, TO = date(2026, 11, 10), date(2026, 11, 30)
F25 = SEEDED["F25"]


@pytest.fixture(autouse=True)
def _now():
    with time_machine.travel(NOW, tick=False):
        yield


@pytest.fixture
def world():
    return build()


def build(*contacts):
    facts = county(F02, F25, contacts=list(contacts))
    facts["posts"] += [
        post("t8", "group_member"),
        post("t4", "class_teacher", school="s2", **{"class": "c2"}),
        post("t7", "leader", school="s2"),
    ]
    facts["guardians"] = [{"id": "g1", "name": "李强", "died_on": None}]
    facts["kinships"] = [{"child": "k1", "guardian": "g1", "relation": "father"}]
    return load(facts)


def request(world, **more):
    values = {"child": world.k1, "starts_on": FROM, "ends_on": TO, "reason": "住院", "by": world.t1.user}
    return excuses.request_excuse(**(values | more))


def state(world, rule="F02"):
    return explain(world.k1, rule, date(2026, 11, 12)).state


# --- asking and deciding


def test_an_approved_excuse_excuses(world):
    asked = request(world)
    assert state(world) == "upcoming"
    assert list(excuses.waiting_for(world.t9.user)) == [asked]
    assert excuses.decide([asked], approve=True, by=world.t9.user) == 1
    assert state(world) == "excused"
    asked.refresh_from_db()
    assert (asked.approved_by, asked.approved_at, asked.school) == (world.t9.user, NOW, world.s1)
    assert list(excuses.waiting_for(world.t9.user)) == []


def test_a_refused_excuse_does_not(world):
    asked = request(world)
    assert excuses.decide([asked], approve=False, by=world.t8.user) == 1
    assert state(world) == "upcoming"
    assert excuses.decide([asked], approve=True, by=world.t9.user) == 0


def test_nobody_approves_what_they_asked_for(world):
    asked = request(world, by=world.t9.user)
    assert list(excuses.waiting_for(world.t9.user)) == []
    with pytest.raises(PermissionDenied):
        excuses.decide([asked], approve=True, by=world.t9.user)
    assert excuses.decide([asked], approve=True, by=world.t8.user) == 1


def test_only_the_leading_group_of_that_school_decides(world):
    asked = request(world)
    for person in (world.t1, world.t4, world.t7):
        with pytest.raises(PermissionDenied):
            excuses.decide([asked], approve=True, by=person.user)
    assert list(excuses.waiting_for(world.t7.user)) == []


def test_a_revoked_excuse_ends_from_that_moment(world):
    asked = request(world)
    with pytest.raises(ValidationError):
        excuses.revoke(asked, by=world.t9.user)
    excuses.decide([asked], approve=True, by=world.t9.user)
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        excuses.revoke(asked, by=world.t9.user)
        assert state(world) == "upcoming"
        with pytest.raises(ValidationError):
            excuses.revoke(asked, by=world.t9.user)
    assert explain(world.k1, "F02", FROM, now=NOW).state == "excused"  # as known then


def test_named_duties_only(world):
    asked = request(world, rule_codes=["F25"])
    excuses.decide([asked], approve=True, by=world.t9.user)
    assert (state(world), state(world, "F25")) == ("upcoming", "excused")


def test_asking_twice_is_one_and_asking_again_after_a_refusal_another(world):
    first = request(world)
    assert request(world) == first
    excuses.decide([first], approve=False, by=world.t9.user)
    assert request(world) != first
    assert Excuse.objects.count() == 2


@pytest.mark.parametrize(
    "wrong",
    [{"ends_on": date(2026, 11, 9)}, {"ends_on": date(2027, 11, 11)}, {"reason": ""}],
)
def test_what_cannot_be_asked_for(world, wrong):
    with pytest.raises(ValidationError):
        request(world, **wrong)
    assert Excuse.objects.count() == 0


def test_who_may_not_ask(world):
    with pytest.raises(PermissionDenied):
        request(world, by=world.t4.user)


def test_every_step_is_in_the_audit_trail(world):
    asked = request(world)
    excuses.decide([asked], approve=True, by=world.t9.user)
    excuses.revoke(asked, by=world.t9.user)
    steps = (
        AuditEvent.objects.filter(object_uid=str(asked.uid)).order_by("pk").values_list("action", flat=True)
    )
    assert list(steps) == ["request_excuse", "approve_excuse", "revoke_excuse"]


# --- 联系不上

TRIED = [call(f"2026-11-{day:02}", reached=False) for day in (3, 9, 16)]


def test_three_attempts_on_three_days_propose_the_fact():
    world = build(*TRIED)
    claim = excuses.claim_unreachable(child=world.k1, by=world.t1.user)
    assert [contact.day.day for contact in claim.attempts.order_by("day")] == [3, 9, 16]
    assert (claim.trait.starts_on, claim.trait.ends_on, claim.trait.review_on, claim.trait.approved_at) == (
        date(2026, 11, 1), None, date(2026, 12, 20), None,
    )  # fmt: skip
    assert state(world, "F25") == "upcoming"
    excuses.decide_unreachable(claim, approve=True, by=world.t9.user)
    assert (state(world, "F25"), state(world)) == ("not_applicable", "upcoming")


def test_it_begins_with_the_month_of_the_third_attempt():
    world = build(
        *[call(day, reached=False) for day in ("2026-09-28", "2026-09-29", "2026-10-30", "2026-11-02")]
    )
    assert excuses.claim_unreachable(child=world.k1, by=world.t1.user).trait.starts_on == date(2026, 10, 1)


@pytest.mark.parametrize(
    "rows",
    [
        TRIED[:2],
        [*TRIED[:2], call("2026-11-09", reached=False, entered="2026-11-09T20:00")],  # three times, two days
        [*TRIED[:2], call("2026-11-12"), TRIED[2]],  # reached in between
        [*TRIED[:2], call("2026-11-16", reached=False, parties=["child"])],
        [*TRIED[:2], call("2026-11-16", reached=False, kind="letter", channel="letter")],
        [*TRIED[:2], call("2026-11-16", reached=False, cancelled_at="2026-11-17T09:00")],
    ],
)
def test_fewer_than_three_days_are_not_enough(rows):
    world = build(*rows)
    assert excuses.unreached_attempts(world.k1) == []
    with pytest.raises(ValidationError):
        excuses.claim_unreachable(child=world.k1, by=world.t1.user)


def test_one_claim_at_a_time_and_a_new_one_after_it_was_sent_back():
    world = build(*TRIED)
    claim = excuses.claim_unreachable(child=world.k1, by=world.t1.user)
    with pytest.raises(ValidationError):
        excuses.claim_unreachable(child=world.k1, by=world.t1.user)
    with pytest.raises(PermissionDenied):
        excuses.decide_unreachable(claim, approve=True, by=world.t1.user)
    excuses.decide_unreachable(claim, approve=False, by=world.t9.user)
    with pytest.raises(ValidationError):
        excuses.decide_unreachable(claim, approve=True, by=world.t9.user)
    excuses.claim_unreachable(child=world.k1, by=world.t1.user)
    assert Trait.objects.count() == 2


def test_who_claims_does_not_confirm():
    world = build(*TRIED)
    claim = excuses.claim_unreachable(child=world.k1, by=world.t9.user)
    with pytest.raises(PermissionDenied):
        excuses.decide_unreachable(claim, approve=True, by=world.t9.user)


def test_it_is_reviewed_every_30_days_and_ended():
    world = build(*TRIED)
    claim = excuses.claim_unreachable(child=world.k1, by=world.t1.user)
    excuses.decide_unreachable(claim, approve=True, by=world.t9.user)
    assert list(excuses.unreachable_list(world.t9.user)) == [claim]
    with time_machine.travel(moment("2026-12-21T09:00"), tick=False):
        trait = excuses.review_unreachable(claim.trait, still=True, by=world.t9.user)
        assert (trait.review_on, trait.ends_on) == (date(2027, 1, 20), None)
        trait = excuses.review_unreachable(trait, still=False, by=world.t9.user)
        assert trait.ends_on == date(2026, 12, 20)
    assert list(excuses.unreachable_list(world.t9.user)) == []


def test_a_record_that_reached_a_parent_ends_it_by_itself():
    world = build(*TRIED)
    claim = excuses.claim_unreachable(child=world.k1, by=world.t1.user)
    excuses.decide_unreachable(claim, approve=True, by=world.t9.user)
    assert state(world, "F25") == "not_applicable"
    with time_machine.travel(moment("2026-12-10T18:00"), tick=False):
        world = build(contact("2026-12-10", "guardian_contact", channel="phone", parties=["father"]))
        assert explain(world.k1, "F25", date(2026, 12, 12)).state == "upcoming"


# --- the pages


@pytest.fixture
def as_(client):
    def sign_in(person):
        client.force_login(person.user)
        return client

    return sign_in


BODY = {"starts_on": "2026-11-10", "ends_on": "2026-11-30", "rule_codes": ["F02"], "reason": "住院"}


def test_the_form_is_sent_once(as_, world):
    client = as_(world.t1)
    address = f"/excuses/new/{world.k1.uid}/"
    assert "给李小满申请豁免" in client.get(address).content.decode()
    for _ in range(2):
        answer = client.post(address, BODY)
        assert (answer.status_code, answer.url) == (302, world.k1.get_absolute_url())
    row = Excuse.objects.get()
    assert (row.rule_codes, row.requested_by, row.starts_on) == (["F02"], world.t1.user, FROM)


def test_a_wrong_form_comes_back_with_its_words(as_, world):
    answer = as_(world.t1).post(f"/excuses/new/{world.k1.uid}/", BODY | {"ends_on": "2026-11-01"})
    assert answer.status_code == 400
    assert "结束日期不能早于开始日期" in answer.content.decode()
    assert Excuse.objects.count() == 0


def test_many_are_approved_in_one_tap(as_, world):
    rows = [request(world), request(world, ends_on=date(2026, 12, 10))]
    client = as_(world.t9)
    text = client.get("/excuses/").content.decode()
    assert "有 2 份豁免等您批" in text and "李小满" in text
    client.post("/excuses/decide/", {"excuse": [str(row.uid) for row in rows], "decision": "approve"})
    assert Excuse.objects.filter(approved_by=world.t9.user).count() == 2
    assert client.post(f"/excuses/{rows[0].uid}/revoke/").status_code == 302
    assert Excuse.objects.get(pk=rows[0].pk).revoked_by == world.t9.user


def test_the_unreachable_road_of_taps(as_):
    world = build(*TRIED)
    client = as_(world.t1)
    assert "报告联系不上" in client.get(f"/excuses/new/{world.k1.uid}/").content.decode()
    for _ in range(2):
        client.post(f"/excuses/unreachable/{world.k1.uid}/")
    claim = UnreachableClaim.objects.get()
    client = as_(world.t9)
    assert "失联家长" in client.get("/excuses/").content.decode()
    client.post(f"/excuses/unreachable/{claim.uid}/decide/", {"decision": "approve"})
    assert Trait.objects.get().approved_by == world.t9.user


def test_foreign_things_are_404_and_missing_functions_403(as_, world):
    asked = request(world)
    client = as_(world.t4)
    assert client.get(f"/excuses/new/{world.k1.uid}/").status_code == 404
    assert client.post(f"/excuses/unreachable/{world.k1.uid}/").status_code == 404
    assert (
        client.post("/excuses/decide/", {"excuse": str(asked.uid), "decision": "approve"}).status_code == 403
    )
    assert "李小满" not in client.get("/excuses/").content.decode()
    client = as_(world.t7)
    assert client.post(f"/excuses/{asked.uid}/revoke/").status_code == 404
    client.post("/excuses/decide/", {"excuse": [str(asked.uid), "nonsense"], "decision": "approve"})
    assert Excuse.objects.get().approved_at is None
    assert as_(world.t1).post(f"/excuses/{asked.uid}/revoke/").status_code == 403
    assert client.get("/excuses/decide/").status_code == 405


@pytest.mark.parametrize("many", [1, 20])
def test_the_list_costs_the_same(as_, world, django_assert_max_num_queries, many):
    for n in range(many):
        request(world, ends_on=TO + timedelta(days=n))
    client = as_(world.t9)
    with django_assert_max_num_queries(14):
        client.get("/excuses/")
