"""Exports (报表下载): who may take which workbook out, what for, how much it shows; built in the background.

An order states its purpose; names beyond the standing approval and full ID numbers need a reason besides. What is in
the file is the scope at the moment it is built; at each fetch it is asked again whether the reader still has the post
and still sees every child in it. Each order, each file and each fetch is in the audit trail.
"""

import re
import secrets
import tempfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from registry import access
from registry.access import Act, Export, Show
from registry.calendar import CalendarNotConfirmed
from registry.models import Child, County, District, School, SchoolClass, SchoolScreening, Screening
from registry.stated_reasons import state_reason
from trust import audit, jobs
from trust.models import Job

from . import assessment
from .workbooks import assessment as assessment_book
from .workbooks import duties, register
from .workbooks import screening as screening_book
from .workbooks.sheet import Stamp

JOB = "workbook"
WORKBOOKS = {
    "register": "留守儿童花名册",
    "duties": "责任台账月度核对表",
    "assessment": "考核工作簿",
    "screening": "摸底排查汇总表",
}
ACTS = {
    "register": Act.ORDER_REGISTER,
    "duties": Act.ORDER_DUTIES,
    "assessment": Act.ORDER_ASSESSMENT,
    "screening": Act.ORDER_REGISTER,
}
WITHOUT_NAMES = ("assessment", "screening")
PURPOSES = {
    "report": "上报主管部门",
    "file": "存档",
    "check": "核对名单",
    "meeting": "会议研究",
    "aid": "救助帮扶",
}
# Beyond these a second person would have to agree; the sheet masks phones, and full ID numbers are taken class by class.
ROWS_WITH_PHONES, ROWS_WITH_NUMBERS = 200, 20
SHORTEST_REASON = 4

audit.name_actions(order_workbook="提交报表", build_workbook="生成报表", export_child="报表里有这个孩子")


class NothingToBuild(ValueError):
    """The workbook cannot be built; the sentence says why."""


@dataclass(frozen=True)
class Order:
    """What is asked for. ``place`` is a SchoolClass, a School, a District or the County."""

    workbook: str
    place: object
    month: date | None = None
    year: int | None = None
    purpose: str = "report"
    reason: str = ""
    full_numbers: bool = False
    names: bool = False  # for readers who see counts only
    as_of: date | None = None  # the day a screening speaks of; None = the newest

    @property
    def act(self):
        """The act it takes."""
        return ACTS[self.workbook]

    @property
    def county(self):
        """The county of the place."""
        if isinstance(self.place, County):
            return self.place
        return self.place.school.county if isinstance(self.place, SchoolClass) else self.place.county

    @property
    def school(self):
        """The school of the place; None for a district or the county."""
        if isinstance(self.place, SchoolClass):
            return self.place.school
        return self.place if isinstance(self.place, School) else None

    @property
    def school_class(self):
        """The class, or None."""
        return self.place if isinstance(self.place, SchoolClass) else None

    @property
    def place_words(self):
        """As it stands in titles and file names."""
        return f"{self.school}{self.place}" if self.school_class else str(self.place)

    @property
    def title(self):
        """Name of the job."""
        when = f"{self.month:%Y-%m}" if self.month else f"{self.year}学年" if self.year else ""
        when = f"{self.as_of:%Y-%m-%d}" if self.as_of else when
        return f"{self.place_words} {WORKBOOKS[self.workbook]} {when}".strip()

    @property
    def kind(self):
        """Kind of the place, for the audit trail."""
        return type(self.place)._meta.model_name

    def file_name(self, day):
        """石门小学_留守儿童花名册_20260901.xlsx"""
        when = f"_{self.month:%Y%m}" if self.month else f"_{self.year}学年" if self.year else ""
        when = f"_{self.as_of:%Y%m%d}" if self.as_of else when
        place = re.sub(r'[\\/:*?"<>|\s]', "", self.place_words)
        return f"{place}_{WORKBOOKS[self.workbook]}{when}_{day:%Y%m%d}.xlsx"


# --- who may have what ------------------------------------------------------------------------------------------------


