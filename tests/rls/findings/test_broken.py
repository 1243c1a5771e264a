"""What keeps the rightful user out is found, and what to write instead is said."""

from __future__ import annotations

import pytest
from tests.rls.conftest import ACME, ANN, BOB, CYD, ZETA
from tests.rls.findings.conftest import PLAIN, Find
from tests.rls.findings.test_escalation import MEMBERS
from tests.rls.test_matrix import OWN, TEAM, policy

FAILS = "policy-fails"


def test_a_policy_that_asks_its_own_table_is_found(find: Find) -> None:
    asking = "team_id in (select n.team_id from public.notes as n where n.user_id = auth.uid())"
    found = find(PLAIN, policy("select", asking))
    assert found.said(FAILS, "ann") == ["error notes"]
    assert "infinite recursion" in next(f.message for f in found if f.rule == FAILS)


def test_a_policy_that_asks_another_table_is_not(find: Find) -> None:
    asking = "team_id in (select t.id from public.teams as t)"
    found = find(PLAIN, policy("select", asking), policy("select", f"id = '{ACME}'", on="teams"))
    assert found.said(FAILS) == []


def test_a_policy_that_reads_what_the_role_may_not_is_found(find: Find) -> None:
    found = find(PLAIN, policy("select", "user_id = (select u.id from auth.users as u limit 1)"))
    assert found.said(FAILS, "ann") == ["error notes"]
    assert "instead of auth.users" in next(f.fix for f in found if f.rule == FAILS)


def writes(condition: str) -> list[str]:
    """Policies whose own condition it is: USING or WITH CHECK of each command that writes."""
    return [
        policy("insert", check=condition),
        policy("update", condition),
        policy("update", TEAM, condition),
        policy("delete", condition),
    ]


TWO_TEAMS = "team_id {} (select t.id from public.teams as t)"


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        *((write, ["error notes"]) for write in writes(TWO_TEAMS.format("="))),
        *((write, []) for write in writes(TWO_TEAMS.format("in"))),
    ],
)
def test_a_write_whose_subquery_finds_two_rows_is_found(
    find: Find, write: str, expected: list[str]
) -> None:
    found = find(PLAIN, policy("select", "true", on="teams"), policy("select", TEAM), write)
    assert found.said(FAILS, "ann") == expected


KNOWN = "user_id in (select u.id from {} as u)"


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        *((write, ["error notes"]) for write in writes(KNOWN.format("auth.users"))),
        *((write, []) for write in writes(KNOWN.format("public.teams"))),
    ],
)
def test_a_write_whose_policy_reads_what_the_role_may_not_is_found(
    find: Find, write: str, expected: list[str]
) -> None:
    found = find(PLAIN, policy("select", TEAM), policy("select", "true", on="teams"), write)
    assert found.said(FAILS, "ann") == expected
    assert all("instead of auth.users" in f.fix for f in found if f.rule == FAILS)


def test_a_refused_write_whose_policy_calls_an_extension_is_searched_like_any(find: Find) -> None:
    extension = "create extension if not exists pgcrypto schema extensions;"
    refuses = "extensions.crypt(title, 'aa') = title"
    found = find(
        extension,
        PLAIN,
        policy("insert", check=refuses),
        policy("delete", KNOWN.format("auth.users")),
    )
    assert found.said(FAILS, "ann") == ["error notes"]


@pytest.mark.parametrize(("read", "expected"), [("teams", ["error notes"]), ("others", [])])
@pytest.mark.parametrize("at", range(4))
def test_a_write_that_comes_back_to_where_it_started_is_found(
    find: Find, at: int, read: str, expected: list[str]
) -> None:
    others = f"create table public.others as select '{ACME}'::uuid as id;"
    asking = f"id in (select t.id from public.{read} as t)"
    write = writes("team_id in (select t.id from public.teams as t)")[at]
    found = find(PLAIN, others, policy("select", asking, on="teams"), policy("select", TEAM), write)
    said = found.said(FAILS, "ann")
    assert [one for one in said if one.endswith(" notes")] == expected


def test_a_write_that_a_trigger_stops_with_the_same_error_is_not(find: Find) -> None:
    trigger = (
        "create function public.two() returns trigger language plpgsql as $$ begin"
        " perform (select t.id from public.teams as t); return new; end $$;"
        "create trigger two before update on public.notes"
        " for each row execute function public.two();"
    )
    sees = f"{policy('select', TEAM)} {policy('select', 'true', on='teams')}"
    found = find(PLAIN, sees, policy("update", TWO_TEAMS.format("in")), trigger)
    assert found.said(FAILS) == []


