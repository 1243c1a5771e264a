"""A Postgres that runs already, named by a URL: never stopped, changed only where you ask."""

from __future__ import annotations

from collections.abc import Mapping

import psycopg
from psycopg.conninfo import conninfo_to_dict

from ephraim_db.errors import InvalidInput, PostgresError, WrongPassword
from ephraim_db.postgres.server import Server

_OLDEST = 150000
_TIMEOUT = 10  # seconds


def existing_server(url: str) -> Server:
    """Connect once and return the server behind `url`.

    Raises `InvalidInput` for what is no URL, `WrongPassword`, or `PostgresError` if it cannot be
    reached or is older than version 15. No error repeats the password.
    """
    try:
        given = conninfo_to_dict(url)
    except (psycopg.ProgrammingError, UnicodeError):
        raise _unreadable() from None
    try:
        with psycopg.connect(url, connect_timeout=_TIMEOUT) as connection:
            info = connection.info
            server = Server(
                kind="url",
                host=info.host,
                port=info.port,
                user=info.user,
                password=info.password,
                version=info.server_version,
                parameters=tuple(
                    (name, str(value))
                    for name, value in given.items()
                    if name not in {"host", "port", "user", "password", "dbname"}
                ),
                database=info.dbname,
            )
    except (psycopg.ProgrammingError, UnicodeError):
        raise _unreadable() from None
    except psycopg.OperationalError as error:
        raise _refusal(error, given) from None
    if server.version < _OLDEST:
        raise PostgresError(
            f"the Postgres at {server.host}:{server.port} is version {server.version // 10000}; "
            "version 15 or newer is needed, as Supabase has"
        )
    return server


def _unreadable() -> InvalidInput:
    # Instead of errors whose messages repeat the URL, and so the password.
    return InvalidInput(
        "postgres", "not a Postgres URL: write postgresql://user:password@host:port/database"
    )


def _refusal(error: psycopg.OperationalError, given: Mapping[str, object]) -> PostgresError:
    said = str(error).strip()
    who = f"{given.get('user', 'your account')} at {given.get('host', 'the local socket')}"
    if "authentication failed" in said or "no password supplied" in said:
        return WrongPassword(
            f"{who} was refused: the password is wrong or missing. Put it into the URL "
            "(percent-encode @ : / # in it), into PGPASSWORD or into ~/.pgpass."
        )
    return PostgresError(
        f"no Postgres answers for {who}. Is it running, and is the URL right? It said:\n{said}"
    )
