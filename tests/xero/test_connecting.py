"""An admin connects their organization to Xero, and nothing else connects it."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import pytest

from ephraim_db.errors import AdminRequired, InvalidInput
from ephraim_db.fakes.xero import FakeXero, Fault
from ephraim_db.fakes.xero import Tenant as XeroTenant
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.xero import (
    App,
    AuthorizationRefused,
    Choice,
    ClientRefused,
    Connection,
    Refusal,
    Xero,
    XeroNotConfigured,
    XeroUnavailable,
)

from .conftest import (
    ACACIA,
    ADMIN,
    BANKSIA,
    BANKSIA_ADMIN,
    CLIENT_ID,
    CLIENT_SECRET,
    COORDINATOR,
    RETURN,
    SESSION,
    Owner,
    connect,
    connection_row,
    count,
    organization,
    set_app,
)


def started(xero: Xero) -> str:
    return xero.authorization_url(ACACIA, ADMIN, session=SESSION)


def refusal(xero: Xero, returned_to: str, session: str = SESSION) -> Refusal:
    with pytest.raises(AuthorizationRefused) as refused:
        xero.complete(returned_to, ACACIA, ADMIN, session=session)
    return refused.value.reason


def assert_nothing_stored(owner: Owner) -> None:
    assert organization(owner)["xero_token_set"] is None
    assert organization(owner)["settings"]["xero_connected"] is False
    assert connection_row(owner) is None


def test_an_admin_connects(xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant) -> None:
    connection = connect(xero, fake, tenant)
    assert connection.tenant_id == tenant.id
    stored = organization(owner)
    assert stored["xero_tenant_id"] == str(tenant.id)
    assert stored["xero_token_set"].startswith("seal:v1:")
    assert stored["settings"] == {
        "sms_enabled": True,
        "xero_connected": True,
        "ndia_registered": True,
    }
    row = connection_row(owner)
    assert row is not None
    assert row["connection_id"] == connection.connection_id
    assert row["connected_by"] == ADMIN
    assert fake.ledger.bearer(xero.token(ACACIA).value).user == "bookkeeper"


def test_the_state_is_256_random_bits_and_stored_hashed(xero: Xero, owner: Owner) -> None:
    states = [parse_qs(urlsplit(started(xero)).query)["state"][0] for _ in range(2)]
    assert states[0] != states[1]
    assert len(states[0]) == 43
    found = owner.execute("select a::text as row from public.xero_authorizations as a").fetchall()
    assert not any(state in row["row"] for state in states for row in found)


def test_it_asks_for_granular_scopes_and_offline_access(xero: Xero) -> None:
    scopes = parse_qs(urlsplit(started(xero)).query)["scope"][0].split()
    assert {"offline_access", "accounting.invoices", "accounting.contacts"} <= set(scopes)
    assert "accounting.transactions" not in scopes


def test_a_return_is_good_once(xero: Xero, fake: FakeXero, tenant: XeroTenant) -> None:
    back = fake.approve(started(xero), tenants=[tenant])
    xero.complete(back, ACACIA, ADMIN, session=SESSION)
    assert refusal(xero, back) is Refusal.REPLAYED
    assert xero.token(ACACIA).tenant_id == str(tenant.id)


def test_a_return_after_ten_minutes_is_refused(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    back = fake.approve(started(xero), tenants=[tenant])
    owner.execute("update public.xero_authorizations set expires_at = now()")
    assert refusal(xero, back) is Refusal.EXPIRED
    assert_nothing_stored(owner)


def test_the_ten_minutes_are_the_databases(xero: Xero, owner: Owner) -> None:
    started(xero)
    row = owner.execute(
        "select expires_at - created_at as life from public.xero_authorizations"
    ).fetchone()
    assert row == {"life": timedelta(minutes=10)}


def test_a_state_nobody_was_sent_with_is_refused(xero: Xero, owner: Owner) -> None:
    started(xero)
    assert refusal(xero, f"{RETURN}?code=x&state=forged") is Refusal.UNKNOWN_STATE
    assert refusal(xero, f"{RETURN}?code=x") is Refusal.UNKNOWN_STATE
    assert_nothing_stored(owner)


def test_a_state_of_another_session_user_or_organization_is_refused(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    back = fake.approve(started(xero), tenants=[tenant])
    assert refusal(xero, back, "another browser session's id") is Refusal.FOREIGN_STATE
    for organization_id, user_id in ((ACACIA, COORDINATOR), (BANKSIA, BANKSIA_ADMIN)):
        with pytest.raises(AuthorizationRefused) as refused:
            xero.complete(back, organization_id, user_id, session=SESSION)
        assert refused.value.reason is Refusal.FOREIGN_STATE
    assert_nothing_stored(owner)
    xero.complete(back, ACACIA, ADMIN, session=SESSION)  # the rightful return still counts


def test_pressing_cancel_is_told_as_that(xero: Xero, fake: FakeXero, owner: Owner) -> None:
    back = fake.deny(started(xero))
    assert refusal(xero, back) is Refusal.DENIED
    assert refusal(xero, back) is Refusal.REPLAYED
    assert_nothing_stored(owner)


def test_an_error_of_xeros_is_refused(xero: Xero, owner: Owner) -> None:
    state = parse_qs(urlsplit(started(xero)).query)["state"][0]
    back = f"{RETURN}?error=server_error&state={state}"
    assert refusal(xero, back) is Refusal.PROVIDER_ERROR
    assert_nothing_stored(owner)


def test_a_return_to_another_address_is_refused(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    back = fake.approve(started(xero), tenants=[tenant])
    elsewhere = back.replace("localhost:8000", "evil.example")
    assert refusal(xero, elsewhere) is Refusal.WRONG_REDIRECT
    assert_nothing_stored(owner)


def test_a_code_that_xero_refuses_connects_nothing(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    back = fake.approve(started(xero), tenants=[tenant])
    fake.advance(timedelta(minutes=6))
    assert refusal(xero, back) is Refusal.CODE_REFUSED
    assert_nothing_stored(owner)


def test_a_client_id_changed_on_the_way_connects_nothing(
    xero: Xero, fake: FakeXero, owner: Owner, key: PrivateKey, tenant: XeroTenant
) -> None:
    back = fake.approve(started(xero), tenants=[tenant])
    set_app(owner, key, "ANOTHER", "another-secret")
    assert refusal(xero, back) is Refusal.APP_CHANGED
    assert_nothing_stored(owner)


def test_allowing_without_an_organisation_connects_nothing(
    xero: Xero, fake: FakeXero, owner: Owner
) -> None:
    assert refusal(xero, fake.approve(started(xero))) is Refusal.NO_TENANT
    assert_nothing_stored(owner)


@pytest.mark.parametrize("endpoint", ["token", "connections"])
def test_a_xero_that_is_down_connects_nothing(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant, endpoint: str
) -> None:
    back = fake.approve(started(xero), tenants=[tenant])
    fake.fail(endpoint, Fault(status=503))
    with pytest.raises(XeroUnavailable):
        xero.complete(back, ACACIA, ADMIN, session=SESSION)
    assert_nothing_stored(owner)


def test_a_wrong_secret_is_told_as_that(
    xero: Xero, fake: FakeXero, owner: Owner, key: PrivateKey, tenant: XeroTenant
) -> None:
    back = fake.approve(started(xero), tenants=[tenant])
    fake.add_app(CLIENT_ID, "the-secret-was-renewed", [RETURN])
    with pytest.raises(ClientRefused):
        xero.complete(back, ACACIA, ADMIN, session=SESSION)
    assert_nothing_stored(owner)


def test_several_organisations_are_offered_as_a_choice(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    other = fake.add_tenant("Acacia Trust")
    back = fake.approve(started(xero), tenants=[tenant, other])
    choice = xero.complete(back, ACACIA, ADMIN, session=SESSION)
    assert isinstance(choice, Choice)
    assert {offered.name for offered in choice.tenants} == {tenant.name, other.name}
    assert_nothing_stored(owner)
    who = (ACACIA, ADMIN)
    for tenant_id, session in ((uuid4(), SESSION), (other.id, "another browser session")):
        with pytest.raises(AuthorizationRefused):
            xero.choose(choice.id, tenant_id, *who, session=session)
    assert_nothing_stored(owner)
    chosen = xero.choose(choice.id, other.id, *who, session=SESSION)
    assert isinstance(chosen, Connection)
    assert xero.token(ACACIA).tenant_id == str(other.id)
    with pytest.raises(AuthorizationRefused) as again:
        xero.choose(choice.id, tenant.id, *who, session=SESSION)
    assert again.value.reason is Refusal.REPLAYED
    with pytest.raises(AuthorizationRefused):
        xero.choose("no choice", tenant.id, *who, session=SESSION)


def test_tokens_of_a_choice_nobody_made_are_revoked_later(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    back = fake.approve(started(xero), tenants=[tenant, fake.add_tenant("Acacia Trust")])
    xero.complete(back, ACACIA, ADMIN, session=SESSION)
    owner.execute("update public.xero_authorizations set expires_at = now() - interval '2 days'")
    started(xero)
    assert count(owner, "xero_authorizations") == 1
    assert xero.retry_leftovers() == 0
    assert fake.ledger.connections == []


@pytest.mark.parametrize(
    ("organization_id", "user_id"),
    [(ACACIA, COORDINATOR), (BANKSIA, ADMIN), (ACACIA, BANKSIA_ADMIN), (ACACIA, uuid4())],
)
def test_only_an_admin_of_the_organization_connects_it(
    xero: Xero, owner: Owner, organization_id: UUID, user_id: UUID
) -> None:
    owner.execute(
        "update public.organizations set xero_client_secret = null where id = %s", (BANKSIA,)
    )
    with pytest.raises(AdminRequired):
        xero.authorization_url(organization_id, user_id, session=SESSION)


def test_an_admin_who_is_none_by_the_time_they_return_connects_nothing(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    back = fake.approve(started(xero), tenants=[tenant])
    owner.execute("update public.profiles set is_active = false where id = %s", (ADMIN,))
    with pytest.raises(AdminRequired):
        xero.complete(back, ACACIA, ADMIN, session=SESSION)
    assert_nothing_stored(owner)


def test_an_organization_without_an_app_is_told_so(xero: Xero, owner: Owner) -> None:
    owner.execute("update public.organizations set xero_client_id = null where id = %s", (ACACIA,))
    with pytest.raises(XeroNotConfigured):
        started(xero)


def test_an_app_without_a_secret_is_proven_by_pkce(
    xero: Xero, fake: FakeXero, owner: Owner, key: PrivateKey, tenant: XeroTenant
) -> None:
    fake.add_app("PKCE", None, [RETURN])
    set_app(owner, key, "PKCE", None)
    url = started(xero)
    assert "code_challenge_method=S256" in url
    connect(xero, fake, tenant)
    owner.execute("update public.xero_connections set access_expires_at = now()")
    assert fake.ledger.bearer(xero.token(ACACIA).value)
    assert xero.disconnect(ACACIA) == 0
    assert fake.ledger.connections == []


def test_pkce_can_be_asked_of_a_web_app_and_of_none(
    sender_url: str,
    keyring: Keyring,
    app: App,
    acacia: UUID,
    fake: FakeXero,
    tenant: XeroTenant,
    owner: Owner,
    key: PrivateKey,
) -> None:
    always = App(RETURN, pkce=True, endpoints=app.endpoints)
    with Xero(sender_url, keyring, always) as xero:
        assert "code_challenge=" in started(xero)
        connect(xero, fake, tenant)
    never = App(RETURN, pkce=False, endpoints=app.endpoints)
    with Xero(sender_url, keyring, never) as xero:
        assert "code_challenge" not in started(xero)
        set_app(owner, key, "PKCE", None)
        with pytest.raises(XeroNotConfigured):
            started(xero)


def test_connecting_another_organisation_ends_the_first(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    first = connect(xero, fake, tenant)
    with fake.lock:
        moved = [c for c in fake.ledger.connections if c.id == first.connection_id]
        moved[0].user = "another bookkeeper"  # else Xero would offer both
        for token in fake.ledger.refresh.values():
            token.grant.user = "another bookkeeper"
    second = connect(xero, fake, fake.add_tenant("Acacia Trust"))
    assert xero.retry_leftovers() == 0
    assert [c.id for c in fake.ledger.connections] == [second.connection_id]
    assert fake.ledger.bearer(xero.token(ACACIA).value)


def test_connecting_the_same_organisation_again_is_no_loss(
    xero: Xero, fake: FakeXero, owner: Owner, tenant: XeroTenant
) -> None:
    first, second = connect(xero, fake, tenant), connect(xero, fake, tenant)
    assert first == second
    assert count(owner, "xero_leftovers") == 0
    row = connection_row(owner)
    assert row is not None
    assert row["generation"] == 2


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("redirect_uri", {"redirect_uri": "http://app.example/callback"}),
        ("redirect_uri", {"redirect_uri": "https://app.example/callback?next=1"}),
        ("scopes", {"redirect_uri": RETURN, "scopes": ("accounting.invoices",)}),
    ],
)
def test_what_xero_would_refuse_is_refused_before(field: str, given: dict[str, object]) -> None:
    with pytest.raises(InvalidInput) as refused:
        App(**given)  # type: ignore[arg-type]
    assert refused.value.field == field


def test_a_session_that_can_be_guessed_is_refused(xero: Xero) -> None:
    with pytest.raises(InvalidInput):
        xero.authorization_url(ACACIA, ADMIN, session="1")


def test_the_secret_given_to_xero_is_the_organizations(
    connected: Connection, fake: FakeXero
) -> None:
    assert fake.ledger.apps[CLIENT_ID].client_secret == CLIENT_SECRET
    assert fake.calls["token"] == 1
