"""Writes a register of invented children in a layout, as a file, with exactly what must be read out of it.

A layout says how the school writes (titles, headings, where the class stands, how parents and carer are written, what
else is on the sheets); ``styles`` says how single cells are spelled. Nothing here reads: what is expected is known
because the register is known.
"""

import csv
import io
import re
import zipfile
from copy import deepcopy
from dataclasses import dataclass, field
from random import Random

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from .generator import DIGITS, Kid, date_words, kids, phone, phone_words

FULL_WIDTH = str.maketrans({48 + i: 0xFF10 + i for i in range(10)})
JUNIOR = {7: "初一", 8: "初二", 9: "初三"}


def class_text(kid, spelling):
    """年级+班级 of a child in one of the spellings of schools (as of the autumn of 2026)."""
    digit, junior = DIGITS[kid.grade], JUNIOR.get(kid.grade)
    return {
        "三（2）班": f"{digit}（{kid.number}）班", "三(2)班": f"{digit}({kid.number})班", "九年级二班": f"{digit}年级{DIGITS[kid.number]}班",
        "初三1班": f"{junior or digit}{kid.number}班", "初三（1）班": f"{junior or digit + '年级'}（{kid.number}）班",
        "3年级2班": f"{kid.grade}年级{kid.number}班", "302": f"{kid.grade}{kid.number:02d}", "302班": f"{kid.grade}{kid.number:02d}班",
        "3.2班": f"{kid.grade}.{kid.number}班", "三2": f"{digit}{kid.number}", "三年级(2)班": f"{digit}年级({kid.number})班",
        "小学三年级(2)班": f"{'小学' if kid.grade < 7 else '初中'}{digit}年级({kid.number})班",
        "三年二班": f"{digit}年{DIGITS[kid.number]}班", "3-2": f"{kid.grade}-{kid.number}", "三 ( 2 ) 班": f"{digit} ( {kid.number} ) 班",
        "石门学校三（2）班": f"石门学校{digit}（{kid.number}）班", "3（02）班": f"{kid.grade}（0{kid.number}）班",
        "2024级2班": f"{2027 - kid.grade}级{kid.number}班", "三年级２班": f"{digit}年级{kid.number}班".translate(FULL_WIDTH),
        "小2024级（2）班": f"小{2027 - kid.grade}级（{kid.number}）班" if kid.grade < 7 else f"初{2033 - kid.grade}级（{kid.number}）班",
    }[spelling]  # fmt: skip


@dataclass
class Styles:
    """How single cells are spelled."""

    name: str = "plain"  # spaced, full space, dot •, dot ．
    id: str = "plain"  # lower, spaced, apostrophe, letter O, full
    birth: str = "iso"
    phone: str = "text"
    blank: str | None = None  # —, 无, /
    relation_blank: bool = False


@dataclass
class Layout:
    """How one school writes its roster. ``columns``: (key, heading) or (key, group, …, heading) from left to right."""

    name: str
    columns: list
    titles: tuple = ("石门学校2026年秋季留守儿童花名册",)
    class_by: str = "columns"  # cell, section, group, sheet, title, grade section, grade sheet, grade title
    spelling: str = "三（2）班"
    styles: Styles = field(default_factory=Styles)
    merge: bool = True
    file: str = "xlsx"
    feet: tuple = ()
    extras: tuple = ()
    grades: tuple = (1, 9)
    stages: tuple = ("primary", "junior")
    siblings: bool = False
    namesakes: bool = False
    parents: str = "李强/王芳"
    carer: str = "奶奶 彭三妹 138"


@dataclass
class Cell:
    """Where something stands."""

    sheet: str
    row: int
    column: str
    header: str


@dataclass
class Written:
    """The file; (sheet, row, fields) of every child; where each (child index, key) stands; ignored rows to be sure of."""

    data: bytes = b""
    children: list = field(default_factory=list)
    cells: dict = field(default_factory=dict)
    hidden_rows: list = field(default_factory=list)
    aside: list = field(default_factory=list)
    keys: set = field(default_factory=set)


def register(random: Random, count: int, grades=(1, 9), siblings=False, namesakes=False) -> list[Kid]:
    """Invented children; some of them with brothers and sisters who share the family."""
    found = kids(random, count, grades)
    if siblings:
        for index in range(1, count, 3):
            first = found[index - 1]
            for name in ("guardian", "father", "mother", "address"):
                setattr(found[index], name, deepcopy(getattr(first, name)))
            found[index].name = first.name[0] + found[index].name[-1] + random.choice("平安乐")
            found[index].grade, found[index].number = first.grade, first.number
    if namesakes and count > 2:
        found[2].name = found[0].name
    return found


