"""Which project and which Postgres is said in pyproject.toml; what is wrong with it is told."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg.sql import SQL, Identifier
from tests.plugin.conftest import ANN, Run, said

from ephraim_db.postgres import Server
from ephraim_db.project import Database
from ephraim_db.testing.databases import Cloner, made_template

SEES = """
def test_it(rls):
    rls.assert_can("ann", "select title from notes")
"""


@contextmanager
def clone(server: Server, project: Path) -> Iterator[Database]:
    with (
        made_template(server, project) as template,
        Cloner(server, template) as cloner,
        cloner.cloned() as database,
    ):
        yield database


def test_without_a_pyproject_the_project_is_where_pytest_runs(project: Path, run: Run) -> None:
    run(SEES).assert_outcomes(passed=1)


def test_the_project_may_be_elsewhere(project: Path, run: Run) -> None:
    (project / "backend").mkdir()
    (project / "supabase").rename(project / "backend" / "supabase")
    (project / "pyproject.toml").write_text('[tool.ephraim_db]\nproject = "backend"\n')
    run(SEES).assert_outcomes(passed=1)


def test_the_environment_chooses_before_the_file(project: Path, run: Run) -> None:
    (project / "pyproject.toml").write_text('[tool.ephraim_db]\npostgres = "nonsense"\n')
    run(SEES).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('postgress = "auto"', "postgress is not known here: use project, postgres"),
        ("postgres = 15", 'postgres takes a text, such as "auto"'),
        ('project = "elsewhere"', "there is no folder supabase in"),
        ("postgres = ", "pyproject.toml: Invalid value"),
    ],
)
def test_a_mistake_in_the_file_is_told_without_a_traceback(
    project: Path, run: Run, written: str, told: str
) -> None:
    (project / "pyproject.toml").write_text(f"[tool.ephraim_db]\n{written}\n")
    result = run(SEES)
    assert told in said(result)
    assert "Traceback" not in said(result)
    assert "configuring.py" not in said(result)


def test_an_unknown_postgres_is_told(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EPHRAIM_DB_POSTGRES", "mysql")
    result = run(SEES)
    result.assert_outcomes(errors=1)
    assert "choose auto, embedded, system, docker or a postgresql:// URL" in said(result)


def test_a_migration_that_fails_is_told_with_its_place(project: Path, run: Run) -> None:
    broken = project / "supabase" / "migrations" / "20260102000000_broken.sql"
    broken.write_text("select 1;\nalter table public.nots add column x text;\n")
    result = run(SEES)
    result.assert_outcomes(errors=1)
    assert "20260102000000_broken.sql" in said(result)
    assert 'relation "public.nots" does not exist' in said(result)
    assert "apply.py" not in said(result)


def test_without_an_rls_toml_the_seed_says_who_there_is(project: Path, run: Run) -> None:
    (project / "supabase" / "rls.toml").unlink()
    result = run(
        f"""
def test_it(rls):
    names = {{persona.name for persona in rls.personas.everyone}}
    assert {{"anonymous", "member", "service_role"}} <= names
    assert rls.persona("member").sub == "{ANN}"
    rls.assert_cannot("anonymous", "select title from notes")
    dan = rls.new_persona("dan", organization=rls.persona("member").organization,
                          rows={{"members": {{}}}})
    rls.assert_sees_only(dan, "notes", "team_id = '" + dan.organization + "'")
"""
    )
    result.assert_outcomes(passed=1)


def test_what_is_not_installed_is_told(project: Path, run: Run) -> None:
    (project / "conftest.py").write_text("import sys\nsys.modules['psycopg'] = None\n")
    result = run(SEES)
    result.assert_outcomes(errors=1)
    assert "psycopg is not installed: pip install 'ephraim-db[testing]'" in said(result)


def test_a_database_of_ones_own_is_used_as_it_is_and_left_as_it_was(
    project: Path, run: Run, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clone(server, project) as database:
        monkeypatch.setenv("EPHRAIM_DB_POSTGRES", database.url)
        result = run(
            SEES
            + """
def test_add(rls):
    rls.new_persona("dan")
    rls.connection.execute("delete from notes")

def test_clone(supabase_database): ...

def test_commit(rls):
    rls.connection.execute("commit")
"""
        )
        result.assert_outcomes(passed=3, errors=2)
        assert "postgres at" in said(result)
        assert "is no superuser and cannot make a database for a test" in said(result)
        assert "What it committed stays: the database is yours." in said(result)
        assert server.password not in said(result)
        with psycopg.connect(database.url) as connection:
            assert connection.execute("select count(*) from notes").fetchone() == (4,)


def test_a_database_that_people_use_is_left_alone(
    project: Path, run: Run, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with clone(server, project) as database:
        with psycopg.connect(database.url) as connection:
            connection.execute(
                "insert into auth.users (id, last_sign_in_at) "
                "select gen_random_uuid(), now() from generate_series(1, 30)"
            )
        monkeypatch.setenv("EPHRAIM_DB_POSTGRES", database.url)
        twice = SEES + SEES.replace("test_it", "test_again")
        result = run(twice)
        result.assert_outcomes(errors=2)
        assert "users signed in there within the last 30 days" in said(result)
        monkeypatch.setenv("EPHRAIM_DB_POSTGRES", server.url(database.name))
        run(twice).assert_outcomes(errors=2)


def test_a_server_of_ones_own_keeps_its_databases(
    project: Path, run: Run, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(SQL("create database {}").format(Identifier("somebodys own")))
    monkeypatch.setenv("EPHRAIM_DB_POSTGRES", server.url("somebodys own"))
    run(SEES).assert_outcomes(passed=1)
    with psycopg.connect(server.url("somebodys own")) as connection:
        assert connection.execute("select to_regclass('auth.users')").fetchone() == (None,)
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(SQL("drop database {}").format(Identifier("somebodys own")))
