"""What a persona can do is observed: each promise with the one word that would break it."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest
from tests.rls.conftest import ACME, ANN, BOB, CYD, NOTES, PEOPLE, ZETA, Look
from tests.rls.saying import said, word

from ephraim_db.rls.probes import Command

ALL_COLUMNS = "id team_id user_id title secret"


def policy(command: str, using: str = "", check: str = "", on: str = "notes") -> str:
    """Return a policy for authenticated, with a name of its own."""
    clauses = f"{f'using ({using})' if using else ''} {f'with check ({check})' if check else ''}"
    name = f'"{command} {using} {check}"'
    return f"create policy {name} on public.{on} for {command} to authenticated {clauses};"


OWN = "user_id = (select auth.uid())"
TEAM = f"team_id = '{ACME}'"
UNSEEN = "user_id in (select id from auth.users where false)"


# select


def test_without_a_policy_rows_are_hidden_and_nothing_is_raised(look: Look) -> None:
    matrix = look(NOTES)
    assert said(matrix, "ann", "notes", "SELECT") == {f"hidden: {ALL_COLUMNS}"}
    assert said(matrix, "service", "notes", "SELECT") == {f"allowed all: {ALL_COLUMNS}"}


@pytest.mark.parametrize(
    ("using", "expected"),
    [(OWN, "allowed own"), (TEAM, "allowed organization"), ("true", "allowed all")],
)
def test_scope_is_the_narrowest_that_holds_every_row_seen(
    look: Look, using: str, expected: str
) -> None:
    assert word(look(NOTES, policy("select", using)), "ann", "notes", "SELECT") == expected


@pytest.mark.parametrize(("also_of", "scope"), [((), "all"), ((ZETA,), "organization")])
def test_rows_of_every_organization_that_somebody_is_of_are_their_organizations(
    look: Look, also_of: tuple[str, ...], scope: str
) -> None:
    everyone = (replace(PEOPLE["ann"], also_of=also_of), *PEOPLE.everyone[1:])
    matrix = look(NOTES, policy("select", "true"), personas=replace(PEOPLE, everyone=everyone))
    assert word(matrix, "ann", "notes", "SELECT") == f"allowed {scope}"


def test_a_column_that_is_not_granted_is_refused_by_grant(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("select", OWN),
        "revoke select on public.notes from authenticated, anon;"
        "grant select (title) on public.notes to authenticated;",
    )
    assert said(matrix, "ann", "notes", "SELECT") == {
        "allowed own: title",
        "refused_by_grant: id team_id user_id secret",
    }
    assert said(matrix, "visitor", "notes", "SELECT") == {f"refused_by_grant: {ALL_COLUMNS}"}


def test_a_schema_without_usage_is_refused_by_grant(look: Look) -> None:
    matrix = look(NOTES, "revoke usage on schema public from public, anon, authenticated;")
    assert said(matrix, "ann", "notes", "SELECT") == {f"refused_by_grant: {ALL_COLUMNS}"}


def test_a_policy_that_recurses_is_an_error_and_not_safe(look: Look) -> None:
    matrix = look(NOTES, policy("select", "team_id in (select n.team_id from public.notes as n)"))
    assert word(matrix, "ann", "notes", "SELECT") == "error 42P17"
    assert any(u.persona == "ann" and "42P17" in u.reason for u in matrix.unproven)


def test_a_policy_that_reads_what_the_persona_may_not_is_an_error(look: Look) -> None:
    matrix = look(NOTES, policy("select", UNSEEN))
    assert word(matrix, "ann", "notes", "SELECT") == "error 42501"


# whose row


CHAIN = f"""
create table public.members (id uuid primary key, team_id uuid, user_id uuid references auth.users);
create table public.jobs (
    id int primary key, team_id uuid, member_id uuid references public.members (id)
);
create table public.messages (
    id int primary key,
    job_id int references public.jobs (id),
    to_member_id uuid references public.members (id)
);
insert into public.members values ('{ANN}', '{ACME}', '{ANN}'), ('{BOB}', '{ACME}', '{BOB}'),
('{CYD}', '{ZETA}', '{CYD}');
insert into public.jobs values (1, '{ACME}', '{ANN}'), (2, '{ACME}', '{BOB}'),
(3, '{ZETA}', '{CYD}');
insert into public.messages values (1, 1, '{ANN}'), (2, 1, '{BOB}'), (3, 3, '{CYD}');
alter table public.messages enable row level security;
"""


@pytest.mark.parametrize(
    ("using", "expected"),
    [
        ("id = 1", "allowed own"),
        ("id in (1, 2)", "allowed organization"),
        ("id in (1, 3)", "allowed all"),
    ],
)
def test_ownership_follows_the_shortest_way_of_foreign_keys(
    look: Look, using: str, expected: str
) -> None:
    """Message 2 is about ann's job, but sent to bob: it is not her own."""
    matrix = look(CHAIN, policy("select", using, on="messages"))
    assert word(matrix, "ann", "messages", "SELECT") == expected


