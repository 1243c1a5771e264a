"""The one hierarchy of errors; catching `EphraimError` catches them all.

EphraimError
├── InvalidInput            a value was refused before anything was sent
└── SealingError
    ├── InvalidEnvelope     the text is not `seal:v1:<kid>:<base64url>`
    ├── InvalidKey          the text is not an X25519 key
    ├── UnknownKey          no private key with that kid
    └── CannotOpen          wrong key, wrong context, truncated or forged
"""

from __future__ import annotations


class EphraimError(Exception):
    """Something in ephraim_db failed."""

    def __init__(self, message: str = "") -> None:
        """Take `message`, or the first line of the class's docstring."""
        super().__init__(message or (type(self).__doc__ or "").splitlines()[0])


class InvalidInput(EphraimError, ValueError):
    """A value was refused before anything was sent."""

    def __init__(self, field: str, reason: str) -> None:
        """Name the `field` and say why; the value itself is never repeated."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class SealingError(EphraimError):
    """A secret could not be sealed or opened."""


class InvalidEnvelope(SealingError):
    """The text is not an envelope of the form seal:v1:<kid>:<base64url>."""


class InvalidKey(SealingError):
    """The text is not an X25519 key: 32 bytes in unpadded base64url."""


class UnknownKey(SealingError):
    """The keyring holds no private key with that kid."""

    def __init__(self, kid: str) -> None:
        """Remember which key was asked for; a kid is public."""
        super().__init__(
            f"no private key with kid {kid}: add it to the keyring, or seal the secret anew"
        )
        self.kid = kid


class CannotOpen(SealingError):
    """The envelope does not open: wrong key, wrong place, truncated or forged."""

    def __init__(self, place: str, kid: str) -> None:
        """Name the `place` (organization, provider, field) and the kid, never the content."""
        super().__init__(
            f"{place}: the envelope sealed to {kid} does not open here. It was sealed for another "
            "organization or field, or it was damaged. Enter the secret again."
        )
        self.kid = kid
