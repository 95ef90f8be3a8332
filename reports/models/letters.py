"""致家长的一封信: printed from live data; what is kept is when it was handed out, for which class, how many."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from registry.models import SchoolClass
from trust.models import Identified


class FamilyLetterQuerySet(models.QuerySet):
    """Letters handed out, by the classes a reader's posts reach."""

    def visible_to(self, user):
        """Of classes at schools inside the user's scopes."""
        return self.filter(school_class__in=SchoolClass.objects.visible_to(user))


class FamilyLetter(Identified):
    """The letter to the families of a class was printed and handed out (C072), ``count`` copies."""

    school_class = models.ForeignKey(
        SchoolClass, models.PROTECT, related_name="family_letters", verbose_name="班级"
    )
    count = models.PositiveSmallIntegerField("份数")
    issued_at = models.DateTimeField("印发时间", default=timezone.now, editable=False)
    issued_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    submission = models.UUIDField("提交编号", unique=True, editable=False)

    objects = FamilyLetterQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "致家长的一封信"
        ordering = ["-issued_at", "-pk"]

    def __str__(self):
        return f"{self.issued_at:%Y-%m-%d} {self.count} 份"