def test_the_boundary_table_belongs_to_the_organization_by_its_key(look: Look) -> None:
    matrix = look(NOTES, policy("select", f"id = '{ACME}'", on="teams"))
    assert word(matrix, "ann", "teams", "SELECT") == "allowed organization"


# update


def test_update_is_told_column_by_column(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("select", TEAM),
        policy("update", OWN),
        "revoke update on public.notes from authenticated;"
        "grant update (title, secret) on public.notes to authenticated;",
    )
    assert said(matrix, "ann", "notes", "UPDATE") == {
        "allowed own: title secret",
        "refused_by_grant: id team_id user_id",
    }


def test_a_secret_that_may_be_written_and_not_read_is_told_as_writable(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("select", TEAM),
        policy("update", OWN),
        "revoke select, update on public.notes from authenticated;"
        "grant select (id, title), update (secret) on public.notes to authenticated;",
    )
    assert "allowed own: secret" in said(matrix, "ann", "notes", "UPDATE")


def test_an_update_that_names_no_row_reaches_what_select_hides(look: Look) -> None:
    matrix = look(NOTES, policy("select", OWN), policy("update", "true"))
    assert word(matrix, "ann", "notes", "UPDATE") == "allowed all"


def test_an_update_without_any_select_is_seen(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("update", TEAM),
        "revoke select on public.notes from authenticated;",
    )
    told = said(matrix, "ann", "notes", "UPDATE")
    assert any(cell.startswith("allowed organization") and "title" in cell for cell in told)


def test_a_row_cannot_be_moved_to_another_team_where_the_check_holds(look: Look) -> None:
    told = said(
        look(NOTES, policy("select", "true"), policy("update", TEAM)), "ann", "notes", "UPDATE"
    )
    assert told == {"allowed organization: id user_id title secret", "refused_by_policy: team_id"}


def test_a_row_can_be_moved_by_an_update_that_names_none(look: Look) -> None:
    """Where rows are named, the SELECT policy would stop what WITH CHECK lets pass."""
    matrix = look(NOTES, policy("select", TEAM), policy("update", TEAM, "true"))
    (cell,) = (c for c in matrix.find("ann", "public.notes", "UPDATE") if "team_id" in c.columns)
    assert (cell.outcome, cell.scope) == ("allowed", "organization")


@pytest.mark.parametrize(
    ("check", "expected"), [("true", "allowed own"), (OWN, "refused_by_policy")]
)
def test_a_row_can_be_put_in_the_name_of_another_by_an_update_that_names_none(
    look: Look, check: str, expected: str
) -> None:
    matrix = look(NOTES, policy("select", OWN), policy("update", OWN, check))
    (cell,) = (c for c in matrix.find("ann", "public.notes", "UPDATE") if "user_id" in c.columns)
    scope = f" {cell.scope}" if cell.outcome == "allowed" else ""
    assert f"{cell.outcome}{scope}" == expected


def test_a_row_can_be_moved_to_another_team_where_the_check_is_missing(look: Look) -> None:
    matrix = look(NOTES, policy("select", "true"), policy("update", TEAM, "true"))
    assert word(matrix, "ann", "notes", "UPDATE") == "allowed organization"


GUARD = """
create function public.guard() returns trigger language plpgsql as $$
begin
    if new.title <> old.title and old.user_id <> (select auth.uid()) then
        raise exception 'no' using errcode = '%s';
    end if;
    return new;
end $$;
create trigger guard before update on public.notes for each row execute function public.guard();
"""


@pytest.mark.parametrize("code", ["42501", "P0001", "23514"])
def test_a_trigger_that_guards_a_column_narrows_that_column_only(look: Look, code: str) -> None:
    matrix = look(NOTES, policy("select", TEAM), policy("update", TEAM), GUARD % code)
    told = said(matrix, "ann", "notes", "UPDATE")
    assert "allowed own: title" in told
    assert "allowed organization: id user_id secret" in told


