"""Tables that proofs put rows into have names of their own, and are empty for each try."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from ephraim_db.rls.catalog import Relation
from ephraim_db.rls.findings.attempting import Step, Told, as_prober, asked, carry_out, prepare
from ephraim_db.rls.findings.course import Course
from ephraim_db.rls.findings.scratch import MOST_BYTES, keep, keep_for, table_for

ONE = Told(None, None, "1")
DONE = Told(None, 0, None)


def relation(name: str) -> Relation:
    return Relation(1, "public", name, "table", (), (), (), frozenset())


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url) as connection:
        prepare(connection)
        yield connection


def test_a_name_says_what_it_is_for() -> None:
    assert table_for("mine", relation("notes")) == 'pg_temp."mine of public.notes"'


@pytest.mark.parametrize("letters", ["n" * 62, "ñ" * 31])
def test_names_that_begin_alike_are_told_apart(letters: str) -> None:
    names = {table_for("mine", relation(f"{letters}{end}")) for end in "12"}
    assert len(names) == 2
    for name in names:
        assert len(name.removeprefix("pg_temp.").strip('"').encode()) <= MOST_BYTES


def test_what_one_try_put_there_is_gone_for_the_next(connection: psycopg.Connection[Any]) -> None:
    table = keep("seen", "n integer")
    add = as_prober("insert into pg_temp.seen values (1)")
    count = asked("select count(*) from pg_temp.seen")
    course = Course()
    for _ in range(2):
        results = carry_out(connection, "public", [(table, add, count)] * 2, course=course)
        assert results == [(DONE, Told(None, 1, None), ONE)] * 2
    assert course.kept == {table.sql}


def test_a_table_that_cannot_be_made_ends_only_what_needs_it(
    connection: psycopg.Connection[Any],
) -> None:
    course = Course()
    needing = (keep_for("mine", relation("missing")), asked("select 1"))
    results = carry_out(connection, "public", [needing, (asked("select 1"),)], course=course)
    assert results == [(Told("42P01", None, None),), (ONE,)]
    assert course.kept == frozenset()


def test_what_ends_a_try_is_the_last_that_is_told(connection: psycopg.Connection[Any]) -> None:
    fails = Step("select 1 / 0")
    attempt = (asked("select 1"), fails, keep("seen", "n integer"), asked("select 1"))
    results = carry_out(connection, "public", [attempt], course=Course())
    assert results == [(ONE, Told("22012", None, None))]
