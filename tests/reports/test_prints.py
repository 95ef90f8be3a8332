"""Printed forms: what stands on them, for whom, masked unless asked otherwise, cards that are no longer true."""

import uuid
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from registry import access, families
from registry.models import (
    CareAgreement,
    CareListSpell,
    Child,
    Enrollment,
    Guardian,
    Guardianship,
    Kinship,
    ParentWork,
    Phone,
)
from reports.models import CardIssue
from reports.printing import cards, files, pdf
from trust.models import AuditEvent, Job

from .world import asked

pytestmark = pytest.mark.django_db
PHONE, MASKED, ID, MASKED_ID = "13800008123", "138****8123", "34129920160503002X", "341*************2X"


@pytest.fixture
def family(world):
    """李安安 with an ID number, a mother away in 东莞, and the grandmother of the world."""
    child = world.an
    child.id_number, child.health, child.address = ID, "有哮喘", "三组12号"
    child.save()
    mother = Guardian.objects.create(county=world.county, name="陈小莲", sex="female")
    Kinship.objects.create(child=child, guardian=mother, relation="mother")
    Phone.objects.create(guardian=mother, number="13900001111")
    ParentWork.objects.create(
        guardian=mother, starts_on=date(2025, 2, 10), place="广东省东莞市", employer="某电子厂"
    )
    world.mother, world.nai = mother, Guardian.objects.get(name="吴秀英")
    return world


def text_of(client, user, name, place, **query):
    """A print page as the browser gets it."""
    client.force_login(user)
    answer = client.get(reverse(f"reports:{name}", args=[place.uid]), query)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


def status(client, user, name, place):
    client.force_login(user)
    return client.get(reverse(f"reports:{name}", args=[place.uid])).status_code


# --- the contact card ---------------------------------------------------------------------------------------------------


def test_a_card_says_what_schools_ask_with_numbers_masked(family, client):
    page = text_of(client, family.zhang, "print_card", family.an)
    said = ["石门小学", "李安安", "四(1)班", "有哮喘", "三组12号", "陈小莲", "广东省东莞市某电子厂", "2025年2月起外出",
            "吴秀英", "奶奶", MASKED, "139****1111", MASKED_ID, "张桂兰", "杨帆", "父母双方外出"]  # fmt: skip
    assert [words for words in said if words not in page] == []
    assert [number for number in (PHONE, "13900001111", ID) if number in page] == []
    entry = AuditEvent.objects.get(action="print_child")
    assert (entry.child_uid, entry.actor_name, entry.fields, entry.detail) == (
        family.an.uid,
        "张桂兰",
        "",
        "联系卡",
    )


def test_a_class_has_a_card_for_each_child_and_no_other(family, client):
    page = text_of(client, family.zhang, "print_class_cards", family.c1)
    assert page.count("<h1>留守儿童联系卡</h1>") == 3
    assert [name for name in ("李安安", "王彬彬", "赵翠翠") if name not in page] == []
    assert "孙丹丹" not in page
    entry = AuditEvent.objects.get(action="print_form")
    assert (entry.kind, entry.count, entry.detail) == ("schoolclass", 3, "石门小学四(1)班 联系卡")


def test_who_may_print_and_who_not(family, client):
    an = family.an
    for user in (family.zhang, family.zhou, family.wu, family.wei):
        assert status(client, user, "print_card", an) == 200
    # sees the file, does not take it out: the grade head by the post, the paired teacher by the tie
    assert status(client, family.head, "print_card", an) == 403
    assert status(client, family.yang, "print_card", an) == 403
    for user in (
        family.sun,
        family.shi,
        family.han,
        family.shen,
        family.tang,
        family.qin,
        family.xu,
        family.jiang,
    ):
        assert status(client, user, "print_card", an) in (403, 404), user
    assert status(client, family.zhang, "print_class_cards", family.c2) == 403
    assert status(client, family.zhang, "print_class_cards", family.c3) == 404
    assert status(client, family.zhang, "print_school_register", family.school) == 403
    assert status(client, family.shen, "print_school_register", family.school) == 404


