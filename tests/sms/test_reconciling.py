"""Whatever died on the way, the log ends up saying what happened, and nothing is sent twice."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from tests.sms.conftest import ACACIA, BANKSIA, SID, TO, TOKEN, Owner, store_credential

from ephraim_db.fakes.twilio import FakeTwilio, Fault
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import Reconciled, Sender
from ephraim_db.sms.twilio import Twilio
from ephraim_db.sms_logs import SmsStatus

NOW = timedelta(0)
PROJECT = Path(__file__).parents[2]


def test_an_unknown_message_is_found_at_twilio(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    twilio.fail_next(Fault.RESET_AFTER)
    log = sender.send_sms(ACACIA, TO, "hello")
    assert log.status == SmsStatus.UNKNOWN
    assert sender.reconcile() == Reconciled(found=1)
    [row] = owner.log()
    assert (row["status"], row["twilio_sid"]) == ("delivered", twilio.messages[0].sid)
    assert [e["source"] for e in owner.events(log.id)] == ["answer", "reconcile"]


def test_what_twilio_never_took_is_said_once_it_is_certain(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    twilio.fail_next(Fault.RESET)
    sender.send_sms(ACACIA, TO, "hello")
    assert sender.reconcile() == Reconciled(left=1)
    assert owner.log()[0]["status"] == "unknown"
    assert sender.reconcile(stale=NOW) == Reconciled(never_sent=1)
    [row] = owner.log()
    assert (row["status"], row["twilio_sid"]) == ("failed", None)
    assert row["error_message"].startswith("Never sent")
    assert sender.reconcile(stale=NOW) == Reconciled()


def test_equal_texts_take_one_message_each(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    twilio.fail_next(Fault.RESET_AFTER, Fault.RESET, Fault.BROKEN_AFTER)
    for _ in range(3):
        sender.send_sms(ACACIA, TO, "hello")
    sender.send_sms(ACACIA, TO, "hello")  # whose SID is known, and nobody else's
    result = sender.reconcile(ACACIA, stale=NOW)
    assert (result.found, result.never_sent) == (2, 1)
    sids = [row["twilio_sid"] for row in owner.log() if row["twilio_sid"]]
    assert sorted(sids) == sorted(m.sid for m in twilio.messages)
    assert len(sids) == 3


def test_a_message_still_being_sent_is_left_alone(sender: Sender, owner: Owner) -> None:
    owner.rows(
        "insert into public.sms_logs (organization_id, to_phone, message_body) "
        "values (%(o)s, %(to)s, 'hello')",
        o=ACACIA,
        to=TO,
    )
    assert sender.reconcile() == Reconciled()
    assert owner.log()[0]["status"] == "pending"


def test_lost_reports_are_made_up_for(sender: Sender, twilio: FakeTwilio, owner: Owner) -> None:
    sender.send_sms(ACACIA, TO, "hello")  # no callback_url: nobody reports
    assert owner.log()[0]["status"] == "queued"
    assert sender.reconcile(stale=NOW) == Reconciled(moved_on=1)
    assert owner.log()[0]["status"] == "delivered"
    assert sender.reconcile(stale=NOW) == Reconciled()


def test_another_account_is_not_asked_about_messages_before_it(
    sender: Sender, twilio: FakeTwilio, owner: Owner, private_key: PrivateKey
) -> None:
    twilio.fail_next(Fault.RESET_AFTER)
    sender.send_sms(ACACIA, TO, "hello")
    other = "AC" + "6b" * 16
    store_credential(owner, private_key, TOKEN, other)
    twilio.open_account(other, TOKEN)
    assert sender.reconcile(stale=NOW).left == 1
    assert owner.log()[0]["status"] == "unknown"


def test_a_credential_that_stopped_working_leaves_all_as_it_is_and_says_why(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    twilio.fail_next(Fault.RESET_AFTER)
    sender.send_sms(ACACIA, TO, "hello")
    twilio.accounts[SID].auth_token = "rotated at Twilio"
    result = sender.reconcile(stale=NOW)
    assert result.left == 1
    assert "auth token is wrong" in result.problems[0]
    assert owner.log()[0]["status"] == "unknown"


def test_two_that_reconcile_at_once_do_no_harm(
    sender: Sender, twilio: FakeTwilio, owner: Owner
) -> None:
    twilio.fail_next(*[Fault.RESET_AFTER] * 6)
    for n in range(6):
        sender.send_sms(ACACIA, TO, f"number {n % 2}")
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: sender.reconcile(stale=NOW), range(4)))
    sender.reconcile(stale=NOW)
    assert sorted(row["twilio_sid"] for row in owner.log()) == sorted(
        m.sid for m in twilio.messages
    )
    assert {row["status"] for row in owner.log()} == {"delivered"}


# one Twilio account, two organizations -----------------------------------------------------------


@pytest.fixture
def banksia(acacia: UUID, owner: Owner, private_key: PrivateKey) -> UUID:
    """Another organization, with Acacia's Twilio account."""
    store_credential(owner, private_key, TOKEN, organization_id=BANKSIA)
    owner.rows(
        """update public.organizations set settings = '{"sms_enabled": true}' where id = %(id)s""",
        id=BANKSIA,
    )
    return BANKSIA


