"""Start-up checks: what must not run is refused with one sentence; what should be mended is a warning."""

import ipaddress
import sqlite3
import sys
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register
from django.db import DatabaseError, connections

from trust import keys
from trust.models import User


def _postgresql():
    return settings.DATABASES["default"]["ENGINE"].endswith(("postgresql", "postgis"))


def _on_this_machine(host):
    if not host or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@register(Tags.security)
def settings_are_safe(app_configs, **kwargs):
    """What the settings alone tell; errors stop every command."""
    found = []
    if settings.TESTING:
        return found
    if _postgresql() and not settings.TLS:
        found.append(
            Error("用 PostgreSQL 就是县级安装，必须设 TLS=1（见 docs/operations.md）", id="lbc.E001")
        )
    if settings.DEBUG and (_postgresql() or settings.TLS):
        found.append(Error("县级安装不能打开 DEBUG", id="lbc.E002"))
    if not settings.LOCAL_MODE and not settings.ALLOWED_HOSTS:
        found.append(Error("县级安装要在 ALLOWED_HOSTS 里写明网址", id="lbc.E003"))
    found += _redis_is_safe()
    if settings.INDEX_KEY in settings.FIELD_KEYS.values():
        found.append(Error("INDEX_KEY 不能与字段密钥相同", id="lbc.E006"))
    for name, key in [*settings.FIELD_KEYS.items(), ("INDEX_KEY", settings.INDEX_KEY)]:
        if len(set(key)) < 12:
            found.append(Error(f"密钥 {name} 太简单，请用随机生成的", id="lbc.E007"))
    if settings.CELERY_TASK_SERIALIZER != "json" or settings.CELERY_ACCEPT_CONTENT != ["json"]:
        found.append(Error("后台任务只许用 json", id="lbc.E008"))
    return found


def _redis_is_safe():
    if not settings.REDIS_URL:
        return []
    parts = urlsplit(settings.REDIS_URL)
    if parts.scheme.endswith(("unix", "socket")) or _on_this_machine(parts.hostname):
        return []
    if not parts.password:
        return [Error("Redis 不在本机，却没有密码", id="lbc.E004")]
    if parts.scheme != "rediss":
        return [Warning("Redis 不在本机，线路没有加密（用 rediss://）", id="lbc.W005")]
    return []


@register(Tags.database)
def database_is_safe(app_configs, databases=None, **kwargs):
    """What only the database can tell; runs with ``check --database default`` and ``migrate``."""
    if settings.TESTING or not databases or "default" not in databases:
        return []
    found = [
        Error(f"密钥 {key_id} 与数据对不上：缺了，或不是原来那一个", id="lbc.E009")
        for key_id in keys.wrong_keys()
    ]
    return found + (_postgresql_is_safe() if _postgresql() else _sqlite_is_safe())


def _postgresql_is_safe():
    found = []
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('fsync'), current_setting('synchronous_commit'),"
            " current_setting('full_page_writes'), rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
        )
        fsync, commit, pages, above_all = cursor.fetchone()
    if "off" in (fsync, commit, pages):
        found.append(
            Warning(
                "PostgreSQL 的 fsync、synchronous_commit、full_page_writes 要打开，否则断电会丢数据",
                id="lbc.W010",
            )
        )
    if above_all:
        found.append(Warning("程序不要用 PostgreSQL 的超级用户连接", id="lbc.W011"))
    return found


def _sqlite_is_safe():
    with connections["default"].cursor() as cursor:
        cursor.execute("PRAGMA journal_mode")
        journal = cursor.fetchone()[0]
    if journal == "wal" and sqlite3.sqlite_version_info < (3, 51, 3):
        return [Error("这个版本的 SQLite 不能用 WAL 日志", id="lbc.E012")]
    return []


def refuse_unsafe_start():
    """Called by web and worker before they serve: wrong keys, and demo accounts on a real installation, end it."""
    if settings.TESTING:
        return
    wrong = keys.wrong_keys()
    if wrong:
        sys.exit(
            f"密钥 {'、'.join(wrong)} 与数据对不上，已停止启动。请放回原来的密钥（见 docs/operations.md）。"
        )
    if settings.TLS:
        try:
            demo = User.objects.filter(username__startswith="demo-", is_active=True).exists()
        except DatabaseError:
            demo = False
        if demo:
            sys.exit("正式安装里还有演示账号（demo-…），已停止启动。请先停用它们。")
