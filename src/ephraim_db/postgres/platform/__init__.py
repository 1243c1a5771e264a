"""Make a database a fresh Supabase project, and copy or drop it.

roles.sql (the server's) --> create database --> schemas, default_grants, auth, ... (the database's)
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib.resources import files
from typing import Literal, LiteralString

import psycopg
from psycopg import sql

from ephraim_db.errors import DiskFull, PostgresError
from ephraim_db.postgres.platform.extensions import install_extensions
from ephraim_db.postgres.server import Server

DefaultGrants = Literal["legacy", "explicit"]

_DATABASE_FILES = (
    *("schemas", "default_grants", "auth", "storage", "realtime", "hooks", "postgrest"),
    "extensions",
)
_ROLES_LOCK = 0x6570_6872  # any number, the same for every one of our processes

_IS_EMPTY = """
select not exists (
    select from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where n.nspname not like 'pg\\_%' and n.nspname <> 'information_schema'
)
"""


@dataclass(frozen=True, slots=True)
class Platform:
    """A database with what a fresh Supabase project has before its first migration.

    `pretended` names extensions that only look installed: `create extension if not exists`
    succeeds, but nothing or little of them is there.
    """

    database: str
    pretended: tuple[str, ...]


def create_database(
    server: Server, name: str, *, default_grants: DefaultGrants = "legacy"
) -> Platform:
    """Make the database `name`, owned by role postgres, a fresh Supabase project.

    An existing database is taken if it is empty; otherwise `PostgresError`. `default_grants` says
    what new objects in public grant to the API roles by themselves: everything (legacy), or almost
    nothing (explicit, projects made since 2026-05-30).
    """
    _create_roles(server)
    with connect(server) as connection:
        exists = connection.execute(
            "select from pg_catalog.pg_database where datname = %s", [name]
        ).fetchone()
        if exists is None:
            connection.execute(
                sql.SQL("create database {} owner postgres template template0").format(
                    sql.Identifier(name)
                )
            )
        else:
            connection.execute(
                sql.SQL("alter database {} owner to postgres").format(sql.Identifier(name))
            )
    with connect(server, name) as connection, connection.transaction():
        if not _one(connection, _IS_EMPTY):
            raise PostgresError(f"database {name} exists and is not empty: choose another name")
        explicit = ("explicit_grants",) if default_grants == "explicit" else ()
        for file in (*_DATABASE_FILES, *explicit):
            connection.execute(_read(file))
        return Platform(name, install_extensions(connection))


def clone_database(
    server: Server, template: str, name: str, *, over: psycopg.Connection | None = None
) -> None:
    """Copy `template`, to which nobody may be connected, with its owner and settings.

    `over`: a connection to another database, as the server's user and in autocommit, if there is
    one already: to connect takes as long as to copy.
    """
    with nullcontext(over) if over else connect(server) as connection:
        owner = _one(
            connection,
            "select pg_catalog.pg_get_userbyid(datdba) from pg_catalog.pg_database"
            " where datname = %s",
            template,
        )
        # Files are copied in half the time where no disk is waited for, as on servers of ours.
        strategy = "wal_log" if server.kind == "url" else "file_copy"
        connection.execute(
            sql.SQL("create database {} owner {} template {} strategy {}").format(
                *map(sql.Identifier, (name, str(owner), template)), sql.Identifier(strategy)
            )
        )
        # `alter database set` would have to parse and quote each value again.
        connection.execute(
            "insert into pg_catalog.pg_db_role_setting (setdatabase, setrole, setconfig)"
            " select made.oid, s.setrole, s.setconfig"
            " from pg_catalog.pg_db_role_setting as s"
            " join pg_catalog.pg_database as t on t.oid = s.setdatabase"
            " cross join pg_catalog.pg_database as made"
            " where t.datname = %s and made.datname = %s",
            [template, name],
        )


def drop_database(server: Server, name: str, *, over: psycopg.Connection | None = None) -> None:
    """Drop `name`, cutting off whoever is connected to it; `over` is as for clone_database."""
    with nullcontext(over) if over else connect(server) as connection:
        connection.execute(
            sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name))
        )


@contextmanager
def connect(server: Server, database: str | None = None) -> Iterator[psycopg.Connection]:
    """Connect as the server's user, in autocommit; raise `DiskFull` and `PostgresError` for what
    is no fault of a statement.
    """
    try:
        with psycopg.connect(server.url(database), autocommit=True) as connection:
            yield connection
    except psycopg.errors.DiskFull as error:
        raise DiskFull(
            f"the disk of the Postgres at {server.host}:{server.port} is full. Free some space, or "
            f"point TMPDIR to another disk. Postgres said: {error.diag.message_primary}"
        ) from error
    except psycopg.OperationalError as error:
        raise PostgresError(
            f"the Postgres at {server.host}:{server.port} refused or went away. It said: {error}"
        ) from error


def _create_roles(server: Server) -> None:
    with connect(server) as connection, connection.transaction():
        # Two at once would fail with "tuple concurrently updated".
        connection.execute("select pg_catalog.pg_advisory_xact_lock(%s)", [_ROLES_LOCK])
        connection.execute(_read("roles"))
        for role in _without_password(connection, server):
            verifier = connection.pgconn.encrypt_password(
                server.password.encode(), role.encode(), b"scram-sha-256"
            )
            connection.execute(
                sql.SQL("alter role {} password {}").format(
                    sql.Identifier(role), sql.Literal(verifier.decode())
                )
            )


def _without_password(connection: psycopg.Connection, server: Server) -> list[str]:
    """Name the roles that shall get the server's password: on a server of yours, new ones only."""
    if not server.password:
        return []
    rows = connection.execute(
        "select rolname from pg_catalog.pg_authid"
        " where rolname in ('postgres', 'authenticator') and rolname <> %s"
        " and (rolpassword is null or %s)",
        [server.user, server.kind != "url"],
    ).fetchall()
    return [str(row[0]) for row in rows]


def _read(file: str) -> bytes:
    return files(__name__).joinpath(f"{file}.sql").read_bytes()


def _one(connection: psycopg.Connection, query: LiteralString, *parameters: object) -> object:
    row = connection.execute(query, parameters or None).fetchone()
    if row is None:
        raise PostgresError(f"no such database: {', '.join(map(str, parameters))}")
    return row[0]
