"""``rotate_field_keys``: re-seal everything under the newest key in FIELD_KEYS."""

from django.core.management.base import BaseCommand, CommandError

from trust import crypto, keys
from trust.models import User


class Command(BaseCommand):
    """Put the new key first in FIELD_KEYS, restart, run this, then ``--retire OLD`` and take the old key out."""

    help = "把加密字段换到最新的密钥；可以反复运行"

    def add_arguments(self, parser):
        parser.add_argument(
            "--retire", metavar="KEY_ID", help="确认没有数据再用这个旧密钥，随后可从 FIELD_KEYS 去掉"
        )
        parser.add_argument("--by", metavar="USER", help="以哪个账号的名义（默认系统）")

    def handle(self, *args, retire, by, **options):
        user = None
        if by:
            user = User.objects.for_sign_in(by)
            if user is None:
                raise CommandError("没有这个账号", returncode=2)
        if retire:
            if retire == crypto.newest_key_id():
                raise CommandError("正在使用的密钥不能停用", returncode=2)
            if not keys.retire(retire):
                raise CommandError(f"还有数据用着密钥 {retire}，请先运行 rotate_field_keys")
            self.stdout.write(f"密钥 {retire} 已没有数据在用，可以从 FIELD_KEYS 去掉")
            return
        moved = keys.rotate(by=user)
        self.stdout.write(f"已把 {moved} 个加密值换到密钥 {crypto.newest_key_id()}")
