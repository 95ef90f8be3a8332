"""``score_assessment YEAR``: the automatic scores of a county's schools."""

from django.core.management.base import BaseCommand, CommandError

from activities.output import print_json
from registry.models import School
from reports import assessment
from trust import audit

from .import_scheme import the_county, the_user


class Command(BaseCommand):
    """Writes nothing but its audit entry. Exit status: 0 done, 1 no scheme, 2 usage."""

    help = "按考核细则算出各校自动得分；系统答不了的列为待评"

    def add_arguments(self, parser):
        parser.add_argument("year", type=int, help="学年的第一年，如 2026 指 2026—2027学年")
        parser.add_argument("--county", metavar="CODE", help="县的行政区划代码（只有一个县时不用）")
        parser.add_argument("--school", metavar="CODE", help="只算这所学校（学校编号）")
        parser.add_argument("--json", action="store_true", help="输出 JSON")
        parser.add_argument("--by", metavar="USER", help="以哪个账号的名义（用户名）；默认系统")

    def handle(self, *args, **options):
        county, by, year = the_county(options["county"]), the_user(options["by"]), options["year"]
        if not 2000 <= year <= 2100:
            raise CommandError("学年写成 2026 这样", returncode=2)
        schools = assessment.assessed_schools(county)
        if options["school"]:
            schools = School.objects.filter(county=county, code=options["school"]).select_related("county")
            if not schools.exists():
                raise CommandError(f"没有编号为 {options['school']} 的学校", returncode=2)
        scheme = assessment.scheme_for(county, year) or self._default(county, year, by)
        scores = assessment.score_schools(scheme, year, schools)
        audit.record(
            "score_assessment",
            by=by,
            kind="assessmentscheme",
            uid=scheme,
            count=len(scores),
            detail=str(year),
        )
        if options["json"]:
            print_json(self.stdout, as_json(scheme, year, scores))
            return
        self.stdout.write(f"{scheme.title}　{year}—{year + 1}学年")
        for place in assessment.ranking(scores, scheme.data.get("result_use", {})):
            s = place.score
            self.stdout.write(
                f"{s.school}\t系统算 {s.points}/{s.scored_top}\t折算 {s.rescaled}\t待评 {s.pending_top}\t不适用 {s.not_applicable_top}"
            )

    def _default(self, county, year, by):
        scheme = assessment.import_default(county, by=by)
        self.stderr.write(f"本县还没有考核细则，先用自带的示例：{scheme.title}")
        if assessment.scheme_for(county, year) is None:
            raise CommandError(f"{year}—{year + 1}学年没有考核细则，请先用 import_scheme 导入", returncode=1)
        return scheme


def as_json(scheme, year, scores):
    """The documented answer; figures only, no child, no person."""
    return {
        "scheme": scheme.code,
        "year": year,
        "schools": [
            {
                "school": s.school.code,
                "points": float(s.points),
                "scored_max": float(s.scored_top),
                "pending_max": float(s.pending_top),
                "not_applicable_max": float(s.not_applicable_top),
                "rescaled": None if s.rescaled is None else float(s.rescaled),
                "indicators": [
                    {
                        "code": score.code,
                        "max": float(score.top),
                        "status": score.status,
                        "points": None if score.points is None else float(score.points),
                        "terms": [
                            {"term": name, "value": shown, "points": float(points)}
                            for name, shown, points in score.terms
                        ],
                        "facts": [fact.text for fact in score.facts],
                        "why": score.why,
                    }
                    for score in s.scores
                ],
            }
            for s in scores
        ],
    }
