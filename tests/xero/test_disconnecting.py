"""Disconnecting ends a connection here at once, and at Xero as soon as Xero answers."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ephraim_db.fakes.xero import FakeXero, Fault
from ephraim_db.fakes.xero import Tenant as XeroTenant
from ephraim_db.sealing import PrivateKey
from ephraim_db.xero import Connection, NotConnected, Xero

from .conftest import (
    ACACIA,
    ADMIN,
    BANKSIA,
    CLIENT_ID,
    CLIENT_SECRET,
    RETURN,
    Owner,
    connect,
    connection_row,
    count,
    organization,
    set_app,
)


def assert_over_here(owner: Owner) -> None:
    stored = organization(owner)
    assert stored["xero_token_set"] is None
    assert stored["xero_tenant_id"] is None
    assert stored["xero_client_id"] is not None
    assert stored["settings"]["xero_connected"] is False
    assert connection_row(owner) is None


def test_disconnecting_ends_it_here_and_at_xero(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    assert xero.disconnect(ACACIA, user_id=ADMIN) == 0
    assert_over_here(owner)
    assert fake.calls["removal"] == 1
    assert fake.calls["revocation"] == 1
    assert fake.ledger.connections == []
    with pytest.raises(NotConnected):
        xero.token(ACACIA)


def test_disconnecting_twice_is_disconnecting_once(
    xero: Xero, fake: FakeXero, connected: Connection
) -> None:
    assert [xero.disconnect(ACACIA) for _ in range(3)] == [0, 0, 0]
    assert fake.calls["revocation"] == 1


@pytest.mark.parametrize("endpoint", ["removal", "revocation"])
@pytest.mark.parametrize(
    "fault", [Fault(status=503), Fault(status=429, retry_after=60), Fault(drop="after")]
)
def test_what_xero_did_not_hear_is_left_over_and_tried_again(
    xero: Xero,
    fake: FakeXero,
    owner: Owner,
    connected: Connection,
    endpoint: str,
    fault: Fault,
) -> None:
    fake.fail(endpoint, fault)
    assert xero.disconnect(ACACIA) == 1
    assert_over_here(owner)
    row = owner.execute("select attempts, last_error from public.xero_leftovers").fetchone()
    assert row is not None
    assert row["attempts"] == 1
    assert row["last_error"].startswith("Xero did not answer")
    assert xero.retry_leftovers() == 0
    assert fake.ledger.connections == []


def test_a_leftover_ends_also_after_its_access_token_ran_out(
    xero: Xero, fake: FakeXero, connected: Connection
) -> None:
    fake.fail("removal", Fault(status=503))
    assert xero.disconnect(ACACIA) == 1
    fake.advance(timedelta(hours=2))
    fake.fail("revocation", Fault(status=503))
    assert xero.retry_leftovers() == 1
    fake.advance(timedelta(hours=2))  # past the grace of what was refreshed for the last try
    assert xero.retry_leftovers() == 0
    assert fake.ledger.connections == []
    assert all(token.grant.revoked for token in fake.ledger.refresh.values())


def test_a_leftover_whose_tokens_are_dead_is_over(
    xero: Xero, fake: FakeXero, connected: Connection
) -> None:
    fake.fail("removal", Fault(status=503))
    assert xero.disconnect(ACACIA) == 1
    fake.ledger.end(CLIENT_ID, "bookkeeper")
    assert xero.retry_leftovers() == 0


def test_a_leftover_that_cannot_be_opened_is_kept_and_says_so(
    xero: Xero, owner: Owner, acacia: object
) -> None:
    owner.execute(
        "insert into public.xero_leftovers (organization_id, xero_client_id, xero_token_set) "
        "select id, 'CLIENT', twilio_auth_token from public.organizations where id = %s",
        (BANKSIA,),
    )
    assert xero.retry_leftovers() == 1
    row = owner.execute("select last_error from public.xero_leftovers").fetchone()
    assert row is not None
    assert f"organization {BANKSIA}, xero_token_set" in row["last_error"]


def test_a_refused_secret_leaves_over_what_the_right_one_ends(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    fake.add_app(CLIENT_ID, "renewed", [RETURN])
    assert xero.disconnect(ACACIA) == 1
    row = owner.execute("select last_error from public.xero_leftovers").fetchone()
    assert row is not None
    assert row["last_error"].startswith("Xero does not accept the client id and secret")
    fake.add_app(CLIENT_ID, CLIENT_SECRET, [RETURN])
    assert xero.retry_leftovers() == 0


def test_another_client_id_ends_the_connection_of_the_former(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection, key: PrivateKey
) -> None:
    set_app(owner, key, "ANOTHER", "another-secret")
    assert_over_here(owner)
    assert xero.retry_leftovers() == 0
    assert fake.ledger.connections == []


def test_connecting_again_keeps_the_connection_that_was_left_over(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    connect(xero, fake, tenant)
    fake.fail("removal", Fault(status=503))
    assert xero.disconnect(ACACIA) == 1
    connect(xero, fake, tenant)
    assert count(owner, "xero_leftovers") == 0
    assert xero.retry_leftovers() == 0
    xero.check(ACACIA)


def test_nobody_else_who_shares_the_app_is_disconnected(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    owner.execute(
        "update public.organizations set xero_client_id = %s, xero_token_set = o.xero_token_set "
        "from public.organizations as o where organizations.id = %s and o.id = %s",
        (CLIENT_ID, BANKSIA, ACACIA),
    )
    assert xero.disconnect(ACACIA) == 0
    assert fake.calls["removal"] == 1
    assert fake.calls["revocation"] == 0
    row = owner.execute(
        "select settings from public.organizations where id = %s", (BANKSIA,)
    ).fetchone()
    assert row is not None
    assert row["settings"]["xero_connected"] is True


def test_who_connected_and_disconnected_is_recorded(
    xero: Xero, owner: Owner, connected: Connection
) -> None:
    xero.disconnect(ACACIA, user_id=ADMIN)
    found = owner.execute(
        "select event, actor_role, actor_id from public.credential_events "
        "where organization_id = %s and field = 'xero_token_set' order by id desc limit 2",
        (ACACIA,),
    ).fetchall()
    assert [(row["event"], row["actor_id"]) for row in found] == [
        ("cleared", ADMIN),
        ("connected", ADMIN),
    ]
