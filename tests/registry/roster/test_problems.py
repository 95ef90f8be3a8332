"""What is wrong in a roster is named at its cell, with severity, effect and remedy; what is right raises no alarm."""

import datetime
import io

import pytest
from openpyxl import Workbook

from registry.roster.cells import FileRefused, read_cells
from registry.roster.children import SchoolShape
from tests.registry.roster.generator import id_number
from tests.registry.roster.test_reading import read

BORN = datetime.date(2016, 5, 3)
GOOD = id_number(BORN, 1)
HEADINGS = [
    "序号",
    "姓名",
    "性别",
    "身份证号",
    "出生日期",
    "年级",
    "班级",
    "监护人",
    "关系",
    "联系电话",
    "备注",
]


def sheet_of(*rows, headings=HEADINGS, title="名册"):
    """A workbook of one sheet."""
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = title
    sheet.append(list(headings))
    for row in rows:
        sheet.append(list(row))
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def kid(**cells):
    """One row under HEADINGS; give a heading's word to change its cell."""
    row = dict(
        zip(
            HEADINGS,
            [1, "李小满", "男", GOOD, "2016-05-03", "三年级", "2班", "李大山", "爷爷", "13800001234", None],
            strict=True,
        )
    )
    return list((row | cells).values())


def problems(roster):
    """What matters of each problem."""
    return [(p.row, p.column, p.header, p.kind, p.severity, p.effect) for p in roster.problems]


def one(**cells):
    """The single entry of a sheet with one row, and its problems."""
    roster = read(sheet_of(kid(**cells)))
    assert len(roster.entries) == 1
    return roster.entries[0], problems(roster)


def test_a_good_row_has_no_problem():
    entry, found = one()
    assert found == []
    assert entry.fields()["guardian"] == {"name": "李大山", "relation": "爷爷", "phone": "13800001234"}


@pytest.mark.parametrize(
    ("cells", "column", "header", "kind"),
    [
        ({"姓名": None}, "B", "姓名", "name_missing"),
        ({"姓名": "—"}, "B", "姓名", "name_missing"),
        ({"身份证号": GOOD[:17]}, "D", "身份证号", "id_malformed"),
        ({"身份证号": GOOD[:-1] + ("1" if GOOD[-1] != "1" else "2")}, "D", "身份证号", "id_check_digit"),
        ({"身份证号": 341299201605030019}, "D", "身份证号", "id_digits_lost"),
        ({"班级": None, "年级": None}, "G", "班级", "class_missing"),
        ({"班级": None}, "G", "班级", "class_missing"),
        ({"班级": "四（2）班"}, "G", "班级", "class_conflict"),
        ({"班级": "火箭班"}, "G", "班级", "bad_class"),
    ],
)
def test_what_holds_a_row(cells, column, header, kind):
    entry, found = one(**cells)
    assert found == [(2, column, header, kind, "error", "held")]
    assert entry.held


@pytest.mark.parametrize(
    ("cells", "column", "header", "kind", "left"),
    [
        ({"联系电话": "1380000123"}, "J", "联系电话", "bad_phone", ("guardian", "phone")),
        ({"出生日期": "2016-02-30"}, "E", "出生日期", "bad_date", None),
        ({"出生日期": "2016-05-04"}, "E", "出生日期", "birth_date_conflict", None),
        ({"出生日期": "2016年6月"}, "E", "出生日期", "birth_date_conflict", None),
        ({"出生日期": "2027-05-03", "身份证号": None}, "E", "出生日期", "birth_date_future", "birth_date"),
        ({"性别": "女"}, "C", "性别", "sex_conflict", None),
    ],
)
def test_what_is_left_out_of_a_row_that_is_entered(cells, column, header, kind, left):
    entry, found = one(**cells)
    assert found == [(2, column, header, kind, "error", "left_out")]
    assert not entry.held
    fields = entry.fields()
    if left == ("guardian", "phone"):
        assert fields["guardian"] == {"name": "李大山", "relation": "爷爷", "phone": None}
    elif left:
        assert fields[left] is None
    else:
        assert (fields["birth_date"], fields["sex"]) == ("2016-05-03", "男")  # what the ID number says


