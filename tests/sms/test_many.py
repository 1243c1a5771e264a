"""Many messages go at once: in turn, as they are read, and to an end whoever interrupts."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from tests.sms.conftest import ACACIA, BANKSIA, TO, Owner
from tests.waiting import PATIENCE, wait_until
from twilio.http.response import Response

from ephraim_db.errors import TwilioUnreachable
from ephraim_db.fakes.twilio import FakeTwilio
from ephraim_db.sealing import Keyring, Place, open_envelope
from ephraim_db.sms import Sender, Sms
from ephraim_db.sms.http import Http
from ephraim_db.sms.twilio import Twilio


def numbered(count: int) -> list[Sms]:
    return [Sms(ACACIA, TO, f"number {n}") for n in range(count)]


def test_many_come_back_as_they_are_done_with_those_that_failed_among_them(
    sender: Sender, twilio: FakeTwilio
) -> None:
    progress: list[int] = []
    [account] = twilio.accounts.values()
    account.landlines = {"+61491571804"}
    messages = [
        *(Sms(ACACIA, TO, f"number {n}") for n in range(30)),
        Sms(ACACIA, "+61491571804", "to a landline"),
        Sms(ACACIA, "+611300123456", "to a 1300 number"),
        Sms(BANKSIA, TO, "from an organization whose envelope does not open"),
    ]
    outcomes = list(sender.send_many(messages, concurrency=8, on_progress=progress.append))
    assert progress == list(range(1, 34))
    assert sum(1 for o in outcomes if o.log) == 30
    assert len(twilio.messages) == 30
    errors = {o.sms.body: type(o.error).__name__ for o in outcomes if o.error}
    assert errors == {
        "to a landline": "TwilioRefused",
        "to a 1300 number": "InvalidInput",
        "from an organization whose envelope does not open": "InvalidEnvelope",
    }


def test_many_opens_a_credential_once_and_reads_no_faster_than_it_sends(
    sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []

    def counting(text: str, place: Place, keyring: Keyring) -> str:
        opened.append(text)
        return open_envelope(text, place, keyring)

    monkeypatch.setattr("ephraim_db.sms.credential.open_envelope", counting)
    read = 0

    def messages() -> Iterator[Sms]:
        nonlocal read
        for n in range(20):
            read += 1
            yield Sms(ACACIA, TO, f"number {n}")

    outcomes = sender.send_many(messages(), concurrency=4)
    next(outcomes)
    assert read <= 12
    assert len(list(outcomes)) == 19
    assert len(opened) == 1


@dataclass
class AtTwilio:
    """How many requests were under way each time another began, and until when all are held."""

    counts: list[int] = field(default_factory=list)
    goes_on: Callable[[], bool] = lambda: True


@pytest.fixture
def at_twilio(monkeypatch: pytest.MonkeyPatch) -> AtTwilio:
    """Each request takes a while."""
    original = Http.request
    seen = AtTwilio()
    under_way = 0

    async def slow(http: Http, method: str, url: str, **given: object) -> Response:
        nonlocal under_way
        under_way += 1
        seen.counts.append(under_way)
        async with asyncio.timeout(PATIENCE):
            while not seen.goes_on():
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        under_way -= 1
        return await original(http, method, url, **given)

    monkeypatch.setattr(Http, "request", slow)
    return seen


def test_twilio_is_asked_for_no_more_at_once_than_is_allowed(
    sender: Sender, at_twilio: AtTwilio
) -> None:
    at_twilio.goes_on = lambda: max(at_twilio.counts) >= 5
    assert len(list(sender.send_many(numbered(30), concurrency=5))) == 30
    assert max(at_twilio.counts) == 5


def test_a_message_is_sent_before_the_next_is_read(sender: Sender, twilio: FakeTwilio) -> None:
    def slowly() -> Iterator[Sms]:
        yield Sms(ACACIA, TO, "the first")
        wait_until(lambda: twilio.messages)
        yield Sms(ACACIA, TO, "the second")

    assert len(list(sender.send_many(slowly()))) == 2


def test_whoever_stops_early_leaves_nothing_half_done(sender: Sender, owner: Owner) -> None:
    outcomes = sender.send_many(numbered(30), concurrency=3)
    next(outcomes)
    outcomes.close()  # type: ignore[attr-defined]
    assert {row["status"] for row in owner.log()} <= {"queued", "sent", "delivered"}
    assert 1 <= len(owner.log()) <= 9


@pytest.mark.parametrize(
    "send",
    [
        lambda sender: list(sender.send_many(numbered(30), concurrency=3)),
        lambda sender: sender.send_sms(ACACIA, TO, "hello"),
    ],
    ids=["many", "one"],
)
def test_an_interrupt_leaves_nothing_half_done(
    sender_url: str,
    keyring: Keyring,
    twilio: FakeTwilio,
    acacia: UUID,
    owner: Owner,
    at_twilio: AtTwilio,
    send: Callable[[Sender], object],
) -> None:
    pressed = threading.Event()
    at_twilio.goes_on = pressed.is_set

    def press() -> None:
        wait_until(lambda: at_twilio.counts)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
        pressed.set()

    def interrupted() -> None:
        with Sender(sender_url, keyring, twilio=Twilio(twilio.url)) as sender:
            threads.submit(press)
            send(sender)

    with ThreadPoolExecutor(1) as threads, pytest.raises(KeyboardInterrupt):
        interrupted()
    assert {row["status"] for row in owner.log()} <= {"queued", "sent", "delivered"}
    assert len(twilio.messages) == len(owner.log()) >= 1


def test_two_that_send_the_same_the_other_way_round_do_not_block_each_other(
    sender_url: str, keyring: Keyring, twilio: FakeTwilio, acacia: UUID
) -> None:
    messages = [Sms(ACACIA, TO, f"number {n}", idempotency_key=f"key {n}") for n in range(120)]

    def work(mine: list[Sms]) -> set[UUID]:
        with Sender(sender_url, keyring, twilio=Twilio(twilio.url)) as sender:
            outcomes = list(sender.send_many(mine))
        assert [o.error for o in outcomes if o.error] == []
        return {o.log.id for o in outcomes if o.log}

    with ThreadPoolExecutor(2) as threads:
        one, other = threads.map(work, [messages, messages[::-1]])
    assert one == other
    assert len(twilio.messages) == 120


def test_a_message_whose_turn_comes_too_late_is_not_sent(
    sender: Sender, twilio: FakeTwilio, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ephraim_db.sms.sending.GIVE_UP", -1.0)
    with pytest.raises(TwilioUnreachable):
        sender.send_sms(ACACIA, TO, "hello")
    assert [row["status"] for row in owner.log()] == ["failed"]
    assert twilio.messages == []


def test_a_sender_outside_of_its_with_says_so(sender_url: str, keyring: Keyring) -> None:
    sender = Sender(sender_url, keyring)
    with pytest.raises(RuntimeError, match="with"):
        sender.send_sms(ACACIA, TO, "hello")
