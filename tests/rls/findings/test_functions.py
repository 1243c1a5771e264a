"""A function that steps past policies for its caller is found by what it returns and changes."""

from __future__ import annotations

import pytest
from tests.rls.conftest import ACME, NOTES, ZETA
from tests.rls.findings.conftest import ALONE, PLAIN, Find

READS, WRITES = "definer-function-reads", "definer-function-writes"
CLOSED = "revoke all on public.notes, public.teams from anon, authenticated;"
NOT_MEMBERS = "revoke execute on function public.{} from public, authenticated;"


def reading(rights: str) -> str:
    return (
        "create function public.find_notes(p_team_id uuid) returns setof public.notes"
        f" language sql {rights} as $$ select * from public.notes as n"
        " where n.team_id = p_team_id $$;"
    )


@pytest.mark.parametrize(
    ("rights", "expected"),
    [("security definer", "warning find_notes(uuid)"), ("security invoker", None)],
)
def test_what_a_definer_function_returns_to_anybody_is_found(
    find: Find, rights: str, expected: str | None
) -> None:
    found = find(PLAIN, CLOSED, reading(rights))
    assert found.said(READS, "visitor") == ([expected] if expected else [])
    assert all("title" in f.columns for f in found if f.rule == READS)


def test_the_rows_that_a_function_is_called_with_are_the_last_whatever_their_ids(
    find: Find,
) -> None:
    """Ids that are made at random would make another run find something else."""
    keys = ("ffffffff", "eeeeeeee", "00000000")
    rows = ", ".join(
        f"('{key}-0000-4000-8000-000000000000', '{ZETA}', 'behind {key}')" for key in keys
    )
    doors = f"""
    create table public.doors (
        id uuid primary key, team_id uuid references public.teams (id), label text
    );
    insert into public.doors values {rows};
    alter table public.doors enable row level security;
    create function public.open_door(p_door_id uuid) returns text language sql security definer
    as $$ select d.label from public.doors as d where d.id = p_door_id and d.label ~ ' 0' $$;
    """
    assert find(PLAIN, CLOSED, doors).said(READS, "ann") == ["warning open_door(uuid)"]


def test_a_secret_that_comes_back_is_an_error(find: Find) -> None:
    found = find(NOTES, CLOSED, reading("security definer"))
    assert found.said(READS, "visitor") == ["error find_notes(uuid)"]
    assert "public.notes.secret" in next(f.message for f in found if f.persona == "visitor")


def test_another_teams_rows_that_come_back_to_a_member_are_found(find: Find) -> None:
    found = find(PLAIN, CLOSED, reading("security definer"))
    assert found.said(READS, "ann") == ["warning find_notes(uuid)"]


def test_a_function_that_keeps_to_the_callers_team_is_not(find: Find) -> None:
    mine = reading("security definer").replace("= p_team_id", f"= p_team_id and team_id = '{ACME}'")
    found = find(NOTES, CLOSED, mine, NOT_MEMBERS.format("find_notes"))
    found = find(
        "grant execute on function public.find_notes to authenticated;"
        "revoke execute on function public.find_notes from anon;"
    )
    assert found.said(READS) == []


def test_what_is_shown_anyway_may_come_back(find: Find) -> None:
    shown = "grant select on public.notes to anon; alter table public.notes drop column secret;"
    public = 'create policy "all" on public.notes for select to anon using (true);'
    found = find(NOTES, CLOSED, shown, public, reading("security definer"))
    assert found.said(READS, "visitor") == []


def test_nobody_is_left_to_call_it_after_the_fix(find: Find) -> None:
    found = find(NOTES, CLOSED, reading("security definer"))
    (fix,) = {f.fix for f in found if f.rule == READS and f.persona == "visitor"}
    assert find(fix).said(READS, "visitor") == []


@pytest.mark.parametrize(
    ("rights", "expected"), [("security definer", ["error clear(uuid)"]), ("", [])]
)
def test_what_a_definer_function_changes_for_anybody_is_found(
    find: Find, rights: str, expected: list[str]
) -> None:
    clear = (
        f"create function public.clear(user_id uuid) returns void language sql {rights} as $$"
        " update public.notes as n set title = '' where n.user_id = clear.user_id $$;"
    )
    found = find(NOTES, CLOSED, clear)
    assert found.said(WRITES, "visitor") == expected
    assert found.said(WRITES, "ann") == expected


def test_a_function_that_adds_what_belongs_to_nobody_is_only_told(find: Find) -> None:
    letters = (
        "create table public.letters (body text); revoke all on public.letters from anon;"
        "create function public.write(body text) returns void language sql security definer as $$"
        " insert into public.letters values (body) $$;"
    )
    assert find(letters, personas=ALONE).said(WRITES, "visitor") == ["info write(text)"]


def test_a_function_that_reaches_outside_is_not_called(find: Find) -> None:
    wait = (
        "create function public.clear(user_id uuid) returns void language sql security definer as"
        " $$ select pg_sleep(100); update public.notes set title = '' $$;"
    )
    assert find(NOTES, CLOSED, wait).said(WRITES) == []
