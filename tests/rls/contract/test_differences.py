"""Each difference is told as a sentence, of real schemas that differ in one thing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest
from tests.rls.conftest import NOTES, PEOPLE
from tests.rls.test_matrix import OWN, TEAM

from ephraim_db.rls import Personas
from ephraim_db.rls.contract import Change, Facts, facts_of, tell_differences
from ephraim_db.rls.findings import examine

AGREED = f"""
create policy "p" on public.notes for select to authenticated using ({OWN});
revoke select on public.notes from authenticated;
grant select (id, team_id, user_id, title) on public.notes to authenticated;
"""

Tell = Callable[..., list[str]]


def look(url: str, personas: Personas = PEOPLE) -> Facts:
    with psycopg.connect(url, autocommit=True) as connection:
        return facts_of(examine(connection, personas).matrix)


@pytest.fixture
def tell(url: str) -> Tell:
    """Agree to what is so, change something, and return the sentences about what differs."""

    def tell(
        change: str, personas: Personas = PEOPLE, *, after: Personas | None = None
    ) -> list[str]:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute((NOTES + AGREED).encode())
        agreed = look(url, personas)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(change.encode())
        told = tell_differences(agreed, look(url, after or personas))
        return [f"{one.change.name.lower()}: {one.message}" for one in told]

    return tell


def test_nothing_differs_where_nothing_was_changed(tell: Tell) -> None:
    assert tell("select 1") == []


def test_a_policy_of_another_name_is_no_difference(tell: Tell) -> None:
    assert tell('alter policy "p" on public.notes rename to "other"') == []


def test_a_column_that_was_granted_is_named(tell: Tell) -> None:
    assert tell("grant select (secret) on public.notes to authenticated") == [
        "wider: ann may now read notes.secret of its own rows"
    ]


def test_a_wider_policy_is_one_sentence_for_all_columns(tell: Tell) -> None:
    (told,) = tell(f'alter policy "p" on public.notes using ({TEAM})')
    assert told == (
        "wider: ann may now read notes (id, team_id, title, user_id) "
        "of the whole organization (agreed: of its own rows)"
    )


def test_access_that_is_lost_is_told_after_access_that_is_gained(tell: Tell) -> None:
    told = tell(
        "grant select (secret) on public.notes to authenticated;"
        "revoke select (title) on public.notes from authenticated"
    )
    assert told == [
        "wider: ann may now read notes.secret of its own rows",
        "narrower: ann may no longer read notes.title (agreed: of its own rows)",
    ]


def test_a_policy_that_lets_nobody_through_is_told(tell: Tell) -> None:
    (told,) = tell('alter policy "p" on public.notes using (false)')
    assert told == (
        "narrower: ann may no longer read notes (id, team_id, title, user_id): "
        "no row is reached (agreed: of its own rows)"
    )


def test_a_policy_that_breaks_is_told_with_its_sqlstate(tell: Tell) -> None:
    told = tell(
        'alter policy "p" on public.notes using (1 / (select 0) = 1)',
    )
    assert any("now fails to read notes" in one and "SQLSTATE 22012" in one for one in told), told


def test_what_turns_unproven_is_a_difference(tell: Tell) -> None:
    told = tell(
        "delete from public.notes;"
        "alter table public.notes add constraint never check (id < 0 and id > 0)"
    )
    unproven = "unknown: it is not proven how far ann, service and visitor may read notes: "
    assert any(one.startswith(f"{unproven}the relation has no row") for one in told), told
    assert not any("may no longer read" in one for one in told)


def test_losing_the_only_row_that_could_show_it_is_a_difference(tell: Tell) -> None:
    told = tell("delete from public.notes where title = 'of cyd'")
    assert any("no row of anyone else" in one for one in told), told


def test_a_renamed_column_is_told_as_one(tell: Tell) -> None:
    assert tell("alter table public.notes rename title to headline") == [
        "other: notes.headline is new, with just the access that notes.title had, which is gone"
    ]


def test_a_renamed_table_is_told_as_one(tell: Tell) -> None:
    assert tell("alter table public.notes rename to papers") == [
        "other: papers is new, with just the access that notes had, which is gone"
    ]


def test_access_that_moved_to_a_column_that_was_there_is_no_rename(tell: Tell) -> None:
    told = tell(
        "revoke select (title) on public.notes from authenticated;"
        "grant select (secret) on public.notes to authenticated"
    )
    assert "wider: ann may now read notes.secret of its own rows" in told


def test_a_renamed_persona_is_told_as_one(tell: Tell) -> None:
    ann, *others = PEOPLE.everyone
    after = replace(PEOPLE, everyone=(replace(ann, name="anna"), *others))
    assert tell("select 1", after=after) == [
        "other: anna is new, with just the access that ann had, which is gone"
    ]


def test_a_table_that_is_gone_is_one_sentence(tell: Tell) -> None:
    told = tell("drop table public.notes")
    assert told == ["other: notes is gone", "other: notes_id_seq is gone"]


def test_a_new_table_is_told_with_who_reaches_it(tell: Tell) -> None:
    told = tell("create table public.open (id int); insert into public.open values (1)")
    assert "other: open is a new table" in told
    assert any(one.startswith("wider: ann, service and visitor may now ") for one in told), told


def test_the_worst_comes_first() -> None:
    assert min(Change) is Change.WIDER
