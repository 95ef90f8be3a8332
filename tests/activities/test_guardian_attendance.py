"""Which parents and carers came to a parents' meeting, a training, a lecture: tapped by class, by whom may see them."""

import re
import uuid
from datetime import date, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse

from activities import centers
from activities import guardian_attendance as adults
from activities.contacts import timeline
from activities.models import Activity, Attendance
from registry.models import Guardian, Guardianship, Kinship, SchoolClass
from trust.models import AuditEvent

from .contact_world import NOW, build, uid

pytestmark = [pytest.mark.django_db, pytest.mark.db]
TODAY = date(2026, 11, 20)


def adult(child, relation, name, *, cares=False, **fields):
    one = Guardian.objects.create(county=child.county, name=name, **fields)
    Kinship.objects.create(child=child, guardian=one, relation=relation)
    if cares:
        Guardianship.objects.create(child=child, guardian=one, starts_on=date(2026, 9, 1))
    return one


@pytest.fixture
def world():
    """周秀英 and 王奶奶, of 李小满 and 李小川; an aunt who cares for 陈思雨, whose father is dead; an uncle of 罗佳豪."""
    with time_machine.travel(NOW, tick=False):
        world = build()
        world.ma, world.nai = Guardian.objects.get(name="周秀英"), Guardian.objects.get(name="王奶奶")
        Guardianship.objects.create(child=world.man, guardian=world.nai, starts_on=date(2026, 9, 1))
        world.c2 = SchoolClass.objects.get(uid=uid("classes", "c2"))
        world.aunt = adult(world.siyu, "aunt", "陈姑姑", cares=True)
        adult(world.siyu, "father", "陈父", died_on=date(2026, 10, 1))
        world.uncle = adult(world.hao, "uncle", "罗叔叔")
        world.meeting = centers.log_activity(
            kind="parents_meeting", title="期中家长会", center=world.center, day=TODAY, staff=[world.zhang],
            by=world.zhang.user,
        )  # fmt: skip
        yield world


def visitor(person):
    client = Client()
    client.force_login(person.user)
    return client


def page_of(world, person, **query):
    return visitor(person).get(reverse("activities:activity_detail", args=[world.meeting.uid]), query)


def tick(world, person, *guardians, school_class=None, activity=None):
    where = school_class or world.c1
    return visitor(person).post(
        reverse("activities:activity_adults", args=[(activity or world.meeting).uid]),
        {"class": str(where.uid), "adult": [str(one.uid) for one in guardians]},
    )


def came(activity):
    rows = adults.came_to(activity).order_by("guardian__name_key")
    return [(row.guardian.name, row.entered_at) for row in rows]


def offered(answer):
    return [(one.guardian.name, one.words, one.came) for one in answer.context["adults"]]


# --- the list -----------------------------------------------------------------------------------------------------------


def test_the_class_teacher_finds_parents_and_carers_of_the_own_class(world):
    answer = page_of(world, world.zhang)
    assert offered(answer) == [
        ("陈姑姑", "陈思雨的伯母、婶婶、舅妈、姑姑、姨妈", False),
        ("王奶奶", "李小满的奶奶", False),  # who cares for the child stands first
        ("周秀英", "李小满的母亲", False),
        ("罗叔叔", "罗佳豪的伯父、叔叔、舅舅、姑父、姨父", False),
    ]
    text = answer.content.decode()
    assert "期中家长会，0 位家长到场" in text
    assert "李小川" not in text and "陈父" not in text


def test_a_leader_goes_class_by_class_and_sees_how_many_came(world):
    tick(world, world.zhang, world.nai, world.aunt)
    answer = page_of(world, world.chen)
    assert [(str(one.school_class), one.came) for one in answer.context["classes"]] == [
        ("二(1)班", 1),
        ("四(2)班", 2),
    ]
    assert offered(answer) == [("周秀英", "李小川的母亲", False), ("王奶奶", "李小川的奶奶", True)]
    assert [name for name, _, there in offered(page_of(world, world.chen, **{"class": str(world.c1.uid)})) if there] == [
        "陈姑姑", "王奶奶"]  # fmt: skip
    assert page_of(world, world.zhang, **{"class": str(uuid.uuid4())}).status_code == 404


def test_who_opens_no_file_learns_no_name_of_a_family(world):
    tick(world, world.zhang, world.nai)
    for person in (world.sun, world.liu):
        text = page_of(world, person).content.decode()
        assert "期中家长会，1 位家长到场" in text and "另有 1 位家长到场" in text
        assert "王奶奶" not in text and "周秀英" not in text
    assert "家长的名字由班主任或领导小组来点" in page_of(world, world.sun).content.decode()
    # who reads the files and does not log the center's events sees the names
    text = page_of(world, world.dang).content.decode()
    assert "王奶奶（李小川的奶奶，李小满的奶奶）" in text and "保存家长签到" not in text


# --- ticking ------------------------------------------------------------------------------------------------------------


