"""Families: adults (监护人, parents too), their phones, kinship, guardianship spells, parents' work spells."""

from django.db import models
from django.db.models import Q
from django.utils import timezone
from simple_history.models import HistoricalRecords

from trust.crypto import EncryptedTextField
from trust.models import Identified, Upload, Versioned

from ..pinyin import sort_key
from .children import Child, ChildFactQuerySet, ChildSpellQuerySet
from .places import County
from .spells import Spell, SpellQuerySet
from .staff import Sex


class GuardianQuerySet(models.QuerySet):
    """Adults of families; they follow their children."""

    def visible_to(self, user):
        """Adults with kinship to a child whose file the user may open."""
        return self.filter(
            pk__in=Kinship.objects.filter(child__in=Child.objects.visible_to(user)).values("guardian")
        )


class Guardian(Identified, Versioned):
    """One adult who answers for children at home, parents included; shared by siblings."""

    county = models.ForeignKey(County, models.PROTECT, related_name="guardians", verbose_name="县")
    name = models.CharField("姓名", max_length=60)
    name_key = models.CharField(max_length=200, editable=False)
    sex = models.CharField("性别", max_length=6, choices=Sex.choices, blank=True)
    birth_date = models.DateField("出生日期", null=True, blank=True)
    id_number = EncryptedTextField("身份证件号", blank=True)
    id_number_index = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    health = EncryptedTextField("健康状况", blank=True)
    occupation = models.CharField("职业", max_length=60, blank=True)
    died_on = models.DateField("去世日期", null=True, blank=True)
    note = EncryptedTextField("备注", blank=True)

    history = HistoricalRecords()
    objects = GuardianQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "家长（监护人）"
        ordering = ["name_key", "pk"]

    def __str__(self):
        return self.name

    def prepare(self):
        """Sets what is derived; bulk writers call it, ``save`` does by itself."""
        from ..values import id_number_index

        self.name_key = sort_key(self.name)
        self.id_number_index = id_number_index(self.id_number)

    def save(self, *args, **kwargs):
        self.prepare()
        super().save(*args, **kwargs)


class AdultFactQuerySet(models.QuerySet):
    """Rows about an adult follow the adult's children."""

    def visible_to(self, user):
        """Of adults the user may see."""
        return self.filter(guardian__in=Guardian.objects.visible_to(user))


class Phone(Identified, Versioned):
    """A phone of an adult: encrypted, found by its index; the first that answers comes first."""

    guardian = models.ForeignKey(
        Guardian, models.PROTECT, related_name="phones", verbose_name="家长（监护人）"
    )
    number = EncryptedTextField("电话")
    number_index = models.CharField(max_length=64, editable=False, db_index=True)
    label = models.CharField("说明", max_length=20, blank=True)
    position = models.PositiveSmallIntegerField("顺序", default=0)
    last_answered_on = models.DateField("最近打通", null=True, blank=True)
    wrong_since = models.DateField("打不通起", null=True, blank=True)
    ended_on = models.DateField("停用日期", null=True, blank=True)
    created_at = models.DateTimeField(default=timezone.now, editable=False)

    history = HistoricalRecords()
    objects = AdultFactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "电话"
        ordering = ["position", "pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["guardian", "number_index"],
                condition=Q(ended_on=None),
                name="phone_once_per_adult",
                violation_error_message="这个号码已经登记过",
            )
        ]

    def __str__(self):
        return self.label or "电话"

    def prepare(self):
        """Sets the index; bulk writers call it, ``save`` does by itself."""
        from ..values import phone_index

        self.number_index = phone_index(self.number)

    def save(self, *args, **kwargs):
        self.prepare()
        super().save(*args, **kwargs)


class Relation(models.TextChoices):
    """What an adult is to a child; ``as_written`` keeps the roster's own word."""

    FATHER = "father", "父亲"
    MOTHER = "mother", "母亲"
    GRANDFATHER = "grandfather", "爷爷"
    GRANDMOTHER = "grandmother", "奶奶"
    MATERNAL_GRANDFATHER = "maternal_grandfather", "外公"
    MATERNAL_GRANDMOTHER = "maternal_grandmother", "外婆"
    UNCLE = "uncle", "伯父、叔叔、舅舅、姑父、姨父"
    AUNT = "aunt", "伯母、婶婶、舅妈、姑姑、姨妈"
    SIBLING = "sibling", "哥哥、姐姐"
    STEP_PARENT = "step_parent", "继父、继母"
    OTHER_RELATIVE = "other_relative", "其他亲属"
    OTHER = "other", "其他"


PARENTS = (Relation.FATHER, Relation.MOTHER)


class Kinship(Identified):
    """What an adult is to a child."""

    child = models.ForeignKey(Child, models.PROTECT, related_name="kinships", verbose_name="儿童")
    guardian = models.ForeignKey(
        Guardian, models.PROTECT, related_name="kinships", verbose_name="家长（监护人）"
    )
    relation = models.CharField("关系", max_length=24, choices=Relation.choices)
    as_written = models.CharField("表上写的关系", max_length=20, blank=True)

    objects = ChildFactQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "亲属关系"
        constraints = [
            models.UniqueConstraint(
                fields=["child", "guardian"],
                name="one_kinship_per_adult",
                violation_error_message="这位家长已经登记过",
            ),
            models.UniqueConstraint(
                fields=["child", "relation"],
                condition=Q(relation__in=["father", "mother"]),
                name="one_father_one_mother",
                violation_error_message="父亲（母亲）已经登记过",
            ),
        ]

    def __str__(self):
        return self.word

    @property
    def word(self):
        """The relation as the family says it."""
        return self.as_written or self.get_relation_display()


