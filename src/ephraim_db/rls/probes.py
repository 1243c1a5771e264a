"""What is attempted as a persona on a relation, and the answers that came back.

first round                                  second round, from what the first one touched
  SELECT  all columns and which rows    -->    each column, if that failed
  INSERT  replay a row of each kind
  UPDATE  which rows, blind and by key  -->    each column to another value, for a row of each kind
  DELETE  all rows                      -->    one row of each kind, if "all" failed

What the role was not granted is asked once for all personas of that role.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ephraim_db.rls.ownership import Whose

Command = Literal[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "TRUNCATE",
    "INSERT RETURNING",
    "UPDATE RETURNING",
    "DELETE RETURNING",
    "UPDATE TO",
    "UPSERT",
    "REALTIME",
    "EXECUTE",
    "NEXTVAL",
    "SETVAL",
]
COMMANDS: tuple[Command, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE")
"""What is told of every relation; the others only where they come out otherwise."""
Form = Literal[
    "read", "rows", "replay", "addressed", "blind", "unbound", "moved", "changed", "call"
]
"""addressed: rows are named by key, so SELECT policies count too. blind: no WHERE, nothing read.
unbound: blind, with nothing that points at the rows. moved: blind, to another's."""
Until = Literal["passed", "settled", "unconstrained", "untroubled"]
"""When other tries for the same answer are of no use: once one passed; or a constraint objected,
which is as much for the first of the questions; or once no constraint objected; or nothing did."""

MOST_SECONDS = 15
"""So long may a round trip take, and so a probe that has one to itself."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a probe is to find out. Several probes may try for one answer.

    `value` says what a column is changed to, in words: a label, or whose value it was.
    """

    command: Command
    form: Form
    column: str | None = None
    whose: Whose | None = None
    value: str | None = None

    @property
    def must_tell(self) -> bool:
        """Return whether only what the witness saw counts: a trigger may quietly keep the old."""
        return self.form == "changed"


@dataclass(frozen=True, slots=True)
class Probe:
    """One statement to run as the persona.

    As the prober, `setup` comes before it, and `witness` tells afterwards what it touched. It is
    left out if `questions` have their answers. If it is `joint`, it tells something only if it
    passes, for all of them. If it is `told`, what it returns, as jsonb, is the witness's $1;
    else $1 and $2 of both are the `numbers` of rows.
    """

    questions: tuple[Question, ...]
    sql: str
    witness: str | None = None
    setup: str | None = None
    until: Until = "passed"
    joint: bool = False
    told: bool = False
    numbers: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What happened. `numbers`: rows seen or touched. `constrained`: only a constraint objected."""

    question: Question
    sqlstate: str | None
    touched: int | None
    numbers: frozenset[int]
    constrained: bool
    probe: Probe = field(repr=False, compare=False)

    @property
    def passed(self) -> bool:
        """Return whether no policy, grant or trigger stood in the way of some row."""
        if self.constrained or self.sqlstate:
            return self.constrained
        return bool(self.numbers) if self.question.must_tell else self.touched != 0
