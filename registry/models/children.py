"""Children, their school, their place on the care list (在册), their traits: facts with dates, never labels."""

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import OuterRef, Q, Subquery
from django.urls import reverse
from django.utils import timezone
from simple_history.models import HistoricalRecords

from trust.crypto import EncryptedTextField
from trust.models import Identified, Versioned

from ..pinyin import initials, sort_key
from .places import County, School, SchoolClass
from .spells import Spell, SpellQuerySet
from .staff import Sex


class ChildQuerySet(models.QuerySet):
    """Children, always asked for a day or a reader."""

    def visible_to(self, user):
        """Children whose file ``user`` may open (``registry.access``); nothing granted, nothing seen."""
        from ..access import children_for  # the table of posts reads these models

        return self.filter(children_for(user, "file"))

    def named_to(self, user):
        """Children whose name and class ``user`` may know; more than ``visible_to``, never less."""
        from ..access import children_for

        return self.filter(children_for(user, "name"))

    def listed_on(self, day):
        """On the care list (在册) and enrolled on ``day``."""
        return self.filter(
            pk__in=CareListSpell.objects.on(day).values("child"), enrollments__in=Enrollment.objects.on(day)
        )

    def at_school_on(self, school, day):
        """Enrolled at ``school`` (or one of a queryset of schools) on ``day``."""
        schools = [school] if isinstance(school, School) else school
        return self.filter(pk__in=Enrollment.objects.on(day).filter(school__in=schools).values("child"))

    def in_class_on(self, school_class, day):
        """Sitting in ``school_class`` on ``day``."""
        return self.filter(
            pk__in=Enrollment.objects.on(day).filter(school_class=school_class).values("child")
        )

    def with_latest_enrollment(self):
        """Annotates ``latest_enrollment_id``: the one in force, else the last one begun."""
        return self.annotate(
            latest_enrollment_id=Subquery(latest_enrollment(OuterRef("pk")).values("pk")[:1])
        )

    def by_name(self):
        """In pinyin order."""
        return self.order_by("name_key", "pk")


class Child(Identified, Versioned):
    """A child on the care list, screened, or a peer in a tie. Its file (一人一档) is the child's page, not a table."""

    county = models.ForeignKey(County, models.PROTECT, related_name="children", verbose_name="县")
    name = models.CharField("姓名", max_length=60)
    name_key = models.CharField(max_length=200, editable=False, db_index=True)
    initials = models.CharField(max_length=200, editable=False)
    former_name = models.CharField("曾用名", max_length=60, blank=True)
    sex = models.CharField("性别", max_length=6, choices=Sex.choices)
    birth_date = models.DateField("出生日期", null=True, blank=True)
    ethnic_group = models.CharField("民族", max_length=20, blank=True)
    id_number = EncryptedTextField("身份证件号", blank=True)
    id_number_index = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    household_registration = models.CharField("户籍所在地", max_length=120, blank=True)
    village = models.CharField("村（社区）", max_length=60, blank=True)
    division_code = models.CharField("居住地区划代码", max_length=12, blank=True)
    address = EncryptedTextField("现住址（组、门牌）", blank=True)
    student_number = models.CharField("学籍号", max_length=30, blank=True)
    health = EncryptedTextField("身体状况", blank=True)
    character = models.CharField("性格与爱好", max_length=200, blank=True)
    household_income = models.CharField("家庭经济来源", max_length=120, blank=True)
    household_size = models.PositiveSmallIntegerField("家庭人口", null=True, blank=True)
    aid = models.CharField("享受的救助帮扶", max_length=120, blank=True)
    # A double that was merged: its facts moved to the other child, it is kept so that merging can be undone.
    merged_into = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="merged"
    )
    note = EncryptedTextField("备注", blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    history = HistoricalRecords()
    objects = ChildQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "儿童"
        ordering = ["name_key", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["county", "id_number_index"],
                condition=~Q(id_number_index=""),
                name="child_id_number_once_per_county",
                violation_error_message="这个身份证件号已经登记过，请先查找这个孩子",
            )
        ]

    def __str__(self):
        return self.name

    def prepare(self):
        """Sets what is derived from name and ID number; bulk writers call it, ``save`` does by itself."""
        from ..values import id_number_index

        self.name_key, self.initials = sort_key(self.name), initials(self.name)
        self.id_number_index = id_number_index(self.id_number)

    def save(self, *args, **kwargs):
        self.prepare()
        super().save(*args, **kwargs)

    def clean(self):
        """The ID number is unique in the county (its index is not a form field, so it is checked here)."""
        super().clean()
        if self.birth_date and self.birth_date > timezone.localdate():
            raise ValidationError({"birth_date": "出生日期在今天之后，请核对"})
        self.prepare()
        if self.id_number_index:
            twin = Child.objects.filter(county=self.county, id_number_index=self.id_number_index).exclude(
                pk=self.pk
            )
            if twin.exists():
                raise ValidationError({"id_number": "这个身份证件号已经登记过，请先查找这个孩子"})

    def get_absolute_url(self):
        return reverse("reports:child_file", args=[self.uid])

    def age_on(self, day=None):
        """Full years on ``day`` (today if None); born on 29 February a year older on 1 March."""
        if self.birth_date is None:
            return None
        day = day or timezone.localdate()
        return (
            day.year
            - self.birth_date.year
            - ((day.month, day.day) < (self.birth_date.month, self.birth_date.day))
        )

    def enrollment_on(self, day=None):
        """The enrollment in force on ``day``, or None. Costs a query."""
        return (
            self.enrollments.on(day or timezone.localdate())
            .select_related("school", "school_class__school")
            .first()
        )


