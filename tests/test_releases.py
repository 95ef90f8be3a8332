"""The data of every released version come through: unpacked, migrated forward, row for row what they were.

A dump lies in tests/releases/<number>/ (made by ``python -m tests.releases.make``): an invented county as SQLite, the
test keys it was sealed with, and a manifest of rows, hashes of the fields and the closed month's check.
"""

import json
import lzma
import shutil
import sqlite3
from pathlib import Path

import pytest

from .releases.make import closed_month, digest, run

RELEASES = sorted(
    path for path in (Path(__file__).parent / "releases").iterdir() if (path / "manifest.json").is_file()
)

# What a dump must hold something of, or it would prove nothing.
BUSINESS = [
    "activities.Activity", "activities.Attendance", "activities.Contact", "activities.DutyRule", "activities.Excuse",
    "activities.Finding", "activities.Opening", "activities.Tally", "pairing.Pairing", "registry.CareListSpell",
    "registry.Child", "registry.Enrollment", "registry.Guardian", "registry.Guardianship", "registry.Kinship",
    "registry.ParentWork", "registry.Phone", "registry.Post", "registry.Staff", "registry.Term", "trust.AuditEvent",
    "trust.User",
]  # fmt: skip


@pytest.fixture(scope="module", params=RELEASES, ids=lambda path: path.name)
def released(request, tmp_path_factory):
    """(folder of the release, its manifest, data folder after all migrations). Tests below leave their traces in it."""
    var_dir = tmp_path_factory.mktemp(f"release-{request.param.name}")
    (var_dir / "lbc.sqlite3").write_bytes(lzma.decompress((request.param / "lbc.sqlite3.xz").read_bytes()))
    shutil.copytree(request.param / "keys", var_dir / "keys")
    run(var_dir, "manage.py", "migrate", "--verbosity", "0", "--no-input")
    manifest = json.loads((request.param / "manifest.json").read_text(encoding="utf-8"))
    return request.param, manifest, var_dir


def test_there_is_a_release():
    assert [path.name for path in RELEASES][:1] == ["1"]


def test_every_row_comes_through_unchanged(released):
    folder, manifest, var_dir = released
    now = digest(var_dir, str(folder / "manifest.json"))
    rows = {label: table["rows"] for label, table in manifest["tables"].items()}
    assert {label: table["rows"] for label, table in now.items()} == rows
    empty = [label for label in BUSINESS if not rows[label]]
    assert empty == []
    assert [label for label in rows if now[label]["sha256"] != manifest["tables"][label]["sha256"]] == []


def test_the_audit_trail_still_fits(released):
    _, manifest, var_dir = released
    result = json.loads(run(var_dir, "manage.py", "verify_audit", "--json"))
    assert (result["ok"], result["findings"]) == (True, [])
    assert result["entries"] >= manifest["tables"]["trust.AuditEvent"]["rows"] > 0


def test_a_closed_month_answers_as_it_did(released):
    _, manifest, var_dir = released
    now = closed_month(var_dir)
    then = manifest["check"]
    assert now["closed"] is True
    # A later version may also name the rules that nobody owed.
    more = {code: figures for code, figures in now["rules"].items() if code not in then["rules"]}
    assert [code for code, figures in more.items() if any(figures.values())] == []
    now["rules"] = {code: figures for code, figures in now["rules"].items() if code in then["rules"]}
    assert now == then


def test_a_changed_row_would_be_seen(released, tmp_path):
    """The comparison itself can fail: one letter of one child."""
    folder, _, var_dir = released
    shutil.copytree(var_dir, tmp_path / "var")
    with sqlite3.connect(tmp_path / "var" / "lbc.sqlite3") as database:
        database.execute(
            "UPDATE registry_child SET village = village || '东' WHERE id = (SELECT MIN(id) FROM registry_child)"
        )
    now = digest(tmp_path / "var", str(folder / "manifest.json"))
    before = digest(var_dir, str(folder / "manifest.json"))
    changed = [label for label in now if now[label] != before[label]]
    assert changed == ["registry.Child"]


def test_a_dump_holds_no_account_that_opens(released):
    _, _, var_dir = released
    with sqlite3.connect(var_dir / "lbc.sqlite3") as database:
        assert database.execute("SELECT DISTINCT password FROM trust_user").fetchall() == [("!",)]
        assert database.execute("SELECT COUNT(*) FROM django_session").fetchall() == [(0,)]
        assert database.execute("SELECT DISTINCT code FROM registry_county").fetchall() == [("341299",)]
