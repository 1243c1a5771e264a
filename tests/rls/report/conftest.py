"""A report on a project with something to say: findings, differences and things unproven."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest
from tests.rls.conftest import ACME, NOTES, PEOPLE
from tests.rls.test_matrix import OWN
from tests.web.conftest import browser, tabs

from ephraim_db.rls.contract import facts_of, read_fact
from ephraim_db.rls.findings import Examined, examine
from ephraim_db.rls.report import Places, Report
from ephraim_db.testing.databases import Cloner

__all__ = ["browser", "tabs"]  # the same fixtures as for our own pages

MIGRATION = f"""\
{NOTES}
create policy "everybody reads" on public.notes
for select to authenticated
using (true);

create policy "own notes are changed" on public.notes for update to authenticated using ({OWN});

create table public.empty (id int primary key, never int not null check (never < 0 and never > 0));
alter table public.empty enable row level security;
"""
PERSONAS = (
    f'boundary = "team_id"\n\n[personas.ann]\nrole = "authenticated"\norganization = "{ACME}"\n'
)


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose one migration has a policy that lets everybody read."""
    project = tmp_path_factory.mktemp("project")
    folder = project / "supabase" / "migrations"
    folder.mkdir(parents=True)
    (folder / "20260101000000_notes.sql").write_text(MIGRATION)
    (project / "supabase" / "rls.toml").write_text(PERSONAS)
    return project


@pytest.fixture(scope="session")
def examined(cloner: Cloner) -> Examined:
    """What was found there."""
    with cloner.cloned() as database, psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(MIGRATION.encode())
        return examine(connection, PEOPLE)


@pytest.fixture
def report(examined: Examined, project: Path) -> Report:
    """That, compared with a contract in which ann reads her team's titles."""
    agreed = read_fact("ann reads public.notes.title of its organization")
    now = read_fact("ann reads public.notes.title of all rows")
    assert agreed
    assert now
    facts = facts_of(examined.matrix)
    assert now in facts
    contract = facts - {now} | {agreed}
    return Report.of(examined, Places(project), contract)
