"""However many ask, and whatever breaks meanwhile, a connection is not lost."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from tests.waiting import wait_until

from ephraim_db.errors import NoSealingKey, UnknownKey
from ephraim_db.fakes.xero import FakeXero, Fault
from ephraim_db.postgres import Server
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.xero import (
    AccessToken,
    App,
    AsyncXero,
    Connection,
    NotConnected,
    Reason,
    ReauthorizationRequired,
    Xero,
    XeroUnavailable,
)

from .conftest import (
    ACACIA,
    BANKSIA,
    RETURN,
    Owner,
    connection_row,
    count,
    expire,
    organization,
    set_app,
)

PROCESSES, THREADS = 8, 8


def is_good(fake: FakeXero, token: AccessToken) -> bool:
    return not fake.ledger.bearer(token.value).revoked


def generation(owner: Owner) -> int:
    row = connection_row(owner)
    assert row is not None
    return int(row["generation"])


def test_a_fresh_token_is_handed_out_without_asking_xero(
    xero: Xero, fake: FakeXero, connected: Connection
) -> None:
    before = fake.calls["token"]
    first, second = xero.token(ACACIA), xero.token(ACACIA)
    assert first == second
    assert first.headers() == {
        "Authorization": f"Bearer {first.value}",
        "Xero-Tenant-Id": str(connected.tenant_id),
    }
    assert fake.calls["token"] == before


def test_an_expired_token_is_refreshed_once_and_the_new_pair_stored(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    old = xero.token(ACACIA)
    for _ in range(3):
        expire(owner)
        fake.advance(timedelta(minutes=31))  # past the grace: only the newest pair works
        assert is_good(fake, xero.token(ACACIA))
    assert xero.token(ACACIA) != old
    assert generation(owner) == 4
    assert fake.calls["token"] == 1 + 3


def test_an_organization_that_is_not_connected_has_no_token(xero: Xero) -> None:
    with pytest.raises(NotConnected):
        xero.token(ACACIA)


@pytest.fixture
def process_env(sender_url: str, fake: FakeXero, key: PrivateKey, acacia: object) -> dict[str, str]:
    """What a process of the service finds in its environment."""
    jwk = {**key.public().jwk(), "d": key.d}
    return {
        **os.environ,
        "DATABASE_URL": sender_url,
        "FAKE_URL": fake.url,
        "REDIRECT_URI": RETURN,
        "ORGANIZATION": str(ACACIA),
        "EPHRAIM_DB_KEYS": json.dumps(jwk),
    }


def start(env: dict[str, str], *argument: str) -> subprocess.Popen[str]:
    script = Path(__file__).with_name("process.py")
    return subprocess.Popen(
        [sys.executable, str(script), *argument],
        env=env,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def wait_until_ready(process: subprocess.Popen[str]) -> None:
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"


one_door = pytest.mark.parametrize("xero", ["blocking"], indirect=True)


@one_door
def test_sixty_four_callers_over_eight_processes_refresh_once(
    fake: FakeXero, owner: Owner, connected: Connection, process_env: dict[str, str]
) -> None:
    expire(owner)
    fake.fail("token", Fault(delay=1.0))
    before = fake.calls["token"]
    processes = [start(process_env) for _ in range(PROCESSES)]
    for process in processes:
        wait_until_ready(process)
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    tokens = [line for process in processes for line in process.communicate(timeout=60)[0].split()]
    assert [process.returncode for process in processes] == [0] * PROCESSES
    assert len(tokens) == PROCESSES * THREADS
    assert len(set(tokens)) == 1
    assert fake.calls["token"] - before == 1
    assert generation(owner) == 2


@one_door
def test_sixty_four_tasks_of_one_event_loop_refresh_once(
    fake: FakeXero,
    owner: Owner,
    connected: Connection,
    sender_url: str,
    keyring: Keyring,
    app: App,
) -> None:
    async def main() -> list[AccessToken]:
        async with AsyncXero(sender_url, keyring, app) as xero:
            return await asyncio.gather(*[xero.token(ACACIA) for _ in range(64)])

    expire(owner)
    fake.fail("token", Fault(delay=0.5))
    assert len(set(asyncio.run(main()))) == 1
    assert fake.calls["token"] == 2


@one_door
@pytest.mark.parametrize("when", ["kill-before", "kill-after"])
def test_a_process_killed_between_answer_and_commit_loses_nothing(
    xero: Xero,
    fake: FakeXero,
    owner: Owner,
    connected: Connection,
    process_env: dict[str, str],
    when: str,
) -> None:
    expire(owner)
    process = start(process_env, when)
    process.communicate("\n", timeout=30)
    assert process.returncode == -9
    assert fake.calls["token"] == 2
    assert generation(owner) == 1
    fake.advance(timedelta(minutes=29))
    assert is_good(fake, xero.token(ACACIA))
    assert fake.calls["token"] == 3
    assert generation(owner) == 2


@one_door
def test_an_answer_lost_for_longer_than_the_grace_needs_an_admin(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection, process_env: dict[str, str]
) -> None:
    expire(owner)
    start(process_env, "kill-before").communicate("\n", timeout=30)
    fake.advance(timedelta(minutes=31))
    with pytest.raises(ReauthorizationRequired) as required:
        xero.token(ACACIA)
    assert required.value.reason is Reason.REFRESH_REFUSED


def test_an_answer_lost_on_the_way_is_asked_for_again_at_once(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    expire(owner)
    fake.fail("token", Fault(drop="after"), Fault(drop="before"))
    assert is_good(fake, xero.token(ACACIA))
    assert fake.calls["token"] == 1 + 3


def test_a_busy_xero_is_given_the_seconds_it_asks_for(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    expire(owner)
    fake.fail("token", Fault(status=429, retry_after=1), Fault(status=503))
    began = time.monotonic()
    assert is_good(fake, xero.token(ACACIA))
    assert time.monotonic() - began > 1


def test_a_xero_that_asks_for_more_time_is_left_alone(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    expire(owner)
    fake.fail("token", Fault(status=429, retry_after=60))
    with pytest.raises(XeroUnavailable) as unavailable:
        xero.token(ACACIA)
    assert unavailable.value.retry_after == 60
    assert fake.calls["token"] == 2


def test_a_xero_that_is_down_costs_no_connection(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    expire(owner)
    fake.fail("token", *[Fault(status=503)] * 3)
    with pytest.raises(XeroUnavailable):
        xero.token(ACACIA)
    row = connection_row(owner)
    assert row is not None
    assert row["status"] == "connected"
    assert row["last_error"].startswith("Xero did not answer")
    assert is_good(fake, xero.token(ACACIA))
    row = connection_row(owner)
    assert row is not None
    assert row["last_error"] is None


def test_a_slow_xero_is_not_waited_for_forever(
    sender_url: str,
    keyring: Keyring,
    app: App,
    fake: FakeXero,
    owner: Owner,
    connected: Connection,
) -> None:
    expire(owner)
    fake.fail("token", *[Fault(delay=5, drop="before")] * 3)
    impatient = App(RETURN, endpoints=app.endpoints, timeout=0.2)
    with Xero(sender_url, keyring, impatient) as xero:
        began = time.monotonic()
        with pytest.raises(XeroUnavailable):
            xero.token(ACACIA)
        assert time.monotonic() - began < 3 * 5
    with Xero(sender_url, keyring, app) as patient:
        assert is_good(fake, patient.token(ACACIA))


def test_a_connection_ended_in_xero_needs_an_admin_and_xero_is_not_asked_twice(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    expire(owner)
    fake.ledger.end(fake.ledger.connections[0].client_id, "bookkeeper")
    for _ in range(2):
        with pytest.raises(ReauthorizationRequired, match="An admin connects again"):
            xero.token(ACACIA)
    assert fake.calls["token"] == 2
    row = connection_row(owner)
    assert row is not None
    assert (row["status"], row["reauth_reason"]) == ("reauth_required", "refresh_refused")


def test_sixty_days_unused_need_an_admin(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    expire(owner)
    fake.advance(timedelta(days=61))
    with pytest.raises(ReauthorizationRequired, match="60 days"):
        xero.token(ACACIA)


@contextmanager
def in_flight(xero: Xero, fake: FakeXero, seconds: float) -> Iterator[Future[AccessToken]]:
    """Somebody asks for a token while the block runs; Xero takes its time to begin."""
    fake.fail("token", Fault(delay=seconds))
    before = fake.calls["token"]
    with ThreadPoolExecutor(1) as thread:
        asking = thread.submit(xero.token, ACACIA)
        wait_until(lambda: fake.calls["token"] > before)
        yield asking


def cut_off(server: Server, database_name: str) -> None:
    """End the sender's sessions, and with them their locks, as a failover does."""
    with psycopg.connect(server.url(database_name), autocommit=True) as superuser:
        superuser.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and usename = 'sender_login'"
        )


