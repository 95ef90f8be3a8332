"""Duty rules (频次要求), excuses (豁免), monthly checks, findings and tallies. Semantics: docs/domain.md."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from registry import access
from registry.access import Act
from registry.models import Child, County, School
from trust.models import Identified, Versioned


class Subject(models.TextChoices):
    """Of whom a duty is counted."""

    CHILD = "child", "孩子"
    STAFF = "staff", "教职工"
    CLASS = "class", "班级"
    CENTER = "center", "留守儿童之家"
    SCHOOL = "school", "学校"
    COUNTY = "county", "县"


class Measure(models.TextChoices):
    """Days with a counted record, or a standing state (a number between a minimum and a maximum)."""

    RECORDS = "records", "有记录的天数"
    OPEN_PRIMARY_PAIRINGS = "open_primary_pairings", "在保的包保数"


class RecordKind(models.TextChoices):
    """Records a rule may count: the contact kinds, and these."""

    TALK = "talk", "谈心"
    HOME_VISIT = "home_visit", "家访"
    GUARDIAN_CONTACT = "guardian_contact", "联系家长"
    FAMILY_CALL = "family_call", "亲情电话"
    LETTER = "letter", "书信"
    ATTENDANCE = "attendance", "参加活动"
    ACTIVITY = "activity", "活动"
    OPENING = "opening", "之家开放"


class Actor(models.TextChoices):
    """Roles held on the day of the record towards that child."""

    CLASS_TEACHER = "class_teacher", "班主任"
    PAIRED = "paired", "包保教师"
    PROXY = "proxy", "代理家长"
    LEADING_GROUP = "leading_group", "领导小组成员"
    GROUP_OFFICE = "group_office", "领导小组办公室"
    ANY_STAFF = "any_staff", "本校教职工"


class Per(models.TextChoices):
    """Periods."""

    DAY = "day", "每天"
    WEEK = "week", "每周"
    HALF_MONTH = "half_month", "每半月"
    MONTH = "month", "每月"
    QUARTER = "quarter", "每季度"
    HALF_YEAR = "half_year", "每半年"
    TERM = "term", "每学期"
    SCHOOL_YEAR = "school_year", "每学年"
    YEAR = "year", "每年"


class Strength(models.TextChoices):
    """Must counts in figures and scores; strive (提倡) is shown apart; inform only on the child's file."""

    MUST = "must", "必须"
    STRIVE = "strive", "提倡"
    INFORM = "inform", "仅提示"


class Responsible(models.TextChoices):
    """Whose to-do list an open duty stands on."""

    CLASS_TEACHER = "class_teacher", "班主任"
    PAIRED = "paired", "包保教师"
    PROXY = "proxy", "代理家长"
    LEADER = "leader", "领导小组"
    CENTER_MANAGER = "center_manager", "之家管理员"
    SELF = "self", "本人"


class DutyRuleQuerySet(models.QuerySet):
    """Versions of rules."""

    def visible_to(self, user):
        """The county's, and those of schools in the user's scopes."""
        return self.filter(
            Q(owner=None, county__in=County.objects.filter(schools__in=School.objects.visible_to(user)))
            | Q(owner__in=School.objects.visible_to(user))
        )

    def checked(self):
        """Must and strive are checked and stored; inform never."""
        return self.filter(active=True).exclude(strength=Strength.INFORM)


