"""What goes to the database together is answered one by one, and spoils nobody else's."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from tests.sms.conftest import ACACIA, TO, WORKER, Owner

from ephraim_db.errors import ConnectionFailed, EphraimError
from ephraim_db.fakes.twilio import FakeTwilio
from ephraim_db.run import run
from ephraim_db.sms import Sender, Sms
from ephraim_db.sms.batching import RowCall, answers

THEIRS = UUID("b0000000-0000-4000-8000-000000000203")


def test_a_row_that_is_refused_spoils_no_other(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    messages = [
        Sms(ACACIA, TO, f"number {n}", related_worker_id=THEIRS if n % 5 == 0 else WORKER)
        for n in range(20)
    ]
    outcomes = list(sender.send_many(messages, concurrency=20))
    refused = {o.sms.body for o in outcomes if o.error}
    assert refused == {"number 0", "number 5", "number 10", "number 15"}
    assert {m.body for m in twilio.messages} == {f"number {n}" for n in range(20) if n % 5}
    assert len(owner.log()) == 16


def test_each_answer_goes_to_whoever_asked(sender: Sender, twilio: FakeTwilio) -> None:
    def send(n: int) -> tuple[str, str | None]:
        log = sender.send_sms(ACACIA, TO, f"number {n}", idempotency_key=f"key {n % 10}")
        return log.message_body, log.twilio_sid

    with ThreadPoolExecutor(10) as threads:
        sent = dict(threads.map(send, range(10)))
    assert sent == {m.body: m.sid for m in twilio.messages}


def test_a_database_that_is_away_is_asked_once_and_not_for_each() -> None:
    asked = 0

    def away(_: object) -> object:
        nonlocal asked
        asked += 1
        raise ConnectionFailed

    found = run(answers([RowCall("select 1", {"a": n}) for n in range(50)]), away)
    assert asked == 1
    assert all(isinstance(answer, EphraimError) for answer in found)


@pytest.mark.parametrize("count", [1, 250])
def test_any_number_goes_through(sender: Sender, twilio: FakeTwilio, count: int) -> None:
    outcomes = list(sender.send_many(Sms(ACACIA, TO, f"number {n}") for n in range(count)))
    assert len({o.log.id for o in outcomes if o.log}) == count
