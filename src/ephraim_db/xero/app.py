"""How this installation asks Xero: where to return to, which scopes, which endpoints."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ephraim_db.errors import InvalidInput

# What apps made since 2 March 2026 ask for: the broad accounting.transactions is refused to them.
# https://developer.xero.com/documentation/guides/oauth2/scopes/
GRANULAR_SCOPES = (
    "offline_access",
    "accounting.invoices",
    "accounting.contacts",
    "accounting.payments",
    "accounting.settings.read",
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Xero's own, or those of the pretended Xero."""

    authorize: str = "https://login.xero.com/identity/connect/authorize"
    token: str = "https://identity.xero.com/connect/token"  # noqa: S105 - an address
    revocation: str = "https://identity.xero.com/connect/revocation"
    connections: str = "https://api.xero.com/connections"

    @classmethod
    def at(cls, url: str) -> Endpoints:
        """Return those of a pretended Xero."""
        return cls(
            f"{url}/identity/connect/authorize",
            f"{url}/connect/token",
            f"{url}/connect/revocation",
            f"{url}/connections",
        )


@dataclass(frozen=True, slots=True)
class App:
    """What all organizations' authorizations have in common.

    `redirect_uri` is the public address of the page that calls `complete`, registered with each
    app in Xero. `pkce`: None uses PKCE where the organization has no client secret, which is
    Xero's "Auth Code with PKCE" type of app; True uses it beside a secret as well. `timeout` is in
    seconds, for each answer of Xero's.
    """

    redirect_uri: str
    scopes: tuple[str, ...] = GRANULAR_SCOPES
    pkce: bool | None = None
    endpoints: Endpoints = field(default_factory=Endpoints)
    timeout: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what Xero would refuse."""
        parts = urlsplit(self.redirect_uri)
        local = parts.hostname in {"localhost", "127.0.0.1"}
        if parts.scheme != "https" and not (parts.scheme == "http" and local):
            raise InvalidInput("redirect_uri", "is not https, which Xero asks of all but localhost")
        if parts.query or parts.fragment:
            raise InvalidInput("redirect_uri", "has a query or fragment, which Xero adds itself")
        if "offline_access" not in self.scopes:
            raise InvalidInput("scopes", "lacks offline_access: the connection would last 30 min")
