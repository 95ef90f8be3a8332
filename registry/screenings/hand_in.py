"""The school's screening on its way: school → district → county, sent back with remarks, accepted (C027, 汇总上报).

What is handed in is a snapshot: name, class, type, answers and the definitions' judgements as of the screening's day.
Later changes never alter it; only handing in again after a return makes it anew. No phone, number or address is in it.
"""

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from trust import audit

from .. import access, definitions
from ..access import Act
from ..families import families_of
from ..models import (
    CareListSpell,
    ClassScreening,
    Enrollment,
    HandInState,
    ScreeningEntry,
    ScreeningStep,
    Trait,
    TraitKind,
)
from .answers import working
from .campaign import stands_in
from .rolls import HERE, locked

audit.name_actions(
    hand_in_screening="上报摸底", forward_screening="摸底报到县里", return_screening="退回摸底", accept_screening="接收摸底",
)  # fmt: skip

SENT = (HandInState.AT_DISTRICT, HandInState.AT_COUNTY)


def may_hand_in(user, part):
    """Whether ``user`` hands in for the school."""
    return access.may(user, Act.HAND_IN_SCREENING, school=part.school)


def _of_county(user, part):
    county = part.school.county
    return access.may(user, Act.REVIEW_SCREENING, county=county) or stands_in(user, county)


def _of_district(user, part):
    return _of_county(user, part) or access.may(user, Act.REVIEW_SCREENING, school=part.school)


def may_review(user, part):
    """Whether ``user`` sends back now: the district what lies with it, the county whatever was handed in."""
    if part.state == HandInState.AT_DISTRICT:
        return _of_district(user, part)
    return part.state in (HandInState.AT_COUNTY, HandInState.ACCEPTED) and _of_county(user, part)


def may_accept(user, part):
    """Whether ``user`` accepts for the county now, also what still lies with the district."""
    return part.state in SENT and _of_county(user, part)


def may_forward(user, part):
    """Whether ``user`` sends it on from the district to the county now."""
    return part.state == HandInState.AT_DISTRICT and _of_district(user, part)


def hindrances(roll):
    """Why the school cannot hand in yet, in words with what to do; empty = it can."""
    part, found = roll.part, []
    if timezone.localdate() < part.screening.as_of:
        found.append(f"摸底说的是 {part.screening.as_of:%Y-%m-%d} 的情况，到那天才能上报")
    waiting = len(roll.pending())
    if waiting:
        found.append(f"还有 {waiting} 个孩子没有确认")
    still = [one for one in roll.shown_classes() if one.done_at is None]
    if still:
        words = "、".join(class_words(one, part.screening.as_of) for one in still[:5])
        found.append(f"还有 {len(still)} 个班没有交：{words}{'…' if len(still) > 5 else ''}")
    if part.school_age_children is None or part.school_age_enrolled is None:
        found.append("还没填服务范围内的适龄儿童数")
    return found


def class_words(class_part, day):
    """三(2)班, or 未分班."""
    return class_part.school_class.name_on(day) if class_part.school_class_id else "未分班"


def hand_in(part, *, by):
    """The school hands in: to its district, or straight to the county. The snapshot is taken now.

    Raises ValidationError while a class is open or a child unconfirmed.
    """
    access.require(by, Act.HAND_IN_SCREENING, school=part.school)
    with working(part.pk) as roll:
        found = hindrances(roll)
        if found:
            raise ValidationError(found)
        fresh = roll.part
        _take_snapshot(roll)
        to_district = fresh.school.district_id is not None
        fresh.handed_in_at, fresh.handed_in_by = timezone.now(), by
        _step(fresh, HandInState.AT_DISTRICT if to_district else HandInState.AT_COUNTY, by)
        audit.record("hand_in_screening", by=by, kind="schoolscreening", uid=fresh, count=len(roll.counted()))
    return fresh


def _step(part, state, by, comment=""):
    part.state = state
    part.save_version(part.version, update_fields=["state", "handed_in_at", "handed_in_by"])
    ScreeningStep.objects.create(school_screening=part, state=state, comment=comment, taken_by=by)


def _sent(part, by, level, allowed):
    """The part, held. Raises PermissionDenied below ``level``, ValidationError where the step is not due (any more)."""
    fresh = locked(part.pk)
    if not level(by, fresh):
        raise PermissionDenied("您的岗位没有这项功能")
    if fresh.screening.closed_at is not None:
        raise ValidationError("这次摸底已经结束")
    if not allowed(by, fresh):
        raise ValidationError(f"现在是“{fresh.get_state_display()}”，不能办这一步")
    return fresh


def forward(part, *, by, comment=""):
    """The district has looked at it and sends it on to the county."""
    with transaction.atomic():
        fresh = _sent(part, by, _of_district, may_forward)
        _step(fresh, HandInState.AT_COUNTY, by, comment.strip())
        audit.record("forward_screening", by=by, kind="schoolscreening", uid=fresh)
    return fresh


