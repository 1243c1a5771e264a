"""Seal stored secrets anew, a batch of rows at a time.

envelope --open--> secret --seal to the new key--> envelope --stored, if the old one is still there
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg

from ephraim_db.errors import EphraimError, RotationError, UnknownKey
from ephraim_db.rotation.acting import as_rotator
from ephraim_db.rotation.holders import HOLDERS, Holder, discard, exchange, stale_rows
from ephraim_db.sealing import Keyring, Place, PublicKey, open_envelope, seal

_FIRST = UUID(int=0)


@dataclass(frozen=True, slots=True)
class Unopened:
    """A secret that could not be sealed anew; `reason` is for people."""

    place: Place
    kid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of the secrets of one batch; what somebody changed meanwhile is in none."""

    resealed: int
    unopened: tuple[Unopened, ...]
    discarded: tuple[Unopened, ...]


@dataclass(frozen=True, slots=True)
class _Exchange:
    id: UUID
    old: str
    new: str


def reseal(
    connection: psycopg.Connection[Any],
    keyring: Keyring,
    key: PublicKey,
    *,
    size: int,
    discard_unopenable: bool = False,
) -> Iterator[Batch]:
    """Go once through what is not sealed to `key`; each batch is committed when it is yielded.

    What no key will ever open, since its own is held and does not, is left, or discarded. Raises
    `RotationError` when `key` is no longer the active one.
    """
    for holder in HOLDERS:
        yield from _reseal(connection, holder, keyring, key, size, discard_unopenable)


def _reseal(
    connection: psycopg.Connection[Any],
    holder: Holder,
    keyring: Keyring,
    key: PublicKey,
    size: int,
    discard_unopenable: bool,
) -> Iterator[Batch]:
    stale, after = stale_rows(holder), _FIRST
    while True:
        with as_rotator(connection):
            _keep_active(connection, key.kid)
            rows = connection.execute(
                stale, {"after": after, "kid": key.kid, "size": size}
            ).fetchall()
            if not rows:
                return
            batch = _exchange(connection, holder, rows, keyring, key, discard_unopenable)
        after = rows[-1][0]
        yield batch


def _keep_active(connection: psycopg.Connection[Any], kid: str) -> None:
    active = connection.execute(
        "select from public.sealing_keys where kid = %s and status = 'active' for share", (kid,)
    ).fetchone()
    if active is None:
        raise RotationError(
            f"key {kid} is no longer the active one: somebody else promoted another. "
            "`ephraim-db keys list` shows which."
        )


def _exchange(
    connection: psycopg.Connection[Any],
    holder: Holder,
    rows: list[Any],
    keyring: Keyring,
    key: PublicKey,
    discard_unopenable: bool,
) -> Batch:
    exchanges: dict[str, list[_Exchange]] = {field: [] for field in holder.fields}
    unopened, discarded = list[Unopened](), list[Unopened]()
    for row_id, organization_id, *envelopes in rows:
        for field, envelope in zip(holder.fields, envelopes, strict=True):
            kid = envelope and envelope.split(":")[2]
            if kid in (None, key.kid):
                continue
            place = holder.place(organization_id, field)
            try:
                new = seal(open_envelope(envelope, place, keyring), place, key)
            except UnknownKey:
                unopened.append(Unopened(place, kid, "no private key for it is held here"))
            except EphraimError:
                one = Unopened(place, kid, "it does not open")
                if not discard_unopenable:
                    unopened.append(one)
                elif connection.execute(discard(holder, field), (row_id, envelope)).rowcount:
                    discarded.append(one)
            else:
                exchanges[field].append(_Exchange(row_id, envelope, new))
    resealed = sum(_store(connection, holder, field, done) for field, done in exchanges.items())
    return Batch(resealed, tuple(unopened), tuple(discarded))


def _store(
    connection: psycopg.Connection[Any], holder: Holder, field: str, exchanges: list[_Exchange]
) -> int:
    if not exchanges:
        return 0
    with connection.cursor() as cursor:
        cursor.executemany(
            exchange(holder, field), [(one.new, one.id, one.old) for one in exchanges]
        )
        return cursor.rowcount
