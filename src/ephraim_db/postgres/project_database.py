"""The database a project goes into: our own where we may make one, the given one where it is
Supabase's already.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

from ephraim_db.errors import PostgresError
from ephraim_db.postgres.platform import (
    DefaultGrants,
    Platform,
    connect,
    create_database,
    drop_database,
)
from ephraim_db.postgres.server import Server


@contextmanager
def project_database(
    server: Server, default_grants: DefaultGrants = "legacy"
) -> Iterator[tuple[Platform, bool]]:
    """Yield a database with Supabase's platform, and whether it is ours and so holds nothing yet.

    On a server we started, the database postgres, as on Supabase. On a server of yours: the
    database of the URL if Supabase's platform is in it; else, for a superuser, a new one, dropped
    afterwards. Raises `PostgresError` when there is neither.
    """
    if server.kind != "url":
        yield create_database(server, "postgres", default_grants=default_grants), True
        return
    with connect(server) as connection:
        row = connection.execute(
            "select to_regclass('auth.users') is not null, current_setting('is_superuser') = 'on'"
        ).fetchone()
    has_platform, is_superuser = row or (False, False)
    if has_platform:
        yield Platform(server.database, ()), False
    elif is_superuser:
        name = f"ephraim_db_{secrets.token_hex(4)}"
        try:
            yield create_database(server, name, default_grants=default_grants), True
        finally:
            drop_database(server, name)
    else:
        raise PostgresError(
            f"the database {server.database} at {server.host}:{server.port} is not Supabase's "
            f"(there is no table auth.users), and {server.user} is no superuser, who could make "
            "one that is. Name a database of a Supabase project, or connect as a superuser."
        )
