"""leaky-view: a view that hides rows by who is asking shows them to a cheap function in the WHERE.

select from the view where leak(row) --the planner may run leak before the view's own condition-->
rows that leak was handed and that the view does not show
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.cached_identity import IDENTITY
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.scratch import keep
from ephraim_db.rls.personas import Persona

RULE = "leaky-view"
LEAK = (
    keep("leaked", "value text", "select, insert"),
    Step(
        "create function pg_temp.leak(value text) returns boolean language plpgsql "
        "cost 0.0000001 as $leak$ begin insert into pg_temp.leaked values (value); "
        "return true; end $leak$"
    ),
)


def find(scene: Scene) -> Iterator[Candidate]:
    """Hand every such view to a function of one's own, as the first client who may read it."""
    definitions = _definitions(scene.observation.connection)
    tries = [
        (persona, relation, column, _steps(persona, relation, column))
        for persona, relation in scene.pairs(scene.clients)
        if "SELECT" not in scene.observed(persona, relation).untried
        and _asks_who(scene, relation, definitions.get(relation.oid, ""))
        and (column := _column(scene, persona, relation))
    ]
    results = scene.carry_out([steps for *_, steps in tries])
    told: set[int] = set()
    for (persona, relation, column, steps), answers in zip(tries, results, strict=True):
        leaked = len(answers) == len(steps) and answers[-1].count > 0
        if leaked and relation.oid not in told:
            told.add(relation.oid)
            yield Candidate(
                RULE,
                "info",
                persona,
                relation.full_name,
                (column,),
                f"{persona.name} sees {column} of rows that the view {relation.full_name} hides, "
                "with a function of its own in the WHERE, if it may make one",
                f"alter view {relation.sql} set (security_barrier = true);",
                (Proof(steps),),
            )


def _definitions(connection: psycopg.Connection[Any]) -> dict[int, str]:
    """Return the text of every view that runs as its owner and is no barrier, by oid."""
    rows = connection.execute(
        "select c.oid::int8, pg_catalog.pg_get_viewdef(c.oid) from pg_catalog.pg_class as c "
        "where c.relkind = 'v' and c.relnamespace <> 'pg_catalog'::regnamespace "
        "and not coalesce(c.reloptions::text ~* "
        "'security_(barrier|invoker)=(true|on|yes|1)', false)"
    ).fetchall()
    return dict(rows)


def _asks_who(scene: Scene, relation: Relation, definition: str) -> bool:
    """Return whether the condition of the view, or a function that it calls, asks who it is."""
    _, where, condition = definition.partition(" WHERE ")
    words = set(re.findall(r"\w+", condition.lower()))
    for oid in scene.facts.called(relation.calls):
        words |= scene.facts.known.words[oid]
    return bool(where) and not IDENTITY.isdisjoint(words)


def _column(scene: Scene, persona: Persona, relation: Relation) -> str:
    """Return a column that the persona reads there, best one that tells rows apart."""
    granted = scene.privileges(persona, relation).select
    names = [column.name for column in relation.columns if column.name in granted]
    return next((name for name in names if name == "id"), names[0] if names else "")


def _steps(persona: Persona, relation: Relation, column: str) -> tuple[Step, ...]:
    value = f"v.{quote(column)}::text"
    return (
        *LEAK,
        Step(f"select from {relation.sql} as v where pg_temp.leak({value})", persona),
        asked(
            "select count(*) as hidden_rows_seen from pg_temp.leaked as l "
            f"where l.value not in (select {value} from {relation.sql} as v "
            f"where {value} is not null)",
            persona,
        ),
    )
