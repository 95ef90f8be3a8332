"""Who is left behind by D1–D4 on a day, and the care list beside it; every case and date counted by hand."""

import datetime

import pytest
import time_machine
from django.urls import reverse

from registry import children, conditions, definitions, families, head_counts
from registry.definitions import Away, Facts, LocalDefinition, ParentFacts
from registry.models import CareListSpell, Child, County, Guardianship, Relation

from .cast import make_adult, make_child

pytestmark = pytest.mark.db
NOW = datetime.datetime(2026, 11, 24, 2, 0, tzinfo=datetime.UTC)
DAY = datetime.date(2026, 11, 24)
F, M = Relation.FATHER, Relation.MOTHER
HERE = "341299"
LOCAL = LocalDefinition(6, True, True, 16, HERE)


@pytest.fixture(autouse=True)
def today():
    with time_machine.travel(NOW, tick=False):
        yield


def d(month, day, year=2026):
    return datetime.date(year, month, day)


def away(*spells, code="441900"):
    return ParentFacts([Away(first, last, code) for first, last in spells])


def judged(facts, day=DAY, local=LOCAL):
    return {one.code: one.holds for one in definitions.judge_facts(facts, day, local=local)}


def why(facts, code, local=LOCAL):
    return next(one.why for one in definitions.judge_facts(facts, DAY, local=local) if one.code == code)


HOME = ParentFacts()


@pytest.mark.parametrize(
    ("father", "mother", "age", "expected"),
    [
        # both away for long, across the border
        (away((d(1, 1), None)), away((d(1, 1), None)), 15, "yes yes yes yes"),
        (away((d(1, 1), None)), away((d(1, 1), None)), 16, "no yes yes no"),
        (away((d(1, 1), None)), away((d(1, 1), None)), 18, "no yes no no"),
        # one away, the other at home and able
        (away((d(1, 1), None)), HOME, 10, "no yes yes no"),
        # one away, the other unable, or dead: nobody left who cares
        (away((d(1, 1), None)), ParentFacts(unable="服刑在押"), 10, "yes yes yes no"),
        (away((d(1, 1), None)), ParentFacts(died=True), 10, "yes yes yes no"),
        # nobody away: unable alone makes no left-behind child
        (HOME, ParentFacts(unable="重病"), 10, "no no no no"),
        # both away since two months only
        (away((d(9, 24), None)), away((d(9, 24), None)), 10, "yes no yes no"),
        # came home yesterday
        (away((d(1, 1), d(11, 23))), HOME, 10, "no no no no"),
    ],
)
def test_the_table(father, mother, age, expected):
    answers = judged(Facts(age, True, {F: father, M: mother}))
    assert (
        " ".join({True: "yes", False: "no", None: "?"}[answers[code]] for code in definitions.CODES)
        == expected
    )


def test_what_is_missing_is_said_and_not_guessed():
    father = away((d(1, 1), None))
    assert judged(Facts(10, True, {F: father})) == {"D1": None, "D2": True, "D3": True, "D4": None}
    assert judged(Facts(None, True, {F: father, M: HOME})) == dict.fromkeys(definitions.CODES)
    assert judged(Facts(10, True, {})) == dict.fromkeys(definitions.CODES)
    assert judged(Facts(16, True, {F: father}))["D1"] is False  # too old, whatever the mother does
    assert judged(Facts(10, False, {}))["D2"] is False  # in no class of compulsory education
    assert why(Facts(10, True, {F: father}), "D1") == "父母的外出情况没填全"


def test_in_a_row_forgives_a_move_and_a_short_stay_at_home():
    moved = away((d(1, 1), d(11, 9)), (d(11, 10), None))
    assert moved.away_since(DAY) == d(1, 1)
    visit = away((d(1, 1), d(10, 1)), (d(10, 31), None))  # home for 29 days, over Spring Festival say
    assert visit.away_since(DAY) == d(1, 1)
    longer = away((d(1, 1), d(10, 1)), (d(11, 1), None))
    assert longer.away_since(DAY) == d(11, 1)
    assert judged(Facts(10, True, {F: moved, M: HOME}))["D2"] is True
    assert judged(Facts(10, True, {F: longer, M: HOME}))["D2"] is False


@pytest.mark.parametrize(
    ("since", "holds"), [(d(5, 24), True), (d(5, 25), False)], ids=["six months today", "a day short"]
)
def test_six_months_of_the_calendar(since, holds):
    both = {F: away((since, None)), M: away((since, None))}
    assert judged(Facts(10, True, both))["D4"] is holds


