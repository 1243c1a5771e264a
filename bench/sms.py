"""How fast secrets are sealed and opened, and messages sent."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from uuid import UUID

import psycopg
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from bench.results import Goal, Measured, Size
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import create_database, start_postgres
from ephraim_db.sealing import Keyring, Place, PrivateKey, open_envelope, seal
from ephraim_db.sms import AsyncSender, Sender, Sms
from ephraim_db.sms.twilio import Twilio

PROJECT = Path(__file__).parents[1]
ORGANIZATION = UUID("a0000000-0000-4000-8000-000000000001")
SID, TOKEN, FROM, TO = "AC" + "5a" * 16, "5a" * 16, "+61491570006", "+61491570156"
IN_FLIGHT, ROUNDS = 32, 5
PLACE = Place(ORGANIZATION, "twilio", "twilio_auth_token")
SECRETS = 2_000
SENDER, LOOP = "Sender", "the SDK, blocking, 32 threads"
ASYNC_SENDER, ASYNC_LOOP = "AsyncSender", "the SDK, awaiting, 32 tasks"
PAIRS = ((SENDER, LOOP), (ASYNC_SENDER, LOOP), (ASYNC_SENDER, ASYNC_LOOP))
# Seconds that the fake takes to answer, and how many messages tell what that comes to.
ANSWERS = {"at once": (0.0, 2_000), "after 100 ms": (0.1, 640)}

ABOUT = """## Sealing and sending

The fake Twilio and Postgres run as processes of their own. Messages are sent with 32 at Twilio at
once, by both senders and by bare loops over Twilio's SDK as it comes, which write nothing down;
rates are medians of several rounds. n is the messages of a round, or the secrets.

A fake that answers at once is the hard case: whatever a sender does beside asking shows, and on two
cores Postgres, the fake and the sender compete. Twilio answers after about 100 ms; then the 32 in
flight are what bounds everybody.
"""


def named(ours: str, other: str, when: str) -> str:
    return f"answered {when}: {ours} beside {other}"


GOALS = tuple(
    Goal(named(ours, other, when), "ratio", "least", 0.7)
    for when in ANSWERS
    for ours, other in PAIRS
)

FAKE = f"""
import sys
from ephraim_db.fakes.twilio import FakeTwilio
with FakeTwilio(automatic=False) as twilio:
    twilio.answer_seconds = float(sys.argv[1])
    twilio.open_account({SID!r}, {TOKEN!r}, {FROM!r})
    print(twilio.url, flush=True)
    input()
"""


def measure(size: Size) -> Iterator[Measured]:
    """Yield rates of sealing, opening and sending, and what sending asks of the database."""
    warnings.simplefilter("ignore", DeprecationWarning)  # the SDK's, of aiohttp
    rounds = 1 if size == "small" else ROUNDS
    key = PrivateKey.generate()
    yield from seal_and_open(key)
    with start_postgres("embedded") as server:
        create_database(server, "bench")
        with psycopg.connect(server.url("bench", "postgres"), autocommit=True) as owner:
            apply_migrations(owner, find_migrations(PROJECT))
            apply_seed(owner, PROJECT)
        with psycopg.connect(server.url("bench"), autocommit=True) as superuser:
            prepare(superuser, key)
            url = server.url("bench", "sender").replace(server.password, "x")
            for when, (seconds, full) in ANSWERS.items():
                messages = 50 if size == "small" else full
                superuser.execute("select extensions.pg_stat_statements_reset()")
                with fake_twilio(seconds) as twilio_url:
                    rates = race(url, twilio_url, Keyring([key]), messages, rounds)
                for ours, other in PAIRS:
                    yield Measured(
                        named(ours, other, when),
                        median(rates[ours]),
                        median(rates[other]),
                        "messages per second",
                        messages,
                        server.version,
                        more_is_better=True,
                    )
                sent = 2 * rounds * (messages + IN_FLIGHT)
                for name, unit, each in statements(superuser, sent):
                    yield Measured(
                        f"answered {when}: {name}", each, None, unit, sent, server.version
                    )


def seal_and_open(key: PrivateKey) -> Iterator[Measured]:
    public, keyring = key.public(), Keyring([key])
    envelope = seal(TOKEN, PLACE, public)
    for name, work in (
        ("sealing", lambda: seal(TOKEN, PLACE, public)),
        ("opening", lambda: open_envelope(envelope, PLACE, keyring)),
    ):
        began = time.perf_counter()
        for _ in range(SECRETS):
            work()
        rate = SECRETS / (time.perf_counter() - began)
        yield Measured(name, rate, None, "secrets per second", SECRETS)


def race(
    url: str, twilio_url: str, keyring: Keyring, messages: int, rounds: int
) -> Mapping[str, Sequence[float]]:
    """Let each contestant send in turn, several rounds, so that all see the same machine."""
    rates: dict[str, list[float]] = {SENDER: [], LOOP: [], ASYNC_SENDER: [], ASYNC_LOOP: []}
    for _ in range(rounds):
        rates[SENDER].append(blocking(url, twilio_url, keyring, messages))
        rates[LOOP].append(bare(twilio_url, messages))
        rates[ASYNC_SENDER].append(asyncio.run(awaiting(url, twilio_url, keyring, messages)))
        rates[ASYNC_LOOP].append(asyncio.run(bare_awaiting(twilio_url, messages)))
    return rates


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
    async with AsyncSender(url, keyring, twilio=Twilio(twilio_url)) as sender:
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


def statements(superuser: psycopg.Connection, sent: int) -> Iterator[tuple[str, str, float]]:
    row = superuser.execute(
        "select sum(total_exec_time), sum(calls) from extensions.pg_stat_statements as s "
        "join pg_roles as r on r.oid = s.userid where r.rolname = 'sender'"
    ).fetchone()
    assert row is not None
    yield "in the database, per message", "ms", float(row[0]) / sent
    yield "asked of the database, per message", "statements", float(row[1]) / sent


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
def fake_twilio(seconds: float) -> Iterator[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", FAKE, str(seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        yield process.stdout.readline().strip()
        process.stdin.write("\n")
        process.stdin.close()
