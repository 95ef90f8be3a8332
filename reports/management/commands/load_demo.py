"""manage.py load_demo: an invented county to look at, with accounts for every post."""

import time
from datetime import date

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from activities.checks import check_month
from activities.demo import accounts
from activities.demo.county import CODE, build_county
from activities.output import print_json
from registry.calendar import next_month, school_year_of, shanghai_midnight
from registry.models import Child, County
from reports import assessment
from reports.demo_cards import issue_demo_cards
from trust.models import User


def _day(text):
    return date.fromisoformat(text)


class Command(BaseCommand):
    help = "生成演示县青溪县：人物、数据全为虚构；有真实儿童的库里不生成"

    def add_arguments(self, parser):
        parser.add_argument("--schools", type=int, default=3, help="几所学校")
        parser.add_argument("--children", type=int, default=120, help="每所学校多少孩子")
        parser.add_argument("--months", type=int, default=12, help="几个月的记录")
        parser.add_argument("--until", type=_day, help="到哪一天为止（默认今天）", metavar="DATE")
        parser.add_argument("--seed", type=int, default=1, help="同样的参数和种子，同样的县")
        parser.add_argument("--by", metavar="USER", help="用户名；不写则为系统")
        parser.add_argument("--json", action="store_true", help="输出 JSON")

    def handle(self, *args, **options):
        if settings.TLS:
            raise CommandError("这是正式的服务器（TLS 已开），不能有演示账号。", returncode=1)
        by = None
        if options["by"]:
            by = User.objects.filter(username=options["by"]).first()
            if by is None:
                raise CommandError(f"没有这个用户：{options['by']}", returncode=2)
        today = timezone.localdate()
        until = options["until"] or today
        if not (
            1 <= options["schools"] <= 400
            and 8 <= options["children"] <= 1000
            and 1 <= options["months"] <= 60
        ):
            raise CommandError("学校 1–400 所，每校孩子 8–1000 名，月数 1–60。", returncode=2)
        if until > today:
            raise CommandError("--until 不能晚于今天。", returncode=2)
        if Child.objects.exclude(county__code=CODE).exists():
            raise CommandError(
                "库里有真实的儿童，不能生成演示县。请换一个空的数据目录（VAR_DIR=…）。", returncode=1
            )
        self.tell = (lambda text: None) if options["json"] else lambda text: self.stderr.write(f"… {text}")
        county = County.objects.filter(code=CODE).first()
        began = time.monotonic()
        if county is None:
            built = build_county(
                schools=options["schools"],
                children=options["children"],
                months=options["months"],
                until=until,
                seed=options["seed"],
                by=by,
                tell=self.tell,
            )
            county = built.county
            issue_demo_cards(county, until=until, seed=options["seed"])
            self.check_past_months(county, built.first_month, until)
            first_year = school_year_of(built.first_month)
            assessment.import_scheme(
                assessment.read_scheme(assessment.DEFAULT_SCHEME.read_text(encoding="utf-8")),
                county=county,
                first_year=first_year,
                last_year=None,
                by=by,
            )
        else:
            self.tell("演示县已经有了，保持原样；要重新生成，请换一个空的数据目录")
        text = self.account_sheet()
        children = Child.objects.filter(county=county).count()
        if options["json"]:
            print_json(
                self.stdout,
                {
                    "county": CODE,
                    "children": children,
                    "accounts": str(accounts.accounts_file()),
                    "seconds": round(time.monotonic() - began, 1),
                },
            )
            return
        self.tell(f"演示县好了：孩子 {children} 名，用时 {time.monotonic() - began:.0f} 秒")
        self.stdout.write(text)

    def account_sheet(self):
        """The sheet kept before, or one with a new password."""
        file = accounts.accounts_file()
        if file.exists() and not self.stale(file):
            return file.read_text(encoding="utf-8")
        text = accounts.sheet(accounts.give_password())
        accounts.keep(text)
        return text

    def stale(self, file):
        """Whether the sheet belongs to a database of before: its password opens nothing."""
        line = file.read_text(encoding="utf-8").partition("\n")[0]
        user = User.objects.filter(username="demo-leader").first()
        return user is None or not user.check_password(line.partition("：")[2])

    def check_past_months(self, county, month, until):
        """Each past month as the night's run would have checked and closed it."""
        now = timezone.now() if until == timezone.localdate() else shanghai_midnight(until)
        while month < until.replace(day=1):
            check_month(county, month, now=now)
            self.tell(f"{month:%Y-%m} 已核对")
            month = next_month(month)
