"""Staff and their posts (岗位). A post has a kind, a scope and dates; an account sees the union of its posts."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.urls import reverse

from trust.models import Identified, Versioned

from ..pinyin import initials, sort_key
from .places import ActivityCenter, County, District, School, SchoolClass
from .spells import Spell, SpellQuerySet


class Sex(models.TextChoices):
    """Sex (性别)."""

    MALE = "male", "男"
    FEMALE = "female", "女"


class StaffQuerySet(models.QuerySet):
    """People who work for the schools or the county."""

    def visible_to(self, user):
        """Colleagues inside the scopes of the user's posts."""
        from ..access import visible_staff  # the table of posts reads these models

        return visible_staff(self, user)

    def by_name(self):
        """In pinyin order."""
        return self.order_by("name_key", "pk")


class Staff(Identified, Versioned):
    """A member of staff; exists without an account, an account belongs to at most one."""

    county = models.ForeignKey(County, models.PROTECT, related_name="staff", verbose_name="县")
    school = models.ForeignKey(
        School, models.PROTECT, null=True, blank=True, related_name="staff", verbose_name="学校"
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="staff",
        verbose_name="账号",
    )
    name = models.CharField("姓名", max_length=40)
    name_key = models.CharField(max_length=200, editable=False, db_index=True)
    initials = models.CharField(max_length=200, editable=False)
    sex = models.CharField("性别", max_length=6, choices=Sex.choices, blank=True)
    phone = models.CharField("工作电话", max_length=20, blank=True)
    subject = models.CharField("任教学科", max_length=40, blank=True)
    number = models.CharField("工号", max_length=30, blank=True)
    left_on = models.DateField("离职日期", null=True, blank=True)

    objects = StaffQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "教职工"
        ordering = ["name_key", "pk"]

    def __str__(self):
        return self.name

    def save(self, *args, **kwargs):
        self.name_key, self.initials = sort_key(self.name), initials(self.name)
        super().save(*args, **kwargs)

    def get_absolute_url(self):
        return reverse("registry:staff_detail", args=[self.uid])


class PostKind(models.TextChoices):
    """Kinds of post; what each sees stands in ``registry.access.TABLE``."""

    CLASS_TEACHER = "class_teacher", "班主任"
    SUBJECT_TEACHER = "subject_teacher", "科任教师"
    DUTY_TEACHER = "duty_teacher", "值守教师"
    TEACHER = "teacher", "教职工"
    GRADE_HEAD = "grade_head", "年级组长"
    LEADER = "leader", "组长（校长）"
    DEPUTY = "deputy", "副组长"
    GROUP_OFFICE = "group_office", "领导小组办公室"
    GROUP_MEMBER = "group_member", "领导小组成员"
    CENTER_MANAGER = "center_manager", "之家管理员"
    COUNSELOR = "counselor", "心理教师"
    ARCHIVIST = "archivist", "档案管理员"
    DISTRICT_OFFICER = "district_officer", "中心校（学区）"
    COUNTY_OFFICER = "county_officer", "县教育局"
    WOMENS_FEDERATION = "womens_federation", "县妇联"
    INSPECTOR = "inspector", "考核员"
    ADMINISTRATOR = "administrator", "管理员"


LEADING_GROUP = (PostKind.LEADER, PostKind.DEPUTY, PostKind.GROUP_OFFICE, PostKind.GROUP_MEMBER)
COUNTY_KINDS = (PostKind.COUNTY_OFFICER, PostKind.WOMENS_FEDERATION, PostKind.INSPECTOR)
# One holder at a time: the answerable adult of a class, and of a school.
SINGLE_KINDS = (PostKind.CLASS_TEACHER, PostKind.LEADER)


class PostQuerySet(SpellQuerySet):
    """Posts, with the scope of the reader."""

    def visible_to(self, user):
        """Posts of colleagues the user may see."""
        return self.filter(staff__in=Staff.objects.visible_to(user))


