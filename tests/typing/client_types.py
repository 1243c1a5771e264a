"""What a type checker knows of the client; never run, checked by mypy --strict.

An ignored error must be one: mypy reports an ignore that is not needed.
"""

from collections.abc import AsyncIterator, Iterator
from datetime import datetime
from typing import assert_type
from uuid import UUID

import supabase
from pydantic import SecretStr

from ephraim_db import (
    CLEAR,
    AsyncClient,
    Client,
    MemberRole,
    Organization,
    Profile,
    SmsLog,
    SmsLogPage,
    SmsStatus,
)


def blocking(inner: supabase.Client) -> None:
    client = Client(inner, timeout=5)
    assert_type(client.get_organization(), Organization)
    assert_type(client.get_organization().id, UUID)
    assert_type(client.get_organization().abn, str | None)
    assert_type(client.get_organization().twilio_auth_token_set, bool)
    assert_type(client.get_profile(), Profile)
    assert_type(client.get_profile().role, MemberRole)
    assert_type(client.list_sms_logs(), SmsLogPage)
    assert_type(client.list_sms_logs().items, tuple[SmsLog, ...])
    assert_type(client.list_sms_logs().next, str | None)
    assert_type(client.iter_sms_logs(), Iterator[SmsLog])
    assert_type(client.list_sms_logs().items[0].status, SmsStatus)
    assert_type(client.list_sms_logs().items[0].delivered_at, datetime | None)
    assert_type(client.update_sms_preferences(phone=CLEAR), Profile)
    assert_type(
        client.update_organization_settings(
            twilio_auth_token=SecretStr("token"), xero_client_secret=CLEAR, sms_enabled=True
        ),
        Organization,
    )


async def awaiting(inner: supabase.AsyncClient) -> None:
    client = AsyncClient(inner)
    assert_type(await client.get_organization(), Organization)
    assert_type(await client.get_profile(), Profile)
    assert_type(await client.list_sms_logs(status=SmsStatus.FAILED), SmsLogPage)
    assert_type(client.iter_sms_logs(), AsyncIterator[SmsLog])
    assert_type(await client.update_sms_preferences(phone="+61412345678"), Profile)
    assert_type(await client.update_organization_settings(abn=CLEAR), Organization)


def refused(inner: supabase.Client, other: supabase.AsyncClient, seen: Organization) -> None:
    Client(other)  # type: ignore[arg-type]
    AsyncClient(inner)  # type: ignore[arg-type]
    client = Client(inner)
    client.update_organization_settings("a name")  # type: ignore[call-arg]
    client.update_organization_settings(name=CLEAR)  # type: ignore[arg-type]
    client.update_organization_settings(sms_enabled=CLEAR)  # type: ignore[arg-type]
    client.update_organization_settings(xero_connected=True)  # type: ignore[call-arg]
    client.update_organization_settings(organization_id="another")  # type: ignore[call-arg]
    client.list_sms_logs(created_from="2026-01-27")  # type: ignore[arg-type]
    _ = seen.twilio_auth_token  # type: ignore[attr-defined]
    seen.name = "changed"  # type: ignore[misc]
