"""What stands around and between the children, where the class comes from, and what is kept beside the fixed fields."""

import datetime
import io

import pytest
from openpyxl import Workbook

from registry.roster.cells import read_cells
from registry.roster.children import SchoolShape, read_children
from registry.roster.table import read_tables
from tests.registry.roster.generator import id_number
from tests.registry.roster.test_problems import BORN, GOOD, HEADINGS, kid, one, problems, sheet_of

AS_OF = datetime.date(2026, 9, 10)
BOTH = SchoolShape(stages=("primary", "junior"))


def read(data, shape=BOTH):
    return read_children(read_tables(read_cells(data)), as_of=AS_OF, shape=shape)


def book(**sheets):
    """A workbook of several sheets, each a list of rows."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def other(order):
    """Another child's number, born the same day."""
    return id_number(BORN, order)


# --- hidden, and what is no roster -----------------------------------------------------------------------------------


def test_hidden_rows_are_not_read_and_hidden_columns_are_read_and_marked():
    workbook = Workbook()
    workbook.active.title = "说明"
    workbook.active.append(["请填第二张表"])
    sheet = workbook.create_sheet("名册", 0)  # the second part of the file is the first sheet of the book
    for row in (["姓名", "性别", "身份证号", "班级", "备注"], ["李小满", "男", GOOD, "三（2）班", "甲"], ["王家豪", "男", other(3), "三（2）班", "乙"],
                ["张强", "男", other(5), "三（2）班", "丙"]):  # fmt: skip
        sheet.append(row)
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["E"].hidden = True
    file = io.BytesIO()
    workbook.save(file)
    roster = read(file.getvalue())
    assert [(e.row, e.name, e.more["note"]) for e in roster.entries] == [
        (2, "李小满", "甲"),
        (4, "张强", "丙"),
    ]
    assert [(row, why[:4]) for sheet, row, why in roster.ignored if sheet == "名册"] == [(3, "隐藏的行")]
    assert [h["column"] for h in roster.headings if h["hidden"]] == ["E"]
    assert roster.problems == []


def test_sheets_without_children_say_what_they_are():
    data = book(
        汇总=[["班级", "人数"], ["三（2）班", 1]],
        领导小组=[["姓名", "性别", "职务", "电话"], ["周明远", "男", "校长", "13800000001"]],
        教师花名册=[["教师花名册"], ["姓名", "性别", "身份证号"], ["周明远", "男", other(7)]],
        名册=[HEADINGS, kid()],
    )
    roster = read(data)
    assert [(e.sheet, e.name) for e in roster.entries] == [("名册", "李小满")]
    assert {sheet: why[:4] for sheet, _, why in roster.ignored} == {
        "汇总": "汇总表，",
        "领导小组": "看样子是",
        "教师花名册": "看样子是",
    }


def test_signatures_that_reach_into_the_childrens_columns_are_no_child():
    roster = read(
        sheet_of(
            kid(),
            ["填表人：", "张桂兰", None, "审核人：", "周明远", None, "日期：", "2026-9-10"],
            ["单位负责人：", "周明远", "复核人：", "张桂兰", "填表人：", "向大贵"],
        )
    )
    assert [e.name for e in roster.entries] == ["李小满"]
    assert problems(roster) == []


def test_the_same_child_on_two_sheets_is_one_child_and_both_places_are_shown():
    headings = ["姓名", "性别", "身份证号", "监护人电话"]
    data = book(
        **{
            "三(1)班": [headings, ["李小满", "男", GOOD, "13800001234"]],
            "三(2)班": [headings, ["李小满", "男", GOOD, "13900001234"]],
        }
    )
    roster = read(data)
    (entry,) = roster.entries
    assert entry.rows == [("三(1)班", 2), ("三(2)班", 2)]
    assert [(p.sheet, p.row, p.kind) for p in roster.problems] == [("三(2)班", 2, "repeated_differs")]
    assert "“三(1)班”第 2 行" in roster.problems[0].message
    assert (entry.school_class, entry.guardian.phones) == ("2班", ("13900001234", "13800001234"))


def test_a_form_sent_twice_proposes_the_later_answer():
    headings = ["提交时间", "1、学生姓名", "2、性别", "3、身份证号码", "4、班级", "5、家庭住址"]
    rows = [["2026-09-01 08:00:00", "李小满", "男", GOOD, "三（2）班", "柳溪村"], ["2026-09-02 08:00:00", "李小满", "男", GOOD, "三（2）班", "枫林村"]]  # fmt: skip
    roster = read(sheet_of(*rows, headings=headings))
    assert [(e.name, e.address) for e in roster.entries] == [("李小满", "枫林村")]
    assert [(p.row, p.column, p.kind) for p in roster.problems] == [(3, "B", "repeated_differs")]


