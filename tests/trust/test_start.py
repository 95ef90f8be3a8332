"""Keys made once, refusals at the start, masks, versions."""

import base64
import os
import stat
import subprocess
import sys

import environ
import pytest
from django.conf import settings as project_settings

from trust import local_keys, masking

BASE = project_settings.BASE_DIR
KEY, INDEX = (base64.b64encode(bytes(range(start, start + 32))).decode() for start in (0, 100))
COUNTY = {
    "DATABASE_URL": "postgres://care:x@/care?host=/nowhere",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "TLS": "1",
    "SECRET_KEY": "k" * 10 + "zufall-" * 10,
    "FIELD_KEYS": f"aes1:{KEY}",
    "INDEX_KEY": INDEX,
    "ALLOWED_HOSTS": "care.example.cn",
}


def manage(tmp_path, *command, **environment):
    clean = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return subprocess.run(
        [sys.executable, "manage.py", *command], cwd=BASE, capture_output=True, text=True,
        env=clean | {"VAR_DIR": str(tmp_path), "PYTHONIOENCODING": "utf-8"} | environment,
    )  # fmt: skip


def test_local_keys_are_made_once_and_closed_to_others(tmp_path):
    one = local_keys.local_secrets(tmp_path, environ.Env(), needed=True)
    two = local_keys.local_secrets(tmp_path, environ.Env(), needed=True)
    assert one == two
    assert list(one.field_keys) == ["aes1"]
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "keys").iterdir()} == {0o600}
    assert sorted(path.name for path in (tmp_path / "keys").iterdir()) == [
        "field_keys",
        "index_key",
        "secret_key",
    ]
    assert "aes1" not in repr(one)


def test_key_lists_are_read_newest_first():
    assert list(local_keys.read_field_keys(f"aes2:{INDEX}, aes1:{KEY}")) == ["aes2", "aes1"]


@pytest.mark.parametrize("text", ["", "aes1", "aes1:kurz", f"a-1:{KEY}"])
def test_bad_key_lists_are_refused(text):
    with pytest.raises(SystemExit):
        local_keys.read_field_keys(text)


@pytest.mark.parametrize("missing", ["SECRET_KEY", "FIELD_KEYS", "INDEX_KEY"])
def test_a_county_does_not_start_without_its_secrets(tmp_path, missing):
    result = manage(tmp_path, "check", **{name: value for name, value in COUNTY.items() if name != missing})
    assert result.returncode != 0
    assert missing in result.stderr
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "keys").exists()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, None),
        ({"TLS": "0"}, "lbc.E001"),
        ({"DEBUG": "1"}, "lbc.E002"),
        ({"ALLOWED_HOSTS": ""}, "lbc.E003"),
        ({"REDIS_URL": "redis://10.0.0.5:6379/0"}, "lbc.E004"),
        ({"REDIS_URL": "redis://:p@10.0.0.5:6379/0"}, "lbc.W005"),
        ({"REDIS_URL": "rediss://:p@10.0.0.5:6379/0"}, None),
        ({"INDEX_KEY": KEY}, "lbc.E006"),
        ({"FIELD_KEYS": f"aes1:{base64.b64encode(b'0' * 32).decode()}"}, "lbc.E007"),
    ],
)
def test_unsafe_settings_are_refused(tmp_path, changed, expected):
    result = manage(tmp_path, "check", "--deploy", "--fail-level", "WARNING", **(COUNTY | changed))
    assert (expected in result.stderr) if expected else (result.returncode == 0), result.stderr
    assert (result.returncode != 0) == bool(expected)


def test_a_school_starts_with_nothing_set_and_refuses_foreign_keys(tmp_path):
    assert manage(tmp_path, "migrate").returncode == 0
    assert manage(tmp_path, "check", "--database", "default").returncode == 0
    (tmp_path / "keys" / "field_keys").write_text(local_keys.new_field_key())
    result = manage(tmp_path, "check", "--database", "default")
    assert result.returncode == 1
    assert "aes1" in result.stderr
    code = "import lbc_site.wsgi"
    clean = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "PYTHONIOENCODING": "utf-8"}
    web = subprocess.run([sys.executable, "-c", code], cwd=BASE, capture_output=True, text=True, env=clean)
    assert web.returncode == 1
    assert "aes1" in web.stderr and "Traceback" not in web.stderr


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("341299201501010018", "341*************18"),
        ("", ""),
        (None, ""),
        ("12345", "*****"),
        ("123456", "123*56"),
    ],
)
def test_id_numbers_are_masked(value, masked):
    assert masking.mask_id_number(value) == masked


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("13800008000", "138****8000"),
        ("", ""),
        (None, ""),
        ("12", "**"),
        ("66123", "***23"),
        ("05641234567", "056****4567"),
    ],
)
def test_phones_are_masked(value, masked):
    assert masking.mask_phone(value) == masked