def test_a_month_that_lacks_the_day_ends_with_its_last():
    both = {F: away((d(8, 31, 2025), None)), M: away((d(8, 31, 2025), None))}
    assert judged(Facts(10, True, both), d(2, 27))["D4"] is False
    assert judged(Facts(10, True, both), d(2, 28))["D4"] is True


@pytest.mark.parametrize(
    ("code", "crosses"),
    [("441900", True), ("341299", False), ("341200", None), ("340000", None), ("", None), ("341298", True),
     ("440000", True)],
)  # fmt: skip
def test_what_lies_across_the_border(code, crosses):
    assert definitions.crosses(code, HERE) is crosses
    both = {F: away((d(1, 1), None)), M: away((d(1, 1), None), code=code)}
    assert judged(Facts(10, True, both))["D4"] is crosses


def test_another_county_asks_less():
    one_away = Facts(16, True, {F: away((d(8, 24), None), code="341299"), M: HOME})
    assert judged(one_away, local=LocalDefinition(3, False, False, 18, HERE))["D4"] is True
    assert judged(one_away, local=LocalDefinition(3, True, False, 18, HERE))["D4"] is False
    assert judged(one_away, local=LocalDefinition(3, False, True, 18, HERE))["D4"] is False
    assert "D4" not in judged(one_away, local=None)


def test_sentences_say_why():
    facts = Facts(10, True, {F: away((d(1, 1), None)), M: ParentFacts(unable="服刑在押")})
    assert why(facts, "D1") == "10 岁，父亲外出，母亲服刑在押"
    assert why(facts, "D2") == "父亲外出，满三个月，义务教育阶段在读"
    assert why(facts, "D3") == "10 岁，父亲外出"
    assert why(facts, "D4") == "10 岁，父亲外出，没满 6 个月并出县"


# --- from the facts of a school -----------------------------------------------------------------------------------------


@pytest.fixture
def school(cast):
    """石门小学 四(1)班 on 24 November: the cast's three listed children, and three whose parents are known."""

    def child(name, *, listed, since=(), **fields):
        one = make_child(
            name,
            cast.school,
            cast.class_a,
            listed=listed,
            birth_date=d(5, 3, 2016),
            starts_on=d(9, 1),
            **fields,
        )
        for relation, begun in zip((F, M), since, strict=False):
            adult = make_adult(
                one, name=f"{name}{relation}", relation=relation, phone="", cares=relation == M
            )
            if begun:
                families.start_work(adult, by=None, child=one, starts_on=begun, place="广东省东莞市")
        return one

    cast.both = child("双方外出", listed="both_away", since=(d(1, 1), d(1, 1)))
    cast.home = child("父母在家", listed="one_away", since=(None, None))
    cast.unlisted = child("没列入", listed="", since=(d(1, 1), None))
    return cast


def asked(client, **query):
    return client.get(reverse("registry:definition_list"), query)


def numbers(answer):
    return [
        (code, holds, unknown, differs) for code, _, _, holds, unknown, differs in answer.context["lines"]
    ]


def test_the_list_beside_the_definitions(school, client):
    client.force_login(school.teacher)
    answer = asked(client, code="D1")
    # in the class: 李小满 (nobody knows of the parents), and the three of above
    assert (answer.context["total"].total, answer.context["total"].listed) == (4, 3)
    assert numbers(answer) == [("D1", 1, 1, 2), ("D2", 2, 1, 3), ("D3", 2, 1, 3)]
    assert [(row.child.name, row.difference) for row in answer.context["rows"]] == [
        ("父母在家", "listed_only"), ("李小满", "unknown"),
    ]  # fmt: skip
    assert [row.child.name for row in asked(client, code="D2", which="facts_only").context["rows"]] == [
        "没列入"
    ]
    assert [row.child.name for row in asked(client, code="D2", which="holds").context["rows"]] == [
        "没列入", "双方外出",
    ]  # fmt: skip
    text = answer.content.decode()
    assert "名单 3 人，按国务院口径（国发〔2016〕13号） 1 人" in text
    assert reverse("registry:child_list_off", args=[school.home.uid]) in text


def test_the_work_list_empties_as_it_is_worked(school, client):
    client.force_login(school.teacher)
    children.put_on_list(school.unlisted, by=None, type="one_away", starts_on=d(11, 24))
    children.take_off_list(school.home, by=None, last_day=d(11, 23), reason="父母返乡")
    for relation in (F, M):
        adult = make_adult(school.own, name=relation, relation=relation, phone="", cares=False)
        families.start_work(adult, by=None, child=school.own, starts_on=d(1, 1), place="上海市")
    assert numbers(asked(client, code="D2")) == [("D1", 2, 0, 1), ("D2", 3, 0, 0), ("D3", 3, 0, 0)]
    assert asked(client, code="D2").context["rows"] == []


