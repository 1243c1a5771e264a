"""Organizations with sealed secrets, for tests of what happens to them."""

from __future__ import annotations

from typing import Any, LiteralString
from uuid import UUID

import psycopg
from psycopg import sql

from ephraim_db.rotation import promote, publish
from ephraim_db.rotation.holders import HOLDERS
from ephraim_db.sealing import Envelope, Keyring, Place, PrivateKey, open_envelope, seal

Connection = psycopg.Connection[Any]
Secrets = dict[Place, str]
SECRETS = HOLDERS[0].fields

ADMIN = "a0000000-0000-4000-8000-000000000101"
ACACIA = UUID("a0000000-0000-4000-8000-000000000001")
BANKSIA = UUID("b0000000-0000-4000-8000-000000000001")


def connect(url: str) -> Connection:
    return psycopg.connect(url, autocommit=True)


def place_of(organization_id: UUID, field: str) -> Place:
    return Place(organization_id, field.partition("_")[0], field)


def activate(connection: Connection, key: PrivateKey) -> PrivateKey:
    publish(connection, key.public())
    promote(connection, key.public().kid)
    return key


def store(connection: Connection, place: Place, envelope: str | None) -> None:
    """Store it as the owner, past RLS and grants, not past triggers."""
    connection.execute(
        sql.SQL("update public.organizations set {} = %s where id = %s").format(
            sql.Identifier(place.field)
        ),
        (envelope, place.organization_id),
    )


def fill(connection: Connection, key: PrivateKey, organizations: int) -> Secrets:
    """Make that many organizations, each with every secret, and no secret anywhere else."""
    connection.execute(
        "update public.organizations set "
        "twilio_auth_token = null, xero_client_secret = null, xero_token_set = null"
    )
    connection.execute("delete from public.xero_leftovers")
    rows = connection.execute(
        "insert into public.organizations (name) "
        "select 'organization ' || n from generate_series(1, %s) as n returning id",
        (organizations,),
    ).fetchall()
    secrets = {
        place_of(row[0], field): f"secret of {field} {number}"
        for number, row in enumerate(rows)
        for field in SECRETS
    }
    for place, secret in secrets.items():
        store(connection, place, seal(secret, place, key.public()))
    return secrets


def envelopes(connection: Connection, role: LiteralString | None = None) -> dict[Place, str]:
    """Read what is stored, as `role`."""
    with connection.transaction():
        if role:
            connection.execute(sql.SQL("set local role {}").format(sql.Identifier(role)))
        rows = connection.execute(
            "select id, twilio_auth_token, xero_client_secret, xero_token_set "
            "from public.organizations"
        ).fetchall()
    return {
        place_of(organization_id, field): envelope
        for organization_id, *values in rows
        for field, envelope in zip(SECRETS, values, strict=True)
        if envelope is not None
    }


def opened(connection: Connection, keyring: Keyring) -> Secrets:
    stored = envelopes(connection)
    return {place: open_envelope(envelope, place, keyring) for place, envelope in stored.items()}


def kids(connection: Connection) -> set[str]:
    """Return every key that a stored secret is sealed to."""
    return {Envelope.parse(envelope).kid for envelope in envelopes(connection).values()}


def status(connection: Connection, key: PrivateKey) -> str:
    row = connection.execute(
        "select status from public.sealing_keys where kid = %s", (key.public().kid,)
    ).fetchone()
    return row[0] if row else "unpublished"


def set_as_admin(connection: Connection, place: Place, envelope: str) -> int:
    """Store it as an admin of Acacia does, through grants and RLS; return the rows touched."""
    connection.execute("set local role authenticated")
    connection.execute(
        "select set_config('request.jwt.claims', jsonb_build_object('sub', %s::text)::text, true)",
        (ADMIN,),
    )
    touched = connection.execute(
        sql.SQL("update public.organizations set {} = %s where id = %s").format(
            sql.Identifier(place.field)
        ),
        (envelope, place.organization_id),
    ).rowcount
    connection.execute("reset role")
    return touched
