"""One run, from connection to findings: observe, suspect, prove, all in one transaction.

observing --build_matrix--> Matrix --rules--> candidates --prove--> findings
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import psycopg

from ephraim_db.rls.findings import slow_policies
from ephraim_db.rls.findings.candidates import Candidate, prove
from ephraim_db.rls.findings.finding import Finding, worst_first
from ephraim_db.rls.findings.rules import RULES, Rule
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.slow_policies import Cost
from ephraim_db.rls.findings.suppressing import suppress
from ephraim_db.rls.matrix import Matrix, Unproven, build_matrix
from ephraim_db.rls.observing import Observation, Progress, observing
from ephraim_db.rls.personas import Personas


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
    rules: Sequence[Rule] = RULES,
    worth_searching: Callable[[Matrix], bool] = lambda _matrix: True,
) -> Examined:
    """Observe everything and search it, and roll all of it back. Raises what `observing` raises."""
    with observing(connection, personas, on_progress, filling=True) as observation:
        matrix = build_matrix(personas.everyone, observation.observed, observation.uses)
        if not worth_searching(matrix):
            return Examined(matrix, (), searched=False)
        on_progress("searching for findings")
        return _search(observation, matrix, rules)


def find_findings(
    observation: Observation, matrix: Matrix, rules: Sequence[Rule] = RULES
) -> tuple[Finding, ...]:
    """Return what the rules suspect and could prove; the transaction must still be open."""
    return _search(observation, matrix, rules).findings


def _search(observation: Observation, matrix: Matrix, rules: Sequence[Rule]) -> Examined:
    scene = Scene.set(observation, matrix)
    suspected = list(chain.from_iterable(rule(scene) for rule in rules))
    found = prove(scene, (one for one in suspected if isinstance(one, Candidate)))
    left_out = "" if any(isinstance(rule, Cost) for rule in rules) else slow_policies.RULE
    findings = worst_first(suppress(found, observation.personas.suppressions, left_out))
    untried = (one for one in suspected if isinstance(one, Unproven))
    return Examined(replace(matrix, unproven=(*matrix.unproven, *untried)), findings)
