"""ID numbers, phones, dates, names, grades: read, check, write; used by forms and the roster import alike.

Every ``read_…`` function takes a cell or a form value (text, number, date, None) and returns a ``Reading``:
``value`` is what can be trusted, else None (never a guess); ``flaw`` says in Chinese what is wrong and what to do, or
is None. The flaw's ``kind`` is a stable English word. Nothing here touches the database.
"""

import datetime
import re
import unicodedata
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NamedTuple

from stdnum.cn import ric


class Flaw(NamedTuple):
    """What is wrong with a value: a stable kind, and a sentence with the remedy."""

    kind: str
    message: str


class Reading(NamedTuple):
    """A value that was read, and what is wrong with it."""

    value: Any
    flaw: Flaw | None = None


EMPTY_WORDS = frozenset(
    [
        "-",
        "--",
        "---",
        "----",
        "/",
        "//",
        "\\",
        "、",
        ".",
        "。",
        "*",
        "—",
        "——",
        "———",
        "–",
        "―",
        "─",
        "一一",
        "无",
        "無",
        "暂无",
        "没有",
        "空",
        "空白",
        "略",
        "无此项",
        "不详",
        "不祥",
        "未知",
        "不清楚",
        "不明",
        "N/A",
        "n/a",
        "NA",
        "null",
        "NULL",
        "None",
        "#N/A",
        "#REF!",
        "#VALUE!",
        "#NAME?",
        "#DIV/0!",
        "#NULL!",
        "#NUM!",
    ]
)
_INVISIBLE = re.compile(
    "[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]"
)
_SPACES = re.compile(r"[\s\u00a0\u3000]+")
_DIGITS_LOST = re.compile(r"^\d(\.\d+)?[eE]\+?\d+$")
MASK = "*"


def clean_text(value) -> str:
    """A cell as text: full-width letters and digits made half-width, outer and invisible characters gone.

    Whole floats lose their ``.0``; dates become ISO; True/False become 是/否. Inner line breaks stay.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
        if not text.isascii():
            text = _INVISIBLE.sub("", _half_width(text))
        elif _INVISIBLE.search(text):
            text = _INVISIBLE.sub("", text)
        return text.strip(" \t\r\n\u00a0\u3000")
    if value is True or value is False:
        return "是" if value else "否"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime.datetime):
        return value.date().isoformat() if value.time() == datetime.time() else value.isoformat(" ")
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)


# Full-width ASCII only: NFKC would also change characters of names and addresses (㎡, ①).
_HALF_WIDTH = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {0x3000: 0x20, 0xA0: 0x20}


# Decimal digits of other scripts (Uyghur rosters have them) become the usual ones, so that no pattern meets another.
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")


def _half_width(text):
    return _OTHER_DIGIT.sub(lambda match: str(unicodedata.decimal(match[0])), text.translate(_HALF_WIDTH))


def read_text(value) -> str:
    """Text on one line, "" for blank and for the usual words for blank (—, 无, /)."""
    if value is None:
        return ""
    text = _SPACES.sub(" ", clean_text(value))
    return "" if text in EMPTY_WORDS else text


def is_masked(value) -> bool:
    """Whether a cell shows a masked number (``341*************68``): it says nothing and erases nothing."""
    return isinstance(value, str) and MASK in value.replace("＊", MASK) and any(c.isdigit() for c in value)


# --- names -----------------------------------------------------------------------------------------------------------

_DOTS = re.compile("[·•・‧∙⋅●．｡･・᛫]")
_NAME_DOT = re.compile(r"(?<=[㐀-鿿])\s*[.。]\s*(?=[㐀-鿿])")


@lru_cache(maxsize=65536)
def _name(text):
    text = _SPACES.sub("", _DOTS.sub("·", clean_text(text)))
    text = _NAME_DOT.sub("·", text).strip("·'\"‘’“”`")
    return "" if text in EMPTY_WORDS else text


def with_name_dots(text: str) -> str:
    """A text whose dots inside minority names (• ． . between Chinese characters) are ``·`` without spaces around."""
    return re.sub(r"\s*·\s*", "·", _NAME_DOT.sub("·", _DOTS.sub("·", text)))


def read_name(value) -> Reading:
    """A person's name without any space, the dot of minority names as ``·``; None when blank."""
    name = _name(value) if isinstance(value, str) else _name(clean_text(value))
    if not name:
        return Reading(None)
    if MASK in name:
        return Reading(None, Flaw("name_masked", "姓名里有星号，看不出全名，请填写全名"))
    if any(c.isdigit() for c in name):
        return Reading(None, Flaw("bad_name", "姓名里有数字，请核对是不是填错了列"))
    if len(name) > 60:
        return Reading(None, Flaw("bad_name", "姓名太长，请核对是不是填错了列"))
    return Reading(name)


