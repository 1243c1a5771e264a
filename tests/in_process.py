"""Run `ephraim-db` in the process of the test, where no test is about how it starts and ends."""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest.mock import patch

from ephraim_db.cli import main


def run_here(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run it with these arguments and, if given, this environment; return as if it had ended."""
    command = ["ephraim-db", *map(str, arguments)]
    out, err = io.StringIO(), io.StringIO()
    before = gc.get_threshold(), sys.getswitchinterval()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with (
            patch.object(sys, "argv", command),
            patch.dict(os.environ, environment or os.environ, clear=True),
            redirect_stdout(out),
            redirect_stderr(err),
        ):
            main()
        status = 0
    except SystemExit as ended:
        status = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
        if isinstance(ended.code, str):
            err.write(f"{ended.code}\n")
    finally:
        gc.set_threshold(*before[0])
        sys.setswitchinterval(before[1])
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return subprocess.CompletedProcess(command, status, out.getvalue(), err.getvalue())
