"""Wait for what must come, not for a time: a machine with much else to do is given a minute."""

from __future__ import annotations

import itertools
import os
import socket
import time
from collections.abc import Callable
from typing import Any

import psycopg

PATIENCE = 60.0  # seconds
_ports = itertools.count(20_000 + 500 * int(os.environ.get("PYTEST_XDIST_WORKER", "gw0")[2:]))


def wait_until(true: Callable[[], object], what: str = "it") -> None:
    """Return as soon as it is true; fail if it does not become so."""
    began = time.monotonic()
    while not true():
        waited = time.monotonic() - began
        assert waited < PATIENCE, f"{what} did not come within {PATIENCE:.0f} s"
        time.sleep(min(max(0.01, waited / 10), 0.25))  # what takes long is asked for less often


def wait_until_blocked(connection: psycopg.Connection[Any]) -> None:
    """Return once another session of the same database waits for a lock."""
    waiting = (
        "select from pg_catalog.pg_stat_activity "
        "where datname = current_database() and wait_event_type = 'Lock'"
    )
    wait_until(lambda: connection.execute(waiting).rowcount, "a session that waits for a lock")


def port_for_later() -> int:
    """A port of loopback on which nobody listens, and that neither the system nor another worker
    gives away before it is used."""
    for port in _ports:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)):
                return port
    raise AssertionError
