"""`make test`: every stage, to the end, then what was skipped and why, and the ten slowest.

    .venv/bin/python tools/run_tests.py [--long] [--only check|sqlite|databases|browser|office|long]

Servers for the stage on PostgreSQL and Redis: TEST_DATABASE_URL and TEST_REDIS_URL, else names reserved for
tests on the local ones, else the stage is skipped (a failure when REQUIRE_DATABASES=1).
"""

import argparse
import getpass
import hashlib
import os
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
import redis

BASE_DIR = Path(__file__).resolve().parent.parent
BIN = BASE_DIR / ".venv" / "bin"
REPORTS = BASE_DIR / ".test"
LOCAL_POSTGRES = ("/var/run/postgresql", "127.0.0.1")
LOCAL_REDIS = "redis://127.0.0.1:6379/15"
NO_TESTS = 5  # pytest's exit status when a selection is empty

# `check --deploy` looks at a county's installation, so it is given one (nothing is connected to).
COUNTY = {
    "DATABASE_URL": "postgres://care@127.0.0.1/care",
    "REDIS_URL": "redis://:deploy-check-only@127.0.0.1:6379/0",
    "TLS": "1",
    "ALLOWED_HOSTS": "care.example",
    "CSRF_TRUSTED_ORIGINS": "https://care.example",
    "SECRET_KEY": "deploy-check-only-" + "Zx8Qm2Lp6Tv4Rn9K" * 4,
    "FIELD_KEYS": "aes1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVowMTIzNDU=",
    "INDEX_KEY": "NTQzMjEwWllYV1ZVVFNSUVBPTk1MS0pJSEdGRURDQkE=",
}
CHECKS = [
    ("ruff check", ["ruff", "check", "."], {}),
    ("ruff format", ["ruff", "format", "--check", "--quiet", "."], {}),
    ("floors (import-linter)", ["lint-imports"], {}),
    ("migrations complete", ["python", "manage.py", "makemigrations", "--check", "--dry-run"], {}),
    ("local installation", ["python", "manage.py", "check", "--fail-level", "WARNING"], {}),
    (
        "county installation",
        ["python", "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        COUNTY,
    ),
    ("templates (djlint)", ["djlint", "--lint", "--quiet", "templates"], {}),
]


@dataclass
class Tally:
    """What all stages together found."""

    failed: list[str] = field(default_factory=list)
    skipped: list[tuple[str, str]] = field(default_factory=list)  # (reason, what)
    slowest: list[tuple[float, str]] = field(default_factory=list)
    stages: list[tuple[str, float]] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {"passed": 0, "failed": 0, "skipped": 0})


def heading(text: str) -> None:
    """A line that is found again in a long log."""
    print(f"\n{'═' * 12} {text} {'═' * max(4, 80 - len(text))}", flush=True)


def clean_environment() -> dict[str, str]:
    """The shell's environment without what would steer the program."""
    steering = {"TEST_DATABASE_URL", "TEST_REDIS_URL", "DEBUG", "VAR_DIR", *COUNTY}
    environment = {name: value for name, value in os.environ.items() if name not in steering}
    return environment | {"PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"}


