"""记一笔 as a teacher meets it: the form, the toast, correcting, cancelling, and who gets 404 or 403."""

import re
import uuid
from datetime import date, timedelta

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from activities.contacts import log_contacts
from activities.models import Contact, VisitDetail
from trust import drafts
from trust.models import AuditEvent

from .contact_world import NOW, build

pytestmark = pytest.mark.django_db
TODAY = date(2026, 11, 20)
NEW = "/contacts/new/"


@pytest.fixture
def world():
    with time_machine.travel(NOW, tick=False):
        yield build()


@pytest.fixture
def zhang(client, world):
    client.force_login(world.zhang.user)
    return client


def visitor(person):
    other = Client()
    other.force_login(person.user)
    return other


def post(client, *children, **more):
    body = {
        "kind": "talk",
        "child": [str(child.uid) for child in children],
        "words": "想妈妈",
        "submission": str(uuid.uuid4()),
    }
    return client.post(NEW, body | more)


def talk(world, child=None, **more):
    values = {"kind": "talk", "day": TODAY, "parties": ["child"], "words": "想妈妈", "by": world.zhang.user}
    return log_contacts(children=[child or world.man], **(values | more))[0]


def said(answer):
    """What this answer adds to the messages."""
    return [str(one) for one in answer.wsgi_request._messages._queued_messages]


# --- the road from the owed line


def test_from_the_owed_line_everything_is_set_but_the_words(zhang, world):
    talk(world, world.siyu, day=date(2026, 11, 2), place="谈心室")
    page = zhang.get(NEW, {"child": str(world.man.uid), "kind": "talk"}).content.decode()
    ticked = re.findall(r'name="child" value="([^"]+)" id="[^"]+" checked', page)
    assert ticked == [str(world.man.uid)]
    assert "＋同住李小川" not in page  # the brother sits in another class, which this teacher does not know
    assert re.search(r'name="when" value="today" id="[^"]+" checked', page)
    assert "当面，在谈心室" in page and "和上次一样" in page
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    fields |= {
        "child": str(world.man.uid),
        "when": "today",
        "channel": "in_person",
        "place": "谈心室",
        "topics": ["学习", "心情"],
    }
    answer = zhang.post(NEW, fields)
    assert said(answer) == ["记上了。李小满 11月谈心已完成"]
    row = Contact.objects.get(child=world.man)
    assert (row.day, row.channel, row.place, row.words, row.staff) == (
        TODAY,
        "in_person",
        "谈心室",
        "谈到学习、心情",
        world.zhang,
    )


def test_a_brother_known_to_the_reader_is_offered(client, world):
    client.force_login(world.chen.user)
    page = client.get(NEW, {"child": str(world.man.uid), "kind": "talk"}).content.decode()
    assert "＋弟弟李小川" in page


def test_classmates_are_listed_and_several_are_one_submission(zhang, world):
    page = zhang.get(NEW, {"kind": "family_call"}).content.decode()
    listed = re.findall(r'for="child_[^"]+">.*?</svg>([^<]+)</label>', page)
    assert listed == ["陈思雨", "李小满", "罗佳豪"]
    answer = post(
        zhang,
        world.siyu,
        world.man,
        world.hao,
        kind="family_call",
        channel="phone",
        parties=["mother"],
        minutes="8",
    )
    assert said(answer) == ["记上了。3 个孩子 亲情电话"]
    rows = Contact.objects.order_by("child__name_key")
    assert [(row.child.name, row.parties, row.call.minutes) for row in rows] == [
        ("陈思雨", 5, 8),
        ("李小满", 5, 8),
        ("罗佳豪", 5, 8),
    ]


def test_without_a_kind_the_page_asks_what_was_done(zhang, world):
    page = zhang.get(NEW, {"child": str(world.man.uid)}).content.decode()
    links = re.findall(r'<a class="duty" href="([^"]+)">.*?<b>([^<]+)</b>', page, re.S)
    assert [word for _, word in links] == ["谈心", "家访", "联系", "见面", "亲情电话", "书信"]
    assert all(f"child={world.man.uid}" in link for link, _ in links)
    for link, _ in links:
        assert zhang.get(link.replace("&amp;", "&")).status_code == 200


