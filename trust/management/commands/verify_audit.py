"""``verify_audit``: was the audit trail changed, cut or re-ordered?"""

import json
import sys

from django.core.management.base import BaseCommand
from django.utils import timezone

from trust import audit
from trust.models import AuditEvent

WORDS = {
    "changed": "内容被改",
    "deleted": "被删",
    "inserted": "被插入",
    "reordered": "次序被改",
    "seal": "封存文件被改或缺了一段",
}


class Command(BaseCommand):
    """Exit status 0: nothing found; 1: something does not fit. ``--seal`` first seals the days that are over."""

    help = "核对操作日志是否被改、被删、被插入或调换次序"

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", dest="as_json")
        parser.add_argument("--seal", action="store_true", help="核对无误后，封存已结束的日子")

    def handle(self, *args, as_json, seal, **options):
        findings = audit.verify()
        sealed = audit.seal_days() if seal and not findings else []
        known = audit.seals()
        result = {
            "checked_at": timezone.localtime().isoformat(timespec="seconds"),
            "entries": AuditEvent.objects.count(),
            "sealed_days": len(known),
            "last_seal": known[-1] if known else None,
            "newly_sealed": [day.isoformat() for day in sealed],
            "findings": findings,
            "ok": not findings,
        }
        if as_json:
            self.stdout.write(json.dumps(result, ensure_ascii=False))
        else:
            self.stdout.write(f"核对 {result['entries']} 条操作日志，已封存 {result['sealed_days']} 天。")
            if known:
                self.stdout.write(f"最近封存 {known[-1]['day']}，校验码 {known[-1]['mac'][:16]}")
            for finding in findings[:200]:
                place = finding["day"] or "日期不明"
                self.stdout.write(f"{place} 第 {finding['id'] or '—'} 条：{WORDS[finding['problem']]}")
            self.stdout.write("没有发现改动。" if not findings else f"发现 {len(findings)} 处对不上。")
        if findings:
            sys.exit(1)
