"""What happens to a child's facts: entered, corrected, moved, put on the care list (在册) and taken off, ended, cancelled.

Each function checks, saves and writes its audit entry in one transaction. A fact that changes on day d ends on d − 1 and
a new one begins on d; a fact entered by mistake is cancelled with a reason, never deleted.
"""

from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils import timezone

from trust import audit, outbox
from trust.models import VersionConflict

from . import values
from .going_on import GOES_ON, children_go_on
from .models import (
    ALARM_TRAITS,
    CareListSpell,
    Child,
    Enrollment,
    OpenQuestion,
    Sex,
    Trait,
    TraitKind,
)

ONE_DAY = timedelta(days=1)

audit.name_actions(
    open_child="查看儿童资料",
    list_children="查看儿童名单",
    search_children="查找儿童",
    add_child="登记儿童",
    correct_child="修改儿童资料",
    enroll_child="登记在校",
    change_class="调班",
    leave_school="离校",
    put_on_list="列入在册",
    change_type="更改留守类型",
    take_off_list="移出在册",
    set_trait="登记情况",
    end_trait="结束情况",
    review_trait="复核情况",
    cancel_spell="作废一段经历",
    answer_question="答复待核实",
    reveal="查看完整号码或住址",
    call_phone="拨打电话",
)

BASIC_FIELDS = (
    "name", "former_name", "sex", "birth_date", "ethnic_group", "id_number", "student_number",
    "household_registration", "village", "division_code", "address", "health", "character", "household_size", "household_income", "aid", "note",
)  # fmt: skip


class AlreadyUsed(Exception):
    """The form's own number belongs to something else; the form has to be opened afresh."""


def add_child(
    *,
    by,
    school,
    name,
    sex,
    school_class=None,
    type="",
    starts_on=None,
    boarding=False,
    submission=None,
    **optional,
):
    """Enter a child with its place at school and, with ``type``, on the care list. Returns the child.

    ``submission`` becomes the child's ``uid``: the same form sent twice is one child.
    """
    starts_on = starts_on or timezone.localdate()
    if submission is not None:
        known = Child.objects.filter(uid=submission).first()
        if known is not None:
            return _same_submission(known, name, school)
    child = Child(county=school.county, name=name, sex=sex, **optional)
    if submission is not None:
        child.uid = submission
    _complete_from_id_number(child)
    try:
        with transaction.atomic():
            _save_child(child, by)
            _save_spell(
                Enrollment(child=child, school=school, school_class=school_class, starts_on=starts_on), by
            )
            if type:
                _save_spell(CareListSpell(child=child, type=type, starts_on=starts_on), by)
            if boarding:
                _save_spell(Trait(child=child, kind=TraitKind.BOARDING, starts_on=starts_on), by)
            audit.record("add_child", by=by, kind="child", uid=child, child=child)
    except (IntegrityError, ValidationError):
        # the same form arrived twice at once
        known = Child.objects.filter(uid=submission).first() if submission is not None else None
        if known is None:
            raise
        return _same_submission(known, name, school)
    return child


def _same_submission(known, name, school):
    if known.name != name or not known.enrollments.filter(school=school).exists():
        raise AlreadyUsed
    return known


def _complete_from_id_number(child):
    """Birth date and sex stand in a valid ID number; what contradicts it is an error."""
    child.id_number = child.id_number or ""
    if not child.id_number:
        return
    born = values.birth_date_of(child.id_number)
    if born is not None and child.birth_date is None:
        child.birth_date = born
    wrong = {}
    if born is not None and child.birth_date != born:
        wrong["birth_date"] = f"和身份证号里的出生日期（{born:%Y-%m-%d}）不一样，请对照户口簿核对"
    word = values.sex_of(child.id_number)
    said = {Sex.MALE: "男", Sex.FEMALE: "女"}.get(child.sex)
    if word and said and word != said:
        wrong["sex"] = f"和身份证号（{word}）不一样，请对照户口簿核对"
    if wrong:
        raise ValidationError(wrong)


def _save_child(child, by, expected=None):
    child.prepare()
    child.full_clean()
    child._history_user = by
    if expected is None:
        child.save()
    else:
        child.save_version(expected)


def correct_child(child, *, by, expected, **changes):
    """Correct what stands about a child; raises VersionConflict when somebody else saved since ``expected``."""
    changed = [name for name, value in changes.items() if getattr(child, name) != value]
    for name in changed:
        setattr(child, name, changes[name])
    if not changed:
        return child
    _complete_from_id_number(child)
    with transaction.atomic():
        stored = Child.objects.filter(pk=child.pk).first()
        if stored is not None and stored.version != expected:
            raise VersionConflict(stored)
        _save_child(child, by, expected)
        audit.record("correct_child", by=by, kind="child", uid=child, child=child, fields=changed)
    return child