def test_year_and_month_need_no_question_when_the_id_number_tells_the_day():
    entry, found = one(出生日期="2016年5月")
    assert found == []
    assert entry.birth_date == BORN
    entry, found = one(出生日期="2016年5月", 身份证号=None)
    assert found == [(2, "E", "出生日期", "date_incomplete", "warning", "left_out")]
    assert entry.birth_date is None


@pytest.mark.parametrize(
    ("cells", "column", "header", "kind"),
    [({"监护人": "独居", "关系": None}, "H", "监护人", "alone"), ({"监护人": "无人监护"}, "H", "监护人", "unattended"),
     ({"备注": "父母离家，孩子独自生活"}, "K", "备注", "alone")],
)  # fmt: skip
def test_a_child_in_danger_is_an_alarm_and_never_a_person(cells, column, header, kind):
    entry, found = one(**cells)
    assert found == [(2, column, header, kind, "error", "noted")]
    assert entry.alarm == kind
    assert not entry.held
    assert entry.guardian.name in (None, "李大山")
    assert entry.guardian.name != cells.get("监护人")


def test_no_typing_error_keeps_a_child_in_danger_off_the_list():
    entry, found = one(监护人="无人监护", 身份证号=GOOD[:17], 班级=None)
    assert not entry.held
    assert entry.fields()["id_number"] is None
    assert [(kind, effect) for _, _, _, kind, _, effect in found] == [
        ("id_malformed", "left_out"), ("unattended", "noted"), ("class_missing", "left_out"),
    ]  # fmt: skip


@pytest.mark.parametrize("word", ["—", "无", "/", "", "　", None])
def test_the_words_for_blank_are_null_and_no_problem(word):
    entry, found = one(监护人=word, 关系=word, 联系电话=word, 备注=word)
    assert found == []
    assert entry.fields()["guardian"] == {"name": None, "relation": None, "phone": None}


def test_sixteen_and_older_is_remarked():
    born = datetime.date(2010, 9, 10)
    _, found = one(身份证号=id_number(born, 1), 出生日期=born, 年级="九年级")
    assert found == [(2, "E", "出生日期", "over_16", "warning", "noted")]
    day_later = born + datetime.timedelta(days=1)
    assert one(身份证号=id_number(day_later, 1), 出生日期=day_later, 年级="九年级")[1] == []


def test_a_repeated_child_is_a_problem_at_the_later_row_and_not_a_second_child():
    roster = read(sheet_of(kid(), kid(序号=2)))
    assert [(e.row, e.rows) for e in roster.entries] == [(2, [("名册", 2), ("名册", 3)])]
    assert problems(roster) == [(3, "B", "姓名", "repeated", "warning", "noted")]


def test_of_a_repeated_child_with_other_cells_the_later_is_proposed():
    data = sheet_of(kid(), kid(联系电话="13900001234", 班级="3班"))
    roster = read(data)
    assert problems(roster) == [(3, "B", "姓名", "repeated_differs", "warning", "noted")]
    assert "班级：三年级2班 → 三年级3班；监护人电话：138****1234 → 139****1234" in roster.problems[0].message
    assert roster.entries[0].fields()["class"] == "3班"
    assert roster.entries[0].guardian.phones == ("13900001234", "13800001234")


def test_one_number_with_two_names_waits_in_both_rows():
    roster = read(sheet_of(kid(), kid(姓名="李大满")))
    assert problems(roster) == [
        (2, "D", "身份证号", "id_shared", "error", "held"),
        (3, "D", "身份证号", "id_shared", "error", "held"),
    ]
    assert [entry.name for entry in roster.entries] == ["李小满", "李大满"]


def test_namesakes_with_different_numbers_are_two_children():
    other = id_number(datetime.date(2016, 7, 3), 1)
    roster = read(sheet_of(kid(), kid(身份证号=other, 出生日期="2016-07-03")))
    assert len(roster.entries) == 2
    assert problems(roster) == []


