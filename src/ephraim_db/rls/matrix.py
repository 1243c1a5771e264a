"""What was observed, as cells: persona x relation x command, columns grouped by what happened.

Observed --verdicts--> a verdict for each column --grouped--> Cell, and Unproven where no row was
there to decide
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from ephraim_db.rls.asking import CANCELED
from ephraim_db.rls.catalog import Kind
from ephraim_db.rls.observing import Progress, observing
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona, Personas
from ephraim_db.rls.probes import COMMANDS, MOST_SECONDS, Command
from ephraim_db.rls.probing import Observed
from ephraim_db.rls.rows import MOST_BLIND
from ephraim_db.rls.uses import Use
from ephraim_db.rls.variants import judge_variants
from ephraim_db.rls.verdicts import DELETED_ROW, Outcome, Verdict, judge

Scope = Literal["none", "own", "organization", "all"]
SCOPES: dict[Whose | None, Scope] = {
    None: "none",
    Whose.OWN: "own",
    Whose.ORGANIZATION: "organization",
    Whose.OTHER: "all",
}
MISSING = {
    Whose.OWN: "no row of its own",
    Whose.ORGANIZATION: "no row of its organization",
    Whose.OTHER: "no row of anyone else",
}


@dataclass(frozen=True, slots=True)
class Cell:
    """What one persona can do to one relation with one command, for these columns.

    `relation` is schema-qualified. `scope` is whose rows: the narrowest that holds all it reached.
    `sqlstate` is what Postgres said if the outcome is "error". `decided_by` names the policy,
    or several: with "and" if each was needed, with "or" if each would do. Or it names the trigger
    that stopped it: `decided_by_kind` tells.
    """

    persona: str
    relation: str
    command: Command
    outcome: Outcome
    scope: Scope
    columns: tuple[str, ...]
    sqlstate: str | None = None
    decided_by: str | None = None
    decided_by_kind: Literal["policy", "trigger"] | None = None


@dataclass(frozen=True, slots=True)
class Unproven:
    """What this run could not decide, and why.

    `of_search`: the search for findings left it out, so it is no fact of the matrix.
    """

    persona: str
    relation: str
    command: Command
    reason: str
    of_search: bool = False


@dataclass(frozen=True, slots=True)
class Subject:
    """A relation that was probed, and how many rows it has; or a function or sequence.

    `probed` is through how many of the rows, if not through all of them.
    """

    name: str
    kind: Kind
    columns: tuple[str, ...]
    rows: int
    probed: int | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What one persona's dealings with one relation come to."""

    subject: Subject
    cells: Sequence[Cell]
    unproven: Sequence[Unproven]


@dataclass(frozen=True, slots=True)
class Matrix:
    """Every cell that was observed."""

    personas: tuple[Persona, ...]
    relations: tuple[Subject, ...]
    cells: tuple[Cell, ...]
    unproven: tuple[Unproven, ...]

    def find(self, persona: str, relation: str, command: Command) -> tuple[Cell, ...]:
        """Return the cells of one persona, relation and command, the furthest-reaching first."""
        return self.by_place().get((persona, relation, command), ())

    def by_place(self) -> dict[tuple[str, str, Command], tuple[Cell, ...]]:
        """Return the cells by persona, relation and command, the furthest-reaching first."""
        found: dict[tuple[str, str, Command], list[Cell]] = {}
        for cell in self.cells:
            found.setdefault((cell.persona, cell.relation, cell.command), []).append(cell)
        return {place: tuple(cells) for place, cells in found.items()}


def observe_matrix(
    connection: psycopg.Connection[Any],
    personas: Personas,
    on_progress: Progress = lambda _message: None,
) -> Matrix:
    """Observe everything, as `observing` does, and judge it; all of it is rolled back."""
    with observing(connection, personas, on_progress) as observation:
        return build_matrix(personas.everyone, observation.observed, observation.uses)


def judge_all(one: Observed) -> Judged:
    """Judge what one persona could do with one relation."""
    relation = one.relation
    subject = Subject(
        relation.full_name,
        relation.kind,
        relation.column_names,
        one.rows.total,
        one.rows.sample,
    )
    cells: list[Cell] = []
    unproven: list[Unproven] = []
    plain = {c: judge(one, c) for c in COMMANDS if c in relation.commands}
    for command, verdicts in plain.items():
        cells += _cells(one, command, verdicts)
        unproven += _unproven(one, command, set(verdicts.values()))
    for command, verdicts in judge_variants(one, plain):
        cells += _cells(one, command, verdicts)
    return Judged(subject, cells, unproven)


