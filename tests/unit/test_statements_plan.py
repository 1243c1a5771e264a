"""A file is one transaction wherever Postgres and the file allow it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ephraim_db.migrations.files import Migration
from ephraim_db.migrations.plan import LEDGER, plan_migration
from ephraim_db.migrations.statements import split_statements


def groups(sql: str) -> tuple[tuple[int, ...], ...]:
    migration = Migration("1", "a", Path("1_a.sql"), sql, split_statements(sql))
    return plan_migration(migration).groups


def test_a_file_and_its_row_in_the_ledger_travel_together() -> None:
    assert groups("select 1; select 2") == ((0, 1, LEDGER),)


def test_an_empty_file_is_recorded() -> None:
    assert groups("-- nothing") == ((LEDGER,),)


@pytest.mark.parametrize(
    "alone",
    [
        "create index concurrently i on t (a)",
        "CREATE UNIQUE INDEX\nCONCURRENTLY i on t (a)",
        "drop index concurrently i",
        "reindex (verbose) index concurrently i",
        "vacuum (analyze) t",
        "vacuum",
        "-- why\ncluster t",
        "alter system set work_mem = '1GB'",
    ],
)
def test_what_cannot_run_in_a_transaction_runs_between_two(alone: str) -> None:
    assert groups(f"select 1; {alone}; select 2") == ((0,), (1,), (2, LEDGER))


@pytest.mark.parametrize(
    "sql",
    [
        "begin; select 1; commit; -- done",
        "-- why\nBEGIN; select 1; END;",
        "start transaction; select 1; commit work",
    ],
)
def test_a_file_wrapped_in_one_transaction_is_recorded_inside_it(sql: str) -> None:
    assert groups(sql) == ((0, 1, LEDGER, 2),)


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; begin; commit",
        "begin; commit; select 1",
        "begin; rollback",
        "begin; commit and chain",
        "-- pg-delta: transaction=false\nselect 1; select 2; select 3",
    ],
)
def test_a_file_that_minds_its_own_transactions_is_left_to_it(sql: str) -> None:
    count = len(split_statements(sql))
    assert groups(sql) == (*((index,) for index in range(count)), (LEDGER,))


@pytest.mark.parametrize(
    "sql",
    [
        "select 1; rollback to savepoint a",
        "create table begin_dates (id int); select committed from t",
        "do $$ begin commit; end $$; select 1",
    ],
)
def test_words_that_only_look_like_control_change_nothing(sql: str) -> None:
    assert groups(sql) == ((0, 1, LEDGER),)