class DutyRule(Identified, Versioned):
    """One version of a duty rule (频次要求). Policy is data: it has an owner, dates, and the text of its source."""

    county = models.ForeignKey(County, models.PROTECT, related_name="duty_rules", verbose_name="县")
    owner = models.ForeignKey(
        School,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="duty_rules",
        verbose_name="学校（空 = 全县）",
    )
    code = models.CharField("编号", max_length=12)
    name = models.CharField("名称", max_length=60)
    source = models.CharField("出处", max_length=120, blank=True)
    source_text = models.CharField("原文", max_length=300, blank=True)
    subject = models.CharField("对象", max_length=8, choices=Subject.choices, default=Subject.CHILD)
    measure = models.CharField("怎么算", max_length=24, choices=Measure.choices, default=Measure.RECORDS)
    kinds = models.JSONField("算哪些记录", default=list, blank=True)
    channels = models.JSONField("方式（空 = 不限）", default=list, blank=True)
    parties = models.PositiveSmallIntegerField("见到谁（0 = 不限）", default=0)
    counts_attempts = models.BooleanField("没联系上也算", default=False)
    actors = models.JSONField("谁做的（空 = 不限）", default=list, blank=True)
    minimum = models.PositiveSmallIntegerField("至少", default=1)
    maximum = models.PositiveSmallIntegerField("至多", null=True, blank=True)
    per = models.CharField("周期", max_length=12, choices=Per.choices)
    within_days = models.PositiveSmallIntegerField("周期开始后几天内", null=True, blank=True)
    stages = models.JSONField("学段（空 = 不限）", default=list, blank=True)
    grade_from = models.SmallIntegerField("年级从", null=True, blank=True)
    grade_to = models.SmallIntegerField("年级到", null=True, blank=True)
    boarding = models.BooleanField("寄宿", null=True, blank=True)
    away = models.CharField("留守类型", max_length=10, blank=True)
    priority = models.BooleanField("重点关注", null=True, blank=True)
    paired = models.BooleanField("有包保教师", null=True, blank=True)
    proxied = models.BooleanField("有代理家长", null=True, blank=True)
    parent_reachable = models.BooleanField("能联系上家长", null=True, blank=True)
    responsible = models.CharField("谁的待办", max_length=14, choices=Responsible.choices)
    strength = models.CharField("力度", max_length=6, choices=Strength.choices, default=Strength.MUST)
    active = models.BooleanField("启用", default=True)
    replaces_county = models.BooleanField("代替全县的同号要求", default=False)
    approved_by_county_at = models.DateTimeField("县里批准时间", null=True, blank=True, editable=False)
    valid_from = models.DateField("生效日期")
    valid_to = models.DateField("失效日期", null=True, blank=True)
    approved_on = models.DateField("批准日期", null=True, blank=True)

    history = HistoricalRecords()
    objects = DutyRuleQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "频次要求"
        ordering = ["code", "valid_from"]
        constraints = [
            models.CheckConstraint(
                condition=Q(valid_to=None) | Q(valid_to__gte=F("valid_from")),
                name="rule_valid_to_after_from",
                violation_error_message="失效日期不能早于生效日期",
            ),
            models.CheckConstraint(
                condition=Q(approved_on=None) | Q(valid_from__gte=F("approved_on")),
                name="rule_not_valid_before_approval",
                violation_error_message="生效日期不能早于批准日期",
            ),
            models.UniqueConstraint(
                fields=["county", "code", "valid_from"],
                condition=Q(owner=None),
                name="one_county_rule_version",
            ),
            models.UniqueConstraint(
                fields=["owner", "code", "valid_from"],
                condition=Q(owner__isnull=False),
                name="one_school_rule_version",
            ),
            models.CheckConstraint(
                condition=Q(minimum__gte=1) | ~Q(measure="records"), name="rule_minimum_positive"
            ),
        ]

    def __str__(self):
        return self.name

    @property
    def label(self):
        """The county's code; a school's own rule as ``F02@CODE``."""
        return f"{self.code}@{self.owner.code}" if self.owner_id else self.code

    def clean(self):
        """Versions of one code and owner never overlap."""
        from django.core.exceptions import ValidationError

        super().clean()
        if self.valid_from is None:
            return
        others = DutyRule.objects.filter(county=self.county, owner=self.owner, code=self.code).exclude(
            pk=self.pk
        )
        others = others.filter(Q(valid_to=None) | Q(valid_to__gte=self.valid_from))
        if self.valid_to:
            others = others.filter(valid_from__lte=self.valid_to)
        if others.exists():
            raise ValidationError({"valid_from": "和这条要求的另一个版本日期重叠"})


