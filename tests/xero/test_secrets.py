"""What Xero and the organization keep secret shows nowhere but in the calls between them."""

from __future__ import annotations

import logging
import traceback
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import psycopg
import psycopg.sql
import pytest
from psycopg.rows import dict_row
from tests.conftest import PROJECT

from ephraim_db.errors import EphraimError
from ephraim_db.fakes.xero import FakeXero, Fault
from ephraim_db.fakes.xero import Tenant as XeroTenant
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import create_database, start_postgres
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.xero import App, Xero, stored, tokens

from .conftest import (
    ACACIA,
    ADMIN,
    CLIENT_ID,
    CLIENT_SECRET,
    RETURN,
    SESSION,
    Owner,
    expire,
    prepare,
)


class Story:
    """What was told while it happened, and what must not have been."""

    def __init__(self, xero: Xero, fake: FakeXero) -> None:
        self.xero = xero
        self.fake = fake
        self.told: list[str] = []
        self.secrets = [CLIENT_SECRET, "a-newer-client-secret", SESSION]

    def fails(self, name: str, *args: Any, **named: Any) -> None:
        with pytest.raises(EphraimError) as raised:
            getattr(self.xero, name)(*args, **named)
        error = raised.value
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        # The frame of this test holds what it gave; every frame of the package counts.
        frames = [frame for frame in shown.stack if "/tests/" not in frame.filename]
        assert frames
        self.told += [repr(error), str(error), repr(error.args), repr(vars(error))]
        self.told += [f"{frame.name}: {frame.locals}" for frame in frames]
        assert error.__cause__ is None

    def start(self) -> str:
        url = self.xero.authorization_url(ACACIA, ADMIN, session=SESSION)
        self.secrets.append(parse_qs(urlsplit(url).query)["state"][0])
        return url

    def approve(self, *tenants: XeroTenant) -> str:
        back = self.fake.approve(self.start(), tenants=tenants)
        self.secrets.append(parse_qs(urlsplit(back).query)["code"][0])
        return back

    def complete(self, back: str) -> None:
        self.told.append(repr(self.xero.complete(back, ACACIA, ADMIN, session=SESSION)))


@pytest.fixture
def told(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant, caplog: pytest.LogCaptureFixture
) -> Story:
    """A connection's whole life, with everything that can go wrong in it."""
    caplog.set_level(logging.DEBUG)
    story = Story(xero, fake)
    tell(story, owner, tenant)
    story.told.append(caplog.text)
    return story


def tell(story: Story, owner: Owner, tenant: XeroTenant) -> None:
    xero, fake = story.xero, story.fake
    back = story.approve(tenant)
    story.fails("complete", back, ACACIA, ADMIN, session="another browser session")
    fake.fail("token", Fault(drop="after"))
    story.fails("complete", back, ACACIA, ADMIN, session=SESSION)
    fake.add_app(CLIENT_ID, "a-newer-client-secret", [RETURN])
    story.fails("complete", story.approve(tenant), ACACIA, ADMIN, session=SESSION)
    fake.add_app(CLIENT_ID, CLIENT_SECRET, [RETURN])
    fake.fail("connections", Fault(status=500))
    story.fails("complete", story.approve(tenant), ACACIA, ADMIN, session=SESSION)
    back = story.approve(tenant)
    story.complete(back)
    story.fails("complete", back, ACACIA, ADMIN, session=SESSION)
    story.told.append(repr(xero.token(ACACIA)))
    for fault in (Fault(status=503), Fault(drop="after"), Fault(drop="before")):
        expire(owner)
        fake.fail("token", *[fault] * 3)
        story.fails("token", ACACIA)
    story.told.append(repr(xero.token(ACACIA)))
    fake.fail("removal", Fault(status=503))
    xero.disconnect(ACACIA)
    story.complete(story.approve(tenant))
    fake.fail("connections", Fault(drop="after"))
    story.fails("check", ACACIA)
    story.complete(story.approve(tenant, fake.add_tenant("Acacia Trust")))  # a choice to make
    expire(owner)
    fake.advance(timedelta(days=61))
    story.fails("token", ACACIA)
    story.told.append(repr(xero.status()))
    story.secrets += [*fake.ledger.access, *fake.ledger.refresh]