def accept(part, *, by):
    """The county accepts."""
    with transaction.atomic():
        fresh = _sent(part, by, _of_county, may_accept)
        _step(fresh, HandInState.ACCEPTED, by)
        audit.record("accept_screening", by=by, kind="schoolscreening", uid=fresh)
    return fresh


def give_back(part, *, by, comment, rows=None):
    """Sent back with a remark on the whole and on rows (``rows``: {entry's uid: remark}). Raises ValidationError without one.

    Classes with a remark on a row open again; the other classes stay done, the school opens them where it must.
    """
    rows = {uid: text.strip()[:300] for uid, text in (rows or {}).items() if text.strip()}
    if not comment.strip() and not rows:
        raise ValidationError({"comment": "请写明退回的意见，学校才知道改什么"})
    with transaction.atomic():
        fresh = _sent(part, by, _of_district, may_review)
        entries = list(
            ScreeningEntry.objects.filter(class_screening__school_screening=fresh, uid__in=list(rows))
        )
        for entry in entries:
            entry.returned_comment, entry.version = rows[str(entry.uid)], entry.version + 1
        ScreeningEntry.objects.bulk_update(entries, ["returned_comment", "version"], batch_size=500)
        ClassScreening.objects.filter(pk__in={entry.class_screening_id for entry in entries}).update(
            done_at=None, done_by=None
        )
        _step(fresh, HandInState.RETURNED, by, comment.strip())
        audit.record(
            "return_screening", by=by, kind="schoolscreening", uid=fresh, count=len(entries),
            reason=comment.strip(),
        )  # fmt: skip
    return fresh


# --- the snapshot ----------------------------------------------------------------------------------------------------------


def _take_snapshot(roll):
    for entry, snapshot in zip(roll.entries, snapshots(roll.entries, roll.part), strict=True):
        entry.snapshot, entry.version = snapshot, entry.version + 1
    ScreeningEntry.objects.bulk_update(roll.entries, ["snapshot", "version"], batch_size=500)
    # What an earlier handing in said of a file that was merged since stands no more.
    doubled = ScreeningEntry.objects.filter(
        class_screening__school_screening=roll.part, child__merged_into__isnull=False
    )
    doubled.exclude(snapshot={}).update(snapshot={}, version=F("version") + 1)


def snapshots(entries, part):
    """What the handed-in list of ``part`` says of each entry, in their order. A constant number of queries."""
    as_of = part.screening.as_of
    taken = pictures(entries, part.school.county, as_of)
    found = []
    for entry in entries:
        where = entry.class_screening.school_class
        about = {
            "class": class_words(entry.class_screening, as_of),
            "stage": where.stage if where else "",
            "listed": entry.answer in HERE,
            "answer": entry.answer,
            "as_of": as_of.isoformat(),
            "definition": part.screening.definition,
        }
        found.append(taken[entry.child_id] | about)
    return found


def pictures(entries, county, day):
    """{child's pk: what the list says of it on ``day``}: no phone, number or address. A constant number of queries."""
    children = [entry.child for entry in entries]
    for child in children:
        child.county = county  # the definitions ask for it
    pks = [child.pk for child in children]
    found = families_of(children, day)
    spells, seats, marks = {}, {}, {}
    for spell in CareListSpell.objects.valid().filter(child__in=pks).order_by("starts_on", "pk"):
        spells.setdefault(spell.child_id, []).append(spell)
    for seat in Enrollment.objects.on(day).filter(child__in=pks).select_related("school_class__school"):
        seats[seat.child_id] = seat
    kinds = (TraitKind.BOARDING, TraitKind.MIGRANT)
    for child, kind in (
        Trait.objects.on(day).filter(child__in=pks, kind__in=kinds).values_list("child", "kind")
    ):
        marks.setdefault(child, set()).add(kind)
    return {
        child.pk: _picture(
            child,
            found[child.pk],
            spells.get(child.pk, ()),
            seats.get(child.pk),
            marks.get(child.pk, ()),
            day,
        )
        for child in children
    }


def _picture(child, family, spells, seat, marks, day):
    judged = definitions.judge(family, seat, day)
    return {
        "name": child.name,
        "sex": child.sex,
        "type": _type_on(spells, day),
        "boarding": TraitKind.BOARDING in marks,
        "migrant": TraitKind.MIGRANT in marks,
        "carer": "、".join(adult.word for adult in family.carers),
        "parents": "，".join(f"{adult.word}{whereabouts(adult)}" for adult in family.parents),
        "judgements": {one.code: one.holds for one in judged},
    }


def _type_on(spells, day):
    """The type in force that day; of a child that came onto the list later, the first; else the last one it had."""
    for spell in spells:
        if spell.in_force_on(day) or spell.starts_on > day:
            return spell.type
    return spells[-1].type if spells else ""


def whereabouts(adult):
    """Where a parent is, in words that follow 父亲: 在广东省东莞市, 在家照看, 已去世."""
    if adult.guardian.died_on:
        return "已去世"
    if adult.work:
        return f"在{adult.work.place}" if adult.work.place else "外出，地点没填"
    return "在家照看" if adult.is_carer else "没有外出记录"
