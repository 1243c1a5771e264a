"""Sending an admin to Xero: who asks, in which browser session, and where to.

authorization_url --state (hashed), verifier (sealed)--> xero_authorizations --> Xero's page
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

from authlib.oauth2.client import OAuth2Client
from pydantic import SecretStr

from ephraim_db.database import Result, Steps, rows, together
from ephraim_db.errors import AdminRequired, Forbidden, InvalidInput
from ephraim_db.sealing import Keyring
from ephraim_db.xero import stored
from ephraim_db.xero.app import App
from ephraim_db.xero.errors import XeroNotConfigured
from ephraim_db.xero.tokens import place, sealed_here

_ADD = """
insert into public.xero_authorizations (
    state_hash, organization_id, user_id, session_hash, xero_client_id, redirect_uri, code_verifier
) values (
    %(state_hash)s, %(organization_id)s, %(user_id)s, %(session_hash)s, %(client_id)s,
    %(redirect_uri)s, %(verifier)s
)
"""

# A choice nobody made leaves tokens behind, which Xero is told to forget.
_SWEEP = """
with gone as (
    delete from public.xero_authorizations
    where expires_at < now() - interval '1 day'
    returning organization_id, xero_client_id, xero_token_set
)
insert into public.xero_leftovers (
    organization_id, xero_client_id, xero_client_secret, xero_token_set
)
select g.organization_id, g.xero_client_id, o.xero_client_secret, g.xero_token_set
from gone as g
inner join public.organizations as o
    on g.organization_id = o.id and g.xero_client_id = o.xero_client_id
where g.xero_token_set is not null
"""


@dataclass(frozen=True, slots=True)
class Asker:
    """Who is connecting: an organization's admin, in one browser session.

    `session` is whatever names the browser session and only that browser knows, such as the id in
    its cookie.
    """

    organization_id: UUID
    user_id: UUID
    session: SecretStr

    def __post_init__(self) -> None:
        """Refuse a session that anybody could guess."""
        if len(self.session.get_secret_value()) < 16:
            raise InvalidInput("session", "is shorter than 16 characters: give its random id")

    def session_hash(self) -> bytes:
        """Return what is stored of the session."""
        return hashed(self.session)


def authorization_url(app: App, keyring: Keyring, asker: Asker) -> Steps[str]:
    """Return where to send the admin's browser."""
    client = yield from stored.read_client(keyring, asker.organization_id)
    pkce = client.secret is None if app.pkce is None else app.pkce
    if client.secret is None and not pkce:
        raise XeroNotConfigured("The organization has no xero_client_secret: an admin enters it.")
    state = SecretStr(secrets.token_urlsafe(32))
    verifier = SecretStr(secrets.token_urlsafe(48)) if pkce else None

    def add() -> Steps[None]:
        yield from rows(_SWEEP)
        envelope = None
        if verifier is not None:
            where = place(asker.organization_id, "code_verifier")
            envelope = yield from sealed_here(keyring, verifier, where)
        yield from rows(
            _ADD,
            state_hash=hashed(state),
            organization_id=asker.organization_id,
            user_id=asker.user_id,
            session_hash=asker.session_hash(),
            client_id=client.client_id,
            redirect_uri=app.redirect_uri,
            verifier=envelope,
        )

    yield from as_admin(add())
    return _url(app, client.client_id, state, verifier)


def as_admin(steps: Steps[Result]) -> Steps[Result]:
    """Perform `steps` in one transaction, for which the database asks an active admin."""
    try:
        return (yield from together(steps))
    except Forbidden:
        raise AdminRequired from None


def hashed(secret: SecretStr) -> bytes:
    """Return SHA-256, which is enough for what nobody can guess."""
    return sha256(secret.get_secret_value().encode()).digest()


def _url(app: App, client_id: str, state: SecretStr, verifier: SecretStr | None) -> str:
    client = OAuth2Client(
        None,
        client_id,
        scope=" ".join(app.scopes),
        redirect_uri=app.redirect_uri,
        code_challenge_method="S256",
    )
    url, _ = client.create_authorization_url(
        app.endpoints.authorize,
        state=state.get_secret_value(),
        code_verifier=None if verifier is None else verifier.get_secret_value(),
    )
    return str(url)