def test_a_tick_is_one_attendance_with_its_own_moment(world):
    later = NOW + timedelta(days=1)
    assert tick(world, world.zhang, world.nai)["Location"].endswith(f"?class={world.c1.uid}")
    with time_machine.travel(later, tick=False):
        for _ in range(2):
            tick(world, world.zhang, world.nai, world.aunt)
    assert came(world.meeting) == [("陈姑姑", later), ("王奶奶", NOW)]
    assert Attendance.objects.get(guardian=world.aunt).lag == 1
    assert Attendance.objects.count() == 2
    trail = AuditEvent.objects.filter(action="log_attendance").values_list("child_uid", flat=True)
    # 王奶奶 belongs to two children: it is in the trail of both
    assert sorted(map(str, trail)) == sorted(str(one.uid) for one in (world.man, world.chuan, world.siyu))


def test_a_tick_taken_back_is_cancelled_and_the_other_class_stays(world):
    tick(world, world.wang, world.ma, world.nai, school_class=world.c2)
    tick(world, world.zhang, world.aunt, world.ma)  # 王奶奶 did not come, says the class teacher of 李小满
    assert [name for name, _ in came(world.meeting)] == ["陈姑姑", "周秀英"]
    tick(world, world.zhang, world.ma)
    tick(world, world.wang, world.ma, world.nai, school_class=world.c2)
    assert [name for name, _ in came(world.meeting)] == ["王奶奶", "周秀英"]
    assert Attendance.objects.exclude(cancelled_at=None).count() == 2
    assert AuditEvent.objects.filter(action="cancel_attendance").count() == 3


def test_somebody_elses_family_cannot_be_ticked(world):
    dead = Guardian.objects.get(name="陈父")
    stranger = adult(world.dong, "mother", "杨母", cares=True)
    for one in (dead, stranger):
        assert tick(world, world.zhang, world.nai, one).status_code == 404
    assert tick(world, world.zhang, school_class=world.c2).status_code == 404
    assert tick(world, world.wang, world.aunt, school_class=world.c2).status_code == 404
    assert tick(world, world.zhao, stranger).status_code == 404  # the event of another school
    for person in (world.liu, world.sun, world.dang):
        assert tick(world, person, world.nai).status_code == 403
    assert Attendance.objects.count() == 0


def test_only_events_for_families_take_adults_and_none_that_was_cancelled(world):
    reading = centers.log_activity(
        kind="center_activity", title="读书会", center=world.center, day=TODAY, by=world.zhang.user
    )
    tick(world, world.zhang, world.nai, activity=reading)
    assert "来了哪些家长" not in visitor(world.zhang).get(f"/activities/{reading.uid}/").content.decode()
    centers.cancel_activity(world.meeting, reason="没开成", by=world.zhang.user)
    assert tick(world, world.zhang, world.nai).status_code == 403
    with pytest.raises(ValidationError):
        adults.set_adults(world.meeting, present=[world.nai], among=[world.nai], by=world.zhang.user)
    assert Attendance.objects.count() == 0


def test_correcting_the_day_takes_the_adults_along_and_cancelling_drops_them(world):
    tick(world, world.zhang, world.nai, world.aunt)
    with time_machine.travel(NOW + timedelta(days=1), tick=False):
        new = centers.correct_activity(
            world.meeting, expected_version=1, by=world.zhang.user, day=date(2026, 11, 18)
        )
    moment = NOW + timedelta(days=1)
    assert came(new) == [("陈姑姑", moment), ("王奶奶", moment)]
    assert came(world.meeting) == []
    centers.cancel_activity(new, reason="没开成", by=world.zhang.user)
    assert came(new) == []


def test_after_a_new_meeting_the_page_asks_which_parents_came(world):
    body = {"kind": "training", "title": "送教上门", "day": "2026-11-20", "submission": str(uuid.uuid4())}
    answer = visitor(world.zhang).post(
        reverse("activities:activity_new", args=[world.center.uid]), body, follow=True
    )
    text = answer.content.decode()
    assert "再点一点来了哪些家长" in text
    assert re.findall(r'name="adult" value="([^"]+)"', text) == [
        str(one.uid) for one in (world.aunt, world.nai, world.ma, world.uncle)
    ]
    assert Activity.objects.get(title="送教上门").kind == "training"


# --- what follows from it -----------------------------------------------------------------------------------------------


def test_the_childs_story_says_that_the_family_came_once(world):
    tick(world, world.zhang, world.nai, world.ma)
    story = [(entry.title, entry.how) for entry in timeline(world.man, world.zhang.user)]
    assert story == [("期中家长会", "石门之家，家长来了")]
    assert timeline(world.siyu, world.zhang.user) == []
    centers.set_names(world.meeting, present=[world.man], by=world.zhang.user)
    story = [(entry.title, entry.how) for entry in timeline(world.man, world.zhang.user)]
    assert story == [("期中家长会", "石门之家")]


@pytest.mark.parametrize("families", [1, 4])
def test_the_page_costs_the_same_with_many_families(world, families, django_assert_max_num_queries):
    for number in range(families):
        tick(world, world.zhang, adult(world.man, "uncle", f"叔{number}", cares=True))
    client = visitor(world.chen)
    with django_assert_max_num_queries(22):
        client.get(f"/activities/{world.meeting.uid}/", {"class": str(world.c1.uid)})
    with django_assert_max_num_queries(26):
        client.post(f"/activities/{world.meeting.uid}/adults/", {"class": str(world.c1.uid)})
