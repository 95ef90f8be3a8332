"""留守儿童花名册: the register of a class or school, and the county's counts by school.

The headings are those of real rosters; with its last column (系统编号) the exported register goes back in through the
roster import with zero changes, masked or not: an empty or masked cell never erases.
"""

from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Case, Count, Exists, OuterRef, Q, Value, When

from pairing.models import Pairing
from registry.models import (
    AwayType,
    CareListSpell,
    Child,
    Enrollment,
    Guardianship,
    Kinship,
    ParentWork,
    Phone,
    Relation,
    Sex,
    Stage,
    Trait,
    TraitKind,
)
from trust.masking import mask_id_number, mask_phone

from .sheet import Book, Column, day_words

PAGE = 2000
BOTH, ONE, UNKNOWN = AwayType.BOTH_AWAY, AwayType.ONE_AWAY, AwayType.UNKNOWN


@dataclass(frozen=True)
class Shown:
    """How much of the protected values a register shows."""

    id_number: str = "masked"  # "no", "masked" or "full"
    phone: str = "full"
    family: bool = True  # addresses and notes too

    def id_text(self, number):
        """An ID number as it may stand."""
        return {"full": number, "masked": mask_id_number(number)}.get(self.id_number, "") if number else ""

    def phone_text(self, number):
        """A phone as it may stand."""
        return {"full": number, "masked": mask_phone(number)}.get(self.phone, "") if number else ""


@dataclass
class Adult:
    """An adult as a register names him."""

    name: str = ""
    relation: str = ""
    work_place: str = ""
    phones: list = field(default_factory=list)


@dataclass
class Row:
    """One child of the register with its facts of the day."""

    number: int
    child: Child
    enrollment: Enrollment
    day: object
    care: CareListSpell
    boarding: bool = False
    father: Adult = field(default_factory=Adult)
    mother: Adult = field(default_factory=Adult)
    guardian: Adult = field(default_factory=Adult)
    paired: str = ""

    @property
    def grade(self):
        """三年级, or nothing while the child has no class."""
        school_class = self.enrollment.school_class
        return school_class.grade_name_on(self.day) if school_class else ""

    @property
    def school_class(self):
        """2班."""
        return f"{self.enrollment.school_class.number}班" if self.enrollment.school_class_id else ""


def columns(shown, *, with_school=False):
    """The columns of the register; heading, value, width and kind each on one line."""

    def phones(adult):
        return "\n".join(filter(None, (shown.phone_text(number) for number in adult.phones)))

    found = [
        Column("序号", lambda r: r.number, 5, "serial"),
        Column("姓名", lambda r: r.child.name, 9, "center"),
        Column("性别", lambda r: Sex(r.child.sex).label if r.child.sex else "", 5, "center"),
        Column("出生日期", lambda r: r.child.birth_date, 11, "date"),
        Column("民族", lambda r: r.child.ethnic_group, 7, "center"),
        Column("身份证件号", lambda r: shown.id_text(r.child.id_number), 20, "center"),
        Column("年级", lambda r: r.grade, 8, "center"),
        Column("班级", lambda r: r.school_class, 6, "center"),
        Column("是否寄宿", lambda r: "是" if r.boarding else "否", 6, "center"),
        Column("留守类型", lambda r: r.care.get_type_display(), 13, "center"),
        Column(("父亲", "姓名"), lambda r: r.father.name, 9, "center"),
        Column(("父亲", "务工地"), lambda r: r.father.work_place, 16),
        Column(("父亲", "电话"), lambda r: phones(r.father), 13, "center"),
        Column(("母亲", "姓名"), lambda r: r.mother.name, 9, "center"),
        Column(("母亲", "务工地"), lambda r: r.mother.work_place, 16),
        Column(("母亲", "电话"), lambda r: phones(r.mother), 13, "center"),
        Column(("监护人", "姓名"), lambda r: r.guardian.name, 9, "center"),
        Column(("监护人", "关系"), lambda r: r.guardian.relation, 8, "center"),
        Column(("监护人", "电话"), lambda r: phones(r.guardian), 13, "center"),
        Column("村（社区）", lambda r: r.child.village, 11),
        Column("现住址", lambda r: r.child.address if shown.family else "", 20),
        Column("包保教师", lambda r: r.paired, 9, "center"),
        Column("备注", lambda r: r.child.note if shown.family else "", 14),
        Column("系统编号", lambda r: r.child.uid.hex, 4, "key"),
    ]
    if with_school:
        found.insert(1, Column("学校", lambda r: r.enrollment.school.name, 16))
    return found


