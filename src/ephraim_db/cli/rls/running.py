"""What the commands of `ephraim-db rls` share: a database to observe, and telling how it goes."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.console import Console

from ephraim_db.errors import EphraimError
from ephraim_db.rls import read_personas
from ephraim_db.rls.findings import Examined, examine

Progress = Callable[[str], None]


class CannotRun(click.ClickException):
    """Nothing was observed."""

    exit_code = 2


def observing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what is observed: --project, --database-url, --postgres."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS = (
    click.option(
        "--project",
        type=click.Path(path_type=Path, file_okay=False),
        default=Path(),
        show_default="this folder",
        metavar="DIR",
        help="The folder that holds supabase/, with rls.toml, the migrations and the seed.",
    ),
    click.option(
        "--database-url",
        metavar="URL",
        help="Observe this database instead of a fresh one; connect as postgres. "
        "Nothing is committed.",
    ),
    click.option(
        "--postgres",
        default="auto",
        show_default=True,
        help="Where a fresh database comes from: auto, embedded, system or docker.",
    ),
)


def contract_of(project: Path) -> Path:
    """Return where the contract of a project is."""
    return project / "supabase" / "rls.contract"


def observe_project(project: Path, database_url: str | None, postgres: str) -> Examined:
    """Observe and search, with progress on stderr. Raises CannotRun."""
    with _progress() as say:
        try:
            return _examine(project, database_url, postgres, say)
        except EphraimError as error:
            raise CannotRun(str(error)) from error


def _examine(project: Path, database_url: str | None, postgres: str, say: Progress) -> Examined:
    personas = read_personas(project / "supabase" / "rls.toml")
    source = nullcontext(database_url) if database_url else _fresh_database(project, postgres, say)
    with source as url, _connected(url) as connection:
        return examine(connection, personas, say)


@contextmanager
def _fresh_database(project: Path, postgres: str, say: Progress) -> Iterator[str]:
    from ephraim_db.migrations import apply_migrations, apply_seed, find_migrations
    from ephraim_db.postgres import create_database, start_postgres

    migrations = find_migrations(project, on_progress=say)
    say("starting Postgres")
    with start_postgres(postgres) as server:
        platform = create_database(server, "observed")
        if platform.pretended:
            say(f"pretending to have {', '.join(platform.pretended)}")
        url = server.url("observed", "postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            apply_migrations(connection, migrations, on_progress=say)
            say("applying the seed")
            apply_seed(connection, project)
        yield url


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    try:
        connection = psycopg.connect(url, autocommit=True)
    except psycopg.ProgrammingError:  # its message repeats the URL, and so the password
        raise CannotRun(
            "the database URL cannot be read: write postgresql://user:password@host:port/database"
        ) from None
    except psycopg.OperationalError as error:
        raise CannotRun(str(error).strip()) from None
    with connection:
        yield connection


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show what is being done on stderr: one changing line, or one line each without a terminal."""
    console = Console(file=sys.stderr)
    if not console.is_terminal:
        yield lambda message: None if message.startswith("probing ") else console.print(message)
        return
    with console.status("") as status:
        yield status.update
