"""今日: whose list an open duty stands on, how urgent it is, where the button leads, and what it costs."""

import re
from datetime import date

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from activities import today
from activities.models import Contact
from registry.models import SchoolYear
from tests.test_plain_ledger import enrolled, listed, paired, spell

from .duty_world import F02, F08, SEEDED, contact, county, load, moment, post, rule

pytestmark = pytest.mark.django_db
NOON = moment("2026-11-18T12:00")  # a Wednesday
F14, F39, F64 = SEEDED["F14"], SEEDED["F39"], SEEDED["F64"]


def family(*rules, **lists):
    """Two classes; k1 and k2 are siblings (柳溪村, grandmother), k3 sits in the other class; t2 is paired with k1."""
    facts = county(*rules, **lists)
    facts["children"][0] |= {"village": "柳溪村"}
    facts["children"] += [
        {"id": "k2", "name": "李小川", "sex": "male", "village": "柳溪村"},
        {"id": "k3", "name": "陈思雨", "sex": "female", "village": "枫林村"},
    ]
    facts["classes"].append(
        {"id": "c3", "school": "s1", "stage": "primary", "entry_year": 2024, "number": 1, "ends_on": None}
    )
    facts["enrollments"] += [enrolled("k2"), enrolled("k3", school_class="c3")]
    facts["care_list"] += [listed("k2"), listed("k3")]
    facts["posts"] += [
        post("t2", "teacher"),
        post("t3", "class_teacher", **{"class": "c3"}),
        post("t8", "group_member"),
    ]
    facts["guardians"] = [{"id": "g1", "name": "王秀英", "died_on": None}]
    facts["kinships"] = [{"child": k, "guardian": "g1", "relation": "grandmother"} for k in ("k1", "k2")]
    facts["guardianships"] = [spell(child=k, guardian="g1", authority="entrusted") for k in ("k1", "k2")]
    return facts


def owed(person, at=NOON):
    with time_machine.travel(at, tick=False):
        person.user.__dict__.pop("_posts_today", None)
        return today.owed_list(person.user)


def lines(found):
    """[(urgency, [names], [(rule, names)])] as the page shows them."""
    return [
        (
            urgency,
            [child.name for child in home.children],
            [(first.duty.rule.code, [row.child.name for row in rows]) for first, rows in home.by_kind],
        )
        for urgency, homes in found.groups.items()
        for home in homes
    ]


# --- whose


def test_siblings_stand_in_one_card_with_one_button():
    world = load(family(F02))
    assert lines(owed(world.t1)) == [("this_month", ["李小川", "李小满"], [("F02", ["李小川", "李小满"])])]
    home = owed(world.t1).groups["this_month"][0]
    assert (home.village, home.carers) == ("柳溪村", "奶奶带")
    assert lines(owed(world.t3)) == [("this_month", ["陈思雨"], [("F02", ["陈思雨"])])]
    assert lines(owed(world.t2)) == []


def test_what_is_done_is_gone_and_counted():
    world = load(family(F02, contacts=[contact("2026-11-10")]))
    found = owed(world.t1)
    assert lines(found) == [("this_month", ["李小川"], [("F02", ["李小川"])])]
    assert (found.headline.due, found.headline.met, found.headline.open, found.done_children) == (2, 1, 1, 1)


def test_a_paired_duty_is_the_paired_teachers_alone():
    world = load(family(F14, pairings=[paired()]))
    assert lines(owed(world.t2)) == [("this_month", ["李小满"], [("F14", ["李小满"])])]
    assert lines(owed(world.t1)) == []


def test_a_class_teacher_who_is_paired_has_both():
    world = load(family(F02, F14, pairings=[paired(staff="t1")]))
    assert lines(owed(world.t1)) == [
        ("this_month", ["李小川", "李小满"], [("F02", ["李小川", "李小满"]), ("F14", ["李小满"])])
    ]


def test_nobody_is_the_leader():
    facts = family(F02)
    facts["posts"] = [row for row in facts["posts"] if row["staff"] != "t3"]
    world = load(facts)
    assert lines(owed(world.t9)) == [("this_month", ["陈思雨"], [("F02", ["陈思雨"])])]


def test_an_open_item_moves_with_the_class():
    facts = family(F02)
    facts["enrollments"][0]["ends_on"] = "2026-11-16"
    facts["enrollments"].append(enrolled("k1", "2026-11-17", school_class="c3"))
    world = load(facts)
    assert [line[1] for line in lines(owed(world.t3))] == [["陈思雨"], ["李小满"]]
    assert [line[1] for line in lines(owed(world.t1))] == [["李小川"]]


def test_for_the_leading_group_the_cover_answers():
    world = load(family(F64, covers=[spell(staff="t8") | {"class": "c1"}]))
    assert [line[1] for line in lines(owed(world.t8))] == [["李小川", "李小满"]]
    assert [line[1] for line in lines(owed(world.t9))] == [["陈思雨"]]


