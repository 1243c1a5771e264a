"""The client's tests and the attacks, with PostgREST itself behind a PgBouncer in transaction mode.

python -m tests.rest.behind_pgbouncer     (Debian: apt install pgbouncer)

pytest --EPHRAIM_DB_POSTGREST--> this file again: PgBouncer + the real PostgREST, pointed at it
"""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from types import FrameType
from urllib.parse import unquote, urlsplit

from tests.pgbouncer import pgbouncer

from ephraim_db.local.postgrest_binary import find_postgrest

ROOT = Path(__file__).parents[2]
STORY = sorted((ROOT / "tests" / "rest").glob("test_client*.py"))
ATTACKS = [ROOT / "tests" / "rest" / f"test_{name}.py" for name in ("attacks", "refusals")]
# What a pooler in transaction mode cannot carry: prepared statements, and LISTEN.
POOLED = "db-prepared-statements = false\ndb-channel-enabled = false\ndb-pool = 10\n"


def main() -> int:
    """Run the tests with PostgREST replaced by `serve`; return pytest's status."""
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "postgrest")
        run = [
            sys.executable,
            "-m",
            "tests.rest.behind_pgbouncer",
            str(find_postgrest(ROOT, print)),
        ]
        program.write_text(f'#!/bin/sh\ncd {shlex.quote(str(ROOT))}\nexec {shlex.join(run)} "$1"\n')
        program.chmod(0o755)
        tests: list[str | Path] = [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-n",
            "2",
            *STORY,
            *ATTACKS,
        ]
        environment = os.environ | {"EPHRAIM_DB_POSTGREST": str(program)}
        return subprocess.run(tests, cwd=ROOT, env=environment, check=False).returncode


def serve(program: str, settings: Path) -> int:
    """Run PostgREST as `settings` say, but through a PgBouncer of its own, until SIGTERM."""
    told = settings.read_text("utf-8")
    (url,) = re.findall(r'^db-uri = "(.*)"$', told, re.MULTILINE)
    parts = urlsplit(url)
    assert parts.port is not None
    users = {unquote(parts.username or ""): unquote(parts.password or "")}
    with pgbouncer(parts.port, users) as port:
        behind = url.replace(f":{parts.port}/", f":{port}/")
        assert behind != url
        settings.write_text(told.replace(url, behind) + POOLED, "utf-8")
        process = subprocess.Popen([program, str(settings)])

        def stop(number: int, _: FrameType | None) -> None:
            process.send_signal(number)

        signal.signal(signal.SIGTERM, stop)
        return process.wait()


if __name__ == "__main__":
    sys.exit(serve(sys.argv[1], Path(sys.argv[2])) if sys.argv[1:] else main())
