"""The first administrator of a county's installation, where nobody sits at the computer that serves it."""

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand
from django.db import transaction
from django.utils import timezone

from registry import places, staff
from registry.models import County, PostKind
from trust.models import User


class Command(BaseCommand):
    """manage.py create_administrator --county-code 341299 --county-name 青溪县 --name 田敏 --username tianmin"""

    help = "建立管理员（和县），打印一次性口令"

    def add_arguments(self, parser):
        """Who, and of which county."""
        parser.add_argument("--county-code", required=True)
        parser.add_argument("--county-name", default="")
        parser.add_argument("--name", required=True)
        parser.add_argument("--username", required=True)
        parser.add_argument("--phone", default="")

    def handle(self, *args, **options):
        """Exit status 1 when something typed is wrong."""
        try:
            with transaction.atomic():
                county = County.objects.filter(code=options["county_code"]).first()
                if county is None:
                    if not options["county_name"]:
                        raise ValidationError("还没有这个县，请加上 --county-name")
                    county = places.add_county(
                        by=None, code=options["county_code"], name=options["county_name"]
                    )
                if User.objects.filter(username=User.normalize_username(options["username"])).exists():
                    raise ValidationError("这个用户名已经有人用了")
                person = staff.add_staff(by=None, county=county, name=options["name"], phone=options["phone"])
                new = staff.open_account(person, by=None, username=options["username"])
                staff.add_post(person, by=None, kind=PostKind.ADMINISTRATOR, starts_on=timezone.localdate())
        except ValidationError as error:
            self.stderr.write("；".join(error.messages))
            raise SystemExit(1) from None
        self.stdout.write(f"{county.name}的管理员{person.name}建立好了")
        self.stdout.write(
            f"用户名 {new.user.username}　一次性口令 {new.password}（72 小时内登录，登录后换成自己的密码）"
        )