def test_meeting_a_parent_is_guardian_contact_in_person(zhang, world):
    post(zhang, world.man, kind="guardian_contact", channel="in_person", parties=["guardian"], reached="yes")
    row = Contact.objects.get()
    assert (row.kind, row.channel, row.parties) == ("guardian_contact", "in_person", 8)


def test_the_number_called_is_masked_names_its_owner_and_is_remembered(zhang, world):
    page = zhang.get(NEW, {"child": str(world.man.uid), "kind": "guardian_contact"}).content.decode()
    assert "母亲 139****1000" in page and "13900001000" not in page
    post(
        zhang,
        world.man,
        kind="guardian_contact",
        channel="phone",
        phone=str(world.mother_phone.uid),
        reached="yes",
    )
    row = Contact.objects.get()
    world.mother_phone.refresh_from_db()
    assert (row.parties, row.call.phone_uid, world.mother_phone.last_answered_on) == (
        4,
        world.mother_phone.uid,
        TODAY,
    )


def test_a_subject_teacher_sees_no_number(client, world):
    client.force_login(world.liu.user)
    page = client.get(NEW, {"child": str(world.man.uid), "kind": "guardian_contact"}).content.decode()
    assert "****" not in page


def test_a_visit_is_one_form(zhang, world):
    post(zhang, world.man, kind="home_visit", parties=["guardian", "child"], living="新房", needs="缺学习桌", needs_report="no",
         companions=[str(world.wang.uid)])  # fmt: skip
    row = Contact.objects.get()
    visit = VisitDetail.objects.get(contact=row)
    assert (row.parties, row.channel, visit.living, visit.needs) == (9, "in_person", "新房", "缺学习桌")
    assert sorted(one.staff.name for one in row.adults.all()) == sorted(["张桂兰", "王建国"])


def test_a_late_entry_is_welcome_and_says_what_it_is(zhang, world):
    assert said(post(zhang, world.man, day="2026-11-18")) == ["补记好了。李小满 11月18日的谈心"]
    assert said(post(zhang, world.man, day="2026-10-08")) == [
        "补记好了。李小满 10月8日的谈心，隔了 43 天，算补录"
    ]
    assert said(post(zhang, world.man, when="yesterday")) == ["补记好了。李小满 11月19日的谈心"]


def test_after_three_days_without_an_answer_the_page_says_what_may_be_done(zhang, world):
    answers = [
        said(
            post(
                zhang,
                world.man,
                kind="guardian_contact",
                channel="phone",
                parties=["mother"],
                reached="no",
                day=day,
            )
        )
        for day in ("2026-11-16", "2026-11-18", "2026-11-19")
    ]
    assert [len(lines) for lines in answers] == [1, 1, 2]
    link = f'<a href="/excuses/new/{world.man.uid}/">报告联系不上</a>'
    assert answers[2][1] == f"已经有 3 天没联系上李小满的父母。可以{link}，由学校领导批准。"


def test_saving_leads_back_to_where_one_came_from(zhang, world):
    assert post(zhang, world.man, next="/contacts/to-report/")["Location"] == "/contacts/to-report/"
    assert "evil" not in post(zhang, world.man, next="https://evil.example/")["Location"]


def test_a_needed_report_never_blocks_and_says_what_to_do(zhang, world):
    answer = post(zhang, world.man, needs_report="yes", next="/")
    row = Contact.objects.get()
    assert answer["Location"] == reverse("activities:contact_report", args=[row.uid])
    page = zhang.get(answer["Location"]).content.decode()
    assert page.index("110") < page.index("告诉学校领导")
    assert visitor(world.chen).get(answer["Location"]).status_code == 200
    assert visitor(world.dang).get(answer["Location"]).status_code == 404
    assert "李小满" in visitor(world.chen).get("/contacts/to-report/").content.decode()
    assert visitor(world.zhang).get("/contacts/to-report/").status_code == 403


# --- mistakes