def test_rows_that_are_no_children_say_why():
    roster = read(
        sheet_of(
            ["例", "张三", "男", "18位", "2016-01-01", "三年级", "1班"],
            kid(),
            [],
            [2],
            ["小计", "1人"],
            kid(姓名="王芳", 性别="女", 身份证号=id_number(BORN, 2)),
            ["合计：2人"],
            ["填表人：", None, None, "审核人："],
            ["2026年9月10日"],
        )
    )
    assert [entry.name for entry in roster.entries] == ["李小满", "王芳"]
    assert [(row, why) for _, row, why in roster.ignored] == [
        (2, "填写示例"), (4, "空行"), (5, "只有序号，没有内容"), (6, "合计行"), (8, "合计行"), (9, "签字、日期等落款"), (10, "说明文字"),
    ]  # fmt: skip
    assert problems(roster) == []


def test_a_name_that_begins_like_a_total_is_a_child():
    roster = read(
        sheet_of(
            kid(姓名="总管家"),
            kid(姓名="共小小", 身份证号=id_number(BORN, 3)),
            kid(姓名="注成", 身份证号=id_number(BORN, 5)),
        )
    )
    assert [entry.name for entry in roster.entries] == ["总管家", "共小小", "注成"]


def test_children_who_are_not_left_behind_are_left_aside():
    headings = ["姓名", "性别", "身份证号", "年级", "班级", "是否留守儿童"]
    rows = [["李小满", "男", GOOD, "三年级", "2班", "2"], ["王芳", "女", id_number(BORN, 2), "三年级", "2班", "0-非留守儿童"],
            ["张强", "男", id_number(BORN, 3), "三年级", "2班", "1-单亲留守儿童"]]  # fmt: skip
    roster = read(sheet_of(*rows, headings=headings))
    assert [(e.name, e.care_type) for e in roster.entries] == [("李小满", "both_away"), ("张强", "one_away")]
    assert roster.ignored == [("名册", 3, "表上写着不是留守儿童")]


def test_the_national_survey_form_with_three_levels():
    workbook = Workbook()
    sheet = workbook.active
    sheet.append(["农村留守儿童基本情况登记表"])
    sheet.append(["填报单位（盖章）：", None, None, None, None, "填报日期："])
    top = ["个人基本情况"] + [None] * 6 + ["家庭情况"] + [None] * 6 + ["实际监护情况"] + [None] * 4
    middle = ["姓名", "性别", "公民身份证号码", "户籍所在地", "现居住地", "就学情况", "年级班级", "父亲", None, None, "母亲", None, None, "祖父",
              "父母双方同时外出", "委托监护人姓名", "委托监护人电话", "与被监护人关系", "监护类型"]  # fmt: skip
    lower = (
        [None] * 7
        + ["姓名", "当前务工地点", "联系电话", "姓名", "当前务工地点", "联系电话", "姓名"]
        + [None] * 5
    )
    for row in (top, middle, lower):
        sheet.append(row)
    for span in (
        "A3:G3",
        "H3:N3",
        "O3:S3",
        "H4:J4",
        "K4:M4",
        "A4:A5",
        "B4:B5",
        "C4:C5",
        "D4:D5",
        "E4:E5",
        "F4:F5",
        "G4:G5",
        "O4:O5",
        "P4:P5",
        "Q4:Q5",
        "R4:R5",
        "S4:S5",
    ):
        sheet.merge_cells(span)
    sheet.append(["李小满", "男", GOOD, "安徽省", "柳溪村3组", "小学", "三（2）班", "李强", "广东省东莞市", "13800001234", "王芳", "—", "—", "李大山",
                  "是", "李大山", "13900001234", "爷爷", "监护情况较好"])  # fmt: skip
    file = io.BytesIO()
    workbook.save(file)
    roster = read(file.getvalue())
    assert problems(roster) == []
    entry = roster.entries[0]
    assert entry.fields() == {
        "name": "李小满", "sex": "男", "birth_date": "2016-05-03", "id_number": GOOD, "grade": "三年级", "class": "2班",
        "guardian": {"name": "李大山", "relation": "爷爷", "phone": "13900001234"},
        "father": {"name": "李强", "work_place": "广东省东莞市", "phone": "13800001234"},
        "mother": {"name": "王芳", "work_place": None, "phone": None}, "address": "柳溪村3组",
    }  # fmt: skip
    assert (entry.care_type, entry.ability, entry.others["grandfather"].name) == (
        "both_away",
        "good",
        "李大山",
    )
    headers = {heading["column"]: heading["header"] for heading in roster.headings}
    assert (headers["H"], headers["I"]) == ("家庭情况/父亲/姓名", "家庭情况/父亲/当前务工地点")