class ExcuseQuerySet(models.QuerySet):
    """Excuses, seen by those who see their subject."""

    def visible_to(self, user):
        """Of children whose file the user may open, of staff and centers of the user's schools, and what to decide."""
        decides = Q(school__in=access.schools_for(user, Act.APPROVE_EXCUSE))
        children = Q(subject_kind=Subject.CHILD, subject_id__in=Child.objects.visible_to(user).values("pk"))
        return self.filter(
            decides
            | children
            | (~Q(subject_kind=Subject.CHILD) & Q(school__in=School.objects.visible_to(user)))
        )


class Excuse(Identified, Versioned):
    """豁免: a subject need not do all or named duties from–to; approved by somebody else of the leading group."""

    county = models.ForeignKey(County, models.PROTECT, related_name="+")
    school = models.ForeignKey(
        School, models.PROTECT, null=True, blank=True, related_name="excuses", verbose_name="学校"
    )
    subject_kind = models.CharField("对象类别", max_length=8, choices=Subject.choices, default=Subject.CHILD)
    # A natural key, as in findings: the subject's integer id inside its own table.
    subject_id = models.BigIntegerField()
    starts_on = models.DateField("从")
    ends_on = models.DateField("到")
    rule_codes = models.JSONField("哪些要求（空 = 全部）", default=list, blank=True)
    reason = models.CharField("原因", max_length=200)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    requested_at = models.DateTimeField(default=timezone.now, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    approved_at = models.DateTimeField(null=True, blank=True, editable=False)
    refused_at = models.DateTimeField(null=True, blank=True, editable=False)
    refused_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = ExcuseQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "豁免"
        ordering = ["-requested_at"]
        indexes = [models.Index(fields=["subject_kind", "subject_id", "starts_on"], name="excuse_of_subject")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ends_on__gte=F("starts_on")),
                name="excuse_ends_after_start",
                violation_error_message="结束日期不能早于开始日期",
            ),
            models.CheckConstraint(
                condition=Q(approved_by=None) | Q(requested_by=None) | ~Q(approved_by=F("requested_by")),
                name="excuse_approved_by_another",
                violation_error_message="豁免要由领导小组的另一位成员批准",
            ),
        ]

    def __str__(self):
        return self.reason


class State(models.TextChoices):
    """States of a duty, in the order in which the first that fits is taken."""

    NOT_APPLICABLE = "not_applicable", "不适用"
    MET = "met", "已完成"
    MET_LATE = "met_late", "补录"
    EXCUSED = "excused", "已豁免"
    UPCOMING = "upcoming", "未到期"
    MISSED = "missed", "未完成"


