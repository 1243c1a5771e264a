"""The private keys that a sender holds, by kid, as its environment or a file gives them.

EPHRAIM_DB_KEYS       {"kty": "OKP", ... "d": ...} {...}   --+
EPHRAIM_DB_KEYS_FILE  old.jwk:new.jwk                      --+--> Keyring --kid--> private key
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Self

from ephraim_db.errors import InvalidKey, NoPrivateKeys, UnknownKey
from ephraim_db.sealing.keys import PrivateKey


class Keyring:
    """The private keys a sender holds, by kid."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Iterable[PrivateKey]) -> None:
        """Hold `keys`; the order does not matter."""
        self._keys = {key.public().kid: key for key in keys}

    @classmethod
    def parse(cls, text: str, source: str = "the text") -> Self:
        """Take private JWKs written one after the other, or a JWK Set.

        Raises `InvalidKey`, which names the `source` and never repeats what it holds.
        """
        keys, flaw = _parsed(text)
        del text  # so that no traceback shows it among this frame's variables
        if flaw:
            raise InvalidKey(f"{source}: {flaw}")
        return cls(keys)

    @classmethod
    def from_env(cls) -> Self:
        """Hold the keys of EPHRAIM_DB_KEYS and of the files that EPHRAIM_DB_KEYS_FILE names.

        The first holds private JWKs themselves, the second paths, separated as in PATH. This is
        the one place where sealing looks outside. Raises `NoPrivateKeys` if both are blank,
        `InvalidKey` for a file that cannot be read and for what is no private key.
        """
        rings = [
            cls.parse(_read(path), path)
            for path in os.environ.get("EPHRAIM_DB_KEYS_FILE", "").split(os.pathsep)
            if path.strip()
        ]
        if os.environ.get("EPHRAIM_DB_KEYS", "").strip():
            rings.append(cls.parse(os.environ["EPHRAIM_DB_KEYS"], "EPHRAIM_DB_KEYS"))
        if not rings:
            raise NoPrivateKeys
        return cls(ring[kid] for ring in rings for kid in ring)

    def __getitem__(self, kid: str) -> PrivateKey:
        """Return the key named `kid`, or raise `UnknownKey`."""
        try:
            return self._keys[kid]
        except KeyError:
            raise UnknownKey(kid) from None

    def __iter__(self) -> Iterator[str]:
        """Iterate over the kids."""
        return iter(self._keys)

    def __repr__(self) -> str:
        """Show kids only."""
        return f"Keyring({', '.join(self._keys)})"


def _read(path: str) -> str:
    try:
        return Path(path).read_text("utf-8-sig")
    except OSError as error:
        raise InvalidKey(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError:
        raise InvalidKey(f"{path}: not UTF-8, so not a file of JWKs") from None


def _parsed(text: str) -> tuple[list[PrivateKey], str | None]:
    # The flaw is returned, not raised: json's error carries the whole text.
    keys: list[PrivateKey] = []
    decoder = json.JSONDecoder()
    rest = text.strip()
    while rest:
        try:
            value, end = decoder.raw_decode(rest)
        except (ValueError, RecursionError):
            return [], f"what follows key {len(keys)} is not JSON; write private JWKs"
        members = value.get("keys", [value]) if isinstance(value, dict) else [value]
        for jwk in members if isinstance(members, list) else [members]:
            if not isinstance(jwk, dict):
                return [], f"key {len(keys) + 1} is not a JWK"
            try:
                keys.append(PrivateKey.from_jwk(jwk))
            except InvalidKey as error:
                return [], f"key {len(keys) + 1}: {error}"
        rest = rest[end:].strip()
    return keys, None if keys else "holds no key"
