"""A fake Xero, an organization that has an app there, and the service between, by both doors."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, cast
from uuid import UUID

import psycopg
import psycopg.rows
import pytest

from ephraim_db.fakes.xero import FakeXero
from ephraim_db.fakes.xero import Tenant as XeroTenant
from ephraim_db.sealing import Keyring, Place, PrivateKey, seal
from ephraim_db.xero import App, AsyncXero, Connection, Endpoints, Xero

ACACIA = UUID("a0000000-0000-4000-8000-000000000001")
ADMIN = UUID("a0000000-0000-4000-8000-000000000101")
COORDINATOR = UUID("a0000000-0000-4000-8000-000000000102")
BANKSIA = UUID("b0000000-0000-4000-8000-000000000001")
BANKSIA_ADMIN = UUID("b0000000-0000-4000-8000-000000000101")
SESSION = "a browser session's random id"
RETURN = "http://localhost:8000/xero/callback"
CLIENT_ID = "ACACIA0000000000000000000000APP1"
CLIENT_SECRET = "acacia-client-secret-5up3r"

Owner = psycopg.Connection[dict[str, Any]]


class Awaited:
    """AsyncXero as if it blocked, so that a test is written once."""

    def __init__(self, service: AsyncXero, runner: asyncio.Runner) -> None:
        self._service = service
        self._runner = runner

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self._service, name)
        return lambda *args, **named: self._runner.run(method(*args, **named))


@pytest.fixture
def fake() -> Iterator[FakeXero]:
    """A Xero with the organization's app."""
    with FakeXero() as fake:
        fake.add_app(CLIENT_ID, CLIENT_SECRET, [RETURN])
        yield fake


@pytest.fixture
def tenant(fake: FakeXero) -> XeroTenant:
    """An organisation in it."""
    return fake.add_tenant("Acacia Care Pty Ltd")


@pytest.fixture
def owner(database: str) -> Iterator[Owner]:
    """The owner's connection, each statement its own transaction."""
    with psycopg.connect(
        database, autocommit=True, row_factory=psycopg.rows.dict_row
    ) as connection:
        yield connection


@pytest.fixture
def key() -> PrivateKey:
    """The key that secrets are sealed to."""
    return PrivateKey.generate()


@pytest.fixture
def keyring(key: PrivateKey) -> Keyring:
    """The sender's."""
    return Keyring([key])


def set_app(owner: Owner, key: PrivateKey, client_id: str, secret: str | None) -> None:
    """Do what an admin does in the settings: enter the app's id and secret."""
    place = Place(ACACIA, "xero", "xero_client_secret")
    owner.execute(
        "update public.organizations set xero_client_id = %s, xero_client_secret = %s "
        "where id = %s",
        (client_id, secret and seal(secret, place, key.public()), ACACIA),
    )


@pytest.fixture
def acacia(owner: Owner, key: PrivateKey) -> UUID:
    """An organization whose app is entered and which is not connected."""
    prepare(owner, key)
    return ACACIA


def prepare(owner: Owner, key: PrivateKey) -> None:
    public = key.public()
    owner.execute(
        "insert into public.sealing_keys (kid, x, status, activated_at) "
        "values (%s, %s, 'active', now())",
        (public.kid, public.x),
    )
    set_app(owner, key, CLIENT_ID, CLIENT_SECRET)
    owner.execute("delete from public.xero_leftovers")
    owner.execute("delete from public.xero_authorizations")


@pytest.fixture
def app(fake: FakeXero) -> App:
    """How the fake is asked."""
    return App(RETURN, endpoints=Endpoints.at(fake.url), timeout=30)


@pytest.fixture(params=["blocking", "awaiting"])
def xero(
    request: pytest.FixtureRequest, sender_url: str, keyring: Keyring, app: App, acacia: UUID
) -> Iterator[Xero]:
    """The service, through either door."""
    with ExitStack() as stack:
        if request.param == "blocking":
            yield stack.enter_context(Xero(sender_url, keyring, app))
            return
        runner = stack.enter_context(asyncio.Runner())
        service = AsyncXero(sender_url, keyring, app)
        runner.run(service.__aenter__())
        stack.callback(lambda: runner.run(service.__aexit__()))
        yield cast(Xero, Awaited(service, runner))


@pytest.fixture
def connected(xero: Xero, fake: FakeXero, tenant: XeroTenant) -> Connection:
    """The organization, connected by its admin."""
    return connect(xero, fake, tenant)


def connect(xero: Xero, fake: FakeXero, *tenants: XeroTenant) -> Connection:
    url = xero.authorization_url(ACACIA, ADMIN, session=SESSION)
    back = fake.approve(url, tenants=tenants)
    connection = xero.complete(back, ACACIA, ADMIN, session=SESSION)
    assert isinstance(connection, Connection)
    return connection


def expire(owner: Owner) -> None:
    """Let the access token run out, by the database's clock."""
    owner.execute("update public.xero_connections set access_expires_at = now()")


def organization(owner: Owner) -> dict[str, Any]:
    row = owner.execute(
        "select xero_client_id, xero_tenant_id, xero_token_set, settings "
        "from public.organizations where id = %s",
        (ACACIA,),
    ).fetchone()
    assert row is not None
    return row


def connection_row(owner: Owner) -> dict[str, Any] | None:
    return owner.execute(
        "select * from public.xero_connections where organization_id = %s", (ACACIA,)
    ).fetchone()


def count(owner: Owner, table: str) -> int:
    row = owner.execute(
        psycopg.sql.SQL("select count(*)::int as n from {}").format(
            psycopg.sql.Identifier("public", table)
        )
    ).fetchone()
    assert row is not None
    return int(row["n"])
