"""`ephraim-db rls` on somebody else's project: no rls.toml, a broken history, a hosted database."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.in_process import run_here
from tests.rls.conftest import ANN, NOTES

from ephraim_db.postgres import Server
from ephraim_db.rls import read_personas

COMMAND = [str(Path(sys.executable).parent / "ephraim-db"), "rls"]
TABLES = NOTES.partition("insert into")[0]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project without an rls.toml and without a seed, whose notes nobody protects."""
    migrations = tmp_path / "supabase" / "migrations"
    migrations.mkdir(parents=True)
    (migrations / "20260101000000_notes.sql").write_text(TABLES)
    return tmp_path


@pytest.fixture
def postgres(server: Server) -> str:
    """A server that runs already, which takes no time to start."""
    return server.url()


def add(project: Path, name: str, sql: str) -> None:
    (project / "supabase" / "migrations" / name).write_text(sql)


def test_a_newcomer_gets_findings_from_one_command(project: Path) -> None:
    told = run("matrix", "--project", str(project), "--format", "json", "--postgres", "embedded")
    assert told.returncode == 0, told.stderr
    document = json.loads(told.stdout)
    found = {(f["rule"], f["severity"], f["relation"]) for f in document["findings"]}
    assert ("anonymous-read", "error", "public.notes") in found
    assert {r["name"] for r in document["relations"] if r["rows"]} == {
        "public.notes",
        "public.teams",
    }
    assert "`ephraim-db rls init` writes" in told.stderr
    assert "acting as anonymous, anonymous_sign_in, " in told.stderr
    assert not (project / "supabase" / "rls.toml").exists()


def test_init_writes_what_matrix_then_reads(project: Path, postgres: str) -> None:
    path = project / "supabase" / "rls.toml"
    (project / "supabase" / "seed.sql").write_text(f"insert into auth.users (id) values ('{ANN}');")
    told = run_here("rls", "init", "--project", str(project), "--postgres", postgres)
    assert told.returncode == 0, told.stderr
    assert f"{path} is written" in told.stdout
    assert read_personas(path)["user"].sub == ANN
    text = path.read_text()
    told = run_here("rls", "matrix", "--project", str(project), "--postgres", postgres)
    assert told.returncode == 0, told.stderr
    assert "guessing" not in told.stderr
    again = run_here("rls", "init", "--project", str(project))
    assert (again.returncode, again.stdout) == (2, "")
    assert "is there already" in again.stderr
    assert path.read_text() == text


def test_init_names_nobody_whose_id_is_another_one_the_next_time(
    project: Path, postgres: str
) -> None:
    seed = "insert into auth.users (id) select gen_random_uuid() from generate_series(1, 2);"
    (project / "supabase" / "seed.sql").write_text(seed)
    told = run_here("rls", "init", "--project", str(project), "--postgres", postgres)
    assert told.returncode == 0, told.stderr
    assert "the seed gives its users other ids each time" in told.stderr
    for command in (["accept"], ["check"]):
        told = run_here("rls", *command, "--project", str(project), "--postgres", postgres)
        assert told.returncode == 0, told.stderr


@pytest.mark.parametrize(
    ("major", "status", "told"),
    [
        ("16", 0, "Postgres 17 (embedded) was taken, though the project is for 16: it was asked"),
        ("17", 0, ""),
        ('"17"', 2, "db.major_version takes a number: major_version = 17"),
    ],
)
def test_a_postgres_of_another_version_than_the_projects_is_told(
    project: Path, major: str, status: int, told: str
) -> None:
    (project / "supabase" / "config.toml").write_text(f"[db]\nmajor_version = {major}\n")
    ran = run_here("rls", "init", "--project", str(project), "--postgres", "embedded")
    assert ran.returncode == status, ran.stderr
    assert told in ran.stderr
    assert ("was taken" in ran.stderr) == ("was taken" in told)


def test_a_failing_migration_names_its_statement_and_offers_to_go_on(
    project: Path, postgres: str
) -> None:
    add(project, "20260102000000_bad.sql", "create table public.more (id int);\nselect nowhere;")
    told = run_here("rls", "matrix", "--project", str(project), "--postgres", postgres)
    assert (told.returncode, told.stdout) == (2, "")
    assert "20260102000000_bad.sql:2: statement 2 (select nowhere) failed" in told.stderr
    assert "--keep-going" in told.stderr


def test_what_applies_is_observed_and_what_is_missing_is_named(
    project: Path, postgres: str
) -> None:
    add(project, "20260102000000_bad.sql", "create table public.more (id int);\nselect nowhere;")
    add(project, "20260103000000_good.sql", "create table public.last (id int);")
    told = run_here(
        *("rls", "matrix", "--project", str(project), "--postgres", postgres),
        *("--format", "json", "--keep-going"),
    )
    assert told.returncode == 0, told.stderr
    assert {"public.more", "public.last"} <= {
        r["name"] for r in json.loads(told.stdout)["relations"]
    }
    assert "missing from the picture: 1 statement of 1 file did not apply" in told.stderr
    assert '20260102000000_bad.sql:2: statement 2 (select nowhere): column "nowhere"' in told.stderr


def test_a_hosted_database_is_observed_only_if_it_is_allowed(url: str, project: Path) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(NOTES.encode())
    hosted = make_conninfo(url, host="db.abcdef.supabase.co", hostaddr="127.0.0.1")
    asked = ("matrix", "--project", str(project), "--database-url", hosted)
    told = run(*asked)
    assert (told.returncode, told.stdout) == (2, "")
    assert "looks like production: db.abcdef.supabase.co is hosted by Supabase" in told.stderr
    told = run(*asked, "--allow-production", "--format", "json")
    assert told.returncode == 0, told.stderr
    assert json.loads(told.stdout)["cells"]
