"""The center (之家): openings, activities with sign-in lists, the week, and who may."""

import re
import uuid
from datetime import date, timedelta

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client

from activities import centers
from activities.contacts import SubmissionMismatch
from activities.models import Activity, Attendance, Opening
from registry.models import ActivityCenter
from trust.models import AuditEvent, VersionConflict

from .contact_world import NOW, build

pytestmark = [pytest.mark.django_db, pytest.mark.db]
TODAY = date(2026, 11, 20)
WEDNESDAY = date(2026, 11, 18)


@pytest.fixture
def world():
    with time_machine.travel(NOW, tick=False):
        yield build()


@pytest.fixture
def sun(client, world):
    client.force_login(world.sun.user)
    return client


def visitor(person):
    other = Client()
    other.force_login(person.user)
    return other


def opened(world, day=TODAY, **more):
    return centers.log_opening(
        **({"center": world.center, "day": day, "staff": [world.sun], "by": world.sun.user} | more)
    )


def held(world, *children, day=TODAY, **more):
    values = {
        "kind": "center_activity",
        "title": "读书会",
        "center": world.center,
        "staff": [world.sun],
        "by": world.sun.user,
    }
    return centers.log_activity(day=day, present=children, **(values | more))


def names(activity):
    rows = Attendance.objects.filter(activity=activity, cancelled_at=None).order_by("child__name_key")
    return [(row.child.name, row.present, row.entered_at) for row in rows]


def at(days):
    return time_machine.travel(NOW + timedelta(days=days), tick=False)


# --- openings


def test_an_opening_is_one_row_however_often_it_is_sent(world):
    key = uuid.uuid4()
    rows = [opened(world, submission=key, visitors=12).pk for _ in range(5)]
    assert rows == [rows[0]] * 5
    assert (Opening.objects.count(), AuditEvent.objects.filter(action="log_opening").count()) == (1, 1)
    with pytest.raises(SubmissionMismatch):
        opened(world, submission=key, visitors=13)


def test_a_day_is_opened_once_and_again_after_cancelling(world):
    row = opened(world)
    with pytest.raises(ValidationError) as refused:
        opened(world)
    assert "11月20日的开放已经记过" in str(refused.value)
    centers.cancel_opening(row, reason="那天停电", by=world.sun.user)
    opened(world)
    assert Opening.objects.valid().count() == 1


@pytest.mark.parametrize("day", [TODAY + timedelta(days=1), date(2026, 8, 31)])
def test_neither_tomorrow_nor_before_the_center_began(world, day):
    with pytest.raises(ValidationError) as refused:
        opened(world, day)
    assert list(refused.value.error_dict) == ["day"]


def test_another_number_stays_the_same_row_and_another_day_is_a_new_one(world):
    row = opened(world, visitors=3)
    with at(3):
        same = centers.correct_opening(row, expected_version=1, by=world.sun.user, visitors=9)
        new = centers.correct_opening(same, expected_version=2, by=world.sun.user, day=WEDNESDAY)
    row.refresh_from_db()
    assert (same.pk, same.recorded_at, row.cancel_reason) == (row.pk, NOW, "更正，换成了新的一条")
    assert (new.day, new.visitors, new.recorded_at, new.lag) == (WEDNESDAY, 9, NOW + timedelta(days=3), 5)
    assert sorted(old.visitors for old in Opening.history.filter(id=row.pk)) == [3, 9, 9]


def test_two_people_correcting_an_opening_is_a_conflict(world):
    row = opened(world)
    centers.correct_opening(
        Opening.objects.get(pk=row.pk), expected_version=1, by=world.chen.user, visitors=5
    )
    with pytest.raises(VersionConflict):
        centers.correct_opening(
            Opening.objects.get(pk=row.pk), expected_version=1, by=world.sun.user, visitors=6
        )
    assert Opening.objects.get(pk=row.pk).visitors == 5


# --- activities and names


