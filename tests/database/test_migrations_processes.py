"""Runners are killed and collide in real life; a migration is applied once and whole all the same.

The gate is an advisory lock that the test holds: a migration waits at it, half-way through.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from tests.supabase_cli import make_project
from tests.waiting import wait_until

COMMAND = Path(sys.executable).with_name("ephraim-db")
GATE = "select pg_advisory_xact_lock(42);"
AT_THE_GATE = (
    "select count(*) from pg_locks where locktype = 'advisory' and objid = 42 and not granted"
    " and database = (select oid from pg_database where datname = current_database())"
)
SESSIONS = "select count(*) from pg_stat_activity where datname = current_database()"
TABLES = "select count(*) from pg_class where relnamespace = 'public'::regnamespace"
RECORDED = "select count(*) from supabase_migrations.schema_migrations"


@contextmanager
def runner(project: Path, url: str) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [COMMAND, "migrate", "up", "--project", project],
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def count(connection: psycopg.Connection, query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.parametrize(
    ("rest", "outcomes"),
    [
        pytest.param("", {(0, 0), (2, 1)}, id="all of the file sent"),
        pytest.param(f"select $${'x' * 50_000_000}$$;", {(0, 0)}, id="the rest unsent"),
    ],
)
def test_a_runner_killed_half_way_leaves_all_of_a_migration_or_none(
    empty_database: str, tmp_path: Path, rest: str, outcomes: set[tuple[int, int]]
) -> None:
    sql = f"create table a (); {GATE} create table b (); {rest}"
    project = make_project(tmp_path, {"1_a.sql": sql})
    with psycopg.connect(empty_database, autocommit=True) as gate:
        gate.execute("select pg_advisory_lock(42)")
        with runner(project, empty_database) as process:
            wait_until(lambda: count(gate, AT_THE_GATE) == 1)
            process.kill()
        gate.execute("select pg_advisory_unlock(42)")
        wait_until(lambda: count(gate, SESSIONS) == 1)
        assert (count(gate, TABLES), count(gate, RECORDED)) in outcomes
    with runner(project, empty_database) as process:
        assert process.wait() == 0
    with psycopg.connect(empty_database) as connection:
        assert (count(connection, TABLES), count(connection, RECORDED)) == (2, 1)


def test_two_runners_apply_each_migration_once(empty_database: str, tmp_path: Path) -> None:
    files = {f"{n:02}_a.sql": f"create table t{n} (id int);" for n in range(30)}
    files["30_b.sql"] = "create index concurrently i on t1 (id);"
    project = make_project(tmp_path, files)
    with runner(project, empty_database) as one, runner(project, empty_database) as other:
        said = [process.communicate() for process in (one, other)]
        assert [one.returncode, other.returncode] == [0, 0], said
    assert sorted(out for out, _ in said) == ["applied 31\n", "up to date\n"]
    with psycopg.connect(empty_database) as connection:
        assert (count(connection, RECORDED)) == 31


def test_a_runner_says_that_it_waits_for_another_and_goes_on_when_that_one_dies(
    empty_database: str, tmp_path: Path
) -> None:
    project = make_project(tmp_path, {"1_a.sql": f"create table a (); {GATE}"})
    with psycopg.connect(empty_database, autocommit=True) as gate:
        gate.execute("select pg_advisory_lock(42)")
        with runner(project, empty_database) as first:
            wait_until(lambda: count(gate, AT_THE_GATE) == 1)
            with runner(project, empty_database) as second:
                assert second.stderr is not None
                assert "waiting for another run" in second.stderr.readline()
                first.kill()
                gate.execute("select pg_advisory_unlock(42)")
                out, _ = second.communicate()
                assert second.returncode == 0
                assert out in {"applied 1\n", "up to date\n"}
        assert (count(gate, TABLES), count(gate, RECORDED)) == (1, 1)