class ChildFactQuerySet(models.QuerySet):
    """Rows about a child follow the child."""

    def visible_to(self, user):
        """Of children whose file the user may open."""
        return self.filter(child__in=Child.objects.visible_to(user))


class ChildSpellQuerySet(ChildFactQuerySet, SpellQuerySet):
    """Spells about a child follow the child."""


class EnrollmentQuerySet(ChildSpellQuerySet):
    """Enrollments; none outlives its class."""

    def on(self, day):
        """In force on ``day``, the class's last day respected."""
        return super().on(day).filter(Q(school_class=None) | Q(school_class__ends_on__gte=day))

    def over_before(self, day):
        """Whose last day, their own or their class's, lies before ``day``."""
        return self.filter(Q(ends_on__lt=day) | Q(school_class__ends_on__lt=day))

    def lasting_to(self, day):
        """The contrary of ``over_before``: without a last day yet, or with one on or after ``day``."""
        return self.filter(
            Q(ends_on=None) | Q(ends_on__gte=day),
            Q(school_class=None) | Q(school_class__ends_on__gte=day),
        )


def latest_enrollment(child):
    """Enrollments of ``child`` (a pk or OuterRef) begun by today, the last begun first."""
    return (
        Enrollment.objects.valid()
        .filter(child=child, starts_on__lte=timezone.localdate())
        .order_by("-starts_on", "-pk")
    )


class Enrollment(Spell):
    """A child sits at a school, in a class or in none, from–to."""

    overlap_key = ("child",)
    overlap_message = "这段日子孩子已在另一个班（学校），请先结束原来的，或改开始日期"

    child = models.ForeignKey(Child, models.PROTECT, related_name="enrollments", verbose_name="儿童")
    school = models.ForeignKey(School, models.PROTECT, related_name="enrollments", verbose_name="学校")
    school_class = models.ForeignKey(
        SchoolClass, models.PROTECT, null=True, blank=True, related_name="enrollments", verbose_name="班级"
    )
    end_reason = models.CharField("离开原因", max_length=60, blank=True)

    objects = EnrollmentQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "在校经历"
        indexes = [
            models.Index(fields=["child", "starts_on"], name="enrollment_of_child"),
            models.Index(fields=["school", "starts_on"], name="enrollment_of_school"),
        ]
        constraints = [
            *Spell.Meta.constraints,
            models.UniqueConstraint(
                fields=["child"],
                condition=Q(ends_on=None, cancelled_at=None),
                name="one_open_enrollment_per_child",
                violation_error_message="这个孩子还在另一个班（学校），请先结束原来的",
            ),
        ]

    def __str__(self):
        return f"{self.school} {self.school_class or '未分班'}"

    def clean(self):
        """The class belongs to the school."""
        super().clean()
        if self.school_class_id and self.school_class.school_id != self.school_id:
            raise ValidationError({"school_class": "这个班不在所选的学校里"})


class AwayType(models.TextChoices):
    """Why a child is on the care list; ``unknown`` waits to be asked (待核实)."""

    BOTH_AWAY = "both_away", "父母双方外出"
    ONE_AWAY = "one_away", "父母一方外出"
    UNKNOWN = "unknown", "待核实"