def test_no_error_traceback_repr_log_or_table_holds_a_secret(told: Story, owner: Owner) -> None:
    assert len(told.secrets) > 15
    assert "HTTP Request" in told.told[-1]  # the log was really on
    for secret in told.secrets:
        found = [text for text in told.told if secret in text]
        assert not found, found[0][max(found[0].index(secret) - 200, 0) :][:200]
    tables = owner.execute(
        "select schemaname, tablename from pg_tables "
        "where schemaname not in ('pg_catalog', 'information_schema')"
    ).fetchall()
    assert {"xero_connections", "xero_authorizations", "xero_leftovers", "organizations"} <= {
        table["tablename"] for table in tables
    }
    dump = [
        row["row"]
        for table in tables
        for row in owner.execute(
            psycopg.sql.SQL("select t::text as row from {} as t").format(
                psycopg.sql.Identifier(table["schemaname"], table["tablename"])
            )
        )
    ]
    assert any(CLIENT_ID in row for row in dump)
    for secret in told.secrets:
        assert not [row for row in dump if secret in row]


def test_no_file_of_a_server_that_logs_everything_holds_a_secret(
    fake: FakeXero, app: App, key: PrivateKey, keyring: Keyring, tenant: XeroTenant
) -> None:
    with start_postgres("embedded") as server:
        create_database(server, "story")
        with psycopg.connect(server.url("story"), autocommit=True) as superuser:
            superuser.execute("alter database story set log_statement = 'all'")
            superuser.execute("alter database story set log_parameter_max_length_on_error = -1")
            superuser.execute("set log_statement = 'none'")
            [(data,)] = superuser.execute("show data_directory").fetchall()
            url = server.url("story", "postgres")
            with psycopg.connect(url, autocommit=True) as migrator:
                apply_migrations(migrator, find_migrations(PROJECT))
                apply_seed(migrator, PROJECT)
            with psycopg.connect(url, autocommit=True, row_factory=dict_row) as owner:
                prepare(owner, key)
                with Xero(url, keyring, app) as xero:
                    story = Story(xero, fake)
                    tell(story, owner, tenant)
            superuser.execute("checkpoint")
        files = [path for path in Path(data).parent.rglob("*") if path.is_file()]
        written = {path: path.read_bytes() for path in files}
    log = written[Path(data).parent / "postgres.log"]
    assert b"update public.xero_connections" in log
    assert b"seal:v1:" in log  # with its parameters
    assert sum(CLIENT_ID.encode() in content for content in written.values()) > 2  # table, WAL, log
    for secret in story.secrets:
        for shape in (secret.encode(), secret.encode().hex().encode()):
            assert not [path for path, content in written.items() if shape in content]


def test_a_token_set_opens_for_its_organization_only(
    xero: Xero, fake: FakeXero, owner: Owner, keyring: Keyring, tenant: XeroTenant
) -> None:
    Story(xero, fake).complete(
        fake.approve(xero.authorization_url(ACACIA, ADMIN, session=SESSION), tenants=[tenant])
    )
    row = owner.execute(
        "select xero_token_set from public.organizations where id = %s", (ACACIA,)
    ).fetchone()
    assert row is not None
    envelope = row["xero_token_set"]
    opened = tokens.opened_tokens(keyring, envelope, ACACIA)
    assert opened.refresh_token.get_secret_value() in fake.ledger.refresh
    for place in (tokens.place(ADMIN), tokens.place(ACACIA, "xero_client_secret")):
        with pytest.raises(EphraimError):
            tokens.opened(keyring, envelope, place)


def test_what_is_no_token_set_is_not_repeated(keyring: Keyring, key: PrivateKey) -> None:
    from ephraim_db.sealing import seal

    envelope = seal("sealed by mistake", tokens.place(ACACIA), key.public())
    with pytest.raises(EphraimError) as raised:
        tokens.opened_tokens(keyring, envelope, ACACIA)
    shown = traceback.TracebackException.from_exception(raised.value, capture_locals=True)
    assert "sealed by mistake" not in "".join(shown.format())


def test_the_values_of_the_package_show_no_secret(
    keyring: Keyring, app: App, acacia: object
) -> None:
    client = stored.opened_client(keyring, ACACIA, CLIENT_ID, None)
    assert CLIENT_ID in repr(client)
    answer = tokens.TokenSet.from_answer(
        {"access_token": "access-1", "refresh_token": "refresh-1", "scope": "s"}
    )
    assert "access-1" not in repr(answer)
    assert "refresh-1" not in f"{answer!r}{answer}"
