"""`make run`: everything on one computer, from nothing to a page that answers; Ctrl-C ends all of it.

Standard library only: it starts before anything is installed. What it leaves is in var/.
"""

import contextlib
import errno
import fcntl
import hashlib
import http.client
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import run_setup

BASE_DIR = Path(__file__).resolve().parent.parent
VENV_BIN = BASE_DIR / ".venv" / "bin"
ROOM_NEEDED = 1024**3
START_PATIENCE = 90  # seconds until the page must have answered
STOP_PATIENCE = 15
CODE_LETTERS = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"  # none that a person mistakes for another


class Start:
    """What was asked for: address, folder, demo county or the real start."""

    def __init__(self):
        self.host = os.environ.get("HOST") or "127.0.0.1"
        self.port = self._port(os.environ.get("PORT") or "8000")
        self.var = Path(os.environ.get("VAR_DIR") or BASE_DIR / "var").resolve()
        self.demo = self._demo(os.environ.get("DEMO", ""))

    @staticmethod
    def _port(text):
        if not text.isdecimal() or not 1 <= int(text) <= 65535:
            run_setup.stop(
                f"PORT 应为 1 到 65535 之间的数字，而不是“{text}”。", f"PORT must be 1-65535, not {text!r}."
            )
        return int(text)

    def _demo(self, text):
        """The first start decides between demo county and real start; later starts keep to it."""
        if text not in ("", "0", "1"):
            run_setup.stop(
                "DEMO 只能是 1（演示）或 0（真实使用）。", "DEMO is 1 (demo county) or 0 (real start)."
            )
        chosen = self.var / "start"
        if not chosen.exists():
            return text != "0"
        demo = chosen.read_text(encoding="utf-8").strip() == "demo"
        if text and (text == "1") != demo:
            run_setup.stop(
                f"{self.var} 里已有{'演示' if demo else '真实'}数据，不会混在一起；请另选目录，例如：make run"
                f" {'DEMO=0 ' if demo else ''}VAR_DIR=var-2",
                "That folder was begun the other way (demo or real); choose another with VAR_DIR=….",
            )
        return demo

    def keep_choice(self):
        """From now on this folder is the one or the other."""
        (self.var / "start").write_text("demo\n" if self.demo else "real\n", encoding="utf-8")

    @property
    def bind(self):
        """host:port as gunicorn wants it."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def local_address(self):
        """Where this computer itself finds the page."""
        if self.host in ("0.0.0.0", "::", ""):
            return "127.0.0.1"
        return self.host


def check_port(start):
    """The address is ours to use, or one sentence says why not."""
    family = socket.AF_INET6 if ":" in start.host else socket.AF_INET
    with contextlib.closing(socket.socket(family, socket.SOCK_STREAM)) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((start.host, start.port))
        except PermissionError:
            run_setup.stop(
                f"没有权限使用端口 {start.port}，请用 1024 以上的端口，例如：make run PORT=8000",
                f"Port {start.port} needs root; take one above 1024.",
            )
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                foreign = f"HOST={start.host}"
                run_setup.stop(f"{foreign} 不是本机的地址。", f"{foreign} is no address of this computer.")
            run_setup.stop(
                f"端口 {start.port} 已被别的程序占用，请换一个，例如：make run PORT={start.port + 1}",
                f"Port {start.port} is taken; choose another: make run PORT={start.port + 1}",
            )


def take_folder(start):
    """One system per folder: two schedules on one database would be told apart by nobody."""
    start.var.mkdir(mode=0o700, parents=True, exist_ok=True)
    if shutil.disk_usage(start.var).free < ROOM_NEEDED:
        run_setup.stop("磁盘剩余不足 1 GB，请先清理。", "Less than 1 GB of disk is free.")
    lock = open(start.var / "run.lock", "w")  # noqa: SIM115  # held until this process ends
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        run_setup.stop(
            f"{start.var} 正被另一个 make run 使用，请先停掉那一个。",
            "Another make run already uses this folder; stop that one first.",
        )
    return lock


def static_fingerprint():
    """Changes when a static file does."""
    digest = hashlib.sha256()
    for path in sorted((BASE_DIR / "static").rglob("*")):
        if path.is_file():
            digest.update(str(path.relative_to(BASE_DIR)).encode())
            digest.update(path.read_bytes())
    digest.update((BASE_DIR / "requirements.txt").read_bytes())
    return digest.hexdigest()


def prepare(start, environment):
    """Tables, static files, demo county; returns what stands in the database."""
    stamp = start.var / "static.fingerprint"
    wanted = static_fingerprint()
    collect = not stamp.exists() or stamp.read_text() != wanted
    with tempfile.TemporaryDirectory() as folder:
        answer = Path(folder) / "found.json"
        done = subprocess.run(
            [VENV_BIN / "python", BASE_DIR / "tools" / "run_prepare.py", answer],
            cwd=BASE_DIR,
            env=environment
            | {"RUN_COLLECT_STATIC": "1" if collect else "0", "RUN_DEMO": "1" if start.demo else "0"},
        )
        if done.returncode:
            run_setup.stop(
                "准备数据失败（原因见上），已有的数据没有改动。", "Preparing the data failed (see above)."
            )
        stamp.write_text(wanted)
        return json.loads(answer.read_text(encoding="utf-8"))


def setup_code(start):
    """The code that proves that the first administrator sits at this computer."""
    path = start.var / "setup-code"
    if not path.exists() or not path.read_text(encoding="utf-8").strip():
        path.touch(mode=0o600)
        path.write_text("".join(secrets.choice(CODE_LETTERS) for _ in range(10)) + "\n", encoding="utf-8")
    return path.read_text(encoding="utf-8").strip()


def page_answers(start):
    """Whether the health page is there and content."""
    connection = http.client.HTTPConnection(start.local_address, start.port, timeout=5)
    try:
        connection.request("GET", "/healthz", headers={"Host": f"{start.local_address}:{start.port}"})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def addresses(start):
    """What to type into a browser, here and elsewhere in the school."""
    shown = [f"http://{start.local_address}:{start.port}/"]
    if start.local_address != start.host and shutil.which("hostname"):
        told = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
        shown += [f"http://{address}:{start.port}/" for address in told if ":" not in address]
    return shown


def announce(start, found):
    """Address, accounts, what to keep safe; the last thing printed before the work begins."""
    lines = ["", "═" * 64, "  关爱档案已启动 · running", ""]
    lines += [f"    {address}" for address in addresses(start)]
    if start.host not in ("127.0.0.1", "::1", "localhost"):
        lines += ["", "  注意：校园网内的线路没有加密（无 TLS），只在可信的网络里使用。"]
    accounts = start.var / "demo-accounts.txt"
    if start.demo and accounts.exists():
        lines += ["", f"  演示账号（也存在 {accounts}）：", ""]
        lines += [f"    {line}".rstrip() for line in accounts.read_text(encoding="utf-8").splitlines()]
    elif not found["accounts"]:
        lines += [
            "",
            "  第一步：打开下面的地址，输入安装码，建立第一个管理员",
            f"    http://{start.local_address}:{start.port}/setup/",
            f"    安装码 setup code：{setup_code(start)}",
        ]
    if os.geteuid() == 0:
        lines += ["", "  提示：正以 root 身份运行；真实使用时请换普通用户。"]
    if not start.demo:
        lines += ["", f"  请定期备份 {start.var}，其中的密钥丢了，加密的内容就打不开了。"]
    lines += ["", "  停止：按 Ctrl-C · Ctrl-C stops everything", "═" * 64, ""]
    print("\n".join(lines), flush=True)


def serve(start, found, environment):
    """Start the three processes, say so when the page answers, end them together."""
    honcho = subprocess.Popen(
        [VENV_BIN / "honcho", "-e", os.devnull, "-f", BASE_DIR / "Procfile", "--no-colour", "start"],
        cwd=BASE_DIR,
        env=environment,
        start_new_session=True,  # only we pass the signal on, so that it arrives once
    )
    asked_to_stop = []

    def stop_all(number, frame):
        asked_to_stop.append(number)
        if honcho.poll() is None:
            honcho.terminate()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop_all)

    deadline = time.monotonic() + START_PATIENCE
    announced = False
    while honcho.poll() is None and not asked_to_stop:
        if not announced and page_answers(start):
            announce(start, found)
            announced = True
        elif not announced and time.monotonic() > deadline:
            honcho.terminate()
            honcho.wait()
            run_setup.stop(
                "页面一直没有回应，已停止（原因见上）。", "The page never answered; stopped (see above)."
            )
        time.sleep(0.2 if not announced else 0.5)
    try:
        code = honcho.wait(timeout=STOP_PATIENCE)
    except subprocess.TimeoutExpired:
        os.killpg(honcho.pid, signal.SIGKILL)
        code = honcho.wait()
    if asked_to_stop:
        print("\n已停止，数据都在。Stopped; the data is kept.", flush=True)
        return 0
    print(
        "\n✗ 有一个进程意外结束，其余的也已停止（原因见上）。One process ended; the others were stopped.",
        flush=True,
    )
    return code or 1


def main():
    """From nothing to serving."""
    sys.stdout.reconfigure(errors="replace")
    start = Start()
    run_setup.check_prerequisites()
    check_port(start)
    lock = take_folder(start)
    run_setup.install("requirements.txt")
    environment = os.environ | {
        "PATH": f"{VENV_BIN}{os.pathsep}{os.environ.get('PATH', '')}",
        "VAR_DIR": str(start.var),
        "HOST": start.host,
        "BIND": start.bind,
        "PYTHONUNBUFFERED": "1",
        "PYTHONWARNINGS": "ignore:You're running the worker",  # said below, in one sentence
        "DJANGO_SETTINGS_MODULE": "lbc_site.settings",
    }
    for queue in ("data", "control"):
        (start.var / "queue" / queue).mkdir(mode=0o700, parents=True, exist_ok=True)
    found = prepare(start, environment)
    start.keep_choice()
    with lock:
        return serve(start, found, environment)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
