"""Seal a secret for one place, and open it there and nowhere else.

secret --pad--> blocks --HPKE(public key, info = label, kid, place)--> seal:v1:<kid>:<base64url>
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Self
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from ephraim_db.errors import CannotOpen, InvalidEnvelope, InvalidInput, UnknownKey
from ephraim_db.sealing.keyring import Keyring
from ephraim_db.sealing.keys import PrivateKey, PublicKey, base64url_decode, base64url_encode

# RFC 9180: DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, base mode.
_SUITE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_LABEL = "ephraim_db seal v1"
_BLOCK = 256
_OVERHEAD = 32 + 16  # the encapsulated key, and the tag
_ENVELOPE = re.compile(r"seal:v1:([A-Za-z0-9_-]{43}):([A-Za-z0-9_-]+)")

MAX_SECRET_BYTES = 16_384


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret belongs; an envelope moved to another place does not open."""

    organization_id: UUID
    provider: str
    field: str

    def __str__(self) -> str:
        """Return how errors name the place."""
        return f"organization {self.organization_id}, {self.field}"

    def info(self, kid: str) -> bytes:
        """Return HPKE's info: each part in UTF-8 after its length in two big-endian bytes."""
        parts = (_LABEL, kid, str(self.organization_id), self.provider, self.field)
        encoded = (part.encode("utf-8") for part in parts)
        return b"".join(len(part).to_bytes(2, "big") + part for part in encoded)


@dataclass(frozen=True, slots=True)
class Envelope:
    """The stored text, taken apart: which key it is sealed to, and `enc || ct`."""

    kid: str
    sealed: bytes

    def __str__(self) -> str:
        """Return the text that is stored."""
        return f"seal:v1:{self.kid}:{base64url_encode(self.sealed)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Take stored text apart, or raise `InvalidEnvelope`; the text is never repeated."""
        match = _ENVELOPE.fullmatch(text)
        if match is None:
            raise InvalidEnvelope
        try:
            sealed = base64url_decode(match[2])
        except ValueError:
            raise InvalidEnvelope from None
        return cls(match[1], sealed)


def seal(secret: str, place: Place, key: PublicKey) -> str:
    """Seal `secret` (1 to 16,384 bytes of UTF-8) to `key` for `place`; return the envelope."""
    plain = secret.encode("utf-8", "replace")  # the error of a strict encoding would hold it
    if plain.decode("utf-8") != secret:
        raise InvalidInput(place.field, "holds half a character, which is no text")
    if not plain:
        raise InvalidInput(place.field, "is empty; a secret needs at least one character")
    if len(plain) > MAX_SECRET_BYTES:
        raise InvalidInput(place.field, f"is longer than {MAX_SECRET_BYTES} bytes")
    sealed = _SUITE.encrypt(_pad(plain), key.load(), info=place.info(key.kid))
    return str(Envelope(key.kid, sealed))


def open_envelope(text: str, place: Place, keyring: Keyring) -> str:
    """Return the secret that `text` holds for `place`.

    Raises `InvalidEnvelope`, `UnknownKey`, or `CannotOpen`, which does not tell a wrong key from a
    wrong place, a truncation or a forgery. Each names the place, and the kid if there is one.
    """
    try:
        envelope = Envelope.parse(text)
        key = keyring[envelope.kid]
    except InvalidEnvelope:
        raise InvalidEnvelope(str(place)) from None
    except UnknownKey as error:
        raise UnknownKey(error.kid, str(place)) from None
    secret = _opened(envelope, key, place.info(envelope.kid))
    if secret is None:
        raise CannotOpen(str(place), envelope.kid)
    return secret


def _opened(envelope: Envelope, key: PrivateKey, info: bytes) -> str | None:
    # None, not an error, so that none is raised where a frame or a cause holds the plaintext.
    if len(envelope.sealed) < _OVERHEAD:
        return None
    try:
        padded = _SUITE.decrypt(envelope.sealed, key.load(), info=info)
        return _unpad(padded).decode("utf-8")
    except (InvalidTag, ValueError):
        return None


def _pad(plain: bytes) -> bytes:
    # ISO/IEC 7816-4: one 0x80, then zeros to the next block, so that length says nothing.
    marked = plain + b"\x80"
    return marked + bytes(-len(marked) % _BLOCK)


def _unpad(padded: bytes) -> bytes:
    plain, mark, zeros = padded.rpartition(b"\x80")
    if not mark or zeros.strip(b"\x00"):
        raise ValueError("not padded")
    return plain
