"""委托照护协议 (未成年人保护法 21, 22): entered, corrected, ended; the school's register of them, and who should have one.

An agreement makes its carer an entrusted one (受委托照护): the guardianship follows in the same transaction. Entrusting does
not end the parents' guardianship.
"""

from dataclasses import dataclass
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.utils import timezone

from trust import audit, pictures
from trust.models import VersionConflict

from .children import ONE_DAY, end_spell
from .families import start_guardianship
from .models import (
    PARENTS,
    Authority,
    AwayType,
    CareAgreement,
    CareListSpell,
    Enrollment,
    Kinship,
    ParentWork,
)

audit.name_actions(
    add_agreement="登记委托照护协议",
    correct_agreement="修改委托照护协议",
    end_agreement="终止委托照护协议",
    list_agreements="查看委托照护协议",
    open_scan="查看协议扫描件",
)
audit.name_kinds(careagreement="委托照护协议")

WARN_DAYS = timedelta(days=30)
ADULT = 18
# Who may not be entrusted (未成年人保护法 22). Each is asked about and denied, in this order.
EXCLUSIONS = (
    ("crime", "实施过性侵害、虐待、遗弃、拐卖、暴力伤害等违法犯罪行为"),
    ("habit", "有吸毒、酗酒、赌博等恶习"),
    ("neglect", "曾拒不履行或者长期怠于履行监护、照护职责"),
    ("unfit", "有其他不适宜担任被委托人的情形"),
)
FIELDS = (
    "starts_on", "ends_on", "signed_on", "no_exclusion", "exclusion", "child_heard_on", "child_opinion", "filed_on",
)  # fmt: skip


# --- entering --------------------------------------------------------------------------------------------------------


def add_agreement(child, *, by, guardian, entrusted_by, scan=None, submission=None, **details):
    """An agreement by which ``entrusted_by`` (a parent) entrusts the child to ``guardian``.

    ``details``: starts_on, ends_on (None = until ended), signed_on, no_exclusion, exclusion, child_heard_on, child_opinion,
    filed_on. ``scan``: an uploaded picture. The same ``submission`` twice is one agreement.
    """
    if submission is not None:
        known = CareAgreement.objects.filter(uid=submission, child=child).first()
        if known is not None:
            return known
    agreement = CareAgreement(child=child, guardian=guardian, entrusted_by=entrusted_by, **details)
    if submission is not None:
        agreement.uid = submission
    try:
        with transaction.atomic():
            _save(agreement, by, scan)
            _entrust(agreement, by)
            audit.record("add_agreement", by=by, kind="careagreement", uid=agreement, child=child)
    except (IntegrityError, ValidationError):  # the same form may have arrived twice at once
        known = CareAgreement.objects.filter(uid=submission, child=child).first() if submission else None
        if known is None:
            raise
        return known
    return agreement


def correct_agreement(agreement, *, by, expected, scan=None, **changes):
    """Correct what stands about an agreement, or add its scan. Raises VersionConflict (R9)."""
    changed = [name for name, value in changes.items() if getattr(agreement, name) != value]
    for name in changed:
        setattr(agreement, name, changes[name])
    if not changed and scan is None:
        return agreement
    with transaction.atomic():
        stored = CareAgreement.objects.filter(pk=agreement.pk).first()
        if stored is not None and stored.version != expected:
            raise VersionConflict(stored)
        _save(agreement, by, scan, expected)
        fields = changed + (["scan"] if scan is not None else [])
        audit.record(
            "correct_agreement",
            by=by,
            kind="careagreement",
            uid=agreement,
            child=agreement.child,
            fields=fields,
        )
    return agreement


