"""A secret that can be read is found, wherever it comes out."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.rls.conftest import ACME, ANN, NOTES
from tests.rls.findings.conftest import EVERYONE, PLAIN, Find, run_psql
from tests.rls.findings.test_boundary import MEMBER_TWICE, MY_TEAMS
from tests.rls.test_matrix import OWN, TEAM, policy

READABLE, EXPOSED, PUBLISHED = "secret-readable", "secret-exposed", "secret-published"
TEAM_READS = policy("select", TEAM)
NO_SECRET = (
    "revoke select on public.notes from anon, authenticated;"
    "grant select (id, team_id, user_id, title) on public.notes to authenticated;"
)


def test_a_secret_read_by_colleagues_is_a_warning(find: Find) -> None:
    assert find(NOTES, TEAM_READS).said(READABLE, "ann") == ["warning notes"]


@pytest.mark.parametrize(("seen", "expected"), [(MY_TEAMS, "warning"), ("true", "error")])
def test_who_is_of_two_teams_reads_no_strangers_secret_unless_others_do(
    find: Find, seen: str, expected: str
) -> None:
    """Ann is of both, though rls.toml does not say so; bob is of one."""
    found = find(NOTES, MEMBER_TWICE, policy("select", seen))
    assert found.said(READABLE, "ann") == [f"{expected} notes"]


def test_the_fix_takes_the_secret_away_and_leaves_the_rest(find: Find, url: str) -> None:
    (finding,) = (f for f in find(NOTES, TEAM_READS) if f.persona == "ann")
    assert find(finding.fix) == []
    reading = f'set role authenticated; set request.jwt.claims = \'{{"sub": "{ANN}"}}\';'
    assert run_psql(url, f"{reading} select count(title) from public.notes;")[-1] == "2"


def test_a_column_that_is_no_secret_is_not(find: Find) -> None:
    rename = "alter table public.notes rename secret to remark;"
    assert find(NOTES, rename, TEAM_READS).said(READABLE) == []


@pytest.mark.parametrize(
    "name",
    [
        "secret_set",
        "token_count",
        "password_changed_at",
        "password_policy",
        "password_policy_config",
    ],
)
def test_what_only_tells_of_a_secret_is_not(find: Find, name: str) -> None:
    rename = f"alter table public.notes rename secret to {name};"
    assert find(NOTES, rename, TEAM_READS).said(READABLE) == []


@pytest.mark.parametrize("name", ["policy_password", "password_config"])
def test_what_may_hold_a_secret_is(find: Find, name: str) -> None:
    rename = f"alter table public.notes rename secret to {name};"
    assert find(NOTES, rename, TEAM_READS).said(READABLE, "ann") == ["warning notes"]


def test_a_token_that_colleagues_read_may_be_meant_for_them(find: Find) -> None:
    rename = "alter table public.notes rename secret to token;"
    assert find(NOTES, rename, TEAM_READS).said(READABLE, "ann") == ["info notes"]


def test_ones_own_secret_may_be_shown_unless_rls_toml_says_no(find: Find) -> None:
    assert find(NOTES, policy("select", OWN)).said(READABLE) == []


def test_a_declared_secret_may_be_read_by_nobody(find: Find) -> None:
    declared = replace(EVERYONE, secrets=("notes.title",))
    found = find(NOTES, NO_SECRET, policy("select", OWN), personas=declared)
    assert found.said(READABLE, "ann") == ["error notes"]
    assert [f.columns for f in found if (f.rule, f.persona) == (READABLE, "ann")] == [("title",)]


def test_a_secret_read_by_nobody_who_signed_in_is_an_error(find: Find) -> None:
    found = find(NOTES, 'create policy "all" on public.notes for select to anon using (true);')
    assert found.said(READABLE, "visitor") == ["error notes"]


def test_a_secret_that_is_not_granted_is_no_finding(find: Find) -> None:
    assert find(NOTES, NO_SECRET, TEAM_READS) == []


@pytest.mark.parametrize(("column", "expected"), [("secret", ["error shown"]), ("title", [])])
def test_a_view_that_shows_a_secret_is_found(find: Find, column: str, expected: list[str]) -> None:
    view = (
        f"create view public.shown as select team_id, user_id, {column} as told"
        f" from public.notes where team_id = '{ACME}';"
        "revoke all on public.shown from anon, authenticated;"
        "grant select on public.shown to authenticated;"
    )
    assert find(NOTES, NO_SECRET, TEAM_READS, view).said(EXPOSED, "ann") == expected


@pytest.mark.parametrize(("column", "expected"), [("secret", ["error history"]), ("title", [])])
def test_a_trigger_that_copies_a_secret_is_found(
    find: Find, column: str, expected: list[str]
) -> None:
    history = (
        "create table public.history (team_id uuid, told jsonb);"
        f"insert into public.history values ('{ACME}', '{{}}');"
        "alter table public.history enable row level security;"
        f"create policy read on public.history for select to authenticated using ({TEAM});"
        "create function public.remember() returns trigger language plpgsql security definer as $$"
        " begin insert into public.history"
        f" values (new.team_id, jsonb_build_object('new', new.{column})); return new; end $$;"
        "create trigger remember after update on public.notes"
        " for each row execute function public.remember();"
    )
    assert find(NOTES, NO_SECRET, TEAM_READS, history).said(EXPOSED, "ann") == expected


@pytest.mark.parametrize(
    ("columns", "expected"),
    [("", ["warning publication supabase_realtime"]), ("(id, title)", [])],
)
def test_a_publication_that_sends_a_secret_is_found(
    find: Find, columns: str, expected: list[str]
) -> None:
    publish = f"alter publication supabase_realtime add table public.notes {columns};"
    assert find(NOTES, NO_SECRET, TEAM_READS, publish).said(PUBLISHED) == expected


KEYS = """
alter table public.notes rename remark to api_key;
update public.notes set api_key = 'canary-' || id;
revoke select on public.notes from authenticated, anon;
grant select (id, team_id, user_id, title) on public.notes to authenticated;
"""


@pytest.mark.parametrize(("security", "expected"), [("definer", ["error"]), ("invoker", [])])
def test_a_constraint_that_tells_the_row_is_found(
    find: Find, security: str, expected: list[str]
) -> None:
    rename = (
        f"create function public.rename(id bigint, title text) returns void language sql"
        f" security {security} set search_path = '' as"
        " $$ update public.notes as n set title = rename.title where n.id = rename.id $$;"
    )
    found = find(PLAIN, KEYS, rename).said("secret-in-error", "ann")
    assert [one.split()[0] for one in found] == expected


@pytest.mark.parametrize(("column", "expected"), [("api_key", ["error notes"]), ("title", [])])
def test_a_trigger_that_tells_what_may_not_be_read_is_found(
    find: Find, column: str, expected: list[str]
) -> None:
    guard = (
        "create function public.guard() returns trigger language plpgsql as $$"
        f" begin raise exception 'was %', old.{column}; end $$;"
        "create trigger guard before update on public.notes"
        " for each row execute function public.guard();"
    )
    found = find(PLAIN, KEYS, guard, policy("update", OWN), policy("select", OWN))
    assert found.said("secret-in-error", "ann") == expected


def test_a_value_that_was_handed_in_and_comes_back_is_none_told(find: Find) -> None:
    check = (
        "create function public.check_key(api_key text) returns void language plpgsql"
        " security definer set search_path = '' as"
        " $$ begin raise exception '% is no key', api_key; end $$;"
    )
    assert find(PLAIN, KEYS, check).said("secret-in-error") == []


READ, FILTER, SORT = (
    "select api_key from public.notes",
    "select count(*) from public.notes where api_key like 'c%'",
    "select id from public.notes order by api_key",
)
FILTERED_WRITE = "update public.notes set title = title where api_key like 'c%'"


@pytest.mark.parametrize("granted", [True, False])
@pytest.mark.parametrize("statement", [READ, FILTER, SORT, FILTERED_WRITE])
def test_who_may_filter_by_a_secret_may_read_it_and_is_found(
    find: Find, url: str, statement: str, granted: bool
) -> None:
    grant = "grant select (api_key) on public.notes to authenticated;" if granted else ""
    found = find(PLAIN, KEYS, grant, policy("select", TEAM), policy("update", TEAM))
    assert bool(found.said(READABLE, "ann")) is granted
    refused = run_psql(url, f"set role authenticated; {statement};")[-1].endswith("42501")
    assert refused is not granted


@pytest.mark.parametrize(
    ("calls", "expected"), [("pg_read_file('x')", []), ("pg_size_pretty(1)", ["error notes"])]
)
def test_a_trigger_that_reaches_outside_is_not_made_to_fail(
    find: Find, calls: str, expected: list[str]
) -> None:
    guard = (
        "create function public.guard() returns trigger language plpgsql as $$"
        f" begin if false then perform {calls}; end if; raise exception 'was %', old.api_key;"
        " end $$; create trigger guard before update on public.notes"
        " for each row execute function public.guard();"
    )
    found = find(PLAIN, KEYS, guard, policy("update", OWN), policy("select", OWN))
    assert found.said("secret-in-error", "ann") == expected
