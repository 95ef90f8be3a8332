"""Helpers from outside (校外帮扶人): volunteers, other parents, cadres, units; who helps which child, which unit which school.

Data minimum (未成年人网络保护条例 36, TRUST S3): a helper has no account and opens no file. Before a tie the helper has
promised in writing to keep to themselves what they learn (保密承诺), and the family has agreed; both days are kept. What
is printed for a helper (``sheet_of``) holds a given name, the grade and whom to ask at school: no surname, phone, address,
family or list.
"""

import uuid
from dataclasses import dataclass

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, OuterRef, Q, Subquery
from django.db.models.functions import Coalesce
from django.utils import timezone

from registry.models import CareListSpell, Enrollment, Post, PostKind
from trust import audit
from trust.models import VersionConflict

from .models import HelperKind, OutsideHelper, Pairing, PairingKind, UnitTie
from .pairings import FURTHEST, ONE_DAY, begin_one, begun_before, lock

MOST_CHILDREN = 2  # F68: 每位爱心辅导员负责一至两名儿童
UNITS = (HelperKind.UNIT, HelperKind.COMPANY, HelperKind.POLICE, HelperKind.OTHER)
FIELDS = ("name", "kind", "unit", "contact_person", "phone", "promised_on", "note", "starts_on")
TWO_SURNAMES = (
    "欧阳", "司马", "上官", "诸葛", "夏侯", "皇甫", "尉迟", "公孙", "慕容", "令狐", "司徒", "东方", "南宫", "西门", "宇文", "长孙",
)  # fmt: skip

audit.name_kinds(outside_helper="校外帮扶人", unit_tie="单位结对学校")
audit.name_actions(
    list_helpers="查看校外帮扶人",
    add_helper="登记校外帮扶人",
    correct_helper="修改校外帮扶人",
    end_helper="校外帮扶人不再帮扶",
    tie_unit="单位结对学校",
    end_unit_tie="结束单位结对",
    cancel_unit_tie="作废单位结对",
    print_tie_sheet="打印结对卡",
)


def add_helper(*, by, school, name, kind, starts_on=None, submission=None, **details):
    """Enter a helper of a school. ``submission`` becomes the ``uid``: the same form sent twice is one helper."""
    known = OutsideHelper.objects.filter(uid=submission, school=school).first() if submission else None
    if known is not None:
        return known
    helper = OutsideHelper(
        county=school.county, school=school, name=name, kind=kind, starts_on=starts_on or timezone.localdate(), **details
    )  # fmt: skip
    helper.uid = submission or uuid.uuid4()
    with transaction.atomic():
        _check_promise(helper)
        helper.full_clean()
        helper._history_user = by
        helper.save()
        audit.record("add_helper", by=by, kind="outside_helper", uid=helper)
    return helper


def correct_helper(helper, *, by, expected, **changes):
    """Correct what stands about a helper; raises VersionConflict when somebody else saved since ``expected``."""
    changed = [name for name in FIELDS if name in changes and getattr(helper, name) != changes[name]]
    if not changed:
        return helper
    for name in changed:
        setattr(helper, name, changes[name])
    with transaction.atomic():
        stored = OutsideHelper.objects.get(pk=helper.pk)
        if stored.version != expected:
            raise VersionConflict(stored)
        _check_promise(helper)
        helper.full_clean()
        helper._history_user = by
        helper.save_version(expected)
        audit.record("correct_helper", by=by, kind="outside_helper", uid=helper, fields=changed)
    return helper


