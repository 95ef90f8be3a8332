"""Pages of children as people meet them: list, adding, facts, changing, calling, searching."""

import datetime
import uuid

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse
from django.utils import timezone

from registry import children, completeness, conditions, demands, families
from registry.models import (
    CareAgreement,
    Child,
    OpenQuestion,
    Trait,
    TraitKind,
)
from trust.models import AuditEvent, OutboxMessage

from .cast import make_adult, make_child


def id_number(born="20160503", order="002"):
    """A valid invented number: even order = girl."""
    from stdnum.cn import ric

    head = f"341299{born}{order}"
    return head + ric.calc_check_digit(head + "0")


def page(answer):
    return answer.content.decode()


def day(days_ago):
    return timezone.localdate() - datetime.timedelta(days=days_ago)


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def actions(child):
    return list(
        AuditEvent.objects.filter(child_uid=child.uid).order_by("id").values_list("action", flat=True)
    )


# --- the list ---------------------------------------------------------------------------------------------------------


def listed_names(answer):
    return [row["child"].name for row in answer.context["rows"]]


def test_the_list_of_a_class_teacher(cast, client):
    client.force_login(cast.teacher)
    answer = client.get(reverse("registry:child_list"))
    assert listed_names(answer) == ["李小满"]
    assert "在册 1 人" in page(answer)
    assert f"口径：{cast.county.definition}，截止 {timezone.localdate():%Y-%m-%d}" in page(answer)
    entry = AuditEvent.objects.get(action="list_children")
    assert (entry.count, entry.detail) == (1, "在册，第 1 页")


def test_lowest_grade_first_then_pinyin(cast, client):
    make_child("白小川", cast.school, cast.class_a)
    client.force_login(cast.leader)
    answer = client.get(reverse("registry:child_list"))
    assert listed_names(answer) == ["覃佳怡", "白小川", "李小满", "陈浩宇", "何静怡", "唐志强"]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"show": "left"}, ["彭文博", "赵雨桐"]),
        ({"show": "off"}, ["不在册"]),
        ({"show": "priority"}, ["陈浩宇"]),
        ({"show": "alarm"}, ["何静怡"]),
        ({"show": "questions"}, ["李小满"]),
        ({"village": "柳溪村"}, ["李小满"]),
        ({"boarding": "yes"}, ["覃佳怡"]),
        ({"boarding": "no"}, ["何静怡", "唐志强", "李小满", "陈浩宇"]),
        ({"type": "one_away"}, ["陈浩宇"]),
    ],
)
def test_filters(cast, client, query, expected):
    make_child("不在册", cast.school, cast.class_a, listed="")
    children.set_trait(cast.beside, by=None, kind=TraitKind.PRIORITY, reason="转来不久")
    children.set_trait(cast.seatless, by=None, kind=TraitKind.ALONE, reason="奶奶住院")
    children.set_trait(cast.young, by=None, kind=TraitKind.BOARDING)
    children.put_on_list(cast.beside, by=None, type="one_away", starts_on=day(3))
    OpenQuestion.objects.create(child=cast.own, field="电话", message="少一位")
    client.force_login(cast.leader)
    assert sorted(listed_names(client.get(reverse("registry:child_list"), query))) == sorted(expected)


def test_filter_by_class_school_and_no_class(cast, client):
    client.force_login(cast.leader)

    def shown(place):
        return listed_names(client.get(reverse("registry:child_list"), {"place": place}))

    assert shown(f"class:{cast.class_b.uid}") == ["陈浩宇"]
    assert shown(f"none:{cast.school.uid}") == ["何静怡"]
    assert shown(f"school:{cast.point.uid}") == ["唐志强"]


def test_a_filter_nobody_offered_filters_nothing(cast, client):
    client.force_login(cast.leader)
    answer = client.get(
        reverse("registry:child_list"), {"place": f"class:{cast.class_other.uid}", "show": "x"}
    )
    assert len(listed_names(answer)) == 5


def test_incomplete_files(cast, client):
    whole = make_child(
        "全都有", cast.school, cast.class_a, id_number=id_number(), birth_date=datetime.date(2016, 5, 3),
        ethnic_group="汉族", village="柳溪村", address="三组", household_registration="青溪县", health="健康",
    )  # fmt: skip
    make_adult(whole)
    for name, relation in (("李强", "father"), ("梁燕", "mother")):
        parent = make_adult(whole, name=name, relation=relation, cares=False, phone="")
        families.start_work(parent, by=cast.leader, child=whole, starts_on=day(100), place="广东省")
    client.force_login(cast.teacher)
    answer = client.get(reverse("registry:child_list"), {"show": "incomplete"})
    assert listed_names(answer) == ["李小满"]
    assert completeness.missing_of(whole, families.family_of(whole).adults, whole.enrollment_on()) == []
    assert completeness.missing_of(cast.own, [], cast.own.enrollment_on()) == [
        "能打通的电话", "谁在照看", "父亲在哪里", "母亲在哪里", "身份证号", "民族", "现住址", "户籍所在地", "身体状况",
    ]  # fmt: skip


