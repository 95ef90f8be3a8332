"""Excuses (豁免) and 联系不上: asked for by a teacher, decided by somebody else of the leading group."""

import calendar as months
from datetime import timedelta

from django.core.exceptions import PermissionDenied, ValidationError
from django.db import transaction
from django.utils import timezone

from registry import access
from registry.access import Act
from registry.models import Enrollment, Trait, TraitKind
from trust import audit

from .contacts import FAMILY, PARENTS
from .models import Contact, Excuse, Subject, UnreachableClaim

audit.name_actions(
    list_excuses="查看豁免",
    request_excuse="申请豁免",
    approve_excuse="批准豁免",
    refuse_excuse="不同意豁免",
    revoke_excuse="撤销豁免",
    claim_unreachable="报告联系不上家长",
    approve_unreachable="确认失联家长",
    refuse_unreachable="退回失联家长",
    end_unreachable="结束失联家长",
)
audit.name_kinds(Excuse="豁免", Trait="儿童情况")

ATTEMPTS_NEEDED = 3  # on that many days
REVIEW_AFTER = timedelta(days=30)
LONGEST = 366  # days of one excuse


def request_excuse(*, child, starts_on, ends_on, reason, by, rule_codes=()):
    """Asks that a child need not have these duties from–to. Raises ValidationError, PermissionDenied."""
    enrollment = _enrollment(child)
    access.require(by, Act.REQUEST_EXCUSE, school=enrollment.school)
    if ends_on and starts_on and (ends_on - starts_on).days >= LONGEST:
        raise ValidationError({"ends_on": "一次最多豁免一年，请分开申请"})
    excuse = Excuse(
        county=child.county, school=enrollment.school, subject_kind=Subject.CHILD, subject_id=child.pk,
        starts_on=starts_on, ends_on=ends_on, rule_codes=sorted(rule_codes), reason=reason, requested_by=by,
    )  # fmt: skip
    excuse.full_clean()
    with transaction.atomic():
        same = Excuse.objects.filter(
            subject_kind=Subject.CHILD, subject_id=child.pk, starts_on=starts_on, ends_on=ends_on, refused_at=None,
            revoked_at=None, rule_codes=excuse.rule_codes,
        ).first()  # fmt: skip
        if same:
            return same
        excuse.save()
        audit.record("request_excuse", by=by, kind="Excuse", uid=excuse.uid, child=child.uid)
    return excuse


def waiting_for(user):
    """Excuses ``user`` may decide now: of the schools in scope, asked for by somebody else."""
    schools = access.schools_for(user, Act.APPROVE_EXCUSE)
    undecided = Excuse.objects.visible_to(user).filter(approved_at=None, refused_at=None, revoked_at=None)
    return undecided.filter(school__in=schools).exclude(requested_by=user).order_by("requested_at", "pk")


def decide(excuses, *, approve, by):
    """Approves or refuses many at once; returns how many. Those already decided stay as they are."""
    now, done = timezone.now(), 0
    with transaction.atomic():
        for excuse in (
            Excuse.objects.select_for_update().filter(pk__in=[e.pk for e in excuses]).select_related("school")
        ):
            if excuse.approved_at or excuse.refused_at or excuse.revoked_at:
                continue
            if excuse.requested_by_id == by.pk:
                raise PermissionDenied("自己申请的豁免，要由领导小组的另一位成员批准")
            access.require(by, Act.APPROVE_EXCUSE, school=excuse.school)
            if approve:
                excuse.approved_at, excuse.approved_by = now, by
            else:
                excuse.refused_at, excuse.refused_by = now, by
            excuse.save()
            audit.record(
                "approve_excuse" if approve else "refuse_excuse", by=by, kind="Excuse", uid=excuse.uid
            )
            done += 1
    return done


def revoke(excuse, *, by):
    """Takes an approved excuse back; the duties stand again from that moment."""
    access.require(by, Act.APPROVE_EXCUSE, school=excuse.school)
    with transaction.atomic():
        excuse = Excuse.objects.select_for_update().get(pk=excuse.pk)
        if excuse.approved_at is None or excuse.revoked_at:
            raise ValidationError("这条豁免没有生效，不用撤销")
        excuse.revoked_at, excuse.revoked_by = timezone.now(), by
        excuse.save()
        audit.record("revoke_excuse", by=by, kind="Excuse", uid=excuse.uid)
    return excuse


# --- 联系不上