def test_what_is_wrong_is_said_in_words_and_what_was_typed_stays(zhang, world):
    answer = post(zhang, world.man, words="写了很多字", day="2026-11-21", place="操场")
    page = answer.content.decode()
    assert "日期不能晚于今天" in page and "写了很多字" in page and 'value="操场"' in page
    assert Contact.objects.count() == 0


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"words": ""}, "点一样谈到的，或者写一两句"),
        ({"kind": "guardian_contact"}, "请选联系的是谁"),
        ({"kind": "family_call", "channel": "phone"}, "请选和爸爸还是妈妈通的话"),
        ({"kind": "letter"}, "请选和爸爸还是妈妈通的信"),
        ({"kind": "home_visit"}, "请选见到了谁"),
        ({"day": "2026-08-31"}, "9月1日才来"),
        ({"day": "昨天"}, "日期写成"),
        ({"child": []}, "请选孩子"),
        ({"next_on": "2026-11-20"}, "下次跟进要在这一天之后"),
    ],
)
def test_each_mistake_has_its_words(zhang, world, more, words):
    page = post(zhang, world.man, **more).content.decode()
    assert words in page and "<form" in page
    assert Contact.objects.count() == 0


def test_a_double_tap_makes_one_record_and_the_same_answer(zhang, world):
    key = str(uuid.uuid4())
    answers = [post(zhang, world.man, submission=key) for _ in range(5)]
    assert {answer["Location"] for answer in answers} == {answers[0]["Location"]}
    assert (Contact.objects.count(), AuditEvent.objects.filter(action="log_contact").count()) == (1, 1)
    other = post(zhang, world.man, submission=key, words="另一番话")
    assert (other.status_code, Contact.objects.count()) == (422, 1)
    assert "内容和这次的不一样" in other.content.decode()


def test_the_draft_is_gone_once_saved_and_another_childs_form_has_another(zhang, world):
    keys = []
    for child in (world.man, world.siyu):
        page = zhang.get(NEW, {"child": str(child.uid), "kind": "talk"}).content.decode()
        keys.append(re.search(r'name="draft_key" value="([^"]+)"', page).group(1))
    assert keys[0] != keys[1] and str(world.man.uid) not in keys[0]
    for key in keys:
        drafts.save(world.zhang.user, key, {"words": ["想妈妈"]})
    post(zhang, world.man, draft_key=keys[0])
    assert (drafts.load(world.zhang.user, keys[0]), drafts.load(world.zhang.user, keys[1])) == (
        {},
        {"words": ["想妈妈"]},
    )


# --- who may


def test_a_foreign_child_is_not_found_and_nothing_is_written(zhang, world):
    for child in (world.dong, world.chuan):
        assert zhang.get(NEW, {"child": str(child.uid), "kind": "talk"}).status_code == 404
        assert post(zhang, world.man, child).status_code == 404
    assert zhang.get(NEW, {"child": "7", "kind": "talk"}).status_code == 404
    assert zhang.get(NEW, {"kind": "talk", "class": str(uuid.uuid4())}).status_code == 404
    assert Contact.objects.count() == 0


def test_who_lacks_the_function_gets_403(world):
    officer = visitor(world.qian)
    assert officer.get(NEW, {"child": str(world.man.uid), "kind": "talk"}).status_code == 403
    assert post(officer, world.man).status_code == 403
    assert Contact.objects.count() == 0


def test_a_subject_teacher_logs_for_a_child_known_by_name_and_finds_it_again(world):
    liu = visitor(world.liu)
    assert post(liu, world.man).status_code == 302
    row = Contact.objects.get()
    assert (row.staff, liu.get(f"/contacts/{row.uid}/").status_code) == (world.liu, 200)
    assert liu.get(f"/contacts/{talk(world).uid}/").status_code == 404


PAGES = ["", "correct/", "cancel/"]


@pytest.mark.parametrize("door", [*PAGES, "report/"])
def test_a_foreign_contact_is_not_found(world, door):
    row = talk(world, needs_report=True)
    address = f"/contacts/{row.uid}/{door}"
    for person in (world.zhao, world.wang, world.sun, world.qian, world.liu):
        assert visitor(person).get(address).status_code == 404
        assert visitor(person).post(address, {"reason": "乱来", "version": 1}).status_code in (404, 405)
    assert Contact.objects.valid().count() == 1


@pytest.mark.parametrize("door", PAGES[1:])
def test_a_reader_without_the_function_may_not_change(world, door):
    row = talk(world)
    dang = visitor(world.dang)
    assert dang.get(f"/contacts/{row.uid}/").status_code == 200
    assert dang.get(f"/contacts/{row.uid}/{door}").status_code == 403
    assert dang.post(f"/contacts/{row.uid}/{door}", {"reason": "乱来", "version": 1}).status_code == 403