def statuses(owner: Owner) -> dict[UUID, tuple[str, str | None]]:
    return {row["organization_id"]: (row["status"], row["twilio_sid"]) for row in owner.log()}


@pytest.mark.parametrize("first", [ACACIA, BANKSIA])
def test_what_one_organization_sent_is_not_taken_for_what_another_lost(
    sender: Sender, twilio: FakeTwilio, owner: Owner, banksia: UUID, first: UUID
) -> None:
    twilio.fail_next(Fault.RESET)
    sender.send_sms(ACACIA, TO, "See you at nine.")
    log = sender.send_sms(banksia, TO, "See you at nine.")
    result = sender.reconcile(first, stale=NOW) + sender.reconcile(stale=NOW)
    assert (result.found, result.never_sent) == (0, 1)
    assert statuses(owner)[ACACIA] == ("failed", None)
    assert statuses(owner)[banksia] == ("delivered", log.twilio_sid)


def test_what_could_be_either_organization_s_is_left_unknown(
    sender: Sender, twilio: FakeTwilio, owner: Owner, banksia: UUID
) -> None:
    twilio.fail_next(Fault.RESET, Fault.RESET_AFTER)
    for organization_id in (ACACIA, banksia):
        sender.send_sms(organization_id, TO, "See you at nine.")
    result = sender.reconcile(stale=NOW)
    assert (result.found, result.never_sent, result.left) == (0, 0, 2)
    assert "another organization on the same Twilio account" in result.problems[0]
    assert set(statuses(owner).values()) == {("unknown", None)}


def test_what_twilio_has_of_both_organizations_is_found_for_both(
    sender: Sender, twilio: FakeTwilio, owner: Owner, banksia: UUID
) -> None:
    twilio.fail_next(Fault.RESET_AFTER, Fault.RESET_AFTER)
    for organization_id in (ACACIA, banksia):
        sender.send_sms(organization_id, TO, "See you at nine.")
    assert sender.reconcile(stale=NOW).found == 2
    assert {sid for _, sid in statuses(owner).values()} == {m.sid for m in twilio.messages}


# kill -9 -----------------------------------------------------------------------------------------
# The path has four steps: the credential is read, the row written, Twilio called, the row advanced.


@pytest.mark.parametrize(
    ("step", "left_behind", "ends_as", "sent"),
    [
        (0, [], "delivered", 1),
        (1, [], "delivered", 1),
        (2, ["pending"], "failed", 0),
        (3, ["pending"], "delivered", 1),
        (4, ["queued"], "delivered", 1),
    ],
)
def test_killed_at_any_step_nothing_is_lost_and_nothing_doubled(
    sender: Sender,
    sender_url: str,
    twilio: FakeTwilio,
    owner: Owner,
    private_key: PrivateKey,
    step: int,
    left_behind: list[str],
    ends_as: str,
    sent: int,
) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "tests.sms.dying", sender_url, twilio.url, str(step)],
        input=private_key.d,
        text=True,
        cwd=PROJECT,
        check=False,
    )
    assert child.returncode == -9
    assert [row["status"] for row in owner.log()] == left_behind

    # Whoever repeats it with the same key sends it only if it was not begun.
    sender.send_sms(ACACIA, TO, "hello", idempotency_key="shift-1")
    sender.reconcile(stale=NOW)
    [row] = owner.log()
    assert (row["status"], len(twilio.messages)) == (ends_as, sent)
    assert row["twilio_sid"] == (twilio.messages[0].sid if sent else None)


def test_a_reader_of_the_log_can_tell_what_was_never_sent_from_what_failed_later(
    sender_url: str, keyring: Keyring, twilio: FakeTwilio, acacia: UUID, owner: Owner
) -> None:
    twilio.accounts[SID].undeliverable = {TO: 30003}
    with Sender(sender_url, keyring, twilio=Twilio(twilio.url)) as sender:
        twilio.fail_next(Fault.RESET)
        sender.send_sms(acacia, TO, "never taken")
        sender.send_sms(acacia, TO, "out of reach")
        sender.reconcile(stale=NOW)
    assert [(row["status"], row["error_code"]) for row in owner.log()] == [
        ("failed", None),
        ("undelivered", 30003),
    ]
