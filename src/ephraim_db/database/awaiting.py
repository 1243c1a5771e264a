"""`AsyncDatabase`: every step awaits."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, Self

import psycopg
from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

from ephraim_db.database.asking import Query, Result, Steps, Transaction, nothing_else, rows_of
from ephraim_db.database.connecting import BECOME, LOGIN, PATIENCE, must_become, settings
from ephraim_db.database.failing import failure, or_raise
from ephraim_db.errors import SupabaseError, Unavailable
from ephraim_db.run import run_async
from ephraim_db.steps import Row


class AsyncDatabase:
    """A pool of connections, awaiting. Use it in an `async with`, on one event loop."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 8,
        perform: Callable[[Any], Awaitable[object]] = nothing_else,
    ) -> None:
        """Take a libpq URL; `perform` does the steps that are not the database's."""
        self._settings = settings(url)
        self._pool: AsyncConnectionPool[AsyncConnection[Row]] = AsyncConnectionPool(
            min_size=1, max_size=connections, open=False, timeout=PATIENCE, kwargs=self._settings
        )
        self._other = perform
        self._become = False

    async def __aenter__(self) -> Self:
        """Connect, and find out how the login acts as ephraim_sender."""
        self._become = or_raise(await self._must_become())
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self._pool.close()

    async def run(self, steps: Steps[Result]) -> Result:
        """Perform the steps; return what they return."""
        return await run_async(steps, self.perform)

    async def _must_become(self) -> bool | SupabaseError:
        try:
            async with await AsyncConnection.connect(**self._settings) as connection:
                return must_become(await (await connection.execute(LOGIN)).fetchall())
        except psycopg.Error as error:
            return failure(error)

    async def perform(self, step: object) -> object:
        """Perform one step; return the answer."""
        try:
            if isinstance(step, Query):
                return or_raise(await self._alone(step))
            if isinstance(step, Transaction):
                return or_raise(await self._together(step))
        except Unavailable:
            await self._pool.check()
            raise
        return await self._other(step)

    async def _alone(self, step: Query) -> list[Row] | SupabaseError:
        if self._become:
            answer: list[Row] | SupabaseError = await self._together(Transaction(rows_of(step)))
            return answer
        try:
            async with self._pool.connection() as connection:
                return await _execute(connection, step)
        except psycopg.Error as error:
            return failure(error)

    async def _together(self, step: Transaction) -> Any:
        try:
            async with self._pool.connection() as connection, connection.transaction():
                if self._become:
                    await connection.execute(BECOME)
                return await run_async(step.steps, partial(self._perform_on, connection))
        except psycopg.Error as error:
            return failure(error)

    async def _perform_on(self, connection: AsyncConnection[Row], step: object) -> object:
        if isinstance(step, Query):
            return or_raise(await _execute(connection, step))
        if isinstance(step, Transaction):
            async with connection.transaction():
                return await run_async(step.steps, partial(self._perform_on, connection))
        return await self._other(step)


async def _execute(connection: AsyncConnection[Row], step: Query) -> list[Row] | SupabaseError:
    try:
        cursor = await connection.execute(step.sql, step.params)
        return await cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        return failure(error)
