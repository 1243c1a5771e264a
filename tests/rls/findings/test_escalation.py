"""A write that lets its author get further than before is found by making it and looking again."""

from __future__ import annotations

import psycopg
import pytest
from tests.rls.conftest import ACME, ANN, BOB, CYD, ZETA
from tests.rls.findings.conftest import EVERYONE, PLAIN, Find
from tests.rls.test_matrix import TEAM, policy

from ephraim_db.rls.contract import facts_of
from ephraim_db.rls.contract.facts import Doubt
from ephraim_db.rls.findings import escalation, examine

RULE = "escalation"

MEMBERS = f"""
create table public.members (
    user_id uuid primary key references auth.users (id),
    team_id uuid not null references public.teams (id),
    role text not null default 'member',
    nickname text
);
insert into public.members values
('{ANN}', '{ACME}', 'member', 'a'), ('{BOB}', '{ACME}', 'admin', 'b'),
('{CYD}', '{ZETA}', 'member', 'c');
alter table public.members enable row level security;
revoke all on public.members from anon, authenticated;
grant select on public.members to authenticated;
create policy "own" on public.members for select to authenticated
using (user_id = (select auth.uid()));
create function public.team() returns uuid language sql stable security definer as $$
    select m.team_id from public.members as m where m.user_id = auth.uid()
$$;
create function public.is_admin() returns boolean language sql stable security definer as $$
    select exists (
        select from public.members as m where m.user_id = auth.uid() and m.role = 'admin'
    )
$$;
revoke execute on function public.team, public.is_admin from public, anon;
create policy "team" on public.notes for select to authenticated
using (team_id = public.team());
create policy "admins" on public.notes for update to authenticated
using (team_id = public.team() and public.is_admin());
"""
"""Who is in which team, and as what, decides what may be read and changed."""

UPDATE_OWN = (
    "grant update ({}) on public.members to authenticated;"
    'create policy "change" on public.members for update to authenticated'
    " using (user_id = (select auth.uid()));"
)


@pytest.mark.parametrize(("column", "expected"), [("role", ["error members"]), ("nickname", [])])
def test_who_makes_themselves_admin_is_found(find: Find, column: str, expected: list[str]) -> None:
    found = find(PLAIN, MEMBERS, UPDATE_OWN.format(column))
    assert found.said(RULE, "ann") == expected


def test_doors_whose_names_begin_alike_are_told_apart(find: Find) -> None:
    here, there = (
        f"who_is_in_which_team_and_what_everybody_may_do_{place}" for place in ("a", "b")
    )
    doors = MEMBERS + UPDATE_OWN.format("role")
    other = doors.replace("role", "rank").replace("nickname text", "nickname text, since date")
    for name in ("team()", "team,", "is_admin", '"team"', '"admins"'):
        other = other.replace(name, name.replace("team", "group").replace("admin", "boss"))
    found = find(PLAIN, doors.replace("members", here), other.replace("members", there))
    assert found.said(RULE, "ann") == [f"error {here}", f"error {there}"]


def test_the_path_is_told_from_the_write_to_the_gain(find: Find) -> None:
    found = find(PLAIN, MEMBERS, UPDATE_OWN.format("role"))
    (finding,) = (f for f in found if f.rule == RULE and f.persona == "ann")
    assert finding.columns == ("role",)
    assert finding.message == (
        "ann sets public.members.role to admin -> changes rows of public.notes that were out of "
        "reach before (2)"
    )


def test_the_fix_closes_the_door(find: Find) -> None:
    found = find(PLAIN, MEMBERS, UPDATE_OWN.format("role, nickname"))
    (fix,) = {f.fix for f in found if f.rule == RULE}
    assert find(fix).said(RULE) == []


def test_who_moves_themselves_to_another_team_is_found(find: Find) -> None:
    found = find(PLAIN, MEMBERS, UPDATE_OWN.format("team_id"))
    assert found.said(RULE, "ann") == ["error members"]


JOIN = (
    "alter table public.members drop constraint members_pkey, add primary key (user_id, team_id);"
    "create or replace function public.team() returns uuid language sql stable security definer"
    " as $$ select max(m.team_id::text)::uuid from public.members as m"
    " where m.user_id = auth.uid() $$;"
    "grant insert on public.members to authenticated;"
    'create policy "join" on public.members for insert to authenticated'
    " with check (user_id = (select auth.uid()){});"
)


