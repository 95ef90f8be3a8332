"""The outbox (待发送): what must leave this program, written in the transaction that makes it necessary."""

from django.db import models
from django.db.models import Q
from django.utils import timezone


class OutboxMessage(models.Model):
    """One thing to send, once. ``payload`` holds ids, never personal data."""

    kind = models.CharField("种类", max_length=60)
    key = models.CharField("唯一键", max_length=200, unique=True)
    payload = models.JSONField("内容", default=dict)
    created_at = models.DateTimeField("写入时间", default=timezone.now)
    due_at = models.DateTimeField("下次发送", default=timezone.now)
    claimed_until = models.DateTimeField("占用至", null=True, blank=True)
    tries = models.PositiveIntegerField("尝试次数", default=0)
    last_error = models.CharField("最近错误", max_length=100, blank=True)
    sent_at = models.DateTimeField("发送时间", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "待发送"
        ordering = ["id"]
        indexes = [models.Index(fields=["due_at"], condition=Q(sent_at=None), name="outbox_unsent")]

    def __str__(self):
        return f"{self.kind} {self.key}"