def test_a_cover_left_open_by_somebody_who_left_the_group_falls_to_the_office_else_to_the_leader():
    facts = family(F64, covers=[spell(staff="t8") | {"class": "c1"}])
    facts["posts"] = [row for row in facts["posts"] if row["staff"] != "t8"]
    facts["posts"].append(post("t8", "group_member") | {"ends_on": "2026-11-17"})
    world = load(facts)
    assert lines(owed(world.t8)) == []
    assert [line[1] for line in lines(owed(world.t9))] == [["陈思雨"], ["李小川", "李小满"]]
    load({"county": facts["county"], "posts": [post("t7", "group_office")]} | {
        key: facts[key] for key in ("staff", "schools", "children")
    })  # fmt: skip
    assert [line[1] for line in lines(owed(world.t7))] == [["陈思雨"], ["李小川", "李小满"]]


def test_leaders_see_what_others_still_owe_by_class():
    world = load(family(F02, F08, F14, pairings=[paired()], covers=[spell(staff="t8") | {"class": "c3"}]))

    def seen(person):
        return [
            (str(row.school_class), row.teacher, [(child.name, rules) for child, rules in row.lines])
            for row in owed(person).also_seen
        ]

    third = ("三(1)班", "教师3", [("陈思雨", [F02["name"]])])
    fourth = (
        "四(1)班", "教师1", [("李小川", [F02["name"]]), ("李小满", [F02["name"], F14["name"]])],
    )  # fmt: skip
    assert seen(world.t9) == [third, fourth]  # the home visit has time until January
    assert seen(world.t8) == [third]
    assert seen(world.t1) == []


def test_of_a_countys_and_a_schools_item_the_one_that_ends_first_stands():
    weekly = rule("S1", "本校每周谈心", kinds=["talk"], per="week") | {
        "owner": "s1", "actors": ["class_teacher"], "responsible": "class_teacher", "parties": ["child"],
    }  # fmt: skip
    world = load(family(F02, weekly))
    codes = {code for _, _, kinds in lines(owed(world.t3)) for code, _ in kinds}
    running = [row for row in owed(world.t3).groups["late"][0].owed if row.urgency != "late"]
    assert [row.duty.rule.code for row in running] == ["S1"]
    assert codes == {"S1"}


def test_two_items_of_the_county_both_stand():
    weekly = SEEDED["F04"] | {"active": True}
    world = load(family(F02, weekly))
    running = [row.duty.rule.code for row in owed(world.t3).groups["late"][0].owed if row.urgency != "late"]
    assert running == ["F04", "F02"]


# --- how urgent


def test_urgency():
    weekly = rule("R1", "每周谈心", kinds=["family_call"], per="week") | {"responsible": "class_teacher"}
    world = load(family(F02, F08, weekly, contacts=[]))
    found = owed(world.t3, moment("2026-11-11T12:00"))
    assert [
        (row.urgency, row.duty.rule.code, row.duty.period.start) for row in found.groups["late"][0].owed
    ] == [
        ("late", "R1", date(2026, 10, 26)),
        ("late", "R1", date(2026, 11, 2)),
        ("this_week", "R1", date(2026, 11, 9)),
        ("this_month", "F02", date(2026, 11, 1)),
        ("later", "F08", date(2026, 9, 1)),
    ]


def test_the_month_before_stays_until_it_is_closed_and_is_not_in_the_headline():
    world = load(family(F02))
    found = owed(world.t3, moment("2026-11-05T23:59:59"))
    late, now = found.groups["late"][0].owed
    assert (late.sentence, now.sentence) == (
        "10月没有够数的记录，真的做过就补记那一天",
        "这个月还没有，11月30日前",
    )
    assert (found.headline.due, found.headline.open) == (1, 1)
    found = owed(world.t3, moment("2026-11-06T00:00"))
    assert [row.urgency for row in found.groups["this_month"][0].owed] == ["this_month"]


def test_a_month_before_that_was_done_does_not_swell_the_headline():
    world = load(family(F02, contacts=[contact("2026-10-10"), contact("2026-10-11", child="k2")]))
    found = owed(world.t1, moment("2026-11-03T12:00"))
    assert (found.headline.due, found.headline.met) == (2, 0)


def test_from_the_20th_it_is_said():
    world = load(family(F02))
    assert owed(world.t1, moment("2026-11-19T23:59")).warns is False
    assert owed(world.t1, moment("2026-11-20T00:00")).warns is True


def test_an_unconfirmed_calendar_is_said():
    world = load(family(F02))
    SchoolYear.objects.filter(year=2026).update(confirmed_at=None)
    assert owed(world.t1).unconfirmed_year == 2026


# --- the page


