"""Second stage: where the headings stand, which rows are children, and why the others are not.

Title and note rows above, headings of up to three levels (merged or not), section rows (初一（1）班), repeated
headings, totals, signatures and blank rows anywhere; vertically merged cells and 同上 are filled in.
"""

import re
from dataclasses import dataclass, field

from ..values import clean_text, read_class
from .cells import Sheet, column_letters
from .headings import bare
from .meanings import Column, Meaning, chosen_meaning, heading_key
from .proposals import propose
from .vocabulary import ROSTER, Vocabulary

HEADING_DEPTH = 4
_TOTAL = re.compile(
    r"^(?:本页|本班|全校|全班|年级|总)?(?:合计|小计|总计|共计|累计|总数|总人数|人数合计)|^.{0,12}(?:小计|合计)[:：]?\d*人?$|^共\d+[人名]"
)
_SIGNATURE = re.compile(
    r"(?:填表人|审核人|负责人|制表人?|填报人|复核人|审批人|校长|签字|签名|盖章|填表日期|填报日期|填表时间|填报时间|制表日期|上报时间|经办人|审核|班主任)"
    r"\s*(?:[(（].{0,6}[)）])?\s*[:：_]|(?:签字|签名|盖章)[)）]?\s*$|^(?:填表人|审核人|负责人|制表人|填报人|复核人|单位负责人)"
)  # fmt: skip
_NOTE = re.compile(
    r"^[(（【]?(?:注|备注|说明|填表说明|填报说明|填写说明|注意|要求|附注|特别说明|温馨提示)[)）】]?\s*\d?\s*[:：.、]|^\d+[.、].{12,}|^(?:填表说明|填写说明|注意事项)"
)
_EXAMPLE = re.compile(r"^[(（【]?(?:例|示例|样例|范例|举例)(?:如|子|行)?[)）】]?(?:[:：]|$|\d)")
_PAGE = re.compile(r"^第?\s*\d+\s*页|共\s*\d+\s*页")
_DITTO = frozenset(("同上", "〃", "″", '"', "''", "””", "“", "”", "同前", "上同", '""'))
_CLASS_IN_TEXT = re.compile(
    r"(?:小学|初中|初|幼儿园)?(?:[一二三四五六七八九1-9]\s*年?级?|[小中大])\s*[(（\[【]?\s*(?:\d{1,2}|[一二三四五六七八九十]{1,3})\s*[)）\]】]?\s*班"
    r"|(?:初|小学)?(?:20)?\d\d\s*级\s*[(（]?\s*(?:\d{1,2}|[一二三四五六七八九十]{1,3})\s*[)）]?\s*班"
    r"|[小中大]班\s*[(（]?\d?[)）]?"
)


@dataclass
class Row:
    """A row that may be a child: Excel's number, the cells, and the class its section names."""

    number: int
    cells: list
    section: str = ""


@dataclass
class Table:
    """One block of children under one set of headings."""

    sheet: str
    columns: list[Column]
    heading_row: int
    rows: list[Row] = field(default_factory=list)
    class_hint: str = ""


@dataclass
class Reading:
    """All tables of a file, the rows that are no children and why, and the sheets without a table."""

    tables: list[Table] = field(default_factory=list)
    ignored: list[tuple[str, int, str]] = field(default_factory=list)


def read_tables(
    sheets: list[Sheet], chosen: dict[str, str] | None = None, vocabulary: Vocabulary = ROSTER
) -> Reading:
    """Finds the tables of every sheet.

    ``chosen``: what people decided that headings mean, {heading_key(header): a key of ``CHOICES`` or ``ignore``}; it
    goes before the words of the vocabulary.
    """
    reading = Reading()
    chosen = chosen or {}
    for sheet in sheets:
        if sheet.hidden:
            reading.ignored.append((sheet.name, 1, "隐藏的工作表，没有读"))
        elif not any(any(_text(cell) for cell in row) for row in sheet.rows):
            reading.ignored.append((sheet.name, 1, "空白的工作表"))
        else:
            _SheetReader(sheet, reading, chosen, vocabulary).read()
    for table in reading.tables:
        propose(table.columns, [row.cells for row in table.rows])
    return reading


