"""The forms that are printed: which there are, who may print them, and what a template needs for each.

Printing is an export: whoever prints needs the act ``PRINT_FORMS`` for the child's class or school, children outside the
reader's sight are on no sheet, and each print is in the audit trail. The leading group's forms name no child.
"""

from dataclasses import dataclass

from django.core.exceptions import PermissionDenied, ValidationError
from django.utils import timezone

from activities import meetings
from activities.contact_sheets import may_print_of
from activities.models import Activity
from registry import access, duty_texts
from registry import staff as staffing
from registry.access import Act
from registry.models import Child, Enrollment, School, SchoolClass
from trust import audit

from ..exports import ROWS_WITH_NUMBERS, ROWS_WITH_PHONES, SHORTEST_REASON
from . import agreements, cards, files, rosters
from .facts import gather
from .numbers import Masks, Numbers

audit.name_actions(
    print_form="打印表格", print_child="打印的表格里有这个孩子", open_prints="查看可打印的表格"
)


@dataclass(frozen=True)
class Form:
    """One kind of form: its name, the sheet's template, which places it is printed for, whether it names children."""

    title: str
    template: str
    places: tuple
    children: bool = True
    pdf_places: tuple = ()


CHILD, CLASS, SCHOOL, MEETING = Child, SchoolClass, School, Activity
FORMS = {
    "card": Form("联系卡", "reports/print/_cards.html", (CHILD, CLASS), pdf_places=(CHILD, CLASS)),
    "file": Form("一人一档", "reports/print/_files.html", (CHILD,), pdf_places=(CHILD, CLASS)),
    "agreement": Form("委托照护协议", "reports/print/_agreement.html", (CHILD,), pdf_places=(CHILD,)),
    "records": Form("谈心、家访记录", "reports/print/_records.html", (CHILD,)),
    "register": Form("留守儿童花名册", "reports/print/_register.html", (CLASS, SCHOOL), pdf_places=(CLASS, SCHOOL)),
    "pairings": Form("结对包保花名册", "reports/print/_pairings.html", (CLASS, SCHOOL), pdf_places=(CLASS, SCHOOL)),
    "group": Form("领导小组名单及分工", "reports/print/_group.html", (SCHOOL,), children=False),
    "duties": Form("岗位职责", "reports/print/_duties.html", (SCHOOL,), children=False),
    "minutes": Form("领导小组会议记录", "reports/print/_minutes.html", (MEETING,), children=False),
}  # fmt: skip


@dataclass(frozen=True)
class Paper:
    """What is to be printed. ``place`` is a Child, a SchoolClass, a School or (minutes) the meeting."""

    form: str
    place: object
    numbers: Numbers = Numbers.MASKED
    by_class: bool = False  # 结对花名册 by class in place of by teacher
    only: tuple | None = None  # contact cards: uids of the children just issued
    sheets: tuple = ()  # 谈心、家访记录: what ``records.sheets`` made of the contacts chosen

    @property
    def kind(self):
        """The kind of form."""
        return FORMS[self.form]

    @property
    def place_words(self):
        """As it stands in titles: 石门小学四(1)班, 李小满."""
        if isinstance(self.place, Activity):
            return str(self.place.school)
        return f"{self.place.school}{self.place}" if isinstance(self.place, SchoolClass) else str(self.place)

    @property
    def title(self):
        """Name of the print."""
        return f"{self.place_words} {self.kind.title}"


# --- who may ------------------------------------------------------------------------------------------------------------


def may_print(user, place):
    """Whether a post of the reader lets it print forms about children of the place."""
    if isinstance(place, Child):
        return may_print_of(user, place)
    if isinstance(place, SchoolClass):
        return access.may(user, Act.PRINT_FORMS, school=place.school, school_class=place)
    return access.schools_whole(user, Act.PRINT_FORMS).filter(pk=place.pk).exists()


def require(paper, user):
    """Raises PermissionDenied unless the reader may print it; the leading group's forms are open to the whole school."""
    if paper.kind.children and not may_print(user, paper.place):
        raise PermissionDenied("您的岗位没有这项功能")


def check(paper, *, user, reason, rows):
    """Raises ValidationError where full numbers lack a reason, or are too many at once."""
    if paper.numbers == Numbers.MASKED:
        return
    if len(reason.strip()) < SHORTEST_REASON:
        raise ValidationError({"reason": "请写清做什么用，如：发给班主任联系家长"})
    most = ROWS_WITH_NUMBERS if paper.numbers == Numbers.ALL else ROWS_WITH_PHONES
    if rows >= most:
        what = "身份证件号" if paper.numbers == Numbers.ALL else "电话"
        raise ValidationError(
            {"numbers": f"完整的{what}一次不到 {most} 人才能印，这里有 {rows} 人，请分开印"}
        )


# --- what stands on it --------------------------------------------------------------------------------------------------


