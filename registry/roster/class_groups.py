"""Grade and class written once, in the first row of a group, and left blank below it: filled down as the school means it.

Only where the column is plainly written so: its first child has it, no value is repeated right below itself, and at least as
many rows are blank as filled. One cell that is missing in a column otherwise filled stays missing, and is asked about.
"""

from itertools import pairwise

from ..values import clean_text, read_text
from .meanings import Meaning

_GRADE, _CLASS, _BOTH = (Meaning("child", name) for name in ("grade", "class", "grade_class"))
_SCHOOLING = Meaning("child", "schooling")
AT_NO_SCHOOL = ("未入园", "辍学", "不在学", "未入学")
FEWEST_BLANKS = 2


def fill_down_classes(table):
    """Fills the blank grade and class cells of ``table``, where its columns are written in groups."""
    at = {column.meaning: column.index for column in table.columns if column.meaning}
    grade, schooling = at.get(_GRADE), at.get(_SCHOOLING)
    rows = [row for row in table.rows if not _at_no_school(row, schooling)]
    # A class number belongs to its grade, so the grade comes first, and a class is not carried into another one.
    for index, within in ((grade, None), (at.get(_CLASS), grade), (at.get(_BOTH), None)):
        if index is not None and _in_groups(rows, index):
            _fill(rows, index, within)


def _at_no_school(row, schooling):
    return schooling is not None and read_text(_cell(row, schooling)) in AT_NO_SCHOOL


def _cell(row, index):
    return row.cells[index] if index is not None and index < len(row.cells) else None


def _text(row, index):
    cell = _cell(row, index)
    return clean_text(cell) if cell is not None else ""


def _in_groups(rows, index):
    texts = [_text(row, index) for row in rows]
    if not texts or not texts[0]:
        return False
    filled = sum(bool(text) for text in texts)
    repeated = any(text and text == above for above, text in pairwise(texts))
    return not repeated and len(texts) - filled >= max(filled, FEWEST_BLANKS)


def _fill(rows, index, within):
    """Carries each value down to the next one, but not into another section or (``within``) another grade."""
    value, group = None, None
    for row in rows:
        place = (row.section, _text(row, within))
        if _text(row, index):
            value, group = _cell(row, index), place
        elif place == group:
            row.cells = [*row.cells, *[None] * (index + 1 - len(row.cells))]
            row.cells[index] = value
