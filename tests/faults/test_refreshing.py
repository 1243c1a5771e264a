"""A refresh may stop anywhere: the connection goes on, or says that an admin has to connect again.

Xero takes the former refresh token again for 30 minutes, while its successor has not been used. So
an answer that was lost is asked for again; only if nobody asks for that long is the connection
over, which the database then says and the settings page shows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import timedelta

import psycopg
import pytest
from psycopg.rows import dict_row
from tests.faults import stories
from tests.faults.boundaries import CUTS, KILLS, Fault
from tests.faults.conftest import Clones
from tests.faults.sweeping import Scene, play, sweep
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
        app = App(RETURN, endpoints=Endpoints.at(self.fake.url), timeout=3)
        with Xero(self.login, Keyring([self.key]), app) as xero:
            connect(xero, self.fake, self.tenant)


Scenes = Callable[[], AbstractContextManager[Connected]]


@pytest.fixture
def scenes(clones: Clones, server: Server, sender_login: str) -> Scenes:
    @contextmanager
    def scene() -> Iterator[Connected]:
        key = PrivateKey.generate()
        with clones() as database, FakeXero() as fake:
            fake.add_app(CLIENT_ID, CLIENT_SECRET, [RETURN])
            tenant = fake.add_tenant("Acacia Care Pty Ltd")
            url = server.url(database.name, sender_login)
            made = Connected(
                database, url, lambda url, http: (url, http, key.d), fake.url, fake, tenant, key
            )
            with psycopg.connect(database.url, autocommit=True, row_factory=dict_row) as owner:
                prepare(owner, key)
                made.connect_again()
                expire(owner)
            yield made

    return scene


@pytest.mark.parametrize("fault", [*KILLS, *CUTS])
def test_within_the_grace_that_xero_gives_no_connection_is_lost(
    fault: Fault, scenes: Scenes
) -> None:
    for stopped, _, ending in sweep(stories.refresh, scenes, fault, sample=4):
        assert "try again" in ending.refusal or not ending.refusal
        stopped.let_pass(timedelta(minutes=29))
        assert stopped.token_works()
        assert stopped.state() == ("connected", 2)


@pytest.mark.parametrize("fault", KILLS)
def test_after_the_grace_a_lost_answer_is_told_and_an_admin_connects_again(
    fault: Fault, scenes: Scenes
) -> None:
    for stopped, _, _ in sweep(stories.refresh, scenes, fault, sample=4):
        _, generation = stopped.state()
        was_lost = generation == 1 and stopped.fake.calls["token"] == 2
        stopped.let_pass(timedelta(minutes=31))
        assert stopped.token_works() != was_lost
        if was_lost:
            assert stopped.state()[0] == "reauth_required"
            stopped.connect_again()
            assert stopped.token_works()
        assert stopped.state()[0] == "connected"
