"""Values as people write them: ID numbers, phones, dates, names, grades, words."""

import datetime

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from registry import values
from tests.registry.roster.generator import id_number

TODAY = datetime.date(2026, 9, 10)
BORN = datetime.date(2016, 5, 3)
GOOD = id_number(BORN, 1)
births = st.dates(datetime.date(1930, 1, 1), TODAY)
orders = st.integers(1, 999)
mobiles = st.from_regex(r"1[3-9][0-9]0000[0-9]{4}", fullmatch=True)


def read_id(value):
    return values.read_id_number(value, today=TODAY)


# --- ID numbers ---------------------------------------------------------------------------------------------------


@given(births, orders)
def test_a_valid_number_is_read_and_tells_birth_and_sex(born, order):
    number = id_number(born, order)
    assert read_id(number) == (number, None)
    assert values.birth_date_of(number) == born
    assert values.sex_of(number) == ("男" if order % 2 else "女")


@given(births, orders, st.integers(0, 17), st.integers(1, 9))
def test_one_wrong_digit_never_passes(born, order, place, by):
    number = id_number(born, order)
    assume(number[place] != "X")
    wrong = number[:place] + str((int(number[place]) + by) % 10) + number[place + 1 :]
    assert read_id(wrong).value is None
    assert read_id(wrong).flaw is not None


@given(births, orders, st.integers(0, 16))
def test_two_swapped_digits_never_pass(born, order, place):
    number = id_number(born, order)
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assume(swapped != number and "X" not in swapped[:17])
    assert read_id(swapped).value is None


@given(births, orders)
def test_dress_does_not_matter(born, order):
    number = id_number(born, order)
    full_width = number.translate({c: c + 0xFEE0 for c in range(0x21, 0x7F)})
    for dressed in (
        f" {number}　", f"'{number}", f"‘{number}", number.lower(), full_width, f"{number[:6]} {number[6:14]} {number[14:]}",
        number.replace("0", "O"), f"\ufeff{number}", f"{number[:6]}\u200b{number[6:]}",
    ):  # fmt: skip
        assert read_id(dressed) == (number, None), dressed


@pytest.mark.parametrize(
    "value", [3.4129920160503e17, 341299201605030012, "3.41299E+17", "3.41299201605030E17", GOOD[:15] + "000"]
)
def test_lost_digits_are_said_and_never_guessed(value):
    assert read_id(value).value is None
    assert read_id(value).flaw.kind == "id_digits_lost"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (GOOD[:-1], "id_malformed"),
        (GOOD + "1", "id_malformed"),
        ("A" + GOOD[1:], "id_malformed"),
        ("户口未上", "id_malformed"),
        (GOOD[:-1] + str((int(GOOD[-1].replace("X", "0")) + 1) % 10), "id_check_digit"),
        (id_number(datetime.date(2027, 1, 1), 2), "id_malformed"),
        ("341299160230001", "id_malformed"),
    ],
)
def test_what_cannot_be_an_id_number(value, kind):
    assert read_id(value).value is None
    assert read_id(value).flaw.kind == kind


def test_a_day_that_does_not_exist_is_no_number():
    head = "34129920160230001"
    from stdnum.cn import ric

    assert read_id(head + ric.calc_check_digit(head + "0")).flaw.kind == "id_malformed"


def test_fifteen_digits_become_eighteen_and_are_remarked():
    reading = read_id("341299800503001")
    assert reading.value == id_number(datetime.date(1980, 5, 3), 1)
    assert reading.flaw.kind == "id_15_digits"
    assert read_id(341299800503001.0).value == reading.value


@pytest.mark.parametrize(
    "value", ["", None, "—", "无", "/", "  ", "341*************68", "3412991980****0012"]
)
def test_empty_and_masked_numbers_say_nothing(value):
    assert read_id(value) == (None, None)


# --- phones ---------------------------------------------------------------------------------------------------------


@given(mobiles)
def test_a_mobile_in_every_dress(number):
    full_width = number.translate({48 + i: 0xFF10 + i for i in range(10)})
    for dressed in (
        number, int(number), float(number), f"+86{number}", f"0086 {number}", f"86{number}", full_width, f"'{number}",
        f"{number[:3]}-{number[3:7]}-{number[7:]}", f"{number[:3]} {number[3:7]} {number[7:]}", f"{number}（爸爸）", f"奶奶{number}",
        f"{number[0]}.{number[1:]}E+10", f"0{number}",
    ):  # fmt: skip
        assert values.read_phones(dressed) == (number, (number,), None), dressed


@given(mobiles, mobiles, st.sampled_from(["/", "、", "，", ",", " ", "\n", ";", "或", "  ／  "]))
def test_two_in_a_cell_are_both_kept(first, second, mark):
    assume(first != second)
    assert values.read_phones(f"{first}{mark}{second}") == (first, (first, second), None)


