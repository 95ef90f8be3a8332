"""How every sheet looks and what its cells may hold: columns, styles, print set-up, safe text.

All sheets are written row by row (openpyxl's write-only mode), so memory stays flat; each column keeps one styled
cell that is filled anew for every row, because making styled cells is what writing a workbook costs.
"""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from django.utils import timezone
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.cell_range import CellRange
from openpyxl.worksheet.properties import PageSetupProperties

PAPER = {"A4": 9, "A3": 8}
LONGEST_TEXT = 32767  # what a cell holds

TITLE_FONT = Font(name="方正小标宋简体", size=18)
SECTION_FONT = Font(name="黑体", size=11)
HEAD_FONT = Font(name="黑体", size=10)
BODY_FONT = Font(name="宋体", size=10)
BOLD_FONT = Font(name="宋体", size=10, bold=True)
SMALL_FONT = Font(name="宋体", size=9, color="FF5C666F")
RED_FONT = Font(name="宋体", size=10, bold=True, color="FF9C2318")
THIN = Side(style="thin", color="FF000000")
BOX = Border(left=THIN, right=THIN, top=THIN, bottom=THIN)
HEAD_FILL = PatternFill("solid", fgColor="FFECE9E0")
SUM_FILL = PatternFill("solid", fgColor="FFEFF4F8")

LEFT = Alignment(horizontal="left", vertical="center", wrap_text=True)
HIGH = Alignment(horizontal="left", vertical="bottom", wrap_text=True)
CENTER = Alignment(horizontal="center", vertical="center", wrap_text=True)
RIGHT = Alignment(horizontal="right", vertical="center")
# The system number stays inside its narrow column instead of running over the edge.
CLIPPED = Alignment(horizontal="fill", vertical="center")

# kind of column -> (alignment, number format, whether the value is text)
KINDS = {
    "text": (LEFT, "@", True),
    "center": (CENTER, "@", True),
    "serial": (CENTER, "0", False),
    "number": (RIGHT, "0", False),
    "points": (RIGHT, "0.0#", False),
    "percent": (RIGHT, "0.0%", False),
    "date": (CENTER, "yyyy-mm-dd", False),
    "key": (CLIPPED, "@", True),
}
NOTHING_DUE = "—"

_TRIGGERS = "=+-@|%＝＋－＠｜％﹢﹣﹦﹪﹫"
_PLAIN_NUMBER = re.compile(r"[+\-]?[\d][\d ().\-]*%?")


def safe_text(value) -> tuple[str, bool]:
    """The text a cell may hold, and whether a program could take it for a formula.

    Control characters go, invisible ones at the front too: behind them a formula would hide. The words stay as they
    were typed; ``+86 138…`` and ``-3`` are numbers, no formulas.
    """
    if value.__class__ is str and value[:1].isalnum() and value.isprintable() and len(value) < LONGEST_TEXT:
        return value, False  # nearly every cell
    text = ILLEGAL_CHARACTERS_RE.sub("", str(value)) if value is not None else ""
    text = text.replace("\r\n", "\n").replace("\r", "\n")[:LONGEST_TEXT]
    shown = text
    while shown and (shown[0].isspace() or unicodedata.category(shown[0]) in ("Cf", "Cc", "Co", "Cn", "Zs")):
        shown = shown[1:]
    if not shown or shown[0] not in _TRIGGERS:
        return text, False
    return shown, not _PLAIN_NUMBER.fullmatch(shown)


def put(cell, value, is_text, quoted=None):
    """Fills a cell: text is text whatever it begins with, numbers and dates are what they are.

    Returns the cell to write: ``quoted()`` instead where a program could take the text for a formula. Excel keeps such
    a cell as text even after somebody presses Enter in it.
    """
    if value is None or value == "":
        cell.value = None
        return cell
    if not is_text and not isinstance(value, str):
        cell.value = value
        return cell
    text, dangerous = safe_text(value)
    if dangerous:
        if quoted is None:
            cell.quotePrefix = True
        else:
            cell = quoted()
    cell.value = text
    cell.data_type = "s"
    return cell


@dataclass(frozen=True)
class Column:
    """Heading, value, width and format on one line, so that they cannot drift apart.

    ``heading`` is a text or the levels of a merged heading, top first. ``value`` takes a row's item.
    """

    heading: str | tuple[str, ...]
    value: Callable
    width: float = 10
    kind: str = "text"

    @property
    def levels(self):
        """The levels of the heading."""
        return (self.heading,) if isinstance(self.heading, str) else self.heading


