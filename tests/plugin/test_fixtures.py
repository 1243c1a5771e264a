"""A test gets the database as the migrations and the seed left it, whatever was before."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.plugin.conftest import Run, said

from ephraim_db.postgres import Server

COUNTS = """
def count(connection):
    return connection.execute("select count(*) from public.notes").fetchone()[0]
"""


def databases(server: Server) -> set[str]:
    with psycopg.connect(server.url()) as connection:
        return {str(row[0]) for row in connection.execute("select datname from pg_database")}


def test_what_a_test_does_is_gone_for_the_next(project: Path, run: Run) -> None:
    result = run(
        COUNTS
        + """
import pytest

@pytest.mark.parametrize("turn", range(3))
def test_it(supabase_connection, turn):
    assert count(supabase_connection) == 4
    supabase_connection.execute("delete from public.notes")
    supabase_connection.execute("create table public.left_over ()")
    supabase_connection.execute("set role anon")
    supabase_connection.execute("set statement_timeout = 1")
    supabase_connection.execute("select pg_advisory_lock(1)")
    supabase_connection.row_factory = None

def test_after(supabase_connection):
    sql = '''
    select current_user::text, to_regclass('public.left_over'),
        current_setting('statement_timeout'),
        (select count(*) from pg_locks where locktype = 'advisory')
    '''
    assert supabase_connection.execute(sql).fetchone() == ("postgres", None, "0", 0)
"""
    )
    result.assert_outcomes(passed=4)


def test_a_test_that_commits_is_told_and_the_next_starts_afresh(project: Path, run: Run) -> None:
    result = run(
        COUNTS
        + """
def test_first(supabase_connection):
    supabase_connection.execute("delete from public.notes")
    supabase_connection.execute("commit")

def test_second(supabase_connection):
    supabase_connection.execute("delete from public.notes")
    supabase_connection.execute("commit")
    supabase_connection.execute("begin")

def test_third(supabase_connection):
    assert count(supabase_connection) == 4
"""
    )
    result.assert_outcomes(passed=3, errors=2)
    assert "The test ended the transaction that keeps it apart" in said(result)
    assert "use supabase_database" in said(result)
    assert "Traceback" not in said(result)


def test_a_test_that_loses_the_connection_does_not_disturb_the_next(
    project: Path, run: Run
) -> None:
    result = run(
        COUNTS
        + """
import psycopg, pytest

def test_cut(supabase_connection, supabase_server):
    with psycopg.connect(supabase_server.url(), autocommit=True) as other:
        other.execute(
            "select pg_terminate_backend(%s)", [supabase_connection.info.backend_pid]
        )
    with pytest.raises(psycopg.OperationalError):
        count(supabase_connection)

def test_closed(supabase_connection):
    supabase_connection.close()

def test_after(supabase_connection):
    assert count(supabase_connection) == 4
"""
    )
    result.assert_outcomes(passed=3)


def test_a_database_is_a_clone_for_one_test_and_nothing_is_left(
    project: Path, run: Run, server: Server
) -> None:
    before = databases(server)
    result = run(
        COUNTS
        + """
import psycopg, pytest

@pytest.mark.parametrize("turn", range(2))
def test_it(supabase_database, supabase_connection, turn):
    with psycopg.connect(supabase_database.url) as connection:
        assert count(connection) == 4
        assert connection.execute("select current_user::text").fetchone() == ("postgres",)
        connection.execute("delete from public.notes")
    assert count(supabase_connection) == 4
    assert "password" not in repr(supabase_database)
"""
    )
    result.assert_outcomes(passed=2)
    assert databases(server) == before


def test_the_api_serves_the_same_clone(project: Path, run: Run) -> None:
    result = run(
        """
import httpx, psycopg

def test_it(supabase_api, supabase_database, rls):
    token = supabase_api.access_token(rls.persona("ann").sub)
    with psycopg.connect(supabase_database.url) as connection:
        connection.execute("update public.notes set title = 'changed' where title = 'of ann'")
    answer = httpx.get(
        f"{supabase_api.api_url}/rest/v1/notes?select=title&order=id",
        headers={"apikey": supabase_api.anon_key, "authorization": f"Bearer {token}"},
    )
    titles = [row["title"] for row in answer.raise_for_status().json()]
    assert sorted(titles) == ["changed", "of bob", "of sunday"]
"""
    )
    result.assert_outcomes(passed=1)


def test_each_worker_of_xdist_has_a_postgres_of_its_own(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EPHRAIM_DB_POSTGRES", "embedded")
    result = run(
        """
import pytest

@pytest.mark.parametrize("turn", range(6))
def test_it(rls, supabase_database, supabase_server, worker_id, turn):
    rls.assert_can("ann", "update notes set title = 'x' where title = 'of ann'")
    print(f"worker {worker_id} port {supabase_server.port}")
""",
        *("-n", "2", "-rP"),
    )
    result.assert_outcomes(passed=6)
    told = {line for line in result.outlines if line.startswith("worker gw")}
    assert len(told) == len({line.split()[1] for line in told}) == 2


def test_several_workers_share_a_server_named_by_a_url(
    project: Path, run: Run, server: Server
) -> None:
    before = databases(server)
    result = run(
        """
import pytest

@pytest.mark.parametrize("turn", range(6))
def test_it(rls, supabase_database, turn):
    rls.assert_cannot("ann", "select secret from notes")
    rls.connection.execute("delete from notes")
""",
        *("-n", "2"),
    )
    result.assert_outcomes(passed=6)
    assert databases(server) == before
