"""The local Supabase answers as Supabase does, and its gateway adds nothing."""

from __future__ import annotations

import time

import httpx
import jwt
import pytest
from tests.waiting import wait_until

from ephraim_db.local import LocalSupabase


def ask(
    local: LocalSupabase, path: str, *, key: str | None = None, token: str | None = None
) -> httpx.Response:
    headers = {"apikey": key} if key else {}
    if token:
        headers["Authorization"] = f"Bearer {token}"
    return httpx.get(f"{local.api_url}{path}", headers=headers)


def test_without_a_key_nothing_passes(local: LocalSupabase) -> None:
    answer = ask(local, "/rest/v1/organizations?select=id")
    assert answer.status_code == 401
    assert answer.json()["message"] == "No API key found in request"


def test_an_unknown_key_does_not_pass_even_if_it_is_well_signed(local: LocalSupabase) -> None:
    forged = jwt.encode({"role": "service_role"}, local.jwt_secret, algorithm="HS256")
    answer = ask(local, "/rest/v1/organizations?select=id", key=forged)
    assert answer.status_code == 401
    assert answer.json()["message"] == "Invalid API key"


def test_the_anon_key_is_anonymous(local: LocalSupabase) -> None:
    answer = ask(local, "/rest/v1/organizations?select=id", key=local.anon_key)
    assert answer.status_code == 401
    assert answer.json()["code"] == "42501"


def test_the_key_alone_authorizes_as_on_supabase(local: LocalSupabase) -> None:
    answer = ask(local, "/rest/v1/organizations?select=id", key=local.service_role_key)
    assert len(answer.json()) == 2


def test_the_service_key_lends_nothing_to_another_token(local: LocalSupabase) -> None:
    answer = ask(
        local,
        "/rest/v1/organizations?select=id",
        key=local.service_role_key,
        token=local.access_token("00000000-0000-4000-8000-00000000dead"),
    )
    assert answer.json() == []


@pytest.mark.parametrize(
    "token",
    [
        jwt.encode({"role": "service_role"}, "another secret of enough length..", "HS256"),
        jwt.encode({"role": "service_role"}, "", algorithm="none"),
        "nonsense",
    ],
)
def test_a_forged_token_is_refused(local: LocalSupabase, token: str) -> None:
    answer = ask(local, "/rest/v1/organizations", key=local.anon_key, token=token)
    assert answer.status_code == 401


def test_an_expired_token_is_refused(local: LocalSupabase) -> None:
    token = local.access_token("00000000-0000-4000-8000-00000000dead", exp=int(time.time()) - 60)
    answer = ask(local, "/rest/v1/organizations", key=local.anon_key, token=token)
    assert answer.status_code == 401
    assert "expired" in answer.json()["message"]


def test_the_key_may_stand_in_the_url_and_is_no_filter(local: LocalSupabase) -> None:
    path = f"/rest/v1/organizations?select=id&apikey={local.service_role_key}&limit=1"
    assert len(ask(local, path).json()) == 1


def test_path_query_headers_and_body_arrive_as_sent(local: LocalSupabase) -> None:
    rows = [{"name": f"Ünïcode {number} & co", "settings": {}} for number in range(2000)]
    headers = {"apikey": local.service_role_key, "Prefer": "return=minimal"}
    url = f"{local.api_url}/rest/v1/organizations"
    assert httpx.post(url, json=rows, headers=headers).status_code == 201
    answer = httpx.get(
        url,
        params={"select": "name", "name": "eq.Ünïcode 7 & co"},
        headers=headers | {"Prefer": "count=exact"},
    )
    assert answer.json() == [{"name": "Ünïcode 7 & co"}]
    assert answer.headers["content-range"] == "0-0/1"
    head = httpx.head(url, params={"select": "id"}, headers=headers | {"Prefer": "count=exact"})
    assert head.headers["content-range"] == "0-999/2002"


def test_a_browser_may_ask_first(local: LocalSupabase) -> None:
    answer = httpx.options(
        f"{local.api_url}/rest/v1/organizations",
        headers={
            "Origin": "http://localhost:3000",
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "apikey",
        },
    )
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"]


def test_what_is_not_served_is_said(local: LocalSupabase) -> None:
    answer = ask(local, "/auth/v1/token", key=local.anon_key)
    assert answer.status_code == 404
    assert "no Auth" in answer.json()["hint"]


def test_nothing_printed_shows_a_secret(local: LocalSupabase) -> None:
    shown = repr(local)
    for secret in (local.anon_key, local.service_role_key, local.jwt_secret, local.server.password):
        assert secret not in shown


def test_a_new_table_is_served_at_once(local: LocalSupabase) -> None:
    import psycopg

    with psycopg.connect(local.db_url, autocommit=True) as connection:
        connection.execute("create table public.notes (id int); grant select on notes to anon")
    wait_until(lambda: ask(local, "/rest/v1/notes", key=local.anon_key).status_code == 200)
