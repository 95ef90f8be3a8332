"""A year of talks, visits and calls kept in Excel (谈心家访记录): a row per child and day, read into contacts.

They count from the moment they are entered: what is older than 14 days is late in the ledger, as anything typed late. Of each
row the kind stands in a column, or in the title or the sheet's name (家访记录表). What is in the register already (child, day,
kind, teacher) is left alone, so the same file twice adds nothing.
"""

import re
import uuid
from datetime import date, timedelta

from django.db.models import Min
from django.utils import timezone
from simple_history.utils import bulk_create_with_history

from pairing.lists.batches import Line, ListKind, reads_lists
from pairing.lists.pairings import CHILD_WORDS
from pairing.lists.people import names_in, people_of, staff_name
from pairing.situation import schools_of
from registry import values
from registry.models import Enrollment, ImportKind, Post, RowStatus, Staff
from registry.roster.meanings import Meaning
from registry.roster.table import read_tables
from registry.roster.vocabulary import ROSTER
from trust import audit

from .models import Channel, Contact, ContactKind, ContactStaff, Party, lag_days

LOOK_BACK = timedelta(days=800)  # a child who left longer ago is not looked for
WORDS = ROSTER.with_words({
    "child.name": CHILD_WORDS,
    "helper.name": "教师 教师姓名 老师 谈话教师 谈心教师 谈话人 谈心人 家访教师 家访人 走访教师 走访人 访谈教师 联系教师 记录人 负责教师 "
    "包保教师 帮扶教师 班主任 责任教师",
    "record.day": "日期 时间 谈话日期 谈话时间 谈心日期 谈心时间 家访日期 家访时间 走访日期 走访时间 联系日期 联系时间 活动时间",
    "record.kind": "类别 类型 形式 方式 谈话形式 谈心形式 家访形式 关爱形式 帮扶形式 工作形式 项目 联系形式 沟通方式",
    "record.party": "受访人 受访家长 家访对象 联系对象 沟通对象 访谈对象",
    "record.words": "内容 主要内容 谈话内容 谈心内容 家访内容 走访内容 联系内容 谈话记录 谈心记录 家访记录 记录 交流内容 帮扶内容 情况记录 家访情况",
    "record.effect": "效果 结果 成效 谈话效果 谈心效果 家访效果 帮扶效果 处理结果",
})  # fmt: skip
COLUMNS = (
    ("child", "孩子"), ("class", "班级"), ("day", "日期"), ("kind", "类别"), ("staff", "教师"), ("words", "内容"),
)  # fmt: skip
_CLASS = ("grade_class", "class", "grade")
# The first that a text names: kind, channel.
_KINDS = [
    (re.compile("亲情"), ContactKind.FAMILY_CALL, Channel.PHONE),
    (re.compile("家访|走访|入户|上门"), ContactKind.HOME_VISIT, Channel.IN_PERSON),
    (re.compile("微信|短信|QQ"), ContactKind.GUARDIAN_CONTACT, Channel.MESSAGE),
    (re.compile("视频"), ContactKind.GUARDIAN_CONTACT, Channel.VIDEO),
    (re.compile("电话|电访|通话"), ContactKind.GUARDIAN_CONTACT, Channel.PHONE),
    (re.compile("家长.{0,3}(?:见面|面谈)|(?:见面|面谈|约谈).{0,3}家长"), ContactKind.GUARDIAN_CONTACT, Channel.IN_PERSON),
    (re.compile("书信|通信"), ContactKind.LETTER, Channel.LETTER),
    (re.compile("谈心|谈话|面谈|交心|心理|疏导|谈"), ContactKind.TALK, Channel.IN_PERSON),
]  # fmt: skip
_PARENTS = ((re.compile("爸|父"), Party.FATHER), (re.compile("妈|母"), Party.MOTHER))
_NOT_PARENTS = re.compile("祖父|祖母|伯父|伯母|父母亲?不|岳")
NO_KIND = "看不出是谈心、家访还是联系家长，请写明类别"
WHICH_PARENT = "要写明是和爸爸还是妈妈"


def plan(batch, sheets):
    """The lines of a year's records, compared with the register. A constant number of statements."""
    today = timezone.localdate()
    posts = Post.objects.valid().filter(school__in=schools_of(batch.school))
    people = people_of(
        batch.school,
        today - LOOK_BACK,
        today,
        Staff.objects.filter(pk__in=posts.values("staff")),
        batch.same_as,
    )
    reading = read_tables(sheets, vocabulary=WORDS)
    lines = [line for table in reading.tables for line in _lines(table, people, today)]
    _compare(lines)
    lines += [Line(sheet, number, RowStatus.IGNORED, why=why) for sheet, number, why in reading.ignored]
    return lines


