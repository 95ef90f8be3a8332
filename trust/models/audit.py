"""The audit trail (操作日志): append-only, no foreign keys, so it outlives what it describes."""

import uuid

from django.db import models
from django.utils import timezone


class AppendOnly(Exception):
    """Audit entries are never changed and never removed."""


class AuditEventQuerySet(models.QuerySet):
    """Reading only; the database's triggers refuse what would get past this class."""

    def update(self, **kwargs):
        raise AppendOnly("audit entries are never changed")

    def delete(self):
        raise AppendOnly("audit entries are never removed")


class AuditEvent(models.Model):
    """One thing somebody did or looked at: who (copied), what, about whom, why, from where, when. Never the value."""

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField("时间", default=timezone.now)
    actor_uid = models.UUIDField("账号", null=True)
    actor_name = models.CharField("姓名", max_length=40)
    actor_post = models.CharField("岗位", max_length=120, blank=True)
    action = models.CharField("操作", max_length=40)
    kind = models.CharField("对象", max_length=40, blank=True)
    object_uid = models.UUIDField(null=True)
    child_uid = models.UUIDField(null=True)
    count = models.PositiveIntegerField("数量", null=True)
    fields = models.CharField("字段", max_length=400, blank=True)
    reason = models.CharField("事由", max_length=400, blank=True)
    detail = models.CharField("说明", max_length=1000, blank=True)
    address = models.CharField("地址", max_length=45, blank=True)
    request_id = models.CharField("请求编号", max_length=40, blank=True)
    digest = models.CharField(max_length=64, editable=False)

    objects = AuditEventQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "操作日志"
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["child_uid", "at"], name="audit_by_child"),
            models.Index(fields=["actor_uid", "at"], name="audit_by_actor"),
            models.Index(fields=["at"], name="audit_by_time"),
        ]

    def __str__(self):
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.action}"

    def save(self, *args, **kwargs):
        if self.pk is not None:
            raise AppendOnly("audit entries are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        raise AppendOnly("audit entries are never removed")