def test_names_added_later_have_their_own_moment(world):
    activity = held(world, world.man, absent=[world.siyu])
    with at(2):
        assert centers.add_names(activity, present=[world.chuan, world.man], by=world.sun.user) == 1
    later = NOW + timedelta(days=2)
    assert names(activity) == [("陈思雨", False, NOW), ("李小川", True, later), ("李小满", True, NOW)]
    assert Attendance.objects.get(child=world.chuan).lag == 2
    logged = AuditEvent.objects.filter(action="log_attendance").values_list("child_uid", flat=True)
    assert sorted(logged, key=str) == sorted([world.man.uid, world.siyu.uid, world.chuan.uid], key=str)


def test_setting_names_touches_only_the_children_shown(world):
    activity = held(world, world.man, world.chuan)
    with at(1):
        done = centers.set_names(
            activity, present=[world.siyu], among=[world.man, world.siyu], by=world.sun.user
        )
    assert done == (1, 1)
    assert names(activity) == [("陈思雨", True, NOW + timedelta(days=1)), ("李小川", True, NOW)]


def test_a_child_cannot_both_come_and_stay_away_nor_come_before_it_was_enrolled(world):
    for more in ({"absent": [world.man]}, {"day": date(2026, 9, 1)}):
        if "day" in more:
            world.man.enrollments.update(starts_on=date(2026, 9, 2))
        with pytest.raises(ValidationError):
            held(world, world.man, **more)
    assert (Activity.objects.count(), Attendance.objects.count()) == (0, 0)


def test_the_same_activity_again_is_the_same_row_also_after_names_were_added(world):
    key = uuid.uuid4()
    row = held(world, world.man, submission=key)
    with at(1):
        centers.add_names(row, present=[world.siyu], by=world.sun.user)
        assert held(world, world.man, submission=key).pk == row.pk
        for other in ({"title": "下棋"}, {"day": WEDNESDAY}):
            with pytest.raises(SubmissionMismatch):
                held(world, world.man, submission=key, **other)
        with pytest.raises(SubmissionMismatch):
            held(world, world.hao, submission=key)


def test_correcting_the_day_takes_the_names_along_and_enters_them_now(world):
    activity = held(world, world.man, absent=[world.siyu])
    with at(1):
        new = centers.correct_activity(activity, expected_version=1, by=world.sun.user, day=WEDNESDAY)
    moment = NOW + timedelta(days=1)
    assert names(new) == [("陈思雨", False, moment), ("李小满", True, moment)]
    assert names(activity) == []
    assert (Activity.objects.valid().count(), new.title) == (1, "读书会")


def test_correcting_the_title_keeps_the_row(world):
    activity = held(world, world.man)
    same = centers.correct_activity(activity, expected_version=1, by=world.sun.user, title="下棋")
    assert (same.pk, names(same)) == (activity.pk, [("李小满", True, NOW)])
    assert [old.title for old in Activity.history.order_by("history_id")] == ["读书会", "下棋"]


def test_a_cancelled_activity_has_no_names_and_takes_none(world):
    activity = held(world, world.man)
    centers.cancel_activity(activity, reason="没办成", by=world.sun.user)
    assert names(activity) == []
    with pytest.raises(ValidationError):
        centers.add_names(activity, present=[world.siyu], by=world.sun.user)


# --- the center itself


def test_a_center_is_added_changed_and_ended_once_each_in_the_trail(world):
    center = centers.add_center(
        county=world.county, name="二号之家", school=world.school, starts_on=TODAY, by=world.chen.user
    )
    centers.change_center(center, expected_version=1, by=world.chen.user, place="二楼", name="二号之家")
    with pytest.raises(VersionConflict):
        centers.change_center(center, expected_version=1, by=world.sun.user, place="三楼")
    center.refresh_from_db()
    with pytest.raises(ValidationError):
        centers.end_center(center, ends_on=WEDNESDAY, expected_version=2, by=world.chen.user)
    centers.end_center(center, ends_on=TODAY, expected_version=2, by=world.chen.user)
    trail = AuditEvent.objects.filter(object_uid=center.uid).order_by("pk").values_list("action", "fields")
    assert list(trail) == [("add_center", ""), ("change_center", "place"), ("end_center", "")]


