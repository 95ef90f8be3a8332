"""Contacts: talks (谈心), home visits (家访), guardian contacts (联系家长), family calls (亲情电话), letters."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from registry.models import Child, ChildFactQuerySet, School, Staff
from trust.crypto import EncryptedTextField
from trust.models import Identified, Versioned


class ContactKind(models.TextChoices):
    """What kind of contact; guardian contact (school and family) and family call (child and parent) never mix."""

    TALK = "talk", "谈心"
    HOME_VISIT = "home_visit", "家访"
    GUARDIAN_CONTACT = "guardian_contact", "联系家长"
    FAMILY_CALL = "family_call", "亲情电话"
    LETTER = "letter", "书信"


class Channel(models.TextChoices):
    """By what way."""

    IN_PERSON = "in_person", "当面"
    PHONE = "phone", "电话"
    VIDEO = "video", "视频"
    MESSAGE = "message", "微信、短信"
    LETTER = "letter", "书信"


class Party(models.IntegerChoices):
    """Who was met: bits of a set, so that one index answers for any of them."""

    CHILD = 1, "孩子"
    FATHER = 2, "爸爸"
    MOTHER = 4, "妈妈"
    GUARDIAN = 8, "照看人"


PARTY_CODES = {
    "child": Party.CHILD,
    "father": Party.FATHER,
    "mother": Party.MOTHER,
    "guardian": Party.GUARDIAN,
}


def party_set(codes):
    """The set of ``codes`` (child, father, mother, guardian) as bits. Raises KeyError for an unknown code."""
    bits = 0
    for code in codes:
        bits |= PARTY_CODES[code]
    return bits


def party_codes(bits):
    """The codes in a set of bits, in the order child, father, mother, guardian."""
    return [code for code, bit in PARTY_CODES.items() if bits & bit]


IN_TIME_DAYS = 14


def lag_days(day, moment):
    """Days from ``day`` to the Shanghai date of ``moment``: in time up to 14 (docs/domain.md, In time)."""
    return (timezone.localtime(moment).date() - day).days


class ContactQuerySet(ChildFactQuerySet):
    """Contacts follow the child."""

    def visible_to(self, user):
        """Of children whose file the user may open; of children known by name, those the user had a part in."""
        if user is None or not user.is_authenticated:
            return self.none()
        own = Q(pk__in=ContactStaff.objects.filter(staff__user=user).values("contact")) | Q(recorded_by=user)
        return self.filter(
            Q(child__in=Child.objects.visible_to(user)) | (Q(child__in=Child.objects.named_to(user)) & own)
        )

    def valid(self):
        """Not cancelled."""
        return self.filter(cancelled_at=None)

    def known_at(self, moment):
        """Entered, and not yet cancelled, at ``moment``."""
        return self.filter(Q(cancelled_at=None) | Q(cancelled_at__gt=moment), recorded_at__lte=moment)


class Contact(Identified, Versioned):
    """One contact with one child's world on one day. Siblings make a row each; nothing is deleted.

    A correction of what rules read (day, child, kind, channel, parties, adults, reached) cancels this row and
    enters a new one at that moment; a correction of the words keeps it.
    """

    child = models.ForeignKey(
        Child, models.PROTECT, related_name="contacts", verbose_name="儿童", db_index=False
    )
    kind = models.CharField("类别", max_length=16, choices=ContactKind.choices)
    day = models.DateField("日期")
    at = models.TimeField("时间", null=True, blank=True)
    channel = models.CharField("方式", max_length=10, choices=Channel.choices, default=Channel.IN_PERSON)
    parties = models.PositiveSmallIntegerField("对象")
    reached = models.BooleanField("联系上", default=True)
    staff = models.ForeignKey(
        Staff,
        models.PROTECT,
        related_name="contacts",
        verbose_name="教师",
        help_text="实际谈心、家访、联系的人",
    )
    # School of the child on that day; for boards and amendments, never asked.
    school = models.ForeignKey(School, models.PROTECT, null=True, related_name="+", verbose_name="学校")
    place = models.CharField("地点", max_length=60, blank=True)
    words = EncryptedTextField("内容", blank=True)
    effect = EncryptedTextField("效果与跟进", blank=True)
    next_on = models.DateField("下次跟进", null=True, blank=True)
    needs_report = models.BooleanField("需要强制报告", default=False)
    submission = models.UUIDField("提交编号", default=uuid.uuid4, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name="登记人",
    )
    recorded_at = models.DateTimeField("登记时间", default=timezone.now, editable=False)
    # An offline entry's own time: shown, never judged.
    written_at = models.DateTimeField("手机记录时间", null=True, blank=True, editable=False)
    lag = models.SmallIntegerField("隔几天登记", editable=False)
    cancelled_at = models.DateTimeField("作废时间", null=True, blank=True, editable=False)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    cancel_reason = models.CharField("作废原因", max_length=200, blank=True, editable=False)
    replaces = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="replaced_by"
    )

    history = HistoricalRecords()
    objects = ContactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "关爱记录"
        ordering = ["-day", "-pk"]
        indexes = [
            # Index C: the check, the child's page and the to-do list all read along it.
            models.Index(
                fields=["child", "day"],
                include=["kind", "parties", "channel", "staff"],
                name="contact_by_child_and_day",
            ),
            models.Index(fields=["staff", "day"], name="contact_by_staff_and_day"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["submission", "child"],
                name="one_contact_per_submission",
                violation_error_message="这条已经保存过了",
            ),
            models.CheckConstraint(
                condition=Q(parties__gte=1, parties__lte=15),
                name="contact_has_a_party",
                violation_error_message="请选对象",
            ),
            models.CheckConstraint(
                condition=Q(lag__gte=0),
                name="contact_not_in_the_future",
                violation_error_message="日期不能晚于今天",
            ),
            models.CheckConstraint(
                condition=Q(cancelled_at=None, cancel_reason="")
                | (Q(cancelled_at__isnull=False) & ~Q(cancel_reason="")),
                name="contact_cancelled_with_reason",
                violation_error_message="作废要写原因",
            ),
        ]

    def __str__(self):
        return f"{self.get_kind_display()} {self.day:%Y-%m-%d}"

    def save(self, *args, **kwargs):
        self.lag = lag_days(self.day, self.recorded_at)
        super().save(*args, **kwargs)

    @property
    def party_codes(self):
        """Codes of those met."""
        return party_codes(self.parties)

    @property
    def party_words(self):
        """Those met, in words."""
        return "、".join(Party(PARTY_CODES[code]).label for code in self.party_codes)

    @property
    def is_late(self):
        """Entered more than 14 days after it happened."""
        return self.lag > IN_TIME_DAYS


class ContactStaff(models.Model):
    """Every adult who took part, the first one included: any of them satisfies a rule."""

    contact = models.ForeignKey(Contact, models.CASCADE, related_name="adults")
    staff = models.ForeignKey(Staff, models.PROTECT, related_name="+")

    class Meta:
        verbose_name = verbose_name_plural = "参加的教师"
        constraints = [models.UniqueConstraint(fields=["contact", "staff"], name="adult_once_per_contact")]

    def __str__(self):
        return str(self.staff)


class VisitDetail(models.Model):
    """What only a home visit has (the usual 家访记录表)."""

    contact = models.OneToOneField(Contact, models.CASCADE, related_name="visit")
    uid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    living = EncryptedTextField("居住与生活环境", blank=True)
    care = EncryptedTextField("照看情况", blank=True)
    needs = EncryptedTextField("家长意见与困难", blank=True)
    agreed = EncryptedTextField("商定的事", blank=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = "家访内容"

    def __str__(self):
        return "家访内容"


class CallDetail(models.Model):
    """What only a call has: minutes, and which phone answered."""

    contact = models.OneToOneField(Contact, models.CASCADE, related_name="call")
    minutes = models.PositiveSmallIntegerField("时长（分钟）", null=True, blank=True)
    phone_uid = models.UUIDField("所打电话", null=True, blank=True)

    history = HistoricalRecords()

    class Meta:
        verbose_name = verbose_name_plural = "通话"

    def __str__(self):
        return "通话"
