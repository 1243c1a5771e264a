"""The demo's message: an admin asks for a test, the sender sends, a pretended Twilio reports back.

request_credential_test --> send_test_sms --> FakeTwilio --signed callbacks--> status_callbacks
"""

from __future__ import annotations

from rich.console import Console

from ephraim_db.client import Client
from ephraim_db.fakes.twilio import FakeTwilio
from ephraim_db.local import LocalSupabase
from ephraim_db.local.background import HOST, listen, served
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import Sender, status_callbacks
from ephraim_db.sms.twilio import Twilio

_TO = "+61491570156"


def send_test(
    console: Console, local: LocalSupabase, key: PrivateKey, admin: Client, auth_token: str
) -> None:
    """Send a test with the credential that the admin has stored, and follow it to its end."""
    console.rule("A test message, through a pretended Twilio")
    organization = admin.get_organization()
    listener = listen(None)
    url = f"http://{HOST}:{listener.getsockname()[1]}/twilio/status"
    keyring = Keyring([key])
    with (
        FakeTwilio() as twilio,
        listener,
        served(status_callbacks(local.db_url, keyring, callback_url=url), listener),
        Sender(local.db_url, keyring, callback_url=url, twilio=Twilio(twilio.url)) as sender,
    ):
        twilio.open_account(
            str(organization.twilio_account_sid), auth_token, str(organization.twilio_phone_number)
        )
        requested = admin.request_credential_test("twilio")
        log = sender.send_test_sms(organization.id, _TO, requested=requested)
        console.print(f"send_test_sms(...) -> {log.status} as {log.twilio_sid}")
        twilio.callbacks.drain()
    for event in admin.list_sms_log_events(log.id):
        console.print(f"list_sms_log_events(...) -> {event.source}: {event.status}")
    newest = admin.list_sms_logs(page_size=1).items[0]
    console.print(f"list_sms_logs() -> {newest.status} {newest.to_phone} {newest.message_body!r}")
