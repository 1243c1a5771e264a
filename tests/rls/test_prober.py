"""A run that could not have failed is refused, and so is one that could not have seen."""

from __future__ import annotations

import psycopg
import pytest
from tests.rls.conftest import ANN, NOTES, PEOPLE, Look

from ephraim_db.errors import CannotProbe
from ephraim_db.postgres import Server
from ephraim_db.rls import Persona, Personas, observe


def only(persona: Persona) -> Personas:
    return Personas(("public",), None, (persona,))


@pytest.mark.parametrize(
    ("persona", "reason"),
    [
        (Persona("boss", "supabase_admin"), "SUPERUSER"),
        (Persona("boss", "postgres"), "BYPASSRLS"),
        (Persona("ghost", "no_such_role"), "no role"),
        (Persona("ghost", "authenticated", "00000000-0000-4000-8000-000000000000"), "no user"),
    ],
)
def test_a_persona_that_proves_nothing_is_refused(
    look: Look, persona: Persona, reason: str
) -> None:
    with pytest.raises(CannotProbe, match=f"{persona.name}.*{reason}"):
        look(NOTES, personas=only(persona))


def test_the_owner_of_a_table_is_refused_as_a_persona(look: Look) -> None:
    owned = "create table public.mine (id int); alter table public.mine owner to authenticated;"
    allow = "grant create on schema public to authenticated;"
    with pytest.raises(CannotProbe, match=r"ann.*owns mine"):
        look(allow, owned)


def test_the_owner_of_a_table_that_forces_rls_is_welcome(look: Look) -> None:
    matrix = look(
        "grant create on schema public to authenticated;"
        "create table public.mine (id int); insert into public.mine values (1);"
        "alter table public.mine enable row level security, force row level security;"
        "alter table public.mine owner to authenticated;"
    )
    assert matrix.find("ann", "public.mine", "SELECT")[0].outcome == "hidden"


def test_schemas_without_relations_are_refused(look: Look) -> None:
    with pytest.raises(CannotProbe, match="no table or view in schema public"):
        look("select 1")


def test_a_connection_that_rls_holds_is_refused(url: str, server: Server, look: Look) -> None:
    look(NOTES)
    with (
        psycopg.connect(url.replace("postgres:", "authenticator:", 1), autocommit=True) as blind,
        pytest.raises(CannotProbe, match=r"authenticator.*RLS holds"),
    ):
        observe(blind, PEOPLE)


def test_a_role_that_the_prober_created_is_joined_for_the_run_only(look: Look, url: str) -> None:
    role = "probed_sender"
    look(
        f"do $$ begin create role {role} nologin; exception when duplicate_object then end $$;",
        NOTES,
        f"grant select on public.notes to {role};",
        personas=only(Persona("sender", role)),
    )
    with psycopg.connect(url) as connection:
        row = connection.execute("select pg_has_role('postgres', 'probed_sender', 'usage')")
        assert row.fetchone() == (False,)


def test_claims_do_not_outlive_the_run(look: Look, url: str) -> None:
    look(NOTES)
    with psycopg.connect(url, autocommit=True) as connection:
        observe(connection, PEOPLE)
        row = connection.execute(
            "select current_user, current_setting('request.jwt.claims', true)"
        ).fetchone()
    assert row is not None
    assert row[0] == "postgres"
    assert ANN not in (row[1] or "")
