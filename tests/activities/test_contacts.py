"""Logging, correcting and cancelling contacts: the verbs."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import connection
from django.template.loader import render_to_string

from activities.contacts import (
    SubmissionMismatch,
    cancel_contact,
    correct_contact,
    full_rows,
    log_contacts,
    report_alarms,
    timeline,
)
from activities.models import CallDetail, Contact, ContactStaff, VisitDetail
from registry.models import Enrollment
from trust import outbox
from trust.models import AuditEvent, OutboxMessage, VersionConflict

from .contact_world import NOW, build

pytestmark = [pytest.mark.django_db, pytest.mark.db]
TODAY = date(2026, 11, 20)


@pytest.fixture
def world():
    with time_machine.travel(NOW, tick=False):
        yield build()


def talk(world, *children, **more):
    values = {
        "kind": "talk",
        "day": TODAY,
        "parties": ["child"],
        "words": "妈妈腊月回来",
        "by": world.zhang.user,
    }
    return log_contacts(children=children or [world.man], **(values | more))


def full(contact):
    return full_rows(Contact.objects).get(pk=contact.pk)


def trail(action):
    return sorted(AuditEvent.objects.filter(action=action).values_list("child_uid", flat=True), key=str)


# --- logging


def test_one_row_per_child_with_its_school_and_all_adults(world):
    rows = talk(world, world.man, world.chuan, companions=[world.wang, world.zhang])
    assert [
        (row.child.name, row.school_id, row.staff_id, row.lag, row.recorded_at, row.words) for row in rows
    ] == [
        ("李小满", world.school.pk, world.zhang.pk, 0, NOW, "妈妈腊月回来"),
        ("李小川", world.school.pk, world.zhang.pk, 0, NOW, "妈妈腊月回来"),
    ]
    assert len({row.submission for row in rows}) == 1
    for row in rows:
        adults = sorted(ContactStaff.objects.filter(contact=row).values_list("staff__name", flat=True))
        assert adults == sorted(["张桂兰", "王建国"])
    assert trail("log_contact") == sorted([world.man.uid, world.chuan.uid], key=str)
    assert Contact.history.count() == 2


def test_words_are_never_in_the_trail_nor_in_clear_in_the_database(world):
    row = talk(world)[0]
    said = list(AuditEvent.objects.values_list("detail", "reason", "fields"))
    assert not [line for line in said if "腊月" in "".join(line)]
    assert "腊月" not in Contact.objects.values_list("words", flat=True).get(pk=row.pk)


def test_somebody_else_may_have_done_it(world):
    row = talk(world, staff=world.wang)[0]
    assert (row.staff, row.recorded_by) == (world.wang, world.zhang.user)


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"day": TODAY + timedelta(days=1)}, "day"),
        ({"day": date(2026, 8, 31)}, "day"),
        ({"parties": ["mother"]}, "parties"),
        ({"parties": []}, "parties"),
        ({"channel": "letter"}, "channel"),
        ({"next_on": TODAY}, "next_on"),
        ({"place": "谈" * 61}, "place"),
    ],
)
def test_what_cannot_be_is_refused_with_its_field_and_nothing_is_written(world, more, field):
    with pytest.raises(ValidationError) as refused:
        talk(world, **more)
    assert list(refused.value.error_dict) == [field]
    assert (Contact.objects.count(), AuditEvent.objects.filter(action="log_contact").count()) == (0, 0)


def test_the_first_day_and_today_are_possible(world):
    assert [talk(world, day=day)[0].lag for day in (date(2026, 9, 1), TODAY)] == [80, 0]


def test_a_record_at_the_former_school_belongs_to_that_school(world):
    seat = Enrollment.objects.get(child=world.man)
    seat.ends_on = date(2026, 10, 31)
    seat.save()
    Enrollment.objects.create(child=world.man, school=world.other_school, starts_on=date(2026, 11, 1))
    rows = [talk(world, day=day)[0] for day in (date(2026, 10, 31), date(2026, 11, 1))]
    assert [row.school_id for row in rows] == [world.school.pk, world.other_school.pk]


def test_fourteen_days_are_in_time_and_fifteen_are_late(world):
    rows = [talk(world, day=TODAY - timedelta(days=days))[0] for days in (14, 15)]
    assert [(row.lag, row.is_late) for row in rows] == [(14, False), (15, True)]


def test_the_same_submission_five_times_is_one_record(world):
    key = uuid.uuid4()
    answers = [[row.pk for row in talk(world, world.man, world.chuan, submission=key)] for _ in range(5)]
    assert answers == [answers[0]] * 5
    assert Contact.objects.count() == 2
    assert AuditEvent.objects.filter(action="log_contact").count() == 2


@pytest.mark.parametrize(
    "other",
    [
        {"words": "别的"},
        {"day": TODAY - timedelta(days=1)},
        {"place": "操场"},
        {"children": 2},
        {"needs_report": True},
    ],
)
def test_the_same_submission_with_another_body_is_refused(world, other):
    key = uuid.uuid4()
    talk(world, submission=key)
    children = [world.man, world.chuan][: other.pop("children", 1)]
    with pytest.raises(SubmissionMismatch):
        talk(world, *children, submission=key, **other)
    assert Contact.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_same_submission_from_eight_places_at_once_is_one_record(world):
    key, by = uuid.uuid4(), world.zhang.user

    def send(_):
        try:
            return [row.pk for row in talk(world, world.man, world.chuan, submission=key, by=by)]
        finally:
            connection.close()

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert answers == [answers[0]] * 8
    assert (Contact.objects.count(), AuditEvent.objects.filter(action="log_contact").count()) == (2, 2)


def test_a_visit_keeps_what_only_a_visit_has(world):
    visit = {"living": "新房，干净", "agreed": "每周打电话"}
    row = log_contacts(
        children=[world.man],
        kind="home_visit",
        day=TODAY,
        parties=["child", "guardian"],
        visit=visit,
        by=world.zhang.user,
    )[0]
    stored = VisitDetail.objects.get(contact=row)
    assert (stored.living, stored.care, stored.needs, stored.agreed) == ("新房，干净", "", "", "每周打电话")


def guardian_call(world, day=TODAY, **more):
    values = {
        "kind": "guardian_contact", "day": day, "channel": "phone", "parties": ["mother"], "by": world.zhang.user,
    }  # fmt: skip
    return log_contacts(children=[world.man], **(values | more))[0]


def test_a_number_that_answered_is_remembered_and_no_longer_wrong(world):
    phone = world.mother_phone
    phone.wrong_since = date(2026, 11, 1)
    phone.save()
    row = guardian_call(world, phone=phone)
    phone.refresh_from_db()
    assert (phone.last_answered_on, phone.wrong_since) == (TODAY, None)
    assert CallDetail.objects.get(contact=row).phone_uid == phone.uid


def test_a_number_that_did_not_answer_is_not_remembered(world):
    guardian_call(world, phone=world.mother_phone, reached=False)
    world.mother_phone.refresh_from_db()
    assert world.mother_phone.last_answered_on is None


def test_a_number_of_another_family_is_refused(world):
    with pytest.raises(ValidationError) as refused:
        log_contacts(
            children=[world.siyu], kind="guardian_contact", day=TODAY, channel="phone", parties=["mother"],
            phone=world.mother_phone, by=world.zhang.user,
        )  # fmt: skip
    assert list(refused.value.error_dict) == ["phone"]


# --- correcting


def test_correcting_words_keeps_the_row_and_its_moment(world):
    row = full(talk(world)[0])
    with time_machine.travel(NOW + timedelta(days=20), tick=False):
        same = correct_contact(
            row,
            expected_version=1,
            by=world.zhang.user,
            words="妈妈正月回来",
            next_on=TODAY + timedelta(days=30),
        )
    stored = full(row)
    assert (same.pk, stored.words, stored.recorded_at, stored.version) == (row.pk, "妈妈正月回来", NOW, 2)
    assert [old.words for old in Contact.history.order_by("history_id")] == ["妈妈腊月回来", "妈妈正月回来"]
    assert AuditEvent.objects.get(action="correct_contact").fields == "words,next_on"


@pytest.mark.parametrize(
    "change",
    [
        {"day": TODAY - timedelta(days=2)},
        {"channel": "phone"},
        {"parties": ["child", "guardian"]},
        {"reached": False},
        {"staff": "wang"},
        {"companions": ["wang"]},
        {"child": "siyu"},
    ],
)
def test_correcting_what_rules_read_cancels_and_enters_anew(world, change):
    change = {
        name: [getattr(world, one) for one in value] if name == "companions"
        else getattr(world, value) if name in ("staff", "child") else value
        for name, value in change.items()
    }  # fmt: skip
    row = full(talk(world, place="谈心室")[0])
    later = NOW + timedelta(days=20)
    with time_machine.travel(later, tick=False):
        new = correct_contact(row, expected_version=1, by=world.zhang.user, **change)
    old = full(row)
    assert (old.cancelled_at, old.cancelled_by, old.cancel_reason) == (
        later,
        world.zhang.user,
        "更正，换成了新的一条",
    )
    assert (new.replaces_id, new.recorded_at, new.cancelled_at, new.words, new.place) == (
        row.pk,
        later,
        None,
        "妈妈腊月回来",
        "谈心室",
    )
    assert Contact.objects.valid().count() == 1


def test_a_replaced_call_keeps_number_and_minutes(world):
    row = full(guardian_call(world, phone=world.mother_phone, minutes=5))
    new = correct_contact(row, expected_version=1, by=world.zhang.user, day=TODAY - timedelta(days=1))
    call = CallDetail.objects.get(contact=new)
    assert (call.minutes, call.phone_uid) == (5, world.mother_phone.uid)


def test_nothing_changed_is_no_correction(world):
    row = full(talk(world)[0])
    correct_contact(row, expected_version=1, by=world.zhang.user, words="妈妈腊月回来", parties=["child"])
    assert (full(row).version, AuditEvent.objects.filter(action="correct_contact").count()) == (1, 0)


@pytest.mark.parametrize("change", [{"words": "我的"}, {"day": TODAY - timedelta(days=1)}])
def test_two_people_at_once_is_a_conflict_and_changes_nothing(world, change):
    row = full(talk(world)[0])
    correct_contact(full(row), expected_version=1, by=world.chen.user, words="他的")
    with pytest.raises(VersionConflict) as conflict:
        correct_contact(row, expected_version=1, by=world.zhang.user, **change)
    assert conflict.value.current.words == "他的"
    assert (Contact.objects.count(), full(row).words, full(row).cancelled_at) == (1, "他的", None)


def test_the_same_correction_twice_makes_one_new_row(world):
    row, key = full(talk(world)[0]), uuid.uuid4()
    change = {
        "day": TODAY - timedelta(days=1),
        "submission": key,
        "by": world.zhang.user,
        "expected_version": 1,
    }
    first = correct_contact(row, **change)
    again = correct_contact(full(row), **change)
    assert (first.pk, Contact.objects.count()) == (again.pk, 2)


def test_a_cancelled_contact_cannot_be_corrected(world):
    row = full(talk(world)[0])
    cancel_contact(row, reason="记重了", by=world.zhang.user)
    with pytest.raises(ValidationError):
        correct_contact(full(row), expected_version=2, by=world.zhang.user, words="新")


def test_a_sending_that_arrives_again_after_its_words_were_corrected_is_the_same(world):
    key = uuid.uuid4()
    row = talk(world, submission=key)[0]
    correct_contact(full(row), expected_version=1, by=world.zhang.user, words="改过")
    assert [one.pk for one in talk(world, submission=key)] == [row.pk]


def test_visit_words_keep_their_old_values(world):
    row = log_contacts(
        children=[world.man],
        kind="home_visit",
        day=TODAY,
        parties=["guardian"],
        visit={"care": "奶奶照看"},
        by=world.zhang.user,
    )[0]
    correct_contact(full(row), expected_version=1, by=world.zhang.user, visit={"care": "姑姑照看"})
    assert [old.care for old in VisitDetail.history.order_by("history_id")] == ["奶奶照看", "姑姑照看"]
    assert Contact.objects.count() == 1


# --- cancelling


def test_cancelling_needs_a_reason_and_keeps_the_words(world):
    row = talk(world)[0]
    with pytest.raises(ValidationError):
        cancel_contact(row, reason=" ", by=world.zhang.user)
    assert cancel_contact(row, reason="记重了", by=world.zhang.user) is True
    stored = full(row)
    assert (stored.cancelled_at, stored.cancel_reason, stored.words) == (NOW, "记重了", "妈妈腊月回来")
    assert cancel_contact(stored, reason="再来", by=world.zhang.user) is False
    assert trail("cancel_contact") == [world.man.uid]


# --- mandatory reports


def test_a_needed_report_is_told_to_the_leaders_by_ids_only(world):
    row = talk(world, needs_report=True, words="胳膊上有伤")[0]
    message = OutboxMessage.objects.get(kind="mandatory_report_needed")
    assert message.payload == {"contact": str(row.uid), "child": str(world.man.uid)}
    assert outbox.deliver() == (1, 0)
    assert trail("report_alarm") == [world.man.uid]
    assert [one.pk for one in report_alarms(world.chen.user)] == [row.pk]
    assert list(report_alarms(world.zhang.user)) == []


def test_a_report_that_turned_out_to_be_needed_is_told_once(world):
    row = full(talk(world)[0])
    correct_contact(row, expected_version=1, by=world.zhang.user, needs_report=True)
    correct_contact(full(row), expected_version=2, by=world.zhang.user, words="再补一句")
    assert OutboxMessage.objects.filter(kind="mandatory_report_needed").count() == 1


# --- the story


def story(world, who):
    return [
        (entry.title, entry.who, entry.words, entry.words_hidden) for entry in timeline(world.man, who.user)
    ]


def test_each_reader_sees_the_words_of_his_post(world):
    talk(world)
    talk(world, staff=world.liu, day=TODAY - timedelta(days=1), words="作业没写", by=world.liu.user)
    both = [("谈心", "张桂兰", "妈妈腊月回来", False), ("谈心", "刘老师", "作业没写", False)]
    assert story(world, world.zhang) == both
    assert story(world, world.chen) == both
    assert story(world, world.liu) == [("谈心", "刘老师", "作业没写", False)]
    assert story(world, world.dang) == [("谈心", "张桂兰", "", True), ("谈心", "刘老师", "", True)]
    assert story(world, world.zhao) == []
    assert story(world, world.qian) == []


def test_the_story_leaves_out_what_was_replaced_and_marks_what_was_cancelled(world):
    row = full(talk(world)[0])
    correct_contact(row, expected_version=1, by=world.zhang.user, day=TODAY - timedelta(days=3))
    cancel_contact(talk(world)[0], reason="记重了", by=world.zhang.user)
    assert [(entry.day, entry.cancelled) for entry in timeline(world.man, world.zhang.user)] == [
        (TODAY, True),
        (TODAY - timedelta(days=3), False),
    ]


def test_the_fragment_of_the_story_shows_words_only_to_those_who_may_read_them(world):
    talk(world, day=TODAY - timedelta(days=20), next_on=TODAY)
    pages = {
        who: render_to_string(
            "activities/contacts/_timeline.html", {"timeline": timeline(world.man, getattr(world, who).user)}
        )
        for who in ("zhang", "dang", "liu")
    }
    assert ["妈妈腊月回来" in page for page in pages.values()] == [True, False, False]
    assert ["补录" in page for page in pages.values()] == [True, True, False]
    assert "还没有谈心、家访、联系的记录" in pages["liu"]


def test_the_story_costs_the_same_with_many_rows(world, django_assert_num_queries):
    talk(world)
    seat, user = world.man.enrollment_on(), world.zhang.user
    timeline(world.man, user, enrollment=seat)  # posts and staff are known for the rest of a request
    with django_assert_num_queries(3):
        timeline(world.man, user, enrollment=seat)
    for days in range(1, 12):
        talk(world, day=TODAY - timedelta(days=days), companions=[world.wang])
    with django_assert_num_queries(3):
        assert len(timeline(world.man, user, enrollment=seat)) == 12