@pytest.mark.parametrize(("check", "expected"), [("", ["error members"]), (" and false", [])])
def test_who_joins_another_team_is_found(find: Find, check: str, expected: list[str]) -> None:
    found = find(PLAIN, MEMBERS, JOIN.format(check))
    assert found.said(RULE, "ann") == expected


def test_starting_a_team_of_ones_own_is_no_escalation(find: Find) -> None:
    start = (
        'create policy "start" on public.teams for insert to authenticated with check (true);'
        'create policy "see" on public.teams for select to authenticated'
        " using (id = public.team());"
    )
    assert find(PLAIN, MEMBERS, start).said(RULE) == []


TWO_STEPS = """
create table public.staff (user_id uuid primary key references auth.users (id), level text);
insert into public.staff values
('{ann}', 'guest'), ('{bob}', 'boss');
alter table public.staff enable row level security;
revoke all on public.staff from anon, authenticated;
grant select, update (level) on public.staff to authenticated;
create policy "own" on public.staff for select to authenticated
using (user_id = (select auth.uid()));
create policy "change" on public.staff for update to authenticated
using (user_id = (select auth.uid()));
create policy "bosses" on public.members for update to authenticated
using (
    user_id = (select auth.uid())
    and exists (select from public.staff as s where s.user_id = auth.uid() and s.level = 'boss')
);
grant update ({column}) on public.members to authenticated;
"""


@pytest.mark.parametrize(("column", "two"), [("role", True), ("nickname", False)])
def test_a_door_that_opens_another_door_is_followed(find: Find, column: str, two: bool) -> None:
    steps = TWO_STEPS.format(ann=ANN, bob=BOB, column=column)
    found = find(PLAIN, MEMBERS, steps)
    paths = [f.message for f in found if f.rule == RULE and f.persona == "ann"]
    assert (
        any(
            ", then sets public.members.role to admin -> changes rows of public.notes" in p
            for p in paths
        )
        is two
    )


@pytest.mark.parametrize(
    ("column", "expected"), [("role", ["error promote(text)"]), ("nickname", [])]
)
def test_a_function_that_opens_the_door_is_found(
    find: Find, column: str, expected: list[str]
) -> None:
    promote = (
        "create function public.promote(role text) returns void language sql security definer as"
        f" $$ update public.members as m set {column} = promote.role"
        " where m.user_id = auth.uid() $$;"
        "revoke execute on function public.promote from public, anon;"
    )
    assert find(PLAIN, MEMBERS, promote).said(RULE, "ann") == expected


ADMINS_ONLY = "team_id = public.team() and public.is_admin()"
PLAIN_MEMBERS = MEMBERS.partition('create policy "admins"')[0]


@pytest.mark.parametrize(
    ("column", "command", "gain"),
    [
        ("role", policy("delete", ADMINS_ONLY), ["removes rows of public.notes"]),
        ("nickname", policy("delete", ADMINS_ONLY), []),
        ("role", policy("insert", check=ADMINS_ONLY), ["adds rows to public.notes"]),
        ("nickname", policy("insert", check=ADMINS_ONLY), []),
    ],
)
def test_what_may_be_removed_and_added_only_then_is_a_gain(
    find: Find, column: str, command: str, gain: list[str]
) -> None:
    found = find(PLAIN, PLAIN_MEMBERS, command, UPDATE_OWN.format(column))
    paths = [f.message for f in found if f.rule == RULE and f.persona == "ann"]
    assert [" ".join(path.partition(" -> ")[2].split()[:4]) for path in paths] == gain


def test_what_could_be_done_before_is_no_gain(find: Find) -> None:
    anybody = f"{policy('delete', TEAM)} {policy('insert', check=TEAM)}"
    found = find(PLAIN, PLAIN_MEMBERS, anybody, UPDATE_OWN.format("role"))
    assert found.said(RULE, "ann") == []


GUARDED = """
create function public.act(p_team_id uuid) returns setof text
language plpgsql security definer set search_path = '' as $$ begin
    if not exists (
        select from public.members as m where m.user_id = auth.uid() and m.role = 'admin'
    ) then
        raise exception 'You are no admin';
    end if;
    {}
end $$;
revoke execute on function public.act from public, anon;
"""
WIPES = GUARDED.format("delete from public.notes as n where n.team_id = p_team_id;")
TELLS = GUARDED.format(
    "return query select n.title || n.user_id from public.notes as n where n.team_id = p_team_id;"
)


