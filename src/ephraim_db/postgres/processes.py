"""Child processes and a directory that never outlive us, not even a `kill -9`.

we --pipe--> watchdog.py: when the pipe closes without a goodbye, it kills the children we named
and removes the directory. Children lead their own session, so a Ctrl-C reaches only us, and we
stop them in order.
"""

from __future__ import annotations

import contextlib
import errno
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import IO, TypedDict

from ephraim_db.errors import DiskFull, PostgresError

_MEMORY = "/dev/shm"  # noqa: S108 - directories in it get names by tempfile
_PLENTY = 2 * 1024**3  # bytes
_WATCHDOG = Path(__file__).with_name("watchdog.py")
_PATIENCE = 5.0  # seconds a child gets to stop before it is killed


@dataclass(slots=True)
class Household:
    """A private directory and the children that live from it, stopped last to first."""

    directory: Path
    _watchdog: subprocess.Popen[str]
    _children: list[tuple[subprocess.Popen[bytes], signal.Signals]] = field(default_factory=list)

    def start(
        self,
        command: Sequence[str | Path],
        *,
        output: IO[bytes] | int,
        stop: signal.Signals,
        env: Mapping[str, str] | None = None,
        account: pwd.struct_passwd | None = None,
    ) -> subprocess.Popen[bytes]:
        """Start a child that writes to `output`, a file or a pipe, and ends on signal `stop`."""
        with uninterrupted():  # a child that nobody heard of would run on
            child = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=env,
                start_new_session=True,
                cwd=self.directory,
                **run_as(account),
            )
            self._children.append((child, stop))
            self._tell(f"child {child.pid}")
        return child

    def stop(self, child: subprocess.Popen[bytes]) -> None:
        """End one child: its stop signal, then, if it does not listen, a kill."""
        (entry,) = [entry for entry in self._children if entry[0] is child]
        if child.poll() is None:
            child.send_signal(entry[1])
            try:
                child.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        if child.stdout is not None:
            child.stdout.close()
        self._children.remove(entry)
        self._tell(f"gone {child.pid}")

    def _tell(self, line: str) -> None:
        assert self._watchdog.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._watchdog.stdin.write(f"{line}\n")
            self._watchdog.stdin.flush()

    def close(self) -> None:
        """Stop every child, remove the directory, dismiss the watchdog."""
        with uninterrupted():
            for child, _ in reversed(list(self._children)):
                self.stop(child)
            _remove(self.directory)
            self._tell("done")
            assert self._watchdog.stdin is not None
            self._watchdog.stdin.close()
            self._watchdog.wait()


def _remove(directory: Path) -> None:
    """Remove a directory, again if what a killed Postgres left behind still writes into it."""
    deadline = time.monotonic() + _PATIENCE
    shutil.rmtree(directory, ignore_errors=True)
    while directory.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
        shutil.rmtree(directory, ignore_errors=True)


class RunAs(TypedDict, total=False):
    """The arguments of `subprocess` that say whom a command runs as."""

    user: int
    group: int
    extra_groups: list[int]


def run_as(account: pwd.struct_passwd | None) -> RunAs:
    """Return what `subprocess` needs to run a command as another account; nothing for None."""
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def unwritable(error: OSError) -> PostgresError:
    """Return the error for a temporary directory that takes no files."""
    place = f"{roomy_place()} takes no files: {error.strerror}"
    if error.errno == errno.ENOSPC:
        return DiskFull(f"{place}. Free some space there, or point TMPDIR to another disk.")
    return PostgresError(f"{place}. Point TMPDIR to a directory that does.")


def roomy_place() -> str:
    """Return where temporary directories go: memory, if nobody chose another and there is plenty.

    Copying a database is making hundreds of files, ten times as fast in memory as on a disk.
    """
    chosen = tempfile.gettempdir()
    with contextlib.suppress(OSError):
        unasked = chosen == "/tmp" and "TMPDIR" not in os.environ  # noqa: S108 - compared
        roomy = shutil.disk_usage(_MEMORY).free >= _PLENTY and os.access(_MEMORY, os.W_OK)
        if unasked and roomy:
            return _MEMORY
    return chosen


@contextlib.contextmanager
def household(account: pwd.struct_passwd | None = None) -> Iterator[Household]:
    """Make a temporary directory, of `account` if given, that vanishes with everything started."""
    home: Household | None = None
    try:
        with uninterrupted():
            home = _settle(Path(roomy_place()) / f"ephraim-db-{secrets.token_hex(8)}")
        if account is not None:
            os.chown(home.directory, account.pw_uid, account.pw_gid)
        yield home
    finally:
        if home is not None:
            home.close()


def _settle(directory: Path) -> Household:
    try:
        directory.mkdir(mode=0o700)
        watchdog = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_WATCHDOG), str(directory)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
            cwd="/",
        )
    except OSError as error:
        _remove(directory)
        raise unwritable(error) from error
    return Household(directory, watchdog)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Let a Ctrl-C or a polite kill wait until the block is through.

    Only the main thread can be interrupted by them; in any other this does nothing.
    """
    came: list[tuple[int, FrameType | None]] = []
    handlers = {
        number: handler
        for number in (signal.SIGINT, signal.SIGTERM)
        if callable(handler := signal.getsignal(number))
        and threading.current_thread() is threading.main_thread()
    }
    try:
        for number in handlers:
            signal.signal(number, lambda *caught: came.append(caught))
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        for caught in came:
            handlers[signal.Signals(caught[0])](*caught)