def one_class(layout, children):
    """The children as the layout can hold them: all in one class or grade where its title says it, in two where it writes
    the class once for a group.
    """
    for index, kid in enumerate(children):
        if layout.class_by in ("title", "grade title"):
            kid.grade = children[0].grade
            kid.number = children[0].number if layout.class_by == "title" else kid.number
        elif layout.class_by == "group":
            first = children[0] if index < 3 else children[3]
            kid.grade, kid.number = first.grade, first.number


# --- cells -----------------------------------------------------------------------------------------------------------


def name_text(name, style):
    """A name with the spaces and dots that people type."""
    if style == "spaced":
        return f" {name[0]} {name[1:]}" if len(name) == 2 else f"{name} "
    if style == "full space":
        return f"{name[0]}　{name[1:]}　" if len(name) < 4 else name
    if style in ("dot •", "dot ．"):
        return name.replace("·", style[-1])
    return name


def id_text(number, style):
    """An ID number as people type it; number cells are planted problems, not styles."""
    return {
        "plain": number, "lower": number.lower(), "spaced": f"{number[:6]} {number[6:14]} {number[14:]}",
        "apostrophe": f"'{number}", "letter O": number[:-1].replace("0", "O", 1) + number[-1], "full": number.translate(FULL_WIDTH),
    }[style]  # fmt: skip


PARENTS = {
    "李强/王芳": lambda f, m: f"{f['name']}/{m['name']}",
    "李强、王芳": lambda f, m: f"{f['name']}、{m['name']}",
    "父：李强 母：王芳": lambda f, m: f"父：{f['name']} 母：{m['name']}",
    "李强（父）王芳（母）": lambda f, m: f"{f['name']}（父）{m['name']}（母）",
    "父亲李强，母亲王芳": lambda f, m: f"父亲{f['name']}，母亲{m['name']}",
    "两行": lambda f, m: f"{f['name']}\n{m['name']}",
    "李强138、王芳139": lambda f, m: f"{f['name']}{f['phone']}、{m['name']}{m['phone']}",
    "父李强138 母王芳139": lambda f, m: f"父 {f['name']} {f['phone']}\n母 {m['name']} {m['phone']}",
}
CARER = {
    "奶奶 彭三妹 138": lambda g: f"{g['relation']} {g['name']} {g['phone']}",
    "彭三妹（奶奶）138": lambda g: f"{g['name']}（{g['relation']}）{g['phone']}",
    "彭三妹、奶奶、138": lambda g: f"{g['name']}、{g['relation']}、{g['phone']}",
    "奶奶：彭三妹，138": lambda g: f"{g['relation']}：{g['name']}，{g['phone']}",
    "彭三妹138": lambda g: f"{g['name']}{g['phone']}",
    "奶奶彭三妹": lambda g: f"{g['relation']}{g['name']}",
    "三行": lambda g: f"{g['name']}\n{g['relation']}\n{g['phone']}",
}


def value_of(layout, kid, key, number):
    """The cell of a column for a child."""
    styles, family = layout.styles, {"f": kid.father, "m": kid.mother, "g": kid.guardian}
    if key[:2] in ("f.", "m.", "g."):
        person, attribute = family[key[0]], key[2:]
        if attribute in ("name", "relation", "work_place", "phone"):
            if person[attribute] is None:
                return styles.blank
            return phone_words(person[attribute], styles.phone) if attribute == "phone" else person[attribute]
        return None
    simple = {
        "seq": number, "name": name_text(kid.name, styles.name), "sex": kid.sex, "id": id_text(kid.id_number, styles.id),
        "grade": kid.grade_name, "grade number": kid.grade, "class": f"{kid.number}班", "class number": kid.number,
        "class chinese": f"{DIGITS[kid.number]}班", "class brackets": f"（{kid.number}）班",
        "both": class_text(kid, layout.spelling), "address": kid.address, "note": styles.blank, "code": random_code(kid),
        "code word": ("1-单亲留守儿童", "2-双亲留守儿童")[kid.number % 2], "yes": "是", "type": ("父母一方外出", "父母双方外出")[kid.number % 2],
        "people": "汉族", "size": "4人", "aid": "低保", "tick": "√", "no tick": None, "health": "健康", "blank": None,
    }  # fmt: skip
    if key in simple:
        return simple[key]
    if key == "birth":
        return date_words(kid.birth_date, styles.birth)
    if key == "parents":
        return PARENTS[layout.parents](kid.father, kid.mother)
    if key == "carer":
        return CARER[layout.carer](kid.guardian)
    if key.startswith("text:"):
        return key[5:]
    raise KeyError(key)