def test_a_class_by_its_entry_year_needs_the_day():
    primary = SchoolShape(stages=("primary",))
    data = sheet_of(kid(年级="2024级", 班级="3班"))
    entry = read(data, primary).entries[0]
    assert (entry.grade, entry.school_class, entry.problems) == ("三年级", "3班", [])
    assert read(data, primary, datetime.date(2026, 8, 14)).entries[0].grade == "二年级"
    # with both stages the third year may be 三年级 or 九年级: not guessed
    assert [(p.column, p.kind) for p in read(data).problems] == [("G", "class_missing")]


def test_same_as_above_and_families_in_merged_cells():
    workbook = Workbook()
    sheet = workbook.active
    sheet.append(HEADINGS)
    sheet.append(kid())
    sheet.append(kid(姓名="李小川", 身份证号=id_number(BORN, 3), 监护人=None, 关系=None, 联系电话=None))
    sheet.append(kid(姓名="王家豪", 身份证号=id_number(BORN, 5), 监护人="彭三妹", 关系="同上", 联系电话="〃"))
    for column in "HIJ":
        sheet.merge_cells(f"{column}2:{column}3")
    file = io.BytesIO()
    workbook.save(file)
    roster = read(file.getvalue())
    assert [(e.guardian.name, e.guardian.relation, e.guardian.phones) for e in roster.entries] == [
        ("李大山", "爷爷", ("13800001234",)), ("李大山", "爷爷", ("13800001234",)), ("彭三妹", "爷爷", ("13800001234",)),
    ]  # fmt: skip


def test_carer_relation_and_phone_in_one_cell_and_both_parents_in_one():
    headings = ["姓名", "性别", "身份证号", "班级", "父母姓名", "监护人及电话"]
    roster = read(
        sheet_of(
            ["李小满", "男", GOOD, "三（2）班", "父：李强 母：王芳", "奶奶 彭三妹 13800001234"],
            ["王家豪", "男", id_number(BORN, 3), "三（2）班", "王勇、田海燕", "向大贵（外公）13900001234"],
            headings=headings,
        )
    )
    assert problems(roster) == []
    assert [(e.father.name, e.mother.name) for e in roster.entries] == [("李强", "王芳"), ("王勇", "田海燕")]
    assert [(e.guardian.name, e.guardian.relation, e.guardian.phones) for e in roster.entries] == [
        ("彭三妹", "奶奶", ("13800001234",)), ("向大贵", "外公", ("13900001234",)),
    ]  # fmt: skip


def test_a_phone_column_belongs_to_the_person_on_its_left():
    headings = [
        "姓名",
        "性别",
        "身份证号",
        "班级",
        "父亲姓名",
        "联系电话",
        "母亲姓名",
        "联系电话",
        "监护人",
        "与儿童关系",
        "家庭住址",
        "联系电话",
    ]
    roster = read(
        sheet_of(
            [
                "李小满",
                "男",
                GOOD,
                "三（2）班",
                "李强",
                "13800001111",
                "王芳",
                "13800002222",
                "李大山",
                "爷爷",
                "柳溪村",
                "13800003333",
            ],
            headings=headings,
        )
    )
    entry = roster.entries[0]
    assert (entry.father.phones, entry.mother.phones, entry.guardian.phones) == (
        ("13800001111",), ("13800002222",), ("13800003333",),
    )  # fmt: skip
    assert entry.address == "柳溪村"


def test_a_school_without_classes_needs_none_in_a_file_without_classes():
    shape = SchoolShape(stages=("primary",), must_have_class=False)
    data = sheet_of(["李小满", "男", GOOD], headings=["姓名", "性别", "身份证号"])
    assert problems(read(data, shape)) == []
    assert problems(read(data)) == [(2, None, None, "class_missing", "error", "held")]


