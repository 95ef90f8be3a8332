"""First stage: the cells of an untrusted file, read in a child process under limits (one set of limits for all doors).

10 MB up, 128 MiB unpacked (counted while unpacking), 200 parts, 50,000 rows, 200 columns, 10 s, no DOCTYPE.
"""

import datetime
import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from . import reader

SECONDS = 10  # of computing
WAIT = 30  # by the clock: on a busy machine an honest file must not be refused for what others compute
# Address space, not memory in use: Python and the reader's library map about 150 MiB before the first byte.
ADDRESS_SPACE = 600 * 1024 * 1024
READER = Path(reader.__file__)

REFUSALS = {
    "too_big": "文件超过 10 MB。请删去图片和用不着的工作表，或者分成几个文件再传",
    "unpacks_too_big": "表格展开后太大，没有读。请新建一个工作簿，只把名册那几列复制过去，再传",
    "too_many_parts": "文件里的零件太多（图片、附件），没有读。请新建一个工作簿，只复制名册，再传",
    "too_many_rows": "表格有 {detail} 行，一次最多 50,000 行。请删去下面的空白行，或者分成几个文件",
    "too_many_columns": "表格有 {detail} 列，最多 200 列。请删去右边用不着的列，再传",
    "too_many_sheets": "工作表太多，最多 100 个。请只留名册所在的工作表，再传",
    "doctype": "文件里有不安全的内容，没有读。请用 Excel 或 WPS 打开，另存为新的 .xlsx，再传",
    "protected": "文件加了密码，读不了。请先在 Excel 或 WPS 里去掉密码，再传",
    "broken": "文件打不开，可能没有传完整。请用 Excel 或 WPS 打开，另存为新的 .xlsx，再传",
    "not_a_table": "这不是表格文件。请传 .xlsx、.xls 或 .csv",
    "web_page": "这是网页改名的表格。请用 Excel 或 WPS 打开，另存为 .xlsx，再传",
    "too_slow": "表格读了 10 秒还没读完，没有再读。请新建一个工作簿，只把名册那几列复制过去，再传",
    "empty": "文件是空的，里面没有工作表。请核对是不是传错了文件",
}


class FileRefused(ValueError):
    """The file cannot be read at all; ``str()`` is the sentence for the user."""

    def __init__(self, kind, detail=""):
        self.kind = kind
        super().__init__(REFUSALS[kind].format(detail=detail))


@dataclass
class Sheet:
    """One worksheet: ``rows[i]`` is Excel's row i + 1; ``merges`` are (top, left, bottom, right), from 0, included."""

    name: str
    rows: list
    merges: list = field(default_factory=list)
    hidden: bool = False
    hidden_rows: frozenset = frozenset()  # from 0
    hidden_columns: frozenset = frozenset()


def read_cells(data: bytes) -> list[Sheet]:
    """The sheets of a file; raises ``FileRefused`` with a sentence that says what to do."""
    if len(data) > reader.MAX_BYTES:
        raise FileRefused("too_big")
    if not data:
        raise FileRefused("empty")
    try:
        # S603: our own script under our own interpreter, no shell; the file goes in by stdin.
        done = subprocess.run(  # noqa: S603
            [sys.executable, "-I", str(READER), str(ADDRESS_SPACE), str(SECONDS)],
            input=data,
            capture_output=True,
            timeout=WAIT,
            env={"PATH": "", "LC_ALL": "C.UTF-8"},
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise FileRefused("too_slow") from error
    if done.returncode != 0:
        # Killed by a limit: SIGXCPU or SIGKILL of the clock, else memory (an abort of the reader's library).
        raise FileRefused("too_slow" if done.returncode in (-24, -9) else "unpacks_too_big")
    answer = json.loads(done.stdout)
    if "refused" in answer:
        raise FileRefused(*answer["refused"])
    sheets = [
        Sheet(
            raw["name"],
            [_decoded(row) for row in raw["rows"]],
            raw["merges"],
            raw["hidden"],
            frozenset(raw["hidden_rows"]),
            frozenset(raw["hidden_columns"]),
        )
        for raw in answer["sheets"]
    ]
    if not any(sheet.rows for sheet in sheets):
        raise FileRefused("empty")
    return sheets


def _decoded(row):
    if any(cell.__class__ is list for cell in row):
        return [_date(cell[1]) if cell.__class__ is list else cell for cell in row]
    return row


def _date(text):
    return datetime.date.fromisoformat(text) if len(text) == 10 else datetime.datetime.fromisoformat(text)


def column_letters(index: int) -> str:
    """A, B … Z, AA … of a column counted from 0."""
    letters = ""
    index += 1
    while index:
        index, rest = divmod(index - 1, 26)
        letters = chr(65 + rest) + letters
    return letters
