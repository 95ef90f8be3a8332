"""Places: county, districts (学区/中心校), schools, classes, activity centers (留守儿童之家)."""

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q
from django.urls import reverse

from trust.models import Identified, Versioned

from ..pinyin import sort_key


class County(Identified, Versioned):
    """A county owns its schools, calendar, rules and schemes; every scope begins with it."""

    code = models.CharField(
        "行政区划代码",
        max_length=6,
        unique=True,
        validators=[RegexValidator(r"^\d{6}$", "行政区划代码是 6 位数字")],
    )
    name = models.CharField("名称", max_length=60)
    closing_day = models.PositiveSmallIntegerField(
        "每月结账日",
        default=5,
        validators=[MinValueValidator(1), MaxValueValidator(28)],
        help_text="上个月的核对到这一天 24:00 为止，之后补登的只算补录",
    )
    definition = models.CharField(
        "在册口径", max_length=120, default="父母一方或双方外出，经学校摸底确认在册"
    )
    # The county's own refinement (本县口径, D4 of registry.definitions); without months it has none.
    local_months = models.PositiveSmallIntegerField(
        "本县口径：连续外出几个月",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(24)],
    )
    local_both_away = models.BooleanField("本县口径：父母双方都外出", default=True)
    local_across_county = models.BooleanField("本县口径：外出到县外", default=True)
    local_under_age = models.PositiveSmallIntegerField(
        "本县口径：不满几周岁", default=16, validators=[MinValueValidator(6), MaxValueValidator(18)]
    )
    # How long the file of a child that left is kept, and which paper says so; the law leaves it to the county.
    keep_leavers_years = models.PositiveSmallIntegerField(
        "离校后档案保管几年", null=True, blank=True, validators=[MinValueValidator(1), MaxValueValidator(100)]
    )
    keep_leavers_source = models.CharField("保管年限的依据", max_length=200, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = "县"

    def __str__(self):
        return self.name


class PlaceQuerySet(models.QuerySet):
    """Places a user's posts reach, through ``registry.access``."""

    def visible_to(self, user):
        """Only places inside the scopes of the user's open posts."""
        from ..access import visible_places  # the table of posts reads these models

        return visible_places(self, user)


class District(Identified):
    """学区 / 中心校: a group of schools under a central school."""

    county = models.ForeignKey(County, models.PROTECT, related_name="districts", verbose_name="县")
    code = models.CharField("编号", max_length=20)
    name = models.CharField("名称", max_length=60)

    objects = PlaceQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学区"
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["county", "code"],
                name="district_code_in_county",
                violation_error_message="这个学区编号已经有了",
            )
        ]

    def __str__(self):
        return self.name


class Stage(models.TextChoices):
    """School stages (学段)."""

    KINDERGARTEN = "kindergarten", "幼儿园"
    PRIMARY = "primary", "小学"
    JUNIOR = "junior", "初中"


class SchoolSystem(models.TextChoices):
    """How nine years divide: 六三 or 五四."""

    SIX_THREE = "63", "六三制"
    FIVE_FOUR = "54", "五四制"


class School(Identified, Versioned):
    """A school, kindergarten or teaching point (教学点, which belongs to a managing school)."""

    county = models.ForeignKey(County, models.PROTECT, related_name="schools", verbose_name="县")
    district = models.ForeignKey(
        District, models.PROTECT, null=True, blank=True, related_name="schools", verbose_name="学区"
    )
    managing_school = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="teaching_points",
        verbose_name="管理学校",
        help_text="教学点填它所属的学校",
    )
    code = models.CharField("学校编号", max_length=20)
    name = models.CharField("校名", max_length=60)
    name_key = models.CharField(max_length=200, editable=False, db_index=True)
    system = models.CharField(
        "学制", max_length=2, choices=SchoolSystem.choices, default=SchoolSystem.SIX_THREE
    )
    has_kindergarten = models.BooleanField("设幼儿园", default=False)
    has_primary = models.BooleanField("设小学", default=True)
    has_junior = models.BooleanField("设初中", default=False)
    village = models.CharField("所在村（社区）", max_length=60, blank=True)
    pupils = models.PositiveIntegerField("全校学生数", null=True, blank=True)
    hotline = models.CharField("家长热线", max_length=30, blank=True, help_text="印在联系卡和告家长书上")
    first_used_on = models.DateField("启用日期", help_text="从这一天起才核对，之前的不算")
    ends_on = models.DateField("撤并日期", null=True, blank=True)

    objects = PlaceQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学校"
        ordering = ["code"]
        constraints = [
            models.UniqueConstraint(
                fields=["county", "code"],
                name="school_code_in_county",
                violation_error_message="这个学校编号已经有了",
            ),
            models.CheckConstraint(
                condition=Q(has_kindergarten=True) | Q(has_primary=True) | Q(has_junior=True),
                name="school_has_a_stage",
                violation_error_message="至少选一个学段",
            ),
        ]

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        self.name_key = sort_key(self.name)
        super().save(*args, **kwargs)

    def get_absolute_url(self):
        return reverse("registry:school_detail", args=[self.uid])

    @property
    def stages(self):
        """The stages it has, lowest first."""
        flags = [
            (Stage.KINDERGARTEN, self.has_kindergarten),
            (Stage.PRIMARY, self.has_primary),
            (Stage.JUNIOR, self.has_junior),
        ]
        return [stage for stage, has in flags if has]

    @property
    def first_junior_grade(self):
        """7 in 六三 schools, 6 in 五四 schools: grades count through."""
        return 7 if self.system == SchoolSystem.SIX_THREE else 6

    def stage_length(self, stage):
        """Years a stage lasts here."""
        if stage == Stage.KINDERGARTEN:
            return 3
        if stage == Stage.PRIMARY:
            return self.first_junior_grade - 1
        return 10 - self.first_junior_grade

    def first_grade(self, stage):
        """Number of the stage's first grade; 小班 −2, 中班 −1, 大班 0."""
        return {Stage.KINDERGARTEN: -2, Stage.PRIMARY: 1, Stage.JUNIOR: self.first_junior_grade}[stage]


