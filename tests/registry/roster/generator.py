"""Invented rosters in the shapes that schools send, each with exactly what must be read out of it."""

import csv
import datetime
import io
from dataclasses import dataclass, field
from random import Random

from openpyxl import Workbook
from stdnum.cn import ric

SURNAMES = [*list("王李张刘陈杨赵黄周吴覃龙彭向田石曾单"), "欧阳", "尉迟"]
GIVEN = [
    "小满",
    "家豪",
    "雨晴",
    "子轩",
    "浩宇",
    "佳怡",
    "秀英",
    "建国",
    "梦",
    "欣",
    "思远",
    "静怡",
    "志强",
    "晓东",
    "文博",
    "若兰",
    "大山",
]
VILLAGES = ["柳溪村", "枫林村", "青石桥村", "白水社区"]
PLACES = ["广东省东莞市", "浙江省义乌市", "江苏昆山", "上海市松江区", "福建晋江"]
RELATIONS = ["爷爷", "奶奶", "外公", "外婆", "姑姑", "伯父", "祖父"]
DIGITS = "零一二三四五六七八九"


def id_number(born: datetime.date, order: int) -> str:
    """A valid number of the unassigned area 341299; an odd order is a boy."""
    head = f"341299{born:%Y%m%d}{order:03d}"
    return head + ric.calc_check_digit(head + "0")


def phone(random: Random) -> str:
    """A mobile with 0000 in the middle."""
    return f"1{random.choice('3578')}{random.randrange(10)}0000{random.randrange(10000):04d}"


@dataclass
class Kid:
    """A child as it must come out."""

    name: str
    sex: str
    birth_date: datetime.date
    id_number: str
    grade: int
    number: int
    address: str
    guardian: dict
    father: dict
    mother: dict

    @property
    def grade_name(self):
        """一年级 … 九年级."""
        return f"{DIGITS[self.grade]}年级"

    def expected(self) -> dict:
        """``fields`` of the command."""
        return {
            "name": self.name, "sex": self.sex, "birth_date": self.birth_date.isoformat(), "id_number": self.id_number,
            "grade": self.grade_name, "class": f"{self.number}班", "guardian": dict(self.guardian),
            "father": dict(self.father), "mother": dict(self.mother), "address": self.address,
        }  # fmt: skip


def kids(random: Random, count: int, grades=(1, 9)) -> list[Kid]:
    """``count`` children with different names and numbers."""
    found, names = [], set()
    orders = {}
    while len(found) < count:
        surname = random.choice(SURNAMES)
        name = surname + random.choice(GIVEN) + (random.choice(GIVEN)[:1] if random.random() < 0.2 else "")
        if random.random() < 0.08:
            name = "阿依古丽·" + random.choice(GIVEN)
        if name in names and count < 300:
            continue
        names.add(name)
        grade = random.randint(*grades)
        born = datetime.date(2026 - 6 - grade, random.randint(1, 8), random.randint(1, 28))
        sex = random.choice("男女")
        orders[born] = orders.get(born, 0) + 1
        number = orders[born] * 2 + (1 if sex == "男" else 0)
        village = random.choice(VILLAGES)
        parent = lambda: {  # noqa: E731
            "name": random.choice(SURNAMES) + random.choice(["强", "芳", "勇", "桂花", "海燕"]),
            "work_place": random.choice(PLACES),
            "phone": phone(random),
        }
        found.append(
            Kid(
                name, sex, born, id_number(born, number), grade, random.randint(1, 4), f"{village}{random.randint(1, 9)}组",
                {"name": surname + random.choice(["大山", "德福", "彭氏", "三妹"]), "relation": random.choice(RELATIONS), "phone": phone(random)},
                parent(), parent(),
            )
        )  # fmt: skip
    return found


@dataclass
class Shape:
    """How a school writes its roster."""

    title: bool = True
    note: bool = False
    levels: int = 1
    merged: bool = True
    order: str = "id first"
    class_style: str = "two columns"  # one column, section rows, sheet per class, title
    class_word: str = "三（2）班"
    date_style: str = "iso"
    phone_style: str = "text"
    names_spaced: bool = False
    foot: bool = True
    numbers: bool = True
    words: int = 0
    file: str = "xlsx"
    extra: bool = False


