"""What a heading means: by its words, by a person's choice, or as a proposal that a person may take."""

import datetime
import re

import pytest

from registry.roster.cells import Sheet, read_cells
from registry.roster.children import SchoolShape, read_children
from registry.roster.headings import CHOICES
from registry.roster.meanings import Meaning, chosen_meaning, heading_key
from registry.roster.table import read_tables
from registry.roster.vocabulary import ROSTER
from tests.registry.roster.test_problems import GOOD, id_number, sheet_of

AS_OF = datetime.date(2026, 9, 10)
HEADINGS = ["姓名", "性别", "身份证号", "班级", "谁带", "常用号", "接送方式"]
ROWS = [
    ["李小满", "男", GOOD, "三（2）班", "李大山", "13800001234", "步行"],
    ["王家豪", "男", id_number(datetime.date(2016, 7, 3), 1), "三（2）班", "彭三妹", "13900001234", "校车"],
    ["张雨晴", "女", id_number(datetime.date(2016, 8, 3), 2), "三（2）班", "张桂兰", "13700001234", "步行"],
]


def read(data, chosen=None):
    return read_children(
        read_tables(read_cells(data), chosen), as_of=AS_OF, shape=SchoolShape(stages=("primary",))
    )


def test_unknown_headings_come_with_a_proposal_and_its_reason_and_nothing_is_applied():
    roster = read(sheet_of(*ROWS, headings=HEADINGS))
    unknown = [
        (h["header"], h["field"], h["proposal"], h["why"]) for h in roster.headings if h["field"] is None
    ]
    assert unknown == [
        ("谁带", None, "guardian.name", "表头里有“谁带”"),
        ("常用号", None, "home.phone", "下面是手机号"),
        ("接送方式", None, "ignore", ""),
    ]
    assert {entry.guardian.name for entry in roster.entries} == {None}


def test_a_chosen_meaning_is_used_and_an_ignored_heading_stays_out():
    chosen = {"谁带": "guardian.name", "常用号": "guardian.phone", "接送方式": "ignore", "性别": "ignore"}
    roster = read(sheet_of(*ROWS, headings=HEADINGS), chosen)
    entry = roster.entries[0]
    assert (entry.guardian.name, entry.guardian.phones) == ("李大山", ("13800001234",))
    shown = {h["header"]: (h["field"], h["proposal"], h["chosen"]) for h in roster.headings}
    assert shown["谁带"] == ("guardian.name", None, True)
    assert shown["性别"] == shown["接送方式"] == (None, None, True)


def test_a_choice_for_a_heading_of_two_levels_is_kept_under_both_words():
    data = sheet_of(
        [None, None, None, None, "带娃的", "号"], *[row[:6] for row in ROWS], headings=[*HEADINGS[:4], "大人"]
    )
    assert read(data, {"大人/带娃的": "guardian.name"}).entries[0].guardian.name == "李大山"


def test_the_name_of_the_child_may_stand_under_a_word_that_a_person_chose():
    data = sheet_of(*ROWS, headings=["娃娃", *HEADINGS[1:]])
    assert [entry.name for entry in read(data, {"娃娃": "child.name"}).entries] == [
        "李小满",
        "王家豪",
        "张雨晴",
    ]


def test_the_same_heading_gets_the_same_key_however_it_is_spaced():
    assert heading_key("联系 电话\n（家里）*") == heading_key("联系电话（家里）") == "联系电话(家里)"
    assert len(heading_key("长" * 200)) == 80


@pytest.mark.parametrize("value", sorted(CHOICES))
def test_every_choice_names_a_meaning_in_plain_words(value):
    assert str(chosen_meaning(value)) == value
    assert re.fullmatch(r"[^A-Za-z]+ · [^A-Za-z]+", CHOICES[value])


def test_what_is_no_choice_is_refused():
    with pytest.raises(KeyError):
        chosen_meaning("child.secret")


def test_another_kind_of_list_brings_its_own_words_beside_those_of_the_roster():
    words = ROSTER.with_words({"pairing.starts_on": "结对时间 结对日期", "helper.name": "包保教师"})
    data = sheet_of(
        ["李小满", "三（2）班", "王老师", "2026-09-01"], headings=["姓名", "班级", "包保教师", "结对日期"]
    )
    (table,) = read_tables(read_cells(data), vocabulary=words).tables
    assert [column.meaning for column in table.columns] == [
        Meaning("child", "name"), Meaning("child", "class"), Meaning("helper", "name"), Meaning("pairing", "starts_on"),
    ]  # fmt: skip
    assert table.rows[0].cells == ["李小满", "三（2）班", "王老师", "2026-09-01"]


@pytest.mark.parametrize(
    ("headings", "meanings"),
    [
        ("姓名 父亲 母亲 外出地点 代理监护人 关系 电话 班主任 电话",
         "child.name father.name mother.name both.work_place carer.name carer.relation carer.phone helper.name helper.phone"),
        ("姓名 家长姓名 关系 家长电话 监护人 与孩子关系 监护人电话",
         "child.name both.name both.relation both.phone guardian.name guardian.relation guardian.phone"),
        ("姓名 家长姓名1 与学生关系1 家长电话1 家长姓名2 与学生关系2 家长电话2",
         "child.name member1.name member1.relation member1.phone member2.name member2.relation member2.phone"),
        ("姓名 父亲姓名 身份证号 联系电话 外出务工地 母亲姓名 身份证号 联系电话 外出务工地",
         "child.name father.name father.id_number father.phone father.work_place mother.name mother.id_number mother.phone mother.work_place"),
        ("姓名 监护人 电话 性别 身份证号", "child.name guardian.name guardian.phone child.sex child.id_number"),
        ("姓名 身份证号 父亲姓名 身份证号 文化程度 母亲姓名 是否外出",
         "child.name child.id_number father.name father.id_number - mother.name -"),
        ("1、姓名 2、性别 3、您孩子的身份证号 4、请填写现住址 5、由谁照看",
         "child.name child.sex child.id_number child.address carer.name"),
        ("姓名 祖父母姓名 监护人文化程度 紧急联系电话 学生电话",
         "child.name - guardian.unheld home.phone home.phone_2"),
    ],
)  # fmt: skip
def test_a_row_of_headings_is_understood_together(headings, meanings):
    words = headings.split()
    (table,) = read_tables([Sheet("名册", [words, ["李小满"] * len(words)])]).tables
    assert [str(column.meaning) if column.meaning else "-" for column in table.columns] == meanings.split()