def test_full_numbers_take_a_reason_and_stand_there_once(family, client):
    client.force_login(family.zhang)
    options = reverse("reports:child_print_options", args=[family.an.uid, "card"])
    asked_for = {
        "submission": str(uuid.uuid4()),
        "numbers": "all",
        "purpose": "file",
        "reason": "",
        "way": "page",
    }
    answer = client.post(options, asked_for)
    assert answer.status_code == 422
    assert answer.context["form"].errors["reason"] == ["请写清做什么用，如：发给班主任联系家长"]
    assert AuditEvent.objects.filter(action="print_child").count() == 0
    answer = client.post(options, asked_for | {"reason": "交给科任教师"})
    assert (answer.status_code, answer["Location"]) == (
        302,
        reverse("reports:print_card", args=[family.an.uid]),
    )
    page = client.get(answer["Location"]).content.decode()
    assert [number for number in (PHONE, "13900001111", ID) if number not in page] == []
    again = client.get(answer["Location"]).content.decode()
    assert [number for number in (PHONE, "13900001111", ID) if number in again] == []
    first = AuditEvent.objects.filter(action="print_child").earliest("pk")
    assert (first.fields, first.reason, first.child_uid) == ("phone,id_number", "交给科任教师", family.an.uid)


def test_full_numbers_opened_for_one_child_open_no_other(family, client):
    client.force_login(family.zhang)
    options = reverse("reports:child_print_options", args=[family.bin.uid, "card"])
    client.post(
        options,
        {"submission": str(uuid.uuid4()), "numbers": "phones", "purpose": "file", "reason": "联系家长用"},
    )
    assert PHONE not in client.get(reverse("reports:print_card", args=[family.an.uid])).content.decode()


def test_many_full_id_numbers_at_once_are_refused(family, client, monkeypatch):
    monkeypatch.setattr("reports.printing.papers.ROWS_WITH_NUMBERS", 3)
    client.force_login(family.zhang)
    answer = client.post(
        reverse("reports:class_print_options", args=[family.c1.uid, "card"]),
        {
            "submission": str(uuid.uuid4()),
            "numbers": "all",
            "purpose": "file",
            "reason": "补办学籍",
            "way": "page",
        },
    )
    assert answer.context["form"].errors["numbers"] == [
        "完整的身份证件号一次不到 3 人才能印，这里有 3 人，请分开印"
    ]


# --- issuing ------------------------------------------------------------------------------------------------------------


def states(client, user, school_class):
    """{name: state} as the page of a class shows them."""
    client.force_login(user)
    answer = client.get(reverse("reports:class_cards", args=[school_class.uid]))
    return {one.child.name: one.state for one in answer.context["states"]}


def issue(client, user, school_class, children, **more):
    client.force_login(user)
    fields = {
        "submission": str(uuid.uuid4()), "numbers": "masked", "reason": "", "holders": ["school", "class_teacher"],
        "child": [str(child.uid) for child in children],
    }  # fmt: skip
    return client.post(reverse("reports:cards_issue", args=[school_class.uid]), fields | more)


@pytest.mark.db
def test_a_card_is_outdated_by_what_it_says_and_by_nothing_else(family, client):
    zhang, c1 = family.zhang, family.c1
    assert set(states(client, zhang, c1).values()) == {cards.NEVER}
    answer = issue(client, zhang, c1, [family.an, family.bin])
    assert answer.status_code == 302
    printed = client.get(answer["Location"]).content.decode()
    assert ("李安安" in printed, "王彬彬" in printed, "赵翠翠" in printed) == (True, True, False)
    assert states(client, zhang, c1) == {"李安安": "current", "王彬彬": "current", "赵翠翠": "never"}
    # a note is not on the card, a new phone of the grandmother is
    family.an.note = "喜欢画画"
    family.an.save()
    assert states(client, zhang, c1)["李安安"] == "current"
    families.add_phone(family.nai, by=zhang, child=family.an, number="13700002222")
    assert states(client, zhang, c1) == {"李安安": "outdated", "王彬彬": "current", "赵翠翠": "never"}
    client.force_login(family.zhou)
    rows = client.get(reverse("reports:prints")).context["rows"]
    counted = {str(one): (n["all"], n["current"], n["outdated"], n["never"]) for one, n in rows}
    assert counted["四(1)班"] == (3, 1, 1, 1)
    issue(client, zhang, c1, [family.an])
    assert states(client, zhang, c1)["李安安"] == "current"