class CareListSpell(Spell):
    """On the care list (留守儿童名单) from–to, as a person confirmed it."""

    overlap_key = ("child",)
    overlap_message = "这段日子孩子已经在册"

    child = models.ForeignKey(Child, models.PROTECT, related_name="care_list_spells", verbose_name="儿童")
    type = models.CharField("留守类型", max_length=10, choices=AwayType.choices)
    end_reason = models.CharField("移出原因", max_length=60, blank=True)

    objects = ChildSpellQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "在册记录"
        indexes = [models.Index(fields=["child", "starts_on"], name="care_list_of_child")]
        constraints = [
            *Spell.Meta.constraints,
            models.UniqueConstraint(
                fields=["child"],
                condition=Q(ends_on=None, cancelled_at=None),
                name="one_open_care_list_spell",
                violation_error_message="这个孩子已经在册",
            ),
        ]

    def __str__(self):
        return self.get_type_display()


class TraitKind(models.TextChoices):
    """What holds of a child for a time. ``unattended`` and ``alone`` are protection alarms."""

    BOARDING = "boarding", "寄宿"
    PRIORITY = "priority", "重点关注"
    HARDSHIP = "hardship", "困境"
    UNATTENDED = "unattended", "无人监护"
    ALONE = "alone", "独居"
    PARENTS_UNREACHABLE = "parents_unreachable", "失联家长"
    MIGRANT = "migrant", "随迁子女"
    FLOATING = "floating", "流动儿童"
    BOARDING_WISH = "boarding_wish", "希望寄宿"


ALARM_TRAITS = (TraitKind.UNATTENDED, TraitKind.ALONE)


class Hardship(models.TextChoices):
    """困境 (国发〔2016〕36号; 民发〔2019〕62号): a child may carry several."""

    POVERTY = "poverty", "家庭贫困"
    DISABILITY = "disability", "本人残疾或重病"
    GUARDIANSHIP = "guardianship", "监护缺失或不当"
    ORPHAN = "orphan", "孤儿"
    DE_FACTO_ORPHAN = "de_facto_orphan", "事实无人抚养"
    TEMPORARY = "temporary", "临时困境"


class Trait(Spell):
    """A trait with dates and a restricted reason; 失联家长 counts once a leader has approved it."""

    overlap_key = ("child", "kind", "detail")

    child = models.ForeignKey(Child, models.PROTECT, related_name="traits", verbose_name="儿童")
    kind = models.CharField("情况", max_length=20, choices=TraitKind.choices)
    detail = models.CharField("困境类型", max_length=16, choices=Hardship.choices, blank=True)
    reason = EncryptedTextField("原因", blank=True)
    review_on = models.DateField("复核日期", null=True, blank=True)
    approved_at = models.DateTimeField("批准时间", null=True, blank=True, editable=False)
    approved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = ChildSpellQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "儿童情况"
        indexes = [models.Index(fields=["child", "kind", "starts_on"], name="trait_of_child")]
        constraints = [
            *Spell.Meta.constraints,
            models.UniqueConstraint(
                fields=["child", "kind", "detail"],
                condition=Q(ends_on=None, cancelled_at=None),
                name="one_open_trait_of_a_kind",
                violation_error_message="这一项已经登记，还没有结束",
            ),
        ]

    def __str__(self):
        return self.get_detail_display() or self.get_kind_display()


class OpenQuestion(Identified):
    """待核实: something about a child that a person must still ask or check; stays until answered."""

    child = models.ForeignKey(Child, models.PROTECT, related_name="open_questions", verbose_name="儿童")
    field = models.CharField("项目", max_length=60)
    text = EncryptedTextField("表上写的", blank=True)
    message = models.CharField("要核实什么", max_length=300)
    source = models.CharField("来源", max_length=120, blank=True)
    asked_at = models.DateTimeField("提出时间", default=timezone.now, editable=False)
    answered_at = models.DateTimeField("答复时间", null=True, blank=True, editable=False)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    answer = EncryptedTextField("答复", blank=True)

    objects = ChildFactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "待核实"
        ordering = ["asked_at", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["child", "field"],
                condition=Q(answered_at=None),
                name="one_open_question_per_field",
                violation_error_message="这一项已经在待核实里",
            )
        ]

    def __str__(self):
        return self.word

    @property
    def word(self):
        """The item as the page says it: 身份证号, 监护人的电话. What the importer asks carries the name of a column's meaning."""
        from ..roster.meanings import words_of

        return words_of(self.field)


