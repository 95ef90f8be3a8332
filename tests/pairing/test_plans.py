"""帮扶计划: one of a kind at a time, looked at again, words only for those who work with the child."""

import uuid

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pairing import pairings, plans
from pairing.models import HelpPlan, PlanStage
from registry.models import Child, Trait
from trust.models import AuditEvent, VersionConflict

from .conftest import DAY, SINCE
from .test_pages import form_of, words

pytestmark = [pytest.mark.django_db, pytest.mark.db]
GOAL = "上课敢举手"


def url(name, *rows):
    return reverse(f"pairing:{name}", args=[row.uid for row in rows])


@pytest.fixture
def tied(world):
    """李静 is paired with 安小一."""
    pairings.pair(child=world.an, staff=world.li, by=None, starts_on=SINCE)
    return world


def make(world, today, child=None, **more):
    more = {"starts_on": today - 30 * DAY, "review_on": today, "goals": GOAL, "content": "每周谈一次", **more}
    return plans.make_plan(child=child or world.an, staff=world.li, by=None, **more)


def spans(child):
    return [
        (plan.kind, plan.starts_on, plan.ends_on, plan.cancelled_at is not None)
        for plan in HelpPlan.objects.filter(child=child).order_by("pk")
    ]


def test_a_new_plan_ends_the_one_of_its_kind_the_day_before(world, today):
    make(world, today)
    make(world, today, kind="individual")
    submission = uuid.uuid4()
    for _ in range(2):
        make(world, today, starts_on=today, review_on=today + DAY, submission=submission)
    make(
        world, today, starts_on=today, review_on=today + 2 * DAY
    )  # the same day: the morning's was a mistake
    assert spans(world.an) == [
        ("help", today - 30 * DAY, today - DAY, False), ("individual", today - 30 * DAY, None, False),
        ("help", today, None, True), ("help", today, None, False),
    ]  # fmt: skip
    assert GOAL not in str(HelpPlan.objects.values_list("goals", flat=True))  # sealed


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"goals": " "}, "goals"),
        ({"review_on": 0}, "review_on"),
        ({"review_on": 400}, "review_on"),
        ({"starts_on": 1}, "starts_on"),
    ],
)
def test_what_a_plan_needs(world, today, more, field):
    days = {name: today + value * DAY for name, value in more.items() if isinstance(value, int)}
    with pytest.raises(ValidationError) as error:
        make(world, today, **{"starts_on": today, "review_on": today + DAY, **more, **days})
    assert list(error.value.message_dict) == [field]
    assert HelpPlan.objects.count() == 0


def test_reviews_are_due_from_a_week_before_until_somebody_looked(world, today):
    plan = make(world, today, review_on=today + 8 * DAY)
    assert list(plans.reviews_due(world.li, today)) == []
    assert list(plans.reviews_due(world.li, today + DAY)) == [plan]
    assert list(plans.reviews_due(world.wang, today + DAY)) == []
    plans.add_stage(plan, day=today, result="举了两次手", review_on=today + 40 * DAY, by=None)
    assert list(plans.reviews_due(world.li, today + DAY)) == []
    plans.end_plan(HelpPlan.objects.get(), by=None, last_day=today)
    assert list(plans.reviews_due(world.li, today + 40 * DAY)) == []


def test_a_child_off_the_list_or_gone_is_nobodys_review(world, today):
    make(world, today)
    make(world, today, child=world.bo)
    world.an.care_list_spells.update(ends_on=today - DAY)
    world.bo.enrollments.update(ends_on=today - DAY)
    assert list(plans.reviews_due(world.li, today)) == []


def test_the_teachers_view_and_the_schools_check_stand_apart(tied, today):
    plan = make(tied, today)
    submission = uuid.uuid4()
    for _ in range(2):
        plans.add_stage(plan, day=today - DAY, result="敢举手了", by=tied.li.user, submission=submission)
    plans.add_stage(plan, day=today, result="问过孩子，属实", by=tied.leader.user, by_school=True)
    assert list(PlanStage.objects.values_list("day", "by_school")) == [(today - DAY, False), (today, True)]
    assert HelpPlan.objects.get().review_on == today  # nobody said when next
    for day in (today + DAY, today - 31 * DAY):
        with pytest.raises(ValidationError):
            plans.add_stage(plan, day=day, result="早了", by=None)
    assert [row.checked_on for row in plans.plans_of(Child.objects.all(), today)] == [today]