# --- ID numbers ------------------------------------------------------------------------------------------------------

_ID_NOISE = re.compile(r"[\s\u00a0\u3000'‘’`´′\"“”,，.．\-–—_=:：;；、]+")
_ID_LETTERS = str.maketrans(
    {"×": "X", "Х": "X", "х": "X", "x": "X", "Χ": "X", "✕": "X", "O": "0", "o": "0", "Ｏ": "0"}
)
# 未上户, 没有办, 待补, 正在办理: the child has no number, which is no mistake in the cell.
_NO_NUMBER_YET = re.compile(
    r"(?:暂时?)?(?:尚?未|没有?|无)[^\d]{1,8}|待[^\d]{1,4}|(?:正?在)?(?:补|新)?办理?中?|正?在(?:补|新)?办[^\d]{0,3}"
)
DIGITS_LOST = Flaw(
    "id_digits_lost", "身份证号后几位丢了（按数字存的只保留 15 位）。请把这一列设成“文本”，再重新填写"
)


def read_id_number(value, *, today: datetime.date | None = None) -> Reading:
    """A resident ID number as 18 characters with X in upper case, or None.

    Number cells of 16 and more digits have lost the last ones: said so, never guessed. A 15-digit number of the old
    kind is written with 18 characters (flaw ``id_15_digits``, the value stands). Masked numbers are None without a
    flaw: ask ``is_masked`` first where that matters.
    """
    if value is None or value == "":
        return Reading(None)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if abs(value) >= 1e15:
            return Reading(None, DIGITS_LOST)
        text = clean_text(value)
    else:
        text = clean_text(value)
    if is_masked(text) or text in EMPTY_WORDS:
        return Reading(None)
    if _DIGITS_LOST.match(text):
        return Reading(None, DIGITS_LOST)
    if _NO_NUMBER_YET.fullmatch(_SPACES.sub("", text)):
        return Reading(None)
    return _read_id_text(text, today or _today())


def _today():
    return datetime.datetime.now(datetime.timezone(datetime.timedelta(hours=8))).date()


def _read_id_text(text, today):
    number = _ID_NOISE.sub("", text.removesuffix(".0")).translate(_ID_LETTERS).upper()
    if number in ("", "0"):
        return Reading(None)
    inside = re.fullmatch(r"[^\dX]*(\d{17}[\dX])[^\dX]*", number)  # 身份证：341299…（户口簿）
    if inside:
        number = inside[1]
    if len(number) == 15 and number.isdigit():
        number = f"{number[:6]}19{number[6:]}"
        number += ric.calc_check_digit(number + "0")
        if _birth_date_in(number) is None:
            return Reading(None, Flaw("id_malformed", "15 位身份证号里的出生日期不对，请对照户口簿核对"))
        return Reading(
            number, Flaw("id_15_digits", "这是 15 位的老身份证号，已按规则写成 18 位，请换成现在的 18 位号码")
        )
    if not re.fullmatch(r"\d{17}[\dX]", number):
        if re.fullmatch(r"[\dX]+", number):
            return Reading(
                None, Flaw("id_malformed", f"身份证号是 18 位，这里是 {len(number)} 位，请对照户口簿核对")
            )
        return Reading(
            None, Flaw("id_malformed", "身份证号里有别的字，应是 18 位数字（末位可以是 X），请对照户口簿核对")
        )
    if ric.calc_check_digit(number) != number[-1]:
        if number.endswith("000"):
            return Reading(None, DIGITS_LOST)
        return Reading(
            None, Flaw("id_check_digit", "身份证号有一位写错了（最后一位校验不对），请对照户口簿逐位核对")
        )
    birth_date = _birth_date_in(number)
    if birth_date is None:
        return Reading(None, Flaw("id_malformed", "身份证号第 7 到 14 位不是一个日期，请对照户口簿核对"))
    if birth_date > today:
        return Reading(None, Flaw("id_malformed", "身份证号里的出生日期在今天之后，请对照户口簿核对"))
    return Reading(number)


