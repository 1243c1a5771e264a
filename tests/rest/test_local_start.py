"""`ephraim-db start`: what it prints, that it serves, and that it leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import psycopg
import pytest
from tests.local_cli import (
    EPHRAIM_DB,
    PROJECT,
    Started,
    failed,
    started,
    temporary_directory,
)
from tests.waiting import PATIENCE

from ephraim_db.postgres import Server

NAMES = ["API_URL", "DB_URL", "ANON_KEY", "SERVICE_ROLE_KEY", "JWT_SECRET"]


def organizations(start: Started) -> int:
    answer = httpx.get(
        f"{start.names['API_URL']}/rest/v1/organizations?select=id",
        headers={"apikey": start.names["SERVICE_ROLE_KEY"]},
    )
    return len(answer.json())


@pytest.mark.parametrize("as_nobody", [False, True], ids=["as we are", "as an ordinary user"])
def test_it_serves_the_project_and_ctrl_c_leaves_nothing(as_nobody: bool) -> None:
    with started(as_nobody=as_nobody) as start:
        assert list(start.names) == NAMES
        assert organizations(start) == 2
        with psycopg.connect(start.names["DB_URL"]) as connection:
            row = connection.execute("select count(*) from public.organizations").fetchone()
        assert row == (2,)
        start.stop(signal.SIGINT)
        assert start.process.returncode == 0
        assert start.leftovers() == []


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["start", "rls matrix", "rls check", "rls mutate", "demo"])
def test_what_is_stopped_while_it_starts_leaves_nothing(command: str, stop: int) -> None:
    with temporary_directory() as temporary:
        process = subprocess.Popen(
            [EPHRAIM_DB, *command.split(), "--project", PROJECT, "--postgres", "embedded"],
            env=os.environ | {"TMPDIR": str(temporary)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not list(temporary.iterdir()):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(stop)
        output, said = process.communicate(timeout=PATIENCE)
        assert (process.returncode, said.splitlines()[-1]) == (130, "stopped")
        assert "API_URL" not in output
        assert "Traceback" not in said
        assert list(temporary.iterdir()) == []


def test_a_polite_kill_leaves_nothing() -> None:
    with started() as start:
        start.stop(signal.SIGTERM)
        assert start.process.returncode == 0
        assert start.leftovers() == []


def test_a_brutal_kill_leaves_nothing() -> None:
    with started() as start:
        start.stop(signal.SIGKILL)
        start.wait_until_gone()


def test_a_brutal_kill_of_its_whole_group_leaves_nothing() -> None:
    with started() as start:
        start.kill_its_group()
        start.wait_until_gone()


def test_two_run_side_by_side() -> None:
    with started() as one, started() as two:
        assert one.names["API_URL"] != two.names["API_URL"]
        assert organizations(one) == organizations(two) == 2
        crossed = httpx.get(
            f"{one.names['API_URL']}/rest/v1/", headers={"apikey": two.names["ANON_KEY"]}
        )
        assert crossed.status_code == 401


def test_json_says_the_same() -> None:
    with started("--output", "json") as start:
        assert list(start.names) == NAMES
        assert organizations(start) == 2


def test_a_taken_port_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert f"port {port} is taken" in failed("--port", str(port))


def test_a_wrong_password_is_named_and_not_repeated(server: Server) -> None:
    url = f"postgresql://supabase_admin:hunter2@{server.host}:{server.port}/postgres"
    said = failed("--postgres", url)
    assert "the password is wrong" in said
    assert "hunter2" not in said


def test_a_server_that_is_not_there_is_named() -> None:
    said = failed("--postgres", "postgresql://postgres:hunter2@127.0.0.1:1/postgres")
    assert "127.0.0.1" in said
    assert "hunter2" not in said
    assert "hunter2" not in failed("--postgres", "postgresql://postgres:hunter2@[nonsense/x")


def test_an_unknown_choice_is_told_the_choices() -> None:
    assert "embedded, system, docker" in failed("--postgres", "mysql")


def test_no_container_engine_is_named() -> None:
    said = failed("--postgres", "docker", DOCKER_HOST="unix:///nowhere/docker.sock")
    assert "Is its engine running" in said


def test_no_postgrest_where_one_was_named(tmp_path: Path) -> None:
    said = failed(EPHRAIM_DB_POSTGREST=str(tmp_path / "postgrest"))
    assert "EPHRAIM_DB_POSTGREST names" in said


def project(tmp_path: Path, sql: str) -> str:
    migrations = tmp_path / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20260101000000_first.sql").write_text(sql)
    return str(tmp_path)


def test_a_failing_migration_is_named_with_its_line(tmp_path: Path) -> None:
    said = failed("--project", project(tmp_path, "select 1;\n\nselect nonsense;\n"))
    assert "20260101000000_first.sql" in said
    assert "3" in said
    assert 'column "nonsense" does not exist' in said


def test_an_extension_nobody_can_pretend_is_named(tmp_path: Path) -> None:
    said = failed("--project", project(tmp_path, "create extension if not exists postgis;"))
    assert "postgis (20260101000000_first.sql)" in said


def test_a_pretended_extension_is_announced(tmp_path: Path) -> None:
    sql = "select cron.schedule('nightly', '0 0 * * *', 'select 1');"
    with started("--project", project(tmp_path, sql)) as start:
        said = start.stop(signal.SIGINT)
    assert "pretended, because this Postgres does not have them: pg_cron." in said


def test_a_broken_configuration_is_named(tmp_path: Path) -> None:
    directory = project(tmp_path, "select 1;")
    (tmp_path / "supabase" / "config.toml").write_text("nonsense")
    assert "config.toml" in failed("--project", directory)


def test_a_plain_server_of_yours_gets_a_database_that_is_dropped_again(server: Server) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        before = connection.execute("select datname from pg_database").fetchall()
        with started("--postgres", server.url("template1")) as start:
            assert organizations(start) == 2
            assert "/ephraim_db_" in start.names["DB_URL"]
        after = connection.execute("select datname from pg_database").fetchall()
    assert set(after) == set(before)


def test_a_supabase_of_yours_is_used_as_it_is(server: Server, database_name: str) -> None:
    with started("--postgres", server.url(database_name, "postgres")) as start:
        assert organizations(start) == 2
        assert start.names["DB_URL"].endswith(f"/{database_name}")
    with psycopg.connect(server.url(database_name)) as connection:
        row = connection.execute("select count(*) from public.organizations").fetchone()
    assert row == (2,)
