"""AsyncClient tells the same story as Client, awaiting, over real PostgREST."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
import pytest
import supabase
from tests.rest.conftest import Api, organization_of

from ephraim_db import CLEAR, AdminRequired, AsyncClient, Client, NotSignedIn
from ephraim_db.sealing import Keyring, Place, PrivateKey, open_envelope


@asynccontextmanager
async def signed_in(api: Api, persona: str) -> AsyncIterator[AsyncClient]:
    async with httpx.AsyncClient() as pool:
        headers = {"Authorization": f"Bearer {api.token(persona)}"}
        options = supabase.AsyncClientOptions(httpx_client=pool, headers=headers)
        url, key = api.local.api_url, api.key(persona)
        yield AsyncClient(await supabase.create_async_client(url, key, options))


def told(api: Api, persona: str, story: Callable[[AsyncClient], Awaitable[None]]) -> None:
    async def tell() -> None:
        async with signed_in(api, persona) as client:
            await story(client)

    asyncio.run(tell())


def test_both_clients_read_the_same(api: Api) -> None:
    blocking = Client(api("coordinator"))

    async def story(client: AsyncClient) -> None:
        assert await client.get_organization() == blocking.get_organization()
        assert await client.get_profile() == blocking.get_profile()
        assert await client.list_sms_logs(page_size=2) == blocking.list_sms_logs(page_size=2)
        logs = [log async for log in client.iter_sms_logs(page_size=2)]
        assert logs == list(blocking.iter_sms_logs())

    told(api, "coordinator", story)


def test_an_admin_changes_settings_awaiting(api: Api, private_key: PrivateKey) -> None:
    async def story(client: AsyncClient) -> None:
        changed = await client.update_organization_settings(twilio_auth_token="canary")
        assert changed.twilio_auth_token_set
        with api.as_owner() as owner:
            row = owner.execute(
                "select id, twilio_auth_token as envelope from organizations where id = %s",
                [organization_of("admin")],
            ).fetchone()
        assert row is not None
        place = Place(row["id"], "twilio", "twilio_auth_token")
        assert open_envelope(row["envelope"], place, Keyring([private_key])) == "canary"
        cleared = await client.update_organization_settings(twilio_auth_token=CLEAR)
        assert not cleared.twilio_auth_token_set
        assert (await client.update_sms_preferences(phone=CLEAR)).phone is None

    told(api, "admin", story)


def test_a_worker_is_refused_awaiting(api: Api) -> None:
    async def story(client: AsyncClient) -> None:
        with pytest.raises(AdminRequired):
            await client.update_organization_settings(sms_enabled=False)

    told(api, "worker", story)


def test_anonymous_is_refused_awaiting(api: Api) -> None:
    async def story(client: AsyncClient) -> None:
        with pytest.raises(NotSignedIn):
            await client.get_organization()

    told(api, "anonymous", story)


def test_many_users_at_once_each_act_as_themselves(api: Api) -> None:
    async def ask() -> None:
        personas = ["admin", "worker", "other_admin", "other_worker"] * 5

        async def whose(persona: str) -> bool:
            async with signed_in(api, persona) as client:
                return (await client.get_organization()).id == organization_of(persona)

        assert all(await asyncio.gather(*map(whose, personas)))

    asyncio.run(ask())


def test_two_admins_changing_different_flags_at_once_lose_nothing(api: Api) -> None:
    async def ask() -> None:
        async with signed_in(api, "admin") as one, signed_in(api, "platform_admin") as other:
            for wanted in (False, True, False):
                await asyncio.gather(
                    one.update_organization_settings(sms_enabled=wanted),
                    other.update_organization_settings(ndia_registered=wanted),
                )
                organization = await one.get_organization()
                assert organization.sms_enabled is organization.ndia_registered is wanted
                assert organization.xero_connected

    asyncio.run(ask())
