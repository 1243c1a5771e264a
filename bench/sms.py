"""How fast secrets are sealed and opened, and messages sent: `python bench/sms.py [messages]`.

The fake Twilio and Postgres run as processes of their own. Messages are sent with 32 in flight, by
both senders and by bare loops over Twilio's SDK as it comes, which write nothing down. What matters
is the ratio.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import UUID

import psycopg
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import create_database, start_postgres
from ephraim_db.sealing import Keyring, Place, PrivateKey, open_envelope, seal
from ephraim_db.sms import AsyncSender, Sender, Sms
from ephraim_db.sms.twilio import AsyncTwilio, Twilio

PROJECT = Path(__file__).parents[1]
ORGANIZATION = UUID("a0000000-0000-4000-8000-000000000001")
SID, TOKEN, FROM, TO = "AC" + "5a" * 16, "5a" * 16, "+61491570006", "+61491570156"
IN_FLIGHT, ROUNDS = 32, 5
PLACE = Place(ORGANIZATION, "twilio", "twilio_auth_token")

FAKE = f"""
from ephraim_db.fakes.twilio import FakeTwilio
with FakeTwilio(automatic=False) as twilio:
    twilio.open_account({SID!r}, {TOKEN!r}, {FROM!r})
    print(twilio.url, flush=True)
    input()
"""


def main(messages: int) -> None:
    key = PrivateKey.generate()
    seal_and_open(key)
    with fake_twilio() as twilio_url, start_postgres("embedded") as server:
        create_database(server, "bench")
        with psycopg.connect(server.url("bench", "postgres"), autocommit=True) as owner:
            apply_migrations(owner, find_migrations(PROJECT))
            apply_seed(owner, PROJECT)
        with psycopg.connect(server.url("bench"), autocommit=True) as superuser:
            prepare(superuser, key)
            url = server.url("bench", "sender").replace(server.password, "x")
            superuser.execute("select extensions.pg_stat_statements_reset()")
            race(url, twilio_url, Keyring([key]), messages)
            statements(superuser, 2 * ROUNDS * (messages + IN_FLIGHT))


def seal_and_open(key: PrivateKey) -> None:
    public, keyring = key.public(), Keyring([key])
    envelope = seal(TOKEN, PLACE, public)
    for name, work in (
        ("sealed", lambda: seal(TOKEN, PLACE, public)),
        ("opened", lambda: open_envelope(envelope, PLACE, keyring)),
    ):
        began, times = time.perf_counter(), 2_000
        for _ in range(times):
            work()
        print(f"{times / (time.perf_counter() - began):8.0f} secrets {name} per second")


def race(url: str, twilio_url: str, keyring: Keyring, messages: int) -> None:
    """Let each contestant send in turn, several rounds, so that all see the same machine."""
    sender, loop = "Sender", "SDK, blocking, 32 threads"
    async_sender, async_loop = "AsyncSender", "SDK, awaiting, 32 tasks"
    rates: dict[str, list[float]] = {sender: [], loop: [], async_sender: [], async_loop: []}
    for _ in range(ROUNDS):
        rates[sender].append(blocking(url, twilio_url, keyring, messages))
        rates[loop].append(bare(twilio_url, messages))
        rates[async_sender].append(asyncio.run(awaiting(url, twilio_url, keyring, messages)))
        rates[async_loop].append(asyncio.run(bare_awaiting(twilio_url, messages)))
    for name, of_rounds in rates.items():
        print(f"{median(of_rounds):8.0f} messages per second: {name}")
    for ours, theirs in ((sender, loop), (async_sender, loop), (async_sender, async_loop)):
        ratio = median(rates[ours]) / median(rates[theirs])
        print(f"{ratio:8.2f} {ours} to {theirs}")


def wanted(messages: int) -> Iterator[Sms]:
    return (Sms(ORGANIZATION, TO, f"message {n}") for n in range(messages))


def blocking(url: str, twilio_url: str, keyring: Keyring, messages: int) -> float:
    with Sender(url, keyring, twilio=Twilio(twilio_url)) as sender:
        assert all(o.log for o in sender.send_many(wanted(IN_FLIGHT), concurrency=IN_FLIGHT))
        began = time.perf_counter()
        assert all(o.log for o in sender.send_many(wanted(messages), concurrency=IN_FLIGHT))
        return messages / (time.perf_counter() - began)


def bare(twilio_url: str, messages: int) -> float:
    client = Client(SID, TOKEN, http_client=Elsewhere(twilio_url))

    def one(n: int) -> None:
        client.messages.create(to=TO, from_=FROM, body=f"message {n}")

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        list(threads.map(one, range(IN_FLIGHT)))
        began = time.perf_counter()
        list(threads.map(one, range(messages)))
        return messages / (time.perf_counter() - began)


async def awaiting(url: str, twilio_url: str, keyring: Keyring, messages: int) -> float:
    async with AsyncSender(url, keyring, twilio=AsyncTwilio(twilio_url)) as sender:
        assert all([o.log async for o in sender.send_many(wanted(IN_FLIGHT))])
        began = time.perf_counter()
        assert all([o.log async for o in sender.send_many(wanted(messages))])
        return messages / (time.perf_counter() - began)


async def bare_awaiting(twilio_url: str, messages: int) -> float:
    async with AsyncElsewhere(twilio_url) as http:
        client, turns = Client(SID, TOKEN, http_client=http), asyncio.Semaphore(IN_FLIGHT)

        async def one(n: int) -> None:
            async with turns:
                await client.messages.create_async(to=TO, from_=FROM, body=f"message {n}")

        await asyncio.gather(*(one(n) for n in range(IN_FLIGHT)))
        began = time.perf_counter()
        await asyncio.gather(*(one(n) for n in range(messages)))
        return messages / (time.perf_counter() - began)


class Elsewhere(TwilioHttpClient):
    """The SDK's own blocking client, sent to another address."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    def request(self, method: str, url: str, **given: object) -> object:
        url = url.replace("https://api.twilio.com", self._base_url)
        return super().request(method, url, **given)


