"""What the contract notices, what it cannot, and that nothing of it stays."""

from __future__ import annotations

import re

import psycopg
import pytest
from tests.rls.mutants.conftest import PEOPLE, PROJECT, Mutate

from ephraim_db.rls.unnoticed import Unnoticed

READS = 'policy "people read what is theirs" on public.notes'
CHANGES = 'policy "people change what is theirs" on public.notes'
OWN = r"user_id = (SELECT auth.uid() AS uid)"


@pytest.mark.parametrize(
    "mutant",
    [
        "table public.notes: has no row security",
        f"{READS}: is gone",
        f"{READS}: is restrictive, not permissive",
        f"{READS}: USING is true",
        f"{READS}: USING has without {OWN}",
        f"{READS}: USING has or for and in {OWN} AND title <> CAST('hidden' AS text)",
        f"{READS}: USING has not ({OWN})",
        f"{CHANGES}: USING is true",
        f"{CHANGES}: WITH CHECK has not ({OWN})",
        "grants on public.notes: anon may select",
        "grants on public.notes: authenticated may update (secret)",
        "grants on public.notes: authenticated may truncate",
        "grants on sequence public.notes_id_seq: anon may use",
    ],
)
def test_a_contract_with_rows_of_everybody_notices(mutate: Mutate, mutant: str) -> None:
    judged = mutate(PROJECT)
    assert mutant in judged, "\n".join(judged)
    assert judged[mutant].result == "killed"


def test_a_mutant_that_no_row_shows_survives_and_says_which_row_would(mutate: Mutate) -> None:
    [survived] = [one for one in mutate(PROJECT).values() if one.result == "survived"]
    assert survived.mutant.title == f"{READS}: USING has without title <> CAST('hidden' AS text)"
    assert survived.why == (
        f"a row for which title <> CAST('hidden' AS text) is not true, but {OWN} is"
    )


def test_the_row_that_it_asks_for_kills_it(mutate: Mutate) -> None:
    hidden = "update public.notes set title = 'hidden' where title = 'of ann'"
    judged = mutate(PROJECT, hidden)
    title = f"{READS}: USING has without title <> CAST('hidden' AS text)"
    assert judged[title].result == "killed"
    assert re.match(r"ann may now read notes \(", judged[title].why)


def test_without_a_persona_for_a_role_the_survivor_asks_for_one(mutate: Mutate) -> None:
    judged = mutate(
        PROJECT,
        "drop role if exists auditor; create role auditor;"
        "grant usage on schema public to auditor; grant select on public.notes to auditor;"
        "create policy \"auditors\" on public.notes for select to auditor using (title <> 'x');",
    )
    gone = judged['policy "auditors" on public.notes: is gone']
    assert gone.result == "survived"
    assert gone.why.startswith("a persona that acts as auditor")


def test_what_is_accepted_with_a_reason_is_counted_apart(mutate: Mutate) -> None:
    reason = "Nobody has hidden anything yet."
    judged = mutate(PROJECT, unnoticed=(Unnoticed(f"{READS}: USING has without title *", reason),))
    assert {one.result for one in judged.values()} == {"killed", "equivalent", "accepted"}
    assert [one.why for one in judged.values() if one.result == "accepted"] == [reason]


def test_what_a_command_has_to_notice_is_left_to_one(mutate: Mutate) -> None:
    entry = Unnoticed(f"{READS}: USING has without title *", "A value.", against="contract")
    judged = mutate(PROJECT, unnoticed=(entry,))
    assert [one.why for one in judged.values() if one.result == "left"] == ["A value."]


def test_what_is_proven_to_be_equivalent_is_not_noticed_either(mutate: Mutate) -> None:
    """A proof must not say what a look would refute."""
    looked = mutate(PROJECT, proofs=False)
    proven = [one for one in looked.values() if one.mutant.equivalent]
    assert len(proven) > 5
    assert {one.result for one in proven} == {"equivalent"}


def test_everything_is_as_it_was_afterwards(mutate: Mutate, url: str) -> None:
    looked = (
        "select array(select (polname, polroles, pg_get_expr(polqual, polrelid))::text "
        "from pg_policy order by oid), array(select relacl::text from pg_class order by oid)"
    )
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(PROJECT.encode())
        before = connection.execute(looked).fetchone()
        mutate()
        assert connection.execute(looked).fetchone() == before


