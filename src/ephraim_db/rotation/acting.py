"""Act as ephraim_rotator, which may read and write keys and envelopes and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import errors

from ephraim_db.errors import RotationError

# Per transaction, so that PgBouncer may give each one another connection.
_ACT = "set local role ephraim_rotator; set local lock_timeout = '10s'"


@contextmanager
def as_rotator(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Run one transaction as the rotator; `connection` is in autocommit and may become it.

    Raises `RotationError` if it may not, or if somebody kept a row locked for ten seconds.
    """
    try:
        with connection.transaction():
            _become_rotator(connection)
            yield
    except errors.LockNotAvailable as error:
        raise RotationError(
            "somebody has kept a key or an organization locked for 10 s. Nothing is lost: find "
            "the open transaction in pg_stat_activity, then run the same again."
        ) from error


def _become_rotator(connection: psycopg.Connection[Any]) -> None:
    try:
        connection.execute(_ACT)
    except errors.InvalidParameterValue:
        raise RotationError(
            "the database has no role ephraim_rotator: apply supabase/migrations"
        ) from None
    except errors.InsufficientPrivilege:
        raise RotationError(
            f"{connection.info.user} may not act as ephraim_rotator: as the owner of the database, "
            f"run `grant ephraim_rotator to {connection.info.user}`"
        ) from None