# --- spells ----------------------------------------------------------------------------------------------------------


def _save_spell(spell, by):
    if spell._state.adding:
        spell.recorded_by = by
    spell.full_clean()
    spell.save()
    return spell


def end_spell(spell, *, last_day, by, **changes):
    """Set the last day of a spell (and fields that go with its end). Does not write to the audit trail itself."""
    spell.ends_on = last_day
    for name, value in changes.items():
        setattr(spell, name, value)
    return _save_spell(spell, by)


def replace_spell(old, new, *, by):
    """End ``old`` the day before ``new`` begins; one that began that same day is cancelled as corrected."""
    if new.starts_on < old.starts_on:
        raise ValidationError({"starts_on": f"不能早于现在这一段的开始日期（{old.starts_on:%Y-%m-%d}）"})
    if new.starts_on == old.starts_on:
        _cancel(old, by, "同一天更正")
    else:
        end_spell(old, last_day=new.starts_on - ONE_DAY, by=by)
    return _save_spell(new, by)


def _cancel(spell, by, reason):
    spell.cancelled_at, spell.cancelled_by, spell.cancel_reason = timezone.now(), by, reason[:200]
    spell.save()


def _refuse_future(day, field="starts_on"):
    if day > timezone.localdate():
        raise ValidationError({field: "日期不能在今天之后"})


def cancel_spell(spell, *, by, reason, child):
    """Cancel a spell entered by mistake; it stays readable and counts nowhere."""
    if not reason.strip():
        raise ValidationError({"reason": "请写明作废原因"})
    with transaction.atomic():
        fresh = type(spell).objects.select_for_update().get(pk=spell.pk)
        if fresh.cancelled_at is None:
            _cancel(fresh, by, reason.strip())
            audit.record(
                "cancel_spell",
                by=by,
                kind=fresh._meta.model_name,
                uid=fresh,
                child=child,
                reason=reason.strip(),
            )
    return fresh


# --- school ----------------------------------------------------------------------------------------------------------


def enroll(child, *, by, school, school_class=None, starts_on=None):
    """The child comes to a school (again): it must have left the one before."""
    starts_on = starts_on or timezone.localdate()
    with transaction.atomic():
        spell = _save_spell(
            Enrollment(child=child, school=school, school_class=school_class, starts_on=starts_on), by
        )
        audit.record("enroll_child", by=by, kind="enrollment", uid=spell, child=child)
    return spell


def change_class(child, *, by, school_class, starts_on=None):
    """Into another class (or none) of the same school from ``starts_on``."""
    starts_on = starts_on or timezone.localdate()
    with transaction.atomic():
        old = child.enrollments.open().select_related("school").first()
        if old is None:
            raise ValidationError("孩子现在不在校，请先登记在校")
        if old.school_class == school_class:
            raise ValidationError({"school_class": "孩子已经在这个班"})
        new = Enrollment(child=child, school=old.school, school_class=school_class, starts_on=starts_on)
        replace_spell(old, new, by=by)
        audit.record("change_class", by=by, kind="enrollment", uid=new, child=child)
    return new


def leave_school(child, *, by, last_day, reason, destination=""):
    """The child leaves the school; boarding there ends with it. The care list goes on: it may arrive elsewhere.

    ``destination`` (去向): where it went, kept with the reason of the enrollment's end.
    """
    with transaction.atomic():
        spell = child.enrollments.open().first()
        if spell is None:
            raise ValidationError("孩子现在不在校")
        if last_day < spell.starts_on:
            raise ValidationError({"last_day": f"不能早于到校日期（{spell.starts_on:%Y-%m-%d}）"})
        end_spell(
            spell,
            last_day=last_day,
            by=by,
            end_reason=f"{reason}，去{destination}" if destination else reason,
        )
        for trait in child.traits.open().filter(kind=TraitKind.BOARDING, starts_on__lte=last_day):
            end_spell(trait, last_day=last_day, by=by)
        if destination and reason in GOES_ON:
            children_go_on([child], day=last_day, by=by)
        audit.record("leave_school", by=by, kind="enrollment", uid=spell, child=child, reason=reason)
    return spell


# --- care list -------------------------------------------------------------------------------------------------------


