"""What Supabase lets a migration install, a local platform lets it install too."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.supabase_cli import make_project

from ephraim_db.errors import MigrationFailed
from ephraim_db.migrations import apply_migrations, find_migrations, salvage_migrations


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


@pytest.mark.parametrize("keep_going", [False, True])
@pytest.mark.parametrize(
    "options",
    ["", "with (lists = 100)", "WITH (m = 16, ef_construction = 64) where e is not null"],
)
def test_an_index_of_vectors_is_made_whatever_its_options(
    options: str, keep_going: bool, empty_database: str, tmp_path: Path
) -> None:
    """Also where a statement beside it fails, and each is run by itself."""
    method = "ivfflat" if "lists" in options else "hnsw"
    index = f"create index on docs using {method} (e extensions.vector_cosine_ops) {options}"
    table = "create table docs (id int, e extensions.vector(3))"
    sql = ";\n".join(["create extension vector", table, index])
    if keep_going:
        project = make_project(tmp_path, {"1_a.sql": f"{sql};\nselect 1 / 0"})
        with psycopg.connect(empty_database, autocommit=True) as connection:
            (failure,) = salvage_migrations(connection, find_migrations(project))
        assert failure.sqlstate == "22012"
    else:
        apply(empty_database, tmp_path, sql)
    with psycopg.connect(empty_database) as connection:
        made = connection.execute(
            "select amname from pg_indexes join pg_am on indexdef ~ amname where tablename = 'docs'"
        ).fetchall()
    assert made == [(method,)]


@pytest.mark.parametrize("name", ["pgcrypto", '"uuid-ossp"'])
def test_one_that_supabase_has_installed_is_not_created_again(
    name: str, empty_database: str, tmp_path: Path
) -> None:
    with pytest.raises(MigrationFailed, match="already exists"):
        apply(empty_database, tmp_path, f"create extension {name}")


def test_one_that_cannot_be_pretended_is_named(empty_database: str, tmp_path: Path) -> None:
    with pytest.raises(MigrationFailed, match="postgis"):
        apply(empty_database, tmp_path, "create extension postgis")