def test_a_center_of_the_township_has_no_school(world):
    with pytest.raises(ValidationError):
        centers.add_center(
            county=world.county,
            name="镇之家",
            operator="township",
            school=world.school,
            starts_on=TODAY,
            by=None,
        )
    assert ActivityCenter.objects.count() == 2


# --- pages


def test_one_tap_opens_today_and_the_week_says_so(sun, world):
    page = sun.get(f"/centers/{world.center.uid}/").content.decode()
    assert "这周还没有开放" in page
    body = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page)) | {
        "visitors": "12",
        "hygiene_checked": "on",
    }
    for _ in range(3):
        answer = sun.post(f"/centers/{world.center.uid}/openings/new/", body)
        assert answer["Location"] == f"/centers/{world.center.uid}/?week=2026-11-20"
    row = Opening.objects.get()
    assert (row.day, row.visitors, row.hygiene_checked, [one.name for one in row.staff.all()]) == (
        TODAY,
        12,
        True,
        ["孙管理"],
    )
    page = sun.get(f"/centers/{world.center.uid}/").content.decode()
    assert "这周开放了 1 次，来了 12 人次" in page and "卫生已查" in page


def test_the_week_shows_days_numbers_and_who_was_on_duty(sun, world):
    opened(world, WEDNESDAY, staff=[world.bao])
    held(world, world.man, world.siyu, day=WEDNESDAY, staff=[world.sun])
    held(world, world.man, day=date(2026, 11, 11))
    page = sun.get(f"/centers/{world.center.uid}/", {"week": "2026-11-16"}).content.decode()
    rows = re.findall(
        r"<tr[^>]*>\s*<td><b>(星期.)</b>.*?data-label=\"人次\">(?:<span[^>]*>)?([^<]*)<.*?data-label=\"值守\">([^<]*)<",
        page,
        re.S,
    )
    assert rows == [
        ("星期一", "—", ""), ("星期二", "—", ""), ("星期三", "2", "包保田、孙管理"), ("星期四", "—", ""),
        ("星期五", "—", ""), ("星期六", "—", ""), ("星期日", "—", ""),
    ]  # fmt: skip
    assert "读书会" in page and "2 人" in page


def test_the_heat_map_counts_weeks_and_marks_those_missed(world):
    opened(world, date(2026, 11, 11), visitors=7)
    center = ActivityCenter.objects.select_related("county", "school").get(pk=world.center.pk)
    _, weeks = centers.heat_map(center, TODAY, centers.calendar_of(center))
    last = {str(week.monday): (week.openings, week.came, week.missed) for week in weeks[-3:]}
    assert last == {"2026-11-02": (0, 0, True), "2026-11-09": (1, 7, False), "2026-11-16": (0, 0, False)}
    assert sum(week.missed for week in weeks) == 9  # from 7 September on, without the one that was open


def test_names_are_tapped_on_the_page_and_untapped_again(sun, world):
    body = {
        "kind": "center_activity",
        "title": "读书会",
        "day": "2026-11-20",
        "submission": str(uuid.uuid4()),
    }
    page = sun.get(f"/centers/{world.center.uid}/activities/new/").content.decode()
    assert re.findall(r'for="present_[^"]+">.*?</svg>([^<]+)</label>', page) == [
        "李小川",
        "陈思雨",
        "李小满",
        "罗佳豪",
    ]
    uids = [str(world.man.uid), str(world.chuan.uid)]
    for _ in range(2):
        answer = sun.post(f"/centers/{world.center.uid}/activities/new/", body | {"present": uids})
    activity = Activity.objects.get()
    assert answer["Location"] == f"/activities/{activity.uid}/"
    assert [name for name, _, _ in names(activity)] == ["李小川", "李小满"]
    sun.post(
        f"/activities/{activity.uid}/names/", {"present": [str(world.siyu.uid), uids[0]], "absent": [uids[1]]}
    )
    assert [row[:2] for row in names(activity)] == [("陈思雨", True), ("李小川", False), ("李小满", True)]
    page = sun.get(f"/activities/{activity.uid}/").content.decode()
    assert "读书会，2 个孩子到场" in page


