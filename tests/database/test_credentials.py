"""What the database itself refuses and does: credentials, settings, names, the log."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg import errors, sql
from tests.database.stored_secrets import (
    ACACIA,
    ADMIN,
    BANKSIA,
    SECRETS,
    Connection,
    activate,
    connect,
    place_of,
    status,
    store,
)
from tests.waiting import wait_until_blocked

from ephraim_db.postgres import Server, clone_database, drop_database
from ephraim_db.rotation import publish
from ephraim_db.sealing import PrivateKey, seal

CANARY = "canary-9f8e7d6c5b4a"
SID = "AC" + "0123456789abcdef" * 2
WORKER = "a0000000-0000-4000-8000-000000000103"


@pytest.fixture(scope="module")
def shared(server: Server, project_template: str) -> Iterator[str]:
    """The URL of a database that each test leaves as it was."""
    clone_database(server, project_template, "credentials")
    yield server.url("credentials", "postgres")
    drop_database(server, "credentials")


@pytest.fixture
def owner(shared: str) -> Iterator[Connection]:
    """The owner of the database, in a transaction that is rolled back."""
    with psycopg.connect(shared) as connection:
        yield connection
        connection.rollback()


@pytest.fixture
def key(owner: Connection) -> PrivateKey:
    return activate(owner, PrivateKey.generate())


def become(connection: Connection, sub: str = ADMIN) -> None:
    connection.execute("set local role authenticated")
    connection.execute(
        "select set_config('request.jwt.claims', jsonb_build_object('sub', %s::text)::text, true)",
        (sub,),
    )


def one(connection: Connection, column: str) -> Any:
    """Read one column of Acacia's row."""
    row = connection.execute(
        sql.SQL("select {} from public.organizations where id = %s").format(sql.Identifier(column)),
        (ACACIA,),
    ).fetchone()
    assert row is not None
    return row[0]


def change(connection: Connection, **values: object) -> int:
    """Update Acacia, returning nothing, as the client does."""
    assignments = sql.SQL(", ").join(
        sql.SQL("{} = {}").format(sql.Identifier(name), sql.Placeholder(name)) for name in values
    )
    return connection.execute(
        sql.SQL("update public.organizations set {} where id = %(id)s").format(assignments),
        {**values, "id": ACACIA},
    ).rowcount


def said(error: psycopg.Error) -> str:
    """Everything that Postgres tells the one who asked."""
    diag = error.diag
    fields = (name for name in dir(diag) if not name.startswith("_"))
    return " ".join(str(getattr(diag, name)) for name in fields) + str(error)


# a secret column takes sealed secrets only --------------------------------------------------------


@pytest.mark.parametrize("field", SECRETS)
@pytest.mark.parametrize(
    "plain",
    [
        CANARY,
        f"seal:v1:{'k' * 43}:{CANARY}!",
        f"seal:v1:{CANARY}:AAAA",
        f"seal:v2:{'k' * 43}:{CANARY}",
        f"seal:v1:{'k' * 43}:{CANARY}\n",
        f" seal:v1:{'k' * 43}:{CANARY}",
        f"seal:v1:{'k' * 43}:{CANARY}{'A' * 32_768}",
        f"seal:v1:{'k' * 43}:{CANARY}",
    ],
    ids=["bare", "character", "kid", "version", "newline", "space", "length", "unknown kid"],
)
def test_the_owner_too_is_refused_plaintext_and_never_shown_it_again(
    owner: Connection, field: str, plain: str
) -> None:
    with pytest.raises(errors.CheckViolation, match=field) as caught:
        store(owner, place_of(ACACIA, field), plain)
    assert CANARY not in said(caught.value)


@pytest.mark.parametrize("field", SECRETS[:2])
def test_an_admin_is_refused_plaintext_and_never_shown_it_again(
    owner: Connection, field: str
) -> None:
    become(owner)
    with pytest.raises(errors.CheckViolation, match=field) as caught:
        change(owner, **{field: CANARY})
    assert CANARY not in said(caught.value)


@pytest.mark.parametrize("field", SECRETS)
def test_a_new_organization_is_refused_plaintext_as_well(owner: Connection, field: str) -> None:
    with pytest.raises(errors.CheckViolation, match=field) as caught:
        owner.execute(
            sql.SQL("insert into public.organizations (name, {}) values ('New', %s)").format(
                sql.Identifier(field)
            ),
            (CANARY,),
        )
    assert CANARY not in said(caught.value)


def test_the_constraint_stands_behind_the_trigger(owner: Connection) -> None:
    owner.execute("alter table public.organizations disable trigger user")
    for field in SECRETS:
        with pytest.raises(errors.CheckViolation) as caught, owner.transaction():
            store(owner, place_of(ACACIA, field), CANARY)
        assert caught.value.diag.constraint_name == f"organizations_{field}_sealed"


