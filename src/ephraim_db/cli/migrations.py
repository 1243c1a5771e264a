"""`ephraim-db migrations export`: our migrations, put into another project.

Exit status, for scripts: 0 they are there; 2 they could not be put there, and nothing was.
"""

from __future__ import annotations

from pathlib import Path

import click

from ephraim_db.cli.connecting import CannotRun
from ephraim_db.errors import InvalidProject
from ephraim_db.migrations.shipped import export_migrations


@click.group()
def migrations() -> None:
    """Put the migrations that come with this package into another project."""


@migrations.command()
@click.argument(
    "project",
    type=click.Path(exists=True, file_okay=False, writable=True, path_type=Path),
    metavar="DIR",
)
@click.option(
    "--partition-sms-logs",
    "partitions",
    is_flag=True,
    help="Also those that make sms_logs a table of monthly partitions: read docs/scale.md first.",
)
def export(project: Path, partitions: bool) -> None:
    """Write our migrations, without any seed, into DIR/supabase/migrations.

    Files that are there already are left alone; one that differs is never overwritten. Where the
    database has newer migrations than ours, apply them with --include-all.
    """
    try:
        written = export_migrations(
            project,
            partitions=partitions,
            on_progress=lambda said: click.echo(said, err=True),
        )
    except InvalidProject as error:
        raise CannotRun(str(error)) from error
    click.echo(f"wrote {len(written)}" if written else "all there")
