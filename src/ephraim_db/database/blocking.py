"""`Database`: every step blocks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Self

import psycopg
from psycopg import Connection
from psycopg_pool import ConnectionPool

from ephraim_db.database.asking import Query, Result, Steps, Transaction, nothing_else, rows_of
from ephraim_db.database.connecting import BECOME, LOGIN, PATIENCE, must_become, settings
from ephraim_db.database.failing import failure, or_raise
from ephraim_db.errors import SupabaseError, Unavailable
from ephraim_db.run import run
from ephraim_db.steps import Row


class Database:
    """A pool of connections, blocking. Use it in a `with`; threads may share it."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 8,
        perform: Callable[[Any], object] = nothing_else,
    ) -> None:
        """Take a libpq URL; `perform` does the steps that are not the database's."""
        self._settings = settings(url)
        self._pool: ConnectionPool[Connection[Row]] = ConnectionPool(
            min_size=1, max_size=connections, open=False, timeout=PATIENCE, kwargs=self._settings
        )
        self._other = perform
        self._become = False

    def __enter__(self) -> Self:
        """Connect, and find out how the login acts as ephraim_sender."""
        self._become = or_raise(self._must_become())
        self._pool.open()
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection."""
        self._pool.close()

    def run(self, steps: Steps[Result]) -> Result:
        """Perform the steps; return what they return."""
        return run(steps, self._perform)

    def _must_become(self) -> bool | SupabaseError:
        try:
            with psycopg.connect(**self._settings) as connection:
                return must_become(connection.execute(LOGIN).fetchall())
        except psycopg.Error as error:
            return failure(error)

    def _perform(self, step: object) -> object:
        try:
            if isinstance(step, Query):
                return or_raise(self._alone(step))
            if isinstance(step, Transaction):
                return or_raise(self._together(step))
        except Unavailable:  # where one connection is lost others are, and each would cost an error
            self._pool.check()
            raise
        return self._other(step)

    def _alone(self, step: Query) -> list[Row] | SupabaseError:
        if self._become:
            answer: list[Row] | SupabaseError = self._together(Transaction(rows_of(step)))
            return answer
        try:
            with self._pool.connection() as connection:
                return _execute(connection, step)
        except psycopg.Error as error:
            return failure(error)

    def _together(self, step: Transaction) -> Any:
        try:
            with self._pool.connection() as connection, connection.transaction():
                if self._become:
                    connection.execute(BECOME)
                return run(step.steps, partial(self._perform_on, connection))
        except psycopg.Error as error:
            return failure(error)

    def _perform_on(self, connection: Connection[Row], step: object) -> object:
        if isinstance(step, Query):
            return or_raise(_execute(connection, step))
        if isinstance(step, Transaction):
            with connection.transaction():
                return run(step.steps, partial(self._perform_on, connection))
        return self._other(step)


def _execute(connection: Connection[Row], step: Query) -> list[Row] | SupabaseError:
    try:
        cursor = connection.execute(step.sql, step.params)
        return cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        return failure(error)
