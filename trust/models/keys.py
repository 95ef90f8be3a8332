"""Proof that the configured keys are the ones the data were sealed with."""

from django.db import models


class KeyProof(models.Model):
    """A known text sealed under each field key: a wrong key is noticed at the start, not at the first child."""

    key_id = models.CharField(max_length=20, unique=True)
    proof = models.TextField()

    class Meta:
        verbose_name = verbose_name_plural = "密钥校验"

    def __str__(self):
        return self.key_id
