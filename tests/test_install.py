"""From a fresh copy to a page that answers, as a school's computer would do it."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from django.conf import settings

ROOT = settings.BASE_DIR
STARTED = "停止：按 Ctrl-C"


def shell_environment(var: Path) -> dict[str, str]:
    """What a person's shell would hold: nothing of the tests."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "USER") if name in os.environ}
    return kept | {"VAR_DIR": str(var)}


def free_port() -> int:
    """A port that nobody uses at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refused(var: Path, **variables: str) -> str:
    """What make run says when it does not start."""
    done = subprocess.run(
        [sys.executable, "tools/run_local.py"],
        cwd=ROOT,
        env=shell_environment(var) | variables,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    return done.stderr


def test_a_taken_port_is_said_in_one_sentence(tmp_path):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        told = refused(tmp_path / "var", PORT=str(port))
    assert told.split("\n")[1] == f"✗ 端口 {port} 已被别的程序占用，请换一个，例如：make run PORT={port + 1}"


@pytest.mark.parametrize(("began", "asked", "word"), [("real", "1", "真实"), ("demo", "0", "演示")])
def test_demo_and_real_data_are_never_mixed(tmp_path, began, asked, word):
    (tmp_path / "start").write_text(began + "\n")
    told = refused(tmp_path, PORT=str(free_port()), DEMO=asked)
    assert told.split("\n")[1].startswith(f"✗ {tmp_path} 里已有{word}数据，不会混在一起")


def test_a_number_that_is_no_port_is_refused(tmp_path):
    assert "PORT 应为 1 到 65535 之间的数字" in refused(tmp_path, PORT="80a")


def start(copy: Path, port: int, log: Path, **variables: str) -> subprocess.Popen:
    """`make run` until its page answers."""
    began = subprocess.Popen(
        ["make", "run", f"PORT={port}"],
        cwd=copy,
        env=shell_environment(copy / "var") | variables,
        stdout=log.open("w"),
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    for _ in range(600):
        if STARTED in log.read_text():
            return began
        assert began.poll() is None, log.read_text()
        time.sleep(0.5)
    raise AssertionError(log.read_text())


def stop(began: subprocess.Popen) -> None:
    """Ctrl-C, as a terminal sends it."""
    os.killpg(began.pid, signal.SIGINT)
    began.wait(timeout=30)


def answers(port: int, path: str) -> int:
    """The status of a page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}") as response:
        return response.status


@pytest.mark.long
def test_from_nothing_to_a_page_and_again_in_seconds(tmp_path):
    copy, log, port = tmp_path / "copy", tmp_path / "log", free_port()
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in filter(None, tracked.stdout.split("\0")):
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, copy / name)

    first = start(copy, port, log, DEMO="0")
    try:
        assert answers(port, "/healthz") == 200
        assert answers(port, "/setup/") == 200
        code = copy / "var" / "setup-code"
        assert code.read_text().strip() in log.read_text()
        assert stat.S_IMODE(code.stat().st_mode) == 0o600
    finally:
        stop(first)
    keys = {path.name: path.read_bytes() for path in (copy / "var" / "keys").iterdir()}

    second = start(copy, port, log)
    try:
        assert "安装所需组件" not in log.read_text()
        assert {path.name: path.read_bytes() for path in (copy / "var" / "keys").iterdir()} == keys
    finally:
        stop(second)
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0, "the page still answers after Ctrl-C"