def test_another_mistake_in_the_row_does_not_show_an_admin_the_envelope(
    owner: Connection, key: PrivateKey
) -> None:
    envelope = seal(CANARY, place_of(ACACIA, "twilio_auth_token"), key.public())
    become(owner)
    with pytest.raises(errors.CheckViolation) as caught:
        change(owner, twilio_auth_token=envelope, twilio_account_sid="AC-wrong")
    assert caught.value.diag.constraint_name == "organizations_twilio_account_sid_form"
    assert "seal:v1" not in said(caught.value)


@pytest.mark.parametrize("field", SECRETS)
def test_secrets_sealed_to_a_pending_active_or_retiring_key_are_taken(
    owner: Connection, field: str
) -> None:
    place = place_of(ACACIA, field)
    retiring = activate(owner, PrivateKey.generate())
    active = activate(owner, PrivateKey.generate())
    pending = PrivateKey.generate()
    publish(owner, pending.public())
    for key, expected in ((retiring, "retiring"), (active, "active"), (pending, "pending")):
        assert status(owner, key) == expected
        store(owner, place, seal(CANARY, place, key.public()))


@pytest.mark.parametrize("field", SECRETS)
def test_secrets_sealed_to_a_retired_key_are_refused(
    owner: Connection, key: PrivateKey, field: str
) -> None:
    owner.execute("update public.sealing_keys set status = 'retired'")
    place = place_of(ACACIA, field)
    with pytest.raises(errors.CheckViolation, match="unknown or retired"):
        store(owner, place, seal(CANARY, place, key.public()))


def test_a_secret_whose_key_is_retired_stays_while_the_rest_changes(owner: Connection) -> None:
    before = one(owner, "twilio_auth_token")
    become(owner)
    assert change(owner, name="Renamed", twilio_phone_number="+61491570156") == 1
    owner.execute("reset role")
    assert one(owner, "twilio_auth_token") == before


# a secret belongs to the account it was entered for -----------------------------------------------


@pytest.mark.parametrize("sid", [SID, None])
def test_another_twilio_account_clears_the_stored_token(owner: Connection, sid: str | None) -> None:
    become(owner)
    change(owner, twilio_account_sid=sid)
    owner.execute("reset role")
    assert one(owner, "twilio_auth_token") is None
    assert one(owner, "twilio_auth_token_set") is False
    assert one(owner, "xero_client_secret_set") is True


def test_another_twilio_account_with_its_token_keeps_the_token(
    owner: Connection, key: PrivateKey
) -> None:
    envelope = seal(CANARY, place_of(ACACIA, "twilio_auth_token"), key.public())
    become(owner)
    change(owner, twilio_account_sid=SID, twilio_auth_token=envelope)
    owner.execute("reset role")
    assert one(owner, "twilio_auth_token") == envelope


def test_the_token_of_the_account_before_is_no_new_token(owner: Connection) -> None:
    change(owner, twilio_account_sid=SID, twilio_auth_token=one(owner, "twilio_auth_token"))
    assert one(owner, "twilio_auth_token") is None


def test_the_same_account_entered_again_keeps_the_token(owner: Connection) -> None:
    before = one(owner, "twilio_auth_token")
    change(owner, twilio_account_sid=one(owner, "twilio_account_sid"), name="Renamed")
    assert one(owner, "twilio_auth_token") == before


@pytest.mark.parametrize("client_id", ["ANOTHER", None])
def test_another_xero_client_clears_the_secret_and_the_tokens(
    owner: Connection, client_id: str | None
) -> None:
    become(owner)
    change(owner, xero_client_id=client_id)
    owner.execute("reset role")
    assert (one(owner, "xero_client_secret"), one(owner, "xero_token_set")) == (None, None)
    assert one(owner, "twilio_auth_token_set") is True


def test_another_xero_client_with_its_secret_keeps_the_secret_and_clears_the_tokens(
    owner: Connection, key: PrivateKey
) -> None:
    envelope = seal(CANARY, place_of(ACACIA, "xero_client_secret"), key.public())
    change(owner, xero_client_id="ANOTHER", xero_client_secret=envelope)
    assert one(owner, "xero_client_secret") == envelope
    assert one(owner, "xero_token_set") is None


def test_a_new_secret_clears_nothing_else(owner: Connection, key: PrivateKey) -> None:
    change(
        owner, twilio_auth_token=seal(CANARY, place_of(ACACIA, "twilio_auth_token"), key.public())
    )
    assert all(one(owner, f"{field}_set") for field in SECRETS)


