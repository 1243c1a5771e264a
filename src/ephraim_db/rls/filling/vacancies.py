"""What there is to fill: the project's tables, those without rows, and who is not there yet."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import psycopg
from psycopg.abc import Query

from ephraim_db.rls.catalog import GUARDED, Catalog, Relation
from ephraim_db.rls.filling.facts import Facts
from ephraim_db.rls.personas import Personas

PLATFORM = frozenset(
    {
        *("auth", "storage", "realtime", "_realtime", "extensions", "vault", "cron", "net"),
        *("graphql", "graphql_public", "pgmq", "pgsodium", "pgsodium_masks", "pgtle"),
        *("supabase_migrations", "supabase_functions", "_analytics", "_supavisor", "pgbouncer"),
        *("tiger", "tiger_data", "topology"),
    }
)
"""Schemas that are the platform's, not the project's."""


def project_tables(connection: psycopg.Connection[Any], catalog: Catalog) -> list[Relation]:
    """Return the project's tables that may be written, without partitions of others."""
    rows = connection.execute(
        "select c.oid::int8 from pg_catalog.pg_class as c "
        "where c.oid = any(%s) and not c.relispartition "
        "and has_schema_privilege(c.relnamespace, 'usage') "
        "and has_table_privilege(c.oid, 'select') and has_table_privilege(c.oid, 'insert')",
        ([r.oid for r in catalog.relations.values() if r.has_places],),
    )
    found = (catalog.relations[row[0]] for row in rows)
    return sorted((r for r in found if _is_projects(r)), key=lambda r: r.full_name)


def _is_projects(table: Relation) -> bool:
    """Return whether a project keeps rows there: Storage's policies are its own."""
    if (table.schema, table.name) in GUARDED:
        return bool(table.policies) and table.schema == "storage"
    return table.schema not in PLATFORM


def empty_tables(connection: psycopg.Connection[Any], tables: Iterable[Relation]) -> set[int]:
    """Return the oids of those that have no row."""
    asking = " union all ".join(
        f"select {table.oid} where not exists (select from {table.sql})" for table in tables
    )
    return {row[0] for row in connection.execute(cast("Query", asking))} if asking else set()


def absent_subs(
    connection: psycopg.Connection[Any], users: Relation | None, personas: Personas
) -> set[str | None]:
    """Return the personas' subs that are no users."""
    subs: set[str | None] = {persona.sub for persona in personas.everyone if persona.sub}
    if users is None:
        return set()
    known = connection.execute(
        "select id::text from auth.users where id::text = any(%s)", (list(subs),)
    )
    return subs.difference(row[0] for row in known)


def boundary_base(personas: Personas, tables: Iterable[Relation], facts: Facts) -> str:
    """Return the type of the column that says whose row it is."""
    for table in tables:
        if personas.boundary is not None and personas.boundary in table.column_names:
            return facts.columns[table.oid][personas.boundary].base
    return "uuid"
