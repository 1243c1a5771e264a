"""Who sends in the race: our two senders, and two bare loops over Twilio's SDK as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import median
from typing import NamedTuple, Self
from uuid import UUID

from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from ephraim_db.sealing import Keyring
from ephraim_db.sms import AsyncSender, Sender, Sms
from ephraim_db.sms.twilio import Twilio

IN_FLIGHT = 32
ORGANIZATION = UUID("a0000000-0000-4000-8000-000000000001")
SID, TOKEN, FROM = "AC" + "5a" * 16, "5a" * 16, "+61491570006"
RECIPIENTS = [f"+614915711{n:02}" for n in range(100)]
SENDER, LOOP = "Sender", "the SDK, blocking, 32 threads"
ASYNC_SENDER, ASYNC_LOOP = "AsyncSender", "the SDK, awaiting, 32 tasks"


class Lap(NamedTuple):
    """Messages per second, and for how many ms each keeps this process's processor busy."""

    rate: float
    busy: float

    @classmethod
    def begin(cls) -> Self:
        """Look at both clocks."""
        return cls(time.perf_counter(), time.process_time())

    def of(self, messages: int) -> Lap:
        """Return what so many messages came to since."""
        seconds, busy = time.perf_counter() - self.rate, time.process_time() - self.busy
        return Lap(messages / seconds, busy / messages * 1000)


def race(
    url: str, twilio_url: str, keyring: Keyring, messages: int, rounds: int
) -> Mapping[str, Lap]:
    """Let each contestant send in turn, several rounds, so that all see the same machine."""
    laps: dict[str, list[Lap]] = {SENDER: [], LOOP: [], ASYNC_SENDER: [], ASYNC_LOOP: []}
    for _ in range(rounds):
        laps[SENDER].append(blocking(url, twilio_url, keyring, messages))
        laps[LOOP].append(bare(twilio_url, messages))
        laps[ASYNC_SENDER].append(asyncio.run(awaiting(url, twilio_url, keyring, messages)))
        laps[ASYNC_LOOP].append(asyncio.run(bare_awaiting(twilio_url, messages)))
    return {
        name: Lap(median(lap.rate for lap in each), median(lap.busy for lap in each))
        for name, each in laps.items()
    }


def wanted(messages: int) -> Iterator[Sms]:
    return (Sms(ORGANIZATION, to(n), f"message {n}") for n in range(messages))


def to(n: int) -> str:
    return RECIPIENTS[n % len(RECIPIENTS)]


def blocking(url: str, twilio_url: str, keyring: Keyring, messages: int) -> Lap:
    with Sender(url, keyring, twilio=Twilio(twilio_url)) as sender:
        assert all(o.log for o in sender.send_many(wanted(IN_FLIGHT), concurrency=IN_FLIGHT))
        lap = Lap.begin()
        assert all(o.log for o in sender.send_many(wanted(messages), concurrency=IN_FLIGHT))
        return lap.of(messages)


def bare(twilio_url: str, messages: int) -> Lap:
    client = Client(SID, TOKEN, http_client=Elsewhere(twilio_url))

    def one(n: int) -> None:
        client.messages.create(to=to(n), from_=FROM, body=f"message {n}")

    with ThreadPoolExecutor(IN_FLIGHT) as threads:
        list(threads.map(one, range(IN_FLIGHT)))
        lap = Lap.begin()
        list(threads.map(one, range(messages)))
        return lap.of(messages)


async def awaiting(url: str, twilio_url: str, keyring: Keyring, messages: int) -> Lap:
    async with AsyncSender(url, keyring, twilio=Twilio(twilio_url)) as sender:
        async for outcome in sender.send_many(wanted(IN_FLIGHT)):
            assert outcome.log
        lap = Lap.begin()
        async for outcome in sender.send_many(wanted(messages)):
            assert outcome.log
        return lap.of(messages)


async def bare_awaiting(twilio_url: str, messages: int) -> Lap:
    async with AsyncElsewhere(twilio_url) as http:
        client, turns = Client(SID, TOKEN, http_client=http), asyncio.Semaphore(IN_FLIGHT)

        async def one(n: int) -> None:
            async with turns:
                await client.messages.create_async(to=to(n), from_=FROM, body=f"message {n}")

        await asyncio.gather(*(one(n) for n in range(IN_FLIGHT)))
        lap = Lap.begin()
        await asyncio.gather(*(one(n) for n in range(messages)))
        return lap.of(messages)


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
