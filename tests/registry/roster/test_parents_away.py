"""Parents who are out, nobody says where; and what a column of its own says of a parent (离异, 丧偶)."""

import datetime

import pytest

from registry.models import AdultCondition, Guardian, OpenQuestion, ParentWork
from registry.roster.imports import import_roster
from registry.roster.undo import undo_import
from tests.registry.cast import cast  # noqa: F401
from tests.registry.roster.generator import id_number
from tests.registry.roster.test_problems import BORN, GOOD, sheet_of

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DAY, LATER = datetime.date(2026, 9, 10), datetime.date(2026, 10, 10)
HEADINGS = ["姓名", "性别", "身份证号", "班级", "父亲姓名", "父亲电话", "父亲务工地", "父亲状况"]


def row(place, status=None, name="李小满", number=GOOD):
    return [name, "男", number, "三（2）班", "李强", "13800001111", place, status]


@pytest.fixture
def put(cast):  # noqa: F811
    """Imports rows; gives the plan and the batch."""

    def start(*rows, as_of=DAY):
        data = sheet_of(*rows, headings=HEADINGS)
        return import_roster(data, by=None, school=cast.school, as_of=as_of, accept=True)

    return start


def works():
    return list(
        ParentWork.objects.valid().order_by("starts_on", "pk").values_list("place", "starts_on", "ends_on")
    )


def test_who_is_out_without_a_place_is_away_from_the_day_of_the_roster(put):
    put(row("外出务工"))
    assert works() == [("", DAY, None)]
    assert ParentWork.objects.get().starts_on_known is False
    (again,) = put(row("外出务工"), as_of=LATER)[0].roster.entries
    assert (again.status, again.changes) == ("unchanged", [])
    assert works() == [("", DAY, None)]


def test_a_place_that_is_known_is_not_forgotten_for_the_word_out(put):
    put(row("广东省东莞市"))
    (again,) = put(row("在外"), as_of=LATER)[0].roster.entries
    assert (again.status, works()) == ("unchanged", [("广东省东莞市", DAY, None)])


def test_a_known_father_who_has_gone_out_is_shown_as_a_change(put):
    put(row(None))
    assert works() == []
    (changed,) = put(row("外出"), as_of=LATER)[0].roster.entries
    assert changed.changes == [("父亲务工地", "", "在外")]
    assert works() == [("", LATER, None)]


@pytest.mark.parametrize("first", ["外出", "广东省东莞市"])
def test_the_rows_of_two_children_tell_of_one_father(put, first):
    second = "广东省东莞市" if first == "外出" else "外出"
    plan, _ = put(row(first), row(second, name="李小川", number=id_number(BORN, 3)))
    assert [problem.kind for problem in plan.roster.problems] == []
    assert works() == [("广东省东莞市", DAY, None)]
    assert ParentWork.objects.get().division_code == "441900"


def test_who_has_died_is_not_out(put):
    put(row("外出", status="已故"))
    assert works() == []
    assert OpenQuestion.objects.count() == 0


def test_divorced_or_widowed_is_asked_about_once_and_concludes_nothing(put):
    _, batch = put(row("广东省东莞市", status="离异"))
    question = OpenQuestion.objects.get()
    assert (question.field, question.text) == ("父亲状况", "离异")
    assert question.message == "名册上写着父亲状况“离异”，请问清孩子跟谁生活、由谁照看，再登记家长情况"
    assert not AdultCondition.objects.exists()
    (again,) = put(row("广东省东莞市", status="离异"), as_of=LATER)[0].roster.entries
    assert (again.status, OpenQuestion.objects.count()) == ("unchanged", 1)
    undo_import(batch, by=None)
    assert OpenQuestion.objects.filter(answered_at=None).count() == 0


@pytest.mark.parametrize("status", ["健在", "务农", "外出务工", None])
def test_what_needs_no_question_raises_none(put, status):
    put(row("广东省东莞市", status=status))
    assert OpenQuestion.objects.count() == 0
    assert Guardian.objects.filter(name="李强").count() == 1


def test_divorced_and_living_elsewhere_is_a_condition(put):
    put(row(None, status="离异后未共同生活"))
    assert AdultCondition.objects.get().kind == "remarried_away"
    assert OpenQuestion.objects.count() == 0
