"""Count what passes between a process and those it asks, and let one fault happen at one place.

process --> proxy (postgres_proxy.py, http_proxy.py) --> server
              └ Boundaries.reach(): number 17 --fault of the plan--> kill, cut, half a message, ...

A boundary is a statement on its way to Postgres (Query, Execute, Sync) or a request to somebody
else. Nothing here knows what the statements are.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Fault(StrEnum):
    """What goes wrong at a boundary."""

    KILL = "the process is killed before it is sent"
    KILL_UNANSWERED = "the process is killed once it was done, before the answer arrives"
    CUT = "the connection is cut before it is sent"
    CUT_UNANSWERED = "the connection is cut once it was done, before the answer arrives"
    HALF = "the connection is cut half-way through the message"
    TERMINATE = "the server ends every session before it is sent"
    LEAP = "the clock of the process leaps before it is sent"

    @property
    def kills(self) -> bool:
        """Whether the process does not live through it."""
        return self in {Fault.KILL, Fault.KILL_UNANSWERED}

    @property
    def waits_for_the_answer(self) -> bool:
        """Whether it happens after the server's answer and before the process has it."""
        return self in {Fault.KILL_UNANSWERED, Fault.CUT_UNANSWERED}


KILLS = [Fault.KILL, Fault.KILL_UNANSWERED]
CUTS = [Fault.CUT, Fault.CUT_UNANSWERED, Fault.HALF, Fault.TERMINATE]


@dataclass(frozen=True, slots=True)
class Boundary:
    """One place where something can go wrong."""

    number: int
    is_answered: bool
    """Whether an answer comes back to it alone: not to one statement of a pipeline."""
    what: str
    """Its first words, for people who read of a failed test."""


class Boundaries:
    """What was passed so far, and the fault that is planned, if any: `fault` at number `at`, or at
    the next one that it can happen at.

    `kill`, `leap` (`by` so much) and `terminate` do what the fault says. `watch` is called at
    each boundary before anything passes it. Proxies call from their own threads, one at a time.
    """

    def __init__(
        self,
        fault: Fault | None = None,
        at: int = -1,
        *,
        by: timedelta | None = None,
        watch: Callable[[], None] | None = None,
    ) -> None:
        """Count from 0."""
        self.by = by
        self.passed: list[Boundary] = []
        self.happened: Boundary | None = None
        self.kill: Callable[[], None] = _nobody
        self.leap: Callable[[], None] = _nobody
        self.terminate: Callable[[], None] = _nobody
        self.started = threading.Event()
        self.wrong: BaseException | None = None
        self._fault = fault
        self._at = at
        self._watch = watch
        self._lock = threading.Lock()

    def reach(self, what: str, *, is_answered: bool) -> Fault | None:
        """Count one boundary; return what the proxy does about it, having killed or leapt here."""
        with self._lock:
            self.started.wait(30)
            boundary = Boundary(len(self.passed), is_answered, what)
            self.passed.append(boundary)
            self._look()
            if not self._is_time(boundary):
                return None
            self.happened = boundary
        beforehand = {
            Fault.KILL: self.kill,
            Fault.LEAP: self.leap,
            Fault.TERMINATE: self.terminate,
        }
        if self._fault in beforehand:
            beforehand[self._fault]()
        return None if self._fault in {Fault.LEAP, Fault.TERMINATE} else self._fault

    def _is_time(self, boundary: Boundary) -> bool:
        if self._fault is None or self.happened is not None or boundary.number < self._at:
            return False
        return boundary.is_answered or not self._fault.waits_for_the_answer

    def _look(self) -> None:
        if self._watch is not None and self.wrong is None:
            try:
                self._watch()
            except BaseException as wrong:
                self.wrong = wrong


def _nobody() -> None:
    raise AssertionError("nobody said how")
