"""Read what there is to break.

catalog --read_targets--> Targets --policies, relations, functions, triggers, grants--> Mutant
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import Any, LiteralString

import psycopg
from psycopg.rows import dict_row

from ephraim_db.rls.catalog import Catalog
from ephraim_db.rls.functions import Functions
from ephraim_db.rls.mutants.targets import (
    Counter,
    FunctionText,
    Missing,
    PolicyText,
    Targets,
    Trigger,
)
from ephraim_db.rls.personas import Personas

PLATFORM = frozenset(
    {"auth", "cron", "extensions", "graphql", "net", "pgmq", "realtime", "storage", "vault"}
)
"""Schemas whose functions are Supabase's, not the project's to break."""


def read_targets(
    connection: psycopg.Connection[Any],
    personas: Personas,
    catalog: Catalog,
    functions: Functions,
) -> Targets:
    """Read what the connection's role could break; nothing that belongs to the platform."""
    with connection.transaction(force_rollback=True):
        connection.execute("set local search_path = ''")
        return _read(connection, personas, catalog, functions)


def _read(
    connection: psycopg.Connection[Any],
    personas: Personas,
    catalog: Catalog,
    functions: Functions,
) -> Targets:
    exposed = catalog.exposed(personas.schemas)
    oids = [relation.oid for relation in exposed]
    roles = sorted({persona.role for persona in personas.everyone})
    policies = tuple(
        PolicyText(**{**row, **_tuples(row, "roles", "calls", "reads")})
        for row in _rows(connection, "policies.sql")
        if row["relation"] in oids
    )
    triggers = tuple(
        Trigger(**{**row, **_tuples(row, "events")})
        for row in _rows(connection, "triggers.sql")
        if row["relation"] in oids
    )
    called = functions.called(
        [
            *(oid for policy in policies for oid in policy.calls),
            *(trigger.function for trigger in triggers),
            *(oid for oid, f in functions.by_oid.items() if f.schema in personas.schemas),
        ]
    )
    definitions = {
        row["oid"]: FunctionText(**{**row, **_tuples(row, "argument_types")})
        for row in _rows(
            connection,
            "functions.sql",
            oids=sorted(oid for oid in called if functions.by_oid[oid].schema not in PLATFORM),
        )
    }
    missing = tuple(
        Missing(**{**row, **_tuples(row, "missing", "revoked")})
        for row in _rows(connection, "grants.sql", oids=oids, roles=roles)
    )
    sequences = tuple(
        Counter(**{**row, **_tuples(row, "missing", "would_have")})
        for row in _rows(connection, "sequences.sql", schemas=personas.schemas, roles=roles)
    )
    views = _rows(connection, "views.sql", oids=oids)
    able, holders, updatable = _by_privilege(_rows(connection, "holders.sql", oids=oids))
    return Targets(
        personas,
        catalog,
        functions,
        exposed,
        policies,
        triggers,
        definitions,
        missing,
        sequences,
        frozenset(row["oid"] for row in views),
        holders,
        able,
        updatable,
        _cascaded(connection),
        _may_create(connection, roles),
        _members(connection),
    )


def _by_privilege(
    rows: Iterable[dict[str, Any]],
) -> tuple[
    dict[tuple[int, str], frozenset[str]],
    dict[tuple[int, str], frozenset[str]],
    dict[tuple[int, str], frozenset[str]],
]:
    able: dict[tuple[int, str], frozenset[str]] = {}
    holders: dict[tuple[int, str], frozenset[str]] = {}
    updatable: dict[tuple[int, str], frozenset[str]] = {}
    for row in rows:
        relation, word, role = row["relation"], row["word"], row["role"]
        able[relation, word] = able.get((relation, word), frozenset()) | {role}
        if row["is_held"]:
            holders[relation, word] = holders.get((relation, word), frozenset()) | {role}
            if word == "update":
                updatable[relation, role] = frozenset(row["columns"])
    return able, holders, updatable


def _cascaded(connection: psycopg.Connection[Any]) -> dict[int, frozenset[str]]:
    rows = connection.execute(
        "select k.conrelid::int8, bool_or(k.confdeltype = 'c'), "
        "bool_or(k.confdeltype in ('n', 'd') or k.confupdtype in ('c', 'n', 'd')) "
        "from pg_catalog.pg_constraint as k where k.contype = 'f' group by k.conrelid"
    ).fetchall()
    return {
        oid: frozenset(word for word, does in (("delete", deletes), ("update", updates)) if does)
        for oid, deletes, updates in rows
    }


def _may_create(connection: psycopg.Connection[Any], roles: Sequence[str]) -> bool:
    row = connection.execute(
        "select exists (select from pg_catalog.pg_namespace as n "
        "cross join unnest(%s::text[]) as g (name) "
        "where n.nspname !~ '^pg_(toast_)?temp_' "
        "and pg_catalog.has_schema_privilege(g.name, n.oid, 'create'))",
        [list(roles)],
    ).fetchone()
    return bool(row and row[0])


def _members(connection: psycopg.Connection[Any]) -> dict[str, frozenset[str]]:
    rows = connection.execute(
        "select g.rolname::text, array_agg(m.rolname::text) from pg_catalog.pg_roles as g "
        "inner join pg_catalog.pg_roles as m on pg_catalog.pg_has_role(m.oid, g.oid, 'usage') "
        "group by g.rolname"
    ).fetchall()
    return {role: frozenset(members) for role, members in rows}


def _rows(
    connection: psycopg.Connection[Any], name: str, **settings: Sequence[object]
) -> list[dict[str, Any]]:
    """Return the rows of a query of this package, which reads its settings as arrays."""
    for key, values in settings.items():
        array = "{" + ",".join(f'"{value}"' for value in values) + "}"
        connection.execute("select set_config(%s, %s, true)", (f"ephraim.{key}", array))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(_sql(name)).fetchall()


def _sql(name: str) -> LiteralString:
    return (files(__package__) / name).read_text(encoding="utf-8")


def _tuples(row: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: tuple(row[name]) for name in names}
