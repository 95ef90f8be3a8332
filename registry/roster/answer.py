"""What is to be put right, as a workbook: the school's own, with red cells and two columns 问题 and 怎么改 at the end.

An .xlsx comes back as it was sent (``marked``: openpyxl opens it only in a child process under limits, TRUST S18, and only
below ``MARKED_CELLS``); of anything else, or when that fails, the rows with problems are written anew (``build``).
Corrected and sent again either works: the reading ignores the added columns.
"""

import io
import json
import re
import subprocess
import sys
from pathlib import Path

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter

from trust import uploads

from ..models import ImportState, OpenQuestion
from . import marker
from .cells import FileRefused
from .headings import Meaning
from .imports import plan_of
from .marker import PROBLEM, REMEDY
from .plan import chunks
from .preview import row_data

# openpyxl needs about 450 bytes a cell: with these limits the child process stays within those of reading (300 MiB).
MARKED_CELLS = 300_000
SECONDS = 60
ADDRESS_SPACE = 700 * 1024 * 1024
MARKER = Path(marker.__file__)

_RED = PatternFill("solid", fgColor=marker.RED)
_LINE = Border(*[Side(style="thin", color="FF857F72")] * 4)
_ASKS = re.compile(r"[，。；：]\s*(?=请)")
_WHAT_NOW = {
    "held": "改好这一格再传，这个孩子就会导入",
    "left_out": "问清楚了再填；孩子已经进名册，这一格先空着",
    "noted": "请看一眼，没有错就不用改",
}
_ADDED = {PROBLEM, REMEDY, marker.UID}


def workbook_of(batch) -> bytes:
    """The workbook of a batch: what waits or is wrong in it, with remedies."""
    if batch.upload is None:
        return build([row.shown for row in batch.held_rows.filter(done_at=None)])
    data = uploads.read_bytes(batch.upload)
    try:
        plan = plan_of(batch, data)
    except FileRefused:
        return build([row.shown for row in batch.held_rows.filter(done_at=None)])
    problems = _still_open(batch, plan)
    cells = sum(
        len(table.rows) * len(table.columns)
        for table in {id(e.table): e.table for e in plan.roster.entries}.values()
    )
    if data[:4] == b"PK\x03\x04" and cells <= MARKED_CELLS:
        found = marked(data, _to_mark(batch, plan, problems))
        if found is not None:
            return found
    wrong = [entry for entry in plan.roster.entries if problems.get(entry)]
    return build([json.loads(row_data(entry, full=True)) for entry in wrong])


def _still_open(batch, plan):
    """{entry: its problems that still wait}: rows set aside and questions answered in the meantime are not asked again."""
    if batch.state != ImportState.DONE:
        return {entry: entry.problems for entry in plan.roster.entries if entry.problems}
    waiting = set(batch.held_rows.filter(done_at=None).values_list("sheet", "number"))
    known = [entry.existing.pk for entry in plan.roster.entries if entry.existing and entry.problems]
    answered = {
        pair
        for chunk in chunks(known)
        for pair in OpenQuestion.objects.filter(child__in=chunk, answered_at__isnull=False).values_list("child", "field")
    }  # fmt: skip
    found = {}
    for entry in plan.roster.entries:
        if entry.held and (entry.sheet[:60], entry.row) not in waiting:
            continue
        child = entry.existing.pk if entry.existing else None
        found[entry] = [p for p in entry.problems if (child, p.field) not in answered]
    return {entry: problems for entry, problems in found.items() if problems}


def _to_mark(batch, plan, problems):
    """What the marker is told, sheet by sheet."""
    sheets = {}
    for table in {id(entry.table): entry.table for entry in plan.roster.entries}.values():
        asked = sheets.setdefault(table.sheet, {"heads": [], "marks": [], "says": {}, "uids": {}})
        asked["heads"].append(table.heading_row)
    for found in problems.values():
        for problem in found:
            asked = sheets[problem.sheet]
            if problem.column:
                asked["marks"].append([problem.row, problem.column, problem.message])
            said = asked["says"].setdefault(str(problem.row), [[], []])
            for place, words in enumerate(reason_and_remedy(problem)):
                if words not in said[place]:
                    said[place].append(words)
    if batch.state == ImportState.DONE:
        # who has no ID number is found again by the register's own
        for entry in plan.roster.entries:
            has_column = any(column.meaning == Meaning("child", "uid") for column in entry.table.columns)
            if entry.existing is not None and not entry.id_number and not has_column:
                sheets[entry.sheet]["uids"][str(entry.row)] = entry.existing.uid.hex
    for asked in sheets.values():
        asked["says"] = {
            row: ["\n".join(reasons), "\n".join(remedies)]
            for row, (reasons, remedies) in asked["says"].items()
        }
    return sheets


def marked(data: bytes, sheets) -> bytes | None:
    """The workbook with its problems in it, made in a child process; None when openpyxl cannot, within the limits."""
    line = json.dumps(sheets, ensure_ascii=True).encode() + b"\n"
    try:
        # S603: our own script under our own interpreter, no shell; the file goes in by stdin.
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-I", str(MARKER), str(ADDRESS_SPACE), str(SECONDS)],
            input=line + data,
            capture_output=True,
            timeout=SECONDS + 5,
            env={"PATH": "", "LC_ALL": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 and done.stdout[:2] == b"PK" else None


def reason_and_remedy(problem):
    """(what is wrong, what to do) of a problem; also of one kept as JSON."""
    get = problem.get if isinstance(problem, dict) else lambda name: getattr(problem, name)
    row, message, effect = get("row"), get("message"), get("effect")
    message = message.removeprefix(f"第 {row} 行")
    places = list(_ASKS.finditer(message))
    if not places:
        return message, _WHAT_NOW[effect]
    cut = places[0]
    return message[: cut.start()], message[cut.end() :]


def build(rows) -> bytes:
    """``rows``: as ``HeldRow.shown`` gives them (``cells`` [[heading, text]], ``problems``)."""
    rows = [row for row in rows if row.get("cells")]
    headings = list(
        dict.fromkeys(heading for row in rows for heading, _ in row["cells"] if heading not in _ADDED)
    )
    workbook = Workbook()
    sheet = workbook.active
    sheet.title = "待改的行"
    sheet.freeze_panes = "A2"
    for column, heading in enumerate([*headings, PROBLEM, REMEDY], start=1):
        cell = _text(sheet, 1, column, heading)
        cell.font = Font(name="宋体", bold=True)
        cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
        sheet.column_dimensions[get_column_letter(column)].width = marker.WIDTHS.get(
            heading, max(8, len(heading) * 2 + 2)
        )
    for number, row in enumerate(rows, start=2):
        wrong = {problem["header"]: problem for problem in row["problems"] if problem["header"]}
        for heading, value in row["cells"]:
            if heading in _ADDED:
                continue
            cell = _text(sheet, number, headings.index(heading) + 1, value)
            if heading in wrong:
                cell.fill = _RED
                cell.font = Font(name="宋体", color=marker.DARK_RED, bold=True)
        said = [reason_and_remedy(problem) for problem in row["problems"]]
        for place in (0, 1):
            words = "\n".join(dict.fromkeys(pair[place] for pair in said))
            cell = _text(sheet, number, len(headings) + 1 + place, words)
            cell.alignment = Alignment(wrap_text=True, vertical="top")
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
