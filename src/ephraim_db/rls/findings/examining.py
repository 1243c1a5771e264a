"""One run, from connection to findings: observe, suspect, prove, all in one transaction.

observing --build_matrix--> Matrix --search--> findings
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import psycopg

from ephraim_db.rls.findings.finding import Finding
from ephraim_db.rls.matrix import Judged, Matrix, build_matrix, judge_all
from ephraim_db.rls.observing import Observation, Observed, Progress, observing
from ephraim_db.rls.personas import Personas

if TYPE_CHECKING:
    from ephraim_db.rls.catalog import Catalog
    from ephraim_db.rls.findings.rules import Rule


@dataclass(frozen=True, slots=True)
class Examined:
    """The matrix, and what in it should worry somebody, the worst first.

    What the search had no time for is among what the matrix calls unproven. If it was not
    `searched`, that there are no findings says nothing.
    """

    matrix: Matrix
    findings: tuple[Finding, ...]
    searched: bool = True


def examine(
    connection: psycopg.Connection[Any],
    personas: Personas,
    on_progress: Progress = lambda _message: None,
    rules: Sequence[Rule] | None = None,
    *,
    cost_rows: int | None = None,
    worth_searching: Callable[[Matrix], bool] = lambda _matrix: True,
    catalog: Catalog | None = None,
) -> Examined:
    """Observe everything and search it, and roll all of it back. Raises what `observing` raises.

    `rules`: only these, instead of all. `cost_rows`: time the policies of tables of so
    many rows as well. Nothing is searched that is not worth it. `catalog`: if it was read just now.
    """
    judged: dict[int, Judged] = {}

    def judge(one: Observed) -> None:
        judged[id(one)] = judge_all(one)

    with observing(
        connection, personas, on_progress, filling=True, on_observed=judge, catalog=catalog
    ) as observation:
        matrix = build_matrix(personas.everyone, observation.observed, observation.uses, judged)
        if not worth_searching(matrix):
            return Examined(matrix, (), searched=False)
        on_progress("searching for findings")
        return _search(observation, matrix, rules, cost_rows, on_progress)


def find_findings(observation: Observation, matrix: Matrix) -> tuple[Finding, ...]:
    """Return what the rules suspect and could prove; the transaction must still be open."""
    return _search(observation, matrix).findings


def _search(
    observation: Observation,
    matrix: Matrix,
    rules: Sequence[Rule] | None = None,
    cost_rows: int | None = None,
    on_progress: Progress = lambda _message: None,
) -> Examined:
    from ephraim_db.rls.findings.searching import search  # some fifty modules, not always needed

    findings, untried = search(observation, matrix, rules, cost_rows, on_progress)
    return Examined(replace(matrix, unproven=(*matrix.unproven, *untried)), findings)