@pytest.fixture
def other(sender_url: str, keyring: Keyring, app: App, acacia: object) -> Iterator[Xero]:
    """Another process of the service, as far as the database can tell."""
    with Xero(sender_url, keyring, app) as other:
        yield other


def test_a_refusal_of_a_token_set_that_was_replaced_meanwhile_is_not_believed(
    xero: Xero,
    fake: FakeXero,
    owner: Owner,
    connected: Connection,
    server: Server,
    database_name: str,
    sender_url: str,
    keyring: Keyring,
    app: App,
) -> None:
    expire(owner)
    fake.ledger.grace = timedelta(0)
    with in_flight(xero, fake, 3.0) as asking:
        cut_off(server, database_name)
        with Xero(sender_url, keyring, app) as other:
            newer = other.token(ACACIA)
    assert asking.result() == newer
    row = connection_row(owner)
    assert row is not None
    assert (row["status"], row["generation"]) == ("connected", 2)


def test_an_answer_is_kept_though_the_transaction_broke(
    xero: Xero,
    fake: FakeXero,
    owner: Owner,
    connected: Connection,
    server: Server,
    database_name: str,
) -> None:
    expire(owner)
    with in_flight(xero, fake, 0.5) as asking:
        cut_off(server, database_name)
    assert is_good(fake, asking.result())
    assert fake.calls["token"] == 2
    fake.advance(timedelta(minutes=31))
    expire(owner)
    assert is_good(fake, xero.token(ACACIA))


