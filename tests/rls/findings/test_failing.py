"""Findings set the exit status of `ephraim-db rls matrix`, if asked to."""

from __future__ import annotations

import json
from pathlib import Path

import psycopg
import pytest
from tests.rls.conftest import ACME, ANN
from tests.rls.findings.conftest import PLAIN
from tests.rls.test_command import run
from tests.rls.test_matrix import OWN, policy

PERSONAS = (
    f'boundary = "team_id"\n[personas.ann]\nrole = "authenticated"\nsub = "{ANN}"\n'
    f'organization = "{ACME}"\n'
)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "supabase").mkdir()
    (tmp_path / "supabase" / "rls.toml").write_text(PERSONAS)
    return tmp_path


@pytest.mark.parametrize(
    ("using", "fail_on", "status"),
    [
        ("true", "none", 0),
        ("true", "error", 1),
        ("true", "warning", 1),
        (OWN, "warning", 0),
    ],
)
def test_the_status_follows_the_worst_finding(
    url: str, project: Path, using: str, fail_on: str, status: int
) -> None:
    with psycopg.connect(url) as connection:
        connection.execute((PLAIN + policy("select", using)).encode())
    told = run("--project", str(project), "--database-url", url, "--fail-on", fail_on)
    assert told.returncode == status, told.stderr
    assert ("cross-boundary-read" in told.stdout) is (using == "true")


def test_a_program_reads_every_finding(url: str, project: Path) -> None:
    with psycopg.connect(url) as connection:
        connection.execute((PLAIN + policy("select", "true")).encode())
    told = run("--project", str(project), "--database-url", url, "--format", "json")
    (finding,) = json.loads(told.stdout)["findings"]
    assert set(finding) == {
        "rule", "severity", "persona", "relation", "columns", "message", "sql", "fix"
    }  # fmt: skip
    assert finding["relation"] == "public.notes"


def test_a_stale_suppression_fails_whatever_was_asked(url: str, project: Path) -> None:
    stale = '[[suppressions]]\nrule = "row-moved-out"\nreason = "once"\n'
    (project / "supabase" / "rls.toml").write_text(PERSONAS + stale)
    with psycopg.connect(url) as connection:
        connection.execute(PLAIN.encode())
    assert run("--project", str(project), "--database-url", url).returncode == 1