HEADINGS = [
    {"name": "姓名", "sex": "性别", "id": "身份证号", "birth": "出生日期", "grade": "年级", "class": "班级", "both": "年级班级",
     "address": "家庭住址", "f": ("父亲", "姓名", "务工地点", "联系电话"), "m": ("母亲", "姓名", "务工地点", "联系电话"),
     "g": ("监护人", "姓名", "与儿童关系", "联系电话")},
    {"name": "学生姓名", "sex": "性 别", "id": "公民身份证号码", "birth": "出生\n年月日", "grade": "所在年级", "class": "所在班级", "both": "所在年级班级",
     "address": "现居住地", "f": ("父亲情况", "父亲姓名", "当前务工地点", "父亲联系电话"), "m": ("母亲情况", "母亲姓名", "当前务工地点", "母亲联系电话"),
     "g": ("委托监护人", "委托监护人姓名", "与被监护人关系", "委托监护人电话")},
    {"name": "留守儿童姓名", "sex": "性别", "id": "身份证件号（18位）", "birth": "出生年月", "grade": "年 级", "class": "班", "both": "年级、班级",
     "address": "现住址（详细）", "f": ("父亲", "父亲姓名", "父亲务工地", "父亲手机号"), "m": ("母亲", "母亲姓名", "母亲务工地", "母亲手机号"),
     "g": ("临时监护人", "监护人姓名", "监护人与学生关系", "监护人手机")},
]  # fmt: skip


def class_words(kid: Kid, style: str) -> str:
    """年级+班级 in one cell, in one of many spellings."""
    digit = DIGITS[kid.grade]
    junior = {7: "初一", 8: "初二", 9: "初三"}.get(kid.grade)
    if style == "三（2）班":
        return f"{digit}（{kid.number}）班"
    if style == "三(2)班":
        return f"{digit}({kid.number})班"
    if style == "九年级二班":
        return f"{digit}年级{DIGITS[kid.number]}班"
    if style == "初三1班":
        return f"{junior or digit}{kid.number}班"
    if style == "3年级2班":
        return f"{kid.grade}年级{kid.number}班"
    if style == "302":
        return f"{kid.grade}{kid.number:02d}"
    raise ValueError(style)


CLASS_WORDS = ["三（2）班", "三(2)班", "九年级二班", "初三1班", "3年级2班", "302"]


def date_words(day: datetime.date, style: str):
    """A birth date as one of the common spellings."""
    return {
        "iso": day.isoformat(), "chinese": f"{day.year}年{day.month}月{day.day}日", "dots": f"{day.year}.{day.month}.{day.day}",
        "slashes": f"{day.year}/{day.month}/{day.day}", "compact": f"{day:%Y%m%d}", "number": int(f"{day:%Y%m%d}"), "excel": day,
        "blank": None, "month": f"{day.year}年{day.month}月",
    }[style]  # fmt: skip


DATES = ["iso", "chinese", "dots", "slashes", "compact", "number", "excel", "blank", "month"]


def phone_words(number: str, style: str):
    """A mobile as text, number, with separators or with a second number behind it."""
    return {
        "text": number, "number": int(number), "float": float(number), "spaces": f"{number[:3]} {number[3:7]} {number[7:]}",
        "prefix": f"+86 {number}", "two": f"{number}/0550-1234567", "full": number.translate({48 + i: 0xFF10 + i for i in range(10)}),
        "apostrophe": f"'{number}",
    }[style]  # fmt: skip


PHONES = ["text", "number", "float", "spaces", "prefix", "two", "full", "apostrophe"]


def random_shape(random: Random) -> Shape:
    """Any combination."""
    file = random.choice(["xlsx", "xlsx", "xlsx", "csv-utf8", "csv-gbk"])
    levels = random.choice([1, 2])
    styles = ["two columns", "one column", "section rows", "title"] + (
        ["sheet per class"] if file == "xlsx" else []
    )
    return Shape(
        title=random.random() < 0.8, note=random.random() < 0.5, levels=levels, merged=file == "xlsx" and random.random() < 0.8,
        order=random.choice(["id first", "guardian early", "address early"]), class_style=random.choice(styles),
        class_word=random.choice(CLASS_WORDS), date_style=random.choice(DATES), phone_style=random.choice(PHONES),
        names_spaced=random.random() < 0.4, foot=random.random() < 0.7, numbers=random.random() < 0.8,
        words=random.randrange(len(HEADINGS)), file=file, extra=random.random() < 0.4,
    )  # fmt: skip


@dataclass
class Made:
    """A file, and (sheet, row, fields) of every child in it."""

    data: bytes
    children: list = field(default_factory=list)


def build(shape: Shape, children: list[Kid]) -> Made:
    """Writes the children in the shape."""
    if shape.class_style == "title":
        for kid in children:
            kid.grade, kid.number = children[0].grade, children[0].number
    if shape.class_style in ("section rows", "sheet per class", "title"):
        children = sorted(children, key=lambda kid: (kid.grade, kid.number))
    groups = {}
    for kid in children:
        groups.setdefault(
            (kid.grade, kid.number) if shape.class_style == "sheet per class" else 0, []
        ).append(kid)
    workbook = Workbook()
    workbook.remove(workbook.active)
    made = Made(b"")
    rows = []
    for group in groups.values():
        name = class_words(group[0], "三(2)班") if shape.class_style == "sheet per class" else "名册"
        sheet = workbook.create_sheet(name)
        rows = _sheet(shape, group, sheet, made)
    if shape.file == "xlsx":
        file = io.BytesIO()
        workbook.save(file)
        made.data = file.getvalue()
    else:
        text = io.StringIO()
        csv.writer(text).writerows(["" if cell is None else cell for cell in row] for row in rows)
        made.data = text.getvalue().encode("utf-8-sig" if shape.file == "csv-utf8" else "gb18030")
        made.children = [("", row, fields) for _, row, fields in made.children]
    return made


