"""What must be true before the processes of `make run` start: tables, cache, static files, demo county.

Called by tools/run_local.py with the Python of .venv. Writes what it found to the file named as its argument.
"""

import contextlib
import io
import json
import os
import sqlite3
import sys
from datetime import datetime
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(BASE_DIR))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "lbc_site.settings")

import django  # noqa: E402

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth import get_user_model  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import DEFAULT_DB_ALIAS, connections  # noqa: E402
from django.db.migrations.executor import MigrationExecutor  # noqa: E402

COPIES_KEPT = 3


def pending_migrations() -> tuple[bool, bool]:
    """(something to migrate, the database already holds tables of ours)."""
    executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return bool(plan), bool(executor.loader.applied_migrations)


def copy_database() -> None:
    """Before a new version changes the tables of a school, a copy of them stays beside it."""
    database = connections[DEFAULT_DB_ALIAS]
    if database.vendor != "sqlite":
        return
    folder = settings.VAR_DIR / "before-upgrade"
    folder.mkdir(mode=0o700, exist_ok=True)
    target = folder / f"{datetime.now():%Y%m%d-%H%M%S}.sqlite3"
    with contextlib.closing(sqlite3.connect(target)) as copy:
        database.ensure_connection()
        database.connection.backup(copy)
    target.chmod(0o600)
    print(f"… 升级前的数据已另存到 {target}")
    for old in sorted(folder.glob("*.sqlite3"))[:-COPIES_KEPT]:
        old.unlink()


def prepare_tables() -> None:
    """Migrate only when there is something to migrate: a second start takes seconds."""
    pending, in_use = pending_migrations()
    if pending:
        if in_use:
            copy_database()
        print("… 建立数据表", flush=True)
        call_command("migrate", verbosity=0, interactive=False)
    call_command("createcachetable", verbosity=0)


def load_demo_county() -> None:
    """The invented county, and its accounts in a file only the owner of this computer reads."""
    print("… 生成演示县（约一分钟，数据全为虚构）", flush=True)
    told = io.StringIO()
    call_command("load_demo", stdout=told)
    accounts = settings.VAR_DIR / "demo-accounts.txt"
    accounts.touch(mode=0o600)
    accounts.write_text(told.getvalue(), encoding="utf-8")


def main() -> None:
    """All steps; each may be repeated after an interruption."""
    settings.VAR_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)
    prepare_tables()
    collect = os.environ["RUN_COLLECT_STATIC"] == "1"
    if collect:
        call_command("collectstatic", verbosity=0, interactive=False, clear=True)
    if os.environ["RUN_DEMO"] == "1" and not (settings.VAR_DIR / "demo-accounts.txt").exists():
        load_demo_county()
    found = {"accounts": get_user_model().objects.exists()}
    Path(sys.argv[1]).write_text(json.dumps(found), encoding="utf-8")


if __name__ == "__main__":
    main()
