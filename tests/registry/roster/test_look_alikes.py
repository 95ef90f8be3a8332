"""Rows without a number that look like a child of the school: asked about side by side, answered by a person, never guessed."""

import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from registry.models import Child, ImportState
from registry.roster import imports
from registry.roster.imports import import_roster
from tests.registry.cast import cast, make_adult, make_child, make_class  # noqa: F401
from tests.registry.roster.generator import id_number
from tests.registry.roster.test_problems import BORN, kid, sheet_of
from trust import uploads
from trust.models import AuditEvent

pytestmark = [pytest.mark.django_db, pytest.mark.db]

DAY = datetime.date(2026, 11, 20)


@pytest.fixture
def school(cast):  # noqa: F811
    """石门小学 with one more child: 田小满, born on BORN, in 三(1)班, without a number."""
    child = make_child("田小满", cast.school, make_class(cast.school, 3, 1), sex="male", birth_date=BORN)
    make_adult(child, name="李大山", relation="grandfather", phone="13800001234")
    return cast.school


def plan_for(school, **cells):
    row = kid(**({"姓名": "田小满", "身份证号": None, "班级": "1班"} | cells))
    return import_roster(sheet_of(row), by=None, school=school, as_of=DAY, accept=True)[0]


def asked(plan):
    """[(the candidate's name, what it has in common with the row)] of the one row."""
    (entry,) = plan.roster.entries
    return [(candidate["name"], candidate["why"]) for candidate in plan.candidates.get(entry, [])]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ({"联系电话": "13900000000"}, [("田小满", "同名、同班、出生日期相同")]),
        ({"班级": "2班", "联系电话": "13900000000"}, [("田小满", "同名、出生日期相同")]),
        ({"班级": "2班", "出生日期": None}, [("田小满", "同名、家里电话相同")]),
        # the birth date written wrong once: still the same name in the same class
        ({"出生日期": "2016-05-30", "联系电话": "13900000000"}, [("田小满", "同名、同班")]),
        ({"姓名": "田晓曼", "联系电话": "13900000000"}, [("田小满", "名字同音、同班、出生日期相同")]),
        ({"姓名": "田晓满", "班级": "2班", "出生日期": None}, [("田小满", "名字同音、家里电话相同")]),
        ({"姓名": "田安然", "班级": "2班"}, [("田小满", "出生日期相同、家里电话相同")]),
    ],
)
def test_who_is_asked_about(school, cells, expected):
    before = Child.objects.count()
    plan = plan_for(school, **cells)
    assert asked(plan) == expected
    assert [entry.status for entry in plan.roster.entries] == ["held"]
    assert [(p.kind, p.severity, p.effect) for p in plan.roster.problems] == [
        ("looks_like_existing", "warning", "held")
    ]
    assert Child.objects.count() == before


@pytest.mark.parametrize(
    "cells",
    [
        # another boy of the same name, in another class, born on another day
        {"班级": "2班", "出生日期": "2016-06-09"},
        {"性别": "女", "联系电话": "13900000000"},
        # names that only sound alike, and nothing else in common
        {"姓名": "田晓满", "班级": "2班", "出生日期": None, "联系电话": "13900000000"},
        {"姓名": "田晓满", "出生日期": "2016-06-09", "联系电话": "13900000000"},
        # a brother: the same phone, another day
        {"姓名": "田小川", "出生日期": "2017-01-09"},
    ],
)
def test_who_is_nobody_we_know(school, cells):
    plan = plan_for(school, **cells)
    assert (asked(plan), [entry.status for entry in plan.roster.entries]) == ([], ["new"])


def test_a_former_name_is_asked_about(school):
    Child.objects.filter(name="田小满").update(former_name="田铁蛋")
    plan = plan_for(school, 姓名="田铁蛋", 联系电话="13900000000")
    assert asked(plan) == [("田小满", "曾用名相同、同班、出生日期相同")]


def test_a_row_with_a_number_is_asked_about_a_child_without_one(school):
    plan = plan_for(school, 身份证号=id_number(BORN, 1), 联系电话="13900000000")
    assert asked(plan) == [("田小满", "同名、同班、出生日期相同")]


def test_children_with_numbers_are_never_asked_about_rows_with_numbers(school):
    child = Child.objects.get(name="田小满")
    child.id_number = id_number(BORN, 3)
    child.save()
    plan = plan_for(school, 身份证号=id_number(BORN, 1))
    assert [entry.status for entry in plan.roster.entries] == ["new"]


@pytest.fixture
def batch(school, cast):  # noqa: F811
    """An uploaded roster: one row that looks like 田小满 with another phone, and one that is nobody we know."""
    data = sheet_of(
        kid(姓名="田小满", 身份证号=None, 班级="1班", 联系电话="13900000000"),
        kid(姓名="王芳", 性别="女", 身份证号=id_number(BORN, 2)),
    )
    found, _ = imports.receive(
        SimpleUploadedFile("名册.xlsx", data), by=cast.leader, school=school, as_of=DAY
    )
    return found


def test_the_same_child_takes_what_the_row_says(batch, cast):  # noqa: F811
    child = Child.objects.get(name="田小满")
    row = batch.rows.get(asks=True)
    assert imports.answer_same(batch, {row: child.uid.hex}, by=cast.leader) == 1
    batch.refresh_from_db()
    assert (batch.counts["changed"], batch.counts["new"], batch.counts["held"]) == (1, 1, 0)
    assert batch.rows.filter(asks=True).count() == 0
    assert imports.confirm(batch, _bytes(batch), by=cast.leader)
    assert Child.objects.filter(name="田小满").count() == 1
    carer = child.guardianships.get().guardian
    assert [phone.number for phone in carer.phones.order_by("position")] == ["13900000000", "13800001234"]
    assert AuditEvent.objects.get(action="answer_import").count == 1


def test_another_child_is_entered_beside(batch, cast):  # noqa: F811
    row = batch.rows.get(asks=True)
    imports.answer_same(batch, {row: "new"}, by=cast.leader)
    batch.refresh_from_db()
    assert (batch.counts["new"], batch.counts["held"]) == (2, 0)
    imports.confirm(batch, _bytes(batch), by=cast.leader)
    assert Child.objects.filter(name="田小满").count() == 2


def test_until_answered_the_row_waits_and_only_who_was_shown_can_be_named(batch, cast):  # noqa: F811
    row = batch.rows.get(asks=True)
    assert imports.answer_same(batch, {row: cast.own.uid.hex}, by=cast.leader) == 0
    assert imports.answer_same(batch, {row: "whoever"}, by=cast.leader) == 0
    imports.confirm(batch, _bytes(batch), by=cast.leader)
    batch.refresh_from_db()
    assert (batch.state, Child.objects.filter(name="田小满").count()) == (ImportState.DONE, 1)
    assert batch.held_rows.get().shown["shown"]["name"] == "田小满"


def _bytes(batch):
    return uploads.read_bytes(batch.upload)
