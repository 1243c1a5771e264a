"""What became of messages, and who touched which credential, stays as it was written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.errors import CheckViolation, InsufficientPrivilege
from psycopg.rows import dict_row
from tests.sms.conftest import ACACIA, ADMIN, SID, TO, TOKEN, Owner

from ephraim_db.sealing import Place, PrivateKey, seal

WORKER_SUB = "a0000000-0000-4000-8000-000000000103"
OTHER_SID = "AC" + "6b" * 16


@contextmanager
def acting(database: str, sub: str) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """Act as a signed-in user, as PostgREST would, and commit."""
    with psycopg.connect(database, row_factory=dict_row) as connection:
        connection.execute("set local role authenticated")
        claims = json.dumps({"sub": sub, "role": "authenticated"})
        connection.execute("select set_config('request.jwt.claims', %s, true)", [claims])
        yield connection


def envelope(key: PrivateKey, field: str = "twilio_auth_token") -> str:
    return seal(TOKEN, Place(ACACIA, field.partition("_")[0], field), key.public())


def events(owner: Owner, after: int) -> list[tuple[Any, ...]]:
    return [
        (e["field"], e["event"], e["actor_role"], e["actor_id"] and str(e["actor_id"]))
        for e in owner.rows(
            "select * from public.credential_events where id > %(after)s order by id", after=after
        )
    ]


@pytest.fixture
def before(owner: Owner, acacia: UUID) -> int:
    """The last event before the test's own."""
    [row] = owner.rows("select max(id) as id from public.credential_events")
    return int(row["id"])


@pytest.mark.parametrize("table", ["sms_log_events", "credential_events", "sms_logs"])
@pytest.mark.parametrize(
    "command",
    [
        "update public.{} set created_at = now()",
        "delete from public.{}",
        "truncate public.{} cascade",
    ],
)
def test_not_even_the_owner_edits_a_record(owner: Owner, table: str, command: str) -> None:
    with pytest.raises(InsufficientPrivilege):
        owner.rows(command.format(table))


def test_a_test_that_was_asked_for_stays_asked_for(owner: Owner) -> None:
    with pytest.raises(InsufficientPrivilege):
        owner.rows("delete from public.credential_tests")
    owner.rows("update public.credential_tests set used_at = now()")
    with pytest.raises(CheckViolation):
        owner.rows("update public.credential_tests set used_at = null")


def test_setting_and_clearing_name_the_admin(
    database: str, owner: Owner, private_key: PrivateKey, before: int
) -> None:
    with acacia_admin(database) as connection:
        connection.execute(
            "update public.organizations set twilio_auth_token = %s where id = %s",
            [envelope(private_key), ACACIA],
        )
    with acacia_admin(database) as connection:
        connection.execute(
            "update public.organizations set twilio_account_sid = %s where id = %s",
            [OTHER_SID, ACACIA],
        )
    assert events(owner, before) == [
        ("twilio_auth_token", "set", "authenticated", ADMIN),
        ("twilio_account_sid", "set", "authenticated", ADMIN),
        ("twilio_auth_token", "cleared", "authenticated", ADMIN),
    ]


def test_no_event_holds_a_value(owner: Owner, before: int) -> None:
    for row in owner.rows("select e::text as told from public.credential_events as e"):
        assert SID not in row["told"]
        assert "seal:v1" not in row["told"]


def test_what_changes_nothing_is_no_event(database: str, owner: Owner, before: int) -> None:
    with acacia_admin(database) as connection:
        connection.execute(
            "update public.organizations set twilio_account_sid = twilio_account_sid, name = 'New' "
            "where id = %s",
            [ACACIA],
        )
    assert events(owner, before) == []