def end_agreement(agreement, *, by, last_day, reason, cares_on):
    """The agreement ends after ``last_day``, before its time. With ``cares_on`` the adult goes on caring without paper."""
    if not reason.strip():
        raise ValidationError({"reason": "请写明为什么终止"})
    if last_day < agreement.starts_on:
        raise ValidationError({"last_day": f"不能早于开始日期（{agreement.starts_on:%Y-%m-%d}）"})
    if agreement.ends_on and last_day > agreement.ends_on:
        raise ValidationError({"last_day": f"协议到 {agreement.ends_on:%Y-%m-%d} 为止；续签请另登记一份"})
    child = agreement.child
    with transaction.atomic():
        end_spell(agreement, last_day=last_day, by=by, end_reason=reason.strip())
        care = child.guardianships.open().filter(guardian=agreement.guardian).first()
        if care is not None and care.authority == Authority.ENTRUSTED and care.starts_on <= last_day:
            if cares_on:
                start_guardianship(
                    child, agreement.guardian, by=by, starts_on=last_day + ONE_DAY, authority=Authority.INFORMAL,
                    ability=care.ability, lives_with=care.lives_with,
                )  # fmt: skip
            else:
                end_spell(care, last_day=last_day, by=by)
        audit.record("end_agreement", by=by, kind="careagreement", uid=agreement, child=child, reason=reason)
    return agreement


def _save(agreement, by, scan, expected=None):
    _check(agreement)
    if agreement._state.adding:
        agreement.recorded_by = by
    agreement.full_clean()
    if scan is not None:
        try:
            agreement.scan = pictures.keep_picture(scan, by=by, purpose="agreement")
        except ValidationError as error:
            raise ValidationError({"scan": error.messages}) from None
    if expected is None:
        agreement.save()
    else:
        agreement.save_version(expected)


def _check(agreement):
    wrong, today = {}, timezone.localdate()
    kin = dict(
        Kinship.objects.filter(child=agreement.child_id).values_list("guardian", "relation").order_by()
    )
    if kin.get(agreement.entrusted_by_id) not in PARENTS:
        wrong["entrusted_by"] = "委托人是孩子的父亲或者母亲，请先登记"
    if agreement.guardian_id not in kin:
        wrong["guardian"] = "受委托的人要先登记为孩子的家里人"
    elif kin[agreement.guardian_id] in PARENTS:
        wrong["guardian"] = "父母本来就是监护人，不用委托"
    elif agreement.guardian.died_on:
        wrong["guardian"] = "这位家长已去世"
    elif _age(agreement.guardian, agreement.starts_on) < ADULT:
        wrong["guardian"] = "受委托的人要满 18 周岁"
    if agreement.signed_on and agreement.signed_on > today:
        wrong["signed_on"] = "日期不能在今天之后"
    if agreement.no_exclusion and agreement.exclusion:
        wrong["exclusion"] = "上面都说没有，这里又写了，请核对"
    if agreement.child_opinion and not agreement.child_heard_on:
        wrong["child_heard_on"] = "请写哪天听的孩子的意见"
    if agreement.filed_on and agreement.signed_on and agreement.filed_on < agreement.signed_on:
        wrong["filed_on"] = "不能早于签订日期"
    if wrong:
        raise ValidationError(wrong)


def _age(guardian, day):
    born = guardian.birth_date
    if born is None or day is None:
        return ADULT
    return day.year - born.year - ((day.month, day.day) < (born.month, born.day))


def _entrust(agreement, by):
    """The carer is entrusted from the agreement's first day; a paper that is over changes nothing of today's care."""
    today = timezone.localdate()
    if agreement.ends_on and agreement.ends_on < today:
        return
    cares = agreement.child.guardianships.valid().filter(guardian=agreement.guardian)
    own = cares.order_by("-starts_on", "-pk").first()
    first_day = agreement.starts_on
    if own is not None:
        if own.ends_on is None and own.authority == Authority.ENTRUSTED:
            return
        first_day = max(first_day, own.ends_on + ONE_DAY if own.ends_on else own.starts_on)
    start_guardianship(
        agreement.child, agreement.guardian, by=by, starts_on=first_day, authority=Authority.ENTRUSTED,
        ability=own.ability if own else "", lives_with=own.lives_with if own else True,
    )  # fmt: skip


# --- the register ----------------------------------------------------------------------------------------------------

SHOWS = {
    "lacking": "该签没签",
    "expiring": "一个月内到期",
    "expired": "过期没续",
    "flawed": "不得委托或没核实",
    "all": "现在有效",
}