def random_code(kid):
    """The student register's code of a child whose one parent (1) or both (2) are out."""
    return 1 + kid.number % 2


def expected(layout, kid, keys):
    """``fields`` of the command, by what the columns carry."""
    fields = kid.expected()
    if "id" not in keys:
        fields["id_number"] = None
        if "birth" not in keys:
            fields["birth_date"] = None
        if "sex" not in keys:
            fields["sex"] = None
    if "address" not in keys:
        fields["address"] = None
    for short, long in (("f", "father"), ("m", "mother"), ("g", "guardian")):
        for attribute in fields[long]:
            if f"{short}.{attribute}" not in keys:
                fields[long][attribute] = None
    if "parents" in keys:
        for long in ("father", "mother"):
            fields[long]["name"] = getattr(kid, long)["name"]
            if "138" in layout.parents:
                fields[long]["phone"] = getattr(kid, long)["phone"]
    if "carer" in keys:
        fields["guardian"] = dict(kid.guardian)
        if "奶奶" not in layout.carer and layout.carer != "三行":
            fields["guardian"]["relation"] = None
        if "138" not in layout.carer and layout.carer != "三行":
            fields["guardian"]["phone"] = kid.guardian["phone"] if "g.phone" in keys else None
    return fields


# --- sheets ----------------------------------------------------------------------------------------------------------


class Page:
    """One sheet while it is written: rows of cells, merged spans, hidden rows and columns."""

    def __init__(self, name):
        self.name, self.rows, self.merges = name, [], []
        self.hidden_rows, self.hidden_columns = [], []

    def add(self, *cells):
        """Appends a row; gives its number as Excel counts."""
        self.rows.append(list(cells))
        return len(self.rows)


def headings(page, layout, columns):
    """The headings, level by level, groups merged over their columns when the layout merges."""
    depth = max(len(path) - 1 for path in columns)
    top = len(page.rows)
    grid = [[None] * len(columns) for _ in range(depth)]
    for index, (_key, *path) in enumerate(columns):
        for level, word in enumerate(path):
            grid[level][index] = word
    for level in range(depth):
        index = 0
        while index < len(columns):
            path = columns[index][1:]
            last = level == len(path) - 1
            if level >= len(path):
                index += 1
                continue
            end = index
            while (
                not last
                and end + 1 < len(columns)
                and columns[end + 1][1 : level + 2] == tuple(path[: level + 1])
                and len(columns[end + 1]) - 1 > level + 1
            ):
                end += 1
                grid[level][end] = None
            bottom = depth - 1 if last else level
            if layout.merge and (end > index or bottom > level):
                page.merges.append((top + level + 1, index + 1, top + bottom + 1, end + 1))
            index = end + 1
    for cells in grid:
        page.add(*cells)
    return top


def header_of(path):
    """A heading's levels as the program writes them."""
    words = []
    for word in path:
        word = re.sub(r"\s+", "", word.translate(str.maketrans("（）", "()")))
        if not words or words[-1] != word:
            words.append(word)
    return "/".join(words)


