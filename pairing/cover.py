"""Cover (包班): members of the leading group cover classes, and so stand behind the class teachers."""

import uuid
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models.functions import Coalesce
from django.utils import timezone

from registry.models import LEADING_GROUP, Post, SchoolClass, Staff
from trust import audit

from .models import ClassCover

ONE_DAY = timedelta(days=1)

audit.name_actions(cover_class="指定包班领导", end_cover="结束包班", cancel_cover="作废包班")


def leaders_for(schools, day):
    """Members of the leading groups of ``schools`` on ``day``, in pinyin order."""
    posts = Post.objects.on(day).filter(kind__in=LEADING_GROUP, school__in=schools)
    return Staff.objects.filter(pk__in=posts.values("staff")).by_name()


def covered_on(schools, day):
    """{class id: leader} of ``schools`` on ``day``; a cover left open by somebody who left the leading group counts not."""
    covers = ClassCover.objects.on(day).filter(school_class__school__in=schools)
    covers = covers.annotate(root=Coalesce("school_class__school__managing_school", "school_class__school"))
    posts = Post.objects.on(day).filter(kind__in=LEADING_GROUP, staff__in=covers.values("staff"))
    leading = set(posts.values_list("staff", "school"))
    found = {}
    for one in covers.select_related("staff", "school_class").order_by("starts_on", "pk"):
        if leading & {(one.staff_id, one.school_class.school_id), (one.staff_id, one.root)}:
            found.setdefault(one.school_class_id, one.staff)
    return found


def _lock(school_class):
    list(SchoolClass.objects.select_for_update().filter(pk=school_class.pk).values_list("pk"))


def cover_class(*, school_class, staff, by, starts_on=None, submission=None):
    """``staff`` covers the class from ``starts_on``; whoever covered it before does so until the day before.

    On the very day the old cover began, the old one is cancelled as corrected. ``submission`` becomes the ``uid``.
    """
    starts_on = starts_on or timezone.localdate()
    new = ClassCover(school_class=school_class, staff=staff, starts_on=starts_on, recorded_by=by)
    new.uid = submission or uuid.uuid4()
    school = school_class.school
    try:
        with transaction.atomic():
            _lock(school_class)
            again = ClassCover.objects.filter(uid=new.uid).first()
            if again is not None:
                if (again.school_class_id, again.staff_id, again.starts_on) != (
                    school_class.pk,
                    staff.pk,
                    starts_on,
                ):
                    raise ValidationError("这张表已经提交过，请重新打开这一页再填")
                return again
            if (
                not leaders_for({school.pk, school.managing_school_id} - {None}, starts_on)
                .filter(pk=staff.pk)
                .exists()
            ):
                raise ValidationError({"staff": f"{staff.name}在 {starts_on:%Y-%m-%d} 不是领导小组成员"})
            for old in ClassCover.objects.filter(school_class=school_class).overlapping(starts_on, None):
                _give_way(old, staff, starts_on, by)
            new.full_clean()
            new.save()
            audit.record("cover_class", by=by, kind="class_cover", uid=new)
    except IntegrityError:
        raise ValidationError("刚才有人指定了这个班的包班领导，请刷新再看") from None
    return new


def _give_way(old, staff, starts_on, by):
    if old.starts_on > starts_on:
        raise ValidationError({"starts_on": f"从 {old.starts_on:%Y-%m-%d} 起已指定别人，不能更早"})
    if old.staff_id == staff.pk:
        raise ValidationError({"staff": f"现在就是{staff.name}"})
    if old.starts_on == starts_on:
        old.cancelled_at, old.cancelled_by, old.cancel_reason = timezone.now(), by, "同一天更正"
    else:
        old.ends_on = starts_on - ONE_DAY
    old.save(update_fields=["ends_on", "cancelled_at", "cancelled_by", "cancel_reason"])


def end_cover(*, cover, by, ends_on=None):
    """The cover ends after ``ends_on``, its last day."""
    ends_on = ends_on or timezone.localdate()
    with transaction.atomic():
        _lock(cover.school_class)
        stored = ClassCover.objects.get(pk=cover.pk)
        if stored.cancelled_at:
            raise ValidationError("这一段已经作废，不用再结束")
        if stored.ends_on == ends_on:
            return stored
        if ends_on < stored.starts_on:
            raise ValidationError(
                {"ends_on": f"不能早于开始日期（{stored.starts_on:%Y-%m-%d}）；如果指定错了，请作废"}
            )
        stored.ends_on = ends_on
        stored.full_clean()
        stored.save(update_fields=["ends_on"])
        audit.record("end_cover", by=by, kind="class_cover", uid=stored)
    return stored


def cancel_cover(*, cover, by, reason):
    """Entered by mistake; it stays readable and counts nowhere."""
    reason = reason.strip()
    if not reason:
        raise ValidationError({"reason": "请写明作废原因"})
    with transaction.atomic():
        _lock(cover.school_class)
        stored = ClassCover.objects.get(pk=cover.pk)
        if stored.cancelled_at is None:
            stored.cancelled_at, stored.cancelled_by, stored.cancel_reason = timezone.now(), by, reason[:200]
            stored.save(update_fields=["cancelled_at", "cancelled_by", "cancel_reason"])
            audit.record("cancel_cover", by=by, kind="class_cover", uid=stored, reason=reason)
    return stored
