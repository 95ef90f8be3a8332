"""谈心记录, 家访记录 and minutes on paper: what stands on them as of their day, for whom, and that it is in the trail."""

from datetime import date, time

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from activities import meetings
from activities.contacts import cancel_contact, log_contacts
from activities.models import Contact
from registry.models import Guardian, Guardianship, Kinship, ParentWork, Phone, SchoolClass, Staff
from trust.models import AuditEvent

from .world import asked

pytestmark = pytest.mark.django_db
PHONE = "13800008123"


@pytest.fixture
def visited(world):
    """李安安: a visit by 张桂兰 on 14 November, a talk by 杨帆 (paired) on 18 November, both with words."""
    mother = Guardian.objects.create(county=world.county, name="陈小莲", sex="female")
    Kinship.objects.create(child=world.an, guardian=mother, relation="mother")
    ParentWork.objects.create(guardian=mother, starts_on=date(2026, 11, 1), place="广东省东莞市")
    world.mother, world.nai = mother, Guardian.objects.get(name="吴秀英")
    world.an.address = "三组12号"
    world.an.save()
    (world.visit,) = log_contacts(
        children=[world.an], kind="home_visit", day=date(2026, 11, 14), at=time(15, 30), parties=["child", "guardian"],
        by=world.zhang, words="看了作业", effect="月底再去", next_on=date(2026, 11, 28),
        visit={"living": "两间瓦房", "care": "奶奶腿不好", "needs": "想办低保", "agreed": "学校帮着问"},
    )  # fmt: skip
    (world.talked,) = log_contacts(
        children=[world.an], kind="talk", day=date(2026, 11, 18), parties=["child"], by=world.yang, words="想妈妈了",
        effect="约好周末通话",
    )  # fmt: skip
    return world


def sheet(client, user, name, row, status=200, **query):
    client.force_login(user)
    answer = client.get(reverse(f"reports:{name}", args=[row.uid]), query)
    assert answer.status_code == status, answer.status_code
    return answer.content.decode()


def missing(said, page):
    return [words for words in said if words not in page]


# --- one contact --------------------------------------------------------------------------------------------------------


def test_a_visit_on_paper_with_the_family_and_both_signatures(visited, client):
    page = sheet(client, visited.zhang, "print_contact", visited.visit)
    said = [
        "留守儿童家访记录", "石门小学", "2026年11月14日", "15:30", "李安安", "四(1)班", "10 岁", "张桂兰", "吴秀英（奶奶）", "138****8123",
        "柳溪村三组12号", "母亲陈小莲：2026年11月起外出，广东省东莞市", "看了作业", "居住与生活环境", "两间瓦房", "奶奶腿不好",
        "想办低保", "学校帮着问", "月底再去", "2026年11月28日", "家访教师（签字）", "家长或监护人（签字）",
    ]  # fmt: skip
    assert missing(said, page) == []
    assert PHONE not in page and "想妈妈了" not in page
    entry = AuditEvent.objects.get(action="print_child")
    assert (entry.kind, entry.child_uid, entry.detail, entry.actor_name) == (
        "contact", visited.an.uid, "家访记录", "张桂兰",
    )  # fmt: skip


def test_a_talk_is_signed_by_teacher_and_child_and_says_nothing_of_the_family(visited, client):
    page = sheet(client, visited.zhou, "print_contact", visited.talked)
    said = [
        "留守儿童谈心记录",
        "李安安",
        "杨帆",
        "想妈妈了",
        "约好周末通话",
        "谈心教师（签字）",
        "孩子（签字）",
    ]
    assert missing(said, page) == []
    assert not [words for words in ("吴秀英", "三组12号", "陈小莲", "家长或监护人（签字）") if words in page]