def test_the_first_mobile_goes_before_a_landline():
    assert values.read_phones("0550-1234567/13800001234") == (
        "13800001234",
        ("13800001234", "05501234567"),
        None,
    )


@pytest.mark.parametrize(
    ("value", "number"),
    [("0550-7654321", "05507654321"), ("(0550)7654321", "05507654321"), ("7654321", "7654321"), ("612345", "612345"),
     ("05507654321转12", "05507654321"), ("400-800-1234", "4008001234")],
)  # fmt: skip
def test_landlines_and_short_numbers_are_phones(value, number):
    assert values.read_phones(value) == (number, (number,), None)


@pytest.mark.parametrize(
    "value",
    ["1380000123", "138000012345", "1.38E+10", "空号", "123", "11012345678", 1380000123.0, 13800001234.5],
)
def test_what_is_no_phone(value):
    reading = values.read_phones(value)
    assert reading.value is None
    assert reading.all == ()
    assert reading.flaw.kind == "bad_phone"


def test_the_good_one_of_two_stays_and_the_bad_one_is_said():
    reading = values.read_phones("13800001234/1390000123")
    assert reading.all == ("13800001234",)
    assert reading.flaw.message == "手机号是 11 位，这里是 10 位，请问清再填"


@pytest.mark.parametrize("value", ["", None, "无", "—", "/", "138****1234", "没有电话"])
def test_no_phone_is_no_flaw(value):
    assert values.read_phones(value) == (None, (), None)


@given(st.text(max_size=40))
def test_reading_never_raises_and_never_invents(text):
    for number in values.read_phones(text).all:
        assert number.isdigit()
        assert 5 <= len(number) <= 12
    reading = values.read_id_number(text, today=TODAY)
    assert reading.value is None or len(reading.value) == 18
    values.read_date(text)
    values.read_class(text)
    values.read_grade(text)
    values.read_care_type(text)
    values.protection_alarm(text)
    name = values.read_name(text).value
    assert name is None or not any(c.isspace() for c in name)


# --- dates ----------------------------------------------------------------------------------------------------------


@given(st.dates(datetime.date(1960, 1, 1), datetime.date(2099, 12, 31)))
def test_a_day_in_every_spelling(day):
    y, m, d = day.year, day.month, day.day
    serial = (day - datetime.date(1899, 12, 30)).days
    for written in (
        day, datetime.datetime(y, m, d), datetime.datetime(y, m, d, 13, 5), day.isoformat(), f"{y}年{m}月{d}日", f"{y}年{m:02d}月{d:02d}日",
        f"{y}.{m}.{d}", f"{y}/{m}/{d}", f"{y}-{m}-{d}", f"{y:04d}{m:02d}{d:02d}", int(f"{y}{m:02d}{d:02d}"), float(f"{y}{m:02d}{d:02d}"),
        f"{y} {m} {d}", f"{y}、{m}、{d}", f"{y}。{m}。{d}", f"{y}年{m}月{d}号", f"{day.isoformat()} 00:00:00", f" {y}．{m}．{d} ", float(serial),
        f"{y}年{m}月{d}日出生",
    ):  # fmt: skip
        assert values.read_date(written).value == day, written
        assert values.read_date(written).flaw is None


def test_chinese_numerals_are_a_date():
    assert values.read_date("二〇一六年五月三日").value == BORN
    assert values.read_date("二零一六年十二月二十一日").value == datetime.date(2016, 12, 21)


@pytest.mark.parametrize(
    "value", ["2016年5月", "2016.5", "2016-05", "201605", 2016.5, "2016年5月份", "二〇一六年五月"]
)
def test_year_and_month_are_no_date(value):
    reading = values.read_date(value)
    assert reading.value is None
    assert reading.flaw.kind == "date_incomplete"
    assert reading.year_month == (2016, 5)


@pytest.mark.parametrize("value", ["2016", "2016年"])
def test_a_year_is_no_date(value):
    assert values.read_date(value) == (
        None,
        values.Flaw("date_incomplete", "只有年份，没有月和日，请写成 2014-05-03 这样"),
        None,
    )


@pytest.mark.parametrize(
    "value", ["2016-02-30", "2016年13月1日", "16.5.3", "5/3/2016", "去年", "农历2016年5月3日", "20161301"]
)
def test_what_is_no_date(value):
    reading = values.read_date(value)
    assert reading.value is None
    assert reading.flaw.kind == "bad_date"


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "name"),
    [("李 小满", "李小满"), (" 李　小　满 ", "李小满"), ("阿依古丽•买买提", "阿依古丽·买买提"), ("阿依古丽.买买提", "阿依古丽·买买提"),
     ("阿依古丽・买买提", "阿依古丽·买买提"), ("李小满\n", "李小满"), ("'李小满", "李小满"), ("—", None), ("", None), (None, None)],
)  # fmt: skip
def test_names(written, name):
    assert values.read_name(written) == (name, None)