def write(layout: Layout, children: list[Kid], changes: dict | None = None) -> Written:
    """The file of a layout. ``changes``: {(child index, key): cell} put in place of what the layout would write."""
    made, changes = Written(), changes or {}
    made.keys = {path[0] for path in layout.columns}
    order = list(enumerate(children))
    if layout.class_by in (
        "section",
        "group",
        "sheet",
        "title",
        "grade section",
        "grade sheet",
        "grade title",
    ):
        order.sort(key=lambda pair: (pair[1].grade, pair[1].number))
    groups = {}
    for index, kid in order:
        key = {
            "sheet": class_text(kid, layout.spelling), "grade sheet": kid.grade_name,
        }.get(layout.class_by, "名册")  # fmt: skip
        groups.setdefault(key, []).append((index, kid))
    pages = []
    if "summary sheet" in layout.extras:
        page = Page("汇总表")
        page.add("石门学校留守儿童汇总表")
        page.add("班级", "人数", "男", "女")
        page.add("合计", len(children), 1, 1)
        pages.append(page)
    for name, group in groups.items():
        page = Page(name)
        pages.append(page)
        _write_page(page, layout, group, changes, made)
    if "empty sheet" in layout.extras:
        pages.append(Page("Sheet3"))
    if "staff sheet" in layout.extras:
        page = Page("领导小组")
        page.add("留守儿童工作领导小组名单")
        page.add("序号", "姓名", "性别", "职务", "联系电话")
        page.add(1, "周明远", "男", "校长", "13800000001")
        pages.append(page)
    made.data = _file(layout, pages)
    if layout.file.startswith(("csv", "tsv")):
        made.children = [("", row, fields) for _, row, fields in made.children]
        for cell in made.cells.values():
            cell.sheet = ""
    return made


def _write_page(page, layout, group, changes, made):
    columns, extras = layout.columns, layout.extras
    if "rows above" in extras:
        page.add()
        page.add()
    for title in layout.titles:
        first = group[0][1]
        page.add(
            *(
                cell.format(班=class_text(first, layout.spelling), 年级=first.grade_name)
                for cell in title.split("|")
            )
        )
        if layout.merge and "|" not in title:
            page.merges.append((len(page.rows), 1, len(page.rows), len(columns)))
    _heading_rows(page, layout)
    section, number = None, 0
    for position, (index, kid) in enumerate(group):
        if layout.class_by == "section" and section != (kid.grade, kid.number):
            if section and "subtotals" in extras:
                page.add("小计", f"{number}人")
            section = kid.grade, kid.number
            words = class_text(kid, layout.spelling)
            if "class teacher rows" in extras:
                page.add(f"班级：{words}", None, None, "班主任：张桂兰")
            else:
                page.add(words)
                if layout.merge:
                    page.merges.append((len(page.rows), 1, len(page.rows), len(columns)))
            if "repeated headings" in extras:
                _heading_rows(page, layout)
        if layout.class_by == "grade section" and section != kid.grade:
            section = kid.grade
            page.add(kid.grade_name)
        if "blank rows" in extras and position % 3 == 2:
            page.add()
        if "not left behind" in extras:
            _aside(page, layout, columns, made, position)
        if "hidden rows" in extras and position % 2 == 1:
            hidden = deepcopy(kid)
            hidden.name = "黄" + hidden.name[-1]
            row = page.add(
                *(None if path[0] == "id" else value_of(layout, hidden, path[0], None) for path in columns)
            )
            page.hidden_rows.append(row)
            made.hidden_rows.append((page.name, row))
        number += 1
        _child_row(page, layout, columns, index, kid, number, changes, made)
    if "family merged" in extras:
        _merge_families(page, layout, columns, group, made)
    if "ditto" in extras:
        _ditto(page, layout, columns, group, made)
    if layout.class_by == "group":
        _class_once(page, columns, group, made)
    for foot in layout.feet:
        page.add(*[cell or None for cell in foot.format(n=number).split("|")])
    for position, path in enumerate(columns, start=1):
        if path[0] == "hidden" or (path[0] == "people" and "hidden columns" in extras):
            page.hidden_columns.append(position)


def _heading_rows(page, layout):
    headings(page, layout, [tuple(path) for path in layout.columns])
    if "column numbers" in layout.extras:
        page.add(*(range(1, len(layout.columns) + 1)))
    if "example row" in layout.extras:
        page.add("例", *(["李小满"] + ["×"] * (len(layout.columns) - 2)))


def _child_row(page, layout, columns, index, kid, number, changes, made):
    cells = [changes.get((index, path[0]), value_of(layout, kid, path[0], number)) for path in columns]
    row = page.add(*cells)
    made.children.append((page.name, row, expected(layout, kid, made.keys)))
    for position, path in enumerate(columns):
        made.cells.setdefault(
            (index, path[0]), Cell(page.name, row, get_column_letter(position + 1), header_of(path[1:]))
        )
    if "parents in rows" in layout.extras:
        _parents_in_rows(page, layout, columns, kid, row, made)