def unreached_attempts(child, *, today=None):
    """Attempts to reach a parent, on three or more days since a parent was last reached; [] if fewer days."""
    today = today or timezone.localdate()
    found = []
    rows = Contact.objects.valid().filter(child=child, day__lte=today, day__gte=today - timedelta(days=92))
    for contact in rows.order_by("-day", "-pk"):
        if not contact.parties & FAMILY or contact.kind == "letter":
            continue
        if contact.reached and contact.parties & PARENTS:
            break
        if not contact.reached and contact.parties & PARENTS:
            found.append(contact)
    found.reverse()
    return found if len({contact.day for contact in found}) >= ATTEMPTS_NEEDED else []


def claim_unreachable(*, child, by):
    """Proposes the dated fact "no parent can be reached" with the attempts as its proof.

    It begins on the first day of the month of the third attempt. Raises ValidationError without three attempts
    on three days, or when a proposal already stands.
    """
    enrollment = _enrollment(child)
    access.require(by, Act.REQUEST_EXCUSE, school=enrollment.school)
    attempts = unreached_attempts(child)
    if not attempts:
        raise ValidationError(f"要有 {ATTEMPTS_NEEDED} 天、每天都没联系上的记录，才能报告联系不上")
    third_day = sorted({contact.day for contact in attempts})[ATTEMPTS_NEEDED - 1]
    trait = Trait(
        child=child, kind=TraitKind.PARENTS_UNREACHABLE, starts_on=third_day.replace(day=1), recorded_by=by,
        review_on=timezone.localdate() + REVIEW_AFTER,
    )  # fmt: skip
    with transaction.atomic():
        if Trait.objects.open().filter(child=child, kind=TraitKind.PARENTS_UNREACHABLE).exists():
            raise ValidationError("已经报告过联系不上，还没有结束")
        trait.full_clean()
        trait.save()
        claim = UnreachableClaim.objects.create(trait=trait, requested_by=by)
        claim.attempts.set(attempts)
        audit.record(
            "claim_unreachable", by=by, kind="Trait", uid=trait.uid, child=child.uid, count=len(attempts)
        )
    return claim


def decide_unreachable(claim, *, approve, by):
    """The leader confirms that no parent can be reached, or sends it back; never the one who proposed it."""
    child, trait = claim.trait.child, claim.trait
    access.require(by, Act.CONFIRM_UNREACHABLE, school=_enrollment(child).school)
    if claim.requested_by_id == by.pk:
        raise PermissionDenied("自己报告的，要由领导小组的另一位成员确认")
    with transaction.atomic():
        trait = Trait.objects.select_for_update().get(pk=trait.pk)
        if trait.approved_at or trait.cancelled_at:
            raise ValidationError("这一条已经处理过")
        if approve:
            trait.approved_at, trait.approved_by = timezone.now(), by
        else:
            trait.cancelled_at, trait.cancelled_by, trait.cancel_reason = timezone.now(), by, "没有确认"
        trait.save()
        action = "approve_unreachable" if approve else "refuse_unreachable"
        audit.record(action, by=by, kind="Trait", uid=trait.uid, child=child.uid)
    return trait


def review_unreachable(trait, *, still, by):
    """The review every 30 days: still so (next review in 30 days), or ended yesterday."""
    access.require(by, Act.CONFIRM_UNREACHABLE, school=_enrollment(trait.child).school)
    today = timezone.localdate()
    with transaction.atomic():
        trait = Trait.objects.select_for_update().get(pk=trait.pk)
        if still:
            trait.review_on = today + REVIEW_AFTER
        else:
            trait.ends_on = max(trait.starts_on, today - timedelta(days=1))
        trait.save()
        if not still:
            audit.record("end_unreachable", by=by, kind="Trait", uid=trait.uid, child=trait.child.uid)
    return trait


def unreachable_list(user):
    """失联家长: claims of children whose file the user may open, those waiting first, then by review day."""
    claims = UnreachableClaim.objects.visible_to(user).filter(trait__cancelled_at=None, trait__ends_on=None)
    return claims.select_related("trait__child", "requested_by").order_by(
        "trait__approved_at", "trait__review_on", "pk"
    )


def _enrollment(child):
    enrollment = (
        Enrollment.objects.on(timezone.localdate()).filter(child=child).select_related("school").first()
    )
    if enrollment is None:
        raise ValidationError("孩子现在不在校，不用申请")
    return enrollment


def half_of_month(day):
    """First and last day proposed in the form: from ``day`` to the end of its month."""
    return day, day.replace(day=months.monthrange(day.year, day.month)[1])
