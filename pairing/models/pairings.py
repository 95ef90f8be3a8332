"""Pairings (包保、结对), quotas, and leaders' cover (包班) of classes."""

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q
from simple_history.models import HistoricalRecords

from registry.models import (
    Child,
    ChildSpellQuerySet,
    PostKind,
    School,
    SchoolClass,
    Spell,
    SpellQuerySet,
    Staff,
)
from trust.models import Identified, Versioned

from .outside import OutsideHelper


class PairingKind(models.TextChoices):
    """Kinds of tie between a child and somebody who is not family."""

    PRIMARY = "primary", "包保"
    PROXY = "proxy", "代理家长"
    HELPER = "helper", "志愿帮扶"
    PEER = "peer", "手拉手"


class EndReason(models.TextChoices):
    """Why a pairing ended."""

    STAFF_LEFT = "staff_left", "教师调离或离职"
    STAFF_DUTIES = "staff_duties", "教师工作调整"
    CHILD_LEFT = "child_left", "孩子转学、毕业"
    OFF_LIST = "off_list", "孩子移出名单"
    WISH = "wish", "孩子或家长希望换人"
    QUOTA = "quota", "名额调整"
    OTHER = "other", "其他"


class PairingQuerySet(ChildSpellQuerySet):
    """Ties between children and adults."""

    def primary(self):
        """包保 only: the answerable tie."""
        return self.filter(kind=PairingKind.PRIMARY)

    def held_by(self, user):
        """Ties of the staff member behind an account."""
        return self.filter(staff__user=user)


class Pairing(Spell, Versioned):
    """A named adult answers for a named child from–to; one open primary pairing per child."""

    overlap_message = "这段日子孩子已有包保教师，请先结束原来的包保"

    child = models.ForeignKey(Child, models.PROTECT, related_name="pairings", verbose_name="儿童")
    staff = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="pairings", verbose_name="教师"
    )
    helper_name = models.CharField("校外帮扶人", max_length=60, blank=True)
    helper = models.ForeignKey(
        OutsideHelper,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="pairings",
        verbose_name="校外帮扶人",
    )
    # 手拉手、学习帮手: a fellow pupil, who never learns of any list.
    peer = models.ForeignKey(
        Child, models.PROTECT, null=True, blank=True, related_name="peer_pairings", verbose_name="同伴"
    )
    consent_on = models.DateField("双方同意日期", null=True, blank=True)
    kind = models.CharField("类别", max_length=8, choices=PairingKind.choices, default=PairingKind.PRIMARY)
    end_reason = models.CharField("结束原因", max_length=12, choices=EndReason.choices, blank=True)
    end_note = models.CharField("说明", max_length=200, blank=True)
    note = models.CharField("备注", max_length=200, blank=True)

    history = HistoricalRecords()
    objects = PairingQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "结对包保"
        indexes = [
            models.Index(fields=["child", "kind", "starts_on"], name="pairing_of_child"),
            models.Index(fields=["staff", "kind", "starts_on"], name="pairing_of_staff"),
        ]
        constraints = [
            *Spell.Meta.constraints,
            models.UniqueConstraint(
                fields=["child"],
                condition=Q(kind="primary", ends_on=None, cancelled_at=None),
                name="one_open_primary_pairing",
                violation_error_message="这个孩子已有包保教师，请先结束原来的包保",
            ),
            models.CheckConstraint(
                condition=Q(ends_on=None, end_reason="") | (Q(ends_on__isnull=False) & ~Q(end_reason="")),
                name="pairing_end_has_a_reason",
                violation_error_message="结束包保要写原因",
            ),
            models.CheckConstraint(
                condition=Q(staff__isnull=False, helper_name="", helper=None, peer=None)
                | (Q(staff=None, peer=None) & ~Q(helper_name=""))
                | Q(staff=None, helper_name="", helper=None, peer__isnull=False, kind="peer"),
                name="pairing_has_one_other_side",
                violation_error_message="教师、校外帮扶人、同伴只填一个",
            ),
            models.CheckConstraint(
                condition=Q(peer=None) | ~Q(peer=F("child")),
                name="pairing_peer_is_another_child",
                violation_error_message="同伴不能是孩子自己",
            ),
            models.CheckConstraint(
                condition=~Q(kind="primary") | Q(staff__isnull=False),
                name="primary_pairing_is_with_staff",
                violation_error_message="包保教师要从教职工里选",
            ),
        ]

    def __str__(self):
        return f"{self.other_side} {self.get_kind_display()}"

    @property
    def other_side(self):
        """Name of the teacher, the helper from outside or the fellow pupil."""
        return self.helper_name or (self.staff or self.peer).name

    def clean(self):
        """Primary pairings of a child do not overlap."""
        super().clean()
        if self.kind != PairingKind.PRIMARY or self.cancelled_at or self.starts_on is None:
            return
        others = Pairing.objects.primary().filter(child=self.child).exclude(pk=self.pk)
        clash = others.overlapping(self.starts_on, self.ends_on).select_related("staff").first()
        if clash:
            raise ValidationError(
                {
                    "starts_on": f"这段日子由{clash.staff.name}包保（{clash.starts_on:%Y-%m-%d}起），请先结束原来的包保"
                }
            )


class ClassCoverQuerySet(SpellQuerySet):
    """Covers of classes."""

    def visible_to(self, user):
        """Of classes inside the user's scopes."""
        return self.filter(school_class__in=SchoolClass.objects.visible_to(user))


class ClassCover(Spell):
    """A leading-group member covers a class (包班): class teachers' open duties are also theirs to see."""

    overlap_key = ("school_class",)
    overlap_message = "这段日子这个班已有包班领导"

    staff = models.ForeignKey(Staff, models.PROTECT, related_name="class_covers", verbose_name="领导小组成员")
    school_class = models.ForeignKey(SchoolClass, models.PROTECT, related_name="covers", verbose_name="班级")

    objects = ClassCoverQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "包班"
        indexes = [models.Index(fields=["school_class", "starts_on"], name="cover_of_class")]

    def __str__(self):
        return f"{self.staff}包{self.school_class}"


class QuotaQuerySet(models.QuerySet):
    """Quotas of schools."""

    def visible_to(self, user):
        """Of schools inside the user's scopes."""
        return self.filter(school__in=School.objects.visible_to(user))


class Quota(Identified, Versioned):
    """How many primary pairings a person of a post should hold (4/3/2, 1–2): per post kind or per person."""

    school = models.ForeignKey(School, models.PROTECT, related_name="quotas", verbose_name="学校")
    post_kind = models.CharField("岗位", max_length=20, choices=PostKind.choices, blank=True)
    staff = models.ForeignKey(
        Staff, models.PROTECT, null=True, blank=True, related_name="quotas", verbose_name="教职工"
    )
    minimum = models.PositiveSmallIntegerField("至少", default=1)
    maximum = models.PositiveSmallIntegerField("至多", default=2)

    objects = QuotaQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "包保名额"
        constraints = [
            models.CheckConstraint(
                condition=Q(maximum__gte=F("minimum")),
                name="quota_maximum_not_below_minimum",
                violation_error_message="至多不能少于至少",
            ),
            models.UniqueConstraint(
                fields=["school", "post_kind"],
                condition=Q(staff=None),
                name="one_quota_per_post_kind",
                violation_error_message="这个岗位的名额已经定过",
            ),
            models.UniqueConstraint(
                fields=["school", "staff"],
                condition=Q(staff__isnull=False),
                name="one_quota_per_person",
                violation_error_message="这位教师的名额已经定过",
            ),
        ]

    def __str__(self):
        return f"{self.minimum}–{self.maximum}"
