"""``build_workbook NAME --out FILE``: any workbook the pages offer, without a browser."""

from datetime import date
from pathlib import Path

from django.core.exceptions import PermissionDenied, ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from registry.calendar import school_year_of
from registry.models import District, School, SchoolClass, Season, Term
from reports import assessment, exports

from .import_scheme import the_county, the_user


class Command(BaseCommand):
    """Exit status: 0 done, 1 it cannot be built, 2 usage."""

    help = "生成一个工作簿：register 花名册、duties 责任台账核对表、assessment 考核工作簿、screening 摸底汇总表（最近一次）"

    def add_arguments(self, parser):
        parser.add_argument(
            "name",
            choices=exports.WORKBOOKS,
            metavar="NAME",
            help="register、duties、assessment 或 screening",
        )
        parser.add_argument("--out", required=True, metavar="FILE")
        parser.add_argument("--county", metavar="CODE", help="全县（县的行政区划代码；只有一个县时不用）")
        parser.add_argument("--district", metavar="CODE", help="一个学区（学区编号）")
        parser.add_argument("--school", metavar="CODE", help="一所学校（学校编号）")
        parser.add_argument("--class", dest="school_class", metavar="NAME", help="学校里的一个班，如 三(2)班")
        parser.add_argument("--month", metavar="YYYY-MM", help="核对哪个月，默认上个月")
        parser.add_argument("--term", metavar="YEAR-1|2", help="考核：这个学期所在的学年，如 2026-1")
        parser.add_argument("--year", type=int, metavar="YEAR", help="考核：学年的第一年，默认本学年")
        parser.add_argument("--names", action="store_true", help="要名单（县、学区账号；须写原因）")
        parser.add_argument("--full-numbers", action="store_true", help="身份证件号不打码（须写原因）")
        parser.add_argument("--reason", default="", help="做什么用；全县的名单和完整的号码一定要写")
        parser.add_argument("--purpose", choices=exports.PURPOSES, default="report")
        parser.add_argument("--by", metavar="USER", help="以哪个账号的名义（用户名）；默认系统")

    def handle(self, *args, **options):
        county, by = the_county(options["county"]), the_user(options["by"])
        place = self._place(county, options)
        order = exports.Order(
            options["name"], place, self._month(options), self._year(county, options), options["purpose"],
            options["reason"], options["full_numbers"], options["names"],
        )  # fmt: skip
        if order.workbook == "assessment" and assessment.scheme_for(county, order.year) is None:
            scheme = assessment.import_default(county, by=by)
            self.stderr.write(f"本县还没有考核细则，先用自带的示例：{scheme.title}")
        out = Path(options["out"])
        try:
            if by is not None:
                exports.require(order, by)
            exports.check(order, by)
            children = exports.build(order, out, by=by)
        except ValidationError as error:
            raise CommandError("；".join(error.messages), returncode=2) from error
        except (PermissionDenied, exports.NothingToBuild) as error:
            raise CommandError(str(error), returncode=1) from error
        except OSError as error:
            raise CommandError(f"写不了文件 {out}", returncode=2) from error
        words = f"，名单里有 {len(children)} 个孩子" if children else "，没有姓名"
        self.stdout.write(f"{order.title}：{out}{words}")

    def _place(self, county, options):
        if options["school"]:
            school = (
                School.objects.filter(county=county, code=options["school"]).select_related("county").first()
            )
            if school is None:
                raise CommandError(f"没有编号为 {options['school']} 的学校", returncode=2)
            return self._class(school, options["school_class"]) if options["school_class"] else school
        if options["school_class"]:
            raise CommandError("用 --class 时请用 --school 写明学校", returncode=2)
        if options["district"]:
            district = District.objects.filter(county=county, code=options["district"]).first()
            if district is None:
                raise CommandError(f"没有编号为 {options['district']} 的学区", returncode=2)
            return district
        return county

    def _class(self, school, name):
        today = timezone.localdate()
        wanted = name.replace("（", "(").replace("）", ")")
        running = SchoolClass.objects.filter(school=school).running_on(today).select_related("school__county")
        for school_class in running:
            if wanted in (school_class.name_on(today), str(school_class.uid), school_class.uid.hex):
                return school_class
        raise CommandError(f"{school}没有“{name}”这个班，班名写成 三(2)班 这样", returncode=2)

    def _month(self, options):
        if options["name"] != "duties":
            return None
        if not options["month"]:
            return (timezone.localdate().replace(day=1) - timezone.timedelta(days=1)).replace(day=1)
        try:
            return date.fromisoformat(f"{options['month']}-01")
        except ValueError as error:
            raise CommandError("月份要写成 2026-10 这样", returncode=2) from error

    def _year(self, county, options):
        if options["name"] != "assessment":
            return None
        if options["term"]:
            year, _, part = options["term"].partition("-")
            season = {"1": Season.AUTUMN, "2": Season.SPRING}.get(part)
            if not year.isdigit() or season is None:
                raise CommandError("学期要写成 2026-1（第一学期）这样", returncode=2)
            if not Term.objects.filter(county=county, year=int(year), season=season).exists():
                raise CommandError(f"校历里没有 {options['term']} 这个学期", returncode=2)
            return int(year)
        return options["year"] or school_year_of(timezone.localdate())
