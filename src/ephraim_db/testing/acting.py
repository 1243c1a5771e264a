"""Be somebody on a connection: the role and the claims that PostgREST would set for a request."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import methodcaller
from typing import Any, LiteralString

import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import tuple_row

from ephraim_db.rls import Persona
from ephraim_db.rls.catalog import quote

__tracebackhide__ = methodcaller("errisinstance", psycopg.Error)

_READ: LiteralString = (
    "select current_setting('role'), current_setting('request.jwt.claims', true), "
    "current_setting('search_path')"
)
_SET: LiteralString = (
    "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true), "
    "set_config('search_path', %s, true)"
)


@contextmanager
def acting(
    connection: psycopg.Connection[Any],
    persona: Persona,
    schemas: Sequence[str],
    *,
    role: str | None = None,
) -> Iterator[psycopg.Connection[Any]]:
    """Act as a persona until the end of the block, within the transaction that is open.

    What was done stays, for the next to see, unless the block raises or a statement in it failed:
    then all of it is undone. Deferred constraints are checked at the end, as a request's commit
    would. `role`: another one than the persona's, with its claims.
    """
    path = ", ".join([*map(quote, schemas[:1]), "public", "extensions"])
    with connection.transaction() as savepoint:
        with _set(connection, (role or persona.role, persona.jwt_claims, path)):
            yield connection
            if connection.info.transaction_status != TransactionStatus.INERROR:
                with connection.transaction(force_rollback=True):
                    connection.execute("set constraints all immediate")
        if connection.info.transaction_status == TransactionStatus.INERROR:
            raise psycopg.Rollback(savepoint)


@contextmanager
def as_role(connection: psycopg.Connection[Any], role: str) -> Iterator[None]:
    """Be a role, with the claims as they are, until the end of the block."""
    cursor = connection.cursor(row_factory=tuple_row)
    before = cursor.execute(_READ).fetchone() or ()
    with _set(connection, (role, *before[1:])):
        yield


def role_of(connection: psycopg.Connection[Any]) -> str:
    """Return what `set_config('role', ...)` takes to be who we are now."""
    row = connection.cursor(row_factory=tuple_row).execute(_READ).fetchone()
    return str(row[0]) if row else "none"


@contextmanager
def _set(connection: psycopg.Connection[Any], settings: Sequence[str | None]) -> Iterator[None]:
    """Set them; set them back, unless the transaction has failed and a rollback will."""
    cursor = connection.cursor(row_factory=tuple_row)
    before = cursor.execute(_READ).fetchone() or ()
    cursor.execute(_SET, settings)
    try:
        yield
    finally:
        if connection.info.transaction_status == TransactionStatus.INTRANS:
            cursor.execute(_SET, before)