def require(order, user):
    """Raises PermissionDenied unless the user's posts allow the order today: names beyond them only to who may state a reason."""
    act, place = order.act, order.place
    if order.names and order.school is not None and not _lines(order, user):
        access.require(user, Act.STATE_REASON, school=order.school)
    if isinstance(place, SchoolClass):
        access.require(user, act, school=place.school, school_class=place)
    elif isinstance(place, School):
        if not access.schools_whole(user, act).filter(pk=place.pk).exists():
            raise PermissionDenied("您的岗位没有这项功能")
    elif isinstance(place, County):
        access.require(user, act, county=place)
    elif not any(
        act in access.TABLE[post.kind].acts
        and post.school_id is None
        and (post.district_id == place.pk if post.district_id else post.county_id == place.county_id)
        for post in access.posts_of(user)
    ):
        raise PermissionDenied("您的岗位没有这项功能")


def _lines(order, user):
    """Lines of the table of posts that reach the place with names by standing approval."""
    school, found = order.school, []
    for post in access.posts_of(user):
        line = access.TABLE[post.kind]
        if order.act not in line.acts or school is None:
            continue
        whole = line.export == Export.SCHOOL and post.school_id in (school.pk, school.managing_school_id)
        own = (
            line.export == Export.OWN_CLASS
            and order.school_class is not None
            and post.school_class_id == order.school_class.pk
        )
        if whole or own:
            found.append(line)
    return found


def has_names(order, user):
    """Whether the workbook names children: by standing approval, or (a register) because a reason was stated."""
    if order.workbook in WITHOUT_NAMES:
        return False
    if user is None:
        return order.school is not None or (order.workbook == "register" and bool(order.reason))
    return bool(_lines(order, user)) or (order.workbook == "register" and order.names)


def shown_of(order, user, rows):
    """How much a register shows to this reader: the union of the posts that reach the place, never more than asked."""
    if user is None:
        return register.Shown("full" if order.full_numbers else "masked")
    lines = _lines(order, user)
    if not lines:  # counts-only posts with a stated reason
        posts = [
            access.TABLE[p.kind] for p in access.posts_of(user) if order.act in access.TABLE[p.kind].acts
        ]
        numbers = any(line.id_number != Show.NO for line in posts)
        return register.Shown("masked" if numbers else "no", "masked", family=False)
    numbers = any(line.id_number != Show.NO for line in lines)
    number = "no" if not numbers else "full" if order.full_numbers and rows < ROWS_WITH_NUMBERS else "masked"
    phone = "full" if any(line.phone == Show.CALL for line in lines) else "masked"
    return register.Shown(number, "masked" if rows >= ROWS_WITH_PHONES else phone)


def check(order, user, today=None):
    """Raises ValidationError where the order lacks something: a month, a reason, or asks for too much at once."""
    today = today or timezone.localdate()
    if order.purpose not in PURPOSES:
        raise ValidationError({"purpose": "请选用途"})
    if order.workbook == "duties" and (order.month is None or order.month > today):
        raise ValidationError({"month": "请选月份，还没开始的月份不能核对"})
    if order.workbook == "assessment":
        if order.year is None:
            raise ValidationError({"year": "请选学年"})
        if assessment.scheme_for(order.county, order.year) is None:
            raise ValidationError({"year": "这一学年还没有考核细则，请县里先导入"})
    if order.workbook != "register":
        return
    needs = order.full_numbers or (user is not None and order.names and not _lines(order, user))
    if needs and len(order.reason.strip()) < SHORTEST_REASON:
        raise ValidationError({"reason": "请写清做什么用，如：核对秋季补助名单"})
    if user is not None and order.names and order.school is None:
        raise ValidationError({"names": "名单一次要一所学校的，请先选学校"})
    if order.full_numbers and user is not None:
        lines = _lines(order, user)
        if not any(line.id_number != Show.NO for line in lines):
            raise ValidationError({"full_numbers": "您的岗位不能带完整的身份证件号"})
        rows = len(_register_keys(order, user, today))
        if rows >= ROWS_WITH_NUMBERS:
            raise ValidationError(
                {
                    "full_numbers": f"完整的身份证件号一次不到 {ROWS_WITH_NUMBERS} 人才能带，这里有 {rows} 人，请分班下载"
                }
            )


# --- ordering ---------------------------------------------------------------------------------------------------------


