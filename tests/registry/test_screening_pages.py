"""Pages of a screening: what each post sees, whom it may not see, what a double press does, what they cost."""

import datetime

import pytest
from django.contrib.messages import get_messages
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from registry import access, children, families
from registry.models import Child, HandInState, Screening, ScreeningEntry
from registry.reminders import reminders
from registry.screenings import answers, hand_in
from registry.stated_reasons import state_reason

from .cast import make_adult, make_child
from .test_screening import class_of, entry_of, finish, make_term, open_one, part_of, two_terms

pytestmark = pytest.mark.django_db


def page(answer):
    return answer.content.decode()


def said(answer):
    return [str(message) for message in get_messages(answer.wsgi_request)]


def url(name, *args):
    return reverse(f"registry:screening_{name}", args=args)


@pytest.fixture
def part(cast):
    return part_of(open_one(cast), cast.school)


def test_before_the_first_screening_the_page_says_what_to_do(cast, client):
    client.force_login(cast.teacher)
    assert "县里发起以后" in page(client.get(url("home")))
    client.force_login(cast.county_officer)
    assert url("open") in page(client.get(url("home")))
    client.force_login(cast.plain)
    assert client.get(url("home")).status_code == 403


def test_the_county_opens_it_and_a_second_press_makes_no_second(cast, client):
    term = make_term(cast.county)
    client.force_login(cast.county_officer)
    today = timezone.localdate()
    data = {
        "term": str(term.uid),
        "as_of": today,
        "due_on": today - datetime.timedelta(days=1),
        "definition": "某口径",
    }
    answer = client.post(url("open"), data)
    assert "不能早于截止日期" in page(answer) and "某口径" in page(answer)  # what was typed is kept
    data["due_on"] = today + datetime.timedelta(days=9)
    for _ in range(2):
        client.post(url("open"), data)
    assert (Screening.objects.count(), ScreeningEntry.objects.count()) == (1, 7)
    assert "没有可以发起的学期" in page(client.get(url("open")))


def test_a_teacher_sees_only_the_own_class(cast, client, part):
    make_adult(cast.own)
    client.force_login(cast.teacher)
    assert "四(1)班" in page(client.get(url("home"))) and "四(2)班" not in page(client.get(url("home")))
    own, other = class_of(part, cast.class_a), class_of(part, cast.class_b)
    text = page(client.get(url("class", own.uid)))
    assert "李小满" in text and "奶奶带" in text and "陈浩宇" not in text
    for name in ("class", "figures"):
        assert client.get(url(name, other.uid)).status_code == 404
    for name in ("unchanged", "class_done"):
        assert client.post(url(name, other.uid)).status_code == 404
    assert client.post(url("child_unchanged", other.uid, cast.beside.uid)).status_code == 404
    assert client.get(url("child_left", own.uid, cast.beside.uid)).status_code == 404
    assert client.get(url("school", part.uid)).status_code == 403
    client.force_login(cast.subject)
    assert client.get(url("class", own.uid)).status_code == 403
    client.force_login(cast.other_leader)
    assert client.get(url("class", own.uid)).status_code == 404
    assert client.get(url("school", part.uid)).status_code == 404


def test_the_class_says_unchanged_then_the_exceptions(cast, client, part):
    second = make_child("王二", cast.school, cast.class_a)
    mother = make_adult(second, name="梁燕", relation="mother", cares=False, phone="")
    away = families.start_work(mother, by=cast.leader, child=second, starts_on=datetime.date(2024, 3, 1))
    where = class_of(part, cast.class_a)
    client.force_login(cast.teacher)
    text = page(client.get(url("class", where.uid)))
    assert '还有 <b class="gold">1</b> 个孩子没确认' in text and "新增" in text  # 王二 came after the opening
    answer = client.post(url("child_changed", where.uid, cast.own.uid), {"note": "  "})
    assert answer.status_code == 200 and entry_of(part, cast.own).answer == ""
    client.post(url("child_changed", where.uid, cast.own.uid), {"note": "改由外婆带"})
    today = timezone.localdate()
    form = {"last_day": today, "reason": "父母返乡", "home": [str(away.uid)]}
    answer = client.get(url("child_home", where.uid, second.uid))
    assert str(away.uid) in page(answer)
    for _ in range(2):  # the second press finds him gone
        client.post(url("child_home", where.uid, second.uid), form)
    assert (entry_of(part, cast.own).answer, entry_of(part, second).answer) == ("changed", "home_again")
    assert second.care_list_spells.count() == 1
    answer = client.post(url("class_done", where.uid))
    assert said(answer) == ["还没填班级学生数"]
    stale = {
        "version": 1,
        "pupils": 40,
        "pupils_at_start": 40,
        "transferred_in": 0,
        "transferred_out": 0,
        "dropped_out": 0,
    }
    client.post(url("figures", where.uid), stale)
    conflict = client.post(url("figures", where.uid), stale | {"pupils": 39})
    assert "别人改过这一条" in page(conflict)
    for _ in range(2):
        client.post(url("class_done", where.uid))
    where.refresh_from_db()
    assert where.done_by == cast.teacher
    assert client.post(url("class_reopen", where.uid)).status_code == 403
    client.force_login(cast.leader)
    client.post(url("class_reopen", where.uid))
    where.refresh_from_db()
    assert where.done_at is None


