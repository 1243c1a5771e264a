"""How the trusted services (sms, xero) reach Postgres: steps, and the pools that perform them.

steps --yield--> Query        --a connection and a transaction of its own--> rows
             \\-> Transaction  --one connection for all its steps--> what they return
             \\-> any other    --the service's own performer (an HTTP call, a pause)--> its answer

The services act as the role ephraim_sender. A login that is a member of it and inherits has its
privileges from the first query on. Another login that may become it, the owner's say, says `set
local role` in each transaction and pays with round trips. Nothing is kept in the session and no
statement is prepared, so PgBouncer may give every transaction another connection.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, LiteralString, NoReturn, Self, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool, ConnectionPool, PoolTimeout

from ephraim_db.errors import (
    ConnectionFailed,
    Forbidden,
    InvalidInput,
    NotMigrated,
    NotTheSender,
    Rejected,
    SupabaseError,
    TimedOut,
    Unavailable,
)
from ephraim_db.run import run, run_async
from ephraim_db.steps import Row

Result = TypeVar("Result")
Steps = Generator[Any, Any, Result]


@dataclass(frozen=True, slots=True)
class Query:
    """Ask Postgres; the answer is a list of `Row`, empty where the statement returns none.

    `params` fill `%(name)s`. They can be personal data: neither a repr nor an error shows them.
    """

    sql: LiteralString
    params: Mapping[str, object] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Transaction:
    """Perform `steps` in one transaction; the answer is what they return.

    An error that leaves them rolls all of it back. Inside another transaction it is a savepoint.
    """

    steps: Steps[Any] = field(repr=False)


def rows(sql: LiteralString, **params: object) -> Steps[list[Row]]:
    """Return the rows of one statement, each a dict of the columns it names."""
    return (yield from _rows_of(Query(sql, params)))


def first_row(sql: LiteralString, **params: object) -> Steps[Row | None]:
    """Return the first row of one statement, or None."""
    answer = yield from rows(sql, **params)
    return answer[0] if answer else None


def together(steps: Steps[Result]) -> Steps[Result]:
    """Perform `steps` in one transaction; return what they return."""
    result: Result = yield Transaction(steps)
    return result


def _nothing_else(step: object) -> NoReturn:
    raise TypeError(f"nobody performs {type(step).__name__}")


class Database:
    """A pool of connections, blocking. Use it in a `with`; threads may share it."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 8,
        perform: Callable[[Any], object] = _nothing_else,
    ) -> None:
        """Take a libpq URL; `perform` does the steps that are not the database's."""
        self._settings = _settings(url)
        self._pool: ConnectionPool[Connection[Row]] = ConnectionPool(
            min_size=1, max_size=connections, open=False, timeout=_PATIENCE, kwargs=self._settings
        )
        self._other = perform
        self._become = False

    def __enter__(self) -> Self:
        """Connect, and find out how the login acts as ephraim_sender."""
        self._become = _or_raise(self._must_become())
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
                return _must_become(connection.execute(_LOGIN).fetchall())
        except psycopg.Error as error:
            return _failure(error)

    def _perform(self, step: object) -> object:
        try:
            if isinstance(step, Query):
                return _or_raise(self._alone(step))
            if isinstance(step, Transaction):
                return _or_raise(self._together(step))
        except Unavailable:  # where one connection is lost others are, and each would cost an error
            self._pool.check()
            raise
        return self._other(step)

    def _alone(self, step: Query) -> list[Row] | SupabaseError:
        if self._become:
            answer: list[Row] | SupabaseError = self._together(Transaction(_rows_of(step)))
            return answer
        try:
            with self._pool.connection() as connection:
                return _execute(connection, step)
        except psycopg.Error as error:
            return _failure(error)

    def _together(self, step: Transaction) -> Any:
        try:
            with self._pool.connection() as connection, connection.transaction():
                if self._become:
                    connection.execute(_BECOME)
                return run(step.steps, partial(self._perform_on, connection))
        except psycopg.Error as error:
            return _failure(error)

    def _perform_on(self, connection: Connection[Row], step: object) -> object:
        if isinstance(step, Query):
            return _or_raise(_execute(connection, step))
        if isinstance(step, Transaction):
            with connection.transaction():
                return run(step.steps, partial(self._perform_on, connection))
        return self._other(step)