def order_workbook(order, *, by, submission=None):
    """Orders the workbook: rights, purpose and reason checked and kept, then the job. The same submission is one job."""
    require(order, by)
    check(order, by)
    with transaction.atomic():
        if submission is not None:
            known = Job.objects.visible_to(by).filter(submission=submission).first()
            if known is not None:
                return known
        if order.workbook == "register" and order.names and not _lines(order, by):
            state_reason(by=by, school=order.school, reason=order.reason)
        audit.record(
            "order_workbook", by=by, kind=order.kind, uid=order.place, reason=order.reason.strip(),
            fields=["id_number"] if order.full_numbers else [],
            detail=f"{order.title}；用途：{PURPOSES[order.purpose]}",
        )  # fmt: skip
        parameters = {
            "workbook": order.workbook, "kind": order.kind, "place": str(order.place.uid),
            "month": order.month.isoformat() if order.month else None, "year": order.year, "purpose": order.purpose,
            "full_numbers": order.full_numbers, "names": order.names, "children": [],
            "as_of": order.as_of.isoformat() if order.as_of else None,
        }  # fmt: skip
        return jobs.order(JOB, by=by, parameters=parameters, title=order.title[:120], submission=submission)


_PLACES = {"schoolclass": SchoolClass, "school": School, "district": District, "county": County}


def order_of(parameters):
    """The order a job stands for."""
    model = _PLACES[parameters["kind"]]
    related = {SchoolClass: ["school__county"], County: []}.get(model, ["county"])
    place = model.objects.select_related(*related).get(uid=parameters["place"])
    month = date.fromisoformat(parameters["month"]) if parameters["month"] else None
    as_of = parameters.get("as_of")
    return Order(
        parameters["workbook"], place, month, parameters["year"], parameters["purpose"],
        full_numbers=parameters["full_numbers"], names=parameters["names"],
        as_of=date.fromisoformat(as_of) if as_of else None,
    )  # fmt: skip


@jobs.handler(JOB)
def run(job):
    """Builds an ordered workbook, with the rights of the one who ordered it as they are now."""
    order = order_of(job.parameters)
    require(order, job.ordered_by)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "workbook.xlsx"
        try:
            children = build(
                order,
                path,
                by=job.ordered_by,
                serial=job.uid.hex[:8].upper(),
                report=lambda d, t: job.report(d, t),
            )
        except NothingToBuild as nothing:
            job.report(1, 1, str(nothing))
            return
        job.attach(order.file_name(timezone.localdate()), path)
    Job.objects.filter(pk=job.pk).update(
        parameters={**job.parameters, "children": [str(uid) for uid in children]}
    )


@jobs.guard(JOB)
def may_fetch(job, user):
    """Whether the post still stands and every child in the file is still in scope."""
    try:
        order = order_of(job.parameters)
        require(order, user)
    except (PermissionDenied, School.DoesNotExist, SchoolClass.DoesNotExist):
        return False
    uids = job.parameters["children"]
    if order.names and order.workbook == "register" and not _lines(order, user):
        # The stated reason opened the names; the children must still be at that school.
        seen = Child.objects.at_school_on([order.school], timezone.localdate())
    else:
        seen = Child.objects.visible_to(user)
    for start in range(0, len(uids), register.PAGE):
        part = uids[start : start + register.PAGE]
        if seen.filter(uid__in=part).count() != len(part):
            return False
    return True


# --- building ---------------------------------------------------------------------------------------------------------


def stamp_of(order, by, *, names, serial=None):
    """Who takes the workbook out, for its last line."""
    staff = access.staff_of(by)
    posts = access.posts_of(by)
    place = order.place_words if by is None else str(order.school or order.place)
    if posts and order.school is None:
        place = str(posts[0].district or posts[0].county)
    if posts and not posts[0].school_id and not posts[0].district_id:
        place = str(posts[0].county)
    who = "系统" if by is None else (staff.name if staff else by.name or by.username)
    return Stamp(
        who, place, PURPOSES[order.purpose], serial or secrets.token_hex(4).upper(), timezone.now(), names
    )


def _area_schools(order, by):
    schools = School.objects.filter(county=order.county).select_related("county", "district").order_by("code")
    if isinstance(order.place, School):
        schools = schools.filter(pk=order.place.pk)
    elif isinstance(order.place, District):
        schools = schools.filter(district=order.place)
    if by is not None:
        schools = schools.filter(pk__in=access.schools_for(by, order.act).values("pk"))
    return schools


def _register_keys(order, by, day):
    """Keys of the rows: what the reader's scope holds at this moment."""
    if order.school_class:
        found = register.seats(day, classes=[order.school_class.pk])
    else:
        found = register.seats(day, schools=_area_schools(order, by).values("pk"))
    if by is not None:
        # Whoever stated a reason sees the school for two hours; others see it by their post.
        found = found.filter(child__in=Child.objects.visible_to(by).values("pk"))
    return register.ordered_keys(found)