def test_a_class_teacher_taps_only_the_own_class_and_leaves_others_alone(world):
    activity = held(world, world.man, world.chuan)
    zhang = visitor(world.zhang)
    page = zhang.get(f"/activities/{activity.uid}/").content.decode()
    assert "李小川" not in page and "另有 1 个孩子到场" in page
    assert (
        zhang.post(f"/activities/{activity.uid}/names/", {"present": [str(world.chuan.uid)]}).status_code
        == 404
    )
    zhang.post(f"/activities/{activity.uid}/names/", {"present": [str(world.siyu.uid)]})
    assert [name for name, _, _ in names(activity)] == ["陈思雨", "李小川"]


def test_wrong_input_stays_and_is_named(sun, world):
    body = {"kind": "center_activity", "title": "", "day": "2026-11-25", "submission": str(uuid.uuid4()),
            "result": "写了一段", "present": [str(world.man.uid)]}  # fmt: skip
    page = sun.post(f"/centers/{world.center.uid}/activities/new/", body).content.decode()
    assert (
        "请写活动的名称" in page
        and "写了一段" in page
        and re.search(rf'value="{world.man.uid}" id="present_[^"]+" checked', page)
    )
    page = sun.post(f"/centers/{world.center.uid}/activities/new/", body | {"title": "读书"}).content.decode()
    assert "日期不能晚于今天" in page
    page = sun.post(
        f"/centers/{world.center.uid}/openings/new/",
        {"day": "2026-11-20", "visitors": "很多", "submission": str(uuid.uuid4())},
    ).content.decode()
    assert "请填数字" in page
    assert (Activity.objects.count(), Opening.objects.count()) == (0, 0)


def test_corrections_and_cancelling_on_the_pages(sun, world):
    row, activity = opened(world, visitors=1), held(world, world.man)
    sun.post(f"/openings/{row.uid}/correct/", {"version": 1, "day": "2026-11-20", "staff": [str(world.sun.uid)], "visitors": "4",
                                               "submission": str(uuid.uuid4())})  # fmt: skip
    row.refresh_from_db()
    assert row.visitors == 4
    sun.post(f"/openings/{row.uid}/cancel/", {"version": 2, "reason": "记错了"})
    sun.post(f"/activities/{activity.uid}/correct/", {"version": 1, "kind": "center_activity", "title": "下棋", "day": "2026-11-20",
                                                      "staff": [str(world.sun.uid)], "submission": str(uuid.uuid4())})  # fmt: skip
    activity.refresh_from_db()
    assert activity.title == "下棋"
    answer = sun.post(f"/activities/{activity.uid}/correct/", {"version": 1, "kind": "center_activity", "title": "跳绳", "day": "2026-11-20",
                                                               "staff": [str(world.sun.uid)], "submission": str(uuid.uuid4())})  # fmt: skip
    assert "您写的“跳绳”，现在存的“下棋”" in answer.content.decode()
    sun.post(f"/activities/{activity.uid}/cancel/", {"version": 2, "reason": "没办成"})
    assert (Opening.objects.valid().count(), Activity.objects.valid().count()) == (0, 0)
    assert "没办成" in sun.get(f"/activities/{activity.uid}/").content.decode()


