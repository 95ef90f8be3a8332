"""The child process that writes problems into the school's own workbook: red cells with comments, two columns at the end.

Run as a script (``python -I marker.py ADDRESS_SPACE SECONDS``) by ``answer.marked``, under limits like the reader's. On stdin:
one line of JSON (what to mark), then the workbook; on stdout: the workbook. Sheets, widths, headings, merged cells and
formats stay; formulas become their values, and nothing written here can be one. It knows nothing of the project.
"""

import io
import itertools
import json
import resource
import sys

PROBLEM, REMEDY, UID = "问题", "怎么改", "系统编号"
AUTHOR = "核对"
RED, DARK_RED = "FFFBE4E0", "FF9C2318"
WIDTHS = {PROBLEM: 34, REMEDY: 40, UID: 12}


def mark(data, sheets):
    """``sheets``: {name: {"heads": [rows of headings], "marks": [[row, column letters, comment]], "says": {row: [problem,
    remedy]}, "uids": {row: 系统编号}}}; rows as Excel counts. Gives the marked workbook's bytes.
    """
    from openpyxl import load_workbook

    # data_only: a formula of the file comes back as the value it had, never as a formula
    workbook = load_workbook(io.BytesIO(data), data_only=True, keep_links=False, keep_vba=False)
    for name, defined in list(workbook.defined_names.items()):
        if "[" in (defined.attr_text or ""):  # names a workbook that is no longer linked
            del workbook.defined_names[name]
    for name, asked in sheets.items():
        if name in workbook.sheetnames:
            _mark_sheet(workbook[name], asked)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def _mark_sheet(sheet, asked):
    from openpyxl.cell.cell import MergedCell
    from openpyxl.comments import Comment
    from openpyxl.styles import Font, PatternFill

    anchors = {
        (row, column): (area.min_row, area.min_col)
        for area in sheet.merged_cells.ranges
        for row in range(area.min_row, area.max_row + 1)
        for column in range(area.min_col, area.max_col + 1)
    }
    width = _clean(sheet)
    for row, letters, said in asked["marks"]:
        cell = sheet[f"{letters}{row}"]
        if isinstance(cell, MergedCell):
            cell = sheet.cell(*anchors[cell.row, cell.column])
        earlier = cell.comment.text if cell.comment else ""
        cell.fill = PatternFill("solid", fgColor=RED)
        cell.font = Font(name=cell.font.name, sz=cell.font.sz, b=cell.font.b, color=DARK_RED)
        cell.comment = Comment(f"{earlier}\n{said}".strip(), AUTHOR, width=320, height=120)
    words = [PROBLEM, REMEDY] + ([UID] if asked["uids"] else [])
    # an empty column before ours: a group of headings on the left must not reach over them
    columns = {word: width + 2 + place for place, word in enumerate(words)}
    for row in asked["heads"]:
        for word, column in columns.items():
            _write(sheet, row, column, word, bold=True)
    for row, (problem, remedy) in asked["says"].items():
        _write(sheet, int(row), columns[PROBLEM], problem)
        _write(sheet, int(row), columns[REMEDY], remedy)
    for row, uid in asked["uids"].items():
        _write(sheet, int(row), columns[UID], uid)
    for word, column in columns.items():
        letter = sheet.cell(1, column).column_letter
        sheet.column_dimensions[letter].width = WIDTHS[word]


def _clean(sheet):
    """Takes away what an earlier round marked; gives the last column that holds something of the school's own."""
    from openpyxl.cell.cell import MergedCell
    from openpyxl.styles import PatternFill

    ours = set()
    for row in sheet.iter_rows():
        for left, right in itertools.pairwise(row):
            if left.value == PROBLEM and right.value == REMEDY:
                ours |= {left.column, right.column}
                following = sheet.cell(left.row, right.column + 1)
                if following.value == UID:
                    ours.add(following.column)
    last = 1
    for row in sheet.iter_rows():
        for cell in row:
            if isinstance(cell, MergedCell):
                continue
            if cell.column in ours:
                cell.value = None
            elif cell.value not in (None, ""):
                last = max(last, cell.column)
            if cell.comment is not None and cell.comment.author == AUTHOR:
                cell.comment, cell.fill = None, PatternFill()
    return last


def _write(sheet, row, column, text, bold=False):
    """Text, never a formula."""
    from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    from openpyxl.styles import Alignment, Border, Font, Side

    cell = sheet.cell(row, column)
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", text)
    cell.data_type, cell.number_format = "s", "@"
    cell.font = Font(name="宋体", b=bold, color=None if bold else DARK_RED)
    cell.border = Border(*[Side(style="thin", color="FF857F72")] * 4)
    cell.alignment = Alignment(wrap_text=True, vertical="center" if bold else "top")


def main():
    space, seconds = int(sys.argv[1]), int(sys.argv[2])
    resource.setrlimit(resource.RLIMIT_AS, (space, space))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    asked = json.loads(sys.stdin.buffer.readline())
    sys.stdout.buffer.write(mark(sys.stdin.buffer.read(), asked))


if __name__ == "__main__":
    main()
