"""``restore DIR``: bring everything back from the newest backup in a folder, or from one backup file."""

import json

from django.core.management.base import BaseCommand, CommandError

from trust import audit, backup
from trust.management.commands.backup import _user


class Command(BaseCommand):
    """Stop web, worker and outbox first. Exit status 1 when the backup does not open or the audit trail does not fit."""

    help = "用备份恢复数据库、文件和操作日志封存（先停下程序）"
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("path", metavar="DIR")
        parser.add_argument("--overwrite", action="store_true", help="数据库里已有数据也覆盖")
        parser.add_argument("--by", metavar="USER", help="以哪个账号的名义（默认系统）")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args, path, overwrite, by, as_json, **options):
        try:
            file = backup.newest(path)
            manifest, rows = backup.restore(file, overwrite=overwrite, by=_user(by))
        except (backup.BackupFailed, OSError) as error:
            raise CommandError(f"没有恢复成：{error}") from None
        different = {
            table: [manifest["rows"].get(table), now]
            for table, now in rows.items()
            if table in manifest["rows"] and manifest["rows"][table] != now
        }
        findings = audit.verify()
        if as_json:
            self.stdout.write(
                json.dumps({"file": str(file), "rows": rows, "different": different, "audit": findings})
            )
        else:
            self.stdout.write(
                f"已从 {file} 恢复（备份时间 {manifest['made_at'][:19]}），共 {sum(rows.values())} 行"
            )
            self.stdout.write("操作日志核对无误" if not findings else f"操作日志有 {len(findings)} 处对不上")
        if findings:
            raise CommandError("恢复了，但操作日志核对没有通过，请运行 verify_audit 查看")