class AsyncDatabase:
    """A pool of connections, awaiting. Use it in an `async with`, on one event loop."""

    def __init__(
        self,
        url: str,
        *,
        connections: int = 8,
        perform: Callable[[Any], Awaitable[object]] = _nothing_else,
    ) -> None:
        """Take a libpq URL; `perform` does the steps that are not the database's."""
        self._settings = _settings(url)
        self._pool: AsyncConnectionPool[AsyncConnection[Row]] = AsyncConnectionPool(
            min_size=1, max_size=connections, open=False, timeout=_PATIENCE, kwargs=self._settings
        )
        self._other = perform
        self._become = False

    async def __aenter__(self) -> Self:
        """Connect, and find out how the login acts as ephraim_sender."""
        self._become = _or_raise(await self._must_become())
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
                return _must_become(await (await connection.execute(_LOGIN)).fetchall())
        except psycopg.Error as error:
            return _failure(error)

    async def perform(self, step: object) -> object:
        """Perform one step; return the answer."""
        try:
            if isinstance(step, Query):
                return _or_raise(await self._alone(step))
            if isinstance(step, Transaction):
                return _or_raise(await self._together(step))
        except Unavailable:
            await self._pool.check()
            raise
        return await self._other(step)

    async def _alone(self, step: Query) -> list[Row] | SupabaseError:
        if self._become:
            answer: list[Row] | SupabaseError = await self._together(Transaction(_rows_of(step)))
            return answer
        try:
            async with self._pool.connection() as connection:
                return await _execute_async(connection, step)
        except psycopg.Error as error:
            return _failure(error)

    async def _together(self, step: Transaction) -> Any:
        try:
            async with self._pool.connection() as connection, connection.transaction():
                if self._become:
                    await connection.execute(_BECOME)
                return await run_async(step.steps, partial(self._perform_on, connection))
        except psycopg.Error as error:
            return _failure(error)

    async def _perform_on(self, connection: AsyncConnection[Row], step: object) -> object:
        if isinstance(step, Query):
            return _or_raise(await _execute_async(connection, step))
        if isinstance(step, Transaction):
            async with connection.transaction():
                return await run_async(step.steps, partial(self._perform_on, connection))
        return await self._other(step)


_PATIENCE = 10.0  # seconds: to connect, and to wait for a connection of the pool
_BECOME = "set local role ephraim_sender"
_LOGIN = """
select
    r.rolname::text as login,
    pg_has_role('ephraim_sender', 'member') as may_become,
    pg_has_role('ephraim_sender', 'usage') and not (r.rolsuper or r.rolbypassrls) as is_already
from pg_roles as r
where r.rolname = current_user
"""


def _settings(url: str) -> dict[str, Any]:
    try:
        settings = conninfo_to_dict(url, connect_timeout=int(_PATIENCE))
        for host in str(settings.get("host") or "").split(","):
            _ = host if host.startswith("/") else host.encode("idna")
    except (psycopg.Error, UnicodeError):
        settings = None  # its message can repeat the password
    if settings is None:
        raise InvalidInput("database URL", "is not a libpq URL: postgresql://login:...@host/name")
    return {**settings, "autocommit": True, "prepare_threshold": None, "row_factory": dict_row}


def _must_become(logins: list[Row]) -> bool | SupabaseError:
    login = logins[0]
    return NotTheSender(login["login"]) if not login["may_become"] else not login["is_already"]


def _rows_of(query: Query) -> Steps[list[Row]]:
    answer: list[Row] = yield query
    return answer


def _execute(connection: Connection[Row], step: Query) -> list[Row] | SupabaseError:
    try:
        cursor = connection.execute(step.sql, step.params)
        return cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        return _failure(error)


async def _execute_async(
    connection: AsyncConnection[Row], step: Query
) -> list[Row] | SupabaseError:
    try:
        cursor = await connection.execute(step.sql, step.params)
        return await cursor.fetchall() if cursor.description else []
    except psycopg.Error as error:
        return _failure(error)


def _failure(error: psycopg.Error) -> SupabaseError:
    # Returned, then raised where no frame holds the parameters: Postgres's DETAIL repeats the row.
    code = error.sqlstate
    if code is None:
        return Unavailable() if isinstance(error, PoolTimeout) else ConnectionFailed()
    if code == "42501":
        return Forbidden()
    if code in {"28P01", "28000"}:
        return ConnectionFailed("the database refused the login: check its name and password")
    if code in {"3F000", "42703", "42704", "42883", "42P01"}:
        return NotMigrated("the database", code)
    if code == "57014":
        return TimedOut()
    if code == "53100":
        return Unavailable("the database's disk is full: free some space there, then try again")
    if code.startswith(("08", "40", "53", "55P03", "57", "58", "XX")):
        return Unavailable()
    return Rejected(code, error.diag.constraint_name)


def _or_raise(answer: Result | SupabaseError) -> Result:
    if isinstance(answer, SupabaseError):
        raise answer
    return answer
