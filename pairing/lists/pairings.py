"""Lists of pairings (结对名单、包保花名册) as schools keep them: a row per child with its teacher; a teacher's cell merged over
several children, several children in one cell, the teacher in a row above (包保教师：张桂兰) or as the sheet's name.
"""

import re

from registry import values
from registry.models import ImportKind, RowStatus, Staff
from registry.roster.meanings import Meaning
from registry.roster.table import read_tables
from registry.roster.vocabulary import ROSTER

from ..models import EndReason
from ..situation import able_staff
from ..whole_list import obstacles, pair_all, standing_from, stands
from .batches import Line, ListKind, reads_lists
from .people import names_in, people_of, staff_name

CHILD_WORDS = "学生 学生姓名 留守儿童 留守儿童姓名 儿童姓名 帮扶对象 结对学生 结对儿童 包保学生 包保儿童 包保对象 帮扶学生 受帮扶学生 孩子 孩子姓名"
WORDS = ROSTER.with_words({
    "child.name": CHILD_WORDS,
    "helper.name": "教师 教师姓名 老师 包保教师 包保教师姓名 帮扶教师 帮扶教师姓名 结对教师 结对教师姓名 包保人 帮扶人 责任教师 责任人 包保责任人 "
    "帮扶责任人 联系教师 代理教师",
})  # fmt: skip
_TEACHER_ABOVE = re.compile(
    r"(?:包保|帮扶|结对|责任|联系)?(?:教师|老师|责任人|包保人|帮扶人)(?:姓名)?\s*[:：]\s*([㐀-鿿·]{2,6})"
)
_CLASS = ("grade_class", "class", "grade")
OF_THE_LIST = "照导入的结对名单"
COLUMNS = (("child", "孩子"), ("class", "班级"), ("staff", "包保教师"))


def plan(batch, sheets):
    """The lines of a list: who would be paired with whom from the day of the list (``as_of``)."""
    day = batch.as_of
    staff = Staff.objects.filter(pk__in=able_staff(batch.school, day))
    people = people_of(batch.school, day, day, staff, batch.same_as)
    reading = read_tables(sheets, vocabulary=WORDS)
    lines = [
        line for table in reading.tables for line in _lines(table, _above(sheets, table, people), people, day)
    ]
    _compare(lines, day)
    lines += [Line(sheet, number, RowStatus.IGNORED, why=why) for sheet, number, why in reading.ignored]
    return lines


def _above(sheets, table, people):
    """{row: teacher's name} for each row of a table that stands under a teacher of its own (a row above, the sheet)."""
    sheet = next(one for one in sheets if one.name == table.sheet)
    teacher = sheet.name if staff_name(sheet.name) == sheet.name and sheet.name in people.staff else ""
    own, found = {row.number for row in table.rows}, {}
    for number, cells in enumerate(sheet.rows, start=1):
        if number in own:
            found[number] = teacher
            continue
        match = _TEACHER_ABOVE.search(" ".join(values.clean_text(cell) for cell in cells if cell is not None))
        teacher = match[1] if match else teacher
    return found


def _lines(table, above, people, day):
    """A line per child of each row."""
    columns = {column.meaning: column.index for column in table.columns if column.meaning}

    def cell(row, person, attribute):
        index = columns.get(Meaning(person, attribute))
        return row.cells[index] if index is not None and index < len(row.cells) else None

    for row in table.rows:
        place = f"{table.sheet}|{row.number}"
        teacher = staff_name(cell(row, "helper", "name")) or staff_name(above.get(row.number, ""))
        said = "".join(values.clean_text(cell(row, "child", one)) for one in reversed(_CLASS))
        said = said or row.section or table.class_hint
        names = names_in(cell(row, "child", "name"))
        number = values.read_id_number(cell(row, "child", "id_number")).value if len(names) == 1 else None
        adult = people.teacher(place, teacher)
        for name in names:
            child = people.child(place, name, said if len(names) == 1 else "", number, day)
            line = Line(
                table.sheet, row.number, RowStatus.NEW, {"child": name, "class": said, "staff": teacher},
                facts=(child.who, adult.who),
            )  # fmt: skip
            wrong = [found for found in (child, adult) if found.who is None]
            if wrong:
                line.status, line.why = RowStatus.HELD, "；".join(found.why for found in wrong)
                line.asks = [found.ask for found in wrong if found.ask]
                line.facts = (name, teacher)
            yield line


def _compare(lines, day):
    """Says of each line what the register knows: unchanged, changed, or why it has to wait. Four statements."""
    open_lines = [line for line in lines if line.status == RowStatus.NEW]
    first = {}
    for line in open_lines:
        child, staff = line.facts
        before = first.setdefault(child.pk, line)
        if before is not line and before.facts[1].pk == staff.pk:
            line.status, line.why = RowStatus.UNCHANGED, f"和第 {before.number} 行一样"
        elif before is not line:
            for one, other in ((line, before), (before, line)):
                one.status, one.why = (
                    RowStatus.HELD,
                    f"第 {other.number} 行写的是{other.facts[1].name}，请核对后再传",
                )
    open_lines = [line for line in open_lines if line.status == RowStatus.NEW]
    standing = standing_from([line.facts[0] for line in open_lines], day)
    for line in open_lines:
        ties = standing.get(line.facts[0].pk, [])
        if stands(ties, line.facts[1], day):
            line.status, line.why = RowStatus.UNCHANGED, "已经是这位教师"
        elif ties:
            line.status, line.why = RowStatus.CHANGED, f"现在由{ties[0].staff.name}包保"
    entering = [line for line in open_lines if line.status != RowStatus.UNCHANGED]
    why = obstacles([line.facts for line in entering], standing, day)
    for line in entering:
        if line.facts[0].pk in why:
            line.status, line.why = RowStatus.HELD, why[line.facts[0].pk]


def write(batch, lines, by):
    """Pairs all of them from the day of the list."""
    new = pair_all(
        choices=[line.facts for line in lines], starts_on=batch.as_of, end_reason=EndReason.OTHER, end_note=OF_THE_LIST,
        by=by, detail="结对名单",
    )  # fmt: skip
    return len(new)


reads_lists(ListKind(ImportKind.PAIRINGS, "结对名单", "pairing:list", COLUMNS, plan, write))
