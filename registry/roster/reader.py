"""The child process that opens a workbook: checks the container, then prints its cells as JSON on stdout.

Run as a script (``python -I reader.py KIND``, the file on stdin) by ``cells.read_cells``, under limits of address space
and CPU time. It knows nothing of the project and trusts nothing in the file. A refusal is ``{"refused": [kind, detail]}``.
"""

import codecs
import csv
import datetime
import io
import json
import re
import resource
import sys
import zipfile

MAX_BYTES = 10 * 1024 * 1024
MAX_UNPACKED = 128 * 1024 * 1024
MAX_ENTRIES = 200
MAX_ROWS = 50_000
MAX_COLUMNS = 200
MAX_SHEETS = 100
MAX_TEXT = 2_000
MAX_MERGES = 100_000
# Rows above and below the children (titles, notes, signatures) do not count against the 50,000.
SPARE_ROWS = 200
CHUNK = 1 << 20


class Refused(Exception):
    """The file is not read; ``kind`` names the sentence the user sees."""

    def __init__(self, kind, detail=""):
        super().__init__(kind)
        self.kind, self.detail = kind, detail


def limit_process(address_space, seconds):
    """No more memory, time or files than an honest workbook needs."""
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (32, 32))


def sheets_of(data):
    """The sheets of a file: [{name, hidden, rows, merges, hidden_rows, hidden_columns}]."""
    if len(data) > MAX_BYTES:
        raise Refused("too_big")
    if data[:4] == b"PK\x03\x04":
        return workbook_sheets(data, check_container(data))
    if data[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return workbook_sheets(data)
    if (
        data[:5].lower() in (b"%pdf-", b"{\\rtf")
        or data[:4] in (b"Rar!", b"\x89PNG", b"7z\xbc\xaf")
        or data[:2] == b"\xff\xd8"
    ):
        raise Refused("not_a_table")
    head = data[:400].replace(b"\x00", b"").lstrip(codecs.BOM_UTF8 + b" \t\r\n\xff\xfe").lower()
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<table", b"mime-version")):
        raise Refused("web_page")
    return [text_sheet(data)]


def check_container(data):
    """Entries, bytes counted while unpacking, no DOCTYPE, no far cell: before any XML reader sees it.

    Gives what is hidden in each sheet, in the order of the workbook: [(rows, columns)], both from 0.
    """
    try:
        package = zipfile.ZipFile(io.BytesIO(data))
        entries = package.infolist()
    except Exception as error:  # broken in any way
        raise Refused("broken") from error
    if len(entries) > MAX_ENTRIES:
        raise Refused("too_many_parts")
    unpacked, hidden, directory = 0, {}, {}
    for entry in entries:
        if entry.flag_bits & 0x1:
            raise Refused("protected")
        name = entry.filename.lower()
        is_xml = name.endswith((".xml", ".rels", ".vml"))
        is_sheet = "worksheets/" in name and name.endswith(".xml")
        tail, bounds = b"", Bounds()
        try:
            with package.open(entry) as part:
                first = True
                while chunk := part.read(CHUNK):
                    unpacked += len(chunk)
                    if unpacked > MAX_UNPACKED:
                        raise Refused("unpacks_too_big")
                    if is_xml or chunk[:5] == b"<?xml":
                        if first:
                            check_encoding(chunk)
                        window = tail + chunk
                        if b"<!DOCTYPE" in window.replace(b"\x00", b"").upper():
                            raise Refused("doctype")
                        if is_sheet:
                            bounds.scan(window)
                        tail = window[-512:]
                    if name in ("xl/workbook.xml", "xl/_rels/workbook.xml.rels"):
                        directory[name] = directory.get(name, b"") + chunk
                    first = False
        except Refused:
            raise
        except Exception as error:
            raise Refused("broken") from error
        bounds.check()
        if bounds.hidden_rows or bounds.hidden_columns:
            hidden[name] = sorted(bounds.hidden_rows), sorted(bounds.hidden_columns)
    return hidden_in_order(directory, hidden) if hidden else []


def hidden_in_order(directory, hidden):
    """What is hidden, sheet after sheet as the workbook lists them (not as its parts are numbered)."""
    targets = {}
    for tag in re.findall(
        rb"<(?:\w+:)?Relationship\s[^<>]*>", directory.get("xl/_rels/workbook.xml.rels", b"")
    ):
        name, target = (re.search(rb'\b%s="([^"]*)"' % key, tag) for key in (b"Id", b"Target"))
        if name and target:
            path = target[1].decode("utf-8", "replace").lower()
            targets[name[1]] = path.lstrip("/") if path.startswith("/") else f"xl/{path}"
    sheets = re.findall(rb"<(?:\w+:)?sheet\s[^<>]*>", directory.get("xl/workbook.xml", b""))
    links = [re.search(rb'\b(?:\w+:)?id="([^"]*)"', tag) for tag in sheets]
    return [hidden.get(targets.get(link[1] if link else b"", ""), ((), ())) for link in links]


def check_encoding(chunk):
    """Only encodings in which a DOCTYPE can be seen."""
    head = chunk[:200].replace(b"\x00", b"")
    for bom in (codecs.BOM_UTF8, codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        if head.startswith(bom):
            head = head[len(bom) :]
    if not head.lstrip()[:1] == b"<":
        raise Refused("broken")
    match = re.search(rb"""encoding\s*=\s*["']([^"']+)""", head)
    allowed = (
        b"utf-8",
        b"utf8",
        b"utf-16",
        b"us-ascii",
        b"ascii",
        b"iso-8859-1",
        b"gb2312",
        b"gbk",
        b"gb18030",
    )
    if match and match[1].lower() not in allowed:
        raise Refused("doctype")


class Bounds:
    """The farthest cell that holds something (formatted empty cells do not count), and the hidden rows and columns."""

    HIDDEN_ROW = re.compile(rb"""<(?:\w+:)?row\s[^<>]*\bhidden=["'](?:1|true)["'][^<>]*>""")
    HIDDEN_COLUMN = re.compile(rb"""<(?:\w+:)?col\s[^<>]*\bhidden=["'](?:1|true)["'][^<>]*>""")
    NUMBER = re.compile(rb"""\b(r|min|max)=["'](\d{1,7})["']""")
    CELL = re.compile(rb"""<(?:\w+:)?c\s[^<>]*?\br=["']([A-Za-z]{1,4})(\d{1,9})["'][^<>]*>(?!</)""")

    def __init__(self):
        self.row = self.column = 0
        self.hidden_rows, self.hidden_columns = set(), set()

    def scan(self, window):
        if b"hidden=" in window:
            self.scan_hidden(window)
        for match in self.CELL.finditer(window):
            if match[0][-2:] == b"/>":
                continue
            row = int(match[2])
            if row > self.row:
                self.row = row
            if len(match[1]) > 1 or self.column < 26:
                column = 0
                for letter in match[1].upper():
                    column = column * 26 + letter - 64
                if column > self.column:
                    self.column = column

    def scan_hidden(self, window):
        for match in self.HIDDEN_ROW.finditer(window):
            number = int(dict(self.NUMBER.findall(match[0])).get(b"r", 0))
            if 0 < number <= MAX_ROWS + SPARE_ROWS:
                self.hidden_rows.add(number - 1)
        for match in self.HIDDEN_COLUMN.finditer(window):
            span = dict(self.NUMBER.findall(match[0]))
            first, last = int(span.get(b"min", 0)), int(span.get(b"max", 0))
            if first:
                self.hidden_columns.update(range(first - 1, min(last, MAX_COLUMNS)))

    def check(self):
        if self.row > MAX_ROWS + SPARE_ROWS:
            raise Refused("too_many_rows", str(self.row))
        if self.column > MAX_COLUMNS:
            raise Refused("too_many_columns", str(self.column))


def workbook_sheets(data, hidden_parts=()):
    """Cells through calamine, empty leading rows kept so that row numbers are Excel's."""
    import python_calamine

    try:
        workbook = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        if len(workbook.sheets_metadata) > MAX_SHEETS:
            raise Refused("too_many_sheets")
        sheets, total = [], 0
        for index, meta in enumerate(workbook.sheets_metadata):
            if meta.typ != python_calamine.SheetTypeEnum.WorkSheet:
                continue
            sheet = workbook.get_sheet_by_index(index)
            if sheet.end is None:
                rows, merges = [], []
            else:
                last_row, last_column = sheet.end
                if last_row + 1 > MAX_ROWS + SPARE_ROWS:
                    raise Refused("too_many_rows", str(last_row + 1))
                if last_column + 1 > MAX_COLUMNS:
                    raise Refused("too_many_columns", str(last_column + 1))
                rows = [[plain(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]
                merges = [[*first, *last] for first, last in (sheet.merged_cell_ranges or [])[:MAX_MERGES]]
                total += len(rows)
                if total > MAX_ROWS + SPARE_ROWS * 5:
                    raise Refused("too_many_rows", str(total))
            hidden_rows, hidden_columns = hidden_parts[index] if index < len(hidden_parts) else ((), ())
            sheets.append(
                {
                    "name": meta.name, "hidden": meta.visible != python_calamine.SheetVisibleEnum.Visible, "rows": rows,
                    "merges": merges, "hidden_rows": hidden_rows, "hidden_columns": hidden_columns,
                }
            )  # fmt: skip
        return sheets
    except Refused:
        raise
    except python_calamine.PasswordError as error:
        raise Refused("protected") from error
    except MemoryError as error:
        raise Refused("unpacks_too_big") from error
    except BaseException as error:  # a panic of the Rust side is no Exception
        kind = (
            "protected" if "password" in str(error).lower() or "encrypt" in str(error).lower() else "broken"
        )
        raise Refused(kind) from error


def plain(cell):
    """A cell as JSON: text, number, true/false; a date as ["d", iso]; null when empty."""
    if cell.__class__ is str:
        return cell[:MAX_TEXT] or None
    if cell is None or cell.__class__ in (float, bool, int):
        return cell
    if isinstance(cell, datetime.datetime):
        return ["d", cell.date().isoformat() if cell.time() == datetime.time() else cell.isoformat(" ")]
    if isinstance(cell, datetime.date):
        return ["d", cell.isoformat()]
    return str(cell)


def text_sheet(data):
    """A CSV file in UTF-8 (with or without BOM), UTF-16 with BOM or GBK."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encodings = ["utf-16"]
    else:
        encodings = ["utf-8-sig", "gb18030"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
            break
        except UnicodeDecodeError:
            continue
    else:
        raise Refused("not_a_table")
    if "\x00" in text:
        raise Refused("not_a_table")
    lines = [line for line in text[:20000].splitlines() if line.strip()][:20]
    delimiter = max(",\t;", key=lambda mark: sum(line.count(mark) for line in lines))
    csv.field_size_limit(MAX_TEXT * 20)
    rows = []
    try:
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter):
            if len(rows) >= MAX_ROWS + SPARE_ROWS:
                raise Refused("too_many_rows", str(len(rows) + 1))
            while row and not row[-1]:
                row.pop()
            if len(row) > MAX_COLUMNS:
                raise Refused("too_many_columns", str(len(row)))
            rows.append([unquoted(cell) for cell in row])
    except csv.Error as error:
        raise Refused("broken") from error
    return {"name": "", "hidden": False, "rows": rows, "merges": [], "hidden_rows": [], "hidden_columns": []}


def unquoted(cell):
    """A cell of a CSV; ``="123"`` is the usual way to keep a number as text."""
    if cell.startswith('="') and cell.endswith('"'):
        cell = cell[2:-1]
    return cell[:MAX_TEXT] or None


def main():
    limit_process(int(sys.argv[1]), int(sys.argv[2]))
    try:
        answer = {"sheets": sheets_of(sys.stdin.buffer.read())}
    except Refused as refusal:
        answer = {"refused": [refusal.kind, refusal.detail]}
    except MemoryError:
        answer = {"refused": ["unpacks_too_big", ""]}
    json.dump(answer, sys.stdout, ensure_ascii=True)


if __name__ == "__main__":
    main()
