"""What Supabase lets a migration install, a local platform lets it install too."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.supabase_cli import make_project

from ephraim_db.errors import MigrationFailed
from ephraim_db.migrations import apply_migrations, find_migrations


def apply(url: str, folder: Path, sql: str) -> None:
    with psycopg.connect(url) as connection:
        apply_migrations(connection, find_migrations(make_project(folder, {"1_a.sql": sql})))


@pytest.mark.parametrize(
    "sql",
    [
        "create extension vector",
        "-- for updated_at\nCREATE EXTENSION moddatetime WITH SCHEMA extensions",
        'create extension "pg_cron"',
        "create extension citext",
    ],
)
def test_an_extension_that_is_available_on_supabase_is_created(
    sql: str, empty_database: str, tmp_path: Path
) -> None:
    apply(empty_database, tmp_path, sql)
    with psycopg.connect(empty_database) as connection:
        recorded = connection.execute(
            "select statements from supabase_migrations.schema_migrations"
        ).fetchone()
    assert recorded == ([sql],)


@pytest.mark.parametrize("name", ["pgcrypto", '"uuid-ossp"'])
def test_one_that_supabase_has_installed_is_not_created_again(
    name: str, empty_database: str, tmp_path: Path
) -> None:
    with pytest.raises(MigrationFailed, match="already exists"):
        apply(empty_database, tmp_path, f"create extension {name}")


def test_one_that_cannot_be_pretended_is_named(empty_database: str, tmp_path: Path) -> None:
    with pytest.raises(MigrationFailed, match="postgis"):
        apply(empty_database, tmp_path, "create extension postgis")