def end_helper(helper, *, by, last_day):
    """Helps no more after ``last_day``; refused while a tie goes on beyond it."""
    with transaction.atomic():
        stored = OutsideHelper.objects.select_for_update(of=("self",)).get(pk=helper.pk)
        if stored.ends_on == last_day:
            return stored
        after = last_day + ONE_DAY
        children = Pairing.objects.filter(helper=stored).overlapping(after, None).count()
        schools = UnitTie.objects.filter(helper=stored).overlapping(after, None).count()
        if children or schools:
            what = "、".join(
                words for number, words in ((children, f"{children} 个孩子的结对"), (schools, f"{schools} 所学校的结对")) if number
            )  # fmt: skip
            raise ValidationError({"last_day": f"还有{what}没有结束，请先结束"})
        stored.ends_on = last_day
        stored.full_clean()
        stored._history_user = by
        stored.save_version(stored.version)
        audit.record("end_helper", by=by, kind="outside_helper", uid=stored)
    return stored


def _check_promise(helper):
    if helper.promised_on and helper.promised_on > timezone.localdate():
        raise ValidationError({"promised_on": "签保密承诺的日期不能在今天之后"})


# --- ties with a child ---------------------------------------------------------------------------------------------------


def tie_helper(*, child, helper, consent_on, by, starts_on=None, note="", submission=None):
    """A helper from outside helps a child from ``starts_on``. Raises ValidationError without promise or consent."""
    starts_on = starts_on or timezone.localdate()
    new = Pairing(
        child=child, helper=helper, helper_name=helper.name, kind=PairingKind.HELPER, starts_on=starts_on,
        consent_on=consent_on, note=note, recorded_by=by,
    )  # fmt: skip
    new.uid = submission or uuid.uuid4()
    try:
        with transaction.atomic():
            lock([child])
            again = begun_before([new])
            if again:
                return again[0]
            helper = OutsideHelper.objects.select_related("school").get(pk=helper.pk)  # as it stands now
            check_days(child, starts_on, consent_on, "家长（监护人）同意的日期要填，也不能在今天之后")
            if helper.promised_on is None or helper.promised_on > starts_on:
                raise ValidationError({"helper": f"{helper.name}还没有签保密承诺，先签了再结对"})
            if helper.starts_on > starts_on or (helper.ends_on and helper.ends_on < starts_on):
                raise ValidationError({"helper": f"{helper.name}那天不在帮扶名单里"})
            if not _serves(helper, child, starts_on):
                raise ValidationError({"helper": f"{helper.name}是别的学校的帮扶人"})
            same = Pairing.objects.filter(child=child, helper=helper).overlapping(starts_on, None)
            if same.exists():
                raise ValidationError({"helper": f"{helper.name}已经和这个孩子结对"})
            begin_one(new, by)
    except IntegrityError:
        raise ValidationError("这张表已经提交过，请刷新再看") from None
    return new


def check_days(child, starts_on, consent_on, words):
    """What holds for every tie that needs consent: not far ahead, the child on the list, the consent given."""
    today = timezone.localdate()
    if starts_on > today + FURTHEST:
        raise ValidationError({"starts_on": "日期太远了，请核对年份"})
    if consent_on is None or consent_on > today or consent_on > starts_on:
        raise ValidationError({"consent_on": words})
    if not CareListSpell.objects.on(starts_on).filter(child=child).exists():
        raise ValidationError({"starts_on": f"{child.name}在 {starts_on:%Y-%m-%d} 不在册"})


def _serves(helper, child, day):
    """The county's own helpers serve all its schools; a school's own the school, its manager and its 教学点."""
    seats = Enrollment.objects.on(day).filter(child=child)
    if helper.school_id is None:
        return seats.filter(school__county=helper.county_id).exists()
    root = helper.school.managing_school_id or helper.school_id
    return seats.filter(Q(school=root) | Q(school__managing_school=root)).exists()


def offered_for(school, day):
    """Helpers who may be tied with a child of ``school`` on ``day``: in force, promise signed; with the number of their children."""
    root = school.managing_school_id or school.pk
    helpers = OutsideHelper.objects.filter(
        Q(school=root) | Q(school__managing_school=root) | Q(school=None, county=school.county_id),
        Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day, promised_on__lte=day,
    )  # fmt: skip
    return with_children(helpers, day).order_by("name", "pk")