class StatedReasonQuerySet(models.QuerySet):
    """Reasons stated by readers."""

    def visible_to(self, user):
        """One's own, and those about schools one reviews."""
        from ..stated_reasons import reviewed_schools  # the table of posts reads these models

        return self.filter(Q(user=user) | Q(school__in=reviewed_schools(user).values("pk")))

    def open(self):
        """Still in force."""
        return self.filter(expires_at__gt=timezone.now())

    def of_schools(self):
        """Those that open the names of a whole school."""
        return self.filter(child=None)


class StatedReason(Identified):
    """A reader beyond the standing approval said why; opens names of a school for a time, and is reviewed.

    With ``child`` it opens one sealed file (封存) of that school and nothing else.
    """

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="stated_reasons")
    school = models.ForeignKey(School, models.PROTECT, related_name="+", verbose_name="学校")
    child = models.ForeignKey(
        Child,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="sealed_openings",
        verbose_name="封存的档案",
    )
    reason = models.CharField("用途", max_length=200)
    opened_at = models.DateTimeField(default=timezone.now, editable=False)
    expires_at = models.DateTimeField()
    reviewed_at = models.DateTimeField(null=True, blank=True)
    reviewed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    objects = StatedReasonQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "查看用途"
        ordering = ["-opened_at"]
        indexes = [models.Index(fields=["user", "expires_at"], name="stated_reason_of_user")]

    def __str__(self):
        return self.reason


class Demand(Identified, Versioned):
    """诉求: what a family asked for, when, and the answer it got with its date (C032)."""

    child = models.ForeignKey(Child, models.PROTECT, related_name="demands", verbose_name="儿童")
    raised_on = models.DateField("提出日期")
    raised_by = models.CharField("谁提的", max_length=40, blank=True)
    text = EncryptedTextField("诉求")
    answer = EncryptedTextField("答复", blank=True)
    answered_on = models.DateField("答复日期", null=True, blank=True)
    recorded_at = models.DateTimeField("登记时间", default=timezone.now, editable=False)
    recorded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = ChildFactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "家庭诉求"
        ordering = ["-raised_on", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(answered_on=None) | Q(answered_on__gte=models.F("raised_on")),
                name="demand_answered_after_raised",
                violation_error_message="答复日期不能早于提出日期",
            )
        ]

    def __str__(self):
        return f"{self.raised_on:%Y-%m-%d} 诉求"


class ChildMerge(Identified):
    """Two files of one child became one (C138): what moved, encrypted, so that it can be put back."""

    kept = models.ForeignKey(Child, models.PROTECT, related_name="merges_kept", verbose_name="保留的")
    dropped = models.ForeignKey(Child, models.PROTECT, related_name="merges_dropped", verbose_name="并入的")
    moved = EncryptedTextField(editable=False)
    merged_at = models.DateTimeField("合并时间", default=timezone.now, editable=False)
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )
    undone_at = models.DateTimeField("撤销时间", null=True, blank=True, editable=False)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    class MergeQuerySet(models.QuerySet):
        """Merges follow the child that was kept."""

        def visible_to(self, user):
            """Of children whose file the user may open."""
            return self.filter(kept__in=Child.objects.visible_to(user))

    objects = MergeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "重复档案合并"
        ordering = ["-merged_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["dropped"], condition=Q(undone_at=None), name="merged_once_at_a_time"
            ),
        ]

    def __str__(self):
        return f"{self.merged_at:%Y-%m-%d} 合并"


class NamesakesQuerySet(models.QuerySet):
    """Confirmed namesakes, seen by those who may open both files."""

    def visible_to(self, user):
        """Of children whose files the user may open, both."""
        seen = Child.objects.visible_to(user)
        return self.filter(first__in=seen, second__in=seen)


class Namesakes(Identified):
    """同名不同人: two files that look like one child and are not, as a person confirmed; ``first`` is the older row."""

    first = models.ForeignKey(Child, models.PROTECT, related_name="namesakes", verbose_name="一个")
    second = models.ForeignKey(Child, models.PROTECT, related_name="older_namesakes", verbose_name="另一个")
    confirmed_at = models.DateTimeField("确认时间", default=timezone.now, editable=False)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, editable=False, related_name="+"
    )

    objects = NamesakesQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "同名不同人"
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="namesakes_confirmed_once"),
        ]

    def __str__(self):
        return f"{self.confirmed_at:%Y-%m-%d} 不是同一个"