class Authority(models.TextChoices):
    """By what right an adult cares for a child."""

    LEGAL = "legal", "法定监护"
    ENTRUSTED = "entrusted", "受委托照护"
    INFORMAL = "informal", "实际照看（无书面委托）"


class Ability(models.TextChoices):
    """Guardianship as assessed: the five grades of the national form (2016 survey, 监护类型)."""

    NONE = "none", "无人监护"
    PARENT_UNABLE = "parent_unable", "父或母无监护能力"
    INSUFFICIENT = "insufficient", "受委托监护人监护能力不足"
    FAIR = "fair", "监护情况一般"
    GOOD = "good", "监护情况较好"


class Guardianship(Spell):
    """An adult cares for a child from–to. Two may at once (爷爷 and 奶奶), one person only once."""

    overlap_key = ("child", "guardian")
    overlap_message = "这段日子已经登记由这位家长照看"

    child = models.ForeignKey(Child, models.PROTECT, related_name="guardianships", verbose_name="儿童")
    guardian = models.ForeignKey(
        Guardian, models.PROTECT, related_name="guardianships", verbose_name="照看人"
    )
    authority = models.CharField(
        "照看依据", max_length=10, choices=Authority.choices, default=Authority.INFORMAL
    )
    ability = models.CharField("监护评估", max_length=14, choices=Ability.choices, blank=True)
    lives_with = models.BooleanField("同住", default=True)

    objects = ChildSpellQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "照看经历"
        indexes = [models.Index(fields=["child", "starts_on"], name="guardianship_of_child")]

    def __str__(self):
        return f"{self.guardian}照看"


class AdultSpellQuerySet(AdultFactQuerySet, SpellQuerySet):
    """Spells about an adult follow the adult's children."""


class ParentWork(Spell):
    """A parent is away (外出务工) since, until, where, doing what."""

    overlap_key = ("guardian",)
    overlap_message = "这段日子已经登记在外，请先结束前一段"

    guardian = models.ForeignKey(Guardian, models.PROTECT, related_name="work_spells", verbose_name="家长")
    starts_on_known = models.BooleanField("外出日期确切", default=True)
    place = models.CharField("务工地", max_length=100, blank=True)
    division_code = models.CharField("务工地区划代码", max_length=12, blank=True)
    address = EncryptedTextField("务工单位地址", blank=True)
    employer = models.CharField("务工单位", max_length=100, blank=True)
    trade = models.CharField("工种", max_length=40, blank=True)
    expected_return_on = models.DateField("预计返乡", null=True, blank=True)

    objects = AdultSpellQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "外出务工"
        constraints = [
            *Spell.Meta.constraints,
            models.UniqueConstraint(
                fields=["guardian"],
                condition=Q(ends_on=None, cancelled_at=None),
                name="one_open_work_spell",
                violation_error_message="这位家长已登记在外，请先结束前一段",
            ),
        ]

    def __str__(self):
        return self.place or "外出"


class ConditionKind(models.TextChoices):
    """What keeps an adult from caring for a child (民发〔2019〕62号; 国发〔2016〕13号: 无监护能力)."""

    IN_CUSTODY = "in_custody", "服刑在押"
    DETOX = "detox", "强制隔离戒毒"
    MISSING = "missing", "失联、失踪"
    GRAVELY_ILL = "gravely_ill", "重病"
    SEVERELY_DISABLED = "severely_disabled", "重度残疾"
    REMARRIED_AWAY = "remarried_away", "离异后未共同生活"


class AdultCondition(Spell):
    """A condition of a parent or carer from–to: in custody, missing, gravely ill …"""

    overlap_key = ("guardian", "kind")

    guardian = models.ForeignKey(Guardian, models.PROTECT, related_name="conditions", verbose_name="家长")
    kind = models.CharField("情况", max_length=18, choices=ConditionKind.choices)
    note = EncryptedTextField("说明", blank=True)

    objects = AdultSpellQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "家长情况"

    def __str__(self):
        return self.get_kind_display()


class CareAgreement(Spell, Versioned):
    """委托照护协议 (未成年人保护法 22): who entrusts, to whom, from–to, the paper's scan, what was checked, what the child said."""

    overlap_key = ("child", "guardian")
    overlap_message = "这段日子和这位照护人已有一份协议"

    child = models.ForeignKey(Child, models.PROTECT, related_name="agreements", verbose_name="儿童")
    guardian = models.ForeignKey(
        Guardian, models.PROTECT, related_name="agreements", verbose_name="受委托照护人"
    )
    entrusted_by = models.ForeignKey(
        Guardian, models.PROTECT, related_name="agreements_given", verbose_name="委托的父母"
    )
    signed_on = models.DateField("签订日期")
    scan = models.ForeignKey(
        Upload,
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        verbose_name="协议扫描件",
    )
    # Art. 22: who may not be entrusted. A list of what was checked and denied, in the order of the form.
    no_exclusion = models.BooleanField("已核实没有不得委托的情形", default=False)
    exclusion = EncryptedTextField("有哪一种不得委托的情形", blank=True)
    child_heard_on = models.DateField("听取孩子意见的日期", null=True, blank=True)
    child_opinion = EncryptedTextField("孩子的意见", blank=True)
    filed_on = models.DateField("交村（居）委会备案日期", null=True, blank=True)
    end_reason = models.CharField("终止原因", max_length=100, blank=True)

    objects = ChildSpellQuerySet.as_manager()

    class Meta(Spell.Meta):
        verbose_name = verbose_name_plural = "委托照护协议"

    def __str__(self):
        return f"委托{self.guardian}照护"