def build(order, path, *, by, serial=None, report=lambda done, total: None):
    """Writes the workbook to ``path`` and its audit entries; returns the uids of the children named in it."""
    names = has_names(order, by)
    stamp = stamp_of(order, by, names=names, serial=serial)
    day = timezone.localdate()
    children, count, detail = _BUILDERS[order.workbook](order, path, by, stamp, names, day, report)
    with transaction.atomic():
        audit.record(
            "build_workbook", by=by, kind=order.kind, uid=order.place, count=count, reason=order.reason.strip(),
            fields=["id_number"] if order.full_numbers else [], detail=f"{order.title}；{detail}；编号 {stamp.serial}",
        )  # fmt: skip
        for start in range(0, len(children), register.PAGE):
            audit.record_many(
                "export_child", by=by, children=children[start : start + register.PAGE], kind="child",
                fields=["id_number"] if order.full_numbers else [], detail=f"{order.title}；编号 {stamp.serial}",
            )  # fmt: skip
    return children


def _build_register(order, path, by, stamp, names, day, report):
    common = {"stamp": stamp, "title_place": order.place_words, "county": order.county, "day": day}
    if not names:
        schools = list(_area_schools(order, by))
        totals = register.build_counts(path, schools=schools, **common)
        return [], totals["total"], "分校统计，没有姓名"
    keys = _register_keys(order, by, day)
    shown = shown_of(order, by, len(keys))
    uids = register.build_register(
        path, keys=keys, shown=shown, with_school=order.school is None, report=report, **common
    )
    words = {"full": "完整", "masked": "打码", "no": "没有"}
    return (
        uids,
        len(uids),
        f"名单 {len(uids)} 人，身份证件号{words[shown.id_number]}，电话{words[shown.phone]}",
    )


def _build_duties(order, path, by, stamp, names, day, report):
    try:
        if names:
            uids = duties.build_school(
                path, stamp=stamp, school=order.school, month=order.month, report=report
            )
            return uids, len(uids), f"有名单，涉及 {len(uids)} 个孩子"
        schools = list(_area_schools(order, by))
        duties.build_county(
            path, stamp=stamp, title_place=order.place_words, county=order.county, schools=schools, month=order.month,
            report=report,
        )  # fmt: skip
    except CalendarNotConfirmed as error:
        raise NothingToBuild(str(error)) from error
    return [], len(schools), "各校各班的数，没有姓名"


def _build_assessment(order, path, by, stamp, names, day, report):
    scheme = assessment.scheme_for(order.county, order.year)
    if scheme is None:
        raise NothingToBuild("这一学年还没有考核细则，请县里先导入")
    area = _area_schools(order, by)
    schools = area if order.school else assessment.assessed_schools(order.county, schools=area.values("pk"))
    report(0, 2)
    scores = assessment.score_schools(scheme, order.year, schools)
    report(1, 2)
    as_of = min(day, date(order.year + 1, 8, 31))
    assessment_book.build_assessment(
        path, stamp=stamp, title_place=order.place_words, county=order.county, scheme=scheme, year=order.year,
        scores=scores, as_of=as_of, ranked=order.school is None,
    )  # fmt: skip
    return [], len(scores), f"{len(scores)} 所学校"


def _build_screening(order, path, by, stamp, names, day, report):
    found = Screening.objects.filter(county=order.county).select_related("term").order_by("-as_of")
    screening = found.filter(as_of=order.as_of).first() if order.as_of else found.first()
    if screening is None:
        raise NothingToBuild("还没有发起过摸底")
    parts = (
        SchoolScreening.objects.filter(screening=screening, school__in=_area_schools(order, by).values("pk"))
        .select_related("school__district")
        .order_by("school__code")
    )
    sent = screening_book.build_screening(
        path, stamp=stamp, title_place=order.place_words, screening=screening, parts=parts
    )
    return [], sent, f"{screening}，{sent} 所学校已上报，没有姓名"


_BUILDERS = {
    "register": _build_register,
    "duties": _build_duties,
    "assessment": _build_assessment,
    "screening": _build_screening,
}

__all__ = [
    "PURPOSES", "WORKBOOKS", "NothingToBuild", "Order", "build", "check", "has_names", "order_of", "order_workbook",
    "require",
]  # fmt: skip