# --- the class -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shape", "written", "grade", "number", "kind"),
    [
        (BOTH, "三（2）班", "三年级", "2班", None), (BOTH, "初三（2）班", "九年级", "2班", None), (BOTH, "石门小学三（2）班", "三年级", "2班", None),
        (SchoolShape(("junior",)), "三（2）班", "三年级", "2班", "bad_class"), (SchoolShape(("junior",)), "七（2）班", "七年级", "2班", None),
        (SchoolShape(("junior",)), "302", "三年级", "2班", "bad_class"), (SchoolShape(("primary",)), "302", "三年级", "2班", None),
        (SchoolShape(("kindergarten",)), "小二班", "小班", "2班", None), (BOTH, "小二班", None, "小二班", "bad_class"),
        (BOTH, "2025届2班", None, "2025届2班", "bad_class"), (BOTH, "31", None, "31", "bad_class"),
        (BOTH, datetime.date(2026, 3, 2), None, "2026-03-02", "bad_class"),
        (SchoolShape(("primary",)), "2024级2班", "三年级", "2班", None), (SchoolShape(("primary",), must_have_class=False), "2019级2班", None, "2班", "class_missing"),
    ],
)  # fmt: skip
def test_a_class_that_may_be_two_things_is_asked(shape, written, grade, number, kind):
    headings = ["姓名", "性别", "身份证号", "年级班级"]
    roster = read(sheet_of(["李小满", "男", GOOD, written], headings=headings), shape)
    (entry,) = roster.entries
    assert (entry.grade, entry.school_class) == (grade, number)
    assert [(p.column, p.kind, p.effect) for p in roster.problems] == ([("D", kind, "held")] if kind else [])


def test_a_grade_in_the_title_or_in_a_row_of_its_own_goes_with_the_number_of_the_class():
    headings, row = ["姓名", "性别", "身份证号", "班级"], ["李小满", "男", GOOD]
    for rows in (
        [["石门小学三年级留守儿童花名册"], headings, [*row, 2]],
        [headings, ["三年级"], [*row, "2班"]],
        [headings, ["三年级：5人"], [*row, "（2）班"]],
    ):
        (entry,) = read(book(名册=rows)).entries
        assert (entry.grade, entry.school_class, entry.problems) == ("三年级", "2班", [])
    # two grades in the title are none
    (entry,) = read(book(名册=[["一至三年级留守儿童花名册"], headings, [*row, 2]])).entries
    assert [(p.column, p.kind) for p in entry.problems] == [("D", "class_missing")]


# --- whose list it is ------------------------------------------------------------------------------------------------


def test_a_blank_below_is_left_behind_is_a_no_only_in_a_list_of_all():
    headings = ["姓名", "性别", "身份证号", "班级", "是否留守儿童"]
    rows = [["李小满", "男", GOOD, "三（2）班", "是"], ["王家豪", "男", other(3), "三（2）班", None]]
    everybody = read(sheet_of(*rows, headings=headings, title="学生信息"))
    assert [e.name for e in everybody.entries] == ["李小满"]
    assert [(row, why[:6]) for _, row, why in everybody.ignored] == [(3, "“是否留守”")]
    listed = read(sheet_of(*rows, headings=headings, title="留守儿童"))
    assert [e.name for e in listed.entries] == ["李小满", "王家豪"]


def test_one_is_the_registers_code_only_beside_a_two():
    headings = ["姓名", "性别", "身份证号", "班级", "是否留守儿童"]
    rows = [
        ["李小满", "男", GOOD, "三（2）班", 1],
        ["王家豪", "男", other(3), "三（2）班", 0],
        ["张强", "男", other(5), "三（2）班", 2],
    ]
    assert [(e.name, e.care_type) for e in read(sheet_of(*rows, headings=headings)).entries] == [
        ("李小满", "one_away"),
        ("张强", "both_away"),
    ]
    assert [(e.name, e.care_type) for e in read(sheet_of(*rows[:2], headings=headings)).entries] == [
        ("李小满", "unknown")
    ]


# --- kept beside -----------------------------------------------------------------------------------------------------


