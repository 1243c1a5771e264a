"""definer-function-reads: a function returns what policies hide from whoever calls it.

values that the persona does not see --> call as the persona --> are they in what it returned?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ephraim_db.rls.catalog import Column, Relation
from ephraim_db.rls.findings.arguments import ARGUMENTS, call, prepare_arguments, tries
from ephraim_db.rls.findings.attempting import asked
from ephraim_db.rls.findings.calling import worth_calling
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.finding import SEVERITIES, Severity
from ephraim_db.rls.findings.fixing import fix_function
from ephraim_db.rls.findings.hidden_values import HIDDEN, TELLING, Target, hide_all
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.secret_columns import find_secrets
from ephraim_db.rls.functions import Function
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "definer-function-reads"


def find(scene: Scene) -> Iterator[Candidate]:
    """Call each function as each client, and look for hidden values in what comes back."""
    named = targets_of(scene)
    for persona in (*scene.anonymous, *scene.judged_members):
        calls = [
            (function, attempt)
            for function in worth_calling(scene, persona)
            for attempt in tries(scene, persona, function)
        ]
        if not calls:
            continue
        attempts = [
            (
                *prepare_arguments(scene, persona, function, attempt),
                asked(returned_by(function), persona),
            )
            for function, attempt in calls
        ]
        results = scene.carry_out(
            attempts, before=tuple(hide_all(scene, persona, [*named.values()]))
        )
        told: dict[int, tuple[Function, int, list[Target]]] = {}
        for (function, attempt), answers in zip(calls, results, strict=True):
            sources = (answers[-1].answer or "").split(",") if answers else []
            hits = [named[source] for source in sources if source in named]
            if len(hits) > len(told.get(function.oid, (function, 0, []))[2]):
                told[function.oid] = (function, attempt, hits)
        for function, attempt, hits in told.values():
            yield from _candidates(scene, persona, function, attempt, hits)


def targets_of(scene: Scene) -> dict[str, Target]:
    """Return the columns whose values tell whose row they are from, by their full names."""
    return {
        f"{relation.full_name}.{column.name}": (relation, column)
        for relation in scene.relations
        if relation.has_places and scene.belongs_to(relation)
        for column in relation.columns
        if column.type.startswith(TELLING)
    }


def returned_by(function: Function, what: str = "string_agg(distinct h.source, ',')") -> str:
    """Return the call, and the question which hidden values came back that were not handed in."""
    return (
        f"with told as materialized (select string_agg(q::text, ' ') as told from {call(function)} "
        f"as q) select {what} from told as t inner join {HIDDEN} as h "
        f"on position(h.value in t.told) > 0 where not exists (select from {ARGUMENTS} as a "
        "where position(h.value in a::text) > 0)"
    )


def _candidates(
    scene: Scene, persona: Persona, function: Function, attempt: int, hits: Sequence[Target]
) -> Iterator[Candidate]:
    """Yield one candidate for a function, named after the worst that came back."""
    by_severity = sorted(hits, key=lambda hit: SEVERITIES.index(severity_of(scene, persona, *hit)))
    relation, column = worst = by_severity[0]
    severity = severity_of(scene, persona, relation, column)
    if severity == "info" and persona in scene.members:
        return
    also = [f"{r.name}.{c.name}" for r, c in by_severity[1:4]]
    whose = f"{scene.other(persona, relation)}'s" if persona in scene.members else "hidden"
    yield Candidate(
        RULE,
        severity,
        persona,
        function.full_name,
        tuple(dict.fromkeys(c.name for _, c in by_severity)),
        f"{persona.name} calls {function.full_name}, which returns {whose} "
        f"{relation.full_name}.{column.name}{', '.join(['', *also])}",
        fix_function(persona, function),
        (
            Proof((
                *hide_all(scene, persona, [worst]),
                *prepare_arguments(scene, persona, function, attempt),
                asked(returned_by(function, "count(*) as hidden_values_returned"), persona),
            )),
        ),
    )  # fmt: skip


def severity_of(scene: Scene, persona: Persona, relation: Relation, column: Column) -> Severity:
    """Judge by what comes back: a function may be there to show a little to everybody."""
    secrets = {(s.relation.oid, s.column.name) for s in find_secrets(scene)}
    if (relation.oid, column.name) in secrets or scene.personal((column.name,)):
        return "error"
    bounded = Whose.ORGANIZATION in scene.kinds(persona, relation)
    return "info" if persona in scene.members and not bounded else "warning"
