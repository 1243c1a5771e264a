"""A search ends: what takes too long is cut off, told as unproven, and keeps nothing else back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
import pytest
from tests.rls.findings.conftest import EVERYONE, PLAIN
from tests.rls.test_matrix import policy

from ephraim_db.rls.findings import attempting, examine
from ephraim_db.rls.findings.attempting import Step, Told, asked, carry_out, prepare
from ephraim_db.rls.findings.course import Course

SLOW = Step("select pg_sleep(20)", may_fail=True)
ONE = (Told(None, None, "1"),)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempting, "MOST_SECONDS", 1)


@pytest.fixture
def connection(url: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(url) as connection:
        prepare(connection)
        yield connection


def ask(*answers: int) -> list[Sequence[Step]]:
    return [(asked(f"select {n}"),) for n in answers]


@pytest.mark.parametrize("at", range(4))
def test_what_takes_too_long_keeps_nothing_else_back(
    connection: psycopg.Connection[Any], at: int
) -> None:
    attempts = ask(1, 1, 1)
    attempts.insert(at, (SLOW,))
    course = Course()
    results = carry_out(connection, "public", attempts, course=course)
    assert results == [() if n == at else ONE for n in range(4)]
    assert course.overlong == [(SLOW,)]


def test_what_is_stuck_is_not_tried_again(connection: psycopg.Connection[Any]) -> None:
    course = Course()
    others = [(asked("select 1"), SLOW), (SLOW, asked("select 1"))]
    for _ in range(2):
        results = carry_out(connection, "public", [(SLOW,), *others, *ask(1)], course=course)
        assert results == [(), (), (), ONE]
    assert (course.stuck, len(course.overlong)) == ({SLOW.sql}, 6)


@pytest.mark.parametrize("prepared", [True, False])
def test_where_what_comes_first_is_stuck_all_that_lean_on_it_are_cut_off(
    connection: psycopg.Connection[Any], prepared: bool
) -> None:
    course = Course()
    first = Step("create temp table slow on commit drop as select 1 as n from pg_sleep(20)")
    attempts = ask(1, 1) if prepared else [(first, *steps) for steps in ask(1, 1)]
    before = (first,) if prepared else ()
    results = carry_out(connection, "public", [*attempts, *ask(1)], before, course=course)
    assert results == [(), (), () if prepared else ONE]


def test_attempts_that_together_take_longer_are_all_carried_out(
    connection: psycopg.Connection[Any],
) -> None:
    attempts = [(asked(f"select 1 from pg_sleep(0.3 + {n} * 0.01)"),) for n in range(8)]
    course = Course()
    assert carry_out(connection, "public", attempts, course=course) == [ONE] * 8
    assert (course.stuck, course.overlong) == (set(), [])


def test_the_search_tells_how_far_it_is_and_what_it_cut_off(url: str) -> None:
    """The function is quick when it is observed, and never ends when it is searched."""
    endless = """
    create function public.endless() returns integer language plpgsql security definer as $$
    begin
        while current_setting('statement_timeout') = '1s' loop perform count(*) from public.notes;
        end loop;
        return 1;
    end $$;
    """
    told: list[str] = []
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute((PLAIN + policy("select", "true") + endless).encode())
        examined = examine(connection, EVERYONE, told.append)
    assert {"cross-boundary-read"} <= {finding.rule for finding in examined.findings}
    cut = [one for one in examined.matrix.unproven if "cut off" in one.reason]
    assert {(one.relation, one.command) for one in cut} == {("public.endless()", "EXECUTE")}
    assert all(one.of_search for one in cut)
    places = [line.removeprefix("searching for findings: ") for line in told if "rules" in line]
    assert [place.split(" ")[0] for place in places[:3]] == ["1", "2", "3"]
    assert f"searching for findings: {places[0]}" in told