# what has a form ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("constraint", "statement"),
    [
        ("organizations_twilio_account_sid_form", "organizations set twilio_account_sid = 'SK1'"),
        ("organizations_twilio_phone_number_e164", "organizations set twilio_phone_number = '04'"),
        ("organizations_xero_client_id_not_blank", "organizations set xero_client_id = ' '"),
        ("organizations_xero_tenant_id_not_blank", "organizations set xero_tenant_id = ' '"),
        ("organizations_settings_is_object", "organizations set settings = '[]'"),
        (
            "organizations_settings_flags_are_boolean",
            """organizations set settings = '{"sms_enabled": "yes"}'""",
        ),
        ("profiles_phone_e164", "profiles set phone = '0491570156'"),
        (
            "sealing_keys_x_is_32_bytes",
            """sealing_keys set x = 'AAAA', kid = translate(rtrim(encode(sha256(
            '{"crv":"X25519","kty":"OKP","x":"AAAA"}'), 'base64'), '='), '+/', '-_')""",
        ),
        ("sealing_keys_kid_is_thumbprint", f"sealing_keys set kid = '{'k' * 43}'"),
        ("sealing_keys_kid_is_thumbprint", f"sealing_keys set x = '{'A' * 43}'"),
        ("sealing_keys_status_known", "sealing_keys set status = 'spent'"),
        ("sms_logs_twilio_sid_form", "sms_logs set twilio_sid = 'AC1' where twilio_sid is null"),
    ],
)
def test_a_value_of_another_form_is_refused(
    owner: Connection, constraint: str, statement: str
) -> None:
    with pytest.raises(errors.CheckViolation) as caught:
        owner.execute(f"update public.{statement}".encode())
    assert caught.value.diag.constraint_name == constraint


@pytest.mark.parametrize(
    ("constraint", "values"),
    [
        ("sms_logs_to_phone_e164", {"to_phone": "0491570156"}),
        ("sms_logs_message_body_length", {"message_body": " "}),
        ("sms_logs_message_body_length", {"message_body": "x" * 1601}),
        (
            "sms_logs_one_recipient",
            {
                "related_worker_id": "a0000000-0000-4000-8000-000000000203",
                "related_participant_id": "a0000000-0000-4000-8000-000000000305",
            },
        ),
        ("sms_logs_worker_fkey", {"related_worker_id": "b0000000-0000-4000-8000-000000000203"}),
        (
            "sms_logs_participant_fkey",
            {"related_participant_id": "b0000000-0000-4000-8000-000000000305"},
        ),
        ("sms_logs_shift_fkey", {"related_shift_id": "b0000000-0000-4000-8000-000000000405"}),
        ("sms_logs_organization_id_twilio_sid_key", {"twilio_sid": "SM" + "a" * 32}),
    ],
)
def test_a_message_that_makes_no_sense_is_refused(
    owner: Connection, constraint: str, values: dict[str, str]
) -> None:
    message = {"organization_id": str(ACACIA), "to_phone": "+61491570156", "message_body": "Hello"}
    add = sql.SQL("insert into public.sms_logs ({}) values ({})")

    def insert(columns: dict[str, str]) -> None:
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        places = sql.SQL(", ").join(map(sql.Placeholder, columns))
        owner.execute(add.format(names, places), columns)

    insert(message)
    if "twilio_sid" in values:
        insert({**message, **values})
    with pytest.raises(errors.IntegrityError) as caught:
        insert({**message, **values})
    assert caught.value.diag.constraint_name == constraint


def test_there_is_one_active_key(owner: Connection, key: PrivateKey) -> None:
    other = PrivateKey.generate().public()
    with pytest.raises(errors.UniqueViolation) as caught:
        owner.execute(
            "insert into public.sealing_keys (kid, x, status) values (%s, %s, 'active')",
            (other.kid, other.x),
        )
    assert caught.value.diag.constraint_name == "sealing_keys_one_active"


# two admins at once -------------------------------------------------------------------------------


def test_two_admins_who_each_set_a_flag_at_once_both_succeed(database: str) -> None:
    with connect(database) as one_admin, connect(database) as other_admin, connect(database) as me:
        change(me, settings='{"sms_enabled": false, "ndia_registered": false}')
        one_admin.execute("begin")
        become(one_admin)
        change(one_admin, settings='{"sms_enabled": true}')

        def set_other() -> None:
            with other_admin.transaction():
                become(other_admin)
                change(other_admin, settings='{"ndia_registered": true}')

        with ThreadPoolExecutor() as pool:
            waiting = pool.submit(set_other)
            wait_until_blocked(me)
            one_admin.execute("commit")
            waiting.result()
        settings = one(me, "settings")
    assert (settings["sms_enabled"], settings["ndia_registered"]) == (True, True)