LOOKUP = f"""
create table public.members (
    user_id uuid primary key references auth.users (id),
    team_id uuid not null references public.teams (id)
);
insert into public.members values ('{ANN}', '{ACME}'), ('{BOB}', '{ACME}'), ('{CYD}', '{ZETA}');
alter table public.members enable row level security;
"""
MINE = "team_id in (select m.team_id from public.members as m where m.user_id = auth.uid())"


@pytest.mark.parametrize(("on", "expected"), [("teams", ["warning notes"]), ("members", [])])
@pytest.mark.parametrize(
    "asking",
    [
        policy("select", MINE),
        policy("select", TEAM) + policy("update", MINE),
        policy("select", TEAM) + policy("delete", MINE),
        policy("insert", check=MINE),
    ],
)
def test_a_lookup_of_which_no_policy_shows_a_row_is_found(
    find: Find, asking: str, on: str, expected: list[str]
) -> None:
    found = find(PLAIN, LOOKUP, policy("select", "true", on=on), asking)
    assert found.said("policy-sees-nothing", "ann") == expected


@pytest.mark.parametrize(("operator", "expected"), [("in", ["warning notes"]), ("not in", [])])
def test_a_list_of_who_is_kept_out_may_be_hidden(
    find: Find, operator: str, expected: list[str]
) -> None:
    asking = f"user_id {operator} (select m.user_id from public.members as m)"
    found = find(PLAIN, LOOKUP, policy("select", asking))
    assert found.said("policy-sees-nothing", "ann") == expected


@pytest.mark.parametrize(("operator", "expected"), [("=", ["error notes"]), ("in", [])])
def test_a_subquery_that_finds_two_rows_is_found(
    find: Find, operator: str, expected: list[str]
) -> None:
    asking = f"team_id {operator} (select t.id from public.teams as t)"
    found = find(PLAIN, policy("select", "true", on="teams"), policy("select", asking))
    assert found.said(FAILS, "ann") == expected


@pytest.mark.parametrize(("operator", "expected"), [("=", ["warning notes"]), ("in", [])])
def test_a_policy_that_fails_for_members_of_two_teams_is_found(
    find: Find, operator: str, expected: list[str]
) -> None:
    two = (
        MEMBERS.partition("create function")[0]
        + "alter table public.members drop constraint members_pkey,"
        " add primary key (user_id, team_id);"
    )
    asking = f"team_id {operator} (select m.team_id from public.members as m)"
    found = find(PLAIN, two, policy("select", asking))
    assert found.said("second-membership-fails", "ann") == expected


RETURNING = "insert-returning-fails"


@pytest.mark.parametrize(
    ("seen", "expected"), [(f"user_id = '{BOB}'", ["warning notes"]), (OWN, [])]
)
def test_a_row_that_cannot_be_asked_back_is_found(
    find: Find, seen: str, expected: list[str]
) -> None:
    found = find(PLAIN, policy("select", seen), policy("insert", check=f"user_id = '{ANN}'"))
    assert found.said(RETURNING, "ann") == expected


@pytest.mark.parametrize(
    ("seen", "expected"), [(f"{OWN} and deleted_at is null", ["warning notes"]), (OWN, [])]
)
def test_a_soft_delete_that_select_refuses_is_found(
    find: Find, seen: str, expected: list[str]
) -> None:
    mark = "alter table public.notes add deleted_at timestamptz;"
    found = find(PLAIN, mark, policy("select", seen), policy("update", OWN))
    assert found.said("soft-delete-fails", "ann") == expected


@pytest.mark.parametrize(
    ("seen", "invoker", "expected"),
    [
        (OWN, "true", ["info notes"]),
        (f"{OWN} and deleted_at is null", "true", []),
        (f"{OWN} and deleted_at is null", "false", ["warning titles"]),
    ],
)
def test_a_soft_deleted_row_that_is_still_read_is_found(
    find: Find, seen: str, invoker: str, expected: list[str]
) -> None:
    marked = (
        "alter table public.notes add deleted_at timestamptz;"
        f"create view public.titles with (security_invoker = {invoker}) as"
        " select n.id, n.user_id, n.team_id, n.title from public.notes as n;"
    )
    found = find(PLAIN, marked, policy("select", seen)).said("soft-deleted-reachable", "ann")
    assert found == expected


@pytest.mark.parametrize("command", ["update", "delete"])
@pytest.mark.parametrize(("seen", "expected"), [("false", ["warning notes"]), (TEAM, [])])
def test_a_write_whose_where_finds_nothing_is_found(
    find: Find, command: str, seen: str, expected: list[str]
) -> None:
    found = find(PLAIN, policy("select", seen), policy(command, OWN))
    assert found.said("write-reaches-nothing", "ann") == expected
