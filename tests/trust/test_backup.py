"""Backup and restore: everything comes back equal, nothing is readable without the key."""

import base64
import os
import shutil
import subprocess
import sys

import pytest
from django.conf import settings as project_settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import CommandError, call_command
from django.db import connection

from tests.conftest import triggers_asleep
from trust import accounts, audit, backup, uploads
from trust.models import AuditEvent, Upload, User

WORDS = "奶奶的电话 13800000000".encode()


@pytest.fixture
def filled(transactional_db, tmp_path, settings, monkeypatch):
    """An installation with an account, a file and an audit trail."""
    if connection.vendor == "postgresql" and not shutil.which("pg_dump"):
        pytest.skip("pg_dump is not installed")
    monkeypatch.setenv("BACKUP_KEY", base64.b64encode(b"k" * 32).decode())
    # Tests before that really committed may have left rows, or a journal of rows that are gone.
    with triggers_asleep():
        call_command("flush", verbosity=0, interactive=False)
    shutil.rmtree(audit.seals_folder(), ignore_errors=True)
    user = accounts.create_account(name="李静", username="lijing", by=None).user
    uploads.keep(SimpleUploadedFile("a.txt", WORDS), by=user, purpose="t", kept=None)
    return user


def rows():
    with connection.cursor() as cursor:
        found = {}
        for table in ("trust_user", "trust_upload"):
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")
            found[table] = [tuple(map(str, row)) for row in cursor.fetchall()]
        return found


@pytest.mark.db
def test_everything_comes_back(filled, tmp_path):
    before = rows()
    path, _ = backup.backup(tmp_path / "b")
    assert WORDS not in path.read_bytes() and "李静".encode() not in path.read_bytes()
    assert path.stat().st_mode & 0o077 == 0
    accounts.deactivate(filled, by=None, reason="x")
    Upload.objects.all().delete()
    shutil.rmtree(project_settings.MEDIA_ROOT)
    call_command("restore", str(tmp_path / "b"), "--overwrite")
    assert rows() == before
    assert uploads.read_bytes(Upload.objects.get()) == WORDS
    assert audit.verify() == []
    assert sorted(AuditEvent.objects.values_list("action", flat=True)) == [
        "backup", "create_account", "restore", "upload",
    ]  # fmt: skip
    with pytest.raises(Exception, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM trust_auditevent")


@pytest.mark.db
def test_it_does_not_overwrite_by_accident(filled, tmp_path):
    backup.backup(tmp_path / "b")
    with pytest.raises(CommandError, match="--overwrite"):
        call_command("restore", str(tmp_path / "b"))
    assert User.objects.count() == 1


def test_without_the_key_it_says_so_and_changes_nothing(filled, tmp_path, monkeypatch):
    path, _ = backup.backup(tmp_path / "b")
    monkeypatch.setenv("BACKUP_KEY", base64.b64encode(b"x" * 32).decode())
    with pytest.raises(CommandError, match="密钥"):
        call_command("restore", str(path), "--overwrite")
    assert User.objects.count() == 1


def test_other_field_keys_are_refused_before_anything_changes(filled, tmp_path, settings):
    path, _ = backup.backup(tmp_path / "b")
    settings.FIELD_KEYS = {"aes7": b"7" * 32}
    with pytest.raises(CommandError, match="aes1"):
        call_command("restore", str(path), "--overwrite")


def test_an_empty_folder_says_so(db, tmp_path):
    with pytest.raises(CommandError, match="没有备份"):
        call_command("restore", str(tmp_path))


def test_a_new_machine_with_the_keys_takes_over(tmp_path):
    def manage(var, *command):
        environment = {"PATH": os.environ["PATH"], "VAR_DIR": str(var), "PYTHONIOENCODING": "utf-8"}
        return subprocess.run(
            [sys.executable, "manage.py", *command], cwd=project_settings.BASE_DIR, env=environment,
            capture_output=True, text=True,
        )  # fmt: skip

    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    new.mkdir()
    assert manage(old, "migrate").returncode == 0
    code = "from trust.accounts import create_account as c; c(name='李静', username='lijing', by=None)"
    assert manage(old, "shell", "-c", code).returncode == 0
    assert manage(old, "backup", str(tmp_path / "b")).returncode == 0
    shutil.copytree(old / "keys", new / "keys")
    result = manage(new, "restore", str(tmp_path / "b"))
    assert result.returncode == 0, result.stderr
    assert "核对无误" in result.stdout
    assert manage(new, "check", "--database", "default").returncode == 0
    assert manage(new, "verify_audit").returncode == 0
