"""联系卡: printed from live data and not stored; what is kept is when it was issued, to whom, and with which content."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from registry.models import Child, ChildFactQuerySet
from trust.models import Identified


class CardIssue(Identified):
    """A contact card was issued (F61, F62): ``digest`` tells whether the card in a drawer still says what is true."""

    child = models.ForeignKey(Child, models.PROTECT, related_name="card_issues", verbose_name="儿童")
    issued_at = models.DateTimeField("印发时间", default=timezone.now, editable=False)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    holders = models.JSONField("持卡人", default=list)
    digest = models.CharField(max_length=64, editable=False)

    objects = ChildFactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "联系卡印发"
        ordering = ["-issued_at", "-pk"]
        indexes = [models.Index(fields=["child", "issued_at"], name="card_issue_of_child")]

    def __str__(self):
        return f"{self.issued_at:%Y-%m-%d} 联系卡"
