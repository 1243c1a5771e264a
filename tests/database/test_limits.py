"""Wishes to test a credential are few: five in ten minutes for an organization, by any way."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import psycopg

ACACIA = "a0000000-0000-4000-8000-000000000001"
ADMIN = "a0000000-0000-4000-8000-000000000101"
WORKER = "a0000000-0000-4000-8000-000000000103"
BANKSIA = "b0000000-0000-4000-8000-000000000001"
BANKSIA_ADMIN = "b0000000-0000-4000-8000-000000000101"


def claims(sub: str) -> str:
    return f'{{"sub": "{sub}", "role": "authenticated"}}'


def ask(url: str, sub: str, organization: str) -> str | None:
    """Ask for a test on a connection of one's own; return the SQLSTATE of the refusal."""
    with psycopg.connect(url) as connection:
        connection.execute("set local role authenticated")
        connection.execute("select set_config('request.jwt.claims', %s, true)", [claims(sub)])
        try:
            connection.execute(
                "insert into public.credential_tests (organization_id, provider) "
                "values (%s, 'twilio')",
                [organization],
            )
        except psycopg.Error as error:
            return error.sqlstate
    return None


def test_five_in_ten_minutes_for_an_organization_at_once_over_many_connections(
    database: str,
) -> None:
    with ThreadPoolExecutor(16) as threads:
        asked = list(threads.map(lambda _: ask(database, ADMIN, ACACIA), range(16)))
    assert Counter(asked) == {None: 5, "PT429": 11}
    assert ask(database, BANKSIA_ADMIN, BANKSIA) is None


def test_who_may_not_ask_learns_nothing_of_the_limit(database: str) -> None:
    for _ in range(6):
        ask(database, ADMIN, ACACIA)
    for sub in (WORKER, BANKSIA_ADMIN):
        assert ask(database, sub, ACACIA) == "42501"
