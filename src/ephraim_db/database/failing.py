"""What Postgres's failures mean: returned as our errors, and raised where nothing holds a row."""

from __future__ import annotations

from typing import TypeVar

import psycopg
from psycopg_pool import PoolTimeout

from ephraim_db.errors import (
    ConnectionFailed,
    Forbidden,
    NotMigrated,
    Rejected,
    SupabaseError,
    TimedOut,
    Unavailable,
)

Answer = TypeVar("Answer")


def failure(error: psycopg.Error) -> SupabaseError:
    """Return our error for psycopg's, to be raised where no frame holds the parameters.

    Postgres's DETAIL repeats the row.
    """
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


def or_raise(answer: Answer | SupabaseError) -> Answer:
    """Raise here, outside of any `except`: the cause holds the row."""
    if isinstance(answer, SupabaseError):
        raise answer
    return answer