@dataclass(frozen=True)
class Stamp:
    """Who took the workbook out, when, what for: the last line of every sheet and the foot of every page."""

    who: str
    place: str
    purpose: str
    serial: str
    moment: object
    with_names: bool = True

    @property
    def line(self):
        """As it stands on the sheet."""
        when = timezone.localtime(self.moment)
        return (
            f"下载人：{self.who}（{self.place}）　下载时间：{when:%Y-%m-%d %H:%M}　用途：{self.purpose}　"
            f"编号：{self.serial}　{'含个人信息，请妥善保管，不得外传' if self.with_names else '内部使用'}"
        )

    @property
    def foot(self):
        """As it stands at the foot of a page; & begins a code there."""
        when = timezone.localtime(self.moment)
        return f"{self.who} {when:%Y-%m-%d %H:%M} {self.serial}".replace("&", "&&")


SIGNATURES = (
    "填表人：　　　　　　　　审核人：　　　　　　　　负责人（签字）：　　　　　　　　　　年　　月　　日"
)


class Book:
    """A workbook being written, sheet by sheet."""

    def __init__(self, stamp):
        self.stamp = stamp
        self.workbook = Workbook(write_only=True)
        self.workbook.properties.creator = stamp.place
        self.workbook.properties.title = stamp.serial

    def sheet(self, name, columns, **frame):
        """A new sheet; see ``Sheet``."""
        name = re.sub(r"[\[\]:*?/\\']", " ", safe_text(name)[0])[:31].strip() or "表"
        taken = {sheet.title for sheet in self.workbook.worksheets}
        unique, number = name, 2
        while unique in taken:
            unique, number = f"{name[:27]}({number})", number + 1
        return Sheet(self, unique, columns, **frame)

    def save(self, path):
        """Writes the file."""
        self.workbook.save(path)


