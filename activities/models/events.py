"""Group activities with attendance (签到), and the openings of a center (开放记录)."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from registry.models import ActivityCenter, Child, ChildFactQuerySet, County, School, Staff
from trust.models import Identified, Versioned

from .contacts import lag_days


class ActivityKind(models.TextChoices):
    """Kinds of group events. A group talk is an activity, not five talks."""

    CENTER_ACTIVITY = "center_activity", "之家活动"
    CLASS_MEETING = "class_meeting", "主题班会"
    GROUP_TALK = "group_talk", "集体谈话"
    SAFETY_LESSON = "safety_lesson", "安全教育"
    TRAINING = "training", "监护人培训"
    PARENTS_MEETING = "parents_meeting", "家长会"
    HEALTH_CHECK = "health_check", "体检"
    GROUP_MEETING = "group_meeting", "领导小组会议"
    FAMILY_LECTURE = "family_lecture", "家庭教育报告会"
    OTHER = "other", "其他活动"


# Events for the adults of families (F30, F31, C074): parents and carers sign in themselves.
FAMILY_KINDS = (ActivityKind.TRAINING, ActivityKind.PARENTS_MEETING, ActivityKind.FAMILY_LECTURE)


class EventQuerySet(models.QuerySet):
    """Activities and openings, by the places a reader's posts reach."""

    def visible_to(self, user):
        """At schools or centers inside the user's scopes."""
        schools = School.objects.visible_to(user)
        centers = ActivityCenter.objects.visible_to(user)
        if self.model is Opening:
            return self.filter(center__in=centers)
        return self.filter(Q(school__in=schools) | Q(center__in=centers))

    def valid(self):
        """Not cancelled."""
        return self.filter(cancelled_at=None)


class Event(Identified, Versioned):
    """What activities and openings share: a day, who entered it when, cancelled with a reason."""

    day = models.DateField("日期")
    submission = models.UUIDField("提交编号", default=uuid.uuid4, unique=True, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name="登记人",
    )
    recorded_at = models.DateTimeField("登记时间", default=timezone.now, editable=False)
    lag = models.SmallIntegerField(editable=False)
    cancelled_at = models.DateTimeField("作废时间", null=True, blank=True, editable=False)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    cancel_reason = models.CharField("作废原因", max_length=200, blank=True, editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["-day", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(lag__gte=0),
                name="%(class)s_not_in_the_future",
                violation_error_message="日期不能晚于今天",
            )
        ]

    def save(self, *args, **kwargs):
        self.lag = lag_days(self.day, self.recorded_at)
        super().save(*args, **kwargs)


class Activity(Event):
    """A group event."""

    kind = models.CharField("类别", max_length=16, choices=ActivityKind.choices)
    title = models.CharField("主题", max_length=80)
    county = models.ForeignKey(County, models.PROTECT, related_name="+")
    school = models.ForeignKey(
        School, models.PROTECT, null=True, blank=True, related_name="activities", verbose_name="学校"
    )
    center = models.ForeignKey(
        ActivityCenter,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="activities",
        verbose_name="留守儿童之家",
    )
    place = models.CharField("地点", max_length=60, blank=True)
    result = models.CharField("过程与效果", max_length=500, blank=True)
    staff = models.ManyToManyField(Staff, related_name="activities", verbose_name="组织教师", blank=True)

    history = HistoricalRecords()

    class Meta(Event.Meta):
        verbose_name = verbose_name_plural = "活动"
        indexes = [models.Index(fields=["school", "day"], name="activity_of_school")]

    def __str__(self):
        return self.title


class Attendance(Identified):
    """A child (or a guardian, or staff) took part; entered at the later of the activity's and the name's moment."""

    activity = models.ForeignKey(Activity, models.PROTECT, related_name="attendances", verbose_name="活动")
    child = models.ForeignKey(
        Child, models.PROTECT, null=True, blank=True, related_name="attendances", verbose_name="儿童"
    )
    guardian = models.ForeignKey(
        "registry.Guardian",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="attendances",
        verbose_name="家长",
    )
    staff = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="attendances", verbose_name="教师"
    )
    present = models.BooleanField("到场", default=True)
    # Copies of the activity's, so that the ledger counts along one index.
    day = models.DateField(editable=False)
    entered_at = models.DateTimeField("登记时间", editable=False)
    lag = models.SmallIntegerField(editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = ChildFactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "签到"
        indexes = [
            models.Index(
                fields=["child", "day"], include=["present", "lag"], name="attendance_by_child_and_day"
            )
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["activity", "child"],
                condition=Q(child__isnull=False, cancelled_at=None),
                name="child_once_per_activity",
                violation_error_message="已经签过到",
            )
        ]

    def __str__(self):
        return "到场" if self.present else "缺席"

    def settle(self, named_at):
        """Copies day and cancelling from the activity; ``named_at`` = when this name was entered."""
        self.day = self.activity.day
        self.entered_at = max(named_at, self.activity.recorded_at)
        self.lag = lag_days(self.day, self.entered_at)


class Opening(Event):
    """A center was open on a day (开放记录)."""

    center = models.ForeignKey(
        ActivityCenter, models.PROTECT, related_name="openings", verbose_name="留守儿童之家"
    )
    staff = models.ManyToManyField(Staff, related_name="openings", verbose_name="值守教师", blank=True)
    visitors = models.PositiveSmallIntegerField("到场人数", null=True, blank=True)
    hygiene_checked = models.BooleanField("卫生已查", default=False)
    note = models.CharField("情况", max_length=300, blank=True)

    history = HistoricalRecords()

    class Meta(Event.Meta):
        verbose_name = verbose_name_plural = "开放记录"
        constraints = [
            *Event.Meta.constraints,
            models.UniqueConstraint(
                fields=["center", "day"],
                condition=Q(cancelled_at=None),
                name="one_opening_per_center_day",
                violation_error_message="这一天的开放已经记过",
            ),
        ]

    def __str__(self):
        return f"{self.center} {self.day:%Y-%m-%d}"


class FollowUpQuerySet(models.QuerySet):
    """Tasks from meetings."""

    def visible_to(self, user):
        """Of meetings at schools inside the user's scopes."""
        return self.filter(activity__in=Activity.objects.visible_to(user).values("pk"))


class FollowUp(Identified, Versioned):
    """A decision of a meeting (C005): who does what until when, and that it was done."""

    activity = models.ForeignKey(Activity, models.PROTECT, related_name="follow_ups", verbose_name="会议")
    text = models.CharField("要做的事", max_length=200)
    staff = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="follow_ups", verbose_name="谁来做"
    )
    due_on = models.DateField("期限", null=True, blank=True)
    done_on = models.DateField("完成日期", null=True, blank=True)
    done_note = models.CharField("结果", max_length=200, blank=True)

    objects = FollowUpQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "会议落实"
        ordering = ["due_on", "pk"]

    def __str__(self):
        return self.text
