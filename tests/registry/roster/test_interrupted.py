"""Cut off at any point an import has written nothing: an error at any statement, a process killed in the middle."""

import contextlib
import datetime
import os
import shutil
import signal
import sqlite3
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import connection

from registry.models import ImportBatch, ImportTrace
from registry.roster.imports import import_roster
from registry.roster.undo import undo_import
from tests.registry.cast import cast  # noqa: F401
from tests.registry.roster.generator import id_number
from tests.registry.roster.test_changes import FAMILY, rows
from tests.registry.roster.test_problems import BORN, GOOD, kid, sheet_of
from trust.models import AuditEvent, OutboxMessage

DAY = datetime.date(2026, 9, 10)
LATER = datetime.date(2026, 9, 20)
ROW = [
    "李小满",
    "男",
    GOOD,
    "三（2）班",
    "李强",
    "广东省东莞市",
    "13800001111",
    "李大山",
    "爷爷",
    "13800002222",
]
MOVED = [
    "李小满",
    "男",
    GOOD,
    "三（3）班",
    "李强",
    "浙江省义乌市",
    "13800003333",
    "彭三妹",
    "奶奶",
    "13800004444",
]
ALONE = ["王芳", "女", id_number(BORN, 2), "三（2）班", "王强", "在家", "13900001111", "独居", "", ""]


class LightWentOut(Exception):
    """The machine stopped here."""


def everything():
    """How many rows every table holds that an import writes to."""
    others = [ImportBatch, ImportTrace, AuditEvent, OutboxMessage]
    return rows() | {model.__name__: model.objects.count() for model in others}


def stop_at(number):
    """Lets ``number`` writing statements through and fails at the next; gives the wrapper and what it counted."""
    seen = []

    def wrapper(execute, sql, parameters, many, context):
        if sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
            seen.append(sql)
            if number is not None and len(seen) > number:
                raise LightWentOut
        return execute(sql, parameters, many, context)

    return wrapper, seen


@pytest.mark.django_db
@pytest.mark.db
def test_an_error_at_any_statement_leaves_nothing(cast):  # noqa: F811
    import_roster(sheet_of(ROW, headings=FAMILY), by=None, school=cast.school, as_of=DAY)
    data = sheet_of(MOVED, ALONE, headings=FAMILY)

    def run(number):
        wrapper, seen = stop_at(number)
        with connection.execute_wrapper(wrapper):
            _plan, batch = import_roster(data, by=cast.leader, school=cast.school, as_of=LATER, accept=True)
        return batch, seen

    before = everything()
    number = 0
    while True:
        try:
            batch, seen = run(number)
        except LightWentOut:
            assert everything() == before, f"cut off at statement {number + 1}"
            number += 1
        else:
            break
    # every writing statement of the import was the last one once
    assert number == len(seen) > 20

    after, number = everything(), 0
    while True:
        wrapper, _seen = stop_at(number)
        try:
            with connection.execute_wrapper(wrapper):
                undo_import(batch, by=cast.leader)
        except LightWentOut:
            batch.refresh_from_db()
            assert (everything(), batch.state) == (after, "done"), f"cut off at statement {number + 1}"
            number += 1
        else:
            break
    assert number > 8


CHILDREN = 40
KILLED = """
import os, signal, sys
import django
django.setup()
from django.core.management import call_command
from django.db import connection

written = 0

def killer(execute, sql, parameters, many, context):
    global written
    if sql.lstrip().upper().startswith(("INSERT", "UPDATE", "DELETE")):
        written += 1
        if written == int(sys.argv[2]):
            os.kill(os.getpid(), signal.SIGKILL)
    return execute(sql, parameters, many, context)

with connection.execute_wrapper(killer):
    call_command("import_roster", sys.argv[1], "--school", "s1")
"""


@pytest.mark.django_db(transaction=True)
def test_a_killed_process_has_written_all_or_nothing(cast, tmp_path):  # noqa: F811
    """``kill -9`` of the command at several of its statements: the database holds none of the children, at last all."""
    if connection.vendor != "sqlite":
        pytest.skip("a process of its own needs a database file of its own")
    before = everything()
    connection.close()
    home = tmp_path / "var"
    shutil.copytree(settings.VAR_DIR, home, ignore=shutil.ignore_patterns("*.sqlite3*", "static"))
    shutil.copy(connection.settings_dict["NAME"], home / "lbc.sqlite3")
    roster = tmp_path / "名册.xlsx"
    names = [f"孩子{chr(0x4E00 + number)}" for number in range(CHILDREN)]
    roster.write_bytes(
        sheet_of(*(kid(姓名=name, 身份证号=id_number(BORN, n * 2 + 1)) for n, name in enumerate(names)))
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "lbc_site.settings",
        "VAR_DIR": str(home),
        "PYTHONPATH": str(settings.BASE_DIR),
    }
    environment.pop("DATABASE_URL", None)

    def run(statement):
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(roster), str(statement)],
            env=environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        with contextlib.closing(sqlite3.connect(home / "lbc.sqlite3")) as found:
            counts = [found.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES]
        assert done.returncode != 1, done.stderr
        return done.returncode, counts

    nothing = [before["Child"], before["Enrollment"], before["Kinship"], 0, 0]
    for statement in (1, 5, 12, 20):
        assert run(statement) == (-signal.SIGKILL, nothing)
    status, counts = run(10_000)
    assert (status, counts[:4]) == (
        0,
        [before["Child"] + CHILDREN, before["Enrollment"] + CHILDREN, before["Kinship"] + CHILDREN, 1],
    )


TABLES = [
    "registry_child",
    "registry_enrollment",
    "registry_kinship",
    "registry_importbatch",
    "registry_importtrace",
]