def test_names_only_readers_get_name_and_class(cast, client):
    Child.objects.filter(pk=cast.own.pk).update(village="柳溪村")
    make_adult(cast.own)
    client.force_login(cast.subject)
    answer = client.get(reverse("registry:child_list"), {"village": "柳溪村", "type": "one_away"})
    assert listed_names(answer) == ["李小满"]
    assert [row["openable"] for row in answer.context["rows"]] == [False]
    shown = page(client.get(reverse("registry:child_list")))
    assert "四(1)班" in shown
    for secret in ("柳溪村", "奶奶", "父母双方外出", "电话</a>", str(cast.own.uid)):
        assert secret not in shown


@pytest.mark.parametrize("how_many", [1, 3])
def test_the_list_costs_the_same_for_one_child_and_for_three(
    cast, client, django_assert_num_queries, how_many
):
    for number in range(how_many):
        child = make_child(f"学生{number}", cast.other, cast.class_other)
        make_adult(child, phone=f"1380000{number:04d}")
        children.set_trait(child, by=None, kind=TraitKind.BOARDING)
    client.force_login(cast.other_leader)
    with django_assert_num_queries(15):  # of these three are the audit entry and its transaction
        client.get(reverse("registry:child_list"))


def test_pages_of_twenty_count_on(cast, client):
    for number in range(22):
        make_child(f"学生{number:02d}", cast.school, cast.class_young)
    client.force_login(cast.leader)
    second = client.get(reverse("registry:child_list"), {"page": 2})
    assert len(listed_names(second)) == 7
    assert '<td class="r ink-2 no">21</td>' in page(second)
    assert "共 27 人，每页 20 条" in page(second)


def test_nobody_sees_an_empty_list_with_a_sentence(cast, client):
    client.force_login(cast.nobody)
    assert "名册里还没有您能看到的孩子" in page(client.get(reverse("registry:child_list")))


# --- adding -----------------------------------------------------------------------------------------------------------


def new_child(cast, **changes):
    return {
        "submission": str(uuid.uuid4()), "name": "刘 思雨", "sex": "female", "place": f"class:{cast.class_a.uid}",
        "type": "both_away", "starts_on": f"{timezone.localdate():%Y-%m-%d}",
    } | changes  # fmt: skip


def test_four_answers_are_enough_for_a_child(cast, client):
    client.force_login(cast.teacher)
    answer = client.post(reverse("registry:child_add"), new_child(cast))
    child = Child.objects.get(name="刘思雨")
    assert answer.url == reverse("registry:child_facts", args=[child.uid])
    assert child.enrollment_on().school_class == cast.class_a
    assert child.care_list_spells.get().type == "both_away"
    assert actions(child) == ["add_child"]
    assert child.enrollments.get().recorded_by == cast.teacher


def test_the_same_form_twice_is_one_child(cast, client):
    client.force_login(cast.teacher)
    data = new_child(cast)
    answers = [client.post(reverse("registry:child_add"), data) for _ in range(3)]
    assert len({answer.url for answer in answers}) == 1
    assert Child.objects.filter(name="刘思雨").count() == 1
    assert AuditEvent.objects.filter(action="add_child").count() == 1


def test_a_used_form_with_another_name_says_so(cast, client):
    client.force_login(cast.teacher)
    answer = client.post(reverse("registry:child_add"), new_child(cast, submission=str(cast.elsewhere.uid)))
    assert answer.status_code == 200 and "请重新打开" in page(answer)
    assert Child.objects.filter(name="刘思雨").count() == 0


def test_bad_input_keeps_what_was_typed(cast, client):
    client.force_login(cast.teacher)
    data = new_child(cast, id_number="34129920160503002", village="柳溪村", birth_date="2016.5.3", sex="")
    answer = client.post(reverse("registry:child_add"), data)
    shown = page(answer)
    assert "身份证号是 18 位，这里是 17 位" in shown and "刘 思雨" in shown and "柳溪村" in shown
    assert '<details class="fold" open>' in shown
    assert Child.objects.filter(name="刘思雨").count() == 0


