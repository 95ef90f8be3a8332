"""Long work (后台任务) and the heartbeat of what runs behind the pages."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from .base import Identified


class JobState(models.TextChoices):
    QUEUED = "queued", "排队中"
    RUNNING = "running", "正在做"
    DONE = "done", "做好了"
    FAILED = "failed", "没做成"


class JobQuerySet(models.QuerySet):
    def visible_to(self, user):
        """A job and its file belong to the one who ordered it."""
        return self.filter(ordered_by=user) if user.is_authenticated else self.none()


class Job(Identified):
    """Work ordered by somebody, with progress and at most one file to fetch. The row is the truth, not the queue."""

    kind = models.CharField("种类", max_length=60)
    title = models.CharField("名称", max_length=120)
    parameters = models.JSONField("参数", default=dict)
    ordered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, blank=True, related_name="jobs"
    )
    submission = models.UUIDField("提交编号", null=True, blank=True, unique=True, editable=False)
    state = models.CharField("状态", max_length=10, choices=JobState.choices, default=JobState.QUEUED)
    done = models.PositiveIntegerField("已做", default=0)
    total = models.PositiveIntegerField("共", default=0)
    note = models.CharField("说明", max_length=200, blank=True)
    attempts = models.PositiveIntegerField("第几次", default=0)
    claim = models.UUIDField(null=True, blank=True, editable=False)
    heartbeat_at = models.DateTimeField("最近动静", null=True, blank=True)
    created_at = models.DateTimeField("下单时间", default=timezone.now)
    started_at = models.DateTimeField("开始时间", null=True, blank=True)
    finished_at = models.DateTimeField("结束时间", null=True, blank=True)
    error_number = models.CharField("错误编号", max_length=20, blank=True)
    file_name = models.CharField("文件名", max_length=150, blank=True)
    file_path = models.CharField(max_length=150, blank=True, editable=False)
    file_size = models.PositiveBigIntegerField("大小", default=0)
    expires_at = models.DateTimeField("保留至", null=True, blank=True)

    objects = JobQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "后台任务"
        ordering = ["-id"]
        indexes = [
            models.Index(
                fields=["created_at"], condition=Q(state__in=["queued", "running"]), name="job_unfinished"
            ),
            models.Index(fields=["expires_at"], condition=~Q(file_path=""), name="job_with_file"),
        ]
        constraints = [
            models.CheckConstraint(condition=Q(state__in=JobState.values), name="job_state_is_known"),
        ]

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return reverse("trust:job", args=[self.uid])

    def report(self, done, total, note=""):
        """Say how far the work is; raises ``JobTakenOver`` when another worker has taken it over."""
        from trust import jobs

        jobs.report(self, done, total, note)

    def attach(self, file_name, content):
        """Keep the result (bytes, or the path of a file) for the one who ordered it."""
        from trust import jobs

        jobs.attach(self, file_name, content)


class Heartbeat(models.Model):
    """When a part that runs by itself was last alive."""

    name = models.CharField(max_length=40, unique=True)
    beat_at = models.DateTimeField(default=timezone.now)

    class Meta:
        verbose_name = verbose_name_plural = "心跳"

    def __str__(self):
        return self.name
