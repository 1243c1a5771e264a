"""Run by its path, alone: clean up after a parent that died without doing so itself.

parent --"child <pid>" / "gone <pid>" lines--> stdin; end of input without "done" means it died:
kill the children it named, remove its directory. argv: the directory.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time


def main(directory: str) -> None:
    """Follow the parent until it says "done" or dies."""
    children: list[int] = []
    for line in sys.stdin:
        match line.split():
            case ["child", pid]:
                children.append(int(pid))
            case ["gone", pid]:
                children.remove(int(pid))
            case ["done"]:
                return
    # PostgREST goes at the first, Postgres, which has clients, at the second.
    for stop, patience in ((signal.SIGTERM, 0.2), (signal.SIGQUIT, 3.0), (signal.SIGKILL, 3.0)):
        for pid in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, stop)
        deadline = time.monotonic() + patience
        while children and time.monotonic() < deadline:
            time.sleep(0.02)
            children = [pid for pid in children if _is_running(pid)]
    shutil.rmtree(directory, ignore_errors=True)


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main(sys.argv[1])
