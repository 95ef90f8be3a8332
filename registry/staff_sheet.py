"""The staff sheet (教职工表): a template to fill in, read with its problems in place, entered as a whole or not at all."""

import io
import re
from dataclasses import dataclass, field

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from openpyxl import Workbook
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.worksheet.datavalidation import DataValidation

from trust import audit

from . import places, staff, values
from .models import GRADE_NAMES, Post, PostKind, SchoolClass, Sex, Staff
from .roster.cells import read_cells

HEADINGS = {
    "name": ("姓名", "教师姓名", "教职工姓名", "老师姓名"),
    "sex": ("性别",),
    "phone": ("电话", "联系电话", "手机", "手机号", "手机号码", "工作电话", "联系方式", "电话号码"),
    "post": ("岗位", "职务", "担任岗位", "岗位职务", "工作岗位"),
    "place": ("班级/年级", "班级", "年级班级", "任教班级", "班级年级", "年级", "所带班级"),
    "subject": ("学科", "任教学科", "科目", "任教科目"),
}
TITLES = ["姓名", "性别", "电话", "岗位", "班级/年级", "学科"]
ROWS_AT_MOST = 500
LOOK_FOR_HEADINGS = 15

POST_WORDS = {
    "班主任": PostKind.CLASS_TEACHER, "科任教师": PostKind.SUBJECT_TEACHER, "科任": PostKind.SUBJECT_TEACHER,
    "任课教师": PostKind.SUBJECT_TEACHER, "科任老师": PostKind.SUBJECT_TEACHER, "值守教师": PostKind.DUTY_TEACHER,
    "值守": PostKind.DUTY_TEACHER, "教职工": PostKind.TEACHER, "教师": PostKind.TEACHER, "老师": PostKind.TEACHER,
    "职工": PostKind.TEACHER, "年级组长": PostKind.GRADE_HEAD, "年级主任": PostKind.GRADE_HEAD,
    "校长": PostKind.LEADER, "组长": PostKind.LEADER, "组长（校长）": PostKind.LEADER, "副校长": PostKind.DEPUTY,
    "副组长": PostKind.DEPUTY, "领导小组办公室": PostKind.GROUP_OFFICE, "办公室": PostKind.GROUP_OFFICE,
    "办公室主任": PostKind.GROUP_OFFICE, "领导小组成员": PostKind.GROUP_MEMBER, "成员": PostKind.GROUP_MEMBER,
    "心理教师": PostKind.COUNSELOR, "心理老师": PostKind.COUNSELOR, "档案管理员": PostKind.ARCHIVIST,
    "档案员": PostKind.ARCHIVIST,
}  # fmt: skip
OFFERED = [
    "班主任", "科任教师", "值守教师", "教职工", "年级组长", "校长", "副组长", "领导小组办公室", "领导小组成员", "心理教师",
    "档案管理员",
]  # fmt: skip

audit.name_actions(preview_staff="核对教职工表")


@dataclass
class PostPlan:
    """One post that a row asks for."""

    kind: str
    grade: int | None = None
    school_class: object = None

    @property
    def words(self):
        """三(2)班班主任."""
        place = ""
        if self.school_class is not None:
            place = str(self.school_class)
        elif self.grade is not None:
            place = GRADE_NAMES[self.grade]
        return f"{place}{PostKind(self.kind).label}"


@dataclass
class Row:
    """One row of the sheet as read, and what is wrong with it, by column."""

    number: int
    cells: dict
    name: str = ""
    sex: str = ""
    phone: str = ""
    subject: str = ""
    posts: list = field(default_factory=list)
    problems: dict = field(default_factory=dict)
    notes: list = field(default_factory=list)
    known: object = None

    @property
    def shown(self):
        """[(heading, what was typed, what is wrong)] in the order of the template."""
        return [
            (title, self.cells.get(name, ""), self.problems.get(name, ""))
            for name, title in zip(HEADINGS, TITLES, strict=True)
        ]


@dataclass
class Plan:
    """What a sheet would do."""

    rows: list
    problem: str = ""

    @property
    def wrong(self):
        """Rows that cannot be entered as they stand."""
        return [row for row in self.rows if row.problems]

    @property
    def ready(self):
        """Whether everything can be entered."""
        return bool(self.rows) and not self.problem and not self.wrong

    @property
    def new(self):
        """Rows of people not yet entered."""
        return [row for row in self.rows if row.known is None]