def test_the_id_number_completes_the_birth_date_and_contradicts_the_sex(cast, client):
    client.force_login(cast.teacher)
    client.post(reverse("registry:child_add"), new_child(cast, id_number=id_number().lower()))
    child = Child.objects.get(name="刘思雨")
    assert (child.birth_date, child.id_number) == (datetime.date(2016, 5, 3), id_number())
    answer = client.post(
        reverse("registry:child_add"),
        new_child(cast, name="王强", sex="male", id_number=id_number(order="004")),
    )
    assert "和身份证号（女）不一样" in page(answer)


def test_an_id_number_is_entered_once_per_county(cast, client):
    make_child("别校", cast.other, cast.class_other, id_number=id_number())
    client.force_login(cast.teacher)
    answer = client.post(reverse("registry:child_add"), new_child(cast, id_number=id_number()))
    assert "已经登记过" in page(answer)
    assert Child.objects.filter(name="刘思雨").count() == 0


def test_a_namesake_is_shown_before_a_second_child_is_made(cast, client):
    client.force_login(cast.teacher)
    data = new_child(cast, name="李小满")
    answer = client.post(reverse("registry:child_add"), data)
    assert "可能是同一个孩子" in page(answer) and 'type="checkbox" name="not_same"' in page(answer)
    assert Child.objects.filter(name="李小满").count() == 1
    client.post(reverse("registry:child_add"), data | {"not_same": "on"})
    assert Child.objects.filter(name="李小满").count() == 2


def test_a_class_teacher_adds_to_the_own_class_only(cast, client):
    client.force_login(cast.teacher)
    form = client.get(reverse("registry:child_add")).context["form"]
    assert [word for _, word in form.fields["place"].choices] == ["四(1)班"]
    for place in (f"class:{cast.class_b.uid}", f"none:{cast.school.uid}"):
        assert client.post(reverse("registry:child_add"), new_child(cast, place=place)).status_code == 200
    assert Child.objects.filter(name="刘思雨").count() == 0


def test_a_leader_adds_a_child_without_a_class(cast, client):
    client.force_login(cast.leader)
    client.post(reverse("registry:child_add"), new_child(cast, place=f"none:{cast.point.uid}", type="none"))
    child = Child.objects.get(name="刘思雨")
    assert (child.enrollment_on().school, child.enrollment_on().school_class) == (cast.point, None)
    assert list(child.care_list_spells.all()) == []


@pytest.mark.parametrize("who", ["subject", "grade_head", "member", "county_officer", "admin", "nobody"])
def test_who_may_not_add(cast, client, who):
    client.force_login(getattr(cast, who))
    assert client.get(reverse("registry:child_add")).status_code == 403
    assert client.post(reverse("registry:child_add"), new_child(cast)).status_code == 403


# --- facts ------------------------------------------------------------------------------------------------------------


def test_the_facts_page_shows_masked_numbers_and_leaves_one_entry(cast, client):
    make_adult(cast.own)
    cast.own.id_number = id_number()
    cast.own.save()
    client.force_login(cast.teacher)
    shown = page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))
    assert "138****8000" in shown and "13800008000" not in shown
    assert "341*************" in shown and id_number() not in shown
    assert actions(cast.own) == ["open_child"]


def test_the_facts_page_without_the_right_to_numbers(cast, client):
    cast.own.id_number = id_number()
    cast.own.save()
    make_adult(cast.own)
    client.force_login(cast.grade_head)
    shown = page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))
    assert "138****8000" in shown and "341*" not in shown
    assert reverse("registry:child_basics", args=[cast.own.uid]) not in shown


@pytest.mark.parametrize("adults", [1, 3])
def test_the_facts_page_costs_the_same_for_any_family(cast, client, django_assert_num_queries, adults):
    for number, relation in zip(range(adults), ["grandmother", "father", "mother"], strict=False):
        make_adult(cast.own, name=f"大人{number}", relation=relation, phone=f"1380000{number:04d}")
    client.force_login(cast.teacher)
    with django_assert_num_queries(15):
        client.get(reverse("registry:child_facts", args=[cast.own.uid]))


def test_facts_that_contradict_each_other_are_said(cast, client):
    father = make_adult(cast.own, name="李建军", relation="father", phone="", cares=False)
    families.start_work(father, by=None, child=cast.own, starts_on=day(200), place="广东东莞")
    client.force_login(cast.teacher)
    shown = page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))
    assert "在册登记的是“父母双方外出”，外出记录是“父亲外出”，请核实" in shown
    assert "父亲，在广东东莞" in shown


