"""The doors to the Xero connection: `Xero` blocks, `AsyncXero` awaits, both do the same.

organization's settings --authorization_url--> Xero --complete--> connected --token--> Xero's API
                                                                      └--disconnect--> not connected
"""

from __future__ import annotations

from typing import Self
from uuid import UUID

from pydantic import SecretStr

from ephraim_db.database import AsyncDatabase, Database
from ephraim_db.sealing import Keyring
from ephraim_db.xero import (
    authorizing,
    checking,
    disconnecting,
    performing,
    refreshing,
    returning,
)
from ephraim_db.xero.app import App
from ephraim_db.xero.authorizing import Asker
from ephraim_db.xero.checking import Status
from ephraim_db.xero.connecting import Connection
from ephraim_db.xero.returning import Choice
from ephraim_db.xero.tokens import AccessToken


class Xero:
    """Connects organizations to Xero and keeps their tokens fresh. Threads may share it."""

    def __init__(
        self, database_url: str, keyring: Keyring, app: App, *, connections: int = 8
    ) -> None:
        """Take the sender's login, the keys to open secrets with, and how to ask Xero."""
        self._keyring = keyring
        self._app = app
        self._database = Database(
            database_url, connections=connections, perform=performing.blocking(app)
        )

    def __enter__(self) -> Self:
        """Connect to the database."""
        self._database.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        """Close every connection."""
        self._database.__exit__(*raised)

    def authorization_url(
        self, organization_id: UUID, user_id: UUID, *, session: str | SecretStr
    ) -> str:
        """Return where to send the browser of an admin, who comes back within ten minutes.

        `session` names the browser session, unguessably. Raises `AdminRequired`,
        `XeroNotConfigured`.
        """
        session = _concealed(session)
        asker = Asker(organization_id, user_id, session)
        return self._database.run(authorizing.authorization_url(self._app, self._keyring, asker))

    def complete(
        self,
        returned_to: str | SecretStr,
        organization_id: UUID,
        user_id: UUID,
        *,
        session: str | SecretStr,
    ) -> Connection | Choice:
        """Take the public URL that Xero returned the browser to, with its query.

        Returns the connection, or the choice to make if several organisations were connected.
        Raises `AuthorizationRefused`, `AdminRequired`, `ClientRefused`, `XeroUnavailable`.
        """
        returned_to, session = _concealed(returned_to), _concealed(session)
        asker = Asker(organization_id, user_id, session)
        return self._database.run(returning.complete(self._keyring, asker, returned_to))

    def choose(
        self,
        choice: str,
        tenant_id: UUID,
        organization_id: UUID,
        user_id: UUID,
        *,
        session: str | SecretStr,
    ) -> Connection:
        """Connect one of the organisations that the `Choice` with the id `choice` offered.

        Raises `AuthorizationRefused`, `AdminRequired`.
        """
        session = _concealed(session)
        asker = Asker(organization_id, user_id, session)
        return self._database.run(returning.choose(self._keyring, asker, choice, tenant_id))

    def token(
        self, organization_id: UUID, *, rejected: str | SecretStr | None = None
    ) -> AccessToken:
        """Return an access token good for at least a minute, refreshed if need be.

        `rejected`: the token that Xero just answered with 401, so that another is got. Raises
        `NotConnected`, `ReauthorizationRequired`, `ClientRefused`, `XeroUnavailable`.
        """
        rejected = None if rejected is None else _concealed(rejected)
        return self._database.run(refreshing.token(self._keyring, organization_id, rejected))

    def check(self, organization_id: UUID) -> None:
        """Ask Xero whether it still knows the connection, as after a 403. Raises as `token`."""
        self._database.run(checking.check(self._keyring, organization_id))

    def disconnect(self, organization_id: UUID, *, user_id: UUID | None = None) -> int:
        """End the connection; return how much is left to end at Xero. Safe to repeat.

        Whoever calls has made sure that `user_id`, who is recorded, is an admin.
        """
        return self._database.run(disconnecting.disconnect(self._keyring, organization_id, user_id))

    def retry_leftovers(self) -> int:
        """Try again to end at Xero what is over here; return how much is left."""
        return self._database.run(disconnecting.end_leftovers(self._keyring))

    def status(self) -> list[Status]:
        """Return every organization's connection as stored."""
        return self._database.run(checking.status())