def with_children(helpers, day):
    """Annotates ``children_now``: how many children each helps on ``day`` (F68: one or two)."""
    ties = Pairing.objects.on(day).filter(helper=OuterRef("pk")).order_by()
    counted = ties.values("helper").annotate(n=Count("pk")).values("n")
    return helpers.annotate(children_now=Coalesce(Subquery(counted), 0))


# --- units and schools ---------------------------------------------------------------------------------------------------


def tie_unit(*, helper, school, by, purpose="", starts_on=None, submission=None):
    """A unit or company stands by a school from ``starts_on`` (C060); no child is named."""
    starts_on = starts_on or timezone.localdate()
    if helper.kind not in UNITS:
        raise ValidationError("只有单位、企业能和学校结对；个人请和孩子结对")
    known = UnitTie.objects.filter(uid=submission, helper=helper).first() if submission else None
    if known is not None:
        return known
    tie = UnitTie(helper=helper, school=school, purpose=purpose, starts_on=starts_on, recorded_by=by)
    tie.uid = submission or uuid.uuid4()
    with transaction.atomic():
        list(OutsideHelper.objects.select_for_update(of=("self",)).filter(pk=helper.pk))
        tie.full_clean()
        tie.save()
        audit.record("tie_unit", by=by, kind="unit_tie", uid=tie)
    return tie


def end_unit_tie(tie, *, by, last_day):
    """The unit stands by the school until ``last_day``."""
    if tie.cancelled_at:
        raise ValidationError("这一段已经作废，不用再结束")
    if last_day < tie.starts_on:
        raise ValidationError({"last_day": f"不能早于开始日期（{tie.starts_on:%Y-%m-%d}）"})
    with transaction.atomic():
        tie.ends_on = last_day
        tie.full_clean()
        tie.save()
        audit.record("end_unit_tie", by=by, kind="unit_tie", uid=tie)
    return tie


def cancel_unit_tie(tie, *, by, reason):
    """Entered by mistake; stays readable."""
    if not reason.strip():
        raise ValidationError({"reason": "请写明作废原因"})
    with transaction.atomic():
        if tie.cancelled_at is None:
            tie.cancelled_at, tie.cancelled_by, tie.cancel_reason = timezone.now(), by, reason.strip()[:200]
            tie.save()
            audit.record("cancel_unit_tie", by=by, kind="unit_tie", uid=tie, reason=reason.strip())
    return tie


# --- what is printed -----------------------------------------------------------------------------------------------------


def given_name(name):
    """The name without its surname: 李小满 → 小满, 欧阳小满 → 小满, 李满 → 满; minority names up to the first dot."""
    if "·" in name:
        return name.split("·")[0]
    if len(name) > 2 and name[:2] in TWO_SURNAMES:
        return name[2:]
    return name[1:] if 1 < len(name) <= 4 else name


@dataclass(frozen=True)
class Sheet:
    """What the other side of a tie may take home on paper: no more than helping needs."""

    names: tuple
    place: str
    teacher: str
    school: str


def sheet_of(tie, day):
    """The sheet of a tie with a helper (given name only) or a peer (both names, as classmates know them)."""
    seat = (
        Enrollment.objects.on(day)
        .filter(child=tie.child_id)
        .select_related("school", "school_class__school")
        .first()
    )
    if seat is None:
        raise ValidationError("孩子现在不在校，不用打印")
    teacher = Post.objects.on(day).filter(kind=PostKind.CLASS_TEACHER, school_class=seat.school_class_id)
    teacher = teacher.select_related("staff").first() if seat.school_class_id else None
    place = seat.school_class.name_on(day) if seat.school_class else ""
    names = (tie.child.name, tie.peer.name) if tie.peer_id else (given_name(tie.child.name),)
    return Sheet(names, place, teacher.staff.name if teacher else "", seat.school.name)
