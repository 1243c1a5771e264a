"""A fake Twilio on loopback, an organization whose credential is sealed for it, and a sender."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg.rows import dict_row

from ephraim_db.fakes.twilio import FakeTwilio
from ephraim_db.postgres import Server
from ephraim_db.sealing import Keyring, Place, PrivateKey, seal
from ephraim_db.sms import Sender
from ephraim_db.sms.twilio import Twilio

ACACIA = UUID("a0000000-0000-4000-8000-000000000001")
BANKSIA = UUID("b0000000-0000-4000-8000-000000000001")
ADMIN = "a0000000-0000-4000-8000-000000000101"
WORKER = UUID("a0000000-0000-4000-8000-000000000203")
PARTICIPANT = UUID("a0000000-0000-4000-8000-000000000305")
SHIFT = UUID("a0000000-0000-4000-8000-000000000405")

SID = "AC" + "5a" * 16
TOKEN = "tok-9d1f83a7c5e24b60"
FROM = "+61491570006"
TO = "+61491570156"


@dataclass(frozen=True, slots=True)
class Owner:
    """The database as its superuser: what a test arranges, and what it checks."""

    url: str

    def rows(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        with psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection:
            cursor = connection.execute(sql.encode(), params)
            return cursor.fetchall() if cursor.description else []

    def log(self, **columns: Any) -> list[dict[str, Any]]:
        """The messages of this test, oldest first; those seeded are older."""
        where = " and ".join(["created_at > '2026-06-01'", *(f"{c} = %({c})s" for c in columns)])
        return self.rows(
            f"select *, status::text as status from public.sms_logs where {where} "
            "order by created_at, id",
            **columns,
        )

    def events(self, sms_log_id: UUID) -> list[dict[str, Any]]:
        return self.rows(
            "select * from public.sms_log_events where sms_log_id = %(id)s order by id",
            id=sms_log_id,
        )


@pytest.fixture
def owner(server: Server, database_name: str) -> Owner:
    return Owner(server.url(database_name))


@pytest.fixture
def private_key() -> PrivateKey:
    return PrivateKey.generate()


@pytest.fixture
def keyring(private_key: PrivateKey) -> Keyring:
    return Keyring([private_key])


@pytest.fixture
def twilio() -> Iterator[FakeTwilio]:
    with FakeTwilio() as twilio:
        twilio.open_account(SID, TOKEN, FROM)
        yield twilio
        assert twilio.violations == []


@pytest.fixture
def acacia(owner: Owner, private_key: PrivateKey) -> UUID:
    """Acacia Care, whose Twilio credential is sealed to this test's key."""
    public = private_key.public()
    owner.rows(
        "insert into public.sealing_keys (kid, x, status, activated_at) "
        "values (%(kid)s, %(x)s, 'active', now())",
        kid=public.kid,
        x=public.x,
    )
    store_credential(owner, private_key, TOKEN)
    return ACACIA


def store_credential(
    owner: Owner, key: PrivateKey, token: str, sid: str = SID, organization_id: UUID = ACACIA
) -> None:
    place = Place(organization_id, "twilio", "twilio_auth_token")
    owner.rows(
        "update public.organizations set twilio_account_sid = %(sid)s, "
        "twilio_auth_token = %(token)s, twilio_phone_number = %(phone)s where id = %(id)s",
        sid=sid,
        token=seal(token, place, key.public()),
        phone=FROM,
        id=organization_id,
    )


@pytest.fixture
def sender(sender_url: str, keyring: Keyring, twilio: FakeTwilio, acacia: UUID) -> Iterator[Sender]:
    with Sender(sender_url, keyring, twilio=Twilio(twilio.url)) as sender:
        yield sender


@pytest.fixture
def keys_file(tmp_path: Path, private_key: PrivateKey) -> Path:
    file = tmp_path / "2026.jwk"
    file.write_text(json.dumps(private_key.jwk()))
    file.chmod(0o600)
    return file