# --- every address is scoped ------------------------------------------------------------------------------------------


def addresses(cast, child):
    """Every address about one child, with things of that child's own."""
    adult = make_adult(child, phone="13900001000")
    make_adult(child, name="李建军", relation="father", phone="", cares=False)
    phone, care = adult.phones.get(), adult.guardianships.get()
    work = families.start_work(adult, by=None, child=child, starts_on=day(9), place="东莞")
    trait = children.set_trait(child, by=None, kind=TraitKind.PRIORITY, reason="r", starts_on=day(9))
    question = OpenQuestion.objects.create(child=child, field="电话", message="少一位")
    ill = conditions.start_condition(adult, by=None, child=child, kind="gravely_ill", starts_on=day(9))
    paper = CareAgreement.objects.create(
        child=child, guardian=adult, entrusted_by=adult, signed_on=day(9), starts_on=day(9)
    )
    demand = demands.add_demand(child, by=None, raised_on=day(9), text="想换座位")
    child.id_number, child.address = id_number(order="888"), "三组"
    child.save()
    uid = child.uid
    own = [
        ("child_facts", [uid]), ("child_changes", [uid]), ("child_basics", [uid]), ("child_class", [uid]), ("child_leave", [uid]),
        ("child_list_on", [uid]), ("child_list_off", [uid]), ("trait_add", [uid]), ("trait_end", [uid, trait.uid]),
        ("question_answer", [uid, question.uid]), ("spell_cancel", [uid, "trait", trait.uid]),
        ("spell_cancel", [uid, "work", work.uid]), ("child_reveal", [uid, "id_number"]),
        ("child_reveal", [uid, "address"]), ("child_phones", [uid]), ("phone_call", [uid, phone.uid]),
        ("phone_mark", [uid, phone.uid, "wrong"]), ("guardian_add", [uid]), ("guardian_edit", [uid, adult.uid]),
        ("guardian_share", [uid, adult.uid]), ("phone_add", [uid, adult.uid]), ("care_start", [uid, adult.uid]),
        ("care_end", [uid, care.uid]), ("work_start", [uid, adult.uid]), ("work_end", [uid, work.uid]),
        ("condition_start", [uid, adult.uid]), ("condition_end", [uid, ill.uid]), ("trait_review", [uid, trait.uid]),
        ("spell_cancel", [uid, "condition", ill.uid]), ("spell_cancel", [uid, "agreement", paper.uid]),
        ("agreement_add", [uid]), ("agreement_edit", [uid, paper.uid]), ("agreement_end", [uid, paper.uid]),
        ("agreement_scan", [uid, paper.uid]), ("demand_add", [uid]), ("demand_answer", [uid, demand.uid]),
    ]  # fmt: skip
    return [reverse(f"registry:{name}", args=args) for name, args in own]


def test_the_sweep_knows_every_address_about_a_child(cast):
    from registry.urls import urlpatterns

    swept = {address.split(str(cast.own.uid))[1].split("/")[1] for address in addresses(cast, cast.own)}
    about_a_child = [str(p.pattern) for p in urlpatterns if str(p.pattern).startswith("children/<uuid:uid>/")]
    assert {pattern.split("/")[2] for pattern in about_a_child} == swept
    assert len(about_a_child) == 32


@pytest.mark.parametrize("who", ["teacher_b", "other_leader", "subject", "admin", "county_officer"])
def test_a_foreign_child_does_not_exist(cast, client, who):
    paths = addresses(cast, cast.own)
    before = Child.objects.get(pk=cast.own.pk).version, AuditEvent.objects.count()
    client.force_login(getattr(cast, who))
    named = who == "subject"  # knows the name: 403 where a function lacks, still 404 for the file
    for path in paths:
        for answer in (client.get(path), client.post(path, {"reason": "好奇", "version": 1})):
            allowed = {403, 404, 405} if named else {404, 405}
            assert answer.status_code in allowed, f"{path}: {answer.status_code}"
    assert (Child.objects.get(pk=cast.own.pk).version, AuditEvent.objects.count()) == before


def test_who_may_read_but_not_change(cast, client):
    paths = addresses(cast, cast.own)
    client.force_login(cast.grade_head)
    answers = {path: client.post(path, {}).status_code for path in paths}
    readable = {
        "/facts/": 405,
        "/changes/": 405,
        "/phones/": 405,
        "/call/": 302,
        "address/": 200,
        "/scan/": 405,
    }
    for path, status in answers.items():
        expected = next((code for end, code in readable.items() if path.endswith(end)), 403)
        if path.endswith("reveal/address/"):
            expected = 200
        assert status == expected, path


