"""``import_roster``: the roster road without a browser."""

import json
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_date

from registry.models import School
from registry.roster.imports import FileRefused, import_roster, plan_roster
from trust.models import User


class Command(BaseCommand):
    """Reads a real-life roster workbook. Exit status: 0 done, 1 the file has errors, 2 usage."""

    help = "读入一个学校的留守儿童名册（.xlsx、.xls、.csv）。有错误时不写入，除非加上 --accept"

    def add_arguments(self, parser):
        parser.add_argument("file", metavar="FILE")
        parser.add_argument("--school", required=True, metavar="CODE", help="学校编号")
        parser.add_argument("--as-of", metavar="DATE", help="名册说的是哪一天的情况，默认今天")
        parser.add_argument("--dry-run", action="store_true", help="只读、只核对，不写入")
        parser.add_argument("--accept", action="store_true", help="有错误也写入，先不导入的行除外")
        parser.add_argument("--json", action="store_true")
        parser.add_argument("--by", metavar="USER", help="以哪个账号的名义（用户名）；默认系统")

    def handle(self, *args, **options):
        school, as_of, by = (
            self._school(options["school"]),
            self._as_of(options["as_of"]),
            self._user(options["by"]),
        )
        path = Path(options["file"])
        try:
            data = path.read_bytes()
        except OSError as error:
            raise CommandError(f"打不开文件 {path}", returncode=2) from error
        batch = None
        try:
            if options["dry_run"]:
                plan = plan_roster(data, school=school, as_of=as_of)
            else:
                plan, batch = import_roster(
                    data, by=by, school=school, as_of=as_of, file_name=path.name, accept=options["accept"]
                )
        except FileRefused as refusal:
            self._refused(refusal, options["json"])
        errors = bool(plan.roster.errors)
        if options["json"]:
            self.stdout.write(
                json.dumps(plan.as_json() | {"written": batch is not None}, ensure_ascii=False, indent=1)
            )
        else:
            self._summary(plan, batch, options)
        if errors and not (options["accept"] and batch is not None):
            raise SystemExit(1)

    def _school(self, code):
        found = list(School.objects.filter(code=code).select_related("county")[:2])
        if len(found) != 1:
            raise CommandError(
                f"没有编号为 {code} 的学校" if not found else f"有几所学校的编号都是 {code}", returncode=2
            )
        return found[0]

    def _as_of(self, text):
        if not text:
            return timezone.localdate()
        try:
            day = parse_date(text)
        except ValueError:
            day = None
        if day is None:
            raise CommandError("--as-of 写成 2026-09-01 这样", returncode=2)
        if day > timezone.localdate():
            raise CommandError("--as-of 不能在今天之后", returncode=2)
        return day

    def _user(self, name):
        if not name:
            return None
        user = User.objects.filter(username=name, is_active=True).first()
        if user is None:
            raise CommandError(f"没有账号 {name}", returncode=2)
        return user

    def _refused(self, refusal, as_json):
        if as_json:
            problem = {
                "sheet": "", "row": 1, "column": None, "header": None, "kind": refusal.kind, "severity": "error",
                "effect": "held", "message": str(refusal),
            }  # fmt: skip
            answer = {
                "children": [],
                "problems": [problem],
                "ignored_rows": [],
                "headings": [],
                "written": False,
            }
            self.stdout.write(json.dumps(answer, ensure_ascii=False, indent=1))
        else:
            self.stdout.write(str(refusal))
        raise SystemExit(1)

    def _summary(self, plan, batch, options):
        counts = plan.counts
        say = self.stdout.write
        say(
            f"{plan.school}，截止 {plan.as_of}：读到 {len(plan.roster.entries)} 个孩子，"
            f"新来 {counts['new']}，有变化 {counts['changed']}，没有变化 {counts['unchanged']}，先不导入 {counts['held']}"
        )
        if plan.new_classes:
            say("新建班级：" + "、".join(plan.class_names))
        for problem in plan.roster.problems:
            at = f"{problem.sheet} {problem.column or ''}{problem.row}".strip()
            say(f"{'错误' if problem.severity == 'error' else '提醒'} {at}：{problem.message}")
        if batch is not None:
            say(f"已导入 {batch.entering} 名，{counts['held']} 行待改")
        elif options["dry_run"]:
            say("只核对，没有写入")
        else:
            say("有错误，没有写入。改好再来；或者加 --accept，先导入没有问题的行")
