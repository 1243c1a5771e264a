"""What needs nobody to be signed in is found, and judged by what it shows."""

from __future__ import annotations

import pytest
from tests.rls.conftest import ACME, ANN
from tests.rls.findings.conftest import ALONE, PLAIN, Find

READ, WRITE = "anonymous-read", "anonymous-write"


def for_anon(command: str, using: str = "", check: str = "") -> str:
    clauses = f"{f'using ({using})' if using else ''} {f'with check ({check})' if check else ''}"
    return f'create policy "anon {command}" on public.notes for {command} to anon {clauses};'


def test_a_table_without_row_security_is_an_error(find: Find) -> None:
    found = find(PLAIN, "alter table public.notes disable row level security;")
    assert found.said(READ) == ["error notes"]
    assert set(found.said(WRITE)) == {"error notes"}
    fixes = {f.fix for f in found if f.persona == "visitor"}
    assert fixes == {'alter table "public"."notes" enable row level security;'}


def test_a_table_of_nobodys_rows_without_grants_to_write_is_no_finding(find: Find) -> None:
    countries = (
        "create table public.countries (code text primary key); insert into public.countries"
        " values ('au'); revoke all on public.countries from anon, authenticated;"
        "grant select on public.countries to anon, authenticated;"
    )
    assert find(countries) == []


@pytest.mark.parametrize(
    ("using", "expected"), [("true", "warning notes"), ("id = 1", "info notes")]
)
def test_all_rows_of_teams_are_a_warning_and_some_are_published(
    find: Find, using: str, expected: str
) -> None:
    assert find(PLAIN, for_anon("select", using)).said(READ) == [expected]


@pytest.mark.parametrize(("team", "severity"), [("null", "info"), (f"'{ACME}'", "warning")])
def test_rows_that_could_be_of_a_team_and_are_of_none_may_be_public(
    find: Find, team: str, severity: str
) -> None:
    prices = f"""
    create table public.prices (id bigint primary key, team_id uuid references public.teams (id));
    insert into public.prices values (1, {team}), (2, null);
    alter table public.prices enable row level security;
    create policy "all" on public.prices for select using (true);
    """
    assert find(PLAIN, prices).said("anonymous-read") == [f"{severity} prices"]


def test_rows_of_users_may_be_public(find: Find) -> None:
    assert find(PLAIN, for_anon("select", "true"), personas=ALONE).said(READ) == ["info notes"]


def test_rows_of_users_with_an_email_may_not(find: Find) -> None:
    email = "alter table public.notes add email text;"
    found = find(PLAIN, email, for_anon("select", "true"), personas=ALONE)
    assert found.said(READ) == ["error notes"]
    assert "with email" in next(f.message for f in found if f.rule == READ)


@pytest.mark.parametrize(("command", "using"), [("update", "true"), ("delete", "true")])
def test_changing_and_removing_is_an_error(find: Find, command: str, using: str) -> None:
    found = find(PLAIN, for_anon(command, using))
    assert found.said(WRITE) == ["error notes"]


def test_adding_in_the_name_of_somebody_is_a_warning(find: Find) -> None:
    assert find(PLAIN, for_anon("insert", check="true")).said(WRITE) == ["warning notes"]


def test_a_form_for_everybody_is_only_told(find: Find) -> None:
    letters = (
        "create table public.letters (id bigint generated always as identity primary key,"
        " body text); alter table public.letters enable row level security;"
        'create policy "write" on public.letters for insert to anon with check (true);'
        "insert into public.letters (body) values ('hello');"
    )
    assert find(letters).said(WRITE) == ["info letters"]


def test_a_view_that_runs_as_its_owner_is_told_how_to_be_fixed(find: Find) -> None:
    view = "create view public.titles as select team_id, user_id, title from public.notes;"
    found = find(PLAIN, view, "revoke insert, update, delete on public.titles from anon;")
    fix = next(f.fix for f in found if f.rule == READ)
    assert fix == 'alter view "public"."titles" set (security_invoker = true);'
    assert f"'{ACME}'" not in found[0].fix
    assert ANN not in found[0].fix
