"""What the commands of this floor share: JSON on standard output, and the account in whose name they act."""

import json

from django.core.management.base import CommandError

from trust.models import User


def print_json(stream, value):
    """Writes ``value`` as indented JSON."""
    stream.write(json.dumps(value, ensure_ascii=False, indent=1, default=str))


def the_user(name):
    """The account named by ``--by``; None (the system) when none is named. Exit status 2 when there is none such."""
    if not name:
        return None
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"没有这个用户：{name}", returncode=2)
    return user