def test_things_of_another_child_do_not_open_under_this_one(cast, client):
    foreign = make_adult(cast.elsewhere, phone="13900009000")
    client.force_login(cast.leader)
    uid = cast.own.uid
    for name, args in [
        ("phone_call", [uid, foreign.phones.get().uid]),
        ("phone_mark", [uid, foreign.phones.get().uid, "end"]),
        ("guardian_edit", [uid, foreign.uid]),
        ("guardian_share", [uid, foreign.uid]),
        ("care_end", [uid, foreign.guardianships.get().uid]),
        ("spell_cancel", [uid, "care", foreign.guardianships.get().uid]),
        ("spell_cancel", [uid, "enrollment", cast.elsewhere.enrollments.get().uid]),
        ("spell_cancel", [uid, "nothing", foreign.guardianships.get().uid]),
        ("child_reveal", [uid, "note"]),
    ]:
        path = reverse(f"registry:{name}", args=args)
        assert client.post(path, {"reason": "x"}).status_code == 404, path


# --- changing ---------------------------------------------------------------------------------------------------------


def basics(child, **changes):
    return {
        "version": child.version, "name": child.name, "sex": child.sex, "village": child.village,
        "birth_date": child.birth_date or "",
    } | changes  # fmt: skip


def test_correcting_keeps_the_old_value_and_names_the_fields(cast, client):
    client.force_login(cast.teacher)
    path = reverse("registry:child_basics", args=[cast.own.uid])
    client.post(path, basics(cast.own, village="上坪村", address="二组 7 号"))
    child = Child.objects.get(pk=cast.own.pk)
    assert (child.village, child.address, child.version) == ("上坪村", "二组 7 号", 2)
    assert [row.village for row in child.history.order_by("history_id")] == ["柳溪村", "上坪村"]
    assert child.history.first().history_user == cast.teacher
    entry = AuditEvent.objects.get(action="correct_child")
    assert entry.fields == "village,address"
    assert "上坪村" not in entry.detail + entry.reason + entry.fields


def test_two_people_at_once_see_both_values(cast, client):
    client.force_login(cast.teacher)
    path = reverse("registry:child_basics", args=[cast.own.uid])
    client.post(path, basics(cast.own, village="上坪村"))
    second = client.post(path, basics(cast.own, village="老鹰坪村"))
    assert second.status_code == 409
    assert second.context["rows"] == [("村（社区）", "老鹰坪村", "上坪村")]
    assert Child.objects.get(pk=cast.own.pk).village == "上坪村"
    kept = dict(second.context["kept"]) | {"version": second.context["version"]}
    assert client.post(path, kept).status_code == 302
    assert Child.objects.get(pk=cast.own.pk).village == "老鹰坪村"


def test_an_id_number_left_blank_stays(cast, client):
    cast.own.id_number = id_number()
    cast.own.save()
    client.force_login(cast.teacher)
    path = reverse("registry:child_basics", args=[cast.own.uid])
    assert id_number() not in page(client.get(path))
    client.post(path, basics(cast.own, village="上坪村"))
    assert Child.objects.get(pk=cast.own.pk).id_number == id_number()
    client.post(path, basics(Child.objects.get(pk=cast.own.pk), drop_id_number="on"))
    assert Child.objects.get(pk=cast.own.pk).id_number == ""


def test_another_class_from_a_day_ends_the_old_one_the_day_before(cast, client):
    client.force_login(cast.leader)
    data = {"place": f"class:{cast.class_b.uid}", "starts_on": f"{day(3):%Y-%m-%d}"}
    client.post(reverse("registry:child_class", args=[cast.own.uid]), data)
    spells = list(cast.own.enrollments.order_by("starts_on").values_list("school_class", "ends_on"))
    assert spells == [(cast.class_a.pk, day(4)), (cast.class_b.pk, None)]
    again = client.post(reverse("registry:child_class", args=[cast.own.uid]), data)
    assert "孩子已经在这个班" in page(again)


def test_another_class_on_the_day_it_came_replaces_the_mistake(cast):
    first = cast.own.enrollments.get()
    children.change_class(cast.own, by=cast.leader, school_class=cast.class_b, starts_on=first.starts_on)
    first.refresh_from_db()
    assert (first.cancel_reason, first.cancelled_by) == ("同一天更正", cast.leader)
    assert cast.own.enrollment_on().school_class == cast.class_b


