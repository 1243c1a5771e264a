"""The two runners: they perform what a generator of steps asks for, blocking or awaiting.

step --perform--> answer --send--> next step, until the generator returns
           └----> failure --throw--> the `except` around the `yield`
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from typing import Any, TypeVar

Step = TypeVar("Step")
Result = TypeVar("Result")


def run(steps: Generator[Step, Any, Result], perform: Callable[[Step], object]) -> Result:
    """Perform each step, blocking; return what the generator returns."""
    try:
        step = next(steps)
        while True:
            try:
                answer = perform(step)
            except BaseException as failure:  # cancellation too, so that every `finally` runs
                step = steps.throw(failure)
            else:
                step = steps.send(answer)
    except StopIteration as done:
        result: Result = done.value
        return result


async def run_async(
    steps: Generator[Step, Any, Result], perform: Callable[[Step], Awaitable[object]]
) -> Result:
    """Perform each step, awaiting; return what the generator returns."""
    try:
        step = next(steps)
        while True:
            try:
                answer = await perform(step)
            except BaseException as failure:  # cancellation too, so that every `finally` runs
                step = steps.throw(failure)
            else:
                step = steps.send(answer)
    except StopIteration as done:
        result: Result = done.value
        return result
