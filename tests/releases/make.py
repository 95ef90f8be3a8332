"""Write the dump of a release: a small invented county, SQLite, compressed, with test keys of its own.

    .venv/bin/python -m tests.releases.make 2        ->  tests/releases/2/

A dump that exists is never written again: it shows what a school of that version really had.
"""

import json
import lzma
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent
UNTIL, MONTH = "2026-10-20", "2026-09"
ARGUMENTS = ["--schools", "1", "--children", "12", "--months", "2", "--until", UNTIL, "--seed", "1"]


def run(var_dir, *arguments):
    """One Python command of this project on the data of ``var_dir``; its output."""
    keep = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=keep | {"VAR_DIR": str(var_dir), "PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)}: {done.stderr[-2000:]}")
    return done.stdout


def closed_month(var_dir):
    """The closed month as the command line tells it."""
    return json.loads(run(var_dir, "manage.py", "check_duties", MONTH, "--list", "--json"))


def digest(var_dir, *older):
    """The digest of the database."""
    return json.loads(run(var_dir, "-m", "tests.releases.digest", *older))


def main():
    """Make the dump of the release named as the argument."""
    target = FOLDER / sys.argv[1]
    if (target / "lbc.sqlite3.xz").exists():
        sys.exit(f"{target} exists; a release's dump is never written again")
    target.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        run(work, "manage.py", "migrate", "--verbosity", "0")
        run(work, "manage.py", "load_demo", *ARGUMENTS)
        database = sqlite3.connect(work / "lbc.sqlite3")
        with database:
            database.execute("UPDATE trust_user SET password = '!'")  # nobody signs in to a dump
            database.execute("DELETE FROM django_session")
        database.execute("VACUUM")
        database.close()
        shutil.copytree(work / "keys", target / "keys", dirs_exist_ok=True)
        (target / "lbc.sqlite3.xz").write_bytes(
            lzma.compress((work / "lbc.sqlite3").read_bytes(), preset=9 | lzma.PRESET_EXTREME)
        )
        tables = digest(work)  # before the check, which leaves its trace
        manifest = {
            "made_by": "load_demo " + " ".join(ARGUMENTS),
            "month": MONTH,
            "check": closed_month(work),
            "tables": tables,
        }
        text = json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True)
        (target / "manifest.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
