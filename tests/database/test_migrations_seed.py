"""Seed files run once, in the order config.toml gives, and are recorded as the CLI records them."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.supabase_cli import make_project, run_supabase

from ephraim_db.errors import InvalidProject, MigrationFailed
from ephraim_db.migrations import apply_seed

SEEDS = "select path, hash from supabase_migrations.seed_files order by path"


def write(project: Path, **files: str) -> Path:
    """`a__b_sql="..."` is supabase/a/b.sql."""
    for name, content in files.items():
        path = project / "supabase" / name.replace("__", "/").replace("_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return project


def seed(url: str, project: Path) -> list[str]:
    said: list[str] = []
    with psycopg.connect(url) as connection:
        apply_seed(connection, project, on_progress=said.append)
    return said


def rows(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


@pytest.fixture
def table(empty_database: str) -> str:
    with psycopg.connect(empty_database) as connection:
        connection.execute("create table public.t (id serial, v text)")
    return empty_database


def test_a_seed_runs_once_and_a_change_is_noted_and_not_run(table: str, tmp_path: Path) -> None:
    project = make_project(tmp_path, {}, seed="insert into t (v) values ('one');")
    assert seed(table, project) == ["seeding supabase/seed.sql"]
    assert seed(table, project) == []
    write(project, seed_sql="insert into t (v) values ('two');")
    assert seed(table, project) == ["supabase/seed.sql changed since it ran: noted, not run again"]
    assert seed(table, project) == []
    assert rows(table, "select v from t") == [("one",)]


def test_a_seed_that_fails_leaves_nothing_and_names_the_line(table: str, tmp_path: Path) -> None:
    sql = "insert into t (v) values ('one');\n\nselect nope;"
    project = make_project(tmp_path, {}, seed=sql)
    with pytest.raises(MigrationFailed, match=r"seed\.sql:3: statement 2 \(select nope\) failed"):
        seed(table, project)
    assert rows(table, "select v from t") == []
    assert rows(table, SEEDS) == []


def test_a_disabled_seed_does_not_run(table: str, tmp_path: Path) -> None:
    project = make_project(tmp_path, {}, seed="insert into t (v) values ('one');")
    write(project, config_toml="[db.seed]\nenabled = false\n")
    assert seed(table, project) == []
    assert rows(table, "select v from t") == []


def test_a_project_without_a_seed_is_fine_and_a_named_file_that_is_missing_is_told(
    table: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path, {})
    assert seed(table, project) == []
    write(project, config_toml='[db.seed]\nsql_paths = ["./nope/*.sql"]\n')
    assert seed(table, project) == ["no seed file matches supabase/nope/*.sql"]


def test_a_config_that_cannot_be_read_is_named(table: str, tmp_path: Path) -> None:
    project = write(make_project(tmp_path, {}), config_toml="[db\n")
    with pytest.raises(InvalidProject, match=r"config\.toml"):
        seed(table, project)
    write(project, config_toml='[db.seed]\nenabled = "env(SEED)"\n')
    with pytest.raises(InvalidProject, match="takes enabled = true or false"):
        seed(table, project)


def test_the_cli_runs_and_records_the_same_files_in_the_same_order(
    table: str, database: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path, {}, seed="insert into t (v) values ('not named');")
    write(
        project,
        config_toml='[db.seed]\nsql_paths = ["./last.sql", "./seeds/*.sql", "more", "./*st.sql"]\n',
        last_sql="insert into t (v) values ('last');",
        seeds__b_sql="insert into t (v) values ('b');",
        seeds__a_sql="insert into t (v) values ('a; ''a''');",
        seeds__deep__c_sql="insert into t (v) values ('not matched');",
        more__z_sql="insert into t (v) values ('z');",
        more__deep__y_sql="insert into t (v) values ('y');",
        more__x_txt="nonsense",
    )
    with psycopg.connect(database) as connection:
        connection.execute("create table public.t (id serial, v text)")
        connection.execute("drop schema supabase_migrations cascade")
    seed(table, project)
    result = run_supabase(project, database, "db", "push", "--yes", "--include-seed")
    assert result.status == 0, result.stderr
    inserted = "select v from t order by id"
    assert rows(database, inserted) == rows(table, inserted)
    assert rows(database, SEEDS) == rows(table, SEEDS)
    assert len(rows(table, SEEDS)) == 5