def test_a_helper_is_broken_as_well(mutate: Mutate) -> None:
    judged = mutate(
        PROJECT,
        """
        create schema private;
        create function private.is_mine(owner uuid, fine boolean) returns boolean
        language sql stable security definer set search_path = '' as $$
            select is_mine.owner = auth.uid() and is_mine.fine
        $$;
        drop policy "people read what is theirs" on public.notes;
        create policy "mine" on public.notes for select to authenticated
        using (private.is_mine(user_id, true));
        """,
    )
    helper = "function private.is_mine(owner uuid, fine boolean)"
    assert judged[f"{helper}: returns true"].result == "killed"
    assert judged[f"{helper}: returns null"].result == "killed"
    assert judged[f"{helper}: returns its argument fine"].result == "killed"
    fixed = judged[f"{helper}: runs with the search_path of whoever calls"]
    assert fixed.result == "equivalent"


def test_a_helper_in_plpgsql_that_only_returns_is_broken_inside_as_well(mutate: Mutate) -> None:
    judged = mutate(
        PROJECT,
        """
        create schema private;
        create function private.is_mine(owner uuid) returns boolean
        language plpgsql stable security definer set search_path = '' as $$
        begin
            return is_mine.owner = auth.uid() and 1 < 2;
        end
        $$;
        drop policy "people read what is theirs" on public.notes;
        create policy "mine" on public.notes for select to authenticated
        using (private.is_mine(user_id));
        """,
    )
    helper = "function private.is_mine(owner uuid)"
    assert judged[f"{helper}: returns true"].result == "killed"
    assert judged[f"{helper}: without is_mine.owner = auth.uid()"].result == "killed"
    assert judged[f"{helper}: without 1 < 2"].result != "killed"


def test_a_view_and_a_trigger_are_broken_as_well(mutate: Mutate) -> None:
    judged = mutate(
        PROJECT,
        """
        create view public.titles with (security_invoker = true) as
        select n.user_id, n.title from public.notes as n;
        grant select on public.titles to authenticated;
        create function public.keep() returns trigger language plpgsql as $$
        begin new.title := old.title; return new; end $$;
        create function public.note() returns trigger language plpgsql as $$
        begin raise notice 'changed'; return new; end $$;
        create trigger keeps before update on public.notes
        for each row execute function public.keep();
        create trigger notes before update on public.notes
        for each row execute function public.note();
        """,
        people=PEOPLE[:1],
    )
    assert judged["view public.titles: runs as its owner"].result == "killed"
    assert judged["trigger keeps on public.notes: is gone"].result == "killed"
    assert "trigger notes on public.notes: is gone" not in judged, "it keeps nobody from anything"


def test_a_trigger_whose_function_is_not_the_projects_is_broken_unless_all_it_does_is_fill_in(
    mutate: Mutate,
) -> None:
    judged = mutate(
        PROJECT,
        """
        alter table public.notes add column words tsvector;
        create trigger fills before insert or update on public.notes for each row
        execute function tsvector_update_trigger(words, 'pg_catalog.english', title);
        create trigger skips before update on public.notes
        for each row execute function suppress_redundant_updates_trigger();
        """,
        people=PEOPLE[:1],
    )
    assert "trigger skips on public.notes: is gone" in judged, "it may keep a row as it was"
    assert "trigger fills on public.notes: is gone" not in judged


def test_names_are_read_the_same_way_before_and_after(mutate: Mutate) -> None:
    """A type outside pg_catalog is called otherwise under another search_path."""
    judged = mutate(
        PROJECT,
        """
        create domain public.shade as text;
        create function public.paint(wanted public.shade) returns text
        language sql stable set search_path = '' as $$ select 'red'::text $$;
        revoke all on function public.paint from public, anon, authenticated, service_role;
        """,
    )
    paint = "grants on function public.paint(wanted public.shade)"
    assert judged[f"{paint}: anon may execute"].result == "killed"
    assert judged[f"{paint}: public may execute"].result == "killed"