def test_a_trigger_that_guards_every_row_is_told_by_its_code(look: Look) -> None:
    everyone = (GUARD % "P0001").replace("and old.user_id <> (select auth.uid())", "")
    matrix = look(NOTES, policy("select", TEAM), policy("update", TEAM), everyone)
    assert "error P0001: title" in said(matrix, "ann", "notes", "UPDATE")


def test_a_trigger_that_quietly_keeps_the_old_value_is_not_taken_for_a_hole(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("select", TEAM),
        policy("update", TEAM),
        "create function public.keep() returns trigger language plpgsql as $$ begin "
        "new.title := old.title; return new; end $$;"
        "create trigger keep before update on public.notes "
        "for each row execute function public.keep();",
    )
    told = said(matrix, "ann", "notes", "UPDATE")
    assert "hidden: title" in told
    assert "allowed organization: id user_id secret" in told


def test_a_status_that_only_goes_forward_is_allowed(look: Look) -> None:
    matrix = look(
        "create type public.stage as enum ('new', 'sent', 'read');"
        "create table public.mails (id int primary key, stage public.stage not null);"
        "insert into public.mails values (1, 'new'), (2, 'read');"
        "create function public.forward() returns trigger language plpgsql as $$ begin "
        "if new.stage < old.stage then raise exception 'back'; end if; return new; end $$;"
        "create trigger forward before update on public.mails "
        "for each row execute function public.forward();"
    )
    assert word(matrix, "ann", "mails", "UPDATE") == "allowed all"


# insert


@pytest.mark.parametrize(
    ("check", "expected"),
    [
        (OWN, "allowed own"),
        (TEAM, "allowed organization"),
        ("true", "allowed all"),
        ("false", "refused_by_policy"),
    ],
)
def test_insert_scope_is_whose_rows_may_be_added(look: Look, check: str, expected: str) -> None:
    matrix = look(NOTES, policy("select", "true"), policy("insert", check=check))
    assert word(matrix, "ann", "notes", "INSERT") == expected


def test_insert_needs_no_select(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("insert", check=TEAM),
        "revoke select on public.notes from authenticated;",
    )
    assert word(matrix, "ann", "notes", "INSERT") == "allowed organization"


def test_only_granted_columns_are_inserted(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("insert", check=TEAM),
        "revoke insert on public.notes from authenticated;"
        "grant insert (team_id, user_id, title) on public.notes to authenticated;",
    )
    assert said(matrix, "ann", "notes", "INSERT") == {
        "allowed organization: team_id user_id title",
        "refused_by_grant: id secret",
    }


def test_a_trigger_that_sets_the_team_is_not_taken_for_a_hole(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("insert", check="true"),
        "create function public.mine() returns trigger language plpgsql as $$ begin "
        f"new.team_id := '{ACME}'; return new; end $$;"
        "create trigger mine before insert on public.notes "
        "for each row execute function public.mine();",
    )
    assert word(matrix, "ann", "notes", "INSERT") == "allowed organization"


def test_a_key_without_default_tells_by_being_taken(look: Look) -> None:
    matrix = look(NOTES, policy("insert", check=f"id = '{ACME}'", on="teams"))
    assert word(matrix, "ann", "teams", "INSERT") == "allowed organization"


# delete


@pytest.mark.parametrize(
    ("using", "expected"),
    [
        (OWN, "allowed own"),
        (TEAM, "allowed organization"),
        ("true", "allowed all"),
        ("false", "hidden"),
    ],
)
def test_delete_scope_is_whose_rows_went(look: Look, using: str, expected: str) -> None:
    matrix = look(NOTES, policy("select", "true"), policy("delete", using))
    assert word(matrix, "ann", "notes", "DELETE") == expected


def test_a_foreign_key_that_objects_shows_that_policies_did_not(look: Look) -> None:
    team = f"id = '{ACME}'"
    matrix = look(NOTES, policy("select", team, on="teams"), policy("delete", team, on="teams"))
    assert word(matrix, "ann", "teams", "DELETE") == "allowed organization"


def test_a_foreign_key_does_not_cover_up_rows_that_select_hides(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("select", f"id = '{ACME}'", on="teams"),
        policy("delete", "true", on="teams"),
    )
    assert word(matrix, "ann", "teams", "DELETE") == "allowed all"


def test_a_trigger_that_stops_a_blind_delete_leaves_open_what_it_would_reach(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("select", OWN),
        policy("delete", "true"),
        "create function public.keep() returns trigger language plpgsql as $$ begin "
        "if old.title = 'of cyd' then raise exception 'kept'; end if; return old; end $$;"
        "create trigger keep before delete on public.notes "
        "for each row execute function public.keep();",
    )
    assert word(matrix, "ann", "notes", "DELETE") == "allowed own"
    assert any(u.command == "DELETE" and "without a WHERE" in u.reason for u in matrix.unproven)


