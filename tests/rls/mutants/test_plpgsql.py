"""A function in PL/pgSQL is broken where its SQL stands, and stays what it is elsewhere."""

from __future__ import annotations

import pytest
from tests.rls.mutants.conftest import PROJECT, Mutate

from ephraim_db.rls.mutants.plpgsql import pieces

HEAD = "create or replace function private.f(a uuid) returns uuid language plpgsql as $$ "


@pytest.mark.parametrize(
    ("body", "replaced"),
    [
        ("begin return (select 1); end", "begin return (SELECT 2); end"),
        ("begin return coalesce(a, b()); end", "begin return (SELECT 2); end"),
        (
            "begin if a is null then return a; end if; end",
            "begin if (SELECT 2) then return a; end if; end",
        ),
        ("begin perform\n from x; end", "begin perform\n 2; end"),
        (
            "declare b uuid; c uuid; begin select x.b into b, c from x; end",
            "declare b uuid; c uuid; begin SELECT 2 into b, c; end",
        ),
        (
            "declare b uuid; begin select x.b from x into strict b; end",
            "declare b uuid; begin SELECT 2 into strict b; end",
        ),
        (
            "declare r record; begin select * into r from x; end",
            "declare r record; begin SELECT 2 into r; end",
        ),
    ],
    ids=["return select", "return", "if", "perform", "into", "into at the end", "into a record"],
)
def test_sql_is_replaced_where_it_stands(body: str, replaced: str) -> None:
    (piece, *_) = pieces(f"{HEAD}{body} $$")
    assert piece.replaced("SELECT 2") == f"{HEAD}{replaced} $$"


def test_what_is_there_twice_in_the_same_words_is_left_alone() -> None:
    twice = "begin if exists (select from x) then return a; end if; return a; end"
    assert [piece.select for piece in pieces(f"{HEAD}{twice} $$")] == [
        "SELECT EXISTS (SELECT FROM x)"
    ]


def test_arrays_of_the_projects_own_types_are_read() -> None:
    definition = (
        "create function private.f(variadic roles public.member_role[]) "
        "returns public.member_role[] language plpgsql as $$ begin return (select 1); end $$"
    )
    assert [piece.select for piece in pieces(definition)] == ["SELECT 1"]


def test_a_helper_that_selects_into_a_variable_is_broken_inside_and_noticed(
    mutate: Mutate,
) -> None:
    judged = mutate(
        PROJECT,
        """
        create schema private;
        create function private.is_mine(note bigint) returns boolean
        language plpgsql stable security definer set search_path = '' as $$
        declare
            me constant uuid := auth.uid();
            mine boolean;
        begin
            select true into mine from public.notes as n where n.user_id = me and n.id = note;
            return coalesce(mine, false);
        end
        $$;
        drop policy "people read what is theirs" on public.notes;
        create policy "mine" on public.notes for select to authenticated
        using (private.is_mine(id));
        """,
    )
    helper = "function private.is_mine(note bigint)"
    assert judged[f"{helper}: without n.user_id = me"].result == "killed"
    assert judged[f"{helper}: not (n.id = note)"].result == "killed"
