"""Our own project is as supabase/rls.contract says, on whichever Postgres."""

from __future__ import annotations

import psycopg
import pytest
from tests.conftest import PROJECT

from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import create_database, start_postgres
from ephraim_db.rls import read_personas
from ephraim_db.rls.contract import Facts, facts_of, read_contract, tell_differences
from ephraim_db.rls.contract.file import contract_text
from ephraim_db.rls.findings import examine

CONTRACT = PROJECT / "supabase" / "rls.contract"
PERSONAS = read_personas(PROJECT / "supabase" / "rls.toml")


def observed(url: str) -> Facts:
    """Return the facts that would be accepted."""
    with psycopg.connect(url, autocommit=True) as connection:
        return facts_of(examine(connection, PERSONAS).matrix)


def test_our_project_is_as_agreed(database: str) -> None:
    told = tell_differences(read_contract(CONTRACT), observed(database))
    assert [one.message for one in told] == [], "if that is meant: ephraim-db rls accept"


@pytest.mark.parametrize("postgres", ["embedded", "system"])
def test_the_contract_is_the_same_bytes_on_every_postgres(postgres: str) -> None:
    with start_postgres(postgres) as server:
        create_database(server, "ours")
        url = server.url("ours", "postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            apply_migrations(connection, find_migrations(PROJECT))
            apply_seed(connection, PROJECT)
        assert contract_text(observed(url)) == CONTRACT.read_text(encoding="utf-8")
