"""A class written once for a group of rows is the class of the rows below it; one that is missing stays missing."""

import pytest

from .test_problems import GOOD, sheet_of
from .test_table import other, read

HEADINGS = ["姓名", "性别", "身份证号", "年级", "班级"]
NAMES = ["李小满", "王家豪", "陈思琪", "张雨桐", "刘子轩", "赵一诺"]


def classes_of(*cells, headings=HEADINGS):
    """[(grade, class)] and [(row, kind)] of children with these cells behind name, sex and number."""
    rows = [
        [NAMES[number], "男", GOOD if number == 0 else other(2 * number + 1), *given]
        for number, given in enumerate(cells)
    ]
    roster = read(sheet_of(*rows, headings=headings))
    found = [(entry.grade, entry.school_class) for entry in roster.entries]
    return found, [(problem.row, problem.kind) for problem in roster.problems]


def test_grade_and_class_of_the_first_row_hold_until_the_next_ones():
    found, problems = classes_of(
        ("三年级", "1班"), (None, None), (None, "2班"), (None, None), ("四年级", "1班"), (None, None)
    )
    assert found == [("三年级", "1班")] * 2 + [("三年级", "2班")] * 2 + [("四年级", "1班")] * 2
    assert problems == []


def test_a_class_is_not_carried_into_another_grade():
    found, problems = classes_of(
        ("三年级", "1班"), (None, None), (None, None), ("四年级", None), (None, None), (None, None)
    )
    assert found[:3] == [("三年级", "1班")] * 3
    assert found[3:] == [("四年级", None)] * 3
    assert problems == [(5, "class_missing"), (6, "class_missing"), (7, "class_missing")]


def test_the_class_in_one_cell_and_the_grade_in_every_row():
    headings = ["姓名", "性别", "身份证号", "年级班级"]
    found, problems = classes_of(("三（1）班",), (None,), (None,), ("三（2）班",), (None,), headings=headings)
    assert found == [("三年级", "1班")] * 3 + [("三年级", "2班")] * 2
    assert problems == []
    found, problems = classes_of(("三年级", "1班"), ("三年级", None), ("三年级", None))
    assert (found, problems) == ([("三年级", "1班")] * 3, [])


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        (["1班", "1班", None, "1班"], [4]),  # filled in every row but one
        (["1班", "2班", None, "3班"], [4]),
        (["1班", None], [3]),  # too little to tell
        ([None, "1班", None, None], [2, 4, 5]),  # the first child has none
        (["1班", "1班", None, None, None], [4, 5, 6]),  # repeated, so every row is meant to be filled
    ],
)
def test_a_class_that_is_only_missing_is_asked_about(cells, missing):
    _, problems = classes_of(*[("三年级", cell) for cell in cells])
    assert problems == [(row, "class_missing") for row in missing]


def test_nothing_is_carried_below_the_heading_of_another_section():
    rows = [
        ["三年级"], ["李小满", "男", GOOD, "1班"], ["王家豪", "男", other(3), None], ["陈思琪", "男", other(5), None],
        ["四年级"], ["张雨桐", "男", other(7), None], ["刘子轩", "男", other(9), "2班"], ["赵一诺", "男", other(11), None],
    ]  # fmt: skip
    roster = read(sheet_of(*rows, headings=["姓名", "性别", "身份证号", "班级"]))
    assert [(entry.grade, entry.school_class) for entry in roster.entries] == [
        ("三年级", "1班"), ("三年级", "1班"), ("三年级", "1班"), ("四年级", None), ("四年级", "2班"), ("四年级", "2班"),
    ]  # fmt: skip
    assert [(problem.row, problem.kind) for problem in roster.problems] == [(7, "class_missing")]


def test_a_child_at_no_school_is_given_no_class():
    headings = [*HEADINGS, "就学情况"]
    found, problems = classes_of(
        ("三年级", "1班", "在学"), (None, None, "未入园"), (None, None, "在学"), (None, None, "在学"), headings=headings,
    )  # fmt: skip
    assert found == [("三年级", "1班"), (None, None), ("三年级", "1班"), ("三年级", "1班")]
    assert problems == []
