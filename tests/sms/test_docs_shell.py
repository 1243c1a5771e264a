"""What docs/sms.md shows of the shell runs, and so does the test of a credential that it shows."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import httpx
import supabase
from tests.docs.blocks import blocks_of
from tests.docs.shell import run_block
from tests.rest.conftest import sub_of
from tests.sms.conftest import Owner

from ephraim_db import Client
from ephraim_db.fakes.twilio import FakeTwilio
from ephraim_db.local import LocalSupabase
from ephraim_db.sms import Sender


def test_the_commands_send_settle_and_list(
    sender_url: str, acacia: UUID, twilio: FakeTwilio, keys_file: Path, tmp_path: Path
) -> None:
    (block,) = blocks_of("docs/sms.md", "sh")
    instead = {
        "postgresql://ephraim_sms:...@host:5432/postgres": sender_url,
        "/etc/ephraim/2026.jwk": str(keys_file),
        "sms send": f"sms send --twilio-url {twilio.url}",
        "sms reconcile": f"sms reconcile --twilio-url {twilio.url}",
        "UUID": str(acacia),
    }
    told = run_block(block, tmp_path, instead)
    assert [message.body for message in twilio.messages] == ["See you at nine."]
    assert "+61491570156" in told.said


def test_an_admin_asks_for_a_test_and_the_sender_sends_it(
    local: LocalSupabase, sender: Sender, acacia: UUID, twilio: FakeTwilio, owner: Owner
) -> None:
    (block,) = (one for one in blocks_of("docs/sms.md", "python") if "send_test_sms" in one.text)
    bearer = {"Authorization": f"Bearer {local.access_token(str(sub_of('admin')))}"}
    with httpx.Client() as http:
        options = supabase.ClientOptions(headers=bearer, httpx_client=http)
        client = Client(supabase.create_client(local.api_url, local.anon_key, options))
        names = {"client": client, "sender": sender, "organization_id": acacia}
        exec(compile(block.text, str(block), "exec"), names)
        tested = client.get_last_twilio_test()
    assert tested is not None
    assert [message.to for message in twilio.messages] == ["+61491570156"]
    assert owner.rows("select 1 from public.credential_tests")
