"""What is observed: a project in a database of its own, or a database that runs already."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import psycopg

from ephraim_db.cli.connecting import CannotRun, connect
from ephraim_db.cli.rls.interrupting import Interruptible, hush
from ephraim_db.cli.rls.progress import Progress
from ephraim_db.errors import MigrationFailed
from ephraim_db.rls.production import refuse_distant, refuse_production

MOST_FAILURES = 40
"""So many of the statements that did not apply are listed."""


@dataclass(frozen=True, slots=True)
class Source:
    """What the options say."""

    project: Path
    database_url: str | None
    postgres: str
    keep_going: bool
    allow_production: bool

    @property
    def personas(self) -> Path:
        """Return where the project says who is asked."""
        return self.project / "supabase" / "rls.toml"

    @contextmanager
    def connected(self, say: Progress) -> Iterator[psycopg.Connection[Any]]:
        """Connect to the database, which is made first unless it runs already.

        With keep_going, what did not apply is told.
        """
        if self.database_url is not None:
            if not self.allow_production:
                refuse_distant(self.database_url)
            with _connected(self.database_url) as connection:
                if not self.allow_production:
                    refuse_production(connection)
                yield connection
            return
        from ephraim_db.project import migrated_database

        try:
            with migrated_database(
                self.project,
                postgres=self.postgres,
                keep_going=self.keep_going,
                on_progress=say,
            ) as database:
                with _connected(database.url) as connection:
                    yield connection
                for line in _missing(database.failures):
                    click.echo(line, err=True)
        except MigrationFailed as error:
            raise CannotRun(f"{error} Or go on with what applies: --keep-going") from None


def observing_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options that say what is observed, which the command gets as `source`."""

    @functools.wraps(command)
    def with_source(
        project: Path,
        database_url: str | None,
        postgres: str,
        keep_going: bool,
        allow_production: bool,
        **others: Any,
    ) -> None:
        source = Source(project, database_url, postgres, keep_going, allow_production)
        command(source=source, **others)

    decorated: Callable[..., None] = with_source
    for option in reversed(_OPTIONS):
        decorated = option(decorated)
    return decorated


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
    click.option(
        "--keep-going",
        is_flag=True,
        help="Where a migration or seed fails, leave out the statements that do, and name them.",
    ),
    click.option(
        "--allow-production",
        is_flag=True,
        help="Observe a database even if it looks like one that people depend on.",
    ),
)


def _missing(failures: tuple[MigrationFailed, ...]) -> Iterator[str]:
    """Yield what a picture lacks, a statement a line: the first ones often explain the others."""
    if not failures:
        return
    files = len({failure.path for failure in failures})
    statements = "1 statement" if len(failures) == 1 else f"{len(failures)} statements"
    of_files = "1 file" if files == 1 else f"{files} files"
    yield f"missing from the picture: {statements} of {of_files} did not apply"
    for failure in failures[:MOST_FAILURES]:
        where = f"{failure.path.name}:{failure.line}: statement {failure.statement}"
        code = f" [{failure.sqlstate}]" if failure.sqlstate else ""
        yield f"  {where} ({failure.head}): {failure.postgres_message}{code}"
    if len(failures) > MOST_FAILURES:
        yield f"  and {len(failures) - MOST_FAILURES} more"


@contextmanager
def _connected(url: str) -> Iterator[psycopg.Connection[Any]]:
    hush()
    with connect(url, Interruptible) as connection:
        yield connection
