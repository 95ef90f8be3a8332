"""What a class says of its children, and of itself: unchanged for all in one tap, then the exceptions (F52, F53).

An answer writes the facts of the registry through the functions that already do so; the entry only says that it was asked.
"""

from contextlib import contextmanager

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from trust import audit
from trust.models import VersionConflict

from .. import access, children, families
from ..access import Act
from ..models import ClassScreening, ParentWork, ScreeningAnswer
from .rolls import GONE, changes_since, is_open, is_pending, locked, save_entries, settle

audit.name_actions(
    screen_unchanged="摸底：没有变化", screen_changed="摸底：有变化", screen_left="摸底：已离校",
    screen_home_again="摸底：父母回来了", state_class_figures="填班级人数", state_school_age="填适龄儿童数",
    hand_in_class="班级摸底交给学校", reopen_class="班级摸底退回班主任", refresh_screening="把新的班级加进摸底",
)  # fmt: skip

FIGURES = ("pupils", "pupils_at_start", "transferred_in", "transferred_out", "dropped_out")


def may_screen(user, part, school_class=None):
    """Whether ``user`` answers for a class (own class; the school's leaders for all)."""
    return access.may(user, Act.SCREEN_CLASS, school=part.school, school_class=school_class)


@contextmanager
def working(part_pk):
    """Holds the school's part, refuses once it is handed in, and brings its entries in line with the facts first."""
    with transaction.atomic():
        part = locked(part_pk)
        if part.screening.closed_at is not None:
            raise ValidationError("这次摸底已经结束，不能再改")
        if not is_open(part):
            raise ValidationError("学校已经上报，名单已锁定。要改请上级退回")
        yield settle(part)


@contextmanager
def _answering(class_part, child):
    """The roll and the entry of one child, while it may be answered."""
    with working(class_part.school_screening_id) as roll:
        entry = roll.find(class_part, child)
        if entry is None:
            raise ValidationError("孩子现在不在这个班，请回到名单再看一下")
        _refuse_done(entry)
        yield roll, entry


def _refuse_done(entry):
    if entry.class_screening.done_at is not None and not is_pending(entry):
        raise ValidationError("本班已经交给学校。要改，请学校领导小组先退回本班")


def _refuse_gone(entry):
    """Whom the facts have gone cannot be answered as here; with a remark it is looked at again."""
    if entry.answer in GONE and not entry.returned_comment:
        raise ValidationError("孩子已经登记离校或移出在册，要先在资料里改回来")


def _say(entry, answer, by, note=""):
    entry.answer, entry.note, entry.returned_comment = answer, note.strip()[:200], ""
    entry.answered_at, entry.answered_by = timezone.now(), by


def say_all_unchanged(class_part, *, by):
    """没有变化 for every child of the class that was not answered yet. Returns how many.

    Where something was registered since the screening began, the answer is CHANGED and says what.
    """
    with working(class_part.school_screening_id) as roll:
        waiting = [entry for entry in roll.entries_of(class_part) if not entry.answer]
        changed = changes_since([entry.child_id for entry in waiting], roll.part.screening.opened_at)
        for entry in waiting:
            words = changed.get(entry.child_id)
            _say(
                entry,
                ScreeningAnswer.CHANGED if words else ScreeningAnswer.UNCHANGED,
                by,
                "、".join(words or ()),
            )
        save_entries(waiting)
        if waiting:
            audit.record("screen_unchanged", by=by, kind="classscreening", uid=class_part, count=len(waiting))
    return len(waiting)


def say_unchanged(class_part, child, *, by):
    """没有变化 of one child; of a new child sent back with a remark: looked at again."""
    with _answering(class_part, child) as (_, entry):
        _refuse_gone(entry)
        if entry.returned_comment and entry.answer:
            _say(entry, entry.answer, by, entry.note)
        else:
            _say(entry, ScreeningAnswer.UNCHANGED, by)
        save_entries([entry])
        audit.record("screen_unchanged", by=by, kind="screeningentry", uid=entry, child=child)
    return entry


def say_changed(class_part, child, *, by, note, expected=None):
    """有变化: the facts were changed on their own pages; the note says what. A new child stays new, one that left stays so.

    ``expected`` is the version of the entry the form was opened with; raises VersionConflict when somebody else answered.
    """
    if not note.strip():
        raise ValidationError({"note": "请写一句变了什么，如：妈妈去了东莞，改由外婆带"})
    with _answering(class_part, child) as (_, entry):
        if expected is not None and entry.version != expected:
            raise VersionConflict(entry)
        _refuse_gone(entry)
        stays = entry.answer in (*GONE, ScreeningAnswer.NEW)
        _say(entry, entry.answer if stays else ScreeningAnswer.CHANGED, by, note)
        save_entries([entry])
        audit.record("screen_changed", by=by, kind="screeningentry", uid=entry, child=child)
    return entry


