"""Our own project is as supabase/rls.contract says, on whichever Postgres."""

from __future__ import annotations

import psycopg
import pytest
from tests.conftest import PROJECT

from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import create_database, start_postgres
from ephraim_db.rls import build_matrix, observe, read_personas
from ephraim_db.rls.contract import facts_of, read_contract, tell_differences
from ephraim_db.rls.contract.file import contract_text

CONTRACT = PROJECT / "supabase" / "rls.contract"
PERSONAS = read_personas(PROJECT / "supabase" / "rls.toml")


def observed(url: str) -> str:
    """Return the text of the contract that would be accepted."""
    with psycopg.connect(url, autocommit=True) as connection:
        return contract_text(
            facts_of(build_matrix(PERSONAS.everyone, observe(connection, PERSONAS)))
        )


def test_our_project_is_as_agreed(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        facts = facts_of(build_matrix(PERSONAS.everyone, observe(connection, PERSONAS)))
    told = [one.message for one in tell_differences(read_contract(CONTRACT), facts)]
    assert told == [], "if that is meant: ephraim-db rls accept"


@pytest.mark.parametrize("postgres", ["embedded", "system"])
def test_the_contract_is_the_same_bytes_on_every_postgres(postgres: str) -> None:
    with start_postgres(postgres) as server:
        create_database(server, "ours")
        url = server.url("ours", "postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            apply_migrations(connection, find_migrations(PROJECT))
            apply_seed(connection, PROJECT)
        assert observed(url) == CONTRACT.read_text(encoding="utf-8")