def test_county_facts_are_kept():
    headings = ["姓名", "性别", "身份证号", "班级", "家庭人口", "享受救助情况", "是否孤儿", "是否低保", "困境类型", "是否随迁子女", "就学情况", "家庭主要经济来源"]  # fmt: skip
    row = ["李小满", "男", GOOD, "三（2）班", "四口人", "低保、医疗救助", "否", "是", "监护缺失", "是", "小学", "打工收入"]  # fmt: skip
    (entry,) = read(sheet_of(row, headings=headings)).entries
    assert entry.more == {
        "household_size": 4, "aid": "低保、医疗救助", "hardship": "监护缺失；低保", "hardships": ["guardianship", "poverty"],
        "migrant": True, "schooling": "小学", "income": "打工收入",
    }  # fmt: skip
    assert entry.problems == []


def test_ticked_columns_below_a_group_are_its_words():
    rows = [
        ["姓名", "性别", "身份证号", "班级", "救助帮扶情况", None, None, "留守类型", None],
        [None, None, None, None, "低保", "临时救助", "医疗救助", "双亲外出", "单亲外出"],
        ["李小满", "男", GOOD, "三（2）班", "√", None, "√", None, "√"],
    ]
    workbook = Workbook()
    for row in rows:
        workbook.active.append(row)
    for span in ("A1:A2", "B1:B2", "C1:C2", "D1:D2", "E1:G1", "H1:I1"):
        workbook.active.merge_cells(span)
    file = io.BytesIO()
    workbook.save(file)
    (entry,) = read(file.getvalue()).entries
    assert (entry.more["aid"], entry.care_type) == ("低保、医疗救助", "one_away")


def test_a_household_nobody_can_count_is_remarked():
    headings = ["姓名", "性别", "身份证号", "班级", "家庭人口"]
    roster = read(sheet_of(["李小满", "男", GOOD, "三（2）班", "很多"], headings=headings))
    assert problems(roster) == [(2, "E", "家庭人口", "bad_number", "warning", "noted")]


def test_what_is_said_of_a_parent_in_place_of_a_place():
    headings = [
        "姓名",
        "性别",
        "身份证号",
        "班级",
        "父亲姓名",
        "父亲务工地",
        "母亲姓名",
        "母亲务工地",
        "备注",
    ]
    rows = [["李小满", "男", GOOD, "三（2）班", "李强", "服刑", "王芳", "广东省东莞市", None],
            ["王家豪", "男", other(3), "三（2）班", "王勇（已故）", "—", "田海燕", "外出务工", "母亲失联"]]  # fmt: skip
    first, second = read(sheet_of(*rows, headings=headings)).entries
    assert (first.father.work_place, first.father.conditions, first.care_type) == (
        None,
        ("in_custody",),
        "one_away",
    )
    assert (second.father.name, second.father.died) == ("王勇", True)
    assert (second.mother.work_place, second.mother.away, second.mother.conditions) == (
        None,
        True,
        ("missing",),
    )


def test_phones_and_places_below_their_own_group_go_to_father_and_mother():
    headings = ["姓名", "性别", "身份证号", "班级", "联系电话", None, "务工地点", None]
    below = [None, None, None, None, "父亲", "母亲", "父亲", "母亲"]
    row = ["李小满", "男", GOOD, "三（2）班", "13800001111", "13800002222", "东莞", "昆山"]
    (entry,) = read(sheet_of(below, row, headings=headings)).entries
    assert (entry.father.phones, entry.mother.phones) == (("13800001111",), ("13800002222",))
    assert (entry.father.work_place, entry.mother.work_place) == ("东莞", "昆山")


def test_a_number_and_a_place_in_one_cell_and_parents_marked_in_one_cell():
    headings = ["姓名", "性别", "身份证号", "班级", "父亲务工地点及联系电话", "父母电话", "父母务工地点"]
    row = [
        "李小满",
        "男",
        GOOD,
        "三（2）班",
        "东莞 13800001111",
        "父：13800003333 母：13800002222",
        "父：东莞 母：昆山",
    ]
    (entry,) = read(sheet_of(row, headings=headings)).entries
    assert (entry.father.work_place, entry.father.phones) == ("东莞", ("13800001111", "13800003333"))
    assert (entry.mother.work_place, entry.mother.phones) == ("昆山", ("13800002222",))


