"""What keeps the rightful user out is found, and what to write instead is said."""

from __future__ import annotations

import pytest
from tests.rls.conftest import ACME, ANN, BOB
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


@pytest.mark.parametrize("command", ["update", "delete"])
@pytest.mark.parametrize(("seen", "expected"), [("false", ["warning notes"]), (TEAM, [])])
def test_a_write_whose_where_finds_nothing_is_found(
    find: Find, command: str, seen: str, expected: list[str]
) -> None:
    found = find(PLAIN, policy("select", seen), policy(command, OWN))
    assert found.said("write-reaches-nothing", "ann") == expected