def _text(cell):
    return clean_text(cell) if cell is not None else ""


class _SheetReader:
    """Reads one sheet: its headings, blocks, sections."""

    def __init__(self, sheet, reading, chosen, vocabulary):
        self.sheet, self.rows, self.reading, self.chosen = sheet, sheet.rows, reading, chosen
        self.vocabulary = vocabulary
        self.width = max(len(row) for row in self.rows)
        leaves = {key.rsplit("/", 1)[-1]: value for key, value in chosen.items()}
        self.known_leaves = frozenset(leaves)
        self.chosen_anchors = frozenset(
            leaf for leaf, value in leaves.items() if value == str(vocabulary.anchor)
        )

    def ignore(self, index, why):
        self.reading.ignored.append((self.sheet.name, index + 1, why))

    def is_heading(self, cell):
        return self.vocabulary.is_heading(cell) or (
            bool(self.known_leaves) and isinstance(cell, str) and heading_key(cell) in self.known_leaves
        )

    def is_anchor(self, cell):
        if self.chosen_anchors and isinstance(cell, str) and heading_key(cell) in self.chosen_anchors:
            return True
        return self.vocabulary.is_anchor(cell)

    def read(self):
        sheet, rows = self.sheet, self.rows
        head = self.find_heading(0)
        if head is None:
            self.ignore(0, "这张工作表里没有“姓名”那样的表头，没有当作名册")
            return
        top, bottom = self.heading_block(head)
        hint = _class_in_name(sheet.name)
        for index in range(top):
            text = "".join(_text(cell) for cell in rows[index])
            if text:
                self.ignore(index, "表上方的标题或说明")
                hint = _class_in(text) or hint
            else:
                self.ignore(index, "空行")
        table = self.new_table(top, bottom, hint)
        self.reading.tables.append(table)
        last = max(index for index, row in enumerate(rows) if any(_text(cell) for cell in row))
        _fill_merged(sheet, rows, bottom + 1, last)
        continued = self.continued_rows(table, bottom)
        section, previous = "", None
        index = bottom + 1
        while index <= last:
            cells = rows[index]
            if self.looks_like_heading(cells):
                top, bottom = self.heading_block(index)
                for number in range(top, bottom + 1):
                    self.ignore(number, "重复的表头")
                table = self.new_table(top, bottom, hint)
                self.reading.tables.append(table)
                previous = None
                index = bottom + 1
                continue
            why, new_section = _why_no_child(table, cells)
            if new_section:
                section = new_section
            if not why and index in continued and previous is not None:
                _fold(previous.cells, cells)
                why = "和上一行是同一个孩子（姓名合并了单元格），已并到上一行"
            if why:
                self.ignore(index, why)
            else:
                if previous is not None:
                    cells = _without_ditto(table, cells, previous.cells)
                previous = Row(index + 1, cells, section)
                table.rows.append(previous)
            index += 1
        self.reading.tables[:] = [found for found in self.reading.tables if found.rows or found is table]

    def find_heading(self, start):
        """The row of the children's 姓名, with another heading beside it or below."""
        for index in range(start, min(len(self.rows), start + 60)):
            if any(map(self.is_anchor, self.rows[index])) and self.looks_like_heading(self.rows[index], 2):
                return index
        return None

    def looks_like_heading(self, cells, least=3):
        filled = headings = names = 0
        for cell in cells:
            if cell is None or cell == "":
                continue
            filled += 1
            if cell.__class__ is str and self.is_heading(cell):
                headings += 1
                names = names or self.is_anchor(cell)
            elif filled - headings > 2 and filled - headings > headings + 2:
                return False  # a row of data: no need to look at the rest
        return bool(names) and headings >= least and headings * 2 >= filled

    def heading_block(self, head):
        """First and last row of the headings around the row of 姓名."""
        rows, merges = self.rows, self.sheet.merges
        top = bottom = head
        for first_row, _left, last_row, _right in merges:
            if (
                first_row <= head <= last_row
                and last_row - first_row < HEADING_DEPTH
                and first_row >= head - 2
            ):
                bottom = max(bottom, last_row)
                top = min(top, first_row)
        # a row of groups above: two or more cells, all of them words of headings or merged over several columns
        while top > 0 and top > head - 2:
            cells = [(column, cell) for column, cell in enumerate(rows[top - 1]) if _text(cell)]
            wide = {(r, c) for r, c, _, right in merges if right > c}
            if len(cells) < 2 or not all(isinstance(cell, str) and len(cell) <= 30 for _, cell in cells):
                break
            groups = sum(self.is_heading(cell) or (top - 1, column) in wide for column, cell in cells)
            if groups < len(cells) * 0.6 or any(re.search(r"[:：]\s*\S", cell) for _, cell in cells):
                break
            top -= 1
        # levels below: rows of heading words only, at least one of them under a group
        while bottom + 1 < len(rows) and bottom + 1 - top < HEADING_DEPTH:
            cells = [cell for cell in rows[bottom + 1] if _text(cell)]
            words = sum(isinstance(cell, str) and self.is_heading(cell) for cell in cells)
            if (
                not cells
                or words < 2
                or words < len(cells) * 0.8
                or any(self.is_anchor(cell) for cell in rows[bottom + 1][:2])
            ):
                break
            bottom += 1
        return top, bottom

    def new_table(self, top, bottom, hint):
        levels = self.heading_levels(top, bottom)
        columns = []
        for index in range(self.width):
            path = []
            for level in levels:
                word = re.sub(r"\s+", "", level[index])
                if word and (not path or path[-1] != word):
                    path.append(word)
            if path:
                columns.append(self.column(index, tuple(path)))
        self.vocabulary.place(columns)
        return Table(self.sheet.name, columns, bottom + 1, class_hint=hint)

    def column(self, index, path):
        found = Column(index, column_letters(index), "/".join(path), None)
        choice = self.chosen.get(found.key)
        if choice is None:
            found.meaning = self.vocabulary.meaning_of(path)
        else:
            found.meaning, found.chosen = chosen_meaning(choice), True
        return found

    def heading_levels(self, top, bottom):
        """The words above each column, level by level, merged cells and groups spread over what they cover."""
        rows, width = self.rows, self.width
        levels = [
            [_text(cell) for cell in rows[index]] + [""] * (width - len(rows[index]))
            for index in range(top, bottom + 1)
        ]
        covered = set()
        for first_row, left, last_row, right in self.sheet.merges:
            if top <= first_row <= bottom:
                value = levels[first_row - top][left] if left < width else ""
                for row in range(first_row, min(last_row, bottom) + 1):
                    for column in range(left, min(right, width - 1) + 1):
                        levels[row - top][column] = value
                        covered.add((row, column))
        # A group written without merging reaches over the headings below it that have nothing above.
        for depth in range(len(levels) - 1):
            for column in range(1, width):
                if (
                    not levels[depth][column]
                    and (depth + top, column) not in covered
                    and any(levels[below][column] for below in range(depth + 1, len(levels)))
                    and levels[depth][column - 1]
                    and any(levels[below][column - 1] for below in range(depth + 1, len(levels)))
                    and not self.is_anchor(levels[depth][column - 1])
                ):
                    levels[depth][column] = levels[depth][column - 1]
        return levels

    def continued_rows(self, table, bottom):
        """Rows whose child's name is the merged cell of the row above."""
        name = next((c.index for c in table.columns if c.meaning == self.vocabulary.anchor), -1)
        return {
            row
            for top, left, last, right in self.sheet.merges
            if left <= name <= right and top > bottom and last > top
            for row in range(top + 1, last + 1)
        }


