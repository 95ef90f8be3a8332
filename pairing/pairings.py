"""Pairings (结对包保): begun, handed to somebody else, ended, cancelled; one child at a time or a whole list.

A change on day d ends the old pairing on d − 1 with a reason and begins the new one on d, in one transaction. A list is
all or nothing and says which children stand in the way. Every function first locks the children it is about, so two
people who assign at once come one after the other.
"""

import uuid
from datetime import timedelta

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Count, Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from simple_history.utils import bulk_create_with_history, bulk_update_with_history

from registry.models import CareListSpell, Child, Enrollment, Post, PostKind
from trust import audit
from trust.models import VersionConflict

from .grants import forget_ties
from .models import EndReason, Pairing, PairingKind

ONE_DAY = timedelta(days=1)
FURTHEST = timedelta(days=366)  # a day beyond this is a typing error
AT_MOST = 300  # children in one list
SAME_DAY = "同一天更正"
ENDING = (
    "ends_on", "end_reason", "end_note", "cancelled_at", "cancelled_by", "cancel_reason", "version",
)  # fmt: skip

audit.name_kinds(pairing="结对包保", class_cover="包班", quota="包保名额")
audit.name_actions(
    list_pairings="查看包保名单",
    open_pairings="查看孩子的包保经历",
    pair_child="指定包保",
    change_pairing="更换包保教师",
    end_pairing="结束包保",
    cancel_pairing="作废包保",
)


class InTheWay(ValidationError):
    """Children of a list that cannot be paired as asked: ``children`` = [(child, why)]; nothing was saved."""

    def __init__(self, children):
        self.children = children
        super().__init__([f"{child.name}：{why}" for child, why in children])


# --- beginning ---------------------------------------------------------------------------------------------------------


def pair(
    *,
    child,
    by,
    staff=None,
    kind=PairingKind.PRIMARY,
    starts_on=None,
    note="",
    submission=None,
):
    """Begin one tie with a member of staff. ``submission`` becomes its ``uid``: the same form sent twice is one tie.

    Ties with somebody from outside begin in ``outside.tie_helper``, those of two pupils in ``peers.pair_peers``.
    """
    starts_on = starts_on or timezone.localdate()
    new = Pairing(child=child, staff=staff, kind=kind, starts_on=starts_on, note=note, recorded_by=by)
    new.uid = submission or uuid.uuid4()
    try:
        with transaction.atomic():
            lock([child])
            again = begun_before([new])
            if again:
                return again[0]
            if staff is None:
                raise ValidationError({"staff": "请选教师"})
            blocked = _obstacles([child], staff, kind, starts_on)
            if blocked:
                raise ValidationError({"starts_on": blocked[0][1]})
            begin_one(new, by)
    except IntegrityError:  # begun by somebody else at the same moment
        raise ValidationError("刚才有人给这个孩子指定了教师，请刷新再看") from None
    forget_ties(by)
    return new


def pair_many(*, children, staff, by, starts_on=None, end_reason="", end_note="", submission=None):
    """Give all these children the same paired teacher (包保教师) in one step, or none: then raises ``InTheWay``.

    With ``end_reason``, pairings that stand in the way end the day before, with that reason; without it they are
    named. Returns the new pairings. The number of statements does not grow with the children.
    """
    starts_on = starts_on or timezone.localdate()
    children = sorted(
        {child.pk: child for child in children}.values(), key=lambda child: (child.name_key, child.pk)
    )
    if not children:
        raise ValidationError("请先勾选孩子")
    if len(children) > AT_MOST:
        raise ValidationError(f"一次最多指定 {AT_MOST} 个孩子，请分几次")
    if end_reason and end_reason not in EndReason.values:
        raise ValidationError({"end_reason": "请选更换的原因"})
    submission = submission or uuid.uuid4()
    new = []
    for child in children:
        row = Pairing(child=child, staff=staff, kind=PairingKind.PRIMARY, starts_on=starts_on, recorded_by=by)
        row.uid = uuid.uuid5(submission, str(child.uid))
        new.append(row)
    try:
        with transaction.atomic():
            lock(children)
            again = begun_before(new)
            if again:
                return again
            replaced = _standing(children, starts_on) if end_reason else []
            blocked = _obstacles(children, staff, PairingKind.PRIMARY, starts_on, replaced=replaced)
            if blocked:
                raise InTheWay(blocked)
            end_for(replaced, starts_on, reason=end_reason, note=end_note, by=by)
            new = bulk_create_with_history(new, Pairing, default_user=by)
            changed = {old.child_id for old in replaced}
            for action, some in (
                ("change_pairing", [row.child for row in new if row.child_id in changed]),
                ("pair_child", [row.child for row in new if row.child_id not in changed]),
            ):
                reason = EndReason(end_reason).label if some and action == "change_pairing" else ""
                audit.record_many(action, by=by, kind="child", children=some, reason=reason, detail="批量")
    except IntegrityError:
        raise ValidationError("刚才有人给其中的孩子指定了教师，请刷新再看") from None
    forget_ties(by)
    return new


