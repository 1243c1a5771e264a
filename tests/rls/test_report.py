"""The matrix is told to programs in a fixed form, and to people within a hundred columns."""

from __future__ import annotations

import io
import json
import re

import pytest
from rich.console import Console
from tests.rls.conftest import ACME, NOTES, Look

from ephraim_db.rls import Matrix
from ephraim_db.rls.report import as_json, draw, print_matrix

POLICY = f"""
create policy "a team reads its notes" on public.notes for select to authenticated
using (team_id = '{ACME}');
revoke select on public.notes from authenticated, anon;
grant select (id, team_id, user_id, title) on public.notes to authenticated;
create table public.empty (id int primary key);
alter table public.empty enable row level security;
"""


def as_text(matrix: Matrix) -> str:
    out = io.StringIO()
    print_matrix(Console(file=out, width=100), matrix)
    return out.getvalue()


@pytest.mark.parametrize("colours", [True, False])
def test_a_matrix_drawn_ahead_is_printed_as_any_other(look: Look, colours: bool) -> None:
    matrix = look(NOTES, POLICY)
    ahead, then, other = (
        Console(file=io.StringIO(), width=100, force_terminal=colours) for _ in range(3)
    )
    drawn = draw(ahead, matrix)
    print_matrix(then, matrix, drawn)
    print_matrix(other, matrix)
    printed, expected = (console.file for console in (then, other))
    assert isinstance(printed, io.StringIO)
    assert isinstance(expected, io.StringIO)
    assert "public.notes (table, 3 rows)" in expected.getvalue()
    assert printed.getvalue() == expected.getvalue()


def test_the_json_form_is_the_agreed_one(look: Look) -> None:
    document = json.loads(as_json(look(NOTES, POLICY)))
    assert list(document) == [
        "version",
        "personas",
        "relations",
        "cells",
        "findings",
        "unproven",
    ]
    assert document["version"] == 1
    assert document["personas"][0]["name"] == "ann"
    assert {"name": "public.notes", "kind": "table", "rows": 3} in document["relations"]
    assert {
        "persona": "ann",
        "relation": "public.notes",
        "command": "SELECT",
        "outcome": "allowed",
        "scope": "organization",
        "columns": ["id", "team_id", "user_id", "title"],
        "decided_by": "a team reads its notes",
    } in document["cells"]
    assert {
        "persona": "ann",
        "relation": "public.empty",
        "command": "SELECT",
        "reason": "the relation has no row",
    } in document["unproven"]
    assert document["findings"] == []


def test_a_trigger_that_decided_is_told_from_a_policy(look: Look) -> None:
    trigger = (
        "create function public.guard() returns trigger language plpgsql as"
        " $$ begin raise exception 'no'; end $$;"
        "create trigger guard before delete on public.notes"
        " for each row execute function public.guard();"
    )
    document = json.loads(as_json(look(NOTES, POLICY, trigger)))
    (cell,) = (
        c
        for c in document["cells"]
        if (c["persona"], c["relation"], c["command"]) == ("service", "public.notes", "DELETE")
    )
    assert (cell["outcome"], cell["decided_by"]) == ("error", "trigger guard")


def test_each_column_is_in_one_cell_of_a_command(look: Look) -> None:
    matrix = look(NOTES, POLICY)
    for persona in matrix.personas:
        for relation in matrix.relations:
            columns = [
                c
                for cell in matrix.find(persona.name, relation.name, "SELECT")
                for c in cell.columns
            ]
            assert sorted(columns) == sorted(relation.columns)


def test_the_text_fits_a_hundred_columns_and_needs_no_terminal(look: Look) -> None:
    text = as_text(look(NOTES, POLICY))
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 100


def test_the_text_tells_of_functions_and_of_what_not_every_relation_has(look: Look) -> None:
    function = (
        "create function public.latest(n int) returns setof public.notes language sql "
        "security definer as $$ select * from public.notes limit n $$;"
    )
    text = as_text(look(NOTES, POLICY, function))
    assert "public.latest(integer) (function)" in text
    assert "execute" in text
    assert "truncate" in text


def test_the_text_says_who_shares_a_row(look: Look) -> None:
    text = as_text(look(NOTES, "alter table public.teams disable row level security;"))
    assert re.search(r"^ *ann, +hidden.*\n *visitor +\n", text, re.MULTILINE)
    assert re.search(r"^ *everybody +all", text, re.MULTILINE)
    assert "truncate  all (everybody)" in text


def test_the_text_names_what_is_left_out_and_what_is_unproven(look: Look) -> None:
    text = as_text(look(NOTES, POLICY))
    assert "organization, not secret" in text
    assert "public.empty SELECT/INSERT/UPDATE/DELETE: the relation has no row" in text
    assert "SQLSTATE 42501: not granted" in text