def test_the_family_stands_there_as_it_was_that_day(visited, client):
    """A change after the visit changes no sheet of it: another carer, another phone, another class."""
    aunt = Guardian.objects.create(county=visited.county, name="陈大姑", sex="female")
    Kinship.objects.create(child=visited.an, guardian=aunt, relation="aunt")
    Guardianship.objects.filter(child=visited.an).update(ends_on=date(2026, 11, 19))
    Guardianship.objects.create(
        child=visited.an, guardian=aunt, authority="informal", starts_on=date(2026, 11, 20)
    )
    Phone.objects.filter(guardian=visited.nai).update(ended_on=date(2026, 11, 20))
    ParentWork.objects.filter(guardian=visited.mother).update(ends_on=date(2026, 11, 16))
    other = SchoolClass.objects.create(
        school=visited.school, stage="primary", entry_year=2023, number=2, ends_on=visited.c1.ends_on
    )
    seat = visited.an.enrollments.get()
    type(seat).objects.filter(pk=seat.pk).update(ends_on=date(2026, 11, 20))
    type(seat).objects.create(
        child=visited.an, school=visited.school, school_class=other, starts_on=date(2026, 11, 21)
    )
    page = sheet(client, visited.zhou, "print_contact", visited.visit)
    assert missing(["四(1)班", "吴秀英（奶奶）", "138****8123", "2026年11月起外出"], page) == []
    assert "陈大姑" not in page and "四(2)班" not in page


def test_who_prints_one_contact(visited, client):
    for user in (visited.zhang, visited.zhou, visited.wu, visited.wei):
        assert "看了作业" in sheet(client, user, "print_contact", visited.visit)
    # reads it, takes no paper of it out; no sight at all
    sheet(client, visited.head, "print_contact", visited.visit, 403)
    sheet(client, visited.yang, "print_contact", visited.visit, 403)
    for user in (visited.han, visited.shen, visited.qin):
        sheet(client, user, "print_contact", visited.visit, 404)


def test_whoever_did_it_prints_the_sheet_with_the_family_left_blank(visited, client):
    assert "想妈妈了" in sheet(client, visited.yang, "print_contact", visited.talked)
    (own,) = log_contacts(
        children=[visited.an], kind="home_visit", day=date(2026, 11, 20), parties=["guardian"], by=visited.yang,
        words="送了棉衣", visit={},
    )  # fmt: skip
    page = sheet(client, visited.yang, "print_contact", own)
    assert missing(["送了棉衣", "李安安", "家长或监护人（签字）"], page) == []
    assert not [words for words in ("吴秀英", "138****8123", "三组12号", "东莞") if words in page]
    assert (
        missing(["吴秀英", "138****8123", "三组12号"], sheet(client, visited.zhang, "print_contact", own))
        == []
    )


def test_the_button_stands_where_the_sheet_can_be_had(visited, client):
    def offered(user, contact):
        client.force_login(user)
        page = client.get(reverse("activities:contact_detail", args=[contact.uid])).content.decode()
        return reverse("reports:print_contact", args=[contact.uid]) in page

    assert offered(visited.zhang, visited.visit) and offered(visited.wei, visited.visit)
    assert offered(visited.yang, visited.talked)
    assert not offered(visited.yang, visited.visit) and not offered(visited.head, visited.visit)
    (call,) = log_contacts(
        children=[visited.an], kind="family_call", day=date(2026, 11, 20), parties=["mother"], channel="phone",
        by=visited.zhang,
    )  # fmt: skip
    assert not offered(visited.zhang, call)
    sheet(client, visited.zhang, "print_contact", call, 404)
    cancel_contact(visited.visit, reason="记错人了", by=visited.zhang)
    assert not offered(visited.zhang, visited.visit)
    sheet(client, visited.zhang, "print_contact", visited.visit, 404)


def test_a_place_written_into_the_address_too_stands_there_once(visited, client):
    visited.an.address = "柳溪村三组12号"
    visited.an.save()
    work = ParentWork.objects.get(guardian=visited.mother)
    work.address = "广东省东莞市长安镇"
    work.save()
    page = sheet(client, visited.zhang, "print_contact", visited.visit)
    assert missing([">柳溪村三组12号<", "外出，广东省东莞市长安镇"], page) == []


# --- a child's, by term -------------------------------------------------------------------------------------------------


