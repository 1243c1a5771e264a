"""`ephraim-db sms` as a shell and cron see it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from uuid import UUID

import pytest
from tests.sms.conftest import ACACIA, TO, TOKEN, Owner

from ephraim_db.fakes.twilio import FakeTwilio, Fault
from ephraim_db.sealing import PrivateKey

EPHRAIM_DB = str(Path(sys.executable).with_name("ephraim-db"))


@pytest.fixture
def environment(sender_url: str, private_key: PrivateKey, acacia: UUID) -> dict[str, str]:
    jwk = json.dumps({**private_key.public().jwk(), "d": private_key.d})
    return {**os.environ, "DATABASE_URL": sender_url, "EPHRAIM_DB_KEYS": jwk, "COLUMNS": "140"}


def run(
    environment: dict[str, str], *arguments: str, given: str = ""
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [EPHRAIM_DB, "sms", *arguments],
        env=environment,
        input=given,
        text=True,
        capture_output=True,
        check=False,
    )


def test_a_message_is_sent_settled_and_shown(
    environment: dict[str, str], twilio: FakeTwilio, owner: Owner
) -> None:
    url = f"--twilio-url={twilio.url}"
    to = ("--organization", str(ACACIA), "--to", TO)
    sent = run(environment, "send", url, *to, "-", given="a private matter\n")
    assert (sent.returncode, sent.stderr) == (0, "")
    assert twilio.messages[0].body == "a private matter"

    twilio.fail_next(Fault.RESET_AFTER)
    unknown = run(environment, "send", url, *to, "hello")
    assert unknown.returncode == 1
    assert "unknown" in unknown.stdout

    settled = run(environment, "reconcile", url)
    assert settled.stdout == "1 found, 0 never sent, 0 moved on, 0 left\n"
    assert settled.returncode == 0

    shown = run(environment, "log", "--organization", str(ACACIA), "--limit", "2")
    assert shown.stdout.count(TO) == 2
    assert "private matter" not in shown.stdout
    for ran in (sent, unknown, settled, shown):
        assert TOKEN not in ran.stdout + ran.stderr


def test_a_refusal_is_said_in_plain_words(
    environment: dict[str, str], twilio: FakeTwilio, owner: Owner
) -> None:
    [account] = twilio.accounts.values()
    account.auth_token = "another"
    ran = run(
        environment,
        *("send", f"--twilio-url={twilio.url}", "--organization", str(ACACIA), "--to", TO, "hello"),
    )
    assert ran.returncode == 1
    assert ran.stderr.startswith("not sent: Twilio refused the message (20003)")


def test_without_keys_it_cannot_run_and_says_what_is_missing(
    environment: dict[str, str],
) -> None:
    del environment["EPHRAIM_DB_KEYS"]
    ran = run(environment, "reconcile")
    assert ran.returncode == 2
    assert "EPHRAIM_DB_KEYS" in ran.stderr
