"""Of a broken history as much is applied as applies, and the rest is named."""

from __future__ import annotations

from pathlib import Path

import psycopg

from ephraim_db.migrations import (
    apply_migrations,
    find_migrations,
    salvage_migrations,
    salvage_seed,
)


def write(project: Path, **files: str) -> Path:
    folder = project / "supabase" / "migrations"
    folder.mkdir(parents=True, exist_ok=True)
    for name, sql in files.items():
        (folder / f"{name.removeprefix('_')}.sql").write_text(sql)
    return project


def tables(connection: psycopg.Connection[tuple[str]]) -> set[str]:
    rows = connection.execute("select tablename from pg_tables where schemaname = 'public'")
    return {row[0] for row in rows}


def test_each_statement_that_fails_is_left_out_and_named(
    empty_database: str, tmp_path: Path
) -> None:
    project = write(
        tmp_path,
        _1_a="create table a (id int);",
        _2_b="create table b (id int);\nselect * from nowhere;\ncreate table c (id int);",
        _3_d="create table d (id int references nowhere);",
    )
    with psycopg.connect(empty_database, autocommit=True) as connection:
        failures = salvage_migrations(connection, find_migrations(project))
        assert tables(connection) == {"a", "b", "c"}
        assert apply_migrations(connection, find_migrations(project)) == []
    told = [(f.path.name, f.statement, f.line, f.sqlstate, f.head) for f in failures]
    assert told == [
        ("2_b.sql", 2, 2, "42P01", "select * from nowhere"),
        ("3_d.sql", 1, 1, "42P01", "create table d"),
    ]


def test_what_a_file_does_in_a_transaction_of_its_own_is_not_lost_as_a_whole(
    empty_database: str, tmp_path: Path
) -> None:
    project = write(tmp_path, _1_a="begin;create table a (id int);select nowhere;commit;")
    with psycopg.connect(empty_database, autocommit=True) as connection:
        failures = salvage_migrations(connection, find_migrations(project))
        assert tables(connection) == {"a"}
    assert [f.statement for f in failures] == [3]


def test_a_sound_history_is_applied_as_ever(empty_database: str, tmp_path: Path) -> None:
    project = write(tmp_path, _1_a="create table a (id int);")
    with psycopg.connect(empty_database, autocommit=True) as connection:
        assert salvage_migrations(connection, find_migrations(project)) == []
        assert tables(connection) == {"a"}


def test_a_seed_gives_what_it_can(empty_database: str, tmp_path: Path) -> None:
    project = write(tmp_path, _1_a="create table a (id int primary key);")
    seed = "insert into a values (1);insert into a values (1);insert into a values (2);"
    (project / "supabase" / "seed.sql").write_text(seed)
    with psycopg.connect(empty_database, autocommit=True) as connection:
        salvage_migrations(connection, find_migrations(project))
        failures = salvage_seed(connection, project)
        assert connection.execute("select id from a order by 1").fetchall() == [(1,), (2,)]
        assert salvage_seed(connection, project) == []
    assert [(f.statement, f.sqlstate) for f in failures] == [(2, "23505")]


def test_files_that_share_a_version_can_be_kept_in_the_order_of_their_names(
    tmp_path: Path,
) -> None:
    project = write(tmp_path, _1_b="select 2", _1_a="select 1", _10_c="select 3")
    told: list[str] = []
    found = find_migrations(project, keep_twins=True, on_progress=told.append)
    assert [migration.label for migration in found] == ["1_a.sql", "1_b.sql", "10_c.sql"]
    assert len({migration.version for migration in found}) == 3
    assert told == ["1_b.sql shares its version with 1_a.sql: applied after it"]
