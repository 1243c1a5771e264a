"""Acting as somebody is what a request of theirs would be; who is made has signed up."""

from __future__ import annotations

import psycopg
import pytest
from tests.plugin.conftest import ACME, ANN, BOB, CYD, ZETA

from ephraim_db.errors import InvalidInput
from ephraim_db.rls import Persona
from ephraim_db.rls.filling.people import made_user
from ephraim_db.testing import Rls

WHO = "select current_user::text, auth.uid()::text"
COUNT = "select count(*) from public.notes"


def ask(rls: Rls, sql: str) -> tuple[object, ...]:
    row: tuple[object, ...] | None = rls.connection.execute(sql.encode()).fetchone()
    assert row is not None
    return row


def test_within_the_block_one_is_the_persona_and_after_it_the_owner(notes: Rls) -> None:
    with notes.acting_as("ann"):
        assert ask(notes, WHO) == ("authenticated", ANN)
        with notes.acting_as("visitor"):
            assert ask(notes, WHO) == ("anon", None)
        assert ask(notes, WHO) == ("authenticated", ANN)
    assert ask(notes, WHO) == ("postgres", None)


def test_claims_are_what_the_token_would_say(notes: Rls) -> None:
    persona = Persona("dan", "authenticated", ANN, claims={"app_metadata": {"plan": "free"}})
    with notes.acting_as(persona):
        assert ask(notes, "select auth.jwt() #>> '{app_metadata,plan}'") == ("free",)


def test_what_one_writes_the_next_sees(notes: Rls) -> None:
    with notes.acting_as("ann") as connection:
        connection.execute(
            "insert into notes (team_id, user_id, title) values (%s, auth.uid(), 'new')", [ACME]
        )
    with notes.acting_as("cyd"):
        assert ask(notes, COUNT) == (1,)
    with notes.acting_as(Persona("bob", "authenticated", BOB)):
        assert ask(notes, COUNT) == (4,)


def test_a_refused_statement_undoes_its_block_and_no_more(notes: Rls) -> None:
    change = "update notes set title = 'changed' where title = 'of ann'"
    with notes.acting_as("ann") as connection:
        connection.execute(change)
    refused = pytest.raises(psycopg.errors.InsufficientPrivilege)
    with notes.acting_as("ann") as connection, refused:
        connection.execute("update notes set title = 'undone' where title = 'changed'")
        connection.execute("select secret from notes")
    assert ask(notes, WHO) == ("postgres", None)
    assert ask(notes, "select count(*) from notes where title = 'changed'") == (1,)


def test_an_exception_undoes_its_block(notes: Rls) -> None:
    def remove_all() -> None:
        with notes.acting_as("service") as connection:
            connection.execute("delete from notes")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        remove_all()
    assert ask(notes, COUNT) == (4,)
    assert ask(notes, WHO) == ("postgres", None)


def test_a_deferred_constraint_is_checked_as_a_request_would(notes: Rls) -> None:
    with (
        pytest.raises(psycopg.errors.ForeignKeyViolation),
        notes.acting_as("ann") as connection,
    ):
        connection.execute("insert into members (team_id, user_id) values (%s, %s)", [ANN, ANN])
    with notes.acting_as("service") as connection:
        connection.execute("insert into members (team_id, user_id) values (%s, %s)", [BOB, ANN])
        connection.execute("insert into teams values (%s, 'Later')", [BOB])


def test_a_role_that_the_owner_is_no_member_of_can_be_acted_as(notes: Rls) -> None:
    notes.connection.execute("create role reporter_of_notes; grant select on notes to public")
    with notes.acting_as(Persona("reporter", "reporter_of_notes")):
        assert ask(notes, "select current_user::text") == ("reporter_of_notes",)
        assert ask(notes, COUNT) == (0,)


def test_who_is_made_for_the_run_is_made_for_the_test_as_well(notes: Rls) -> None:
    made = Persona("guest", "authenticated", made_user(9), claims={"is_anonymous": True})
    with notes.acting_as(made) as connection:
        connection.execute("insert into members (team_id, user_id) values (%s, auth.uid())", [ACME])
    notes.assert_sees_only(made, "notes", f"team_id = '{ACME}'")


def test_a_new_persona_is_a_user_with_claims_and_rows(notes: Rls) -> None:
    dan = notes.new_persona(
        "dan",
        organization=ACME,
        claims={"app_metadata": {"plan": "free"}, "user_metadata": {"full_name": "Dan"}},
        rows={
            "members": {"role": "admin"},
            "public.notes": [{"title": "of dan", "tags": ["a"]}, {"title": "more"}],
        },
    )
    user = ask(notes, f"select email, raw_app_meta_data from auth.users where id = '{dan.sub}'")
    assert user == (
        "dan@example.test",
        {"provider": "email", "providers": ["email"], "plan": "free"},
    )
    with notes.acting_as("dan"):
        assert ask(notes, COUNT) == (5,)
        assert ask(notes, "select auth.jwt() #>> '{app_metadata,plan}'") == ("free",)
    assert ask(notes, f"select role from members where user_id = '{dan.sub}'") == ("admin",)
    assert ask(notes, f"select full_name from profiles where id = '{dan.sub}'") == ("Dan",)


def test_an_organization_may_be_made_with_its_persona(notes: Rls) -> None:
    new = "00000000-0000-4000-8000-0000000000f1"
    notes.new_persona("eve", organization=new, rows={"teams": {"name": "New"}, "members": {}})
    assert ask(notes, f"select name from teams where id = '{new}'") == ("New",)
    assert ask(notes, f"select count(*) from members where team_id = '{new}'") == (1,)


def test_a_row_that_a_trigger_made_is_changed(notes: Rls) -> None:
    dan = notes.new_persona("dan", rows={"profiles": {"full_name": "Dan"}})
    assert ask(notes, f"select full_name from profiles where id = '{dan.sub}'") == ("Dan",)


def test_a_row_can_be_added_of_anybody_whoever_acts(notes: Rls) -> None:
    with notes.acting_as("ann"):
        row = notes.add_row("notes", {"title": "of cyd", "secret": "hers"}, of="cyd")
        assert ask(notes, WHO) == ("authenticated", ANN)
    assert {row["team_id"], row["user_id"]} == {*map(type(row["team_id"]), (ZETA, CYD))}
    assert row["secret"] == "hers"


def test_a_table_that_the_test_made_is_known(notes: Rls) -> None:
    notes.connection.execute("create table public.fresh (user_id uuid, n integer)")
    assert notes.add_row("fresh", {"n": 1}, of="ann")["n"] == 1


def test_what_there_is_not_is_told_with_what_may_be_meant(notes: Rls) -> None:
    with pytest.raises(InvalidInput, match="nobody is called anne; there is ann"):
        notes.acting_as("anne")
    with pytest.raises(InvalidInput, match=r"there is no table nots; there is public\.notes"):
        notes.add_row("nots", of="ann")
    with pytest.raises(InvalidInput, match=r"public\.notes has no column titel; there is title"):
        notes.add_row("notes", {"titel": "x"}, of="ann")
    with pytest.raises(InvalidInput, match="somebody is called ann already"):
        notes.new_persona("ann")


def test_a_trigger_that_objects_to_a_user_is_explained(notes: Rls) -> None:
    notes.connection.execute("alter table profiles add check (full_name <> 'nobody') not valid")
    with pytest.raises(psycopg.errors.CheckViolation) as refused:
        notes.new_persona("dan")
    assert "user_metadata" in refused.value.__notes__[0]
    notes.new_persona("dan", claims={"user_metadata": {"full_name": "Dan"}})