@pytest.mark.db
def test_the_same_press_twice_is_one_issue(family, client):
    press = str(uuid.uuid4())
    for _ in range(2):
        assert (
            issue(client, family.zhang, family.c1, [family.an, family.bin], submission=press).status_code
            == 302
        )
    assert CardIssue.objects.count() == 2
    row = CardIssue.objects.get(child=family.an)
    assert (row.holders, row.issued_by) == (["school", "class_teacher"], family.zhang)
    assert AuditEvent.objects.filter(action="issue_card").count() == 2
    assert row.digest != "" and "李安安" not in row.digest


def test_cards_of_other_classes_are_not_issued(family, client):
    answer = issue(client, family.zhang, family.c1, [family.dan])
    assert answer.status_code == 422
    assert issue(client, family.zhang, family.c2, [family.dan]).status_code == 403
    assert issue(client, family.zhang, family.c1, []).status_code == 422
    assert issue(client, family.zhang, family.c1, [family.an], holders=[]).status_code == 422
    assert CardIssue.objects.count() == 0


def test_a_birthday_outdates_no_card(family):
    child, today = family.an, date(2026, 11, 24)
    family.nai.birth_date = date(1950, 11, 25)
    family.nai.save()
    before = cards.states([child], today)[0].digest
    assert cards.states([child], today + timedelta(days=1))[0].digest == before


def test_the_cards_of_a_class_cost_the_same_for_more_children(family, django_assert_num_queries):
    day = date(2026, 11, 24)
    for children in ([family.an], [family.an, family.bin, family.cui]):
        with django_assert_num_queries(11):
            cards.states(children, day)


# --- registers ----------------------------------------------------------------------------------------------------------


def test_a_register_has_its_head_its_sum_and_its_signatures(family, client):
    page = text_of(client, family.zhou, "print_school_register", family.school)
    said = ["石门小学留守儿童花名册", "制表单位：石门小学", "截止日期：2026年11月24日", "口径：", "共 5 人", "填表人（签字）",
            "审核人（签字）", "负责人（签字、盖章）", "女 5 人", "父母双方外出 5 人", MASKED_ID, "139****1111"]  # fmt: skip
    assert [words for words in said if words not in page] == []
    assert [name for name in ("李安安", "王彬彬", "赵翠翠", "孙丹丹", "何楠楠") if name not in page] == []
    assert "龙欣欣" not in page and PHONE not in page and "唐培培" not in page


@pytest.mark.db
def test_the_pairing_list_stands_by_teacher_or_by_class(family, client):
    page = text_of(client, family.zhou, "print_school_pairings", family.school)
    assert page.index("杨帆<br>4 人") < page.index("还没有包保教师<br>1 人")
    assert "孩子 5 人，包保教师 1 人，还没有包保教师的 1 人" in page
    page = text_of(client, family.zhou, "print_school_pairings", family.school, by="class")
    assert ("四(1)班<br>3 人" in page, "未分班<br>1 人" in page) == (True, True)


def test_a_register_costs_the_same_for_more_children(family, client):
    client.force_login(family.zhou)

    def cost():
        with CaptureQueriesContext(connection) as captured:
            assert (
                client.get(reverse("reports:print_class_register", args=[family.c1.uid])).status_code == 200
            )
        return len(asked(captured.captured_queries))

    with_three = cost()
    for number in range(3):
        twin = Child.objects.create(county=family.county, name=f"孩子{number}", sex="male")
        Enrollment.objects.create(
            child=twin, school=family.school, school_class=family.c1, starts_on=date(2026, 9, 1)
        )
        CareListSpell.objects.create(child=twin, type="both_away", starts_on=date(2026, 9, 1))
        Kinship.objects.create(child=twin, guardian=family.nai, relation="grandmother")
    assert cost() == with_three


