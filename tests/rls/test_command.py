"""`ephraim-db rls matrix`, from the outside."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from time import sleep
from typing import Any

import psycopg
import pytest
from tests.conftest import PROJECT
from tests.rls.conftest import ANN, NOTES
from tests.rls.test_matrix import policy
from tests.waiting import PATIENCE, wait_until

from ephraim_db.cli.rls.progress import PASSING

COMMAND = [str(Path(sys.executable).parent / "ephraim-db"), "rls", "matrix"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "supabase" / "migrations").mkdir(parents=True)
    (tmp_path / "supabase" / "rls.toml").write_text(
        f'boundary = "team_id"\n[personas.ann]\nrole = "authenticated"\nsub = "{ANN}"\n'
    )
    return tmp_path


def test_a_project_is_observed_in_a_database_of_its_own(project: Path) -> None:
    migration = project / "supabase" / "migrations" / "20260101000000_notes.sql"
    migration.write_text(NOTES.partition("insert into")[0])
    (project / "supabase" / "seed.sql").write_text(f"insert into auth.users (id) values ('{ANN}');")
    told = run("--project", str(project), "--format", "json", "--postgres", "embedded")
    assert told.returncode == 0, told.stderr
    assert {r["name"] for r in json.loads(told.stdout)["relations"]} == {
        "public.notes",
        "public.notes_id_seq",
        "public.teams",
    }
    assert "20260101000000_notes.sql" in told.stderr


def test_a_running_database_is_observed_and_left_as_it_was(database: str) -> None:
    counted = "select (select count(*) from public.sms_logs), (select count(*) from auth.users)"
    with psycopg.connect(database) as connection:
        before = connection.execute(counted).fetchone()
    told = run("--project", str(PROJECT), "--database-url", database)
    assert told.returncode == 0, told.stderr
    assert "public.organizations" in told.stdout
    with psycopg.connect(database) as connection:
        assert connection.execute(counted).fetchone() == before


SLOW = "select count(*) > 0 from generate_series(1, 200000000)"
STUBBORN = f"""
create function public.is_open() returns boolean language plpgsql as $$
begin
    return ({SLOW});
exception when query_canceled then
    perform pg_sleep(7);
    return true;
end $$;
"""
"""It goes on when it is told to stop."""


@pytest.mark.parametrize(
    ("using", "times", "stop"),
    [
        (SLOW, 1, signal.SIGINT),
        (SLOW, 2, signal.SIGINT),
        (SLOW, 1, signal.SIGTERM),
        ("public.is_open()", 1, signal.SIGINT),
        ("public.is_open()", 2, signal.SIGINT),
    ],
)
def test_ctrl_c_stops_it_without_noise(
    project: Path, url: str, using: str, times: int, stop: signal.Signals
) -> None:
    going_on = (
        "from pg_stat_activity where pid <> pg_backend_pid() and datname = current_database()"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((NOTES + STUBBORN + policy("select", f"({using})")).encode())
        command = [*COMMAND, "--project", str(project), "--database-url", url]
        with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            eventually(connection, f"select count(*) = 1 {going_on} and query ~ 'ephraim_probe'")
            sleep(0.5)
            for _ in range(times):
                process.send_signal(stop)
                sleep(0.3)
            _, told = process.communicate(timeout=PATIENCE)
        assert process.returncode == 130
        *before, last = told.decode().splitlines()
        assert (last, [line for line in before if line and not line.startswith(PASSING)]) == (
            "stopped",
            [],
        )
        if using == SLOW:
            eventually(connection, f"select count(*) = 0 {going_on}")
        assert connection.execute("select count(*) from public.notes").fetchone() == (3,)


def eventually(connection: psycopg.Connection[Any], question: str) -> None:
    wait_until(lambda: connection.execute(question.encode()).fetchone() == (True,), question)


def test_a_folder_without_a_project_could_not_run(tmp_path: Path) -> None:
    told = run("--project", str(tmp_path))
    assert (told.returncode, told.stdout) == (2, "")
    assert f"no supabase folder in {tmp_path}" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_database_that_does_not_answer_is_told_without_its_password(project: Path) -> None:
    url = "postgresql://postgres:canary@127.0.0.1:1/postgres"
    told = run("--project", str(project), "--database-url", url)
    assert told.returncode == 2
    assert "127.0.0.1" in told.stderr
    assert "canary" not in told.stderr


def test_a_url_that_cannot_be_read_is_told_without_its_password(project: Path) -> None:
    told = run("--project", str(project), "--database-url", "postgresql://a:canary@h:x y/z")
    assert told.returncode == 2
    assert "canary" not in told.stderr
    assert "Traceback" not in told.stderr
