"""The Supabase CLI and our runner do the same to a database, in either order."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from tests.catalog import catalog, effective_privileges
from tests.supabase_cli import copy_project, make_project, run_supabase

from ephraim_db.errors import HistoryConflict
from ephraim_db.migrations import (
    apply_migrations,
    apply_seed,
    find_migrations,
    migration_status,
)
from ephraim_db.postgres import Server, create_database, drop_database

LEDGER = "select version, statements, name from supabase_migrations.schema_migrations order by 1"
SEEDS = "select path, hash from supabase_migrations.seed_files order by 1"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def test_migration_up_leaves_the_catalog_and_the_ledger_that_our_runner_leaves(
    project: Path, empty_database: str, database: str
) -> None:
    result = run_supabase(project, empty_database, "migration", "up", "--yes")
    assert result.status == 0, result.stderr
    assert rows(empty_database, LEDGER) == rows(database, LEDGER)
    theirs = [line for line in catalog(empty_database) if "seed_files" not in line]
    ours = [line for line in catalog(database) if "seed_files" not in line]
    assert theirs == ours
    kinds = {line.split()[0] for line in ours}
    assert kinds >= {"column", "constraint", "index", "policy", "function", "trigger", "comment"}


def test_db_push_leaves_the_seeds_that_our_runner_leaves(
    project: Path, empty_database: str, database: str
) -> None:
    result = run_supabase(project, empty_database, "db", "push", "--yes", "--include-seed")
    assert result.status == 0, result.stderr
    assert "WARN" not in result.stderr  # it would name keys of config.toml that it does not know
    assert rows(empty_database, LEDGER) == rows(database, LEDGER)
    assert rows(empty_database, SEEDS) == rows(database, SEEDS)
    assert catalog(empty_database) == catalog(database)


def test_db_reset_brings_back_the_migrations_and_the_seed(project: Path, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table public.stray (id int)")
        connection.execute("update public.profiles set first_name = 'Stray'")
    result = run_supabase(project, database, "db", "reset", "--yes")
    assert result.status == 0, result.stderr
    assert rows(database, "select to_regclass('public.stray')") == [(None,)]
    strays = "select count(*) > 0, bool_or(first_name = 'Stray') from public.profiles"
    assert rows(database, strays) == [(True, False)]
    assert len(rows(database, LEDGER)) == len(find_migrations(project))


def test_the_cli_finds_nothing_to_do_after_our_runner(project: Path, database: str) -> None:
    before = catalog(database)
    for command in (("migration", "up"), ("db", "push", "--include-seed")):
        result = run_supabase(project, database, *command, "--yes")
        assert result.status == 0, result.stderr
        assert "up to date" in result.stdout
        assert "Applying" not in result.stderr
    assert catalog(database) == before


def test_our_runner_finds_nothing_to_do_after_the_cli(project: Path, empty_database: str) -> None:
    run_supabase(project, empty_database, "db", "push", "--yes", "--include-seed")
    before, said = rows(empty_database, SEEDS), list[str]()
    migrations = find_migrations(project)
    with psycopg.connect(empty_database) as connection:
        assert apply_migrations(connection, migrations, on_progress=said.append) == []
        apply_seed(connection, project, on_progress=said.append)
        states = {status.state for status in migration_status(connection, migrations)}
    assert said == []
    assert states == {"applied"}
    assert rows(empty_database, SEEDS) == before


def test_an_edit_is_accepted_with_the_command_that_the_refusal_names(
    empty_database: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path, {"1_a.sql": "create table a ()"})
    run_supabase(project, empty_database, "migration", "up", "--yes")
    make_project(tmp_path, {"1_a.sql": "create table a (); -- edited"})
    migrations = find_migrations(project)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        with pytest.raises(HistoryConflict, match="supabase migration repair") as caught:
            apply_migrations(connection, migrations)
        command = str(caught.value).split("`")[1].split()[1:]
        result = run_supabase(project, empty_database, *command, "--yes")
        assert result.status == 0, result.stderr
        assert [one.state for one in migration_status(connection, migrations)] == ["applied"]
        assert apply_migrations(connection, migrations) == []


def test_the_advisors_find_nothing_in_our_schema(project: Path, database: str) -> None:
    result = run_supabase(
        project, database, "db", "advisors", "--level", "info", "--output-format", "json"
    )
    assert result.status == 0, result.stderr
    findings = json.loads(result.stdout)["results"]
    # In a database made a second ago, no query has used an index yet: that says nothing.
    told = [finding for finding in findings if finding["name"] != "unused_index"]
    assert told == []


def test_the_advisors_would_find_a_table_without_rls(project: Path, database: str) -> None:
    with psycopg.connect(database) as connection:
        connection.execute("create table public.open (id int)")
        connection.execute("grant select on public.open to anon")
    result = run_supabase(
        project, database, "db", "advisors", "--fail-on", "error", "--output-format", "json"
    )
    assert result.status == 1
    assert "rls_disabled_in_public" in result.stdout


def test_types_are_generated_from_our_schema(project: Path, database: str) -> None:
    result = run_supabase(
        project, database, "gen", "types", "--lang", "python", "--schema", "public"
    )
    assert result.status == 0, result.stderr
    compile(result.stdout, "types.py", "exec")
    assert "class PublicOrganizations(BaseModel)" in result.stdout
    assert "twilio_auth_token_set: " in result.stdout


def test_a_new_project_and_an_old_one_grant_the_api_roles_the_same(
    server: Server, database: str
) -> None:
    """Default privileges differ between projects, so our migrations must not lean on them."""
    create_database(server, "explicit_grants", default_grants="explicit")
    url = server.url("explicit_grants", "postgres")
    try:
        with psycopg.connect(url) as connection:
            apply_migrations(connection, find_migrations(Path(__file__).parents[2]))
        new, old = effective_privileges(url), effective_privileges(database)
    finally:
        drop_database(server, "explicit_grants")
    assert new == old
    assert ("organizations", "authenticated", "delete") not in old
    assert ("organizations.name", "authenticated", "select") in old