# --- agreement, group ---------------------------------------------------------------------------------------------------


def test_an_agreement_names_the_parties_and_leaves_blanks(family, client):
    page = text_of(client, family.zhang, "print_agreement", family.an)
    said = ["委托照护协议", "陈小莲", "吴秀英", "李安安", "至少每周联系和交流一次", "第二十二条", "吸毒、酗酒、赌博", "委托人（签字）",
            "受托人（签字）", "孩子（签字）", "☐ 没有　☐ 有"]  # fmt: skip
    assert [words for words in said if words not in page] == []
    CareAgreement.objects.create(
        child=family.an, guardian=family.nai, entrusted_by=family.mother, starts_on=date(2026, 9, 1),
        ends_on=date(2027, 8, 31), signed_on=date(2026, 8, 30), no_exclusion=True, child_heard_on=date(2026, 8, 29),
        child_opinion="愿意跟奶奶住",
    )  # fmt: skip
    page = text_of(client, family.zhang, "print_agreement", family.an)
    said = ["从 2026年9月1日 到 2027年8月31日", "☑ 没有　☐ 有", "愿意跟奶奶住", "签订日期：2026年8月30日"]
    assert [words for words in said if words not in page] == []


def test_the_group_list_and_the_duties_are_printed_for_the_school(world, client):
    page = text_of(client, world.zhang, "print_group", world.school)
    assert [name for name in ("周明远", "吴建国", "孙立群") if name not in page] == []
    assert "张桂兰 2026" in page  # who printed it
    assert "主持领导小组会议" in text_of(client, world.zhang, "print_duty_texts", world.school)
    assert status(client, world.zhang, "print_group", world.other) == 404


# --- the whole file -----------------------------------------------------------------------------------------------------


@pytest.mark.db
def test_a_file_holds_everything_with_the_words_its_reader_may_read(family, client):
    Guardianship.objects.filter(child=family.an).update(ability="good")
    page = text_of(client, family.zhou, "print_file", family.an)
    said = ["留守儿童成长档案", "李安安", MASKED_ID, "陈小莲", "监护情况较好", "2026—2027学年度第一学期", "2026-10-12",
            "和李安安聊了想家的事", "包保", "杨帆", "四(1)班"]  # fmt: skip
    assert [words for words in said if words not in page] == []
    assert "王彬彬" not in page and PHONE not in page
    # The archivist reads on paper what the page keeps from her.
    client.force_login(family.wei)
    assert "聊了想家的事" not in client.get(family.an.get_absolute_url()).content.decode()
    assert "和李安安聊了想家的事" in text_of(client, family.wei, "print_file", family.an)


def test_a_file_costs_the_same_for_more_children(family, django_assert_num_queries):
    access.posts_of(family.zhou)
    for children in ([family.an], [family.an, family.bin, family.cui]):
        with django_assert_num_queries(24):
            made = files.bundles(children, date(2026, 11, 24), user=family.zhou)
        assert [one.child.name for one in made] == [child.name for child in children]


# --- without the system's libraries -------------------------------------------------------------------------------------


def test_without_pango_the_page_offers_the_browser_s_print(family, client, monkeypatch):
    def missing():
        raise pdf.PdfMissing(pdf.MISSING)

    monkeypatch.setattr(pdf, "weasyprint", missing)
    pdf.available.cache_clear()
    try:
        client.force_login(family.zhang)
        options = reverse("reports:class_print_options", args=[family.c1.uid, "card"])
        page = client.get(options).content.decode()
        assert pdf.MISSING in page and "打开打印页" in page and 'name="way" value="file"' not in page
        fields = {"submission": str(uuid.uuid4()), "numbers": "masked", "purpose": "file", "way": "file"}
        answer = client.post(options, fields)
        assert answer.status_code == 422 and answer.context["form"].non_field_errors() == [pdf.MISSING]
        assert Job.objects.count() == 0
    finally:
        pdf.available.cache_clear()
