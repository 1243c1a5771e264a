"""What an attacker who has an account, or only the public key, gets over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest
from tests.conftest import PROJECT
from tests.rest.conftest import Api, organization_of, served_clone, sub_of

from ephraim_db.local import serve_database
from ephraim_db.migrations import apply_migrations, find_migrations
from ephraim_db.postgres import Server, clone_database, create_database, drop_database
from ephraim_db.rotation import rotate
from ephraim_db.sealing import Keyring, PrivateKey

ACACIA, BANKSIA = str(organization_of("admin")), str(organization_of("other_admin"))

# Guessing by what the planner guesses ------------------------------------------------------------


@pytest.fixture(scope="module")
def crowded(server: Server, project_template: str) -> Iterator[Api]:
    """One organization has sent a secret message a thousand times, and the other nothing of it.

    Nobody writes there.
    """
    with served_clone(server, project_template, "crowded") as api:
        with api.as_owner() as owner:
            owner.execute(
                "insert into sms_logs (organization_id, to_phone, message_body) "
                "select %s, '+6149157' || lpad((i %% 10000)::text, 4, '0'), "
                "case when i %% 5 = 0 then 'secret' else 'body ' || i end "
                "from generate_series(1, 5000) as i",
                [ACACIA],
            )
            owner.execute("analyze")
        yield api


def planned(api: Api, persona: str, question: str, *prefer: str) -> str:
    """Ask how many messages there may be; return what is answered, or the status."""
    headers = [
        ("apikey", api.key(persona)),
        ("authorization", f"Bearer {api.token(persona)}"),
        ("range", "0-0"),
        *(("prefer", value) for value in prefer),
    ]
    url = f"{api.local.api_url}/rest/v1/sms_logs?select=id{question}"
    answer = httpx.head(url, headers=headers)
    counted: str = answer.headers.get("content-range", str(answer.status_code))
    return counted.rpartition("/")[2]


@pytest.mark.parametrize(
    "prefer",
    [
        ("count=planned",),
        ("count=estimated",),
        ("return=minimal, count=planned",),
        ("count=planned,return=minimal",),
        ("return=minimal", "count=planned"),
    ],
)
@pytest.mark.parametrize("persona", ["anonymous", "other_admin", "service_role"])
def test_estimates_are_not_served(crowded: Api, persona: str, prefer: tuple[str, ...]) -> None:
    assert planned(crowded, persona, "", *prefer) == "400"


def test_whoever_hides_the_header_behind_another_cannot_guess_what_others_wrote_or_to_whom(
    crowded: Api,
) -> None:
    """PostgREST heeds every Prefer header, and tells the database of the last."""

    def guess(question: str) -> str:
        return planned(crowded, "other_admin", question, "count=planned", "return=minimal")

    assert guess("&message_body=eq.secret") == guess("&message_body=eq.nothing+like+it")
    for column in ("to_phone", "message_body", "twilio_sid", "error_message"):
        assert len({guess(f"&{column}=lt.{value}") for value in ("0", "%2B61491575", "z")}) == 1
    assert guess("&error_code=eq.21211") == guess("&error_code=eq.1")


def test_no_statistics_are_kept_of_what_rows_say_and_whom_they_are_about(crowded: Api) -> None:
    with crowded.as_owner() as owner:
        kept = owner.execute(
            "select tablename, s.attname, "
            "format_type(a.atttypid, null) as type, t.typtype = 'e' as is_enum "
            "from pg_stats as s join pg_attribute as a on a.attname = s.attname "
            "and a.attrelid = format('%I.%I', s.schemaname, s.tablename)::regclass "
            "join pg_type as t on t.oid = a.atttypid "
            "where s.schemaname = 'public' and s.tablename <> 'sealing_keys'"
        ).fetchall()
    assert kept
    assert {
        (row["tablename"], row["attname"])
        for row in kept
        if row["attname"] != "organization_id"
        and row["type"] not in ("timestamp with time zone", "boolean")
        and not row["is_enum"]
    } == set()


def test_exact_counts_are_served_and_count_what_one_may_see(crowded: Api) -> None:
    own = planned(crowded, "other_admin", "", "count=exact")
    assert 0 < int(own) < 1000


def test_estimates_are_refused_in_a_copy_of_the_database_too(
    server: Server, project_template: str
) -> None:
    clone_database(server, project_template, "a_copy")
    try:
        with serve_database(server, "a_copy", project=PROJECT) as local, httpx.Client() as pool:
            assert planned(Api(local, pool), "admin", "", "count=planned") == "400"
    finally:
        drop_database(server, "a_copy")


def test_a_project_that_has_a_function_called_before_requests_keeps_it_and_is_told(
    server: Server,
) -> None:
    create_database(server, "has_one")
    warned = list[str]()
    try:
        with psycopg.connect(server.url("has_one", "postgres"), autocommit=True) as owner:
            owner.add_notice_handler(lambda notice: warned.append(str(notice.message_primary)))
            owner.execute(
                "alter role authenticator in database has_one "
                "set pgrst.db_pre_request = 'public.theirs'"
            )
            apply_migrations(owner, find_migrations(PROJECT))
            settings = owner.execute(
                "select setconfig from pg_catalog.pg_db_role_setting as s "
                "join pg_catalog.pg_database as d on d.oid = s.setdatabase "
                "where d.datname = 'has_one'"
            ).fetchall()
    finally:
        drop_database(server, "has_one")
    assert settings == [(["pgrst.db_pre_request=public.theirs"],)]
    assert any("perform public.refuse_estimates()" in warning for warning in warned)


# Members, people and sizes -----------------------------------------------------------------------


def test_service_role_makes_no_platform_admin(fresh_api: Api) -> None:
    worker = str(sub_of("worker"))
    profile = {
        "id": worker,
        "organization_id": ACACIA,
        "role": "worker",
        "first_name": "A",
        "last_name": "B",
        "email": "a@example.org",
    }
    with fresh_api.as_owner() as owner:
        owner.execute("delete from profiles where id = %s", [worker])
    refused = fresh_api.request(
        "service_role", "POST", "profiles", json=profile | {"is_platform_admin": True}
    )
    assert refused.json()["code"] == "42501"
    assert fresh_api.request("service_role", "POST", "profiles", json=profile).status_code == 201


@pytest.mark.parametrize(
    ("table", "change"),
    [
        ("organizations", {"settings": {"x": "a" * 20_000}}),
        ("organizations", {"name": "a" * 201}),
        ("organizations", {"xero_client_id": "a" * 201}),
        ("workers", {"display_name": "a" * 201}),
        ("participants", {"display_name": "a" * 201}),
        ("profiles", {"first_name": "a" * 201}),
        ("profiles", {"last_name": "a" * 201}),
    ],
)
def test_nobody_fills_the_disk_with_one_value(api: Api, table: str, change: dict[str, Any]) -> None:
    whose = {"organizations": f"id=eq.{ACACIA}", "profiles": f"id=eq.{sub_of('admin')}"}
    where = whose.get(table, f"organization_id=eq.{ACACIA}")
    answer = api.request("admin", "PATCH", f"{table}?{where}", json=change)
    assert answer.json()["code"] == "23514"


# Keys --------------------------------------------------------------------------------------------


def test_an_admin_who_stores_rubbish_cannot_keep_a_leaked_key_in_use(fresh_api: Api) -> None:
    leaked, new = PrivateKey.generate(), PrivateKey.generate()
    with fresh_api.as_owner() as owner:
        owner.execute(
            "update organizations set twilio_auth_token = null, xero_client_secret = null, "
            "xero_token_set = null"
        )
        owner.execute("delete from xero_leftovers")
    with psycopg.connect(fresh_api.local.db_url, autocommit=True) as keeper:
        rotate(keeper, Keyring([leaked]))
        rubbish = f"seal:v1:{leaked.public().kid}:AAAA"
        stored = fresh_api.request(
            "other_admin",
            "PATCH",
            f"organizations?id=eq.{BANKSIA}",
            json={"twilio_auth_token": rubbish},
        )
        assert stored.status_code == 204
        done = rotate(keeper, Keyring([leaked, new]), discard_unopenable=True)
    assert done.retired == (leaked.public().kid,)
    assert [str(one.place.organization_id) for one in done.discarded] == [BANKSIA]


# The gateway -------------------------------------------------------------------------------------


def test_only_a_browsers_preflight_passes_without_a_key(api: Api) -> None:
    url = f"{api.local.api_url}/rest/v1/organizations"
    asked = {"access-control-request-method": "GET"}
    assert httpx.options(url, headers=asked).status_code == 401
    from_a_page = httpx.options(url, headers=asked | {"origin": "https://app.example.org"})
    assert from_a_page.status_code == 200
