"""``check_duties YYYY-MM``: the monthly check from the command line."""

from datetime import datetime

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from activities import checks
from activities.names import uids_of
from activities.output import print_json, the_user
from registry.calendar import shanghai_midnight
from registry.models import County, School, Staff


class Command(BaseCommand):
    """Checks a month; ``--as-of`` answers as if now were that moment and writes nothing."""

    help = "核对一个月的责任台账"

    def add_arguments(self, parser):
        parser.add_argument("month", help="月份，如 2026-10")
        parser.add_argument("--county", help="县的行政区划代码（只有一个县时不用）")
        parser.add_argument("--school", help="只显示这所学校（学校编号）；不单独结账")
        parser.add_argument("--as-of", help="当作现在是这个时刻，只看不写")
        parser.add_argument("--close", action="store_true", help="结账；不到结账时间会拒绝")
        parser.add_argument("--list", action="store_true", help="列出未完成、补录、豁免")
        parser.add_argument("--by", metavar="USER", help="以哪个账号的名义（用户名）；默认系统")
        parser.add_argument("--json", action="store_true", help="输出 JSON")

    def handle(self, *args, **options):
        month, county, school = self._month(options["month"]), self._county(options["county"]), None
        if options["school"]:
            school = School.objects.filter(county=county, code=options["school"]).first()
            if school is None:
                raise CommandError(f"没有编号为 {options['school']} 的学校", returncode=2)
        as_of = self._moment(options["as_of"])
        if as_of and options["close"]:
            raise CommandError("--as-of 只看不写，不能和 --close 一起用", returncode=2)
        try:
            if as_of:
                report = checks.stored_before(county, month, as_of) or checks.look(county, month, now=as_of)
            elif options["close"]:
                report = checks.close_month(county, month, by=the_user(options["by"]))
            else:
                report = checks.check_month(county, month, by=the_user(options["by"]))
        except (checks.CalendarNotConfirmed, checks.TooEarlyToClose) as error:
            raise CommandError(str(error), returncode=1) from error
        if options["json"]:
            print_json(self.stdout, as_json(report, school, with_findings=options["list"]))
        else:
            self._print(report, school, options["list"])

    def _month(self, text):
        try:
            return datetime.strptime(text, "%Y-%m").date()
        except ValueError as error:
            raise CommandError("月份要写成 2026-10 这样", returncode=2) from error

    def _county(self, code):
        counties = County.objects.filter(code=code) if code else County.objects.all()
        if counties.count() != 1:
            raise CommandError("请用 --county 写明县的行政区划代码", returncode=2)
        return counties.get()

    def _moment(self, text):
        if not text:
            return None
        try:
            moment = parse_datetime(text) or shanghai_midnight(datetime.strptime(text, "%Y-%m-%d").date())
        except ValueError as error:
            raise CommandError("--as-of 要写成 2026-11-06T00:00 这样", returncode=2) from error
        return moment if timezone.is_aware(moment) else timezone.make_aware(moment)

    def _print(self, report, school, with_findings):
        state = (
            "已结账"
            if report.closed
            else f"未结账，{timezone.localtime(report.closes_at):%Y-%m-%d %H:%M}结账"
        )
        self.stdout.write(f"{report.county} {report.month:%Y年%-m月}核对（{state}）")
        for label, c in report.by_rule(school.pk if school else None).items():
            rate = "—" if c.coverage is None else f"{c.coverage:.1%}"
            self.stdout.write(
                f"{label}\t应做 {c.due}\t已完成 {c.met}\t补录 {c.met_late}\t已豁免 {c.excused}\t"
                f"未完成 {c.missed}\t未到期 {c.upcoming}\t完成率 {rate}"
            )
        if with_findings:
            for row in as_json(report, school, with_findings=True)["findings"]:
                self.stdout.write("\t".join(str(row[name] or "—") for name in row))


def as_json(report, school, *, with_findings):
    """The documented answer: uids, never names."""
    answer = {
        "county": report.county.code,
        "month": f"{report.month:%Y-%m}",
        "closed": report.closed,
        "closes_at": timezone.localtime(report.closes_at).isoformat(),
        "rules": {
            label: {
                "due": c.due, "met": c.met, "met_late": c.met_late, "missed": c.missed, "excused": c.excused,
                "upcoming": c.upcoming,
            }
            for label, c in report.by_rule(school.pk if school else None).items()
        },
    }  # fmt: skip
    if with_findings:
        lines = report.findings(school.pk if school else None)
        subjects = uids_of({(line.subject_kind, line.subject_id) for line in lines})
        holders = dict(
            Staff.objects.filter(pk__in={line.responsible_id for line in lines}).values_list("pk", "uid")
        )
        answer["findings"] = [
            {
                "rule": line.rule.label,
                "subject_kind": str(line.subject_kind),
                "subject": str(subjects[line.subject_kind, line.subject_id]),
                "period_start": line.period_start.isoformat(),
                "period_end": line.period_end.isoformat(),
                "state": str(line.state),
                "done": line.done,
                "minimum": line.minimum,
                "responsible": str(holders[line.responsible_id]) if line.responsible_id in holders else None,
            }
            for line in lines
        ]
    return answer
