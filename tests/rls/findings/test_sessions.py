"""Who is asking is asked anew for every user of a connection, or it is found."""

from __future__ import annotations

import pytest
from tests.rls.findings.conftest import PLAIN, Find
from tests.rls.test_matrix import policy


@pytest.mark.parametrize(
    ("volatility", "expected"), [("immutable", ["error notes"]), ("stable", [])]
)
def test_a_function_that_remembers_the_last_user_is_found(
    find: Find, volatility: str, expected: list[str]
) -> None:
    me = (
        f"create function public.me() returns uuid language plpgsql {volatility} as"
        " $$ begin return auth.uid(); end $$;"
    )
    found = find(PLAIN, me, policy("select", "user_id = public.me()"))
    assert found.said("cached-identity") == expected
    for finding in found:
        assert find(finding.fix) == []