def test_leaving_ends_enrollment_and_boarding_but_not_the_care_list(cast, client):
    children.set_trait(cast.own, by=None, kind=TraitKind.BOARDING, starts_on=day(20))
    children.set_trait(cast.own, by=None, kind=TraitKind.PRIORITY, starts_on=day(20), reason="r")
    client.force_login(cast.teacher)
    client.post(
        reverse("registry:child_leave", args=[cast.own.uid]),
        {"last_day": f"{day(1):%Y-%m-%d}", "reason": "转学到外县", "destination": "安庆市宜秀区"},
    )
    spell = cast.own.enrollments.get()
    assert (spell.ends_on, spell.end_reason) == (day(1), "转学到外县，去安庆市宜秀区")
    assert list(Trait.objects.order_by("kind").values_list("kind", "ends_on")) == [
        ("boarding", day(1)), ("priority", None),
    ]  # fmt: skip
    assert cast.own.care_list_spells.get().ends_on is None


def test_a_class_without_end_before_its_beginning(cast, client):
    client.force_login(cast.leader)
    path = reverse("registry:child_leave", args=[cast.own.uid])
    answer = client.post(path, {"last_day": "2020-01-01", "reason": "毕业"})
    assert "不能早于到校日期" in page(answer)
    assert cast.own.enrollments.get().ends_on is None


def test_the_care_list_type_changes_with_dates(cast, client):
    client.force_login(cast.teacher)
    path = reverse("registry:child_list_on", args=[cast.own.uid])
    client.post(path, {"type": "one_away", "starts_on": f"{day(2):%Y-%m-%d}"})
    assert list(cast.own.care_list_spells.values_list("type", "ends_on").order_by("starts_on")) == [
        ("both_away", day(3)), ("one_away", None),
    ]  # fmt: skip
    off = reverse("registry:child_list_off", args=[cast.own.uid])
    client.post(off, {"last_day": f"{day(0):%Y-%m-%d}", "reason": "父母返乡"})
    assert cast.own.care_list_spells.order_by("starts_on").last().end_reason == "父母返乡"
    assert Child.objects.listed_on(day(-1)).filter(pk=cast.own.pk).count() == 0


def test_a_child_alone_raises_the_alarm_once(cast, client):
    client.force_login(cast.teacher)
    data = {"kind": "alone", "starts_on": f"{day(0):%Y-%m-%d}", "reason": "奶奶住院"}
    path = reverse("registry:trait_add", args=[cast.own.uid])
    client.post(path, data)
    assert client.post(path, data).status_code == 200  # the same trait again is said, not stored
    trait = Trait.objects.get()
    message = OutboxMessage.objects.get(kind="protection_alarm")
    assert message.payload == {"trait": str(trait.uid), "child": str(cast.own.uid), "kind": "alone"}
    assert "奶奶住院" not in str(message.payload)


def test_priority_needs_a_reason(cast, client):
    client.force_login(cast.teacher)
    path = reverse("registry:trait_add", args=[cast.own.uid])
    answer = client.post(path, {"kind": "priority", "starts_on": f"{day(0):%Y-%m-%d}", "reason": " "})
    assert "请写明原因" in page(answer)
    assert Trait.objects.count() == 0


def test_a_mistake_is_cancelled_with_a_reason_and_stays_readable(cast, client):
    client.force_login(cast.leader)
    spell = cast.own.care_list_spells.get()
    path = reverse("registry:spell_cancel", args=[cast.own.uid, "care-list", spell.uid])
    assert client.post(path, {"reason": ""}).status_code == 200
    client.post(path, {"reason": "不是留守"})
    spell.refresh_from_db()
    assert (spell.cancel_reason, spell.cancelled_by) == ("不是留守", cast.leader)
    assert "已作废：不是留守" in page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))
    assert Child.objects.listed_on(day(0)).filter(pk=cast.own.pk).count() == 0


def test_an_open_question_is_answered_once(cast, client):
    question = OpenQuestion.objects.create(child=cast.own, field="电话", message="少一位", text="1380000")
    client.force_login(cast.teacher)
    path = reverse("registry:question_answer", args=[cast.own.uid, question.uid])
    client.post(path, {"answer": "问了奶奶，是 13800008000"})
    client.post(path, {"answer": "第二次"})
    question.refresh_from_db()
    assert (question.answer, question.answered_by) == ("问了奶奶，是 13800008000", cast.teacher)
    assert AuditEvent.objects.filter(action="answer_question").count() == 1