def _class_in_name(name):
    word = re.sub(r"\s+", "", name)
    found = read_class(word) if len(word) <= 10 else None
    if (
        found
        and found.school_class
        and re.fullmatch(r"\d+班", found.school_class)
        and (found.grade or found.entry_year)
    ):
        return word
    return _class_in(word)


def _class_in(text):
    match = _CLASS_IN_TEXT.search(clean_text(text))
    return re.sub(r"\s+", "", match[0]) if match else ""


def _fill_merged(sheet, rows, first, last):
    for top, left, bottom, _right in sheet.merges:
        if top < first or bottom == top or top > last or left >= len(rows[top]):
            continue
        value = rows[top][left]
        for row in range(top + 1, min(bottom, last) + 1):
            if left < len(rows[row]):
                rows[row][left] = value


def _fold(above, below):
    for index, cell in enumerate(below):
        if index < len(above) and not _text(above[index]) and _text(cell):
            above[index] = cell


def _without_ditto(table, cells, above):
    if not any(cell.__class__ is str and cell.strip() in _DITTO for cell in cells):
        return cells
    cells = list(cells)
    for column in table.columns:
        if column.index < len(cells) and column.meaning not in (
            Meaning("child", "name"),
            Meaning("child", "id_number"),
        ):
            cell = cells[column.index]
            if isinstance(cell, str) and cell.strip() in _DITTO and column.index < len(above):
                cells[column.index] = above[column.index]
    return cells


