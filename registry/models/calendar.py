"""School years, terms, holidays and make-up days (调休) of a county; a school may differ for single days."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from trust.models import Identified, Versioned

from .places import County, School


class Season(models.TextChoices):
    """The two terms of a school year."""

    AUTUMN = "autumn", "第一学期"
    SPRING = "spring", "第二学期"


class SchoolYear(Identified, Versioned):
    """A school year (学年, 1 Sep – 31 Aug) of a county; duties are judged only once it is confirmed."""

    county = models.ForeignKey(County, models.PROTECT, related_name="school_years", verbose_name="县")
    year = models.PositiveSmallIntegerField("学年", help_text="2026 = 2026—2027学年")
    confirmed_at = models.DateTimeField("确认时间", null=True, blank=True, editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    class Meta:
        verbose_name = verbose_name_plural = "学年"
        ordering = ["-year"]
        constraints = [
            models.UniqueConstraint(
                fields=["county", "year"],
                name="one_school_year_per_county",
                violation_error_message="这个学年已经有了",
            )
        ]

    def __str__(self):
        return f"{self.year}—{self.year + 1}学年"


class Term(Identified, Versioned):
    """A term (学期), both days included."""

    county = models.ForeignKey(County, models.PROTECT, related_name="terms", verbose_name="县")
    year = models.PositiveSmallIntegerField("学年")
    season = models.CharField("学期", max_length=6, choices=Season.choices)
    starts_on = models.DateField("开学日期")
    ends_on = models.DateField("放假前最后一天")

    class Meta:
        verbose_name = verbose_name_plural = "学期"
        ordering = ["starts_on"]
        constraints = [
            models.UniqueConstraint(
                fields=["county", "year", "season"],
                name="one_term_per_season",
                violation_error_message="这个学期已经有了",
            ),
            models.CheckConstraint(
                condition=Q(ends_on__gt=F("starts_on")),
                name="term_ends_after_start",
                violation_error_message="学期的最后一天要在开学之后",
            ),
        ]

    def __str__(self):
        return f"{self.year}—{self.year + 1}学年度{self.get_season_display()}"


class DayKind(models.TextChoices):
    """What an exception makes of a day."""

    HOLIDAY = "holiday", "放假"
    SCHOOL_DAY = "school_day", "上课（调休）"


class DayException(Identified):
    """A holiday or a make-up day; a school's own entry overrides the county's for that day."""

    county = models.ForeignKey(County, models.PROTECT, related_name="day_exceptions", verbose_name="县")
    school = models.ForeignKey(
        School, models.PROTECT, null=True, blank=True, related_name="day_exceptions", verbose_name="学校"
    )
    day = models.DateField("日期")
    kind = models.CharField("类别", max_length=10, choices=DayKind.choices)
    name = models.CharField("名称", max_length=40, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "放假与调休"
        ordering = ["day"]
        constraints = [
            models.UniqueConstraint(
                fields=["county", "day"],
                condition=Q(school=None),
                name="one_exception_per_county_day",
                violation_error_message="这一天已经填过了",
            ),
            models.UniqueConstraint(
                fields=["school", "day"],
                condition=Q(school__isnull=False),
                name="one_exception_per_school_day",
                violation_error_message="这一天已经填过了",
            ),
        ]

    def __str__(self):
        return f"{self.day:%Y-%m-%d} {self.get_kind_display()} {self.name}".strip()


class ClosingDate(Identified):
    """The county's own closing day for the check of one month (``month`` = its first day)."""

    county = models.ForeignKey(County, models.PROTECT, related_name="closing_dates", verbose_name="县")
    month = models.DateField("月份")
    closes_on = models.DateField("结账日")

    class Meta:
        verbose_name = verbose_name_plural = "结账日"
        ordering = ["-month"]
        constraints = [
            models.UniqueConstraint(
                fields=["county", "month"],
                name="one_closing_date_per_month",
                violation_error_message="这个月的结账日已经定过",
            ),
            models.CheckConstraint(
                condition=Q(closes_on__gt=F("month")),
                name="closing_after_month_start",
                violation_error_message="结账日要在这个月之后",
            ),
        ]

    def __str__(self):
        return f"{self.month:%Y-%m}：{self.closes_on:%Y-%m-%d}"
