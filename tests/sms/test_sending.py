"""A message is sent at most once, and the log says what became of it."""

from __future__ import annotations

import asyncio
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID, uuid4

import pytest
from tests.sms.conftest import (
    ACACIA,
    ADMIN,
    FROM,
    PARTICIPANT,
    SHIFT,
    TO,
    WORKER,
    Owner,
)

from ephraim_db.errors import (
    InvalidInput,
    KeyReused,
    OptedOut,
    Rejected,
    SmsSwitchedOff,
    TestNotRequested,
    TwilioNotConfigured,
    TwilioRefused,
    TwilioUnreachable,
)
from ephraim_db.fakes.twilio import FakeTwilio, Fault
from ephraim_db.sealing import Keyring
from ephraim_db.sms import AsyncSender, Sender, Sms
from ephraim_db.sms.http import TIMEOUT
from ephraim_db.sms.twilio import Twilio
from ephraim_db.sms_logs import SmsStatus


def test_a_message_is_written_down_handed_over_and_queued(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    log = sender.send_sms(ACACIA, TO, "See you at nine.", related_worker_id=WORKER)
    [message] = twilio.messages
    assert (message.to, message.from_, message.body) == (TO, FROM, "See you at nine.")
    assert (log.status, log.twilio_sid) == (SmsStatus.QUEUED, message.sid)
    assert (log.related_worker_id, log.related_shift_id) == (WORKER, None)
    [event] = owner.events(log.id)
    assert (event["source"], event["status"], event["moved"]) == ("answer", "queued", True)


def test_awaiting_says_the_same(
    sender_url: str, keyring: Keyring, twilio: FakeTwilio, acacia: UUID
) -> None:
    async def main() -> None:
        async with AsyncSender(sender_url, keyring, twilio=Twilio(twilio.url)) as sender:
            log = await sender.send_sms(acacia, TO, "hello", related_shift_id=SHIFT)
            assert (log.status, log.twilio_sid) == (SmsStatus.QUEUED, twilio.messages[0].sid)
            outcomes = [
                outcome
                async for outcome in sender.send_many(
                    (Sms(acacia, TO, f"number {n}") for n in range(20)), concurrency=4
                )
            ]
            assert {o.log.status for o in outcomes if o.log} == {SmsStatus.QUEUED}
            assert len(outcomes) == 20
            assert (await sender.reconcile(acacia)).found == 0

    asyncio.run(main())


# refused before anything is written ------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        ("+611300123456", "13 or 1300"),
        ("+61131234", "13 or 1300"),
        ("+611800123456", "freephone"),
        ("+61212345678", "landline"),
        ("+61999", "E.164"),
        ("+61491", "E.164"),
        ("0491570156", "E.164"),
        ("+610491570156", "a 0 too many"),
        ("+9991234567", "country"),
    ],
)
def test_a_number_that_cannot_receive_sms_is_refused(
    sender: Sender, twilio: FakeTwilio, owner: Owner, number: str, reason: str
) -> None:
    with pytest.raises(InvalidInput, match=f"to: .*{reason}") as refused:
        sender.send_sms(ACACIA, number, "hello")
    assert number not in str(refused.value)
    assert (twilio.messages, owner.log()) == ([], [])


@pytest.mark.parametrize("body", ["", "   ", "x" * 1601, "a\x00b"])
def test_a_body_that_twilio_would_refuse_is_refused(sender: Sender, body: str) -> None:
    with pytest.raises(InvalidInput, match="body"):
        sender.send_sms(ACACIA, TO, body)


