"""Persons in one cell: who is who, what is said of them, and what is nobody."""

import pytest

from registry.models import ConditionKind, Hardship
from registry.roster.hardship import hardships_in, number_of_people
from registry.roster.people import (
    alarm_in_carer,
    conditions_in,
    conditions_of_parents,
    people_in,
    two_parents,
)


def told(text):
    """(name, relation, phones) of each person."""
    return [(person.name, person.relation, person.phones) for person in people_in(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("奶奶 彭三妹 13800001234", [("彭三妹", "奶奶", ("13800001234",))]),
        ("彭三妹（奶奶）138 0000 1234", [("彭三妹", "奶奶", ("13800001234",))]),
        ("奶奶：彭三妹，电话：138-0000-1234", [("彭三妹", "奶奶", ("13800001234",))]),
        ("彭三妹\n奶奶\n13800001234", [("彭三妹", "奶奶", ("13800001234",))]),
        ("13800001234彭三妹", [("彭三妹", None, ("13800001234",))]),
        ("彭三妹 女 68岁 奶奶", [("彭三妹", "奶奶", ())]),
        ("彭三妹 与儿童关系：奶奶", [("彭三妹", "奶奶", ())]),
        ("奶奶彭三妹", [("彭三妹", "奶奶", ())]),
        ("彭 三 妹", [("彭三妹", None, ())]),
        ("彭三妹0550-1234567", [("彭三妹", None, ("05501234567",))]),
        ("阿依古丽 • 买买提", [("阿依古丽·买买提", None, ())]),
        ("爷爷：李大山 奶奶：彭三妹", [("李大山", "爷爷", ()), ("彭三妹", "奶奶", ())]),
        ("李大山（爷爷）、彭三妹（奶奶）", [("李大山", "爷爷", ()), ("彭三妹", "奶奶", ())]),
        ("爷爷奶奶", [(None, "爷爷奶奶", ())]),
        ("邻居王老师", [("邻居王老师", None, ())]),
        ("外出务工", []),
        ("在家务农", []),
        ("离异", []),
        ("—", []),
    ],
)  # fmt: skip
def test_a_cell_with_more_than_a_name(text, expected):
    assert told(text) == expected


@pytest.mark.parametrize(
    ("text", "father", "mother"),
    [
        ("李强/王芳", "李强", "王芳"), ("李强 王芳", "李强", "王芳"), ("李强和王芳", "李强", "王芳"), ("李 强、王 芳", "李强", "王芳"),
        ("父：李强 母：王芳", "李强", "王芳"), ("母亲：王芳；父亲：李强", "李强", "王芳"), ("李强（父）王芳（母）", "李强", "王芳"),
        ("父李强母王芳", "李强", "王芳"), ("李强\n王芳", "李强", "王芳"), ("父亲李强，母亲王芳", "李强", "王芳"), ("李强/无", "李强", None),
        ("父：李强", "李强", None), ("无", None, None),
    ],
)  # fmt: skip
def test_both_parents_in_one_cell(text, father, mother):
    one, two, others = two_parents(text, True)
    assert (one and one.name, two and two.name, others) == (father, mother, [])


def test_numbers_of_parents_go_to_the_name_before_them_and_else_to_nobody():
    father, mother, _ = two_parents("李强13800001111、王芳13800002222", True)
    assert (father.phones, mother.phones) == (("13800001111",), ("13800002222",))
    father, mother, _ = two_parents("李强、王芳 13800001111 13800002222", True)
    assert (father.phones, mother.phones) == (("13800001111",), ("13800002222",))
    father, mother, others = two_parents("李强、王芳 13800001111", True)
    assert (father.phones, mother.phones) == ((), ())
    assert [person.phones for person in others] == [("13800001111",)]


def test_one_name_under_parents_is_neither_father_nor_mother():
    father, mother, (other,) = two_parents("李强", True)
    assert (father, mother, other.name) == (None, None, "李强")


def test_a_number_too_short_is_kept_as_a_question():
    (person,) = people_in("奶奶 彭三妹 1380000123")
    assert (person.name, person.phones, person.bad_phone) == ("彭三妹", (), "1380000123")


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("李强（服刑）", ("in_custody",)), ("正在监狱", ("in_custody",)), ("强制戒毒", ("detox",)), ("失联多年", ("missing",)), ("离家出走", ("missing",)),
        ("重病卧床", ("gravely_ill",)), ("二级肢体残疾", ("severely_disabled",)), ("重残", ("severely_disabled",)), ("改嫁", ("remarried_away",)),
        ("离异后未共同生活", ("remarried_away",)), ("无重病", ()), ("离异", ()), ("四级残疾", ()), ("身体健康", ()), ("东莞", ()),
    ],
)  # fmt: skip
def test_conditions_by_their_words(text, kinds):
    assert conditions_in(text) == kinds
    assert set(kinds) <= set(ConditionKind.values)


def test_a_note_says_whose_condition_it_is():
    assert conditions_of_parents("父亲服刑，母亲改嫁") == (
        ("father", "in_custody"),
        ("mother", "remarried_away"),
    )
    assert conditions_of_parents("父母失联") == (("father", "missing"), ("mother", "missing"))
    assert conditions_of_parents("祖父重病") == ()
    assert conditions_of_parents("家里有人重病") == ()


@pytest.mark.parametrize(
    ("text", "kind"),
    [("独居", "alone"), ("自己", "alone"), ("本人", "alone"), ("无人监护", "unattended"), ("没人", "unattended"), ("无人", "unattended"),
     ("无", None), ("自己的奶奶", None), ("无监护能力", None), ("彭三妹", None)],
)  # fmt: skip
def test_nobody_in_the_carers_cell_is_an_alarm(text, kind):
    assert alarm_in_carer(text) == kind
    if kind:
        assert people_in(text) == ()


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("孤儿", ("orphan",)), ("事实无人抚养", ("de_facto_orphan",)), ("低保", ("poverty",)), ("建档立卡、残疾", ("disability", "poverty")),
        ("监护缺失", ("guardianship",)), ("临时困难", ("temporary",)), ("是", ()),
    ],
)  # fmt: skip
def test_kinds_of_hardship_by_their_words(text, kinds):
    assert hardships_in(text) == kinds
    assert set(kinds) <= set(Hardship.values)


@pytest.mark.parametrize(
    ("text", "number"), [("4", 4), ("4人", 4), ("四口人", 4), ("共5人", 5), ("两口人", 2), ("十二", 12), ("很多", None), ("99", None)]
)  # fmt: skip
def test_the_size_of_a_household(text, number):
    assert number_of_people(text) == number
