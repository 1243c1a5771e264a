"""How far a search is, and what in it took too long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from ephraim_db.rls.findings.attempting import Attempt
from ephraim_db.rls.observing import Progress


@dataclass(slots=True)
class Course:
    """Where a search is: `rule` is the `number`-th of so many.

    `stuck` is the SQL of steps that took too long, which are not tried again; `overlong` are the
    attempts that were cut off for it. `made` says of the SQL that makes tables for the whole search
    whether it did.
    """

    on_progress: Progress = lambda _message: None
    of: int = 0
    number: int = 0
    rule: str = ""
    stuck: set[str] = field(default_factory=set)
    overlong: list[Attempt] = field(default_factory=list)
    made: dict[str, bool] = field(default_factory=dict)

    @property
    def kept(self) -> frozenset[str]:
        """Return the SQL that made the tables which are there."""
        return frozenset(sql for sql, went_well in self.made.items() if went_well)

    def begin(self, rule: Callable[..., object]) -> None:
        """Go on to the next rule."""
        self.number += 1
        self.rule = rule.__module__.rpartition(".")[2].replace("_", " ")
        self._tell()

    def prove(self, candidates: int) -> None:
        """Go on to carrying the proofs out."""
        self.rule = f"proofs of {candidates} suspicions"
        self._tell()

    def went(self, done: int, attempts: int) -> None:
        """Tell that so many of so many attempts are done."""
        if done < attempts:
            self._tell(f", {done} of {attempts} attempts")

    def leave_out_stuck(
        self, numbers: Sequence[int], before: Attempt, attempts: Sequence[Attempt]
    ) -> list[int]:
        """Return the numbers of the attempts in which nothing is stuck, and note the others."""
        if not self.stuck:
            return [*numbers]
        stuck = {n for n in numbers if any(s.sql in self.stuck for s in (*before, *attempts[n]))}
        self.overlong += (attempts[n] for n in numbers if n in stuck)
        return [n for n in numbers if n not in stuck]

    def _tell(self, more: str = "") -> None:
        place = f"{self.number} of {self.of} rules, {self.rule}"
        self.on_progress(f"searching for findings: {place}{more}")