GRADE_NAMES = {
    -2: "小班", -1: "中班", 0: "大班", 1: "一年级", 2: "二年级", 3: "三年级", 4: "四年级",
    5: "五年级", 6: "六年级", 7: "七年级", 8: "八年级", 9: "九年级",
}  # fmt: skip
GRADE_DIGITS = "零一二三四五六七八九"


def grade_year(day):
    """The school year a day belongs to for grades: they roll on 15 August."""
    return day.year if (day.month, day.day) >= (8, 15) else day.year - 1


class SchoolClassQuerySet(PlaceQuerySet):
    """Classes of schools."""

    def running_on(self, day):
        """Classes that exist on ``day``."""
        first_day_possible = grade_year(day)
        return self.filter(ends_on__gte=day, entry_year__lte=first_day_possible)


class SchoolClass(Identified, Versioned):
    """A class is born with its entry year (入学年份); its grade follows the calendar."""

    school = models.ForeignKey(School, models.PROTECT, related_name="classes", verbose_name="学校")
    stage = models.CharField("学段", max_length=12, choices=Stage.choices)
    entry_year = models.PositiveSmallIntegerField(
        "入学年份",
        validators=[MinValueValidator(1990), MaxValueValidator(2100)],
        help_text="该学段第一年的年份，如 2023",
    )
    number = models.PositiveSmallIntegerField(
        "班号", validators=[MinValueValidator(1), MaxValueValidator(60)]
    )
    ends_on = models.DateField("最后一天", help_text="毕业那年最后一学期的最后一天；没有学籍能晚于它")
    ends_on_given = models.BooleanField("最后一天由人指定", default=False, editable=False)
    pupils = models.PositiveSmallIntegerField("班级学生数", null=True, blank=True)

    objects = SchoolClassQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "班级"
        ordering = ["school", "-entry_year", "number"]
        constraints = [
            models.UniqueConstraint(
                fields=["school", "stage", "entry_year", "number"],
                name="class_unique_in_school",
                violation_error_message="这个班已经有了",
            )
        ]

    def __str__(self):
        return self.name_on()

    @property
    def last_school_year(self):
        """The school year (its first calendar year) in which the class graduates."""
        return self.entry_year + self.school.stage_length(self.stage) - 1

    def grade_on(self, day=None):
        """Grade number on ``day`` (today if None); may lie beyond the stage before or after its time."""
        from django.utils import timezone

        day = day or timezone.localdate()
        return self.school.first_grade(self.stage) + grade_year(day) - self.entry_year

    def grade_name_on(self, day=None):
        """一年级 … 九年级, 小班 …; a class whose time is over is named by its entry year."""
        return GRADE_NAMES.get(self._grade_in_stage(day), f"{self.entry_year}级")

    def name_on(self, day=None):
        """As a school says it: 三(2)班, 大班(1)班; afterwards 2021级3班."""
        grade = self._grade_in_stage(day)
        if grade is None:
            return f"{self.entry_year}级{self.number}班"
        if grade < 1:
            return f"{GRADE_NAMES[grade]}({self.number})班"
        return f"{GRADE_DIGITS[grade]}({self.number})班"

    def _grade_in_stage(self, day):
        grade = self.grade_on(day)
        first = self.school.first_grade(self.stage)
        return grade if first <= grade < first + self.school.stage_length(self.stage) else None

    def get_absolute_url(self):
        return reverse("registry:class_detail", args=[self.uid])


class Operator(models.TextChoices):
    """Who runs a center."""

    SCHOOL = "school", "学校"
    TOWNSHIP = "township", "乡镇（街道）"
    FEDERATION = "federation", "妇联"


class ActivityCenter(Identified, Versioned):
    """留守儿童之家: rooms with opening hours and a manager, at a school or run by another body."""

    county = models.ForeignKey(County, models.PROTECT, related_name="centers", verbose_name="县")
    school = models.ForeignKey(
        School, models.PROTECT, null=True, blank=True, related_name="centers", verbose_name="学校"
    )
    operator = models.CharField("主办", max_length=12, choices=Operator.choices, default=Operator.SCHOOL)
    name = models.CharField("名称", max_length=60)
    place = models.CharField("地点", max_length=100, blank=True)
    opening_days = models.CharField("开放日", max_length=60, blank=True, help_text="如：每周二、周四课外活动")
    starts_on = models.DateField("启用日期")
    ends_on = models.DateField("停用日期", null=True, blank=True)

    objects = PlaceQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "留守儿童之家"
        ordering = ["county", "name"]
        constraints = [
            models.CheckConstraint(
                condition=Q(operator="school", school__isnull=False)
                | (~Q(operator="school") & Q(school=None)),
                name="center_of_a_school_names_it",
                violation_error_message="学校办的之家要选学校；乡镇、妇联办的不选学校",
            )
        ]

    def __str__(self):
        return self.name
