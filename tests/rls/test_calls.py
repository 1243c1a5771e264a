"""Functions are called and sequences asked, as every persona, and nothing stays of it."""

from __future__ import annotations

import psycopg
import pytest
from tests.rls.conftest import ANN, NOTES, PEOPLE, Look
from tests.waiting import wait_until

from ephraim_db.rls import Cell, Matrix, observing
from ephraim_db.rls.calls import TOO_LONG
from ephraim_db.rls.findings import examine
from ephraim_db.rls.probes import Command


def used(matrix: Matrix, persona: str, name: str, command: Command = "EXECUTE") -> Cell:
    (cell,) = matrix.find(persona, f"public.{name}", command)
    return cell


def function(head: str, body: str, options: str = "security definer") -> str:
    return f"create function public.{head} language sql {options} as $$ {body} $$;"


# who may call


def test_a_function_may_be_called_by_everybody_until_it_is_revoked(look: Look) -> None:
    matrix = look(
        NOTES,
        function("open() returns int", "select 1"),
        function("closed() returns int", "select 1"),
        "revoke execute on function public.closed() from public, anon;",
    )
    assert used(matrix, "visitor", "open()").outcome == "allowed"
    assert used(matrix, "visitor", "closed()").outcome == "refused_by_grant"
    assert used(matrix, "ann", "closed()").outcome == "allowed"


def test_functions_and_sequences_are_listed_with_their_kind(look: Look) -> None:
    matrix = look(NOTES, function("open(a int, b text) returns int", "select 1"))
    kinds = {subject.name: subject.kind for subject in matrix.relations}
    assert kinds["public.open(integer, text)"] == "function"
    assert kinds["public.notes_id_seq"] == "sequence"


# what comes back


@pytest.mark.parametrize(
    ("options", "scope"), [("security definer", "all"), ("security invoker", "own")]
)
def test_whose_rows_a_function_returns_is_told(look: Look, options: str, scope: str) -> None:
    matrix = look(
        NOTES,
        "create policy own on public.notes for select to authenticated "
        "using (user_id = (select auth.uid()));",
        function("listed() returns setof public.notes", "select * from public.notes", options),
    )
    cell = used(matrix, "ann", "listed()")
    assert (cell.outcome, cell.scope, cell.columns) == ("allowed", scope, ("returns",))


def test_a_function_is_called_with_ids_seen_in_the_data(look: Look) -> None:
    matrix = look(
        NOTES,
        function(
            "title_of(p_note_id bigint) returns table (user_id uuid, title text)",
            "select n.user_id, n.title from public.notes as n where n.id = p_note_id",
        ),
        function(
            "of_user(_user_id uuid) returns text",
            "select n.title from public.notes as n where n.user_id = _user_id",
        ),
        function(
            "mine(_user_id uuid) returns table (user_id uuid, title text)",
            "select n.user_id, n.title from public.notes as n "
            "where n.user_id = _user_id and n.user_id = auth.uid()",
        ),
    )
    assert used(matrix, "ann", "title_of(bigint)").scope == "all"
    assert used(matrix, "ann", "of_user(uuid)").scope == "all"
    assert used(matrix, "ann", "mine(uuid)").scope == "own"
    assert used(matrix, "visitor", "mine(uuid)").outcome == "hidden"


@pytest.mark.parametrize(
    ("options", "scope"), [("security definer", "all"), ("security invoker", "none")]
)
def test_a_result_that_names_nobody_is_of_all_only_if_it_steps_past_policies(
    look: Look, options: str, scope: str
) -> None:
    counted = function("counted() returns bigint", "select count(*) from public.notes", options)
    assert used(look(NOTES, counted), "ann", "counted()").scope == scope


def test_a_function_that_refuses_is_told_apart_from_one_that_breaks(look: Look) -> None:
    matrix = look(
        NOTES,
        "create function public.guarded() returns int language plpgsql as $$ begin "
        "raise exception 'no' using errcode = '42501'; end $$;"
        "create function public.broken() returns int language plpgsql as $$ begin "
        "raise exception 'no'; end $$;",
    )
    assert used(matrix, "ann", "guarded()").outcome == "refused_by_policy"
    broken = used(matrix, "ann", "broken()")
    assert (broken.outcome, broken.sqlstate) == ("error", "P0001")
    assert any(u.relation == "public.broken()" for u in matrix.unproven)


@pytest.mark.parametrize(
    "head",
    [
        "f() returns void",
        "f(a int default 1, out b int, out c text)",
        "f() returns table (a int)",
        "f() returns record",
        "f(a int[], b public.notes, c jsonb, d uuid, e text) returns int",
    ],
)
def test_functions_of_any_shape_can_be_called(look: Look, head: str) -> None:
    body = "select 1, 'x'::text" if "out b" in head or "record" in head else "select 1"
    matrix = look(NOTES, function(head, body))
    (cell,) = [c for c in matrix.cells if c.persona == "ann" and c.command == "EXECUTE"]
    assert cell.outcome in ("allowed", "hidden")


