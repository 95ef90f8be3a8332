"""Backup and restore (备份与恢复): database, files and audit seals in one sealed file. The keys are never in it."""

import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path

import environ
from django.apps import apps
from django.conf import settings
from django.db import DatabaseError, connection
from django.utils import timezone

from trust import audit, crypto, local_keys
from trust.models import User

LABEL = "backup"
SUFFIX = ".carebackup"

audit.name_actions(backup="备份", restore="从备份恢复")


class BackupFailed(Exception):
    """Says in one Chinese sentence why."""


def _keys():
    key = local_keys.backup_key(settings.VAR_DIR, environ.Env(), needed=settings.LOCAL_MODE)
    return {"aes0": key}


@contextmanager
def _workplace():
    """A closed folder on the same disk, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=settings.VAR_DIR) as folder:
        yield Path(folder)


def counts():
    """{table: rows} of every table of ours, to compare before and after."""
    return {
        model._meta.db_table: model._base_manager.count()
        for model in apps.get_models(include_auto_created=True)
        if model._meta.managed and not model._meta.proxy
    }


def backup(folder, *, by=None):
    """Write one sealed file into ``folder``; returns its path and the manifest.

    Seals are copied before the database and files after it, so nothing the copy names is missing from it.
    """
    keys = _keys()
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    audit.record("backup", by=by)
    now = timezone.localtime()
    target = folder / f"backup-{now:%Y%m%d-%H%M%S}-{os.urandom(2).hex()}{SUFFIX}"
    with _workplace() as work:
        if audit.seals_folder().is_dir():
            shutil.copytree(audit.seals_folder(), work / "seals")
        _dump(work / "database")
        manifest = {"made_at": now.isoformat(), "vendor": connection.vendor, "rows": counts()}
        manifest["field_keys"] = list(settings.FIELD_KEYS)
        manifest["database"] = _sha256(work / "database")
        (work / "manifest.json").write_text(json.dumps(manifest))
        with tarfile.open(work / "all.tar", "w") as tar:
            for name in ("manifest.json", "database", "seals"):
                if (work / name).exists():
                    tar.add(work / name, arcname=name)
            if Path(settings.MEDIA_ROOT).is_dir():
                tar.add(settings.MEDIA_ROOT, arcname="files", filter=_finished)
        draft = target.with_suffix(".part")
        try:
            with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                crypto.write_sealed(file, _chunks(work / "all.tar"), LABEL, keys=keys)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(target)
        finally:
            draft.unlink(missing_ok=True)
    return target, manifest


def newest(folder):
    """The newest backup in a folder; a path to one backup is itself."""
    folder = Path(folder)
    if folder.is_file():
        return folder
    found = sorted(folder.glob(f"*{SUFFIX}")) if folder.is_dir() else []
    if not found:
        raise BackupFailed(f"{folder} 里没有备份")
    return found[-1]


def restore(path, *, overwrite=False, by=None):
    """Bring database, files and seals back from one sealed file. Returns (manifest, rows now)."""
    if not overwrite and _holds_data():
        raise BackupFailed("数据库里已有账号和数据；确认要用备份覆盖，请加 --overwrite")
    with _workplace() as work:
        try:
            with open(path, "rb") as sealed, open(work / "all.tar", "wb") as tar:
                for chunk in crypto.read_sealed(sealed, LABEL, keys=_keys()):
                    tar.write(chunk)
        except crypto.WrongKey:
            raise BackupFailed("打不开这个备份：密钥不是备份时的那一个，或者文件坏了") from None
        with tarfile.open(work / "all.tar") as tar:
            tar.extractall(work / "out", filter="data")
        out = work / "out"
        manifest = json.loads((out / "manifest.json").read_text())
        _fits(manifest, out)
        _load(out / "database")
        _put_back(out / "files", Path(settings.MEDIA_ROOT))
        _put_back(out / "seals", audit.seals_folder())
    rows = counts()
    audit.record("restore", by=_still_there(by), detail=manifest["made_at"])
    return manifest, rows


def _fits(manifest, out):
    if manifest["vendor"] != connection.vendor:
        raise BackupFailed(f"备份来自 {manifest['vendor']}，这里用的是 {connection.vendor}")
    missing = [key_id for key_id in manifest["field_keys"] if key_id not in settings.FIELD_KEYS]
    if missing:
        raise BackupFailed(f"缺字段密钥 {'、'.join(missing)}，恢复后打不开数据；请先放回备份时的密钥")
    if manifest["database"] != _sha256(out / "database"):
        raise BackupFailed("备份里的数据库不完整")


def _holds_data():
    try:
        return User.objects.exists()
    except DatabaseError:
        return False


def _still_there(by):
    return User.objects.filter(uid=by.uid).first() if by is not None else None


def _finished(member):
    return None if member.name.endswith(".part") else member


def _dump(target):
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        copy = sqlite3.connect(target)
        try:
            connection.connection.backup(copy)  # online: one short read of the whole
        finally:
            copy.close()
    else:
        _postgresql("pg_dump", "--format=custom", "--no-owner", f"--file={target}")
    os.chmod(target, 0o600)


def _load(source):
    if connection.vendor == "sqlite":
        connection.ensure_connection()
        copy = sqlite3.connect(source)
        try:
            copy.backup(connection.connection)
        finally:
            copy.close()
            connection.close()
    else:
        connection.close()
        _postgresql("pg_restore", "--clean", "--if-exists", "--no-owner", "--single-transaction", str(source))


def _postgresql(program, *arguments):
    place = connection.get_connection_params()
    environment = os.environ | {
        variable: str(place[name])
        for variable, name in [
            ("PGHOST", "host"), ("PGPORT", "port"), ("PGUSER", "user"), ("PGPASSWORD", "password"),
            ("PGSSLMODE", "sslmode"),
        ]
        if place.get(name)
    }  # fmt: skip
    name = place.get("dbname") or place.get("database")
    try:
        result = subprocess.run(  # noqa: S603  (our own arguments)
            [program, f"--dbname={name}", *arguments], env=environment, capture_output=True, check=False
        )
    except FileNotFoundError:
        raise BackupFailed(f"找不到 {program}，请安装 postgresql-client") from None
    if result.returncode:
        raise BackupFailed(f"{program} 没有成功（状态 {result.returncode}）")


def _put_back(source, target):
    """Put a folder in the place of another; what stood there stays beside it until the next restore."""
    before = target.with_name(target.name + ".before-restore")
    if target.exists():
        shutil.rmtree(before, ignore_errors=True)
        target.rename(before)
    if source.is_dir():
        shutil.copytree(source, target)


def _chunks(path):
    with open(path, "rb") as file:
        while chunk := file.read(1024 * 1024):
            yield chunk


def _sha256(path):
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