def test_a_center_is_managed_on_its_pages(client, world):
    client.force_login(world.chen.user)
    body = {"operator": "school", "school": world.school.pk, "name": "二号之家", "starts_on": "2026-11-01"}
    for _ in range(2):
        answer = client.post("/centers/new/", body)
    assert "这个之家已经登记过" in answer.content.decode()
    center = ActivityCenter.objects.get(name="二号之家")
    assert client.get("/centers/").status_code == 200
    page = client.get(f"/centers/{center.uid}/edit/").content.decode()
    assert 'name="version" value="1"' in page
    client.post(
        f"/centers/{center.uid}/edit/",
        {"version": 1, "name": "二号之家", "place": "二楼", "starts_on": "2026-11-01"},
    )
    center.refresh_from_db()
    assert (center.place, center.version) == ("二楼", 2)
    answer = client.post(
        f"/centers/{center.uid}/edit/",
        {"version": 1, "name": "二号之家", "place": "三楼", "starts_on": "2026-11-01"},
    )
    assert answer.status_code == 409 and "您写的“三楼”，现在存的“二楼”" in answer.content.decode()
    client.post(f"/centers/{center.uid}/end/", {"version": 2, "ends_on": "2026-11-20"})
    center.refresh_from_db()
    assert center.ends_on == TODAY
    other = client.post("/centers/new/", body | {"school": world.other_school.pk, "name": "别校之家"})
    assert other.status_code == 200 and not ActivityCenter.objects.filter(name="别校之家").exists()


DOORS = ["", "edit/", "end/", "openings/new/", "activities/new/"]


@pytest.mark.parametrize("door", DOORS)
def test_a_foreign_center_is_not_found(world, door):
    other = visitor(world.zhao)
    address = f"/centers/{world.center.uid}/{door}"
    assert (other.get(address).status_code, other.post(address, {"name": "我的"}).status_code) == (
        404,
        405 if not door else 404,
    )


@pytest.mark.parametrize("door", ["openings/{0}/correct/", "openings/{0}/cancel/", "activities/{1}/", "activities/{1}/names/",
                                  "activities/{1}/correct/", "activities/{1}/cancel/"])  # fmt: skip
def test_a_foreign_event_is_not_found(world, door):
    row, activity = opened(world), held(world, world.man)
    address = "/" + door.format(row.uid, activity.uid)
    other = visitor(world.zhao)
    assert other.get(address).status_code in (404, 405)
    assert other.post(address, {"reason": "乱来", "version": 1}).status_code in (404, 405)
    assert (Opening.objects.valid().count(), Activity.objects.valid().count(), len(names(activity))) == (
        1,
        1,
        1,
    )


def test_who_lacks_the_function_gets_403(world):
    row, activity = opened(world), held(world, world.man)
    liu, zhang = visitor(world.liu), visitor(world.zhang)
    assert liu.get(f"/centers/{world.center.uid}/").status_code == 200
    for address in (f"/centers/{world.center.uid}/openings/new/", f"/centers/{world.center.uid}/activities/new/",
                    f"/centers/{world.center.uid}/edit/", f"/centers/{world.center.uid}/end/", "/centers/new/",
                    f"/activities/{activity.uid}/names/", f"/openings/{row.uid}/cancel/"):  # fmt: skip
        assert liu.post(address, {"reason": "乱来", "version": 1}).status_code == 403
    for address in (
        f"/centers/{world.center.uid}/edit/",
        f"/openings/{row.uid}/correct/",
        f"/activities/{activity.uid}/cancel/",
    ):
        assert zhang.post(address, {"reason": "乱来", "version": 1}).status_code == 403
    assert (Opening.objects.valid().count(), Activity.objects.valid().count()) == (1, 1)


def test_pages_ask_the_database_a_fixed_number_of_times(sun, world, django_assert_max_num_queries):
    for days in range(12):
        opened(world, TODAY - timedelta(days=days), staff=[world.sun, world.bao])
        activity = held(
            world,
            world.man,
            world.chuan,
            world.siyu,
            day=TODAY - timedelta(days=days),
            staff=[world.sun, world.bao],
        )
    for address, most in ((f"/centers/{world.center.uid}/", 24), (f"/activities/{activity.uid}/", 20),
                          (f"/centers/{world.center.uid}/activities/new/", 18)):  # fmt: skip
        with django_assert_max_num_queries(most):
            sun.get(address)
    chen = world.chen.user
    sun.force_login(chen)
    centers.add_center(county=world.county, name="二号", school=world.school, starts_on=TODAY, by=chen)
    with django_assert_max_num_queries(14):
        sun.get("/centers/")