def test_hidden_and_empty_sheets_and_sheets_without_names_are_named():
    workbook = Workbook()
    workbook.active.title = "汇总"
    workbook.active.append(["班级", "人数"])
    workbook.active.append(["三（2）班", 1])
    workbook.create_sheet("空表")
    workbook.create_sheet("旧表").sheet_state = "hidden"
    workbook["旧表"].append(HEADINGS)
    sheet = workbook.create_sheet("三(2)班")
    sheet.append(["姓名", "性别", "身份证号"])
    sheet.append(["李小满", "男", GOOD])
    file = io.BytesIO()
    workbook.save(file)
    roster = read(file.getvalue())
    assert [(e.sheet, e.row, e.grade, e.school_class) for e in roster.entries] == [
        ("三(2)班", 2, "三年级", "2班")
    ]
    assert sorted((sheet, row) for sheet, row, _ in roster.ignored) == [("旧表", 1), ("汇总", 1), ("空表", 1)]


def test_a_file_without_a_roster_says_so():
    workbook = Workbook()
    workbook.active.append(["你好"])
    file = io.BytesIO()
    workbook.save(file)
    roster = read(file.getvalue())
    assert roster.entries == []
    assert [problem.kind for problem in roster.problems] == ["no_heading"]


@pytest.mark.parametrize("data", [b"", b"\x00\x01\x02", b"%PDF-1.4 x"])
def test_what_is_no_table_is_refused(data):
    with pytest.raises(FileRefused):
        read_cells(data)


def test_numbers_that_look_alike_when_masked_still_differ():
    roster = read(sheet_of(kid(联系电话="13800001234"), kid(联系电话="13811111234")))
    assert problems(roster) == [(3, "B", "姓名", "repeated_differs", "warning", "noted")]


def test_the_student_registers_family_members_are_told_apart_by_their_relation():
    headings = ["姓名", "性别", "身份证件号", "年级", "班级", "是否留守儿童", "成员1姓名", "成员1关系", "成员1是否监护人", "成员1联系电话",
                "成员2姓名", "成员2关系", "成员2联系电话"]  # fmt: skip
    row = [
        "李小满",
        "男",
        GOOD,
        "三年级",
        "2班",
        "双亲留守儿童",
        "李强",
        "父亲",
        "是",
        "13800001111",
        "王芳",
        "母亲",
        "13800002222",
    ]
    (entry,) = read(sheet_of(row, headings=headings)).entries
    assert (entry.father.name, entry.father.phones) == ("李强", ("13800001111",))
    assert (entry.mother.name, entry.mother.phones) == ("王芳", ("13800002222",))
    assert (entry.guardian.name, entry.guardian.relation, entry.problems) == ("李强", "父亲", [])


def test_one_number_behind_both_parents_is_nobodys_guess():
    headings = ["姓名", "性别", "身份证号", "班级", "父亲", "母亲", "家庭电话"]
    for last in ("家庭电话", "联系电话"):
        (entry,) = read(
            sheet_of(
                ["李小满", "男", GOOD, "三2班", "李强", "王芳", "13800001111"],
                headings=[*headings[:-1], last],
            )
        ).entries
        assert (entry.father.phones, entry.mother.phones, entry.more["home_phones"]) == (
            (),
            (),
            ["13800001111"],
        )


def test_a_parent_who_answers_for_the_child_is_the_guardian():
    headings = [
        "姓名",
        "性别",
        "身份证号",
        "班级",
        "家长姓名",
        "与学生关系",
        "家长电话",
        "务工地点",
        "留守类型",
    ]
    (entry,) = read(
        sheet_of(
            ["李小满", "男", GOOD, "三2班", "李强", "父亲", "13800001111", "广东", "单亲"], headings=headings
        )
    ).entries
    assert (entry.guardian.name, entry.guardian.relation, entry.guardian.phones) == (
        "李强",
        "父亲",
        ("13800001111",),
    )
    assert (entry.father.work_place, entry.mother.work_place, entry.care_type) == ("广东", None, "one_away")
