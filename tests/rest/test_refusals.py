"""Whatever supabase-py or plain HTTP can ask for, no persona reads a secret or crosses a boundary.

Every test here leaves the database as it was; a fixture compares every row with what was seeded.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import httpx
import psycopg
import pytest
import supabase
from postgrest import APIError, CountMethod, ReturnMethod
from tests.rest.conftest import (
    API_PERSONAS,
    PERSONAS,
    SIGNED_IN,
    TABLES,
    Api,
    organization_of,
    sub_of,
)

Owner = psycopg.Connection[dict[str, Any]]
SECRETS = ["twilio_auth_token", "xero_client_secret", "xero_token_set"]
FOR_THE_SENDER_ALONE = ["xero_authorizations", "xero_leftovers"]
ACACIA, BANKSIA = str(organization_of("admin")), str(organization_of("other_admin"))
WITH_AN_ORGANIZATION = [
    table for table in TABLES if table not in ("sealing_keys", *FOR_THE_SENDER_ALONE)
]
NOT_ADMINS = [name for name in SIGNED_IN if name not in ("admin", "other_admin", "platform_admin")]


@pytest.fixture
def api(shared_api: Api) -> Api:
    return shared_api


@pytest.fixture(scope="module")
def owner(shared_api: Api) -> Iterator[Owner]:
    with shared_api.as_owner() as connection:
        yield connection


def rows(owner: Owner) -> list[dict[str, Any]]:
    every_row = " union all ".join(
        f"select '{table}' as name, count(*), jsonb_agg(to_jsonb(t) order by to_jsonb(t)) "
        f"from {table} as t"
        for table in TABLES
    )
    return owner.execute(every_row).fetchall()


@pytest.fixture(scope="module")
def seeded_rows(owner: Owner) -> list[dict[str, Any]]:
    found = rows(owner)
    assert all(table["count"] for table in found), "an empty table would prove nothing"
    return found


@pytest.fixture(autouse=True)
def nothing_changes(owner: Owner, seeded_rows: list[dict[str, Any]]) -> Iterator[None]:
    yield
    assert rows(owner) == seeded_rows


# ways to name a secret column, with supabase-py ---------------------------------------------------

Ask = Callable[[supabase.Client, str], Any]
minimal, whole = ReturnMethod.minimal, ReturnMethod.representation
exact = CountMethod.exact

READS: dict[str, Ask] = {
    "select": lambda c, s: c.table("organizations").select(s),
    "select among others": lambda c, s: c.table("organizations").select("id", s, "name"),
    "select *": lambda c, s: c.table("organizations").select("*"),
    "select nothing by name": lambda c, s: c.table("organizations").select(),
    "alias": lambda c, s: c.table("organizations").select(f"name:{s}"),
    "cast": lambda c, s: c.table("organizations").select(f"{s}::text"),
    "quoted": lambda c, s: c.table("organizations").select(f'"{s}"'),
    "json path": lambda c, s: c.table("organizations").select(f"{s}->>a"),
    "whole row as a column": lambda c, s: c.table("organizations").select("id", "to_jsonb"),
    "whole row as text": lambda c, s: c.table("organizations").select("row_to_json"),
    "filter eq": lambda c, s: c.table("organizations").select("id").eq(s, "x"),
    "filter like": lambda c, s: c.table("organizations").select("id").like(s, "seal:%"),
    "filter is null": lambda c, s: c.table("organizations").select("id").is_(s, None),
    "filter not null": lambda c, s: c.table("organizations").select("id").not_.is_(s, None),
    "filter greater": lambda c, s: c.table("organizations").select("id").gt(s, "m"),
    "filter in": lambda c, s: c.table("organizations").select("id").in_(s, ["x"]),
    "filter full text": lambda c, s: c.table("organizations").select("id").filter(s, "fts", "x"),
    "filter or": lambda c, s: c.table("organizations").select("id").or_(f"id.is.null,{s}.like.s*"),
    "filter whole row": lambda c, s: c.table("organizations").select("id").is_("to_jsonb", None),
    "order": lambda c, s: c.table("organizations").select("id").order(s),
    "count": lambda c, s: c.table("organizations").select(s, count=exact),
    "count of a filter": lambda c, s: c.table("organizations").select("id", count=exact).gt(s, ""),
    "csv": lambda c, s: c.table("organizations").select(s).csv(),
    "csv of everything": lambda c, s: c.table("organizations").select("*").csv(),
    "single": lambda c, s: c.table("organizations").select(s).limit(1).single(),
    "embed": lambda c, s: c.table("profiles").select(f"id,organizations({s})"),
    "embed *": lambda c, s: c.table("sms_logs").select("id,organizations(*)"),
    "embed spread": lambda c, s: c.table("profiles").select(f"id,...organizations({s})"),
    "embed inner": lambda c, s: c.table("workers").select(f"id,organizations!inner({s})"),
    "filter an embed": lambda c, s: (
        c.table("profiles").select("id,organizations!inner(id)").like(f"organizations.{s}", "s%")
    ),
}
WRITES: dict[str, Ask] = {
    "update returning it": lambda c, s: (
        c.table("organizations").update({"name": "x"}, returning=whole).eq("id", ACACIA).select(s)
    ),
    "update returning everything": lambda c, s: (
        c.table("organizations").update({"name": "x"}, returning=whole).eq("id", ACACIA)
    ),
    "update where it is": lambda c, s: (
        c.table("organizations").update({"name": "x"}, returning=minimal).like(s, "seal:%")
    ),
    "delete where it is": lambda c, s: (
        c.table("organizations").delete(returning=minimal).like(s, "seal:%")
    ),
    "delete returning it": lambda c, s: (
        c.table("organizations").delete().eq("id", ACACIA).select(s)
    ),
    "insert it": lambda c, s: c.table("organizations").insert({"name": "x", s: "x"}),
    "insert returning it": lambda c, s: c.table("organizations").insert({"name": "x"}).select(s),
    "upsert": lambda c, s: c.table("organizations").upsert(
        {"id": ACACIA, "name": "x", s: "x"}, returning=minimal
    ),
    "upsert on conflict": lambda c, s: (
        c.table("organizations").upsert({"id": ACACIA, "name": "x"}, on_conflict="id").select(s)
    ),
}


def code_of(ask: Any) -> str | None:
    with pytest.raises(APIError) as caught:
        ask.execute()
    assert "seal:" not in str(caught.value.json()), "the refusal itself shows an envelope"
    return caught.value.code


@pytest.mark.parametrize("persona", API_PERSONAS)
@pytest.mark.parametrize("way", READS | WRITES)
def test_no_way_of_naming_a_secret_is_allowed(way: str, persona: str, api: Api) -> None:
    for secret in SECRETS:
        assert code_of((READS | WRITES)[way](api(persona), secret)) == "42501", secret


def test_the_same_ways_of_reading_work_for_a_granted_column(api: Api) -> None:
    about_everything = {way for way in READS if "*" in way or "every" in way or "whole" in way}
    for way in READS.keys() - about_everything - {"select nothing by name"}:
        assert READS[way](api("admin"), "abn").execute() is not None, way


# ways that need plain HTTP ------------------------------------------------------------------------

RAW: dict[str, Callable[[Api, str, str], httpx.Response]] = {
    "order an embed": lambda api, p, s: api.request(
        p, "GET", f"profiles?select=id,organizations(id)&organizations.order={s}.asc"
    ),
    "aggregate": lambda api, p, s: api.request(p, "GET", f"organizations?select={s}.max()"),
    "head": lambda api, p, s: api.request(p, "HEAD", f"organizations?select={s}"),
    "put": lambda api, p, s: api.request(
        p, "PUT", f"organizations?id=eq.{ACACIA}&select={s}", json={"id": ACACIA, "name": "x"}
    ),
    "conflict on it": lambda api, p, s: api.request(
        p,
        "POST",
        f"organizations?on_conflict={s}",
        json={"name": "x", s: "x"},
        headers={"Prefer": "resolution=merge-duplicates"},
    ),
    "missing as default": lambda api, p, s: api.request(
        p,
        "POST",
        f"organizations?columns=name,{s}",
        json=[{"name": "x"}],
        headers={"Prefer": "missing=default,return=headers-only"},
    ),
    "rolled back": lambda api, p, s: api.request(
        p, "GET", f"organizations?select={s}", headers={"Prefer": "tx=rollback"}
    ),
    "plan": lambda api, p, s: api.request(
        p,
        "GET",
        f"organizations?select=id&{s}=like.s*",
        headers={"Accept": "application/vnd.pgrst.plan+json; options=analyze|verbose"},
    ),
    "other schema": lambda api, p, s: api.request(
        p, "GET", f"organizations?select={s}", headers={"Accept-Profile": "private"}
    ),
    "rpc": lambda api, p, s: api.request(p, "POST", "rpc/check_envelope", json={"field": s}),
    "rpc by get": lambda api, p, s: api.request(p, "GET", "rpc/is_platform_admin"),
    "nulls stripped": lambda api, p, s: api.request(
        p,
        "GET",
        f"organizations?select={s}",
        headers={"Accept": "application/vnd.pgrst.array+json;nulls=stripped"},
    ),
    "binary": lambda api, p, s: api.request(
        p,
        "GET",
        f"organizations?select={s}",
        headers={"Accept": "application/octet-stream"},
    ),
}
# PostgREST refuses before it asks the database; 42P10: no such column is unique, so none conflicts.
UNASKED = {"PGRST106", "PGRST107", "PGRST123", "PGRST202", "42P10"}


@pytest.mark.parametrize("persona", API_PERSONAS)
@pytest.mark.parametrize("way", RAW)
def test_no_header_or_method_opens_a_secret(way: str, persona: str, api: Api) -> None:
    for secret in SECRETS:
        response = RAW[way](api, persona, secret)
        assert response.is_client_error, (secret, response.status_code)
        assert "seal:" not in response.text
        if response.content:
            code = response.json()["code"]
            assert code == "42501" or code in UNASKED, (secret, code)


def test_every_table_is_looked_at(owner: Owner) -> None:
    exposed = owner.execute(
        "select relname from pg_class where relnamespace = 'public'::regnamespace "
        "and relkind in ('r', 'p', 'v', 'm', 'f')"
    ).fetchall()
    assert {row["relname"] for row in exposed} == set(TABLES)


@pytest.mark.parametrize("persona", API_PERSONAS)
@pytest.mark.parametrize("table", FOR_THE_SENDER_ALONE)
def test_what_is_the_senders_alone_is_nobodys_in_any_way(
    table: str, persona: str, api: Api
) -> None:
    rows = api(persona).table(table)
    for columns in ("*", "organization_id", "xero_token_set"):
        assert code_of(rows.select(columns)) == "42501"
    assert code_of(rows.select("organization_id", count=exact).limit(0)) == "42501"
    assert code_of(rows.insert({"organization_id": ACACIA}, returning=minimal)) == "42501"
    of_acacia = {"organization_id": ACACIA}
    assert code_of(rows.update(of_acacia, returning=minimal).match(of_acacia)) == "42501"
    assert code_of(rows.delete(returning=minimal).match(of_acacia)) == "42501"
    for embedding in ("organizations", "profiles"):
        embed = api(persona).table(embedding).select(f"id,{table}(*)")
        assert code_of(embed) in ("42501", "PGRST200")


@pytest.mark.parametrize("persona", API_PERSONAS)
def test_one_function_is_of_use_to_members_and_it_names_no_secret(persona: str, api: Api) -> None:
    paths = api.request(persona, "GET", "").json()["paths"]
    functions = {path for path in paths if path.startswith("/rpc/")}
    useful = {"/rpc/count_sms_outcomes"} if persona in SIGNED_IN else set()
    assert functions == {"/rpc/refuse_estimates", *useful}
    asked = {"created_from": "2026-01-01", "created_before": "2027-01-01", "time_zone": "UTC"}
    for secret in SECRETS:
        response = api.request(
            persona, "POST", f"rpc/count_sms_outcomes?select={secret}", json=asked
        )
        assert response.json()["code"] in ("42501", "42703")


# nobody writes what is not theirs to write --------------------------------------------------------


@pytest.mark.parametrize("persona", NOT_ADMINS)
@pytest.mark.parametrize(
    "values", [{"name": "x"}, {"twilio_auth_token": None}, {"settings": {"sms_enabled": False}}]
)
def test_an_organization_is_changed_by_no_one_but_its_admins(
    values: dict[str, object], persona: str, api: Api
) -> None:
    organizations = api(persona).table("organizations")
    for organization in (ACACIA, BANKSIA):
        change = organizations.update(values, count=exact, returning=minimal)
        assert change.eq("id", organization).execute().count == 0


@pytest.mark.parametrize(
    ("persona", "foreign"),
    [("admin", BANKSIA), ("platform_admin", BANKSIA), ("other_admin", ACACIA)],
)
def test_an_admin_changes_no_other_organization(persona: str, foreign: str, api: Api) -> None:
    values = {"name": "x", "twilio_account_sid": "AC" + "0" * 32}
    change = api(persona).table("organizations").update(values, count=exact, returning=minimal)
    assert change.eq("id", foreign).execute().count == 0


@pytest.mark.parametrize("persona", ["other_admin", "other_coordinator", "other_worker"])
@pytest.mark.parametrize("table", WITH_AN_ORGANIZATION)
def test_another_organization_sees_nothing(persona: str, table: str, api: Api) -> None:
    boundary = "id" if table == "organizations" else "organization_id"
    seen: Any = api(persona).table(table).select(boundary).execute().data
    of_admins = table in ("credential_events", "credential_tests")
    nothing = persona != "other_admin" and of_admins
    assert {row[boundary] for row in seen} == (set() if nothing else {BANKSIA})
    asked = api(persona).table(table).select(boundary, count=exact).eq(boundary, ACACIA).execute()
    assert (asked.data, asked.count) == ([], 0)


@pytest.mark.parametrize("persona", [*SIGNED_IN, "service_role"])
@pytest.mark.parametrize(
    "promotion",
    [
        {"role": "admin"},
        {"organization_id": BANKSIA},
        {"is_platform_admin": True},
        {"id": str(sub_of("admin"))},
    ],
)
def test_nobody_promotes_or_moves_anybody(
    persona: str, promotion: dict[str, object], api: Api
) -> None:
    for target in {str(sub_of("worker")), PERSONAS[persona].get("sub", str(sub_of("admin")))}:
        change = api(persona).table("profiles").update(promotion, returning=minimal)
        assert code_of(change.eq("id", target)) == "42501"


@pytest.mark.parametrize("persona", [*SIGNED_IN, "service_role"])
@pytest.mark.parametrize("table", ["workers", "participants", "shifts"])
def test_nobody_moves_a_row_to_another_organization(persona: str, table: str, api: Api) -> None:
    change = api(persona).table(table).update({"organization_id": BANKSIA}, returning=minimal)
    assert code_of(change.eq("organization_id", ACACIA)) == "42501"


@pytest.mark.parametrize("persona", API_PERSONAS)
def test_nobody_writes_the_sms_log(persona: str, api: Api) -> None:
    log = api(persona).table("sms_logs")
    row = {"organization_id": ACACIA, "to_phone": "+61491570006", "message_body": "forged"}
    assert code_of(log.insert(row, returning=minimal)) == "42501"
    assert code_of(log.upsert(row, returning=minimal)) == "42501"
    for values in ({"status": "failed"}, {"message_body": "forged"}, {"to_phone": "+61491570006"}):
        assert (
            code_of(log.update(values, returning=minimal).eq("organization_id", ACACIA)) == "42501"
        )
    assert code_of(log.delete(returning=minimal).eq("organization_id", ACACIA)) == "42501"


@pytest.mark.parametrize("persona", API_PERSONAS)
def test_nobody_changes_the_key_directory(persona: str, api: Api) -> None:
    keys = api(persona).table("sealing_keys")
    key = {"kid": "k" * 43, "x": "x" * 43, "status": "active"}
    assert code_of(keys.insert(key, returning=minimal)) == "42501"
    assert code_of(keys.update({"status": "active"}, returning=minimal).neq("kid", "")) == "42501"
    assert code_of(keys.delete(returning=minimal).neq("kid", "")) == "42501"


@pytest.mark.parametrize("persona", API_PERSONAS)
@pytest.mark.parametrize("table", ["sms_log_events", "credential_events", "xero_connections"])
def test_nobody_writes_what_services_record(table: str, persona: str, api: Api) -> None:
    record, of_acacia = api(persona).table(table), {"organization_id": ACACIA}
    assert code_of(record.insert(of_acacia, returning=minimal)) == "42501"
    assert code_of(record.upsert(of_acacia, returning=minimal)) == "42501"
    assert code_of(record.update(of_acacia, returning=minimal).match(of_acacia)) == "42501"
    assert code_of(record.delete(returning=minimal).match(of_acacia)) == "42501"


@pytest.mark.parametrize("persona", API_PERSONAS)
def test_a_credential_test_is_asked_for_in_ones_own_name_and_organization(
    persona: str, api: Api
) -> None:
    tests = api(persona).table("credential_tests")
    foreign = BANKSIA if persona != "other_admin" else ACACIA
    wish = {"organization_id": foreign, "provider": "twilio"}
    own = {**wish, "organization_id": PERSONAS[persona].get("organization", ACACIA)}
    assert code_of(tests.insert(wish, returning=minimal)) == "42501"
    for forged in ({"requested_by": str(sub_of("admin"))}, {"used_at": "2026-01-27T00:00:00Z"}):
        assert code_of(tests.insert({**own, **forged}, returning=minimal)) == "42501"
        assert code_of(tests.update(forged, returning=minimal).match(own)) == "42501"
    assert code_of(tests.delete(returning=minimal).match(own)) == "42501"


# anonymous ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PATCH", "DELETE"])
def test_anonymous_gets_nothing_at_all(table: str, method: str, api: Api) -> None:
    column = {"sealing_keys": "kid", "organizations": "id"}.get(table, "organization_id")
    body = {} if method in ("GET", "HEAD", "DELETE") else {"json": {column: ACACIA}}
    response = api.request("anonymous", method, f"{table}?{column}=eq.{ACACIA}", **body)
    assert response.status_code == 401
    assert method == "HEAD" or response.json()["code"] == "42501"


def test_asking_for_headers_only_again_and_again_is_always_answered(api: Api) -> None:
    for _ in range(500):
        for method in ("HEAD", "GET"):
            assert api.request("admin", method, "profiles?select=id").status_code == 200
            assert api.request("anonymous", method, "profiles?select=id").status_code == 401
