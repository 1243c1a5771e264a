"""The databases of a test run: a template with the project in it, and clones of it.

server --platform, migrations, seed--> template --clone--> one a test, or one that is lent (desk.py)
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg
from psycopg.conninfo import make_conninfo

from ephraim_db.errors import PostgresError
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import (
    Server,
    clone_database,
    create_database,
    drop_database,
)
from ephraim_db.project import Database, read_api_config
from ephraim_db.project.extensions import check_extensions
from ephraim_db.rls.production import refuse_production

_RUN = secrets.token_hex(4)
_numbers = itertools.count(1)


@contextmanager
def made_template(server: Server, project: Path) -> Iterator[str]:
    """Make a database with the platform, the project's migrations and its seed; yield its name.

    On a server that goes on running it is dropped afterwards. Raises what applying raises, and
    PostgresError where the server does not let us make databases.
    """
    if is_somebodys(server):
        raise PostgresError(
            f"{server.user} at {server.host}:{server.port} is no superuser and cannot make a "
            "database for a test. Name a superuser in the URL (supabase_admin on a local "
            "Supabase), choose another `postgres`, or use supabase_connection or rls, which roll "
            "back"
        )
    if server.kind == "url":
        with psycopg.connect(server.url()) as connection:
            refuse_production(connection)
    migrations = find_migrations(project)
    name = _new_name("template")
    try:
        platform = create_database(
            server, name, default_grants=read_api_config(project).default_grants
        )
        check_extensions(server, platform, migrations, print)
        with psycopg.connect(owner_url(server, name), autocommit=True) as connection:
            apply_migrations(connection, migrations)
            apply_seed(connection, project)
        yield name
    finally:
        _dispose(server, name)


class Cloner:
    """Makes copies of a template, over one connection that it keeps.

    A copy is dropped when the next one is done with. Postgres waits a tenth of a second for a
    session that is still closing, as the last one of a test that has just ended mostly is.
    """

    def __init__(self, server: Server, template: str) -> None:
        """Connect when first asked."""
        self.server = server
        self._template = template
        self._connection: psycopg.Connection | None = None
        self._used: list[str] = []

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Drop what is left, unless it goes with its server, and disconnect."""
        if self.server.kind == "url":
            self._drop_used()
        if self._connection is not None:
            self._connection.close()

    @contextmanager
    def cloned(self) -> Iterator[Database]:
        """Copy the template, yield the copy, and have it dropped."""
        name = _new_name("test")
        clone_database(self.server, self._template, name, over=self._connected())
        try:
            yield Database(self.server, name, owner_url(self.server, name))
        finally:
            self._drop_used()
            self._used.append(name)

    def _drop_used(self) -> None:
        while self._used:
            drop_database(self.server, self._used.pop(), over=self._connected())

    def _connected(self) -> psycopg.Connection:
        """Return the connection, made anew if a test has cut it off."""
        try:
            if self._connection is not None:
                self._connection.execute("")
                return self._connection
        except psycopg.OperationalError:
            pass
        self._connection = psycopg.connect(self.server.url(), autocommit=True)
        return self._connection


def owner_url(server: Server, name: str) -> str:
    """Return the URL that acts as role postgres."""
    if server.kind != "url":
        return server.url(name, "postgres")
    return make_conninfo(server.url(name), options="-c role=postgres")


def is_somebodys(server: Server) -> bool:
    """Return whether the server's database can only be used as it is, for want of a superuser."""
    if server.kind != "url":
        return False
    with psycopg.connect(server.url()) as connection:
        row: tuple[Any, ...] | None = connection.execute(
            "select current_setting('is_superuser') = 'on'"
        ).fetchone()
    return not (row and row[0])


def _new_name(what: str) -> str:
    return f"ephraim_db_{_RUN}_{what}_{next(_numbers)}"


def _dispose(server: Server, name: str) -> None:
    """Drop a database, unless it goes with its server."""
    if server.kind == "url":
        drop_database(server, name)