# --- changing, ending, cancelling ----------------------------------------------------------------------------------------


def change_pairing(*, pairing, staff, reason, by, starts_on=None, note="", expected=None, submission=None):
    """Somebody else answers for the child from ``starts_on``: the old tie ends the day before, with ``reason``.

    On the very day the old one began, the old one is cancelled as corrected. Returns the new tie.
    """
    starts_on = starts_on or timezone.localdate()
    require_reason(reason)
    new = Pairing(child=pairing.child, staff=staff, kind=pairing.kind, starts_on=starts_on, recorded_by=by)
    new.uid = submission or uuid.uuid4()
    try:
        with transaction.atomic():
            lock([pairing.child])
            again = begun_before([new])
            if again:
                return again[0]
            old = _fresh(pairing, expected)
            _require_standing(old)
            if old.staff_id == staff.pk:
                raise ValidationError({"staff": f"现在就是{staff.name}，请选另一位"})
            if starts_on < old.starts_on:
                raise ValidationError({"starts_on": f"原来的从 {old.starts_on:%Y-%m-%d} 才开始，不能更早"})
            if old.ends_on and starts_on > old.ends_on + ONE_DAY:
                raise ValidationError({"starts_on": f"原来的到 {old.ends_on:%Y-%m-%d} 为止，中间不能断开"})
            blocked = _obstacles([old.child], staff, old.kind, starts_on, replaced=[old])
            if blocked:
                raise ValidationError({"starts_on": blocked[0][1]})
            end_for([old], starts_on, reason=reason, note=note, by=by)
            begin_one(new, by, audited=False)
            audit.record(
                "change_pairing", by=by, kind="pairing", uid=new, child=new.child, reason=EndReason(reason).label,
                detail=new.get_kind_display(),
            )  # fmt: skip
    except IntegrityError:
        raise ValidationError("刚才有人给这个孩子指定了教师，请刷新再看") from None
    forget_ties(by)
    return new


def end_pairing(*, pairing, reason, by, ends_on=None, note="", expected=None):
    """The tie ends after ``ends_on``, its last day, with a reason. A wrong end is corrected by ending it again."""
    ends_on = ends_on or timezone.localdate()
    require_reason(reason)
    end = {"ends_on": ends_on, "end_reason": reason, "end_note": note.strip()}
    with transaction.atomic():
        lock([pairing.child])
        stored = Pairing.objects.select_related("child", "staff").get(pk=pairing.pk)
        if stored.cancelled_at is None and all(getattr(stored, name) == value for name, value in end.items()):
            return stored  # the same form again
        tie = _fresh(pairing, expected)
        if tie.cancelled_at:
            raise ValidationError("这一段已经作废，不用再结束")
        _check_last_day(tie, ends_on)
        for name, value in end.items():
            setattr(tie, name, value)
        tie.full_clean()
        tie._history_user = by
        tie.save_version(tie.version)
        audit.record(
            "end_pairing", by=by, kind="pairing", uid=tie, child=tie.child, reason=EndReason(reason).label
        )
    forget_ties(by)
    return tie


def end_many(*, pairings, reason, by, ends_on=None, note=""):
    """End these ties together (a teacher left, a class graduated), or none: then raises ``InTheWay``."""
    ends_on = ends_on or timezone.localdate()
    require_reason(reason)
    with transaction.atomic():
        lock([tie.child for tie in pairings])
        ties = Pairing.objects.valid().filter(pk__in=[tie.pk for tie in pairings]).select_related("child")
        # Those somebody has ended meanwhile are done; the same form again ends nothing twice.
        standing = list(ties.overlapping(ends_on + ONE_DAY, None).order_by("child__name_key", "pk"))
        blocked = []
        for tie in standing:
            try:
                _check_last_day(tie, ends_on)
            except ValidationError as error:
                blocked.append((tie.child, error.messages[0]))
        if blocked:
            raise InTheWay(blocked)
        for tie in standing:
            tie.ends_on, tie.end_reason, tie.end_note = ends_on, reason, note.strip()
            tie.version += 1
        bulk_update_with_history(
            standing, Pairing, ["ends_on", "end_reason", "end_note", "version"], default_user=by
        )
        audit.record_many(
            "end_pairing", by=by, kind="child", children=[tie.child for tie in standing],
            reason=EndReason(reason).label, detail="批量",
        )  # fmt: skip
    forget_ties(by)
    return standing


