"""`ephraim-db rls matrix`: observe what every persona can do, and tell it.

Exit status, for scripts: 0 the matrix was observed; 1 a finding is as bad as --fail-on, or a
suppression is stale; 2 it could not be observed.
"""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ephraim_db.cli.meanwhile import meanwhile
from ephraim_db.cli.rls.reporting import fails, printing, reporting_options, tell
from ephraim_db.cli.rls.running import observe_project
from ephraim_db.cli.rls.source import Source, observing_options

if TYPE_CHECKING:
    from concurrent.futures import Future

    from rich.segment import Segments

    from ephraim_db.rls import Matrix


@click.command()
@observing_options
@reporting_options
@click.option(
    "--cost",
    type=click.IntRange(100, 10_000_000),
    metavar="ROWS",
    help="Also time what policies cost, on copies of the tables with as many rows.",
)
def matrix(
    source: Source, form: str, files: tuple[Path, ...], fail_on: str, cost: int | None
) -> None:
    """Try every command on every relation as every persona, and roll all of it back.

    The personas are those of supabase/rls.toml, or are guessed where there is none. Without
    --database-url, a Postgres of its own is started, and the migrations and the seed are applied.
    Empty tables are filled for the run.
    """
    drawing: Future[Segments] | None = None

    def worth_searching(matrix: Matrix) -> bool:
        nonlocal drawing
        if form == "text":
            from ephraim_db.rls.report import draw

            drawing = meanwhile(partial(draw, printing(), matrix))
        return True

    examined = observe_project(
        source, may_guess=True, cost_rows=cost, worth_searching=worth_searching
    )
    from ephraim_db.rls.report import Places, Report

    report = Report.of(examined, Places(source.project))
    tell(report, form, files, drawing.result() if drawing else None)
    if fails(report, fail_on):
        sys.exit(1)
