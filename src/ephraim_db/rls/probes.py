"""What is attempted as a persona on a relation, and the answers that came back.

first round                                  second round, from what the first one touched
  SELECT  each column; which rows
  INSERT  replay a row of each kind
  UPDATE  each column to its own value  -->    to another value, for a row of each kind
  DELETE  all rows                      -->    one row of each kind, if "all" failed
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ephraim_db.rls.ownership import Whose

Command = Literal["SELECT", "INSERT", "UPDATE", "DELETE"]
COMMANDS: tuple[Command, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE")
Form = Literal["read", "rows", "replay", "addressed", "blind", "unbound", "changed"]
"""addressed: rows are named by key, so SELECT policies count too. blind: no WHERE, nothing read.
unbound: blind, with nothing that points at the rows."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a probe is to find out. Several probes may try for one answer."""

    command: Command
    form: Form
    column: str | None = None
    whose: Whose | None = None


@dataclass(frozen=True, slots=True)
class Probe:
    """One statement to run as the persona.

    As the prober, `setup` comes before it, and `witness` tells afterwards what it touched.
    """

    question: Question
    sql: str
    witness: str | None = None
    setup: str | None = None

    @property
    def asked_once(self) -> bool:
        """Return whether another try is of use only after a constraint objected."""
        return self.question.form == "blind"

    @property
    def must_tell(self) -> bool:
        """Return whether only what the witness saw counts: a trigger may quietly keep the old."""
        return self.question.form == "changed"


@dataclass(frozen=True, slots=True)
class Answer:
    """What happened. `numbers`: rows seen or touched. `constrained`: only a constraint objected."""

    question: Question
    sqlstate: str | None
    touched: int | None
    numbers: frozenset[int]
    constrained: bool

    @property
    def passed(self) -> bool:
        """Return whether no policy, grant or trigger stood in the way of some row."""
        if self.constrained or self.sqlstate:
            return self.constrained
        return bool(self.numbers) if self.question.form == "changed" else self.touched != 0