@pytest.mark.db
def test_a_child_s_sheets_by_term_and_kind(visited, client):
    page = sheet(client, visited.wei, "print_records", visited.an)
    # 12 October, 10 and 18 November: talks; 14 November: a visit
    assert (page.count("<h1>留守儿童谈心记录"), page.count("<h1>留守儿童家访记录")) == (3, 1)
    assert page.index("2026年10月12日") < page.index("2026年11月14日") < page.index("2026年11月18日")
    assert missing(["想妈妈了", "看了作业", "2026—2027学年度第一学期"], page) == []
    only = sheet(client, visited.wei, "print_records", visited.an, kind="home_visit")
    assert (only.count("<h1>留守儿童谈心记录"), only.count("<h1>留守儿童家访记录")) == (0, 1)
    Contact.objects.filter(pk=visited.visit.pk).update(day=date(2026, 8, 20))
    early = sheet(client, visited.wei, "print_records", visited.an, term="earlier")
    assert (early.count("<h1>留守儿童谈心记录"), early.count("<h1>留守儿童家访记录")) == (0, 1)
    assert "看了作业" not in sheet(client, visited.wei, "print_records", visited.an)
    assert (
        AuditEvent.objects.filter(
            action="print_child", detail="谈心、家访记录", child_uid=visited.an.uid
        ).count()
        == 4
    )
    sheet(client, visited.wei, "print_records", visited.an, 404, term="x")
    sheet(client, visited.wei, "print_records", visited.an, 404, kind="family_call")


def test_without_records_the_page_says_what_to_do(visited, client):
    page = sheet(client, visited.zhou, "print_records", visited.dan)
    assert "还没有谈心、家访记录" in page and "<article" not in page


def test_only_posts_that_print_get_all_sheets_of_a_child(visited, client):
    for user in (visited.yang, visited.head):
        sheet(client, user, "print_records", visited.an, 403)
    sheet(client, visited.han, "print_records", visited.an, 404)


def test_more_sheets_cost_no_more(visited, client):
    client.force_login(visited.zhou)

    def cost():
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(reverse("reports:print_records", args=[visited.an.uid]))
        assert answer.status_code == 200
        return len(asked(captured.captured_queries))

    before = cost()
    for number in range(3):
        log_contacts(
            children=[visited.an], kind="home_visit", day=date(2026, 11, 19 + number), parties=["guardian"],
            by=visited.zhang, words="又去了", visit={"care": "都好"},
        )  # fmt: skip
    assert cost() == before


# --- minutes ------------------------------------------------------------------------------------------------------------


@pytest.mark.db
def test_the_minutes_on_paper(world, client):
    staff = {one: Staff.objects.get(user=getattr(world, one)) for one in ("zhou", "wu", "zhang")}
    meeting = meetings.hold_meeting(
        school=world.school, day=date(2026, 11, 20), title="部署冬季家访", place="会议室", minutes="各班还差家访26户",
        present=[staff["zhou"], staff["wu"]], decisions=[("全部家访一遍", staff["zhang"], date(2026, 12, 5)), ("印告家长书", None, None)],
        by=world.zhou,
    )  # fmt: skip
    page = sheet(client, world.sun, "print_minutes", meeting)
    said = [
        "领导小组会议记录", "石门小学", "2026年11月20日", "会议室", "部署冬季家访", "吴建国 副组长；周明远 组长（校长）。共 2 人",
        "孙立群 领导小组成员", "各班还差家访26户", "全部家访一遍", "张桂兰", "2026-12-05", "印告家长书", "到会人员签字", "主持人（签字）",
        "记录人（签字）",
    ]  # fmt: skip
    assert missing(said, page) == []
    entry = AuditEvent.objects.get(action="print_form")
    assert (entry.kind, entry.detail, entry.actor_name) == ("activity", "石门小学 领导小组会议记录", "孙立群")
    for user, status in (
        (world.wei, 200),
        (world.zhang, 403),
        (world.head, 403),
        (world.qin, 403),
        (world.shen, 404),
    ):
        sheet(client, user, "print_minutes", meeting, status)
    client.force_login(world.zhou)
    detail = reverse("activities:meeting_detail", args=[meeting.uid])
    assert reverse("reports:print_minutes", args=[meeting.uid]) in client.get(detail).content.decode()
    meetings.cancel_meeting(meeting, reason="记重了", by=world.zhou)
    sheet(client, world.zhou, "print_minutes", meeting, 404)
    assert reverse("reports:print_minutes", args=[meeting.uid]) not in client.get(detail).content.decode()
