"""Pending migrations are applied once, each whole, and what went wrong is said in full."""

from __future__ import annotations

import logging
import time
import traceback
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from psycopg.rows import dict_row, namedtuple_row
from tests.supabase_cli import make_project

from ephraim_db.errors import HistoryConflict, MigrationFailed
from ephraim_db.migrations import (
    Migration,
    apply_migrations,
    apply_seed,
    find_migrations,
    migration_status,
)


def migrations(folder: Path, **files: str) -> list[Migration]:
    """`_1_a="sql"` is 1_a.sql."""
    return find_migrations(
        make_project(folder, {f"{name[1:]}.sql": sql for name, sql in files.items()})
    )


def apply(url: str, found: list[Migration]) -> list[str]:
    with psycopg.connect(url) as connection:
        applied = apply_migrations(connection, found)
        assert connection.info.transaction_status is TransactionStatus.IDLE
    return [migration.version for migration in applied]


def fail(url: str, found: list[Migration]) -> MigrationFailed:
    with psycopg.connect(url) as connection:
        with pytest.raises(MigrationFailed) as caught:
            apply_migrations(connection, found)
        assert connection.info.transaction_status is TransactionStatus.IDLE
    return caught.value


def one(url: str, query: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return row[0]


def states(url: str, found: list[Migration]) -> dict[str, str]:
    with psycopg.connect(url) as connection:
        return {one.version: one.state for one in migration_status(connection, found)}


def test_whatever_rows_the_connection_makes_is_all_the_same(
    empty_database: str, tmp_path: Path
) -> None:
    found = migrations(tmp_path, _1_a="create table public.a (id int)")
    (tmp_path / "supabase" / "seed.sql").write_text("insert into public.a values (1)")
    for row_factory in (dict_row, namedtuple_row):
        with psycopg.connect(empty_database, row_factory=row_factory) as connection:
            apply_migrations(connection, found)
            apply_seed(connection, tmp_path)
            assert [one.state for one in migration_status(connection, found)] == ["applied"]
    assert one(empty_database, "select count(*) from public.a") == 1


def test_only_what_is_pending_is_applied(empty_database: str, tmp_path: Path) -> None:
    assert apply(empty_database, migrations(tmp_path, _1_a="create table a ()")) == ["1"]
    both = migrations(tmp_path, _2_b="create table b ()")
    assert states(empty_database, both) == {"1": "applied", "2": "pending"}
    assert apply(empty_database, both) == ["2"]
    assert apply(empty_database, both) == []


def test_each_file_starts_with_the_settings_of_a_new_session(
    empty_database: str, tmp_path: Path
) -> None:
    found = migrations(
        tmp_path,
        _1_a="select set_config('search_path', '', false)",
        _2_b="create table of_search_path ()",
    )
    apply(empty_database, found)
    assert one(empty_database, "select to_regclass('public.of_search_path') is not null")


def test_a_failure_names_file_line_statement_and_what_postgres_said(
    empty_database: str, tmp_path: Path
) -> None:
    sql = "create table a (id int);\n\n-- why\nselect id,\n  nope\nfrom a;\nselect 1"
    failure = fail(empty_database, migrations(tmp_path, _1_a=sql))
    assert str(failure) == (
        '1_a.sql:5: statement 2 (select id,) failed: column "nope" does not exist [42703].'
        " Nothing of the file was applied. Mend it and run again."
    )
    assert failure.path == tmp_path / "supabase" / "migrations" / "1_a.sql"
    assert (failure.statement, failure.line, failure.sqlstate) == (2, 5, "42703")
    assert failure.postgres_message == 'column "nope" does not exist'
    assert one(empty_database, "select to_regclass('public.a') is null")


def test_a_failure_without_a_position_names_the_line_the_statement_begins_on(
    empty_database: str, tmp_path: Path
) -> None:
    sql = "create table a (id int primary key);\ninsert into a values (1);\n-- again\n\n"
    again = "insert into a\nvalues (1);" + "select 1;" * 500
    failure = fail(empty_database, migrations(tmp_path, _1_a=sql + again))
    assert (failure.statement, failure.line, failure.sqlstate) == (3, 5, "23505")


def test_the_files_before_a_failed_one_stay_applied(empty_database: str, tmp_path: Path) -> None:
    found = migrations(tmp_path, _1_a="create table a ()", _2_b="nonsense", _3_c="select 1")
    fail(empty_database, found)
    assert states(empty_database, found) == {"1": "applied", "2": "pending", "3": "pending"}


def test_a_failure_never_tells_what_is_in_a_row(
    empty_database: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    sql = "create table a (v text unique); insert into a values ('s3cret'), ('s3cret');"
    with caplog.at_level(logging.DEBUG):
        failure = fail(empty_database, migrations(tmp_path, _1_a=sql + "select 1;" * 300))
    assert failure.sqlstate == "23505"
    shown = "".join(traceback.format_exception(failure)) + repr(failure.args) + caplog.text
    assert "s3cret" not in shown
    assert failure.__cause__ is None
    assert failure.__context__ is None


def test_a_constraint_that_fails_at_the_commit_undoes_the_file(
    empty_database: str, tmp_path: Path
) -> None:
    sql = (
        "create table a (id int primary key, "
        "b int references a deferrable initially deferred); insert into a values (1, 2)"
    )
    failure = fail(empty_database, migrations(tmp_path, _1_a=sql))
    assert (failure.statement, failure.sqlstate) == (None, "23503")
    assert str(failure).startswith("1_a.sql: the commit failed: insert or update")
    assert one(empty_database, "select to_regclass('public.a') is null")


def test_an_index_is_built_concurrently_and_the_user_told_that_the_file_is_not_whole(
    empty_database: str, tmp_path: Path
) -> None:
    sql = "create table a (id int);\ncreate index concurrently i on a (id);\nselect nope;"
    failure = fail(empty_database, migrations(tmp_path, _1_a=sql))
    assert failure.left_behind
    assert "stay applied" in str(failure)
    assert one(empty_database, "select indisvalid from pg_index where indexrelid = 'i'::regclass")


def test_a_file_that_controls_its_own_transactions_may(empty_database: str, tmp_path: Path) -> None:
    sql = "create table a (); begin; create table b (); rollback; create table c ();"
    assert apply(empty_database, migrations(tmp_path, _1_a=sql)) == ["1"]
    assert one(empty_database, "select to_regclass('public.b') is null")
    assert one(empty_database, "select to_regclass('public.c') is not null")


def test_a_file_that_never_commits_what_it_began_is_refused(
    empty_database: str, tmp_path: Path
) -> None:
    failure = fail(empty_database, migrations(tmp_path, _1_a="begin; create table a ()"))
    assert "does not commit" in str(failure)
    assert one(empty_database, "select count(*) from supabase_migrations.schema_migrations") == 0


def test_a_role_left_set_is_named_as_the_cause(empty_database: str, tmp_path: Path) -> None:
    failure = fail(empty_database, migrations(tmp_path, _1_a="set role anon"))
    assert "end it with `reset role`" in str(failure)


def test_copy_from_stdin_is_refused_with_a_way_out(empty_database: str, tmp_path: Path) -> None:
    sql = "create table a (id int);\ncopy a from stdin;\n1\n\\.\n"
    failure = fail(empty_database, migrations(tmp_path, _1_a=sql))
    assert failure.line == 2
    assert "write insert statements" in str(failure)


def test_a_lost_connection_is_told_as_such(empty_database: str, tmp_path: Path) -> None:
    found = migrations(tmp_path, _1_a="select pg_terminate_backend(pg_backend_pid()); select 1")
    with (
        pytest.raises(MigrationFailed, match="migrate status"),
        psycopg.connect(empty_database) as connection,
    ):
        apply_migrations(connection, found)


def test_an_edited_migration_stops_the_run_before_anything_is_applied(
    empty_database: str, tmp_path: Path
) -> None:
    apply(empty_database, migrations(tmp_path, _1_a="create table a ()"))
    edited = migrations(tmp_path, _1_a="create table a (id int)", _2_b="create table b ()")
    assert states(empty_database, edited) == {"1": "edited", "2": "pending"}
    with pytest.raises(HistoryConflict, match="edited since: 1") as caught:
        apply(empty_database, edited)
    assert caught.value.versions == ("1",)
    assert one(empty_database, "select to_regclass('public.b') is null")


def test_white_space_and_another_way_to_split_are_no_edit(
    empty_database: str, tmp_path: Path
) -> None:
    apply(empty_database, migrations(tmp_path, _1_a="create table a (); select 1"))
    with psycopg.connect(empty_database) as connection:
        connection.execute(
            "update supabase_migrations.schema_migrations"
            " set statements = array['create table a ();  select 1;']"
        )
    spaced = migrations(tmp_path, _1_a="create table a\n();\r\n\r\nselect 1;\n")
    assert states(empty_database, spaced) == {"1": "applied"}


def test_a_ledger_that_never_kept_statements_is_taken_at_its_word(
    empty_database: str, tmp_path: Path
) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute(
            "create schema supabase_migrations;"
            "create table supabase_migrations.schema_migrations (version text primary key);"
            "insert into supabase_migrations.schema_migrations values ('1')"
        )
    found = migrations(tmp_path, _1_a="create table a ()", _2_b="create table b ()")
    assert states(empty_database, found) == {"1": "applied", "2": "pending"}
    assert apply(empty_database, found) == ["2"]


def test_a_migration_whose_file_is_gone_stops_the_run(empty_database: str, tmp_path: Path) -> None:
    found = migrations(tmp_path, _1_a="select 1", _2_b="select 2")
    apply(empty_database, found)
    assert states(empty_database, found[1:]) == {"1": "missing", "2": "applied"}
    with pytest.raises(HistoryConflict, match="no file here: 1"):
        apply(empty_database, found[1:])


def test_a_migration_older_than_the_newest_applied_waits_to_be_asked_for(
    empty_database: str, tmp_path: Path
) -> None:
    found = migrations(tmp_path, _1_a="create table a ()", _2_b="create table b ()")
    apply(empty_database, found[1:])
    with pytest.raises(HistoryConflict, match="out of order: 1"):
        apply(empty_database, found)
    with psycopg.connect(empty_database) as connection:
        applied = apply_migrations(connection, found, include_all=True)
    assert applied == found[:1]


def test_a_connection_in_a_transaction_is_refused(empty_database: str, tmp_path: Path) -> None:
    with psycopg.connect(empty_database) as connection:
        connection.execute("select 1")
        with pytest.raises(ValueError, match="is in a transaction"):
            apply_migrations(connection, migrations(tmp_path, _1_a="select 1"))


def test_the_status_of_a_fresh_project_changes_nothing(empty_database: str, tmp_path: Path) -> None:
    found = migrations(tmp_path, _1_a="select 1")
    with psycopg.connect(empty_database) as connection:
        connection.read_only = True
        assert [one.state for one in migration_status(connection, found)] == ["pending"]


def test_hundreds_of_migrations_take_seconds(empty_database: str, tmp_path: Path) -> None:
    table = "create table t{0}_{1} (id int primary key, v text not null default '');"
    files = {
        f"_{number:04}_a": "".join(table.format(number, index) for index in range(5))
        for number in range(300)
    }
    found = migrations(tmp_path, **files)
    start = time.process_time()  # of ours: others may be at work
    assert len(apply(empty_database, found)) == 300
    assert time.process_time() - start < 10
