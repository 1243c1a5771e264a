"""`ephraim-db migrate up|status`: apply a project's migrations, or say how far a database is.

Exit status, for scripts: 0 all is applied; 1 not all is, or a migration failed or was refused;
2 it could not run (no project, no connection, wrong options).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psycopg

from ephraim_db.cli.connecting import CannotRun, connect
from ephraim_db.errors import InvalidProject, MigrationError
from ephraim_db.migrations import apply_migrations, find_migrations, migration_status


def _on_a_database(command: Callable[..., None]) -> Callable[..., None]:
    project = click.option(
        "--project",
        type=click.Path(path_type=Path),
        default=Path(),
        show_default="this folder",
        metavar="DIR",
        help="The folder that holds supabase/.",
    )
    database_url = click.option(
        "--database-url",
        envvar="DATABASE_URL",
        required=True,
        metavar="URL",
        help="postgresql://postgres:...@host:port/database, or in DATABASE_URL, where it does not "
        "show in the list of processes. On Supabase, the direct connection or the session pooler.",
    )
    return project(database_url(command))


@click.group()
def migrate() -> None:
    """Apply supabase/migrations, with the ledger that the Supabase CLI keeps."""


@migrate.command()
@_on_a_database
@click.option(
    "--include-all", is_flag=True, help="Apply also what is older than the newest applied."
)
def up(project: Path, database_url: str, include_all: bool) -> None:
    """Apply what is pending, one transaction per file.

    Refuses, with status 1 and before anything is applied, when an applied file was edited or is
    gone. A file that fails leaves the files before it applied.
    """
    with _connected(database_url) as connection:
        migrations = find_migrations(project, on_progress=_say)
        applied = apply_migrations(
            connection, migrations, include_all=include_all, on_progress=_say
        )
    click.echo(f"applied {len(applied)}" if applied else "up to date")


@migrate.command()
@_on_a_database
@click.pass_context
def status(context: click.Context, project: Path, database_url: str) -> None:
    """List every migration: applied, pending, edited since, or missing here.

    Changes nothing. Exits with 0 only if every one is applied.
    """
    with _connected(database_url) as connection:
        statuses = migration_status(connection, find_migrations(project, on_progress=_say))
    width = max((len(one.version) for one in statuses), default=0)
    for one in statuses:
        click.echo(f"{one.version:<{width}}  {one.state:<7}  {one.name}")
    counts = Counter(one.state for one in statuses)
    click.echo(", ".join(f"{count} {state}" for state, count in counts.items()) or "no migrations")
    context.exit(0 if set(counts) <= {"applied"} else 1)


@contextmanager
def _connected(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    with connect(database_url) as connection:
        try:
            yield connection
        except InvalidProject as error:
            raise CannotRun(str(error)) from error
        except psycopg.Error as error:  # between two files: a statement's failure is told by name
            what = error.diag.message_primary or str(error).strip().splitlines()[0]
            raise MigrationError(
                f"{what}. No file is half applied: see what was applied with "
                "`ephraim-db migrate status`, then run the same again."
            ) from None


def _say(message: str) -> None:
    click.echo(message, err=True)
