"""摸底排查: a screening each term, class by class and child by child, handed in from class to school to district to county.

F52, F53 (每学期摸底登记), C013, C027. What a school handed in is a snapshot with its definition (口径) and its day; it does not
change when the register does.
"""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone

from trust.models import Identified, Versioned

from .calendar import Term
from .children import Child
from .places import County, School, SchoolClass


class ScreeningQuerySet(models.QuerySet):
    """Screenings and their parts, by the places a reader's posts reach."""

    _SCHOOL = {
        "Screening": "county__schools__in",
        "SchoolScreening": "school__in",
        "ScreeningStep": "school_screening__school__in",
        "ClassScreening": "school_screening__school__in",
    }

    def visible_to(self, user):
        """Of schools inside the scopes of the user's posts; figures, no names."""
        path = self._SCHOOL[self.model.__name__]
        return self.filter(**{path: School.objects.visible_to(user).values("pk")}).distinct()


class Screening(Identified, Versioned):
    """The county's campaign of one term: which day it speaks of, and until when classes answer."""

    county = models.ForeignKey(County, models.PROTECT, related_name="screenings", verbose_name="县")
    term = models.ForeignKey(Term, models.PROTECT, related_name="screenings", verbose_name="学期")
    as_of = models.DateField("截止日期", help_text="摸底说的是这一天的情况")
    due_on = models.DateField("上报期限", help_text="各校在这一天之前上报")
    definition = models.CharField("口径", max_length=120)
    opened_at = models.DateTimeField("发起时间", default=timezone.now, editable=False)
    opened_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    closed_at = models.DateTimeField("结束时间", null=True, blank=True, editable=False)

    objects = ScreeningQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "摸底排查"
        ordering = ["-as_of", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["county", "term"],
                name="one_screening_per_term",
                violation_error_message="这个学期的摸底已经发起",
            ),
            models.CheckConstraint(
                condition=Q(due_on__gte=F("as_of")),
                name="screening_due_after_its_day",
                violation_error_message="上报期限不能早于截止日期",
            ),
        ]

    def __str__(self):
        return f"{self.term}摸底"


class HandInState(models.TextChoices):
    """Where a school's screening stands on its way to the county."""

    FILLING = "filling", "填报中"
    AT_DISTRICT = "at_district", "已上报学区"
    AT_COUNTY = "at_county", "已上报县"
    RETURNED = "returned", "已退回"
    ACCEPTED = "accepted", "县已接收"


class SchoolScreening(Identified, Versioned):
    """One school's part. The figures 入学率 needs beyond the classes are the school's own."""

    screening = models.ForeignKey(Screening, models.PROTECT, related_name="schools", verbose_name="摸底")
    school = models.ForeignKey(School, models.PROTECT, related_name="screenings", verbose_name="学校")
    state = models.CharField(
        "状态", max_length=12, choices=HandInState.choices, default=HandInState.FILLING, editable=False
    )
    school_age_children = models.PositiveIntegerField("服务范围内适龄儿童数", null=True, blank=True)
    school_age_enrolled = models.PositiveIntegerField("其中已入学", null=True, blank=True)
    handed_in_at = models.DateTimeField("上报时间", null=True, blank=True, editable=False)
    handed_in_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = ScreeningQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "学校摸底"
        ordering = ["school__code"]
        constraints = [
            models.UniqueConstraint(fields=["screening", "school"], name="one_screening_per_school"),
            models.CheckConstraint(
                condition=Q(school_age_children=None)
                | Q(school_age_enrolled=None)
                | Q(school_age_enrolled__lte=F("school_age_children")),
                name="enrolled_not_above_school_age",
                violation_error_message="已入学的人数不能多于适龄儿童数",
            ),
        ]

    def __str__(self):
        return f"{self.school} {self.get_state_display()}"


class ScreeningStep(Identified):
    """上报、退回、接收: each step of a school's screening with who, when and the remark."""

    school_screening = models.ForeignKey(SchoolScreening, models.PROTECT, related_name="steps")
    state = models.CharField("到了哪一步", max_length=12, choices=HandInState.choices)
    comment = models.CharField("意见", max_length=300, blank=True)
    taken_at = models.DateTimeField("时间", default=timezone.now, editable=False)
    taken_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = ScreeningQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "摸底流转"
        ordering = ["taken_at", "pk"]

    def __str__(self):
        return self.get_state_display()


class ClassScreening(Identified, Versioned):
    """One class's part (or that of the children without a class): the class's own figures, and its entries."""

    school_screening = models.ForeignKey(SchoolScreening, models.PROTECT, related_name="classes")
    school_class = models.ForeignKey(
        SchoolClass, models.PROTECT, null=True, blank=True, related_name="screenings", verbose_name="班级"
    )
    pupils = models.PositiveSmallIntegerField("班级学生数", null=True, blank=True)
    pupils_at_start = models.PositiveSmallIntegerField("学年初学生数", null=True, blank=True)
    transferred_in = models.PositiveSmallIntegerField("转入", null=True, blank=True)
    transferred_out = models.PositiveSmallIntegerField("转出", null=True, blank=True)
    dropped_out = models.PositiveSmallIntegerField("辍学", null=True, blank=True)
    done_at = models.DateTimeField("交给学校的时间", null=True, blank=True, editable=False)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = ScreeningQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "班级摸底"
        constraints = [
            models.UniqueConstraint(
                fields=["school_screening", "school_class"],
                condition=Q(school_class__isnull=False),
                name="one_screening_per_class",
            ),
            models.UniqueConstraint(
                fields=["school_screening"],
                condition=Q(school_class=None),
                name="one_screening_without_class",
            ),
        ]

    def __str__(self):
        return f"{self.school_class or '未分班'}摸底"


class ScreeningAnswer(models.TextChoices):
    """What the class teacher says of a child; "" = not yet answered."""

    UNCHANGED = "unchanged", "没有变化"
    CHANGED = "changed", "有变化"
    NEW = "new", "新增"
    HOME_AGAIN = "home_again", "父母回来了"
    LEFT = "left", "已离校"


class ScreeningEntryQuerySet(models.QuerySet):
    """Entries name children and follow them."""

    def visible_to(self, user):
        """Of children whose file the user may open."""
        return self.filter(child__in=Child.objects.visible_to(user))


class ScreeningEntry(Identified, Versioned):
    """One child's answer. ``snapshot`` is what stood on the handed-in list: filled then, locked since."""

    class_screening = models.ForeignKey(ClassScreening, models.PROTECT, related_name="entries")
    child = models.ForeignKey(Child, models.PROTECT, related_name="screening_entries", verbose_name="儿童")
    answer = models.CharField("结果", max_length=10, choices=ScreeningAnswer.choices, blank=True)
    note = models.CharField("说明", max_length=200, blank=True)
    answered_at = models.DateTimeField("确认时间", null=True, blank=True, editable=False)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    returned_comment = models.CharField("退回意见", max_length=300, blank=True)
    snapshot = models.JSONField(default=dict, editable=False)

    objects = ScreeningEntryQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "摸底登记"
        constraints = [
            models.UniqueConstraint(
                fields=["class_screening", "child"], name="one_screening_entry_per_child"
            ),
            models.CheckConstraint(
                condition=Q(answer="", answered_at=None) | (~Q(answer="") & Q(answered_at__isnull=False)),
                name="screening_answer_has_a_time",
            ),
        ]

    def __str__(self):
        return self.get_answer_display() or "还没确认"
