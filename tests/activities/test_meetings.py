"""领导小组会议: minutes with who came, decisions with owner and date, done with a note; who reads and who writes."""

import uuid
from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.urls import reverse

from activities import meetings
from activities.contacts import SubmissionMismatch
from activities.models import Activity, Attendance, FollowUp
from registry.models import Staff
from tests.reports.conftest import world  # noqa: F401
from trust.models import AuditEvent

pytestmark = pytest.mark.django_db
DAY = date(2026, 11, 20)


def staff_of(user):
    return Staff.objects.get(user=user)


@pytest.fixture
def held(world):  # noqa: F811
    """A meeting on 20 November: the leader and the deputy came, the member did not; two decisions."""
    people = [staff_of(world.zhou), staff_of(world.wu)]
    world.meeting = meetings.hold_meeting(
        school=world.school, day=DAY, title="部署冬季家访", place="会议室", minutes="各班还差家访26户", present=people,
        decisions=[("全部家访一遍", staff_of(world.zhang), date(2026, 12, 5)), ("印告家长书", None, None)], by=world.zhou,
    )  # fmt: skip
    return world


def page(client, user, name, row, status=200):
    client.force_login(user)
    answer = client.get(reverse(f"activities:{name}", args=[row.uid]))
    assert answer.status_code == status
    return answer.content.decode()


def test_the_minutes_say_who_came_who_did_not_and_what_was_decided(held, client):
    text = page(client, held.sun, "meeting_detail", held.meeting)
    said = [
        "部署冬季家访",
        "2 人到会",
        "会议室",
        "各班还差家访26户",
        "全部家访一遍",
        "张桂兰",
        "12月5日前",
        "印告家长书",
    ]
    assert [words for words in said if words not in text] == []
    assert text.index("<dt>缺席</dt>") < text.index("孙立群", text.index("<dt>缺席</dt>"))
    rows = Attendance.objects.filter(activity=held.meeting).values_list("staff__name", "present")
    assert sorted(rows) == [("吴建国", True), ("周明远", True), ("孙立群", False)]
    assert AuditEvent.objects.filter(action="open_meeting", actor_name="孙立群").count() == 1


def test_who_reads_and_who_writes(held, client):
    for user in (held.zhou, held.wu, held.sun, held.wei):
        page(client, user, "meeting_detail", held.meeting)
        page(client, user, "meeting_list", held.school)
    for user in (held.zhang, held.shi, held.head, held.qin):
        page(client, user, "meeting_detail", held.meeting, 403)
    page(client, held.shen, "meeting_detail", held.meeting, 404)
    for user, status in ((held.sun, 403), (held.wei, 403), (held.zhang, 403), (held.zhou, 200)):
        page(client, user, "meeting_new", held.school, status)
    # minutes are no sign-in list: the page of activities does not open them
    page(client, held.zhang, "activity_detail", held.meeting, 404)


def test_a_task_waits_on_today_until_its_owner_says_what_came_of_it(held, client):
    client.force_login(held.zhang)
    assert "会上交给您的事" in client.get("/today/").content.decode()
    task = FollowUp.objects.get(text="全部家访一遍")
    url = reverse("activities:follow_up_done", args=[task.uid])
    assert "全部家访一遍" in client.get(url).content.decode()
    form = {"version": 1, "done_on": "2026-11-24", "note": ""}
    assert "请写办得怎么样" in client.post(url, form).content.decode()
    answer = client.post(url, form | {"note": "走访了26户"})
    assert answer["Location"] == "/today/"  # the minutes are not the class teacher's to read
    task.refresh_from_db()
    assert (task.done_on, task.done_note, task.version) == (date(2026, 11, 24), "走访了26户", 2)
    assert "会上交给您的事" not in client.get("/today/").content.decode()
    assert "走访了26户" in page(client, held.zhou, "meeting_detail", held.meeting)
    # another teacher's task is nobody else's to close
    other = FollowUp.objects.create(activity=held.meeting, text="别的事", staff=staff_of(held.yang))
    client.force_login(held.zhang)
    assert client.get(reverse("activities:follow_up_done", args=[other.uid])).status_code == 403


def test_two_who_close_a_task_at_once_are_told(held, client):
    task = FollowUp.objects.get(text="全部家访一遍")
    url = reverse("activities:follow_up_done", args=[task.uid])
    form = {"version": 1, "done_on": "2026-11-24", "note": "走访了26户"}
    client.force_login(held.zhang)
    assert client.post(url, form).status_code == 302
    client.force_login(held.zhou)
    answer = client.post(url, form | {"note": "都走了"})
    assert answer.status_code == 200 and "别人改过这一条" in answer.content.decode()
    task.refresh_from_db()
    assert task.done_note == "走访了26户"


