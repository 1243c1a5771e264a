"""definer-function-reads: a function returns what policies hide from whoever calls it.

values that the persona does not see --> call as the persona --> are they in what it returned?
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Column, Relation, quote
from ephraim_db.rls.findings.arguments import ARGUMENTS, TRIES, call, prepare_arguments
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.calling import worth_calling
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.finding import Severity
from ephraim_db.rls.findings.fixing import fix_function
from ephraim_db.rls.findings.others import rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.secret_columns import find_secrets
from ephraim_db.rls.functions import Function
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "definer-function-reads"
HIDDEN = "pg_temp.hidden_values"
CREATE = "create temp table hidden_values (source text, value text) on commit drop"
LONG_ENOUGH = 6
TELLING = ("uuid", "text", "character varying")
MOST_ROWS = 200

Target = tuple[Relation, Column]


def find(scene: Scene) -> Iterator[Candidate]:
    """Call each function as each client, and look for hidden values in what comes back."""
    targets = [
        (relation, column)
        for relation in scene.relations
        if relation.has_places and scene.belongs_to(relation)
        for column in relation.columns
        if column.type.startswith(TELLING)
    ]
    named = {
        f"{relation.full_name}.{column.name}": (relation, column) for relation, column in targets
    }
    for persona in (*scene.anonymous, *scene.judged_members):
        calls = [
            (function, attempt)
            for function in worth_calling(scene, persona)
            for attempt in range(TRIES)
        ]
        if not calls:
            continue
        attempts = [
            (
                *prepare_arguments(scene, persona, function, attempt),
                asked(_search(function, "string_agg(distinct h.source, ',')"), persona),
            )
            for function, attempt in calls
        ]
        seen: set[tuple[int, str]] = set()
        results = scene.carry_out(attempts, before=tuple(_hide_all(scene, persona, targets)))
        for (function, attempt), told in zip(calls, results, strict=True):
            for source in (told[-1].answer or "").split(",") if told else ():
                if source in named and (function.oid, source) not in seen:
                    seen.add((function.oid, source))
                    yield _candidate(scene, persona, function, attempt, named[source])


def _hide_all(scene: Scene, persona: Persona, targets: Sequence[Target]) -> Iterator[Step]:
    yield Step(CREATE)
    for target in targets:
        yield from _hide(scene, persona, target)
    yield Step(f"grant select on {HIDDEN} to public")


def _hide(scene: Scene, persona: Persona, target: Target) -> tuple[Step, ...]:
    """Return the steps that note down the values of a column that the persona must not see.

    To a member those are others'; to who has not signed in, all that a SELECT does not show.
    """
    relation, column = target
    name = quote(column.name)
    source = Literal(f"{relation.full_name}.{column.name}").as_string(None)
    theirs = "true"
    if persona in scene.members:
        theirs = rows_that_are(scene, persona, relation, (Whose.OTHER,))
    noted = Step(
        f"insert into {HIDDEN} select distinct {source}, r.{name}::text "  # noqa: S608
        f"from {relation.sql} as r where {theirs} and length(r.{name}::text) >= {LONG_ENOUGH} "
        f"limit {MOST_ROWS}",
        may_fail=True,
    )
    shown = any(column.name in cell.columns for cell in scene.allowed(persona, relation, "SELECT"))
    if not shown:
        return (noted,)
    return (
        noted,
        Step(
            "create temp table shown_values on commit drop as "  # noqa: S608
            f"select r.{name}::text as value from {relation.sql} as r",
            persona,
        ),
        Step("grant all on pg_temp.shown_values to public", persona),
        Step(
            f"delete from {HIDDEN} as h using pg_temp.shown_values as s "  # noqa: S608
            "where h.value = s.value"
        ),
        Step("drop table pg_temp.shown_values", persona),
    )


def _search(function: Function, what: str) -> str:
    """Return the call, and the question which hidden values came back that were not handed in."""
    return (
        f"with told as materialized (select string_agg(q::text, ' ') as told from {call(function)} "  # noqa: S608
        f"as q) select {what} from told as t inner join {HIDDEN} as h "
        f"on position(h.value in t.told) > 0 where not exists (select from {ARGUMENTS} as a "
        "where position(h.value in a::text) > 0)"
    )


def _candidate(
    scene: Scene, persona: Persona, function: Function, attempt: int, target: Target
) -> Candidate:
    relation, column = target
    whose = f"another {scene.boundary}'s" if persona in scene.members else "hidden"
    return Candidate(
        RULE,
        _severity(scene, persona, relation, column),
        persona,
        function.full_name,
        (column.name,),
        f"{persona.name} calls {function.full_name}, which returns {whose} "
        f"{relation.full_name}.{column.name}",
        fix_function(persona, function),
        (
            Proof((
                *_hide_all(scene, persona, [target]),
                *prepare_arguments(scene, persona, function, attempt),
                asked(_search(function, "count(*) as hidden_values_returned"), persona),
            )),
        ),
    )  # fmt: skip


def _severity(scene: Scene, persona: Persona, relation: Relation, column: Column) -> Severity:
    """Judge by what comes back: a function may be there to show a little to everybody."""
    secrets = {(s.relation.oid, s.column.name) for s in find_secrets(scene)}
    if (relation.oid, column.name) in secrets or scene.personal((column.name,)):
        return "error"
    return "warning"
