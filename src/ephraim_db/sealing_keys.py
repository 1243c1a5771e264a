"""The key directory: which public key secrets are sealed to today."""

from __future__ import annotations

from contextlib import suppress

from pydantic import SecretStr

from ephraim_db.errors import InvalidKey, NoSealingKey, PinnedKeyMismatch, SealingError
from ephraim_db.sealing import Place, PublicKey, seal
from ephraim_db.steps import Read, Row, Steps, equals, read


def active_key(pinned: PublicKey | None = None) -> Steps[PublicKey]:
    """Return the active key; `NoSealingKey` if there is none, or its kid is another key's.

    With a `pinned` one, every other key is a `PinnedKeyMismatch`.
    """
    key = yield from _offered_key()
    if pinned is not None and key != pinned:
        raise PinnedKeyMismatch(pinned.kid, key.kid)
    return key


def _offered_key() -> Steps[PublicKey]:
    rows = yield from read(Read("sealing_keys", Row, ("kid", "x"), (equals("status", "active"),)))
    with suppress(InvalidKey):
        for row in rows:
            key = PublicKey(row["x"])
            if key.kid == row["kid"]:
                return key
    raise NoSealingKey


def sealed(secret: SecretStr, place: Place, key: PublicKey) -> str:
    """Return the envelope; no error and no traceback from here holds the secret."""
    with suppress(Exception):
        return seal(secret.get_secret_value(), place, key)
    raise SealingError(f"{place}: could not be sealed to key {key.kid}; publish another key")