def _lines(table, people, today):
    """A line per child of each row."""
    columns = {column.meaning: column.index for column in table.columns if column.meaning}
    named_for = f"{table.title} {table.sheet}"

    def cell(row, person, attribute):
        index = columns.get(Meaning(person, attribute))
        return row.cells[index] if index is not None and index < len(row.cells) else None

    def text(row, attribute):
        return values.read_text(cell(row, "record", attribute))

    for row in table.rows:
        place = f"{table.sheet}|{row.number}"
        day, wrong_day = _day(cell(row, "record", "day"), today)
        kind, channel, parties, wrong_kind = kind_of_row(text(row, "kind"), named_for, text(row, "party"))
        teacher = staff_name(cell(row, "helper", "name"))
        adult = people.teacher(place, teacher)
        said = "".join(values.clean_text(cell(row, "child", one)) for one in reversed(_CLASS))
        said = said or row.section or table.class_hint
        words, effect = (_as_written(cell(row, "record", one)) for one in ("words", "effect"))
        names = names_in(cell(row, "child", "name"))
        for name in names:
            child = people.child(place, name, said if len(names) == 1 else "", None, day or today)
            shown = {
                "child": name, "class": said, "day": f"{day:%Y-%m-%d}" if day else "", "staff": teacher, "words": words,
                "kind": kind.label if kind else "",
            }  # fmt: skip
            line = Line(table.sheet, row.number, RowStatus.NEW, shown)
            line.facts = (child.who, adult.who, kind, day, channel, parties, words, effect)
            missing = [found for found in (child, adult) if found.who is None]
            wrong = [why for why in (wrong_day, wrong_kind, *(found.why for found in missing)) if why]
            if wrong:
                line.status, line.why = RowStatus.HELD, "；".join(wrong)
                line.asks = [found.ask for found in missing if found.ask]
            yield line


def _as_written(cell):
    """What somebody wrote, its punctuation too; "" for —, 无 and /."""
    return str(cell).strip() if values.read_text(cell) else ""


def _day(cell, today):
    """(the day, "") or (None, why the row has to wait)."""
    reading = values.read_date(cell)
    if reading.flaw:
        return None, reading.flaw.message
    if reading.value is None:
        return None, "只写了年月，请写明哪一天" if reading.year_month else "没写日期"
    if reading.value > today:
        return None, "日期在今天之后，请核对"
    if reading.value < date(1990, 1, 1):
        return None, f"年份 {reading.value.year} 不对，请核对"
    return reading.value, ""


def kind_of_row(kind_text, named_for, party_text):
    """(kind, channel, parties, why the row has to wait). The row's own words go before the table's title.

    A visit or a contact that names nobody is one with whoever cares for the child.
    """
    found = next((one for text in (kind_text, named_for) for one in _KINDS if one[0].search(text)), None)
    if found is None:
        return None, None, 0, NO_KIND
    _, kind, channel = found
    if kind == ContactKind.TALK:
        return kind, channel, int(Party.CHILD), ""
    told = _NOT_PARENTS.sub("", f"{party_text} {kind_text}")
    parents = sum(int(party) for pattern, party in _PARENTS if pattern.search(told))
    if kind in (ContactKind.FAMILY_CALL, ContactKind.LETTER):
        return kind, channel, parents, "" if parents else f"{kind.label}{WHICH_PARENT}"
    return kind, channel, parents or int(Party.GUARDIAN), ""


def _compare(lines):
    """Says of each line what stands in its way, and which are known already. Two statements."""
    open_lines = [line for line in lines if line.status == RowStatus.NEW]
    children = {line.facts[0].pk for line in open_lines}
    begun = Enrollment.objects.valid().filter(child__in=children).order_by()
    first_days = dict(begun.values_list("child").annotate(Min("starts_on")))
    known = Contact.objects.valid().filter(child__in=children).values_list("child", "day", "kind", "staff")
    seen = dict.fromkeys(known, None)
    for line in open_lines:
        child, staff, kind, day, *_ = line.facts
        key = (child.pk, day, kind, staff.pk)
        first = first_days[child.pk]
        if day < first:
            line.status, line.why = RowStatus.HELD, f"{child.name} {first:%Y-%m-%d} 才来，这一天还不能记"
        elif key in seen:
            before = seen[key]
            line.status = RowStatus.UNCHANGED
            line.why = f"和第 {before} 行是同一次" if before else "已经记过"
        else:
            seen[key] = line.number
            if (timezone.localdate() - day).days > 14:
                line.why = "补录"


def write(batch, lines, by):
    """Enters the contacts now, each under its own submission; the number of statements grows with pages of rows only."""
    now = timezone.now()
    schools = _schools({line.facts[0].pk for line in lines})
    contacts = []
    for position, line in enumerate(lines):
        child, staff, kind, day, channel, parties, words, effect = line.facts
        contacts.append(
            Contact(
                child=child, staff=staff, kind=kind, day=day, channel=channel, parties=parties, words=words, effect=effect,
                school_id=_school_on(schools.get(child.pk, ()), day), recorded_by=by, recorded_at=now,
                lag=lag_days(day, now), submission=uuid.uuid5(batch.uid, str(position)),
            )
        )  # fmt: skip
    contacts = bulk_create_with_history(contacts, Contact, batch_size=500, default_user=by, default_date=now)
    ContactStaff.objects.bulk_create(
        [ContactStaff(contact=one, staff=one.staff) for one in contacts], batch_size=500
    )
    audit.record_many(
        "log_contact",
        by=by,
        kind="child",
        children=[one.child for one in contacts],
        detail="谈心家访记录导入",
    )
    return len(contacts)


def _schools(children):
    """{child id: its enrollments}; one statement."""
    found = {}
    for seat in Enrollment.objects.valid().filter(child__in=children).select_related("school_class"):
        found.setdefault(seat.child_id, []).append(seat)
    return found


def _school_on(seats, day):
    for seat in seats:
        over = seat.school_class is not None and seat.school_class.ends_on < day
        if seat.in_force_on(day) and not over:
            return seat.school_id
    return None


reads_lists(ListKind(ImportKind.CONTACTS, "谈心家访记录", "activities:record_list", COLUMNS, plan, write))
