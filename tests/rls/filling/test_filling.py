"""Where a table is empty, everybody gets a row, or the run says why not."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from tests.rls.conftest import ACME, ANN, NOTES, PEOPLE, USERS, ZETA, Look
from tests.rls.filling.conftest import Fill

from ephraim_db.rls import Matrix, Persona, Personas
from ephraim_db.rls.filling.people import is_made, made_organization, made_user
from ephraim_db.rls.findings import examine

EMPTY = NOTES.partition("insert into")[0]

MADE = Personas(
    ("public",),
    "team_id",
    (
        Persona("owner", "authenticated", made_user(1), made_organization(1)),
        Persona("member", "authenticated", made_user(2), made_organization(1)),
        Persona("visitor", "anon"),
    ),
)


def count(table: str, condition: str = "true") -> str:
    return f"select count(*) from public.{table} where {condition}"


def test_a_persona_gets_rows_of_its_own_of_its_organization_and_of_strangers(fill: Fill) -> None:
    found, filled = fill(EMPTY, asking="select user_id::text, team_id::text from public.notes")
    assert (ANN, ACME) in found
    assert any(user != ANN and team == ACME for user, team in found)
    assert any(team != ACME for _, team in found)
    assert filled.unfilled == ()


def test_a_table_that_has_rows_is_left_as_it_is(fill: Fill) -> None:
    found, filled = fill(NOTES, asking=count("notes"))
    assert found == [(3,)]
    assert filled.statements == ()


def test_users_and_memberships_are_made_for_personas_who_are_nobody_yet(fill: Fill) -> None:
    members = """
    create table public.members (
        team_id uuid references public.teams (id),
        user_id uuid references auth.users (id),
        role text not null check (role in ('guest', 'member', 'owner')),
        primary key (team_id, user_id)
    );
    """
    asking = "select role, user_id::text from public.members as m where team_id = '{}' order by 1"
    found, _ = fill(EMPTY, members, asking=asking.format(made_organization(1)), personas=MADE)
    assert found == [("member", made_user(2)), ("owner", made_user(1))]


def test_who_is_of_two_organizations_becomes_a_member_of_both(fill: Fill) -> None:
    members = """
    create table public.members (
        team_id uuid references public.teams (id), user_id uuid references auth.users (id),
        primary key (team_id, user_id)
    );
    """
    owner = replace(MADE["owner"], also_of=(made_organization(2),))
    asking = f"select team_id::text from public.members where user_id = '{made_user(1)}' order by 1"
    people = replace(MADE, everyone=(owner, *MADE.everyone[1:]))
    found, filled = fill(EMPTY, members, asking=asking, personas=people)
    assert found == [(made_organization(1),), (made_organization(2),)]
    assert filled.unfilled == ()


@pytest.mark.parametrize(
    ("roles", "expected"),
    [
        (("super_admin", "tenant_admin", "staff", "member"), ["member", "tenant_admin"]),
        (("platform_owner", "org_owner", "org_member"), ["org_member", "org_owner"]),
        (("superuser", "boss", "clerk"), ["clerk", "boss"]),
        (("super_admin",), ["super_admin", "super_admin"]),
    ],
)
def test_made_people_stand_above_no_organization_unless_all_do(
    fill: Fill, roles: tuple[str, ...], expected: list[str]
) -> None:
    labels = ", ".join(f"'{role}'" for role in roles)
    members = f"""
    create type public.rank as enum ({labels});
    create table public.members (
        team_id uuid references public.teams (id),
        user_id uuid references auth.users (id),
        admin_role public.rank not null default {labels.split(", ")[-1]},
        primary key (team_id, user_id)
    );
    """
    asking = (
        "select admin_role::text from public.members "
        f"where user_id in ('{made_user(1)}', '{made_user(2)}') order by user_id desc"
    )
    found, _ = fill(EMPTY, members, asking=asking, personas=MADE)
    assert [role for (role,) in found] == expected


def test_who_belongs_to_no_organization_gets_no_role_that_holds_in_all_of_them(fill: Fill) -> None:
    roles = """
    create type public.app_role as enum ('admin', 'member');
    create table public.roles (
        team_id uuid references public.teams (id), user_id uuid references auth.users (id),
        role public.app_role not null, unique (team_id, user_id, role)
    );
    """
    guest = Persona("guest", "authenticated", made_user(3), claims={"is_anonymous": True})
    people = replace(MADE, everyone=(*MADE.everyone, guest))
    asking = "select user_id::text from public.roles where team_id is null"
    found, filled = fill(EMPTY, roles, asking=asking, personas=people)
    assert found == []
    assert filled.unfilled == ()


def test_a_first_row_is_not_gone_yet_and_a_second_one_is(fill: Fill) -> None:
    marked = "alter table public.notes add deleted_at timestamptz, add read_at timestamptz;"
    asking = f"select deleted_at is null, read_at is null from public.notes where user_id = '{ANN}'"
    found, _ = fill(EMPTY, marked, asking=f"{asking} order by id")
    assert found == [(True, False), (False, False)]


def test_made_people_own_something_beside_seeded_rows(fill: Fill) -> None:
    found, _ = fill(NOTES, asking=count("notes", f"user_id = '{made_user(1)}'"), personas=MADE)
    assert found == [(1,)]


def test_a_profile_that_a_trigger_made_is_moved_into_the_organization(fill: Fill) -> None:
    profiles = """
    create table public.profiles (id uuid primary key references auth.users (id), team_id uuid);
    create function public.sign_up() returns trigger language plpgsql security definer as $$
    begin
        insert into public.profiles (id) values (new.id);
        return new;
    end $$;
    create trigger sign_up after insert on auth.users for each row
    execute function public.sign_up();
    """
    asking = f"select team_id::text from public.profiles where id = '{made_user(1)}'"
    found, _ = fill(profiles, asking=asking, personas=MADE)
    assert found == [(made_organization(1),)]


def test_a_broken_sign_up_trigger_does_not_keep_people_away_and_is_told(fill: Fill) -> None:
    broken = """
    create function public.sign_up() returns trigger language plpgsql as $$
    begin
        insert into public.nowhere values (new.id);
        return new;
    end $$;
    create trigger sign_up after insert on auth.users for each row
    execute function public.sign_up();
    """
    body = "select prosrc ~ 'nowhere' from pg_proc where proname = 'sign_up'"
    found, filled = fill(EMPTY, broken, asking=body, personas=MADE)
    assert found == [(True,)]
    assert "owner signed up without triggers (SQLSTATE 42P01)" in {
        one.reason for one in filled.unfilled
    }


@pytest.mark.parametrize(
    "columns",
    [
        "v int primary key",
        "v int generated always as identity primary key, w int generated always as (v * 2) stored",
        "v text not null unique, w varchar(3) not null, x char(2) not null",
        "v text not null check (v ~ '^[a-z]+$')",
        "v text not null check (v ~ '^[0-9a-f]{64}$'), w text not null check (length(w) = 40)",
        "v jsonb not null check (jsonb_typeof(v) = 'object' and v <> '{}')",
        "v text not null check (length(v) = 6), w text not null check (w in ('x', 'y'))",
        "v int not null check (v between 18 and 19), w numeric not null check (w > 0 and w < 1)",
        "a date not null, b date not null, check (b > a)",
        "a int, b int, check (num_nonnulls(a, b) = 1)",
        "a int not null default 0, b int generated always as (a + 1) stored, check (b > 1)",
        "a int[] not null default '{}', check (cardinality(a) > 0)",
        "v jsonb not null, w bytea not null, x inet not null, y interval not null, z uuid not null",
        "v jsonb not null check (jsonb_typeof(v) = 'array')",
        "during tstzrange not null, exclude using gist (during with &&)",
        "v boolean not null, w timestamptz not null, x time not null, y real not null",
        "v public.mood not null, w public.mood[] not null, x public.age not null",
        "v public.email not null unique",
    ],
)
def test_values_are_found_for(columns: str, fill: Fill) -> None:
    types = """
    create type public.mood as enum ('good', 'bad');
    create domain public.age as int not null check (value >= 18);
    create domain public.email as text check (value ~ '^[^@]+@[^@]+$');
    """
    found, filled = fill(types, f"create table public.t ({columns});", asking=count("t"))
    assert found[0][0] > 0, filled.unfilled
    assert filled.unfilled == ()


@pytest.mark.parametrize("using", ["id = (select auth.uid())", "auth.uid() = id"])
def test_a_profile_is_its_users_where_only_a_policy_says_so(fill: Fill, using: str) -> None:
    profiles = f"""
    create table public.people (id uuid primary key, name text);
    alter table public.people enable row level security;
    create policy "people read themselves" on public.people for select using ({using});
    create table public.tasks (
        id serial primary key, writer uuid not null references public.people (id), title text
    );
    """
    asking = "select t.writer::text from public.tasks as t join auth.users as u on t.writer = u.id"
    found, _ = fill(profiles, asking=asking, personas=replace(PEOPLE, boundary=None))
    assert {ANN} < {writer for (writer,) in found}


def test_foreign_keys_are_followed_in_their_order(fill: Fill) -> None:
    found, filled = fill(
        "create table public.z (id int primary key);"
        "create table public.m (id uuid primary key, z int not null references public.z (id));"
        "create table public.a (m uuid not null references public.m (id));",
        asking=count("a"),
    )
    assert found[0][0] > 0
    assert filled.unfilled == ()


@pytest.mark.parametrize("required", ["", "not null"])
def test_circles_are_closed(required: str, fill: Fill) -> None:
    found, filled = fill(
        f"create table public.a (id uuid primary key, b uuid {required});"
        "create table public.b (id uuid primary key, a uuid not null references public.a (id));"
        "alter table public.a add foreign key (b) references public.b (id);",
        asking=count("b"),
    )
    assert found[0][0] > 0
    assert filled.unfilled == ()


def test_home_and_away_differ(fill: Fill) -> None:
    found, _ = fill(
        "create table public.clubs (id int primary key);"
        "create table public.games (id int primary key, home int not null references public.clubs,"
        " away int not null references public.clubs, check (home <> away));",
        asking=count("games"),
    )
    assert found[0][0] > 0


def test_flags_are_seen_set_and_unset(fill: Fill) -> None:
    found, _ = fill(
        "create table public.posts (id int generated always as identity primary key,"
        " author_id uuid references auth.users (id), published boolean not null default false);",
        asking="select distinct published from public.posts order by 1",
    )
    assert found == [(False,), (True,)]


def test_a_trigger_that_refuses_everything_is_stepped_around_and_there_again_afterwards(
    fill: Fill,
) -> None:
    found, filled = fill(
        "create table public.t (v int not null);"
        "create function public.no() returns trigger language plpgsql as"
        " $$ begin raise exception 'no'; end $$;"
        "create trigger no before insert on public.t for each row execute function public.no();",
        asking="select (select count(*) > 0 from public.t), tgenabled = 'O' from pg_trigger"
        " where tgname = 'no'",
    )
    assert found == [(True, True)]
    assert filled.unfilled == ()


UNFILLABLE = "create table public.never (v int not null, constraint never_ever check (false));"


def test_what_cannot_be_filled_is_unproven_with_code_and_constraint(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(UNFILLABLE.encode())
        matrix = examine(connection, MADE).matrix
    reasons = {u.reason for u in matrix.unproven if u.relation == "public.never"}
    reason = "the relation has no row: no row was taken (SQLSTATE 23514, constraint never_ever)"
    assert reason in reasons


def test_what_needs_an_unfillable_row_says_so(fill: Fill) -> None:
    _, filled = fill(
        UNFILLABLE.replace("v int", "v int primary key"),
        "create table public.after (v int not null references public.never (v));",
        asking="select 1",
    )
    why = filled.why_empty("public.after")
    assert why is not None
    assert "SQLSTATE 23502, column v, needs a row of public.never" in why


def test_files_lie_in_each_bucket_in_folders_of_the_user_and_the_organization(fill: Fill) -> None:
    found, _ = fill(
        "insert into storage.buckets (id, name) values ('a', 'a'), ('b', 'b');"
        "create policy own on storage.objects for select to authenticated using (true);",
        asking="select bucket_id, name from storage.objects order by 1, 2",
        personas=MADE,
    )
    owner = {(b, f"{folder}/made.txt") for b in "ab" for folder in (made_user(1),)}
    home = {(b, f"{made_organization(1)}/made.txt") for b in "ab"}
    assert owner | home <= set(found)


def test_filling_is_rolled_back(fill: Fill, url: str) -> None:
    fill(EMPTY, asking="select 1", personas=MADE)
    with psycopg.connect(url) as connection:
        left = connection.execute(
            "select (select count(*) from public.notes), (select count(*) from public.teams),"
            " (select count(*) from auth.users)"
        ).fetchone()
    assert left == (0, 0, USERS.count("('"))


def test_a_user_who_is_nobody_is_still_refused_where_there_are_users(look: Look) -> None:
    assert not is_made(ANN)
    assert not is_made(ZETA)
    assert not is_made("17")
    assert is_made("900000001")
    matrix = look(NOTES, personas=Personas(("public",), None, (MADE.everyone[0],)))
    assert isinstance(matrix, Matrix)