# A row with none of these is no child whose name is missing, but a row prepared and not filled in.
_TELLING = {"id_number", "birth_date", "phone", "address"}


def _why_no_child(table, cells):
    """(why the row is no child or "", the class it names as a section or "")."""
    filled = [(index, _text(cell)) for index, cell in enumerate(cells) if cell is not None and cell != ""]
    filled = [(index, text) for index, text in filled if text]
    if not filled:
        return "空行", ""
    by_meaning = {column.index: column.meaning for column in table.columns}
    name = next((text for index, text in filled if by_meaning.get(index) == Meaning("child", "name")), "")
    if (
        name
        and len(filled) > 3
        and len(name) <= 20
        and not name.startswith(("合", "小计", "总", "共", "例", "示", "样", "填", "注", "说"))
    ):
        first = filled[0][1]
        if first[:1] not in "合小总共例示样填注(（【":
            return "", ""
    texts = list(dict.fromkeys(text for _, text in filled))
    first = texts[0]
    squeezed = re.sub(r"\s+", "", first)
    few = len(texts) <= max(3, len(table.columns) // 3)
    if _EXAMPLE.match(squeezed) or (name and _EXAMPLE.match(name)):
        return "填写示例", ""
    if any(_TOTAL.match(re.sub(r"\s+", "", text)) for text in texts[:3]):
        return "合计行", ""
    telling = any(
        meaning
        and (meaning.attribute in _TELLING or (meaning.attribute == "name" and meaning.person != "helper"))
        for meaning in (by_meaning.get(index) for index, _ in filled)
    )
    if len(texts) <= 2 and not _has_own_facts(by_meaning, filled):
        found = _class_in(squeezed) if len(squeezed) <= 40 else ""
        if found and not _SIGNATURE.search(squeezed):
            return "班级标题行", found
    if few:
        if any(_SIGNATURE.search(text) for text in texts):
            return "签字、日期等落款", ""
        if _NOTE.match(squeezed):
            return "说明文字", ""
        if _PAGE.match(squeezed):
            return "页码", ""
        if not name and len(texts) == 1 and len(squeezed) > 6 and not telling:
            return "说明文字", ""
        if len(texts) == 1 and len(squeezed) > 20:
            return "说明文字", ""
    if not name:
        if not telling:
            only_number = all(
                (meaning := by_meaning.get(i)) and meaning.attribute == "seq" for i, _ in filled
            )
            return ("只有序号，没有内容" if only_number else "没有姓名，也没有任何资料"), ""
    elif len(filled) > 4 and all(
        re.fullmatch(r"\d{1,2}|[A-Z]{1,2}|[①-⑳]|\(\d{1,2}\)|甲|乙", text) for _, text in filled
    ):
        return "列号", ""
    return "", ""


def _has_own_facts(by_meaning, filled):
    return any(
        (meaning := by_meaning.get(index)) and meaning.attribute in ("sex", "id_number", "birth_date")
        for index, _ in filled
    )


__all__ = ["Reading", "Row", "Table", "bare", "read_tables"]