def say_left(class_part, child, *, by, last_day, reason):
    """已离校: the child leaves the school from the next day, with the reason."""
    with _answering(class_part, child) as (_, entry):
        children.leave_school(child, by=by, last_day=last_day, reason=reason)
        _say(entry, ScreeningAnswer.LEFT, by, reason)
        save_entries([entry])
        audit.record("screen_left", by=by, kind="screeningentry", uid=entry, child=child, reason=reason)
    return entry


def say_home_again(class_part, child, *, by, last_day, reason, home=()):
    """父母回来了 (or no longer on the list for another reason): off the care list after ``last_day``.

    ``home``: uids of the parents' work spells that ended that day.
    """
    with _answering(class_part, child) as (_, entry):
        children.take_off_list(child, by=by, last_day=last_day, reason=reason)
        mine = ParentWork.objects.open().filter(guardian__kinships__child=child, uid__in=home)
        for spell in mine.distinct():
            families.end_work(spell, by=by, child=child, last_day=last_day)
        _say(entry, ScreeningAnswer.HOME_AGAIN, by, reason)
        save_entries([entry])
        audit.record("screen_home_again", by=by, kind="screeningentry", uid=entry, child=child, reason=reason)
    return entry


# --- figures of the class and of the school ----------------------------------------------------------------------------


def state_figures(class_part, *, by, expected, **figures):
    """The class's own figures. Raises VersionConflict when somebody else saved, ValidationError below the listed children."""
    with working(class_part.school_screening_id) as roll:
        fresh = ClassScreening.objects.get(pk=class_part.pk)
        if fresh.done_at is not None:
            raise ValidationError("本班已经交给学校。要改，请学校领导小组先退回本班")
        on_list = len(roll.counted(fresh))
        if figures["pupils"] is not None and figures["pupils"] < on_list:
            raise ValidationError(
                {"pupils": f"名单上已有 {on_list} 个留守儿童，全班不会只有 {figures['pupils']} 人"}
            )
        for name in FIGURES:
            setattr(fresh, name, figures[name])
        fresh.full_clean()
        fresh.save_version(expected)
        audit.record("state_class_figures", by=by, kind="classscreening", uid=fresh, fields=[*FIGURES])
    return fresh


def difference(class_part):
    """How far the figures are from adding up (start + in − out − dropped out = now), or None where one is missing."""
    values = [getattr(class_part, name) for name in FIGURES]
    if None in values:
        return None
    now, start, came, went, dropped = values
    return start + came - went - dropped - now


def state_school_age(part, *, by, expected, school_age_children, school_age_enrolled):
    """适龄儿童: how many live in the school's area, and how many of them go to school (C030)."""
    with working(part.pk) as roll:
        fresh = roll.part
        fresh.school_age_children, fresh.school_age_enrolled = school_age_children, school_age_enrolled
        fresh.full_clean()
        fresh.save_version(expected)
        audit.record(
            "state_school_age", by=by, kind="schoolscreening", uid=fresh,
            fields=["school_age_children", "school_age_enrolled"],
        )  # fmt: skip
    return fresh


# --- class -> school -----------------------------------------------------------------------------------------------------


def hand_in_class(class_part, *, by):
    """The class is done. Refused while a child is unconfirmed or the number of pupils is missing."""
    with working(class_part.school_screening_id) as roll:
        fresh = ClassScreening.objects.get(pk=class_part.pk)
        waiting = roll.pending(fresh)
        if waiting:
            raise ValidationError(f"还有 {len(waiting)} 个孩子没有确认")
        if fresh.school_class_id is not None and fresh.pupils is None:
            raise ValidationError("还没填班级学生数")
        if fresh.done_at is None:
            fresh.done_at, fresh.done_by = timezone.now(), by
            fresh.save_version(fresh.version, update_fields=["done_at", "done_by"])
            audit.record(
                "hand_in_class", by=by, kind="classscreening", uid=fresh, count=len(roll.counted(fresh))
            )
    return fresh


def reopen_class(class_part, *, by):
    """The school gives the class back to its teacher."""
    with working(class_part.school_screening_id):
        fresh = ClassScreening.objects.get(pk=class_part.pk)
        if fresh.done_at is not None:
            fresh.done_at, fresh.done_by = None, None
            fresh.save_version(fresh.version, update_fields=["done_at", "done_by"])
            audit.record("reopen_class", by=by, kind="classscreening", uid=fresh)
    return fresh


def refresh(part, *, by):
    """Classes that began after the opening are added, with their children."""
    with working(part.pk) as roll:
        audit.record("refresh_screening", by=by, kind="schoolscreening", uid=part, count=len(roll.classes))
    return roll
