"""An assertion that fails explains itself; one that would prove nothing fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.plugin.conftest import ACME, CYD, ZETA

from ephraim_db.errors import InvalidInput
from ephraim_db.rls import Persona
from ephraim_db.testing import Rls

ADD = "insert into notes (team_id, user_id, title) values (%s, %s, 'new')"


def complaint(assertion: Callable[..., None], *arguments: object, **named: object) -> str:
    """Return what the assertion says when it fails, which it must."""
    with pytest.raises(AssertionError) as failed:
        assertion(*arguments, **named)
    return " ".join(str(failed.value).split())


def test_what_is_allowed_is_what_somebody_can(notes: Rls) -> None:
    notes.assert_can("ann", "select title from notes")
    notes.assert_can("ann", "update notes set title = 'x' where title = 'of ann'")
    notes.assert_can("ann", ADD, [ACME, notes.persona("ann").sub])
    notes.assert_can("service", "delete from notes")


def test_what_is_hidden_or_refused_is_what_somebody_cannot(notes: Rls) -> None:
    notes.assert_cannot("ann", "update notes set title = 'x' where title = 'of bob'")
    notes.assert_cannot("ann", "select secret from notes")
    notes.assert_cannot("ann", ADD, [ACME, CYD])
    notes.assert_cannot("visitor", "select title from notes")


def test_an_assertion_leaves_nothing_behind(notes: Rls) -> None:
    notes.assert_can("service", "delete from notes")
    notes.assert_can("service", "truncate notes")
    notes.assert_can("service", "select from notes")


def test_who_could_is_told_by_which_policy(notes: Rls) -> None:
    said = complaint(
        notes.assert_cannot, "ann", "update notes set title = %s where title = 'of ann'", ["x"]
    )
    assert said.startswith("ann should not be able to do this, and can outcome: allowed: 1 row")
    assert 'decided by policy "owners change notes" on public.notes, for UPDATE' in said
    assert "using (user_id = ( SELECT auth.uid() AS uid))" in said
    assert "update notes set title = 'x' where title = 'of ann'; rollback;" in said


def test_a_restrictive_policy_that_hid_a_row_is_told(notes: Rls) -> None:
    said = complaint(
        notes.assert_can, "ann", "update notes set title = 'x' where title = 'of sunday'"
    )
    assert "outcome: hidden: nothing was raised, and no row was reached" in said
    assert 'decided by restrictive policy "not on sundays" on public.notes' in said


def test_a_check_that_refused_is_told(notes: Rls) -> None:
    said = complaint(notes.assert_can, "ann", ADD, [ACME, CYD])
    assert "refused by a policy or trigger" in said
    assert 'not passed: policy "owners add notes" on public.notes, for INSERT' in said
    assert "with check (user_id = ( SELECT auth.uid() AS uid))" in said
    assert "teams read their notes" not in said


def test_a_missing_grant_is_told_apart_from_a_policy(notes: Rls) -> None:
    said = complaint(notes.assert_can, "ann", "select secret from notes")
    assert "refused by grant" in said
    assert 'no grant lets role "authenticated": no policy was asked' in said


def test_that_there_is_no_policy_is_told(notes: Rls) -> None:
    said = complaint(notes.assert_can, "ann", "delete from notes")
    assert "public.notes has no policy that lets authenticated DELETE" in said


def test_that_row_security_is_off_is_told(notes: Rls) -> None:
    notes.connection.execute("alter table notes disable row level security")
    said = complaint(notes.assert_cannot, "ann", "select title from notes")
    assert "row security is off on public.notes" in said


def test_a_role_that_no_policy_holds_is_told(notes: Rls) -> None:
    said = complaint(notes.assert_cannot, "service", "delete from notes")
    assert 'role "service_role" has BYPASSRLS or is a superuser' in said


def test_somebody_who_is_no_user_proves_nothing(notes: Rls) -> None:
    stranger = Persona("stranger", "authenticated", ZETA)
    for assertion in (notes.assert_can, notes.assert_cannot):
        with pytest.raises(InvalidInput, match=r"is no user in auth\.users"):
            assertion(stranger, "select title from notes")
    with notes.acting_as(stranger) as connection:
        assert connection.execute("select from notes").rowcount == 0


def test_one_statement_does_not_hide_behind_another(notes: Rls) -> None:
    with pytest.raises(InvalidInput, match="takes one statement"):
        notes.assert_cannot("ann", "delete from notes; update notes set title = 'x'")


def test_a_misspelt_statement_does_not_pass_for_refused(notes: Rls) -> None:
    said = complaint(notes.assert_cannot, "ann", "select titel from notes")
    assert "is an error" in said
    assert 'column "titel" does not exist [42703]' in said


def test_a_statement_that_reaches_no_row_at_all_proves_nothing(notes: Rls) -> None:
    said = complaint(notes.assert_cannot, "ann", "delete from notes where id = 999")
    assert "that ann cannot do this proves nothing" in said
    said = complaint(notes.assert_can, "ann", "select title from notes where id = 999")
    assert "there is no such row, not even past policies" in said


def test_a_trigger_that_refuses_in_its_own_words_may_be_named(notes: Rls) -> None:
    notes.connection.execute(
        "create function public.refuse() returns trigger language plpgsql as "
        "$$ begin raise exception 'not this one' using errcode = 'P0099'; end $$;"
        "create trigger refuse before update on public.notes "
        "for each row execute function public.refuse()"
    )
    change = "update notes set title = 'x' where title = 'of ann'"
    assert 'sqlstate="P0099"' in complaint(notes.assert_cannot, "ann", change)
    notes.assert_cannot("ann", change, sqlstate="P0099")


def test_who_sees_only_what_it_should_passes(notes: Rls) -> None:
    notes.assert_sees_only("ann", "notes", f"r.team_id = '{ACME}'")
    notes.assert_sees_only("cyd", "public.notes", "user_id = auth.uid()")


def test_a_row_too_many_is_told_by_its_key_and_policy(notes: Rls) -> None:
    said = complaint(notes.assert_sees_only, "ann", "notes", "user_id = auth.uid()")
    assert (
        "ann should see only public.notes where user_id = auth.uid(), and sees 1 row more" in said
    )
    assert "seen: id = 3" in said
    assert 'decided by policy "teams read their notes"' in said


def test_a_condition_may_name_what_the_persona_may_not_read(notes: Rls) -> None:
    notes.add_row("notes", {"title": "of ann", "secret": "hers"}, of="cyd")
    notes.assert_sees_only("ann", "notes", "secret is null")


def test_seeing_nothing_of_it_fails(notes: Rls) -> None:
    said = complaint(notes.assert_sees_only, "ann", "profiles", "id = auth.uid()")
    assert "ann should see public.profiles where id = auth.uid(), and sees none of it" in said


@pytest.mark.parametrize(
    ("where", "missing"),
    [("true", "must not see"), (f"team_id = '{ZETA}' and title = 'x'", None)],
)
def test_a_condition_that_nothing_contradicts_proves_nothing(
    notes: Rls, where: str, missing: str | None
) -> None:
    said = complaint(notes.assert_sees_only, "ann", "notes", where)
    assert (f"there is no row that it {missing}" in said) if missing else ("3 rows more" in said)


def test_a_view_is_looked_at_as_well(notes: Rls) -> None:
    notes.connection.execute(
        "create view public.titles as select team_id, title from public.notes;"
        "grant select on public.titles to authenticated"
    )
    said = complaint(notes.assert_sees_only, "ann", "titles", f"team_id = '{ACME}'")
    assert "sees 1 row more" in said


def test_asserting_within_somebodys_block_asks_as_whom_it_says(notes: Rls) -> None:
    with notes.acting_as("cyd"):
        notes.assert_can("ann", "select from notes where title = 'of ann'")
        complaint(notes.assert_can, "cyd", "select from notes where title = 'of ann'")
        row = notes.connection.execute("select auth.uid()::text, current_user").fetchone()
        assert row == (CYD, "authenticated")
