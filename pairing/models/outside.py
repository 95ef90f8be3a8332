"""Helpers from outside (校外帮扶人、单位) and units that stand by a school."""

from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from registry.models import (
    County,
    School,
    Spell,
    SpellQuerySet,
)
from trust.crypto import EncryptedTextField
from trust.models import Identified, Versioned


class HelperKind(models.TextChoices):
    """Who helps from outside (C012, C059, C060)."""

    VOLUNTEER = "volunteer", "志愿者"
    PARENT = "parent", "其他学生家长"
    CADRE = "cadre", "村（社区）干部"
    UNIT = "unit", "机关单位"
    COMPANY = "company", "企业"
    POLICE = "police", "民警、法治副校长"
    OTHER = "other", "其他"


class HelperQuerySet(models.QuerySet):
    """Helpers of schools; the county's own serve all its schools."""

    def visible_to(self, user):
        """Of schools inside the user's scopes."""
        schools = School.objects.visible_to(user)
        return self.filter(
            Q(school__in=schools.values("pk")) | Q(school=None, county__in=schools.values("county"))
        )


class OutsideHelper(Identified, Versioned):
    """校外帮扶人（单位）: somebody who helps and is no staff; without account, told no more than the tie needs."""

    county = models.ForeignKey(County, models.PROTECT, related_name="helpers", verbose_name="县")
    school = models.ForeignKey(
        School, models.PROTECT, null=True, blank=True, related_name="helpers", verbose_name="学校"
    )
    name = models.CharField("姓名（单位名称）", max_length=60)
    kind = models.CharField("类别", max_length=10, choices=HelperKind.choices)
    unit = models.CharField("所在单位", max_length=80, blank=True)
    contact_person = models.CharField("单位联系人", max_length=40, blank=True)
    phone = EncryptedTextField("电话", blank=True)
    # 承诺书: promised in writing to keep to themselves what they learn of a child.
    promised_on = models.DateField("签保密承诺日期", null=True, blank=True)
    note = models.CharField("备注", max_length=200, blank=True)
    starts_on = models.DateField("开始日期")
    ends_on = models.DateField("结束日期", null=True, blank=True)

    history = HistoricalRecords()
    objects = HelperQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "校外帮扶人"
        ordering = ["name", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on=None) | Q(ends_on__gte=F("starts_on")),
                name="helper_ends_after_start",
                violation_error_message="结束日期不能早于开始日期",
            )
        ]

    def __str__(self):
        return self.name


class UnitTieQuerySet(SpellQuerySet):
    """Ties of units with schools."""

    def visible_to(self, user):
        """Of schools inside the user's scopes."""
        return self.filter(school__in=School.objects.visible_to(user).values("pk"))


class UnitTie(Spell):
    """A unit or company stands by a school (C060): no child is named."""

    overlap_key = ("helper", "school")

    helper = models.ForeignKey(OutsideHelper, models.PROTECT, related_name="schools", verbose_name="单位")
    school = models.ForeignKey(School, models.PROTECT, related_name="unit_ties", verbose_name="学校")
    purpose = models.CharField("帮什么", max_length=200, blank=True)

    objects = UnitTieQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "单位结对学校"

    def __str__(self):
        return f"{self.helper}结对{self.school}"
