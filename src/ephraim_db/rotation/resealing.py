"""Seal stored secrets anew, a batch of organizations at a time.

envelope --open--> secret --seal to the new key--> envelope --stored, if the old one is still there
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql

from ephraim_db.errors import EphraimError, RotationError, UnknownKey
from ephraim_db.rotation.acting import as_rotator
from ephraim_db.sealing import Keyring, Place, PublicKey, open_envelope, seal

SECRETS = ("twilio_auth_token", "xero_client_secret", "xero_token_set")

_FIRST = UUID(int=0)
_STALE = """
select id, twilio_auth_token, xero_client_secret, xero_token_set
from public.organizations
where id > %(after)s and (
    split_part(twilio_auth_token, ':', 3) <> %(kid)s
    or split_part(xero_client_secret, ':', 3) <> %(kid)s
    or split_part(xero_token_set, ':', 3) <> %(kid)s
)
order by id
limit %(size)s
"""


@dataclass(frozen=True, slots=True)
class Unopened:
    """A secret that could not be sealed anew and was left as it is; `reason` is for people."""

    place: Place
    kid: str
    reason: str


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of the secrets of one batch.

    `outrun` counts those that somebody changed in between: theirs were kept.
    """

    resealed: int
    outrun: int
    unopened: tuple[Unopened, ...]


@dataclass(frozen=True, slots=True)
class _Exchange:
    place: Place
    old: str
    new: str


def reseal(
    connection: psycopg.Connection[Any], keyring: Keyring, key: PublicKey, *, size: int
) -> Iterator[Batch]:
    """Go once through what is not sealed to `key`; each batch is committed when it is yielded.

    Raises `RotationError` when `key` is no longer the active one.
    """
    after = _FIRST
    while True:
        with as_rotator(connection):
            _keep_active(connection, key.kid)
            rows = connection.execute(
                _STALE, {"after": after, "kid": key.kid, "size": size}
            ).fetchall()
            if not rows:
                return
            batch = _exchange(connection, rows, keyring, key)
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
    connection: psycopg.Connection[Any], rows: list[Any], keyring: Keyring, key: PublicKey
) -> Batch:
    exchanges: dict[str, list[_Exchange]] = {field: [] for field in SECRETS}
    unopened = []
    for organization_id, *envelopes in rows:
        for field, envelope in zip(SECRETS, envelopes, strict=True):
            if envelope is None or envelope.split(":")[2] == key.kid:
                continue
            place = Place(organization_id, field.partition("_")[0], field)
            try:
                new = seal(open_envelope(envelope, place, keyring), place, key)
            except UnknownKey as error:
                unopened.append(Unopened(place, error.kid, "no private key for it is held here"))
            except EphraimError:
                unopened.append(Unopened(place, envelope.split(":")[2], "it does not open"))
            else:
                exchanges[field].append(_Exchange(place, envelope, new))
    resealed = sum(_store(connection, field, items) for field, items in exchanges.items())
    tried = sum(len(items) for items in exchanges.values())
    return Batch(resealed, tried - resealed, tuple(unopened))


def _store(connection: psycopg.Connection[Any], field: str, exchanges: list[_Exchange]) -> int:
    if not exchanges:
        return 0
    update = sql.SQL(
        "update public.organizations set {field} = %s where id = %s and {field} = %s"
    ).format(field=sql.Identifier(field))
    with connection.cursor() as cursor:
        cursor.executemany(
            update, [(one.new, one.place.organization_id, one.old) for one in exchanges]
        )
        return cursor.rowcount