def build_matrix(
    personas: Sequence[Persona],
    observed: Iterable[Observed],
    uses: Iterable[Use] = (),
    judged: Mapping[int, Judged] | None = None,
) -> Matrix:
    """Judge what was observed, but for what is `judged` already, by id."""
    subjects: dict[str, Subject] = {}
    cells: list[Cell] = []
    unproven: list[Unproven] = []
    for one in observed:
        part = (judged or {}).get(id(one)) or judge_all(one)
        subjects[part.subject.name] = part.subject
        cells += part.cells
        unproven += part.unproven
    for use in uses:
        subjects[use.name] = Subject(use.name, use.kind, (), 0)
        cells.append(_cell_of(use))
        unproven += _unproven_of(use)
    return Matrix(tuple(personas), tuple(subjects.values()), tuple(cells), tuple(unproven))


def _cell_of(use: Use) -> Cell:
    verdict = use.verdict
    scope = SCOPES[verdict.reach]
    return Cell(
        use.persona, use.name, use.command, verdict.outcome, scope, use.effects, verdict.sqlstate
    )


def _unproven_of(use: Use) -> Iterator[Unproven]:
    doubts = use.doubts
    if use.verdict.outcome == "error":
        doubts = (*doubts, f"the probe ended in SQLSTATE {use.verdict.sqlstate}")
    for doubt in doubts:
        yield Unproven(use.persona, use.name, use.command, doubt)


def _cells(one: Observed, command: Command, verdicts: dict[str, Verdict]) -> Iterator[Cell]:
    together: dict[tuple[Outcome, Whose | None, str | None, str | None], list[str]] = {}
    for column, verdict in verdicts.items():
        trigger = one.stopped.get((command, column))
        alike = (verdict.outcome, verdict.reach, verdict.sqlstate, trigger)
        together.setdefault(alike, []).append(column)
    furthest_first = sorted(together.items(), key=lambda item: (-(item[0][1] or 0), item[0][0]))
    for (outcome, reach, sqlstate, trigger), columns in furthest_first:
        policy = one.decided.get((command, outcome, reach))
        yield Cell(
            one.persona.name,
            one.relation.full_name,
            command,
            outcome,
            SCOPES[reach],
            tuple(column for column in columns if column != DELETED_ROW),
            sqlstate,
            policy or trigger,
            "policy" if policy else "trigger" if trigger else None,
        )


def _unproven(one: Observed, command: Command, verdicts: set[Verdict]) -> Iterator[Unproven]:
    reasons = {reason for verdict in verdicts for reason in _doubts(one, command, verdict)}
    if command in one.untried:
        reasons = {one.untried[command]}
    for reason in sorted(reasons):
        yield Unproven(one.persona.name, one.relation.full_name, command, reason)


def _doubts(one: Observed, command: Command, verdict: Verdict) -> Iterator[str]:
    """Yield why a verdict is not the last word."""
    if one.rows.failure:
        yield f"its rows could not be read by the prober (SQLSTATE {one.rows.failure})"
    elif verdict.outcome == "unproven":
        why = f": {one.rows.why_empty}" if one.rows.why_empty else ""
        empty = one.rows.total == 0
        yield f"the relation has no row{why}" if empty else "no probe could decide it"
    elif verdict.sqlstate == CANCELED:
        yield f"a probe took longer than {MOST_SECONDS} s: those like it were left out"
    elif verdict.outcome == "error":
        yield f"the probe ended in SQLSTATE {verdict.sqlstate}"
    elif verdict.outcome != "refused_by_grant":
        if verdict.reach_is_guess:
            yield "a row passed, and nothing tells whose"
        blind = command in ("UPDATE", "DELETE") and one.relation.has_places
        if blind and one.rows.are_many and (verdict.reach or 0) < Whose.OTHER:
            yield f"it has more than {MOST_BLIND} rows, so nothing was tried without a WHERE"
        elif verdict.may_reach_more:
            yield "without a WHERE it failed, so whether it reaches rows that SELECT hides is open"
        there = one.rows.kinds(one.persona)
        for kind in one.kinds:
            if kind not in there and kind > (verdict.reach or 0):
                yield f"{MISSING[kind]} to try"