def seats(day, *, schools=None, classes=None, children=None):
    """Enrollments of children on the care list on ``day``."""
    found = Enrollment.objects.on(day).filter(child__in=CareListSpell.objects.on(day).values("child"))
    if schools is not None:
        found = found.filter(school__in=schools)
    if classes is not None:
        found = found.filter(school_class__in=classes)
    if children is not None:
        found = found.filter(child__in=children)
    return found


_STAGE = Case(
    *(When(school_class__stage=stage, then=Value(n)) for n, stage in enumerate(Stage.values)),
    default=Value(len(Stage.values)),
)


def ordered_keys(found):
    """Keys of enrollments in the order of a register: school, lowest grade first, class, pinyin. One query."""
    order = (
        "school__code", _STAGE, "-school_class__entry_year", "school_class__number", "child__name_key", "pk",
    )  # fmt: skip
    return list(found.order_by(*order).values_list("pk", flat=True))


def rows(keys, day, report=lambda done, total: None):
    """The rows of ``keys`` in their order, read in pages of 2,000: nine queries a page, whatever its size."""
    number = 0
    for start in range(0, len(keys), PAGE):
        for row in _page(keys[start : start + PAGE], day):
            number += 1
            row.number = number
            yield row
        report(min(start + PAGE, len(keys)), len(keys))


def _page(keys, day):
    enrollments = Enrollment.objects.filter(pk__in=keys).select_related("child", "school", "school_class")
    by_key = {enrollment.pk: enrollment for enrollment in enrollments}
    children = [enrollment.child_id for enrollment in by_key.values()]
    for enrollment in by_key.values():
        if enrollment.school_class_id:
            enrollment.school_class.school = enrollment.school
    cares = {spell.child_id: spell for spell in CareListSpell.objects.on(day).filter(child__in=children)}
    boarding = set(
        Trait.objects.on(day)
        .filter(child__in=children, kind=TraitKind.BOARDING)
        .values_list("child", flat=True)
    )
    kin = defaultdict(list)
    for kinship in Kinship.objects.filter(child__in=children).select_related("guardian").order_by("pk"):
        kin[kinship.child_id].append(kinship)
    adults = [kinship.guardian_id for found in kin.values() for kinship in found]
    phones = defaultdict(list)
    for phone in Phone.objects.filter(guardian__in=adults, ended_on=None).order_by("position", "pk"):
        phones[phone.guardian_id].append(phone.number)
    works = {work.guardian_id: work for work in ParentWork.objects.on(day).filter(guardian__in=adults)}
    carers = defaultdict(list)
    for spell in Guardianship.objects.on(day).filter(child__in=children).order_by("starts_on", "pk"):
        carers[spell.child_id].append(spell.guardian_id)
    pairings = {
        pairing.child_id: pairing.staff.name
        for pairing in Pairing.objects.primary().on(day).filter(child__in=children).select_related("staff")
    }
    for key in keys:
        enrollment = by_key.get(key)
        if enrollment is None or enrollment.child_id not in cares:
            continue
        pk = enrollment.child_id
        row = Row(
            0, enrollment.child, enrollment, day, cares[pk], pk in boarding, paired=pairings.get(pk, "")
        )
        for kinship in kin[pk]:
            if kinship.relation in (Relation.FATHER, Relation.MOTHER):
                setattr(row, kinship.relation, _adult(kinship, phones, works))
        caring = next((k for guardian in carers[pk] for k in kin[pk] if k.guardian_id == guardian), None)
        if caring is not None:
            row.guardian = _adult(caring, phones, works)
        yield row


def _adult(kinship, phones, works):
    adult = kinship.guardian
    work = works.get(adult.pk)
    place = work.place if work else ("已故" if adult.died_on else "")
    return Adult(adult.name, kinship.word, place, phones[adult.pk])


def build_register(
    path, *, stamp, title_place, county, day, keys, shown, with_school=False, report=lambda d, t: None
):
    """Writes the register of ``keys``; returns the uids of the children in it."""
    book = Book(stamp)
    sheet = book.sheet(
        "花名册",
        columns(shown, with_school=with_school),
        title=f"{title_place}留守儿童花名册",
        lines=[
            f"制表单位：{stamp.place}　　截止日期：{day_words(day)}　　口径：{county.definition}；截止日在册且在校　　共 {len(keys)} 人"
        ],
        paper="A3",
        keep=3 if with_school else 2,
        unprinted=1,
        row_height=26,
    )
    uids = []
    for row in rows(keys, day, report):
        sheet.row(row)
        uids.append(row.child.uid)
    notes = [
        "说明：最后一列“系统编号”请不要改动，改好的表凭它导回系统；带星号的号码导回时不会改动原来的号码。"
    ]
    sheet.close(notes)
    book.save(path)
    return uids