def test_the_past_stays_what_it_was(school, client):
    client.force_login(school.leader)
    before = numbers(asked(client, code="D1", day="2026-10-15"))
    mother = school.home.kinships.get(relation=M).guardian
    conditions.start_condition(mother, by=None, child=school.home, kind="in_custody", starts_on=d(11, 1))
    father = school.home.kinships.get(relation=F).guardian
    families.start_work(father, by=None, child=school.home, starts_on=d(11, 1), place="杭州市")
    children.take_off_list(school.both, by=None, last_day=d(11, 20), reason="父母返乡")
    assert numbers(asked(client, code="D1", day="2026-10-15")) == before
    assert before[0][1] == 1
    assert numbers(asked(client, code="D1"))[0][1] == 2  # the father away, the mother in custody
    assert "日期不能在今天之后" in asked(client, day="2026-11-25").content.decode()


def test_the_list_and_the_childs_page_judge_alike(school):
    County.objects.update(local_months=6)
    counted = {
        one.child_id: one
        for one in head_counts.judged_on(County.objects.get(), DAY, head_counts.at(school.school))
    }
    loaded = families.families_of(Child.objects.filter(pk__in=counted).select_related("county"), DAY)
    for pk, family in loaded.items():
        seat = family.child.enrollment_on(DAY)
        assert {one.code: one for one in definitions.judge(family, seat, DAY)} == counted[pk].judgements
    assert len(loaded) == 7


def test_a_grade_assessed_unable_counts_while_it_holds(school):
    mother = school.unlisted.kinships.get(relation=M).guardian
    families.start_guardianship(
        school.unlisted, mother, by=None, starts_on=d(11, 10), authority="legal", ability="parent_unable"
    )

    def d1(day):
        seat = school.unlisted.enrollment_on(day)
        judgements = definitions.judge(families.family_of(school.unlisted, day), seat, day)
        return judgements[0].holds

    assert (d1(d(11, 9)), d1(d(11, 10))) == (False, True)
    assert Guardianship.objects.valid().filter(guardian=mother).count() == 2


def test_the_county_counts_and_names_nobody(school, client):
    client.force_login(school.county_officer)
    answer = asked(client)
    assert answer.context["rows"] == []
    assert [(one.name, differs) for one, _, _, differs in answer.context["by_school"]] == [
        ("石门小学", 5), ("柳溪教学点", 1), ("枫林小学", 2),
    ]  # fmt: skip
    assert "写明用途看名单" in answer.content.decode()
    for user in (school.subject, school.plain, school.member, school.inspector, school.admin):
        client.force_login(user)
        assert asked(client).status_code == 403


def test_a_foreign_school_is_not_there(school, client):
    client.force_login(school.leader)
    assert asked(client, school=str(school.other.uid)).status_code == 404


@pytest.mark.parametrize("many", [1, 3])
def test_a_school_costs_the_same_with_many_children(cast, client, django_assert_num_queries, many):
    for number in range(many):
        one = make_child(f"孩子{number}", cast.school, cast.class_a, birth_date=d(5, 3, 2016))
        for relation in (F, M):
            adult = make_adult(one, name=f"{relation}{number}", relation=relation, phone="")
            families.start_work(adult, by=None, child=one, starts_on=d(10, 1), place="东莞")
    client.force_login(cast.teacher)
    with django_assert_num_queries(17):
        asked(client, code="D2")


def test_the_county_sets_its_own_definition(school, client):
    client.force_login(school.county_officer)
    path = reverse("registry:county_edit", args=[school.county.uid])
    data = {"version": 1, "name": "青溪县", "closing_day": 5, "definition": "确认在册"}
    client.post(path, data)
    assert definitions.LocalDefinition.of(County.objects.get()) is None
    client.post(
        path, data | {"version": 2, "local_months": 6, "local_across_county": "on", "local_under_age": 16}
    )
    county = County.objects.get()
    assert definitions.LocalDefinition.of(county) == LocalDefinition(6, False, True, 16, HERE)
    client.force_login(school.teacher)
    answer = asked(client, code="D4")
    assert numbers(answer)[-1] == ("D4", 2, 1, 3)
    assert "父母一方或双方连续外出满 6 个月并出县，不满 16 周岁" in answer.content.decode()
    assert CareListSpell.objects.filter(child=school.both).count() == 1