def at_school(children, today):
    """Children of ``children`` who sit at a school today."""
    return children.filter(pk__in=Enrollment.objects.on(today).values("child"))


def _agreements(today, **where):
    return CareAgreement.objects.valid().filter(child=OuterRef("pk"), **where)


def cases(today):
    """{which list: condition over Child}; the children's own set is the caller's."""
    running = Exists(CareAgreement.objects.on(today).filter(child=OuterRef("pk")))
    beyond = Q(ends_on=None) | Q(ends_on__gt=today + WARN_DAYS)
    lasting = Exists(_agreements(today).filter(beyond, starts_on__lte=today + WARN_DAYS))
    checked = CareAgreement.objects.on(today).filter(child=OuterRef("pk"))
    ran_out = Exists(_agreements(today, ends_on__lt=today, end_reason=""))
    return {
        "lacking": both_away(today) & ~Q(running),
        "expiring": Q(running) & ~Q(lasting),
        "expired": Q(ran_out) & ~Q(running),
        "flawed": Q(Exists(checked.filter(no_exclusion=False))),
        "all": Q(running),
    }


def both_away(today):
    """Condition over Child: both parents are away by their work spells, or the care list says so."""
    away = ParentWork.objects.on(today).values("guardian")

    def gone(relation):
        # Asked once for all children, not once for each: a hundredth of the time.
        return Q(pk__in=Kinship.objects.filter(relation=relation, guardian__in=away).values("child"))

    listed = CareListSpell.objects.on(today).filter(child=OuterRef("pk"), type=AwayType.BOTH_AWAY)
    return (gone(PARENTS[0]) & gone(PARENTS[1])) | Q(Exists(listed))


def counts(children, today=None):
    """{which list: number of children} of ``children`` at school, in one statement."""
    today = today or timezone.localdate()
    numbers = {name: Count("pk", filter=case, distinct=True) for name, case in cases(today).items()}
    return at_school(children, today).order_by().aggregate(**numbers)


def children_with(children, show, today=None):
    """Those of ``children`` at school who stand on the list ``show``."""
    today = today or timezone.localdate()
    return at_school(children, today).filter(cases(today)[show])


@dataclass
class AgreementRow:
    """One child of the register with the agreement that matters for it: the running one, else the last."""

    child: object
    seat: object
    agreement: CareAgreement | None
    carer: str
    days_left: int | None
    may_edit: bool = False

    @property
    def state(self):
        """What is wrong or waits, in words; "" when all is well."""
        if self.agreement is None:
            return "没有协议"
        if self.days_left is not None and self.days_left < 0:
            return f"过期 {-self.days_left} 天"
        if self.agreement.exclusion:
            return "有不得委托的情形"
        if not self.agreement.no_exclusion:
            return "没核实能不能委托"
        if self.days_left is not None and self.days_left <= WARN_DAYS.days:
            return f"还有 {self.days_left} 天到期" if self.days_left else "今天到期"
        return ""


def rows_of(children, today=None):
    """Rows of one page of children, in the order given, with three statements."""
    today = today or timezone.localdate()
    children = list(children)
    found = CareAgreement.objects.valid().filter(child__in=children, starts_on__lte=today)
    latest = {}
    for one in found.select_related("guardian").order_by(
        F("ends_on").asc(nulls_last=True), "starts_on", "pk"
    ):
        latest[one.child_id] = one
    kin = {(row.child_id, row.guardian_id): row.word for row in Kinship.objects.filter(child__in=children)}
    seats = {
        seat.child_id: seat
        for seat in Enrollment.objects.on(today)
        .filter(child__in=children)
        .select_related("school", "school_class__school")
    }
    rows = []
    for child in children:
        one = latest.get(child.pk)
        carer = f"{kin.get((child.pk, one.guardian_id), '')}{one.guardian.name}" if one else ""
        left = (one.ends_on - today).days if one and one.ends_on else None
        rows.append(AgreementRow(child, seats.get(child.pk), one, carer, left))
    return rows
