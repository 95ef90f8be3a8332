"""Make .venv and install one requirements file into it; takes no time when nothing changed.

    python3 tools/run_setup.py requirements.txt

Standard library only, and written so that an old Python can still read it and say what is missing.
"""

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys

BASE_DIR = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(BASE_DIR, ".venv")
VENV_PYTHON = os.path.join(VENV, "bin", "python")
OLDEST = (3, 11)


def stop(chinese, english):
    """End with one sentence, in both languages."""
    sys.exit("\n✗ %s\n  %s\n" % (chinese, english))  # noqa: UP031


def check_prerequisites():
    """Python itself and the parts that Debian packs apart."""
    if sys.version_info < OLDEST:
        stop(
            "需要 Python 3.11 或更新版本，本机是 %d.%d，请先安装 python3.11。" % sys.version_info[:2],  # noqa: UP031
            "Python 3.11 or newer is needed; this is %d.%d." % sys.version_info[:2],  # noqa: UP031
        )
    if importlib.util.find_spec("venv") is None or importlib.util.find_spec("ensurepip") is None:
        stop(
            "缺少 python3-venv，请先运行：sudo apt install python3-venv",
            "python3-venv is missing; run: sudo apt install python3-venv",
        )


def fingerprint(requirements):
    """Changes when the list of packages, a list it includes, or Python itself changes."""
    digest = hashlib.sha256(sys.version.encode())
    files = [requirements]
    while files:
        with open(os.path.join(BASE_DIR, files.pop()), encoding="utf-8") as lines:
            for line in lines:
                digest.update(line.encode())
                if line.startswith("-r "):
                    files.append(line[3:].strip())
    return digest.hexdigest()


def venv_works():
    """Whether .venv is there and its Python starts (a moved folder or an upgraded system breaks it)."""
    if not os.path.exists(VENV_PYTHON):
        return False
    return subprocess.run([VENV_PYTHON, "-c", "import pip"], capture_output=True).returncode == 0


def install(requirements):
    """.venv holds everything the file lists; interrupted halfway, the next call finishes it."""
    check_prerequisites()
    stamp = os.path.join(VENV, "installed-" + requirements)
    wanted = fingerprint(requirements)
    if os.path.exists(VENV_PYTHON) and os.path.exists(stamp):
        with open(stamp, encoding="utf-8") as known:
            if known.read() == wanted:
                return
    if not venv_works():
        shutil.rmtree(VENV, ignore_errors=True)
        print("… 建立运行环境 .venv", flush=True)
        if subprocess.run([sys.executable, "-m", "venv", VENV]).returncode:
            stop(
                "建立 .venv 失败，请先运行：sudo apt install python3-venv，并确认磁盘有空间。",
                "Making .venv failed; install python3-venv and check that the disk has room.",
            )
    print("… 安装所需组件（%s，第一次约一分钟）" % requirements, flush=True)  # noqa: UP031
    pip = [VENV_PYTHON, "-m", "pip", "--disable-pip-version-check", "install", "-qq", "-r", requirements]
    if subprocess.run(pip, cwd=BASE_DIR).returncode:
        stop(
            "安装组件失败（原因见上），请检查网络后再运行一次。",
            "Installing the packages failed (see above); check the network and run it again.",
        )
    with open(stamp, "w", encoding="utf-8") as known:
        known.write(wanted)


if __name__ == "__main__":
    install(sys.argv[1] if len(sys.argv) > 1 else "requirements.txt")