def test_a_json_null_removes_a_flag_and_what_is_left_out_stays(owner: Connection) -> None:
    change(owner, settings='{"sms_enabled": null, "colour": "blue"}')
    settings = one(owner, "settings")
    assert "sms_enabled" not in settings
    assert (settings["ndia_registered"], settings["colour"]) == (True, "blue")


# names --------------------------------------------------------------------------------------------


def rename(connection: Connection, member: str) -> int:
    return connection.execute(
        "update public.profiles set first_name = 'Renamed' where id = %s", (member,)
    ).rowcount


def test_a_member_changes_their_own_name(owner: Connection) -> None:
    become(owner, WORKER)
    assert rename(owner, WORKER) == 1


def test_an_admin_changes_a_members_phone_but_not_their_name(owner: Connection) -> None:
    become(owner)
    phone = owner.execute(
        "update public.profiles set phone = '+61491570156', first_name = first_name where id = %s",
        (WORKER,),
    )
    assert phone.rowcount == 1
    with pytest.raises(errors.InsufficientPrivilege, match="themselves only"):
        rename(owner, WORKER)


@pytest.mark.parametrize("role", ["service_role", "postgres"])
def test_services_and_the_owner_may_correct_a_name(owner: Connection, role: str) -> None:
    owner.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
    assert rename(owner, WORKER) == 1


# the log is append-only, for the owner too --------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "delete from public.sms_logs",
        "truncate public.sms_logs cascade",
        "update public.sms_logs set message_body = 'Another'",
        "update public.sms_logs set to_phone = '+61491570156'",
        "update public.sms_logs set created_at = now()",
        "update public.sms_logs set organization_id = organization_id, id = gen_random_uuid()",
        "update public.sms_logs set related_shift_id = null where related_shift_id is not null",
        "update public.sms_logs set related_worker_id = null where related_worker_id is not null",
        "update public.sms_logs set twilio_sid = null where twilio_sid is not null",
    ],
)
@pytest.mark.parametrize("who", ["postgres", "supabase_admin"])
def test_nobody_edits_the_log(shared: str, server: Server, statement: str, who: str) -> None:
    with (
        psycopg.connect(server.url("credentials", who)) as connection,
        pytest.raises(errors.InsufficientPrivilege, match=r"append-only|never changes"),
    ):
        connection.execute(statement.encode())


def test_another_organizations_message_cannot_be_taken_over(owner: Connection) -> None:
    with pytest.raises(errors.InsufficientPrivilege):
        owner.execute(
            "update public.sms_logs set organization_id = %s, related_worker_id = null, "
            "related_participant_id = null, related_shift_id = null where organization_id = %s",
            (BANKSIA, ACACIA),
        )


# How far a message has come. Those of one number do not follow each other.
RANKS = {
    "pending": 0,
    "unknown": 1,
    "accepted": 2,
    "scheduled": 2,
    "queued": 3,
    "receiving": 3,
    "sending": 4,
    "sent": 5,
    "partially_delivered": 6,
    "delivered": 7,
    "undelivered": 7,
    "failed": 7,
    "canceled": 7,
    "received": 7,
    "read": 8,
}
ENDS = {"undelivered", "failed", "canceled", "received"}


def test_a_status_never_goes_back(owner: Connection) -> None:
    known = owner.execute("select unnest(enum_range(null::public.sms_status))::text").fetchall()
    assert {row[0] for row in known} == set(RANKS)
    for earlier, from_rank in RANKS.items():
        for later, to_rank in RANKS.items():
            row = owner.execute(
                "insert into public.sms_logs (organization_id, to_phone, message_body, status) "
                "values (%s, '+61491570156', 'Hello', %s::public.sms_status) returning id",
                (ACACIA, earlier),
            ).fetchone()
            assert row is not None
            try:
                with owner.transaction():
                    owner.execute(
                        "update public.sms_logs set status = %s::public.sms_status where id = %s",
                        (later, row[0]),
                    )
                moved = True
            except errors.CheckViolation:
                moved = False
            forward = to_rank > from_rank and earlier not in ENDS
            assert moved == (forward or earlier == later), f"{earlier} -> {later}"


def test_a_sid_is_learnt_once(owner: Connection) -> None:
    set_sid = "update public.sms_logs set twilio_sid = %s where id = %s"
    row = owner.execute(
        "insert into public.sms_logs (organization_id, to_phone, message_body) "
        "values (%s, '+61491570156', 'Hello') returning id",
        (ACACIA,),
    ).fetchone()
    assert row is not None
    owner.execute(set_sid, ("SM" + "a" * 32, row[0]))
    with pytest.raises(errors.InsufficientPrivilege, match="never changes"):
        owner.execute(set_sid, ("SM" + "b" * 32, row[0]))
