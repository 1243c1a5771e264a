"""The policy that decided is found by switching policies off, not by reading them."""

from __future__ import annotations

import pytest
from tests.rls.conftest import ACME, ANN, NOTES, PEOPLE, ZETA, Look
from tests.rls.saying import decided

from ephraim_db.rls import Matrix
from ephraim_db.rls.probes import Command

NEVER = "user_id = '00000000-0000-4000-8000-000000000000'"
OWN = "user_id = (select auth.uid())"
TEAM = f"team_id = '{ACME}'"


def policy(name: str, command: str, using: str = "", check: str = "", kind: str = "") -> str:
    clauses = f"{f'using ({using})' if using else ''} {f'with check ({check})' if check else ''}"
    return (
        f'create policy "{name}" on public.notes {kind and f"as {kind}"} '
        f"for {command} to authenticated {clauses};"
    )


def of_notes(matrix: Matrix, command: Command) -> set[str | None]:
    return decided(matrix, "ann", "notes", command)


def test_the_only_policy_that_could_is_the_one_that_did(look: Look) -> None:
    matrix = look(NOTES, policy("owners read theirs", "select", OWN))
    assert of_notes(matrix, "SELECT") == {"owners read theirs"}


def test_of_two_policies_the_one_that_let_it_pass_is_named(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("nobody reads", "select", NEVER),
        policy("teams read theirs", "select", TEAM),
        policy("owners read theirs", "select", OWN),
    )
    assert of_notes(matrix, "SELECT") == {"teams read theirs"}


def test_two_policies_that_each_would_do_are_both_named(look: Look) -> None:
    matrix = look(NOTES, policy("a", "select", TEAM), policy("b", "select", TEAM))
    assert of_notes(matrix, "SELECT") == {"a or b"}


def test_two_policies_that_each_add_rows_are_both_named(look: Look) -> None:
    bob_too = f"user_id <> '{ANN}' and {TEAM}"
    matrix = look(
        NOTES,
        f"insert into public.notes (team_id, user_id, title) "
        f"select team_id, user_id, 'second' from public.notes where {bob_too};",
        policy("a", "select", f"{bob_too} and title = 'second'"),
        policy("b", "select", f"{bob_too} and title <> 'second'"),
        policy("c", "select", OWN),
    )
    assert of_notes(matrix, "SELECT") == {"a and b"}


def test_a_policy_for_everything_decides_what_it_lets_through(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("owners do anything", "all", OWN),
        policy("teams read theirs", "select", TEAM),
    )
    assert of_notes(matrix, "SELECT") == {"teams read theirs"}
    for command in ("INSERT", "UPDATE", "DELETE"):
        assert of_notes(matrix, command) <= {"owners do anything", None}
        assert "owners do anything" in of_notes(matrix, command)


def test_writes_are_decided_by_doing_them_again(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("read", "select", "true"),
        *(policy(f"nobody {c}s", c, NEVER) for c in ("update", "delete")),
        *(policy(f"teams {c}", c, TEAM) for c in ("update", "delete")),
        policy("nobody adds", "insert", check=NEVER),
        policy("teams add", "insert", check=TEAM),
    )
    assert of_notes(matrix, "INSERT") == {"teams add"}
    assert of_notes(matrix, "DELETE") == {"teams delete"}
    assert "teams update" in of_notes(matrix, "UPDATE")
    assert "nobody updates" not in of_notes(matrix, "UPDATE")


def test_a_restrictive_policy_that_kept_somebody_out_is_named(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("anyone reads", "select", "true"),
        policy("anyone adds", "insert", check="true"),
        policy("not on sundays", "all", NEVER, kind="restrictive"),
        policy("harmless", "all", "true", kind="restrictive"),
    )
    assert of_notes(matrix, "SELECT") == {"not on sundays"}
    assert of_notes(matrix, "INSERT") == {"not on sundays"}


def test_where_no_policy_lets_somebody_in_none_is_named(look: Look) -> None:
    matrix = look(NOTES, policy("nobody reads", "select", NEVER))
    assert of_notes(matrix, "SELECT") == {None}
    assert decided(matrix, "service", "notes", "SELECT") == {None}


def test_a_policy_for_another_role_does_not_decide(look: Look) -> None:
    elsewhere = policy("visitors", "select", "true").replace("to authenticated", "to anon")
    matrix = look(NOTES, policy("teams", "select", TEAM), elsewhere)
    assert of_notes(matrix, "SELECT") == {"teams"}
    assert decided(matrix, "visitor", "notes", "SELECT") == {"visitors"}


def test_switching_off_leaves_every_policy_in_place(look: Look) -> None:
    policies = (policy("a", "select", TEAM), policy("b", "select", OWN))
    first = look(NOTES, f"delete from public.notes where team_id = '{ZETA}';", *policies)
    assert look(personas=PEOPLE) == first


GUARD = """
create function public.guard() returns trigger language plpgsql as $$ begin {} end $$;
create trigger "keeps titles" before {} on public.notes
for each row execute function public.guard();
create function public.nothing() returns trigger language plpgsql as $$
begin if tg_op = 'DELETE' then return old; end if; return new; end $$;
create trigger "harmless" before insert or update or delete on public.notes
for each row execute function public.nothing();
"""
LOUD = "if new.title <> old.title then raise insufficient_privilege; end if; return new;"
QUIET = "new.title := old.title; return new;"


@pytest.mark.parametrize(
    ("body", "command", "expected"),
    [
        (LOUD, "UPDATE", ("trigger", "keeps titles")),
        (QUIET, "UPDATE", ("trigger", "keeps titles")),
        ("raise exception 'no';", "INSERT", ("trigger", "keeps titles")),
        ("raise exception 'no';", "DELETE", ("trigger", "keeps titles")),
        ("return new;", "UPDATE", ("policy", "teams UPDATE")),
        ("return old;", "DELETE", ("policy", "teams DELETE")),
    ],
)
def test_the_trigger_that_stopped_it_is_named(
    look: Look, body: str, command: Command, expected: tuple[str, str]
) -> None:
    clauses = ("", TEAM) if command == "INSERT" else (TEAM,)
    matrix = look(
        NOTES,
        GUARD.format(body, command),
        policy("read", "select", "true"),
        policy(f"teams {command}", command, *clauses),
    )
    (cell,) = (
        c
        for c in matrix.find("ann", "public.notes", command)
        if "title" in c.columns or command == "DELETE"
    )
    assert (cell.decided_by_kind, cell.decided_by) == expected


def test_what_a_check_refuses_is_not_blamed_on_a_trigger(look: Look) -> None:
    matrix = look(
        NOTES, GUARD.format(LOUD, "update"), policy("read", "select", "true"),
        policy("teams", "update", TEAM),
    )  # fmt: skip
    by_column = {
        column: cell.decided_by
        for cell in matrix.find("ann", "public.notes", "UPDATE")
        for column in cell.columns
        if cell.outcome != "allowed"
    }
    assert by_column == {"team_id": None, "title": "keeps titles"}


def test_a_trigger_stops_even_who_bypasses_policies(look: Look) -> None:
    matrix = look(NOTES, GUARD.format("raise exception 'no';", "delete"))
    assert decided(matrix, "service", "notes", "DELETE") == {"keeps titles"}
