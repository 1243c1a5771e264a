"""Our own schema: nothing found that rls.toml does not give a reason for."""

from __future__ import annotations

import psycopg
from tests.conftest import PROJECT

from ephraim_db.rls import read_personas
from ephraim_db.rls.findings import at_least, examine


def test_nothing_above_info_is_found_in_our_own_schema(database: str) -> None:
    personas = read_personas(PROJECT / "supabase" / "rls.toml")
    with psycopg.connect(database, autocommit=True) as connection:
        findings = examine(connection, personas).findings
    assert at_least("warning", findings) == ()
