"""Start Postgres and apply a project's migrations and seed; afterwards nothing is left."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from ephraim_db.errors import MigrationFailed, PostgresError
from ephraim_db.migrations import (
    Migration,
    apply_migrations,
    apply_seed,
    find_migrations,
    salvage_migrations,
    salvage_seed,
)
from ephraim_db.postgres import Platform, Server, project_database, start_postgres
from ephraim_db.project.config import read_api_config, read_major_version
from ephraim_db.project.extensions import check_extensions

Progress = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Database:
    """A database with a project in it. `url` acts as role postgres; `failures` did not apply."""

    server: Server
    name: str
    url: str = field(repr=False)
    failures: tuple[MigrationFailed, ...] = ()


@contextmanager
def migrated_database(
    project: Path | None,
    *,
    postgres: str = "auto",
    keep_going: bool = False,
    on_progress: Progress,
) -> Iterator[Database]:
    """Yield a database with the project's migrations and, if it is new, its seed.

    `project` is the directory that holds supabase/; None means an empty Supabase. `postgres` is a
    choice of `ephraim_db.postgres.start_postgres`; into a Supabase of yours, named by a URL, the
    migrations go and the seed does not. `keep_going`: what fails is left out, not raised.
    """
    config, major = read_api_config(project), read_major_version(project)
    migrations = (
        find_migrations(project, keep_twins=keep_going, on_progress=on_progress) if project else []
    )
    on_progress("starting Postgres")
    with (
        start_postgres(postgres, major=major) as server,
        project_database(server, config.default_grants) as (platform, is_new),
    ):
        if major and major != (here := server.version // 10_000):
            on_progress(
                f"Postgres {here} ({server.kind}) was taken, though the project is for {major}: "
                f"{'there is none here' if postgres == 'auto' else 'it was asked for'}"
            )
        _check_extensions(server, platform, migrations, on_progress, keep_going=keep_going)
        url = _owner_url(server, platform.database, is_new)
        failures: list[MigrationFailed] = []
        if project:
            with _connected(url) as connection:
                if keep_going and is_new:
                    failures += salvage_migrations(connection, migrations, on_progress=on_progress)
                    failures += salvage_seed(connection, project, on_progress=on_progress)
                else:
                    apply_migrations(connection, migrations, on_progress=on_progress)
                    if is_new:
                        apply_seed(connection, project, on_progress=on_progress)
        yield Database(server, platform.database, url, tuple(failures))


def _check_extensions(
    server: Server,
    platform: Platform,
    migrations: list[Migration],
    on_progress: Progress,
    *,
    keep_going: bool,
) -> None:
    try:
        check_extensions(server, platform, migrations, on_progress)
    except PostgresError as error:
        if not keep_going:
            raise
        on_progress(str(error))


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