def children_of(paper, user, day=None):
    """The children the paper names: inside the reader's sight, in the order in which they are printed."""
    day = day or timezone.localdate()
    if not paper.kind.children:
        return []
    if isinstance(paper.place, Child):
        return list(Child.objects.visible_to(user).filter(pk=paper.place.pk))
    if paper.form in ("card", "file"):
        found = cards.children_of_class(paper.place, user, day)
        return found if paper.only is None else [child for child in found if child.uid in paper.only]
    keys = rosters.keys_of(_where(paper.place), user, day)
    seats = Enrollment.objects.filter(pk__in=keys).select_related("child").in_bulk()
    return [seats[key].child for key in keys if key in seats]


def _where(place):
    return {"classes": [place.pk]} if isinstance(place, SchoolClass) else {"schools": [place.pk]}


def context_of(paper, user, day=None, *, children=None):
    """What the sheet's template needs. ``children``: a part of those named, for files made in chunks."""
    day = day or timezone.localdate()
    context = {
        "paper": paper, "day": day, "masks": Masks(paper.numbers), "printed_at": timezone.now(), "printed_by": user,
    }  # fmt: skip
    return context | _BUILDERS[paper.form](paper, user, day, children)


def _cards(paper, user, day, children):
    children = children_of(paper, user, day) if children is None else children
    facts = gather(children, day, last_seat=True)
    return {"children": children, "cards": [facts[child.pk] for child in children], "holders": cards.HOLDERS}


def _files(paper, user, day, children):
    children = children_of(paper, user, day) if children is None else children
    found = files.bundles(children, day, user=user)
    return {"children": children, "bundles": found}


def _agreement(paper, user, day, children):
    children = children_of(paper, user, day) if children is None else children
    facts = gather(children, day, last_seat=True)
    found = [agreements.paper_of(facts[child.pk], day) for child in children]
    return {
        "children": children, "agreements": found, "exclusions": agreements.EXCLUDED,
        "of_parents": agreements.OF_PARENTS, "of_carer": agreements.OF_CARER,
    }  # fmt: skip


def _register(paper, user, day, children):
    rows, totals = rosters.roster(rosters.keys_of(_where(paper.place), user, day), day)
    school = paper.place.school if isinstance(paper.place, SchoolClass) else paper.place
    return {
        "children": [row.child for row in rows], "rows": rows, "totals": totals, "school": school,
        "definition": school.county.definition,
    }  # fmt: skip


def _pairings(paper, user, day, children):
    keys = rosters.keys_of(_where(paper.place), user, day)
    groups = rosters.pairings(keys, day, by_class=paper.by_class)
    school = paper.place.school if isinstance(paper.place, SchoolClass) else paper.place
    rows = [row for _, found in groups for row, _ in found]
    return {
        "children": [row.child for row in rows], "groups": groups, "school": school, "total": len(rows),
        "teachers": len({pairing.staff_id for _, found in groups for _, pairing in found if pairing}),
        "unpaired": sum(pairing is None for _, found in groups for _, pairing in found),
    }  # fmt: skip


def _group(paper, user, day, children):
    return {"children": [], "posts": staffing.leading_group(paper.place, day), "school": paper.place}


def _duties(paper, user, day, children):
    return {"children": [], "texts": duty_texts.texts_of(paper.place), "school": paper.place}


def _records(paper, user, day, children):
    return {"children": [paper.place], "sheets": paper.sheets}


def _minutes(paper, user, day, children):
    meeting = paper.place
    came, absent = meetings.attendance_of(meeting)
    return {
        "children": [], "meeting": meeting, "school": meeting.school, "came": came, "absent": absent,
        "tasks": list(meeting.follow_ups.select_related("staff")),
    }  # fmt: skip


_BUILDERS = {
    "records": _records, "minutes": _minutes,
    "card": _cards, "file": _files, "agreement": _agreement, "register": _register, "pairings": _pairings,
    "group": _group, "duties": _duties,
}  # fmt: skip


# --- the trail ----------------------------------------------------------------------------------------------------------


def record(paper, *, by, children, reason="", purpose="", made=False):
    """The entry of one print; with full numbers, and for files (``made``), besides it one per child."""
    masks = Masks(paper.numbers)
    # A child's name is no detail: the entry names the child by its uid.
    title = paper.kind.title if isinstance(paper.place, Child) else paper.title
    detail = "；".join(filter(None, [title, f"用途：{purpose}" if purpose else ""]))
    if isinstance(paper.place, Child):
        audit.record(
            "build_pdf" if made else "print_child", by=by, kind="child", uid=paper.place, child=paper.place,
            fields=masks.fields, reason=reason, detail=detail,
        )  # fmt: skip
        return
    audit.record(
        "build_pdf" if made else "print_form", by=by, kind=type(paper.place)._meta.model_name, uid=paper.place,
        count=len(children), fields=masks.fields, reason=reason, detail=detail,
    )  # fmt: skip
    if made or paper.numbers != Numbers.MASKED:
        audit.record_many(
            "print_child",
            by=by,
            children=children,
            kind="child",
            fields=masks.fields,
            reason=reason,
            detail=detail,
        )
