"""Handovers between teachers (交接) and transfers between schools (转学)."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from registry.models import (
    Child,
    ChildFactQuerySet,
    School,
    Staff,
)
from trust.crypto import EncryptedTextField
from trust.models import Identified, Versioned

from .pairings import Pairing


class Handover(Identified):
    """交接: one teacher hands a child to another, with what the next one must know; read and signed by the next one."""

    child = models.ForeignKey(Child, models.PROTECT, related_name="handovers", verbose_name="儿童")
    from_staff = models.ForeignKey(Staff, models.PROTECT, related_name="handed_over", verbose_name="交出人")
    to_staff = models.ForeignKey(Staff, models.PROTECT, related_name="taken_over", verbose_name="接手人")
    pairing = models.ForeignKey(
        Pairing, models.PROTECT, null=True, blank=True, related_name="handovers", verbose_name="新的包保"
    )
    day = models.DateField("交接日期")
    habits = EncryptedTextField("这一家的情况和习惯", blank=True)
    promises = EncryptedTextField("答应过孩子和家长的事", blank=True)
    recorded_at = models.DateTimeField("登记时间", default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    read_at = models.DateTimeField("接手人已看", null=True, blank=True, editable=False)

    objects = ChildFactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "交接"
        ordering = ["-day", "-pk"]
        indexes = [models.Index(fields=["to_staff", "read_at"], name="handover_unread")]

    def __str__(self):
        return f"{self.day:%Y-%m-%d} {self.from_staff} → {self.to_staff}"


class TransferState(models.TextChoices):
    """Where a transfer stands."""

    SENT = "sent", "等对方接收"
    ACCEPTED = "accepted", "已接收"
    REFUSED = "refused", "已退回"
    WITHDRAWN = "withdrawn", "已撤回"


class TransferQuerySet(models.QuerySet):
    """Transfers, seen by both schools."""

    def visible_to(self, user):
        """Sent from or to schools whose children the user may move."""
        from registry.access import Act, schools_whole

        schools = schools_whole(user, Act.EDIT_CHILDREN).values("pk")
        return self.filter(Q(from_school__in=schools) | Q(to_school__in=schools))


class Transfer(Identified, Versioned):
    """转学 between two schools of the county: sent, then accepted or refused. The file goes along, an open duty does not."""

    child = models.ForeignKey(Child, models.PROTECT, related_name="transfers", verbose_name="儿童")
    from_school = models.ForeignKey(
        School, models.PROTECT, related_name="transfers_out", verbose_name="转出学校"
    )
    to_school = models.ForeignKey(
        School, models.PROTECT, related_name="transfers_in", verbose_name="转入学校"
    )
    last_day = models.DateField("在原校的最后一天")
    reason = models.CharField("转学原因", max_length=100, blank=True)
    state = models.CharField(
        "状态", max_length=9, choices=TransferState.choices, default=TransferState.SENT, editable=False
    )
    sent_at = models.DateTimeField("发出时间", default=timezone.now, editable=False)
    sent_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    decided_at = models.DateTimeField("答复时间", null=True, blank=True, editable=False)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    decision_note = models.CharField("答复", max_length=200, blank=True)

    history = HistoricalRecords()
    objects = TransferQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "转学"
        ordering = ["-sent_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["child"],
                condition=Q(state="sent"),
                name="one_transfer_under_way",
                violation_error_message="这个孩子的转学已经发出，等对方学校接收",
            ),
            models.CheckConstraint(
                condition=~Q(from_school=F("to_school")),
                name="transfer_to_another_school",
                violation_error_message="转入学校不能是原来的学校",
            ),
        ]

    def __str__(self):
        return f"{self.from_school} → {self.to_school}"
