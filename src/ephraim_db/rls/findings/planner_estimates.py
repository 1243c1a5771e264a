"""planner-estimate: how many rows the planner expects tells what hidden rows hold.

a copy of some rows, with the policies and statistics of the table --EXPLAIN as the persona-->
more rows for a value that a hidden row has than for one that no row has
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
from psycopg.sql import Literal

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.candidates import Candidate, Proof
from ephraim_db.rls.findings.others import rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.findings.secret_columns import find_secrets
from ephraim_db.rls.findings.slow_policies import created
from ephraim_db.rls.ownership import Whose
from ephraim_db.rls.personas import Persona

RULE = "planner-estimate"
COPIED, TIMES = 50, 50
"""So many rows are copied so many times: few rows leave no statistics."""
TYPES = ("text", "character varying")


def find(scene: Scene) -> Iterator[Candidate]:
    """Ask the planner, as the first member who sees none of others' rows, of what is personal."""
    secrets = {(s.relation.oid, s.column.name) for s in find_secrets(scene)}
    untold = _without_statistics(scene.observation.connection)
    tries: list[tuple[Persona, Relation, str, tuple[Step, ...]]] = []
    for relation in scene.relations:
        persona = next((p for p in scene.judged_members if _sees_none(scene, p, relation)), None)
        if persona is None or not scene.table(relation).secured:
            continue
        granted = scene.privileges(persona, relation).select
        for column in relation.columns:
            telling = (relation.oid, column.name) in secrets or scene.personal((column.name,))
            if telling and column.type.startswith(TYPES) and column.name in granted:
                steps = _steps(scene, persona, relation, column.name, untold)
                tries.append((persona, relation, column.name, steps))
    results = scene.carry_out([steps for *_, steps in tries])
    told: dict[int, list[tuple[Persona, Relation, str, tuple[Step, ...]]]] = {}
    for one, answers in zip(tries, results, strict=True):
        if len(answers) == len(one[3]) and answers[-1].count > 0:
            told.setdefault(one[1].oid, []).append(one)
    for alike in told.values():
        persona, relation, first, steps = alike[0]
        columns = tuple(name for _, _, name, _ in alike)
        settings = ", ".join(f"alter {quote(name)} set statistics 0" for name in columns)
        yield Candidate(
            RULE,
            "info",
            persona,
            relation.full_name,
            columns,
            f"{persona.name} learns from the planner's estimate whether a hidden row of "
            f"{relation.full_name} has a certain {first}, as count=planned tells it",
            f"alter table {relation.sql} {settings}; analyze {relation.sql};",
            (Proof(steps),),
        )


def _sees_none(scene: Scene, persona: Persona, relation: Relation) -> bool:
    if not relation.has_places or not scene.allowed(persona, relation, "SELECT"):
        return False
    others = scene.whose(persona, relation, Whose.OTHER)
    return bool(others) and not others & scene.rows_seen(persona, relation)


def _without_statistics(connection: psycopg.Connection[Any]) -> frozenset[tuple[int, str]]:
    """Return the columns, by oid and name, of which ANALYZE is told to keep nothing."""
    rows = connection.execute(
        "select a.attrelid::int8, a.attname from pg_catalog.pg_attribute as a "
        "where a.attnum > 0 and a.attstattarget = 0"
    ).fetchall()
    return frozenset((oid, name) for oid, name in rows)


def _steps(
    scene: Scene,
    persona: Persona,
    relation: Relation,
    column: str,
    untold: frozenset[tuple[int, str]],
) -> tuple[Step, ...]:
    copy, name = f"pg_temp.{quote(relation.name)}", quote(column)
    others = rows_that_are(scene, persona, relation, (Whose.OTHER,))
    policies = [
        policy
        for policy in scene.facts.policies
        if policy.relation == relation.oid and policy.command in ("SELECT", "ALL")
    ]
    return (
        Step(f"create temp table {quote(relation.name)} (like {relation.sql}) on commit drop"),
        Step(
            f"insert into {copy} select r.* "
            f"from (select o.* from {relation.sql} as o limit {COPIED}) as r "
            f"cross join generate_series(1, {TIMES})"
        ),
        *(
            Step(f"alter table {copy} alter column {quote(kept)} set statistics 0")
            for oid, kept in sorted(untold)
            if oid == relation.oid
        ),
        Step(f"alter table {copy} enable row level security"),
        *(Step(created(copy, policy)) for policy in policies),
        Step(f"grant select on {copy} to {quote(persona.role)}"),
        Step(f"analyze {copy}"),
        Step(
            "create temp table guessed on commit drop as "
            f"select min(r.{name}) as hidden, 'no-' || gen_random_uuid() as absent, "
            f"0::numeric as of_hidden, 0::numeric as of_absent from {copy} as r where {others}"
        ),
        Step("grant select, update on pg_temp.guessed to public"),
        Step(_ask(f"select from {copy} as r where r.{name} = %L"), persona),
        asked(
            "select (g.of_hidden / nullif(g.of_absent, 0))::integer / 2 as times_as_many "
            "from pg_temp.guessed as g"
        ),
    )


def _ask(query: str) -> str:
    """Return the statement that notes down what the planner expects for both values."""
    explain = Literal(f"explain (format json) {query}").as_string(None).strip()
    rows = "(plan -> 0 -> 'Plan' ->> 'Plan Rows')::numeric"
    return (
        "do $ephraim$ declare plan json; value text; begin "
        "select g.hidden into value from pg_temp.guessed as g; "
        f"execute format({explain}, value) into plan; "
        f"update pg_temp.guessed set of_hidden = {rows}; "
        "select g.absent into value from pg_temp.guessed as g; "
        f"execute format({explain}, value) into plan; "
        f"update pg_temp.guessed set of_absent = {rows}; end $ephraim$"
    )
