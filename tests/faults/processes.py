"""Run a story in a process of its own that can be killed; it is forked, so that it starts at once.

with started(story, *args) as process: ... process.ended() --> what it said and how it ended
"""

from __future__ import annotations

import contextlib
import io
import multiprocessing
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from multiprocessing.synchronize import Event
from pathlib import Path

import time_machine
from tests.faults.boundaries import Boundaries

from ephraim_db.errors import EphraimError

_FORKING = multiprocessing.get_context("forkserver")
_FORKING.set_forkserver_preload(["tests.faults.stories"])
_ROOT = Path(__file__).parents[2]
_PATIENCE = 30.0

Story = Callable[..., object]


@dataclass(frozen=True, slots=True)
class Ending:
    """How a story ended: killed, with an error that is told to people, or well."""

    killed: bool
    result: object = None
    refusal: str = ""
    """What an expected error said; empty if there was none."""
    crash: str = ""
    """The traceback of an error that nobody expected."""


class Running:
    """A story on its way."""

    def __init__(self, process: BaseProcess, said: Connection, leapt: Event) -> None:
        """Take the process, the pipe over which it says how it ended, and that its clock leapt."""
        self._process = process
        self._said = said
        self._leapt = leapt

    def kill(self) -> None:
        """Kill it, as the kernel does when memory runs out."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGKILL)
        wait([self._process.sentinel], _PATIENCE)

    def leap(self) -> None:
        """Have its clock leap, and wait until it has."""
        assert self._process.pid is not None
        os.kill(self._process.pid, signal.SIGUSR1)
        assert self._leapt.wait(_PATIENCE), "its clock does not leap"

    def ended(self) -> Ending:
        """Wait for its end."""
        answer: Ending | None = None
        with contextlib.suppress(EOFError):
            if self._said.poll(_PATIENCE):
                answer = self._said.recv()
        self._process.join(_PATIENCE)
        assert self._process.exitcode is not None, "it did not end"
        if answer is not None:
            return answer
        assert self._process.exitcode == -signal.SIGKILL, self._process.exitcode
        return Ending(killed=True)


@contextmanager
def started(story: Story, *args: object, boundaries: Boundaries | None = None) -> Iterator[Running]:
    """Start `story(*args)`; a fault of `boundaries` kills it."""
    with _importable():
        ours, theirs = _FORKING.Pipe(duplex=False)
        leap = (None if boundaries is None else boundaries.by, _FORKING.Event())
        process = _FORKING.Process(target=_tell, args=(theirs, story, args, *leap), daemon=True)
        process.start()
    theirs.close()
    running = Running(process, ours, leap[1])
    if boundaries is not None:
        boundaries.kill, boundaries.leap = running.kill, running.leap
        boundaries.started.set()
    try:
        yield running
    finally:
        if process.is_alive():
            process.kill()
        process.join()
        process.close()
        ours.close()


@contextmanager
def _importable() -> Iterator[None]:
    """Let the server that forks find the tests, wherever pytest was started."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [str(_ROOT), before]))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def _tell(
    said: Connection,
    story: Story,
    args: tuple[object, ...],
    leap: timedelta | None,
    leapt: Event,
) -> None:
    out = io.StringIO()
    if leap is not None:
        _leap_when_told(leap, leapt)
    try:
        with redirect_stdout(out), redirect_stderr(out):
            result = story(*args)
        ending = Ending(killed=False, result=result)
    except EphraimError as error:
        ending = Ending(killed=False, refusal=f"{type(error).__name__}: {error}")
    except SystemExit as stop:
        text = f"{stop.code}\n" if isinstance(stop.code, str) else ""
        ending = Ending(killed=False, refusal=f"{text}{out.getvalue()}" if stop.code else "")
    except BaseException:
        ending = Ending(killed=False, crash=traceback.format_exc())
    said.send(ending)
    said.close()
    sys.stdout.flush()


def _leap_when_told(by: timedelta, leapt: Event) -> None:
    clock = time_machine.travel(datetime.now(UTC), tick=True)
    traveller = clock.start()

    def leap(*_: object) -> None:
        traveller.shift(by)
        leapt.set()

    signal.signal(signal.SIGUSR1, leap)
