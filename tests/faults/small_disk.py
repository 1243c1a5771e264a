"""A Postgres on a disk that can be filled, in a mount namespace that goes when it does.

start_on_a_small_disk() --unshare--> this file as a program: tmpfs, Postgres on it --JSON--> Server
                        --fill | free--> a file that takes all the room there is

Root needs nothing else. An ordinary user becomes root of a user namespace, which may mount, and in
there an ordinary user of another one again, as whom Postgres agrees to run.
"""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import psycopg
from tests.conftest import PROJECT

from ephraim_db.postgres import Server, start_postgres
from ephraim_db.testing.databases import made_template

_MEGABYTES = 200
_MOUNT = 'mount -t tmpfs -o size="$0"m,mode=1777 tmpfs "$1"'
_AS_ROOT = ["unshare", "--mount", "sh", "-c", f'{_MOUNT} && shift && exec "$@"']
_AS_USER = [
    *("unshare", "--user", "--map-root-user", "--mount", "sh", "-c"),
    f'{_MOUNT} && shift && exec unshare --user --map-user=1000 --map-group=1000 "$@"',
]


class SmallDisk:
    """A server whose disk can be filled; `template` is a database of it with our project."""

    def __init__(self, program: subprocess.Popen[str]) -> None:
        """Take the program that runs the server, and wait until it does."""
        self._program = program
        said = self._answer()
        self.template: str = said.pop("template")
        self.server = Server(**said)

    def fill(self, left: int) -> None:
        """Take all the room there is but so many bytes, with a WAL segment begun before."""
        self._ask("fill", left)

    def free(self) -> None:
        """Give it back."""
        self._ask("free")

    def _ask(self, what: str, left: int = 0) -> None:
        assert self._program.stdin is not None
        self._program.stdin.write(f"{what} {left}\n")
        self._program.stdin.flush()
        assert self._answer() == {"done": what}

    def _answer(self) -> dict[str, Any]:
        assert self._program.stdout is not None
        line = self._program.stdout.readline()
        if not line:
            raise AssertionError(
                "no disk could be made small here: `unshare` was refused. It takes root, or a "
                "kernel that lets users have namespaces (sysctl kernel.unprivileged_userns_clone "
                "= 1, kernel.apparmor_restrict_unprivileged_userns = 0)"
            )
        answer: dict[str, Any] = json.loads(line)
        return answer


@contextmanager
def start_on_a_small_disk() -> Iterator[SmallDisk]:
    """Start it; raise `AssertionError` where no disk can be made small."""
    mount = tempfile.mkdtemp()
    prefix = _AS_ROOT if os.geteuid() == 0 else _AS_USER
    command = [*prefix, str(_MEGABYTES), mount, sys.executable, "-m", __spec__.name, mount]
    program = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT
    )
    try:
        with program:
            yield SmallDisk(program)
    finally:
        os.rmdir(mount)


def main(mount: str) -> None:
    """Run the server until the input ends."""
    tempfile.tempdir = mount
    ballast = Path(mount, "ballast")
    with start_postgres("embedded") as server, made_template(server, PROJECT) as template:
        print(json.dumps({**asdict(server), "template": template}), flush=True)
        for line in sys.stdin:
            what, left = line.split()
            if what == "fill":
                _leave_room_for_wal(server)
                _fill(ballast, int(left))
            else:
                ballast.unlink()
            print(json.dumps({"done": what}), flush=True)


def _leave_room_for_wal(server: Server) -> None:
    """Begin a WAL segment on disk: a server that cannot write WAL does not refuse, it goes down."""
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute("select pg_switch_wal()")
        connection.execute("checkpoint")


def _fill(ballast: Path, left: int) -> None:
    with ballast.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            while _fits(file.fileno(), size):
                pass
        file.truncate(file.tell() - left)


def _fits(file: int, size: int) -> bool:
    try:
        return os.write(file, b"\0" * size) == size
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False


if __name__ == "__main__":
    main(sys.argv[1])
