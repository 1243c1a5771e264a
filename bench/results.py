"""The one shape of every result, and the goals it is held to."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Size = Literal["small", "full"]
"""Small shows that a bench runs; full is what gets written down."""
Row = dict[str, Any]
"""A result as in the JSON: name, ours, other, ratio, unit, n, machine, date."""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one comparison came to.

    `other` is None where there is nobody to compare with. `n` is over how much: the tables,
    messages or rounds that `name` speaks of. `postgres` is the server_version_num, 0 without one.
    """

    name: str
    ours: float
    other: float | None
    unit: str
    n: int
    postgres: int = 0
    more_is_better: bool = False

    @property
    def ratio(self) -> float | None:
        """Return how many times as good ours is."""
        if not self.other or not self.ours:
            return None
        return self.ours / self.other if self.more_is_better else self.other / self.ours

    def row(self, load: float) -> Row:
        """Return the row for the JSON; `load` is the machine's of the last minute."""
        return {
            "name": self.name,
            "ours": _rounded(self.ours),
            "other": _rounded(self.other),
            "ratio": _rounded(self.ratio),
            "unit": self.unit,
            "n": self.n,
            "machine": {
                "cores": os.cpu_count(),
                "postgres": _version(self.postgres),
                "load": round(load, 2),
            },
            "date": datetime.now(UTC).date().isoformat(),
        }


@dataclass(frozen=True, slots=True)
class Goal:
    """What a row's `ours` or `ratio` should be."""

    name: str
    of: Literal["ours", "ratio"]
    at: Literal["most", "least", "more than"]
    bound: float

    def verdict(self, row: Row) -> str:
        """Return in words whether it is reached, and else by how much it is not."""
        value, unit = row[self.of], f" {row['unit']}" if self.of == "ours" else " times"
        how = self.at if self.at == "more than" else f"at {self.at}"
        wanted = f"{how} {self.bound:g}{unit}"
        if value is None:
            return f"{wanted}: not measured"
        reached = {
            "most": value <= self.bound,
            "least": value >= self.bound,
            "more than": value > self.bound,
        }
        if reached[self.at]:
            return f"{wanted}: reached, {value:g}"
        return f"{wanted}: **missed, {value:g}**, by {abs(value - self.bound):.3g}"


def in_turns(
    rounds: int, *contestants: Callable[[], object], clock: Callable[[], float] = time.perf_counter
) -> list[list[float]]:
    """Let each work in turn, `rounds` times; return the seconds of each by the `clock`.

    Every other round goes backwards: who comes first finds the caches as somebody else left them.
    """
    seconds: list[list[float]] = [[] for _ in contestants]
    turns = list(zip(seconds, contestants, strict=True))
    for _ in range(rounds):
        for taken, work in turns:
            taken.append(timed(work, clock))
        turns.reverse()
    return seconds


def timed(work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how many seconds it took."""
    began = clock()
    work()
    return clock() - began


def find(rows: Sequence[Row], name: str) -> Row | None:
    """Return the row of that name, if it was measured."""
    return next((row for row in rows if row["name"] == name), None)


def _version(number: int) -> str | None:
    return f"{number // 10_000}.{number % 10_000}" if number else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")
