"""manage.py load_facts FILE.json: the door for other systems and for proofs (docs/facts.md)."""

import json

from django.core.management.base import BaseCommand, CommandError

from activities.facts import FactsError, load_facts, read_file
from activities.models import Contact
from registry.models import Child
from trust.models import User


class Command(BaseCommand):
    help = "导入一份事实文件（格式见 docs/facts.md）；已有的数据保持原样"

    def add_arguments(self, parser):
        parser.add_argument("file", metavar="FILE.json")
        parser.add_argument("--by", metavar="USER", help="用户名；不写则为系统")
        parser.add_argument("--json", action="store_true", help="输出 JSON")

    def handle(self, *args, **options):
        by = None
        if options["by"]:
            by = User.objects.filter(username=options["by"]).first()
            if by is None:
                raise CommandError(f"没有这个用户：{options['by']}", returncode=2)
        try:
            county = load_facts(read_file(options["file"]), by=by)
        except FactsError as error:
            if options["json"]:
                self.stdout.write(
                    json.dumps(
                        {
                            "error": str(error),
                            "list": error.where,
                            "index": error.index,
                            "key": error.key,
                        },
                        ensure_ascii=False,
                    )
                )
            raise CommandError(str(error), returncode=1) from error
        found = {
            "county": county.code,
            "children": Child.objects.filter(county=county).count(),
            "contacts": Contact.objects.filter(child__county=county).count(),
        }
        if options["json"]:
            self.stdout.write(json.dumps(found, ensure_ascii=False))
        else:
            self.stdout.write(
                f"已导入：{county.name}，现有孩子 {found['children']} 名，关爱记录 {found['contacts']} 条"
            )
