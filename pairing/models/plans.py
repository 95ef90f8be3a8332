"""Help plans (帮扶计划), individual plans of priority children, and what they have brought."""

from django.conf import settings
from django.db import models
from django.utils import timezone
from simple_history.models import HistoricalRecords

from registry.models import (
    Child,
    ChildSpellQuerySet,
    Spell,
    Staff,
)
from trust.crypto import EncryptedTextField
from trust.models import Identified, Versioned


class PlanKind(models.TextChoices):
    """Kinds of plan for one child."""

    HELP = "help", "帮扶计划"
    INDIVIDUAL = "individual", "个别教育方案"


class HelpPlan(Spell, Versioned):
    """帮扶计划 (C061), or the individual plan of a priority child (C047): goals, content, who, until when, when to look again."""

    child = models.ForeignKey(Child, models.PROTECT, related_name="help_plans", verbose_name="儿童")
    kind = models.CharField("类别", max_length=10, choices=PlanKind.choices, default=PlanKind.HELP)
    staff = models.ForeignKey(Staff, models.PROTECT, related_name="help_plans", verbose_name="负责教师")
    goals = EncryptedTextField("目标")
    content = EncryptedTextField("内容和措施")
    # 三知、三优先 (C063): ticks of a short list, by code.
    checklist = models.JSONField("三知三优先", default=list, blank=True)
    review_on = models.DateField("下次检查日期")

    history = HistoricalRecords()
    objects = ChildSpellQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "帮扶计划"
        indexes = [models.Index(fields=["child", "starts_on"], name="help_plan_of_child")]

    def __str__(self):
        return self.get_kind_display()


class PlanStageQuerySet(models.QuerySet):
    """Stages of plans follow the child."""

    def visible_to(self, user):
        """Of children whose file the user may open."""
        return self.filter(plan__child__in=Child.objects.visible_to(user))


class PlanStage(Identified):
    """阶段成效: what a plan has brought so far, by the teacher who carries it or as the school's check (C062)."""

    plan = models.ForeignKey(HelpPlan, models.PROTECT, related_name="stages", verbose_name="计划")
    day = models.DateField("日期")
    result = EncryptedTextField("成效")
    by_school = models.BooleanField("学校检查", default=False)
    recorded_at = models.DateTimeField("登记时间", default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = PlanStageQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "阶段成效"
        ordering = ["day", "pk"]

    def __str__(self):
        return f"{self.day:%Y-%m-%d}"
