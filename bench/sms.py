"""How fast secrets are sealed and opened, and messages sent."""

from __future__ import annotations

import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from bench.results import Goal, Measured, Size
from bench.sms_race import (
    ASYNC_LOOP,
    ASYNC_SENDER,
    FROM,
    IN_FLIGHT,
    LOOP,
    ORGANIZATION,
    SENDER,
    SID,
    TOKEN,
    race,
)
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import create_database, start_postgres
from ephraim_db.sealing import Keyring, Place, PrivateKey, open_envelope, seal

PROJECT = Path(__file__).parents[1]
ROUNDS = 5
PLACE = Place(ORGANIZATION, "twilio", "twilio_auth_token")
SECRETS = 2_000
PAIRS = ((SENDER, LOOP), (ASYNC_SENDER, LOOP), (ASYNC_SENDER, ASYNC_LOOP))
# Seconds that the fake takes to answer, and how many messages tell what that comes to.
ANSWERS = {"at once": (0.0, 2_000), "after 100 ms": (0.1, 640)}

ABOUT = """## Sealing and sending

The fake Twilio and Postgres run as processes of their own. Messages are sent with 32 at Twilio at
once, by both senders and by bare loops over Twilio's SDK as it comes, which write nothing down;
they go to 100 people in turn. Rates are medians of several rounds. n is the messages of a round, or
the secrets.

A fake that answers at once is the hard case: whatever a sender does beside asking shows, and on two
cores Postgres, the fake and the sender compete. So the processor time of the sender's own process
is told as well: with Postgres and Twilio elsewhere, that is what bounds it. Twilio answers after
about 100 ms; then the 32 in flight are what bounds everybody.
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
                    laps = race(url, twilio_url, Keyring([key]), messages, rounds)
                for ours, other in PAIRS:
                    yield Measured(
                        named(ours, other, when),
                        laps[ours].rate,
                        laps[other].rate,
                        "messages per second",
                        messages,
                        server.version,
                        more_is_better=True,
                    )
                for ours, other in PAIRS:
                    busy = laps[ours].busy, laps[other].busy
                    name = f"{named(ours, other, when)}, processor per message"
                    yield Measured(name, *busy, "ms", messages, server.version)
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
