"""Facts with dates: the base of everything that holds from one day to another (both days included)."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from trust.models import Identified


class SpellQuerySet(models.QuerySet):
    """Adjectives for facts with dates. A cancelled spell (entered by mistake) counts nowhere."""

    def valid(self):
        """Without those cancelled as mistakes."""
        return self.filter(cancelled_at=None)

    def on(self, day):
        """In force on ``day``."""
        return self.valid().filter(Q(ends_on=None) | Q(ends_on__gte=day), starts_on__lte=day)

    def today(self):
        """In force today (Asia/Shanghai)."""
        return self.on(timezone.localdate())

    def open(self):
        """Without an end so far; may begin in the future."""
        return self.valid().filter(ends_on=None)

    def overlapping(self, first, last):
        """Touching any day from ``first`` to ``last``; ``last`` None = for ever."""
        found = self.valid().filter(Q(ends_on=None) | Q(ends_on__gte=first))
        return found if last is None else found.filter(starts_on__lte=last)


class Spell(Identified):
    """A fact from–to. ``overlap_key`` names the fields of which no two valid spells may overlap."""

    overlap_key: tuple[str, ...] = ()
    overlap_message = "这段日子和已有的一段重叠了，请先结束前一段，或改开始日期"

    starts_on = models.DateField("开始日期")
    ends_on = models.DateField("结束日期", null=True, blank=True)
    recorded_at = models.DateTimeField("登记时间", default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    cancelled_at = models.DateTimeField("作废时间", null=True, blank=True, editable=False)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    cancel_reason = models.CharField("作废原因", max_length=200, blank=True, editable=False)

    objects = SpellQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["starts_on", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="%(app_label)s_%(class)s_ends_after_start",
                violation_error_message="结束日期不能早于开始日期",
            ),
        ]

    def in_force_on(self, day):
        """Whether this spell counts on ``day``."""
        return (
            self.cancelled_at is None
            and self.starts_on <= day
            and (self.ends_on is None or day <= self.ends_on)
        )

    def clean(self):
        """No two spells of a kind overlap; the caller holds the transaction in which it saves."""
        super().clean()
        if not self.overlap_key or self.cancelled_at or self.starts_on is None:
            return
        same = {name: getattr(self, name) for name in self.overlap_key}
        if any(value is None for value in same.values()):
            return
        others = (
            type(self).objects.filter(**same).exclude(pk=self.pk).overlapping(self.starts_on, self.ends_on)
        )
        if others.exists():
            raise ValidationError({"starts_on": self.overlap_message})
