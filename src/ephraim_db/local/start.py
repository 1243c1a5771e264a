"""From a project directory to a running local Supabase."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from ephraim_db.errors import PostgresError
from ephraim_db.local.config import read_api_config
from ephraim_db.local.extensions import check_extensions
from ephraim_db.local.postgrest_binary import find_postgrest
from ephraim_db.local.serve import LocalSupabase, serve_database
from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import Server, project_database, start_postgres


def _silence(_: str) -> None:
    """Where nobody asked for progress."""


@contextmanager
def start_local(
    project: Path | None,
    *,
    postgres: str = "auto",
    port: int | None = None,
    on_progress: Callable[[str], None] = _silence,
) -> Iterator[LocalSupabase]:
    """Start Postgres, apply migrations and seed, serve the result; afterwards nothing is left.

    `project` is the directory that holds supabase/; None means an empty Supabase. `postgres` is a
    choice of `ephraim_db.postgres.start_postgres`; into a Supabase of yours, named by a URL, the
    migrations go and the seed does not. `port` is the API's, a free one for None.
    """
    config = read_api_config(project)
    migrations = find_migrations(project, on_progress=on_progress) if project else []
    find_postgrest(project, on_progress)
    with (
        start_postgres(postgres) as server,
        project_database(server, config.default_grants) as (platform, is_new),
    ):
        database = platform.database
        check_extensions(server, platform, migrations, on_progress)
        if project:
            with _connected(_owner_url(server, database, is_new)) as connection:
                apply_migrations(connection, migrations, on_progress=on_progress)
                if is_new:
                    apply_seed(connection, project, on_progress=on_progress)
        with serve_database(
            server,
            database,
            port=port,
            config=config,
            project=project,
            on_progress=on_progress,
        ) as local:
            yield local


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection
    except psycopg.OperationalError as error:
        raise PostgresError(f"Postgres refused or went away: {error}") from error


def _owner_url(server: Server, database: str, is_new: bool) -> str:
    """Return the URL that acts as role postgres: objects get its default privileges, as hosted."""
    if server.kind != "url":
        return server.url(database, "postgres")
    url = server.url(database)
    return make_conninfo(url, options="-c role=postgres") if is_new else url
