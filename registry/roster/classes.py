"""The class of a row: its grade and class cells, the section above it, the sheet's name; what is doubtful is asked."""

import datetime
import re

from .. import values
from ..values import clean_text, read_text
from .class_groups import AT_NO_SCHOOL

_CELLS = (("child", "class"), ("child", "grade_class"), ("child", "grade"))


class ClassReader:
    """Reads the class of the rows of one table."""

    def __init__(self, context):
        self.context, self.shape, self.as_of = context, context.shape, context.as_of
        self.from_file = bool(context.has & set(_CELLS))
        self.key = next((key for key in _CELLS if key in context.has), None)
        # 小一班, 中一班 are the kindergarten's where no primary school is; else a person must say
        self.kindergarten = "primary" not in self.shape.stages

    def read(self, entry, row, raw):
        """Sets ``grade`` and ``school_class``, or says what is missing or doubtful."""
        grade_cell, class_cell = raw.get(("child", "grade")), raw.get(("child", "class"))
        both_cell = raw.get(("child", "grade_class"))
        grade = self._grade(grade_cell)
        cell = both_cell if both_cell is not None else class_cell
        found = self._class(cell, grade is not None or grade_cell is not None or cell is class_cell)
        if grade and grade.grade is None and grade.entry_year is None:
            # the grade cell may hold both: 三（2）班 below 年级
            whole = self._class(grade_cell, False)
            if whole and (whole.grade or whole.entry_year):
                grade, found = whole, (found or whole)
        hinted = [part for part in map(self._hint, (row.section, self.context.table.class_hint)) if part]
        parts = [part for part in (found, grade, *hinted) if part]
        entry.grade = next((part.grade for part in parts if part.grade), None)
        entry.school_class = next((part.school_class for part in parts if part.school_class), None)
        if entry.grade is None:
            dated = next((part for part in parts if part.entry_year), None)
            if dated:
                entry.grade = self.shape.grade_of_entry(dated.entry_year, dated.stage, self.as_of)
        self._check(entry, row, raw, grade, found, cell)

    def _check(self, entry, row, raw, grade, found, cell):
        who, text = entry.name or "这个孩子", clean_text(cell)
        said = grade.grade if grade else None
        if found and found.grade and said and found.grade != said:
            self._problem(
                entry,
                row,
                "class_conflict",
                f"：年级写着{said}，班级写着{text}，对不上，请改成一致",
                who,
                text,
            )
        elif entry.school_class and not re.fullmatch(r"\d{1,2}班", entry.school_class):
            shown = entry.school_class if not isinstance(cell, datetime.date) else "日期"
            why = (
                "变成了日期（Excel 把 3-2 当成了 3 月 2 日），请写成“三(2)班”这样"
                if isinstance(cell, datetime.date)
                else f"“{shown}”看不出是几年级几班，请写成“三(2)班”这样"
            )
            self._problem(entry, row, "bad_class", f"的班级{why}", who, text)
        elif found and found.doubtful and self._doubtful(found):
            self._problem(
                entry,
                row,
                "bad_class",
                f"的班级“{text}”看不出是小学还是初中的年级，请写成“七(1)班”或“初一(1)班”这样",
                who,
                text,
            )
        elif not (entry.school_class and entry.grade) and self._needs_class(raw):
            what = "没有班级" if not entry.school_class else "只有班号，没有年级"
            self._problem(entry, row, "class_missing", f"{what}，请写上年级和班级，如“三(2)班”", who, text)

    def _problem(self, entry, row, kind, message, who, text):
        self.context.problem(
            entry, row, self.key, kind, "error", "held", f"第 {row.number} 行{who}{message}", text, "class"
        )

    def _doubtful(self, found):
        """三（2）班 in a school that has no primary grades: 三年级 or 初三 is not ours to say."""
        number = values.grade_number(found.grade)
        return 1 <= number <= 4 and "primary" not in self.shape.stages and "junior" in self.shape.stages

    def _needs_class(self, raw):
        """A school with classes, or a file that gives them, leaves none out; who is at no school sits in no class."""
        at_no_school = read_text(raw.get(("child", "schooling"))) in AT_NO_SCHOOL
        return (self.shape.must_have_class or self.from_file) and not at_no_school

    def _grade(self, cell):
        return (
            values.read_grade(clean_text(cell), self.shape.first_junior_grade) if cell is not None else None
        )

    def _class(self, cell, has_grade):
        if cell is None:
            return None
        if isinstance(cell, datetime.date):
            return values.GradeClass(None, clean_text(cell))
        if isinstance(cell, float) and not cell.is_integer():
            cell = f"{cell:g}"
        found = values.read_class(
            clean_text(cell), has_grade, self.shape.first_junior_grade, self.kindergarten
        )
        return found if any(found) else None

    def _hint(self, text):
        """A section or title names a class, or only a grade (三年级)."""
        if not text:
            return None
        found = self._class(text, False)
        if found and found.school_class and not re.fullmatch(r"\d{1,2}班", found.school_class):
            return None
        return found
