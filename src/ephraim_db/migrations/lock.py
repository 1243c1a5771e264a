"""One runner at a time: an advisory lock, held by the session, so that it dies with its process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

_KEY = 0x657068_7261_696D  # any number, the same in every release: "ephraim"
_PAUSE = 0.05


@contextmanager
def alone(connection: psycopg.Connection[Any], tell: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of this database, with `connection` in autocommit, as files set their own.

    It asks again and again instead of waiting inside Postgres: a session that waits there holds a
    snapshot, and the other runner's `create index concurrently` would wait for it for ever.
    """
    if connection.info.transaction_status is not TransactionStatus.IDLE:
        raise ValueError("the connection is in a transaction: commit or roll back first")
    autocommit = connection.autocommit
    connection.autocommit = True
    try:
        told = False
        while not _asked(connection, "select pg_catalog.pg_try_advisory_lock(%s)"):
            if not told:
                tell("waiting for another run on this database to end")
                told = True
            time.sleep(_PAUSE)
        try:
            yield
        finally:
            if not connection.closed:
                _asked(connection, "select pg_catalog.pg_advisory_unlock(%s)")
    finally:
        if not connection.closed:
            connection.autocommit = autocommit


def _asked(connection: psycopg.Connection[Any], query: str) -> bool:
    row = connection.cursor(row_factory=tuple_row).execute(query, (_KEY,)).fetchone()
    return bool(row and row[0])
