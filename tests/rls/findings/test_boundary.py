"""What crosses from one organization to another is found, and what does not is left alone."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from tests.rls.conftest import ACME, ANN, BOB, CYD, ZETA
from tests.rls.findings.conftest import ALONE, EVERYONE, PLAIN, Find
from tests.rls.test_matrix import OWN, TEAM, policy

from ephraim_db.rls import Personas
from ephraim_db.rls.findings import boundary_reads, examine

THIRD = "00000000-0000-4000-8000-0000000000f1"
OF_BOTH = replace(
    EVERYONE, everyone=(replace(EVERYONE["ann"], also_of=(ZETA,)), *EVERYONE.everyone[1:])
)
"""Ann is of both teams, and rls.toml says so."""
READ, WRITE = "cross-boundary-read", "cross-boundary-write"


def test_reading_another_team_is_found(find: Find) -> None:
    found = find(PLAIN, policy("select", "true"))
    assert found.said(READ, "ann") == ["error notes"]


@pytest.mark.parametrize("using", [TEAM, OWN])
def test_reading_ones_team_or_oneself_is_not(find: Find, using: str) -> None:
    assert find(PLAIN, policy("select", using)) == []


def test_a_script_names_who_reads_what_and_ends_in_a_rollback(find: Find) -> None:
    found = find(PLAIN, policy("select", "true"))
    script = found[0].sql
    assert script.startswith("-- ann reads rows of another team in public.notes\nbegin;\n")
    assert script.endswith("\nrollback;\n")
    assert ANN in script
    assert "canary" not in script


def test_the_policy_to_look_at_is_named(find: Find) -> None:
    found = find(PLAIN, 'create policy "all read" on public.notes for select using (true);')
    assert '"all read"' in found[0].fix


def test_rows_shared_on_purpose_are_some_and_only_told(find: Find) -> None:
    more = f"insert into public.notes (team_id, user_id, title) values ('{ZETA}', '{CYD}', 'pub');"
    found = find(PLAIN, more, policy("select", f"{TEAM} or title = 'pub'"))
    assert found.said(READ) == ["info notes", "info notes"]


def test_who_has_no_row_of_others_to_read_is_not_held_from_them(find: Find) -> None:
    """All the notes are bob's or his team's after this, so what he may not read is not seen."""
    all_of_bob = (
        f"alter table public.notes add writer uuid references auth.users (id) default '{BOB}';"
    )
    found = find(PLAIN, all_of_bob, policy("select", "true"))
    assert set(found.said(READ, "ann")) == {"error notes"}
    assert found.said(READ, "bob") == []


TIPS = f"""
create table public.tips (id bigint primary key, team_id uuid references public.teams (id));
create table public.parts (tip_id bigint primary key references public.tips (id));
insert into public.tips values (1, null), (2, null);
insert into public.parts values (1), (2);
alter table public.tips enable row level security;
alter table public.parts enable row level security;
{policy("select", "true", on="tips")}
{policy("select", "true", on="parts")}
"""


@pytest.mark.parametrize(
    ("team", "severity"), [("null", "info"), (f"'{ACME}'", "info"), (f"'{ZETA}'", "error")]
)
def test_rows_that_are_of_no_team_are_only_told(find: Find, team: str, severity: str) -> None:
    given = f"update public.tips set team_id = {team} where id = 1;"
    found = find(PLAIN, TIPS, given)
    assert found.said(READ, "ann") == [f"{severity} parts", f"{severity} tips"]


def test_who_reads_more_than_colleagues_is_a_warning(find: Find) -> None:
    found = find(PLAIN, policy("select", f"{TEAM} or (select auth.uid()) = '{BOB}'"))
    assert found.said(READ, "bob") == ["warning notes"]
    assert found.said(READ, "ann") == []


def test_a_member_of_two_teams_is_not_judged(find: Find) -> None:
    both = (
        "create table public.members (user_id uuid references auth.users, team_id uuid"
        " references public.teams, primary key (user_id, team_id));"
        "alter table public.members enable row level security;"
        f"insert into public.members values ('{ANN}', '{ACME}'), ('{ANN}', '{ZETA}'),"
        f" ('{BOB}', '{ACME}');"
    )
    found = find(PLAIN, both, policy("select", "true"))
    assert found.said(READ, "ann") == []
    assert found.said(READ, "bob") == ["error notes"]


@pytest.mark.parametrize(
    ("command", "clauses", "expected"),
    [
        ("insert", ("", "true"), "error notes"),
        ("update", ("true",), "error notes"),
        ("delete", ("true",), "error notes"),
        ("insert", ("", TEAM), None),
        ("update", (TEAM,), None),
        ("delete", (TEAM,), None),
    ],
)
def test_writing_for_another_team_is_found(
    find: Find, command: str, clauses: tuple[str, ...], expected: str | None
) -> None:
    found = find(PLAIN, policy("select", TEAM), policy(command, *clauses))
    assert found.said(WRITE, "ann") == ([expected] if expected else [])


def test_a_blind_write_past_what_select_shows_is_found_without_any_select(find: Find) -> None:
    found = find(PLAIN, policy("delete", "true"))
    assert found.said(WRITE, "ann") == ["error notes"]


OOPS = 'create policy "oops" on public.notes for select to authenticated using (true);'


def test_the_fix_names_the_policy_that_was_seen_to_let_it_pass(find: Find) -> None:
    found = find(PLAIN, policy("select", TEAM), OOPS)
    assert {f.fix.partition(" on ")[0] for f in found if f.rule == READ} == {'In policy "oops"'}


def test_making_a_team_is_signing_up_and_no_crossing(find: Find) -> None:
    assert find(PLAIN, policy("insert", check="true", on="teams")).said(WRITE) == []


MEMBER_TWICE = f"""
create table public.members (
    user_id uuid references auth.users (id),
    team_id uuid references public.teams (id),
    primary key (user_id, team_id)
);
insert into public.members values
('{ANN}', '{ACME}'), ('{ANN}', '{ZETA}'), ('{BOB}', '{ACME}'), ('{CYD}', '{ZETA}');
insert into public.teams values ('{THIRD}', 'Third');
insert into public.notes (team_id, user_id, title) values ('{THIRD}', '{CYD}', 'of a third team');
alter table public.members enable row level security;
create policy "own" on public.members for select to authenticated using (user_id = auth.uid());
"""
MY_TEAMS = "team_id in (select m.team_id from public.members as m)"


@pytest.mark.parametrize(("seen", "expected"), [("true", ["error notes"]), (MY_TEAMS, [])])
def test_who_is_a_member_of_two_teams_is_judged_by_both(
    find: Find, seen: str, expected: list[str]
) -> None:
    found = find(PLAIN, MEMBER_TWICE, policy("select", seen), personas=OF_BOTH)
    assert found.said(READ, "ann") == expected


@pytest.mark.parametrize(("check", "expected"), [("true", ["error notes"]), (MY_TEAMS, [])])
def test_a_row_may_only_be_moved_between_teams_of_ones_own(
    find: Find, check: str, expected: list[str]
) -> None:
    moving = policy("select", MY_TEAMS) + policy("update", MY_TEAMS, check)
    assert find(PLAIN, MEMBER_TWICE, moving, personas=OF_BOTH).said(MOVE, "ann") == expected


@pytest.mark.parametrize(("personas", "told"), [(EVERYONE, True), (OF_BOTH, False)])
def test_a_membership_that_rls_toml_does_not_name_is_told(
    url: str, personas: Personas, told: bool
) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"{PLAIN} {MEMBER_TWICE}".encode())
        matrix = examine(connection, personas, rules=[boundary_reads.find]).matrix
    left_out = [one for one in matrix.unproven if one.of_search]
    assert [(one.persona, one.relation) for one in left_out] == (
        [("ann", "public.members")] if told else []
    )


MOVE = "row-moved-out"


def test_a_row_given_to_another_team_is_found(find: Find) -> None:
    found = find(PLAIN, policy("select", "true"), policy("update", TEAM, "true"))
    assert found.said(MOVE, "ann") == ["error notes"]
    assert next(f.columns for f in found if f.rule == MOVE) == ("team_id",)


def test_a_row_that_only_a_blind_update_gives_away_is_found(find: Find) -> None:
    found = find(PLAIN, policy("select", TEAM), policy("update", TEAM, "true"))
    assert "error notes" in found.said(MOVE, "ann")


MERGE = "merge into public.notes as n using (values (1)) as v on {} when matched then update set {}"
UPSERT = (
    f"insert into public.notes (id, team_id, user_id, title) values (1, '{ACME}', '{ANN}', 'x')"
    " on conflict (id) do update set {}"
)
AWAY = f"team_id = '{ZETA}'"


@pytest.mark.parametrize(
    ("statement", "moves"),
    [
        (f"update public.notes set {AWAY}", True),
        (MERGE.format("true", AWAY), False),
        (MERGE.format("n.id = 1", AWAY), False),
        (UPSERT.format(AWAY), False),
        (UPSERT.format("title = 'y'"), True),
    ],
)
def test_neither_merge_nor_upsert_gives_away_what_an_update_by_key_cannot(
    url: str, statement: str, moves: bool
) -> None:
    policies = f"{policy('select', TEAM)} {policy('insert', check=TEAM)}"
    with psycopg.connect(url) as connection:
        connection.execute(f"{PLAIN} {policies} {policy('update', TEAM, 'true')}".encode())
        connection.execute("set local role authenticated")
        try:
            assert (connection.execute(statement.encode()).rowcount > 0) is moves
        except psycopg.errors.InsufficientPrivilege:
            assert not moves


def test_a_checked_row_stays_blind_or_not(find: Find) -> None:
    found = find(PLAIN, policy("select", TEAM), policy("update", TEAM, TEAM))
    assert found.said(MOVE) == []


def test_a_checked_row_stays(find: Find) -> None:
    found = find(PLAIN, policy("select", "true"), policy("update", TEAM, TEAM))
    assert found.said(MOVE) == []


def test_a_trigger_that_keeps_the_team_quietly_is_seen(find: Find) -> None:
    keep = (
        "create function public.keep() returns trigger language plpgsql as $$ begin"
        " new.team_id := old.team_id; return new; end $$;"
        "create trigger keep before update on public.notes"
        " for each row execute function public.keep();"
    )
    found = find(PLAIN, keep, policy("select", TEAM), policy("update", TEAM, "true"))
    assert found.said(MOVE) == []


OTHERS = "others-rows-written"


def test_without_teams_another_users_row_is_the_boundary(find: Find) -> None:
    found = find(PLAIN, policy("select", "true"), policy("update", "true"), personas=ALONE)
    assert found.said(OTHERS, "ann") == ["error notes"]


def test_without_teams_ones_own_row_may_be_changed(find: Find) -> None:
    assert find(PLAIN, policy("select", "true"), policy("update", OWN), personas=ALONE) == []


def test_a_row_addressed_to_another_is_only_a_warning(find: Find) -> None:
    found = find(PLAIN, policy("insert", check="true"), personas=ALONE)
    assert found.said(OTHERS, "ann") == ["warning notes"]


@pytest.mark.parametrize(("check", "expected"), [("true", ["warning notes"]), (OWN, [])])
@pytest.mark.parametrize("seen", ["true", OWN])
def test_a_row_put_in_the_name_of_another_is_found(
    find: Find, seen: str, check: str, expected: list[str]
) -> None:
    """Where only the owner sees a row, an update that names rows is stopped by that."""
    found = find(PLAIN, policy("select", seen), policy("update", OWN, check), personas=ALONE)
    assert found.said(OTHERS, "ann") == expected
    assert all(f.columns == ("user_id",) for f in found if f.rule == OTHERS)


FILES = f"""
create table {{files}} (id bigint primary key, owner uuid);
insert into {{files}} values (1, '{ANN}'), (2, '{CYD}');
"""
STORED = f"""
insert into storage.buckets (id, name) values ('b', 'b');
insert into storage.objects (bucket_id, name, owner)
values ('b', '1', '{ANN}'), ('b', '2', '{CYD}');
"""


@pytest.mark.parametrize(
    ("rows", "files", "expected"),
    [
        (STORED, "storage.objects", []),
        (FILES.format(files="public.objects"), "public.objects", ["warning objects"]),
    ],
)
def test_whose_a_file_is_only_storage_writes_down(
    find: Find, rows: str, files: str, expected: list[str]
) -> None:
    policies = f"""
    alter table {files} enable row level security;
    create policy "see" on {files} for select using (owner = auth.uid());
    create policy "name" on {files} for update to authenticated using (owner = auth.uid())
    with check (true);
    """
    if files == "storage.objects":
        policies = policies.replace(f"alter table {files} enable row level security;", "")
    assert find(PLAIN, rows, policies, personas=ALONE).said(OTHERS, "ann") == expected


def test_a_row_of_the_team_may_be_handed_to_a_colleague(find: Find) -> None:
    assert find(PLAIN, policy("select", TEAM), policy("update", TEAM, TEAM)).said(OTHERS) == []


def test_a_script_brings_the_rows_that_an_empty_database_lacks(find: Find) -> None:
    parts = [part for part in PLAIN.split(";") if part.strip() and "insert" not in part]
    tables = "".join(f"{part};" for part in parts)
    found = find(tables, policy("select", "true"))
    assert found.said(READ, "ann") == ["error notes"]
    assert "-- rows, because the database has none" in found[0].sql
