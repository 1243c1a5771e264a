"""What is done while something goes wrong: each story runs in a process of its own."""

from __future__ import annotations

import asyncio
import os
import sys
from datetime import timedelta
from pathlib import Path

import psycopg
from tests.sms.conftest import ACACIA, TO
from tests.xero.conftest import RETURN

from ephraim_db.cli import main
from ephraim_db.rotation import rotate
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import AsyncSender, Reconciled, Sender, Sms
from ephraim_db.sms.twilio import Twilio
from ephraim_db.xero import App, Endpoints, Xero


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
            str(sender.send_sms(ACACIA, TO, body, idempotency_key=body[:100]).status)
            for body in bodies
        ]


def send_many(url: str, twilio_url: str, private_key: str, bodies: list[str]) -> int:
    """Send many messages at once, each under its own key; return how many were not sent."""
    keyring = Keyring([PrivateKey(private_key)])
    messages = [Sms(ACACIA, TO, body, idempotency_key=body[:100]) for body in bodies]
    with Sender(url, keyring, twilio=Twilio(twilio_url)) as sender:
        return sum(outcome.log is None for outcome in sender.send_many(messages, concurrency=8))


def send_many_async(url: str, twilio_url: str, private_key: str, bodies: list[str]) -> int:
    """Send many messages at once on one event loop."""
    keyring = Keyring([PrivateKey(private_key)])
    messages = [Sms(ACACIA, TO, body, idempotency_key=body[:100]) for body in bodies]

    async def main() -> int:
        async with AsyncSender(url, keyring, twilio=Twilio(twilio_url)) as sender:
            sent = [outcome async for outcome in sender.send_many(messages, concurrency=8)]
        return sum(outcome.log is None for outcome in sent)

    return asyncio.run(main())


def reconcile(url: str, twilio_url: str, private_key: str, stale: timedelta) -> Reconciled:
    """Ask Twilio what became of messages nobody heard of again."""
    keyring = Keyring([PrivateKey(private_key)])
    with Sender(url, keyring, twilio=Twilio(twilio_url)) as sender:
        return sender.reconcile(stale=stale)


def rotate_in_batches(url: str, keys: str) -> None:
    """Exchange the sealing key, a few secrets a transaction."""
    os.environ["EPHRAIM_DB_KEYS"] = keys
    with psycopg.connect(url, autocommit=True, prepare_threshold=None) as connection:
        rotate(connection, Keyring.from_env(), batch=2)


def rotate_by_command(url: str, keys: str) -> None:
    """Exchange the sealing key as a person does."""
    command(["keys", "rotate"], {"DATABASE_URL": url, "EPHRAIM_DB_KEYS": keys})


def refresh(url: str, xero_url: str, private_key: str) -> str:
    """Ask for an access token where the stored one has expired."""
    keyring = Keyring([PrivateKey(private_key)])
    app = App(RETURN, endpoints=Endpoints.at(xero_url), timeout=30)
    with Xero(url, keyring, app) as xero:
        return xero.token(ACACIA).value
