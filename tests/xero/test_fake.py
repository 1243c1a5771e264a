"""The fake Xero is as strict as Xero, or tests against it would prove little."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from ephraim_db.fakes.xero import FakeXero, Fault, Refused, Tenant

REDIRECT = "https://app.example/callback"
WEB = ("WEB", "web-secret")
SCOPE = "offline_access accounting.invoices"
VERIFIER = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"  # RFC 7636, appendix B
CHALLENGE = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.fixture
def fake() -> Iterator[FakeXero]:
    with FakeXero() as fake:
        fake.add_app(*WEB, [REDIRECT])
        fake.add_app("NATIVE", None, [REDIRECT])
        yield fake


@pytest.fixture
def tenant(fake: FakeXero) -> Tenant:
    return fake.add_tenant("Acacia Care Pty Ltd")


@pytest.fixture
def http(fake: FakeXero) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=fake.url) as http:
        yield http


def authorize(fake: FakeXero, **changes: str | None) -> str:
    query = {
        "response_type": "code",
        "client_id": "WEB",
        "redirect_uri": REDIRECT,
        "scope": SCOPE,
        "state": "s",
        **changes,
    }
    kept = {name: value for name, value in query.items() if value is not None}
    return f"{fake.url}/identity/connect/authorize?{urlencode(kept)}"


def code(fake: FakeXero, *tenants: Tenant, **changes: str | None) -> str:
    back = fake.approve(authorize(fake, **changes), tenants=tenants)
    return parse_qs(urlsplit(back).query)["code"][0]


def token(http: httpx2.Client, auth: tuple[str, str] | None = WEB, **form: str) -> dict[str, Any]:
    by = auth or httpx2.USE_CLIENT_DEFAULT
    answer: dict[str, Any] = http.post("/connect/token", data=form, auth=by).json()
    return answer


def exchange(
    http: httpx2.Client, given: str, auth: tuple[str, str] | None = WEB, **changes: str
) -> dict[str, Any]:
    form = {"grant_type": "authorization_code", "code": given, "redirect_uri": REDIRECT}
    return token(http, auth, **{**form, **changes})


def refresh(http: httpx2.Client, given: str) -> dict[str, Any]:
    return token(http, grant_type="refresh_token", refresh_token=given)


@pytest.mark.parametrize(
    "change",
    [
        {"client_id": "NOBODY"},
        {"redirect_uri": f"{REDIRECT}/"},
        {"response_type": "token"},
        {"scope": "offline_access accounting.transactions"},
        {"scope": "offline_access everything"},
        {"state": None},
        {"code_challenge": CHALLENGE, "code_challenge_method": "plain"},
        {"client_id": "NATIVE"},
    ],
)
def test_a_wrong_authorize_url_gets_an_error_page(
    fake: FakeXero, change: dict[str, str | None]
) -> None:
    with pytest.raises(Refused) as refused:
        fake.approve(authorize(fake, **change))
    assert refused.value.status == 500


def test_a_code_is_good_once_and_using_it_twice_ends_what_came_of_it(
    fake: FakeXero, http: httpx2.Client
) -> None:
    given = code(fake)
    pair = exchange(http, given)
    assert (pair["expires_in"], pair["token_type"], pair["scope"]) == (1800, "Bearer", SCOPE)
    assert exchange(http, given) == {"error": "invalid_grant"}
    assert refresh(http, pair["refresh_token"]) == {"error": "invalid_grant"}


def test_a_code_is_good_for_its_address_and_five_minutes(
    fake: FakeXero, http: httpx2.Client
) -> None:
    assert exchange(http, code(fake), redirect_uri=f"{REDIRECT}/") == {"error": "invalid_grant"}
    given = code(fake)
    fake.advance(timedelta(minutes=5))
    assert exchange(http, given) == {"error": "invalid_grant"}


def test_a_client_proves_itself_the_way_its_type_does(fake: FakeXero, http: httpx2.Client) -> None:
    refused = {"error": "invalid_client"}
    assert exchange(http, code(fake), ("WEB", "wrong")) == refused
    assert exchange(http, code(fake), None, client_id="WEB") == refused
    assert exchange(http, code(fake), None, client_id="WEB", client_secret=WEB[1]) == refused
    assert exchange(http, code(fake), ("NOBODY", "")) == refused
    assert "access_token" in exchange(http, code(fake))


def test_a_native_app_proves_itself_with_its_verifier(fake: FakeXero, http: httpx2.Client) -> None:
    asked = {
        "client_id": "NATIVE",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }
    for wrong in ({}, {"code_verifier": "x" * 43}):
        answer = exchange(http, code(fake, **asked), None, client_id="NATIVE", **wrong)
        assert answer == {"error": "invalid_grant"}
    answer = exchange(http, code(fake, **asked), None, client_id="NATIVE", code_verifier=VERIFIER)
    assert "access_token" in answer
    assert exchange(http, code(fake), code_verifier=VERIFIER) == {"error": "invalid_grant"}


def test_a_refresh_token_rotates_and_the_old_one_has_a_grace(
    fake: FakeXero, http: httpx2.Client
) -> None:
    first = exchange(http, code(fake))["refresh_token"]
    lost = refresh(http, first)["refresh_token"]
    fake.advance(timedelta(minutes=29))
    again = refresh(http, first)["refresh_token"]
    assert len({first, lost, again}) == 3
    fake.advance(timedelta(minutes=2))
    assert refresh(http, first) == {"error": "invalid_grant"}
    assert "refresh_token" in refresh(http, again)


def test_the_grace_ends_once_the_next_token_is_used(fake: FakeXero, http: httpx2.Client) -> None:
    first = exchange(http, code(fake))["refresh_token"]
    second = refresh(http, first)["refresh_token"]
    assert "refresh_token" in refresh(http, second)
    assert refresh(http, first) == {"error": "invalid_grant"}


def test_a_refresh_token_is_forgotten_after_sixty_days(fake: FakeXero, http: httpx2.Client) -> None:
    given = exchange(http, code(fake))["refresh_token"]
    fake.advance(timedelta(days=60))
    assert refresh(http, given) == {"error": "invalid_grant"}


def test_without_offline_access_there_is_no_refresh_token(
    fake: FakeXero, http: httpx2.Client
) -> None:
    assert "refresh_token" not in exchange(http, code(fake, scope="accounting.invoices"))


def test_the_api_answers_for_connected_tenants_until_the_token_expires(
    fake: FakeXero, http: httpx2.Client, tenant: Tenant
) -> None:
    pair = exchange(http, code(fake, tenant))
    bearer = {"Authorization": f"Bearer {pair['access_token']}"}
    (found,) = http.get("/connections", headers=bearer).json()
    assert (found["tenantId"], found["tenantType"]) == (str(tenant.id), "ORGANISATION")
    path = "/api.xro/2.0/Organisation"
    mine = {**bearer, "Xero-Tenant-Id": str(tenant.id)}
    assert http.get(path, headers=mine).json() == {"Organisations": [{"Name": tenant.name}]}
    assert http.get(path, headers=bearer).status_code == 403
    assert http.delete(f"/connections/{found['id']}", headers=bearer).status_code == 204
    assert http.delete(f"/connections/{found['id']}", headers=bearer).status_code == 404
    assert http.get(path, headers=mine).json()["detail"] == "AuthenticationUnsuccessful"
    fake.advance(timedelta(minutes=30))
    expired = http.get("/connections", headers=bearer)
    assert (expired.status_code, expired.json()["detail"]) == (401, "TokenExpired")
    assert http.get("/connections").status_code == 401


def test_revoking_a_refresh_token_ends_everything_of_its_user(
    fake: FakeXero, http: httpx2.Client, tenant: Tenant
) -> None:
    pair = exchange(http, code(fake, tenant))
    revoke = {"token": pair["refresh_token"]}
    assert http.post("/connect/revocation", data=revoke).json() == {"error": "invalid_client"}
    assert fake.ledger.connections
    for _ in range(2):  # an unknown token is revoked already
        assert http.post("/connect/revocation", data=revoke, auth=WEB).status_code == 200
    assert fake.ledger.connections == []
    assert refresh(http, pair["refresh_token"]) == {"error": "invalid_grant"}


def test_a_form_that_is_none_or_repeats_itself_is_refused(http: httpx2.Client) -> None:
    as_json = http.post("/connect/token", json={"grant_type": "refresh_token"}, auth=WEB)
    assert as_json.json() == {"error": "invalid_request"}
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    twice = http.post("/connect/token", content="code=1&code=2", headers=form, auth=WEB)
    assert twice.json() == {"error": "invalid_request"}
    assert token(http, grant_type="password") == {"error": "unsupported_grant_type"}


def test_faults_happen_once_each(fake: FakeXero, http: httpx2.Client) -> None:
    fake.fail("connections", Fault(status=429, retry_after=7), Fault(drop="after"))
    busy = http.get("/connections")
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    with pytest.raises(httpx2.RemoteProtocolError):
        http.get("/connections")
    assert http.get("/connections").status_code == 401
    assert fake.calls["connections"] == 3


def test_two_stand_side_by_side_and_leave_nothing_listening(fake: FakeXero) -> None:
    with FakeXero() as other:
        assert other.url != fake.url
        url = other.url
    with pytest.raises(httpx2.ConnectError):
        httpx2.get(url)
