"""Run `ephraim-db start` from the outside, as its users do, and see what it leaves behind."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.waiting import PATIENCE, wait_until

PROJECT = Path(__file__).parents[1]
EPHRAIM_DB = Path(sys.executable).with_name("ephraim-db")


@dataclass(frozen=True, slots=True)
class Started:
    """A running `ephraim-db start`, what it printed, and the only place it may write to."""

    process: subprocess.Popen[str]
    names: Mapping[str, str]
    temporary: Path

    def stop(self, how: signal.Signals) -> str:
        """Send the signal and wait; return what was said on stderr."""
        self.process.send_signal(how)
        return self.process.communicate(timeout=PATIENCE)[1]

    def kill_its_group(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate(timeout=PATIENCE)

    def leftovers(self) -> list[str]:
        """Name what is still there: processes, files."""
        return [*_processes_of(self.temporary), *map(str, self.temporary.iterdir())]

    def wait_until_gone(self) -> None:
        wait_until(lambda: not self.leftovers(), "its end")


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A TMPDIR of one test's own, which Postgres's account can reach."""
    directory = Path(tempfile.mkdtemp(prefix="start-"))
    directory.chmod(0o777)
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


@contextmanager
def started(*arguments: str, as_nobody: bool = False) -> Iterator[Started]:
    """Start on our project; killed at the end if it still runs."""
    with temporary_directory() as temporary:
        process = subprocess.Popen(
            [*(_as_nobody() if as_nobody else []), *_command(*arguments)],
            env=os.environ | {"TMPDIR": str(temporary)},
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert process.stdout is not None
        start = Started(process, _read_names(process.stdout), temporary)
        try:
            yield start
        finally:
            if process.poll() is None:
                start.stop(signal.SIGINT)


def _read_names(output: IO[str]) -> dict[str, str]:
    first = output.readline()
    if first == "{\n":
        lines = [first, *(output.readline() for _ in range(6))]
        return dict(json.loads("".join(lines)))
    pairs = [line.strip().split("=", 1) for line in [first, *(output.readline() for _ in "four")]]
    return {name: shlex.split(value)[0] for name, value in pairs}


def failed(*arguments: str, **environment: str) -> str:
    """Run a start that must fail with status 1 and no traceback; return what it said."""
    with temporary_directory() as temporary:
        ran = subprocess.run(
            _command(*arguments),
            env=os.environ | {"TMPDIR": str(temporary)} | environment,
            cwd="/",
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert [str(path) for path in temporary.rglob("*")] == [], ran.stderr
    assert ran.returncode == 1, ran.stderr
    assert "Traceback" not in ran.stderr
    assert ran.stdout == ""
    return ran.stderr


def _command(*arguments: str) -> list[str]:
    project = () if "--project" in arguments else ("--project", str(PROJECT))
    postgres = () if "--postgres" in arguments else ("--postgres", "embedded")
    return [str(EPHRAIM_DB), "start", *project, *postgres, *arguments]


def _as_nobody() -> list[str]:
    """Run as an ordinary user who may read what we read, wherever the interpreter is installed."""
    if os.geteuid() != 0:
        return []
    capabilities = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search")
    return ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", *capabilities]


def _processes_of(directory: Path) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)
    return [line for line in listed.stdout.splitlines() if str(directory) in line]
