"""Statements that many messages want at once go to Postgres together, while each waits for its own.

RowCall --+
RowCall --+--> all that came while the last batch was under way --> one statement --> answers
RowCall --+

Nobody waits for company: a message that is alone goes alone.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, LiteralString

from ephraim_db.database import Steps, rows
from ephraim_db.errors import EphraimError, Unavailable
from ephraim_db.steps import Row

_LARGEST = 100
Answer = Row | EphraimError | None


@dataclass(frozen=True, slots=True)
class RowCall:
    """Ask for what `sql` returns for one row of arguments; the answer is a `Row` or None.

    `sql` takes an array for each argument, and returns beside its columns `n`, the place in them,
    from 1, that a row is for.
    """

    sql: LiteralString
    arguments: Mapping[str, object] = field(repr=False)


def answers(calls: list[RowCall]) -> Steps[list[Answer]]:
    """Perform calls of the same `sql` as one statement, all of it or nothing of it.

    Where one of them is refused, each is tried alone, so that it spoils no other's.
    """
    names = calls[0].arguments
    arrays = {name: [call.arguments[name] for call in calls] for name in names}
    try:
        found = yield from rows(calls[0].sql, **arrays)
    except EphraimError as error:
        if len(calls) == 1 or isinstance(error, Unavailable):
            return [error] * len(calls)
        alone: list[Answer] = []
        for call in calls:
            alone += yield from answers([call])
        return alone
    by_place = {row.pop("n"): row for row in found}
    return [by_place.get(place) for place in range(1, len(calls) + 1)]


class Batches:
    """Performs `RowCall`s, blocking those who ask; a thread of its own does the work."""

    def __init__(self, run: Callable[[Steps[list[Answer]]], list[Answer]]) -> None:
        """Take the database's `run`."""
        self._run = run
        self._lock = threading.Lock()
        self._waiting: list[tuple[RowCall, Future[Answer]]] = []
        self._working = False
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="sms-log")

    def perform(self, call: RowCall) -> Row | None:
        """Return the answer to one call."""
        answer: Future[Answer] = Future()
        with self._lock:
            self._waiting.append((call, answer))
            idle, self._working = not self._working, True
        if idle:
            self._worker.submit(self._work)
        return _raised(answer.result())

    def close(self) -> None:
        """Stop the thread."""
        self._worker.shutdown()

    def _work(self) -> None:
        while waiting := self._taken():
            for batch in _of_a_kind(waiting):
                try:
                    found = self._run(answers([call for call, _ in batch]))
                except BaseException as failure:
                    for _, future in batch:
                        future.set_exception(failure)
                else:
                    for (_, future), answer in zip(batch, found, strict=True):
                        future.set_result(answer)

    def _taken(self) -> list[tuple[RowCall, Future[Answer]]]:
        with self._lock:
            taken, self._waiting = self._waiting[:_LARGEST], self._waiting[_LARGEST:]
            self._working = bool(taken)
            return taken


class AsyncBatches:
    """Performs `RowCall`s, awaiting; a task of its own does the work."""

    def __init__(self, run: Callable[[Steps[list[Answer]]], Awaitable[list[Answer]]]) -> None:
        """Take the database's `run`."""
        self._run = run
        self._waiting: list[tuple[RowCall, asyncio.Future[Answer]]] = []
        self._worker: asyncio.Task[None] | None = None

    async def perform(self, call: RowCall) -> Row | None:
        """Return the answer to one call."""
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, answer))
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        return _raised(await answer)

    async def _work(self) -> None:
        while self._waiting:
            taken, self._waiting = self._waiting[:_LARGEST], self._waiting[_LARGEST:]
            for batch in _of_a_kind(taken):
                try:
                    found = await self._run(answers([call for call, _ in batch]))
                except BaseException as failure:
                    for _, future in batch:
                        if not future.done():
                            future.set_exception(failure)
                else:
                    for (_, future), answer in zip(batch, found, strict=True):
                        if not future.done():  # whoever asked may have been cancelled
                            future.set_result(answer)
        self._worker = None


def _of_a_kind(waiting: list[Any]) -> list[list[Any]]:
    def sql(entry: Any) -> str:
        return str(entry[0].sql)

    return [list(batch) for _, batch in groupby(sorted(waiting, key=sql), key=sql)]


def _raised(answer: Answer) -> Row | None:
    if isinstance(answer, EphraimError):
        raise answer
    return answer
