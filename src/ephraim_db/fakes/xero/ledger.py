"""What Xero remembers, and when it refuses: no HTTP in here.

app --authorize--> code --exchange--> grant --> access token (30 minutes)
                                        └-----> refresh token (60 days) --used--> the next pair
"""

from __future__ import annotations

import hashlib
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID, uuid4

from ephraim_db.fakes.xero.records import (
    App,
    Code,
    Connection,
    Grant,
    RefreshToken,
    Refused,
    Request,
    Tenant,
)

CODE_LIFE = timedelta(minutes=5)
ACCESS_LIFE = timedelta(minutes=30)
REFRESH_LIFE = timedelta(days=60)
GRACE = timedelta(minutes=30)

# Apps made since 2 March 2026 cannot ask for these.
BROAD_SCOPES = {
    "accounting.transactions",
    "accounting.transactions.read",
    "accounting.reports.read",
}
_SCOPES = {"openid", "profile", "email", "offline_access"}
_SCOPE_FAMILIES = ("accounting.", "assets", "files", "payroll.", "projects")


class Ledger:
    """Everything Xero remembers. `now` is its clock, which tests move."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Start empty."""
        self.now = now
        self.grace = GRACE
        self.apps: dict[str, App] = {}
        self.tenants: dict[UUID, Tenant] = {}
        self.connections: list[Connection] = []
        self.access: dict[str, tuple[Grant, datetime]] = {}
        self.refresh: dict[str, RefreshToken] = {}
        self._codes: dict[str, Code] = {}

    def request(self, query: dict[str, str]) -> Request:
        """Check the query of the authorize page; Xero answers a bad one with an error page."""
        app = self.apps.get(query.get("client_id", ""))
        if app is None:
            raise Refused("unauthorized_client", 500)
        if query.get("redirect_uri") not in app.redirect_uris:
            raise Refused("invalid_request: Invalid redirect_uri", 500)
        if query.get("response_type") != "code" or not query.get("state"):
            raise Refused("invalid_request", 500)
        scopes = query.get("scope", "").split()
        if not scopes or not all(map(_known, scopes)):
            raise Refused("invalid_scope", 500)
        challenge = query.get("code_challenge")
        if challenge and query.get("code_challenge_method") != "S256":
            raise Refused("invalid_request: Transform algorithm not supported", 500)
        if app.client_secret is None and not challenge:
            raise Refused("invalid_request: code challenge required", 500)
        return Request(
            app.client_id, query["redirect_uri"], " ".join(scopes), query["state"], challenge
        )

    def allow(self, request: Request, user: str, tenants: list[UUID]) -> str:
        """Connect the tenants and return a code, good once and for five minutes."""
        code = secrets.token_urlsafe(32)
        self._codes[code] = Code(request, user, self.now() + CODE_LIFE)
        event = uuid4()
        for tenant in tenants:
            mine = self._connected(request.client_id, user)
            if tenant not in {connection.tenant.id for connection in mine}:
                self.connections.append(
                    Connection(self.tenants[tenant], request.client_id, user, event, self.now())
                )
        return code

    def authenticate(self, basic: tuple[str, str] | None, form: dict[str, str]) -> App:
        """Return the app: Basic with its secret, or for a PKCE app the client_id in the body."""
        client_id, secret = basic or (form.get("client_id", ""), None)
        app = self.apps.get(client_id)
        if app is None or "client_secret" in form:
            raise Refused("invalid_client")
        if (app.client_secret or "").encode() != (secret or "").encode():
            raise Refused("invalid_client")
        return app

    def exchange(self, app: App, form: dict[str, str]) -> dict[str, object]:
        """Exchange a code for the first pair; a code used twice ends what came of it."""
        code = self._codes.get(form.get("code", ""))
        if code is None or code.request.client_id != app.client_id:
            raise Refused("invalid_grant")
        if code.grant is not None:
            code.grant.revoked = True
            raise Refused("invalid_grant")
        if code.expires <= self.now() or form.get("redirect_uri") != code.request.redirect_uri:
            raise Refused("invalid_grant")
        if code.request.challenge != _challenge(form.get("code_verifier")):
            raise Refused("invalid_grant")
        code.grant = Grant(app.client_id, code.user, code.request.scope)
        return self._pair(code.grant, None)

    def rotate(self, app: App, form: dict[str, str]) -> dict[str, object]:
        """Exchange a refresh token for the next pair.

        It may be retried for the grace that follows its first use, until its successor is used.
        """
        token = self.refresh.get(form.get("refresh_token", ""))
        if token is None or token.grant.client_id != app.client_id or token.grant.revoked:
            raise Refused("invalid_grant")
        late = token.used is not None and self.now() > token.used + self.grace
        if late or token.outlived or token.expires <= self.now():
            raise Refused("invalid_grant")
        token.used = token.used or self.now()
        if token.parent is not None:
            token.parent.outlived = True
        return self._pair(token.grant, token)

    def revoke(self, app: App, form: dict[str, str]) -> None:
        """Revoke a refresh token, and with it every connection of its user to the app."""
        token = self.refresh.get(form.get("token", ""))
        if token is None or token.grant.client_id != app.client_id:
            return  # RFC 7009: an unknown token is revoked already
        self.end(app.client_id, token.grant.user)

    def end(self, client_id: str, user: str) -> None:
        """Forget everything a user allowed an app."""
        for grant in [t.grant for t in self.refresh.values()] + [
            g for g, _ in self.access.values()
        ]:
            if (grant.client_id, grant.user) == (client_id, user):
                grant.revoked = True
        gone = self._connected(client_id, user)
        self.connections = [c for c in self.connections if c not in gone]

    def bearer(self, token: str) -> Grant:
        """Return what the access token was granted."""
        grant, expires = self.access.get(token, (None, None))
        if grant is None or expires is None or grant.revoked:
            raise Refused("TokenInvalid", 401)
        if expires <= self.now():
            raise Refused("TokenExpired", 401)
        return grant

    def connections_of(self, grant: Grant) -> list[Connection]:
        """Return the tenants that the grant's user connected to its app."""
        return self._connected(grant.client_id, grant.user)

    def remove(self, grant: Grant, connection: UUID) -> None:
        """Disconnect one tenant."""
        found = [c for c in self.connections_of(grant) if c.id == connection]
        if not found:
            raise Refused("NotFound", 404)
        self.connections.remove(found[0])

    def _connected(self, client_id: str, user: str) -> list[Connection]:
        return [c for c in self.connections if (c.client_id, c.user) == (client_id, user)]

    def _pair(self, grant: Grant, parent: RefreshToken | None) -> dict[str, object]:
        access = ".".join(secrets.token_urlsafe(size) for size in (60, 600, 256))  # a JWT's size
        self.access[access] = (grant, self.now() + ACCESS_LIFE)
        pair: dict[str, object] = {
            "access_token": access,
            "expires_in": int(ACCESS_LIFE.total_seconds()),
            "token_type": "Bearer",
            "scope": grant.scope,
        }
        if "offline_access" in grant.scope.split():
            refresh = secrets.token_urlsafe(32)
            self.refresh[refresh] = RefreshToken(grant, self.now() + REFRESH_LIFE, parent)
            pair["refresh_token"] = refresh
        return pair


def _known(scope: str) -> bool:
    if scope in BROAD_SCOPES:
        return False
    return scope in _SCOPES or scope.startswith(_SCOPE_FAMILIES)


def _challenge(verifier: str | None) -> str | None:
    if not verifier:
        return None
    return urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