class AsyncXero:
    """Connects organizations to Xero and keeps their tokens fresh, on one event loop."""

    def __init__(
        self, database_url: str, keyring: Keyring, app: App, *, connections: int = 8
    ) -> None:
        """Take the sender's login, the keys to open secrets with, and how to ask Xero."""
        self._keyring = keyring
        self._app = app
        self._database = AsyncDatabase(
            database_url, connections=connections, perform=performing.awaiting(app)
        )

    async def __aenter__(self) -> Self:
        """Connect to the database."""
        await self._database.__aenter__()
        return self

    async def __aexit__(self, *raised: object) -> None:
        """Close every connection."""
        await self._database.__aexit__(*raised)

    async def authorization_url(
        self, organization_id: UUID, user_id: UUID, *, session: str | SecretStr
    ) -> str:
        """Return where to send the browser of an admin, who comes back within ten minutes.

        `session` names the browser session, unguessably. Raises `AdminRequired`,
        `XeroNotConfigured`.
        """
        session = _concealed(session)
        asker = Asker(organization_id, user_id, session)
        return await self._database.run(
            authorizing.authorization_url(self._app, self._keyring, asker)
        )

    async def complete(
        self,
        returned_to: str | SecretStr,
        organization_id: UUID,
        user_id: UUID,
        *,
        session: str | SecretStr,
    ) -> Connection | Choice:
        """Take the public URL that Xero returned the browser to, with its query.

        Returns the connection, or the choice to make if several organisations were connected.
        Raises `AuthorizationRefused`, `AdminRequired`, `ClientRefused`, `XeroUnavailable`.
        """
        returned_to, session = _concealed(returned_to), _concealed(session)
        asker = Asker(organization_id, user_id, session)
        return await self._database.run(returning.complete(self._keyring, asker, returned_to))

    async def choose(
        self,
        choice: str,
        tenant_id: UUID,
        organization_id: UUID,
        user_id: UUID,
        *,
        session: str | SecretStr,
    ) -> Connection:
        """Connect one of the organisations that the `Choice` with the id `choice` offered.

        Raises `AuthorizationRefused`, `AdminRequired`.
        """
        session = _concealed(session)
        asker = Asker(organization_id, user_id, session)
        return await self._database.run(returning.choose(self._keyring, asker, choice, tenant_id))

    async def token(
        self, organization_id: UUID, *, rejected: str | SecretStr | None = None
    ) -> AccessToken:
        """Return an access token good for at least a minute, refreshed if need be.

        `rejected`: the token that Xero just answered with 401, so that another is got. Raises
        `NotConnected`, `ReauthorizationRequired`, `ClientRefused`, `XeroUnavailable`.
        """
        rejected = None if rejected is None else _concealed(rejected)
        return await self._database.run(refreshing.token(self._keyring, organization_id, rejected))

    async def check(self, organization_id: UUID) -> None:
        """Ask Xero whether it still knows the connection, as after a 403. Raises as `token`."""
        await self._database.run(checking.check(self._keyring, organization_id))

    async def disconnect(self, organization_id: UUID, *, user_id: UUID | None = None) -> int:
        """End the connection; return how much is left to end at Xero. Safe to repeat.

        Whoever calls has made sure that `user_id`, who is recorded, is an admin.
        """
        return await self._database.run(
            disconnecting.disconnect(self._keyring, organization_id, user_id)
        )

    async def retry_leftovers(self) -> int:
        """Try again to end at Xero what is over here; return how much is left."""
        return await self._database.run(disconnecting.end_leftovers(self._keyring))

    async def status(self) -> list[Status]:
        """Return every organization's connection as stored."""
        return await self._database.run(checking.status())


def _concealed(secret: str | SecretStr) -> SecretStr:
    # At once, so that no traceback shows it among a frame's variables.
    return secret if isinstance(secret, SecretStr) else SecretStr(secret)
