"""What is done while something goes wrong: each story runs in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

from tests.sms.conftest import ACACIA, TO

from ephraim_db.cli import main
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import AsyncSender, Reconciled, Sender, Sms
from ephraim_db.sms.twilio import AsyncTwilio, Twilio


def command(arguments: list[str], environment: dict[str, str]) -> None:
    """Run `ephraim-db` as a person does."""
    os.environ.update(environment)
    sys.argv = ["ephraim-db", *arguments]
    main()


def migrate(project: Path, url: str) -> None:
    """Apply the migrations."""
    command(["migrate", "up", "--project", str(project)], {"DATABASE_URL": url})


def send(url: str, twilio_url: str, private_key: str, bodies: list[str]) -> list[str]:
    """Send one message after the other, each under its own key; return their statuses."""
    keyring = Keyring([PrivateKey(private_key)])
    with Sender(url, keyring, twilio=Twilio(twilio_url)) as sender:
        return [
            str(sender.send_sms(ACACIA, TO, body, idempotency_key=body).status) for body in bodies
        ]


def send_many(url: str, twilio_url: str, private_key: str, bodies: list[str]) -> int:
    """Send many messages at once, each under its own key; return how many were not sent."""
    keyring = Keyring([PrivateKey(private_key)])
    messages = [Sms(ACACIA, TO, body, idempotency_key=body) for body in bodies]
    with Sender(url, keyring, twilio=Twilio(twilio_url)) as sender:
        return sum(outcome.log is None for outcome in sender.send_many(messages, concurrency=8))


def send_many_async(url: str, twilio_url: str, private_key: str, bodies: list[str]) -> int:
    """Send many messages at once on one event loop."""
    keyring = Keyring([PrivateKey(private_key)])
    messages = [Sms(ACACIA, TO, body, idempotency_key=body) for body in bodies]

    async def main() -> int:
        async with AsyncSender(url, keyring, twilio=AsyncTwilio(twilio_url)) as sender:
            sent = [outcome async for outcome in sender.send_many(messages, concurrency=8)]
        return sum(outcome.log is None for outcome in sent)

    return asyncio.run(main())


def reconcile(url: str, twilio_url: str, private_key: str, stale: timedelta) -> Reconciled:
    """Ask Twilio what became of messages nobody heard of again."""
    keyring = Keyring([PrivateKey(private_key)])
    with Sender(url, keyring, twilio=Twilio(twilio_url)) as sender:
        return sender.reconcile(stale=stale)