def put_on_list(child, *, by, type, starts_on=None):
    """On the care list (在册) from ``starts_on``; with another type when already on it."""
    starts_on = starts_on or timezone.localdate()
    _refuse_future(starts_on)
    with transaction.atomic():
        new = CareListSpell(child=child, type=type, starts_on=starts_on)
        old = child.care_list_spells.open().first()
        if old is None:
            action = "put_on_list"
            _save_spell(new, by)
        elif old.type == type:
            raise ValidationError({"type": "孩子已经按这个类型在册"})
        else:
            action = "change_type"
            replace_spell(old, new, by=by)
        audit.record(action, by=by, kind="carelistspell", uid=new, child=child)
    return new


def take_off_list(child, *, by, last_day, reason):
    """Off the care list after ``last_day``, with the reason."""
    _refuse_future(last_day, "last_day")
    with transaction.atomic():
        spell = child.care_list_spells.open().first()
        if spell is None:
            raise ValidationError("孩子现在不在册")
        if last_day < spell.starts_on:
            raise ValidationError({"last_day": f"不能早于列入日期（{spell.starts_on:%Y-%m-%d}）"})
        end_spell(spell, last_day=last_day, by=by, end_reason=reason)
        audit.record("take_off_list", by=by, kind="carelistspell", uid=spell, child=child, reason=reason)
    return spell


# --- traits ----------------------------------------------------------------------------------------------------------


# Plain statuses of a child, which need no reason.
WITHOUT_REASON = (TraitKind.BOARDING, TraitKind.MIGRANT, TraitKind.FLOATING, TraitKind.BOARDING_WISH)


def set_trait(child, *, by, kind, starts_on=None, reason="", review_on=None, detail=""):
    """A trait from ``starts_on``; 困境 names its kind in ``detail``, and a child may have several.

    无人监护 and 独居 raise the alarm in the same transaction. ``review_on``: the day it is looked at again (C022).
    """
    starts_on = starts_on or timezone.localdate()
    if kind == TraitKind.PARENTS_UNREACHABLE:
        raise ValidationError({"kind": "“失联家长”由三次没联系上的记录提出，在联系记录里办理"})
    if kind not in WITHOUT_REASON and not reason.strip():
        raise ValidationError({"reason": "请写明原因"})
    if review_on is not None and review_on <= starts_on:
        raise ValidationError({"review_on": "要在开始日期之后"})
    if detail and kind != TraitKind.HARDSHIP:
        raise ValidationError({"detail": "困境类型只在登记困境时选"})
    with transaction.atomic():
        trait = _save_spell(
            Trait(
                child=child,
                kind=kind,
                detail=detail,
                starts_on=starts_on,
                reason=reason.strip(),
                review_on=review_on,
            ),
            by,
        )
        audit.record("set_trait", by=by, kind="trait", uid=trait, child=child, detail=str(trait))
        if kind in ALARM_TRAITS:
            payload = {"trait": str(trait.uid), "child": str(child.uid), "kind": str(kind)}
            outbox.send("protection_alarm", payload, key=f"protection_alarm:{trait.uid}")
    return trait


def end_trait(trait, *, by, last_day):
    """A trait no longer holds after ``last_day``."""
    _refuse_future(last_day, "last_day")
    if last_day < trait.starts_on:
        raise ValidationError({"last_day": f"不能早于开始日期（{trait.starts_on:%Y-%m-%d}）"})
    with transaction.atomic():
        end_spell(trait, last_day=last_day, by=by)
        audit.record(
            "end_trait", by=by, kind="trait", uid=trait, child=trait.child, detail=trait.get_kind_display()
        )
    return trait


def review_trait(trait, *, by, review_on):
    """Looked at again and still so; the next look is on ``review_on``."""
    if review_on <= timezone.localdate():
        raise ValidationError({"review_on": "下次复核要在今天之后"})
    with transaction.atomic():
        trait.review_on = review_on
        _save_spell(trait, by)
        audit.record(
            "review_trait", by=by, kind="trait", uid=trait, child=trait.child, detail=trait.get_kind_display()
        )
    return trait


# --- open questions --------------------------------------------------------------------------------------------------


def answer_question(question, *, by, answer):
    """Answer an open question (待核实); the answer stays beside what the sheet said."""
    if not answer.strip():
        raise ValidationError({"answer": "请写明核实的结果"})
    with transaction.atomic():
        fresh = OpenQuestion.objects.select_for_update().select_related("child").get(pk=question.pk)
        if fresh.answered_at is None:
            fresh.answer, fresh.answered_at, fresh.answered_by = answer.strip(), timezone.now(), by
            fresh.save()
            audit.record(
                "answer_question",
                by=by,
                kind="openquestion",
                uid=fresh,
                child=fresh.child,
                detail=fresh.field,
            )
    return fresh
