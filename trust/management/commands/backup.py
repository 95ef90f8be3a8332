"""``backup DIR``: database, files and audit seals in one sealed file."""

import json

from django.core.management.base import BaseCommand, CommandError

from trust import backup
from trust.models import User


class Command(BaseCommand):
    """Runs while the site is in use. The keys are not in the backup."""

    help = "备份数据库、文件和操作日志封存到一个加密文件（密钥不在里面，请另外保管）"

    def add_arguments(self, parser):
        parser.add_argument("folder", metavar="DIR")
        parser.add_argument("--by", metavar="USER", help="以哪个账号的名义（默认系统）")
        parser.add_argument("--json", action="store_true", dest="as_json")

    def handle(self, *args, folder, by, as_json, **options):
        user = _user(by)
        try:
            path, manifest = backup.backup(folder, by=user)
        except (backup.BackupFailed, OSError) as error:
            raise CommandError(f"没有备份成：{error}") from None
        if as_json:
            self.stdout.write(json.dumps({"file": str(path), "rows": manifest["rows"]}))
            return
        self.stdout.write(f"已备份到 {path}（{path.stat().st_size / 1024 / 1024:.1f} MB）")
        self.stdout.write("密钥不在备份里：请把 var/keys（或环境变量里的密钥）另外保管一份，没有它备份打不开")


def _user(name):
    if not name:
        return None
    user = User.objects.for_sign_in(name)
    if user is None:
        raise CommandError("没有这个账号", returncode=2)
    return user
