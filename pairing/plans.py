"""Help plans (帮扶计划, C061), individual plans of priority children (个别教育方案, C047), and what they have brought (C062).

Goals, content and results are words about a child: who reads all words of the child reads them (``Words.ALL``), and
whoever is tied to the child, while the tie lasts; nobody else.
"""

import uuid
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import OuterRef, Q, Subquery
from django.utils import timezone

from registry import access
from registry.access import Act, Words
from registry.models import CareListSpell, Child, Enrollment, Trait, TraitKind
from trust import audit
from trust.models import VersionConflict

from .grants import ties_of
from .models import HelpPlan, PlanKind, PlanStage

ONE_DAY = timedelta(days=1)
SOON = timedelta(days=7)  # a review is on 今日 from a week before its day
LONGEST = timedelta(days=366)  # nothing is left unreviewed for longer
# 三知 (what the teacher knows) and 三优先 (what comes first for the child), C063: a short list inside the plan.
CHECKLIST = {
    "know_self": "知个人情况",
    "know_family": "知家庭情况",
    "know_study": "知学习情况",
    "first_study": "学习上优先辅导",
    "first_life": "生活上优先照顾",
    "first_activity": "活动上优先安排",
}
WRITTEN = ("staff", "goals", "content", "checklist", "review_on")

audit.name_kinds(help_plan="帮扶计划", plan_stage="阶段成效")
audit.name_actions(
    open_plan="查看帮扶计划",
    list_plans="查看帮扶计划清单",
    make_plan="制定帮扶计划",
    revise_plan="修改帮扶计划",
    end_plan="结束帮扶计划",
    cancel_plan="作废帮扶计划",
    add_stage="记录阶段成效",
    check_plan="学校检查帮扶成效",
)


# --- who reads and writes ------------------------------------------------------------------------------------------------


def reads(user, child, seat=None):
    """Whether ``user`` reads the words of the child's plans: all words, or a tie with the child today.

    ``seat`` is the child's latest enrollment, where it is known already.
    """
    sight = access.sight_of(user, child, seat)
    return sight.words == Words.ALL or ties_of(user).filter(child=child).exists()


def may_write(user, child, seat=None):
    """Whoever reads the plans of the child and works with children writes them too."""
    return access.may(user, Act.LOG_CONTACTS) and reads(user, child, seat)


def may_check(user, school):
    """学校检查: whoever runs the pairings of the school."""
    return access.may(user, Act.ASSIGN_PAIRINGS, school=school)


# --- the plan ------------------------------------------------------------------------------------------------------------


def make_plan(
    *, child, staff, goals, content, review_on, by, kind=PlanKind.HELP, checklist=(), starts_on=None, submission=None
):  # fmt: skip
    """A plan from ``starts_on``; one of the same kind that stands ends the day before (same day: it is cancelled)."""
    starts_on = starts_on or timezone.localdate()
    plan = HelpPlan(
        child=child, kind=kind, staff=staff, goals=goals.strip(), content=content.strip(),
        checklist=_known(checklist), starts_on=starts_on, review_on=review_on, recorded_by=by,
    )  # fmt: skip
    plan.uid = submission or uuid.uuid4()
    with transaction.atomic():
        list(Child.objects.select_for_update().filter(pk=child.pk).values_list("pk"))
        again = HelpPlan.objects.filter(uid=plan.uid, child=child).first()
        if again is not None:
            return again
        if starts_on > timezone.localdate():
            raise ValidationError({"starts_on": "计划从今天或以前的日子开始"})
        _check_review(review_on, starts_on)
        for old in HelpPlan.objects.filter(child=child, kind=kind).overlapping(starts_on, None):
            if old.starts_on > starts_on:
                raise ValidationError({"starts_on": f"从 {old.starts_on:%Y-%m-%d} 起已有计划，不能更早"})
            _give_way(old, starts_on, by)
        plan.full_clean()
        plan._history_user = by
        plan.save()
        audit.record(
            "make_plan", by=by, kind="help_plan", uid=plan, child=child, detail=plan.get_kind_display()
        )
    return plan


def _give_way(old, starts_on, by):
    if old.starts_on == starts_on:
        old.cancelled_at, old.cancelled_by, old.cancel_reason = timezone.now(), by, "同一天重新制定"
    else:
        old.ends_on = starts_on - ONE_DAY
    old._history_user = by
    old.save_version(old.version)


def _known(checklist):
    return [code for code in CHECKLIST if code in set(checklist)]


def _check_review(review_on, starts_on):
    if review_on <= starts_on:
        raise ValidationError({"review_on": "下次检查要在开始以后"})
    if review_on > max(starts_on, timezone.localdate()) + LONGEST:
        raise ValidationError({"review_on": "下次检查最晚在一年以内"})