def test_two_people_revise_a_plan(tied, today):
    plan = make(tied, today)
    mine, yours = (HelpPlan.objects.select_related("child").get(pk=plan.pk) for _ in range(2))
    plans.revise_plan(mine, by=None, expected=1, goals="按时交作业", checklist=["know_family", "x"])
    with pytest.raises(VersionConflict):
        plans.revise_plan(yours, by=None, expected=1, goals="每天读书")
    stored = HelpPlan.objects.get()
    assert (stored.goals, stored.checklist) == ("按时交作业", ["know_family"])
    plans.cancel_plan(stored, by=None, reason="写错人")
    with pytest.raises(ValidationError):
        plans.revise_plan(stored, by=None, expected=stored.version, goals="再写")


def test_priority_children_without_an_individual_plan(world, today):
    for child in (world.an, world.bo, world.chen):
        Trait.objects.create(child=child, kind="priority", starts_on=SINCE, reason="x")
    Trait.objects.filter(child=world.chen).update(ends_on=today - DAY)
    make(world, today, kind="individual")
    make(world, today, child=world.bo)  # a help plan is not the individual one
    assert [child.name for child in plans.priority_without_plan(Child.objects.all(), today)] == ["薄小二"]


def test_who_reads_the_words(tied, today, client):
    plan = make(tied, today)
    member = tied.staff("孙立", ("grade_head", {"school": tied.shimen, "grade": tied.c31.grade_on()}))
    archivist = tied.staff("卫东", ("archivist", {"school": tied.shimen}))
    seen = {}
    for who in (tied.li, tied.zhang, tied.leader, member, archivist, tied.wang, tied.other_leader):
        client.force_login(who.user)
        page = client.get(url("child_plans", tied.an))
        text = words(page) if page.status_code == 200 else ""
        seen[who.name] = (page.status_code, GOAL in text, client.get(url("stage_new", plan)).status_code)
    assert seen == {
        "李静": (200, True, 200), "张桂兰": (200, True, 200), "曾小川": (200, True, 200), "孙立": (200, True, 200),
        "卫东": (200, False, 403), "王海": (404, False, 404), "秦校长": (404, False, 404),
    }  # fmt: skip


def test_a_tie_that_ended_closes_the_words(tied, today, client):
    make(tied, today)
    pairings.end_pairing(pairing=tied.an.pairings.get(), ends_on=today - DAY, reason="quota", by=None)
    client.force_login(tied.li.user)
    assert client.get(url("child_plans", tied.an)).status_code == 404


def test_the_paired_teachers_road(tied, today, client):
    client.force_login(tied.li.user)
    assert "还没有计划" in words(client.get(url("child_plans", tied.an)))
    data = form_of(client.get(url("plan_new", tied.an))) | {
        "goals": GOAL, "content": "每周谈一次", "checklist": ["know_self", "first_study"], "staff": str(tied.li.uid),
        "starts_on": f"{today - 20 * DAY}", "review_on": f"{today + 2 * DAY}",
    }  # fmt: skip
    for _ in range(2):
        assert client.post(url("plan_new", tied.an), data).status_code == 302
    plan = HelpPlan.objects.get()
    assert (plan.checklist, plan.kind, plan.recorded_by) == (
        ["know_self", "first_study"],
        "help",
        tied.li.user,
    )
    page = words(client.get(reverse("activities:today")))
    assert "帮扶计划看成效" in page
    stage = form_of(client.get(url("stage_new", plan))) | {"result": "举了两次手", "day": f"{today}"}
    client.post(url("stage_new", plan), stage)
    page = words(client.get(url("child_plans", tied.an)))
    assert "举了两次手" in page and "知个人情况、学习上优先辅导" in page
    assert client.get(url("plan_check", plan)).status_code == 403  # the school's own look
    assert "看成效" not in words(client.get(reverse("activities:today")))
    assert AuditEvent.objects.filter(action="add_stage", child_uid=tied.an.uid).count() == 1


def test_the_list_puts_who_has_none_first_and_costs_the_same(tied, today, signed_in):
    client = signed_in(tied.leader)

    def cost():
        with CaptureQueriesContext(connection) as captured:
            page = client.get(url("plan_list"))
        return len([q for q in captured if "SAVEPOINT" not in q["sql"]]), words(page)

    make(tied, today)
    Trait.objects.create(child=tied.bo, kind="priority", starts_on=SINCE, reason="x")
    cost()
    few, text = cost()
    assert "1 个重点关注的孩子还没有个别教育方案" in text and "该看了" in text
    for n in range(5):
        child = tied.child(f"孙{n}", tied.c31)
        make(tied, today, child=child)
        Trait.objects.create(child=child, kind="priority", starts_on=SINCE, reason="x")
    assert cost()[0] == few
