"""The rows to put right, as a workbook: the school's own headings and cells, wrong ones red, the remedy in the last column."""

import io

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

REMEDY = "哪里要改"
_RED = PatternFill("solid", fgColor="FFFBE4E0")
_LINE = Border(*[Side(style="thin", color="FF857F72")] * 4)


def build(rows) -> bytes:
    """``rows``: what ``HeldRow.shown`` gives (``cells`` [[heading, text]], ``problems``). Corrected and sent again it works."""
    rows = [row for row in rows if row.get("cells")]
    headings = list(
        dict.fromkeys(heading for row in rows for heading, _ in row["cells"] if heading != REMEDY)
    )
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "待改的行"
    sheet.freeze_panes = "A2"
    for column, heading in enumerate([*headings, REMEDY], start=1):
        cell = _text(sheet, 1, column, heading)
        cell.font = Font(name="宋体", bold=True)
        cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        sheet.column_dimensions[get_column_letter(column)].width = (
            60 if heading == REMEDY else max(8, len(heading) * 2 + 2)
        )
    for number, row in enumerate(rows, start=2):
        wrong = {problem["header"]: problem for problem in row["problems"] if problem["header"]}
        for heading, value in row["cells"]:
            if heading == REMEDY:
                continue
            cell = _text(sheet, number, headings.index(heading) + 1, value)
            if heading in wrong:
                cell.fill = _RED
                cell.font = Font(name="宋体", color="FF9C2318", bold=True)
        remedies = list(dict.fromkeys(problem["message"] for problem in row["problems"]))
        last = _text(sheet, number, len(headings) + 1, "\n".join(remedies))
        last.alignment = Alignment(wrap_text=True, vertical="top")
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


def _text(sheet, row, column, value):
    cell = sheet.cell(row, column)
    cell.value = ILLEGAL_CHARACTERS_RE.sub("", str(value or ""))
    # typed by users: text, never a formula
    cell.data_type, cell.number_format, cell.border = "s", "@", _LINE
    cell.font = Font(name="宋体")
    return cell