def cancel_pairing(*, pairing, reason, by, expected=None):
    """Entered by mistake: it stays readable and counts nowhere, as if it had never been."""
    reason = reason.strip()
    if not reason:
        raise ValidationError({"reason": "请写明作废原因"})
    with transaction.atomic():
        lock([pairing.child])
        stored = Pairing.objects.select_related("child", "staff").get(pk=pairing.pk)
        if stored.cancelled_at:
            return stored
        tie = _fresh(pairing, expected)
        _cancel(tie, by, reason)
        tie._history_user = by
        tie.save_version(tie.version)
        audit.record("cancel_pairing", by=by, kind="pairing", uid=tie, child=tie.child, reason=reason)
    forget_ties(by)
    return tie


# --- who is without, and what hangs in the air ---------------------------------------------------------------------------


def paired_on(day):
    """Children with a primary pairing in force on ``day``, as a subquery of their ids."""
    return Pairing.objects.primary().on(day).values("child")


def without_pairing(children, day):
    """Of a queryset of children, those nobody answers for by name on ``day`` (F64)."""
    return children.exclude(pk__in=paired_on(day))


def orphaned(ties, day):
    """Of a queryset of ties, those in force on ``day`` that hang in the air.

    The adult holds no post at the child's school any more (in a primary pairing) or no post at all, or the child left
    the school or the care list. Each row carries ``child_here``, ``child_listed`` and ``adult_here``.
    """
    seats = Enrollment.objects.on(day).filter(child=OuterRef("child"))
    posts = Post.objects.on(day).filter(staff=OuterRef("staff"))
    families = (
        Post.objects.on(day)
        .filter(staff=OuterRef(OuterRef("staff")), school__isnull=False)
        .exclude(kind=PostKind.ADMINISTRATOR)
        .annotate(root=Coalesce("school__managing_school", "school"))
        .values("root")
    )
    here = seats.annotate(root=Coalesce("school__managing_school", "school")).filter(root__in=families)
    found = (
        ties.on(day)
        .filter(staff__isnull=False)
        .annotate(
            child_here=Exists(seats),
            child_listed=Exists(CareListSpell.objects.on(day).filter(child=OuterRef("child"))),
            adult_employed=Exists(posts),
            adult_here=Exists(here),
        )
    )
    works = Q(adult_here=True) | Q(~Q(kind=PairingKind.PRIMARY), adult_employed=True)
    return found.exclude(works, child_here=True, child_listed=True)


def why_orphaned(tie):
    """The reason in words, of a row of ``orphaned``, and the end reason that fits it."""
    if not tie.child_here:
        return "孩子已经离校", EndReason.CHILD_LEFT
    if not tie.child_listed:
        return "孩子已移出名单", EndReason.OFF_LIST
    return "教师已没有本校岗位", EndReason.STAFF_LEFT


# --- checks ------------------------------------------------------------------------------------------------------------


def lock(children):
    """Before changing ties of these children: one after the other, in a fixed order; on SQLite the transaction itself is the lock."""
    ids = sorted(child.pk for child in children)
    list(Child.objects.select_for_update().filter(pk__in=ids).order_by("pk").values_list("pk"))


def begun_before(new):
    """The rows of an earlier sending of the same form, in the same order; [] if it is new."""
    stored = {
        row.uid: row
        for row in Pairing.objects.filter(uid__in=[row.uid for row in new]).select_related("child", "staff")
    }
    if not stored:
        return []
    for row in new:
        old = stored.get(row.uid)
        if old is None or any(
            getattr(old, name) != getattr(row, name)
            for name in ("child_id", "staff_id", "helper_id", "peer_id", "kind", "starts_on")
        ):
            raise ValidationError("这张表已经提交过，请重新打开这一页再填")
    return [stored[row.uid] for row in new]


def _fresh(pairing, expected):
    """The stored row; raises VersionConflict when somebody saved it since version ``expected``."""
    stored = Pairing.objects.select_related("child", "staff").get(pk=pairing.pk)
    if stored.version != (pairing.version if expected is None else expected):
        raise VersionConflict(stored)
    return stored


def require_reason(reason):
    """An ending has one of ``EndReason``."""
    if reason not in EndReason.values:
        raise ValidationError({"reason": "请选原因"})


def _require_standing(tie):
    if tie.cancelled_at:
        raise ValidationError("这一段已经作废，请重新指定")
    if tie.ends_on and tie.ends_on < timezone.localdate():
        raise ValidationError("这一段已经结束，请重新指定")


def _check_last_day(tie, ends_on):
    if ends_on < tie.starts_on:
        raise ValidationError(
            {"ends_on": f"不能早于开始日期（{tie.starts_on:%Y-%m-%d}）；如果指定错了，请作废"}
        )
    if ends_on > timezone.localdate() + FURTHEST:
        raise ValidationError({"ends_on": "日期太远了，请核对年份"})


def _standing(children, day):
    """Primary pairings of the children that touch any day from ``day`` on."""
    ties = Pairing.objects.primary().filter(child__in=children).overlapping(day, None)
    return list(ties.select_related("child", "staff").order_by("starts_on", "pk"))