def test_a_deferred_foreign_key_is_waited_for(look: Look) -> None:
    matrix = look(
        NOTES,
        "alter table public.notes alter constraint notes_team_id_fkey "
        "deferrable initially deferred;",
        policy("select", "true", on="teams"),
        policy("delete", f"id = '{ACME}'", on="teams"),
    )
    assert word(matrix, "ann", "teams", "DELETE") == "allowed organization"


@pytest.mark.parametrize(
    ("code", "expected"), [("P0001", "error P0001"), ("42501", "refused_by_policy")]
)
def test_a_trigger_that_refuses_to_delete_is_told_by_its_code(
    look: Look, code: str, expected: str
) -> None:
    matrix = look(
        NOTES,
        policy("select", "true"),
        policy("delete", "true"),
        "create function public.keep() returns trigger language plpgsql as $$ begin "
        f"raise exception 'kept' using errcode = '{code}'; end $$;"
        "create trigger keep before delete on public.notes "
        "for each row execute function public.keep();",
    )
    assert word(matrix, "ann", "notes", "DELETE") == expected


# what the data cannot decide


def test_an_empty_table_proves_nothing(look: Look) -> None:
    matrix = look(
        "create table public.empty (id int primary key); grant all on public.empty to anon;"
        "alter table public.empty enable row level security;"
    )
    for command in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        assert word(matrix, "visitor", "empty", command) == "unproven"
        assert any(
            (u.persona, u.command, u.reason) == ("visitor", command, "the relation has no row")
            for u in matrix.unproven
        )


def test_an_empty_table_whose_rows_anyone_may_add_is_not_called_unproven(look: Look) -> None:
    matrix = look("create table public.empty (id int primary key);")
    assert word(matrix, "visitor", "empty", "INSERT") == "allowed all"
    assert any("nothing tells whose" in u.reason for u in matrix.unproven)


def test_an_empty_table_without_grants_is_refused_all_the_same(look: Look) -> None:
    matrix = look(
        "create table public.empty (id int primary key); revoke all on public.empty from anon;"
    )
    for command in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        assert word(matrix, "visitor", "empty", command) == "refused_by_grant"


def test_a_narrow_scope_is_doubted_where_no_other_row_could_widen_it(look: Look) -> None:
    only_own = f"delete from public.notes where user_id <> '{ANN}';"
    matrix = look(NOTES, only_own, policy("select", "true"))
    assert word(matrix, "ann", "notes", "SELECT") == "allowed own"
    assert {
        u.reason
        for u in matrix.unproven
        if (u.persona, u.relation, u.command) == ("ann", "public.notes", "SELECT")
    } == {"no row of its organization to try", "no row of anyone else to try"}


def test_nothing_is_doubted_where_rows_of_every_kind_are_there(look: Look) -> None:
    matrix = look(NOTES, policy("select", OWN))
    assert not [u for u in matrix.unproven if (u.persona, u.relation) == ("ann", "public.notes")]


def test_a_large_table_is_searched_for_rows_of_every_kind(look: Look) -> None:
    matrix = look(
        "create table public.large (r int primary key, team_id uuid);"
        f"insert into public.large select g, '{ACME}' from generate_series(1, 1500) as g;"
        f"insert into public.large values (0, '{ZETA}');"
    )
    for command in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        assert word(matrix, "ann", "large", command) == "allowed all"
    assert not [u for u in matrix.unproven if u.persona == "ann"]


VERY_LARGE = (
    "create table public.large (id int primary key, team_id uuid, user_id uuid, title text);"
    f"insert into public.large select g, '{ZETA}', '{BOB}', 'x' from generate_series(1, 6000) as g;"
    f"insert into public.large values (0, '{ACME}', '{ANN}', 'x'), (-1, '{ACME}', '{BOB}', 'x');"
    "alter table public.large enable row level security;"
)
COUNTING = """
create sequence public.touched_all;
create function public.count_them() returns trigger language plpgsql security definer as $$
begin
    if (select count(*) from gone) > 5000 then perform nextval('public.touched_all'); end if;
    return null;
end $$;
create trigger counting after {} on public.large referencing old table as gone
for each statement execute function public.count_them();
"""


