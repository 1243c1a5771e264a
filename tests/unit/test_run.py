"""The runners hand every answer and every failure to the generator, and clean up after it."""

import asyncio
from collections.abc import Callable, Generator
from typing import Any

import pytest

from ephraim_db.run import run, run_async

Performer = Callable[[str], object]


def run_awaiting(steps: Generator[str, Any, Any], perform: Performer) -> Any:
    async def awaited(step: str) -> object:
        await asyncio.sleep(0)
        return perform(step)

    return asyncio.run(run_async(steps, awaited))


both = pytest.mark.parametrize("runner", [run, run_awaiting])


@both
def test_answers_reach_the_generator_and_its_result_the_caller(runner: Any) -> None:
    def steps() -> Generator[str, str, list[str]]:
        first = yield "a"
        second = yield "b"
        return [first, second]

    assert runner(steps(), str.upper) == ["A", "B"]


@both
def test_a_generator_without_steps_still_returns(runner: Any) -> None:
    def steps() -> Generator[str, object, int]:
        return 7
        yield ""

    assert runner(steps(), str.upper) == 7


@both
def test_a_failure_fires_the_except_around_its_yield(runner: Any) -> None:
    def steps() -> Generator[str, object, object]:
        try:
            yield "fails"
        except LookupError:
            return (yield "log it")
        return "nothing failed"

    def perform(step: str) -> str:
        if step == "fails":
            raise LookupError
        return step

    assert runner(steps(), perform) == "log it"


@both
def test_a_failure_nobody_expects_reaches_the_caller(runner: Any) -> None:
    def steps() -> Generator[str, object, None]:
        yield "fails"

    def perform(step: str) -> object:
        raise LookupError(step)

    with pytest.raises(LookupError, match="fails"):
        runner(steps(), perform)


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, asyncio.CancelledError])
def test_an_interruption_runs_the_generators_finally(interruption: type[BaseException]) -> None:
    done: list[str] = []

    def steps() -> Generator[str, object, None]:
        try:
            yield "interrupted"
        finally:
            done.append("cleaned up")

    def perform(step: str) -> object:
        raise interruption

    with pytest.raises(interruption):
        run(steps(), perform)
    assert done == ["cleaned up"]


def test_a_cancelled_task_runs_the_generators_finally() -> None:
    done: list[str] = []

    def steps() -> Generator[str, object, None]:
        try:
            yield "for ever"
        finally:
            done.append("cleaned up")

    async def perform(step: str) -> object:
        return await asyncio.Event().wait()

    async def cancel() -> None:
        task = asyncio.create_task(run_async(steps(), perform))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert done == ["cleaned up"]