class Sheet:
    """One table on one sheet: title, lines of unit, date and definition, headings, rows, signature, stamp.

    ``keep`` columns stay in view when scrolling sideways; ``unprinted`` columns at the right end are left out of the print.
    """

    def __init__(self, book, name, columns, *, title, lines=(), paper="A4", landscape=True, keep=0, unprinted=0,
                 signatures=SIGNATURES, row_height=20):  # fmt: skip
        self.book, self.columns = book, list(columns)
        self.width = len(self.columns)
        self.signatures, self.row_height, self.unprinted = signatures, row_height, unprinted
        self.row_number = 0
        self.sheet = book.workbook.create_sheet(name)
        self._set_up_page(paper, landscape)
        for index, column in enumerate(self.columns, start=1):
            self.sheet.column_dimensions[get_column_letter(index)].width = column.width
        depth = max(len(column.levels) for column in self.columns)
        head = 2 + len(lines)
        # Must be known before the first row is written.
        self.sheet.freeze_panes = f"{get_column_letter(keep + 1)}{head + depth}"
        self.sheet.print_title_rows = f"{head}:{head + depth - 1}"
        self.line(title, TITLE_FONT, CENTER, 34)
        for text in lines:
            self.line(text, BODY_FONT, LEFT, 18 * max(1, -(-self._columns_of(text) // self._columns_wide())))
        self._headings(depth)
        self._are_text = [KINDS[column.kind][2] for column in self.columns]
        self._cells = [self._cell(column, BODY_FONT) for column in self.columns]
        self._sums = [self._cell(column, BOLD_FONT, SUM_FILL) for column in self.columns]

    def _columns_wide(self):
        return max(20, sum(column.width for column in self.columns))

    @staticmethod
    def _columns_of(text):
        """Width of a text in units of a column's width."""
        return sum(1.9 if unicodedata.east_asian_width(sign) in "WFA" else 1 for sign in str(text))

    def _set_up_page(self, paper, landscape):
        sheet = self.sheet
        sheet.page_setup.paperSize = PAPER[paper]
        sheet.page_setup.orientation = "landscape" if landscape else "portrait"
        sheet.page_setup.fitToWidth, sheet.page_setup.fitToHeight = 1, 0
        sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
        sheet.print_options.horizontalCentered = True
        margins = sheet.page_margins
        margins.left = margins.right = 0.4
        margins.top, margins.bottom, margins.header, margins.footer = 0.5, 0.7, 0.3, 0.3
        for foot in (sheet.oddFooter, sheet.evenFooter):
            foot.left.text, foot.left.size = self.book.stamp.foot, 8
            foot.center.text, foot.center.size = "第 &P 页 共 &N 页", 9

    def _cell(self, column, font, fill=None, quoted=False):
        alignment, number_format, _ = KINDS[column.kind]
        cell = WriteOnlyCell(self.sheet)
        cell.font = SMALL_FONT if column.kind == "key" else font
        cell.alignment, cell.border, cell.number_format = alignment, BOX, number_format
        if fill is not None:
            cell.fill = fill
        # Never changed afterwards: the workbook keeps a cell's style as it was when first written.
        cell.quotePrefix = quoted
        return cell

    def _append(self, cells, height):
        self.row_number += 1
        heights = self.sheet.row_dimensions
        heights[self.row_number] = {"ht": str(height), "customHeight": "1"}
        self.sheet.append(cells)
        # Needed once; kept for 100,000 rows they would be the memory.
        del heights[self.row_number]

    def merge(self, top, left, bottom, right):
        """Merges a block (counted from 1)."""
        if (top, left) != (bottom, right):
            self.sheet.merged_cells.add(CellRange(min_row=top, min_col=left, max_row=bottom, max_col=right))

    def line(self, text, font=BODY_FONT, alignment=LEFT, height=18, *, border=False, fill=None):
        """A text over the whole width."""
        cells = []
        for index in range(self.width if border else 1):
            cell = WriteOnlyCell(self.sheet)
            cell.font, cell.alignment, cell.number_format = font, alignment, "@"
            if border:
                cell.border = BOX
            if fill is not None:
                cell.fill = fill
            cells.append(put(cell, text, True) if index == 0 else cell)
        self._append(cells, height)
        self.merge(self.row_number, 1, self.row_number, self.width - self.unprinted)

    def section(self, text):
        """A bordered line that begins a part of the table."""
        self.line(text, SECTION_FONT, LEFT, 22, border=True, fill=HEAD_FILL)

    def _headings(self, depth):
        first = self.row_number + 1
        paths = [column.levels + (None,) * (depth - len(column.levels)) for column in self.columns]
        for level in range(depth):
            cells = []
            for index, path in enumerate(paths):
                cell = WriteOnlyCell(self.sheet)
                cell.font = SMALL_FONT if self.columns[index].kind == "key" else HEAD_FONT
                cell.alignment, cell.border, cell.fill, cell.number_format = CENTER, BOX, HEAD_FILL, "@"
                begins = path[level] is not None and (
                    index == 0 or paths[index - 1][: level + 1] != path[: level + 1] or level == depth - 1
                )
                cells.append(put(cell, path[level], True) if begins else cell)
            longest = max(
                self._columns_of(path[level]) / self.columns[i].width for i, path in enumerate(paths) if path[level]
            ) if level == depth - 1 and any(path[level] for path in paths) else 1  # fmt: skip
            self._append(cells, 30 if longest <= 2 else 44)
        for index, path in enumerate(paths):
            last_level = len(self.columns[index].levels) - 1
            self.merge(first + last_level, index + 1, first + depth - 1, index + 1)
            for level in range(last_level):
                if index and paths[index - 1][: level + 1] == path[: level + 1]:
                    continue
                end = index
                while end + 1 < len(paths) and paths[end + 1][: level + 1] == path[: level + 1]:
                    end += 1
                self.merge(first + level, index + 1, first + level, end + 1)

    def row(self, item, height=None):
        """One item as a row."""
        self._append(self._filled(self._cells, item, BODY_FONT, None), height or self.row_height)

    def _filled(self, cells, item, font, fill):
        return [
            put(
                cell, column.value(item), KINDS[column.kind][2], partial(self._cell, column, font, fill, True)
            )
            for cell, column in zip(cells, self.columns, strict=True)
        ]

    def wrapped_row(self, item):
        """One item as a row as high as its longest text needs."""
        lines = 1
        for column in self.columns:
            value = column.value(item)
            if isinstance(value, str) and column.kind != "key":
                need = sum(-(-self._columns_of(part) // (column.width - 1)) for part in value.split("\n"))
                lines = max(lines, int(need))
        self.row(item, max(self.row_height, 14 * lines + 6))

    def sum_row(self, item):
        """A 合计 row."""
        self._append(self._filled(self._sums, item, BOLD_FONT, SUM_FILL), self.row_height)

    def close(self, notes=()):
        """Notes, the signature line, the stamp; then the print area is known."""
        wide = self._columns_wide()
        for text in notes:
            self.line(text, BODY_FONT, LEFT, 16 * max(1, int(-(-self._columns_of(text) // wide))))
        if self.signatures:
            self.line(self.signatures, BODY_FONT, HIGH, 34)
        text = self.book.stamp.line
        self.line(text, SMALL_FONT, LEFT, 14 * max(1, int(-(-self._columns_of(text) * 0.9 // wide))))
        last = get_column_letter(self.width - self.unprinted)
        self.sheet.print_area = f"A1:{last}{self.row_number}"


def day_words(day: date) -> str:
    """2026年11月24日, as on paper."""
    return f"{day.year}年{day.month}月{day.day}日"


def month_words(month: date) -> str:
    """2026年11月."""
    return f"{month.year}年{month.month}月"


def share(part, whole):
    """A share for a percent column; — when there is nothing to divide by."""
    return part / whole if whole else NOTHING_DUE
