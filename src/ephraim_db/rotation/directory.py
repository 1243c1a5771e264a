"""The key directory, as its keeper sees it: publish, promote, list, retire.

nothing --publish--> pending --promote--> active --promote another--> retiring --retire--> retired
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from ephraim_db.errors import RotationError
from ephraim_db.rotation.acting import as_rotator
from ephraim_db.rotation.holders import STORED_KIDS
from ephraim_db.sealing import PublicKey

Connection = psycopg.Connection[Any]

# Two keepers at once take turns, or the index that allows one active key would fail one of them.
_TURN = "select pg_advisory_xact_lock(hashtext('ephraim_db.rotation'))"

_LIST = sql.SQL("""
with envelopes as (select kid, count(*)::integer as secrets from ({}) as s group by kid)
select
    kid, k.x, coalesce(k.status, 'missing') as status, k.created_at, k.activated_at, k.retired_at,
    coalesce(e.secrets, 0) as secrets
from public.sealing_keys as k full join envelopes as e using (kid)
order by k.created_at nulls first, kid
""").format(STORED_KIDS)
_COUNT = sql.SQL("select count(*) from ({}) as s where kid = %s").format(STORED_KIDS)


@dataclass(frozen=True, slots=True)
class DirectoryKey:
    """A key of the directory, and how many stored secrets are sealed to it.

    `missing`: secrets are sealed to it, but it was taken out of the directory, and `x` is None.
    """

    kid: str
    x: str | None
    status: Literal["pending", "active", "retiring", "retired", "missing"]
    created_at: datetime | None
    activated_at: datetime | None
    retired_at: datetime | None
    secrets: int


def list_keys(connection: Connection) -> list[DirectoryKey]:
    """Return every key, the oldest first."""
    with as_rotator(connection), connection.cursor(row_factory=class_row(DirectoryKey)) as cursor:
        return cursor.execute(_LIST).fetchall()


def publish(connection: Connection, key: PublicKey) -> None:
    """Put `key` into the directory, as pending; a key that is there already stays as it is."""
    with as_rotator(connection):
        connection.execute(
            "insert into public.sealing_keys (kid, x) values (%s, %s) on conflict do nothing",
            (key.kid, key.x),
        )


def promote(connection: Connection, kid: str) -> None:
    """Make `kid` the key that clients seal to; the one before it becomes `retiring`.

    Raises `RotationError` if it is not in the directory, or retired.
    """
    with as_rotator(connection):
        connection.execute(_TURN)
        row = connection.execute(
            "select status from public.sealing_keys where kid = %s", (kid,)
        ).fetchone()
        if row is None:
            raise RotationError(f"key {kid} is not in the directory: publish it first")
        if row[0] == "retired":
            raise RotationError(f"key {kid} is retired, and stays so: make and publish a new one")
        connection.execute(
            "update public.sealing_keys set status = 'retiring' "
            "where status = 'active' and kid <> %s",
            (kid,),
        )
        connection.execute(
            "update public.sealing_keys set status = 'active', activated_at = now() "
            "where kid = %s and status <> 'active'",
            (kid,),
        )


def retire(connection: Connection, kid: str) -> int:
    """Retire `kid` if no secret is sealed to it; return how many still are.

    Only a retiring key is retired. The row is locked first: secrets on their way in hold a share of
    it, so the count that follows sees them.
    """
    with as_rotator(connection):
        retiring = connection.execute(
            "select from public.sealing_keys where kid = %s and status = 'retiring' for update",
            (kid,),
        ).fetchone()
        if retiring is None:
            return 0
        row = connection.execute(_COUNT, (kid,)).fetchone()
        left = int(row[0]) if row else 0
        if not left:
            connection.execute(
                "update public.sealing_keys set status = 'retired', retired_at = now() "
                "where kid = %s",
                (kid,),
            )
        return left
