"""责任台账月度核对表: the month's check of a school (with findings and names) or of a county (figures only, no names).

All numbers come from ``reports.figures``, the functions behind the boards: sheet and screen cannot disagree.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from activities.ledger import Counts
from activities.models import DutyRule, Excuse, Finding, State, Strength, Subject
from activities.names import rows_of
from registry.models import SchoolClass, Staff

from .. import figures
from .sheet import NOTHING_DUE, Book, Column, day_words, month_words

DEFINITION = (
    "应做＝已完成＋补录＋已豁免＋未完成＋未到期，按“孩子×周期”计；完成率＝（已完成＋补录）÷（应做－已豁免）；"
    "应做次数完成率＝各周期实做次数（不超过应做次数）之和÷应做次数之和；补录是 14 天以后或结账以后才记的"
)
LISTED = (State.MISSED, State.MET_LATE, State.EXCUSED)
OUTSIDE_CLASSES = "未分班、教职工和之家"


def class_key(school_class):
    """Lowest grade first, as a school lists its classes; what belongs to no class last."""
    if school_class is None:
        return (1, 0, 0)
    return (0, school_class.grade_on(), school_class.number)


def state_words(counts, closes_at, now):
    """Whether the figures stand or may still change, and until when."""
    if counts.closed:
        return "已结账，数字不再变；结账后的变化另列"
    if now >= closes_at:
        return "已到结账时间，正等结账"
    last = timezone.localtime(closes_at - timedelta(seconds=1)).date()
    return f"未结账（暂列），可补登至{day_words(last)} 24:00"


@dataclass
class _Line:
    """A line of figures with the words before it."""

    head: tuple
    counts: dict


def _figure_columns(key, group=None):
    """The figures of one rule (or of all) as columns."""

    def of(name):
        return lambda line: getattr(line.counts.get(key, Counts()), name)

    def rate(name):
        def value(line):
            found = getattr(line.counts.get(key, Counts()), name)
            return NOTHING_DUE if found is None else found

        return value

    def heading(word):
        return (group, word) if group else word

    found = [
        Column(heading("应做"), of("due"), 7, "number"),
        Column(heading("已完成"), of("met"), 7, "number"),
        Column(heading("补录"), of("met_late"), 6, "number"),
        Column(heading("已豁免"), of("excused"), 7, "number"),
        Column(heading("未完成"), of("missed"), 7, "number"),
        Column(heading("未到期"), of("upcoming"), 7, "number"),
        Column(heading("完成率"), rate("coverage"), 8, "percent"),
    ]
    if group is None:
        found.append(Column("应做次数完成率", rate("fulfilment"), 9, "percent"))
    else:  # one block per rule: what is due, what is done, what is not
        found = [found[0], found[1], found[2], found[4], found[6]]
    return found


def _head_columns(*columns):
    """Leading text columns: (heading, width)."""
    return [
        Column(heading, lambda line, at=at: line.head[at], width, kind)
        for at, (heading, width, kind) in enumerate(columns)
    ]


def _of_school(counts, school_id):
    """{label: Counts} of one school alone."""
    found = {}
    for (rule, school, _), here in counts.counts.items():
        if school == school_id:
            found[rule.label] = found.get(rule.label, Counts()) + here
    return found


def _summary(book, counts, rules, *, title, lines, parts=()):
    """One line per rule over the whole scope, must first, what is only encouraged apart; then each of ``parts``."""
    columns = _head_columns(
        ("序号", 5, "serial"), ("编号", 9, "center"), ("要求", 26, "text"), ("周期", 8, "center"),
        ("对象", 9, "center"), ("强度", 7, "center"),
    )  # fmt: skip
    sheet = book.sheet("汇总", columns + _figure_columns("all"), title=title, lines=lines, keep=3)
    number = 0
    for strength in (Strength.MUST, Strength.STRIVE):
        chosen = [rule for rule in rules if rule.strength == strength]
        if chosen and strength == Strength.STRIVE:
            sheet.section("提倡（不计入考核）")
        for rule in chosen:
            number += 1
            head = (
                number, rule.label, rule.name, rule.get_per_display(), rule.get_subject_display(),
                rule.get_strength_display(),
            )  # fmt: skip
            sheet.row(_Line(head, {"all": counts.get(rule.label, Counts())}))
    if not number:
        sheet.section("这个月没有该做的事")
    for name, found in parts:
        sheet.section(f"其中：{name}")
        for rule in rules:
            head = (
                None, rule.label, rule.name, rule.get_per_display(), rule.get_subject_display(),
                rule.get_strength_display(),
            )  # fmt: skip
            sheet.row(_Line(head, {"all": found.get(rule.label, Counts())}))
    sheet.close([f"说明：{DEFINITION}。"])


def _block_columns(rules, key=lambda rule: rule.label):
    found = []
    for rule in rules:
        found += _figure_columns(key(rule), f"{key(rule)} {rule.name}")
    return found


def build_school(path, *, stamp, school, month, now=None, report=lambda done, total: None):
    """Writes one school's check of ``month``; returns the uids of the children named in it.

    Raises CalendarNotConfirmed.
    """
    now = now or timezone.now()
    county = school.county
    places = [school, *school.teaching_points.order_by("code")]
    schools = {place.pk for place in places}
    counts = figures.duty_counts(county, month, schools=schools, now=now)
    rules = counts.rules
    report(1, 4)
    book = Book(stamp)
    lines = [
        f"制表单位：{stamp.place}　　月份：{month_words(month)}　　制表日期：{day_words(timezone.localtime(now).date())}",
        f"状态：{state_words(counts, counts.closes_at, now)}　　口径：{county.definition}；各周期的判定日在册在校",
    ]
    title = f"{school}留守儿童关爱责任台账月度核对表（{month_words(month)}）"
    parts = [(place.name, _of_school(counts, place.pk)) for place in places] if len(places) > 1 else []
    _summary(book, counts.by_rule(), rules, title=title, lines=lines, parts=parts)
    _by_class(book, counts, rules, school, title=f"{school}各班完成情况（{month_words(month)}）", lines=lines)
    report(2, 4)
    named = _findings(book, counts, schools, school, lines)
    report(3, 4)
    if counts.closed:
        named |= _amendments(book, county, month, schools, school, lines)
    book.save(path)
    return sorted(named)


def _by_class(book, counts, rules, school, *, title, lines):
    class_ids = {class_id for _, _, class_id in counts.counts if class_id}
    classes = SchoolClass.objects.filter(pk__in=class_ids).select_related("school")
    ordered = sorted(classes, key=class_key)
    columns = _head_columns(("序号", 5, "serial"), ("班级", 20, "text"))
    paper = "A3" if len(rules) > 3 else "A4"
    sheet = book.sheet("各班", columns + _block_columns(rules), title=title, lines=lines, paper=paper, keep=2)
    by_rule = {rule.label: counts.by_class(rule.label) for rule in rules}
    day = counts.month
    for number, school_class in enumerate(ordered, start=1):
        values = {label: found.get(school_class.pk, Counts()) for label, found in by_rule.items()}
        name = school_class.name_on(day)
        if school_class.school_id != school.pk:
            name = f"{school_class.school.name} {name}"
        sheet.row(_Line((number, name), values))
    outside = {label: found[None] for label, found in by_rule.items() if None in found}
    if outside:
        sheet.row(_Line((len(ordered) + 1, OUTSIDE_CLASSES), outside))
    sheet.sum_row(_Line((None, "合计"), counts.by_rule()))
    sheet.close(["说明：班级是判定日所在的班。"])


@dataclass
class _Finding:
    """One finding with its names."""

    number: int
    line: object
    subject: str
    place: str
    responsible: str
    note: str
    word: str = ""


_FINDING_COLUMNS = [
    Column("序号", lambda f: f.number, 5, "serial"),
    Column("班级（场所）", lambda f: f.place, 16),
    Column("对象", lambda f: f.subject, 12, "center"),
    Column("编号", lambda f: f.line.rule.label, 8, "center"),
    Column("要求", lambda f: f.line.rule.name, 24),
    Column(("周期", "从"), lambda f: f.line.period_start, 11, "date"),
    Column(("周期", "到"), lambda f: f.line.period_end, 11, "date"),
    Column("状态", lambda f: State(f.line.state).label, 8, "center"),
    Column("实做", lambda f: f.line.done, 6, "number"),
    Column("应做", lambda f: f.line.minimum, 6, "number"),
    Column("责任人", lambda f: f.responsible, 10, "center"),
    Column("备注", lambda f: f.note, 20),
]
_ORDER = {State.MISSED: 0, State.MET_LATE: 1, State.EXCUSED: 2}


def _classes_of(lines):
    ids = {line.class_id for line in lines if line.class_id}
    return {c.pk: c for c in SchoolClass.objects.filter(pk__in=ids).select_related("school")}


def _findings(book, counts, schools, school, lines):
    """未完成、补录、豁免 with names; what is open first."""
    found = figures.duty_lines(counts, states=frozenset(LISTED), schools=schools)
    subjects = rows_of({(line.subject_kind, line.subject_id) for line in found})
    classes = _classes_of(found)
    names = {
        pk: ("" if found_in.school_id == school.pk else f"{found_in.school} ")
        + found_in.name_on(counts.month)
        for pk, found_in in classes.items()
    }
    staff = dict(
        Staff.objects.filter(pk__in={line.responsible_id for line in found if line.responsible_id}).values_list("pk", "name")
    )  # fmt: skip
    reasons = _excuse_words(counts, schools)
    found.sort(
        key=lambda line: (
            _ORDER[line.state], line.rule.label, class_key(classes.get(line.class_id)),
            getattr(subjects[line.subject_kind, line.subject_id], "name_key", ""), line.period_start,
        )
    )  # fmt: skip
    title = f"{school}未完成、补录和豁免名单（{month_words(counts.month)}）"
    sheet = book.sheet("名单", _FINDING_COLUMNS, title=title, lines=lines, keep=3)
    named = set()
    for number, line in enumerate(found, start=1):
        row = subjects[line.subject_kind, line.subject_id]
        if line.subject_kind == Subject.CHILD:
            named.add(row.uid)
        place = names.get(line.class_id) or school.name
        note = reasons.get((line.rule.pk, line.subject_kind, line.subject_id, line.period_start), "")
        responsible = staff.get(line.responsible_id) or "无人负责"
        sheet.row(_Finding(number, line, _subject_name(line, row, counts.month), place, responsible, note))
    if not found:
        sheet.section("没有未完成、补录和豁免")
    sheet.close(["说明：真的做过、忘了记的，请补登；没有做的不必补。责任人是周期最后一天的责任人。"])
    return named


def _subject_name(line, row, day):
    return row.name_on(day) if line.subject_kind == Subject.CLASS else str(row)


def _excuse_words(counts, schools):
    """{natural key: why} of the excused: the excuse's reason, or 期内离开."""
    if counts.duties is not None:
        rows = [
            ((d.rule.pk, d.rule.subject, d.subject_id, d.period.start), d.excuse_reason, d.excuse_uid)
            for d in counts.duties
            if d.state == State.EXCUSED
        ]
    else:
        rows = [
            ((f.rule_id, f.subject_kind, f.subject_id, f.period_start), f.excuse_reason, f.excuse_uid)
            for f in Finding.objects.filter(
                county=counts.county, month=counts.month, school__in=schools, state=State.EXCUSED
            )
        ]
    reasons = dict(
        Excuse.objects.filter(uid__in={uid for _, _, uid in rows if uid}).values_list("uid", "reason")
    )
    return {key: word or reasons.get(uid, "") for key, word, uid in rows}