def test_the_words_of_others_stay_hidden(world):
    row = talk(world, effect="约好再谈")
    page = visitor(world.dang).get(f"/contacts/{row.uid}/").content.decode()
    assert "想妈妈" not in page and "约好再谈" not in page and "内容只给" in page
    page = visitor(world.chen).get(f"/contacts/{row.uid}/").content.decode()
    assert "想妈妈" in page and "约好再谈" in page


def test_opening_a_contact_leaves_one_entry(zhang, world):
    row = talk(world)
    zhang.get(f"/contacts/{row.uid}/")
    event = AuditEvent.objects.get(action="open_contact")
    assert (event.object_uid, event.child_uid, event.actor_uid) == (
        row.uid,
        world.man.uid,
        world.zhang.user.uid,
    )


# --- correcting and cancelling


def correction(client, row, **more):
    page = client.get(f"/contacts/{row.uid}/correct/").content.decode()
    hidden = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', page))
    body = {
        "day": str(row.day),
        "channel": row.channel,
        "words": row.words,
        "staff": str(row.staff.uid),
        "needs_report": "no",
    }
    return lambda **last: client.post(f"/contacts/{row.uid}/correct/", hidden | body | more | last)


def test_correcting_words_on_the_page(zhang, world):
    row = talk(world)
    answer = correction(zhang, row, words="更想爸爸")()
    row.refresh_from_db()
    assert (answer["Location"], row.words, row.cancelled_at) == (f"/contacts/{row.uid}/", "更想爸爸", None)


def test_correcting_the_day_on_the_page_twice_by_a_double_tap(zhang, world):
    row = talk(world)
    send = correction(zhang, row, day="2026-11-18")
    first, second = send(), send()
    new = Contact.objects.valid().get()
    assert (new.replaces_id, new.day) == (row.pk, date(2026, 11, 18))
    assert first["Location"] == second["Location"] == f"/contacts/{new.uid}/"
    page = zhang.get(f"/contacts/{row.uid}/").content.decode()
    assert "已作废" in page and f"/contacts/{new.uid}/" in page


def test_a_correction_leaves_alone_what_the_form_does_not_ask(zhang, world):
    row = talk(world, parties=["child", "guardian"])
    correction(zhang, row, words="改字")()
    row.refresh_from_db()
    assert (row.words, row.parties, Contact.objects.count()) == ("改字", 9, 1)


def test_a_conflict_shows_both_and_saving_again_decides(zhang, world):
    row = talk(world)
    send = correction(zhang, row, words="我的字")
    correction(visitor(world.chen), row, words="校长的字")()
    answer = send()
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "我的字" in page and "校长的字" in page
    row.refresh_from_db()
    assert row.words == "校长的字"
    version = re.search(r'name="version" value="(\d+)"', page).group(1)
    assert send(version=version).status_code == 302
    row.refresh_from_db()
    assert row.words == "我的字"


def test_cancelling_on_the_page(zhang, world):
    row = talk(world)
    address = f"/contacts/{row.uid}/cancel/"
    assert "把 11月20日这条谈心作废？" in zhang.get(address).content.decode()
    assert "作废要写原因" in zhang.post(address, {"version": 1, "reason": ""}).content.decode()
    assert Contact.objects.valid().count() == 1
    zhang.post(address, {"version": 1, "reason": "记重了"})
    zhang.post(address, {"version": 1, "reason": "记重了"})
    row.refresh_from_db()
    assert (row.cancel_reason, AuditEvent.objects.filter(action="cancel_contact").count()) == ("记重了", 1)


# --- budgets


@pytest.mark.parametrize(
    ("address", "most"),
    [
        (f"{NEW}?kind=talk", 20),
        (f"{NEW}?kind=talk&child=CHILD", 22),
        (f"{NEW}?kind=guardian_contact&child=CHILD", 26),
    ],
)
def test_the_form_asks_the_database_a_fixed_number_of_times(
    zhang, world, django_assert_max_num_queries, address, most
):
    address = address.replace("CHILD", str(world.man.uid))
    for days in range(12):
        talk(world, day=TODAY - timedelta(days=days))
    with django_assert_max_num_queries(most):
        zhang.get(address)


def test_a_contact_page_costs_the_same_with_many_adults(zhang, world, django_assert_max_num_queries):
    row = talk(world, companions=[world.wang, world.liu, world.bao])
    with django_assert_max_num_queries(20):
        zhang.get(f"/contacts/{row.uid}/")