def template_workbook(school):
    """The sheet to fill in: headings, lists to choose from, a page of explanations. Bytes of an .xlsx."""
    book = Workbook()
    sheet = book.active
    sheet.title = "教职工"
    sheet.append(TITLES)
    thin = Side(style="thin", color="857F72")
    for cell in sheet[1]:
        cell.font = Font(name="宋体", bold=True, size=12)
        cell.fill = PatternFill("solid", fgColor="DFE9F2")
        cell.alignment = Alignment(horizontal="center", vertical="center")
        cell.border = Border(left=thin, right=thin, top=thin, bottom=thin)
    sheet.freeze_panes = "A2"
    sheet.row_dimensions[1].height = 24
    for letter, width in zip("ABCDEF", (12, 8, 16, 24, 16, 14), strict=True):
        sheet.column_dimensions[letter].width = width
        for row in range(2, 202):
            sheet[f"{letter}{row}"].number_format = "@"  # phones stay as typed
    for column, words in (("B", ["男", "女"]), ("D", OFFERED)):
        choice = DataValidation(
            "list", formula1='"' + ",".join(words) + '"', allow_blank=True, showErrorMessage=False
        )
        sheet.add_data_validation(choice)
        choice.add(f"{column}2:{column}201")
    how = book.create_sheet("填表说明")
    for line in (
        f"{school.name} 教职工表",
        "一人一行。姓名必填，其余没有就空着。",
        "岗位从下拉里选；一人几个岗位，用顿号隔开，例如：班主任、领导小组成员。空着就记为教职工。",
        "班主任、科任教师填班级，例如：三年级2班；年级组长填年级，例如：三年级。班级要先在“设置—学校”里建好。",
        "电话用来登录，请填本人的工作手机号。",
        "传上去以后先看一遍，有问题的格子会标出来；都改好了才能登记，不会只登记一半。",
    ):
        how.append([line])
    how.column_dimensions["A"].width = 90
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _bare(value):
    return re.sub(r"[\s*＊:：（(]|必填|[)）]", "", values.clean_text(value))


def _headings_in(sheet):
    """(row index, {field: column}) of the row that names the columns, or None."""
    for index, row in enumerate(sheet.rows[:LOOK_FOR_HEADINGS]):
        found = {}
        for column, cell in enumerate(row):
            word = _bare(cell)
            for name, words in HEADINGS.items():
                if name not in found and word in words:
                    found[name] = column
        if "name" in found and len(found) > 1:
            return index, found
    return None


def read_sheet(data, school):
    """Read an uploaded file against a school; raises roster.cells.FileRefused. Writes nothing. Returns a Plan."""
    for sheet in read_cells(data):
        found = _headings_in(sheet)
        if found and not sheet.hidden:
            return _read_rows(sheet, *found, school)
    return Plan([], "没找到“姓名”这一列。请用下载的模板，第一行是：" + "、".join(TITLES))


def _read_rows(sheet, heading_row, columns, school):
    day = timezone.localdate()
    classes = {}
    for one in SchoolClass.objects.filter(school=school).running_on(day):
        one.school = school
        classes[one.grade_on(day), one.number] = one
    known = {}
    for person in Staff.objects.filter(school=school, left_on=None).select_related("user"):
        known.setdefault(person.name, []).append(person)
    rows = []
    for index, cells in enumerate(sheet.rows[heading_row + 1 :], start=heading_row + 2):
        typed = {
            name: values.clean_text(cells[column]) if column < len(cells) else ""
            for name, column in columns.items()
        }
        if not any(typed.values()):
            continue
        if _bare(typed["name"]) in HEADINGS["name"]:
            continue
        rows.append(_read_row(index, typed, school, classes, known))
    plan = Plan(rows)
    if not rows:
        plan.problem = "表里还没有人，请填好再传"
    elif len(rows) > ROWS_AT_MOST:
        plan.problem = f"一次最多 {ROWS_AT_MOST} 人，这里有 {len(rows)} 人，请分几次传"
    _check_between(plan, school, day)
    return plan


def _read_row(number, typed, school, classes, known):
    row = Row(number, typed)
    name = values.read_name(typed["name"])
    if name.flaw:
        row.problems["name"] = name.flaw.message
    elif not name.value:
        row.problems["name"] = "这一行没有姓名"
    row.name = (name.value or "")[:40]
    word = typed.get("sex", "")
    said = values.read_sex(word)
    row.sex = {"男": Sex.MALE, "女": Sex.FEMALE}.get(said, "")
    if values.read_text(word) and not said:
        row.problems["sex"] = "性别填男或女"
    phone = values.read_phone(typed.get("phone", ""))
    if phone.value is None and phone.flaw:
        row.problems["phone"] = phone.flaw.message
    row.phone = phone.value or ""
    row.subject = values.read_text(typed.get("subject", ""))[:40]
    _read_posts(row, typed, school, classes)
    row.known = _same_person(row, known.get(row.name, []))
    return row