def test_another_key_is_a_rotation_unless_an_admin_entered_it(
    database: str, owner: Owner, private_key: PrivateKey, before: int
) -> None:
    new = PrivateKey.generate()
    owner.rows(
        "insert into public.sealing_keys (kid, x) values (%(kid)s, %(x)s)",
        kid=new.public().kid,
        x=new.public().x,
    )
    owner.rows(
        "update public.organizations set twilio_auth_token = %(e)s where id = %(id)s",
        e=envelope(new),
        id=ACACIA,
    )
    with acacia_admin(database) as connection:
        connection.execute(
            "update public.organizations set twilio_auth_token = %s where id = %s",
            [envelope(private_key), ACACIA],
        )
    assert events(owner, before) == [
        ("twilio_auth_token", "rotated", "supabase_admin", None),
        ("twilio_auth_token", "set", "authenticated", ADMIN),
    ]


def test_a_service_says_for_whom_it_connects_and_a_refresh_is_no_news(
    sender_url: str, owner: Owner, private_key: PrivateKey, acacia: UUID
) -> None:
    owner.rows("update public.organizations set xero_token_set = null where id = %(i)s", i=acacia)
    [last] = owner.rows("select max(id) as id from public.credential_events")
    with psycopg.connect(sender_url, autocommit=True) as connection:
        for _ in range(2):
            with connection.transaction():
                connection.execute(
                    "select set_config('ephraim_db.on_behalf_of', %s, true)", [ADMIN]
                )
                connection.execute(
                    "update public.organizations set xero_token_set = %s where id = %s",
                    [envelope(private_key, "xero_token_set"), acacia],
                )
    assert events(owner, last["id"]) == [("xero_token_set", "connected", "sender_login", ADMIN)]


def test_a_signed_in_user_cannot_name_somebody_else(
    database: str, owner: Owner, before: int
) -> None:
    with acacia_admin(database) as connection:
        connection.execute("select set_config('ephraim_db.on_behalf_of', %s, true)", [WORKER_SUB])
        connection.execute(
            "update public.organizations set twilio_phone_number = %s where id = %s", [TO, ACACIA]
        )
    assert events(owner, before) == [("twilio_phone_number", "set", "authenticated", ADMIN)]


@pytest.mark.parametrize("role", ["authenticated", "service_role", "ephraim_sender", "anon"])
def test_nobody_writes_an_event_of_a_credential_by_hand(
    database: str, owner: Owner, role: str
) -> None:
    with psycopg.connect(database) as connection:
        connection.execute(f"set local role {role}".encode())
        with pytest.raises(InsufficientPrivilege):
            connection.execute(
                "insert into public.credential_events "
                "(organization_id, provider, event, actor_role) values (%s, 'twilio', 'set', 'me')",
                [ACACIA],
            )


def test_who_asks_for_a_test_is_who_is_signed_in(database: str, acacia: UUID) -> None:
    asked = "insert into public.credential_tests (organization_id, provider) values (%s, 'twilio')"
    with acacia_admin(database) as connection:
        row = connection.execute(f"{asked} returning requested_by".encode(), [ACACIA]).fetchone()
        assert row is not None
        assert str(row["requested_by"]) == ADMIN
    with pytest.raises(InsufficientPrivilege), acting(database, WORKER_SUB) as connection:
        connection.execute(asked.encode(), [ACACIA])
    with pytest.raises(InsufficientPrivilege), acacia_admin(database) as connection:
        connection.execute(asked.encode(), ["b0000000-0000-4000-8000-000000000001"])
    with pytest.raises(InsufficientPrivilege), acacia_admin(database) as connection:
        connection.execute(
            "insert into public.credential_tests (organization_id, provider, requested_by) "
            "values (%s, 'twilio', %s)",
            [ACACIA, WORKER_SUB],
        )


def test_the_sender_switches_sms_off_and_never_on(sender_url: str, acacia: UUID) -> None:
    with psycopg.connect(sender_url, autocommit=True) as connection:
        off = "update public.profiles set sms_notifications_enabled = false where id = %s"
        assert connection.execute(off.encode(), [ADMIN]).rowcount == 1
        with pytest.raises(InsufficientPrivilege):
            connection.execute(
                "update public.profiles set sms_notifications_enabled = true where id = %s", [ADMIN]
            )


def acacia_admin(database: str) -> Any:
    return acting(database, ADMIN)