def test_a_family_written_member_by_member():
    rows = [
        ["姓名", "性别", "身份证号", "班级", "家庭成员", None, None],
        [None, None, None, None, "姓名", "与学生关系", "联系电话"],
        ["李小满", "男", GOOD, "三（2）班", "李强", "父亲", "13800001111"],
        [None, None, None, None, "王芳", "母亲", "13800002222"],
        [None, None, None, None, "彭三妹", "奶奶", "13800003333"],
        ["王家豪", "男", other(3), "三（2）班", "向大贵", "外公", "13800004444"],
    ]
    workbook = Workbook()
    for row in rows:
        workbook.active.append(row)
    for span in ("A1:A2", "B1:B2", "C1:C2", "D1:D2", "E1:G1", "A3:A5", "B3:B5", "C3:C5", "D3:D5"):
        workbook.active.merge_cells(span)
    file = io.BytesIO()
    workbook.save(file)
    first, second = read(file.getvalue()).entries
    assert (first.father.name, first.mother.name, first.guardian.name) == ("李强", "王芳", "彭三妹")
    assert (first.mother.phones, first.guardian.relation) == (("13800002222",), "奶奶")
    assert (second.guardian.name, second.guardian.phones, second.problems) == ("向大贵", ("13800004444",), [])


def test_words_in_the_name_cell_are_remarked_and_nothing_is_cut():
    entry, found = one(姓名="李小满（小名满满）")
    assert (entry.name, found) == (
        "李小满(小名满满)",
        [(2, "B", "姓名", "name_with_words", "warning", "noted")],
    )


@pytest.mark.parametrize("word", ["未上户", "待补", "正在办理", "没有身份证"])
def test_a_child_without_a_number_yet_is_entered(word):
    entry, found = one(身份证号=word)
    assert (entry.id_number, found) == (None, [])


def test_two_names_and_two_numbers_under_parents_stand_in_one_order():
    headings = ["姓名", "性别", "身份证号", "班级", "父/母姓名", "父母联系电话"]
    row = ["李小满", "男", GOOD, "三（2）班"]
    (entry,) = read(sheet_of([*row, "李强/王芳", "13800001111/13800002222"], headings=headings)).entries
    assert (entry.father.name, entry.father.phones) == ("李强", ("13800001111",))
    assert (entry.mother.name, entry.mother.phones) == ("王芳", ("13800002222",))
    (entry,) = read(sheet_of([*row, "李强/王芳", "13800001111"], headings=headings)).entries
    assert (entry.father.phones, entry.mother.phones, entry.more["home_phones"]) == ((), (), ["13800001111"])


def test_the_present_address_goes_before_the_familys():
    headings = ["姓名", "性别", "身份证号", "班级", "家庭住址", "现居住地", "监护人", "住址"]
    (entry,) = read(
        sheet_of(["李小满", "男", GOOD, "三（2）班", "柳溪村", "镇上", "彭三妹", "枫林村"], headings=headings)
    ).entries
    assert (entry.address, entry.guardian.address) == ("镇上", "枫林村")


def test_a_student_number_that_lost_digits_is_not_kept():
    headings = ["姓名", "性别", "身份证号", "班级", "学籍号"]
    roster = read(sheet_of(["李小满", "男", GOOD, "三（2）班", 341299201605030000], headings=headings))
    assert problems(roster) == [(2, "E", "学籍号", "student_number_digits_lost", "warning", "left_out")]
    assert "student_number" not in roster.entries[0].more


def test_words_alone_in_the_column_of_names_are_no_child():
    roster = read(sheet_of(["李小满", "男", GOOD, "三（2）班"], ["★9月10日前上报"], ["2026年9月10日"], headings=["姓名", "性别", "身份证号", "班级"]))  # fmt: skip
    assert [e.name for e in roster.entries] == ["李小满"]
    assert [(row, why) for _, row, why in roster.ignored] == [(3, "说明文字"), (4, "说明文字")]


def test_more_words_beside_a_parents_name_are_kept_as_written():
    headings = ["姓名", "性别", "身份证号", "班级", "父亲", "监护人"]
    row = ["李小满", "男", GOOD, "三（2）班", "李强（东莞）", "爷爷 李大山、奶奶 彭三妹、姑姑 李芳"]
    (entry,) = read(sheet_of(row, headings=headings)).entries
    assert (entry.father.name, entry.more["parents"]) == ("李强", "李强(东莞)")
    assert (entry.guardian.name, entry.guardian.relation) == ("李大山", "爷爷")
    assert entry.others["grandmother"].name == "彭三妹"
    assert entry.more["other_carers"] == "李芳（姑姑）"
