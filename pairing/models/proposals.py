"""A proposal of pairings for a whole school (结对方案), and what children asked for."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from registry.models import (
    Child,
    ChildFactQuerySet,
    School,
    Sex,
    Staff,
)
from trust.models import Identified, Versioned


class TieWish(Identified, Versioned):
    """What a child or family asked of the pairing: a man, a woman, or not this teacher. The proposal heeds it."""

    child = models.OneToOneField(Child, models.PROTECT, related_name="tie_wish", verbose_name="儿童")
    sex = models.CharField("希望是", max_length=6, choices=Sex.choices, blank=True)
    wanted = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="希望由"
    )
    unwanted = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="不希望由"
    )
    note = models.CharField("说明", max_length=200, blank=True)

    objects = ChildFactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "结对愿望"

    def __str__(self):
        return "结对愿望"


class ProposalState(models.TextChoices):
    """Where a proposal stands."""

    DRAFT = "draft", "待确认"
    APPLIED = "applied", "已采用"
    DROPPED = "dropped", "已放弃"


class ProposalQuerySet(models.QuerySet):
    """Proposals of schools."""

    def visible_to(self, user):
        """Of schools over which the user may assign pairings."""
        from registry.access import Act, schools_whole

        path = "school__in" if self.model is PairingProposal else "proposal__school__in"
        return self.filter(**{path: schools_whole(user, Act.ASSIGN_PAIRINGS).values("pk")})


class PairingProposal(Identified, Versioned):
    """结对方案: who could answer for whom in a whole school, computed, adjusted by hand, applied at once."""

    school = models.ForeignKey(School, models.PROTECT, related_name="pairing_proposals", verbose_name="学校")
    starts_on = models.DateField("从哪天起")
    keep_standing = models.BooleanField("保留现在的包保", default=True)
    state = models.CharField(
        "状态", max_length=8, choices=ProposalState.choices, default=ProposalState.DRAFT, editable=False
    )
    made_at = models.DateTimeField("生成时间", default=timezone.now, editable=False)
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    applied_at = models.DateTimeField("采用时间", null=True, blank=True, editable=False)
    applied_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = ProposalQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "结对方案"
        ordering = ["-made_at", "-pk"]

    def __str__(self):
        return f"{self.school} {self.starts_on:%Y-%m-%d} 结对方案"


class ProposalRow(Identified):
    """One child of a proposal: whom it would be paired with and why; nobody = no place was left, and why."""

    proposal = models.ForeignKey(PairingProposal, models.CASCADE, related_name="rows")
    child = models.ForeignKey(Child, models.PROTECT, related_name="+", verbose_name="儿童")
    staff = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="+", verbose_name="教师"
    )
    reasons = models.JSONField("理由", default=list)
    by_hand = models.BooleanField("人工调整", default=False)

    objects = ProposalQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "结对方案的行"
        constraints = [
            models.UniqueConstraint(fields=["proposal", "child"], name="one_proposal_row_per_child")
        ]

    def __str__(self):
        return f"{self.child} → {self.staff or '没有人选'}"
