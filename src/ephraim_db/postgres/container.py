"""A throw-away Postgres in a container, by testcontainers."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import psycopg

from ephraim_db.errors import PostgresError, PostgresNotFound
from ephraim_db.postgres.server import HOST, SUPERUSER, Server

DEFAULT_IMAGE = "supabase/postgres:17.11.0.018"
_START_TIMEOUT = 120.0  # seconds; the first start on a slow disk
_PORT = "5432/tcp"


@contextmanager
def run_container(port: int | None) -> Iterator[Server]:
    """Start the image EPHRAIM_DB_IMAGE names, on a loopback port; remove it afterwards.

    testcontainers' reaper removes it when we are killed, unless TESTCONTAINERS_RYUK_DISABLED.
    """
    try:
        from docker.errors import DockerException
        from testcontainers.core.container import DockerContainer
    except ImportError as error:
        raise PostgresNotFound(
            "'docker' needs testcontainers: pip install 'ephraim-db[docker]'"
        ) from error
    image = os.environ.get("EPHRAIM_DB_IMAGE", DEFAULT_IMAGE)
    password = secrets.token_urlsafe(24)
    with ExitStack() as undo:
        try:
            container = DockerContainer(image)
            undo.callback(container.stop)
            container.with_env("POSTGRES_USER", SUPERUSER).with_env("POSTGRES_DB", "postgres")
            container.with_env("POSTGRES_PASSWORD", password)
            # Docker publishes on every address unless told otherwise; the types know only the port.
            container.ports[_PORT] = (HOST, port)  # type: ignore[assignment]
            container.start()
            published = int(container.get_exposed_port(5432))
        except DockerException as error:
            raise PostgresNotFound(
                f"Docker could not start {image}. Is its engine running, and may you use it "
                "(docker info)? EPHRAIM_DB_IMAGE names another image. Without Docker, choose "
                f"'embedded'. Docker said: {error}"
            ) from error
        version = _await_connection(published, password)
        yield Server("docker", HOST, published, SUPERUSER, password, version)


def _await_connection(port: int, password: str) -> int:
    """Wait for the real server: the one that sets an image up first listens on no TCP port."""
    deadline = time.monotonic() + _START_TIMEOUT
    while True:
        try:
            with psycopg.connect(
                host=HOST,
                port=port,
                user=SUPERUSER,
                password=password,
                dbname="postgres",
                connect_timeout=5,
                autocommit=True,
            ) as connection:
                for setting in ("fsync", "synchronous_commit", "full_page_writes"):
                    connection.execute(f"alter system set {setting} = off".encode())
                connection.execute("select pg_catalog.pg_reload_conf()")
                return connection.info.server_version
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                raise PostgresError(
                    f"the container's Postgres did not answer within {_START_TIMEOUT:.0f} s. "
                    f"It said:\n{error}"
                ) from None
            time.sleep(0.1)
