"""Probes are sent together, and one that fails, or never ends, spoils nothing for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import psycopg
import pytest
from tests.rls.conftest import ANN

from ephraim_db.rls import Persona
from ephraim_db.rls.asking import Act, ask, prepare
from ephraim_db.rls.probes import Answer, Probe, Question

ANYONE = Persona("ann", "authenticated", ANN)
Ask = Callable[..., list[tuple[Answer, ...]]]


@pytest.fixture
def asked(url: str) -> Iterator[Ask]:
    with psycopg.connect(url) as connection, connection.transaction(force_rollback=True):
        connection.execute("create table public.things (id int primary key)")
        connection.execute("grant all on public.things to authenticated")
        connection.execute("set local statement_timeout = '400ms'")
        prepare(connection)
        yield lambda *acts: ask(connection, "public", acts)


def tell(sql: str, column: str = "", **options: str) -> Probe:
    return Probe((Question("SELECT", "rows", column or sql),), sql, **options)  # type: ignore[arg-type]


def states(answers: tuple[Answer, ...]) -> list[str | None]:
    return [answer.sqlstate for answer in answers]


def test_a_probe_that_takes_too_long_is_the_only_one_lost(asked: Ask) -> None:
    slow = tell("select array[1] from pg_sleep(2)")
    fast = [tell(f"select array[{n}]") for n in (1, 2)]
    first, second = asked(Act(ANYONE, [fast[0], slow, fast[1]]), Act(ANYONE, fast))
    assert states(first) == [None, "57014", None]
    assert states(second) == [None, None]


def test_probes_that_are_slow_only_together_all_get_their_time(asked: Ask) -> None:
    naps = [tell(f"select array[{n}] from pg_sleep(0.15)") for n in range(5)]
    (answers,) = asked(Act(ANYONE, naps))
    assert [sorted(answer.numbers) for answer in answers] == [[n] for n in range(5)]


def test_each_probe_is_undone_before_the_next(asked: Ask) -> None:
    add = Probe(
        (Question("INSERT", "replay"),),
        "insert into public.things values (1)",
        "select array_agg(id) from public.things",
    )
    (answers,) = asked(Act(ANYONE, [add, tell("select array_agg(id) from public.things")]))
    assert [sorted(answer.numbers) for answer in answers] == [[1], []]


def test_what_one_persona_sets_another_does_not_find(asked: Ask) -> None:
    leave = tell("select array[length(set_config('request.jwt.claims', '{}', false))]")
    look = tell("select array[length(current_setting('request.jwt.claims'))]")
    first, second = asked(Act(ANYONE, [leave, look]), Act(ANYONE, [look]))
    assert first[1].numbers == second[0].numbers == {len(ANYONE.jwt_claims)}


def test_once_a_question_has_its_answer_the_other_tries_are_left_out(asked: Ask) -> None:
    (answers,) = asked(
        Act(
            ANYONE,
            [
                tell("select nothing", "q"),
                tell("select array[1]", "q"),
                tell("select array[2]", "q"),
            ],
        )
    )
    assert states(answers) == ["42703", None]


def test_a_set_up_that_is_not_permitted_costs_its_act_only(asked: Ask) -> None:
    probe = tell("select array[1]")
    broken = Act(ANYONE, [probe], setup="drop table auth.users")
    first, second, third = asked(Act(ANYONE, [probe]), broken, Act(ANYONE, [probe]))
    assert (states(first), states(second), states(third)) == ([None], [], [None])
