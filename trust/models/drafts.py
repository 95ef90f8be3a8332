"""Drafts (草稿): what somebody typed and has not saved yet, one encrypted row per user and form, 7 days."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from trust.crypto import EncryptedTextField

from .base import Identified


class Draft(Identified):
    """The fields of one form as JSON, encrypted. ``form_key`` names the form, never a person."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="drafts")
    form_key = models.CharField("表单", max_length=200)
    body = EncryptedTextField("内容", blank=True)
    saved_at = models.DateTimeField("保存时间", default=timezone.now)
    expires_at = models.DateTimeField("保留至", db_index=True)

    class Meta:
        verbose_name = verbose_name_plural = "草稿"
        constraints = [models.UniqueConstraint(fields=["user", "form_key"], name="one_draft_per_form")]

    def __str__(self):
        return self.form_key