class MonthlyCheck(Identified):
    """The check of one county's month: the database's word that it ran, and that it is closed."""

    county = models.ForeignKey(County, models.PROTECT, related_name="monthly_checks")
    month = models.DateField("月份")  # its first day
    checked_at = models.DateTimeField("核对时间", null=True, blank=True)
    closes_at = models.DateTimeField("结账时间")
    closed_at = models.DateTimeField("结账完成", null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "月度核对"
        ordering = ["-month"]
        constraints = [models.UniqueConstraint(fields=["county", "month"], name="one_check_per_month")]

    def __str__(self):
        return f"{self.month:%Y-%m}"


class Finding(models.Model):
    """A duty missed, met late or excused in a checked month.

    Result tables stand under natural keys without foreign-key constraints: storing, not finding, is what a
    check costs. Nobody edits them by hand; ``activities.checks`` alone writes them.
    """

    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    rule = models.ForeignKey(
        DutyRule, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    subject_kind = models.CharField(max_length=8, choices=Subject.choices)
    subject_id = models.BigIntegerField()
    period_start = models.DateField()
    period_end = models.DateField()
    month = models.DateField()  # first day of the month whose check it belongs to
    county = models.ForeignKey(
        County, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    school = models.ForeignKey(
        School, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    school_class = models.ForeignKey(
        "registry.SchoolClass",
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    state = models.CharField(max_length=16, choices=State.choices)
    done = models.PositiveSmallIntegerField(default=0)
    minimum = models.PositiveSmallIntegerField(default=1)
    # Who held the responsible role on the period's last day; null = nobody.
    responsible = models.ForeignKey(
        "registry.Staff", models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    excuse_uid = models.UUIDField(null=True)
    excuse_reason = models.CharField(max_length=20, blank=True)  # 期内离开, or blank
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = "核对结果"
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject_kind", "subject_id", "period_start"], name="finding_natural_key"
            )
        ]
        indexes = [
            models.Index(fields=["county", "month", "school"], name="finding_by_month"),
            models.Index(fields=["subject_kind", "subject_id", "period_start"], name="finding_by_subject"),
        ]

    def __str__(self):
        return self.get_state_display()


class Amendment(models.Model):
    """What came to be known of a closed duty afterwards; same natural key, beside the closed row."""

    rule = models.ForeignKey(
        DutyRule, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    subject_kind = models.CharField(max_length=8, choices=Subject.choices)
    subject_id = models.BigIntegerField()
    period_start = models.DateField()
    period_end = models.DateField()
    month = models.DateField()
    county = models.ForeignKey(
        County, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    school = models.ForeignKey(
        School, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    closed_state = models.CharField(max_length=16, choices=State.choices)
    state = models.CharField(max_length=16, choices=State.choices)
    done = models.PositiveSmallIntegerField(default=0)
    updated_at = models.DateTimeField()

    class Meta:
        verbose_name = verbose_name_plural = "结账后的变化"
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "subject_kind", "subject_id", "period_start"], name="amendment_natural_key"
            )
        ]
        indexes = [models.Index(fields=["county", "month", "school"], name="amendment_by_month")]

    def __str__(self):
        return self.get_state_display()


class Tally(models.Model):
    """Counts of one rule version and period for one class of the judge day (or a school's class-less children)."""

    rule = models.ForeignKey(
        DutyRule, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    period_start = models.DateField()
    period_end = models.DateField()
    month = models.DateField()
    county = models.ForeignKey(
        County, models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    school = models.ForeignKey(
        School, models.DO_NOTHING, null=True, db_constraint=False, db_index=False, related_name="+"
    )
    school_class = models.ForeignKey(
        "registry.SchoolClass",
        models.DO_NOTHING,
        null=True,
        db_constraint=False,
        db_index=False,
        related_name="+",
    )
    # 0 stands for "none" in the natural key: NULLs are never equal.
    school_key = models.BigIntegerField(default=0)
    class_key = models.BigIntegerField(default=0)
    met = models.PositiveIntegerField(default=0)
    met_late = models.PositiveIntegerField(default=0)
    excused = models.PositiveIntegerField(default=0)
    upcoming = models.PositiveIntegerField(default=0)
    missed = models.PositiveIntegerField(default=0)
    days_done = models.PositiveIntegerField(default=0)  # Σ min(days done, N), excused left out
    days_owed = models.PositiveIntegerField(default=0)  # Σ N, excused left out

    class Meta:
        verbose_name = verbose_name_plural = "核对合计"
        constraints = [
            models.UniqueConstraint(
                fields=["rule", "period_start", "county", "school_key", "class_key"], name="tally_natural_key"
            )
        ]
        indexes = [models.Index(fields=["county", "month", "school_key"], name="tally_by_month")]

    def __str__(self):
        return f"{self.period_start}"


class UnreachableClaimQuerySet(models.QuerySet):
    """Claims follow the child."""

    def visible_to(self, user):
        """Of children whose file the user may open."""
        return self.filter(trait__child__in=Child.objects.visible_to(user))


class UnreachableClaim(Identified):
    """联系不上: the attempts that prove that no parent can be reached; a leader approves, reviewed every 30 days."""

    trait = models.OneToOneField("registry.Trait", models.PROTECT, related_name="claim")
    attempts = models.ManyToManyField("activities.Contact", related_name="+")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    requested_at = models.DateTimeField(default=timezone.now, editable=False)

    objects = UnreachableClaimQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "联系不上"

    def __str__(self):
        return "联系不上"
