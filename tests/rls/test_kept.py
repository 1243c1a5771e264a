"""Plans that are kept for one persona after the other never answer for the one before."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.rls.conftest import ACME, ANN, BOB, NOTES, PEOPLE, Look
from tests.rls.saying import word

from ephraim_db.rls import Cell, Matrix, Persona, Personas
from ephraim_db.rls.kept import OFTEN

TEAM = Personas(
    PEOPLE.schemas,
    PEOPLE.boundary,
    (
        *(Persona(f"ann_{n}", "authenticated", ANN, ACME) for n in range(OFTEN)),
        *(Persona(f"bob_{n}", "authenticated", BOB, ACME) for n in range(OFTEN)),
        *PEOPLE.everyone,
    ),
)
OTHERS = f"insert into public.notes (team_id, user_id, title) select '{ACME}', '{BOB}', 'too';"
ME = """
create function public.me() returns uuid language {} as $$ {} $$;
create policy mine on public.notes to authenticated using (user_id = public.me());
"""
HOW = {
    "honest": ("sql stable", "select auth.uid()"),
    "calls": ("sql immutable", "select auth.uid()"),
    "in plpgsql": ("plpgsql immutable", "begin return auth.uid(); end"),
    "reads": ("sql immutable", "select u.id from auth.users as u where u.id = (select auth.uid())"),
}


@pytest.mark.parametrize("how", HOW)
def test_a_function_that_lies_to_the_planner_answers_for_who_asks(look: Look, how: str) -> None:
    reading = "grant usage on schema auth to authenticated; grant select on auth.users to public;"
    together = look(NOTES, OTHERS, reading, ME.format(*HOW[how]), personas=TEAM)
    for person in TEAM.everyone:
        alone = look(personas=replace(TEAM, everyone=(person,)))
        assert _cells(together, person) == _cells(alone, person)


@pytest.mark.parametrize("name", ["touched", "found", "into", "$1", "it's $ephraim$ {0}"])
def test_a_column_may_be_called_what_the_routine_calls_its_own(look: Look, name: str) -> None:
    column = f'alter table public.notes rename title to "{name}";'
    policy = "create policy mine on public.notes to authenticated using (user_id = auth.uid());"
    together = look(NOTES, column, policy, personas=TEAM)
    alone = look(personas=replace(TEAM, everyone=TEAM.everyone[:1]))
    assert word(together, "ann_0", "notes", "INSERT") == "allowed own"
    assert _cells(together, TEAM.everyone[0]) == _cells(alone, TEAM.everyone[0])


def _cells(matrix: Matrix, person: Persona) -> list[Cell]:
    return [cell for cell in matrix.cells if cell.persona == person.name]
