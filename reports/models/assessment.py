"""Assessment schemes (考核细则) as data: a county's points, measures and deductions, with the years they hold."""

from django.db import models
from django.db.models import F, Q

from registry.models import County, School
from trust.models import Identified, Versioned


class AssessmentSchemeQuerySet(models.QuerySet):
    """Schemes of counties."""

    def visible_to(self, user):
        """Of the counties whose schools the user's posts reach."""
        return self.filter(county__in=School.objects.visible_to(user).values("county"))

    def in_force(self, county, year):
        """Of one county in one school year, the newest first."""
        found = self.filter(Q(last_year=None) | Q(last_year__gte=year), county=county, first_year__lte=year)
        return found.order_by("-first_year", "-pk")


class AssessmentScheme(Identified, Versioned):
    """A county's scheme. ``data`` is the scheme as imported; a county edits every name, point and threshold there."""

    county = models.ForeignKey(County, models.PROTECT, related_name="assessment_schemes", verbose_name="县")
    code = models.CharField("编号", max_length=40)
    title = models.CharField("名称", max_length=120)
    first_year = models.PositiveSmallIntegerField("从哪一学年起", help_text="2026 = 2026—2027学年")
    last_year = models.PositiveSmallIntegerField("到哪一学年止", null=True, blank=True)
    data = models.JSONField("细则")
    imported_at = models.DateTimeField("导入时间")

    objects = AssessmentSchemeQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = "考核细则"
        ordering = ["-first_year", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["county", "code"],
                name="assessment_scheme_code_in_county",
                violation_error_message="这个编号的考核细则已经有了",
            ),
            models.CheckConstraint(
                condition=Q(last_year=None) | Q(last_year__gte=F("first_year")),
                name="assessment_scheme_years_in_order",
                violation_error_message="截止学年不能早于开始学年",
            ),
        ]

    def __str__(self):
        return self.title
