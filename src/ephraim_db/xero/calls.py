"""The calls to Xero as values, and the refusals that only this package sees."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from pydantic import SecretStr

from ephraim_db.errors import XeroError


class GrantRefused(XeroError):
    """Xero does not accept the code or the refresh token; it says no more."""


class TokenRefused(XeroError):
    """Xero does not accept the access token."""


@dataclass(frozen=True, slots=True)
class Client:
    """The organization's app; one of the PKCE type has no secret."""

    client_id: str
    secret: SecretStr | None


@dataclass(frozen=True, slots=True)
class Tenant:
    """A Xero organisation as GET /connections lists it; `connection_id` is what ends it."""

    connection_id: UUID
    tenant_id: UUID
    name: str


@dataclass(frozen=True, slots=True)
class ExchangeCode:
    """Exchange an authorization code; the answer is a `TokenSet`."""

    client: Client
    code: SecretStr
    verifier: SecretStr | None
    redirect_uri: str


@dataclass(frozen=True, slots=True)
class RefreshTokens:
    """Exchange a refresh token for the next pair; the answer is a `TokenSet`."""

    client: Client
    refresh_token: SecretStr


@dataclass(frozen=True, slots=True)
class RevokeTokens:
    """Revoke a refresh token and what hangs on it (RFC 7009); the answer is None."""

    client: Client
    refresh_token: SecretStr


@dataclass(frozen=True, slots=True)
class ListConnections:
    """Ask what the user connected; the answer is a tuple of `Tenant`."""

    access_token: SecretStr


@dataclass(frozen=True, slots=True)
class RemoveConnection:
    """Disconnect one tenant; the answer is None, also if it was gone already."""

    access_token: SecretStr
    connection_id: UUID


Call = ExchangeCode | RefreshTokens | RevokeTokens | ListConnections | RemoveConnection
