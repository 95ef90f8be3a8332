"""Second stage: where the headings stand, which rows are children, and why the others are not.

Title and note rows above, headings of up to three levels (merged or not), section rows (初一（1）班), repeated
headings, totals, signatures and blank rows anywhere; vertically merged cells and 同上 are filled in.
"""

import re
from dataclasses import dataclass, field

from ..values import clean_text
from .cells import Sheet, column_letters
from .class_groups import fill_down_classes
from .headings import bare
from .meanings import Column, Meaning, chosen_meaning, heading_key
from .proposals import propose
from .rows import RowJudge, class_in, class_in_name, grade_in
from .vocabulary import ROSTER, Vocabulary

HEADING_DEPTH = 4
_DITTO = frozenset(("同上", "〃", "″", '"', "''", "””", "“", "”", "同前", "上同", '""', "同左"))
# 教师花名册 and the like have names too, but no children.
_STAFF_HEADING = re.compile(
    r"^(?:现任)?(?:职务|职称|任教学科|任教|学科|工号|编制|参加工作时间|教师资格|教龄|所学专业|毕业院校|分管工作|职责)$"
)
_STAFF_NAME = re.compile(r"教师|教职工|领导小组|工作人员|志愿者|党员")
_CHILDREN_NAME = re.compile(r"学生|儿童|幼儿|孩子|留守|班")


@dataclass
class Row:
    """A row that may be a child: Excel's number, the cells, the class its section names, further rows of the family."""

    number: int
    cells: list
    section: str = ""
    members: list = field(default_factory=list)


@dataclass
class Table:
    """One block of children under one set of headings."""

    sheet: str
    columns: list[Column]
    heading_row: int
    rows: list[Row] = field(default_factory=list)
    class_hint: str = ""
    title: str = ""


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
        fill_down_classes(table)
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
        head = self.find_heading()
        if head is None:
            self.ignore(0, self.why_no_table())
            return
        top, bottom = self.heading_block(head)
        hint, titles = class_in_name(sheet.name), []
        for index in range(top):
            text = "".join(_text(cell) for cell in rows[index])
            if text:
                titles.append(text)
                self.ignore(index, "表上方的标题或说明")
                hint = class_in(text) or (grade_in(text) if not class_in(hint) else "") or hint
            else:
                self.ignore(index, "空行")
        self.hint, self.title = hint, " ".join(titles)
        table = self.new_table(top, bottom)
        if self.is_staff_list(table):
            self.ignore(0, "看样子是教职工的名单，不是孩子的名册，没有读")
            return
        self.reading.tables.append(table)
        last = max(index for index, row in enumerate(rows) if any(_text(cell) for cell in row))
        _fill_merged(sheet, rows, bottom + 1, last)
        self.read_rows(table, bottom, last)

    def read_rows(self, table, bottom, last):
        """The rows below the headings: children, sections, repeated headings, and what is none of these."""
        rows, hidden = self.rows, self.sheet.hidden_rows
        continued, judge = self.continued_rows(table, bottom), RowJudge(table)
        section, previous = "", None
        index = bottom + 1
        while index <= last:
            cells = rows[index]
            if self.looks_like_heading(cells):
                top, bottom = self.heading_block(index)
                for number in range(top, bottom + 1):
                    self.ignore(number, "重复的表头")
                table = self.new_table(top, bottom)
                self.reading.tables.append(table)
                judge, previous = RowJudge(table), None
                index = bottom + 1
                continue
            why, new_section = judge.why_no_child(cells)
            if new_section:
                section = new_section
            if not why and index in hidden:
                why = "隐藏的行，没有读。要导入，请在 Excel 里取消隐藏（或取消筛选）再传"
            elif not why and index in continued and previous is not None:
                previous.members.append(list(cells))
                _fold(previous.cells, cells)
                why = "和上一行是同一个孩子（姓名合并了单元格），已并到上一行"
            if why:
                self.ignore(index, why)
            else:
                if previous is not None:
                    cells = self.without_ditto(table, cells, previous.cells)
                previous = Row(index + 1, cells, section)
                table.rows.append(previous)
            index += 1
        self.reading.tables[:] = [found for found in self.reading.tables if found.rows or found is table]

    def why_no_table(self):
        """What a sheet without a heading of names seems to be."""
        words = {
            bare(cell) for row in self.rows[:8] for cell in row if isinstance(cell, str) and len(cell) <= 20
        }
        if (
            "汇总" in self.sheet.name
            or "统计" in self.sheet.name
            or words & {"合计", "人数", "总人数", "留守儿童数"}
        ):
            return "汇总表，没有一个个孩子的姓名，没有读"
        return "这张工作表里没有“姓名”那样的表头，没有当作名册"

    def is_staff_list(self, table):
        """教师花名册, 领导小组名单: names with posts, and nothing a child has."""
        if self.vocabulary.anchor not in [column.meaning for column in table.columns] or self.chosen:
            return False
        told = {
            column.meaning.attribute
            for column in table.columns
            if column.meaning and column.meaning.person == "child"
        }
        if told & {"grade", "class", "grade_class", "care_type", "student_number", "uid"}:
            return False
        named = f"{self.title} {self.sheet.name}"
        posts = any(_STAFF_HEADING.match(bare(column.header)) for column in table.columns)
        return posts or bool(_STAFF_NAME.search(named) and not _CHILDREN_NAME.search(named))

    def find_heading(self):
        """The row of the children's 姓名, with another heading beside it or below."""
        for index in range(min(len(self.rows), 60)):
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

    def new_table(self, top, bottom):
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
        return Table(self.sheet.name, columns, bottom + 1, class_hint=self.hint, title=self.title)

    def column(self, index, path):
        found = Column(
            index, column_letters(index), "/".join(path), None, hidden=index in self.sheet.hidden_columns
        )
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

    def without_ditto(self, table, cells, above):
        """同上 is the cell of the row above, but never for the child's own name and number."""
        if not any(cell.__class__ is str and cell.strip() in _DITTO for cell in cells):
            return cells
        cells = list(cells)
        for column in table.columns:
            if column.index < len(cells) and column.meaning not in (
                self.vocabulary.anchor,
                Meaning("child", "id_number"),
            ):
                cell = cells[column.index]
                if isinstance(cell, str) and cell.strip() in _DITTO and column.index < len(above):
                    cells[column.index] = above[column.index]
        return cells

    def continued_rows(self, table, bottom):
        """Rows whose child's name is the merged cell of the row above."""
        name = next((c.index for c in table.columns if c.meaning == self.vocabulary.anchor), -1)
        return {
            row
            for top, left, last, right in self.sheet.merges
            if left <= name <= right and top > bottom and last > top
            for row in range(top + 1, last + 1)
        }


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


__all__ = ["Reading", "Row", "Table", "bare", "read_tables"]
