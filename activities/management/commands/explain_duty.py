"""``explain_duty``: why a duty stands as it does, or 不适用 and the sentence why."""

from datetime import date

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from activities.explanations import describe, explain
from activities.models import DutyRule, State
from activities.output import print_json, the_user
from registry.models import Child
from trust import audit


class Command(BaseCommand):
    """Explains one duty of one child."""

    help = "说明一个孩子的一项要求为什么是这个状态"

    def add_arguments(self, parser):
        parser.add_argument("--child", required=True, help="孩子的系统编号（uid）")
        parser.add_argument("--rule", required=True, help="要求编号，如 F02")
        parser.add_argument("--on", required=True, help="日期，如 2026-10-15")
        parser.add_argument("--by", metavar="USER", help="以哪个账号的名义（用户名）；默认系统")
        parser.add_argument("--json", action="store_true", help="输出 JSON")

    def handle(self, *args, **options):
        try:
            child = Child.objects.select_related("county").get(uid=options["child"])
            day = date.fromisoformat(options["on"])
            found = explain(child, options["rule"], day)
        except (Child.DoesNotExist, ValidationError, ValueError) as error:
            raise CommandError("孩子的系统编号或日期写错了", returncode=2) from error
        except DutyRule.DoesNotExist as error:
            raise CommandError(f"没有编号为 {options['rule']} 的要求", returncode=2) from error
        audit.record(
            "explain_duty",
            by=the_user(options["by"]),
            kind="Child",
            uid=child.uid,
            child=child.uid,
            detail=options["rule"],
        )
        if options["json"]:
            print_json(self.stdout, as_json(found))
            return
        self.stdout.write(f"{found.rule.label} {found.rule.name}：{State(found.state).label}")
        self.stdout.write(found.sentence)
        for record in found.records or []:
            mark = record.why_not or ("算，按时" if record.in_time else "算，补录")
            self.stdout.write(f"{record.day:%Y-%m-%d} {record.kind} {mark}")
        if found.cure:
            self.stdout.write(found.cure)


def as_json(found):
    """The explanation without names."""
    period = found.period
    return {
        "rule": found.rule.label,
        "asks": describe(found.rule),
        "source": found.rule.source,
        "source_text": found.rule.source_text,
        "state": str(found.state),
        "sentence": found.sentence,
        "period_start": period and period.start,
        "period_end": period and period.end,
        "window_start": period and period.window_start,
        "judge_day": period and period.judge_day,
        "done": found.done,
        "minimum": found.rule.minimum,
        "closes_at": found.closes_at and timezone.localtime(found.closes_at).isoformat(),
        "records": [
            {
                "day": record.day,
                "kind": record.kind,
                "recorded_at": timezone.localtime(record.recorded_at).isoformat(),
                "counted": not record.why_not,
                "in_time": record.in_time,
                "why_not": record.why_not or None,
            }
            for record in found.records or []
        ],
        "cure": found.cure or None,
    }
