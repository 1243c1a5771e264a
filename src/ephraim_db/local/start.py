"""From a project directory to a running local Supabase."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from ephraim_db.local.config import read_api_config
from ephraim_db.local.postgrest_binary import find_postgrest
from ephraim_db.local.serve import LocalSupabase, serve_database
from ephraim_db.migrations import Migration, apply_migrations, apply_seed, find_migrations
from ephraim_db.postgres import Platform, create_database, start_postgres

_DATABASE = "postgres"  # as on Supabase; migrations may say `alter database postgres`


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
    choice of `ephraim_db.postgres.start_postgres`. `port` is the API's, a free one for None.
    """
    config = read_api_config(project)
    migrations = find_migrations(project) if project else []
    find_postgrest(project, on_progress)
    with start_postgres(postgres) as server:
        platform = create_database(server, _DATABASE, default_grants=config.default_grants)
        _announce(platform, migrations, on_progress)
        if project:
            with psycopg.connect(server.url(_DATABASE, "postgres"), autocommit=True) as connection:
                apply_migrations(connection, migrations, on_progress=on_progress)
                apply_seed(connection, project, on_progress=on_progress)
        with serve_database(
            server,
            _DATABASE,
            port=port,
            config=config,
            project=project,
            on_progress=on_progress,
        ) as local:
            yield local


def _announce(
    platform: Platform, migrations: Sequence[Migration], tell: Callable[[str], None]
) -> None:
    """Name the pretended extensions that the migrations speak of."""
    spoken = "\n".join(migration.sql for migration in migrations)
    used = [name for name in platform.pretended if re.search(rf"\b{re.escape(name)}\b", spoken)]
    if used:
        tell(
            f"pretended, because this Postgres does not have them: {', '.join(used)}. "
            "Statements that mention them succeed; what they would do does not happen."
        )