def _birth_date_in(number):
    try:
        return datetime.date(int(number[6:10]), int(number[10:12]), int(number[12:14]))
    except ValueError:
        return None


def birth_date_of(id_number: str) -> datetime.date | None:
    """The birth date inside a valid 18-character number."""
    return _birth_date_in(id_number) if id_number and len(id_number) == 18 else None


def sex_of(id_number: str) -> str | None:
    """男 or 女 by the 17th digit of a valid 18-character number."""
    if not id_number or len(id_number) != 18:
        return None
    return "男" if int(id_number[16]) % 2 else "女"


def id_number_index(value: str) -> str:
    """The keyed index an ID number is found by; "" for blank."""
    from trust.crypto import blind_index

    number = _ID_NOISE.sub("", clean_text(value)).translate(_ID_LETTERS).upper()
    return blind_index(number, "id_number") if number else ""


# --- phones ----------------------------------------------------------------------------------------------------------

_MOBILE = re.compile(r"1[3-9]\d{9}")
_MOBILE_INSIDE = re.compile(r"(?<!\d)(?:\+?86[- ]?|0086[- ]?)?(1[3-9]\d[- ]?\d{4}[- ]?\d{4})(?!\d)")
_PHONE_NOISE = re.compile(r"[\s\-—–－_.()'‘’`\"“”]+")
_PHONE_SPLIT = re.compile(r"[/\\、,，;；|\n\r]+|或者?|和|及")
_PHONE_WORDS = re.compile(r"[一-鿿:：]+")
_DIGIT_RUN = re.compile(r"\+?\d[\d\- ]*\d|\d")


_NO_PHONE = re.compile(r"|0|(?:暂时?)?(?:无|没有?)(?:联系)?(?:电话|手机|号码|联系方式)?")


class Phones(NamedTuple):
    """What a phone cell holds: the one to call first, all of them in order, and the flaw of what could not be read."""

    value: str | None
    all: tuple[str, ...] = ()
    flaw: Flaw | None = None


def read_phones(value) -> Phones:
    """The numbers of a cell as plain digits; the first mobile comes first, the others are kept.

    Short numbers of a group and local landlines are numbers too. What cannot be a phone is a flaw.
    """
    if value is None or value == "":
        return Phones(None)
    if isinstance(value, float) and not value.is_integer():
        return Phones(None, (), _bad_phone(repr(value)))
    text = clean_text(value)
    if text in EMPTY_WORDS or _NO_PHONE.fullmatch(text) or is_masked(text):
        return Phones(None)
    return _phones(text)


def _bad_phone(text):
    digits = re.sub(r"\D", "", text)
    if digits.startswith("1") and 8 < len(digits) < 15 and len(digits) != 11:
        return Flaw("bad_phone", f"手机号是 11 位，这里是 {len(digits)} 位，请问清再填")
    return Flaw("bad_phone", "这不像一个电话号码，请问清再填")


@lru_cache(maxsize=8192)
def _phones(text):
    if _MOBILE.fullmatch(text):
        return Phones(text, (text,))
    whole = _one_number(text)
    if whole:
        return Phones(whole, (whole,))
    found, bad = [], None
    for part in _PHONE_SPLIT.split(text):
        if not part.strip():
            continue
        numbers, left = _numbers_in(part)
        found += numbers
        if left is not None:
            bad = bad or _bad_phone(left)
    found = list(dict.fromkeys(found))
    found.sort(key=lambda number: not _MOBILE.fullmatch(number))  # stable: first mobile first
    if not found and bad is None:
        bad = _bad_phone(text)
    return Phones(found[0] if found else None, tuple(found), bad)


def _numbers_in(part):
    """Numbers of one part, and the rest that is not one (or None)."""
    one = _one_number(_PHONE_WORDS.sub("", part))
    if one:
        return [one], None
    mobiles = [re.sub(r"\D", "", m) for m in _MOBILE_INSIDE.findall(part)]
    rest = _MOBILE_INSIDE.sub(" ", part)
    bad = None
    for run in _DIGIT_RUN.findall(rest):
        for piece in [run] if _one_number(run) else run.split():
            number = _one_number(piece)
            if number:
                mobiles.append(number)
            elif len(re.sub(r"\D", "", piece)) > 2:  # "转 12" and "家 2" are not numbers to call
                bad = bad or piece
    if not mobiles and bad is None:
        bad = part
    return mobiles, bad