@pytest.mark.parametrize(
    ("column", "function", "gain"),
    [
        ("role", WIPES, ["now changes rows of another team in public.notes"]),
        ("nickname", WIPES, []),
        ("role", TELLS, ["now returns another team's public.notes.title"]),
        ("nickname", TELLS, []),
    ],
)
def test_what_a_function_does_only_then_is_a_gain(
    find: Find, column: str, function: str, gain: list[str]
) -> None:
    found = find(PLAIN, PLAIN_MEMBERS, function, UPDATE_OWN.format(column))
    paths = [f.message for f in found if f.rule == RULE and f.persona == "ann"]
    assert [path.partition(", which ")[2] for path in paths] == gain
    assert all("role to admin -> calls public.act(uuid)" in path for path in paths)


def test_a_call_that_did_as_much_before_is_no_gain(find: Find) -> None:
    """What is handed in may be another row's value after a write; it could be handed in before."""
    mood = "alter table public.members add mood text; " + UPDATE_OWN.format("mood")
    act = (
        "create function public.act(nickname text) returns void"
        " language plpgsql security definer as $$ begin"
        " perform from public.members as m where m.mood = 'glad';"
        " if act.nickname = 'a' then delete from public.notes; end if;"
        " end $$;"
        "revoke execute on function public.act from public, anon;"
    )
    assert find(PLAIN, PLAIN_MEMBERS, mood, act).said(RULE, "ann") == []


@pytest.mark.parametrize(("who", "expected"), [("user", ["error notes"]), ("app", [])])
@pytest.mark.parametrize("command", ["select", "delete", "insert"])
def test_policies_that_believe_what_users_say_of_themselves_are_found(
    find: Find, command: str, who: str, expected: list[str]
) -> None:
    believing = f"auth.jwt() -> '{who}_metadata' ->> 'role' = 'admin'"
    clauses = {"check": believing} if command == "insert" else {"using": believing}
    seen = "" if command == "select" else policy("select", "true")
    found = find(PLAIN, policy(command, **clauses), seen)
    assert found.said("self-made-claims", "ann") == expected


MANY_FLAGS = " ".join(
    f"alter table public.members add flag_{n} boolean;"
    'create policy "f{n}" on public.notes for delete to authenticated using (exists ('
    "select from public.members as m where m.user_id = auth.uid() and m.flag_{n}));".replace(
        "{n}", str(n)
    )
    for n in range(61)
)
GRANT_FLAGS = UPDATE_OWN.format(", ".join(f"flag_{n}" for n in range(61)))


@pytest.mark.parametrize(
    ("most", "expected"),
    [(120, {"2 of 122 writes that might lead further were not tried"}), (122, set())],
)
def test_writes_that_there_is_no_time_for_are_told(
    url: str, monkeypatch: pytest.MonkeyPatch, most: int, expected: set[str]
) -> None:
    monkeypatch.setattr(escalation, "MOST_FIRSTS", most)
    assert untried(url, "public.members", MEMBERS, MANY_FLAGS, GRANT_FLAGS) == expected


def guarded(number: int) -> str:
    """As many tables as that, each with a policy of its own that looks at who is a member."""
    return " ".join(
        f"create table public.t{n} (id int primary key); insert into public.t{n} values (1);"
        f"alter table public.t{n} enable row level security;"
        f"create function public.f{n}() returns boolean language sql stable security definer as"
        " $$ select exists (select from public.members as m where m.role = 'admin') $$;"
        f'create policy "p" on public.t{n} for select to authenticated using (public.f{n}());'
        for n in range(number)
    )


@pytest.mark.parametrize(("number", "left_out"), [(6, 1), (5, 0)])
def test_relations_that_were_not_looked_at_again_are_told(
    url: str, number: int, left_out: int
) -> None:
    reasons = untried(url, "", MEMBERS, UPDATE_OWN.format("role"), guarded(number))
    assert len(reasons) == left_out, reasons


def untried(url: str, relation: str, *sql: str) -> set[str]:
    """Return why something about a relation, or any, was left out of the search as ann."""
    with psycopg.connect(url, autocommit=True) as connection:
        for script in (PLAIN, *sql):
            connection.execute(script.encode())
        matrix = examine(connection, EVERYONE, rules=[escalation.find]).matrix
    left_out = [one for one in matrix.unproven if one.of_search and one.persona == "ann"]
    assert not {one.reason for one in left_out} & {
        fact.reason for fact in facts_of(matrix) if isinstance(fact, Doubt)
    }
    return {one.reason for one in left_out if relation in one.relation}
