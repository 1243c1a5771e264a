"""A small project of somebody else's, judged in one transaction."""

from __future__ import annotations

from collections.abc import Callable

import psycopg
import pytest
from tests.rls.conftest import ACME, ANN, BOB, CYD, NOTES, ZETA

from ephraim_db.rls import Persona, Personas
from ephraim_db.rls.mutants.judging import Judge, Judgement
from ephraim_db.rls.observing import observing
from ephraim_db.rls.unnoticed import Unnoticed

PEOPLE = (
    Persona("ann", "authenticated", ANN, ACME),
    Persona("bob", "authenticated", BOB, ACME),
    Persona("cyd", "authenticated", CYD, ZETA),
    Persona("visitor", "anon"),
)
PROJECT = f"""
{NOTES}
revoke all on public.notes, public.teams from anon, authenticated, service_role;
revoke all on sequence public.notes_id_seq from anon, authenticated, service_role;
grant select, insert (team_id, user_id, title), update (title), delete
on public.notes to authenticated;
create policy "people read what is theirs" on public.notes for select to authenticated
using (user_id = (select auth.uid()) and title <> 'hidden');
create policy "people change what is theirs" on public.notes for update to authenticated
using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
"""

Mutate = Callable[..., dict[str, Judgement]]


@pytest.fixture
def mutate(url: str) -> Mutate:
    """Apply SQL to a fresh database; return the judgement of every mutant by its title."""

    def mutate(
        *sql: str,
        people: tuple[Persona, ...] = PEOPLE,
        unnoticed: tuple[Unnoticed, ...] = (),
        proofs: bool = True,
    ) -> dict[str, Judgement]:
        personas = Personas(("public",), "team_id", people, unnoticed=unnoticed)
        with psycopg.connect(url, autocommit=True) as connection:
            for script in sql:
                connection.execute(script.encode())
            with observing(connection, personas) as observation:
                judge = Judge(observation)
                judged = [judge.judge(mutant, proofs=proofs) for mutant in judge.mutants]
        return {one.mutant.title: one for one in judged}

    return mutate