def test_children_of_the_class_that_are_not_on_the_list_are_offered(cast, client, part):
    off = make_child("不在册的", cast.school, cast.class_a, listed="")
    where = class_of(part, cast.class_a)
    client.force_login(cast.teacher)
    text = page(client.get(url("class", where.uid)))
    assert "已登记、不在册的 1 个" in text and reverse("registry:child_list_on", args=[off.uid]) in text
    client.post(
        reverse("registry:child_list_on", args=[off.uid]),
        {"type": "one_away", "starts_on": timezone.localdate()},
    )
    answer = client.get(url("class", where.uid))
    assert {row.child.name: row.entry.answer for row in answer.context["rows"]} == {
        "李小满": "",
        "不在册的": "new",
    }


def test_district_and_county_see_numbers_and_names_only_with_a_reason(cast, client, part):
    finish(cast, part)
    client.force_login(cast.county_officer)
    for name in ("school", "compare", "rates"):
        text = page(client.get(url(name, part.uid)))
        assert "石门小学" in text and "李小满" not in text
    assert "李小满" not in page(client.get(url("county", part.screening.uid)))
    assert "写明用途看名单" in page(client.get(url("names", part.uid)))
    state_reason(by=cast.county_officer, school=cast.school, reason="核对摸底名单")
    own = entry_of(part, cast.own)
    text = page(client.get(url("names", part.uid)))
    assert "李小满" in text and str(own.uid) in text
    form = client.get(url("return", part.uid), {"entry": str(own.uid)})
    assert "李小满" in page(form)
    answer = client.post(
        url("return", part.uid) + f"?entry={own.uid}", {"comment": "", f"row-{own.uid}": "妈妈在哪里"}
    )
    assert answer.status_code == 302 and entry_of(part, cast.own).returned_comment == "妈妈在哪里"
    client.force_login(cast.federation)
    assert "石门小学" in page(client.get(url("county", part.screening.uid)))
    assert client.get(url("names", part.uid)).status_code == 403
    assert client.post(url("accept", part.uid)).status_code == 403


def test_a_remark_stands_on_the_row_until_it_is_looked_at(cast, client, part):
    finish(cast, part)
    own = entry_of(part, cast.own)
    hand_in.give_back(part, by=cast.county_officer, comment="", rows={str(own.uid): "妈妈在哪里"})
    where = class_of(part, cast.class_a)
    client.force_login(cast.teacher)
    text = page(client.get(url("class", where.uid)))
    assert "退回的意见：妈妈在哪里" in text and "核对过了" in text
    client.post(url("unchanged", where.uid))  # 都没变 does not touch it
    assert entry_of(part, cast.own).returned_comment
    client.post(url("child_unchanged", where.uid, cast.own.uid))
    assert (entry_of(part, cast.own).returned_comment, entry_of(part, cast.own).answer) == ("", "unchanged")


def test_the_leader_hands_in_by_pressing_twice_and_it_is_one_step(cast, client, part):
    finish(cast, part)
    part.refresh_from_db()
    hand_in.give_back(part, by=cast.district_officer, comment="再看看")
    client.force_login(cast.leader)
    assert "再看看" in page(client.get(url("school", part.uid)))
    first = client.post(url("hand_in", part.uid))
    second = client.post(url("hand_in", part.uid))
    assert said(first) == ["已上报学区，名单已锁定"]
    assert "学校已经上报" in said(second)[-1]
    assert part.steps.filter(state=HandInState.AT_DISTRICT).count() == 2
    text = page(client.get(url("class", class_of(part, cast.class_a).uid)))
    assert "学校已上报" in text and "有变化</a>" not in text


