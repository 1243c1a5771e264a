"""An organization that is connected to a fake Xero, and what must be true of the two."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg
from psycopg.rows import dict_row
from tests.faults import stories
from tests.faults.conftest import Clones
from tests.faults.sweeping import Scene, play
from tests.xero.conftest import (
    CLIENT_ID,
    CLIENT_SECRET,
    RETURN,
    connect,
    connection_row,
    expire,
    prepare,
)

from ephraim_db.fakes.xero import FakeXero
from ephraim_db.fakes.xero import Tenant as XeroTenant
from ephraim_db.fakes.xero.ledger import ACCESS_LIFE
from ephraim_db.postgres import Server
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.xero import App, Endpoints, Xero


@dataclass(frozen=True, slots=True)
class Connected(Scene):
    """An organization that is connected to the fake, and whose access token has expired."""

    fake: FakeXero
    tenant: XeroTenant
    key: PrivateKey

    def state(self) -> tuple[str, int]:
        """The status and the generation that the database has."""
        with psycopg.connect(self.superuser, row_factory=dict_row) as owner:
            row = connection_row(owner)
        assert row is not None
        return row["status"], row["generation"]

    def token_works(self) -> bool:
        """Whether another process gets a token that Xero takes; if not, it must say why."""
        ending = play(stories.refresh, self)
        assert not ending.crash, ending.crash
        if ending.refusal:
            assert ending.refusal.startswith("ReauthorizationRequired"), ending.refusal
            assert "connects again" in ending.refusal
            return False
        return not self.fake.ledger.bearer(str(ending.result)).revoked

    def let_pass(self, time: timedelta) -> None:
        """Let time pass at Xero, and let the access token run out in the database if it has."""
        self.fake.advance(time)
        if time > ACCESS_LIFE:
            with psycopg.connect(self.superuser, row_factory=dict_row) as owner:
                expire(owner)

    def connect_again(self) -> None:
        """Do what an admin does."""
        app = App(RETURN, endpoints=Endpoints.at(self.fake.url), timeout=30)
        with Xero(self.login, Keyring([self.key]), app) as xero:
            connect(xero, self.fake, self.tenant)


Scenes = Callable[[], AbstractContextManager[Connected]]


def connected(clones: Clones, server: Server, login: str) -> Scenes:
    """Return what makes a scene."""

    @contextmanager
    def scene() -> Iterator[Connected]:
        key = PrivateKey.generate()
        with clones() as database, FakeXero() as fake:
            fake.add_app(CLIENT_ID, CLIENT_SECRET, [RETURN])
            tenant = fake.add_tenant("Acacia Care Pty Ltd")
            url = server.url(database.name, login)
            made = Connected(
                database, url, lambda url, http: (url, http, key.d), fake.url, fake, tenant, key
            )
            with psycopg.connect(database.url, autocommit=True, row_factory=dict_row) as owner:
                prepare(owner, key)
                made.connect_again()
                expire(owner)
            yield made

    return scene
