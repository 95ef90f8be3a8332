"""Where the secrets come from: the environment, or (one school's own computer) files made once under ``var/keys``.

Read while settings load, so nothing of Django may be imported here.
"""

import base64
import binascii
import os
import secrets
import stat
import sys
from dataclasses import dataclass
from pathlib import Path


class SecretsMissing(SystemExit):
    """The program refuses to start; the text is the one sentence the operator reads."""


@dataclass(frozen=True)
class Secrets:
    """The three secrets of an installation. ``field_keys``: id -> 32 bytes, newest first."""

    secret_key: str
    field_keys: dict
    index_key: bytes

    def __repr__(self):
        return "<Secrets>"  # never print a key in a traceback


def local_secrets(var_dir, env, *, needed):
    """Read SECRET_KEY, FIELD_KEYS and INDEX_KEY; in local mode (``needed``) make those that are missing.

    Without local mode a missing secret ends the program, except under pytest, which makes throw-away keys.
    """
    given = {name: env.str(name, default="") for name in ("SECRET_KEY", "FIELD_KEYS", "INDEX_KEY")}
    missing = [name for name, value in given.items() if not value]
    if missing:
        if not needed and "pytest" not in sys.modules:
            raise SecretsMissing(
                f"缺少环境变量 {'、'.join(missing)}，已停止启动；生成方法见 docs/operations.md。"
                f" (Refusing to start: {', '.join(missing)} not set.)"
            )
        folder = Path(var_dir) / "keys"
        for name in missing:
            given[name] = _kept(folder / name.lower(), _MAKERS[name])
    return Secrets(
        secret_key=given["SECRET_KEY"],
        field_keys=read_field_keys(given["FIELD_KEYS"]),
        index_key=_decoded("INDEX_KEY", given["INDEX_KEY"]),
    )


def backup_key(var_dir, env, *, needed):
    """BACKUP_KEY (32 bytes in base64); in local mode made once. It is not in any backup: keep a copy elsewhere."""
    text = env.str("BACKUP_KEY", default="")
    if not text and not needed:
        raise SecretsMissing("缺少环境变量 BACKUP_KEY，不能备份或恢复。(BACKUP_KEY is not set.)")
    return _decoded("BACKUP_KEY", text or _kept(Path(var_dir) / "keys" / "backup_key", _MAKERS["INDEX_KEY"]))


def new_field_key(number=1):
    """One line for FIELD_KEYS: the id names the cipher (``aes`` = AES-256-GCM)."""
    return f"aes{number}:{base64.b64encode(secrets.token_bytes(32)).decode()}"


def read_field_keys(text):
    """``aes2:base64,aes1:base64`` -> {id: 32 bytes}, the newest first."""
    keys = {}
    for part in filter(None, (part.strip() for part in text.replace("\n", ",").split(","))):
        key_id, colon, encoded = part.partition(":")
        if not colon or not key_id.isalnum():
            raise SecretsMissing("FIELD_KEYS 应写成“编号:base64”，多个用逗号隔开。(FIELD_KEYS is malformed.)")
        keys[key_id] = _decoded(f"FIELD_KEYS {key_id}", encoded)
    if not keys:
        raise SecretsMissing("FIELD_KEYS 里没有密钥。(FIELD_KEYS holds no key.)")
    return keys


def _decoded(name, text):
    try:
        key = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise SecretsMissing(f"{name} 应是 32 字节的 base64。({name} must be 32 bytes in base64.)")
    return key


_MAKERS = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(60),
    "FIELD_KEYS": new_field_key,
    "INDEX_KEY": lambda: base64.b64encode(secrets.token_bytes(32)).decode(),
}


def _kept(path, make):
    """The file's content, made once; two processes that start together end up with the same one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        os.chmod(path.parent, stat.S_IRWXU)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(make())
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)  # fails if another process was first: its key stands
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text(encoding="ascii").strip()
