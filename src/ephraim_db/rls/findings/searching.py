"""Search one run for findings: suspect, prove, and leave out what a team accepts.

Observation + Matrix --rules--> candidates --prove--> findings --suppress--> those to tell
"""

from __future__ import annotations

from collections.abc import Iterable

from ephraim_db.rls.findings import slow_policies
from ephraim_db.rls.findings.candidates import Candidate, prove
from ephraim_db.rls.findings.course import Course
from ephraim_db.rls.findings.finding import Finding
from ephraim_db.rls.findings.ordering import worst_first
from ephraim_db.rls.findings.rules import RULES, Rule
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.slow_policies import Cost
from ephraim_db.rls.findings.suppressing import suppress
from ephraim_db.rls.findings.untried import overlong_left_out
from ephraim_db.rls.matrix import Matrix, Unproven
from ephraim_db.rls.observing import Observation, Progress


def search(
    observation: Observation,
    matrix: Matrix,
    rules: Iterable[Rule] | None,
    cost_rows: int | None,
    on_progress: Progress,
) -> tuple[tuple[Finding, ...], tuple[Unproven, ...]]:
    """Return the findings, the worst first, and what there was no time to try.

    The rules are all of them unless some are given; and Cost, if `cost_rows` is.
    """
    chosen = (*(RULES if rules is None else rules), *((Cost(cost_rows),) if cost_rows else ()))
    course = Course(on_progress, len(chosen))
    scene = Scene.set(observation, matrix, course)
    suspected: list[Candidate | Unproven] = []
    for rule in chosen:
        course.begin(rule)
        suspected += rule(scene)
    candidates = [one for one in suspected if isinstance(one, Candidate)]
    course.prove(len(candidates))
    found = list(prove(scene, candidates))
    left_out = "" if any(isinstance(rule, Cost) for rule in chosen) else slow_policies.RULE
    personas = observation.personas
    findings = worst_first(suppress(found, personas.suppressions, left_out), personas)
    untried = (one for one in suspected if isinstance(one, Unproven))
    return findings, (*untried, *overlong_left_out(scene))