def test_who_switched_sms_off_is_not_sent_any(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    owner.rows(
        "update public.profiles set sms_notifications_enabled = false "
        "where id in (select profile_id from public.participants where id = %(id)s)",
        id=PARTICIPANT,
    )
    with pytest.raises(OptedOut):
        sender.send_sms(ACACIA, TO, "hello", related_participant_id=PARTICIPANT)
    assert (twilio.messages, owner.log()) == ([], [])
    sender.send_sms(ACACIA, TO, "hello", related_worker_id=WORKER)


def test_an_organization_that_switched_sms_off_sends_none(sender: Sender, owner: Owner) -> None:
    owner.rows(
        """update public.organizations set settings = '{"sms_enabled": false}'
        where id = %(id)s""",
        id=ACACIA,
    )
    with pytest.raises(SmsSwitchedOff):
        sender.send_sms(ACACIA, TO, "hello")


def test_what_is_not_configured_is_named(sender: Sender, owner: Owner) -> None:
    owner.rows(
        "update public.organizations set twilio_auth_token = null where id = %(id)s", id=ACACIA
    )
    with pytest.raises(TwilioNotConfigured) as refused:
        sender.send_sms(ACACIA, TO, "hello")
    assert refused.value.missing == ("twilio_auth_token",)
    with pytest.raises(TwilioNotConfigured):
        sender.send_sms(uuid4(), TO, "hello")


def test_a_row_of_another_organization_cannot_be_related(sender: Sender) -> None:
    theirs = UUID("b0000000-0000-4000-8000-000000000203")
    with pytest.raises(Rejected) as refused:
        sender.send_sms(ACACIA, TO, "hello", related_worker_id=theirs)
    assert refused.value.constraint == "sms_logs_worker_fkey"


# one key, one message --------------------------------------------------------------------------


def test_a_key_sends_once(sender: Sender, twilio: FakeTwilio) -> None:
    first = sender.send_sms(ACACIA, TO, "hello", idempotency_key="shift-1")
    again = sender.send_sms(ACACIA, TO, "hello", idempotency_key="shift-1")
    assert again.id == first.id
    assert len(twilio.messages) == 1


def test_a_key_belongs_to_one_message(sender: Sender, twilio: FakeTwilio) -> None:
    first = sender.send_sms(ACACIA, TO, "hello", idempotency_key="shift-1")
    with pytest.raises(KeyReused) as refused:
        sender.send_sms(ACACIA, TO, "something else", idempotency_key="shift-1")
    assert refused.value.sms_log_id == first.id
    assert len(twilio.messages) == 1


def test_a_key_that_was_sent_stays_sent_after_an_opt_out(sender: Sender, owner: Owner) -> None:
    def send() -> UUID:
        return sender.send_sms(
            ACACIA, TO, "hello", related_worker_id=WORKER, idempotency_key="shift-1"
        ).id

    first = send()
    owner.rows("update public.profiles set sms_notifications_enabled = false")
    assert send() == first


def test_thirty_two_workers_with_one_key_send_one_message(
    sender_url: str, keyring: Keyring, twilio: FakeTwilio, acacia: UUID, owner: Owner
) -> None:
    def work(_: int) -> UUID:
        with Sender(sender_url, keyring, twilio=Twilio(twilio.url), connections=1) as sender:
            return sender.send_sms(acacia, TO, "hello", idempotency_key="one").id

    with ThreadPoolExecutor(32) as workers:
        ids = set(workers.map(work, range(32)))
    assert len(twilio.messages) == 1
    assert [row["id"] for row in owner.log()] == list(ids)


# what Twilio answers -----------------------------------------------------------------------------


def refused(sender: Sender, to: str = TO) -> TwilioRefused:
    with pytest.raises(TwilioRefused) as caught:
        sender.send_sms(ACACIA, to, "hello")
    return caught.value


def test_each_refusal_comes_in_plain_words_and_is_logged(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    [account] = twilio.accounts.values()
    account.trial = True
    assert refused(sender).code == 21608
    account.trial = False
    account.closed_countries = {"+61"}
    assert "Geo permissions" in str(refused(sender))
    account.closed_countries = set()
    account.landlines = {TO}
    assert refused(sender).code == 21614
    account.landlines = set()
    account.numbers = {FROM: False}
    assert "cannot send SMS" in str(refused(sender))
    account.numbers = {}
    assert refused(sender).code == 21660
    account.numbers = {FROM: True}
    assert refused(sender, FROM).code == 21266
    account.auth_token = "another"
    error = refused(sender)
    assert "auth token is wrong" in str(error)
    assert [row["error_code"] for row in owner.log()] == [
        21608,
        21408,
        21614,
        21606,
        21660,
        21266,
        20003,
    ]
    assert {row["status"] for row in owner.log()} == {"failed"}
    assert all(row["failed_at"] and row["error_message"] for row in owner.log())
    assert owner.log()[-1]["id"] == error.sms_log_id
    assert twilio.messages == []


def test_stop_switches_sms_off_for_that_number_and_says_so(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    [phone] = owner.rows(
        "select p.phone from public.profiles as p "
        "join public.workers as w on w.profile_id = p.id where w.id = %(id)s",
        id=WORKER,
    )
    [account] = twilio.accounts.values()
    account.stopped = {phone["phone"]}
    off = "select phone, organization_id from public.profiles where not sms_notifications_enabled"
    before = owner.rows(off)
    error = refused(sender, phone["phone"])
    assert error.code == 21610
    switched_off = [one for one in owner.rows(off) if one not in before]
    assert switched_off == [{"phone": phone["phone"], "organization_id": ACACIA}]
    assert [e["source"] for e in owner.events(error.sms_log_id)] == ["answer", "opt_out"]
    with pytest.raises(OptedOut):
        sender.send_sms(ACACIA, phone["phone"], "again", related_worker_id=WORKER)


def test_429_is_tried_again_until_it_is_taken(
    sender: Sender, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ephraim_db.sms.sending._FIRST_PAUSE", 0.01)
    twilio.fail_next(Fault.BUSY, Fault.BUSY)
    assert sender.send_sms(ACACIA, TO, "hello").status == SmsStatus.QUEUED
    assert len(twilio.messages) == 1


def test_429_without_end_is_a_refusal(
    sender: Sender, twilio: FakeTwilio, owner: Owner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ephraim_db.sms.sending._FIRST_PAUSE", 0.01)
    twilio.fail_next(*[Fault.BUSY] * 5)
    assert refused(sender).code == 20429
    assert owner.log()[0]["status"] == "failed"


@pytest.mark.parametrize(
    "fault",
    [
        Fault.BROKEN,
        Fault.BROKEN_AFTER,
        Fault.RESET,
        Fault.RESET_AFTER,
        Fault.GARBAGE_AFTER,
    ],
)
def test_no_answer_leaves_unknown_and_is_never_sent_again(
    sender: Sender, twilio: FakeTwilio, owner: Owner, fault: Fault
) -> None:
    twilio.fail_next(fault)
    log = sender.send_sms(ACACIA, TO, "hello", idempotency_key="k")
    assert log.status == SmsStatus.UNKNOWN
    assert sender.send_sms(ACACIA, TO, "hello", idempotency_key="k").id == log.id
    assert len(twilio.messages) == ("after" in fault)
    assert len(twilio.authorizations) == 1


def test_a_timeout_leaves_unknown(
    sender: Sender, twilio: FakeTwilio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(TIMEOUT, "read", 0.2)
    twilio.silence_seconds = 60
    twilio.fail_next(Fault.SILENCE_AFTER)
    began = time.monotonic()
    assert sender.send_sms(ACACIA, TO, "hello").status == SmsStatus.UNKNOWN
    assert time.monotonic() - began < 50


def test_a_twilio_out_of_reach_is_a_failure_and_says_that_nothing_was_sent(
    sender_url: str,
    keyring: Keyring,
    acacia: UUID,
    owner: Owner,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("ephraim_db.sms.sending._FIRST_PAUSE", 0.01)
    nowhere = Twilio("http://127.0.0.1:9")
    with (
        Sender(sender_url, keyring, twilio=nowhere) as sender,
        pytest.raises(TwilioUnreachable) as caught,
    ):
        sender.send_sms(acacia, TO, "hello")
    [row] = owner.log()
    assert (row["id"], row["status"]) == (caught.value.sms_log_id, "failed")


# a test that an admin asked for ------------------------------------------------------------------


def ask(owner: Owner, age: str = "0") -> UUID:
    [row] = owner.rows(
        "insert into public.credential_tests (organization_id, provider, requested_by, created_at)"
        f"values (%(o)s, 'twilio', %(who)s, now() - interval '{age}') returning id",
        o=ACACIA,
        who=ADMIN,
    )
    return UUID(str(row["id"]))


def test_a_test_that_was_asked_for_is_sent_once(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    requested = ask(owner)
    assert sender.send_test_sms(ACACIA, TO, requested=requested).status == SmsStatus.QUEUED
    assert "Acacia Care" in twilio.messages[0].body
    with pytest.raises(TestNotRequested):
        sender.send_test_sms(ACACIA, TO, requested=requested)
    assert len(twilio.messages) == 1
    [event] = owner.rows("select * from public.credential_events where event = 'tested'")
    assert (str(event["actor_id"]), event["actor_role"]) == (ADMIN, "sender_login")


def test_no_test_without_a_fresh_request_of_that_organization(
    sender: Sender, owner: Owner, twilio: FakeTwilio
) -> None:
    with pytest.raises(TestNotRequested):
        sender.send_test_sms(ACACIA, TO, requested=uuid4())
    with pytest.raises(TestNotRequested):
        sender.send_test_sms(ACACIA, TO, requested=ask(owner, "11 minutes"))
    assert twilio.messages == []
