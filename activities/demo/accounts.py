"""The demo accounts: one of every post, one password for all, kept in a file only the owner of this computer reads."""

import os
import secrets

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.utils import timezone

from registry.models import Post, PostKind
from trust.models import User

SYLLABLES = [
    "qing", "shan", "liu", "shui", "bai", "yun", "hong", "mei", "lan", "tian", "song", "feng", "yue", "xing", "chun", "qiu", "hai",
    "lin", "hua", "zhu", "niao", "lu", "ma", "jin", "yin", "shi", "men", "xi", "dong", "nan", "bei", "xue",
]  # fmt: skip
DIGITS = "23456789"
TITLES = {PostKind.TEACHER: "包保教师"}  # whoever holds a pairing


def accounts_file():
    """Where the accounts are written down."""
    return settings.VAR_DIR / "demo-accounts.txt"


def new_password():
    """Easy to type on a phone, made for this installation: five syllables and four digits, some 37 bits."""
    words = "-".join(secrets.choice(SYLLABLES) for _ in range(5))
    return f"{words}-{''.join(secrets.choice(DIGITS) for _ in range(4))}"


def demo_users():
    """The accounts with a password, in the order of the posts."""
    order = {kind: number for number, kind in enumerate(PostKind.values)}
    users = User.objects.filter(username__startswith="demo-")
    found = [(user, _post_of(user)) for user in users]
    return sorted(found, key=lambda pair: order[pair[1].kind])


def _post_of(user):
    """The post the account is named for: the first in force."""
    return (
        Post.objects.today()
        .filter(staff__user=user)
        .select_related("school", "district", "school_class__school", "center")
        .order_by("starts_on", "pk")
        .first()
    )


def give_password(password=None):
    """Sets one password for all demo accounts; returns it."""
    password = password or new_password()
    for user, _ in demo_users():
        user.password = make_password(password)
        user.must_change_password = False
        user.password_changed_at = timezone.now()
        user.save(update_fields=["password", "must_change_password", "password_changed_at"])
    return password


def sheet(password):
    """What is printed and kept: the password, and who is who."""
    lines = [f"密码（所有演示账号相同）：{password}", ""]
    for user, post in demo_users():
        place = post.school or post.district or post.center or "青溪县"
        if post.school_class_id:
            place = f"{place} {post.school_class}"
        lines.append(
            f"{user.username:<22}{TITLES.get(post.kind, post.get_kind_display())} {user.name}（{place}）"
        )
    return "\n".join(lines) + "\n"


def keep(text):
    """Writes the file for its owner's eyes only."""
    path = accounts_file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(text)
    path.chmod(0o600)
