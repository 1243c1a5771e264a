"""Plausible arguments to call a function with: ids and values seen in the data.

team_id, p_team, user_id, ...   of somebody else          a name that a column has   its values
uuid of no known name           of a row the body names   anything else              a plain value
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence

from psycopg.sql import Literal

from ephraim_db.rls.catalog import Relation, quote
from ephraim_db.rls.findings.attempting import Step, asked
from ephraim_db.rls.findings.others import rows_that_are
from ephraim_db.rls.findings.scene import Scene
from ephraim_db.rls.functions import Function
from ephraim_db.rls.ownership import OWNER_NAMES, Whose
from ephraim_db.rls.personas import Persona

ARGUMENTS = "pg_temp.arguments"
TRIES = 2
PREFIX = re.compile(r"^(p|in|v|arg|input|param|target|new|i)?_+")
PLAIN = {
    "boolean": "true",
    "json": "'{}'::json",
    "jsonb": "'{}'::jsonb",
    "integer": "1",
    "bigint": "1",
    "smallint": "1::smallint",
    "numeric": "1",
    "double precision": "1",
    "text": "'text'",
    "character varying": "'text'",
    "date": "current_date",
    "timestamp with time zone": "now()",
    "timestamp without time zone": "now()::timestamp",
    "interval": "interval '1 day'",
}


def tries(scene: Scene, persona: Persona, function: Function) -> range:
    """Return the attempts that hand in something different: one, if there is no choice."""
    first, *others = (prepare_arguments(scene, persona, function, n) for n in range(TRIES))
    return range(TRIES if any(one != first for one in others) else 1)


def prepare_arguments(
    scene: Scene, persona: Persona, function: Function, attempt: int
) -> tuple[Step, ...]:
    """Return the steps that put the values of the n-th attempt into pg_temp.arguments."""
    key = (persona.name, function.oid, attempt)
    if key not in scene.arguments:
        scene.arguments[key] = _prepared(scene, persona, function, attempt)
    return scene.arguments[key]


def _prepared(scene: Scene, persona: Persona, function: Function, attempt: int) -> tuple[Step, ...]:
    values = [
        f"{_value(scene, persona, function, name, kind, attempt)} as a{at}"
        for at, (name, kind) in enumerate(_parameters(function))
    ]
    return _kept(values)


def call(function: Function) -> str:
    """Return the call with the prepared arguments."""
    given = (
        f"(select a.a{at} from {ARGUMENTS} as a)" for at in range(len(function.argument_types))
    )
    return f"{function.sql}({', '.join(given)})"


def values_given(function: Function) -> Step:
    """Return the step that tells the prepared arguments."""
    values = ", ".join(f"a.a{at}::text" for at in range(len(function.argument_types)))
    return asked(f"select jsonb_build_array({values}) from {ARGUMENTS} as a")


def give(function: Function, told: str) -> tuple[Step, ...]:
    """Return the steps that prepare the arguments that `values_given` told."""
    given = [
        f"{Literal(value).as_string(None)}::{kind} as a{at}"
        for at, (value, kind) in enumerate(
            zip(json.loads(told), function.argument_types, strict=True)
        )
    ]
    return _kept(given)


def _kept(values: Sequence[str]) -> tuple[Step, ...]:
    return (
        Step(f"create temp table arguments on commit drop as select {', '.join(values) or '1'}"),
        Step(f"grant select on {ARGUMENTS} to public"),
    )


def _parameters(function: Function) -> Iterator[tuple[str, str]]:
    names = (*function.argument_names, *("" for _ in function.argument_types))
    yield from zip(names, function.argument_types, strict=False)


def _value(
    scene: Scene, persona: Persona, function: Function, name: str, kind: str, attempt: int
) -> str:
    found = next(_of_data(scene, persona, function, PREFIX.sub("", name), kind, attempt), None)
    plain = PLAIN.get(kind, "null")
    return f"coalesce({found}, {plain})::{kind}" if found else f"{plain}::{kind}"


def _of_data(
    scene: Scene, persona: Persona, function: Function, name: str, kind: str, attempt: int
) -> Iterator[str]:
    boundary = next((r for r in scene.relations if scene.is_boundary(r)), None)
    if name in (scene.boundary, scene.observation.personas.boundary) and boundary:
        yield _pick(scene, persona, boundary, boundary.primary_key[0], attempt)
    if kind == "uuid" and (name in OWNER_NAMES or "user" in name):
        mine = Literal(persona.sub or "").as_string(None)
        yield (
            f"(select u.id from auth.users as u where u.id::text <> {mine} "
            f"order by u.id desc offset {attempt} limit 1)"
        )
    likely = scene.likely_in(function)
    for relation in likely:
        for column in relation.columns:
            if column.name == name and column.type == kind:
                yield _pick(scene, persona, relation, name, attempt)
    for relation in likely:
        base = name.removesuffix("_id").removesuffix("_uuid")
        keys = [c for c in relation.columns if (c.name,) == relation.primary_key]
        if (
            keys
            and keys[0].type == kind
            and (base in relation.name or relation.name in function.source)
        ):
            yield _pick(scene, persona, relation, keys[0].name, attempt)


def _pick(scene: Scene, persona: Persona, relation: Relation, column: str, attempt: int) -> str:
    """Return a value out of somebody else's row, or of any: the last, as ids may be random."""
    others = rows_that_are(scene, persona, relation, (Whose.OTHER,))
    name = quote(column)
    place = "max(r.ctid)" if relation.has_places else f"r.{name}::text"
    return (
        f"(select r.{name} from {relation.sql} as r where r.{name} is not null group by r.{name} "
        f"order by bool_or(({others}) is true) desc, {place} desc offset {attempt} limit 1)"
    )