def run_checks(tally: Tally) -> None:
    """Everything that needs no test."""
    heading("check")
    environment = clean_environment() | {"VAR_DIR": str(REPORTS / "var")}
    for name, command, extra in CHECKS:
        done = subprocess.run(
            [BIN / command[0], *command[1:]],
            cwd=BASE_DIR,
            env=environment | extra,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        print(f"{'ok  ' if done.returncode == 0 else 'FAIL'} {name}", flush=True)
        if done.returncode:
            print(done.stdout[-6000:], flush=True)
            tally.failed.append(f"check: {name}")


def run_pytest(tally: Tally, stage: str, marks: str, *, extra: dict | None = None, workers: int = 2) -> None:
    """One run of pytest; its report is read for the summary."""
    heading(f"{stage}: pytest -m '{marks}'")
    report = REPORTS / f"{stage}.xml"
    report.unlink(missing_ok=True)
    command = [
        BIN / "python",
        "-m",
        "pytest",
        "-q",
        "-m",
        marks,
        f"--junitxml={report}",
        "-p",
        "no:cacheprovider",
    ]
    if workers > 1:
        command += ["-n", str(workers), "--dist", "worksteal"]
    code = subprocess.run(command, cwd=BASE_DIR, env=clean_environment() | (extra or {})).returncode
    if code not in (0, NO_TESTS):
        tally.failed.append(f"{stage}: pytest ended with {code}")
    if report.exists():
        read_report(tally, stage, report)


def read_report(tally: Tally, stage: str, report: Path) -> None:
    """Counts, skipped tests and times out of pytest's own report."""
    for case in ET.parse(report).iter("testcase"):
        name = f"{case.get('classname', '')}::{case.get('name', '')}"
        tally.slowest.append((float(case.get("time") or 0), f"{stage}: {name}"))
        if case.find("failure") is not None or case.find("error") is not None:
            tally.counts["failed"] += 1
            tally.failed.append(f"{stage}: {name}")
        elif (skipped := case.find("skipped")) is not None:
            tally.counts["skipped"] += 1
            tally.skipped.append((skipped.get("message", ""), f"{stage}: {name}"))
            if stage == "databases" and databases_required():
                tally.failed.append(f"{stage}: {name} was skipped, and REQUIRE_DATABASES is set")
        else:
            tally.counts["passed"] += 1


def databases_required() -> bool:
    """In CI a database that is not there is a failure, not an excuse."""
    return os.environ.get("REQUIRE_DATABASES") == "1"


def find_postgres() -> str | None:
    """A PostgreSQL where we may make a database of our own, named for this checkout; else None."""
    if os.environ.get("TEST_DATABASE_URL"):
        return os.environ["TEST_DATABASE_URL"]
    user = getpass.getuser()
    mine = hashlib.sha256(f"{BASE_DIR} {os.environ.get('VAR_DIR', '')}".encode()).hexdigest()[:8]
    for host in LOCAL_POSTGRES:
        try:
            connection = psycopg2.connect(host=host, dbname="postgres", user=user, connect_timeout=2)
        except psycopg2.OperationalError:
            continue
        with connection, connection.cursor() as cursor:
            cursor.execute("SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user")
            may_create = cursor.fetchone()[0]
        connection.close()
        if may_create:
            where = f"/care_{mine}?host={host}" if host.startswith("/") else f"{host}/care_{mine}"
            return f"postgres://{user}@{where}"
    return None


def find_redis() -> str | None:
    """A Redis that answers; the number 15 is reserved for tests and nothing there is ever flushed."""
    url = os.environ.get("TEST_REDIS_URL") or LOCAL_REDIS
    try:
        redis.Redis.from_url(url, socket_connect_timeout=2).ping()
    except redis.RedisError:
        return None
    return url


def run_databases(tally: Tally) -> None:
    """What is marked `db` once more, on PostgreSQL and Redis."""
    database_url, redis_url = find_postgres(), find_redis()
    missing = [name for name, url in (("PostgreSQL", database_url), ("Redis", redis_url)) if url is None]
    if missing:
        skip_stage(
            tally, "databases", f"{' and '.join(missing)} did not answer", failure=databases_required()
        )
        return
    run_pytest(
        tally,
        "databases",
        "db and not e2e and not office and not long",
        extra={"TEST_DATABASE_URL": database_url, "TEST_REDIS_URL": redis_url},
    )


def run_browser(tally: Tally) -> None:
    """The main roads in Chromium."""
    if shutil.which("chromium") is None:
        skip_stage(tally, "browser", "chromium is not installed (apt install chromium)")
    else:
        run_pytest(tally, "browser", "e2e and not long")


def run_office(tally: Tally) -> None:
    """Workbooks through LibreOffice; one at a time, it shares a profile."""
    if shutil.which("soffice") is None:
        skip_stage(tally, "office", "soffice is not installed (apt install libreoffice-calc)")
    else:
        run_pytest(tally, "office", "office and not e2e and not long", workers=1)


def skip_stage(tally: Tally, stage: str, why: str, *, failure: bool = False) -> None:
    """A whole stage that could not run."""
    heading(f"{stage}: skipped, {why}")
    tally.skipped.append((why, f"{stage}: the whole stage"))
    if failure:
        tally.failed.append(f"{stage}: {why}, and REQUIRE_DATABASES is set")


STAGES = {
    "check": run_checks,
    "sqlite": lambda tally: run_pytest(tally, "sqlite", "not e2e and not office and not long"),
    "databases": run_databases,
    "browser": run_browser,
    "office": run_office,
    "long": lambda tally: run_pytest(tally, "long", "long", extra={"HYPOTHESIS_PROFILE": "long"}),
}


def summarize(tally: Tally) -> None:
    """Last: the ten slowest, what failed, what was skipped and why, and one line that says it all."""
    heading("summary")
    print("Slowest:")
    for seconds, name in sorted(tally.slowest, reverse=True)[:10]:
        print(f"  {seconds:6.1f} s  {name}")
    print("Stages: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in tally.stages))
    if tally.failed:
        print("Failed:")
        for name in tally.failed:
            print(f"  {name}")
    print("Skipped:" if tally.skipped else "Skipped: nothing")
    by_reason: dict[str, list[str]] = {}
    for reason, what in tally.skipped:
        by_reason.setdefault(reason, []).append(what)
    for reason, what in by_reason.items():
        print(f"  {what[0] if len(what) == 1 else f'{len(what)} tests'} · {reason}")
    counts = tally.counts
    others = sum(1 for name in tally.failed if "::" not in name and "pytest ended" not in name)
    print(
        f"\n{counts['passed']} passed, {counts['failed'] + others} failed, {counts['skipped']} skipped",
        flush=True,
    )


def main() -> int:
    """Run the stages asked for, each to its end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--long", action="store_true", help="also what only make test-long runs")
    parser.add_argument("--only", choices=STAGES, help="one stage")
    options = parser.parse_args()
    REPORTS.mkdir(exist_ok=True)
    names = [options.only] if options.only else [name for name in STAGES if options.long or name != "long"]
    tally = Tally()
    for name in names:
        began = time.monotonic()
        STAGES[name](tally)
        tally.stages.append((name, time.monotonic() - began))
    summarize(tally)
    return 1 if tally.failed else 0


if __name__ == "__main__":
    sys.exit(main())
