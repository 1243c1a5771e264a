"""`ephraim-db rls matrix`: observe what every persona can do, and tell it.

Exit status, for scripts: 0 the matrix was observed; 1 a finding is as bad as --fail-on, or a
suppression is stale; 2 it could not be observed.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import click
import psycopg
from rich.console import Console

from ephraim_db.errors import EphraimError
from ephraim_db.rls import read_personas
from ephraim_db.rls.findings import STALE, Examined, Severity, at_least, examine
from ephraim_db.rls.report import as_json, print_findings, print_matrix

NARROWEST = 100
"""Columns of the report where the terminal does not say, or says fewer."""

Progress = Callable[[str], None]


class CannotRun(click.ClickException):
    """Nothing was observed."""

    exit_code = 2


@click.group()
def rls() -> None:
    """Observe what row-level security really lets people do."""


@rls.command()
@click.option(
    "--project",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path(),
    show_default="this folder",
    metavar="DIR",
    help="The folder that holds supabase/, with rls.toml, the migrations and the seed.",
)
@click.option(
    "--database-url",
    metavar="URL",
    help="Observe this database instead of a fresh one; connect as postgres. Nothing is committed.",
)
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@click.option(
    "--postgres",
    default="auto",
    show_default=True,
    help="Where a fresh database comes from: auto, embedded, system or docker.",
)
@click.option(
    "--fail-on",
    type=click.Choice(["error", "warning", "none"]),
    default="none",
    show_default=True,
    help="Exit with 1 if there is a finding as bad as that, or worse.",
)
def matrix(project: Path, database_url: str | None, form: str, postgres: str, fail_on: str) -> None:
    """Try every command on every relation as every persona, and roll all of it back.

    The personas are those of supabase/rls.toml. Without --database-url, a Postgres of its own is
    started, and the migrations and the seed are applied.
    """
    with _progress() as say:
        try:
            examined = _examine(project, database_url, postgres, say)
        except EphraimError as error:
            raise CannotRun(str(error)) from error
    if form == "json":
        click.echo(as_json(examined.matrix, examined.findings))
    else:
        console = Console()
        console.width = max(console.width, NARROWEST)
        print_findings(console, examined.findings)
        console.print()
        print_matrix(console, examined.matrix)
    if _fails(examined, fail_on):
        sys.exit(1)


def _fails(examined: Examined, fail_on: str) -> bool:
    if any(finding.rule == STALE for finding in examined.findings):
        return True
    return fail_on != "none" and bool(at_least(cast("Severity", fail_on), examined.findings))


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
