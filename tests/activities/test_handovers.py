"""交接 as people meet it: the leader's one page, the new teacher's 今日, what somebody who leaves must do first."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from pairing import pairings
from pairing.models import Handover, Pairing
from registry.models import PostKind, Term
from tests.pairing.conftest import DAY, SINCE, make_world
from tests.pairing.test_pages import words
from trust.models import AuditEvent

pytestmark = pytest.mark.django_db


@pytest.fixture
def today():
    return timezone.localdate()


@pytest.fixture
def world(db, today):
    """李静 holds two children."""
    w = make_world()
    for child in (w.an, w.bo):
        pairings.pair(child=child, staff=w.li, by=None, starts_on=SINCE)
    return w


def page_of(staff):
    return reverse("activities:handover", args=[staff.uid])


def fill(page, **more):
    """What the browser would send back."""
    form = page.context["form"]
    return {name: form[name].value() or "" for name in form.fields} | more


def test_one_page_one_save_and_the_new_teacher_sees_it(world, client, today):
    client.force_login(world.leader.user)
    page = client.get(page_of(world.li))
    assert "李静的 2 个包保交给谁" in words(page)
    tie = Pairing.objects.get(child=world.bo)
    data = fill(
        page, everyone=str(world.wang.uid), day=f"{today}", reason="staff_left", note="调到县城",
        **{f"to-{tie.uid}": str(world.zhang.uid), f"habits-{tie.uid}": "奶奶晚上七点后在家"},
    )  # fmt: skip
    first = client.post(page_of(world.li), data)
    assert first.status_code == 302
    assert client.post(page_of(world.li), data).status_code == 302  # a second tap
    assert sorted(
        Pairing.objects.on(today).values_list("child__name", "staff__name")
    ) == [("安小一", "王海"), ("薄小二", "张桂兰")]  # fmt: skip
    assert Handover.objects.count() == 2

    client.force_login(world.zhang.user)
    assert "待接手" in words(client.get(reverse("activities:today")))
    row = Handover.objects.get(child=world.bo)
    detail = client.get(reverse("activities:handover_detail", args=[row.uid]))
    assert "奶奶晚上七点后在家" in words(detail)
    assert AuditEvent.objects.filter(action="open_handover", child_uid=world.bo.uid).count() == 1
    client.post(reverse("activities:handover_seen", args=[row.uid]))
    assert "待接手" not in words(client.get(reverse("activities:today")))
    row.refresh_from_db()
    assert row.read_at is not None


def test_without_a_teacher_it_says_for_whom_and_keeps_what_was_typed(world, client):
    client.force_login(world.leader.user)
    page = client.get(page_of(world.li))
    tie = Pairing.objects.get(child=world.an)
    answer = client.post(
        page_of(world.li), fill(page, **{f"to-{tie.uid}": str(world.wang.uid), f"promises-{tie.uid}": "带他去图书馆"})
    )  # fmt: skip
    assert answer.status_code == 200
    assert "请选谁来接手薄小二" in words(answer) and "请选谁来接手安小一" not in words(answer)
    assert "带他去图书馆" in words(answer)
    assert Handover.objects.count() == 0


def test_who_may_open_the_page(world, client):
    tried = {}
    for who in (world.leader, world.deputy, world.zhang, world.li, world.other_leader, world.county_officer):
        client.force_login(who.user)
        tried[who.name] = client.get(page_of(world.li)).status_code
    assert tried == {
        "曾小川": 200, "董副校": 200, "张桂兰": 403, "李静": 403, "秦校长": 404, "周股长": 403,
    }  # fmt: skip


def test_only_the_one_who_takes_over_says_he_has_read_it(world, client, today):
    tie = Pairing.objects.get(child=world.an)
    row = Handover.objects.create(
        child=world.an, from_staff=world.li, to_staff=world.li, pairing=tie, day=today, habits="怕黑"
    )
    address = reverse("activities:handover_seen", args=[row.uid])
    answers = {}
    for who in (world.leader, world.zhang, world.wang, world.li):
        client.force_login(who.user)
        detail = client.get(reverse("activities:handover_detail", args=[row.uid])).status_code
        answers[who.name] = (detail, client.post(address).status_code)
    assert answers == {
        "曾小川": (200, 403), "张桂兰": (200, 403), "王海": (404, 404), "李静": (200, 302),
    }  # fmt: skip


def test_leaving_leads_to_the_handover(world, client, today):
    client.force_login(world.leader.user)
    leave = reverse("registry:staff_leave", args=[world.li.uid])
    page = client.get(leave)
    assert "李静还包保 2 个孩子，先交给别的老师" in words(page)
    assert page_of(world.li) in page.content.decode()
    answer = client.post(leave, {"last_day": f"{today}", "reason": "调离"})
    assert (answer.status_code, answer["Location"]) == (302, page_of(world.li))
    # He is gone at once; the children stand on the list until somebody takes over.
    orphans = client.get(reverse("pairing:orphan_list"))
    assert "李静的孩子要交接" in words(orphans)
    data = fill(client.get(page_of(world.li)), everyone=str(world.wang.uid), day=f"{today}")
    client.post(page_of(world.li), data)
    assert "的孩子要交接" not in words(client.get(reverse("pairing:orphan_list")))
    assert "先交给别的老师" not in words(client.get(reverse("registry:staff_detail", args=[world.li.uid])))


def test_who_manages_staff_but_no_children_is_told_a_number_only(world, client):
    admin = world.staff("吕洋", (PostKind.ADMINISTRATOR, {}))
    client.force_login(admin.user)
    page = client.get(reverse("registry:staff_leave", args=[world.li.uid]))
    assert "李静还包保 2 个孩子，请学校领导小组在“包保”里交接" in words(page)
    assert page_of(world.li) not in page.content.decode()
    assert not re.search("安小一|薄小二", words(page))


def test_a_teacher_who_went_to_another_school_is_still_found(world, client, today):
    world.li.posts.update(ends_on=today - DAY)
    type(world.li).objects.filter(pk=world.li.pk).update(school=world.qingshan)
    client.force_login(world.leader.user)
    assert client.get(page_of(world.li)).status_code == 200


def test_the_page_costs_the_same_for_many_children(world, client):
    Term.objects.all().delete()
    client.force_login(world.leader.user)

    def cost():
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page_of(world.li)).status_code == 200
        return len([q for q in captured if "SAVEPOINT" not in q["sql"]])

    cost()
    few = cost()
    for n in range(6):
        pairings.pair(child=world.child(f"孙{n}", world.c31), staff=world.li, by=None, starts_on=SINCE)
    assert cost() == few


def test_a_form_of_yesterday_changes_nothing_twice(world, client, today):
    client.force_login(world.leader.user)
    data = fill(client.get(page_of(world.li)), everyone=str(world.wang.uid), day=f"{today}")
    client.post(page_of(world.li), data)
    again = client.post(page_of(world.li), data | {"submission": uuid.uuid4()}, follow=True)
    assert "已经都交接了" in words(again)
    assert Handover.objects.count() == 2
