"""`ephraim-db rls accept` and `check`, from the outside."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import psycopg
import pytest
from tests.in_process import run_here
from tests.rls.conftest import ACME, ANN, NOTES
from tests.rls.test_matrix import OWN

PERSONAS = f"""
boundary = "team_id"
[personas.ann]
role = "authenticated"
sub = "{ANN}"
organization = "{ACME}"
"""
POLICY = f'create policy "own" on public.notes for select to authenticated using ({OWN});'
TOLD = "ann may now read notes (id, secret, team_id, title, user_id) of all rows"


def rls(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return run_here("rls", *arguments)


def execute(url: str, sql: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.encode())


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "supabase").mkdir()
    (tmp_path / "supabase" / "rls.toml").write_text(PERSONAS)
    return tmp_path


@pytest.fixture
def agreed(project: Path, url: str) -> Path:
    """A project whose contract was accepted: ann reads her own notes."""
    execute(url, NOTES + POLICY)
    told = rls("accept", "--project", project, "--database-url", url)
    assert told.returncode == 0, told.stderr
    return project


def test_what_was_accepted_holds(agreed: Path, url: str) -> None:
    contract = (agreed / "supabase" / "rls.contract").read_text()
    assert "ann reads public.notes.title of its own rows\n" in contract
    told = rls("check", "--project", agreed, "--database-url", url)
    assert told.returncode == 0, told.stderr
    assert told.stdout == "as agreed: nothing differs from the contract\n"


def test_a_check_that_is_as_agreed_searches_for_findings_only_if_asked(
    agreed: Path, url: str
) -> None:
    checking = ("check", "--project", agreed, "--database-url", url)
    assert "searching" not in rls(*checking).stderr
    for asking in (("--fail-on", "error"), ("--format", "markdown")):
        told = rls(*checking, *asking)
        assert "searching" in told.stderr
        assert "no findings" in told.stdout.lower()


def test_what_differs_is_told_and_fails(agreed: Path, url: str) -> None:
    execute(url, 'alter policy "own" on public.notes using (true)')
    told = rls("check", "--project", agreed, "--database-url", url)
    assert told.returncode == 1, told.stderr
    assert f"{TOLD} (agreed: of its own rows)\n" in told.stdout
    assert told.stdout.index("cross-boundary-read") < told.stdout.index(TOLD)


def test_accepting_again_tells_what_changes_and_the_check_holds(agreed: Path, url: str) -> None:
    execute(url, 'alter policy "own" on public.notes using (true)')
    again = rls("accept", "--project", agreed, "--database-url", url)
    assert again.returncode == 0, again.stderr
    assert TOLD in again.stdout
    assert rls("check", "--project", agreed, "--database-url", url).returncode == 0


def test_without_a_contract_the_check_could_not_run(project: Path, url: str) -> None:
    execute(url, NOTES)
    told = rls("check", "--project", project, "--database-url", url)
    assert told.returncode == 2
    assert "there is no contract yet: `ephraim-db rls accept` writes it" in told.stderr
    assert "Traceback" not in told.stderr


def test_a_conflict_in_the_contract_is_named_and_accepting_repairs_it(
    agreed: Path, url: str
) -> None:
    contract = agreed / "supabase" / "rls.contract"
    whole = contract.read_text()
    contract.write_text(whole.replace("ann acts", "<<<<<<< HEAD\nann acts"))
    told = rls("check", "--project", agreed, "--database-url", url)
    assert told.returncode == 2
    assert "is the mark of a conflict" in told.stderr
    assert rls("accept", "--project", agreed, "--database-url", url).returncode == 0
    assert contract.read_text() == whole


def test_a_damaged_line_is_told_before_a_database_is_made(agreed: Path) -> None:
    contract = agreed / "supabase" / "rls.contract"
    contract.write_text(contract.read_text().replace("ann reads", "ann", 1))
    told = rls("check", "--project", agreed)
    assert told.returncode == 2
    assert "states no fact" in told.stderr
    assert "starting Postgres" not in told.stderr


def test_a_database_that_does_not_answer_is_no_difference(agreed: Path) -> None:
    url = "postgresql://postgres:canary@127.0.0.1:1/postgres"
    told = rls("check", "--project", agreed, "--database-url", url)
    assert (told.returncode, told.stdout) == (2, "")


def test_findings_fail_a_check_that_is_as_agreed_if_asked(agreed: Path, url: str) -> None:
    execute(url, 'alter policy "own" on public.notes using (true)')
    rls("accept", "--project", agreed, "--database-url", url)
    told = rls("check", "--project", agreed, "--database-url", url, "--fail-on", "error")
    assert told.returncode == 1, told.stderr


def test_files_are_written_beside_what_is_printed(agreed: Path, url: str, tmp_path: Path) -> None:
    execute(url, 'alter policy "own" on public.notes using (true)')
    endings = ("txt", "md", "json", "xml", "sarif", "html")
    files = [tmp_path / f"report.{ending}" for ending in endings]
    writes = [argument for file in files for argument in ("--write", file)]
    told = rls("check", "--project", agreed, "--database-url", url, "--format", "github", *writes)
    assert told.returncode == 1, told.stderr
    assert told.stdout.startswith("::error file=")
    for file in files:
        assert TOLD in file.read_text().replace("\\", ""), file
    assert json.loads((tmp_path / "report.json").read_text())["differences"]


def test_a_file_of_unknown_ending_is_refused_before_anything_is_done(tmp_path: Path) -> None:
    told = rls("check", "--write", tmp_path / "report.pdf")
    assert told.returncode == 2
    assert ".sarif" in told.stderr