def _amendments(book, county, month, schools, school, lines):
    """What came to be known after closing, beside the closed rows."""
    found = list(figures.amendments(county, month, schools=schools).order_by("period_start", "subject_id"))
    subjects = rows_of({(row.subject_kind, row.subject_id) for row in found})
    rules = {rule.pk: rule for rule in DutyRule.objects.filter(pk__in={row.rule_id for row in found})}
    columns = [
        Column("序号", lambda r: r[0], 5, "serial"),
        Column("对象", lambda r: str(subjects[r[1].subject_kind, r[1].subject_id]), 14, "center"),
        Column("编号", lambda r: rules[r[1].rule_id].code, 8, "center"),
        Column("要求", lambda r: rules[r[1].rule_id].name, 28),
        Column(("周期", "从"), lambda r: r[1].period_start, 11, "date"),
        Column(("周期", "到"), lambda r: r[1].period_end, 11, "date"),
        Column("结账时", lambda r: State(r[1].closed_state).label, 10, "center"),
        Column("现在", lambda r: State(r[1].state).label, 10, "center"),
        Column("实做", lambda r: r[1].done, 7, "number"),
    ]
    title = f"{school}结账后的变化（{month_words(month)}）"
    sheet = book.sheet("结账后的变化", columns, title=title, lines=lines, keep=2)
    for number, row in enumerate(found, start=1):
        sheet.row((number, row))
    if not found:
        sheet.section("结账后没有变化")
    sheet.close(["说明：结账时的数字不改，后来补登、作废、豁免引起的变化列在这里。"])
    return {
        subjects[row.subject_kind, row.subject_id].uid for row in found if row.subject_kind == Subject.CHILD
    }


