"""The commands that README.md and the pages show run as they stand, and say what they show."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import psycopg
import pytest
from tests.docs.blocks import ROOT, blocks_of
from tests.docs.shell import run_block, started_block
from tests.supabase_cli import copy_project, make_project

from ephraim_db.migrations import apply_migrations, find_migrations
from ephraim_db.rls import read_personas
from ephraim_db.sealing import PrivateKey

LOCAL_ONLY = "?sslmode=disable"  # the CLI asks for TLS otherwise, which no local Postgres has


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of our own project, as somebody has it who cloned it."""
    return copy_project(tmp_path / "project")


@pytest.fixture
def keys(tmp_path: Path) -> Path:
    """A folder as /etc/ephraim, with the key of last year."""
    folder = tmp_path / "ephraim"
    folder.mkdir()
    old = folder / "2026.jwk"
    subprocess.run(
        [Path(sys.executable).with_name("ephraim-db"), "keys", "new", "--out", old],
        check=True,
        capture_output=True,
    )
    return folder


@pytest.fixture
def published(database: str, keys: Path) -> str:
    """A database in which the key of last year is the active one, and nothing sealed to others."""
    key = PrivateKey.from_jwk(json.loads((keys / "2026.jwk").read_text())).public()
    with psycopg.connect(database, autocommit=True) as owner:
        owner.execute(
            "update organizations set twilio_auth_token = null, xero_client_secret = null, "
            "xero_token_set = null"
        )
        owner.execute("truncate xero_authorizations, xero_leftovers")
        owner.execute("update sealing_keys set status = 'retired' where status = 'active'")
        owner.execute(
            "insert into sealing_keys (kid, x, status) values (%s, %s, 'active')", (key.kid, key.x)
        )
    return database


def test_readme_puts_the_migrations_on_a_database_with_the_cli_and_without(
    project: Path, empty_database: str
) -> None:
    with_cli, without_cli = (
        block
        for block in blocks_of("README.md", "console")
        if "postgresql://..." in block.text and "migrat" in block.text
    )
    run_block(with_cli, project, {"postgresql://...": empty_database}, only="--remote=")
    told = run_block(without_cli, project, {"postgresql://...": empty_database})
    assert told.said.endswith("up to date\n")


def test_readme_shows_the_matrix(project: Path) -> None:
    (block,) = (one for one in blocks_of("README.md", "console") if "rls matrix" in one.text)
    told = run_block(block, project)
    assert "public.organizations (table, 2 rows)" in told.said
    assert '"version": 1' in told.said


def test_the_cli_knows_the_commands_that_need_docker_or_a_hosted_project() -> None:
    shown = "".join(block.text for block in blocks_of("README.md", "console"))
    for words in ("supabase start", "supabase db push"):
        assert f"$ {words}" in shown
        program, *command = words.split()
        executable = ROOT / "node_modules" / ".bin" / program
        path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
        subprocess.run([executable, *command, "--help"], check=True, env={"PATH": path})


def test_migrations_with_the_cli(project: Path, empty_database: str) -> None:
    with_cli, _ = blocks_of("docs/migrations.md", "console")
    url = empty_database + LOCAL_ONLY
    given = {"postgresql://postgres:...@host:5432/postgres": url, "postgresql://...": url}
    told = run_block(with_cli, project, given)
    assert "class PublicOrganizations(BaseModel)" in told.said


def test_migrations_without_the_cli(project: Path, empty_database: str) -> None:
    _, without_cli = blocks_of("docs/migrations.md", "console")
    first, _, *later = find_migrations(project)
    for migration in later:
        migration.path.unlink()
    with psycopg.connect(empty_database, autocommit=True) as connection:
        apply_migrations(connection, [first])
    given = {"postgresql://postgres:...@host:5432/postgres": empty_database}
    # `status` says with its own status that something is pending.
    given["migrate status"] = "migrate status || test $? = 1"
    run_block(without_cli, project, given).shows_what_the_page_shows()


def test_a_local_supabase_says_what_its_page_shows(project: Path) -> None:
    (block,) = blocks_of("docs/local.md", "console")
    with started_block(block, project) as session:
        session.shows_what_the_page_shows()


def test_the_key_rotates_as_its_page_shows(project: Path, published: str, keys: Path) -> None:
    new, listed, rotate = blocks_of("docs/key-rotation.md", "sh")
    folder = {"/etc/ephraim": str(keys)}
    run_block(new, project, folder)
    assert (keys / "2027.jwk").exists()
    told = run_block(listed, project, folder, DATABASE_URL=published)
    assert "held" in told.said
    assert "new" in told.said
    both = f"{keys}/2026.jwk:{keys}/2027.jwk"
    url = {"postgresql://rotator:...@host:5432/postgres": published}
    run_block(rotate, project, url, EPHRAIM_DB_KEYS_FILE=both)
    with psycopg.connect(published) as owner:
        states = owner.execute("select kid, status::text from sealing_keys").fetchall()
    kids = {name: _kid(keys / f"{name}.jwk") for name in ("2026", "2027")}
    assert dict(states).items() >= {kids["2026"]: "retired", kids["2027"]: "active"}.items()


