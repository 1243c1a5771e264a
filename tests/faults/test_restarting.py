"""The database goes down with many messages in flight: each is sent once, or its sender is told.

The server is this test's own. What it says is committed is: `synchronous_commit` is on, as it is
everywhere unless somebody switched it off, and what was off there would be forgotten here.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from tests.conftest import PROJECT
from tests.faults.boundaries import Boundaries
from tests.faults.http_proxy import http_proxy, http_through
from tests.faults.sweeping import end_sessions
from tests.faults.texting import Texting, assert_honest, assert_only_added, prepare, texting
from tests.sms.conftest import ACACIA, TO, Owner

from ephraim_db.database import AsyncDatabase, Database, rows
from ephraim_db.errors import Unavailable
from ephraim_db.postgres import Server, start_postgres
from ephraim_db.postgres.binaries import embedded_binaries, service_account
from ephraim_db.postgres.processes import run_as
from ephraim_db.project import Database as Made
from ephraim_db.sealing import Keyring, PrivateKey
from ephraim_db.sms import Sender, Sms
from ephraim_db.sms.twilio import Twilio
from ephraim_db.testing.databases import made_template, owner_url

BODIES = [f"number {n}" for n in range(160)]
IN_FLIGHT = 32


def ask(server: Server, query: str) -> str:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return str(row[0])


def pg_ctl(*arguments: str) -> None:
    subprocess.run(
        [embedded_binaries().directory / "pg_ctl", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
        **run_as(service_account()),
    )


@pytest.fixture
def own_server() -> Iterator[Server]:
    """A server that nobody else is on."""
    with start_postgres("embedded") as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("alter system set synchronous_commit = on")
            connection.execute("select pg_reload_conf()")
        directory = ask(server, "show data_directory")
        yield server
        pg_ctl("stop", "-D", directory, "-m", "immediate", "-w")


@pytest.fixture
def scene(own_server: Server) -> Iterator[Texting]:
    key = PrivateKey.generate()
    with made_template(own_server, PROJECT) as name:
        owner = Owner(own_server.url(name))
        prepare(owner, key)
        owner.rows("create role sender_login login in role ephraim_sender")
        owner.rows(f"alter role sender_login password '{own_server.password}'")
        database = Made(own_server, name, owner_url(own_server, name))
        with texting(database, own_server.url(name, "sender_login"), lambda *_: (), key) as made:
            yield made


def restart(server: Server) -> None:
    """Stop the server as a power cut would, and start it again."""
    pg_ctl(
        *("restart", "-D", ask(server, "show data_directory"), "-m", "immediate", "-w"),
        *("-l", os.devnull),
    )


def crash(server: Server) -> None:
    """Kill one of its processes, upon which it throws everyone out and recovers."""
    with psycopg.connect(server.url()) as victim:
        os.kill(victim.info.backend_pid, signal.SIGKILL)


def wait_until_it_is_back(server: Server) -> None:
    """Return once the server takes sessions again: a crashed one comes back by itself."""
    deadline = time.monotonic() + 30
    while True:
        try:
            psycopg.connect(server.url()).close()
            return
        except psycopg.OperationalError:
            assert time.monotonic() < deadline
            time.sleep(0.01)


@pytest.mark.parametrize("go_down", [restart, crash])
def test_nothing_is_doubled_or_lost_and_the_same_sender_goes_on(
    scene: Texting, go_down: Callable[[Server], None], caplog: pytest.LogCaptureFixture
) -> None:
    messages = [Sms(ACACIA, TO, body, idempotency_key=body) for body in BODIES]

    def go_down_before_some_are_taken() -> None:
        if len(on_their_way.passed) == IN_FLIGHT:
            go_down(scene.database.server)

    on_their_way = Boundaries(watch=go_down_before_some_are_taken)
    on_their_way.started.set()
    with (
        http_proxy(scene.twilio.url, on_their_way) as proxy,
        Sender(
            scene.login,
            Keyring([scene.key]),
            connections=8,
            twilio=Twilio(http_through(proxy)),
        ) as sender,
    ):
        outcomes = list(sender.send_many(messages, concurrency=IN_FLIGHT))
        assert on_their_way.wrong is None
        assert len(outcomes) == len(BODIES)
        failed = [outcome.error for outcome in outcomes if outcome.error]
        assert any(record.name == "psycopg.pool" for record in caplog.records), "unnoticed"
        assert all("try again" in str(error) for error in failed), failed

        wait_until_it_is_back(scene.database.server)
        before = scene.events()
        again = list(sender.send_many(messages, concurrency=IN_FLIGHT))
        assert [outcome.error for outcome in again if outcome.error] == []
        scene.reconcile()
    assert_honest(scene, BODIES)
    assert_only_added(before, scene.events())


ONE = "select 1 as one"
SLEEP = "select pg_sleep(0.2)"


def test_a_pool_whose_sessions_were_all_ended_costs_one_error(
    sender_url: str, server: Server, database_name: str
) -> None:
    failed = 0
    with Database(sender_url, connections=6) as database:
        with ThreadPoolExecutor(6) as threads:
            list(threads.map(lambda _: database.run(rows(SLEEP)), range(6)))
        end_sessions(server, database_name)
        for _ in range(12):
            try:
                database.run(rows(ONE))
            except Unavailable:
                failed += 1
    assert failed == 1


def test_awaited_it_costs_one_error_too(
    sender_url: str, server: Server, database_name: str
) -> None:
    async def main() -> int:
        failed = 0
        async with AsyncDatabase(sender_url, connections=6) as database:
            await asyncio.gather(*[database.run(rows(SLEEP)) for _ in range(6)])
            end_sessions(server, database_name)
            for _ in range(12):
                try:
                    await database.run(rows(ONE))
                except Unavailable:
                    failed += 1
        return failed

    assert asyncio.run(main()) == 1