# what it changes


def test_the_tables_that_a_function_writes_to_are_told(look: Look, url: str) -> None:
    matrix = look(
        NOTES,
        "create table public.log (what text); alter table public.log enable row level security;",
        function(
            "rename(p_note_id bigint) returns void",
            "update public.notes set title = 'x' where id = p_note_id;"
            "insert into public.log values ('renamed'); delete from public.log;",
        ),
        function("look_on() returns bigint", "select count(*) from public.notes"),
    )
    assert used(matrix, "visitor", "rename(bigint)").columns == (
        "adds to public.log",
        "changes public.notes",
        "removes from public.log",
    )
    assert used(matrix, "visitor", "look_on()").columns == ("returns",)
    with psycopg.connect(url) as connection:
        titles = connection.execute("select title from public.notes order by id").fetchall()
    assert titles == [("of ann",), ("of bob",), ("of cyd",)]


# what is left alone


def test_a_function_that_reaches_outside_is_listed_and_not_called(look: Look) -> None:
    matrix = look(
        NOTES,
        "create table public.called (what text); grant all on public.called to anon;"
        "create function public.reach() returns void language plpgsql as $$ begin "
        "insert into public.called values ('yes'); perform net.http_post('http://x'); end $$;"
        "create function public.indirect() returns void language plpgsql as $$ begin "
        "perform public.reach(); end $$;",
    )
    for name in ("reach()", "indirect()"):
        assert used(matrix, "ann", name).outcome == "unproven"
        assert any(
            u.relation == f"public.{name}" and u.persona == "ann" and "net." in u.reason
            for u in matrix.unproven
        )


# sequences


def test_sequences_are_asked_without_taking_from_them(look: Look, url: str) -> None:
    matrix = look(
        "create sequence public.numbers; revoke all on public.numbers from anon, authenticated;"
        "grant usage on public.numbers to authenticated;",
        NOTES,
    )
    assert used(matrix, "ann", "numbers", "NEXTVAL").outcome == "allowed"
    assert used(matrix, "ann", "numbers", "SETVAL").outcome == "refused_by_grant"
    assert used(matrix, "visitor", "numbers", "NEXTVAL").outcome == "refused_by_grant"
    assert used(matrix, "service", "numbers", "SETVAL").outcome == "allowed"
    with psycopg.connect(url) as connection:
        row = connection.execute("select last_value, is_called from public.numbers").fetchone()
    assert row == (1, False)


def test_no_id_of_a_row_is_told(look: Look) -> None:
    matrix = look(NOTES, function("me() returns uuid", "select auth.uid()"))
    assert used(matrix, "ann", "me()").scope == "own"
    assert ANN not in repr((matrix.cells, matrix.unproven))


def test_a_function_that_never_ends_is_called_as_one_persona_and_told_of_all(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a sequence gave out does not roll back, so it tells how often the function began."""
    monkeypatch.setattr(observing, "MOST_SECONDS", 1)
    endless = """
    create sequence private_count;
    create function public.endless() returns void language plpgsql security definer as $$
    begin perform nextval('private_count'); loop end loop; end $$;
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{NOTES} {endless}".encode())
        matrix = examine(connection, PEOPLE).matrix
        called = connection.execute("select last_value from private_count").fetchone()
    assert called is not None
    assert called[0] <= 2 + len(PEOPLE.everyone)  # each may try the sequence itself
    told = [one for one in matrix.unproven if one.relation == "public.endless()"]
    assert {one.persona for one in told} == {persona.name for persona in PEOPLE.everyone}
    assert {one.reason for one in told} == {TOO_LONG}


STUBBORN = """
create function public.stubborn() returns void language plpgsql as $$
begin
    loop
        begin perform pg_catalog.count(*) from generate_series(1, 1000000);
        exception when query_canceled then null; end;
    end loop;
end $$;
"""


def test_a_function_that_will_not_be_cancelled_is_not_called(look: Look) -> None:
    matrix = look(NOTES, STUBBORN)
    told = {one.reason for one in matrix.unproven if one.relation == "public.stubborn()"}
    assert told == {"it catches its own cancellation (query_canceled): not called"}


def test_what_will_not_be_cancelled_ends_with_the_run(url: str) -> None:
    still_there = "select count(*) from pg_catalog.pg_stat_activity where pid = %s"
    with psycopg.connect(url, autocommit=True) as other:
        other.execute(f"{NOTES} {STUBBORN}".encode())
        with psycopg.connect(url, autocommit=True) as connection:
            backend = connection.info.backend_pid
            with observing.observing(connection, PEOPLE):
                connection.pgconn.send_query(b"select public.stubborn()")
                connection.cancel_safe()
                connection.pgconn.finish()
        wait_until(lambda: other.execute(still_there, (backend,)).fetchone() == (0,))
