"""Pages of the proposal: one click, a look by teacher and by class, another teacher, adopted at once; wishes."""

import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from pairing import pairings, proposals, quotas
from pairing.models import Pairing, PairingProposal, TieWish
from registry.models import Enrollment
from trust.models import AuditEvent

from .conftest import DAY, SINCE

pytestmark = pytest.mark.django_db


def url(name, *rows):
    return reverse(f"pairing:{name}", args=[row.uid for row in rows])


def words(answer):
    return re.sub(r"\s+", "", re.sub(r"<[^>]+>", "", answer.content.decode()))


@pytest.fixture
def leader(world, signed_in):
    return signed_in(world.leader)


@pytest.fixture
def proposal(world, today):
    quotas.set_quota(school=world.shimen, staff=world.leader, minimum=0, maximum=0, by=None)
    quotas.set_quota(school=world.shimen, staff=world.deputy, minimum=0, maximum=0, by=None)
    pairings.pair(child=world.an, staff=world.wang, by=None, starts_on=SINCE)
    return proposals.propose(school=world.shimen, starts_on=today, by=world.leader.user)


def row(proposal, child):
    return proposal.rows.select_related("staff").get(child=child)


def test_one_click(world, leader, today):
    page = leader.get("/pairings/proposals/")
    assert "给全校的孩子一次排好包保教师" in words(page)
    data = {
        "submission": page.context["form"]["submission"].value(),
        "school": str(world.shimen.uid),
        "starts_on": str(today),
        "keep_standing": "yes",
    }
    for _ in range(2):  # sent twice: one proposal
        answer = leader.post("/pairings/proposals/", data)
    made = PairingProposal.objects.get()
    assert answer["Location"] == url("proposal", made)
    assert "4个孩子都有人选" in words(leader.get(answer["Location"]))
    assert "没有老师超出名额" in words(leader.get(answer["Location"]))


def test_what_is_wrong_is_said_at_the_field_and_what_was_typed_is_kept(world, leader, today):
    Enrollment.objects.all().update(ends_on=today - DAY)
    data = {
        "submission": str(uuid.uuid4()),
        "school": str(world.shimen.uid),
        "starts_on": str(today),
        "keep_standing": "no",
    }
    page = leader.post("/pairings/proposals/", data)
    assert page.context["form"].errors == {"starts_on": [f"{today:%Y-%m-%d} 学校没有在册的孩子"]}
    assert page.context["form"]["keep_standing"].value() == "no"


def test_by_teacher_and_by_class_with_numbers_that_link(world, leader, proposal):
    page = leader.get(url("proposal", proposal))
    assert [(key, number) for key, number, *_ in page.context["tally"]] == [
        ("", 4), ("fresh", 3), ("changed", 0), ("kept", 1), ("without", 0), ("by_hand", 0),
    ]  # fmt: skip
    assert "安小一（" in words(page)
    entry = AuditEvent.objects.filter(action="open_proposal").latest("pk")
    assert (entry.count, entry.actor_name) == (4, "曾小川")
    listed = leader.get(url("proposal", proposal) + "?by=class&show=kept")
    assert [line.row.child.name for line in listed.context["page_obj"]] == ["安小一"]
    of_class = leader.get(url("proposal", proposal) + f"?by=class&school_class={world.c21.uid}")
    assert [line.row.child.name for line in of_class.context["page_obj"]] == ["陈小三"]
    assert "没有这样的孩子" in words(leader.get(url("proposal", proposal) + "?by=class&show=without"))


def test_the_shortage_is_said_with_its_remedy(world, leader, today):
    quotas.set_quota(school=world.shimen, post_kind="", minimum=0, maximum=0, by=None)
    made = proposals.propose(school=world.shimen, starts_on=today, by=None)
    page = words(leader.get(url("proposal", made)))
    assert "缺名额：还有孩子没有人选" in page
    assert "缺4个名额：" in page
    assert "把“全校每位教职工”（5人）的名额从最多0个提到1个。去定名额" in page


def test_another_teacher_by_hand_with_a_warning_over_the_quota(world, leader, proposal):
    one = row(proposal, world.chen)
    other = world.li if one.staff != world.li else world.wang
    page = leader.get(url("proposal_row", proposal, one))
    assert page.context["form"].fields["staff"].choices[0] == ("", "先不指定人")
    quotas.set_quota(school=world.shimen, staff=other, minimum=0, maximum=0, by=None)
    data = {"shown": str(one.staff.uid), "staff": str(other.uid)}
    answer = leader.post(url("proposal_row", proposal, one), data, follow=True)
    assert f"{other.name}会有" in words(answer)
    assert f"超出名额：{other.name}（" in words(answer)
    assert row(proposal, world.chen).staff == other
    late = leader.post(url("proposal_row", proposal, one), {"shown": str(one.staff.uid), "staff": ""})
    assert (late.status_code, f"刚才有人改成了{other.name}" in words(late)) == (409, True)
    again = {"shown": late.context["form"]["shown"].value(), "staff": ""}
    assert leader.post(url("proposal_row", proposal, one), again).status_code == 302
    assert row(proposal, world.chen).staff is None


