"""控辍保学: a child stays away from school; what was done about it, step by step, until it is back or gone on (C097)."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from registry.models import Child, ChildFactQuerySet
from trust.crypto import EncryptedTextField
from trust.models import Identified, Versioned


class DropoutOutcome(models.TextChoices):
    """How a case ended."""

    BACK = "back", "已劝返复学"
    TRANSFERRED = "transferred", "已转学就读"
    EXEMPT = "exempt", "依法缓学、免学"
    MISTAKE = "mistake", "登记有误"


class DropoutCase(Identified, Versioned):
    """Absent without leave since a day. Calls and visits are contacts and are read, not asked again."""

    child = models.ForeignKey(Child, models.PROTECT, related_name="dropout_cases", verbose_name="儿童")
    absent_since = models.DateField("未到校起")
    reason = EncryptedTextField("原因", blank=True)
    opened_at = models.DateTimeField("登记时间", default=timezone.now, editable=False)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    closed_on = models.DateField("结案日期", null=True, blank=True)
    outcome = models.CharField("结果", max_length=12, choices=DropoutOutcome.choices, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = ChildFactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "控辍保学"
        ordering = ["absent_since", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["child"],
                condition=Q(closed_on=None),
                name="one_open_dropout_case",
                violation_error_message="这个孩子的控辍保学已经登记，还没有结束",
            ),
            models.CheckConstraint(
                condition=Q(closed_on=None, outcome="")
                | (Q(closed_on__gte=F("absent_since")) & ~Q(outcome="")),
                name="dropout_case_closed_with_outcome",
                violation_error_message="结案要写结果，日期不能早于未到校的日期",
            ),
        ]

    def __str__(self):
        return f"{self.absent_since:%Y-%m-%d} 起未到校"


class StepKind(models.TextChoices):
    """Steps beyond calls and visits."""

    PERSUADED = "persuaded", "劝返"
    NOTICE = "notice", "送达复学通知书"
    REPORTED = "reported", "书面报告乡镇、教育局"
    OTHER = "other", "其他"


class DropoutStepQuerySet(models.QuerySet):
    """Steps follow the child."""

    def visible_to(self, user):
        """Of children whose file the user may open."""
        return self.filter(case__child__in=Child.objects.visible_to(user))


class DropoutStep(Identified):
    """A step taken in a case."""

    case = models.ForeignKey(DropoutCase, models.PROTECT, related_name="steps")
    kind = models.CharField("步骤", max_length=10, choices=StepKind.choices)
    day = models.DateField("日期")
    note = EncryptedTextField("经过", blank=True)
    recorded_at = models.DateTimeField("登记时间", default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = DropoutStepQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "控辍步骤"
        ordering = ["day", "pk"]

    def __str__(self):
        return f"{self.day:%Y-%m-%d} {self.get_kind_display()}"
