"""Roster imports: the batch a person checks and confirms, its rows while they are checked, the rows that wait."""

import json

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from trust.crypto import EncryptedTextField
from trust.models import Identified, Upload

from .places import School


class ImportState(models.TextChoices):
    """Where a batch stands."""

    READING = "reading", "正在读"
    CHECKING = "checking", "待核对"
    WRITING = "writing", "正在导入"
    DONE = "done", "已导入"
    REFUSED = "refused", "读不了"
    DROPPED = "dropped", "没有导入"
    UNDONE = "undone", "已撤销"


class ImportKind(models.TextChoices):
    """What a file brings."""

    ROSTER = "roster", "花名册"
    PAIRINGS = "pairings", "结对名单"
    CONTACTS = "contacts", "谈心家访记录"


class RowStatus(models.TextChoices):
    """What confirming does with a row."""

    NEW = "new", "新来的孩子"
    CHANGED = "changed", "资料有变化"
    UNCHANGED = "unchanged", "没有变化"
    HELD = "held", "先不导入"
    IGNORED = "ignored", "没有当作孩子"


class ImportQuerySet(models.QuerySet):
    """Batches and rows follow the school over which the user may import."""

    def visible_to(self, user):
        """Of schools whose roster the user may import."""
        from ..access import Act, schools_for  # the table of posts reads these models

        own = self.model in (ImportBatch, HeadingChoice)
        path = "school__in" if own else "batch__school__in"
        return self.filter(**{path: schools_for(user, Act.IMPORT_ROSTER).values("pk")})


