"""The token set: sealed like every secret, and of what the service hands out, never shown.

Xero's answer --TokenSet--> JSON --seal--> organizations.xero_token_set --open--> TokenSet
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self
from uuid import UUID

from pydantic import SecretStr

from ephraim_db.database import Steps, rows
from ephraim_db.errors import CannotOpen, InvalidKey, NoSealingKey
from ephraim_db.sealing import Envelope, Keyring, Place, PublicKey, open_envelope
from ephraim_db.sealing_keys import sealed
from ephraim_db.xero.errors import XeroUnavailable

_LIFE = 1800  # seconds; what Xero says of an access token if its answer does not


@dataclass(frozen=True, slots=True)
class TokenSet:
    """What Xero issues together. `expires_in`, in seconds, counts from when it was asked."""

    access_token: SecretStr
    refresh_token: SecretStr
    scope: str
    expires_in: int = _LIFE

    @classmethod
    def from_answer(cls, answer: Mapping[str, object]) -> Self | XeroUnavailable:
        """Take the token endpoint's JSON, or return the error where no frame holds it."""
        access, refresh = answer.get("access_token"), answer.get("refresh_token")
        if not (isinstance(access, str) and access and isinstance(refresh, str) and refresh):
            return XeroUnavailable()
        life = answer.get("expires_in")
        return cls(
            SecretStr(access),
            SecretStr(refresh),
            str(answer.get("scope") or ""),
            life if isinstance(life, int) and 0 < life <= 86_400 else _LIFE,
        )

    def to_secret(self) -> SecretStr:
        """Return what is sealed."""
        return SecretStr(
            json.dumps(
                {
                    "access_token": self.access_token.get_secret_value(),
                    "refresh_token": self.refresh_token.get_secret_value(),
                    "scope": self.scope,
                }
            )
        )


@dataclass(frozen=True, slots=True)
class AccessToken:
    """What a call to Xero's API needs. It never shows in a repr.

    `expires_at` is by the database's clock; at least a minute lies ahead when it is handed out.
    """

    organization_id: UUID
    tenant_id: str
    expires_at: datetime
    value: str = field(repr=False)

    def headers(self) -> dict[str, str]:
        """Return the headers of a call to Xero's API."""
        return {"Authorization": f"Bearer {self.value}", "Xero-Tenant-Id": self.tenant_id}


def place(organization_id: UUID, field_name: str = "xero_token_set") -> Place:
    """Return where a Xero secret of the organization belongs."""
    return Place(organization_id, "xero", field_name)


def opened(keyring: Keyring, envelope: str, where: Place) -> SecretStr:
    """Return the secret in the envelope."""
    return SecretStr(open_envelope(envelope, where, keyring))


def opened_tokens(keyring: Keyring, envelope: str, organization_id: UUID) -> TokenSet:
    """Return the token set in the envelope; `CannotOpen` if it holds something else."""
    where = place(organization_id)
    tokens = _parsed(opened(keyring, envelope, where))
    if tokens is None:
        raise CannotOpen(str(where), Envelope.parse(envelope).kid)
    return tokens


def _parsed(stored: SecretStr) -> TokenSet | None:
    with suppress(ValueError, TypeError, KeyError):
        members = json.loads(stored.get_secret_value())
        access, refresh = SecretStr(members["access_token"]), SecretStr(members["refresh_token"])
        return TokenSet(access, refresh, members["scope"])
    return None


def sealing_key(keyring: Keyring) -> Steps[PublicKey]:
    """Return the active key, if this service could open what is sealed to it.

    Raises `NoSealingKey`, or `UnknownKey`: a directory that names a stranger's key gets nothing.
    """
    found = yield from rows("select kid, x from public.sealing_keys where status = 'active'")
    with suppress(InvalidKey):
        for row in found:
            return keyring[PublicKey(row["x"]).kid].public()
    raise NoSealingKey


def sealed_here(keyring: Keyring, secret: SecretStr, where: Place) -> Steps[str]:
    """Seal to the active key; raises as `sealing_key` does."""
    key = yield from sealing_key(keyring)
    return sealed(secret, where, key)