def _sheet(shape, children, sheet, made):
    words = HEADINGS[shape.words]
    columns = ["seq"] if shape.numbers else []
    basics = ["name", "sex", "id", "birth"]
    if shape.class_style == "two columns":
        basics += ["grade", "class"]
    elif shape.class_style == "one column":
        basics += ["both"]
    family = ["f0", "f1", "f2", "m0", "m1", "m2"]
    guardian = ["g0", "g1", "g2"]
    columns += {
        "id first": [*basics, "address", *family, *guardian],
        "guardian early": [*basics, *guardian, *family, "address"],
        "address early": ["name", "address", *basics[1:], *family, *guardian],
    }[shape.order]
    columns.append("note")
    if shape.extra:
        columns.insert(-1, "extra")
    rows = []
    if shape.title:
        where = class_words(children[0], "三（2）班") if shape.class_style == "title" else ""
        rows.append([f"石门小学{where}2026年秋季留守儿童花名册"])
    elif shape.class_style == "title":
        rows.append([f"班级：{class_words(children[0], '三（2）班')}"])
    if shape.note:
        rows.append(["填报单位（盖章）：石门小学", None, None, None, None, "填报日期：2026年9月10日"])
    top = len(rows)
    simple = {
        "seq": "序号",
        "note": "备注",
        "extra": "独生子女证编号情况",
        **{k: words[k] for k in ("name", "sex", "id", "birth", "grade", "class", "both", "address")},
    }
    if shape.levels == 1:
        subject = {"f": "父亲", "m": "母亲", "g": "监护人"}
        rows.append([
            simple.get(c) or (words[c[0]][int(c[1]) + 1] if words[c[0]][0][:2] in words[c[0]][int(c[1]) + 1] or shape.words
                              else subject[c[0]] + words[c[0]][int(c[1]) + 1]) for c in columns
        ])  # fmt: skip
    else:
        upper, lower = [], []
        for index, column in enumerate(columns):
            if column in simple:
                upper.append(simple[column])
                lower.append(None)
            else:
                before = columns[index - 1] if index else ""
                upper.append(words[column[0]][0] if before[:1] != column[0] or before in simple else None)
                lower.append(words[column[0]][int(column[1]) + 1])
        rows += [upper, lower]
    last_class = None
    number = 0
    for kid in children:
        if shape.class_style == "section rows" and (kid.grade, kid.number) != last_class:
            last_class = kid.grade, kid.number
            rows.append([class_words(kid, shape.class_word if shape.class_word != "302" else "三(2)班")])
        number += 1
        rows.append([_cell(shape, kid, column, number) for column in columns])
        made.children.append((sheet.title, len(rows), kid.expected()))
    if shape.foot:
        rows += [
            ["合计", f"{number}人"],
            [],
            ["填表人：张桂兰", None, None, None, "审核人：周明远"],
            ["注：本表一式两份，学校和班级各存一份，请如实填写。"],
        ]
    for row in rows:
        sheet.append(row)
    if shape.merged and shape.title and top:
        sheet.merge_cells(start_row=1, start_column=1, end_row=1, end_column=len(columns))
    if shape.merged and shape.levels == 2:
        index = 0
        while index < len(columns):
            if columns[index] in simple:
                sheet.merge_cells(
                    start_row=top + 1, start_column=index + 1, end_row=top + 2, end_column=index + 1
                )
                index += 1
            else:
                sheet.merge_cells(
                    start_row=top + 1, start_column=index + 1, end_row=top + 1, end_column=index + 3
                )
                index += 3
    return rows


def _cell(shape, kid, column, number):
    if column == "seq":
        return number
    if column == "name":
        return f" {kid.name[0]}　{kid.name[1:]} ".replace("·", "•") if shape.names_spaced else kid.name
    if column == "sex":
        return kid.sex
    if column == "id":
        return kid.id_number.lower() if shape.names_spaced else kid.id_number
    if column == "birth":
        return date_words(kid.birth_date, shape.date_style)
    if column == "grade":
        return kid.grade_name
    if column == "class":
        return kid.number if shape.phone_style == "number" else f"{kid.number}班"
    if column == "both":
        return class_words(kid, shape.class_word)
    if column == "address":
        return kid.address
    if column in ("note", "extra"):
        return None
    person = {"f": kid.father, "m": kid.mother, "g": kid.guardian}[column[0]]
    key = ("name", "relation" if column[0] == "g" else "work_place", "phone")[int(column[1])]
    return phone_words(person["phone"], shape.phone_style) if key == "phone" else person[key]
