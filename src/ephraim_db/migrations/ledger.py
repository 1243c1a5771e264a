"""The ledger that the Supabase CLI keeps in the database, and what it says about the files.

supabase_migrations.schema_migrations (version, statements, name)
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import psycopg
from psycopg.rows import tuple_row

from ephraim_db.migrations.files import Migration

State = Literal["applied", "pending", "edited", "missing"]

RECORD = (
    "insert into supabase_migrations.schema_migrations (version, name, statements) "
    "values (%s, %s, %s)"
)
_CREATE = """
    create schema if not exists supabase_migrations;
    create table if not exists supabase_migrations.schema_migrations
    (version text not null primary key);
    alter table supabase_migrations.schema_migrations
    add column if not exists statements text[], add column if not exists name text;
"""
_IS_THERE = """
    select count(*) = 3 from pg_catalog.pg_attribute
    where
        attrelid = pg_catalog.to_regclass('supabase_migrations.schema_migrations')
        and attname in ('version', 'name', 'statements') and not attisdropped
"""
# Through jsonb, because a ledger made by an old CLI may lack the columns.
_READ = """
    select m.version, to_jsonb(m) ->> 'name', to_jsonb(m) -> 'statements'
    from supabase_migrations.schema_migrations as m
"""


@dataclass(frozen=True, slots=True)
class MigrationStatus:
    """One version: in the ledger, in a file, or in both."""

    version: str
    name: str
    state: State
    """applied; pending; edited: the file changed since; missing: recorded, and there is no file."""
    path: Path | None


@dataclass(frozen=True, slots=True)
class Recorded:
    """A row of the ledger; `statements` is None where the writer did not record them."""

    name: str
    statements: tuple[str, ...] | None


def create_ledger(connection: psycopg.Connection[Any]) -> None:
    """Make the ledger as the CLI makes it, unless it is there; needs no privilege if it is."""
    row = connection.cursor(row_factory=tuple_row).execute(_IS_THERE).fetchone()
    if row is None or not row[0]:
        connection.execute(_CREATE)


def read_ledger(connection: psycopg.Connection[Any]) -> dict[str, Recorded]:
    """Read what is recorded, by version; empty if there is no ledger."""
    cursor = connection.cursor(row_factory=tuple_row)  # whatever rows the caller's connection makes
    row = cursor.execute(
        "select pg_catalog.to_regclass('supabase_migrations.schema_migrations') is not null"
    ).fetchone()
    if row is None or not row[0]:
        return {}
    return {
        version: Recorded(name or "", None if statements is None else tuple(statements))
        for version, name, statements in cursor.execute(_READ)
    }


def migration_status(
    connection: psycopg.Connection[Any], migrations: Sequence[Migration]
) -> list[MigrationStatus]:
    """Compare the ledger with `migrations`, ordered by version; changes nothing."""
    return compare(read_ledger(connection), migrations)


def compare(ledger: dict[str, Recorded], migrations: Sequence[Migration]) -> list[MigrationStatus]:
    """Say for each version what its file and its row amount to."""
    statuses = [
        MigrationStatus(version, recorded.name, "missing", None)
        for version, recorded in ledger.items()
        if version not in {migration.version for migration in migrations}
    ]
    for migration in migrations:
        recorded = ledger.get(migration.version)
        state: State = "pending"
        if recorded is not None:
            state = "edited" if _was_edited(recorded, migration) else "applied"
        statuses.append(MigrationStatus(migration.version, migration.name, state, migration.path))
    return sorted(statuses, key=lambda status: status.version)


def _was_edited(recorded: Recorded, migration: Migration) -> bool:
    """Compare past white space and semicolons, as not every writer splits as the CLI does."""
    if recorded.statements is None:
        return False
    now = [statement.text for statement in migration.statements]
    return _squeezed(recorded.statements) != _squeezed(now)


def _squeezed(statements: Sequence[str]) -> str:
    return re.sub(r"[\s;\ufeff]+", " ", " ".join(statements)).strip()