def revise_plan(plan, *, by, expected, **changes):
    """Other words, somebody else in charge, another review day; the row history keeps what stood before."""
    if "checklist" in changes:
        changes["checklist"] = _known(changes["checklist"])
    changed = [name for name in WRITTEN if name in changes and getattr(plan, name) != changes[name]]
    if not changed:
        return plan
    with transaction.atomic():
        stored = _standing(plan)
        if stored.version != expected:
            raise VersionConflict(stored)
        for name in changed:
            setattr(plan, name, changes[name])
        if "review_on" in changed:
            _check_review(plan.review_on, plan.starts_on)
        plan.full_clean()
        plan._history_user = by
        plan.save_version(expected)
        audit.record("revise_plan", by=by, kind="help_plan", uid=plan, child=plan.child, fields=changed)
    return plan


def end_plan(plan, *, by, last_day):
    """The plan is done after ``last_day``."""
    with transaction.atomic():
        stored = _standing(plan)
        if last_day < stored.starts_on or last_day > timezone.localdate():
            raise ValidationError({"last_day": f"在 {stored.starts_on:%Y-%m-%d} 到今天之间"})
        if stored.ends_on == last_day:
            return stored
        stored.ends_on = last_day
        stored.full_clean()
        stored._history_user = by
        stored.save_version(stored.version)
        audit.record("end_plan", by=by, kind="help_plan", uid=stored, child=stored.child)
    return stored


def cancel_plan(plan, *, by, reason):
    """Entered by mistake; stays readable, counts nowhere."""
    if not reason.strip():
        raise ValidationError({"reason": "请写明作废原因"})
    with transaction.atomic():
        stored = HelpPlan.objects.select_related("child").get(pk=plan.pk)
        if stored.cancelled_at is None:
            stored.cancelled_at, stored.cancelled_by, stored.cancel_reason = (
                timezone.now(),
                by,
                reason.strip()[:200],
            )
            stored._history_user = by
            stored.save_version(stored.version)
            audit.record(
                "cancel_plan", by=by, kind="help_plan", uid=stored, child=stored.child, reason=reason.strip()
            )
    return stored


def _standing(plan):
    stored = HelpPlan.objects.select_related("child").get(pk=plan.pk)
    if stored.cancelled_at:
        raise ValidationError("这份计划已经作废，请重新制定")
    return stored


def add_stage(plan, *, day, result, by, review_on=None, by_school=False, submission=None):
    """What the plan has brought by ``day``: the teacher's view, or with ``by_school`` the school's check (C062).

    ``review_on`` is the next look; without it the plan keeps its review day, so a review that was due stays due.
    """
    stage = PlanStage(plan=plan, day=day, result=result.strip(), by_school=by_school, recorded_by=by)
    stage.uid = submission or uuid.uuid4()
    with transaction.atomic():
        stored = _standing(plan)
        again = PlanStage.objects.filter(uid=stage.uid, plan=stored).first()
        if again is not None:
            return again
        if day < stored.starts_on or day > timezone.localdate():
            raise ValidationError({"day": f"在 {stored.starts_on:%Y-%m-%d} 到今天之间"})
        if review_on is not None:
            if review_on <= day:
                raise ValidationError({"review_on": "下次检查要在这次以后"})
            _check_review(review_on, stored.starts_on)
            if review_on != stored.review_on:
                stored.review_on = review_on
                stored._history_user = by
                stored.save_version(stored.version)
        stage.full_clean()
        stage.save()
        audit.record(
            "check_plan" if by_school else "add_stage",
            by=by,
            kind="plan_stage",
            uid=stage,
            child=stored.child,
        )
    return stage


# --- what waits ----------------------------------------------------------------------------------------------------------


def reviews_due(staff, day):
    """Plans ``staff`` carries that are to be looked at by a week from ``day``, of children at school and on the list."""
    return _of_present(HelpPlan.objects.on(day).filter(staff=staff, review_on__lte=day + SOON), day)


def _of_present(plans, day):
    return plans.filter(
        child__in=Enrollment.objects.on(day).values("child"),
    ).filter(child__in=CareListSpell.objects.on(day).values("child"))


def plans_of(children, day):
    """Plans in force on ``day`` of a queryset of children, the review that is due first on top."""
    last = PlanStage.objects.filter(plan=OuterRef("pk"), by_school=True).order_by("-day", "-pk")
    plans = _of_present(HelpPlan.objects.on(day).filter(child__in=children), day)
    plans = plans.annotate(checked_on=Subquery(last.values("day")[:1]))
    return plans.select_related("child", "staff").order_by("review_on", "child__name_key", "pk")


def priority_without_plan(children, day):
    """Priority children (重点关注) on the list that have no individual plan (个别教育方案) in force on ``day``."""
    priority = Trait.objects.on(day).filter(kind=TraitKind.PRIORITY).values("child")
    planned = HelpPlan.objects.on(day).filter(kind=PlanKind.INDIVIDUAL).values("child")
    listed = CareListSpell.objects.on(day).values("child")
    seated = Enrollment.objects.on(day).values("child")
    return children.filter(Q(pk__in=priority), pk__in=listed).filter(pk__in=seated).exclude(pk__in=planned)
