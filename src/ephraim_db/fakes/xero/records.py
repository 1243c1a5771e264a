"""What the fake Xero keeps: apps, tenants, grants, codes, tokens and connections."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID, uuid4


class Refused(Exception):
    """Xero refuses: `error` as in RFC 6749, and the HTTP status."""

    def __init__(self, error: str, status: int = 400) -> None:
        """Keep both."""
        super().__init__(error)
        self.error = error
        self.status = status


@dataclass(frozen=True, slots=True)
class App:
    """An app of the developer portal; one made for PKCE has no secret."""

    client_id: str
    client_secret: str | None
    redirect_uris: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organisation in Xero."""

    name: str
    id: UUID = field(default_factory=uuid4)
    type: str = "ORGANISATION"


@dataclass(frozen=True, slots=True)
class Request:
    """What the authorize page was asked for."""

    client_id: str
    redirect_uri: str
    scope: str
    state: str
    challenge: str | None


@dataclass(slots=True)
class Grant:
    """What one user allowed one app in one authorization."""

    client_id: str
    user: str
    scope: str
    event: UUID = field(default_factory=uuid4)
    revoked: bool = False


@dataclass(slots=True)
class Code:
    """An authorization code; `grant` is set once it was used."""

    request: Request
    user: str
    expires: datetime
    grant: Grant | None = None


@dataclass(slots=True)
class RefreshToken:
    """A refresh token; `used` is when it was first exchanged, `parent` what it came from."""

    grant: Grant
    expires: datetime
    parent: RefreshToken | None = None
    used: datetime | None = None
    outlived: bool = False


@dataclass(slots=True)
class Connection:
    """A tenant that a user connected to an app."""

    tenant: Tenant
    client_id: str
    user: str
    event: UUID
    created: datetime
    id: UUID = field(default_factory=uuid4)
