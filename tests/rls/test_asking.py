"""Probes are sent together, and one that fails, or never ends, spoils nothing for the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import psycopg
import pytest
from tests.rls.conftest import ANN

from ephraim_db.rls import Persona
from ephraim_db.rls.asking import Act, ask, prepare
from ephraim_db.rls.probes import Answer, Command, Probe, Question

ANYONE = Persona("ann", "authenticated", ANN)
Ask = Callable[..., list[tuple[Answer, ...]]]


@pytest.fixture
def asked(url: str) -> Iterator[Ask]:
    with psycopg.connect(url) as connection, connection.transaction(force_rollback=True):
        connection.execute("create table public.things (id int primary key)")
        connection.execute("grant all on public.things to authenticated")
        connection.execute("set local statement_timeout = '1s'")
        prepare(connection)
        yield lambda *acts: ask(connection, "public", acts)


def tell(sql: str, column: str = "", *, command: Command = "SELECT") -> Probe:
    return Probe((Question(command, "rows", column or sql),), sql)


def states(answers: tuple[Answer, ...]) -> list[str | None]:
    return [answer.sqlstate for answer in answers]


SLEEP = "select array[1] from pg_sleep(30)"


@pytest.mark.parametrize(
    ("slow", "lost"), [("UPDATE", {"UPDATE"}), ("SELECT", {"SELECT", "UPDATE", "DELETE"})]
)
def test_what_takes_too_long_is_not_tried_again_by_the_same_role_nor_what_reads_before(
    asked: Ask, slow: Command, lost: set[str]
) -> None:
    everything: tuple[Command, ...] = ("SELECT", "INSERT", "UPDATE", "DELETE")
    acts = [
        Act(persona, [tell(f"select array[{n}]", command=c) for n, c in enumerate(everything)])
        for persona in (ANYONE, replace(ANYONE, name="bob"), replace(ANYONE, role="anon"))
    ]
    stuck = replace(acts[0], probes=[tell(SLEEP, command=slow), *acts[0].probes])
    first, second, third = asked(stuck, *acts[1:])
    assert {a.question.command for a in first if a.sqlstate} == lost
    assert {a.question.command for a in second if a.sqlstate} == lost
    assert states(third) == [None] * 4


def test_a_function_that_takes_too_long_is_called_no_more_by_anybody(asked: Ask) -> None:
    fast = [tell("select array[1]")]
    slow = Act(ANYONE, [tell(SLEEP), *fast], calls="f")
    again = Act(replace(ANYONE, role="anon"), fast, calls="f")
    first, second, third = asked(slow, again, replace(again, calls="g"))
    assert (states(first), states(second), states(third)) == (["57014"] * 2, ["57014"], [None])


def test_probes_that_are_slow_only_together_all_get_their_time(asked: Ask) -> None:
    naps = [tell(f"select array[{n}] from pg_sleep(0.25)") for n in range(5)]
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
