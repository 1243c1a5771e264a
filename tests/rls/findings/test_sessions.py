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


@pytest.mark.parametrize(
    ("believed", "expected"),
    [
        ("current_setting('request.headers', true)::json ->> 'x-team'", ["error notes"]),
        ("auth.jwt() -> 'app_metadata' ->> 'x-team'", []),
    ],
)
def test_a_policy_that_believes_a_header_is_found(
    find: Find, believed: str, expected: list[str]
) -> None:
    found = find(PLAIN, policy("select", f"team_id = ({believed})::uuid"))
    assert found.said("caller-settable", "ann") == expected


def test_a_header_that_only_narrows_what_is_read_is_not_found(find: Find) -> None:
    narrowing = (
        "user_id = (select auth.uid()) and team_id::text ="
        " current_setting('request.headers', true)::json ->> 'x-team'"
    )
    assert find(PLAIN, policy("select", narrowing)).said("caller-settable") == []


@pytest.mark.parametrize(
    ("value", "local", "expected"),
    [
        ("team::text", "false", ["error notes"]),
        ("team::text", "true", ["warning notes"]),
        ("auth.uid()::text", "false", []),
    ],
)
def test_a_setting_that_a_function_lets_its_caller_choose_is_found(
    find: Find, value: str, local: str, expected: list[str]
) -> None:
    choose = (
        "create function public.choose(team uuid) returns text language sql as"
        f" $$ select set_config('app.team', {value}, {local}) $$;"
    )
    believing = "team_id = nullif(current_setting('app.team', true), '')::uuid"
    found = find(PLAIN, choose, policy("select", believing))
    assert found.said("caller-settable", "ann") == expected
