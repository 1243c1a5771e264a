"""A client that pins its key seals to no other, and a rotation fails no admin's save."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
import supabase
from tests.rest.conftest import Api, organization_of, publish, recorded

from ephraim_db import AsyncClient, Client
from ephraim_db.errors import PinnedKeyMismatch
from ephraim_db.sealing import Envelope, Keyring, Place, PrivateKey, open_envelope

TOKEN = "canary-9f8e7d6c5b4a"


def stored_token(api: Api) -> str:
    with api.as_owner() as owner:
        row = owner.execute(
            "select twilio_auth_token from organizations where id = %s",
            [organization_of("admin")],
        ).fetchone()
    assert row is not None
    return str(row["twilio_auth_token"])


def test_a_pinned_client_seals_to_its_key(api: Api, private_key: PrivateKey) -> None:
    client = Client(api("admin"), sealing_key=private_key.public())
    client.update_organization_settings(twilio_auth_token=TOKEN)
    place = Place(organization_of("admin"), "twilio", "twilio_auth_token")
    assert open_envelope(stored_token(api), place, Keyring([private_key])) == TOKEN


def test_a_pinned_client_refuses_a_swapped_key_and_sends_nothing(
    api: Api, private_key: PrivateKey
) -> None:
    client = Client(api("admin"), sealing_key=private_key.public())
    swapped = publish(api)
    before = stored_token(api)
    with recorded(api) as requests, pytest.raises(PinnedKeyMismatch) as caught:
        client.update_organization_settings(twilio_auth_token=TOKEN)
    assert {request.method for request in requests} == {"GET"}
    assert stored_token(api) == before
    assert (caught.value.pinned, caught.value.offered) == (
        private_key.public().kid,
        swapped.public().kid,
    )
    assert TOKEN not in str(caught.value)


def test_a_pinned_client_still_changes_what_is_no_secret(api: Api, private_key: PrivateKey) -> None:
    client = Client(api("admin"), sealing_key=PrivateKey.generate().public())
    assert client.update_organization_settings(name="Renamed").name == "Renamed"


def test_an_async_client_pins_as_well(api: Api, private_key: PrivateKey) -> None:
    async def save() -> None:
        async with httpx.AsyncClient() as pool:
            headers = {"Authorization": f"Bearer {api.token('admin')}"}
            options = supabase.AsyncClientOptions(httpx_client=pool, headers=headers)
            client = await supabase.create_async_client(
                api.local.api_url, api.key("admin"), options
            )
            pinned = AsyncClient(client, sealing_key=PrivateKey.generate().public())
            await pinned.update_organization_settings(twilio_auth_token=TOKEN)

    with pytest.raises(PinnedKeyMismatch):
        asyncio.run(save())


def test_a_key_rotated_between_reading_and_writing_is_no_failure(
    api: Api, private_key: PrivateKey
) -> None:
    rotated: list[PrivateKey] = []

    def rotate_once(request: Any) -> None:
        if request.method == "PATCH" and not rotated:
            rotated.append(publish(api))
            with api.as_owner() as owner:
                owner.execute(
                    "update sealing_keys set status = 'retired' where status = 'retiring'"
                )

    with httpx.Client() as pool:
        pool.event_hooks = {"request": [rotate_once]}
        headers = {"Authorization": f"Bearer {api.token('admin')}"}
        options = supabase.ClientOptions(httpx_client=pool, headers=headers)
        client = Client(supabase.create_client(api.local.api_url, api.key("admin"), options))
        assert client.update_organization_settings(twilio_auth_token=TOKEN).twilio_auth_token_set
    assert Envelope.parse(stored_token(api)).kid == rotated[0].public().kid
