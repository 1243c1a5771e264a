"""A throw-away Postgres made from binaries: initdb, a free port, no fsync, gone at the end.

initdb --> postgresql.conf --> postgres --first connection--> Server --stop--> directory removed
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ephraim_db.errors import DiskFull, PortTaken, PostgresError
from ephraim_db.postgres.binaries import Binaries, service_account
from ephraim_db.postgres.processes import Household, household, unwritable
from ephraim_db.postgres.server import HOST, SUPERUSER, Kind, Server

_START_TIMEOUT = 30.0  # seconds

# Nothing here survives the process, so nothing waits for the disk. Logical WAL as on Supabase.
_CONFIGURATION = """
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
synchronous_commit = off
full_page_writes = off
wal_level = logical
max_connections = 100
jit = off
"""
_SCRAM = "scram_iterations=1"
"""Stretching, half of what connecting costs, adds nothing to a password of 24 random bytes."""


@contextmanager
def run_cluster(kind: Kind, binaries: Binaries, port: int | None) -> Iterator[Server]:
    """Start a fresh Postgres on `port`, or on a free one; yield it; remove it."""
    if port is not None:
        check_port(port)
    account = service_account()
    with household(account) as home:
        password = secrets.token_urlsafe(24)
        environment = _environment()
        try:
            _initdb(home, binaries, password, environment)
        except OSError as error:
            raise unwritable(error) from error
        for attempts_left in reversed(range(5)):
            chosen = port or free_port()
            log = home.directory / "postgres.log"
            data = home.directory / "data"
            with log.open("ab") as output:
                process = home.start(
                    [binaries.directory / "postgres", "-D", data, "-p", str(chosen)],
                    output=output,
                    stop=signal.SIGQUIT,  # the data is thrown away: no checkpoint
                    env=environment,
                    account=account,
                )
            try:
                version = _await_connection(process, chosen, password)
                break
            except PostgresError:
                home.stop(process)
                if "Address already in use" not in tail(log) or port or not attempts_left:
                    raise _start_failure(log, chosen) from None
        yield Server(kind, HOST, chosen, SUPERUSER, password, version)


def free_port() -> int:
    """Return a loopback port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def check_port(port: int) -> None:
    """Raise `PortTaken` if somebody listens on the loopback `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise PortTaken(port) from error


def tail(log: Path, lines: int = 12) -> str:
    """Return the last lines of a log, empty if there is none."""
    try:
        return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
    except OSError:
        return ""


def _environment() -> dict[str, str]:
    """Return our environment without the PG* settings meant for other servers."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    return inherited | {"LC_ALL": "C", "TZ": "UTC"}


def _initdb(
    home: Household, binaries: Binaries, password: str, environment: dict[str, str]
) -> None:
    account = service_account()
    data = home.directory / "data"
    password_file = home.directory / "password"
    password_file.touch(mode=0o600)
    password_file.write_text(password)
    if account is not None:
        os.chown(password_file, account.pw_uid, account.pw_gid)
    locale = (
        ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        if binaries.major >= 17
        else ["--locale=C.UTF-8"]
    )
    initdb = home.start(
        [
            *(binaries.directory / "initdb", "--pgdata", data, "--username", SUPERUSER),
            *("--pwfile", password_file, "--auth=scram-sha-256", "--encoding=UTF8"),
            *("--no-sync", "--no-instructions", *locale),
            *(["--set", _SCRAM] if binaries.major >= 16 else []),
        ],
        output=subprocess.PIPE,  # a log would not take "the disk is full"
        stop=signal.SIGTERM,
        env=environment,
        account=account,
    )
    said = initdb.communicate()[0].decode(errors="replace")
    home.stop(initdb)
    password_file.unlink()
    if initdb.returncode != 0:
        raise explain(f"initdb could not make a database in {home.directory}", said)
    preload = ["shared_preload_libraries = 'pg_stat_statements'"]
    with (data / "postgresql.conf").open("a") as configuration:
        configuration.write(_CONFIGURATION)
        configuration.writelines(preload if binaries.has_statement_statistics else [])


def _await_connection(process: subprocess.Popen[bytes], port: int, password: str) -> int:
    deadline = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < deadline:
        try:
            with psycopg.connect(
                host=HOST, port=port, user=SUPERUSER, password=password, dbname="postgres"
            ) as connection:
                return connection.info.server_version
        except psycopg.OperationalError:
            try:
                process.wait(0.01)
            except subprocess.TimeoutExpired:
                continue
            break
    raise PostgresError


def _start_failure(log: Path, port: int) -> PostgresError:
    said = tail(log)
    if "Address already in use" in said:
        return PortTaken(port)
    return explain(f"Postgres did not start on port {port}", said)


def explain(what: str, said: str) -> PostgresError:
    """Return the error for a Postgres program that failed, with its last words."""
    words = "\n".join(said.strip().splitlines()[-12:])
    if "No space left on device" in said:
        return DiskFull(
            f"{what}: the disk is full. Free some space, or point TMPDIR to another disk. "
            f"It said:\n{words}"
        )
    if "Permission denied" in said and (account := service_account()):
        return PostgresError(
            f"{what}: it runs as the account {account.pw_name}, because root may not run it, and "
            "that account may not enter the directory. Point TMPDIR to one that everyone may "
            f"enter. It said:\n{words}"
        )
    return PostgresError(f"{what}. It said:\n{words}")
