"""Who is asking is asked anew for every user of a connection, or it is found."""

from __future__ import annotations

import psycopg
import pytest
from tests.rls.findings.conftest import EVERYONE, PLAIN, Find, Found, run_psql, shows
from tests.rls.test_matrix import policy

from ephraim_db.postgres import Server
from ephraim_db.rls.findings import examine, lasting_settings


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


STAYS = "setting-stays"
BELIEVING = policy("select", "user_id::text = current_setting('app.team', true)")


def choosing(statement: str) -> str:
    return (
        "create function public.choose() returns void language plpgsql as"
        f" $$ begin {statement}; end $$;"
    )


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("perform set_config('app.team', 'mine', false)", ["error choose()"]),
        ("perform set_config('app.team', 'mine', true)", []),
        ("perform set_config('app.theme', 'dark', false)", []),
        ("perform set_config('request.jwt.claims', '{}', false)", ["warning choose()"]),
        ("perform set_config('request.jwt.claims', '{}', true)", []),
        ("set app.team = 'mine'", ["error choose()"]),
        ("set local app.team = 'mine'", []),
    ],
)
def test_what_a_function_sets_for_the_session_is_found_by_a_superuser(
    server: Server, url: str, statement: str, expected: list[str]
) -> None:
    database = url.rpartition("/")[2]
    with psycopg.connect(server.url(database), autocommit=True) as connection:
        connection.execute(f"{PLAIN} {BELIEVING} {choosing(statement)}".encode())
        found = Found(examine(connection, EVERYONE, rules=[lasting_settings.find]).findings)
    assert found.said(STAYS) == expected
    assert all(shows(run_psql(server.url(database), finding.sql)) for finding in found)


@pytest.mark.parametrize(("local", "expected"), [("false", ["warning choose()"]), ("true", [])])
def test_a_role_that_stays_for_the_session_is_found_by_anybody(
    find: Find, local: str, expected: list[str]
) -> None:
    found = find(PLAIN, choosing(f"perform set_config('role', 'anon', {local})"))
    assert found.said(STAYS) == expected


def test_what_only_a_superuser_could_try_is_told(url: str) -> None:
    statement = "perform set_config('app.team', 'mine', false)"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{PLAIN} {BELIEVING} {choosing(statement)}".encode())
        matrix = examine(connection, EVERYONE, rules=[lasting_settings.find]).matrix
    (left_out,) = (one for one in matrix.unproven if one.of_search)
    assert left_out.relation == "public.choose()"
    assert "app.team" in left_out.reason


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("update public.notes set remark = auth.uid()::text", 0),
        ("insert into public.notes (id) values (1) on conflict do update set title = ''", 0),
        ("-- set role anon\n perform auth.uid()", 0),
        ("perform set_config('app.team', coalesce(auth.uid()::text, ''), true)", 0),
        ("perform set_config('app.team', current_setting('app.team', true), true)", 0),
        ("perform set_config('app.team', current_setting('app.team', true), false)", 1),
        ("perform set_config('app.' || 'team', '', false), current_setting('app.team')", 1),
        ("if true then set app.team = 'mine'; end if", 1),
        ("execute 'set app.team = 1'", 1),
        ("execute format('set %I = 1', 'app.team')", 0),
    ],
)
def test_only_what_may_set_it_is_told_as_not_tried(url: str, body: str, expected: int) -> None:
    """The SET of an UPDATE is none, and to read a setting is not to set it."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{PLAIN} {BELIEVING} {choosing(body)}".encode())
        matrix = examine(connection, EVERYONE, rules=[lasting_settings.find]).matrix
    assert len([one for one in matrix.unproven if one.of_search]) == expected


def test_what_is_left_really_meets_whoever_comes_next(url: str) -> None:
    """What the finding says of pools, seen over two transactions of one connection."""
    with psycopg.connect(url, autocommit=True) as connection:
        for local, left in (("true", ""), ("false", "mine")):
            with connection.transaction():
                connection.execute(f"select set_config('app.team', 'mine', {local})".encode())
            told = connection.execute("select current_setting('app.team', true)").fetchone()
            assert told == (left,)
