"""Without an rls.toml, personas and boundary are guessed; `init` writes the guesses down."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.rls.conftest import ACME, ANN, BOB, CYD, NOTES, ZETA

from ephraim_db.rls import Persona, read_personas
from ephraim_db.rls.filling.people import made_organization, made_user
from ephraim_db.rls.guessing import Guess, as_toml, exposed_schemas, guess

Guessing = Callable[..., Guess]

MEMBERS = """
create table public.members (
    team_id uuid references public.teams (id), user_id uuid references auth.users (id),
    role text, primary key (team_id, user_id)
);
"""
SEEDED = f"""
insert into public.members values
('{ACME}', '{ANN}', 'Team Admin'), ('{ACME}', '{BOB}', 'member'), ('{ZETA}', '{CYD}', 'member');
"""


@pytest.fixture
def guessing(url: str) -> Guessing:
    """Apply SQL to a fresh database with three users, and guess."""

    def guessing(*sql: str, schemas: tuple[str, ...] = ("public",)) -> Guess:
        with psycopg.connect(url, autocommit=True) as connection:
            for script in sql:
                connection.execute(script.encode())
            return guess(connection, schemas)

    return guessing


def names(found: Guess) -> dict[str, tuple[str | None, str | None]]:
    return {p.name: (p.sub, p.organization) for p in found.personas.everyone}


def test_members_of_the_seed_are_found_by_role_and_one_stranger(guessing: Guessing) -> None:
    found = guessing(NOTES, MEMBERS, SEEDED)
    assert found.personas.boundary == "team_id"
    assert names(found) == {
        "anonymous": (None, None),
        "anonymous_sign_in": (made_user(9), None),
        "team_admin": (ANN, ACME),
        "member": (BOB, ACME),
        "stranger": (CYD, ZETA),
        "service_role": (None, None),
    }
    assert found.personas["anonymous_sign_in"].claims == {"is_anonymous": True}


def test_who_is_a_member_twice_is_written_down_as_such(guessing: Guessing, tmp_path: Path) -> None:
    both = f"insert into public.members values ('{ZETA}', '{ANN}', 'guest');"
    found = guessing(NOTES, MEMBERS, SEEDED, both)
    assert set(found.personas["team_admin"].organizations) == {ACME, ZETA}
    assert found.personas["member"].organizations == (ACME,)
    path = tmp_path / "rls.toml"
    path.write_text(as_toml(found), encoding="utf-8")
    assert read_personas(path)["team_admin"] == found.personas["team_admin"]


def test_where_nobody_is_a_member_an_owner_a_member_and_a_stranger_are_made(
    guessing: Guessing,
) -> None:
    found = guessing(NOTES, MEMBERS)
    assert names(found) == {
        "anonymous": (None, None),
        "anonymous_sign_in": (made_user(9), None),
        "owner": (made_user(1), made_organization(1)),
        "member": (made_user(2), made_organization(1)),
        "stranger": (made_user(3), made_organization(2)),
        "service_role": (None, None),
    }


def test_where_rows_only_have_owners_two_users_of_the_seed_are_taken(guessing: Guessing) -> None:
    found = guessing("create table public.todos (user_id uuid references auth.users (id));")
    assert found.personas.boundary is None
    assert (found.personas["user"].sub, found.personas["other_user"].sub) == (ANN, BOB)


@pytest.mark.parametrize(
    ("column", "type_", "boundary"),
    [
        ("organization_id", "uuid", "organization_id"),
        ("tenant_id", "bigint", "tenant_id"),
        ("account_id", "uuid", "account_id"),
        ("league_id", "text", None),
        ("category_id", "uuid", None),
    ],
)
def test_the_boundary_is_known_by_its_name_and_its_members(
    column: str, type_: str, boundary: str | None, guessing: Guessing
) -> None:
    found = guessing(
        f"create table public.places (id {type_} primary key);"
        f"create table public.things (id int, {column} {type_} references public.places);",
        f"create table public.members ({column} {type_} references public.places,"
        f" user_id uuid references auth.users (id), primary key ({column}, user_id));"
        if column != "category_id"
        else f"create table public.others (id int, {column} {type_} references public.places);",
    )
    assert found.personas.boundary == boundary


@pytest.mark.parametrize(
    ("members", "boundary"), [("league_members", "league_id"), ("dates", None)]
)
def test_another_name_is_believed_with_members_and_several_tables(
    members: str, boundary: str | None, guessing: Guessing
) -> None:
    found = guessing(
        "create table public.leagues (id int primary key);",
        *(
            f"create table public.t{n} (id int, league_id int references public.leagues);"
            for n in range(3)
        ),
        f"create table public.{members} (league_id int references public.leagues,"
        f" user_id {'uuid references auth.users (id)' if boundary else 'date'});",
    )
    assert found.personas.boundary == boundary


def test_a_column_that_names_a_user_is_no_boundary(guessing: Guessing) -> None:
    found = guessing(
        "create table public.profiles (id uuid primary key references auth.users (id));"
        "create table public.a (id int, account_id uuid references public.profiles);"
        "create table public.b (account_id uuid references public.profiles,"
        " user_id uuid references auth.users (id), primary key (account_id, user_id));"
    )
    assert found.personas.boundary is None


def test_organizations_that_are_numbers_are_made_as_numbers(guessing: Guessing) -> None:
    found = guessing(NOTES.replace("uuid", "bigint", 1).partition("create table public.notes")[0])
    assert found.personas.boundary is None
    found = guessing("create table public.x (org_id bigint); create table public.y (org_id int);")
    assert found.personas["owner"].organization == "900000001"


def test_schemas_without_tables_are_left_out(guessing: Guessing) -> None:
    found = guessing(
        "create schema api; create table api.t (id int);", schemas=("public", "graphql", "api")
    )
    assert found.personas.schemas == ("api",)


def test_what_is_written_down_is_read_back_as_it_was(guessing: Guessing, tmp_path: Path) -> None:
    for scripts in ((NOTES, MEMBERS), (SEEDED,), ("drop table public.members",)):
        found = guessing(*scripts)
        path = tmp_path / "rls.toml"
        path.write_text(as_toml(found), encoding="utf-8")
        assert read_personas(path) == found.personas


@pytest.mark.parametrize(
    ("expression", "claims"),
    [
        ("(auth.jwt() -> 'app_metadata' ->> 'team_id')", {"app_metadata": {"team_id": ACME}}),
        ("auth.jwt() #>> '{app_metadata,tenant_id}'", {"app_metadata": {"tenant_id": ACME}}),
        ("(select auth.jwt()) ->> 'org_id'", {"org_id": ACME}),
        ("auth.jwt() -> 'app_metadata' ->> 'plan'", {}),
        ("auth.uid()::text", {}),
    ],
)
def test_tokens_carry_what_policies_read_the_organization_from(
    expression: str, claims: dict[str, object], guessing: Guessing, tmp_path: Path
) -> None:
    policy = f"create policy p on public.notes using (team_id::text = ({expression}));"
    found = guessing(NOTES, MEMBERS, SEEDED, policy)
    assert found.personas["member"].claims == claims
    path = tmp_path / "rls.toml"
    path.write_text(as_toml(found), encoding="utf-8")
    assert read_personas(path) == found.personas


def test_config_toml_says_which_schemas_are_exposed(tmp_path: Path) -> None:
    assert exposed_schemas(tmp_path) == ("public",)
    (tmp_path / "supabase").mkdir()
    config = tmp_path / "supabase" / "config.toml"
    config.write_text('[api]\nschemas = ["public", "graphql_public", "api"]\n')
    assert exposed_schemas(tmp_path) == ("public", "api")
    config.write_text("[api\n")
    assert exposed_schemas(tmp_path) == ("public",)


def test_roles_that_are_not_there_are_nobody(url: str) -> None:
    with psycopg.connect(url) as connection:
        found = guess(connection, ("public",))
    assert Persona("anonymous", "anon") in found.personas.everyone
