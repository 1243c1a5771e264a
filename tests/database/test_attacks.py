"""What an attacker who has a database session of their own gets: nothing that is not theirs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, LiteralString

import psycopg
import pytest
from psycopg import errors, sql
from tests.catalog import api_grants
from tests.database.stored_secrets import ACACIA, ADMIN, activate, place_of, set_as_admin

from ephraim_db.sealing import PrivateKey, seal

Connection = psycopg.Connection[Any]


@pytest.fixture
def owner(database: str) -> Iterator[Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


@pytest.fixture
def sender(sender_url: str) -> Iterator[Connection]:
    with psycopg.connect(sender_url, autocommit=True) as connection:
        yield connection


# Types of one's own ------------------------------------------------------------------------------
# pg_temp is searched first for types unless the path names it. The check of a domain runs as
# whoever uses the type: as the owner, if that is a security definer function.

_EVIL = """
create function pg_temp.evil(value pg_catalog.text) returns pg_catalog.bool language plpgsql
as $$ begin raise notice 'as %', current_user; return true; end $$
"""
_DOMAIN = sql.SQL(
    "create domain pg_temp.{name} as pg_catalog.{name} check (pg_temp.evil(value::pg_catalog.text))"
)
_ATTACKS = [
    ("ephraim_sender", "update public.organizations set xero_tenant_id = 'x'"),
    ("ephraim_rotator", "update public.organizations set twilio_auth_token = null"),
    ("authenticated", "select count(id) from public.organizations"),
    ("authenticated", "update public.organizations set name = 'x'"),
    ("service_role", "insert into public.organizations (name) values ('x')"),
]


@pytest.mark.parametrize("type_name", ["text", "uuid", "jsonb"])
@pytest.mark.parametrize(("role", "statement"), _ATTACKS)
def test_no_function_of_ours_uses_a_type_that_the_caller_brought(
    owner: Connection, role: str, statement: LiteralString, type_name: str
) -> None:
    ran = list[str | None]()
    owner.execute("select set_config('request.jwt.claims', %s, false)", [f'{{"sub": "{ADMIN}"}}'])
    owner.execute(sql.SQL("set role {}").format(sql.Identifier(role)))
    owner.execute(_EVIL)
    owner.execute(_DOMAIN.format(name=sql.Identifier(type_name)))
    owner.add_notice_handler(lambda notice: ran.append(notice.message_primary))
    owner.execute(statement)
    assert "as postgres" not in ran


def test_every_function_of_ours_names_pg_temp_last(owner: Connection) -> None:
    rows = owner.execute(
        "select p.oid::regprocedure::text, p.proconfig from pg_catalog.pg_proc as p "
        "where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace) "
        "and not exists (select from pg_catalog.pg_depend as d "
        "where d.objid = p.oid and d.deptype = 'e')"
    ).fetchall()
    assert len(rows) > 20
    assert {name for name, settings in rows if _PATH not in (settings or [])} == set()


_PATH = "search_path=pg_catalog, pg_temp"


# The sender's login ------------------------------------------------------------------------------


@pytest.fixture
def failed(owner: Connection) -> str:
    """A message that failed, for good."""
    row = owner.execute(
        "insert into public.sms_logs (organization_id, to_phone, message_body, status, error_code, "
        "failed_at) values (%s, '+61491570006', 'hello', 'failed', 30003, now()) returning id",
        [ACACIA],
    ).fetchone()
    assert row
    return str(row[0])


@pytest.mark.parametrize(
    "change",
    [
        "error_code = null",
        "error_message = 'all fine'",
        "failed_at = null",
        "sent_at = '2001-01-01'",
        "delivered_at = '2001-01-01'",
    ],
)
def test_the_sender_cannot_rewrite_how_a_message_ended(
    sender: Connection, failed: str, change: LiteralString
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        sender.execute(
            sql.SQL("update public.sms_logs set {} where id = %s").format(sql.SQL(change)), [failed]
        )


@pytest.mark.parametrize("column", ["status", "id"])
def test_the_sender_cannot_begin_a_message_anywhere_but_at_its_beginning(
    sender: Connection, column: str
) -> None:
    value = "delivered" if column == "status" else "00000000-0000-4000-8000-000000000001"
    with pytest.raises(errors.InsufficientPrivilege):
        sender.execute(
            sql.SQL(
                "insert into public.sms_logs (organization_id, to_phone, message_body, {}) "
                "values (%s, '+61491570006', 'forged', %s)"
            ).format(sql.Identifier(column)),
            [ACACIA, value],
        )


def test_one_organization_cannot_take_the_sid_that_another_waits_for(
    owner: Connection, sender: Connection
) -> None:
    sid = "SM" + "1" * 32
    for organization_id in ("b0000000-0000-4000-8000-000000000001", str(ACACIA)):
        row = owner.execute(
            "insert into public.sms_logs (organization_id, to_phone, message_body) "
            "values (%s, '+61491570006', 'hello') returning id",
            [organization_id],
        ).fetchone()
        assert row
        moved = sender.execute(
            "select m.status from private.advance_sms_logs("
            "array[%s]::uuid[], array[%s]::uuid[], array[%s], array['answer'], array['queued'], "
            "array[null]::integer[], array[null]) as m",
            [organization_id, row[0], sid],
        ).fetchone()
        assert moved == ("queued",)


# Xero's authorizations ---------------------------------------------------------------------------


@pytest.fixture
def authorization(owner: Connection) -> str:
    row = owner.execute(
        "insert into public.xero_authorizations (state_hash, organization_id, user_id, "
        "session_hash, xero_client_id, redirect_uri, used_at) "
        "values (sha256('a'), %s, %s, sha256('b'), 'app', 'https://x.example', now()) "
        "returning xero_client_id",
        [ACACIA, ADMIN],
    ).fetchone()
    assert row
    return str(row[0])


@pytest.mark.parametrize(
    "change", ["used_at = null", "used_at = now() + interval '1 day'", "expires_at = 'infinity'"]
)
def test_the_sender_cannot_make_an_authorization_last(
    sender: Connection, authorization: str, change: LiteralString
) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        sender.execute(
            sql.SQL("update public.xero_authorizations set {} where xero_client_id = %s").format(
                sql.SQL(change)
            ),
            [authorization],
        )


# The rotator's login, and keys -------------------------------------------------------------------


def test_a_token_set_that_the_rotator_swaps_is_on_record(owner: Connection) -> None:
    key = activate(owner, PrivateKey.generate())
    place = place_of(ACACIA, "xero_token_set")
    for secret in ("theirs", "the thief's"):
        owner.execute("set role ephraim_rotator")
        owner.execute(
            "update public.organizations set xero_token_set = %s where id = %s",
            [seal(secret, place, key.public()), ACACIA],
        )
        owner.execute("reset role")
    row = owner.execute(
        "select count(*) from public.credential_events where organization_id = %s "
        "and field = 'xero_token_set' and actor_role = 'ephraim_rotator' and kid = %s",
        [ACACIA, key.public().kid],
    ).fetchone()
    assert row == (2,)


def test_the_rotator_cannot_bring_a_retired_key_back(owner: Connection) -> None:
    activate(owner, PrivateKey.generate())
    owner.execute("update public.sealing_keys set status = 'retired', retired_at = now()")
    owner.execute("set role ephraim_rotator")
    back = "update public.sealing_keys set status = 'active' where status = 'retired'"
    assert owner.execute(back).rowcount == 0


def test_an_admin_cannot_go_on_sealing_to_a_key_that_is_being_retired(owner: Connection) -> None:
    old = activate(owner, PrivateKey.generate())
    activate(owner, PrivateKey.generate())
    place = place_of(ACACIA, "twilio_auth_token")
    with owner.transaction():
        assert set_as_admin(owner, place, seal("on its way", place, old.public())) == 1
    owner.execute(
        "update public.sealing_keys set activated_at = now() - interval '11 minutes' "
        "where status = 'active'"
    )
    with pytest.raises(errors.CheckViolation, match="unknown or retired"), owner.transaction():
        set_as_admin(owner, place, seal("to hold it up", place, old.public()))


# What is counted ---------------------------------------------------------------------------------


@pytest.mark.parametrize("member", ["101", "103", "105", "107", "109"])
def test_messages_are_counted_that_one_may_read_and_no_others(
    owner: Connection, member: str
) -> None:
    sub = f"a0000000-0000-4000-8000-000000000{member}"
    owner.execute("select set_config('request.jwt.claims', %s, false)", [f'{{"sub": "{sub}"}}'])
    owner.execute("set role authenticated")
    row = owner.execute(
        "select (select sum(c.messages) from public.count_sms_outcomes('-infinity', 'infinity', "
        "'UTC') as c), (select nullif(count(id), 0) from public.sms_logs)"
    ).fetchone()
    assert row
    assert row[0] == row[1]


# What is there, and for whom ---------------------------------------------------------------------

_TABLES = """
organizations profiles workers participants shifts sms_logs sms_log_events sealing_keys
credential_events credential_tests xero_connections
"""
_SENDER_ONLY = "xero_authorizations xero_leftovers"


def _granted(role: str, objects: str, privileges: str) -> set[tuple[str, str, str]]:
    return {(name, role, privilege) for name in objects.split() for privilege in privileges.split()}


GRANTS = (
    _granted("authenticated", _TABLES, "select")
    | _granted("authenticated", "organizations profiles", "update")
    | _granted("authenticated", "workers participants shifts", "insert update delete")
    | _granted("authenticated", "credential_tests", "insert")
    | _granted("service_role", _TABLES, "select")
    | _granted("service_role", "organizations", "insert update")
    | _granted("service_role", "profiles workers participants shifts", "insert update delete")
    | _granted("ephraim_sender", _TABLES.replace("shifts", "") + _SENDER_ONLY, "select")
    | _granted("ephraim_sender", "organizations profiles credential_tests", "update")
    | _granted("ephraim_sender", "sms_logs", "insert update")
    | _granted("ephraim_sender", "sms_log_events", "insert")
    | _granted("ephraim_sender", "xero_connections " + _SENDER_ONLY, "insert update delete")
    | _granted("ephraim_rotator", "sealing_keys", "select insert update")
    | _granted("ephraim_rotator", "organizations", "select update")
    | _granted("ephraim_rotator", _SENDER_ONLY, "select update delete")
    | _granted("ephraim_sender", "schema:private", "usage")
    | {
        (function, role, "execute")
        for role, functions in {
            "anon": "public.refuse_estimates()",
            "service_role": "public.refuse_estimates()",
            "authenticated": """
                public.refuse_estimates()
                public.count_sms_outcomes(timestamptz,timestamptz,text)
                private.is_platform_admin() private.is_staff() private.member_organization_id()
                private.organization_id_as(member_role[]) private.own_participant_id()
            """,
            "ephraim_sender": """
                private.sms_status_rank(sms_status)
                private.sms_status_follows(sms_status,sms_status)
                private.write_sms_logs(uuid[],text[],text[],text[],uuid[],uuid[],uuid[])
                private.advance_sms_logs(uuid[],uuid[],text[],text[],text[],integer[],text[])
            """,
        }.items()
        for function in functions.split()
    }
)


def test_nothing_of_ours_is_granted_that_is_not_listed_here(on_any_platform: str) -> None:
    with psycopg.connect(on_any_platform) as connection:
        assert api_grants(connection) == GRANTS