# --- values shown once ------------------------------------------------------------------------------------------------


def test_an_id_number_is_shown_once_with_a_reason(cast, client):
    cast.own.id_number = id_number()
    cast.own.save()
    client.force_login(cast.teacher)
    path = reverse("registry:child_reveal", args=[cast.own.uid, "id_number"])
    assert id_number() not in page(client.get(path))
    assert client.post(path, {"reason": ""}).status_code == 200
    answer = client.post(path, {"reason": "办医保"})
    assert answer.status_code == 302
    assert id_number() in page(client.get(answer.url))
    assert id_number() not in page(client.get(answer.url))
    entry = AuditEvent.objects.get(action="reveal")
    assert (entry.reason, entry.fields, entry.child_uid) == ("办医保", "id_number", cast.own.uid)
    assert id_number() not in str(client.session.items())


def test_who_may_not_see_the_id_number(cast, client):
    cast.own.id_number = id_number()
    cast.own.save()
    client.force_login(cast.grade_head)
    path = reverse("registry:child_reveal", args=[cast.own.uid, "id_number"])
    assert client.get(path).status_code == 403
    assert client.post(path, {"reason": "办医保"}).status_code == 403
    assert AuditEvent.objects.filter(action="reveal").count() == 0


def test_calling_needs_one_press_and_leaves_one_entry(cast, client):
    phone = make_adult(cast.own).phones.get()
    client.force_login(cast.teacher)
    path = reverse("registry:phone_call", args=[cast.own.uid, phone.uid])
    assert "13800008000" not in page(client.get(path, follow=True))
    answer = client.post(path)
    assert 'href="tel:13800008000"' in page(client.get(answer.url))
    assert "13800008000" not in page(client.get(answer.url, follow=True))
    entry = AuditEvent.objects.get(action="call_phone")
    assert (entry.reason, entry.object_uid, entry.child_uid) == ("联系", phone.uid, cast.own.uid)


def test_a_member_calls_with_a_reason_the_manager_in_an_emergency(cast, client):
    phone = make_adult(cast.own).phones.get()
    path = reverse("registry:phone_call", args=[cast.own.uid, phone.uid])
    for who, reason, entered in [
        ("member", "商量家访", "商量家访"),
        ("manager", "孩子发烧", "紧急：孩子发烧"),
    ]:
        client.force_login(getattr(cast, who))
        listed = page(client.get(reverse("registry:child_list")))
        assert reverse("registry:child_phones", args=[cast.own.uid]) in listed
        assert "王秀英" not in page(client.get(reverse("registry:child_phones", args=[cast.own.uid])))
        assert client.post(path).status_code == 200
        answer = client.post(path, {"reason": reason})
        assert "13800008000" in page(client.get(answer.url))
        assert AuditEvent.objects.filter(action="call_phone").order_by("-id").first().reason == entered


def test_a_subject_teacher_sees_no_phone(cast, client):
    phone = make_adult(cast.own).phones.get()
    client.force_login(cast.subject)
    assert client.get(reverse("registry:child_phones", args=[cast.own.uid])).status_code == 403
    assert client.post(reverse("registry:phone_call", args=[cast.own.uid, phone.uid])).status_code == 403


# --- what was changed, and alarms -------------------------------------------------------------------------------------


def test_the_changes_of_a_file(cast, client):
    granny = make_adult(cast.own)
    children.correct_child(cast.own, by=cast.teacher, expected=1, village="上坪村", id_number=id_number())
    families.correct_guardian(granny, by=cast.leader, child=cast.own, expected=1, name="王秀珍")
    families.mark_phone_wrong(granny.phones.get(), by=cast.leader, child=cast.own)
    client.force_login(cast.teacher)
    answer = client.get(reverse("registry:child_changes", args=[cast.own.uid]))
    shown = [(c.who, c.whom, c.field, c.old, c.new) for c in answer.context["page_obj"].object_list]
    assert shown == [
        ("周明远", "奶奶的电话", "打不通起", "", f"{timezone.localdate():%Y-%m-%d}"),
        ("周明远", "奶奶", "姓名", "王秀英", "王秀珍"),
        ("张桂兰", "李小满", "身份证件号", "", f"341*************{id_number()[-2:]}"),
        ("张桂兰", "李小满", "村（社区）", "柳溪村", "上坪村"),
    ]
    client.force_login(cast.grade_head)
    fields = [c.field for c in client.get(answer.wsgi_request.path).context["page_obj"].object_list]
    assert "身份证件号" not in fields and len(fields) == 3