@pytest.fixture
def open_today(client):
    def get(person, at=NOON, **query):
        with time_machine.travel(at, tick=False):
            client.force_login(person.user)
            return client.get("/today/", query)

    return get


def test_the_page_says_it_in_a_sentence_and_leads_to_the_form(open_today):
    world = load(family(F02, contacts=[contact("2026-11-10")]))
    text = open_today(world.t1).content.decode()
    assert '还有 <b class="gold">1</b> 个孩子这个月没谈心' in text
    assert f"/contacts/new/?kind=talk&amp;child={world.k2.uid}" in text
    assert f"/why/{world.k2.uid}/F02/2026-11-30/" in text
    assert "其余 1 个孩子现在没有欠着的事" in text
    assert Contact.objects.count() == 1


def test_one_button_for_siblings(open_today):
    world = load(family(F02))
    text = open_today(world.t1).content.decode()
    assert f"kind=talk&amp;child={world.k2.uid}&amp;child={world.k1.uid}" in text
    assert text.count("一起记") == 1


@pytest.mark.parametrize(
    ("by", "headings"),
    [
        ("urgency", ["月底前", "这学期内"]),
        ("village", ["枫林村", "柳溪村"]),
        ("kind", [F02["name"], F08["name"]]),
        ("nonsense", ["月底前", "这学期内"]),
    ],
)
def test_the_list_can_be_turned(open_today, by, headings):
    facts = family(F02, F08, contacts=[contact("2026-11-10", child="k3", staff="t1")])
    facts["enrollments"][-1]["class"] = "c1"
    world = load(facts)
    text = open_today(world.t1, by=by).content.decode()
    assert re.findall(r'<h2 class="h3">([^<]+)</h2>', text) == headings


def test_nothing_owed_says_so(open_today):
    world = load(family(F02, contacts=[contact("2026-11-10"), contact("2026-11-10", child="k2")]))
    text = open_today(world.t1).content.decode()
    assert "这个月的都记上了，一个不少" in text
    assert "都记上了" in text


def test_the_centers_manager_is_led_to_the_opening(open_today):
    facts = family(F39, centers=[spell(id="h1", name="石门之家", school="s1", operator="school")])
    facts["posts"].append(post("t4", "center_manager", center="h1"))
    world = load(facts)
    text = open_today(world.t4).content.decode()
    assert "石门之家" in text
    assert re.search(r'href="/centers/[0-9a-f-]{36}/openings/new/"', text)


def test_somebody_paired_whose_post_may_not_log_is_told_what_to_do(open_today):
    facts = family(F14, pairings=[paired(staff="t5")])
    facts["posts"].append(post("t5", "administrator"))
    world = load(facts)
    text = open_today(world.t5).content.decode()
    assert "请学校领导小组在“教职工与岗位”里给您加上“教师”岗位" in text
    assert "/contacts/new/" not in text


def test_without_a_post_the_page_says_whom_to_ask(open_today, django_user_model):
    person = type("Person", (), {"user": django_user_model.objects.create_user("nobody", "x")})
    answer = open_today(person)
    assert answer.status_code == 200
    assert "账号还没有岗位" in answer.content.decode()


def test_a_stranger_is_sent_to_the_door(client):
    assert client.get("/today/").status_code == 302


def test_a_member_sees_names_without_doors_that_answer_404(open_today):
    world = load(family(F64, covers=[spell(staff="t8") | {"class": "c1"}]))
    text = open_today(world.t8).content.decode()
    assert "李小满" in text
    assert f"/children/{world.k1.uid}/" not in text
    assert open_today(world.t9).content.decode().count(f"/children/{world.k3.uid}/") >= 1


def test_the_list_costs_the_same_with_many_children(django_assert_num_queries):
    facts = family(F02, F08, F14, F39, pairings=[paired(staff="t1")])
    for n in range(20, 60):
        facts["children"].append({"id": f"k{n}", "name": f"孩子{n}", "sex": "male"})
        facts["enrollments"].append(enrolled(f"k{n}"))
        facts["care_list"].append(listed(f"k{n}"))
    world = load(facts)
    with time_machine.travel(NOON, tick=False), django_assert_num_queries(6):
        # posts, calendar and rules, the judgement, excuses, what is taken over, the children with their households
        assert len(today.owed_list(world.t1.user).groups["this_month"]) == 41


def test_the_page_costs_ten_queries(client):
    world = load(family(F02, F14, pairings=[paired(staff="t1")]))
    with time_machine.travel(NOON, tick=False):
        client.force_login(world.t1.user)
        with CaptureQueriesContext(connection) as captured:
            client.get("/today/")
    asked = [one["sql"] for one in captured.captured_queries if one["sql"].startswith(("SELECT", "WITH"))]
    # the list's six, session and user, what meetings gave, what waits of the families; the trail's entry comes beside
    assert len(asked) == 10, asked