def test_the_clock_of_this_machine_does_not_matter(
    xero: Xero,
    fake: FakeXero,
    owner: Owner,
    connected: Connection,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    true_time = time.time
    for skew in (-86_400, 86_400):
        monkeypatch.setattr(time, "time", lambda skew=skew: true_time() + skew)
        before = fake.calls["token"]
        xero.token(ACACIA)
        assert fake.calls["token"] == before
        expire(owner)
        assert is_good(fake, xero.token(ACACIA))
        assert fake.calls["token"] == before + 1


def test_a_token_that_expired_in_flight_is_replaced_once_for_all_it_was_given_to(
    xero: Xero, fake: FakeXero, connected: Connection
) -> None:
    given = xero.token(ACACIA)
    newer = xero.token(ACACIA, rejected=given.value)
    assert newer.value != given.value
    assert xero.token(ACACIA, rejected=given.value) == newer
    assert fake.calls["token"] == 2


def test_a_client_id_changed_in_flight_waits_for_nobody_and_ends_the_connection(
    xero: Xero,
    fake: FakeXero,
    owner: Owner,
    connected: Connection,
    key: PrivateKey,
    other: Xero,
) -> None:
    expire(owner)
    with in_flight(xero, fake, 3.0) as asking:
        set_app(owner, key, "ANOTHER", "another-secret")
        assert not asking.done()
    with pytest.raises(NotConnected):
        asking.result()
    assert connection_row(owner) is None
    assert organization(owner)["settings"]["xero_connected"] is False
    fake.advance(timedelta(minutes=31))  # past the grace: what is left must hold the newest pair
    assert other.retry_leftovers() == 0
    assert fake.ledger.connections == []


def test_xero_is_asked_for_nothing_that_could_not_be_kept(
    xero: Xero, fake: FakeXero, owner: Owner, connected: Connection
) -> None:
    expire(owner)
    owner.execute("update public.sealing_keys set status = 'retired', retired_at = now()")
    with pytest.raises(NoSealingKey):
        xero.token(ACACIA)
    stranger = PrivateKey.generate().public()
    owner.execute(
        "insert into public.sealing_keys (kid, x, status, activated_at) "
        "values (%s, %s, 'active', now())",
        (stranger.kid, stranger.x),
    )
    with pytest.raises(UnknownKey):
        xero.token(ACACIA)
    assert fake.calls["token"] == 1


def test_a_sealing_key_exchanged_in_flight_takes_the_answer(
    xero: Xero,
    fake: FakeXero,
    owner: Owner,
    connected: Connection,
    key: PrivateKey,
    sender_url: str,
    app: App,
) -> None:
    newer = PrivateKey.generate()
    expire(owner)
    with (
        Xero(sender_url, Keyring([key, newer]), app) as both,
        in_flight(both, fake, 0.5) as asking,
    ):
        owner.execute("update public.sealing_keys set status = 'retiring' where status = 'active'")
        owner.execute(
            "insert into public.sealing_keys (kid, x, status, activated_at) "
            "values (%s, %s, 'active', now())",
            (newer.public().kid, newer.public().x),
        )
    assert is_good(fake, asking.result())
    assert organization(owner)["xero_token_set"].startswith(f"seal:v1:{newer.public().kid}:")


def test_refreshing_leaves_the_other_organization_alone(
    xero: Xero, owner: Owner, connected: Connection
) -> None:
    query = "select to_jsonb(o) as row from public.organizations as o where id = %s"
    before = owner.execute(query, (BANKSIA,)).fetchone()
    expire(owner)
    xero.token(ACACIA)
    assert owner.execute(query, (BANKSIA,)).fetchone() == before
    assert count(owner, "xero_leftovers") == 0
