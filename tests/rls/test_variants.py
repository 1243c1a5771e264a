"""Other forms of a command are told where they come out otherwise than the plain form."""

from __future__ import annotations

import pytest
from tests.rls.conftest import ACME, ANN, CYD, NOTES, Look
from tests.rls.saying import said

from ephraim_db.rls import Matrix
from ephraim_db.rls.probes import Command

OWN = "user_id = (select auth.uid())"
TEAM = f"team_id = '{ACME}'"


def policy(command: str, using: str = "", check: str = "") -> str:
    clauses = f"{f'using ({using})' if using else ''} {f'with check ({check})' if check else ''}"
    name = f'"{command} {using} {check}"'[:60].rstrip('"') + '"'
    return f"create policy {name} on public.notes for {command} to authenticated {clauses};"


def of_notes(matrix: Matrix, command: Command) -> set[str]:
    return said(matrix, "ann", "notes", command)


# truncate


def test_truncate_asks_the_grant_and_no_policy(look: Look) -> None:
    matrix = look(NOTES, "grant truncate on public.notes to authenticated;")
    assert of_notes(matrix, "TRUNCATE") == {"allowed all"}
    assert said(matrix, "ann", "teams", "TRUNCATE") == {"allowed all"}


def test_truncate_without_the_grant_is_refused(look: Look) -> None:
    matrix = look(NOTES, "revoke truncate on public.notes from authenticated, anon;")
    assert of_notes(matrix, "TRUNCATE") == {"refused_by_grant"}
    assert said(matrix, "visitor", "notes", "TRUNCATE") == {"refused_by_grant"}
    assert said(matrix, "service", "notes", "TRUNCATE") == {"allowed all"}


# returning


def test_an_insert_that_cannot_be_read_back_is_told(look: Look) -> None:
    matrix = look(NOTES, policy("select", "false"), policy("insert", check=TEAM))
    assert of_notes(matrix, "INSERT RETURNING") == {"refused_by_policy"}


def test_an_insert_that_can_be_read_back_is_not(look: Look) -> None:
    matrix = look(NOTES, policy("select", "true"), policy("insert", check=TEAM))
    assert of_notes(matrix, "INSERT RETURNING") == set()


def test_an_insert_that_is_read_back_for_fewer_rows_is_told(look: Look) -> None:
    matrix = look(NOTES, policy("select", OWN), policy("insert", check=TEAM))
    assert of_notes(matrix, "INSERT RETURNING") == {"allowed own"}


@pytest.mark.parametrize("command", ["update", "delete"])
def test_rows_that_only_a_command_without_where_reaches_are_told(look: Look, command: str) -> None:
    variant: Command = "UPDATE RETURNING" if command == "update" else "DELETE RETURNING"
    hidden = look(NOTES, policy("select", OWN), policy(command, TEAM))
    assert {told.split(":")[0] for told in of_notes(hidden, variant)} == {"allowed own"}


@pytest.mark.parametrize("command", ["update", "delete"])
def test_rows_that_can_be_named_as_well_are_not(look: Look, command: str) -> None:
    variant: Command = "UPDATE RETURNING" if command == "update" else "DELETE RETURNING"
    assert of_notes(look(NOTES, policy("select", TEAM), policy(command, TEAM)), variant) == set()


# upsert


UPSERT = (policy("select", "true"), policy("insert", check=TEAM), policy("update", TEAM))


def test_an_upsert_that_does_what_insert_and_update_do_is_not_told(look: Look) -> None:
    assert of_notes(look(NOTES, *UPSERT), "UPSERT") == set()


def test_an_upsert_that_a_trigger_refuses_is_told(look: Look) -> None:
    matrix = look(
        NOTES,
        *UPSERT,
        "create function public.keep() returns trigger language plpgsql as $$ begin "
        "if new.id = old.id and new.title = old.title and new.secret is not distinct from "
        "old.secret then raise exception 'nothing new' using errcode = '42501'; end if; "
        "return new; end $$;"
        "create trigger keep before update of user_id on public.notes "
        "for each row execute function public.keep();",
    )
    assert of_notes(matrix, "UPSERT") == {"refused_by_policy"}


# transitions


ROLES = f"""
create type public.member_role as enum ('admin', 'member', 'guest');
alter table public.notes add column role public.member_role not null default 'member';
update public.notes set role = 'admin' where user_id <> '{ANN}';
"""
GUARD = """
create function public.guard() returns trigger language plpgsql as $$ begin
if new.role = 'admin' and old.role <> 'admin' then {} end if; return new; end $$;
create trigger guard before update on public.notes for each row execute function public.guard();
"""


def test_a_value_that_may_not_be_taken_is_told_of_a_column_that_may_change(look: Look) -> None:
    matrix = look(
        NOTES,
        ROLES,
        policy("select", "true"),
        policy("update", OWN),
        GUARD.format("raise exception 'no' using errcode = '42501';"),
    )
    assert of_notes(matrix, "UPDATE TO") == {"refused_by_policy: role = admin"}


def test_a_value_that_is_quietly_not_taken_is_told(look: Look) -> None:
    matrix = look(
        NOTES,
        ROLES,
        policy("select", "true"),
        policy("update", OWN),
        GUARD.format("new.role := old.role;"),
    )
    assert of_notes(matrix, "UPDATE TO") == {"hidden: role = admin"}


def test_where_every_value_may_be_taken_none_is_told(look: Look) -> None:
    matrix = look(NOTES, ROLES, policy("select", "true"), policy("update", OWN, "true"))
    assert "allowed own" in {told.split(":")[0] for told in of_notes(matrix, "UPDATE")}
    assert of_notes(matrix, "UPDATE TO") == set()


def test_handing_a_row_to_a_colleague_but_to_no_stranger_is_told(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("select", "true"),
        policy("update", OWN, f"user_id <> '{CYD}' and {TEAM}"),
    )
    assert of_notes(matrix, "UPDATE TO") == {"refused_by_policy: user_id = another's"}


# realtime


def test_what_realtime_sends_of_what_may_be_read_is_told(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("select", TEAM),
        "alter publication supabase_realtime add table public.notes (id, title);",
    )
    assert of_notes(matrix, "REALTIME") == {"allowed organization: id title"}
    assert said(matrix, "visitor", "notes", "REALTIME") == set()


def test_a_table_that_is_not_published_is_not_sent(look: Look) -> None:
    assert of_notes(look(NOTES, policy("select", TEAM)), "REALTIME") == set()