def _one_number(text):
    text = re.split(r"转|分机|ext", text, maxsplit=1)[0]
    text = re.sub(
        r"^(\(?0\d{2,3}\)?[- ]?\d{7,8})-\d{1,5}$", r"\1", text.strip()
    )  # 0550-1234567-801: an extension
    if _DIGITS_LOST.match(text.strip()):
        try:
            number = Decimal(text.strip())
        except InvalidOperation:
            return None
        exact = len(number.as_tuple().digits) >= 11 or number.as_tuple().exponent <= 0
        text = str(int(number)) if exact else ""
    digits = _PHONE_NOISE.sub("", text)
    if digits.startswith("+"):
        digits = digits[1:]
        if not digits.startswith("86"):
            return None
    if digits.startswith("0086"):
        digits = digits[4:]
    elif digits.startswith("86") and len(digits) in (12, 13):
        digits = digits[2:]
    if not digits.isascii() or not digits.isdigit():
        return None
    if _MOBILE.fullmatch(digits):
        return digits
    if digits.startswith("01") and _MOBILE.fullmatch(digits[1:]):  # long-distance 0 before a mobile
        return digits[1:]
    if digits.startswith("0"):
        return digits if 10 <= len(digits) <= 12 else None
    if digits.startswith(("400", "800")) and len(digits) == 10:
        return digits
    if digits.startswith("1"):
        return None
    return digits if len(digits) in (5, 6, 7, 8) else None  # local landline or short number of a group


def read_phone(value) -> Reading:
    """The one number to call of a form field; see ``read_phones``."""
    phones = read_phones(value)
    return Reading(phones.value, phones.flaw)


def phone_index(value: str) -> str:
    """The keyed index a phone is found by; "" for blank."""
    from trust.crypto import blind_index

    digits = re.sub(r"\D", "", clean_text(value))
    return blind_index(digits, "phone") if digits else ""


# --- dates -----------------------------------------------------------------------------------------------------------

_CHINESE_DIGITS = {c: i for i, c in enumerate("〇一二三四五六七八九")} | {"零": 0, "○": 0, "Ｏ": 0, "两": 2}
_YMD = re.compile(
    r"(\d{4})\s*[年./\-—–－、。，,·_\s]\s*(\d{1,2})\s*[月./\-—–－、。，,·_\s]\s*(\d{1,2})\s*[日号]?[.。]?"
)
_YM = re.compile(r"(\d{4})\s*[年./\-—–－、。]\s*(\d{1,2})\s*(?:[月份]*|[./\-])")
_TIME = re.compile(r"[ T]+(?:上午|下午)?\d{1,2}:\d{1,2}(?::\d{1,2}(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?$")
_CHINESE_DATE = re.compile(
    r"([〇零○一二三四五六七八九]{4})年([一二三四五六七八九十]{1,3})月(?:([一二三四五六七八九十]{1,3})[日号])?"
)
_EXCEL_DAY_ZERO = datetime.date(1899, 12, 30)
DATE_HINT = "请写成 2014-05-03 这样"


class DateReading(NamedTuple):
    """A date; or only its year and month (``year_month``), which is no date; or a flaw."""

    value: datetime.date | None
    flaw: Flaw | None = None
    year_month: tuple[int, int] | None = None