@pytest.mark.parametrize("command", ["update", "delete"])
def test_no_probe_touches_every_row_of_a_very_large_table(
    look: Look, url: str, command: str
) -> None:
    policies = (policy(c, OWN, on="large") for c in ("select", "update", "delete"))
    matrix = look(VERY_LARGE, *policies, COUNTING.format(command))
    asked: Command = "UPDATE" if command == "update" else "DELETE"
    furthest = {
        persona: matrix.find(persona, "public.large", asked)[0] for persona in ("ann", "service")
    }
    assert {p: (c.outcome, c.scope) for p, c in furthest.items()} == {
        "ann": ("allowed", "own"),
        "service": ("allowed", "all"),
    }
    doubts = {u.reason for u in matrix.unproven if (u.persona, u.command) == ("ann", asked)}
    assert doubts == {"it has more than 5000 rows, so nothing was tried without a WHERE"}
    (large,) = (r for r in matrix.relations if r.name == "public.large")
    assert (large.rows, large.probed) == (6002, 1002)
    with psycopg.connect(url) as connection:
        told = connection.execute("select is_called from public.touched_all").fetchone()
    assert told == (False,)


def test_a_table_without_columns_can_be_emptied(look: Look) -> None:
    matrix = look("create table public.bare (); insert into public.bare default values;")
    assert word(matrix, "ann", "bare", "DELETE") == "allowed all"


# views and partitions


VIEW = "create view public.titles {} as select team_id, user_id, title from public.notes;"


def test_a_view_that_runs_as_its_owner_leaks_and_one_as_its_invoker_does_not(look: Look) -> None:
    matrix = look(
        NOTES,
        policy("select", OWN),
        VIEW.format(""),
        VIEW.format("with (security_invoker = true)").replace("titles", "own_titles"),
    )
    assert word(matrix, "ann", "titles", "SELECT") == "allowed all"
    assert word(matrix, "ann", "own_titles", "SELECT") == "allowed own"
    assert word(matrix, "ann", "titles", "UPDATE") == "allowed all"


def test_a_materialized_view_has_no_policies(look: Look) -> None:
    matrix = look(
        NOTES,
        "create materialized view public.copies as select * from public.notes;",
    )
    assert word(matrix, "ann", "copies", "SELECT") == "allowed all"
    assert not matrix.find("ann", "public.copies", "UPDATE")


def test_a_partition_asked_directly_ignores_its_parents_policies(look: Look) -> None:
    matrix = look(
        "create table public.logs (id int, team_id uuid) partition by range (id);"
        "create table public.logs_1 partition of public.logs for values from (0) to (9);"
        f"insert into public.logs values (1, '{ACME}'), (2, '{ZETA}');"
        "alter table public.logs enable row level security;",
        policy("select", TEAM, on="logs"),
    )
    assert word(matrix, "ann", "logs", "SELECT") == "allowed organization"
    assert word(matrix, "ann", "logs_1", "SELECT") == "allowed all"


# names and values


def test_odd_names_and_values_are_no_obstacle(look: Look) -> None:
    matrix = look(
        "create type public.\"Mood\" as enum ('it''s', '%s');"
        'create table public."odd "" Name" (r int primary key, "select" jsonb, n public."Mood",'
        ' image bytea, place point, "ü %s" numeric[], flag boolean not null);'
        'insert into public."odd "" Name" values'
        " (1, '{}', 'it''s', '\\x00', '(1,2)', '{1}', true),"
        " (2, null, '%s', null, null, null, false);"
    )
    for command in ("SELECT", "INSERT", "UPDATE", "DELETE"):
        assert word(matrix, "visitor", 'odd " Name', command) == "allowed all"


def test_no_value_of_a_row_is_in_the_matrix(look: Look) -> None:
    assert "canary" not in repr(look(NOTES, policy("select", "true"), policy("update", "true")))


# nothing stays


def test_nothing_is_left_behind(look: Look, url: str) -> None:
    look(NOTES, policy("select", "true"), policy("update", "true"), policy("delete", "true"))
    with psycopg.connect(url) as connection:
        rows = connection.execute("select title, secret from public.notes order by id").fetchall()
        left = connection.execute(
            "select relname from pg_class where relname like 'ephraim%'"
        ).fetchall()
        role = connection.execute("select current_user").fetchone()
    assert rows == [("of ann", "canary-1"), ("of bob", "canary-2"), ("of cyd", None)]
    assert left == []
    assert role == ("postgres",)


def test_observing_twice_says_the_same(look: Look) -> None:
    first = look(NOTES, policy("select", TEAM), policy("update", OWN))
    assert look() == first
    assert [p.name for p in first.personas] == [p.name for p in PEOPLE.everyone]
