"""Try things out, several steps at a time, as personas and as the prober, and take them all back.

attempts (lists of Step) --as a tree, one round trip--> for each, what its steps Told
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import TYPE_CHECKING, Any, LiteralString, cast

import psycopg

from ephraim_db.rls.findings.branching import Branch, branch_out
from ephraim_db.rls.personas import Persona

if TYPE_CHECKING:
    from psycopg.abc import Query

    from ephraim_db.rls.findings.course import Course

AT_ONCE = 500
"""Attempts in one round trip."""
MOST_SECONDS = 15
"""So long may a round trip take, and so an attempt that has one to itself."""
CANCELED = "57014"
KEPT = "create temp table if not exists "
"""How a step begins whose table is there for the whole search; what it holds is taken back."""
SAVEPOINT = "ephraim_search"
"""Where a search goes back to if a round trip fails: the tables that are kept are there."""


@dataclass(frozen=True, slots=True)
class Step:
    """One statement, as a persona or, if there is none, as the prober.

    `asks`: the one value it returns is told, as text. A failure ends the attempt, unless it
    `may_fail`. What it did is kept for the steps after it, unless it is `undone`.
    """

    sql: str
    persona: Persona | None = None
    asks: bool = False
    may_fail: bool = False
    undone: bool = False


@dataclass(frozen=True, slots=True)
class Told:
    """What a step came to: a SQLSTATE if it failed, the rows it touched, the value it returned."""

    sqlstate: str | None
    touched: int | None
    answer: str | None

    @property
    def count(self) -> int:
        """Return the answer as a number, 0 if there was none."""
        return int(self.answer or 0)


MADE = Told(None, 0, None)
Attempt = Sequence[Step]
Results = list[tuple[Told, ...]]


def as_prober(sql: str) -> Step:
    """Return a step that prepares something."""
    return Step(sql)


def asked(sql: str, persona: Persona | None = None) -> Step:
    """Return a step whose one value counts; it may fail."""
    return Step(sql, persona, asks=True, may_fail=True)


def did(sql: str, persona: Persona) -> Step:
    """Return a step that changes something as the persona; it may fail."""
    return Step(sql, persona, may_fail=True)


def prepare(connection: psycopg.Connection[Any]) -> None:
    """Make the routine that carries attempts out, for this transaction."""
    connection.execute(_routine())
    _run(connection, f"set local statement_timeout = '{MOST_SECONDS}s'; savepoint {SAVEPOINT}")


def carry_out(
    connection: psycopg.Connection[Any],
    search_path: str,
    attempts: Sequence[Attempt],
    before: Attempt = (),
    *,
    course: Course,
) -> Results:
    """Return what the steps of each attempt told; those after a failure tell nothing.

    `before` is done first and holds for every attempt. An attempt that alone takes longer than
    MOST_SECONDS tells nothing at all, nor does any other with the step that it was stuck in.
    """
    results: Results = [() for _ in attempts]
    todo = [*range(len(attempts))]
    for sql in {step.sql for steps in (before, *attempts) for step in steps} - course.made.keys():
        if sql.startswith(KEPT):
            course.made[sql] = _make(connection, sql)
    while todo:
        todo = course.leave_out_stuck(todo, before, attempts)
        sent, later = todo[:AT_ONCE], todo[AT_ONCE:]
        told = _send(connection, search_path, before, [attempts[n] for n in sent], course.kept)
        late = [at for at, answers in told.items() if _is_late(answers)]
        for at in told.keys() - late:
            results[sent[at]] = told[at][len(before) :]
        if late and len(late) == len(told):
            steps = (*before, *attempts[sent[late[0]]])
            course.stuck.add(steps[min(len(told[late[0]]), len(steps)) - 1].sql)
        unreached = (at for at in range(len(sent)) if at not in told)
        todo = [*(sent[at] for at in (*late, *unreached)), *later]
        course.went(len(attempts) - len(todo), len(attempts))
    return results


def _make(connection: psycopg.Connection[Any], sql: str) -> bool:
    """Make a table for the whole search, and return whether that went well."""
    try:
        _run(connection, f"{sql}; release savepoint {SAVEPOINT}; savepoint {SAVEPOINT}")
    except psycopg.Error:  # the step that needs it fails as well, and tells
        _run(connection, f"rollback to savepoint {SAVEPOINT}")
        return False
    return True


def _is_late(answers: Sequence[Told]) -> bool:
    """Return whether the time was over when the last of the steps was carried out."""
    return bool(answers) and answers[-1].sqlstate == CANCELED


def _send(
    connection: psycopg.Connection[Any],
    search_path: str,
    before: Attempt,
    attempts: Sequence[Attempt],
    kept: Collection[str],
) -> dict[int, tuple[Told, ...]]:
    """Return, by its place, what each told that was reached in time; first what `before` told.

    What made the tables that are `kept` is not sent again.
    """
    people: dict[tuple[str, str], int] = {}

    def as_json(branch: Branch) -> dict[str, Any]:
        return {
            "steps": [as_object(step) for step in branch.steps],
            "then": [as_json(one) for one in branch.then],
        }

    def as_object(step: Step) -> dict[str, Any]:
        known: dict[str, Any] = {"sql": step.sql}
        known |= {name: True for name in ("asks", "may_fail", "undone") if getattr(step, name)}
        if step.persona is not None:
            identity = step.persona.role, step.persona.jwt_claims
            known["who"] = people.setdefault(identity, len(people) + 1)
        return known

    first = tuple(replace(step, may_fail=True) for step in before if step.sql not in kept)
    left = [[step for step in steps if step.sql not in kept] for steps in attempts]
    tree = Branch(first, branch_out(left))
    sent = json.dumps(as_json(tree))
    roles, claims = [role for role, _ in people], [claims for _, claims in people]
    try:
        row = connection.execute(
            "select pg_temp.ephraim_attempt(%s, %s, %s, %s)", (roles, claims, search_path, sent)
        ).fetchone()
    except psycopg.errors.QueryCanceled:
        _run(connection, f"rollback to savepoint {SAVEPOINT}")
        return {0: (Told(CANCELED, None, None),)}
    told = tree.told(row[0]) if row else ()
    return {
        number: tuple(_with_kept((*before, *attempts[number]), kept, answers))
        for number, answers in told
    }


def _with_kept(
    steps: Attempt, kept: Collection[str], answers: Sequence[Sequence[Any]]
) -> Iterator[Told]:
    """Yield what each step told, those that were not sent included, up to where it ended."""
    left = iter(answers)
    waiting = 0
    for step in steps:
        if step.sql in kept:
            waiting += 1
        elif (answer := next(left, None)) is None:
            return
        else:
            yield from (MADE,) * waiting
            yield Told(*answer)
            waiting = 0
    yield from (MADE,) * waiting


def _run(connection: psycopg.Connection[Any], sql: str) -> None:
    connection.execute(cast("Query", sql), prepare=False)


def _routine() -> LiteralString:
    return (files(__package__) / "attempt.sql").read_text(encoding="utf-8")