class Post(Spell):
    """A staff member holds a post over a scope from–to. The appointment is the standing approval of access (条例 36)."""

    staff = models.ForeignKey(Staff, models.PROTECT, related_name="posts", verbose_name="教职工")
    kind = models.CharField("岗位", max_length=20, choices=PostKind.choices)
    county = models.ForeignKey(County, models.PROTECT, related_name="posts", verbose_name="县")
    district = models.ForeignKey(
        District, models.PROTECT, null=True, blank=True, related_name="posts", verbose_name="学区"
    )
    # Set for every post inside a school, also for one over a grade, class or center of it.
    school = models.ForeignKey(
        School, models.PROTECT, null=True, blank=True, related_name="posts", verbose_name="学校"
    )
    grade = models.SmallIntegerField("年级", null=True, blank=True)
    school_class = models.ForeignKey(
        SchoolClass, models.PROTECT, null=True, blank=True, related_name="posts", verbose_name="班级"
    )
    center = models.ForeignKey(
        ActivityCenter,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="posts",
        verbose_name="留守儿童之家",
    )
    duty_text = models.CharField("分工", max_length=200, blank=True)

    objects = PostQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "岗位"
        indexes = [
            models.Index(fields=["school_class", "kind", "starts_on"], name="post_of_class"),
            models.Index(fields=["school", "kind", "starts_on"], name="post_of_school"),
            models.Index(fields=["staff", "starts_on"], name="post_of_staff"),
        ]
        constraints = [
            *Spell.Meta.constraints,
            models.UniqueConstraint(
                fields=["school_class"],
                condition=Q(kind="class_teacher", ends_on=None, cancelled_at=None),
                name="one_open_class_teacher",
                violation_error_message="这个班已经有班主任，请先结束原来的",
            ),
            models.UniqueConstraint(
                fields=["school"],
                condition=Q(kind="leader", ends_on=None, cancelled_at=None),
                name="one_open_leader",
                violation_error_message="这所学校已经有组长（校长），请先结束原来的",
            ),
        ]

    def __str__(self):
        return f"{self.scope_name}{self.get_kind_display()}"

    @property
    def scope_name(self):
        """Name of the place the post covers."""
        if self.kind == PostKind.GRADE_HEAD and self.grade is not None:
            from .places import GRADE_NAMES

            return GRADE_NAMES.get(self.grade, "")
        place = self.school_class or self.center or self.school or self.district or self.county
        return str(place)

    def clean(self):
        """The scope fits the kind; single posts do not overlap."""
        if self.school_class_id:
            self.school = self.school_class.school
        elif self.center_id and self.center.school_id:
            self.school = self.center.school
        super().clean()
        kind, wrong = self.kind, {}
        if kind in (PostKind.CLASS_TEACHER, PostKind.SUBJECT_TEACHER) and not self.school_class_id:
            wrong["school_class"] = "请选班级"
        elif kind == PostKind.GRADE_HEAD and self.grade is None:
            wrong["grade"] = "请选年级"
        elif kind == PostKind.CENTER_MANAGER and not self.center_id:
            wrong["center"] = "请选留守儿童之家"
        elif kind == PostKind.DISTRICT_OFFICER and not self.district_id:
            wrong["district"] = "请选学区"
        elif (
            kind in (*LEADING_GROUP, PostKind.TEACHER, PostKind.ARCHIVIST, PostKind.COUNSELOR)
            and not self.school_id
        ):
            wrong["school"] = "请选学校"
        if wrong:
            raise ValidationError(wrong)
        if kind in SINGLE_KINDS and not self.cancelled_at and self.starts_on:
            same = (
                {"school_class": self.school_class}
                if kind == PostKind.CLASS_TEACHER
                else {"school": self.school}
            )
            others = Post.objects.filter(kind=kind, **same).exclude(pk=self.pk)
            clash = others.overlapping(self.starts_on, self.ends_on).select_related("staff").first()
            if clash:
                raise ValidationError(
                    {
                        "starts_on": f"这段日子已由{clash.staff.name}担任（{clash.starts_on:%Y-%m-%d}起），请先结束原来的"
                    }
                )


class DutyTextQuerySet(models.QuerySet):
    """Duty texts of schools and counties."""

    def visible_to(self, user):
        """Of the schools in scope, and the county's own."""
        schools = School.objects.visible_to(user)
        return self.filter(
            Q(school__in=schools.values("pk")) | Q(school=None, county__in=schools.values("county"))
        )


class DutyText(Identified, Versioned):
    """职责 of a post (C004): the county's template, or a school's own words in its place."""

    county = models.ForeignKey(County, models.PROTECT, related_name="duty_texts", verbose_name="县")
    school = models.ForeignKey(
        School, models.PROTECT, null=True, blank=True, related_name="duty_texts", verbose_name="学校"
    )
    kind = models.CharField("岗位", max_length=20, choices=PostKind.choices)
    text = models.TextField("职责", max_length=2000)

    objects = DutyTextQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "岗位职责"
        constraints = [
            models.UniqueConstraint(
                fields=["county", "kind"],
                condition=Q(school=None),
                name="one_duty_text_per_county_post",
                violation_error_message="这个岗位的职责已经写过",
            ),
            models.UniqueConstraint(
                fields=["school", "kind"],
                condition=Q(school__isnull=False),
                name="one_duty_text_per_school_post",
                violation_error_message="这个岗位的职责已经写过",
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()}职责"
