"""From a project directory to a running local Supabase."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ephraim_db.local.postgrest_binary import find_postgrest
from ephraim_db.local.serve import LocalSupabase, serve_database
from ephraim_db.project import migrated_database, read_api_config


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
    find_postgrest(project, on_progress)
    with (
        migrated_database(project, postgres=postgres, on_progress=on_progress) as database,
        serve_database(
            database.server,
            database.name,
            port=port,
            config=config,
            project=project,
            on_progress=on_progress,
        ) as local,
    ):
        yield local
