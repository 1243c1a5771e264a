"""What state a connection is in is told truly: by Xero, by the database, by the command."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner, Result

from ephraim_db.cli.group import commands
from ephraim_db.fakes.xero import FakeXero, Fault
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.xero import (
    App,
    ClientRefused,
    Connection,
    Reason,
    ReauthorizationRequired,
    Status,
    Xero,
    XeroUnavailable,
)

from .conftest import (
    ACACIA,
    BANKSIA,
    CLIENT_ID,
    RETURN,
    Owner,
    connect,
    connection_row,
    expire,
    set_app,
)


def acacia_status(xero: Xero) -> Status:
    (status,) = [status for status in xero.status() if status.organization_id == ACACIA]
    return status


def test_a_connection_that_xero_knows_passes_the_check(xero: Xero, connected: Connection) -> None:
    xero.check(ACACIA)


def test_a_tenant_removed_in_xero_needs_an_admin(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    fake.ledger.connections.clear()
    for ask in (xero.check, xero.token, xero.check):
        with pytest.raises(ReauthorizationRequired) as required:
            ask(ACACIA)
        assert required.value.reason is Reason.TENANT_REMOVED
    assert acacia_status(xero).state == "reauth required"
    connect(xero, fake, *fake.ledger.tenants.values())
    assert acacia_status(xero).state == "connected"


def test_a_check_replaces_an_access_token_that_xero_refuses(
    xero: Xero, fake: FakeXero, connected: Connection
) -> None:
    fake.ledger.access.clear()
    xero.check(ACACIA)
    assert fake.calls["token"] == 2


def test_a_check_of_a_xero_that_is_down_says_nothing_of_the_connection(
    xero: Xero, fake: FakeXero, connected: Connection
) -> None:
    fake.fail("connections", Fault(status=500))
    with pytest.raises(XeroUnavailable):
        xero.check(ACACIA)
    assert acacia_status(xero).state == "connected"


def test_a_rotated_client_secret_costs_one_call_and_no_connection(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection, key: PrivateKey
) -> None:
    fake.add_app(CLIENT_ID, "the new secret", [RETURN])
    xero.token(ACACIA)  # the access token is good until it expires
    expire(owner)
    for _ in range(3):
        with pytest.raises(ClientRefused, match="enters the current secret"):
            xero.token(ACACIA)
    assert fake.calls["token"] == 2
    assert "current secret" in (acacia_status(xero).last_error or "")
    set_app(owner, key, CLIENT_ID, "the new secret")
    assert fake.ledger.bearer(xero.token(ACACIA).value)
    assert acacia_status(xero).last_error is None


def test_the_flag_follows_the_tokens_whoever_writes_it(
    owner: Owner, xero: Xero, connected: Connection
) -> None:
    query = "select settings ->> 'xero_connected' as flag from public.organizations where id = %s"
    lie = "update public.organizations set settings = '{\"xero_connected\": false}' where id = %s"
    owner.execute(lie, (ACACIA,))
    assert owner.execute(query, (ACACIA,)).fetchone() == {"flag": "true"}
    xero.disconnect(ACACIA)
    owner.execute(lie.replace("false", "true"), (ACACIA,))
    assert owner.execute(query, (ACACIA,)).fetchone() == {"flag": "false"}


@pytest.fixture
def run(sender_url: str, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    monkeypatch.setenv("DATABASE_URL", sender_url)
    monkeypatch.setenv("COLUMNS", "200")
    return CliRunner()


def ask(run: CliRunner, *arguments: str) -> Result:
    return run.invoke(commands, ["xero", *arguments], catch_exceptions=False)


def test_the_command_shows_each_organizations_connection_and_no_token(
    run: CliRunner,
    sender_url: str,
    keyring: Keyring,
    app: App,
    fake: FakeXero,
    owner: Owner,
    acacia: object,
) -> None:
    with Xero(sender_url, keyring, app) as xero:
        connect(xero, fake, fake.add_tenant("Acacia Care Pty Ltd"))
        owner.execute(
            "update public.organizations set xero_client_id = null where id = %s", (BANKSIA,)
        )
        shown = ask(run, "status")
        assert shown.exit_code == 1  # Banksia's connection is still to be ended
        assert "Acacia Care Pty Ltd" in shown.output
        assert "not configured" in shown.output
        listed = ask(run, "status", "--format", "json")
        rows = {row["name"]: row for row in json.loads(listed.output)}
        assert rows["Acacia Care"]["state"] == "connected"
        assert rows["Banksia Supports"]["state"] == "not configured"
        assert rows["Banksia Supports"]["leftovers"] == 1
        expire(owner)
        fake.ledger.end(CLIENT_ID, "bookkeeper")
        with pytest.raises(ReauthorizationRequired):
            xero.token(ACACIA)
        broken = ask(run, "status")
        assert broken.exit_code == 1
        assert "reauth required" in broken.output
        assert "60 days" in broken.output
    tokens = {*fake.ledger.access, *fake.ledger.refresh}
    assert not any(token in shown.output + listed.output + broken.output for token in tokens)
    row = connection_row(owner)
    assert row is not None


def test_the_command_ends_what_is_left(
    run: CliRunner,
    sender_url: str,
    keyring: Keyring,
    app: App,
    fake: FakeXero,
    key: PrivateKey,
    acacia: object,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cannot = ask(run, "cleanup")
    assert (cannot.exit_code, "EPHRAIM_DB_KEYS" in cannot.output) == (2, True)
    monkeypatch.setenv("EPHRAIM_DB_KEYS", json.dumps(key.jwk()))
    with Xero(sender_url, keyring, app) as xero:
        connect(xero, fake, fake.add_tenant("Acacia Care Pty Ltd"))
        fake.fail("removal", Fault(status=503), Fault(status=503))
        xero.disconnect(ACACIA)
    still = ask(run, "cleanup", "--xero-url", fake.url)
    assert (still.exit_code, still.output) == (1, "1 left to end at Xero\n")
    done = ask(run, "cleanup", "--xero-url", fake.url)
    assert (done.exit_code, done.output) == (0, "nothing left to end at Xero\n")
    assert fake.ledger.connections == []


def test_the_command_says_that_it_cannot_run(run: CliRunner) -> None:
    refused = ask(run, "status", "--database-url", "nonsense")
    assert (refused.exit_code, "libpq URL" in refused.output) == (2, True)