def _obstacles(children, staff, kind, starts_on, replaced=()):
    """[(child, why)] of children that cannot have this tie from ``starts_on``; constant in statements."""
    if starts_on > timezone.localdate() + FURTHEST:
        raise ValidationError({"starts_on": "日期太远了，请核对年份"})
    if staff is not None and staff.left_on and staff.left_on < starts_on:
        raise ValidationError({"staff": f"{staff.name}已经离职，请选另一位"})
    why = {}
    _find_ties(why, children, staff, kind, starts_on, {old.pk: old for old in replaced})
    if kind == PairingKind.PRIMARY and staff is not None:
        _find_absent(why, children, staff, starts_on)
    return [(child, why[child.pk]) for child in children if child.pk in why]


def _find_ties(why, children, staff, kind, starts_on, replaced):
    others = Pairing.objects.filter(child__in=children, kind=kind).overlapping(starts_on, None)
    if kind != PairingKind.PRIMARY:
        others = others.filter(staff=staff) if staff is not None else others.none()
    for tie in others.select_related("staff").order_by("-starts_on", "-pk"):
        if tie.pk not in replaced:
            why[tie.child_id] = f"已由{tie.staff.name}包保（{tie.starts_on:%Y-%m-%d}起）" if (
                kind == PairingKind.PRIMARY
            ) else f"{tie.staff.name}已经是{tie.get_kind_display()}"  # fmt: skip
        elif tie.starts_on > starts_on:
            why[tie.child_id] = f"{tie.staff.name}从 {tie.starts_on:%Y-%m-%d} 起包保，换人不能早于这一天"
        elif staff is not None and tie.staff_id == staff.pk:
            why[tie.child_id] = f"现在就由{staff.name}包保"


def _find_absent(why, children, staff, day):
    """The child sits at a school and is on the care list that day; the teacher has a post at that school that day."""
    find_absent(why, [(child, staff) for child in children], day)


def find_absent(why, pairs, day):
    """Says of each (child, teacher) what keeps them from being paired on ``day``: {child id: why}, added to ``why``.

    The child sits at a school and is on the care list, the teacher has a post there (a 教学点 and its managing school
    being one). Three statements.
    """
    posts = (
        Post.objects.on(day)
        .filter(staff__in={staff.pk for _, staff in pairs}, school__isnull=False)
        .exclude(kind=PostKind.ADMINISTRATOR)
        .annotate(root=Coalesce("school__managing_school", "school"))
    )
    roots = set(posts.values_list("staff", "root"))
    ids = {child.pk for child, _ in pairs}
    seats = Enrollment.objects.on(day).filter(child__in=ids)
    seat_of = dict(
        seats.annotate(root=Coalesce(F("school__managing_school"), F("school"))).values_list("child", "root")
    )
    listed = set(CareListSpell.objects.on(day).filter(child__in=ids).values_list("child", flat=True))
    for child, staff in pairs:
        if child.pk in why:
            continue
        if child.pk not in seat_of:
            why[child.pk] = f"{day:%Y-%m-%d} 不在校"
        elif child.pk not in listed:
            why[child.pk] = f"{day:%Y-%m-%d} 不在册"
        elif (staff.pk, seat_of[child.pk]) not in roots:
            why[child.pk] = f"{staff.name}在 {day:%Y-%m-%d} 没有这所学校的岗位"


# --- writing -----------------------------------------------------------------------------------------------------------


def begin_one(new, by, *, audited=True):
    """Check and save a new tie of any kind, signed; the caller holds the lock and the transaction."""
    new.full_clean()
    new._history_user = by
    new.save()
    if audited:
        audit.record(
            "pair_child", by=by, kind="pairing", uid=new, child=new.child, detail=new.get_kind_display()
        )


def _cancel(tie, by, reason):
    tie.cancelled_at, tie.cancelled_by, tie.cancel_reason = timezone.now(), by, reason[:200]


def end_for(replaced, starts_on, *, reason, note, by):
    """End what a new tie replaces on the day before it begins; one that began that same day is cancelled."""
    for old in replaced:
        if old.starts_on == starts_on:
            _cancel(old, by, SAME_DAY)
        else:
            old.ends_on, old.end_reason, old.end_note = starts_on - ONE_DAY, reason, note.strip()
        old.version += 1
    if replaced:
        bulk_update_with_history(replaced, Pairing, list(ENDING), default_user=by)


def primary_counts(day, staff=None):
    """{staff id: number of primary pairings in force on ``day``}, with one query."""
    ties = Pairing.objects.primary().on(day)
    if staff is not None:
        ties = ties.filter(staff__in=staff)
    return dict(ties.order_by().values_list("staff").annotate(Count("pk")))