def test_adopted_from_the_page_once(world, leader, proposal, today):
    page = leader.get(url("proposal_adopt", proposal))
    assert "新指定3个孩子换人0个孩子照旧1个孩子" in words(page)
    data = {"version": page.context["form"]["version"].value()}
    done = leader.post(url("proposal_adopt", proposal), data, follow=True)
    assert f"方案已采用：3个孩子从{today:%Y-%m-%d}起有了新的包保教师" in words(done)
    assert Pairing.objects.primary().on(today).count() == 4
    leader.post(url("proposal_adopt", proposal), data)
    assert Pairing.objects.count() == 4
    kept = leader.get(url("proposal", proposal))
    assert "采用这个方案" not in words(kept)
    assert "已采用（曾小川" in words(kept)


def test_who_stands_in_the_way_is_named_and_nothing_is_saved(world, leader, proposal, today):
    Enrollment.objects.filter(child=world.bo).update(ends_on=today - DAY)
    page = leader.post(url("proposal_adopt", proposal), {"version": proposal.version})
    assert "1个孩子不能照方案办：" in words(page)
    assert f"薄小二：{today:%Y-%m-%d}不在校" in words(page)
    assert Pairing.objects.count() == 1
    assert "薄小二：" in words(leader.get(url("proposal", proposal)))  # seen before somebody tries


def test_adopting_asks_again_when_somebody_adjusted_meanwhile(world, leader, proposal):
    shown = proposal.version
    one = row(proposal, world.chen)
    proposals.adjust(row=one, staff=None, by=None, expected=one.staff_id)
    page = leader.post(url("proposal_adopt", proposal), {"version": shown})
    assert (page.status_code, "请再看一遍" in words(page)) == (409, True)
    data = {"version": page.context["form"]["version"].value()}
    assert leader.post(url("proposal_adopt", proposal), data).status_code == 302


def test_a_change_of_teacher_asks_why(world, leader, proposal, today):
    one = row(proposal, world.an)
    proposals.adjust(row=one, staff=world.zhang, by=None, expected=one.staff_id)
    page = leader.get(url("proposal_adopt", proposal))
    data = {
        "version": page.context["form"]["version"].value(),
        "end_reason": "staff_duties",
        "end_note": "调岗",
    }
    assert leader.post(url("proposal_adopt", proposal), data | {"end_reason": ""}).status_code == 200
    leader.post(url("proposal_adopt", proposal), data)
    old = Pairing.objects.get(child=world.an, staff=world.wang)
    assert (old.ends_on, old.end_reason, old.end_note) == (today - DAY, "staff_duties", "调岗")


def test_dropped(leader, proposal):
    assert "放弃" in words(leader.get(url("proposal_drop", proposal)))
    leader.post(url("proposal_drop", proposal))
    assert PairingProposal.objects.get().state == "dropped"
    late = leader.post(url("proposal_adopt", proposal), {"version": 9})
    assert late.status_code in (200, 409)
    assert Pairing.objects.count() == 1


def test_a_foreign_proposal_is_unknown_and_a_teacher_has_no_such_function(world, signed_in, proposal):
    one = row(proposal, world.an)
    for name, rows in (
        ("proposal", [proposal]), ("proposal_row", [proposal, one]), ("proposal_adopt", [proposal]),
        ("proposal_drop", [proposal]),
    ):  # fmt: skip
        assert signed_in(world.other_leader).get(url(name, *rows)).status_code == 404
        assert signed_in(world.zhang).get(url(name, *rows)).status_code == 403
    assert signed_in(world.zhang).get("/pairings/proposals/").status_code == 403


def test_a_wish_is_noted_on_the_child(world, leader):
    page = leader.get(url("child_wish", world.an))
    data = {"version": "", "sex": "female", "unwanted": str(world.wang.uid), "wanted": "", "note": "怕生"}
    assert page.status_code == 200
    assert leader.post(url("child_wish", world.an), data)["Location"] == url("child_pairings", world.an)
    wish = TieWish.objects.get()
    assert (wish.sex, wish.unwanted, wish.note) == ("female", world.wang, "怕生")
    late = leader.post(url("child_wish", world.an), {**data, "sex": "male"})
    assert (late.status_code, "刚才有人改过：希望女老师，不希望王海" in words(late)) == (409, True)
    both = {**data, "version": 1, "wanted": str(world.wang.uid)}
    assert "和希望的是同一位" in words(leader.post(url("child_wish", world.an), both))


def counted(client, address):
    client.get(address)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(address).status_code == 200
    return len([query for query in captured if "SAVEPOINT" not in query["sql"]])


def test_budgets_do_not_grow(world, leader, today):
    def numbers():
        made = proposals.propose(school=world.shimen, starts_on=today, by=None)
        one = row(made, world.an)
        pages = [
            url("proposal", made), url("proposal", made) + "?by=class", url("proposal_row", made, one),
            url("proposal_adopt", made), "/pairings/proposals/",
        ]  # fmt: skip
        return [counted(leader, page) for page in pages]

    few = numbers()
    for number in range(4):
        world.child(f"孩子{number}", world.c21)
        person = world.staff(f"老师{number}", ("teacher", {"school": world.shimen}))
        pairings.pair(child=world.child(f"又一个{number}", world.p11), staff=person, by=None, starts_on=SINCE)
    assert numbers() == few
    assert max(few) <= 30
