"""The whole rotation: choose the key, publish, promote, seal anew until nothing is left, retire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import psycopg

from ephraim_db.errors import RotationError
from ephraim_db.rotation.directory import DirectoryKey, list_keys, promote, publish, retire
from ephraim_db.rotation.resealing import Unopened, reseal
from ephraim_db.sealing import Keyring

# Rows a transaction: they are locked for some milliseconds.
BATCH = 50


@dataclass(frozen=True, slots=True)
class Progress:
    """A step that is done and committed; `done` of `total` secrets are dealt with."""

    step: Literal["published", "promoted", "resealed", "retired"]
    kid: str
    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Rotation:
    """What a rotation did: secrets sealed anew, keys retired, and what it had to leave.

    `unopened` secrets stay as they are, and the keys they are sealed to are not retired;
    `discarded` ones are gone.
    """

    kid: str
    resealed: int
    retired: tuple[str, ...]
    unopened: tuple[Unopened, ...]
    discarded: tuple[Unopened, ...]


def rotate(
    connection: psycopg.Connection[Any],
    keyring: Keyring,
    *,
    to: str | None = None,
    batch: int = BATCH,
    discard_unopenable: bool = False,
    on_progress: Callable[[Progress], None] | None = None,
) -> Rotation:
    """Seal every stored secret to one key of `keyring`, and retire those it was sealed to.

    `to` is that key's kid. Left out, it is the one key that is new: pending, or not published; if
    none is, the active one, which goes on with a rotation that was stopped. `connection` is in
    autocommit. `discard_unopenable` clears secrets whose private key is held and does not open
    them, which would keep that key in use for ever. Raises `RotationError` if the key cannot be
    told, or cannot become active.
    """
    tell = on_progress or _silence
    directory = list_keys(connection)
    key = keyring[choose_key(directory, keyring, to)].public()
    total = sum(one.secrets for one in directory if one.kid != key.kid)
    publish(connection, key)
    tell(Progress("published", key.kid, 0, total))
    promote(connection, key.kid)
    tell(Progress("promoted", key.kid, 0, total))

    resealed, retired, discarded = 0, list[str](), list[Unopened]()
    while True:
        unopened = list[Unopened]()
        for done in reseal(
            connection, keyring, key, size=batch, discard_unopenable=discard_unopenable
        ):
            resealed += done.resealed
            unopened += done.unopened
            discarded += done.discarded
            dealt = resealed + len(unopened) + len(discarded)
            tell(Progress("resealed", key.kid, dealt, max(total, dealt)))
        stuck = {one.kid for one in unopened}
        left = {kid: retire(connection, kid) for kid in _retiring(connection) if kid not in stuck}
        for kid in (kid for kid in left if not left[kid]):
            retired.append(kid)
            tell(Progress("retired", kid, resealed + len(unopened) + len(discarded), total))
        if not any(left.values()):  # else an admin sealed to an old key in between: another round
            return Rotation(key.kid, resealed, tuple(retired), tuple(unopened), tuple(discarded))


def choose_key(directory: Sequence[DirectoryKey], keyring: Keyring, to: str | None) -> str:
    """Return the kid of the key to rotate to, or raise `RotationError`."""
    if to is not None:
        if to not in set(keyring):
            raise RotationError(
                f"the private key {to} is not held here, and what is sealed to it would be lost: "
                "add it to EPHRAIM_DB_KEYS or EPHRAIM_DB_KEYS_FILE"
            )
        return to
    status = {key.kid: key.status for key in directory}
    new = [kid for kid in keyring if status.get(kid, "pending") == "pending"]
    if len(new) > 1:
        raise RotationError(f"several keys are new; say which with --to: {' '.join(new)}")
    chosen = new or [kid for kid in keyring if status.get(kid) == "active"]
    if not chosen:
        raise RotationError(
            "the keyring holds neither a new key nor the active one: make one with `ephraim-db "
            "keys new --out FILE` and add FILE to EPHRAIM_DB_KEYS_FILE, here and at every sender"
        )
    return chosen[0]


def _retiring(connection: psycopg.Connection[Any]) -> list[str]:
    return [key.kid for key in list_keys(connection) if key.status == "retiring"]


def _silence(progress: Progress) -> None:
    """Where nobody asked for progress."""