def read_date(value) -> DateReading:
    """A day in the common spellings; year and month only is not a date (``date_incomplete``)."""
    if value is None or value == "":
        return DateReading(None)
    if isinstance(value, datetime.datetime):
        return DateReading(value.date())
    if isinstance(value, datetime.date):
        return DateReading(value)
    if isinstance(value, float) and not isinstance(value, bool) and not value.is_integer():
        # 41762.4 is an Excel moment; 2014.5 is the year and a month
        if 20000 < value < 80000:
            return DateReading(_EXCEL_DAY_ZERO + datetime.timedelta(days=int(value)))
        return _incomplete(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 20000 < value < 80000:
        return DateReading(_EXCEL_DAY_ZERO + datetime.timedelta(days=int(value)))
    text = clean_text(value)
    if text in EMPTY_WORDS or text == "0" or MASK in text:
        return DateReading(None)
    return _date(text)


def _incomplete(value):
    match = re.fullmatch(r"((?:19|20)\d\d)\.(\d{1,2})", str(value))
    if match and 1 <= int(match[2]) <= 12:
        # 2014.1 may be January or October: the second digit of a number cell is gone
        sure = match[2] != "1"
        return DateReading(None, _no_day(), (int(match[1]), int(match[2])) if sure else None)
    return DateReading(None, Flaw("bad_date", f"日期看不懂，{DATE_HINT}"))


def _no_day():
    return Flaw("date_incomplete", f"只有年和月，没有哪一天，{DATE_HINT}")


@lru_cache(maxsize=16384)
def _date(text):
    if "农历" in text or "阴历" in text or "腊月" in text or "正月" in text:
        return DateReading(None, Flaw("bad_date", f"这里要公历日期，{DATE_HINT}"))
    text = text.strip("'‘’`")
    text = re.sub(r"(出生|生|[(]?(?:星期|周)[一二三四五六日天][)]?)$", "", _TIME.sub("", text)).strip()
    match = _YMD.fullmatch(text) or re.fullmatch(r"(\d{4})(\d{2})(\d{2})", text)
    if match:
        return _day(*map(int, match.groups()))
    match = _CHINESE_DATE.fullmatch(text)
    if match:
        year = int("".join(str(_CHINESE_DIGITS[c]) for c in match[1]))
        if match[3]:
            return _day(year, read_number(match[2]) or 0, read_number(match[3]) or 0)
        return DateReading(None, _no_day(), (year, read_number(match[2]) or 1))
    match = _YM.fullmatch(text) or re.fullmatch(r"((?:19|20)\d\d)(\d{2})", text)
    if match and 1 <= int(match[2]) <= 12:
        return DateReading(None, _no_day(), (int(match[1]), int(match[2])))
    if re.fullmatch(r"(?:19|20)\d\d年?", text):
        return DateReading(None, Flaw("date_incomplete", f"只有年份，没有月和日，{DATE_HINT}"))
    return DateReading(None, Flaw("bad_date", f"日期看不懂，{DATE_HINT}"))


def _day(year, month, day):
    try:
        found = datetime.date(year, month, day)
    except ValueError:
        return DateReading(None, Flaw("bad_date", f"没有 {year} 年 {month} 月 {day} 日这一天，请核对"))
    if not 1900 <= year <= 2100:
        return DateReading(None, Flaw("bad_date", f"年份 {year} 不对，请核对"))
    return DateReading(found)


# --- grades and classes ----------------------------------------------------------------------------------------------

GRADES = (
    "小班",
    "中班",
    "大班",
    "一年级",
    "二年级",
    "三年级",
    "四年级",
    "五年级",
    "六年级",
    "七年级",
    "八年级",
    "九年级",
)
_NUMERALS = "零一二三四五六七八九十"
_TENS = re.compile(r"([一二三四五六七八九]?)十([一二三四五六七八九]?)")


def read_number(text: str) -> int | None:
    """A small whole number in digits or Chinese numerals (1, 01, 二, 十二, 二十); None when it is not one."""
    text = text.strip()
    if text.isascii() and text.isdigit():
        return int(text)
    if len(text) == 1 and text in _NUMERALS:
        return _NUMERALS.index(text)
    match = _TENS.fullmatch(text)
    if match:
        return (_NUMERALS.index(match[1]) if match[1] else 1) * 10 + (
            _NUMERALS.index(match[2]) if match[2] else 0
        )
    return None


class GradeClass(NamedTuple):
    """A grade (一年级 … 九年级, 小班 …), a class as ``1班`` (or as typed), an entry year, whether junior was said."""

    grade: str | None = None
    school_class: str | None = None
    entry_year: int | None = None
    stage: str = ""  # "primary", "junior", "kindergarten" when the words say so
    doubtful: bool = (
        False  # a bare number (三（2）班): a grade of primary school, or of junior school counted anew
    )


_CIRCLED = {0x2460 + i: str(i + 1) for i in range(20)}
_N = r"(\d{1,2}|[一二三四五六七八九十]{1,3})"
_BRACKETED = r"[(（\[【〔]?\s*" + _N + r"\s*[)）\]】〕]?"
_GRADE_WORD = re.compile(
    r"^(?:(?P<junior>初级?中?学?|中学)|(?P<primary>小学))?(?P<number>[1-9](?!\d)|[一二三四五六七八九])\s*(?P<word>年级?|级)?"
)
_KINDERGARTEN = re.compile(r"^(?:幼儿园|学前|幼儿?)?\s*(?P<size>[小中大])(?:班)?")
# 2021级 began in 2021. 2021届 ends (or, for some, began) in 2021: not ours to say, so it stays as typed.
_ENTRY = re.compile(r"^(?P<stage>初中?|小学?|中学)?\s*(?P<year>20\d\d|\d\d)\s*级")
# 石门小学三（2）班: the school before the class
_SCHOOL_BEFORE = re.compile(
    r"^.{2,20}?(?=小学[1-9一二三四五六七八九]|中学[初1-9一二三四五六七八九])|^.{2,20}?(?:学校|幼儿园|教学点|初级中学(?=初))"
)


@lru_cache(maxsize=16384)
def read_grade(text: str, junior_from: int = 7) -> GradeClass:
    """A grade cell; the grade is None when it cannot be read. ``junior_from`` = number of 初一 (6 in 五四 schools)."""
    word = _SPACES.sub("", clean_text(text))
    if word in EMPTY_WORDS and word != "一一":
        return GradeClass()
    found, rest = _grade_start(word, junior_from)
    return found if found and not rest.strip("级班") else GradeClass()


@lru_cache(maxsize=16384)
def read_class(
    text: str, has_grade: bool = False, junior_from: int = 7, kindergarten: bool = False
) -> GradeClass:
    """A class cell or a 年级+班级 cell: 三（2）班, 九年级二班, 初三1班, 2021级3班, 302, 3.2班, 2, (2)班, 大二班.

    ``has_grade`` = the grade stands in a cell of its own, so a lone number is the class. ``kindergarten`` = no primary
    grades are here, so 小一班 is a class of 小班; else it may be 小学一年级. What cannot be read, or may be two things (小三,
    31, 2021届), stands in ``school_class`` as typed.
    """
    word = _SPACES.sub("", clean_text(text)).translate(_CIRCLED).strip("'‘’`")
    if not word or word in EMPTY_WORDS:
        return GradeClass()
    word = re.sub(
        r"^[(（\[【〔]([1-9一二三四五六七八九])[)）\]】〕](?=[\d一二三四五六七八九十年])", r"\1.", word
    ).replace(".年", "年")
    lone = re.fullmatch(r"第?" + _BRACKETED + r"班?", word)
    if lone and len(lone[1]) <= 2 and (has_grade or "班" in word or word[0] in "(（"):
        number = read_number(lone[1])
        if number:
            return GradeClass(None, f"{number}班")
    coded = re.fullmatch(r"([1-9])(0[1-9]|[1-3]\d)班?", word)
    if coded:  # 302: grade 3, class 2
        return GradeClass(GRADES[int(coded[1]) + 2], f"{int(coded[2])}班", doubtful=True)
    if re.fullmatch(r"\d{2}", word) or (
        not kindergarten and re.match(r"小(?!\d{2,4}级)(?:第?[1-9一二三四五六七八九]|$)", word)
    ):
        return GradeClass(None, word)
    word = re.sub(r"^(小学|初中|中学)部", r"\1", _SCHOOL_BEFORE.sub("", word))
    found, rest = _grade_start(word, junior_from)
    if found is None:
        return GradeClass(None, word)
    if found.stage == "kindergarten" and word in ("小班", "中班", "大班"):
        return found
    rest = re.sub(r"^[.\-—–－·、/_]", "", rest)
    match = re.fullmatch(r"第?" + _N + r"班?级?", re.sub(r"[()（）\[\]【】〔〕]", "", rest))
    if match and read_number(match[1]):
        return found._replace(school_class=f"{read_number(match[1])}班")
    if not rest.strip("级班"):
        return found
    return found._replace(school_class=rest)


def _grade_start(word, junior_from):
    """The grade a text begins with, and what follows it."""
    match = _ENTRY.match(word)
    if match:
        year = int(match["year"])
        stage = {"初": "junior", "中": "junior", "小": "primary"}.get((match["stage"] or " ")[0], "")
        year = year if year > 99 else 2000 + year
        rest = word[match.end() :]
        if rest.startswith(("初", "小学")):
            # 2021级初三（1）班 says the grade itself
            found, after = _grade_start(rest, junior_from)
            if found is not None and found.grade:
                return found, after
        return GradeClass(None, None, year, stage), rest
    match = _KINDERGARTEN.match(word)
    if match and (not word.startswith(("小学", "中学")) or word[1:2] == "班"):
        return GradeClass(f"{match['size']}班", None, None, "kindergarten"), word[match.end() :]
    match = _GRADE_WORD.match(word)
    if not match:
        return None, word
    number = read_number(match["number"])
    if match["junior"]:
        if match["junior"].startswith("初") and number <= 4:
            # 初一 = 七年级, in 五四 schools 六年级; 初四 exists only there and is always grade nine
            grade = 9 if number == 4 else number + junior_from - 1
            return GradeClass(GRADES[grade + 2], None, None, "junior"), word[match.end() :]
        if number < 7:
            return None, word
    stage = "primary" if match["primary"] else ""
    doubtful = not (match["word"] or stage)
    return GradeClass(GRADES[number + 2], None, None, stage, doubtful), word[match.end() :]


def grade_number(grade: str) -> int:
    """−2 小班 … 0 大班, 1 … 9: grades count through."""
    return GRADES.index(grade) - 2


# --- words -----------------------------------------------------------------------------------------------------------

_RELATIONS = {
    "father": "父亲 父 爸爸 爸 父子 父女 生父 亲生父亲 爹",
    "mother": "母亲 母 妈妈 妈 母子 母女 生母 娘",
    "grandfather": "爷爷 祖父 爷 爷孙 祖孙 公公 阿公 爹爹 祖父母 爷爷奶奶 爷奶 公 太爷爷 曾祖父 老太爷 继爷爷",
    "grandmother": "奶奶 祖母 奶 婆婆 阿婆 嬷嬷 阿奶 太奶奶 曾祖母 继奶奶 婆",
    "maternal_grandfather": "外公 外祖父 姥爷 家公 嘎公 外爷 外公外婆 外祖父母 姥姥姥爷 家爷",
    "maternal_grandmother": "外婆 外祖母 姥姥 家婆 嘎婆 家家 阿嬷",
    "uncle": "伯父 叔叔 舅舅 姑父 姨父 大伯 伯伯 叔 伯 舅 叔父 舅父 姑爹 姨爹 小叔 二叔 三叔 大叔 大舅 二舅 小舅 姑夫 姨夫 幺叔 堂叔 叔公 叔侄 舅甥 伯侄",
    "aunt": "伯母 婶婶 舅妈 姑姑 姨妈 大姑 小姑 二姑 小姨 大姨 二姨 阿姨 姑妈 婶 姑 姨 大妈 舅母 婶子 姑母 姨母 幺姑 三姨 大娘 婶娘 姑侄",
    "sibling": "哥哥 姐姐 哥 姐 兄 兄长 大哥 大姐 堂哥 堂姐 表哥 表姐 兄妹 姐弟 兄弟 姐妹 嫂子 姐夫",
    "step_parent": "继父 继母 养父 养母 后爸 后妈 养父母",
    "other_relative": "亲戚 亲属 其他亲属 远房亲戚 其他亲戚 姑奶奶 舅爷 姑婆 姨婆 舅公 外曾祖母 外曾祖父 姨奶奶 姨姥姥",
    "other": "其他 邻居 老师 教师 朋友 托管人 村干部 村委会 保姆 友人 父母的朋友 福利院",
}
RELATION_CODES = {word: code for code, words in _RELATIONS.items() for word in words.split()}


@lru_cache(maxsize=4096)
def relation_code(written: str) -> str:
    """The code of a relation as written (爷爷 → grandfather); ``other`` when the word is not known."""
    word = (
        re.sub(r"^(?:亲|他的|她的|其|系|是|孩子|该生)", "", _SPACES.sub("", clean_text(written))) or written
    )
    word = re.split(r"[/、,，(]", word)[0]
    if word in RELATION_CODES:
        return RELATION_CODES[word]
    if len(word) > 2 and word.endswith(("关系", "监护")):
        return RELATION_CODES.get(word[:-2], "other")
    return "other"


@lru_cache(maxsize=1024)
def read_yes_no(text: str) -> bool | None:
    """是/否, 有/无, √/×, 1/0, 住校/走读; None when blank or something else."""
    word = _SPACES.sub("", clean_text(text)).strip("。.").upper()
    if word in {
        "是",
        "有",
        "√",
        "✓",
        "✔",
        "☑",
        "Y",
        "YES",
        "1",
        "对",
        "住校",
        "寄宿",
        "住宿",
        "寄宿生",
        "住校生",
        "住宿生",
        "住读",
        "内宿",
        "全寄宿",
        "半寄宿",
    }:
        return True
    if word in {
        "否",
        "无",
        "没有",
        "不是",
        "×",
        "✗",
        "✘",
        "✕",
        "N",
        "NO",
        "0",
        "X",
        "走读",
        "走读生",
        "不住校",
        "非寄宿",
        "通学",
        "通学生",
        "外宿",
        "不寄宿",
    }:
        return False
    return None


@lru_cache(maxsize=256)
def read_sex(text: str) -> str | None:
    """男 or 女; None when blank or something else."""
    word = _SPACES.sub("", clean_text(text)).strip("性孩生").upper()
    if word in {"男", "M", "1", "MALE", "♂"}:
        return "男"
    if word in {"女", "F", "2", "FEMALE", "♀"}:
        return "女"
    return None


@lru_cache(maxsize=1024)
def read_care_type(text: str) -> str | None:
    """Left-behind by the words of a roster: ``both_away``, ``one_away``, ``unknown`` (是), ``none`` (非留守); None = blank.

    Codes are those of the student register (学籍): 0 非留守, 1 单亲留守 (one parent out), 2 双亲留守.
    """
    word = _SPACES.sub("", clean_text(text)).strip("。.")
    if not word or word in EMPTY_WORDS - {"无", "没有"}:
        return None
    code = re.match(r"^([012])(?:[-—.、:：]|$)", word)
    if code:
        return ("none", "one_away", "both_away")[int(code[1])]
    if re.search(r"非留守|不是|不留守|未外出|没外出|没有外出|均在家|都在家|父母在家|双方在家", word) or word in {
        "否", "无", "没有", "N", "×", "不是", "在家",
    }:  # fmt: skip
        return "none"
    if re.search(
        r"双亲|双方|双留守|父母都|父母均|父母外出|都外出|均外出|都在外|均在外|全部外出|父母双|两方|都不在|父母同时|父母(?:都|均|皆|全)?在外|父母务工|父母打工|父母$",
        word,
    ):
        return "both_away"
    if re.search(r"单亲|单方|一方|单留守|父亲|母亲|爸|妈|^父|^母|父在外|母在外|父外出|母外出", word):
        return "one_away"
    if word in {"是", "有", "√", "✓", "Y", "留守", "留守儿童", "留守学生", "农村留守儿童"}:
        return "unknown"
    return None


_ALONE = re.compile(
    r"(?<![非不无未曾没])(?:独居|独自(?:生活|居住|一人|在家|住)|单独(?:居住|生活)|一个?人(?:居住|生活|住|在家|过)|自己(?:一个?人)?(?:住|生活|居住|过))"
)
_UNATTENDED = re.compile(
    r"无人(?:监护|照看|照料|照管|照顾|看管|管|抚养)|无监护人?(?!能力)|没有?人(?:监护|照看|照料|照管|照顾|看管|管)|没有监护人"
)
_NEGATED = re.compile(r"(?:不存在|没有|并非|不是|不属于|无|非|未|不|曾经?)\s*$")


def protection_alarm(text: str) -> str | None:
    """``alone`` (独居) or ``unattended`` (无人监护) when a text says so of the child, else None."""
    word = _SPACES.sub("", clean_text(text))
    if len(word) < 2:
        return None
    for kind, pattern in (("unattended", _UNATTENDED), ("alone", _ALONE)):
        for match in pattern.finditer(word):
            if not _NEGATED.search(word[: match.start()]) and not word[match.end() :].startswith(
                ("情况:无", ":否", ":无")
            ):
                return kind
    return None