def test_what_is_missing_leads_to_the_names(cast, client, part):
    client.force_login(cast.leader)
    text = page(client.get(url("school", part.uid)))
    assert "还有 4 个孩子没有确认" in text and f"{url('names', part.uid)}?show=waiting" in text
    answer = client.get(url("names", part.uid), {"show": "waiting"})
    assert [row.child.name for row in answer.context["rows"]] == ["覃佳怡", "李小满", "陈浩宇", "何静怡"]
    answers.say_all_unchanged(class_of(part, cast.class_a), by=cast.leader)
    assert len(client.get(url("names", part.uid), {"show": "waiting"}).context["rows"]) == 3


def test_the_comparison_names_and_counts(cast, client):
    _, _, part, _ = two_terms(cast)
    client.force_login(cast.leader)
    answer = client.get(url("compare", part.uid))
    assert [(one["key"], one["count"], len(one["rows"])) for one in answer.context["lists"]] == [
        ("joined", 1, 1), ("left", 1, 1), ("changed", 1, 1),
    ]  # fmt: skip
    assert "已离校：转学到外校" in page(answer)
    mine = client.get(url("compare", part.uid), {"class": str(cast.class_a.uid)})
    assert [one["count"] for one in mine.context["lists"]] == [1, 0, 0]
    assert client.get(url("compare", part.uid), {"class": "x"}).status_code == 200
    client.force_login(cast.county_officer)
    text = page(client.get(url("compare", part.uid)))
    assert "1 人，您看不到名字" in text and "覃佳怡" not in text


def test_rates_show_numerator_denominator_and_a_dash_for_nothing(cast, client, part):
    client.force_login(cast.leader)
    answer = client.get(url("rates", part.uid))
    assert [rate.percent for rate in answer.context["tables"][0][1]] == [None, None, None]
    assert "—" in page(answer) and "÷" in page(answer)
    children.leave_school(
        cast.own, by=cast.leader, last_day=timezone.localdate() - datetime.timedelta(days=1), reason="辍学"
    )
    assert "李小满" in page(client.get(url("rates", part.uid)))


def test_the_county_filters_and_ends_it(cast, client, part):
    finish(cast, part)
    client.force_login(cast.county_officer)
    answer = client.get(url("county", part.screening.uid), {"state": "filling"})
    assert [row["part"].school.name for row in answer.context["rows"]] == ["柳溪教学点", "枫林小学"]
    answer = client.get(url("county", part.screening.uid), {"district": str(cast.district.uid)})
    assert [row["part"].school.name for row in answer.context["rows"]] == ["石门小学", "柳溪教学点"]
    assert answer.context["summed"].total["total"] == 4
    assert "还有 2 所学校没有上报" in page(client.get(url("end", part.screening.uid)))
    client.post(url("end", part.screening.uid))
    assert Screening.objects.get().closed_at is not None
    client.force_login(cast.leader)
    assert client.post(url("end", part.screening.uid)).status_code == 403


@pytest.mark.parametrize("how_many", [1, 3])
def test_pages_cost_the_same_for_one_child_and_for_three(
    cast, client, django_assert_max_num_queries, part, how_many
):
    for number in range(how_many):
        child = make_child(f"孩子{number}", cast.school, cast.class_a)
        make_adult(child, name=f"奶奶{number}", phone="")
    client.force_login(cast.leader)
    where = class_of(part, cast.class_a)
    client.get(url("home"))
    for path, most in (
        (url("home"), 14),
        (url("class", where.uid), 44),
        (url("school", part.uid), 24),
        (url("names", part.uid), 40),
        (url("compare", part.uid), 20),
        (url("rates", part.uid), 20),
    ):
        with django_assert_max_num_queries(most):
            assert client.get(path).status_code == 200
    client.force_login(cast.county_officer)
    client.get(url("home"))
    with django_assert_max_num_queries(24):
        client.get(url("county", part.screening.uid))


def test_today_tells_the_class_teacher_what_is_not_confirmed_yet(cast, part):
    def told(user):
        return [(one.number, one.act, one.url) for one in reminders(user) if one.key == "screening"]

    assert told(cast.teacher) == [(1, "去确认", url("home"))]
    assert told(cast.leader) == [(5, "去确认", url("home"))]  # the 教学点 too
    answers.say_all_unchanged(class_of(part, cast.class_a), by=cast.teacher)
    assert told(cast.teacher) == []
    assert told(cast.archivist) == []


def test_a_child_of_another_class_is_not_the_teachers_to_confirm(cast, part, monkeypatch):
    # A tie opens the file of a child in another class; its own class teacher confirms it.
    monkeypatch.setattr(
        access,
        "_FILE_GRANTS",
        [*access._FILE_GRANTS, lambda user: Q(pk__in=Child.objects.filter(pk=cast.beside.pk).values("pk"))],
    )
    assert [one.number for one in reminders(cast.teacher) if one.key == "screening"] == [1]
