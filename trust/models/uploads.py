"""Uploaded files: a row here, the sealed bytes on disk, bound to whoever uploaded them."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from trust.crypto import EncryptedTextField

from .base import Identified


class UploadQuerySet(models.QuerySet):
    def visible_to(self, user):
        """An upload belongs to its owner; upper floors grant more through their own rows."""
        return self.filter(owner=user) if user.is_authenticated else self.none()


class Upload(Identified):
    """A file somebody sent. The name may carry a child's name, so it is encrypted too."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="uploads"
    )
    purpose = models.CharField("用途", max_length=40)
    file_name = EncryptedTextField("文件名", max_length=200, blank=True)
    content_type = models.CharField("类型", max_length=100, blank=True)
    size = models.PositiveBigIntegerField("大小")
    sha256 = models.CharField(max_length=64, db_index=True)
    created_at = models.DateTimeField("上传时间", default=timezone.now)
    expires_at = models.DateTimeField("保留至", null=True, blank=True, db_index=True)

    objects = UploadQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "上传的文件"
        ordering = ["-id"]

    def __str__(self):
        return f"{self.purpose} {self.uid}"
