"""`ephraim-db rls matrix`: observe what every persona can do, and tell it.

Exit status, for scripts: 0 the matrix was observed; 1 a finding is as bad as --fail-on, or a
suppression is stale; 2 it could not be observed.
"""

from __future__ import annotations

import sys
from pathlib import Path

import click

from ephraim_db.cli.rls.reporting import fails, reporting_options, tell
from ephraim_db.cli.rls.running import observe_project, observing_options
from ephraim_db.rls.report import Places, Report


@click.command()
@observing_options
@reporting_options
def matrix(
    project: Path,
    database_url: str | None,
    postgres: str,
    form: str,
    files: tuple[Path, ...],
    fail_on: str,
) -> None:
    """Try every command on every relation as every persona, and roll all of it back.

    The personas are those of supabase/rls.toml. Without --database-url, a Postgres of its own is
    started, and the migrations and the seed are applied.
    """
    examined = observe_project(project, database_url, postgres)
    report = Report.of(examined.matrix, examined.findings, Places(project))
    tell(report, form, files)
    if fails(report, fail_on):
        sys.exit(1)