def test_an_alarm_reaches_the_leaders_list_and_the_trail_once(cast, client):
    from registry import alarms
    from trust import outbox

    trait = children.set_trait(cast.beside, by=cast.leader, kind=TraitKind.UNATTENDED, reason="父母失联")
    for _ in range(2):
        outbox.deliver()
    entry = AuditEvent.objects.get(action="protection_alarm")
    assert (entry.object_uid, entry.child_uid, entry.actor_name) == (trait.uid, cast.beside.uid, "系统")
    assert [alarm.child for alarm in alarms.open_alarms(cast.leader)] == [cast.beside]
    assert list(alarms.open_alarms(cast.teacher)) == []
    client.force_login(cast.leader)
    assert "1 个孩子无人监护或独居" in page(client.get(reverse("registry:child_list")))
    children.end_trait(trait, by=cast.leader, last_day=day(0))
    assert list(alarms.open_alarms(cast.leader)) == [trait]  # today is still included


def test_strange_input_is_answered_in_words(cast, client):
    client.force_login(cast.teacher)
    listing = reverse("registry:child_list")
    for query in (
        {"page": "x"},
        {"page": "99999"},
        {"sort": "-nothing"},
        {"place": "class:x"},
        {"show": "\x00"},
        {"village": "\x00"},
    ):
        assert client.get(listing, query).status_code == 200, query
    assert client.post(reverse("registry:child_search"), {"q": "\x00"}).status_code == 200
    add = reverse("registry:child_add")
    for wrong in (
        {"starts_on": "9999-12-31"}, {"starts_on": "0001-01-01"}, {"birth_date": "10000-1-1"}, {"name": "\x00"},
        {"submission": "x"}, {"name": "长" * 90}, {"id_number": "9" * 18}, {"place": "class:x"}, {"type": "x"},
    ):  # fmt: skip
        assert client.post(add, new_child(cast, **wrong)).status_code == 200, wrong
    basics_path = reverse("registry:child_basics", args=[cast.own.uid])
    assert client.post(basics_path, basics(cast.own, version=10**18)).status_code == 200
    assert Child.objects.filter(name="刘思雨").count() == 0


def test_the_class_teacher_opens_every_page_of_the_own_child(cast, client):
    paths = addresses(cast, cast.own)
    client.force_login(cast.teacher)
    statuses = {path: client.get(path).status_code for path in paths}
    pressed_only = {path: 405 for path in paths if "/mark/" in path} | {
        path: 302 for path in paths if "/call/" in path
    }
    pressed_only |= {path: 404 for path in paths if path.endswith("/scan/")}  # no picture was taken
    assert statuses == {path: pressed_only.get(path, 200) for path in paths}


def test_an_empty_form_says_what_is_missing_and_changes_nothing(cast, client):
    paths = [
        path
        for path in addresses(cast, cast.own)
        if not path.endswith(("/facts/", "/changes/", "/phones/", "/scan/"))
    ]
    client.force_login(cast.teacher)
    before = AuditEvent.objects.count()
    for path in paths:
        if "/mark/" not in path and "/call/" not in path:
            answer = client.post(path, {})
            assert answer.status_code == 200 and "处要改" in page(answer), path
    assert AuditEvent.objects.count() == before


def test_siblings_stand_on_the_page_and_open_only_to_those_who_may(cast, client):
    brother = make_child("李小川", cast.school, cast.class_young, sex="male")
    make_adult(cast.own, brother, name="李建军", relation="father")
    client.force_login(cast.leader)
    link = reverse("registry:child_facts", args=[brother.uid])
    assert link in page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))
    client.force_login(cast.teacher)
    assert "李小川" not in page(client.get(reverse("registry:child_facts", args=[cast.own.uid])))


def test_who_gets_a_child_through_a_tie_sees_it_in_the_list_with_its_facts(cast, client):
    from pairing.models import Pairing

    Pairing.objects.create(
        child=cast.beside, staff=cast.plain.staff, kind="primary", starts_on=timezone.localdate()
    )
    client.force_login(cast.plain)
    answer = client.get(reverse("registry:child_list"))
    assert [(row["child"].name, row["openable"]) for row in answer.context["rows"]] == [("陈浩宇", True)]
    assert "父母双方外出" in page(answer)


@pytest.mark.parametrize(
    ("field", "word"),
    [("id_number", "身份证号"), ("guardian.phone", "监护人的电话"), ("父亲状况", "父亲状况"), ("x", "资料")],
)
def test_a_question_is_named_in_words(field, word):
    assert OpenQuestion(field=field).word == word
