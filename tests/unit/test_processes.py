"""Children and a directory that never outlive us, whenever Ctrl-C comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from types import FrameType
from typing import Any

import pytest

from ephraim_db.postgres import processes
from ephraim_db.postgres.processes import household

Moment = tuple[str, int, str]
"""A line that is run: its function, its number, and the function of ours that it is run for."""

STOPS_US = """
import os, signal, sys

def stop(*_):
    os.kill(os.getppid(), signal.SIGINT)
    sys.exit()

signal.signal(signal.SIGTERM, stop)
print(flush=True)
signal.pause()
"""


@pytest.fixture(autouse=True)
def interruptible() -> Iterator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(processes, "roomy_place", lambda: str(tmp_path))
    return tmp_path


def live(at_moment: Callable[[Moment], None]) -> None:
    """Start a child that would stay, and one that ends by itself.

    `at_moment` is called before each line run for it in processes.py and in subprocess.py.
    """

    def at_line(frame: FrameType, event: str, _: object) -> Any:
        if event == "line" and (ours := _of_ours(frame)):
            at_moment((frame.f_code.co_name, frame.f_lineno, ours))
        return at_line

    def at_call(frame: FrameType, _: str, __: object) -> Any:
        libraries = (processes.__file__, subprocess.__file__)
        return at_line if frame.f_code.co_filename in libraries else None

    before = sys.gettrace()
    sys.settrace(at_call)
    try:
        with household() as home:
            home.start(["sleep", "600"], output=subprocess.DEVNULL, stop=signal.SIGKILL)
            ends = home.start(["true"], output=PIPE, stop=signal.SIGKILL)
            ends.communicate()
            home.stop(ends)
            sys.settrace(before)
    finally:
        sys.settrace(before)


def _of_ours(frame: FrameType | None) -> str:
    while frame and frame.f_code.co_filename != processes.__file__:
        if frame.f_code.co_name == "__del__":  # Python tells nobody of what is raised there
            return ""
        frame = frame.f_back
    return frame.f_code.co_name if frame else ""


def interrupted_at(moment: Moment) -> None:
    """Live, and get a Ctrl-C when the moment comes for the first time."""
    waiting = {moment}

    def interrupt(now: Moment) -> None:
        if now in waiting:
            waiting.clear()
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        live(interrupt)
    assert not waiting


def left(place: Path) -> list[str]:
    """Name what is still there: files, and processes that live beside them."""
    there = [str(path) for path in place.rglob("*")]
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            home = os.readlink(process / "cwd")
            there += [f"process in {home}"] if home.startswith(str(place)) else []
    return there


def test_a_ctrl_c_at_any_moment_of_starting_leaves_nothing(place: Path) -> None:
    moments: dict[Moment, None] = {}
    live(moments.setdefault)
    assert left(place) == []
    wrong = {}
    for moment in moments:
        interrupted_at(moment)
        if there := left(place):
            wrong[moment] = there
    assert (len(moments) > 100, wrong) == (True, {})


def test_a_ctrl_c_that_comes_while_it_closes_waits_until_it_has(place: Path) -> None:
    def close() -> None:
        with household() as home:
            child = home.start([sys.executable, "-c", STOPS_US], output=PIPE, stop=signal.SIGTERM)
            assert child.stdout is not None
            child.stdout.read(1)

    with pytest.raises(KeyboardInterrupt):
        close()
    assert left(place) == []