class AsyncElsewhere(AsyncTwilioHttpClient):
    """The SDK's own awaiting client, sent to another address."""

    def __init__(self, base_url: str) -> None:
        super().__init__()
        self._base_url = base_url

    async def request(self, method: str, url: str, **given: object) -> object:
        url = url.replace("https://api.twilio.com", self._base_url)
        return await super().request(method, url, **given)


def statements(superuser: psycopg.Connection, sent: int) -> None:
    row = superuser.execute(
        "select sum(total_exec_time), sum(calls) from extensions.pg_stat_statements as s "
        "join pg_roles as r on r.oid = s.userid where r.rolname = 'sender'"
    ).fetchone()
    assert row is not None
    print(f"{row[0] / sent:8.3f} ms in the database per message, {row[1] / sent:.2f} statements")


def prepare(superuser: psycopg.Connection, key: PrivateKey) -> None:
    superuser.execute("create role sender login password 'x' in role ephraim_sender")
    public = key.public()
    superuser.execute(
        "insert into public.sealing_keys (kid, x, status) values (%s, %s, 'active')",
        [public.kid, public.x],
    )
    superuser.execute(
        "update public.organizations set twilio_account_sid = %s, twilio_auth_token = %s, "
        "twilio_phone_number = %s where id = %s",
        [SID, seal(TOKEN, PLACE, public), FROM, ORGANIZATION],
    )


@contextmanager
def fake_twilio() -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", FAKE], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        yield process.stdout.readline().strip()
        process.stdin.write("\n")
        process.stdin.close()


if __name__ == "__main__":
    warnings.simplefilter("ignore", DeprecationWarning)  # the SDK's, of aiohttp
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
