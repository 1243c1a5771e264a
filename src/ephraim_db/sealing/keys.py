"""X25519 keys that secrets are sealed to, named by their RFC 7638 thumbprint.

private key --public()--> public key --kid--> the name every envelope carries
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey

from ephraim_db.errors import InvalidKey

_ALPHABET = re.compile(r"[A-Za-z0-9_-]*")
_ANY_SCALAR = bytes(32)


def base64url_encode(data: bytes) -> str:
    """Encode without padding (RFC 7515, section 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def base64url_decode(text: str) -> bytes:
    """Decode canonical, unpadded base64url; anything else is a `ValueError`."""
    if not _ALPHABET.fullmatch(text):
        raise ValueError("not base64url")
    try:
        data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as error:
        raise ValueError("not base64url") from error
    if base64url_encode(data) != text:
        raise ValueError("not canonical base64url")
    return data


def _key_bytes(text: str) -> bytes:
    try:
        data = base64url_decode(text)
    except ValueError:
        raise InvalidKey from None
    if len(data) != 32:
        raise InvalidKey
    return data


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key to seal to. `x` is the 32-byte point in base64url, as in a JWK (RFC 8037)."""

    x: str

    def __post_init__(self) -> None:
        """Refuse what is not an X25519 point, or one of low order, which keeps no secret."""
        try:
            X25519PrivateKey.from_private_bytes(_ANY_SCALAR).exchange(self.load())
        except ValueError:
            raise InvalidKey("the point is of low order: anyone could open what it seals") from None

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object]) -> Self:
        """Take a JSON Web Key, as `jwk()` makes it; a `kid` in it must be the thumbprint."""
        key = cls(_member(jwk, "x"))
        if jwk.get("kid", key.kid) != key.kid:
            raise InvalidKey(f"the JWK's kid is not the thumbprint of its x, which is {key.kid}")
        return key

    @property
    def kid(self) -> str:
        """The RFC 7638 thumbprint: SHA-256 over the required members, 43 characters."""
        members = f'{{"crv":"X25519","kty":"OKP","x":"{self.x}"}}'
        return base64url_encode(hashlib.sha256(members.encode("ascii")).digest())

    def jwk(self) -> dict[str, str]:
        """Return the key as a JSON Web Key."""
        return {"kty": "OKP", "crv": "X25519", "x": self.x, "kid": self.kid}

    def load(self) -> X25519PublicKey:
        """Return the key as `cryptography` takes it."""
        return X25519PublicKey.from_public_bytes(_key_bytes(self.x))


@dataclass(frozen=True, slots=True)
class PrivateKey:
    """A key to open with. `d` never shows in a repr."""

    d: str = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse what is not an X25519 scalar."""
        _key_bytes(self.d)

    @classmethod
    def from_jwk(cls, jwk: Mapping[str, object]) -> Self:
        """Take a JSON Web Key, as `jwk()` makes it; an `x` in it must belong to its `d`."""
        key = cls(_member(jwk, "d"))
        if "x" in jwk and PublicKey.from_jwk(jwk) != key.public():
            raise InvalidKey("the JWK's x does not belong to its d: it holds halves of two keys")
        return key

    @classmethod
    def generate(cls) -> Self:
        """Make a key from the operating system's randomness."""
        return cls(base64url_encode(X25519PrivateKey.generate().private_bytes_raw()))

    def load(self) -> X25519PrivateKey:
        """Return the key as `cryptography` takes it."""
        return X25519PrivateKey.from_private_bytes(_key_bytes(self.d))

    def public(self) -> PublicKey:
        """Return the half that may be published."""
        return PublicKey(base64url_encode(self.load().public_key().public_bytes_raw()))

    def jwk(self) -> dict[str, str]:
        """Return the key as a JSON Web Key, `d` included: this is the secret itself."""
        return {**self.public().jwk(), "d": self.d}


def _member(jwk: Mapping[str, object], name: str) -> str:
    value = jwk.get(name)
    if (jwk.get("kty"), jwk.get("crv")) != ("OKP", "X25519") or not isinstance(value, str):
        raise InvalidKey(f"not a JWK with kty OKP, crv X25519 and {name}")
    return value