class ImportBatch(Identified):
    """One roster file for one school: read, checked by a person, confirmed as a whole or not at all."""

    school = models.ForeignKey(School, models.PROTECT, related_name="imports", verbose_name="学校")
    kind = models.CharField("内容", max_length=8, choices=ImportKind.choices, default=ImportKind.ROSTER)
    upload = models.ForeignKey(Upload, models.SET_NULL, null=True, blank=True, related_name="+")
    file_name = EncryptedTextField("文件名", blank=True)
    sha256 = models.CharField(max_length=64, db_index=True)
    as_of = models.DateField("名册日期", help_text="名册说的是哪一天的情况；有变化的从这一天算起")
    state = models.CharField("状态", max_length=10, choices=ImportState.choices, default=ImportState.READING)
    note = models.CharField("说明", max_length=300, blank=True)
    counts = models.JSONField("行数", default=dict)
    new_classes = models.JSONField("将新建的班级", default=list)
    # Answers to what the preview asked: rows (sheet, row) of repeated children where the earlier row is right.
    keep_first = models.JSONField(default=list)
    # Rows without ID number that look like a child we have: {"sheet|row": uid of that child, or "new"}.
    same_as = models.JSONField(default=dict)
    # Headings whose meaning a person chose for this file: {heading: "person.attribute" or "ignore"}.
    headings = models.JSONField(default=dict)
    # JSON: the file's columns that nobody knew, with a proposal, and those whose meaning a person chose.
    columns = EncryptedTextField(blank=True)
    # What the preview showed, as a digest: confirming refuses when the register has changed since.
    digest = models.CharField(max_length=64, blank=True, editable=False)
    submission = models.UUIDField(null=True, blank=True, unique=True, editable=False)
    created_at = models.DateTimeField("上传时间", default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    confirmed_at = models.DateTimeField("导入时间", null=True, blank=True, editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    undone_at = models.DateTimeField("撤销时间", null=True, blank=True, editable=False)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "名册导入"
        ordering = ["-created_at", "-pk"]
        indexes = [models.Index(fields=["school", "created_at"], name="import_of_school")]

    def __str__(self):
        return f"{self.school} {self.created_at:%Y-%m-%d}"

    def get_absolute_url(self):
        return reverse("registry:import_detail", args=[self.uid])

    def count(self, *statuses):
        """Children with one of these statuses."""
        return sum(self.counts.get(status, 0) for status in statuses)

    @property
    def entering(self):
        """Children whom confirming enters or changes."""
        return self.count(RowStatus.NEW, RowStatus.CHANGED)


class ImportRow(Identified):
    """A row of the file as the preview shows it; gone once the batch is confirmed or dropped."""

    batch = models.ForeignKey(ImportBatch, models.CASCADE, related_name="rows")
    position = models.PositiveIntegerField()
    sheet = models.CharField(max_length=60, blank=True)
    number = models.PositiveIntegerField("行")
    status = models.CharField(max_length=10, choices=RowStatus.choices)
    has_problems = models.BooleanField(default=False)
    # It looks like a child we have: a person must say whether it is.
    asks = models.BooleanField(default=False)
    data = EncryptedTextField(blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "导入的行"
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["batch", "position"], name="import_row_once")]
        indexes = [models.Index(fields=["batch", "status", "position"], name="import_row_by_status")]

    def __str__(self):
        return f"第 {self.number} 行"

    @property
    def shown(self):
        """What the page shows: cells, problems, changes."""
        return json.loads(self.data or "{}")


class HeldRow(Identified):
    """待改行: a row that waits until it is put right and sent again, or set aside with a reason."""

    batch = models.ForeignKey(ImportBatch, models.PROTECT, related_name="held_rows")
    position = models.PositiveIntegerField()
    sheet = models.CharField(max_length=60, blank=True)
    number = models.PositiveIntegerField("行")
    data = EncryptedTextField(blank=True)
    done_at = models.DateTimeField("处理时间", null=True, blank=True, editable=False)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    done_note = models.CharField("怎么处理的", max_length=200, blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "待改行"
        ordering = ["batch", "position"]
        constraints = [
            models.UniqueConstraint(fields=["batch", "position"], name="held_row_once"),
            models.CheckConstraint(
                condition=Q(done_at=None, done_note="") | (Q(done_at__isnull=False) & ~Q(done_note="")),
                name="held_row_done_says_how",
                violation_error_message="请写明这一行是怎么处理的",
            ),
        ]

    def __str__(self):
        return f"第 {self.number} 行"

    @property
    def shown(self):
        """What the page shows: cells and problems."""
        return json.loads(self.data or "{}")


class ImportTrace(Identified):
    """One row that a batch wrote: made by it, or changed, with what stood there before. Undoing reads it backwards."""

    batch = models.ForeignKey(ImportBatch, models.PROTECT, related_name="traces")
    position = models.PositiveIntegerField()
    model = models.CharField(max_length=60)
    row = models.UUIDField()  # the uid of the row
    made = models.BooleanField()
    # Of a changed row: its fields before and after, so that a later change of somebody else is seen.
    before = EncryptedTextField(blank=True)
    after = EncryptedTextField(blank=True)

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "导入写下的"
        ordering = ["position"]
        constraints = [models.UniqueConstraint(fields=["batch", "position"], name="import_trace_once")]
        indexes = [models.Index(fields=["batch", "model"], name="import_trace_by_model")]

    def __str__(self):
        return f"{self.model} {self.row}"

    @property
    def fields_before(self):
        """{field: value} as it stood before the batch."""
        return json.loads(self.before or "{}")

    @property
    def fields_after(self):
        """{field: value} as the batch left it."""
        return json.loads(self.after or "{}")


class HeadingChoice(Identified):
    """What a heading means in the files of one school, as a person of that school chose."""

    school = models.ForeignKey(School, models.PROTECT, related_name="heading_choices", verbose_name="学校")
    heading = models.CharField("表头", max_length=80)
    meaning = models.CharField("填到", max_length=60)
    chosen_at = models.DateTimeField("选定时间", default=timezone.now)
    chosen_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = ImportQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "表头的意思"
        ordering = ["heading"]
        constraints = [
            models.UniqueConstraint(fields=["school", "heading"], name="one_choice_per_heading"),
        ]

    def __str__(self):
        return self.heading