# --- the county -------------------------------------------------------------------------------------------------------


def build_county(path, *, stamp, title_place, county, schools, month, now=None, report=lambda d, t: None):
    """Writes the figures per school and class of ``schools`` (a county's or a district's); no person at all.

    Raises CalendarNotConfirmed.
    """
    now = now or timezone.now()
    schools = list(schools)
    ids = {school.pk for school in schools}
    counts = figures.duty_counts(county, month, schools=ids, now=now)
    report(1, 3)
    rules = [rule for rule in counts.rules if figures.compared(rule)]
    rules = list({rule.code: rule for rule in reversed(rules)}.values())[::-1]
    by_school, by_class, totals = counts.by_school(), {}, {}
    for (rule, school_id, class_id), found in counts.counts.items():
        if figures.compared(rule):
            key = school_id, class_id, rule.code
            by_class[key] = by_class.get(key, Counts()) + found
            totals[rule.code] = totals.get(rule.code, Counts()) + found
    lines = [
        f"制表单位：{stamp.place}　　月份：{month_words(month)}　　制表日期：{day_words(timezone.localtime(now).date())}",
        f"状态：{state_words(counts, counts.closes_at, now)}　　口径：{county.definition}；各周期的判定日在册在校；只比县里的要求",
    ]
    book = Book(stamp)
    title = f"{title_place}留守儿童关爱责任台账月度核对表（{month_words(month)}）"
    by_label = {rule.label: totals.get(rule.code, Counts()) for rule in rules}
    _summary(book, by_label, rules, title=title, lines=lines)
    report(2, 3)
    paper = "A3" if len(rules) > 3 else "A4"
    columns = _head_columns(("序号", 5, "serial"), ("学校", 22, "text")) + _block_columns(
        rules, lambda r: r.code
    )
    sheet = book.sheet("各校", columns, title=f"{title_place}各校完成情况（{month_words(month)}）", lines=lines, paper=paper, keep=2)  # fmt: skip
    for number, school in enumerate(schools, start=1):
        values = {rule.code: by_school.get((school.pk, rule.code), Counts()) for rule in rules}
        sheet.row(_Line((number, school.name), values))
    sheet.sum_row(_Line((None, "合计"), totals))
    sheet.close(["说明：按学校编号排列，不排名次。学校自己加的要求不在这里比。"])
    _classes_of_county(book, by_class, rules, schools, totals, counts.month, title_place, lines, paper)
    book.save(path)
    return counts


def _classes_of_county(book, by_class, rules, schools, totals, month, title_place, lines, paper):
    classes = SchoolClass.objects.filter(pk__in={c for _, c, _ in by_class if c}).select_related("school")
    known = {c.pk: c for c in classes}
    columns = _head_columns(
        ("序号", 5, "serial"), ("学校", 22, "text"), ("班级", 16, "text")
    ) + _block_columns(rules, lambda r: r.code)
    sheet = book.sheet("各班", columns, title=f"{title_place}各班完成情况（{month_words(month)}）", lines=lines, paper=paper, keep=3)  # fmt: skip
    number = 0
    for school in schools:
        here = sorted(
            {class_id for school_id, class_id, _ in by_class if school_id == school.pk},
            key=lambda pk: class_key(known.get(pk)),
        )
        for class_id in here:
            number += 1
            name = known[class_id].name_on(month) if class_id else OUTSIDE_CLASSES
            values = {rule.code: by_class.get((school.pk, class_id, rule.code), Counts()) for rule in rules}
            sheet.row(_Line((number, school.name, name), values))
    sheet.sum_row(_Line((None, "合计", ""), totals))
    sheet.close(["说明：班级是判定日所在的班。"])
