"""Start the Celery worker of `make run` so that it can end in order.

honcho signals whole process groups: the worker's children would die before the worker knows why. Here the
worker has a group of its own and is asked first (finish what you hold), then told, then ended.
"""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

WORKER = ["celery", "-A", "lbc_site", "-q", "worker", "-B", "-c", "2", "--loglevel", "WARNING"]
# Seconds of patience after each; together less than the five that honcho gives.
LADDER = [(signal.SIGTERM, 3.0), (signal.SIGQUIT, 1.0)]


def main() -> int:
    """Run until the worker ends or somebody asks for the end."""
    worker = subprocess.Popen(WORKER, cwd=Path(__file__).resolve().parent.parent, start_new_session=True)

    def end(number, frame):
        for asking, patience in LADDER:
            worker.send_signal(asking)
            with contextlib.suppress(subprocess.TimeoutExpired):
                worker.wait(timeout=patience)
                break
        with contextlib.suppress(ProcessLookupError):
            os.killpg(worker.pid, signal.SIGKILL)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    return worker.wait()


if __name__ == "__main__":
    sys.exit(main())
