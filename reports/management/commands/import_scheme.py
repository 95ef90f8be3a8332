"""``import_scheme``: a county's assessment scheme in, as data."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from registry.calendar import school_year_of
from registry.models import County
from reports import assessment
from reports.metrics import KNOWN
from trust.models import User


class Command(BaseCommand):
    """Exit status: 0 done, 1 the scheme has errors, 2 usage."""

    help = "导入考核细则（JSON）：核对各项分值、编号和扣分办法，存为本县的细则"

    def add_arguments(self, parser):
        parser.add_argument("file", metavar="FILE.json")
        parser.add_argument("--county", metavar="CODE", help="县的行政区划代码（只有一个县时不用）")
        parser.add_argument("--from-year", type=int, metavar="YEAR", help="从哪一学年起用，默认本学年")
        parser.add_argument("--to-year", type=int, metavar="YEAR", help="用到哪一学年，默认一直用")
        parser.add_argument("--by", metavar="USER", help="以哪个账号的名义（用户名）；默认系统")

    def handle(self, *args, **options):
        county = the_county(options["county"])
        by = the_user(options["by"])
        try:
            text = Path(options["file"]).read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"打不开文件 {options['file']}", returncode=2) from error
        first = options["from_year"] or school_year_of(timezone.localdate())
        if options["to_year"] and options["to_year"] < first:
            raise CommandError("--to-year 不能早于开始的学年", returncode=2)
        try:
            data = assessment.read_scheme(text)
            row, changed = assessment.import_scheme(
                data, county=county, first_year=first, last_year=options["to_year"], by=by
            )
        except assessment.SchemeError as error:
            for problem in error.problems:
                self.stderr.write(problem)
            raise CommandError("细则没有导入，请改好再来", returncode=1) from error
        for section in data["sections"]:
            for indicator in section["indicators"]:
                if indicator["kind"] == "auto" and indicator["metric"] not in KNOWN:
                    self.stderr.write(
                        f"{indicator['code']} 的 {indicator['metric']} 系统还不会算，先列为待评"
                    )
        word = "已导入" if changed else "和原来的一样，没有改动"
        self.stdout.write(f"{row.title}（{row.first_year}—{row.first_year + 1}学年起）{word}")


def the_county(code):
    """The county a command is about; the only one when none is named."""
    found = list(County.objects.filter(code=code) if code else County.objects.all()[:2])
    if len(found) != 1:
        raise CommandError("请用 --county 写明县的行政区划代码", returncode=2)
    return found[0]


def the_user(name):
    """The account a command acts as; None = the system."""
    if not name:
        return None
    user = User.objects.filter(username=name, is_active=True).first()
    if user is None:
        raise CommandError(f"没有账号 {name}", returncode=2)
    return user