def _parents_in_rows(page, layout, columns, kid, row, made):
    """The family member by member: the child's cells merged over three rows, 成员, 关系, 务工地, 电话 in each."""
    positions = {path[0]: position for position, path in enumerate(columns)}
    for who, relation in (("father", "父亲"), ("mother", "母亲")):
        cells = [None] * len(columns)
        parent = getattr(kid, who)
        cells[positions["g.name"]], cells[positions["g.relation"]] = parent["name"], relation
        cells[positions["g.phone"]] = parent["phone"]
        page.add(*cells)
        made.children[-1][2][who].update(name=parent["name"], phone=parent["phone"])
    for position, path in enumerate(columns, start=1):
        if not path[0].startswith("g."):
            page.merges.append((row, position, row + 2, position))


def _aside(page, layout, columns, made, position):
    """A classmate of whom the list says that he is not left behind."""
    other = kids(Random(9000 + position), 1)[0]
    other.name = "郑" + other.name[-1]
    words = {
        "code": 0,
        "code word": "0-非留守儿童",
        "yes": None if "blank is no" in layout.extras else "否",
        "type": "非留守",
    }
    row = page.add(*(words.get(path[0], value_of(layout, other, path[0], None)) for path in columns))
    made.aside.append((page.name, row))


def _merge_families(page, layout, columns, group, made):
    rows = [row for _, row, _ in made.children[-len(group) :]]
    for first in range(len(group) - 1):
        one, two = group[first][1], group[first + 1][1]
        if rows[first + 1] == rows[first] + 1 and one.guardian == two.guardian and one.father == two.father:
            for position, path in enumerate(columns, start=1):
                if path[0][:2] in ("f.", "m.", "g.") or path[0] == "address":
                    page.merges.append((rows[first], position, rows[first] + 1, position))
                    page.rows[rows[first]][position - 1] = None


def _class_once(page, columns, group, made):
    """Grade and class in the first row of a class only; the grade only where it changes."""
    rows = [row for _, row, _ in made.children[-len(group) :]]
    for above, (_, kid), row in zip(group, group[1:], rows[1:], strict=False):
        for position, path in enumerate(columns):
            same_grade, same_class = kid.grade == above[1].grade, kid.number == above[1].number
            if same_grade and (path[0] == "grade" or (path[0] in ("class", "both") and same_class)):
                page.rows[row - 1][position] = None


def _ditto(page, layout, columns, group, made):
    rows = [row for _, row, _ in made.children[-len(group) :]]
    for first in range(len(group) - 1):
        one, two = group[first][1], group[first + 1][1]
        if rows[first + 1] == rows[first] + 1 and one.guardian == two.guardian and one.father == two.father:
            for position, path in enumerate(columns):
                if path[0][:2] in ("f.", "m.", "g.") or path[0] == "address":
                    page.rows[rows[first]][position] = "同上" if position % 2 else "〃"


# --- files -----------------------------------------------------------------------------------------------------------


def _file(layout, pages):
    if layout.file.startswith(("csv", "tsv")):
        kind, encoding = layout.file.split("-", 1)
        delimiter = {"csv": ",", "csv;": ";", "tsv": "\t"}[kind]
        text = io.StringIO()
        csv.writer(text, delimiter=delimiter).writerows(
            ["" if cell is None else cell for cell in row] for row in pages[0].rows
        )
        return text.getvalue().encode(encoding)
    workbook = Workbook()
    workbook.remove(workbook.active)
    for page in pages:
        sheet = workbook.create_sheet(page.name)
        for row in page.rows:
            sheet.append(row)
        for top, left, bottom, right in page.merges:
            sheet.merge_cells(start_row=top, start_column=left, end_row=bottom, end_column=right)
        for row in page.hidden_rows:
            sheet.row_dimensions[row].hidden = True
        for column in page.hidden_columns:
            sheet.column_dimensions[get_column_letter(column)].hidden = True
    file = io.BytesIO()
    workbook.save(file)
    data = file.getvalue()
    return _wrong_dimension(data) if layout.file == "wps" else data


def _wrong_dimension(data):
    """As WPS writes it at times: the sheet says that it ends at A1."""
    source, file = zipfile.ZipFile(io.BytesIO(data)), io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            content = source.read(name)
            if "worksheets/" in name:
                content = re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1"', content)
            target.writestr(name, content)
    return file.getvalue()


__all__ = ["Layout", "Styles", "Written", "class_text", "phone", "register", "write"]