def _same_person(row, people):
    for person in people:
        if not row.phone or not person.phone or person.phone == row.phone:
            return person
    if people:
        row.notes.append(f"已有同名的{row.name}，电话不同，会另登记一人")
    return None


def _read_posts(row, typed, school, classes):
    words = [word for word in re.split(r"[、，,;；/\s]+", values.read_text(typed.get("post", ""))) if word]
    place = values.read_text(typed.get("place", ""))
    sat = values.read_class(place, junior_from=school.first_junior_grade) if place else None
    grade = values.grade_number(sat.grade) if sat and sat.grade else None
    if place and grade is None:
        row.problems["place"] = "写成“三年级2班”这样；年级组长写“三年级”"
        return
    used = False
    for word in words or ["教职工"]:
        kind = POST_WORDS.get(word)
        if kind is None:
            row.problems["post"] = f"没有“{word}”这个岗位，可以填：" + "、".join(OFFERED)
            continue
        scope = staff.SCOPES[kind]
        plan = PostPlan(kind)
        if scope[0] == "class" and (place or scope == ("class",)):
            used = True
            number = re.fullmatch(r"(\d+)班", sat.school_class or "") if sat else None
            if not place:
                row.problems["place"] = f"{word}要填班级"
                continue
            if number is None:
                row.problems["place"] = f"{word}要写到班，例如：三年级2班"
                continue
            plan.school_class = classes.get((grade, int(number[1])))
            if plan.school_class is None:
                row.problems["place"] = f"学校里没有{sat.grade}{number[1]}班，请先在学校里建这个班"
                continue
        elif scope == ("grade",):
            used = True
            if grade is None:
                row.problems["place"] = f"{word}要填年级"
                continue
            if grade not in places.grades_of(school):
                row.problems["place"] = f"学校没有{sat.grade}"
                continue
            plan.grade = grade
        row.posts.append(plan)
    if place and not used and not row.problems:
        row.notes.append("这个岗位不分班级，班级一栏没有用到")


def _check_between(plan, school, day):
    """What only shows between rows: one class teacher per class, one leader, one phone per person."""
    holders = {}
    held = Post.objects.overlapping(day, None).filter(school=school, kind__in=staff.SINGLE_KINDS)
    for post in held.select_related("staff"):
        holders[post.kind, post.school_class_id] = post.staff
    phones, people = {}, {}
    for row in plan.rows:
        if row.phone:
            other = phones.setdefault(row.phone, row)
            if other.name != row.name:
                row.problems["phone"] = f"和第 {other.number} 行{other.name}的电话一样，请核对"
        same = people.setdefault((row.name, row.phone), row)
        if same is not row and row.name:
            row.problems["name"] = f"和第 {same.number} 行是同一个人，请写在一行，岗位用顿号隔开"
        for post in row.posts:
            if post.kind not in staff.SINGLE_KINDS:
                continue
            key = (post.kind, post.school_class.pk if post.school_class else None)
            holder = holders.setdefault(key, row)
            if holder is row or (
                isinstance(holder, Staff) and row.known is not None and holder.pk == row.known.pk
            ):
                continue
            where = f"第 {holder.number} 行{holder.name}" if isinstance(holder, Row) else holder.name
            row.problems["post"] = f"{post.words}已经是{where}，一个时候只能有一位；要换人请在教职工页里办"


def enter(plan, school, *, by, starts_on=None):
    """Enter all people and posts of a plan without problems, or nothing. Returns the staff in the order of the rows."""
    if not plan.ready:
        raise ValidationError("表里还有没改好的地方，一个都没有登记")
    starts_on = starts_on or timezone.localdate()
    people = []
    with transaction.atomic():
        for row in plan.rows:
            person = row.known
            if person is None:
                person = staff.add_staff(
                    by=by, county=school.county, school=school, name=row.name, sex=row.sex, phone=row.phone,
                    subject=row.subject,
                )  # fmt: skip
            else:
                filled = {
                    name: getattr(row, name)
                    for name in ("sex", "phone", "subject")
                    if getattr(row, name) and not getattr(person, name)
                }
                if filled:
                    staff.correct_staff(person, by=by, expected=person.version, **filled)
            held = {
                (post.kind, post.school_class_id, post.grade)
                for post in Post.objects.overlapping(starts_on, None).filter(staff=person)
            }
            for post in row.posts:
                key = (post.kind, post.school_class.pk if post.school_class else None, post.grade)
                if key in held or (post.kind == PostKind.TEACHER and held):
                    continue
                staff.add_post(
                    person, by=by, kind=post.kind, starts_on=starts_on, school=school, grade=post.grade,
                    school_class=post.school_class,
                )  # fmt: skip
            people.append(person)
        audit.record("import_staff", by=by, kind="school", uid=school, count=len(people))
    return people
