"""Statements that many messages want at once go to Postgres together, while each waits for its own.

RowCall --+
RowCall --+--> all that came since the last batch --> one statement --> answers
RowCall --+

Who is alone goes alone, at once. Where there was company, the next batch waits for it a moment.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import LiteralString

from ephraim_db.database import Steps, rows
from ephraim_db.errors import EphraimError, Unavailable
from ephraim_db.steps import Row

_LARGEST = 100
_COMPANY = 0.002  # seconds, of which a message may wait two or three; Twilio takes about 100 ms
WORKER = "sms-log"
"""The name of the tasks that perform batches."""
Answer = Row | EphraimError | None


@dataclass(frozen=True, slots=True)
class RowCall:
    """Ask for what `sql` returns for one row of arguments; the answer is a `Row` or None.

    `sql` takes an array for each argument, and returns beside its columns `place`, the place in
    them, from 1, that a row is for.
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
    by_place = {row.pop("place"): row for row in found}
    return [by_place.get(place) for place in range(1, len(calls) + 1)]


@dataclass(frozen=True, slots=True)
class _Waiting:
    call: RowCall
    answer: asyncio.Future[Answer]


class Batches:
    """Performs `RowCall`s on one event loop: a task for each kind, while there are any."""

    def __init__(self, run: Callable[[Steps[list[Answer]]], Awaitable[list[Answer]]]) -> None:
        """Take the database's `run`."""
        self._run = run
        self._waiting: dict[LiteralString, list[_Waiting]] = {}
        self._workers: set[asyncio.Task[None]] = set()

    async def perform(self, call: RowCall) -> Row | None:
        """Return the answer to one call."""
        waiting = _Waiting(call, asyncio.get_running_loop().create_future())
        if call.sql in self._waiting:
            self._waiting[call.sql].append(waiting)
        else:
            self._waiting[call.sql] = [waiting]
            worker = asyncio.create_task(self._work(call.sql), name=WORKER)
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)
        answer = await waiting.answer
        if isinstance(answer, EphraimError):
            raise answer
        return answer

    async def _work(self, sql: LiteralString) -> None:
        while batch := self._waiting[sql][:_LARGEST]:
            del self._waiting[sql][:_LARGEST]
            try:
                found = await self._run(answers([waiting.call for waiting in batch]))
            except BaseException as failure:
                for waiting in batch:
                    if not waiting.answer.done():
                        waiting.answer.set_exception(failure)
            else:
                for waiting, answer in zip(batch, found, strict=True):
                    if not waiting.answer.done():  # whoever asked may have been cancelled
                        waiting.answer.set_result(answer)
            if len(batch) > 1:
                await asyncio.sleep(_COMPANY)
        del self._waiting[sql]