@pytest.mark.db
def test_open_tasks_are_counted_for_the_leader(held, client):
    client.force_login(held.zhou)
    waiting = client.get("/dashboard/").context["waiting"]
    one = next(item for item in waiting if "会上定下的事" in item.what)
    assert (one.number, one.url) == (2, reverse("activities:meeting_list", args=[held.school.uid]))
    meetings.cancel_meeting(held.meeting, reason="记重了", by=held.zhou)
    waiting = client.get("/dashboard/").context["waiting"]
    assert not [item for item in waiting if "会上定下的事" in item.what]
    assert "已作废" in page(client, held.sun, "meeting_detail", held.meeting)


def fields(world, **more):  # noqa: F811
    return {
        "submission": str(uuid.uuid4()), "day": "2026-11-23", "title": "研究困难学生", "place": "", "minutes": "",
        "present": [str(staff_of(world.zhou).uid)], "decision-TOTAL_FORMS": "2", "decision-INITIAL_FORMS": "0",
        "decision-0-text": "申请补助", "decision-0-staff": str(staff_of(world.yang).uid), "decision-0-due_on": "2026-12-01",
        "decision-1-text": "", "decision-1-staff": "", "decision-1-due_on": "",
    } | more  # fmt: skip


@pytest.mark.db
def test_the_form_makes_one_meeting_however_often_it_is_sent(world, client):  # noqa: F811
    client.force_login(world.zhou)
    url = reverse("activities:meeting_new", args=[world.school.uid])
    form = fields(world)
    first, again = client.post(url, form), client.post(url, form)
    assert (first.status_code, first["Location"]) == (302, again["Location"])
    assert Activity.objects.filter(kind="group_meeting").count() == 1
    row = FollowUp.objects.get()
    assert (row.text, row.staff.name, row.due_on) == ("申请补助", "杨帆", date(2026, 12, 1))
    changed = client.post(url, form | {"title": "另一次会"})
    assert changed.status_code == 422 and "已经保存过另一次会议" in changed.content.decode()
    with pytest.raises(SubmissionMismatch):
        meetings.hold_meeting(
            school=world.school, day=DAY, title="另一次会", present=[staff_of(world.zhou)], by=world.zhou,
            submission=uuid.UUID(form["submission"]),
        )  # fmt: skip


def test_the_form_keeps_what_was_typed_and_says_what_is_wrong(world, client):  # noqa: F811
    client.force_login(world.zhou)
    url = reverse("activities:meeting_new", args=[world.school.uid])
    answer = client.post(url, fields(world, day="2026-11-25"))  # tomorrow
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "不能晚于今天" in text and "申请补助" in text and "研究困难学生" in text
    text = client.post(url, fields(world, **{"decision-0-due_on": "2026-11-01"})).content.decode()
    assert "期限不能早于开会的日期" in text
    assert Activity.objects.filter(kind="group_meeting").count() == 0
    answer = client.post(url, fields(world, present=[str(staff_of(world.han).uid)]))  # of another school
    assert answer.status_code == 422 and "请从给出的人里选" in answer.content.decode()


def test_one_more_decision_and_corrected_words(held, client):
    client.force_login(held.wu)
    url = reverse("activities:follow_up_new", args=[held.meeting.uid])
    form = {"submission": str(uuid.uuid4()), "text": "开家长会", "staff": "", "due_on": ""}
    assert (client.post(url, form).status_code, client.post(url, form).status_code) == (302, 302)
    assert FollowUp.objects.filter(text="开家长会").count() == 1
    url = reverse("activities:meeting_edit", args=[held.meeting.uid])
    form = {
        "version": held.meeting.version,
        "title": "部署冬季家访",
        "place": "会议室",
        "minutes": "改过的话",
    }
    assert client.post(url, form).status_code == 302
    assert "改过的话" in page(client, held.sun, "meeting_detail", held.meeting)
    client.force_login(held.wu)
    assert client.post(url, form | {"minutes": "又改"}).status_code == 200  # somebody changed it in between
    held.meeting.refresh_from_db()
    assert held.meeting.result == "改过的话"


def test_dates_that_cannot_be_are_refused(held):
    task = FollowUp.objects.get(text="印告家长书")
    for done_on in (date(2026, 11, 25), DAY - timedelta(days=1)):
        with pytest.raises(ValidationError):
            meetings.finish_follow_up(task, done_on=done_on, note="好了", by=held.zhou, expected=1)


def test_the_list_costs_the_same_with_more_meetings(held, client, django_assert_num_queries):
    client.force_login(held.zhou)
    url = reverse("activities:meeting_list", args=[held.school.uid])
    client.get(url)
    with django_assert_num_queries(7):
        client.get(url)
    for number in range(3):
        meetings.hold_meeting(
            school=held.school, day=DAY, title=f"第{number}次", present=[staff_of(held.zhou)], by=held.zhou,
            decisions=[("再做一件", staff_of(held.yang), None)],
        )  # fmt: skip
    with django_assert_num_queries(7):
        client.get(url)
