"""手拉手、学习帮手 (C058): two pupils who help each other.

Both sides have agreed (pupils and families). The peer never learns of any list: the tie knows no reason, the printed card
names two pupils and their classes, and nothing that a peer could hold in hands says more.
"""

import uuid

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from registry import children
from registry.models import Child, Enrollment

from .models import Pairing, PairingKind
from .outside import check_days
from .pairings import begin_one, begun_before, lock


def pair_peers(*, child, peer, consent_on, by, starts_on=None, note="", submission=None):
    """``peer`` goes hand in hand with ``child`` from ``starts_on``; both at the same school, both sides agreed."""
    starts_on = starts_on or timezone.localdate()
    new = Pairing(
        child=child, peer=peer, kind=PairingKind.PEER, starts_on=starts_on, consent_on=consent_on, note=note,
        recorded_by=by,
    )  # fmt: skip
    new.uid = submission or uuid.uuid4()
    try:
        with transaction.atomic():
            lock([child, peer])
            again = begun_before([new])
            if again:
                return again[0]
            if child.pk == peer.pk:
                raise ValidationError({"peer_name": "同伴不能是孩子自己"})
            check_days(child, starts_on, consent_on, "双方都同意的日期要填，也不能在今天之后")
            seats = Enrollment.objects.on(starts_on).filter(child__in=[child.pk, peer.pk])
            roots = dict(
                seats.annotate(root=Coalesce("school__managing_school", "school")).values_list(
                    "child", "root"
                )
            )
            if roots.get(peer.pk) is None or roots.get(child.pk) != roots.get(peer.pk):
                raise ValidationError({"peer_name": f"{peer.name}在 {starts_on:%Y-%m-%d} 不在同一所学校"})
            both = Q(child=child, peer=peer) | Q(child=peer, peer=child)
            if Pairing.objects.filter(both).overlapping(starts_on, None).exists():
                raise ValidationError({"peer_name": f"{child.name}和{peer.name}已经结成手拉手"})
            begin_one(new, by)
    except IntegrityError:
        raise ValidationError("这张表已经提交过，请刷新再看") from None
    return new


def classmate(*, name, sex, school_class, by, submission=None):
    """The pupil of that name in the class; one who is not known yet is entered, with name, sex and class only.

    A fellow pupil is on no list and stays on none. Raises ValidationError where the class has namesakes.
    """
    seated = Enrollment.objects.on(timezone.localdate()).filter(school_class=school_class).values("child")
    found = list(Child.objects.filter(pk__in=seated, name=name)[:2])
    if len(found) > 1:
        raise ValidationError({"peer_name": f"班里有两位叫{name}的同学，请先在姓名后面区分，再来结对"})
    if found:
        return found[0]
    return children.add_child(
        by=by, school=school_class.school, name=name, sex=sex, school_class=school_class,
        submission=uuid.uuid5(submission, "peer") if submission else None,
    )  # fmt: skip