# --- the county's counts ----------------------------------------------------------------------------------------------


@dataclass
class SchoolCounts:
    """在册 children of one school by sex, type, boarding and stage."""

    number: object
    school: object
    counts: dict


def count_children(day, schools):
    """{school id: counts}: one grouped query over the schools' seats."""
    boards = Exists(Trait.objects.on(day).filter(child=OuterRef("child"), kind=TraitKind.BOARDING))
    paired = Exists(Pairing.objects.primary().on(day).filter(child=OuterRef("child")))
    care = CareListSpell.objects.on(day).filter(child=OuterRef("child"))
    found = seats(day, schools=schools).annotate(
        boards=boards, paired=paired, both=Exists(care.filter(type=BOTH)), one=Exists(care.filter(type=ONE))
    )
    grouped = (
        found.order_by()
        .values("school")
        .annotate(
            total=Count("pk"),
            male=Count("pk", filter=Q(child__sex=Sex.MALE)),
            female=Count("pk", filter=Q(child__sex=Sex.FEMALE)),
            both_away=Count("pk", filter=Q(both=True)),
            one_away=Count("pk", filter=Q(one=True)),
            boarding=Count("pk", filter=Q(boards=True)),
            unpaired=Count("pk", filter=Q(paired=False)),
            kindergarten=Count("pk", filter=Q(school_class__stage=Stage.KINDERGARTEN)),
            primary=Count("pk", filter=Q(school_class__stage=Stage.PRIMARY)),
            junior=Count("pk", filter=Q(school_class__stage=Stage.JUNIOR)),
        )
    )
    return {row["school"]: row for row in grouped}


_COUNTED = (
    "total", "male", "female", "both_away", "one_away", "boarding", "unpaired", "kindergarten", "primary", "junior",
)  # fmt: skip


def count_columns():
    """The columns of the counts: 3 = 4 + 5 = 7 + 8 + 9 = 10 + 11 = 12 + 13 + 14 + 15 hold by construction."""

    def count(name):
        return lambda r: r.counts.get(name, 0)

    def rest(*names):
        return lambda r: r.counts.get("total", 0) - sum(r.counts.get(name, 0) for name in names)

    return [
        Column("序号", lambda r: r.number, 5, "serial"),
        Column("学校", lambda r: r.school if isinstance(r.school, str) else r.school.name, 24),
        Column(
            "学区", lambda r: "" if isinstance(r.school, str) else (r.school.district or ""), 14, "center"
        ),
        Column("在册人数", count("total"), 9, "number"),
        Column(("性别", "男"), count("male"), 7, "number"),
        Column(("性别", "女"), count("female"), 7, "number"),
        Column(("性别", "未填"), rest("male", "female"), 7, "number"),
        Column(("留守类型", "双方外出"), count("both_away"), 9, "number"),
        Column(("留守类型", "一方外出"), count("one_away"), 9, "number"),
        Column(("留守类型", "待核实"), rest("both_away", "one_away"), 9, "number"),
        Column(("就读方式", "寄宿"), count("boarding"), 7, "number"),
        Column(("就读方式", "走读"), rest("boarding"), 7, "number"),
        Column(("学段", "幼儿园"), count("kindergarten"), 8, "number"),
        Column(("学段", "小学"), count("primary"), 7, "number"),
        Column(("学段", "初中"), count("junior"), 7, "number"),
        Column(("学段", "未分班"), rest("kindergarten", "primary", "junior"), 8, "number"),
        Column("没有包保教师", count("unpaired"), 9, "number"),
    ]


def build_counts(path, *, stamp, title_place, county, day, schools):
    """Writes counts by school: no names at all. Returns the totals."""
    schools = list(schools)
    found = count_children(day, [school.pk for school in schools])
    book = Book(stamp)
    sheet = book.sheet(
        "分校统计",
        count_columns(),
        title=f"{title_place}留守儿童统计表",
        lines=[
            f"制表单位：{stamp.place}　　截止日期：{day_words(day)}　　口径：{county.definition}；截止日在册且在校　　单位：人"
        ],
        keep=2,
    )
    totals = dict.fromkeys(_COUNTED, 0)
    for number, school in enumerate(schools, start=1):
        counts = found.get(school.pk, {})
        sheet.row(SchoolCounts(number, school, counts))
        for name in _COUNTED:
            totals[name] += counts.get(name, 0)
    sheet.sum_row(SchoolCounts(None, "合计", totals))
    sheet.close(
        ["说明：在册人数＝男＋女＋未填＝双方外出＋一方外出＋待核实＝寄宿＋走读＝幼儿园＋小学＋初中＋未分班。"]
    )
    book.save(path)
    return totals