@pytest.mark.parametrize("written", ["李小满2", "13800001234", "李*满"])
def test_what_is_no_name(written):
    assert values.read_name(written).value is None
    assert values.read_name(written).flaw is not None


# --- grades and classes ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "grade", "number"),
    [("三（2）班", "三年级", "2班"), ("三(2)班", "三年级", "2班"), ("三2班", "三年级", "2班"), ("三年级二班", "三年级", "2班"),
     ("3年级2班", "三年级", "2班"), ("九年级二班", "九年级", "2班"), ("初三1班", "九年级", "1班"), ("初一（1）班", "七年级", "1班"),
     ("初中二年级3班", "八年级", "3班"), ("小学三年级2班", "三年级", "2班"), ("302", "三年级", "2班"), ("302班", "三年级", "2班"),
     ("大（2）班", "大班", "2班"), ("小班1班", "小班", "1班"), ("中一班", "中班", "1班"), ("三年级12班", "三年级", "12班"),
     ("3.2", "三年级", "2班"), ("3-2", "三年级", "2班"), ("三 （ 2 ） 班", "三年级", "2班"), ("三【2】班", "三年级", "2班")],
)  # fmt: skip
def test_grade_and_class_in_one_cell(written, grade, number):
    reading = values.read_class(written)
    assert (reading.grade, reading.school_class) == (grade, number)


@pytest.mark.parametrize(
    ("written", "year", "number"),
    [("2021级3班", 2021, "3班"), ("21级（3）班", 2021, "3班"), ("初2024级3班", 2024, "3班")],
)
def test_a_class_by_its_entry_year(written, year, number):
    reading = values.read_class(written)
    assert (reading.grade, reading.entry_year, reading.school_class) == (None, year, number)


@pytest.mark.parametrize("written", ["2", "2班", "(2)班", "二班", "（二）班", 2.0, "第2班", "02班"])
def test_a_class_beside_its_grade(written):
    assert values.read_class(values.clean_text(written), True) == values.GradeClass(None, "2班")


@pytest.mark.parametrize(
    ("written", "grade"),
    [("三", "三年级"), ("3", "三年级"), ("三年级", "三年级"), ("小学三年级", "三年级"), ("初一", "七年级"), ("初中一年级", "七年级"),
     ("七年级", "七年级"), ("小班", "小班"), ("幼儿园大班", "大班"), ("高一", None), ("二胎", None), ("", None)],
)  # fmt: skip
def test_grades(written, grade):
    assert values.read_grade(written).grade == grade


def test_junior_begins_with_six_in_five_four_schools():
    assert [values.read_grade(w, 6).grade for w in ("初一", "初二", "初三", "初四")] == [
        "六年级",
        "七年级",
        "八年级",
        "九年级",
    ]


def test_a_class_that_cannot_be_read_stays_as_typed():
    assert values.read_class("火箭班") == values.GradeClass(None, "火箭班")
    assert values.read_class("三年级火箭班")[:2] == ("三年级", "火箭班")


# --- words ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("written", "kind"),
    [("独居", "alone"), ("无人监护", "unattended"), ("父母外出，独自生活", "alone"), ("没人管", "unattended"), ("一个人住", "alone"),
     ("非独居", None), ("不是独居", None), ("无独居情况", None), ("无监护能力", None), ("爷爷", None), ("无", None), ("独生子女", None)],
)  # fmt: skip
def test_protection_alarms(written, kind):
    assert values.protection_alarm(written) == kind


@pytest.mark.parametrize(
    ("written", "kind"),
    [("0", "none"), ("非留守儿童", "none"), ("否", "none"), ("1", "one_away"), ("1-单亲留守儿童", "one_away"), ("父亲外出", "one_away"),
     ("一方外出，另一方无监护能力", "one_away"), ("2", "both_away"), ("双亲留守", "both_away"), ("父母都在外", "both_away"),
     ("父母双方外出", "both_away"), ("是", "unknown"), ("留守儿童", "unknown"), ("", None), ("随便", None)],
)  # fmt: skip
def test_left_behind_words(written, kind):
    assert values.read_care_type(written) == kind


@pytest.mark.parametrize(
    ("written", "code"),
    [("爷爷", "grandfather"), ("祖父", "grandfather"), ("外婆", "maternal_grandmother"), ("姥姥", "maternal_grandmother"),
     ("父子", "father"), ("母女", "mother"), ("小姨", "aunt"), ("大伯", "uncle"), ("邻居", "other"), ("祖孙关系", "grandfather"), ("某某", "other")],
)  # fmt: skip
def test_relations(written, code):
    assert values.relation_code(written) == code