def test_the_logins_that_the_pages_make_can_do_their_work(database: str) -> None:
    sql = [*blocks_of("docs/key-rotation.md", "sql"), *blocks_of("docs/hosted.md", "sql")]
    with psycopg.connect(database) as owner:  # rolled back: a role belongs to the whole server
        for block in sql:
            owner.execute(block.text.replace("'...'", "'a password'").encode())
        for login, role in (("rotator", "ephraim_rotator"), ("ephraim_sms", "ephraim_sender")):
            row = owner.execute(
                "select pg_has_role(%s, %s, 'member'), rolbypassrls from pg_roles "
                "where rolname = %s", (login, role, login)
            ).fetchone()  # fmt: skip
            assert row == (True, False)
        owner.rollback()


def test_what_is_found_is_shown_again_by_its_script(project: Path, empty_database: str) -> None:
    """The page pipes the script through jq into psql; here it is taken and run without them."""
    (block,) = blocks_of("docs/findings.md", "console")
    table = "create table public.notes (body text); grant all on public.notes to anon;"
    folder = project / "supabase" / "migrations"
    (folder / "20270101000000_open.sql").write_text(table)
    run_block(block, project, only="--fail-on", status=1)
    told = run_block(block, project, {" | jq -r '.findings[0].sql' | psql \"$DATABASE_URL\"": ""},
        only="--format json")  # fmt: skip
    document = json.loads(told.said[told.said.index("\n{") :])
    with psycopg.connect(empty_database, autocommit=True) as connection:
        apply_migrations(connection, find_migrations(project))
        connection.execute(document["findings"][0]["sql"])


def test_what_is_accepted_is_understood(tmp_path: Path) -> None:
    (block,) = blocks_of("docs/findings.md", "toml")
    file = tmp_path / "rls.toml"
    file.write_text(f'{block.text}\n[personas.platform_admin]\nrole = "anon"\n')
    assert read_personas(file)


def test_anybodys_project_is_observed(tmp_path: Path, database: str) -> None:
    alone, broken, running = blocks_of("docs/how-to-any-project.md", "console")
    theirs = make_project(
        tmp_path / "path" / "to" / "project", {"1_notes.sql": "create table public.notes (a int)"}
    )
    assert "public.notes" in run_block(alone, tmp_path, only="ephraim-db").said
    (theirs / "supabase" / "migrations" / "2_broken.sql").write_text("create table")
    assert "public.notes" in run_block(broken, tmp_path).said
    url = "postgresql://postgres:...@localhost:54322/postgres"
    told = run_block(running, copy_project(tmp_path / "ours"), {url: database})
    assert "public.organizations" in told.said


def test_a_newcomer_gets_from_nothing_to_a_check(tmp_path: Path) -> None:
    """As the index says it, on a project of nobody's that has no rls.toml."""
    look, write_down, agree = blocks_of("docs/README.md", "console")
    tables = "create table public.notes (id int primary key, user_id uuid references auth.users);"
    theirs = make_project(tmp_path / "my-project", {"1_notes.sql": tables})
    told = run_block(look, tmp_path, {"$ pip install 'ephraim-db[rls]'\n": ""})
    assert "public.notes" in told.said
    assert "public.notes" in (theirs / "access.html").read_text()
    run_block(write_down, theirs)
    (suppression,) = blocks_of("docs/README.md", "toml")
    named = "[personas.platform_admin]"
    assert read_personas(_written(tmp_path / "rls.toml", f"{suppression.text}{named}\nrole='anon'"))
    run_block(agree, theirs)
    assert (theirs / "supabase" / "rls.contract").exists()


def test_what_contributors_are_told_to_make_is_there() -> None:
    (block,) = blocks_of("CONTRIBUTING.md", "console")
    shown = {one for page in ("README.md", "CONTRIBUTING.md") for one in _targets(page)}
    assert {"setup", "demo", "test", "lint", "help"} <= shown
    assert "$ make" in block.text
    for target in shown:
        subprocess.run(["make", "--dry-run", target], cwd=ROOT, check=True, capture_output=True)


def test_the_matrix_is_told_as_its_page_shows(project: Path, database: str) -> None:
    (block,) = blocks_of("docs/rls.md", "console")
    run_block(block, project, {"postgresql://...": database})
    assert '"cells"' in (project / "matrix.json").read_text()


def test_the_personas_that_the_page_shows_are_understood(tmp_path: Path) -> None:
    for number, block in enumerate(blocks_of("docs/rls.md", "toml")):
        if "[personas" in block.text:
            file = tmp_path / f"{number}.toml"
            file.write_text(block.text)
            assert read_personas(file)
        else:
            tomllib.loads(block.text)


def test_a_contract_is_agreed_to_and_holds(project: Path) -> None:
    agree, check = blocks_of("docs/how-to-ci.md", "console")
    subprocess.run(["git", "init", "--quiet", project], check=True)
    for name in ("user.name", "user.email"):
        subprocess.run(["git", "-C", project, "config", name, "ann@example.org"], check=True)
    run_block(agree, project).shows_what_the_page_shows()
    opened = "grant select (twilio_auth_token) on public.organizations to authenticated;"
    (project / "supabase" / "migrations" / "20270101000000_open.sql").write_text(opened)
    told = run_block(check, project, status=1)
    assert "may do more than agreed" in told.said
    assert "worker may now read organizations.twilio_auth_token" in told.said


def _targets(page: str) -> list[str]:
    text = "".join(block.text for block in blocks_of(page, "console"))
    return re.findall(r"^\$ make ([a-z-]+)", text, re.MULTILINE)


def _written(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def _kid(file: Path) -> str:
    return PrivateKey.from_jwk(json.loads(file.read_text())).public().kid
